//! How text becomes a cell: typed by a person (USER_ENTERED), sent as is (RAW), or read from a CSV file.
//! Formulas are kept, not calculated.

use std::borrow::Cow;

use jiff::civil::{Date, Time};
use serde_json::Value;

use crate::cell::{Cell, CellError, Format};
use crate::pattern;
use crate::serial::{day_fraction, days_since_epoch};

/// `valueInputOption` of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub(crate) enum Input {
    #[serde(rename = "RAW")]
    Raw,
    #[serde(rename = "USER_ENTERED")]
    UserEntered,
}

/// What a JSON value of a request puts into a cell. `Ok(None)` leaves the cell as it is (`null`); `Err`
/// for what no cell can hold.
pub(crate) fn from_json(value: &Value, input: Input, locale: &str) -> Result<Option<Cell<'static>>, ()> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Bool(flag) => Cell::Bool(*flag),
        Value::Number(number) => Cell::number(number.as_f64().ok_or(())?),
        Value::String(text) if text.is_empty() => Cell::Blank,
        Value::String(text) => match input {
            Input::Raw => Cell::text(text.clone()),
            Input::UserEntered => user_entered(text, locale),
        },
        Value::Array(_) | Value::Object(_) => return Err(()),
    }))
}

/// What a field of a CSV file becomes by default: a number if it is written plainly and nothing is lost
/// (`221900.0`, `-5`), else the text. `007`, `+81` and a 20-digit id stay text.
pub(crate) fn from_csv(field: &str) -> Cell<'static> {
    match field {
        "" => Cell::Blank,
        _ => plain_number(field).map_or_else(|| Cell::text(field), Cell::number),
    }
}

fn plain_number(field: &str) -> Option<f64> {
    let digits = field.strip_prefix('-').unwrap_or(field);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    let number: f64 = field.parse().ok()?;
    // The shortest text that stands for the number must have the field's own digits.
    let shown = number.to_string();
    let canonical = if digits.contains('.') { field.trim_end_matches('0').trim_end_matches('.') } else { field };
    (shown == canonical && shown != "-0").then_some(number)
}

/// What Sheets makes of text that a person types into a cell.
pub(crate) fn user_entered(text: &str, locale: &str) -> Cell<'static> {
    if let Some(verbatim) = text.strip_prefix('\'') {
        return if verbatim.is_empty() { Cell::Blank } else { Cell::text(verbatim) };
    }
    if text.len() > 1 && text.starts_with('=') {
        return formula(text, locale);
    }
    let trimmed = text.trim();
    constant(trimmed, locale).unwrap_or_else(|| if text.is_empty() { Cell::Blank } else { Cell::text(text) })
}

fn constant(text: &str, locale: &str) -> Option<Cell<'static>> {
    if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
        return Some(Cell::Bool(text.eq_ignore_ascii_case("true")));
    }
    CellError::from_text(text)
        .filter(|error| *error != CellError::Loading)
        .map(Cell::Error)
        .or_else(|| typed_number(text, locale))
        .or_else(|| typed_time(text, locale))
}

/// A formula of a constant shows it; the two common ways to write an error show that; whatever would have
/// to be calculated shows `#ERROR!`, so that no invented result passes for a real one.
fn formula(text: &str, locale: &str) -> Cell<'static> {
    let body = text[1..].trim();
    let quoted = body.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let shows = match body.to_ascii_uppercase().as_str() {
        "NA()" => Cell::Error(CellError::NotAvailable),
        "1/0" => Cell::Error(CellError::DivideByZero),
        "TRUE()" => Cell::Bool(true),
        "FALSE()" => Cell::Bool(false),
        _ => match quoted {
            Some(inside) if !inside.contains('"') => Cell::text(inside),
            _ => constant(body, locale).unwrap_or(Cell::Error(CellError::Error)),
        },
    };
    Cell::Formula { source: Cow::Owned(text.to_owned()), shows: Box::new(shows) }
}

