//! Cells of which something else was stored than everybody reads in them, while the run said that all was well.

use proptest::prelude::*;

use super::Expect::{Refused, Stored};
use super::Raw::{Bool, Number, Text};
use super::{Table, check, check_in};
use crate::mapping::cell::Cell;
use crate::mapping::page::{Expected, JAPAN, mapping_in, outcome};
use crate::mapping::rejection::Code::*;

#[test]
fn a_range_of_hours_is_no_offset() {
    check(&[
        (
            "type = 'timestamp'",
            &[
                (Text("2024/3/1 10:00-12:00"), Refused(NotATimestamp)),
                (Text("2024/3/1 14:00-15:30"), Refused(NotATimestamp)),
                (Text("2024/3/1 9時-12"), Refused(NotATimestamp)),
                (Text("2024/3/1 10:00-1130"), Refused(NotATimestamp)),
                (Text("2024/3/1 10:00−12:00"), Refused(NotATimestamp)),
                (Text("2024/3/1 10:00–12:00"), Refused(NotATimestamp)),
                (Text("2024/3/1 10:00:00–12:00"), Refused(NotATimestamp)),
                (Text("2024/3/1 10:00:00-12:00:00"), Refused(NotATimestamp)),
                (Text("2024/3/1 9時30分15秒-12"), Refused(NotATimestamp)),
                (Text("2024/3/1 10:00+12"), Refused(NotATimestamp)),
                (Text("2024-03-01T10:00:00-13:00"), Refused(NotATimestamp)),
                (Text("2024-03-01T10:00:00+15:00"), Refused(NotATimestamp)),
                (Text("2024-03-01T10:00-05:00"), Stored("\"2024-03-01T15:00:00+00:00\"")),
                (Text("2024-03-01T10:00-05"), Stored("\"2024-03-01T15:00:00+00:00\"")),
                (Text("2024-03-01 10:00:00-12"), Stored("\"2024-03-01T22:00:00+00:00\"")),
                (Text("2024-03-01 10:00:00 -05:00"), Stored("\"2024-03-01T15:00:00+00:00\"")),
                (Text("2024-03-01 10:00:00−08:00"), Stored("\"2024-03-01T18:00:00+00:00\"")),
                (Text("2024-03-01 10:00+09:00"), Stored("\"2024-03-01T01:00:00+00:00\"")),
                (Text("2024-03-01 10:00 +0900"), Stored("\"2024-03-01T01:00:00+00:00\"")),
                (Text("2024-03-01T10:00+14"), Stored("\"2024-02-29T20:00:00+00:00\"")),
                (Text("2024-03-01 10:00Z"), Stored("\"2024-03-01T10:00:00+00:00\"")),
            ],
        ),
        ("type = 'time'", &[(Text("10:00-12:00"), Refused(NotATime)), (Text("9時-12"), Refused(NotATime))]),
        (
            "type = 'date'\ntime_of_day = 'drop'",
            &[(Text("2024/3/1 10:00-12:00"), Refused(NotADate)), (Text("2024/3/1 9時-12"), Refused(NotADate))],
        ),
    ]);
}

