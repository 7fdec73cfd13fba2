//! Laws that hold for every value and every string: nothing panics, and what is written in any accepted form is read as
//! what it was.

use std::sync::LazyLock;

use jiff::civil::{Date, Time, date};
use jiff::{SignedDuration, ToSpan as _};
use proptest::prelude::*;

use super::Mapping;
use super::cell::Cell;
use super::examples::groups;
use super::page::{Expected, mapping, outcome};
use super::serial::{DAY_ZERO, from_serial};

/// The JSON that is stored for `cell`, or what else becomes of it.
fn stored(options: &str, cell: impl Into<Cell>) -> String {
    match outcome(&mapping(options), &cell.into()) {
        Expected::Stored(json) => json,
        other => format!("{other:?}"),
    }
}

/// Every rule of the examples, and all options at once.
static RULES: LazyLock<Vec<Mapping>> = LazyLock::new(|| {
    let options = groups().into_iter().map(|group| group.options);
    options.chain([EVERY_NUMBER, EVERY_DATE, "type = 'duration'\nmax = '10000:00'"]).map(mapping).collect()
});

fn quoted(value: impl ToString) -> String {
    format!("{:?}", value.to_string())
}

fn any_day() -> impl Strategy<Value = Date> {
    (0..3_652_058).prop_map(|days: i32| date(1, 1, 1).checked_add(days.days()).unwrap())
}

fn full_width(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '!'..='~' => char::from_u32(u32::from(character) + 0xfee0).unwrap(),
            _ => character,
        })
        .collect()
}

fn with_commas(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let first = digits.len() % 3;
    let groups = digits.as_bytes()[first..].chunks(3).map(|group| std::str::from_utf8(group).unwrap());
    let groups: Vec<&str> =
        Some(&digits[..first]).filter(|first| !first.is_empty()).into_iter().chain(groups).collect();
    format!("{}{}", if number < 0 { "-" } else { "" }, groups.join(","))
}

/// A number below 10,000 with 千 百 十: `2千8百03`. The zeros say that nothing was left out.
fn in_small_units(number: i64) -> String {
    let digits = [("千", 1000), ("百", 100), ("十", 10)].map(|(unit, size)| (number / size % 10, unit));
    let written: Vec<_> = digits.iter().filter(|(digit, _)| *digit > 0).collect();
    let text: String = written.iter().map(|(digit, unit)| format!("{digit}{unit}")).collect();
    let places = written.last().map_or(1, |(_, unit)| {
        if *unit == "千" {
            3
        } else if *unit == "百" {
            2
        } else {
            1
        }
    });
    match number % 10 {
        0 => text,
        rest => format!("{text}{rest:0places$}"),
    }
}

fn in_era(day: Date) -> String {
    let (era, first) = match day {
        day if day >= date(2019, 5, 1) => ("令和", 2019),
        day if day >= date(1989, 1, 8) => ("平成", 1989),
        day if day >= date(1926, 12, 25) => ("昭和", 1926),
        day if day >= date(1912, 7, 30) => ("大正", 1912),
        _ => ("明治", 1868),
    };
    let year = match day.year() - first + 1 {
        1 => "元".to_owned(),
        year => year.to_string(),
    };
    format!("{era}{year}年{}月{}日", day.month(), day.day())
}

const EVERY_NUMBER: &str = "type = 'decimal'\nyen = true\nnumber_words = true\napproximate = true\naccounting = true\n\
                            percent = true\ntsubo = true\nprefixes = ['築']\nsuffixes = ['㎡']";
const EVERY_DATE: &str = "type = 'date'\nera = true\npartial = 'year'\ncompact = true\norder = 'mdy'\nprefixes = ['築']\n\
                          suffixes = ['頃']";

