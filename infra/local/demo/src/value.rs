//! What a cell means, and the text that stands for it in the checksum of a table. The same text is computed here from
//! the generator's own truth and by Postgres from what arrived, and neither knows of the mapping in between.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// The time zone of the demo spreadsheet.
pub const TIME_ZONE: &str = "Asia/Tokyo";

/// The type of a column, as the table has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `text`
    Text,
    /// `bigint` or `integer`
    Integer,
    /// `numeric` with so many decimals
    Decimal(u32),
    /// `date`, from a whole date
    Date,
    /// `date`, the first of a month of which no day is known
    Month,
    /// `timestamptz`
    Timestamp,
    /// `boolean`
    Boolean,
    /// `time`
    Time,
    /// `jsonb`
    Json,
    /// `text[]`
    Texts,
}

impl Kind {
    /// The SQL expression whose text equals [`Value::canonical`] for a column of this type.
    pub fn canonical_sql(self, column: &str) -> String {
        let column = format!("\"{column}\"");
        let text = match self {
            Self::Text => column,
            Self::Integer | Self::Boolean | Self::Time | Self::Json => format!("{column}::text"),
            Self::Texts => format!("array_to_string({column}, E'\\x1e')"),
            Self::Decimal(scale) => format!("{column}::numeric(28, {scale})::text"),
            Self::Date | Self::Month => format!("to_char({column}, 'YYYY-MM-DD')"),
            Self::Timestamp => {
                format!(r#"to_char({column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"#)
            }
        };
        format!("coalesce('=' || {text}, '-')")
    }
}

/// The meaning of one cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing known.
    Null,
    /// A text, exactly so.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A decimal number, as `units` of its last decimal.
    Decimal {
        /// The number without its point.
        units: i64,
        /// How many decimals it has.
        scale: u32,
    },
    /// A day.
    Date(Date),
    /// A moment, in the time zone of the spreadsheet.
    Timestamp(DateTime),
    /// Yes or no.
    Boolean(bool),
    /// A time of day.
    Time(Time),
    /// A JSON document, as Postgres shows a `jsonb`.
    Json(String),
    /// Several texts.
    Texts(Vec<String>),
}

impl Value {
    /// A decimal number, in hundredths.
    pub fn hundredths(units: i64) -> Self {
        Self::Decimal { units, scale: 2 }
    }

    /// A text value.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The text that stands for the value in a checksum: `-` for nothing, else `=` and the value, so that a null is
    /// never mistaken for an empty text.
    pub fn canonical(&self) -> String {
        match self {
            Self::Null => "-".to_owned(),
            Self::Text(text) => format!("={text}"),
            Self::Integer(number) => format!("={number}"),
            Self::Decimal { units, scale } => {
                let (one, places) = (10_u64.pow(*scale), *scale as usize);
                let sign = if *units < 0 { "-" } else { "" };
                format!("={sign}{}.{:0places$}", units.unsigned_abs() / one, units.unsigned_abs() % one)
            }
            Self::Date(date) => format!("={date}"),
            Self::Timestamp(moment) => format!("={}", in_utc(*moment)),
            Self::Boolean(answer) => format!("={answer}"),
            Self::Time(time) => format!("={}", time.strftime("%H:%M:%S")),
            Self::Json(document) => format!("={document}"),
            Self::Texts(texts) => format!("={}", texts.join("\u{1e}")),
        }
    }
}

/// A moment of the spreadsheet's clock as UTC, to the second. The zone has had no gaps since 1951, so every moment that the
/// generator makes exists exactly once; one that did not would lack its `Z`.
fn in_utc(moment: DateTime) -> String {
    TimeZone::get(TIME_ZONE)
        .and_then(|zone| zone.to_timestamp(moment))
        .map(|timestamp| timestamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .unwrap_or_else(|_| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, datetime, time};

    #[test]
    fn a_value_has_the_text_that_postgres_gives_it() {
        let cases = [
            (Value::Null, "-"),
            (Value::text(""), "="),
            (Value::Integer(-3), "=-3"),
            (Value::hundredths(6520), "=65.20"),
            (Value::hundredths(-5), "=-0.05"),
            (Value::Decimal { units: -1_222_570, scale: 4 }, "=-122.2570"),
            (Value::Date(date(2005, 3, 1)), "=2005-03-01"),
            (Value::Timestamp(datetime(2024, 3, 1, 8, 30, 0, 0)), "=2024-02-29T23:30:00Z"),
            (Value::Boolean(true), "=true"),
            (Value::Time(time(9, 5, 0, 0)), "=09:05:00"),
            (Value::Json(r#"{"fee": 3}"#.to_owned()), r#"={"fee": 3}"#),
            (Value::Texts(vec!["南向き".to_owned(), "角部屋".to_owned()]), "=南向き\u{1e}角部屋"),
        ];
        for (value, text) in cases {
            assert_eq!(value.canonical(), text);
        }
    }
}
