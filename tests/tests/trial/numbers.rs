//! Whole numbers, decimals and amounts of money, spelled from known values in the way of the spreadsheet's locale.

use crate::alphabet::{AFTER, AMOUNT, BEFORE};
use crate::cell::{Cell, Fate};
use crate::draw::{Draw, Locale, full_width, grouped};
use crate::reader::read_amount;

/// The first whole number that Sheets does not distinguish from its neighbour.
const UNSURE: f64 = 9_007_199_254_740_992.0;

/// A number: `units` divided by ten to the power of `places`.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    pub units: i64,
    pub places: u32,
}

impl Known {
    /// Its digits before and behind the point, without a sign.
    fn parts(self) -> (String, String) {
        let size = 10_u64.pow(self.places);
        let (whole, fraction) = (self.units.unsigned_abs() / size, self.units.unsigned_abs() % size);
        let places = self.places as usize;
        (whole.to_string(), if places == 0 { String::new() } else { format!("{fraction:0places$}") })
    }

    /// As Postgres writes it, without zeros at its end.
    pub fn plain(self) -> String {
        let (whole, fraction) = self.parts();
        let fraction = fraction.trim_end_matches('0');
        let sign = if self.units < 0 { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    }

    /// The double that is nearest to it.
    pub fn double(self) -> f64 {
        self.plain().parse().unwrap_or(f64::NAN)
    }

    /// As the people of a locale write its size, with all its places.
    fn size_in(self, locale: Locale, with_groups: bool) -> String {
        let (whole, fraction) = self.parts();
        let whole = if with_groups { grouped(&whole, locale.group) } else { whole };
        let point = if fraction.is_empty() { "" } else { locale.point };
        format!("{whole}{point}{fraction}")
    }

    fn minus(self, draw: &mut Draw) -> &'static str {
        if self.units < 0 { draw.pick(&["-", "-", "−", "－"]) } else { draw.pick(&["", "", "", "+"]) }
    }
}

/// A number of a random size with up to so many places.
fn any(draw: &mut Draw, most_digits: u32, most_places: u32) -> Known {
    let digits = draw.below(most_digits as usize + 1) as u32;
    let size = draw.between(0, 10_i64.pow(digits));
    let units = if draw.chance(3) { -size } else { size };
    Known { units, places: draw.below(most_places as usize + 1) as u32 }
}

/// What surrounds a number in a cell without being seen.
fn around(draw: &mut Draw, text: &str) -> String {
    match draw.below(6) {
        0 => full_width(text),
        1 => format!(" \u{200b}{text}\u{3000}"),
        2 => format!("\u{feff}{text}\u{2060} "),
        _ => text.to_owned(),
    }
}

/// The number in a cell, by hand or as a number.
fn spelled(draw: &mut Draw, known: Known) -> Cell {
    let locale = draw.locale;
    let with_groups = draw.chance(2);
    match draw.below(8) {
        0..=4 => {
            let text = format!("{}{}", known.minus(draw), known.size_in(locale, with_groups));
            Cell::text(around(draw, &text), known.plain())
        }
        // Typed, Sheets makes a number of it: for the digits only what needs no more than 15 of them.
        5 if known.units.abs() < 1_000_000_000_000_000 => {
            let sign = if known.units < 0 { "-" } else { "" };
            Cell::typed(format!("{sign}{}", known.size_in(locale, with_groups)), known.plain())
        }
        _ if known.units.abs() < 1_000_000_000_000_000 => Cell::number(known.double(), known.plain()),
        _ => Cell::text(format!("{}{}", known.minus(draw), known.size_in(locale, false)), known.plain()),
    }
}

/// A double beside `known`, as sums and products leave it behind.
fn noise(draw: &mut Draw, known: Known) -> f64 {
    let clean = known.double();
    let steps = draw.between(-2, 2);
    f64::from_bits((clean.to_bits() as i64 + steps) as u64)
}

