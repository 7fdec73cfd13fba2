//! One `[[sync.columns]]` table of `sheetsync.toml`. Only its shape; its values are validated in
//! [`super::check`], and docs/MAPPING.md explains each option with examples.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cell::Cell;

/// One column of the table and how it is fed from the sheet.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Column {
    /// The header in the sheet. Width, white space and line breaks make no difference.
    #[serde(skip_serializing_if = "is_default")]
    pub header: Option<String>,
    /// Several headers that feed this column; the first cell that is not blank wins.
    #[serde(skip_serializing_if = "is_default")]
    pub headers: Vec<String>,
    /// Other names that `header` may have.
    #[serde(skip_serializing_if = "is_default")]
    pub aliases: Vec<String>,
    /// The column of the table.
    pub column: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: Type,
    /// Whose value wins.
    #[serde(skip_serializing_if = "is_default")]
    pub authority: Authority,
    /// What a blank cell means.
    #[serde(skip_serializing_if = "is_default")]
    pub blank: Blank,
    /// What a formula's error in the cell means.
    #[serde(skip_serializing_if = "is_default")]
    pub errors: Errors,
    /// A row without a value is rejected.
    #[serde(skip_serializing_if = "is_default")]
    pub required: bool,
    /// The value for a blank cell, with `blank = "default"`; written as it would be typed into the cell.
    #[serde(skip_serializing_if = "is_default")]
    pub default: Option<Scalar>,
    /// Texts that count as blank, such as `"-"` or `"未定"`.
    #[serde(skip_serializing_if = "is_default")]
    pub blank_words: Vec<String>,
    /// The smallest value allowed.
    #[serde(skip_serializing_if = "is_default")]
    pub min: Option<Scalar>,
    /// The largest value allowed.
    #[serde(skip_serializing_if = "is_default")]
    pub max: Option<Scalar>,

    /// Text, text_array: a regular expression that the whole value must match.
    #[serde(skip_serializing_if = "is_default")]
    pub pattern: Option<String>,
    /// Text, text_array: the most characters of a value.
    #[serde(skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub max_length: Option<u32>,
    /// Text: `false` keeps white space at both ends.
    #[serde(skip_serializing_if = "is_default")]
    pub trim: Option<bool>,
    /// Text, text_array: the Unicode normal form that is stored.
    #[serde(skip_serializing_if = "is_default")]
    pub normalize: Normalize,
    /// Text: a whole number typed into the cell is filled with zeros on the left up to so many digits.
    #[serde(skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 64)))]
    pub zero_pad: Option<u32>,
    /// Text_array: what stands between two items; `","` if not given.
    #[serde(skip_serializing_if = "is_default")]
    pub separator: Option<String>,

    /// Text, text_array, integer, decimal: what a number in the cell gives; if not given, its digits where the cell shows a
    /// number, and what is shown where it shows leading zeros, a date, a time or a percentage.
    #[serde(skip_serializing_if = "is_default")]
    pub number: Option<NumberAs>,
    /// Integer, decimal, text, text_array, json: how a number in the cell is rounded.
    #[serde(skip_serializing_if = "is_default")]
    pub floats: Floats,

    /// Integer, decimal: `¥` before or `円` after the number is accepted.
    #[serde(skip_serializing_if = "is_default")]
    pub yen: bool,
    /// Integer, decimal: 兆 億 万 千 百 十 and digits in kanji are accepted.
    #[serde(skip_serializing_if = "is_default")]
    pub number_words: bool,
    /// Integer, decimal: `約` and other words for "about" are accepted and dropped.
    #[serde(skip_serializing_if = "is_default")]
    pub approximate: bool,
    /// Integer, decimal: `▲` or `△` before the number, or brackets around it, make it negative.
    #[serde(skip_serializing_if = "is_default")]
    pub accounting: bool,
    /// Decimal: `6.5%` is 0.065, as it is when Sheets itself reads it.
    #[serde(skip_serializing_if = "is_default")]
    pub percent: bool,
    /// Decimal: a number in 坪 is converted to square metres.
    #[serde(skip_serializing_if = "is_default")]
    pub tsubo: bool,
    /// Decimal: values are rounded to so many decimals, halves away from zero.
    #[serde(skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "schema", schemars(range(max = 28)))]
    pub scale: Option<u32>,
    /// Integer, decimal: the number is multiplied by this, as under a header such as `価格（万円）`.
    #[serde(skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "schema", schemars(range(min = 2)))]
    pub multiply_by: Option<u32>,
    /// Integer, decimal, date: texts that may stand before the value, such as `"築"`.
    #[serde(skip_serializing_if = "is_default")]
    pub prefixes: Vec<String>,
    /// Integer, decimal, date: texts that may stand after the value, such as `"㎡"` or `"頃"`.
    #[serde(skip_serializing_if = "is_default")]
    pub suffixes: Vec<String>,

    /// Boolean: ○ × 有 無 あり なし 済 未 and the like are accepted.
    #[serde(skip_serializing_if = "is_default")]
    pub japanese: bool,
    /// Boolean: further texts that mean true.
    #[serde(skip_serializing_if = "is_default")]
    pub true_values: Vec<String>,
    /// Boolean: further texts that mean false.
    #[serde(skip_serializing_if = "is_default")]
    pub false_values: Vec<String>,

    /// Date, timestamp: years of the Japanese eras are accepted.
    #[serde(skip_serializing_if = "is_default")]
    pub era: bool,
    /// Date, timestamp: the order of year, month and day where the year does not come first.
    #[serde(skip_serializing_if = "is_default")]
    pub order: Order,
    /// Date: what a date without a day, or without a month, becomes.
    #[serde(skip_serializing_if = "is_default")]
    pub partial: Partial,
    /// Date, timestamp: `20240301` is accepted.
    #[serde(skip_serializing_if = "is_default")]
    pub compact: bool,
    /// Date: what becomes of a time of day.
    #[serde(skip_serializing_if = "is_default")]
    pub time_of_day: TimeOfDay,
    /// Timestamp: the zone of times that do not say theirs; the spreadsheet's if not given. `"none"` stores them as they
    /// are, for a column of type `timestamp without time zone`.
    #[serde(skip_serializing_if = "is_default")]
    pub time_zone: Option<String>,
    /// Timestamp: what a local time becomes that exists twice or not at all, because the clocks were changed.
    #[serde(skip_serializing_if = "is_default")]
    pub clock_change: ClockChange,

    /// Enum: the texts that are accepted and what is stored for each.
    #[serde(skip_serializing_if = "is_default")]
    pub values: Values,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// Any text.
    #[default]
    Text,
    /// A whole number, as `bigint` holds it.
    Integer,
    /// A number with up to 28 digits, exactly as written.
    Decimal,
    /// True or false.
    Boolean,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A moment.
    Timestamp,
    /// A length of time.
    Duration,
    /// JSON.
    Json,
    /// Several texts in one cell.
    TextArray,
    /// One of a fixed set of texts.
    Enum,
}

