//! Texts, what cells with numbers show, lists, JSON, words and ids.

use crate::calendar::{Day, SERIAL_OF_1970, day_number};
use crate::cell::{Cell, Entry, Fate};
use crate::draw::{Draw, full_width, grouped};

/// Invisible characters, at the ends of a text.
const UNSEEN: [&str; 9] =
    ["\u{200b}", "\u{ad}", "\u{feff}", "\u{2060}", "\u{200e}", "\u{200f}", "\u{180e}", "\u{2066}", "\u{3164}"];
const SPACES: [&str; 5] = [" ", "\u{3000}", "\u{a0}", "\n", "\t"];
/// Wholes that people see: letters, words, emoji with what joins them, a name with the form of its first ideograph.
const SEEN: [&str; 20] = [
    "a",
    "B",
    "7",
    "-",
    "青山",
    "ハイツ",
    "ﾊｲﾂ",
    "é",
    "e\u{301}",
    "👨\u{200d}👩\u{200d}👧",
    "✔\u{fe0f}",
    "1\u{fe0f}\u{20e3}",
    "葛\u{e0100}",
    "می\u{200c}خواهم",
    "क\u{94d}\u{200d}ष",
    "①",
    "\"",
    "\\",
    "{a,b}",
    "'",
];
/// Characters that Postgres cannot store or SQS cannot carry.
const CONTROLS: [&str; 5] = ["\u{0}", "\u{1}", "\u{b}", "\u{1b}", "\u{fffe}"];

fn unseen_ends(draw: &mut Draw, text: &str) -> String {
    let around = [UNSEEN.as_slice(), &SPACES].concat();
    format!("{}{text}{}", draw.string(&around, 0, 3), draw.string(&around, 0, 3))
}

/// Something to see, perhaps with white space between its parts.
fn visible(draw: &mut Draw) -> String {
    let mut text = draw.pick(&SEEN).to_owned();
    for _ in 0..draw.below(5) {
        if draw.chance(4) {
            text.push_str(draw.pick(&SPACES));
        }
        text.push_str(draw.pick(&SEEN));
    }
    text
}

/// A number whose digits are all known: up to 15 of them.
fn number(draw: &mut Draw) -> (f64, String) {
    let places = draw.below(4) as u32;
    let digits = draw.between(1, 14) as u32;
    let units = draw.between(1, 10_i64.pow(digits));
    let (whole, fraction) = (units / 10_i64.pow(places), units % 10_i64.pow(places));
    let fraction = if places == 0 { String::new() } else { format!("{fraction:0width$}", width = places as usize) };
    let fraction = fraction.trim_end_matches('0');
    let text = if fraction.is_empty() { whole.to_string() } else { format!("{whole}.{fraction}") };
    (text.parse().unwrap_or_default(), text)
}

pub fn text(draw: &mut Draw) -> Cell {
    let text = visible(draw);
    match draw.below(12) {
        0 => {
            let (number, digits) = number(draw);
            Cell::number(number, digits)
        }
        1 => {
            let ticked = draw.chance(2);
            Cell::ticked(ticked, if ticked { "TRUE" } else { "FALSE" })
        }
        2 => {
            let nothing = unseen_ends(draw, "");
            Cell::null(nothing)
        }
        3 => {
            let inside = format!("{text}{}{text}", draw.pick(&UNSEEN));
            Cell::text(inside.clone(), inside)
        }
        4 => Cell::refused_text(format!("{text}{}{text}", draw.pick(&CONTROLS[..4]))),
        5 => Cell::refused_number(9_007_199_254_740_992.0 * draw.between(1, 999_999) as f64),
        6 => {
            // A date as it was typed.
            let typed = format!("'{text}");
            if text.starts_with('\'') { Cell::text(text.clone(), text) } else { Cell::typed(typed, text) }
        }
        _ => Cell::text(unseen_ends(draw, &text), text),
    }
}

