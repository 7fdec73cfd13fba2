//! Why a row, or a cell of it, could not be used: for the person who keeps the sheet, so with the cell's address and what
//! was expected there. Messages never repeat what is in the cell; only `raw` does (docs/PROMISES.md, promise 9).

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

use super::cell::Cell;

/// The most characters of a cell that a rejection repeats.
const RAW_CHARACTERS: usize = 200;

/// A row, or a cell of it, that could not be used; serialises as `sync_reject` takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejection {
    /// The row key, when it could be read.
    pub row_key: Option<String>,
    /// The row in the sheet, counted from 1.
    pub row_number: u32,
    /// The column of the table.
    pub column: Option<String>,
    /// The header of the cell.
    pub header: Option<String>,
    /// The address of the cell.
    pub cell: Option<String>,
    /// The kind of fault.
    pub code: Code,
    /// What was expected, for people.
    pub message: String,
    /// What is in the cell, shortened, control characters made visible.
    pub raw: Option<String>,
}

/// The kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is explained by its own name and by docs/MAPPING.md, \"Codes\"")]
pub enum Code {
    AboveMaximum,
    AmbiguousLocalTime,
    BadCharacter,
    BelowMinimum,
    BlankKey,
    BlankNotAllowed,
    CellError,
    DigitsLost,
    DuplicateKey,
    DuplicateSkipped,
    EraMismatch,
    HasFraction,
    HasTimeOfDay,
    KeyForm,
    NoSuchDate,
    NoSuchLocalTime,
    NotABoolean,
    NotADate,
    NotADuration,
    NotANumber,
    NotATime,
    NotATimestamp,
    NotAUuid,
    NotJson,
    OutOfRange,
    PatternMismatch,
    RowTooLarge,
    TooLong,
    TooPrecise,
    UnclearNumber,
    UnexpectedNumber,
    UnknownValue,
    WeekdayMismatch,
}

impl Code {
    /// Every code, in the order of their names.
    pub const ALL: [Self; 33] = [
        Self::AboveMaximum,
        Self::AmbiguousLocalTime,
        Self::BadCharacter,
        Self::BelowMinimum,
        Self::BlankKey,
        Self::BlankNotAllowed,
        Self::CellError,
        Self::DigitsLost,
        Self::DuplicateKey,
        Self::DuplicateSkipped,
        Self::EraMismatch,
        Self::HasFraction,
        Self::HasTimeOfDay,
        Self::KeyForm,
        Self::NoSuchDate,
        Self::NoSuchLocalTime,
        Self::NotABoolean,
        Self::NotADate,
        Self::NotADuration,
        Self::NotANumber,
        Self::NotATime,
        Self::NotATimestamp,
        Self::NotAUuid,
        Self::NotJson,
        Self::OutOfRange,
        Self::PatternMismatch,
        Self::RowTooLarge,
        Self::TooLong,
        Self::TooPrecise,
        Self::UnclearNumber,
        Self::UnexpectedNumber,
        Self::UnknownValue,
        Self::WeekdayMismatch,
    ];

    /// Its name on the wire and in `sync_errors`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AboveMaximum => "above_maximum",
            Self::AmbiguousLocalTime => "ambiguous_local_time",
            Self::BadCharacter => "bad_character",
            Self::BelowMinimum => "below_minimum",
            Self::BlankKey => "blank_key",
            Self::BlankNotAllowed => "blank_not_allowed",
            Self::CellError => "cell_error",
            Self::DigitsLost => "digits_lost",
            Self::DuplicateKey => "duplicate_key",
            Self::DuplicateSkipped => "duplicate_skipped",
            Self::EraMismatch => "era_mismatch",
            Self::HasFraction => "has_fraction",
            Self::HasTimeOfDay => "has_time_of_day",
            Self::KeyForm => "key_form",
            Self::NoSuchDate => "no_such_date",
            Self::NoSuchLocalTime => "no_such_local_time",
            Self::NotABoolean => "not_a_boolean",
            Self::NotADate => "not_a_date",
            Self::NotADuration => "not_a_duration",
            Self::NotANumber => "not_a_number",
            Self::NotATime => "not_a_time",
            Self::NotATimestamp => "not_a_timestamp",
            Self::NotAUuid => "not_a_uuid",
            Self::NotJson => "not_json",
            Self::OutOfRange => "out_of_range",
            Self::PatternMismatch => "pattern_mismatch",
            Self::RowTooLarge => "row_too_large",
            Self::TooLong => "too_long",
            Self::TooPrecise => "too_precise",
            Self::UnclearNumber => "unclear_number",
            Self::UnexpectedNumber => "unexpected_number",
            Self::UnknownValue => "unknown_value",
            Self::WeekdayMismatch => "weekday_mismatch",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Why a rule refuses a cell; becomes a [`Rejection`] once it is known where the cell stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) message: Cow<'static, str>,
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }
}

/// What is in the cell, as a rejection may repeat it: short, and with nothing in it that Postgres cannot store.
pub(super) fn raw(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Blank => None,
        Cell::Bool(true) => Some("TRUE".to_owned()),
        Cell::Bool(false) => Some("FALSE".to_owned()),
        Cell::Number(number) => Some(number.to_string()),
        Cell::Shown(number, text) if text.is_empty() => Some(number.to_string()),
        Cell::Text(text) | Cell::Shown(_, text) => {
            let mut shown: String = text.chars().take(RAW_CHARACTERS).map(visible).collect();
            if text.chars().nth(RAW_CHARACTERS).is_some() {
                shown.push('…');
            }
            Some(shown)
        }
    }
}

/// Control characters as the pictures that Unicode has for them.
fn visible(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' => character,
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_of_a_cell_is_short_and_storable() {
        assert_eq!(raw(&Cell::from("a\0b\u{fffe}")).as_deref(), Some("a␀b\u{fffd}"));
        assert_eq!(raw(&Cell::from(12.0)).as_deref(), Some("12"));
        let long = raw(&Cell::from("長".repeat(50_000).as_str())).unwrap();
        assert_eq!(long.chars().count(), 201);
    }

    #[test]
    fn codes_are_in_the_order_of_their_names() {
        assert!(Code::ALL.is_sorted_by_key(|code| code.as_str()));
    }
}
