//! What one cell holds, and the packed bytes in which a row keeps its cells. How text becomes a cell is
//! in `entry.rs`; how a cell is shown is in `render.rs`.

use std::borrow::Cow;

/// The errors a formula can show. Sheets delivers them as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellError {
    Null,
    DivideByZero,
    Value,
    Ref,
    Name,
    Num,
    NotAvailable,
    Loading,
    Error,
}

/// One row of this table: the error, the text in the cell, and `ErrorValue.type` of the API.
const ERRORS: [(CellError, &str, &str); 9] = [
    (CellError::Null, "#NULL!", "NULL_VALUE"),
    (CellError::DivideByZero, "#DIV/0!", "DIVIDE_BY_ZERO"),
    (CellError::Value, "#VALUE!", "VALUE"),
    (CellError::Ref, "#REF!", "REF"),
    (CellError::Name, "#NAME?", "NAME"),
    (CellError::Num, "#NUM!", "NUM"),
    (CellError::NotAvailable, "#N/A", "N_A"),
    (CellError::Loading, "Loading...", "LOADING"),
    (CellError::Error, "#ERROR!", "ERROR"),
];

impl CellError {
    pub(crate) fn text(self) -> &'static str {
        ERRORS[self as usize].1
    }

    pub(crate) fn api_type(self) -> &'static str {
        ERRORS[self as usize].2
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        ERRORS.iter().find(|row| row.1 == text).map(|row| row.0)
    }
}

/// How a number is displayed: what FORMATTED_VALUE shows, and what makes a serial a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    General,
    Grouped,
    Yen,
    Percent,
    Date,
    DateTime,
    Time,
}

const FORMATS: [Format; 7] =
    [Format::General, Format::Grouped, Format::Yen, Format::Percent, Format::Date, Format::DateTime, Format::Time];

/// The content of one cell. Borrowed when read out of a packed row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Blank,
    Bool(bool),
    Number(f64, Format),
    /// A number with a format of its own, which `pattern.rs` shows.
    Patterned {
        number: f64,
        pattern: Cow<'a, str>,
    },
    Text(Cow<'a, str>),
    Error(CellError),
    /// A formula and the value it shows. Nothing is ever recalculated.
    Formula {
        source: Cow<'a, str>,
        shows: Box<Cell<'a>>,
    },
}

impl Cell<'static> {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Cell::Text(Cow::Owned(text.into()))
    }

    pub(crate) fn number(number: f64) -> Self {
        Cell::Number(number, Format::General)
    }

    pub(crate) fn patterned(number: f64, pattern: impl Into<String>) -> Self {
        Cell::Patterned { number, pattern: Cow::Owned(pattern.into()) }
    }
}