/// A day that sheets have, and its serial number.
fn day(draw: &mut Draw) -> (Day, f64) {
    let day = Day::of(draw.between(day_number(2000, 1, 1), day_number(2058, 1, 1)));
    (day, (day.number() + SERIAL_OF_1970) as f64)
}

/// How a number with up to two decimals is shown with groups.
fn with_groups(draw: &Draw, hundredths: i64) -> String {
    let whole = grouped(&(hundredths / 100).to_string(), draw.locale.group);
    format!("{whole}{}{:02}", draw.locale.point, hundredths % 100)
}

/// A cell with a number that is shown in some way: what it shows, and its digits.
fn shown(draw: &mut Draw) -> (Entry, String, String) {
    let formatted = |number: f64, pattern: &str| Entry::Formatted(number, pattern.to_owned());
    match draw.below(8) {
        0 => {
            let number = draw.between(1_000, 9_999_999);
            let shown = grouped(&number.to_string(), draw.locale.group);
            (formatted(number as f64, "#,##0"), shown, number.to_string())
        }
        1 => {
            let number = draw.between(1_000, 9_999_999);
            let shown = format!("¥{}", grouped(&number.to_string(), draw.locale.group));
            (formatted(number as f64, "\"¥\"#,##0"), shown, number.to_string())
        }
        2 => {
            let hundredths = draw.between(1, 99_999_999) * 10 + draw.between(1, 9);
            let digits = format!("{}.{:02}", hundredths / 100, hundredths % 100);
            let digits = digits.trim_end_matches('0').trim_end_matches('.').to_owned();
            let number = digits.parse().unwrap_or_default();
            (formatted(number, "#,##0.00"), with_groups(draw, hundredths), digits)
        }
        3 => {
            let number = draw.between(1, 9_999);
            (formatted(number as f64, "0\"円\""), format!("{number}円"), number.to_string())
        }
        4 => {
            let power = draw.between(3, 12) as u32;
            let number = draw.between(100, 999) * 10_i64.pow(power);
            let digits = number.to_string();
            let shown = format!("{}{}{}E+{:02}", &digits[..1], draw.locale.point, &digits[1..3], digits.len() - 1);
            (formatted(number as f64, "0.00E+00"), shown, digits)
        }
        _ => {
            let number = draw.between(0, 9_999_999);
            (Entry::Raw((number as f64).into()), number.to_string(), number.to_string())
        }
    }
}

/// A cell whose format says more than its number: what it shows, and the digits of the number.
fn written(draw: &mut Draw) -> (Entry, String, String) {
    let formatted = |number: f64, pattern: &str| Entry::Formatted(number, pattern.to_owned());
    let (day, serial) = day(draw);
    let digits = serial.to_string();
    let Day { year, month, day: date } = day;
    match draw.below(9) {
        0 => {
            let (number, width) = (draw.between(1, 999), draw.pick(&["0000", "00000", "0000000"]));
            let shown = format!("{number:0width$}", width = width.len());
            (formatted(number as f64, width), shown, number.to_string())
        }
        1 => (formatted(serial, "yyyy/mm/dd"), format!("{year}/{month:02}/{date:02}"), digits),
        2 => (formatted(serial, "m-d"), format!("{month}-{date}"), digits),
        3 => (formatted(serial, "d.m.yyyy"), format!("{date}.{month}.{year}"), digits),
        4 => (formatted(serial, "yyyy\"年\"m\"月\"d\"日\""), format!("{year}年{month}月{date}日"), digits),
        5 => {
            let minutes = draw.between(0, 1_439);
            let number = minutes as f64 / 1_440.0;
            let shown = format!("{}:{:02}", minutes / 60, minutes % 60);
            (formatted(number, "h:mm"), shown, String::new())
        }
        6 => {
            let percent = draw.between(1, 400);
            let digits = format!("{}.{:02}", percent / 100, percent % 100);
            let digits = digits.trim_end_matches('0').trim_end_matches('.').to_owned();
            (formatted(percent as f64 / 100.0, "0%"), format!("{percent}%"), digits)
        }
        7 => {
            let number = draw.between(10_000_000, 99_999_999);
            let digits = format!("0{number:09}");
            let shown = format!("{}-{}-{}", &digits[..3], &digits[3..6], &digits[6..]);
            (formatted(number as f64, "000-000-0000"), shown, number.to_string())
        }
        _ => {
            let number = draw.between(1_000_000, 9_999_999);
            let digits = number.to_string();
            (formatted(number as f64, "000-0000"), format!("{}-{}", &digits[..3], &digits[3..]), digits)
        }
    }
}

