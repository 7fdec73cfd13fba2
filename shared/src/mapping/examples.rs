//! Examples of each rule that are tests and, in docs/MAPPING.md, the documentation: the page holds
//! these same tables, and `UPDATE_DOCS=1 make quick TESTS=the_page` writes them there.

use super::cell::Cell;
use super::page::{Expected, Group, JAPAN};
use super::rejection::Code::*;

/// Locales of spreadsheets that write numbers in other ways than Japan.
const GERMANY: &str = "de_DE";
const FRANCE: &str = "fr_FR";

/// JSON as it is stored, for values that Rust has no literal for.
fn json(text: &str) -> Expected {
    Expected::Stored(text.to_owned())
}

fn null() -> Expected {
    json("null")
}

macro_rules! examples {
    ($($name:literal, $($locale:ident,)? $options:literal { $($cell:expr => $expected:expr,)+ })+) => {
        vec![$(Group {
            name: $name,
            locale: [$($locale,)? JAPAN][0],
            options: $options,
            cases: vec![$((Cell::from($cell), Expected::from($expected))),+],
        }),+]
    };
}

/// All examples, in the order of the page.
pub(super) fn groups() -> Vec<Group> {
    let mut groups = texts();
    groups.extend(numbers());
    groups.extend(areas_and_rates());
    groups.extend(words());
    groups.extend(days());
    groups.extend(moments());
    groups.extend(documents());
    groups.extend(blanks());
    groups
}

fn texts() -> Vec<Group> {
    examples! {
        "text", r#"type = "text""# {
            "  青山ハイツ　" => "青山ハイツ",
            "一行目\n二行目" => "一行目\n二行目",
            "ﾏﾝｼｮﾝ１" => "ﾏﾝｼｮﾝ１",
            "1500001" => "1500001",
            12.0 => "12",
            0.1 => "0.1",
            -3.25 => "-3.25",
            0.300_000_000_000_000_04 => "0.3",
            "A1\u{200b}" => "A1",
            "\u{feff}" => null(),
            1_500_001.0 => "1500001",
            123_456_789_012_345.0 => "123456789012345",
            12_345_678_901_234_567_890.0 => DigitsLost,
            true => "TRUE",
            "a\0b" => BadCharacter,
        }
        "text-untrimmed", "type = \"text\"\ntrim = false" {
            "  字下げ" => "  字下げ",
        }
        "text-shown", r#"type = "text""# {
            (46_086.0, "3-5") => "3-5",
            (36_925.0, "1-2-3") => "1-2-3",
            (45_352.0, "2024/03/01") => "2024/03/01",
            (0.375, "9:00") => "9:00",
            (12.0, "0012") => "0012",
            (9_012_345_678.0, "090-1234-5678") => "090-1234-5678",
            (0.12, "12%") => "12%",
            (1_234_567.0, "1,234,567") => "1234567",
            (5000.0, "¥5,000") => "5000",
            (5.0, "5円") => "5",
            (12_000_000_000.0, "1.20E+10") => "12000000000",
            (2.5, "3") => "2.5",
            (0.0, "-") => "0",
            (1.0, "済") => UnclearNumber,
        }
        "text-displayed", "type = \"text\"\nnumber = \"displayed\"" {
            (1_234_567.0, "1,234,567") => "1,234,567",
            (12.0, "0012") => "0012",
            (1.0, "済") => "済",
        }
        "text-digits", "type = \"text\"\nnumber = \"digits\"" {
            (12.0, "0012") => "12",
            (46_086.0, "3-5") => "46086",
        }
        "text-no-numbers", "type = \"text\"\nnumber = \"reject\"" {
            "0012" => "0012",
            12.0 => UnexpectedNumber,
        }
        "text-exact", "type = \"text\"\nfloats = \"exact\"" {
            0.300_000_000_000_000_04 => "0.30000000000000004",
            12.0 => "12",
        }
        "text-nfkc", "type = \"text\"\nnormalize = \"nfkc\"" {
            "ﾏﾝｼｮﾝ１" => "マンション1",
            "専有（㎡）" => "専有(m2)",
        }
        "text-zero-pad", "type = \"text\"\nzero_pad = 7" {
            600_001.0 => "0600001",
            "600001" => "600001",
        }
        "text-limits", "type = \"text\"\npattern = '\\d{3}-\\d{4}'\nmax_length = 9" {
            "150-0001" => "150-0001",
            "150-0001 東京" => TooLong,
            "1500001" => PatternMismatch,
            "〒150-0001" => PatternMismatch,
        }
    }
}

