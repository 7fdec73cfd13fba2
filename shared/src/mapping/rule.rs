//! The rules of one column, made ready once per run, and their application to a cell. Which cell that is, the headers say.

use std::cmp::Ordering;

use jiff::tz::TimeZone;

use super::blank::BlankWords;
use super::cell::Cell;
use super::column::{Blank, Column, Errors, Floats, Scalar, Type};
use super::date::DateRule;
use super::duration::{self, DurationRule};
use super::json;
use super::locale::Locale;
use super::number::NumberRule;
use super::problem::DefinitionProblem;
use super::rejection::{Code, Refusal};
use super::shown::Needs;
use super::text::{ListRule, TextRule};
use super::time;
use super::timestamp::{self, TimestampRule};
use super::value::Value;
use super::words::Words;

/// `time_zone` of a column whose times are stored without one.
const NO_TIME_ZONE: &str = "none";

/// All rules of one column.
pub(super) struct Rule {
    reader: Reader,
    blank: WhenBlank,
    errors: Errors,
    blank_words: BlankWords,
    min: Option<Value>,
    max: Option<Value>,
}

/// What a cell gives.
pub(super) enum Outcome {
    Value(Value),
    /// What the table has stays.
    Keep,
}

enum WhenBlank {
    Null,
    Keep,
    Default(Value),
    Reject,
}

/// How a cell that is not blank is read.
enum Reader {
    Text(TextRule),
    Integer(NumberRule),
    Decimal(NumberRule),
    Boolean(Words<bool>),
    Date(DateRule),
    Time,
    Timestamp(Box<TimestampRule>),
    Duration(DurationRule),
    Json(Floats),
    TextArray(ListRule),
    Enum(Words<String>),
}

impl Rule {
    /// Makes the rules of `column` ready; times without a zone are in `zone`, and numbers in texts are written as `locale`
    /// writes them. What the definition itself gives has a decimal point, whatever the sheet.
    pub(super) fn new(
        column: &Column,
        zone: &TimeZone,
        locale: Locale,
        is_key: bool,
    ) -> Result<Self, Vec<DefinitionProblem>> {
        let reader = |locale| Reader::new(column, zone, locale, is_key).map_err(|problem| vec![problem]);
        let given_reader = reader(Locale::default())?;
        let read = |cell: &Cell| given_reader.read(cell).ok().flatten();
        let mut rule = Self {
            reader: reader(locale)?,
            blank: if column.required { WhenBlank::Reject } else { WhenBlank::Null },
            errors: column.errors,
            blank_words: BlankWords::new(&column.blank_words, read),
            min: None,
            max: None,
        };
        let mut problems = Vec::new();
        let mut given = |option: &'static str, scalar: &Option<Scalar>, rule: &Self| {
            let cell = scalar.as_ref()?.cell(column.kind);
            match given_reader.read(&cell).and_then(|value| rule.within_bounds(value)) {
                Ok(Some(value)) => Some(value),
                Ok(None) => {
                    problems.push(DefinitionProblem::of(column, option, "is blank"));
                    None
                }
                Err(refusal) => {
                    problems.push(DefinitionProblem::of(column, option, format!("does not fit: {}", refusal.message)));
                    None
                }
            }
        };
        let min = given("min", &column.min, &rule);
        let max = given("max", &column.max, &rule);
        (rule.min, rule.max) = (min, max);
        let default = given("default", &column.default, &rule);
        match (column.blank, default) {
            (Blank::Null, _) => {}
            (Blank::Keep, _) => rule.blank = WhenBlank::Keep,
            (Blank::Reject, _) => rule.blank = WhenBlank::Reject,
            (Blank::Default, Some(value)) => rule.blank = WhenBlank::Default(value),
            (Blank::Default, None) => {}
        }
        if let (Some(min), Some(max)) = (&rule.min, &rule.max)
            && compare(min, max) == Ordering::Greater
        {
            problems.push(DefinitionProblem::of(column, "min", "is greater than `max`"));
        }
        if problems.is_empty() { Ok(rule) } else { Err(problems) }
    }

    /// What `cell` gives.
    pub(super) fn apply(&self, cell: &Cell) -> Result<Outcome, Refusal> {
        if self.is_blank(cell) {
            return self.when_blank();
        }
        if let Some(error) = cell.error() {
            return match self.errors {
                Errors::Null => Ok(Outcome::Value(Value::Null)),
                Errors::Keep => Ok(Outcome::Keep),
                Errors::Reject => Err(Refusal::new(
                    Code::CellError,
                    match error {
                        "Loading..." => "the formula in this cell was not ready when the sheet was read",
                        _ => "the formula in this cell ends in an error",
                    },
                )),
            };
        }
        match self.within_bounds(self.reader.read_shown(cell)?)? {
            Some(value) => Ok(Outcome::Value(value)),
            None => self.when_blank(),
        }
    }

    /// Whether the cell counts as blank in this column.
    pub(super) fn is_blank(&self, cell: &Cell) -> bool {
        cell.is_blank() || self.blank_words.contain(cell, &|cell| self.reader.read(cell).ok().flatten())
    }

    /// Of which numbers this column needs to know what their cells show.
    pub(super) fn needs(&self) -> Needs {
        match &self.reader {
            Reader::Text(rule) => rule.needs(),
            Reader::TextArray(rule) => rule.needs(),
            Reader::Integer(rule) | Reader::Decimal(rule) => rule.needs(),
            _ => Needs::Nothing,
        }
    }

    /// Whether a blank cell gives a value all the same.
    pub(super) fn has_default(&self) -> bool {
        matches!(self.blank, WhenBlank::Default(_))
    }

    fn when_blank(&self) -> Result<Outcome, Refusal> {
        match &self.blank {
            WhenBlank::Null => Ok(Outcome::Value(Value::Null)),
            WhenBlank::Keep => Ok(Outcome::Keep),
            WhenBlank::Default(value) => Ok(Outcome::Value(value.clone())),
            WhenBlank::Reject => Err(Refusal::new(Code::BlankNotAllowed, "expected a value, the cell is blank")),
        }
    }

    fn within_bounds(&self, value: Option<Value>) -> Result<Option<Value>, Refusal> {
        let Some(value) = value else {
            return Ok(None);
        };
        if let Some(min) = &self.min
            && compare(&value, min) == Ordering::Less
        {
            return Err(Refusal::new(Code::BelowMinimum, format!("expected {} or more", plain(min))));
        }
        if let Some(max) = &self.max
            && compare(&value, max) == Ordering::Greater
        {
            return Err(Refusal::new(Code::AboveMaximum, format!("expected {} or less", plain(max))));
        }
        Ok(Some(value))
    }
}

