//! The one spelling of a key: two keys have the same text exactly when the table's key column holds them for equal. A uuid
//! typed in capitals or `007` in an integer column would otherwise be a new row beside a vanished one. Which form
//! a key column has, the database answers; docs/PROTOCOL.md, "Row keys", lists them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How the texts of a key column are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyForm {
    /// Character by character.
    #[default]
    Text,
    /// As `text`, without regard to spaces at the end (`character(n)`).
    Char,
    /// As the number of 128 bits that the text stands for.
    Uuid,
    /// As a whole number.
    Integer,
    /// As a number.
    Decimal,
    /// As true or false.
    Boolean,
    /// As a day.
    Date,
    /// As a time of day.
    Time,
    /// As a moment; a text without an offset is in UTC, as Postgres itself writes moments for us.
    Timestamp,
}

impl KeyForm {
    /// Every form.
    pub const ALL: [Self; 9] = [
        Self::Text,
        Self::Char,
        Self::Uuid,
        Self::Integer,
        Self::Decimal,
        Self::Boolean,
        Self::Date,
        Self::Time,
        Self::Timestamp,
    ];

    /// The spelling that all texts share that are this key; `None` when the text is not of this form.
    #[must_use]
    pub fn canonical(self, text: &str) -> Option<String> {
        match self {
            Self::Text => Some(text.to_owned()),
            // Only U+0020 is padding; other white space at the end is part of the value.
            Self::Char => Some(text.trim_end_matches(' ').to_owned()),
            Self::Uuid => uuid(text),
            Self::Integer => {
                let (sign, digits) = signed(text);
                number(sign, digits, "")
            }
            Self::Decimal => {
                let (sign, digits) = signed(text);
                let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
                number(sign, whole, fraction)
            }
            Self::Boolean => boolean(text).map(|truth| truth.to_string()),
            Self::Date => date(text).map(|date| date.to_string()),
            Self::Time => time(text).map(|time| time.to_string()),
            Self::Timestamp => timestamp(text).map(|moment| moment.to_string()),
        }
    }

    /// What a person should have written.
    #[must_use]
    pub const fn expected(self) -> &'static str {
        match self {
            Self::Text | Self::Char => "a text",
            Self::Uuid => "a uuid such as 123e4567-e89b-12d3-a456-426614174000",
            Self::Integer => "a whole number such as 12 or -7, digits only",
            Self::Decimal => "a number such as 12.5, digits and a point only",
            Self::Boolean => "true or false",
            Self::Date => "a date such as 2024-03-01",
            Self::Time => "a time of day such as 09:30:00",
            Self::Timestamp => "a date and time such as 2024-03-01T09:30:00Z",
        }
    }
}

/// Every spelling that Postgres' `uuid_in` takes: braces around it, capitals, and a hyphen after any group of four digits.
fn uuid(text: &str) -> Option<String> {
    let digits = text.strip_prefix('{').map_or(Some(text), |rest| rest.strip_suffix('}'))?;
    let mut rest = digits.as_bytes();
    let mut bytes = [0; 16];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let [high, low, after @ ..] = rest else { return None };
        *byte = hex(*high)? << 4 | hex(*low)?;
        rest = match after {
            [b'-', after @ ..] if index % 2 == 1 && index < 15 => after,
            after => after,
        };
    }
    rest.is_empty().then(|| Uuid::from_bytes(bytes).hyphenated().to_string())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Whether the number is below zero, and what follows the sign.
fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// The shortest way to write a number of any length; `None` when a part holds anything but digits, or there is none.
fn number(is_negative: bool, whole: &str, fraction: &str) -> Option<String> {
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let fraction = fraction.trim_end_matches('0');
    let sign = if is_negative && (whole, fraction) != ("0", "") { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

/// Every spelling that Postgres' `boolin` takes: the words and what they may be shortened to, in any case.
fn boolean(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let shortens = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    if shortens("true", 1) || shortens("yes", 1) || shortens("on", 2) || text == "1" {
        Some(true)
    } else if shortens("false", 1) || shortens("no", 1) || shortens("off", 2) || text == "0" {
        Some(false)
    } else {
        None
    }
}

/// `2024-03-01` and nothing else: what other spellings mean depends on Postgres' settings.
fn date(text: &str) -> Option<Date> {
    text.parse::<Date>().ok().filter(|date| date.to_string() == text)
}

/// `9:30`, `09:30:00`, `09:30:00.25`; up to six digits after the point, which is what Postgres keeps.
fn time(text: &str) -> Option<Time> {
    let (clock, nanosecond) = match text.split_once('.') {
        Some((clock, digits)) if (1..=6).contains(&digits.len()) && clock.matches(':').count() == 2 => {
            (clock, natural(digits)? * 10_i32.pow(9 - u32::try_from(digits.len()).ok()?))
        }
        Some(_) => return None,
        None => (text, 0),
    };
    let mut parts = clock.split(':');
    let hour = parts.next().filter(|digits| (1..=2).contains(&digits.len()))?;
    let mut two_digits = || parts.next().map(|digits| natural(digits).filter(|_| digits.len() == 2));
    let (minute, second) = (two_digits()??, two_digits().unwrap_or(Some(0))?);
    if parts.next().is_some() {
        return None;
    }
    let [hour, minute, second] = [natural(hour)?, minute, second].map(i8::try_from);
    Time::new(hour.ok()?, minute.ok()?, second.ok()?, nanosecond).ok()
}

/// A date, `T` or a space, a time, and an offset such as `Z`, `+09`, `+0900` or `+09:00`; a date alone is its midnight.
fn timestamp(text: &str) -> Option<Timestamp> {
    let (day, rest) = text.split_at_checked(10)?;
    let day = date(day)?;
    if rest.is_empty() {
        return moment(day.to_datetime(Time::midnight()), Offset::UTC);
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, offset) = match rest.find(['Z', 'z', '+', '-']) {
        Some(place) => (&rest[..place], offset(&rest[place..])?),
        None => (rest, Offset::UTC),
    };
    moment(day.to_datetime(time(clock)?), offset)
}

fn moment(local: DateTime, offset: Offset) -> Option<Timestamp> {
    offset.to_timestamp(local).ok()
}

fn offset(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'Z' | b'z' => return (text.len() == 1).then_some(Offset::UTC),
        b'+' => (1, &text[1..]),
        _ => (-1, &text[1..]),
    };
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 => digits.split_at_checked(2)?,
        _ => digits.split_once(':').filter(|(hours, minutes)| (hours.len(), minutes.len()) == (2, 2))?,
    };
    let (hours, minutes) = (natural(hours)?, natural(minutes)?);
    // Postgres takes offsets up to, and without, 16 hours.
    if hours > 15 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// A number of a few digits without a sign.
fn natural(digits: &str) -> Option<i32> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::KeyForm::{Boolean, Char, Date, Decimal, Integer, Text, Time, Timestamp, Uuid};
    use super::*;

    use crate::mapping::{Cell, Code, Column, Mapped, Mapping, Settings, Type, Value};

    const UUID: &str = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";

    /// A mapping of the columns `id` and `no` of these types, both in the key, compared in these forms.
    fn keyed_by(types: [Type; 2], forms: [KeyForm; 2]) -> Mapping {
        let key = ["id".to_owned(), "no".to_owned()];
        let column = |name: &String, kind| Column {
            header: Some(name.clone()),
            column: name.clone(),
            kind,
            ..Column::default()
        };
        let columns = [column(&key[0], types[0]), column(&key[1], types[1])];
        let settings = Settings {
            columns: &columns,
            key: &key,
            key_forms: &forms,
            limits: &crate::mapping::Limits::new(),
            header_row: 1,
            first_column: 0,
            time_zone: "UTC",
            locale: crate::mapping::Locale::default(),
        };
        Mapping::bind(settings, &["id", "no"].map(Cell::from)).expect("the headers fit")
    }

    #[test]
    fn row_key_and_key_values_are_normalised() {
        let mapping = keyed_by([Type::Text, Type::Text], [Uuid, Integer]);
        let mapped = mapping.row(2, &[Cell::from(UUID.to_uppercase().as_str()), Cell::from("007")]);
        let Mapped::Row(row) = mapped else { panic!("{mapped:?}") };
        assert_eq!(row.key, format!(r#"["{UUID}","7"]"#));
        assert_eq!(row.values, [Value::Text(UUID.to_owned()), Value::Text("7".to_owned())]);
    }

    #[test]
    fn a_number_in_the_key_stays_a_number() {
        let mapping = keyed_by([Type::Integer, Type::Date], [Decimal, Date]);
        let Mapped::Row(row) = mapping.row(2, &[Cell::from("007"), Cell::from("2024/3/1")]) else { panic!() };
        assert_eq!(row.key, r#"["7","2024-03-01"]"#);
        assert_eq!(row.values, [Value::Integer(7), Value::Text("2024-03-01".to_owned())]);
    }

    #[test]
    fn every_type_that_may_be_a_key_has_one_text() {
        let row = |types, forms, cells: [&str; 2]| match keyed_by(types, forms).row(2, &cells.map(Cell::from)) {
            Mapped::Row(row) => (row.key, Value::to_json(&row.values[0]), Value::to_json(&row.values[1])),
            other => panic!("{cells:?}: {other:?}"),
        };
        let expected = |key: &str, first: &str, second: &str| (key.to_owned(), first.to_owned(), second.to_owned());
        assert_eq!(
            row([Type::Boolean, Type::Time], [Boolean, Time], ["TRUE", "午後3時"]),
            expected(r#"["true","15:00:00"]"#, "true", r#""15:00:00""#)
        );
        assert_eq!(
            row([Type::Timestamp, Type::Decimal], [Timestamp, Decimal], ["2024-03-01 09:30+09:00", "1.50"]),
            expected(r#"["2024-03-01T00:30:00Z","1.5"]"#, r#""2024-03-01T00:30:00Z""#, "1.5")
        );
        assert_eq!(
            row([Type::Text, Type::Integer], [Boolean, Integer], ["Yes", "-0"]),
            expected(r#"["true","0"]"#, r#""true""#, "0")
        );
    }

    #[test]
    fn key_of_the_wrong_form_is_rejected_with_its_cell() {
        let mapping = keyed_by([Type::Text, Type::Text], [Text, Uuid]);
        let mapped = mapping.row(128, &[Cell::from("A"), Cell::from("#12")]);
        let Mapped::Rejected { key, rejections } = mapped else { panic!("{mapped:?}") };
        assert_eq!(key, None, "it may be any row");
        let [rejection] = rejections.as_slice() else { panic!("{rejections:?}") };
        assert_eq!((rejection.code, rejection.cell.as_deref()), (Code::KeyForm, Some("B128")));
        assert_eq!((rejection.column.as_deref(), rejection.raw.as_deref()), (Some("no"), Some("#12")));
        assert!(rejection.message.contains("expected a uuid such as"), "{}", rejection.message);
    }

    #[test]
    fn named_key_finds_its_row_in_any_spelling() {
        let mapping = keyed_by([Type::Text, Type::Text], [Uuid, Char]);
        let named = format!(r#"["{}", "A "]"#, UUID.to_uppercase());
        assert_eq!(mapping.row_key_of(&named), format!(r#"["{UUID}","A"]"#));
        assert_eq!(mapping.row_key_of(r#"["no uuid","A"]"#), r#"["no uuid","A"]"#);
    }

    #[test]
    fn keys_that_the_table_holds_for_equal_have_one_text() {
        let cases: &[(KeyForm, &[&str], &str)] = &[
            (Text, &["Aa1 "], "Aa1 "),
            (Char, &["AA1", "AA1 ", "AA1   "], "AA1"),
            (Char, &["AA1\u{3000}"], "AA1\u{3000}"),
            (
                Uuid,
                &[
                    UUID,
                    "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
                    "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
                    "a0eebc999c0b4ef8bb6d6bb9bd380a11",
                    "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
                    "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}",
                ],
                UUID,
            ),
            (Integer, &["7", "007", "+7", "+07"], "7"),
            (Integer, &["-7", "-007"], "-7"),
            (Integer, &["0", "-0", "+000"], "0"),
            (Integer, &["0123456789012345678901234567890"], "123456789012345678901234567890"),
            (Decimal, &["1.5", "01.50", "+1.500"], "1.5"),
            (Decimal, &["12", "12.", "12.0", "012.00"], "12"),
            (Decimal, &[".5", "0.5", "0.50"], "0.5"),
            (Decimal, &["-0", "0.000", "-.0"], "0"),
            (Decimal, &["-0.50"], "-0.5"),
            (Decimal, &["100"], "100"),
            (Boolean, &["true", "TRUE", "t", "tru", "yes", "Y", "on", "1"], "true"),
            (Boolean, &["false", "FALSE", "f", "no", "n", "off", "of", "0"], "false"),
            (Date, &["2024-03-01"], "2024-03-01"),
            (Time, &["09:30:00", "09:30", "9:30", "09:30:00.000"], "09:30:00"),
            (Time, &["09:30:00.25", "09:30:00.250000"], "09:30:00.25"),
            (
                Timestamp,
                &[
                    "2024-03-01T00:30:00Z",
                    "2024-03-01t00:30:00z",
                    "2024-03-01 00:30:00+00",
                    "2024-03-01 00:30:00",
                    "2024-03-01T09:30:00+09:00",
                    "2024-03-01 09:30+0900",
                    "2024-02-29T19:30:00-05",
                ],
                "2024-03-01T00:30:00Z",
            ),
            (Timestamp, &["2024-03-01 00:30:00.5+00"], "2024-03-01T00:30:00.5Z"),
            (Timestamp, &["2024-03-01"], "2024-03-01T00:00:00Z"),
        ];
        for (form, texts, canonical) in cases {
            for text in *texts {
                assert_eq!(form.canonical(text).as_deref(), Some(*canonical), "{form:?} {text:?}");
            }
        }
    }

    #[test]
    fn text_of_another_form_has_no_normal_form() {
        let cases: &[(KeyForm, &[&str])] = &[
            (
                Uuid,
                &[
                    "",
                    "a0eebc99",
                    "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
                    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-",
                    "a0e-ebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                    "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11",
                    "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                    " a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                    "ａ0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                ],
            ),
            (Integer, &["", "-", "+-7", "7.0", "1e3", "１２", "1 000", "0x7", "AA1"]),
            (Decimal, &["", ".", "-.", "1.2.3", "1e3", "1,5", "NaN", "Infinity", "1.-5"]),
            (Boolean, &["", "o", "truely", "2", "はい"]),
            (Date, &["", "2024-3-1", "20240301", "2024-02-30", "2024-03-01T00:00:00", "infinity", "0002-01-01 BC"]),
            (
                Time,
                &["", "9", "24:00:00", "09:60", "23:59:60", "09:30:00.1234567", "09:30.5", "009:30", "-9:30", "9:3"],
            ),
            (
                Timestamp,
                &[
                    "",
                    "2024-03-01T",
                    "2024-03-01X00:30:00",
                    "2024-03-01T00:30:00ZZ",
                    "2024-03-01T00:30:00+9",
                    "2024-03-01T00:30:00+99",
                    "2024-03-01T00:30:00 +09",
                    "infinity",
                    "あいうえ",
                ],
            ),
        ];
        for (form, texts) in cases {
            for text in *texts {
                assert_eq!(form.canonical(text), None, "{form:?} {text:?}");
            }
        }
    }

    #[test]
    fn the_names_of_the_forms_are_the_protocols() {
        let names = serde_json::to_value(KeyForm::ALL).unwrap();
        let expected = ["text", "char", "uuid", "integer", "decimal", "boolean", "date", "time", "timestamp"];
        assert_eq!(names, serde_json::json!(expected));
    }

    fn padded(number: &str, zeros: usize, plus: bool) -> String {
        match number.strip_prefix('-') {
            Some(digits) => format!("-{}{digits}", "0".repeat(zeros)),
            None => format!("{}{}{number}", if plus { "+" } else { "" }, "0".repeat(zeros)),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_canonical_text_is_its_own(text in any::<String>(), near in "[0-9a-fA-F{}tTruefalsyno.:+\\-Z ]{0,40}") {
            for form in KeyForm::ALL {
                for text in [&text, &near] {
                    if let Some(canonical) = form.canonical(text) {
                        prop_assert_eq!(form.canonical(&canonical), Some(canonical.clone()), "{:?}", form);
                    }
                }
            }
        }

        #[test]
        fn a_uuid_has_one_text_in_every_spelling(number in any::<u128>(), upper in any::<bool>(), braces in any::<bool>(), hyphens in 0..128_u8) {
            let canonical = uuid::Uuid::from_u128(number).to_string();
            let mut spelt = String::new();
            for (group, digits) in format!("{number:032x}").as_bytes().chunks(4).enumerate() {
                if group > 0 && hyphens & (1 << (group - 1)) != 0 {
                    spelt.push('-');
                }
                spelt.push_str(std::str::from_utf8(digits).unwrap());
            }
            let spelt = if upper { spelt.to_uppercase() } else { spelt };
            let spelt = if braces { format!("{{{spelt}}}") } else { spelt };
            prop_assert_eq!(Uuid.canonical(&spelt), Some(canonical));
        }

        #[test]
        fn a_whole_number_has_one_text(number in any::<i128>(), zeros in 0..5_usize, plus in any::<bool>()) {
            let canonical = number.to_string();
            prop_assert_eq!(Integer.canonical(&padded(&canonical, zeros, plus)), Some(canonical.clone()));
            prop_assert_eq!(Decimal.canonical(&format!("{}.00", padded(&canonical, zeros, plus))), Some(canonical));
        }

        #[test]
        fn equal_numbers_and_no_others_have_one_text(one in -2_000..2_000_i64, other in -2_000..2_000_i64, scale in 0..4_u32, more in 0..4_u32) {
            let (one, mut other) = (rust_decimal::Decimal::new(one, scale), rust_decimal::Decimal::new(other, scale));
            let (first, second) = (one.to_string(), other.to_string());
            prop_assert_eq!(Decimal.canonical(&first) == Decimal.canonical(&second), one == other);
            other.rescale(scale + more);
            prop_assert_eq!(Decimal.canonical(&other.to_string()), Decimal.canonical(&second));
        }

        #[test]
        fn a_moment_has_one_text_in_every_offset(second in 0..4_000_000_000_i64, micro in 0..1_000_000_i32, minutes in -900..900_i32) {
            let moment = jiff::Timestamp::new(second, micro * 1000).unwrap();
            let local = Offset::from_seconds(minutes * 60).unwrap().to_datetime(moment);
            let sign = if minutes < 0 { '-' } else { '+' };
            let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
            prop_assert_eq!(Timestamp.canonical(&format!("{local}{sign}{hours:02}:{rest:02}")), Some(moment.to_string()));
        }
    }
}
