//! What a column of the table can hold, as the catalogue says (docs/PROTOCOL.md, "Limits"). What is mapped is held against it
//! before anything is sent, so that every cell of a row that does not fit is reported, with what would. What only Postgres
//! can know (checks, references, unique values) is not here.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Deserialize;

use super::key_form::KeyForm;
use super::rejection::{Code, Refusal};
use super::value::Value;

/// The limits of a table's columns, by the column's name. A column that is not among them holds whatever is mapped for it.
pub type Limits = BTreeMap<String, Limit>;

/// How many labels of an enum a message lists.
const LISTED_LABELS: usize = 20;

/// What one column of the table can hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Limit {
    /// The column's type as Postgres names it, without its domains: `numeric(6,2)`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether the column refuses null.
    pub required: bool,
    /// Which values it holds.
    #[serde(flatten)]
    pub form: Form,
}

/// Which values a column holds, or each item of a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "form", rename_all = "lowercase")]
pub enum Form {
    /// All that its mapping type makes.
    Any,
    /// Texts of so many characters; spaces (U+0020) behind them do not count, because Postgres drops them.
    Characters {
        /// The most characters.
        length: usize,
    },
    /// Whole numbers of so many bits, with their sign.
    Integer {
        /// 16, 32 or 64.
        bits: u32,
    },
    /// Numbers of so many digits.
    Numeric {
        /// How many digits there are, before and after the point.
        precision: u32,
        /// How many of them stand after the point; less than 0: how many whole digits are zeros.
        scale: i32,
    },
    /// One of the labels of an enum.
    Labels {
        /// The labels of the enum, in its order.
        labels: Vec<String>,
    },
    /// Uuids, in every spelling that Postgres takes.
    Uuid,
}

impl Limit {
    /// Refuses what the column cannot hold, and says what it can.
    pub(super) fn check(&self, value: &Value) -> Result<(), Refusal> {
        match value {
            Value::Null if self.required => Err(Refusal::new(
                Code::BlankNotAllowed,
                "expected a value, because the table's column must have one (not null)",
            )),
            Value::Null | Value::Json(_) => Ok(()),
            // Over a text column it is `true` or `false`.
            Value::Bool(_) => self.text(&value.to_json()),
            Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
                self.text(item)
                    .map_err(|refusal| Refusal::new(refusal.code, format!("item {}: {}", index + 1, refusal.message)))
            }),
            Value::Text(text) => self.text(text),
            Value::Integer(number) => match self.form {
                Form::Integer { bits } => self.whole(i128::from(*number), bits),
                Form::Numeric { precision, scale } => self.number((*number).into(), precision, scale),
                // A number over a text column is stored as its digits.
                Form::Characters { .. } => self.text(&value.to_json()),
                _ => Ok(()),
            },
            Value::Decimal(number) => match self.form {
                Form::Numeric { precision, scale } => self.number(*number, precision, scale),
                Form::Characters { .. } => self.text(&value.to_json()),
                _ => Ok(()),
            },
        }
    }

    fn text(&self, text: &str) -> Result<(), Refusal> {
        match &self.form {
            Form::Characters { length } if !fits(text, *length) => {
                Err(self.refusal(Code::TooLong, &format!("at most {length} characters")))
            }
            Form::Labels { labels } if !labels.iter().any(|label| label == text) => {
                Err(self.refusal(Code::UnknownValue, &format!("one of {}", listed(labels))))
            }
            Form::Uuid if KeyForm::Uuid.canonical(text).is_none() => {
                Err(Refusal::new(Code::NotAUuid, format!("expected {}", KeyForm::Uuid.expected())))
            }
            // The values of an enum are written in the definition, and a key has one spelling.
            Form::Integer { bits } => match text.parse() {
                Ok(number) => self.whole(number, *bits),
                Err(_) => Err(self.refusal(Code::NotANumber, "a whole number")),
            },
            _ => Ok(()),
        }
    }

    fn whole(&self, number: i128, bits: u32) -> Result<(), Refusal> {
        let max = (1_i128 << (bits - 1)) - 1;
        if number > max {
            Err(self.refusal(Code::AboveMaximum, &format!("at most {max}")))
        } else if number < -max - 1 {
            Err(self.refusal(Code::BelowMinimum, &format!("at least {}", -max - 1)))
        } else {
            Ok(())
        }
    }

    fn number(&self, number: Decimal, precision: u32, scale: i32) -> Result<(), Refusal> {
        let number = number.normalize();
        if scale < 0 {
            let step = power_of_ten(scale.unsigned_abs());
            if step.is_some_and(|step| !(number % step).is_zero()) {
                return Err(self.refusal(
                    Code::TooPrecise,
                    &format!("a multiple of 1{}", "0".repeat(scale.unsigned_abs() as usize)),
                ));
            }
        } else if number.scale() > scale.unsigned_abs() {
            let decimals = match scale {
                0 => "a whole number".to_owned(),
                1 => "at most 1 decimal".to_owned(),
                many => format!("at most {many} decimals"),
            };
            let refusal = self.refusal(Code::TooPrecise, &decimals);
            return Err(Refusal::new(
                refusal.code,
                format!("{}; scale = {scale} in the definition rounds", refusal.message),
            ));
        }
        // The largest is `precision` nines, with the point `scale` digits from the right.
        let Some(largest) = largest(precision, scale) else { return Ok(()) };
        if number > largest {
            Err(self.refusal(Code::AboveMaximum, &format!("at most {largest}")))
        } else if number < -largest {
            Err(self.refusal(Code::BelowMinimum, &format!("at least {}", -largest)))
        } else {
            Ok(())
        }
    }

    fn refusal(&self, code: Code, expected: &str) -> Refusal {
        Refusal::new(code, format!("expected {expected}, because the table's column is {}", self.type_name))
    }
}