impl Type {
    /// Its name in `sheetsync.toml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::Json => "json",
            Self::TextArray => "text_array",
            Self::Enum => "enum",
        }
    }
}

/// Whose value wins in a column where sheet and database differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Authority {
    /// The side that changed it.
    #[default]
    Merge,
    /// The sheet.
    Sheet,
    /// The database, once the row is there.
    Database,
}

/// What a blank cell means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Blank {
    /// Null is stored.
    #[default]
    Null,
    /// What the table has stays.
    Keep,
    /// The column's `default` is stored.
    Default,
    /// The row is rejected.
    Reject,
}

/// What a formula's error in a cell means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Errors {
    /// The row is rejected.
    #[default]
    Reject,
    /// Null is stored.
    Null,
    /// What the table has stays.
    Keep,
}

/// The Unicode normal form in which texts are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Normalize {
    /// As it is in the cell.
    #[default]
    None,
    /// Canonical: letters and their marks are composed; looks the same.
    Nfc,
    /// Compatible: full-width letters and digits become plain ones, half-width katakana full ones, `㎡` becomes `m2`.
    Nfkc,
}

/// How the numbers of Sheets, which are binary, are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Floats {
    /// As people see them, with at most 15 digits: `=0.1+0.2` is 0.3.
    #[default]
    Rounded,
    /// With all digits that distinguish them from their neighbours: `=0.1+0.2` is 0.30000000000000004.
    Exact,
}

/// What a number in the cell gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum NumberAs {
    /// Its digits, whatever the cell shows; it saves the request for that. The only choice of integer and decimal.
    Digits,
    /// What the cell shows.
    Displayed,
    /// A rejection.
    Reject,
}

/// The order of the parts of a date whose year does not come first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Year, month, day; nothing else is accepted.
    #[default]
    Ymd,
    /// Month, day, year is accepted as well.
    Mdy,
    /// Day, month, year is accepted as well.
    Dmy,
}

/// What a date without a day becomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Partial {
    /// A rejection.
    #[default]
    Reject,
    /// The first day of the month.
    Month,
    /// The first day of the month, or of the year where the month is missing too.
    Year,
}

/// What becomes of a time of day in a date column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum TimeOfDay {
    /// Anything but midnight is a rejection.
    #[default]
    Reject,
    /// It is dropped.
    Drop,
}

/// What becomes of a local time that exists twice or not at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ClockChange {
    /// A rejection.
    #[default]
    Reject,
    /// The earlier of the two moments it can mean.
    Earlier,
    /// The later of the two.
    Later,
}

/// The texts that an enum column accepts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "a list of texts, or a table of text = \"stored value\"")]
pub enum Values {
    /// They are stored as they are listed.
    List(Vec<String>),
    /// Text in the cell → value stored.
    Map(BTreeMap<String, String>),
}

impl Default for Values {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Values {
    /// Pairs of the text in the cell and the value stored.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let (list, map) = match self {
            Self::List(list) => (Some(list), None),
            Self::Map(map) => (None, Some(map)),
        };
        let listed = list.into_iter().flatten().map(|text| (text.as_str(), text.as_str()));
        listed.chain(map.into_iter().flatten().map(|(text, value)| (text.as_str(), value.as_str())))
    }
}

/// A value as the definition gives it for `default`, `min` or `max`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "a text, a number or a boolean")]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A number without a point.
    Integer(i64),
    /// A number with a point.
    Float(f64),
    /// A text.
    Text(String),
}

impl Scalar {
    /// The cell of a column of this type that holds this value.
    pub(super) fn cell(&self, kind: Type) -> Cell {
        match self {
            Self::Bool(ticked) => Cell::Bool(*ticked),
            // A text column may pad a number with zeros, but no text.
            #[expect(clippy::cast_precision_loss, reason = "up to here doubles are exact")]
            Self::Integer(number) if kind == Type::Text && number.unsigned_abs() < 1 << 53 => {
                Cell::Number(*number as f64)
            }
            // As text, because a double would lose digits of a long number.
            Self::Integer(number) => Cell::Text(number.to_string()),
            Self::Float(number) => Cell::Number(*number),
            Self::Text(text) => Cell::from(text.as_str()),
        }
    }
}