/// `1,234`, `-5`, `12%`, `¥1,000`, `1e5`, with the separators of the locale.
fn typed_number(text: &str, locale: &str) -> Option<Cell<'static>> {
    let (negative, rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let (rest, yen) = rest.strip_prefix(['¥', '￥']).map_or((rest, false), |rest| (rest, true));
    let (rest, percent) = rest.strip_suffix('%').map_or((rest, false), |rest| (rest, true));
    let (point, group) = pattern::separators(locale);
    let (whole, fraction) = rest.split_once(point).map_or((rest, None), |(whole, fraction)| (whole, Some(fraction)));
    let grouped = whole.contains(group);
    if grouped && !is_grouped(whole, group) {
        return None;
    }
    let plain = whole.replace(group, "") + &fraction.map_or(String::new(), |fraction| format!(".{fraction}"));
    let first = plain.bytes().next()?;
    if !(first.is_ascii_digit() || first == b'.') || plain.bytes().any(|byte| !b"0123456789.eE+-".contains(&byte)) {
        return None;
    }
    let number: f64 = plain.parse().ok().filter(|number: &f64| number.is_finite())?;
    let number = if negative { -number } else { number };
    let scientific = plain.contains(['e', 'E']);
    Some(match (percent, yen, grouped) {
        (true, ..) => Cell::Number(number / 100.0, Format::Percent),
        (_, true, _) => Cell::Number(number, Format::Yen),
        (.., true) => Cell::Number(number, Format::Grouped),
        _ if scientific => Cell::patterned(number, "0.00E+00"),
        _ => Cell::number(number),
    })
}

/// Groups of three digits after the first, as in `12,345,678`.
fn is_grouped(whole: &str, group: char) -> bool {
    let mut groups = whole.split(group);
    groups.next().is_some_and(|first| (1..=3).contains(&first.len())) && groups.all(|group| group.len() == 3)
}

/// A date, a time or both, in the ways that every locale takes and in that of `locale`.
fn typed_time(text: &str, locale: &str) -> Option<Cell<'static>> {
    if let Some(time) = time_of_day(text) {
        return Some(Cell::Number(time, Format::Time));
    }
    if let Some(date) = date(text, locale) {
        return Some(Cell::Number(days_since_epoch(date), Format::Date));
    }
    if let Some((date, pattern)) = short_date(text, locale) {
        return Some(Cell::patterned(days_since_epoch(date), pattern));
    }
    let (day, time) = text.split_once([' ', 'T'])?;
    let serial = days_since_epoch(date(day, locale)?) + time_of_day(time.trim())?;
    Some(Cell::Number(serial, Format::DateTime))
}

/// `2024/3/1`, `2024-03-01`, `2024年3月1日`; `3/1/2024` where the locale puts the month first.
fn date(text: &str, locale: &str) -> Option<Date> {
    let japanese = text.strip_suffix('日').map(|text| text.replace(['年', '月'], "/"));
    let text = japanese.as_deref().unwrap_or(text);
    let separator = if text.contains('/') { '/' } else { '-' };
    let mut parts = text.split(separator);
    let parts = [parts.next()?, parts.next()?, parts.next().filter(|_| parts.next().is_none())?];
    let [year, month, day] = match parts {
        [year, month, day] if year.len() == 4 => [year, month, day],
        [month, day, year] if locale == "en_US" && year.len() == 4 => [year, month, day],
        _ => return None,
    };
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// `3-5`, `3/4`, `1-2-3`: day and month, or year, month and day in the order of the locale, and the pattern that shows them
/// as they were typed. Without a year it is the current one.
fn short_date(text: &str, locale: &str) -> Option<(Date, String)> {
    let separator = text.chars().find(|character| !character.is_ascii_digit())?;
    if !(matches!(separator, '-' | '/') || (separator == '.' && has_dotted_dates(locale))) {
        return None;
    }
    let parts: Vec<&str> = text.split(separator).collect();
    if !parts.iter().all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let order: &str = match (parts.len(), date_order(locale)) {
        (3, order) => order,
        (2, "dmy") => "dm",
        (2, _) => "md",
        _ => return None,
    };
    let of = |unit| order.find(unit).and_then(|at| parts[at].parse::<i8>().ok());
    let year = match of('y') {
        None => this_year(),
        // As in Excel, the years from 30 on belong to the century before.
        Some(year) if year < 30 => 2000 + i16::from(year),
        Some(year) => 1900 + i16::from(year),
    };
    let pattern: Vec<String> =
        order.chars().zip(&parts).map(|(unit, part)| unit.to_string().repeat(part.len())).collect();
    Some((Date::new(year, of('m')?, of('d')?).ok()?, pattern.join(&separator.to_string())))
}

fn this_year() -> i16 {
    jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).year()
}

/// The order in which a locale writes dates.
fn date_order(locale: &str) -> &'static str {
    let language = locale.split('_').next().unwrap_or_default();
    match (language, locale) {
        (_, "en_CA" | "fr_CA" | "en_ZA") | ("ja" | "zh" | "ko" | "hu" | "lt" | "mn" | "sv", _) => "ymd",
        (_, "en_US" | "en_PH" | "es_US" | "") => "mdy",
        _ => "dmy",
    }
}

