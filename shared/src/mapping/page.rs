//! Holds docs/MAPPING.md and the code to each other: its examples are run, and its lists of options and codes are complete.

use super::cell::Cell;
use super::check::OPTIONS;
use super::column::Column;
use super::examples::groups;
use super::invisible::is_invisible;
use super::limit::Limits;
use super::rejection::Code;
use super::{Locale, Mapped, Mapping, Settings};

/// The locale of the page's spreadsheet, where an example does not say another.
pub(super) const JAPAN: &str = "ja_JP";

/// Examples of one column's rules.
pub(super) struct Group {
    /// Marks their place in the page.
    pub(super) name: &'static str,
    /// The spreadsheet's locale.
    pub(super) locale: &'static str,
    /// What `sheetsync.toml` says about the column.
    pub(super) options: &'static str,
    /// What is in the cell, and what becomes of it.
    pub(super) cases: Vec<(Cell, Expected)>,
}

/// What becomes of a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expected {
    /// This JSON is stored.
    Stored(String),
    /// What the table has stays.
    Kept,
    Rejected(Code),
}

impl From<i64> for Expected {
    fn from(number: i64) -> Self {
        Self::Stored(number.to_string())
    }
}

impl From<bool> for Expected {
    fn from(truth: bool) -> Self {
        Self::Stored(truth.to_string())
    }
}

impl From<&str> for Expected {
    fn from(text: &str) -> Self {
        Self::Stored(serde_json::to_string(text).unwrap())
    }
}

impl From<Code> for Expected {
    fn from(code: Code) -> Self {
        Self::Rejected(code)
    }
}

/// A number and what its cell shows.
impl From<(f64, &str)> for Cell {
    fn from((number, shown): (f64, &str)) -> Self {
        Self::Shown(number, shown.to_owned())
    }
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/MAPPING.md");

/// A sheet with one key and one column with these options, in a spreadsheet in Japan.
pub(super) fn mapping(options: &str) -> Mapping {
    mapping_in(JAPAN, options)
}

/// The same in a spreadsheet with another locale.
pub(super) fn mapping_in(locale: &str, options: &str) -> Mapping {
    let column: Column = toml::from_str(&format!("header = \"H\"\ncolumn = \"c\"\n{options}")).unwrap();
    let key = Column { header: Some("K".to_owned()), column: "k".to_owned(), ..Column::default() };
    let settings = Settings {
        columns: &[key, column],
        key: &["k".to_owned()],
        key_forms: &[],
        limits: &Limits::new(),
        header_row: 1,
        first_column: 0,
        time_zone: "Asia/Tokyo",
        locale: Locale::named(locale),
    };
    Mapping::bind(settings, &[Cell::from("K"), Cell::from("H")]).unwrap()
}

/// What becomes of `cell` in the column of a [`mapping`].
pub(super) fn outcome(mapping: &Mapping, cell: &Cell) -> Expected {
    match mapping.row(2, &[Cell::from("key"), cell.clone()]) {
        Mapped::Row(row) if row.keep == [1] => Expected::Kept,
        Mapped::Row(row) => Expected::Stored(row.values[1].to_json()),
        Mapped::Rejected { rejections, .. } => Expected::Rejected(rejections[0].code),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_example_comes_true() {
    let mut wrong = Vec::new();
    for group in groups() {
        let mapping = mapping_in(group.locale, group.options);
        for (cell, expected) in group.cases {
            let outcome = outcome(&mapping, &cell);
            if outcome != expected {
                wrong.push(format!("{}: {cell:?} => {outcome:?}, not {expected:?}", group.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_page_shows_the_same_examples() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let mut updated = page.clone();
    for group in groups() {
        let start = format!("<!-- examples: {} -->\n", group.name);
        let from = updated.find(&start).unwrap_or_else(|| panic!("docs/MAPPING.md lacks {start}")) + start.len();
        let to = from + updated[from..].find("<!-- end -->").expect("an end of the examples");
        updated.replace_range(from..to, &table(&group));
    }
    assert_eq!(page.matches("<!-- examples: ").count(), groups().len(), "the page has examples that are not tested");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, updated).unwrap();
    } else {
        assert!(page == updated, "docs/MAPPING.md is out of date: UPDATE_DOCS=1 make quick TESTS=the_page");
    }
}

#[test]
fn the_page_lists_every_option_and_every_code() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    for (option, _, types) in OPTIONS {
        let types: Vec<&str> = types.iter().map(|kind| kind.name()).collect();
        let row = format!("| `{option}` | {} |", types.join(", "));
        assert!(page.contains(&row), "docs/MAPPING.md lacks {row}");
    }
    for code in Code::ALL {
        assert!(page.contains(&format!("| `{code}` |")), "docs/MAPPING.md lacks the code {code}");
    }
}

/// A character as the page shows it.
fn shown(character: char) -> String {
    match character {
        '\n' => "⏎".to_owned(),
        '\0' => "␀".to_owned(),
        _ if is_invisible(character) => format!("⟨U+{:04X}⟩", u32::from(character)),
        _ => character.to_string(),
    }
}

fn table(group: &Group) -> String {
    let mut table = String::new();
    if group.locale != JAPAN {
        table.push_str(&format!("In a spreadsheet whose locale is `{}`:\n", group.locale));
    }
    table.push_str(&format!("```toml\n{}\n```\n| in the cell | stored |\n| --- | --- |\n", group.options));
    for (cell, expected) in &group.cases {
        let cell = match cell {
            Cell::Blank => "nothing".to_owned(),
            Cell::Bool(true) => "a ticked checkbox".to_owned(),
            Cell::Bool(false) => "an empty checkbox".to_owned(),
            Cell::Number(number) => format!("the number `{number}`"),
            Cell::Shown(number, text) => format!("the number `{number}`, shown as `{text}`"),
            Cell::Text(text) => format!("`{}`", text.chars().map(shown).collect::<String>()),
        };
        let expected = match expected {
            Expected::Stored(json) => format!("`{json}`"),
            Expected::Kept => "what the table has stays".to_owned(),
            Expected::Rejected(code) => format!("rejected: {code}"),
        };
        table.push_str(&format!("| {cell} | {expected} |\n"));
    }
    table
}
