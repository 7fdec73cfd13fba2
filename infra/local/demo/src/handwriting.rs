//! The many ways in which people type one value: `1億2,800万円`, `¥128,000,000`, `平成17年3月`. Everything typed here still
//! means its value; what means nothing is made in [`mess`](crate::mess).

use jiff::civil::{Date, DateTime, Time, date};
use rand::Rng;

use crate::cell::Cell;
use crate::value::{Kind, Value};

/// Types a value as people do: in a hurry, and each with other habits.
pub fn typed(value: &Value, kind: Kind, rng: &mut impl Rng) -> Cell {
    match value {
        Value::Null => Cell::Blank,
        Value::Text(text) => Cell::text(text),
        Value::Integer(number) => typed_integer(*number, rng),
        Value::Decimal { units, .. } => typed_area(*units, rng),
        Value::Date(day) if kind == Kind::Month => typed_month(*day, rng),
        Value::Date(day) => typed_date(*day, rng),
        Value::Timestamp(moment) => typed_moment(*moment, rng),
        Value::Boolean(answer) => typed_answer(*answer, rng),
        Value::Time(time) => typed_time(*time, rng),
        Value::Json(document) => typed_document(document, rng),
        Value::Texts(texts) => Cell::Text(texts.join(["、", " 、", "、\n"][rng.random_range(0..3u32) as usize])),
    }
}

/// A price in yen.
pub fn typed_price(yen: i64, rng: &mut impl Rng) -> Cell {
    let whole_man = yen % 10_000 == 0;
    Cell::text(match rng.random_range(0..10u32) {
        0..=2 => return Cell::Number(yen as f64),
        3..=4 if whole_man => in_oku_and_man(yen),
        5 if whole_man => format!("{}万円", yen / 10_000),
        6 if whole_man => full_width(&format!("{}万円", thousands(yen / 10_000))),
        7 if whole_man => format!("{}万", thousands(yen / 10_000)),
        8 => format!("{}円", thousands(yen)),
        9 => format!("￥{}", full_width(&thousands(yen))),
        _ => format!("¥{}", thousands(yen)),
    })
}

/// An uncertain price.
pub fn typed_estimate(yen: i64, rng: &mut impl Rng) -> Cell {
    let about = ["約", "およそ", "概ね"][rng.random_range(0..3u32) as usize];
    match typed_price(yen, rng) {
        Cell::Text(price) => Cell::Text(format!("{about}{price}")),
        number => number,
    }
}

/// An amount that may be negative, as accountants write it.
pub fn typed_balance(yen: i64, rng: &mut impl Rng) -> Cell {
    let amount = thousands(yen.abs());
    Cell::text(match (yen < 0, rng.random_range(0..5u32)) {
        (_, 0..=1) => return Cell::Number(yen as f64),
        (true, 2) => format!("▲{amount}"),
        (true, 3) => format!("△{}", full_width(&amount)),
        (true, _) => format!("({amount})"),
        (false, _) => amount,
    })
}

/// An area in 坪, of which one is 400/121 ㎡; in hundredths.
pub fn typed_tsubo(hundredths: i64, rng: &mut impl Rng) -> Cell {
    let short = shortest_decimal(hundredths);
    Cell::text(match rng.random_range(0..3u32) {
        0 => format!("{}坪", full_width(&short)),
        1 => format!("{short} 坪"),
        _ => format!("{short}坪"),
    })
}

/// A code of digits: text, full-width text, or a number that has lost its leading zeros.
pub fn typed_code(code: &str, rng: &mut impl Rng) -> Cell {
    match (rng.random_range(0..3u32), code.parse()) {
        (0, Ok(number)) => Cell::Number(number),
        (1, _) => Cell::text(full_width(code)),
        _ => Cell::text(code),
    }
}

fn typed_integer(number: i64, rng: &mut impl Rng) -> Cell {
    match rng.random_range(0..8u32) {
        0 => Cell::text(full_width(&number.to_string())),
        1 => Cell::text(thousands(number)),
        2 => Cell::text(number.to_string()),
        _ => Cell::Number(number as f64),
    }
}

fn typed_area(hundredths: i64, rng: &mut impl Rng) -> Cell {
    let short = shortest_decimal(hundredths);
    Cell::text(match rng.random_range(0..8u32) {
        0..=2 => return Cell::Number(hundredths as f64 / 100.0),
        3 => format!("{short}㎡"),
        4 => format!("{short} m²"),
        5 => full_width(&short),
        6 => format!("{}㎡", full_width(&short)),
        _ => short,
    })
}

fn typed_month(month: Date, rng: &mut impl Rng) -> Cell {
    let (y, m) = (month.year(), month.month());
    Cell::text(match rng.random_range(0..8u32) {
        0..=1 => format!("{y}年{m}月"),
        5 => format!("築{y}年{m}月"),
        6 => format!("{}{m}月築", era_year(month, Era::Long)),
        2 => format!("{}{m}月", era_year(month, Era::Long)),
        3 => format!("{y}/{m}/1"),
        4 => format!("{}年{}月", full_width(&y.to_string()), full_width(&m.to_string())),
        _ => return Cell::Date(month),
    })
}