/// Whether a locale writes dates with points: there `3.5` is a day in May.
fn has_dotted_dates(locale: &str) -> bool {
    let language = locale.split('_').next().unwrap_or_default();
    ["de", "ru", "uk", "pl", "cs", "sk", "fi", "nb", "no", "da", "tr", "hu", "ro", "bg", "et", "lv", "sl", "hr"]
        .contains(&language)
        && pattern::separators(locale).0 != '.'
}

fn time_of_day(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let hour: i8 = parts.next()?.parse().ok()?;
    let minute: i8 = parts.next()?.parse().ok()?;
    let second: i8 = parts.next().map_or(Some(0), |second| second.parse().ok())?;
    if parts.next().is_some() {
        return None;
    }
    let time = Time::new(hour, minute, second, 0).ok()?;
    Some(day_fraction(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: f64, format: Format) -> Cell<'static> {
        Cell::Number(value, format)
    }

    #[test]
    fn typed_text_becomes_what_sheets_makes_of_it() {
        let formula =
            |source: &str, shows| Cell::Formula { source: Cow::Owned(source.to_owned()), shows: Box::new(shows) };
        for (typed, cell) in [
            ("12", number(12.0, Format::General)),
            ("007", number(7.0, Format::General)),
            ("-1,234.5", number(-1234.5, Format::Grouped)),
            ("1,23", Cell::text("1,23")),
            ("12%", number(0.12, Format::Percent)),
            ("¥1,000", number(1000.0, Format::Yen)),
            ("1e3", Cell::patterned(1000.0, "0.00E+00")),
            ("e3", Cell::text("e3")),
            ("1-2-3", Cell::patterned(36925.0, "y-m-d")),
            ("90/04/05", Cell::patterned(32968.0, "yy/mm/dd")),
            ("13-5", Cell::text("13-5")),
            ("3.5", number(3.5, Format::General)),
            ("1-2-3-4", Cell::text("1-2-3-4")),
            ("True", Cell::Bool(true)),
            ("2024/3/1", number(45352.0, Format::Date)),
            ("2024年3月1日", number(45352.0, Format::Date)),
            ("2024-03-01 12:00", number(45352.5, Format::DateTime)),
            ("18:00", number(0.75, Format::Time)),
            ("2024/13/1", Cell::text("2024/13/1")),
            ("1/2/2024", Cell::text("1/2/2024")),
            ("'12", Cell::text("12")),
            ("#N/A", Cell::Error(CellError::NotAvailable)),
            ("=1/0", formula("=1/0", Cell::Error(CellError::DivideByZero))),
            ("=\"a\"", formula("=\"a\"", Cell::text("a"))),
            ("=SUM(A1:A9)", formula("=SUM(A1:A9)", Cell::Error(CellError::Error))),
            ("渋谷区", Cell::text("渋谷区")),
            ("-", Cell::text("-")),
        ] {
            assert_eq!(user_entered(typed, "ja_JP"), cell, "{typed}");
        }
        assert_eq!(user_entered("1/2/2024", "en_US"), number(45293.0, Format::Date));
        assert_eq!(user_entered("1.234,5", "de_DE"), number(1234.5, Format::Grouped));
    }

    #[test]
    fn short_dates_are_read_in_the_order_of_the_locale() {
        let serial = |month, day| days_since_epoch(Date::new(this_year(), month, day).expect("a day of every year"));
        for (typed, locale, cell) in [
            ("3-5", "ja_JP", Cell::patterned(serial(3, 5), "m-d")),
            ("3/4", "en_US", Cell::patterned(serial(3, 4), "m/d")),
            ("3/4", "en_GB", Cell::patterned(serial(4, 3), "d/m")),
            ("03-05", "de_DE", Cell::patterned(serial(5, 3), "dd-mm")),
            ("3.5", "de_DE", Cell::patterned(serial(5, 3), "d.m")),
            ("13-5", "en_GB", Cell::patterned(serial(5, 13), "dd-m")),
            ("1-2-3", "en_US", Cell::patterned(37623.0, "m-d-y")),
            ("1-2-3", "en_GB", Cell::patterned(37653.0, "d-m-y")),
        ] {
            assert_eq!(user_entered(typed, locale), cell, "{typed} in {locale}");
        }
    }

    #[test]
    fn csv_field_becomes_a_number_only_without_loss() {
        for field in ["0", "-5", "7129300520", "221900.0", "47.721000000000004", "-122.257", "0.5"] {
            assert_eq!(from_csv(field), Cell::number(field.parse().unwrap()), "{field}");
        }
        for field in
            ["007", "+81", "-0", "1,234", "12345678901234567890", "1e5", ".5", "5.", "NaN", " 1", "1.00000000000000001"]
        {
            assert_eq!(from_csv(field), Cell::text(field), "{field}");
        }
        assert_eq!(from_csv(""), Cell::Blank);
    }
}