/// What has digits and is no number, whatever the locale; or could be two.
fn no_number(draw: &mut Draw) -> String {
    let (one, two) = (draw.between(1, 9_999), draw.between(1, 99));
    let Locale { point, group, .. } = draw.locale;
    match draw.below(22) {
        0 => format!("{one}①"),
        1 => format!("{one}²"),
        2 => format!("{one}~{two}"),
        3 => format!("{one}-{two}"),
        4 => format!("{one}〜{two}"),
        5 => format!("{one}/{two}"),
        6 => format!("{one}e3"),
        7 => format!("0x{one}"),
        8 => format!("No.{one}"),
        9 => format!("Rs.{one}"),
        10 => format!("0{group}{:03}", two),
        11 => format!("{two}{group}{:02}{point}5", two),
        12 => format!("{one}{point}{two}{point}{two}"),
        13 => format!("--{one}"),
        14 => format!("{one}; {one}"),
        15 => format!("{one}½"),
        16 => format!("⑴{one}"),
        17 => format!("{one}?"),
        18 => format!("{one}人"),
        19 => format!("{one}{point}"),
        20 => draw.pick(&["応相談", "NaN", "∞", "-", "Infinity", "未定", "○", "ー"]).to_owned(),
        _ => format!("{one}:{two:02}"),
    }
}

pub fn integer(draw: &mut Draw) -> Cell {
    match draw.below(12) {
        0 => Cell::refused_text(no_number(draw)),
        1 => {
            let known = Known { units: draw.between(1, 99_999) * 10 + draw.between(1, 9), places: 1 };
            let text = known.size_in(draw.locale, false);
            draw.pick(&[Cell::refused_number(known.double()), Cell::refused_text(text)])
        }
        2 => Cell::refused_number(UNSURE + draw.between(0, 1 << 40) as f64 * 2.0),
        3 => {
            // No step of a double below this size leaves the 15 digits that people see.
            let known = Known { units: draw.between(1, 99_999_999), places: 0 };
            Cell::number(noise(draw, known), known.plain())
        }
        4 => {
            let known = any(draw, 12, 0);
            let zeros = if known.units < 0 { "-" } else { "" };
            let text = format!("{zeros}{}{}00", known.size_in(draw.locale, true), draw.locale.point);
            Cell::text(text, known.plain())
        }
        _ => {
            let known = any(draw, 18, 0);
            spelled(draw, known)
        }
    }
}

/// What a `smallint` can hold.
pub fn small(draw: &mut Draw) -> Cell {
    let known = Known { units: draw.between(-40_000, 40_000), places: 0 };
    let known =
        if draw.chance(5) { Known { units: draw.pick(&[-32_769, -32_768, 32_767, 32_768]), ..known } } else { known };
    spelled(draw, known).only_if((-32_768..=32_767).contains(&known.units))
}

/// What `min = 0` and `max = 100` allow.
pub fn bounded(draw: &mut Draw) -> Cell {
    let known = Known { units: draw.between(-20, 130), places: 0 };
    spelled(draw, known).only_if((0..=100).contains(&known.units))
}

pub fn decimal(draw: &mut Draw) -> Cell {
    match draw.below(9) {
        0 => Cell::refused_text(no_number(draw)),
        1 => Cell::refused_number(UNSURE + draw.between(0, 1 << 40) as f64 * 2.0),
        2 => {
            let known = Known { units: draw.between(1, 99_999_999_999), places: draw.below(6) as u32 };
            Cell::number(noise(draw, known), known.plain())
        }
        3 => separators(draw),
        _ => {
            let known = any(draw, 15, 9);
            spelled(draw, known)
        }
    }
}