impl Reader {
    fn new(column: &Column, zone: &TimeZone, locale: Locale, is_key: bool) -> Result<Self, DefinitionProblem> {
        let bad_pattern = |error: regex_lite::Error| {
            DefinitionProblem::of(column, "pattern", format!("is not a regular expression: {error}"))
        };
        let two_meanings =
            |option| move |word: String| DefinitionProblem::of(column, option, format!("gives {word:?} two meanings"));
        Ok(match column.kind {
            Type::Text => Self::Text(TextRule::new(column, is_key).map_err(bad_pattern)?),
            Type::Integer => Self::Integer(NumberRule::new(column, locale)),
            Type::Decimal => Self::Decimal(NumberRule::new(column, locale)),
            Type::Boolean => Self::Boolean(Words::boolean(column).map_err(two_meanings("true_values"))?),
            Type::Date => Self::Date(DateRule::new(column)),
            Type::Time => Self::Time,
            Type::Timestamp => Self::Timestamp(Box::new(TimestampRule::new(column, own_zone(column, zone)?))),
            Type::Duration => Self::Duration(DurationRule::new(column, locale)),
            Type::Json => Self::Json(column.floats),
            Type::TextArray => Self::TextArray(ListRule::new(column).map_err(bad_pattern)?),
            Type::Enum => Self::Enum(Words::choices(column).map_err(two_meanings("values"))?),
        })
    }

    /// The value in `cell`, of which it may be known what it shows.
    fn read_shown(&self, cell: &Cell) -> Result<Option<Value>, Refusal> {
        if let (Self::Integer(rule) | Self::Decimal(rule), Cell::Shown(number, shown)) = (self, cell) {
            rule.check_shown(*number, shown)?;
        }
        self.read(cell)
    }

    /// The value in `cell`; nothing where there turns out to be none.
    fn read(&self, cell: &Cell) -> Result<Option<Value>, Refusal> {
        Ok(Some(match self {
            Self::Text(rule) => Value::Text(rule.read(cell)?),
            Self::Integer(rule) => Value::Integer(rule.integer(cell)?),
            Self::Decimal(rule) => Value::Decimal(rule.decimal(cell)?),
            Self::Boolean(words) => match cell {
                Cell::Bool(ticked) => Value::Bool(*ticked),
                cell => Value::Bool(words.read(cell)?),
            },
            Self::Date(rule) => Value::Text(rule.read(cell)?.to_string()),
            Self::Time => Value::Text(time::read(cell)?.to_string()),
            Self::Timestamp(rule) => Value::Text(rule.read(cell)?),
            Self::Duration(rule) => Value::Text(rule.read(cell)?.to_string()),
            Self::Json(floats) => Value::Json(json::read(cell, *floats)?),
            Self::TextArray(rule) => match rule.read(cell)? {
                items if items.is_empty() => return Ok(None),
                items => Value::Array(items),
            },
            Self::Enum(words) => Value::Text(words.read(cell)?),
        }))
    }
}

/// The zone of a column's local times, if they are to have one.
fn own_zone(column: &Column, spreadsheet: &TimeZone) -> Result<Option<TimeZone>, DefinitionProblem> {
    match column.time_zone.as_deref() {
        None => Ok(Some(spreadsheet.clone())),
        Some(NO_TIME_ZONE) => Ok(None),
        Some(name) => timestamp::zone(name).map(Some).ok_or_else(|| {
            DefinitionProblem::of(
                column,
                "time_zone",
                format!("{name:?} is not a time zone such as \"Asia/Tokyo\", nor \"none\""),
            )
        }),
    }
}

/// The order of two values of one column. Dates and times compare as their texts, durations by their lengths.
fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Integer(one), Value::Integer(other)) => one.cmp(other),
        (Value::Decimal(one), Value::Decimal(other)) => one.cmp(other),
        (Value::Text(one), Value::Text(other)) => match (duration::from_wire(one), duration::from_wire(other)) {
            (Some(one), Some(other)) => one.cmp(&other),
            _ => one.cmp(other),
        },
        _ => Ordering::Equal,
    }
}

/// A bound, for a message.
fn plain(bound: &Value) -> String {
    match bound {
        Value::Text(text) => text.clone(),
        bound => bound.to_json(),
    }
}
