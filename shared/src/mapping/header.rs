//! Finds the columns of a definition in the header row of a tab, by name.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization as _;

use super::cell::{Cell, CellRef};
use super::column::Column;
use super::column::Floats;
use super::double;
use super::invisible::is_invisible;
use super::problem::DefinitionProblem;
use super::text::bool_text;

/// How alike two headers must be for one to be suggested for the other (Jaro-Winkler, 0 to 1).
const LIKELY: f64 = 0.7;

/// Why a tab cannot be mapped. The run ends, and nothing is written or deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderProblem {
    /// A header of the definition is not in the sheet.
    #[error("the header {header:?} (column {column}) is not in row {row}{}", suggest(suggestion.as_ref()))]
    Missing {
        /// The column of the table.
        column: String,
        /// The header that was looked for.
        header: String,
        /// The header row.
        row: u32,
        /// A header that looks like it and feeds no other column.
        suggestion: Option<(String, CellRef)>,
    },
    /// Two cells of the header row could both be meant.
    #[error(
        "the header {header:?} (column {column}) is there twice: {:?} in {} and {:?} in {}; rename or remove one",
        first.0, first.1, second.0, second.1
    )]
    Collision {
        /// The column of the table.
        column: String,
        /// The header that was looked for.
        header: String,
        /// The first cell, as it is in the sheet.
        first: (String, CellRef),
        /// The second cell.
        second: (String, CellRef),
    },
    /// There is no header in the header row.
    #[error("row {row} is blank, but should hold the headers; set `header_row` to the row that does")]
    NoHeaders {
        /// The header row.
        row: u32,
    },
    /// The spreadsheet's time zone is unknown.
    #[error("the spreadsheet's time zone {name:?} is unknown; choose another in File > Settings")]
    UnknownTimeZone {
        /// The name as Google returns it.
        name: String,
    },
    /// The definition itself is wrong.
    #[error(transparent)]
    Definition(#[from] DefinitionProblem),
}

fn suggest(suggestion: Option<&(String, CellRef)>) -> String {
    match suggestion {
        Some((header, cell)) => {
            format!("; {header:?} in {cell} looks like it: rename it, or add it to `aliases` in sheetsync.toml")
        }
        None => "; put it back, or change sheetsync.toml".to_owned(),
    }
}

/// The form in which headers are compared: NFKC, without invisible characters, white space and line breaks folded to one
/// space, and no space beside a character that is not ASCII, so that `会社名⏎（連絡先も）` is `会社名（連絡先も）`.
#[must_use]
pub fn normalize_header(header: &str) -> String {
    let mut normalized = String::with_capacity(header.len());
    let mut space = false;
    for character in header.nfkc().filter(|character| !is_invisible(*character)) {
        if character.is_whitespace() {
            space = true;
            continue;
        }
        let beside_ascii = character.is_ascii() && normalized.ends_with(|last: char| last.is_ascii());
        if space && beside_ascii {
            normalized.push(' ');
        }
        space = false;
        normalized.push(character);
    }
    normalized
}

/// A header that feeds a column and no longer stands where it stood, or no longer only there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedHeader {
    /// The header, as it was in the sheet.
    pub header: String,
    /// The column of the sheet that it was in, counted from 0.
    pub from: u32,
    /// Where it stands now; `None` when it is gone.
    pub to: Option<u32>,
}

/// Which of the headers, each with its index into the header row, stand elsewhere among `later`. A header is still in its
/// place only if it is there and nowhere else: of two equal ones the first may be a column that was inserted. Cells that feed
/// no column may change: a formula that counts or shows the time must not end every reading of a large tab.
pub(super) fn moved<'a>(
    headers: impl Iterator<Item = (usize, &'a str)>,
    later: &[Cell],
    first_column: u32,
) -> Vec<MovedHeader> {
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, cell) in later.iter().enumerate() {
        places.entry(normalize_header(&header_text(cell))).or_default().push(index);
    }
    let column = |index: usize| first_column + u32::try_from(index).unwrap_or(u32::MAX);
    headers
        .filter_map(|(index, header)| {
            let found = places.get(&normalize_header(header)).map_or(&[][..], Vec::as_slice);
            let elsewhere = found.iter().copied().find(|place| *place != index);
            let moved = MovedHeader { header: header.to_owned(), from: column(index), to: elsewhere.map(column) };
            (found != [index]).then_some(moved)
        })
        .collect()
}