fn numbers() -> Vec<Group> {
    examples! {
        "integer", r#"type = "integer""# {
            12_800.0 => 12_800,
            "12,800" => 12_800,
            "１２，８００" => 12_800,
            "－３" => -3,
            "−3" => -3,
            "+3" => 3,
            "12.00" => 12,
            "9223372036854775807" => 9_223_372_036_854_775_807,
            "9223372036854775808" => OutOfRange,
            12.5 => HasFraction,
            "12.5" => HasFraction,
            3_278.000_000_000_000_5 => 3_278,
            "12,80" => NotANumber,
            "1 280" => NotANumber,
            "1e3" => NotANumber,
            "12,800円" => NotANumber,
            "約12,800" => NotANumber,
            "応相談" => NotANumber,
            true => NotANumber,
            "800①" => NotANumber,
            "800¹" => NotANumber,
            1e17 => DigitsLost,
        }
        "integer-japanese", "type = \"integer\"\nyen = true\nnumber_words = true\napproximate = true" {
            "１億２，８００万円" => 128_000_000,
            "1億2,800万円" => 128_000_000,
            "12800万" => 128_000_000,
            "３．８万円" => 38_000,
            "1.28億円" => 128_000_000,
            "3,800 万円" => 38_000_000,
            "¥1億2800万円" => 128_000_000,
            "100百万円" => 100_000_000,
            "3千万円" => 30_000_000,
            "1.5千万" => 15_000_000,
            "3,800千円" => 3_800_000,
            "3万5千" => 35_000,
            "3万5,000円" => 35_000,
            "3万500円" => 30_500,
            "1兆2,000億" => 1_200_000_000_000,
            "三千八百万円" => 38_000_000,
            "￥38,000" => 38_000,
            "-¥1,000" => -1_000,
            "¥1,000-" => 1_000,
            "三千五" => 3_005,
            "約3,800万円" => 38_000_000,
            "3,800万円程度" => 38_000_000,
            "3.85555万円" => HasFraction,
            "3万5" => NotANumber,
            "3万12000" => NotANumber,
            "二三万" => NotANumber,
            "1億2800" => NotANumber,
            "1億5千" => NotANumber,
            "1億12800万" => NotANumber,
            "1.5億2000万" => NotANumber,
            "1.5千3百万" => NotANumber,
            "3.8万500" => NotANumber,
            "3,800千万" => NotANumber,
            "800万1億" => NotANumber,
            "万円" => NotANumber,
            "3,800万円～" => NotANumber,
            "3,000〜3,800万円" => NotANumber,
        }
        "integer-affixes", "type = \"integer\"\nprefixes = [\"徒歩\"]\nsuffixes = [\"分\", \"階\"]" {
            "徒歩8分" => 8,
            "徒歩　８　分" => 8,
            "12階" => 12,
            "8分歩" => NotANumber,
            "徒歩-8分" => NotANumber,
            "徒歩.8分" => NotANumber,
        }
        "integer-accounting", "type = \"integer\"\naccounting = true\nyen = true" {
            "▲1,000" => -1_000,
            "△1,000円" => -1_000,
            "(1,000)" => -1_000,
            "（１，０００）" => -1_000,
            "(1,000)円" => -1_000,
            "¥(1,000)" => -1_000,
            "⑴" => NotANumber,
            "▲-1,000" => NotANumber,
        }
        "integer-multiplied", "type = \"integer\"\nmultiply_by = 10000\nsuffixes = [\"万円\", \"万\"]" {
            3_800.0 => 38_000_000,
            "3,800.5" => 38_005_000,
            "3,800万円" => 38_000_000,
            "1億" => NotANumber,
        }
        "integer-bounds", "type = \"integer\"\nmin = 0\nmax = 100" {
            "100" => 100,
            "-1" => BelowMinimum,
            101.0 => AboveMaximum,
        }
    }
}

