//! The values that a column can have, each with the ways in which it can be spelt in a cell. The value comes first and the
//! spelling from it, so the truth needs no mapping.

use serde_json::{Value, json};
use sheetsync::mapping::Cell;

use crate::world::{Content, Kind};

/// Values of a column.
pub const VALUES: u8 = 16;

/// The serial number of 2024-01-01 in a sheet.
const NEW_YEAR: f64 = 45_292.0;

/// The most characters that the mapping lets a text have.
pub const MAX_LENGTH: u32 = 6;

const NUMBERS: [&str; VALUES as usize] =
    ["0", "0.25", "1", "1.005", "2.5", "-3", "1000.1", "7", "8", "9.999", "10", "11.5", "12", "13", "14.25", "123456"];

impl Kind {
    /// Its type in Postgres.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Self::Text | Self::Parent => "text",
            Self::Varchar => "varchar(4)",
            Self::Char => "character(6)",
            Self::Citext => "public.citext",
            Self::Folded => "text collate hostile.folded",
            Self::Integer => "bigint",
            Self::Numeric => "numeric(6, 2)",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Moment => "timestamptz",
            Self::Uuid => "uuid",
            Self::Json => "jsonb",
            Self::Texts => "text[]",
            Self::Enum => "hostile.word",
            Self::Domain => "hostile.natural",
        }
    }

    /// The same for a column of the table. Plain storage: nothing here is long, and a table that needs no second one for long
    /// values is made twice as fast.
    #[must_use]
    pub fn column(self) -> String {
        match self {
            Self::Folded => "text storage plain collate hostile.folded".to_owned(),
            Self::Integer | Self::Boolean | Self::Date | Self::Moment | Self::Uuid | Self::Enum | Self::Domain => {
                self.sql().to_owned()
            }
            _ => format!("{} storage plain", self.sql()),
        }
    }

    /// Its lines in the definition.
    #[must_use]
    pub fn definition(self) -> String {
        match self {
            Self::Integer | Self::Domain => "type = \"integer\"\n".to_owned(),
            Self::Numeric => "type = \"decimal\"\n".to_owned(),
            Self::Boolean => "type = \"boolean\"\n".to_owned(),
            Self::Date => "type = \"date\"\n".to_owned(),
            Self::Moment => "type = \"timestamp\"\n".to_owned(),
            Self::Json => "type = \"json\"\n".to_owned(),
            Self::Texts => format!("type = \"text_array\"\nmax_length = {MAX_LENGTH}\n"),
            Self::Enum => "type = \"enum\"\nvalues = [\"e0\", \"e1\", \"e2\", \"e3\"]\n".to_owned(),
            Self::Uuid => "type = \"text\"\n".to_owned(),
            Self::Text | Self::Varchar | Self::Char | Self::Citext | Self::Folded | Self::Parent => {
                format!("type = \"text\"\nmax_length = {MAX_LENGTH}\n")
            }
        }
    }

    /// Whether it holds letters, of which a trigger can change the case.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Varchar | Self::Citext | Self::Folded)
    }

    /// A value, as JSON that Postgres takes.
    #[must_use]
    pub fn value(self, value: u8) -> Value {
        let value = value % VALUES;
        match self {
            Self::Text | Self::Citext | Self::Folded | Self::Parent => json!(letters(value)),
            Self::Varchar if value == VALUES - 1 => json!("toolon"),
            Self::Varchar | Self::Char => json!(letters(value)),
            Self::Integer => json!(value),
            Self::Domain if value == VALUES - 1 => json!(-1),
            Self::Domain => json!(value),
            Self::Numeric => serde_json::from_str(NUMBERS[value as usize]).unwrap_or(Value::Null),
            Self::Boolean => json!(value % 2 == 1),
            Self::Date => json!(format!("2024-01-{:02}", value + 1)),
            Self::Moment => json!(format!("2024-01-01T{value:02}:00:00+09:00")),
            Self::Uuid => json!(uuid(value)),
            Self::Json => json!({"a": value}),
            Self::Texts => json!([format!("a{value}"), "b"]),
            Self::Enum => json!(format!("e{}", value % 4)),
        }
    }

    /// Whether the catalogue says that the column cannot hold the value, and so no row with it is sent. Lengths count only where
    /// the value is written.
    #[must_use]
    pub fn is_beyond(self, value: u8, is_written: bool) -> bool {
        let value = value % VALUES;
        match self {
            Self::Varchar => is_written && value == VALUES - 1,
            Self::Numeric => {
                let text = NUMBERS[value as usize];
                text.split_once('.').is_some_and(|(_, decimals)| decimals.len() > 2) || value == VALUES - 1
            }
            _ => false,
        }
    }

    /// What a cell holds.
    #[must_use]
    pub fn cell(self, content: Content) -> Cell {
        match content {
            Content::Blank => Cell::Blank,
            Content::Error => Cell::from("#N/A"),
            Content::Bad => Cell::from(match self {
                Self::Json => "{",
                _ => "much too long",
            }),
            Content::Value(value, spelling) => self.spelt(value % VALUES, spelling),
        }
    }

    fn spelt(self, value: u8, spelling: u8) -> Cell {
        match self {
            Self::Text | Self::Citext | Self::Folded | Self::Parent | Self::Varchar | Self::Char => {
                let text = self.value(value).as_str().unwrap_or_default().to_owned();
                Cell::Text(if spelling.is_multiple_of(2) { text } else { format!(" {text}\u{3000}") })
            }
            Self::Integer | Self::Domain => {
                let number = self.value(value).as_i64().unwrap_or_default();
                match spelling % 3 {
                    0 => Cell::Number(number as f64),
                    1 => Cell::Text(number.to_string().chars().map(full_width).collect()),
                    _ if number < 0 => Cell::Text(number.to_string()),
                    _ => Cell::Text(format!("{number:03}")),
                }
            }
            Self::Numeric => {
                let text = NUMBERS[value as usize];
                match spelling % 2 {
                    0 => Cell::Number(text.parse().unwrap_or_default()),
                    _ => Cell::Text(text.to_owned()),
                }
            }
            Self::Boolean => match spelling % 2 {
                0 => Cell::Bool(value % 2 == 1),
                _ => Cell::Text(if value % 2 == 1 { "TRUE" } else { "FALSE" }.to_owned()),
            },
            Self::Date => match spelling % 2 {
                0 => Cell::Number(NEW_YEAR + f64::from(value)),
                _ => Cell::Text(format!("2024/1/{}", value + 1)),
            },
            Self::Moment => Cell::Text(match spelling % 2 {
                0 => format!("2024-01-01 {value:02}:00"),
                _ => format!("2024/1/1 {value}:00:00"),
            }),
            // The same value in two spellings, of which the odd one has the even one's value.
            Self::Uuid => {
                Cell::Text(if (value + spelling).is_multiple_of(2) { uuid(value) } else { uuid(value).to_uppercase() })
            }
            Self::Json => Cell::Text(match spelling % 2 {
                0 => format!("{{\"a\":{value}}}"),
                _ => format!("{{ \"a\" : {value} }}"),
            }),
            Self::Texts => Cell::Text(match spelling % 2 {
                0 => format!("a{value},b"),
                _ => format!("a{value} , b"),
            }),
            Self::Enum => Cell::Text(format!("e{}", value % 4)),
        }
    }

    /// What two keys have in common that Postgres holds for equal: the value as the table answers it, in one form.
    #[must_use]
    pub fn identity(self, stored: &Value) -> String {
        let text = match stored {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        match self {
            Self::Citext | Self::Folded | Self::Uuid => text.to_lowercase(),
            Self::Char => text.trim_end_matches(' ').to_owned(),
            // A key that was mapped as text may have leading zeros.
            Self::Integer => text.parse::<i64>().map_or(text, |number| number.to_string()),
            _ => text,
        }
    }
}

