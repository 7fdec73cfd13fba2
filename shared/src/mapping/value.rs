//! A typed value and its one form on the wire (docs/PROTOCOL.md, "Message"). The same value is always the same bytes,
//! whatever was typed, because content hashes are taken over them.

use std::io::Write as _;

use rust_decimal::Decimal;
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;

use super::key_form::KeyForm;

/// The value of one column of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// SQL null.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with all its digits, without trailing zeros.
    Decimal(Decimal),
    /// A text; also an enum's value, a date (`2024-03-01`), a time (`09:30:00`) and a timestamp.
    Text(String),
    /// A JSON document, compact, digits and order of keys as written.
    Json(Box<str>),
    /// A list of texts, `text[]` in Postgres.
    Array(Vec<String>),
}

impl Value {
    /// Appends the value to `out` as JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            // Writing to a Vec does not fail.
            Self::Integer(number) => drop(write!(out, "{number}")),
            Self::Decimal(number) => drop(write!(out, "{number}")),
            Self::Text(text) => write_text(text, out),
            Self::Json(document) => out.extend_from_slice(document.as_bytes()),
            Self::Array(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    write_text(item, out);
                }
                out.push(b']');
            }
        }
    }

    /// The value as a row key, or a part of one.
    pub(super) fn key_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            value => value.to_json(),
        }
    }

    /// The value of a key column in the one spelling of its key; `None` when it is not of this form. What is spelt so
    /// already stays what it is: a whole number stays a number.
    pub(super) fn in_key_form(self, form: KeyForm) -> Option<Self> {
        if form == KeyForm::Text || self == Self::Null {
            return Some(self);
        }
        let text = self.key_text();
        let canonical = form.canonical(&text)?;
        Some(if canonical == text { self } else { Self::Text(canonical) })
    }

    /// The value as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = Vec::new();
        self.write_json(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }
}

/// Appends `values` to `out` as a JSON array.
pub(super) fn write_array(values: &[Value], out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        value.write_json(out);
    }
    out.push(b']');
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    // Writing a text to a Vec does not fail.
    let _: Result<(), _> = serde_json::to_writer(out, text);
}

/// Only for `serde_json`, which alone can carry numbers with all their digits.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_json()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_one_form() {
        for (value, json) in [
            (Value::Null, "null"),
            (Value::Bool(true), "true"),
            (Value::Integer(i64::MIN), "-9223372036854775808"),
            (Value::Decimal("12345678901234567890.12345678".parse().unwrap()), "12345678901234567890.12345678"),
            (Value::Text("a\"\n\u{1}é".to_owned()), "\"a\\\"\\n\\u0001é\""),
            (Value::Json("{\"a\":1.0}".into()), "{\"a\":1.0}"),
            (Value::Array(vec!["a".to_owned(), "b,c".to_owned()]), "[\"a\",\"b,c\"]"),
        ] {
            assert_eq!(value.to_json(), json);
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
        }
    }
}