/// Whether a text has at most `length` characters, without the spaces behind them.
fn fits(text: &str, length: usize) -> bool {
    text.len() <= length || text.chars().skip(length).all(|character| character == ' ')
}

fn listed(labels: &[String]) -> String {
    let shown = labels[..labels.len().min(LISTED_LABELS)].join(", ");
    match labels.len().saturating_sub(LISTED_LABELS) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// `None` where no number that is mapped can be larger.
fn largest(precision: u32, scale: i32) -> Option<Decimal> {
    let nines = power_of_ten(precision)? - Decimal::ONE;
    match u32::try_from(scale) {
        Ok(scale) => Decimal::try_from_i128_with_scale(nines.mantissa(), scale).ok(),
        Err(_) => nines.checked_mul(power_of_ten(scale.unsigned_abs())?),
    }
}

fn power_of_ten(exponent: u32) -> Option<Decimal> {
    10_i128.checked_pow(exponent).and_then(|power| Decimal::try_from_i128_with_scale(power, 0).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A limit, a value, and what its refusal says.
    type Case<'a> = (&'a Limit, Value, Option<(Code, &'static str)>);

    fn limit(type_name: &str, form: Form) -> Limit {
        Limit { type_name: type_name.to_owned(), required: false, form }
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn number(text: &str) -> Value {
        Value::Decimal(text.parse().unwrap())
    }

    #[test]
    fn value_past_a_column_limit_is_refused_with_the_limit() {
        let varchar = limit("character varying(3)", Form::Characters { length: 3 });
        let smallint = limit("smallint", Form::Integer { bits: 16 });
        let bigint = limit("bigint", Form::Integer { bits: 64 });
        let money = limit("numeric(6,2)", Form::Numeric { precision: 6, scale: 2 });
        let whole = limit("numeric(3,0)", Form::Numeric { precision: 3, scale: 0 });
        let hundreds = limit("numeric(3,-2)", Form::Numeric { precision: 3, scale: -2 });
        let tiny = limit("numeric(2,4)", Form::Numeric { precision: 2, scale: 4 });
        let vast = limit("numeric(1000,10)", Form::Numeric { precision: 1000, scale: 10 });
        let labels = ["sad", "ok", "happy"].map(str::to_owned).to_vec();
        let mood = limit("mood", Form::Labels { labels: labels.clone() });
        let uuid = limit("uuid", Form::Uuid);
        let required = Limit { required: true, ..limit("text", Form::Any) };
        let items = |items: &[&str]| Value::Array(items.iter().map(|&item| item.to_owned()).collect());
        let cases: &[Case<'_>] = &[
            (&varchar, text("abc"), None),
            (&varchar, text("あいう"), None),
            // Postgres drops what is too long when it is blank.
            (&varchar, text("abc   "), None),
            (&varchar, text("ab c"), Some((Code::TooLong, "at most 3 characters"))),
            (&varchar, text("abc\u{3000}"), Some((Code::TooLong, "character varying(3)"))),
            (&varchar, text("あいうえ"), Some((Code::TooLong, "at most 3 characters"))),
            (&varchar, Value::Bool(true), Some((Code::TooLong, "at most 3 characters"))),
            (&required, Value::Bool(false), None),
            (&varchar, Value::Integer(-12), None),
            (&varchar, Value::Integer(1234), Some((Code::TooLong, "at most 3 characters"))),
            (&varchar, number("1.25"), Some((Code::TooLong, "at most 3 characters"))),
            (&varchar, items(&["abc", "abcd"]), Some((Code::TooLong, "item 2: expected at most 3 characters"))),
            (&smallint, Value::Integer(32767), None),
            (&smallint, Value::Integer(-32768), None),
            (&smallint, Value::Integer(32768), Some((Code::AboveMaximum, "at most 32767"))),
            (&smallint, Value::Integer(-32769), Some((Code::BelowMinimum, "at least -32768"))),
            (&smallint, text("3"), None),
            (&smallint, text("abc"), Some((Code::NotANumber, "a whole number"))),
            (&bigint, Value::Integer(i64::MIN), None),
            (&bigint, text("9223372036854775808"), Some((Code::AboveMaximum, "at most 9223372036854775807"))),
            (&money, number("9999.99"), None),
            (&money, number("9999.990"), None),
            (
                &money,
                number("10000"),
                Some((Code::AboveMaximum, "at most 9999.99, because the table's column is numeric(6,2)")),
            ),
            (&money, number("-10000"), Some((Code::BelowMinimum, "at least -9999.99"))),
            (&money, number("2.555"), Some((Code::TooPrecise, "at most 2 decimals"))),
            (&money, Value::Integer(9999), None),
            (&money, Value::Integer(10000), Some((Code::AboveMaximum, "at most 9999.99"))),
            (&whole, number("2.5"), Some((Code::TooPrecise, "a whole number"))),
            (&hundreds, Value::Integer(99900), None),
            (&hundreds, Value::Integer(150), Some((Code::TooPrecise, "a multiple of 100"))),
            (&hundreds, Value::Integer(100_000), Some((Code::AboveMaximum, "at most 99900"))),
            (&tiny, number("0.0099"), None),
            (&tiny, number("0.01"), Some((Code::AboveMaximum, "at most 0.0099"))),
            (&vast, number("79228162514264337593543950335"), None),
            (&mood, text("ok"), None),
            (&mood, text("OK"), Some((Code::UnknownValue, "expected one of sad, ok, happy"))),
            (&mood, items(&["ok", "so so"]), Some((Code::UnknownValue, "item 2: expected one of sad"))),
            (&uuid, text("{A0EEBC99-9C0B4EF8-BB6D6BB9-BD380A11}"), None),
            (&uuid, text("12"), Some((Code::NotAUuid, "a uuid such as"))),
            (&required, text(""), None),
            (&required, Value::Null, Some((Code::BlankNotAllowed, "must have one"))),
            (&money, Value::Null, None),
        ];
        for (limit, value, expected) in cases {
            let found = limit.check(value);
            match (found, expected) {
                (Ok(()), None) => {}
                (Err(refusal), Some((code, part))) => {
                    assert_eq!(refusal.code, *code, "{value:?} in {}", limit.type_name);
                    assert!(refusal.message.contains(part), "{value:?} in {}: {}", limit.type_name, refusal.message);
                }
                (found, _) => panic!("{value:?} in {}: {found:?}", limit.type_name),
            }
        }
    }

    #[test]
    fn many_labels_are_not_all_listed() {
        let labels: Vec<String> = (1..=23).map(|label| label.to_string()).collect();
        assert!(listed(&labels).ends_with("19, 20 and 3 more"), "{}", listed(&labels));
    }

    #[test]
    fn limits_are_read_as_the_database_writes_them() {
        let answer = r#"{"price":{"type":"numeric(6,2)","required":true,"form":"numeric","precision":6,"scale":2},
                         "mood":{"type":"mood","required":false,"form":"labels","labels":["sad","ok"]},
                         "note":{"type":"text","required":true,"form":"any"}}"#;
        let limits: Limits = serde_json::from_str(answer).unwrap();
        assert_eq!(limits["price"].form, Form::Numeric { precision: 6, scale: 2 });
        assert_eq!(limits["mood"].form, Form::Labels { labels: vec!["sad".to_owned(), "ok".to_owned()] });
        assert_eq!((limits["note"].required, &limits["note"].form), (true, &Form::Any));
    }
}