fn areas_and_rates() -> Vec<Group> {
    examples! {
        "decimal", r#"type = "decimal""# {
            0.1 => json("0.1"),
            47.721_000_000_000_004 => json("47.721"),
            9_007_199_254_740_991.0 => json("9007199254740991"),
            9_007_199_254_740_992.0 => DigitsLost,
            "12,800.50" => json("12800.5"),
            "12345678901234567890.12345678" => json("12345678901234567890.12345678"),
            ".5" => json("0.5"),
            "5." => NotANumber,
            "1,5" => NotANumber,
            "0,125" => NotANumber,
            "1.2.3" => NotANumber,
            "12345678901234567890.1234567890" => NotANumber,
        }
        "decimal-shown", r#"type = "decimal""# {
            (45_352.0, "45,352") => json("45352"),
            (45_352.0, "2024/03/01") => NotANumber,
            (46_086.0, "3-5") => NotANumber,
            (0.5, "12:00") => NotANumber,
            (0.5, "50%") => json("0.5"),
        }
        "decimal-exact", "type = \"decimal\"\nfloats = \"exact\"" {
            47.721_000_000_000_004 => json("47.721000000000004"),
        }
        "decimal-german", GERMANY, "type = \"decimal\"\nsuffixes = [\"€\"]" {
            "1.234,50 €" => json("1234.5"),
            "5.000" => 5_000,
            "1,5" => json("1.5"),
            12.5 => json("12.5"),
            "12.5" => NotANumber,
            "1,234.50" => NotANumber,
        }
        "decimal-french", FRANCE, "type = \"decimal\"" {
            "1 234,5" => json("1234.5"),
            "1.234.567" => 1_234_567,
            "1.234" => NotANumber,
        }
        "decimal-prefixes", "type = \"decimal\"\nprefixes = [\"$\", \"No\"]" {
            "$1,234.50" => json("1234.5"),
            "$-5" => -5,
            "-$5" => -5,
            "No 5" => 5,
            "No.5" => NotANumber,
            "No-5" => NotANumber,
        }
        "decimal-area", "type = \"decimal\"\nsuffixes = [\"㎡\", \"平米\"]\ntsubo = true\napproximate = true" {
            85.5 => json("85.5"),
            "85.50㎡" => json("85.5"),
            "８５．５ ｍ²" => json("85.5"),
            "85.5m2" => json("85.5"),
            "85.5平米" => json("85.5"),
            "25.5坪" => json("84.3"),
            "約30坪" => json("99.17"),
            "30㎡坪" => NotANumber,
            "85.5㎡(25.86坪)" => NotANumber,
        }
        "decimal-percent", "type = \"decimal\"\npercent = true" {
            0.065 => json("0.065"),
            "6.5%" => json("0.065"),
            "６．５％" => json("0.065"),
        }
        "decimal-scale", "type = \"decimal\"\nscale = 2" {
            0.125 => json("0.13"),
            "-0.125" => json("-0.13"),
            0.300_000_000_000_000_04 => json("0.3"),
        }
    }
}

fn words() -> Vec<Group> {
    examples! {
        "boolean", r#"type = "boolean""# {
            true => true,
            "FALSE" => false,
            "ｔｒｕｅ" => true,
            "○" => NotABoolean,
            1.0 => NotABoolean,
        }
        "boolean-japanese", "type = \"boolean\"\njapanese = true" {
            "○" => true,
            "〇" => true,
            "有" => true,
            "有り" => true,
            "あり" => true,
            "済" => true,
            "✔️" => true,
            "×" => false,
            "✕" => false,
            "無" => false,
            "なし" => false,
            "未" => false,
            "△" => NotABoolean,
            "x" => NotABoolean,
        }
        "boolean-own", "type = \"boolean\"\ntrue_values = [\"YES\", \"1\", \"空室\"]\nfalse_values = [\"NO\", \"0\", \"満室\"]" {
            "yes" => true,
            1.0 => true,
            "満室" => false,
            "YES?" => NotABoolean,
        }
        "enum", "type = \"enum\"\nvalues = [\"新築\", \"中古\"]" {
            "新築" => "新築",
            " 中古　" => "中古",
            "新築\u{200b}" => "新築",
            "新築?" => UnknownValue,
        }
        "enum-marks", "type = \"enum\"\nvalues = [\"1\", \"②\"]" {
            "１" => "1",
            "①" => UnknownValue,
            "②" => "②",
        }
        "enum-map", "type = \"enum\"\nvalues = { \"売買\" = \"sale\", \"賃貸\" = \"rent\", \"Rent\" = \"rent\" }" {
            "売買" => "sale",
            "RENT" => "rent",
            "sale" => UnknownValue,
        }
    }
}

