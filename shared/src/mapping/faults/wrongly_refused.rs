//! Cells that everybody reads in one way only, and that were refused.

use super::Expect::{Refused, Stored};
use super::Raw::{Number, Text};
use super::check;
use crate::mapping::rejection::Code::*;

#[test]
fn the_noise_of_a_formula_is_not_what_people_see() {
    check(&[
        (
            "type = 'integer'",
            &[
                (Number(2980.0 * 1.1), Stored("3278")),
                (Number(434.999_999_999_999_94), Stored("435")),
                (Number(3_278.000_000_1), Refused(HasFraction)),
                (Number(5e-17), Refused(HasFraction)),
            ],
        ),
        ("type = 'integer'\nmultiply_by = 1000", &[(Number(3.277_999_999_999_999_6), Stored("3278"))]),
        (
            "type = 'decimal'",
            &[
                (Number(0.1 + 0.2), Stored("0.3")),
                (Number(47.721_000_000_000_004), Stored("47.721")),
                (Number(1.0 / 3.0), Stored("0.333333333333333")),
                (Number(-2.0 / 3.0), Stored("-0.666666666666667")),
                (Number(99_999_999_999_999.99), Stored("100000000000000")),
            ],
        ),
        ("type = 'text'", &[(Number(0.1 + 0.2), Stored("\"0.3\"")), (Number(2980.0 * 1.1), Stored("\"3278\""))]),
        ("type = 'json'", &[(Number(0.1 + 0.2), Stored("0.3"))]),
        ("type = 'text_array'", &[(Number(0.1 + 0.2), Stored("[\"0.3\"]"))]),
        ("type = 'enum'\nvalues = ['0.3']", &[(Number(0.1 + 0.2), Stored("\"0.3\""))]),
    ]);
}

#[test]
fn gaps_before_units_are_read_as_all_others() {
    check(&[
        (
            "type = 'date'\nera = true\npartial = 'month'",
            &[
                (Text("2024 年 3 月 1 日"), Stored("\"2024-03-01\"")),
                (Text("令和 6 年 3 月 1 日"), Stored("\"2024-03-01\"")),
                (Text("令和 元 年 5 月 1 日"), Stored("\"2019-05-01\"")),
                (Text("2024 年 3 月"), Stored("\"2024-03-01\"")),
                (Text("2024 3月1日"), Refused(NotADate)),
            ],
        ),
        (
            "type = 'time'",
            &[
                (Text("9 時 30 分"), Stored("\"09:30:00\"")),
                (Text("9 時 30 分 15 秒"), Stored("\"09:30:15\"")),
                (Text("午後 3 時"), Stored("\"15:00:00\"")),
                (Text("9 30"), Refused(NotATime)),
            ],
        ),
        (
            "type = 'integer'\nnumber_words = true\nyen = true",
            &[
                (Text("3,800 万円"), Stored("38000000")),
                (Text("1 億円"), Stored("100000000")),
                (Text("1 億 2,800 万 円"), Stored("128000000")),
                (Text("3 800万円"), Refused(NotANumber)),
                (Text("3 8"), Refused(NotANumber)),
            ],
        ),
    ]);
}

#[test]
fn any_minus_sign_separates_the_parts_of_a_date() {
    check(&[
        (
            "type = 'date'\nera = true",
            &[
                (Text("2024−03−01"), Stored("\"2024-03-01\"")),
                (Text("R6−3−1"), Stored("\"2024-03-01\"")),
                (Text("2024‐03‐01"), Stored("\"2024-03-01\"")),
                (Text("2024–03–01"), Stored("\"2024-03-01\"")),
                (Text("2024-03–01"), Refused(NotADate)),
            ],
        ),
        ("type = 'integer'", &[(Text("−5"), Stored("-5"))]),
    ]);
}

#[test]
fn amounts_are_read_as_companies_write_them() {
    check(&[(
        "type = 'integer'\nyen = true\nnumber_words = true\naccounting = true",
        &[
            (Text("100百万円"), Stored("100000000")),
            (Text("99百万円"), Stored("99000000")),
            (Text("1,234百万円"), Stored("1234000000")),
            (Text("1億100百万円"), Refused(NotANumber)),
            (Text("100百万5千"), Refused(NotANumber)),
            (Text("3,800千万"), Refused(NotANumber)),
            (Text("¥1億2800万円"), Stored("128000000")),
            (Text("¥1,000-"), Stored("1000")),
            (Text("¥1,000ー"), Stored("1000")),
            (Text("-¥1,000-"), Refused(NotANumber)),
            (Text("1,000-"), Refused(NotANumber)),
            (Text("(1,000)円"), Stored("-1000")),
            (Text("¥(1,000)"), Stored("-1000")),
            (Text("(¥1,000)"), Stored("-1000")),
            (Text("(1,000円)"), Stored("-1000")),
            (Text("-(1,000)"), Refused(NotANumber)),
            (Text("(-1,000)"), Refused(NotANumber)),
            (Text("千五"), Stored("1005")),
            (Text("三千五"), Stored("3005")),
            (Text("3千5"), Refused(NotANumber)),
            (Text("三万五"), Refused(NotANumber)),
        ],
    )]);
}