fn typed_date(day: Date, rng: &mut impl Rng) -> Cell {
    let (y, m, d) = (day.year(), day.month(), day.day());
    Cell::text(match rng.random_range(0..8u32) {
        0..=1 => format!("{}{m}月{d}日", era_year(day, Era::Long)),
        2 => format!("{y}-{m}-{d}"),
        3 => format!("{y}/{m:02}/{d:02}"),
        4 => format!("{y}年{m}月{d}日"),
        5 => format!("{}.{m}.{d}", era_year(day, Era::Short)),
        _ => return Cell::Date(day),
    })
}

fn typed_moment(moment: DateTime, rng: &mut impl Rng) -> Cell {
    match rng.random_range(0..4u32) {
        0 => Cell::text(moment.strftime("%Y/%-m/%-d %-H:%M").to_string()),
        1 => Cell::text(moment.strftime("%Y-%m-%d %H:%M").to_string()),
        _ => Cell::DateTime(moment),
    }
}

fn typed_time(time: Time, rng: &mut impl Rng) -> Cell {
    let (hour, minute) = (time.hour(), time.minute());
    let half = if hour < 12 { "午前" } else { "午後" };
    let minutes = if minute == 0 { String::new() } else { format!("{minute}分") };
    Cell::text(match rng.random_range(0..7u32) {
        0 => format!("{hour}:{minute:02}"),
        1 => format!("{hour}時{minutes}"),
        2 if minute == 30 => format!("{hour}時半"),
        3 => format!("{half}{}時{minutes}", hour % 12),
        4 => full_width(&format!("{hour}:{minute:02}")),
        _ => return Cell::Number((f64::from(hour) * 60.0 + f64::from(minute)) / 1440.0),
    })
}

/// A document as Postgres shows it, or as a program or a person would write it.
fn typed_document(document: &str, rng: &mut impl Rng) -> Cell {
    Cell::text(match rng.random_range(0..3u32) {
        0 => document.replace(": ", ":").replace(", ", ","),
        1 => document.replace('{', "{\n  ").replace(", ", ",\n  ").replace('}', "\n}"),
        _ => document.to_owned(),
    })
}

fn typed_answer(answer: bool, rng: &mut impl Rng) -> Cell {
    let pairs = [("有", "無"), ("○", "×"), ("あり", "なし")];
    let (yes, no) = pairs[rng.random_range(0..pairs.len() as u32) as usize];
    Cell::text(if answer { yes } else { no })
}

/// `128,000,000` for 128000000.
fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1億2,800万円` for 128000000; a whole number of 万 is given.
fn in_oku_and_man(yen: i64) -> String {
    let (oku, man) = (yen / 100_000_000, yen % 100_000_000 / 10_000);
    match (oku, man) {
        (0, man) => format!("{}万円", thousands(man)),
        (oku, 0) => format!("{oku}億円"),
        (oku, man) => format!("{oku}億{}万円", thousands(man)),
    }
}

/// `65.2` for 6520.
fn shortest_decimal(hundredths: i64) -> String {
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Every ASCII character in its full-width form, as an input method leaves it: `３，９８０`.
fn full_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '!'..='~' => char::from_u32(c as u32 + 0xFEE0).unwrap_or(c),
            other => other,
        })
        .collect()
}

#[derive(Clone, Copy)]
enum Era {
    /// `令和6年`
    Long,
    /// `R6`
    Short,
}

/// The year of a date in the era that it falls in.
fn era_year(day: Date, style: Era) -> String {
    let (long, short, first_year) = if day >= date(2019, 5, 1) {
        ("令和", "R", 2019)
    } else if day >= date(1989, 1, 8) {
        ("平成", "H", 1989)
    } else {
        ("昭和", "S", 1926)
    };
    let year = day.year() - first_year + 1;
    match style {
        Era::Short => format!("{short}{year}"),
        Era::Long if year == 1 => format!("{long}元年"),
        Era::Long => format!("{long}{year}年"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_written_as_agents_write_them() {
        assert_eq!(in_oku_and_man(128_000_000), "1億2,800万円");
        assert_eq!(in_oku_and_man(200_000_000), "2億円");
        assert_eq!(in_oku_and_man(39_800_000), "3,980万円");
        assert_eq!(full_width("3,980万円"), "３，９８０万円");
        assert_eq!(thousands(-1_234_567), "-1,234,567");
    }

    #[test]
    fn eras_change_on_their_day() {
        for (day, long) in [
            (date(2019, 4, 30), "平成31年"),
            (date(2019, 5, 1), "令和元年"),
            (date(1989, 1, 7), "昭和64年"),
            (date(2024, 3, 1), "令和6年"),
        ] {
            assert_eq!(era_year(day, Era::Long), long);
        }
        assert_eq!(era_year(date(2024, 3, 1), Era::Short), "R6");
    }

    #[test]
    fn decimals_lose_their_trailing_zeros() {
        for (hundredths, text) in [(6520, "65.2"), (6500, "65"), (6525, "65.25")] {
            assert_eq!(shortest_decimal(hundredths), text);
        }
    }
}