/// House numbers, rooms and the like, as people type them: that Sheets takes some of them for dates is not their business.
fn typed_address(draw: &mut Draw) -> String {
    let (one, two, three) = (draw.between(1, 31), draw.between(1, 31), draw.between(1, 31));
    match draw.below(6) {
        0 => format!("{one}-{two}-{three}"),
        1 => format!("{one}/{two}"),
        2 => format!("{one:02}-{two:02}"),
        3 => format!("{one}-{two}-{three}-{two}"),
        4 => format!("{one}/{two}/{three:02}"),
        _ => format!("{one}-{two}"),
    }
}

/// The digits where the cell shows the number, what is shown where it shows more.
pub fn as_people_see_it(draw: &mut Draw) -> Cell {
    match draw.below(10) {
        0 => {
            // No serial number of a date that people have: what it shows in letters may be the name of its day.
            let number = draw.between(1, 36_000);
            Cell::formatted(number as f64, draw.pick(&["\"済\"", "\"室\"", "\"―\""]), "").refused()
        }
        1..=3 => {
            let (entry, _, digits) = shown(draw);
            Cell { entry, fate: Fate::Stored(digits) }
        }
        4..=6 => {
            let (entry, shown, _) = written(draw);
            Cell { entry, fate: Fate::Stored(shown) }
        }
        7 => {
            let text = visible(draw);
            Cell::text(text.clone(), text)
        }
        _ => {
            let typed = typed_address(draw);
            Cell::typed(typed.clone(), typed)
        }
    }
}

/// `number = "displayed"`: whatever is shown.
pub fn displayed(draw: &mut Draw) -> Cell {
    let (entry, shown, _) = if draw.chance(2) { shown(draw) } else { written(draw) };
    Cell { entry, fate: Fate::Stored(shown) }
}

/// `number = "digits"`: whatever the number is.
pub fn digits(draw: &mut Draw) -> Cell {
    let (entry, _, digits) = if draw.chance(2) { shown(draw) } else { written(draw) };
    // The digits of a time of day are no business of anybody's.
    if digits.is_empty() { Cell::text("9:30", "9:30") } else { Cell { entry, fate: Fate::Stored(digits) } }
}

/// `number = "reject"`.
pub fn no_numbers(draw: &mut Draw) -> Cell {
    let (entry, shown, _) = if draw.chance(2) { shown(draw) } else { written(draw) };
    if draw.chance(3) { Cell { entry, fate: Fate::Refused } } else { Cell::text(shown.clone(), shown) }
}

/// `zero_pad = 7`.
pub fn padded(draw: &mut Draw) -> Cell {
    let number = draw.between(0, 19_999_999);
    match draw.below(4) {
        0 => Cell::text(number.to_string(), number.to_string()),
        1 => Cell::formatted(number as f64, "0000000", format!("{number:07}")),
        _ => Cell::number(number as f64, format!("{number:07}")),
    }
}

/// `normalize = "nfkc"`.
pub fn narrow(draw: &mut Draw) -> Cell {
    let text = draw.string(&["A", "b", "7", "-", "(x)", "1.5", "#", "~"], 1, 6);
    let text = if draw.chance(4) { format!("{text}マンション") } else { text };
    let wide = full_width(&text).replace("マンション", draw.pick(&["ﾏﾝｼｮﾝ", "マンション"]));
    Cell::text(unseen_ends(draw, &wide), text)
}