#[test]
fn a_note_mark_is_no_digit() {
    check(&[
        (
            "type = 'date'\nera = true\npartial = 'year'",
            &[
                (Text("2024/3/1①"), Refused(NotADate)),
                (Text("2024/3/1¹"), Refused(NotADate)),
                (Text("R6.3.1²"), Refused(NotADate)),
                (Text("2024/1②/1"), Refused(NotADate)),
                (Text("2024/1₂/1"), Refused(NotADate)),
                (Text("2024年1㋂1日"), Refused(NotADate)),
                (Text("2024年3月1㏠"), Refused(NotADate)),
                (Text("R²6.3.1"), Refused(NotADate)),
                (Text("Ⓢ64.1.7"), Refused(NotADate)),
                (Text("㍻31年4月30日"), Stored("\"2019-04-30\"")),
                (Text("㋿6年3月1日"), Stored("\"2024-03-01\"")),
                (Text("2024/3/1㈮"), Stored("\"2024-03-01\"")),
            ],
        ),
        (
            "type = 'integer'\nnumber_words = true\nyen = true\naccounting = true\nprefixes = ['No']",
            &[
                (Text("800¹"), Refused(NotANumber)),
                (Text("100①"), Refused(NotANumber)),
                (Text("10²万"), Refused(NotANumber)),
                (Text("①"), Refused(NotANumber)),
                (Text("⑴"), Refused(NotANumber)),
                (Text("㈠"), Refused(NotANumber)),
                (Text("㊀"), Refused(NotANumber)),
                (Text("⒈"), Refused(NotANumber)),
                (Text("1⒈"), Refused(NotANumber)),
                (Text("⁻5"), Refused(NotANumber)),
                (Text("10⁻3"), Refused(NotANumber)),
                (Text("No²"), Refused(NotANumber)),
                (Text("No²5"), Refused(NotANumber)),
                (Text("1½"), Refused(NotANumber)),
                (Text("５𝟎"), Stored("50")),
                (Text("№5"), Stored("5")),
            ],
        ),
        (
            "type = 'decimal'\nsuffixes = ['㎡']",
            &[
                (Text("85.5²"), Refused(NotANumber)),
                (Text("8²㎡"), Refused(NotANumber)),
                (Text("85.5㎡②"), Refused(NotANumber)),
                (Text("85.5㎡"), Stored("85.5")),
                (Text("85.5m²"), Stored("85.5")),
                (Text("85.5ｍ２"), Stored("85.5")),
            ],
        ),
        ("type = 'decimal'\nsuffixes = ['m2']", &[(Text("85.5㎡"), Stored("85.5")), (Text("85.5m²"), Stored("85.5"))]),
        ("type = 'decimal'\nsuffixes = ['m³']", &[(Text("85.5㎥"), Stored("85.5")), (Text("85.5m3"), Stored("85.5"))]),
        ("type = 'time'", &[(Text("9:3²"), Refused(NotATime)), (Text("9:3０"), Stored("\"09:30:00\""))]),
        (
            "type = 'timestamp'",
            &[(Text("2024/3/1① 9:30"), Refused(NotATimestamp)), (Text("2024/3/1 9:30³"), Refused(NotATimestamp))],
        ),
        (
            "type = 'enum'\nvalues = ['1', 'S', '有', '(株)']",
            &[
                (Text("①"), Refused(UnknownValue)),
                (Text("¹"), Refused(UnknownValue)),
                (Text("Ⓢ"), Refused(UnknownValue)),
                (Text("１"), Stored("\"1\"")),
                (Text("ｓ"), Stored("\"S\"")),
                (Text("㊒"), Stored("\"有\"")),
                (Text("㈱"), Stored("\"(株)\"")),
            ],
        ),
        ("type = 'enum'\nvalues = ['①', '②']", &[(Text("①"), Stored("\"①\"")), (Text("1"), Refused(UnknownValue))]),
        (
            "type = 'boolean'\ntrue_values = ['1']\nfalse_values = ['0']",
            &[(Text("①"), Refused(NotABoolean)), (Text("⓪"), Refused(NotABoolean)), (Text("1"), Stored("true"))],
        ),
    ]);
}

#[test]
fn no_one_groups_a_zero() {
    check(&[
        (
            "type = 'decimal'\nyen = true\nnumber_words = true",
            &[
                (Text("0,125"), Refused(NotANumber)),
                (Text("-0,500"), Refused(NotANumber)),
                (Text("0,500万円"), Refused(NotANumber)),
                (Text("000,123"), Refused(NotANumber)),
                (Text("0.125"), Stored("0.125")),
                (Text("10,125"), Stored("10125")),
            ],
        ),
        ("type = 'integer'", &[(Text("00,123"), Refused(NotANumber)), (Text("0123"), Stored("123"))]),
    ]);
}

#[test]
fn point_or_hyphen_joins_a_word_to_its_number() {
    check(&[
        (
            "type = 'decimal'\nprefixes = ['Rs', 'No', 'Fr', 'P', '第', '徒歩', 'R$', 'A1', '約']\nsuffixes = ['号', '分', '0番']",
            &[
                (Text("Rs.500"), Refused(NotANumber)),
                (Text("No.12"), Refused(NotANumber)),
                (Text("No. 12"), Refused(NotANumber)),
                (Text("No .12"), Refused(NotANumber)),
                (Text("Fr.500"), Refused(NotANumber)),
                (Text("No-5"), Refused(NotANumber)),
                (Text("No -5"), Refused(NotANumber)),
                (Text("No+5"), Refused(NotANumber)),
                (Text("P-12"), Refused(NotANumber)),
                (Text("第−3号"), Refused(NotANumber)),
                (Text("徒歩-8分"), Refused(NotANumber)),
                (Text("徒歩8-分"), Refused(NotANumber)),
                (Text("約-8"), Refused(NotANumber)),
                (Text("A15"), Refused(NotANumber)),
                (Text("50番"), Refused(NotANumber)),
                (Text("5 0番"), Stored("5")),
                (Text("A1 5"), Stored("5")),
                (Text("No12"), Stored("12")),
                (Text("No 0.5"), Stored("0.5")),
                (Text("-P12"), Stored("-12")),
                (Text("R$-5"), Stored("-5")),
                (Text("R$.50"), Stored("0.5")),
                (Text("徒歩 8 分"), Stored("8")),
            ],
        ),
        (
            "type = 'decimal'\nyen = true\napproximate = true\naccounting = true",
            &[
                (Text("¥-1,000"), Stored("-1000")),
                (Text("¥.5"), Stored("0.5")),
                (Text("約-5円"), Refused(NotANumber)),
                (Text("約.5円"), Refused(NotANumber)),
                (Text("約▲5円"), Stored("-5")),
                (Text("-約5円"), Stored("-5")),
            ],
        ),
        (
            "type = 'decimal'\nprefixes = ['Rs.']",
            &[(Text("Rs.500"), Stored("500")), (Text("Rs..5"), Refused(NotANumber))],
        ),
    ]);
}