#[test]
fn am_pm_and_holidays_are_read_as_people_write_them() {
    check(&[
        (
            "type = 'time'",
            &[
                (Text("PM3:00"), Stored("\"15:00:00\"")),
                (Text("ＰＭ３：００"), Stored("\"15:00:00\"")),
                (Text("AM 9:30"), Stored("\"09:30:00\"")),
                (Text("PM0:30"), Stored("\"12:30:00\"")),
                (Text("PM12:30"), Refused(NotATime)),
                (Text("PM13:00"), Refused(NotATime)),
                (Text("PM3:00PM"), Refused(NotATime)),
                (Text("9pm"), Stored("\"21:00:00\"")),
                (Text("9 PM"), Stored("\"21:00:00\"")),
                (Text("9 p.m."), Stored("\"21:00:00\"")),
                (Text("13pm"), Refused(NotATime)),
                (Text("9"), Refused(NotATime)),
            ],
        ),
        (
            "type = 'timestamp'\norder = 'mdy'\ntime_zone = 'none'",
            &[
                (Text("3/1/2024, 1:00 PM"), Stored("\"2024-03-01T13:00:00\"")),
                (Text("3/1/2024, 13:00:05"), Stored("\"2024-03-01T13:00:05\"")),
                (Text("3/1/2024,"), Refused(NotATimestamp)),
            ],
        ),
        (
            "type = 'date'\npartial = 'month'",
            &[
                (Text("2024/3/20(水・祝)"), Stored("\"2024-03-20\"")),
                (Text("2024/3/20（水･祝日）"), Stored("\"2024-03-20\"")),
                (Text("2024/3/20(水祝)"), Stored("\"2024-03-20\"")),
                (Text("2024/3/20(木・祝)"), Refused(WeekdayMismatch)),
                (Text("2024年3月(金)"), Refused(NotADate)),
                (Text("1500.10"), Refused(NotADate)),
                (Text("2005.10"), Stored("\"2005-10-01\"")),
            ],
        ),
    ]);
}

#[test]
fn last_writable_day_is_a_timestamp_in_every_zone() {
    check(&[
        ("type = 'timestamp'\ntime_zone = 'UTC'", &[(Text("9999-12-31"), Stored("\"9999-12-31T00:00:00+00:00\""))]),
        (
            "type = 'timestamp'\ntime_zone = 'America/New_York'",
            &[
                (Text("9999-12-31"), Stored("\"9999-12-31T05:00:00+00:00\"")),
                (Text("9999-12-31T23:59:59Z"), Stored("\"9999-12-31T23:59:59+00:00\"")),
                (Text("9999-12-31 23:59:59"), Refused(NotATimestamp)),
            ],
        ),
        ("type = 'timestamp'", &[(Text("9999-12-31"), Stored("\"9999-12-30T15:00:00+00:00\""))]),
    ]);
}

#[test]
fn the_longest_word_is_tried_first() {
    check(&[
        (
            "type = 'date'\npartial = 'month'\nprefixes = ['築', '築年月']\nsuffixes = ['築', '新築']",
            &[(Text("築年月2005年3月"), Stored("\"2005-03-01\"")), (Text("2005年3月新築"), Stored("\"2005-03-01\""))],
        ),
        ("type = 'decimal'\nsuffixes = ['m', 'km']", &[(Text("5km"), Stored("5")), (Text("5m"), Stored("5"))]),
    ]);
}

#[test]
fn what_cannot_be_seen_goes_as_white_space_does() {
    check(&[
        (
            "type = 'text'",
            &[
                (Text("\u{200b}"), Stored("null")),
                (Text("\u{ad}"), Stored("null")),
                (Text(" \u{2060}\u{feff}\u{3000}"), Stored("null")),
                (Text("A1\u{feff}"), Stored("\"A1\"")),
                (Text("\u{2060} A1 \u{200e}"), Stored("\"A1\"")),
                (Text("A\u{200b}1"), Stored("\"A\u{200b}1\"")),
                (Text("✔\u{fe0f}"), Stored("\"✔\u{fe0f}\"")),
                (Text("A1\u{fe0f}"), Stored("\"A1\"")),
                (Text("👨\u{200d}👩\u{200d}👧"), Stored("\"👨\u{200d}👩\u{200d}👧\"")),
                (Text("葛\u{e0100}"), Stored("\"葛\u{e0100}\"")),
                (Text("\u{5d0}\u{200f}"), Stored("\"\u{5d0}\"")),
            ],
        ),
        (
            "type = 'integer'",
            &[(Text("\u{feff}12,800\u{200b}"), Stored("12800")), (Text("\u{202d}12\u{202c}"), Stored("12"))],
        ),
        ("type = 'integer'", &[(Text("\u{202e}12"), Refused(NotANumber)), (Text("\u{200b}"), Stored("null"))]),
        ("type = 'date'", &[(Text("\u{200e}2024\u{200e}/\u{200e}3\u{200e}/\u{200e}1"), Stored("\"2024-03-01\""))]),
        ("type = 'time'", &[(Text("9:30\u{200e} PM\u{feff}"), Stored("\"21:30:00\""))]),
        ("type = 'boolean'", &[(Text("\u{200b}TRUE\u{2060}"), Stored("true"))]),
        ("type = 'enum'\nvalues = ['新築']", &[(Text("新築\u{200b}"), Stored("\"新築\""))]),
        ("type = 'text_array'", &[(Text("a\u{feff},\u{200b},b"), Stored("[\"a\",\"b\"]"))]),
        ("type = 'json'", &[(Text("\u{feff}\u{3000}{\"a\":1}\u{a0}"), Stored("{\"a\":1}"))]),
    ]);
}