/// `pattern = '\d{3}-\d{4}'`.
pub fn postal(draw: &mut Draw) -> Cell {
    let (first, second) = (draw.between(0, 999), draw.between(0, 9_999));
    let text = format!("{first:03}-{second:04}");
    match draw.below(6) {
        0 => Cell::refused_text(format!("{first:03}{second:04}")),
        1 => Cell::refused_text(draw.pick(&[
            format!("〒{text}"),
            format!("{text}0"),
            full_width(&text),
            format!("{text} 東京"),
        ])),
        2 => Cell::typed(format!("'{text}"), text),
        _ => Cell::text(unseen_ends(draw, &text), text),
    }
}

/// What `varchar(5)` can hold: five characters, whatever bytes they need.
pub fn short(draw: &mut Draw) -> Cell {
    let text: String = (0..draw.between(1, 8)).map(|_| draw.pick(&["a", "é", "青", "👍", "7", "ハ"])).collect();
    Cell::text(text.clone(), text.clone()).only_if(text.chars().count() <= 5)
}

/// What `char(4)` can hold; its text in Postgres has no spaces at its end.
pub fn fixed(draw: &mut Draw) -> Cell {
    let text: String = (0..draw.between(1, 6)).map(|_| draw.pick(&["a", "é", "青", "👍", "7", "ハ"])).collect();
    Cell::text(text.clone(), text.clone()).only_if(text.chars().count() <= 4)
}

pub fn uuid(draw: &mut Draw) -> Cell {
    let digits: String = (0..32).map(|_| format!("{:x}", draw.below(16))).collect();
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    let stored = parts.join("-");
    match draw.below(7) {
        0 => Cell::text(digits, stored),
        1 => Cell::text(format!("{{{stored}}}"), stored),
        2 => Cell::text(stored.to_uppercase(), stored),
        3 => {
            let text = draw.pick(&[
                stored[1..].to_owned(),
                format!("{stored}0"),
                stored.replacen('-', "_", 1),
                format!("g{}", &stored[1..]),
            ]);
            Cell::refused_text(text)
        }
        _ => Cell::text(unseen_ends(draw, &stored), stored),
    }
}

pub fn boolean(draw: &mut Draw) -> Cell {
    let flag = draw.chance(2);
    let word = if flag { "TRUE" } else { "FALSE" };
    let stored = if flag { "true" } else { "false" };
    match draw.below(6) {
        0 => Cell::ticked(flag, stored),
        1 => Cell::typed(word.to_lowercase(), stored),
        2 => Cell::text(full_width(word), stored),
        3 => Cell::text(unseen_ends(draw, &word.to_lowercase()), stored),
        4 => Cell::refused_text(draw.pick(&["○", "yes", "TRUE?", "TRU", "はい", "T", "Ⓣ", "1", "on"])),
        _ => Cell::refused_number(draw.pick(&[0.0, 1.0, -1.0, 45_352.0])),
    }
}

const TRUE: [&str; 20] = [
    "○",
    "〇",
    "◯",
    "⭕",
    "✓",
    "✔",
    "☑",
    "✅",
    "有",
    "有り",
    "あり",
    "可",
    "済",
    "済み",
    "はい",
    "要",
    "必要",
    "TRUE",
    "true",
    "ＴＲＵＥ",
];
const FALSE: [&str; 19] = [
    "×",
    "✕",
    "✖",
    "✗",
    "✘",
    "❌",
    "☐",
    "無",
    "無し",
    "なし",
    "不可",
    "否",
    "未",
    "いいえ",
    "不要",
    "FALSE",
    "false",
    "False",
    "ｆａｌｓｅ",
];

pub fn boolean_in_japanese(draw: &mut Draw) -> Cell {
    match draw.below(5) {
        0 => Cell::refused_text(draw.pick(&[
            "△",
            "x",
            "○×",
            "有?",
            "要確認",
            "○①",
            "不明",
            "-",
            "未定",
            "可能性あり",
            "Ⓞ",
        ])),
        1 | 2 => {
            let word = draw.pick(&TRUE);
            Cell::text(unseen_ends(draw, word), "true")
        }
        _ => {
            let word = draw.pick(&FALSE);
            Cell::text(unseen_ends(draw, word), "false")
        }
    }
}