#[test]
fn words_for_numbers_that_people_would_ask_about_are_refused() {
    check(&[(
        "type = 'decimal'\nnumber_words = true",
        &[
            (Text("二三万"), Refused(NotANumber)),
            (Text("五六"), Refused(NotANumber)),
            (Text("二五万"), Stored("250000")),
            (Text("5三千"), Refused(NotANumber)),
            (Text("三.五"), Refused(NotANumber)),
            (Text("2005十3"), Refused(NotANumber)),
            (Text("15百"), Refused(NotANumber)),
            (Text("6.5十"), Refused(NotANumber)),
            (Text("12千5百"), Refused(NotANumber)),
            (Text("3千5万"), Refused(NotANumber)),
            (Text("3千50万"), Stored("30500000")),
            (Text("三千五万"), Stored("30050000")),
            (Text("1億02800万"), Refused(NotANumber)),
            (Text("千205.3"), Refused(NotANumber)),
            (Text("三百0"), Refused(NotANumber)),
            (Text("0千"), Refused(NotANumber)),
            (Text("3万0000"), Stored("30000")),
            (Text("3,800千"), Stored("3800000")),
            (Text("1.5千"), Stored("1500")),
            (Text("十六"), Stored("16")),
        ],
    )]);
}

#[test]
fn a_remark_in_brackets_is_not_negative() {
    check(&[(
        "type = 'integer'\naccounting = true\napproximate = true\nyen = true\nprefixes = ['築', '$']\nsuffixes = ['階']",
        &[
            (Text("(5階)"), Refused(NotANumber)),
            (Text("(約5)"), Refused(NotANumber)),
            (Text("(5程度)"), Refused(NotANumber)),
            (Text("(築5)"), Refused(NotANumber)),
            (Text("(5)階"), Refused(NotANumber)),
            (Text("築(5)"), Refused(NotANumber)),
            (Text("($5)"), Stored("-5")),
            (Text("$(5)"), Stored("-5")),
            (Text("(¥5)"), Stored("-5")),
        ],
    )]);
}

#[test]
fn serial_number_is_a_recent_date_unless_column_allows_more() {
    let year = Refused(NotADate);
    check(&[
        (
            "type = 'date'\ncompact = true\npartial = 'year'\ntime_of_day = 'drop'",
            &[
                (Number(2005.0), year),
                (Number(202_403.0), year),
                (Number(240_301.0), year),
                (Number(3.0), year),
                (Number(0.0), year),
                (Number(2024.3), year),
                (Number(3_999.0), year),
                (Number(110_000.0), year),
                (Number(4_000.0), Stored("\"1910-12-13\"")),
                (Number(109_999.0), Stored("\"2201-03-01\"")),
                (Number(45_352.0), Stored("\"2024-03-01\"")),
                (Number(20_240_301.0), Stored("\"2024-03-01\"")),
            ],
        ),
        (
            "type = 'timestamp'",
            &[(Number(2005.0), Refused(NotATimestamp)), (Number(202_403.0), Refused(NotATimestamp))],
        ),
        (
            "type = 'date'\nmin = '1900-01-01'",
            &[
                (Number(2005.0), Stored("\"1905-06-27\"")),
                (Number(1.0), Refused(BelowMinimum)),
                (Number(202_403.0), year),
            ],
        ),
        ("type = 'date'\nmax = '9999-12-31'", &[(Number(2005.0), year), (Number(202_403.0), Stored("\"2454-02-26\""))]),
        (
            "type = 'timestamp'\ntime_zone = 'none'\nmin = '1900-01-01'",
            &[(Number(2005.5), Stored("\"1905-06-27T12:00:00\""))],
        ),
    ]);
}