fn days() -> Vec<Group> {
    examples! {
        "date", r#"type = "date""# {
            45_352.0 => "2024-03-01",
            "2024-03-01" => "2024-03-01",
            "2024/3/1" => "2024-03-01",
            "2024-3-1" => "2024-03-01",
            "2024.3.1" => "2024-03-01",
            "2024年3月1日" => "2024-03-01",
            "２０２４年 ３月 １日" => "2024-03-01",
            "2024 年 3 月 1 日" => "2024-03-01",
            "2024−03−01" => "2024-03-01",
            "2024/3/1(金)" => "2024-03-01",
            "2024年3月1日 金曜日" => "2024-03-01",
            "2024/3/20(水・祝)" => "2024-03-20",
            "2024-03-01 00:00:00" => "2024-03-01",
            "2024/3/1(木)" => WeekdayMismatch,
            "2024-02-30" => NoSuchDate,
            "2023-02-29" => NoSuchDate,
            45_352.5 => HasTimeOfDay,
            2_005.0 => NotADate,
            202_403.0 => NotADate,
            "2024-03-01 12:00" => HasTimeOfDay,
            "24/3/1" => NotADate,
            "3/1/2024" => NotADate,
            "2024/3-1" => NotADate,
            "2024年3月" => NotADate,
            "令和6年3月1日" => NotADate,
            "20240301" => NotADate,
            "2024-03-011" => NotADate,
            "2024/3/1①" => NotADate,
            "未定" => NotADate,
            true => NotADate,
        }
        "date-era", "type = \"date\"\nera = true" {
            "令和6年3月1日" => "2024-03-01",
            "令和元年5月1日" => "2019-05-01",
            "R6.3.1" => "2024-03-01",
            "ｒ６／３／１" => "2024-03-01",
            "平成31年4月30日" => "2019-04-30",
            "㍻31年4月30日" => "2019-04-30",
            "H元.1.8" => "1989-01-08",
            "S64.1.7" => "1989-01-07",
            "昭和元年12月25日" => "1926-12-25",
            "大正15年12月25日" => "1926-12-25",
            "明治6年1月1日" => "1873-01-01",
            "2024/3/1" => "2024-03-01",
            "平成31年5月1日" => EraMismatch,
            "令和元年4月30日" => EraMismatch,
            "昭和64年1月8日" => EraMismatch,
            "明治5年12月2日" => EraMismatch,
            "令和0年1月1日" => NotADate,
            "6.3.1" => NotADate,
        }
        "date-partial", "type = \"date\"\nera = true\npartial = \"month\"\nprefixes = [\"築\"]\nsuffixes = [\"築\", \"頃\"]" {
            "2005年3月" => "2005-03-01",
            "築2005年3月" => "2005-03-01",
            "2005年3月築" => "2005-03-01",
            "2005/3" => "2005-03-01",
            "2005.3" => "2005-03-01",
            "平成31年4月" => "2019-04-01",
            "平成元年1月" => "1989-01-01",
            "2005年3月15日頃" => "2005-03-15",
            "平成31年5月" => EraMismatch,
            "2005年" => NotADate,
            "築20年" => NotADate,
        }
        "date-partial-year", "type = \"date\"\nera = true\npartial = \"year\"" {
            "2005年" => "2005-01-01",
            "平成17年" => "2005-01-01",
            "2005年3月" => "2005-03-01",
            "2005" => NotADate,
        }
        "date-order", "type = \"date\"\norder = \"mdy\"" {
            "10/13/2014" => "2014-10-13",
            "2014-10-13" => "2014-10-13",
            "13/10/2014" => NoSuchDate,
            "10/13/14" => NotADate,
        }
        "date-compact", "type = \"date\"\ncompact = true\ntime_of_day = \"drop\"" {
            "20240301" => "2024-03-01",
            20_240_301.0 => "2024-03-01",
            45_352.0 => "2024-03-01",
            "20141013T000000" => "2014-10-13",
            45_352.75 => "2024-03-01",
            "2024/3/1 18:00" => "2024-03-01",
            20_241_301.0 => NoSuchDate,
        }
        "date-bounds", "type = \"date\"\nmin = \"1900-01-01\"\nmax = \"2099-12-31\"" {
            45_352.0 => "2024-03-01",
            "1899-12-31" => BelowMinimum,
            2_005.0 => "1905-06-27",
            100_000.0 => AboveMaximum,
        }
        "time", r#"type = "time""# {
            0.5 => "12:00:00",
            0.395_833_333_333_333_3 => "09:30:00",
            "9:30" => "09:30:00",
            "21:30:15" => "21:30:15",
            "9:30 PM" => "21:30:00",
            "PM9:30" => "21:30:00",
            "9pm" => "21:00:00",
            "12:05 am" => "00:05:00",
            "９時３０分" => "09:30:00",
            "9 時 30 分" => "09:30:00",
            "9時半" => "09:30:00",
            "午後3時" => "15:00:00",
            "午前0時5分" => "00:05:00",
            1.5 => NotATime,
            "24:00" => NotATime,
            "9:5" => NotATime,
            "9時300" => NotATime,
            "午後12時" => NotATime,
            "午前12時" => NotATime,
            "10:00-12:00" => NotATime,
            "23:59:60" => NotATime,
        }
    }
}