pub fn boolean_of_words(draw: &mut Draw) -> Cell {
    match draw.below(7) {
        0 => Cell::number(1.0, "true"),
        1 => Cell::number(0.0, "false"),
        2 => Cell::text(draw.pick(&["YES", "yes", "ＹＥＳ", " Yes\u{200b}", "1", "１", "空室"]), "true"),
        3 => Cell::text(draw.pick(&["NO", "no", "ｎｏ", "0", "満室", "\u{feff}満室 "]), "false"),
        4 => Cell::refused_text(draw.pick(&["YES?", "①", "⓪", "Y", "空", "満室1", "¹", "no!"])),
        5 => Cell::refused_number(draw.pick(&[2.0, -1.0, 0.5, 10.0])),
        _ => Cell::ticked(true, "true"),
    }
}

/// `values = { "売買" = "sale", "賃貸" = "rent", "Rent" = "rent" }`
pub fn word(draw: &mut Draw) -> Cell {
    let (word, stored) =
        draw.pick(&[("売買", "sale"), ("賃貸", "rent"), ("Rent", "rent"), ("RENT", "rent"), ("ｒｅｎｔ", "rent")]);
    match draw.below(4) {
        0 => Cell::refused_text(draw.pick(&["sale", "売買?", "売", "賃貸・売買", "rent rent", "Ⓡent", "SALE"])),
        1 => Cell::refused_number(draw.pick(&[0.0, 1.0])),
        _ => Cell::text(unseen_ends(draw, word), stored),
    }
}

/// The labels of an enum of Postgres.
pub fn label(draw: &mut Draw) -> Cell {
    match draw.below(3) {
        0 => Cell::refused_text(draw.pick(&["Sad", "glad", "sad?", "ok ok", "悲", "sadok"])),
        _ => {
            let label = draw.pick(&["sad", "ok", "happy"]);
            Cell::text(unseen_ends(draw, label), label)
        }
    }
}

/// A list of texts as JSON has it.
fn as_json(items: &[String]) -> String {
    serde_json::to_string(items).unwrap_or_default()
}

/// The items of a list, and the gaps that people leave between them.
fn items(draw: &mut Draw, separators: &[&str]) -> Cell {
    const ITEMS: [&str; 12] =
        ["南向き", "角部屋", "ペット可", "\"a", "b\"", "{x}", "NULL", "a b", "\\", "7", "3-5", "✔\u{fe0f}"];
    let count = draw.below(5);
    let items: Vec<String> = (0..count).map(|_| draw.pick(&ITEMS).to_owned()).collect();
    let mut text = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 || draw.chance(6) {
            let twice = if draw.chance(6) { 2 } else { 1 };
            for _ in 0..twice {
                let separator = draw.pick(separators);
                text.push_str(separator);
            }
        }
        let gap = draw.pick(&["", "", " ", "\u{3000}", "\u{200b}"]);
        text.push_str(&format!("{gap}{item}{gap}"));
    }
    if items.is_empty() { Cell::null(separators[0]) } else { Cell::text(text, as_json(&items)) }
}

pub fn list(draw: &mut Draw) -> Cell {
    match draw.below(8) {
        0 => {
            let (entry, shown, _) = written(draw);
            Cell { entry, fate: Fate::Stored(as_json(&[shown])) }
        }
        1 => {
            let (entry, shown, digits) = shown(draw);
            // With a comma as the point it would be two items, but it is a number.
            let _ = shown;
            Cell { entry, fate: Fate::Stored(as_json(&[digits])) }
        }
        2 => Cell::refused_text(format!("南向き,a{}b", draw.pick(&CONTROLS[..4]))),
        _ => items(draw, &[",", ",", "，"]),
    }
}

