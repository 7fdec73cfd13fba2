//! A cell of the trial: what is put into the sheet, and what must come of it.

use serde_json::Value;

/// How a cell is put into the sheet.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// As it is: a text, a number, a checkbox, or `null` for nothing.
    Raw(Value),
    /// As a person types it, for Sheets to make of it what it does.
    Typed(String),
    /// A number with a format of its own.
    Formatted(f64, String),
}

/// What must come of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The value's text in Postgres.
    Stored(String),
    /// SQL's null.
    Null,
    /// A rejection with the cell's address.
    Refused,
}

/// A cell and its fate.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub entry: Entry,
    pub fate: Fate,
}

impl Cell {
    pub fn text(text: impl Into<String>, stored: impl Into<String>) -> Self {
        Self { entry: Entry::Raw(Value::String(text.into())), fate: Fate::Stored(stored.into()) }
    }

    pub fn number(number: f64, stored: impl Into<String>) -> Self {
        Self { entry: Entry::Raw(number.into()), fate: Fate::Stored(stored.into()) }
    }

    pub fn ticked(ticked: bool, stored: impl Into<String>) -> Self {
        Self { entry: Entry::Raw(Value::Bool(ticked)), fate: Fate::Stored(stored.into()) }
    }

    pub fn typed(text: impl Into<String>, stored: impl Into<String>) -> Self {
        Self { entry: Entry::Typed(text.into()), fate: Fate::Stored(stored.into()) }
    }

    pub fn formatted(number: f64, pattern: &str, stored: impl Into<String>) -> Self {
        Self { entry: Entry::Formatted(number, pattern.to_owned()), fate: Fate::Stored(stored.into()) }
    }

    /// A text whose reading is the value; none: it must be refused.
    pub fn read(text: impl Into<String>, stored: Option<String>) -> Self {
        Self { entry: Entry::Raw(Value::String(text.into())), fate: stored.map_or(Fate::Refused, Fate::Stored) }
    }

    pub fn refused_text(text: impl Into<String>) -> Self {
        Self::read(text, None)
    }

    pub fn refused_number(number: f64) -> Self {
        Self { entry: Entry::Raw(number.into()), fate: Fate::Refused }
    }

    pub fn blank() -> Self {
        Self { entry: Entry::Raw(Value::Null), fate: Fate::Null }
    }

    pub fn null(text: impl Into<String>) -> Self {
        Self { entry: Entry::Raw(Value::String(text.into())), fate: Fate::Null }
    }

    /// The same entry, which must be refused.
    pub fn refused(self) -> Self {
        Self { fate: Fate::Refused, ..self }
    }

    /// The same, refused unless `certain`.
    pub fn only_if(self, certain: bool) -> Self {
        if certain { self } else { self.refused() }
    }
}
