//! Whole numbers, decimals and amounts of money, each in many spellings and in several locales; the noise of formulas.

use super::{Trial, full_width, quoted};

const INTEGER: &str = "type = 'integer'";
const DECIMAL: &str = "type = 'decimal'\npercent = true\nprefixes = ['$', '約', 'No']\nsuffixes = ['㎡', 'km']";
const MONEY: &str = "type = 'integer'\nyen = true\nnumber_words = true\naccounting = true\napproximate = true";

/// A locale, its decimal separator and what groups its digits.
const LOCALES: [(&str, &str, &str); 9] = [
    ("ja_JP", ".", ","),
    ("en_US", ".", ","),
    ("es_MX", ".", ","),
    ("de_DE", ",", "."),
    ("pt_BR", ",", "."),
    ("it_IT", ",", "."),
    ("fr_FR", ",", "\u{202f}"),
    ("pl_PL", ",", "\u{a0}"),
    ("de_CH", ".", "’"),
];

/// The digits with `group` between thousands.
fn grouped(digits: &str, group: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push_str(group);
        }
        text.push(digit);
    }
    text
}

/// A whole number of a random size.
fn sized(trial: &mut Trial) -> i64 {
    let size = trial.below(19) as u32;
    trial.between(0, 10_i64.pow(size))
}

#[test]
fn whole_numbers_are_read_in_every_spelling() {
    let mut trial = Trial::named("whole numbers");
    while trial.goes_on() {
        let size = sized(&mut trial);
        let (locale, point, group) = trial.pick(&LOCALES);
        let negative = trial.chance(3) && size > 0;
        let expected = format!("{}{size}", if negative { "-" } else { "" });
        let sign = if negative { trial.pick(&["-", "−", "－"]) } else { trial.pick(&["", "", "+"]) };
        let digits = if trial.chance(2) { grouped(&size.to_string(), group) } else { size.to_string() };
        let digits = if trial.chance(5) { format!("{digits}{point}00") } else { digits };
        let text = format!("{sign}{digits}");
        let text = match trial.below(4) {
            0 => full_width(&text),
            1 => format!(" \u{200b}{text}\u{3000}"),
            _ => text,
        };
        trial.cell(locale, INTEGER, &quoted(&text), Some(&expected));
        // As a number, where Sheets still knows every digit.
        let exact = size < 1 << 53;
        let json = format!("{expected}{}", trial.pick(&["", ".0"]));
        trial.cell(locale, INTEGER, &json, Some(expected.as_str()).filter(|_| exact));
    }
    trial.finish();
}

#[test]
fn a_fraction_is_read_as_its_locale_writes_it() {
    let mut trial = Trial::named("fractions");
    while trial.goes_on() {
        let (locale, point, group) = trial.pick(&LOCALES);
        let places = trial.between(1, 6) as usize;
        let whole = trial.between(0, 99_999_999);
        let fraction = format!("{:0places$}", trial.between(0, 10_i64.pow(places as u32) - 1));
        let shown = fraction.trim_end_matches('0');
        let expected = if shown.is_empty() { whole.to_string() } else { format!("{whole}.{shown}") };
        let digits = if trial.chance(2) { grouped(&whole.to_string(), group) } else { whole.to_string() };
        let text = format!("{digits}{point}{fraction}");
        let (text, expected) = match trial.below(6) {
            0 => (format!("{text}㎡"), expected),
            1 => (format!("{text} km"), expected),
            2 => (format!("約{text}"), expected),
            3 => (format!("${text}"), expected),
            _ => (text, expected),
        };
        trial.cell(locale, DECIMAL, &quoted(&text), Some(&expected));
        trial.cell(locale, DECIMAL, &format!("{whole}.{fraction}"), Some(&expected));
    }
    trial.finish();
}

/// Digits with separators somewhere: read only where the locale writes them so.
#[test]
fn separators_are_never_guessed() {
    let mut trial = Trial::named("separators");
    while trial.goes_on() {
        let (locale, point, group) = trial.pick(&LOCALES);
        let parts = trial.between(2, 4);
        let digits: Vec<String> = (0..parts)
            .map(|_| {
                let length = trial.pick(&[1, 2, 3, 3, 3, 4]);
                (0..length).map(|_| char::from(b'0' + trial.below(10) as u8)).collect()
            })
            .collect();
        let separators: Vec<&str> = (1..parts).map(|_| trial.pick(&[".", ","])).collect();
        let mut text = digits[0].clone();
        for (separator, part) in separators.iter().zip(&digits[1..]) {
            text.push_str(separator);
            text.push_str(part);
        }
        // A careful person: at most one decimal separator, and that the last; before it, groups of three behind no zero.
        let decimal = separators.last() == Some(&point);
        let groups = if decimal { &digits[..digits.len() - 1] } else { &digits[..] };
        let marks = &separators[..groups.len() - 1];
        let is_grouped = marks.iter().all(|mark| *mark == group)
            && groups[1..].iter().all(|group| group.len() == 3)
            && (groups.len() == 1 || (groups[0].len() <= 3 && !groups[0].starts_with('0')));
        // French and Polish people group by spaces; what they make of points in groups depends on who wrote them.
        let unusual = matches!(locale, "fr_FR" | "pl_PL") && text.contains('.');
        if unusual {
            continue;
        }
        let expected = is_grouped.then(|| {
            let whole = groups.concat();
            let fraction = if decimal { digits[digits.len() - 1].trim_end_matches('0') } else { "" };
            let whole = whole.trim_start_matches('0');
            let whole = if whole.is_empty() { "0" } else { whole };
            if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
        });
        trial.cell(locale, DECIMAL, &quoted(&text), expected.as_deref());
    }
    trial.finish();
}

