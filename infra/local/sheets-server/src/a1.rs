//! Ranges in A1 notation: `'My tab'!A2:C`, `5:9`, `Sheet1`. Parsing and writing only; which tab is meant
//! and whether the range fits its grid is decided in `document.rs`.

use crate::grid::Area;

/// Columns a sheet can have: `ZZZ`.
pub(crate) const MAX_COLUMNS: usize = 18_278;

/// A range as it was written. `None` bounds are open: they end where the grid ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// `None` means the first tab.
    pub tab: Option<String>,
    /// Rows, first and last, zero-based.
    pub rows: (Option<usize>, Option<usize>),
    /// Columns, first and last, zero-based.
    pub columns: (Option<usize>, Option<usize>),
    /// Only the upper left corner was given (`B2`).
    pub is_single_cell: bool,
}

/// Parses a range. Text that reads as cells means cells of the first tab, also if a tab has that title:
/// Google asks for quotes in that case, and reads it as `'tab01'!TAB1` without them.
pub(crate) fn parse(text: &str) -> Option<Reference> {
    if let Some(rest) = text.strip_prefix('\'') {
        let (title, rest) = quoted(rest)?;
        return match rest.strip_prefix('!') {
            Some(cells) => in_tab(Some(title), cells),
            None if rest.is_empty() => Some(whole(Some(title))),
            None => None,
        };
    }
    if let Some((title, cells)) = text.split_once('!') {
        return in_tab(Some(title.to_owned()), cells);
    }
    match in_tab(None, text) {
        Some(reference) => Some(reference),
        None if text.is_empty() => None,
        None => Some(whole(Some(text.to_owned()))),
    }
}

fn whole(tab: Option<String>) -> Reference {
    Reference { tab, rows: (None, None), columns: (None, None), is_single_cell: false }
}

/// A title up to its closing quote; a quote inside is doubled.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut title = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('\'')?;
        title.push_str(before);
        match after.strip_prefix('\'') {
            Some(after) => {
                title.push('\'');
                rest = after;
            }
            None => return Some((title, after)),
        }
    }
}

fn in_tab(tab: Option<String>, cells: &str) -> Option<Reference> {
    let (from, to) = match cells.split_once(':') {
        Some((from, to)) => (corner(from)?, corner(to)?),
        None => {
            let (column, row) = corner(cells)?;
            let (column, row) = (column?, row?);
            return Some(Reference {
                tab,
                rows: (Some(row), Some(row)),
                columns: (Some(column), Some(column)),
                is_single_cell: true,
            });
        }
    };
    // `A:3` is no range: one end must not be only a column while the other is only a row.
    if (from.0.is_none() && to.1.is_none()) || (from.1.is_none() && to.0.is_none()) {
        return None;
    }
    Some(Reference { tab, rows: span(from.1, to.1), columns: span(from.0, to.0), is_single_cell: false })
}

/// First and last of two bounds, whichever way round they were given.
fn span(a: Option<usize>, b: Option<usize>) -> (Option<usize>, Option<usize>) {
    match (a, b) {
        (Some(a), Some(b)) => (Some(a.min(b)), Some(a.max(b))),
        // `A2:C` is open below, `A:C5` is the same as `A5:C`.
        (None, Some(b)) => (Some(b), None),
        _ => (a, b),
    }
}

/// `B2`, `$B$2`, `B`, `2` as (column, row); at least one of the two.
fn corner(text: &str) -> Option<(Option<usize>, Option<usize>)> {
    let text = text.trim();
    let text = text.strip_prefix('$').unwrap_or(text);
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (name, digits) = text.split_at(letters);
    let digits = if letters > 0 { digits.strip_prefix('$').unwrap_or(digits) } else { digits };
    let column = if name.is_empty() { None } else { Some(column_number(name)?) };
    let row = if digits.is_empty() {
        None
    } else {
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        Some(digits.parse::<usize>().ok().filter(|row| all_digits && *row > 0)? - 1)
    };
    (column.is_some() || row.is_some()).then_some((column, row))
}