#[test]
fn blank_word_also_matches_numbers_and_checkboxes() {
    check(&[
        (
            "type = 'integer'\nblank_words = ['0', '999', '-1', '-']",
            &[
                (Number(0.0), Stored("null")),
                (Number(999.0), Stored("null")),
                (Number(-1.0), Stored("null")),
                (Number(-0.0), Stored("null")),
                (Number(1.0), Stored("1")),
                (Text("0"), Stored("null")),
                (Text("−"), Stored("null")),
                (Text("ー"), Stored("null")),
                (Text("―"), Stored("null")),
                (Text("－"), Stored("null")),
                (Text("−1"), Stored("-1")),
            ],
        ),
        (
            "type = 'decimal'\nblank_words = ['0.0', '1,000']",
            &[(Number(0.0), Stored("null")), (Number(1e3), Stored("null"))],
        ),
        (
            "type = 'boolean'\njapanese = true\nblank_words = ['FALSE']",
            &[(Bool(false), Stored("null")), (Text("×"), Stored("false")), (Bool(true), Stored("true"))],
        ),
        (
            "type = 'text'\nblank_words = ['false', '0']",
            &[(Bool(false), Stored("null")), (Number(0.0), Stored("null"))],
        ),
        (
            "type = 'date'\nmin = '1899-01-01'\nmax = '9999-12-31'\nblank_words = ['0', '9999-12-31']",
            &[
                (Number(0.0), Stored("null")),
                (Number(2_958_465.0), Stored("null")),
                (Number(1.0), Stored("\"1899-12-31\"")),
            ],
        ),
    ]);
}

#[test]
fn a_list_is_split_at_its_separator_in_any_width() {
    check(&[
        (
            "type = 'text_array'",
            &[
                (Text("a，b"), Stored("[\"a\",\"b\"]")),
                (Text("a﹐b"), Stored("[\"a\",\"b\"]")),
                (Text("\"a,b\",c"), Stored("[\"\\\"a\",\"b\\\"\",\"c\"]")),
                (Text("a、b"), Stored("[\"a、b\"]")),
            ],
        ),
        ("type = 'text_array'\nseparator = '、'", &[(Text("犬､猫"), Stored("[\"犬\",\"猫\"]"))]),
        ("type = 'text_array'\nseparator = '，'", &[(Text("a,b"), Stored("[\"a\",\"b\"]"))]),
        ("type = 'text_array'\nseparator = '/'", &[(Text("a／b"), Stored("[\"a\",\"b\"]"))]),
        (
            "type = 'text_array'\nseparator = ' '",
            &[(Text("a　b"), Stored("[\"a\",\"b\"]")), (Text("a\u{a0}b"), Stored("[\"a\",\"b\"]"))],
        ),
        (
            "type = 'text_array'\nseparator = ' / '",
            &[(Text("a　／　b"), Stored("[\"a\",\"b\"]")), (Text("a/b"), Stored("[\"a/b\"]"))],
        ),
    ]);
}

#[test]
fn a_number_whose_last_digits_sheets_lost_is_refused() {
    check(&[
        (
            "type = 'decimal'",
            &[
                (Number(9_007_199_254_740_992.0), Refused(DigitsLost)),
                (Number(-9_007_199_254_740_992.0), Refused(DigitsLost)),
                (Number(1e20), Refused(DigitsLost)),
                (Number(1e300), Refused(DigitsLost)),
                (Number(9_007_199_254_740_991.0), Stored("9007199254740991")),
                (Number(1_234_567_890_123_456.5), Stored("1234567890123456.5")),
                (Text("100000000000000000000"), Stored("100000000000000000000")),
                (Number(1e-30), Refused(OutOfRange)),
                (Number(1e-28), Stored("0.0000000000000000000000000001")),
                (Number(5e-324), Refused(OutOfRange)),
            ],
        ),
        (
            "type = 'decimal'\nscale = 4",
            &[(Number(5.551_115_123_125_78e-17), Stored("0")), (Number(1e-30), Stored("0"))],
        ),
        ("type = 'text'", &[(Number(9_007_199_254_740_992.0), Refused(DigitsLost))]),
    ]);
}

/// An answer of `values.get`.
#[derive(serde::Deserialize)]
struct ValueRange {
    values: Vec<Vec<Cell>>,
}