fn moments() -> Vec<Group> {
    examples! {
        "timestamp", r#"type = "timestamp""# {
            45_352.5 => "2024-03-01T03:00:00+00:00",
            45_352.000_011_574_07 => "2024-02-29T15:00:01+00:00",
            45_352.0 => "2024-02-29T15:00:00+00:00",
            "2024-03-01 12:00" => "2024-03-01T03:00:00+00:00",
            "2024/3/1 12:00:00.250" => "2024-03-01T03:00:00.25+00:00",
            "2024年3月1日 12時30分" => "2024-03-01T03:30:00+00:00",
            "2024年3月1日12時" => "2024-03-01T03:00:00+00:00",
            "2024年3月1日(金) 午後3時" => "2024-03-01T06:00:00+00:00",
            "2024-03-01T12:00:00Z" => "2024-03-01T12:00:00+00:00",
            "2024-03-01T12:00:00+01:00" => "2024-03-01T11:00:00+00:00",
            "2024-03-01T12:00-05:00" => "2024-03-01T17:00:00+00:00",
            "2024-03-01 12:00:00-05" => "2024-03-01T17:00:00+00:00",
            "2024-03-01 12:00 +09:00" => "2024-03-01T03:00:00+00:00",
            "2024-03-01" => "2024-02-29T15:00:00+00:00",
            "9999-12-31" => "9999-12-30T15:00:00+00:00",
            "2024/3/1 10:00-12:00" => NotATimestamp,
            "2024-03-01 25:00" => NotATimestamp,
            "2024-03-01 12:00 JST" => NotATimestamp,
            "2024-03-01T12:00:00+15:00" => NotATimestamp,
            2_005.0 => NotATimestamp,
            "12:00" => NotATimestamp,
            "2024-02-30 12:00" => NoSuchDate,
        }
        "timestamp-clock-change", "type = \"timestamp\"\ntime_zone = \"America/New_York\"" {
            "2024-07-01 12:00" => "2024-07-01T16:00:00+00:00",
            "2024-03-10 02:30" => NoSuchLocalTime,
            "2024-11-03 01:30" => AmbiguousLocalTime,
            "2024-11-03T01:30:00-05:00" => "2024-11-03T06:30:00+00:00",
        }
        "timestamp-clock-change-later", "type = \"timestamp\"\ntime_zone = \"America/New_York\"\nclock_change = \"later\"" {
            "2024-03-10 02:30" => "2024-03-10T07:30:00+00:00",
            "2024-11-03 01:30" => "2024-11-03T06:30:00+00:00",
        }
        "timestamp-order", "type = \"timestamp\"\norder = \"mdy\"\ntime_zone = \"UTC\"" {
            "3/1/2024, 1:00 PM" => "2024-03-01T13:00:00+00:00",
        }
        "timestamp-local", "type = \"timestamp\"\ntime_zone = \"none\"" {
            45_352.5 => "2024-03-01T12:00:00",
            "2024-03-01T12:00:00Z" => NotATimestamp,
        }
        "duration", r#"type = "duration""# {
            1.0625 => "PT25H30M",
            "25:30" => "PT25H30M",
            "1:30:00" => "PT1H30M",
            "1:30:00.25" => "PT1H30M0.25S",
            "-1:30" => "PT-1H-30M",
            "90分" => "PT1H30M",
            "2時間30分" => "PT2H30M",
            "2 時間 半" => NotADuration,
            "2時間半" => "PT2H30M",
            "1.5時間" => "PT1H30M",
            "2h 30m" => "PT2H30M",
            "90 min" => "PT1H30M",
            "PT2H30M" => "PT2H30M",
            0.0 => "PT0S",
            90.0 => NotADuration,
            "90" => NotADuration,
            "90m" => NotADuration,
            "25:60" => NotADuration,
            "2時間90分" => NotADuration,
            "2時30分" => NotADuration,
            "1日" => NotADuration,
        }
        "duration-max", "type = \"duration\"\nmax = \"240:00\"" {
            2.0 => "PT48H",
            90.0 => AboveMaximum,
        }
    }
}

