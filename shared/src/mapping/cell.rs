//! A cell as the Sheets API returns it, and its address. The rules of its column decide what it means.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::invisible::is_blank;

/// The value of one cell, read with `UNFORMATTED_VALUE` and `SERIAL_NUMBER`.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Cell {
    /// Nothing is in the cell, or an empty text.
    #[default]
    Blank,
    /// A ticked or unticked checkbox, `TRUE` or `FALSE`.
    Bool(bool),
    /// A number; dates and times are numbers too, see docs/PLATFORMS.md, "Google Sheets API v4".
    Number(f64),
    /// A number, and what its cell shows (`FORMATTED_VALUE`), where that was read too.
    Shown(f64, String),
    /// Any text, and the errors of formulas.
    Text(String),
}

/// What a formula that failed, or is not ready, leaves in its cell.
const ERRORS: [&str; 9] = ["#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#ERROR!", "Loading..."];

impl Cell {
    /// Whether there is nothing in the cell that people can see.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Blank => true,
            Self::Text(text) => is_blank(text),
            Self::Bool(_) | Self::Number(_) | Self::Shown(..) => false,
        }
    }

    /// The error that a formula left in the cell, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&'static str> {
        match self {
            Self::Text(text) if text.starts_with(['#', 'L']) => {
                ERRORS.into_iter().find(|error| text.trim_end() == *error)
            }
            _ => None,
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        if text.is_empty() { Self::Blank } else { Self::Text(text.to_owned()) }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        if text.is_empty() { Self::Blank } else { Self::Text(text) }
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Cell {
    fn from(ticked: bool) -> Self {
        Self::Bool(ticked)
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;

        impl Visitor<'_> for Scalar {
            type Value = Cell;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a cell: null, a boolean, a number or a string")
            }

            fn visit_unit<E: Error>(self) -> Result<Cell, E> {
                Ok(Cell::Blank)
            }

            fn visit_bool<E: Error>(self, ticked: bool) -> Result<Cell, E> {
                Ok(Cell::Bool(ticked))
            }

            // Sheets knows no number but the double, also where JSON shows it without a fraction.
            #[expect(clippy::cast_precision_loss)]
            fn visit_i64<E: Error>(self, number: i64) -> Result<Cell, E> {
                Ok(Cell::Number(number as f64))
            }

            #[expect(clippy::cast_precision_loss)]
            fn visit_u64<E: Error>(self, number: u64) -> Result<Cell, E> {
                Ok(Cell::Number(number as f64))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Cell, E> {
                Ok(Cell::Number(number))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Cell, E> {
                Ok(Cell::from(text))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Cell, E> {
                Ok(Cell::from(text))
            }
        }

        deserializer.deserialize_any(Scalar)
    }
}

/// Where a cell stands. Displays as people write it: `F128`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellRef {
    /// The column, counted from 0 (`A`).
    pub column: u32,
    /// The row, counted from 1.
    pub row: u32,
}

impl fmt::Display for CellRef {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{}{}", column_letters(self.column), self.row)
    }
}

/// The letters of a column that is counted from 0: `A` for 0, `AA` for 26.
#[must_use]
pub fn column_letters(column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = u64::from(column) + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or_default()));
        rest /= 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_lettered_as_in_a_sheet() {
        for (column, letters) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (18_277, "ZZZ")] {
            assert_eq!(column_letters(column), letters);
        }
        assert_eq!(CellRef { column: 5, row: 128 }.to_string(), "F128");
    }

    #[test]
    fn scalars_of_the_sheets_api_become_cells() {
        let cells: Vec<Cell> = serde_json::from_str(r#"["", null, true, 12, -3, 45352.5, "築2005年"]"#).unwrap();
        assert_eq!(
            cells,
            [
                Cell::Blank,
                Cell::Blank,
                Cell::Bool(true),
                Cell::Number(12.0),
                Cell::Number(-3.0),
                Cell::Number(45352.5),
                Cell::Text("築2005年".to_owned())
            ]
        );
        assert!(serde_json::from_str::<Cell>("[1]").is_err());
    }

    #[test]
    fn white_space_is_blank_and_errors_are_known() {
        assert!(Cell::from(" \u{3000}\n").is_blank());
        assert!(Cell::from("\u{200b}\u{ad}").is_blank());
        assert!(!Cell::from("　x").is_blank());
        assert_eq!(Cell::from("#DIV/0!").error(), Some("#DIV/0!"));
        assert_eq!(Cell::from("Loading...").error(), Some("Loading..."));
        assert_eq!(Cell::from("#1 Main St").error(), None);
    }
}