/// Takes every serial number for a day.
const ANY_DAY: &str = "min = '0001-01-01'\nmax = '9999-12-31'";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_any_rule_panic(text in any::<String>(), near in "[0-9０-９億万千百十円¥%,.年月日/:(){}\\[\\]\" +\\-令平昭RH元午後時分約築坪㎡頃金#TZ\0]{0,24}") {
        for mapping in RULES.iter() {
            outcome(mapping, &Cell::from(text.as_str()));
            outcome(mapping, &Cell::from(near.as_str()));
        }
    }

    #[test]
    fn no_number_makes_any_rule_panic(number in any::<f64>()) {
        for mapping in RULES.iter() {
            outcome(mapping, &Cell::from(number));
        }
    }

    #[test]
    fn what_is_stored_is_read_as_itself(near in "[0-9０-９億万,.年月日/:\\-\u{3000} ]{1,12}") {
        for options in ["type = 'text'", "type = 'integer'\nnumber_words = true", "type = 'decimal'", "type = 'date'", "type = 'time'", "type = 'timestamp'", "type = 'duration'"] {
            if let Expected::Stored(json) = outcome(&mapping(options), &Cell::from(near.as_str())) && json != "null" {
                let text: String = serde_json::from_str(&json).unwrap_or_else(|_| json.clone());
                prop_assert_eq!(stored(options, text), json);
            }
        }
    }

    #[test]
    fn nothing_in_a_cell_is_ever_ignored(before in "[0-9億万円,.年月日/:時分間T+\\- ]{0,8}", after in "[0-9億万円,.年月日/:時分T+\\- ]{0,8}") {
        let text = format!("{before}x{after}");
        for options in [EVERY_NUMBER, EVERY_DATE, "type = 'time'", "type = 'timestamp'\ncompact = true", "type = 'duration'"] {
            let outcome = stored(options, text.as_str());
            prop_assert!(outcome.starts_with("Rejected"), "{} gave {}", text, outcome);
        }
    }

    #[test]
    fn whole_numbers_survive_every_way_of_writing_them(number in any::<i64>()) {
        let written = number.to_string();
        for form in [written.clone(), with_commas(number), full_width(&with_commas(number)), format!("{written}.0")] {
            prop_assert_eq!(stored("type = 'integer'", form), written.clone());
        }
    }

    #[test]
    fn numbers_in_words_mean_what_they_say(trillions in 1..10_000_i64, hundred_millions in 1..10_000_i64, ten_thousands in 1..10_000_i64, rest in 0..10_000_i64) {
        let number = trillions * 1_000_000_000_000 + hundred_millions * 100_000_000 + ten_thousands * 10_000 + rest;
        let larger = format!("{trillions}兆{}億", with_commas(hundred_millions));
        for form in [
            format!("{larger}{ten_thousands}万{rest:04}円"),
            format!("{larger}{}万{rest:04}円", in_small_units(ten_thousands)),
            full_width(&format!("{larger} {}万 {rest:04}円", with_commas(ten_thousands))),
        ] {
            prop_assert_eq!(stored("type = 'integer'\nnumber_words = true\nyen = true", form), number.to_string());
        }
    }

    #[test]
    fn decimals_keep_their_digits(mantissa in any::<i64>(), scale in 0_u32..=9) {
        let number = rust_decimal::Decimal::new(mantissa, scale);
        prop_assert_eq!(stored("type = 'decimal'", number.to_string()), number.normalize().to_string());
    }

    #[test]
    fn doubles_come_back_from_decimals(number in -1e12_f64..1e12) {
        prop_assert_eq!(stored("type = 'decimal'\nfloats = 'exact'", number).parse::<f64>().unwrap(), number);
    }

    #[test]
    fn days_survive_every_way_of_writing_them(day in any_day()) {
        let (year, month, date_of_month) = (day.year(), day.month(), day.day());
        for form in [
            day.to_string(),
            format!("{year:04}/{month}/{date_of_month}"),
            full_width(&format!("{year:04}/{month}/{date_of_month}")),
            format!("{year:04}年{month}月{date_of_month}日"),
            format!("{month}/{date_of_month}/{year:04}"),
            format!("{year:04}{month:02}{date_of_month:02}"),
        ] {
            prop_assert_eq!(stored(EVERY_DATE, form), quoted(day));
        }
        if day >= date(1873, 1, 1) && day < date(2118, 1, 1) {
            prop_assert_eq!(stored(EVERY_DATE, in_era(day)), quoted(day));
        }
        let serial = f64::from(DAY_ZERO.until(day).unwrap().get_days());
        prop_assert_eq!(stored(&format!("type = 'date'\n{ANY_DAY}"), serial), quoted(day));
    }

    #[test]
    fn every_millisecond_survives_its_serial_number(days in -100_000..100_000_i32, millisecond in 0..86_400_000_i32) {
        let serial = f64::from(days) + f64::from(millisecond) / 86_400_000.0;
        let time = Time::midnight().checked_add(SignedDuration::from_millis(i64::from(millisecond))).unwrap();
        let moment = DAY_ZERO.checked_add(days.days()).unwrap().to_datetime(time);
        prop_assert_eq!(from_serial(serial), Some(moment));
        prop_assert_eq!(stored(&format!("type = 'timestamp'\ntime_zone = 'none'\n{ANY_DAY}"), serial), quoted(moment));
        prop_assert_eq!(stored("type = 'time'", time.to_string()), quoted(time));
    }

    #[test]
    fn texts_are_stored_as_they_are(text in "[^\\x00-\\x1f\u{fffe}\u{ffff}]*") {
        // What goes at the ends is in `faults`.
        let text = format!("({text})");
        let json = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(stored("type = 'text'", format!(" \u{200b}{text}\u{3000}\u{feff}")), json);
    }
}