#[test]
fn amounts_of_money_are_read_in_every_spelling() {
    let mut trial = Trial::named("amounts of money");
    while trial.goes_on() {
        let (hundred_millions, ten_thousands) = (trial.between(0, 9_999), trial.between(0, 9_999));
        let rest = if trial.chance(2) { 0 } else { trial.between(1, 9_999) };
        let amount = hundred_millions * 100_000_000 + ten_thousands * 10_000 + rest;
        if amount == 0 {
            continue;
        }
        let mut text = String::new();
        let gap = trial.pick(&["", "", " ", "\u{3000}"]);
        let comma = trial.chance(2);
        let digits = |number: i64| if comma { grouped(&number.to_string(), ",") } else { number.to_string() };
        let written = trial.below(4);
        match written {
            0 => text = digits(amount),
            1 => {
                for (size, unit) in [(hundred_millions, "億"), (ten_thousands, "万")] {
                    if size > 0 {
                        text.push_str(&format!("{}{gap}{unit}", digits(size)));
                    }
                }
                // The zeros at the front say that nothing is left out.
                match (rest, ten_thousands) {
                    (0, _) => {}
                    (rest, 0) if hundred_millions > 0 => text.push_str(&format!("0万{rest:04}")),
                    (rest, _) if text.is_empty() => text.push_str(&digits(rest)),
                    (rest, _) => text.push_str(&format!("{rest:04}")),
                }
            }
            2 => text = in_kanji(amount).unwrap_or_default(),
            _ => text = format!("{}百万", digits(hundred_millions + 1)),
        }
        let amount = if written == 3 { (hundred_millions + 1) * 1_000_000 } else { amount };
        // In kanji, a single digit behind 億 or 万 is what people argue about, and two digits in a row may be "two or three".
        let certain = !text.is_empty() && (written != 2 || rest == 0 || rest > 9);
        let (text, negative) = match trial.below(9) {
            0 => (format!("¥{text}"), false),
            1 => (format!("{text}円"), false),
            2 => (format!("約{text}円"), false),
            3 => (format!("{text}円程度"), false),
            4 => (format!("▲{text}円"), true),
            5 => (format!("({text})"), true),
            6 => (format!("¥{text}-"), false),
            7 => (format!("-¥{text}"), true),
            _ => (text, false),
        };
        let text = if trial.chance(4) { full_width(&text) } else { text };
        let expected = format!("{}{amount}", if negative { "-" } else { "" });
        if certain {
            trial.text(MONEY, &text, Some(&expected));
        }
    }
    trial.finish();
}

/// An amount in formal kanji: 三千八百万. Nothing where a rest stands behind 億 without its 万, which is mostly meant as 万.
fn in_kanji(amount: i64) -> Option<String> {
    if amount >= 100_000_000 && amount / 10_000 % 10_000 == 0 && amount % 10_000 > 0 {
        return None;
    }
    const DIGITS: [&str; 10] = ["", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let mut text = String::new();
    for (size, unit) in [(100_000_000, "億"), (10_000, "万"), (1, "")] {
        let section = amount / size % 10_000;
        if section == 0 {
            continue;
        }
        for (place, name) in [(1_000, "千"), (100, "百"), (10, "十"), (1, "")] {
            match section / place % 10 {
                0 => {}
                1 if place > 1 => text.push_str(name),
                digit => text.push_str(&format!("{}{name}", DIGITS[digit as usize])),
            }
        }
        text.push_str(unit);
    }
    Some(text)
}

#[test]
fn the_noise_of_formulas_is_not_stored() {
    let mut trial = Trial::named("noise of formulas");
    while trial.goes_on() {
        let places = trial.below(4) as u32;
        let scaled = trial.between(1, 99_999_999_999);
        let size = 10_i64.pow(places);
        let (whole, fraction) = (scaled / size, scaled % size);
        let shown = format!("{fraction:0width$}", width = places as usize);
        let shown = if places == 0 { "" } else { shown.trim_end_matches('0') };
        let expected = if shown.is_empty() { whole.to_string() } else { format!("{whole}.{shown}") };
        let clean: f64 = expected.parse().unwrap();
        // A few steps up or down, as sums and products go.
        let steps = trial.between(-2, 2);
        let noisy = f64::from_bits((clean.to_bits() as i64 + steps) as u64);
        trial.number("type = 'decimal'", &format!("{noisy:?}"), Some(&expected));
        trial.number("type = 'text'", &format!("{noisy:?}"), Some(&quoted(&expected)));
        trial.number(INTEGER, &format!("{noisy:?}"), Some(expected.as_str()).filter(|_| shown.is_empty()));
        let exact = format!("{noisy}");
        trial.number("type = 'decimal'\nfloats = 'exact'", &format!("{noisy:?}"), Some(&exact));
    }
    trial.finish();
}