/// The cells in the bytes that Google sends for `numbers`, each as JavaScript writes it, or with the `.0` of other languages.
fn received(numbers: &[&str]) -> Vec<Cell> {
    let body = format!(r#"{{"range":"'表'!A1:Z1","majorDimension":"ROWS","values":[[{}]]}}"#, numbers.join(","));
    serde_json::from_slice::<ValueRange>(body.as_bytes()).unwrap().values.remove(0)
}

#[test]
fn number_from_google_keeps_its_last_digits() {
    let sent = [
        "7889045.0430000005",
        "0.0009750995631442353",
        "47.721000000000004",
        "2166637217357289.0",
        "8740470439503900.0",
        "0.30000000000000004",
        "-3278.0000000000005",
    ];
    for options in ["type = 'decimal'\nfloats = 'exact'", "type = 'text'\nfloats = 'exact'"] {
        let mapping = mapping_in(JAPAN, options);
        for (sent, cell) in sent.iter().zip(received(&sent)) {
            let Expected::Stored(json) = outcome(&mapping, &cell) else { panic!("{sent} is refused") };
            assert_eq!(json.trim_matches('"'), sent.trim_end_matches(".0"), "{options}");
        }
    }
}

proptest! {
    #[test]
    fn every_double_arrives_as_it_was_sent(bits in any::<u64>(), price in 1_u32..10_000_000) {
        for number in [f64::from_bits(bits), f64::from(price) * 1.1, f64::from(price) / 7.0] {
            prop_assume!(number.is_finite());
            prop_assert_eq!(received(&[&format!("{number:?}")]), [Cell::Number(number)]);
        }
    }
}

#[test]
fn only_one_unit_belongs_to_a_number() {
    check(&[(
        "type = 'decimal'\nyen = true\npercent = true\ntsubo = true\nsuffixes = ['㎡', '/月', '頃']",
        &[
            (Text("30㎡坪"), Refused(NotANumber)),
            (Text("5円%"), Refused(NotANumber)),
            (Text("5%円"), Refused(NotANumber)),
            (Text("30坪円"), Refused(NotANumber)),
            (Text("¥5%"), Refused(NotANumber)),
            (Text("5,000円/月"), Stored("5000")),
        ],
    )]);
}

#[test]
fn a_german_or_brazilian_sheet_is_read_as_it_writes() {
    let number: Table = &[
        ("type = 'integer'", &[(Text("5.000"), Stored("5000")), (Text("1,500"), Refused(HasFraction))]),
        (
            "type = 'decimal'\npercent = true\nprefixes = ['R$']\nsuffixes = ['€']",
            &[
                (Text("1,500"), Stored("1.5")),
                (Text("2.500"), Stored("2500")),
                (Text("R$ 4,15"), Stored("4.15")),
                (Text("R$ 1.234,50"), Stored("1234.5")),
                (Text("1.234.567,89 €"), Stored("1234567.89")),
                (Text("-70,90%"), Stored("-0.709")),
                (Text("12.5"), Refused(NotANumber)),
                (Text("1,234.56"), Refused(NotANumber)),
                (Text("0.125"), Refused(NotANumber)),
                (Text("0,125"), Stored("0.125")),
                (Text(",5"), Stored("0.5")),
                (Number(0.5), Stored("0.5")),
            ],
        ),
        (
            "type = 'decimal'\nmin = 1.5\nmax = '2.500'",
            &[(Text("1,6"), Stored("1.6")), (Text("2,6"), Refused(AboveMaximum))],
        ),
    ];
    check_in("de_DE", number);
    check_in("pt_BR", number);
}

#[test]
fn each_language_groups_its_digits_in_its_own_way() {
    let decimal = "type = 'decimal'";
    check_in(
        "fr_FR",
        &[(
            decimal,
            &[
                (Text("1\u{202f}234,5"), Stored("1234.5")),
                (Text("1 234"), Stored("1234")),
                (Text("12 34"), Refused(NotANumber)),
                (Text("1.234"), Refused(NotANumber)),
            ],
        )],
    );
    check_in(
        "de_CH",
        &[(
            decimal,
            &[(Text("1’234.5"), Stored("1234.5")), (Text("1'234"), Stored("1234")), (Text("1,5"), Refused(NotANumber))],
        )],
    );
    check_in("en_US", &[(decimal, &[(Text("1,234.5"), Stored("1234.5")), (Text("1.234"), Stored("1.234"))])]);
    // Who writes how is not known: only what can be read in one way.
    check_in(
        "xx_XX",
        &[(
            decimal,
            &[
                (Text("1,234.5"), Stored("1234.5")),
                (Text("12.5"), Stored("12.5")),
                (Text("1.234"), Refused(NotANumber)),
                (Text("1,234"), Refused(NotANumber)),
                (Text("1234"), Stored("1234")),
                (Text("1,234,567"), Stored("1234567")),
            ],
        )],
    );
}