pub fn list_with_marks(draw: &mut Draw) -> Cell {
    if draw.chance(6) {
        Cell::refused_text("南向き、角部屋の明るい部屋、a")
    } else {
        items(draw, &["、", "､"])
    }
}

/// A JSON document as it is written, and as Postgres writes a `jsonb`.
fn document(draw: &mut Draw, depth: usize, out: &mut [String; 2]) {
    let kind = if depth == 0 { draw.below(4) } else { draw.below(6) };
    let gap = |draw: &mut Draw| draw.pick(&["", "", " ", "\n", "\t"]);
    let both = |out: &mut [String; 2], text: &str| out.iter_mut().for_each(|one| one.push_str(text));
    match kind {
        0 => both(out, draw.pick(&["true", "false", "null"])),
        1 => {
            let numbers =
                ["0", "-1", "12.5", "2.50", "9007199254740993", "0.30000000000000004", "12345678901234567890.5"];
            if draw.chance(8) {
                out[0].push_str("1.5E2");
                out[1].push_str("150");
                return;
            }
            let number = draw.pick(&numbers);
            both(out, number);
        }
        2 | 3 => {
            let text = draw.pick(&["", "a", "青山", "a\"b", "c\\d", "今日\n明日", "👍", "{\"x\":1}"]);
            both(out, &serde_json::to_string(text).unwrap_or_default());
        }
        kind => {
            let has_names = kind == 5;
            let (open, close) = if has_names { ("{", "}") } else { ("[", "]") };
            both(out, open);
            // In the order in which Postgres has them: by the length of their names, then by their bytes.
            let mut members: Vec<(&str, String)> = Vec::new();
            for (index, name) in ["b", "z", "aa", "面積"].into_iter().take(draw.below(5)).enumerate() {
                let mut member = [String::new(), String::new()];
                document(draw, depth - 1, &mut member);
                let [written, stored] = member;
                members.push((name, written));
                let name = if has_names { format!("\"{name}\": ") } else { String::new() };
                out[1].push_str(&format!("{}{name}{stored}", if index > 0 { ", " } else { "" }));
            }
            // People write them in any order.
            if has_names && draw.chance(2) {
                members.reverse();
            }
            for (index, (name, written)) in members.into_iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                let name = if has_names { format!("\"{name}\"{}:", gap(draw)) } else { String::new() };
                out[0].push_str(&format!("{}{comma}{}{name}{}{written}", gap(draw), gap(draw), gap(draw)));
            }
            out[0].push_str(gap(draw));
            both(out, close);
        }
    }
}

/// Over `json` and `jsonb`: a run carries both as `jsonb`.
pub fn json(draw: &mut Draw) -> Cell {
    match draw.below(8) {
        0 => Cell::refused_text(draw.pick(&[
            "{rooms: 1}",
            "[1,2",
            "{'a':1}",
            "[1,]",
            "未定",
            "{\"a\":1}}",
            "01",
            "[NaN]",
            "{\"a\" 1}",
            "1 2",
            "tru",
        ])),
        1 => {
            let (number, digits) = number(draw);
            Cell::number(number, digits)
        }
        2 => {
            let ticked = draw.chance(2);
            Cell::ticked(ticked, if ticked { "true" } else { "false" })
        }
        _ => {
            let mut texts = [String::new(), String::new()];
            document(draw, 3, &mut texts);
            let [written, stored] = texts;
            if stored == "null" { Cell::text("[null]", "[null]") } else { Cell::text(written, stored) }
        }
    }
}

/// An address of four numbers. What is none, Postgres refuses.
pub fn network_address(draw: &mut Draw) -> Cell {
    let part = |draw: &mut Draw| draw.between(0, 255).to_string();
    let parts = [part(draw), part(draw), part(draw), part(draw)];
    let text = parts.join(".");
    match draw.below(6) {
        0 => Cell::refused_text(draw.pick(&[
            format!("{text}.1"),
            format!("256.{}", parts[1..].join(".")),
            format!("{text}/33"),
            "ルーター".to_owned(),
        ])),
        _ => Cell::text(unseen_ends(draw, &text), format!("{text}/32")),
    }
}