/// Neighbours differ in their case only.
fn letters(value: u8) -> String {
    let number = value / 2;
    if value.is_multiple_of(2) { format!("t{number}") } else { format!("T{number}") }
}

fn uuid(value: u8) -> String {
    format!("0000000{}-aaaa-4aaa-8aaa-aaaaaaaaaaaa", value / 2)
}

fn full_width(character: char) -> char {
    match character {
        '0'..='9' => char::from_u32(character as u32 - '0' as u32 + '０' as u32).unwrap_or(character),
        '-' => '－',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sheetsync::definition::Definition;
    use sheetsync::mapping::{Limits, Mapped, Mapping, Settings};

    use super::*;

    const KINDS: [Kind; 16] = [
        Kind::Text,
        Kind::Varchar,
        Kind::Char,
        Kind::Citext,
        Kind::Folded,
        Kind::Integer,
        Kind::Numeric,
        Kind::Boolean,
        Kind::Date,
        Kind::Moment,
        Kind::Uuid,
        Kind::Json,
        Kind::Texts,
        Kind::Enum,
        Kind::Domain,
        Kind::Parent,
    ];

    /// What the mapping makes of a cell; `None` when it refuses it.
    fn mapped(kind: Kind, cell: &Cell) -> Option<Value> {
        let text = format!(
            "[[sync]]\nname = \"s\"\nspreadsheet = \"s\"\ntab = \"t\"\ntable = \"t\"\nkey = [\"k\"]\n\
             [[sync.columns]]\nheader = \"k\"\ncolumn = \"k\"\n[[sync.columns]]\nheader = \"c\"\ncolumn = \"c\"\n{}",
            kind.definition()
        );
        let definition = Definition::parse(Path::new("palette"), &text).unwrap();
        let sync = &definition.syncs[0];
        let settings = Settings {
            columns: &sync.columns,
            key: &sync.key,
            key_forms: &[],
            limits: &Limits::new(),
            header_row: 1,
            first_column: 0,
            time_zone: "Asia/Tokyo",
            locale: sheetsync::mapping::Locale::default(),
        };
        let mapping = Mapping::bind(settings, &[Cell::from("k"), Cell::from("c")]).unwrap();
        match mapping.row(2, &[Cell::from("key"), cell.clone()]) {
            Mapped::Row(row) => Some(serde_json::from_str(&row.values[1].to_json()).unwrap()),
            _ => None,
        }
    }

    #[test]
    fn every_spelling_is_read_as_its_value() {
        for kind in KINDS {
            for value in 0..VALUES {
                for spelling in 0..3 {
                    let cell = kind.cell(Content::Value(value, spelling));
                    let read = mapped(kind, &cell).unwrap_or_else(|| panic!("{kind:?} refuses {cell:?}"));
                    let expected = match kind {
                        // Tokyo is nine hours ahead.
                        Kind::Moment if value < 9 => json!(format!("2023-12-31T{:02}:00:00+00:00", value + 15)),
                        Kind::Moment => json!(format!("2024-01-01T{:02}:00:00+00:00", value - 9)),
                        Kind::Uuid => json!(read.as_str().unwrap_or_default()),
                        _ => kind.value(value),
                    };
                    assert_eq!(read, expected, "{kind:?} {value} {spelling}");
                }
            }
            for content in [Content::Bad, Content::Error] {
                // Whatever is in it, a text column of Postgres' own type takes any text.
                let refused = mapped(kind, &kind.cell(content)).is_none();
                assert!(refused || kind == Kind::Uuid && content == Content::Bad, "{kind:?} takes {content:?}");
            }
        }
    }
}