/// Digits with points and commas somewhere between them: read only where the locale writes them so.
fn separators(draw: &mut Draw) -> Cell {
    // French people group by spaces; what a point among their digits means depends on who wrote it.
    let Locale { point, group, .. } = draw.locale;
    let parts = 2 + draw.below(3);
    let digits: Vec<String> = (0..parts)
        .map(|_| {
            let length = draw.pick(&[1, 2, 3, 3, 3, 4]);
            (0..length).map(|_| char::from(b'0' + draw.below(10) as u8)).collect()
        })
        .collect();
    let marks: Vec<&str> = (1..parts).map(|_| draw.pick(&[point, group])).collect();
    let mut text = digits[0].clone();
    for (mark, part) in marks.iter().zip(&digits[1..]) {
        text.push_str(mark);
        text.push_str(part);
    }
    let has_fraction = marks.last() == Some(&point);
    let (groups, fraction) =
        if has_fraction { (&digits[..parts - 1], &digits[parts - 1][..]) } else { (&digits[..], "") };
    let is_grouped = marks[..groups.len() - 1].iter().all(|mark| *mark == group)
        && groups[1..].iter().all(|group| group.len() == 3)
        && (groups.len() == 1 || (groups[0].len() <= 3 && !groups[0].starts_with('0')));
    let whole = groups.concat();
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    Cell::read(text, is_grouped.then(|| format!("{whole}{point}{fraction}")))
}

/// What `numeric(8, 2)` can hold unchanged; Postgres writes both decimals.
pub fn narrow(draw: &mut Draw) -> Cell {
    let known = any(draw, 9, 3);
    let (_, fraction) = known.parts();
    let fits = fraction.trim_end_matches('0').len() <= 2;
    let hundredths = known.units * 100 / 10_i64.pow(known.places);
    let sign = if known.units < 0 && hundredths != 0 { "-" } else { "" };
    let size = hundredths.abs();
    let mut cell = spelled(draw, known).only_if(fits && size <= 99_999_999);
    if let Fate::Stored(stored) = &mut cell.fate {
        *stored = format!("{sign}{}.{:02}", size / 100, size % 100);
    }
    cell
}

/// Rounded to two places, halves away from zero.
pub fn rounded(draw: &mut Draw) -> Cell {
    let known = any(draw, 12, 5);
    // A half now and then.
    let known = if draw.chance(3) { Known { units: draw.between(-99_999, 99_999) * 10 + 5, places: 3 } } else { known };
    let size = 10_i64.pow(known.places);
    let hundredths = (known.units.abs() * 100 + size / 2) / size;
    let hundredths = Known { units: if known.units < 0 { -hundredths } else { hundredths }, places: 2 };
    let mut cell = spelled(draw, known);
    cell.fate = Fate::Stored(hundredths.plain());
    cell
}

/// `6.5%`, typed or written; and the number that Sheets makes of it.
pub fn percent(draw: &mut Draw) -> Cell {
    let known = Known { units: draw.between(0, 99_999), places: draw.below(3) as u32 };
    let part = Known { places: known.places + 2, ..known };
    let text = known.size_in(draw.locale, false);
    match draw.below(5) {
        0 => Cell::typed(format!("{text}%"), part.plain()),
        1 => Cell::formatted(part.double(), "0.00%", part.plain()),
        2 => Cell::text(full_width(&format!("{text}%")), part.plain()),
        3 => Cell::text(format!("{text} %"), part.plain()),
        _ => {
            let more = draw.pick(&["%%", "%~", "‰", "％引き", "% 5%", "%①"]);
            Cell::refused_text(format!("{text}{more}"))
        }
    }
}

/// 坪 in square metres, × 400/121, with two decimals.
pub fn tsubo(draw: &mut Draw) -> Cell {
    let known = Known { units: draw.between(1, 99_999), places: draw.below(3) as u32 };
    let text = known.size_in(draw.locale, false);
    match draw.below(5) {
        0 => Cell::text(format!("{text}㎡"), known.plain()),
        1 => Cell::text(format!("{text} m2"), known.plain()),
        2 => Cell::refused_text(format!("{text}{}", draw.pick(&["㎡坪", "坪坪", "畳", "坪(5㎡)", "坪~", "m3"]))),
        _ => {
            let over = known.units * 400 * 100;
            let under = 121 * 10_i64.pow(known.places);
            let hundredths = (2 * over + under) / (2 * under);
            Cell::text(format!("{text}坪"), Known { units: hundredths, places: 2 }.plain())
        }
    }
}