/// Six bytes in one of the ways in which people write them.
pub fn device(draw: &mut Draw) -> Cell {
    let bytes: Vec<String> = (0..6).map(|_| format!("{:02x}", draw.below(256))).collect();
    let stored = bytes.join(":");
    match draw.below(6) {
        0 => Cell::refused_text(draw.pick(&[
            format!("{stored}:00"),
            format!("g{}", &stored[1..]),
            stored[3..].to_owned(),
        ])),
        1 => Cell::text(bytes.join("-").to_uppercase(), stored),
        _ => Cell::text(unseen_ends(draw, &stored), stored),
    }
}

fn listed(draw: &mut Draw, items: Vec<(String, String)>) -> Cell {
    let (written, stored): (Vec<String>, Vec<String>) = items.into_iter().unzip();
    if written.is_empty() {
        Cell::null(",")
    } else {
        Cell::text(written.join(draw.pick(&[",", ", ", "，"])), as_json(&stored))
    }
}

pub fn uuids(draw: &mut Draw) -> Cell {
    let mut items = Vec::new();
    let mut refused = false;
    for _ in 0..draw.below(4) {
        let cell = uuid(draw);
        let Entry::Raw(serde_json::Value::String(written)) = cell.entry else { continue };
        match cell.fate {
            Fate::Stored(stored) => items.push((written, stored)),
            _ => {
                refused = true;
                items.push((written.clone(), written));
            }
        }
    }
    listed(draw, items).only_if(!refused)
}

pub fn labels(draw: &mut Draw) -> Cell {
    let count = draw.below(4);
    let items: Vec<&str> = (0..count).map(|_| draw.pick(&["sad", "ok", "happy", "happy", "glad"])).collect();
    let certain = !items.contains(&"glad");
    listed(draw, items.into_iter().map(|item| (item.to_owned(), item.to_owned())).collect()).only_if(certain)
}

/// `values = { 'B1' = '-1', '1F' = '1', '屋上' = '99' }` over `smallint`.
pub fn floor(draw: &mut Draw) -> Cell {
    let (word, stored) = draw.pick(&[("B1", "-1"), ("b1", "-1"), ("1F", "1"), ("１ｆ", "1"), ("屋上", "99")]);
    match draw.below(4) {
        0 => Cell::refused_text(draw.pick(&["-1", "1", "2F", "B1F", "屋", "①F", "99"])),
        1 => Cell::refused_number(draw.pick(&[-1.0, 1.0, 99.0])),
        _ => Cell::text(unseen_ends(draw, word), stored),
    }
}

/// A cell in which there must be something.
pub fn required(draw: &mut Draw) -> Cell {
    let text = visible(draw);
    match draw.below(4) {
        0 => Cell::blank().refused(),
        1 => {
            let nothing = unseen_ends(draw, "");
            Cell::null(nothing).refused()
        }
        _ => Cell::text(unseen_ends(draw, &text), text),
    }
}

/// An error is nothing, and so are the words of the column; a box that is not ticked is one of them.
pub fn no_error(draw: &mut Draw) -> Cell {
    let nothing = |cell: Cell| Cell { fate: Fate::Null, ..cell };
    match draw.below(6) {
        0 => nothing(Cell::typed(draw.pick(&["=NA()", "=1/0", "#REF!", "#VALUE!", "#NUM!"]), "")),
        1 => nothing(Cell::text(draw.pick(&["※", " ※\u{200b}", "FALSE", "ＦＡＬＳＥ", "Loading..."]), "")),
        2 => nothing(Cell::ticked(false, "")),
        3 => Cell::ticked(true, "TRUE"),
        4 => {
            let text = draw.pick(&["#REF", "N/A", "#", "※A", "FALSE!", "Loading"]);
            Cell::text(text, text)
        }
        _ => {
            let text = visible(draw);
            Cell::text(text.clone(), text)
        }
    }
}
