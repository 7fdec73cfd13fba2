//! Escapes control characters, which a terminal would obey: every text that comes from a sheet or
//! a table passes here before it is printed.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::Value;

/// The longest value that a table shows.
const SHOWN: usize = 60;

/// The text without anything that a terminal would obey.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() || is_direction(character) { ' ' } else { character })
        .collect()
}

/// Marks that turn the direction of writing, with which a text can pose as another.
fn is_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A value as a person reads it, shortened.
pub fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => return "(nothing)".to_owned(),
        Value::String(text) if text.is_empty() => return "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let mut short: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    printable(&short)
}

/// A table without lines, as all commands print them.
pub fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = list();
    table.set_header(header);
    table
}

/// The same without a header: names and values.
pub fn list() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table
}

/// A table's text without the blanks that fill up its last column.
pub fn trimmed(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_from_a_cell_commands_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mred\u{7}\r\n\u{202e}b"), "a [31mred    b");
        assert_eq!(shown(&json!("\u{1b}]0;title")), " ]0;title");
        assert_eq!(shown(&json!("長".repeat(100))).chars().count(), SHOWN + 1);
        assert_eq!([shown(&json!(null)), shown(&json!("")), shown(&json!(1.5))], ["(nothing)", "\"\"", "1.5"]);
    }
}