fn column_number(name: &str) -> Option<usize> {
    if name.len() > 3 {
        return None;
    }
    let number = name.bytes().fold(0, |number, byte| number * 26 + usize::from(byte.to_ascii_uppercase() - b'A') + 1);
    (number <= MAX_COLUMNS).then_some(number - 1)
}

/// `0` is `A`, `26` is `AA`.
pub(crate) fn column_name(column: usize) -> String {
    let mut rest = column + 1;
    let mut name = Vec::new();
    while rest > 0 {
        name.push(b'A' + ((rest - 1) % 26) as u8);
        rest = (rest - 1) / 26;
    }
    name.iter().rev().map(|&byte| char::from(byte)).collect()
}

/// A title as it stands in a range: quoted unless it is a plain word that cannot be taken for cells.
pub(crate) fn quote_title(title: &str) -> String {
    let is_word = title.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && title.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let reads_as_cell = matches!(corner(title), Some((Some(_), Some(_))));
    if is_word && !reads_as_cell { title.to_owned() } else { format!("'{}'", title.replace('\'', "''")) }
}

/// The range of an area, as answers name it: `'物件一覧'!A1:K1000`, or `Sheet1!B2` for one cell.
pub(crate) fn write(title: &str, area: &Area) -> String {
    let corner = |row: usize, column: usize| format!("{}{}", column_name(column), row + 1);
    let first = corner(area.rows.start, area.columns.start);
    let last = corner(area.rows.end.max(1) - 1, area.columns.end.max(1) - 1);
    let title = quote_title(title);
    if first == last { format!("{title}!{first}") } else { format!("{title}!{first}:{last}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> Option<(Option<String>, [Option<usize>; 4])> {
        let range = parse(text)?;
        Some((range.tab, [range.rows.0, range.rows.1, range.columns.0, range.columns.1]))
    }

    #[test]
    fn ranges_mean_what_sheets_takes_them_for() {
        let tab = |title: &str| Some(title.to_owned());
        let (a, b, c) = (Some(0), Some(1), Some(2));
        for (text, title, bounds) in [
            ("A1", None, [a, a, a, a]),
            ("A1:C2", None, [a, b, a, c]),
            ("C2:A1", None, [a, b, a, c]),
            ("$A$1:$C$2", None, [a, b, a, c]),
            ("A:C", None, [None, None, a, c]),
            ("1:3", None, [a, c, None, None]),
            ("A2:C", None, [b, None, a, c]),
            ("A2:3", None, [b, c, a, None]),
            ("Sheet1", tab("Sheet1"), [None; 4]),
            ("Sheet1!b2", tab("Sheet1"), [b, b, b, b]),
            ("tab1", None, [a, a, Some(13_547), Some(13_547)]),
            ("'tab1'", tab("tab1"), [None; 4]),
            ("'It''s 1'!A:A", tab("It's 1"), [None, None, a, a]),
            ("'a!b'!A1", tab("a!b"), [a, a, a, a]),
            ("物件一覧", tab("物件一覧"), [None; 4]),
            ("物件一覧!A1:B", tab("物件一覧"), [a, None, a, b]),
        ] {
            assert_eq!(written(text), Some((title, bounds)), "{text}");
        }
        for text in ["", "'open", "'x'y", "S!", "S!A:3", "S!A0", "S!AAAA1", "S!A1:", "S!1", "S!A", "S!A1:B2:C3"] {
            assert_eq!(written(text), None, "{text}");
        }
    }

    #[test]
    fn a_title_is_quoted_when_it_must_be() {
        for (title, quoted) in [
            ("Sheet1", "Sheet1"),
            ("Mass", "Mass"),
            ("Tab", "Tab"),
            ("tab01", "'tab01'"),
            ("It's", "'It''s'"),
            ("物件一覧", "'物件一覧'"),
            ("2024", "'2024'"),
        ] {
            assert_eq!(quote_title(title), quoted);
        }
    }

    proptest! {
        #[test]
        fn column_names_and_numbers_are_inverse(column in 0..MAX_COLUMNS) {
            prop_assert_eq!(column_number(&column_name(column)), Some(column));
        }
    }
}