/// All digits of the double in the cell.
pub fn exact(draw: &mut Draw) -> Cell {
    let known = Known { units: draw.between(1, 99_999_999_999), places: draw.below(5) as u32 };
    let number = noise(draw, known) / draw.pick(&[1.0, 3.0, 7.0, 1.1]);
    Cell::number(number, format!("{number}"))
}

/// Over `double precision`, which Postgres writes with the shortest digits.
pub fn double(draw: &mut Draw) -> Cell {
    let known = any(draw, 14, 4);
    if draw.chance(9) { Cell::refused_text(no_number(draw)) } else { spelled(draw, known) }
}

/// `価格（万円）`: times 10,000.
pub fn multiplied(draw: &mut Draw) -> Cell {
    let known = Known { units: draw.between(0, 9_999_999), places: draw.below(5) as u32 };
    let stored = (known.units * 10_000 / 10_i64.pow(known.places)).to_string();
    let with_groups = draw.chance(2);
    let text = known.size_in(draw.locale, with_groups);
    match draw.below(5) {
        0 => Cell::number(known.double(), stored),
        1 => Cell::text(format!("{text}万円"), stored),
        2 => Cell::text(full_width(&format!("{text}万")), stored),
        3 => Cell::text(text, stored),
        _ => {
            let unit = draw.pick(&["円", "億", "億円", "万万", "千円", "万円~", "万ドル"]);
            Cell::refused_text(format!("{text}{unit}"))
        }
    }
}

/// `徒歩8分`, `8階`.
pub fn walk(draw: &mut Draw) -> Cell {
    let minutes = draw.between(0, 999);
    let other = draw.between(0, 99);
    let gap = draw.pick(&["", "", " ", "\u{3000}"]);
    let stored = minutes.to_string();
    match draw.below(8) {
        0 => Cell::text(format!("徒歩{gap}{minutes}{gap}分"), stored),
        1 => Cell::text(full_width(&format!("徒歩{minutes}分")), stored),
        2 => Cell::text(format!("{minutes}{gap}階"), stored),
        3 => Cell::text(format!("徒歩{minutes}"), stored),
        4 => Cell::number(minutes as f64, stored),
        _ => Cell::refused_text(match draw.below(9) {
            0 => format!("徒歩-{minutes}分"),
            1 => format!("徒歩.{minutes}分"),
            2 => format!("徒歩{minutes}~{other}分"),
            3 => format!("{minutes}分歩"),
            4 => format!("徒歩{minutes}分{other}"),
            5 => format!("バス{minutes}分"),
            6 => format!("徒歩{minutes}分・{other}分"),
            7 => format!("徒歩約{minutes}分"),
            _ => format!("{minutes}{other}分①"),
        }),
    }
}

