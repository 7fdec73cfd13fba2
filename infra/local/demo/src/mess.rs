//! The errors in a demo sheet, their shares, and the expected result of each. Rows are spoiled by a plan for each block of
//! 500 rows, so that every kind occurs in a known share: of 500 rows 13 hold something unusable.

use rand::Rng;
use serde::Serialize;

use crate::value::Kind;

/// The rows for which one plan is made.
pub const BLOCK_ROWS: u32 = 500;

/// What a sync must make of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It arrives in the table as it is.
    Kept,
    /// It is rejected, with the address of the cell.
    Rejected,
    /// It has content but no key, and is skipped for that reason.
    Skipped,
    /// It is wholly blank and counts nowhere.
    Ignored,
}

/// What is wrong with a cell or a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessKind {
    /// A formula that failed: `#REF!`, `#N/A` and their like.
    ErrorCell,
    /// A formula that is not ready: `Loading...`.
    LoadingCell,
    /// `要確認` where a number belongs.
    ToBeConfirmed,
    /// `即日` where a date belongs.
    Immediately,
    /// A day that no calendar has.
    ImpossibleDate,
    /// Words where a value of another type belongs.
    WrongType,
    /// No key in a row with content.
    BlankKey,
    /// A key that another row has too.
    DuplicateKey,
    /// A wholly blank row in the middle.
    BlankRow,
    /// Text that would run in a careless web page.
    HostileMarkup,
    /// Text that would be a formula in a careless export.
    HostileFormula,
}

/// One entry of the manifest: what was put where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mess {
    /// The row's number in the sheet.
    pub row: u32,
    /// The header of the spoiled column.
    pub header: String,
    /// The cell in A1 notation.
    pub cell: String,
    /// What is wrong.
    pub kind: MessKind,
    /// What stands in the cell.
    pub raw: String,
    /// What a sync must make of the row.
    pub fate: Fate,
}

/// How one row is spoiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spoil {
    /// This text stands in this column of the table.
    Cell { kind: MessKind, column: String, text: &'static str, fate: Fate },
    /// The key cell is empty.
    BlankKey,
    /// Nothing stands in the row.
    BlankRow,
    /// Two rows have the key of the first; both offsets are given, and each of the two rows is spoiled so.
    DuplicateKey { first: u32, second: u32 },
}

/// Texts that spoil a cell of every sheet: (kind, column, text, fate), each once in a block.
const SPOILED_CELLS: &[(MessKind, &str, &str, Fate)] = &[
    (MessKind::ErrorCell, "price_yen", "#REF!", Fate::Rejected),
    (MessKind::ErrorCell, "area_m2", "#N/A", Fate::Rejected),
    (MessKind::LoadingCell, "monthly_fee_yen", "Loading...", Fate::Rejected),
    (MessKind::ToBeConfirmed, "price_yen", "要確認", Fate::Rejected),
    (MessKind::ToBeConfirmed, "area_m2", "要確認", Fate::Rejected),
    (MessKind::Immediately, "available_on", "即日", Fate::Rejected),
    (MessKind::ImpossibleDate, "available_on", "2024/2/30", Fate::Rejected),
    (MessKind::WrongType, "has_parking", "近隣に月極有（要問合せ）", Fate::Rejected),
    (MessKind::HostileMarkup, "notes", "<script>alert(\"備考\")</script>", Fate::Kept),
    (MessKind::HostileMarkup, "building_name", "<img src=x onerror=alert(1)>ハイツ", Fate::Kept),
    (MessKind::HostileFormula, "notes", "=HYPERLINK(\"http://example.invalid/\",\"詳細\")", Fate::Kept),
    (MessKind::HostileFormula, "notes", "@SUM(1+1)*cmd|' /C calc'!A0", Fate::Kept),
];

/// Error texts for the further columns of a wide sheet, each once in a block.
const ERROR_TEXTS: &[&str] = &["#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#ERROR!"];

/// The kinds of which one column of a wide sheet gets words of another kind, each once in a block.
const WRONG_KINDS: &[Kind] =
    &[Kind::Integer, Kind::Decimal(2), Kind::Date, Kind::Month, Kind::Timestamp, Kind::Boolean, Kind::Time, Kind::Json];

/// Texts that no reading of the type accepts.
fn wrong_text(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Text | Kind::Texts => None,
        Kind::Integer => Some("未定（相談）"),
        Kind::Decimal(_) => Some("広い"),
        Kind::Date => Some("来月あたり"),
        Kind::Month => Some("築浅"),
        Kind::Timestamp => Some("昨日の朝"),
        Kind::Boolean => Some("たぶん"),
        Kind::Time => Some("昼過ぎ"),
        Kind::Json => Some("{広さ: 3}"),
    }
}

/// The plan of one block: which row (by its offset in the block) is spoiled how. `further` are the columns beyond those
/// that every sheet has: (name, kind).
pub(crate) fn plan_block(further: &[(&str, Kind)], rng: &mut impl Rng) -> Vec<(u32, Spoil)> {
    let mut offsets = shuffled_offsets(rng).into_iter();
    let mut next = || offsets.next().unwrap_or_default();
    let mut plan = vec![(next(), Spoil::BlankKey), (next(), Spoil::BlankRow), (next(), Spoil::BlankRow)];

    let (a, b) = (next(), next());
    let (first, second) = (a.min(b), a.max(b));
    for offset in [first, second] {
        plan.push((offset, Spoil::DuplicateKey { first, second }));
    }
    for &(kind, column, text, fate) in SPOILED_CELLS {
        plan.push((next(), Spoil::Cell { kind, column: column.to_owned(), text, fate }));
    }

    let typed: Vec<_> = further.iter().filter(|(_, kind)| *kind != Kind::Text).collect();
    if typed.is_empty() {
        return plan;
    }
    let mut any_column = || typed[rng.random_range(0..typed.len() as u32) as usize];
    let mut reject = |column: &str, kind, text| {
        plan.push((next(), Spoil::Cell { kind, column: column.to_owned(), text, fate: Fate::Rejected }));
    };
    for text in ERROR_TEXTS {
        reject(any_column().0, MessKind::ErrorCell, text);
    }
    for kind in WRONG_KINDS {
        let column = typed.iter().find(|(_, column_kind)| column_kind == kind);
        if let (Some((column, _)), Some(text)) = (column, wrong_text(*kind)) {
            reject(column, MessKind::WrongType, text);
        }
    }
    plan
}

/// The offsets of a block in random order.
fn shuffled_offsets(rng: &mut impl Rng) -> Vec<u32> {
    let mut offsets: Vec<u32> = (0..BLOCK_ROWS).collect();
    for last in (1..BLOCK_ROWS).rev() {
        offsets.swap(last as usize, rng.random_range(0..=last) as usize);
    }
    offsets
}
