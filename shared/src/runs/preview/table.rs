//! Whether a column of the table is of a type that holds what the definition makes of the cells. A pair that loses something
//! is refused by the database (migrations/083_sync_types.sql); of the others some are not what people meant, so they are warned.

use crate::mapping::{Column, Type};

/// Why the values of `column` do not belong into a column of type `table_type` (as PostgREST names it), or `None`.
pub(super) fn mismatch(column: &Column, table_type: &str) -> Option<String> {
    let kind = Kind::of(table_type)?;
    let loses = match (column.kind, kind) {
        (Type::Integer, Kind::Integer | Kind::Numeric)
        | (Type::Decimal, Kind::Numeric)
        | (Type::Boolean, Kind::Boolean)
        | (Type::Date, Kind::Date)
        | (Type::Time, Kind::Time)
        | (Type::Timestamp, Kind::TimestampWithZone)
        | (Type::Duration, Kind::Interval)
        | (Type::Json, Kind::Json)
        | (Type::TextArray, Kind::Array)
        | (Type::Text | Type::Enum, Kind::Text) => return None,
        (Type::Timestamp, Kind::Timestamp) if column.time_zone.as_deref() == Some("none") => return None,
        (Type::Decimal, Kind::Integer) => "fractions would be rounded",
        (Type::Integer | Type::Decimal, Kind::Float) => "a floating-point number keeps about 15 digits",
        (Type::Date, Kind::Timestamp | Kind::TimestampWithZone) => "a day would become its midnight",
        (Type::Timestamp, Kind::Timestamp) => {
            "the time zone would be dropped; say time_zone = \"none\" if that is meant"
        }
        (Type::Timestamp, Kind::Date | Kind::Time) => "half of the value would be dropped",
        (_, Kind::Text) => "the values would be stored as text",
        (_, _) => "values may be refused",
    };
    Some(format!(
        "the column {} is {table_type} in the table, but {} in sheetsync.toml: {loses}; change one of them",
        column.column,
        column.kind.name()
    ))
}

/// Types of Postgres that hold the same kind of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Numeric,
    Float,
    Boolean,
    Date,
    Time,
    Timestamp,
    TimestampWithZone,
    Interval,
    Json,
    Array,
}

impl Kind {
    /// `None` for a type of which nothing is assumed: enums, uuid, network addresses, those of extensions.
    fn of(table_type: &str) -> Option<Self> {
        let name = table_type.split('(').next().unwrap_or_default().trim();
        Some(match name {
            _ if table_type.ends_with("[]") => Self::Array,
            "text" | "character varying" | "character" | "citext" => Self::Text,
            "smallint" | "integer" | "bigint" => Self::Integer,
            "numeric" => Self::Numeric,
            "real" | "double precision" => Self::Float,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "time without time zone" => Self::Time,
            "timestamp without time zone" => Self::Timestamp,
            "timestamp with time zone" => Self::TimestampWithZone,
            "interval" => Self::Interval,
            "json" | "jsonb" => Self::Json,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_type_that_loses_data_is_reported() {
        for (kind, table_type, reported) in [
            (Type::Integer, "bigint", None),
            (Type::Integer, "numeric", None),
            (Type::Integer, "double precision", Some("15 digits")),
            (Type::Integer, "text", Some("stored as text")),
            (Type::Decimal, "integer", Some("rounded")),
            (Type::Decimal, "numeric", None),
            (Type::Date, "date", None),
            (Type::Date, "timestamp with time zone", Some("midnight")),
            (Type::Timestamp, "timestamp with time zone", None),
            (Type::Timestamp, "timestamp without time zone", Some("dropped")),
            (Type::Text, "character varying", None),
            (Type::Text, "integer", Some("refused")),
            (Type::Text, "uuid", None),
            (Type::Enum, "public.mood", None),
            (Type::TextArray, "text[]", None),
            (Type::Text, "text[]", Some("refused")),
            (Type::Json, "jsonb", None),
            (Type::Boolean, "boolean", None),
            (Type::Duration, "interval", None),
            (Type::Text, "interval", Some("refused")),
        ] {
            let column = Column { column: "c".to_owned(), kind, ..Column::default() };
            let message = mismatch(&column, table_type);
            match reported {
                None => assert_eq!(message, None, "{kind:?} in {table_type}"),
                Some(reported) => assert!(
                    message.as_ref().is_some_and(|it| it.contains(reported)),
                    "{kind:?} in {table_type}: {message:?}"
                ),
            }
        }
        let local = Column { kind: Type::Timestamp, time_zone: Some("none".to_owned()), ..Column::default() };
        assert_eq!(mismatch(&local, "timestamp without time zone"), None);
    }
}