fn documents() -> Vec<Group> {
    examples! {
        "json", r#"type = "json""# {
            "{ \"rooms\": [1, 2.50], \"name\": \"A B\" }" => json("{\"rooms\":[1,2.50],\"name\":\"A B\"}"),
            12.5 => json("12.5"),
            true => true,
            "{rooms: 1}" => NotJson,
        }
        "text-array", r#"type = "text_array""# {
            "南向き, 角部屋,,ペット可" => json("[\"南向き\",\"角部屋\",\"ペット可\"]"),
            (46_086.0, "3-5") => json(r#"["3-5"]"#),
            "南向き，角部屋" => json("[\"南向き\",\"角部屋\"]"),
            "\"a,b\",c" => json("[\"\\\"a\",\"b\\\"\",\"c\"]"),
            12.0 => json("[\"12\"]"),
            "," => null(),
        }
        "text-array-separator", "type = \"text_array\"\nseparator = \"、\"\nmax_length = 5" {
            "南向き、角部屋" => json("[\"南向き\",\"角部屋\"]"),
            "南向き､角部屋" => json("[\"南向き\",\"角部屋\"]"),
            "南向き,角部屋" => TooLong,
        }
    }
}

fn blanks() -> Vec<Group> {
    examples! {
        "blank", r#"type = "integer""# {
            "" => null(),
            " 　" => null(),
            "\u{200b}" => null(),
            "#N/A" => CellError,
            "Loading..." => CellError,
        }
        "blank-keep", "type = \"integer\"\nblank = \"keep\"\nerrors = \"keep\"" {
            "" => Expected::Kept,
            "#REF!" => Expected::Kept,
        }
        "blank-default", "type = \"integer\"\nblank = \"default\"\ndefault = 0\nblank_words = [\"-\", \"未定\"]\nerrors = \"null\"" {
            "" => 0,
            "－" => 0,
            "未定" => 0,
            "#DIV/0!" => null(),
        }
        "blank-words", "type = \"integer\"\nblank_words = [\"0\", \"-\"]" {
            0.0 => null(),
            "0" => null(),
            "ー" => null(),
            "−" => null(),
            1.0 => 1,
        }
        "blank-words-checkbox", "type = \"boolean\"\nblank_words = [\"FALSE\"]" {
            false => null(),
            true => true,
        }
        "blank-required", "type = \"integer\"\nrequired = true" {
            "" => BlankNotAllowed,
        }
    }
}