/// Where each column's cells stand, and the headers that feed no column.
#[derive(Debug)]
pub(super) struct Bound {
    /// Per column, indices into the cells of a row, in the order in which they are tried.
    pub(super) sources: Vec<Vec<usize>>,
    /// As they are in the sheet.
    pub(super) headers: Vec<String>,
    pub(super) unmapped: Vec<(String, CellRef)>,
}

/// Finds `columns` among `cells`, the first of which stands at `origin`.
pub(super) fn bind(columns: &[Column], cells: &[Cell], origin: CellRef) -> Result<Bound, Vec<HeaderProblem>> {
    let headers: Vec<String> = cells.iter().map(header_text).collect();
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, header) in headers.iter().enumerate() {
        let normalized = normalize_header(header);
        if !normalized.is_empty() {
            places.entry(normalized).or_default().push(index);
        }
    }
    if places.is_empty() {
        return Err(vec![HeaderProblem::NoHeaders { row: origin.row }]);
    }
    let address =
        |index: usize| CellRef { column: origin.column + u32::try_from(index).unwrap_or(u32::MAX), row: origin.row };
    let mut found = Found { places: &places, missing: Vec::new(), collisions: Vec::new() };
    let sources: Vec<Vec<usize>> = columns.iter().map(|column| found.sources(column)).collect();
    let Found { missing, collisions, .. } = found;

    let is_mapped = |index: usize| sources.iter().any(|sources| sources.contains(&index));
    let unmapped: Vec<(String, CellRef)> = headers
        .iter()
        .enumerate()
        .filter(|(index, header)| !is_mapped(*index) && !normalize_header(header).is_empty())
        .map(|(index, header)| (header.clone(), address(index)))
        .collect();
    let mut problems = Vec::new();
    for (column, header) in missing {
        let suggestion = nearest(header, &unmapped);
        problems.push(HeaderProblem::Missing {
            column: column.column.clone(),
            header: header.to_owned(),
            row: origin.row,
            suggestion,
        });
    }
    for (column, header, first, second) in collisions {
        problems.push(HeaderProblem::Collision {
            column: column.column.clone(),
            header: header.to_owned(),
            first: (headers[first].clone(), address(first)),
            second: (headers[second].clone(), address(second)),
        });
    }
    if problems.is_empty() { Ok(Bound { sources, headers, unmapped }) } else { Err(problems) }
}

/// What the search for columns has turned up.
struct Found<'a> {
    places: &'a HashMap<String, Vec<usize>>,
    missing: Vec<(&'a Column, &'a str)>,
    collisions: Vec<(&'a Column, &'a str, usize, usize)>,
}

impl<'a> Found<'a> {
    fn sources(&mut self, column: &'a Column) -> Vec<usize> {
        match &column.header {
            // One header, whatever it is called.
            Some(header) => {
                let names = std::iter::once(header).chain(&column.aliases);
                let mut places: Vec<usize> = names.flat_map(|name| self.places(name)).copied().collect();
                places.sort_unstable();
                self.one(column, header, &places).into_iter().collect()
            }
            None => column
                .headers
                .iter()
                .filter_map(|header| {
                    let places = self.places(header);
                    self.one(column, header, places)
                })
                .collect(),
        }
    }

    fn places(&self, header: &str) -> &'a [usize] {
        self.places.get(&normalize_header(header)).map_or(&[], Vec::as_slice)
    }

    fn one(&mut self, column: &'a Column, header: &'a str, places: &[usize]) -> Option<usize> {
        match places {
            [] => self.missing.push((column, header)),
            [place] => return Some(*place),
            [first, second, ..] => {
                self.collisions.push((column, header, *first, *second));
                // They are not unmapped: no problem may suggest them for another column.
                return Some(*first);
            }
        }
        None
    }
}

fn nearest(header: &str, candidates: &[(String, CellRef)]) -> Option<(String, CellRef)> {
    let wanted = normalize_header(header);
    candidates
        .iter()
        .map(|candidate| (strsim::jaro_winkler(&wanted, &normalize_header(&candidate.0)), candidate))
        .filter(|(likeness, _)| *likeness >= LIKELY)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate.clone())
}

/// A header as text; a year or a checkbox may be one.
fn header_text(cell: &Cell) -> String {
    match cell {
        Cell::Blank => String::new(),
        Cell::Bool(ticked) => bool_text(*ticked).to_owned(),
        Cell::Number(number) | Cell::Shown(number, _) => {
            double::text(*number, Floats::Rounded, 0).unwrap_or_else(|_| number.to_string())
        }
        Cell::Text(text) => text.clone(),
    }
}