/// An amount of yen in the words in which people write it.
pub fn money(draw: &mut Draw) -> Cell {
    let (oku, man) = (draw.between(1, 999), draw.between(1, 9_999));
    let comma = draw.chance(2);
    let digits = |number: i64| if comma { grouped(&number.to_string(), ",") } else { number.to_string() };
    let (text, amount) = match draw.below(11) {
        0 => (digits(oku * 7_919), oku * 7_919),
        1 => (format!("{}億{}万", digits(oku), digits(man)), oku * 100_000_000 + man * 10_000),
        2 => (format!("{}万", digits(man)), man * 10_000),
        3 => (format!("{}.{}億", oku, man % 9 + 1), oku * 100_000_000 + (man % 9 + 1) * 10_000_000),
        4 => (format!("{}万{:04}", digits(man), oku + 1_000), man * 10_000 + oku + 1_000),
        5 => (format!("{}千万", man % 9 + 1), (man % 9 + 1) * 10_000_000),
        6 => (format!("{}百万", digits(oku)), oku * 1_000_000),
        7 => (format!("{}千", digits(oku)), oku * 1_000),
        8 => (format!("{}億", digits(oku)), oku * 100_000_000),
        9 => (kanji(man) + "万", man * 10_000),
        _ => (format!("{}兆{}億", oku, digits(man)), oku * 1_000_000_000_000 + man * 100_000_000),
    };
    let (text, amount) = match draw.below(10) {
        0 => (format!("¥{text}"), amount),
        1 => (format!("約{text}円"), amount),
        2 => (format!("{text}円程度"), amount),
        3 => (format!("▲{text}円"), -amount),
        4 => (format!("({text}円)"), -amount),
        5 => (format!("¥{text}-"), amount),
        6 => (format!("−¥{text}"), -amount),
        7 => (format!("{text} 円"), amount),
        8 => {
            let more =
                draw.pick(&["円~", "円〜1億円", "~", "円以上", "円/月", "円(税込)", "円①", "円 円", "ドル", "円×2"]);
            return Cell::refused_text(format!("{text}{more}"));
        }
        _ => (text, amount),
    };
    let text = if draw.chance(4) { full_width(&text) } else { text };
    Cell::text(text, amount.to_string())
}

/// 1 to 9,999 in formal kanji.
fn kanji(number: i64) -> String {
    const DIGITS: [&str; 10] = ["", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let mut text = String::new();
    for (size, name) in [(1_000, "千"), (100, "百"), (10, "十"), (1, "")] {
        match number / size % 10 {
            0 => {}
            1 if size > 1 => text.push_str(name),
            digit => text.push_str(&format!("{}{name}", DIGITS[digit as usize])),
        }
    }
    text
}

/// A string of what amounts are made of.
pub fn like_amount(draw: &mut Draw) -> Cell {
    let text = if draw.chance(2) {
        draw.string(&AMOUNT, 1, 6)
    } else {
        let number = draw.pick(&["5", "1,000", "0", "12.0", ".5", "０"]);
        format!("{}{number}{}", draw.string(&BEFORE, 1, 3), draw.string(&AFTER, 1, 3))
    };
    if text.trim().is_empty() {
        return Cell::blank();
    }
    let stored = read_amount(&text).map(|amount| amount.to_string());
    Cell::read(text, stored)
}

/// A blank cell is 0, `-` and `未定` as well, and an error is nothing.
pub fn with_default(draw: &mut Draw) -> Cell {
    match draw.below(6) {
        0 => Cell { fate: Fate::Stored("0".to_owned()), ..Cell::blank() },
        1 => Cell::text(draw.pick(&["-", "－", "−", "未定", " 未定\u{3000}", "ー"]), "0"),
        2 => Cell { fate: Fate::Null, ..Cell::typed("=NA()", "") },
        3 => Cell::refused_text(draw.pick(&["未", "未定?", "なし", "n/a", "--", "- 5 -"])),
        _ => {
            let known = any(draw, 9, 0);
            spelled(draw, known)
        }
    }
}

/// 0, 999 and −1 are nothing, however they are written; `0` is no part of `10`.
pub fn blank_numbers(draw: &mut Draw) -> Cell {
    let known = Known { units: draw.pick(&[0, 999, -1, 1, 10, 99, 9_990, -10, 1_000]), places: 0 };
    let is_word = [0, 999, -1].contains(&known.units);
    let cell = match draw.below(3) {
        0 => Cell::number(known.double(), known.plain()),
        1 => Cell::typed(known.plain(), known.plain()),
        _ => Cell::text(around(draw, &known.plain()), known.plain()),
    };
    if is_word { Cell { fate: Fate::Null, ..cell } } else { cell }
}

/// Whole numbers over `double precision`.
pub fn small_double(draw: &mut Draw) -> Cell {
    let known = any(draw, 14, 0);
    if draw.chance(9) { Cell::refused_text(no_number(draw)) } else { spelled(draw, known) }
}