impl Cell<'_> {
    /// Gives a number another format.
    pub(crate) fn format(&mut self, pattern: &str) {
        match self {
            Cell::Number(number, _) | Cell::Patterned { number, .. } => *self = Cell::patterned(*number, pattern),
            Cell::Formula { shows, .. } => shows.format(pattern),
            Cell::Blank | Cell::Bool(_) | Cell::Text(_) | Cell::Error(_) => {}
        }
    }

    pub(crate) fn is_blank(&self) -> bool {
        matches!(self, Cell::Blank)
    }

    /// Appends the packed form: a tag, then what the tag needs. A number costs 9 bytes, a short text its
    /// length plus 2, a blank 1: ten million cells fit into some hundred megabytes.
    pub(crate) fn pack(&self, into: &mut Vec<u8>) {
        match self {
            Cell::Blank => into.push(TAG_BLANK),
            Cell::Bool(false) => into.push(TAG_FALSE),
            Cell::Bool(true) => into.push(TAG_TRUE),
            Cell::Number(value, format) => {
                into.push(TAG_NUMBER + *format as u8);
                into.extend_from_slice(&value.to_le_bytes());
            }
            Cell::Patterned { number, pattern } => {
                pack_text(TAG_PATTERNED, pattern, into);
                into.extend_from_slice(&number.to_le_bytes());
            }
            Cell::Error(error) => into.push(TAG_ERROR + *error as u8),
            Cell::Text(text) => pack_text(TAG_TEXT, text, into),
            Cell::Formula { source, shows } => {
                pack_text(TAG_FORMULA, source, into);
                shows.pack(into);
            }
        }
    }

    /// Takes the next cell off `bytes`, which only [`Cell::pack`] has written. `None` at the end.
    pub(crate) fn unpack<'b>(bytes: &mut &'b [u8]) -> Option<Cell<'b>> {
        let (&tag, rest) = bytes.split_first()?;
        *bytes = rest;
        Some(match tag {
            TAG_BLANK => Cell::Blank,
            TAG_FALSE => Cell::Bool(false),
            TAG_TRUE => Cell::Bool(true),
            TAG_TEXT => Cell::Text(Cow::Borrowed(unpack_text(bytes)?)),
            TAG_FORMULA => {
                Cell::Formula { source: Cow::Borrowed(unpack_text(bytes)?), shows: Box::new(Cell::unpack(bytes)?) }
            }
            TAG_PATTERNED => {
                let pattern = Cow::Borrowed(unpack_text(bytes)?);
                let (number, rest) = bytes.split_first_chunk::<8>()?;
                *bytes = rest;
                Cell::Patterned { number: f64::from_le_bytes(*number), pattern }
            }
            TAG_NUMBER..TAG_ERROR => {
                let (number, rest) = bytes.split_first_chunk::<8>()?;
                *bytes = rest;
                let format = *FORMATS.get(usize::from(tag - TAG_NUMBER))?;
                Cell::Number(f64::from_le_bytes(*number), format)
            }
            _ => Cell::Error(ERRORS.get(usize::from(tag - TAG_ERROR))?.0),
        })
    }
}

const TAG_BLANK: u8 = 0;
const TAG_FALSE: u8 = 1;
const TAG_TRUE: u8 = 2;
const TAG_TEXT: u8 = 3;
const TAG_FORMULA: u8 = 4;
const TAG_PATTERNED: u8 = 5;
const TAG_NUMBER: u8 = 16;
const TAG_ERROR: u8 = 32;

/// The length as a little-endian base-128 number, then the bytes.
fn pack_text(tag: u8, text: &str, into: &mut Vec<u8>) {
    into.push(tag);
    let mut length = text.len();
    while length >= 0x80 {
        into.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    into.push(length as u8);
    into.extend_from_slice(text.as_bytes());
}

fn unpack_text<'b>(bytes: &mut &'b [u8]) -> Option<&'b str> {
    let mut length = 0;
    let mut shift = 0;
    loop {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
        shift += 7;
    }
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_error_table_is_in_the_order_of_its_enum() {
        for (error, text, _) in ERRORS {
            assert_eq!(error.text(), text);
        }
    }

    proptest! {
        #[test]
        fn a_packed_cell_comes_back_as_it_was(text in ".{0,300}", number in any::<f64>(), flag: bool) {
            let cells = [
                Cell::text(text.clone()),
                Cell::Blank,
                Cell::Bool(flag),
                Cell::Number(number, Format::DateTime),
                Cell::patterned(number, text.clone()),
                Cell::Error(CellError::Error),
                Cell::Formula { source: Cow::Owned(text), shows: Box::new(Cell::Error(CellError::Null)) },
            ];
            let mut packed = Vec::new();
            cells.iter().for_each(|cell| cell.pack(&mut packed));
            let mut rest = packed.as_slice();
            for cell in &cells {
                let back = Cell::unpack(&mut rest).unwrap();
                match (cell, &back) {
                    (Cell::Number(a, _), Cell::Number(b, _)) => prop_assert_eq!(a.to_bits(), b.to_bits()),
                    (Cell::Patterned { number: a, pattern: p }, Cell::Patterned { number: b, pattern: q }) => {
                        prop_assert_eq!((a.to_bits(), p), (b.to_bits(), q));
                    }
                    _ => prop_assert_eq!(cell, &back),
                }
            }
            prop_assert!(rest.is_empty());
        }
    }
}
