//! A careful person's reading of dates, times, moments, durations and amounts: whole patterns, one for each way that people
//! write, and a calendar. What fits none of them has no reading.

use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

use super::calendar::{Day, ERAS, day_number, iso_seconds};

/// Compiles a pattern for a whole text; `_` is any white space or none.
fn whole(pattern: &str) -> Regex {
    Regex::new(&format!("^(?:{})$", pattern.replace('_', r"\s*"))).unwrap()
}

fn number(captures: &Captures, group: usize) -> Option<i64> {
    captures.get(group)?.as_str().parse().ok()
}

/// Half-width forms of full-width characters, without the invisible ones.
fn plain(text: &str) -> String {
    let narrow = |character: char| match character {
        '！'..='～' => char::from_u32(u32::from(character) - 0xfee0),
        '\u{3000}' => Some(' '),
        '\u{200b}' | '\u{200e}' | '\u{feff}' => None,
        _ => Some(character),
    };
    text.chars().filter_map(narrow).collect::<String>().trim().to_owned()
}

/// Ways to write a day: its pattern, whether the year is one of an era, and whether the parts have separators in between.
static DAYS: LazyLock<[(Regex, bool, bool); 4]> = LazyLock::new(|| {
    const ERA: &str = "(令和|平成|昭和|大正|明治|[令平昭大明]|[RHSTMrhstm])";
    const PARTS: &str = r"([/.\-−‐–])_(\d{1,2})(?:([/.\-−‐–])_(\d{1,2}))?";
    const KANJI: &str = r"_年_(\d{1,2})_月(?:_(\d{1,2})_日)?";
    [
        (whole(&format!(r"(\d{{4}}){KANJI}")), false, false),
        (whole(&format!(r"(\d{{4}}){PARTS}")), false, true),
        (whole(&format!(r"{ERA}_(元|\d{{1,2}}){KANJI}")), true, false),
        (whole(&format!(r"{ERA}_(元|\d{{1,2}}){PARTS}")), true, true),
    ]
});

/// The year, and the era if it is one of an era, that the pattern found.
fn year(captures: &Captures, in_era: bool) -> Option<(i64, Option<usize>)> {
    if !in_era {
        return Some((number(captures, 1)?, None));
    }
    let name = &captures[1];
    let letters = ["M", "T", "S", "H", "R"];
    let era = (0..5).find(|era| ERAS[*era].0.starts_with(name) || letters[*era] == name.to_uppercase())?;
    let of_era = if &captures[2] == "元" { 1 } else { number(captures, 2)? };
    (of_era > 0).then_some((ERAS[era].3 + of_era - 1, Some(era)))
}

/// The day that all of `text` names, and whether it names its day of the month.
fn day(text: &str) -> Option<(Day, bool)> {
    let (captures, in_era, separated) =
        DAYS.iter().find_map(|(pattern, in_era, separated)| Some((pattern.captures(text)?, *in_era, *separated)))?;
    let (year, era) = year(&captures, in_era)?;
    let first = if in_era { 3 } else { 2 };
    let (month, day) = if separated {
        let one = captures.get(first)?.as_str();
        let other = captures.get(first + 2).map(|separator| separator.as_str());
        let date = number(&captures, first + 3);
        // Parts are separated by the same sign; a month alone is not written with a dash, and with a point only of our time.
        match other {
            Some(other) if one != other => return None,
            None if one == "–" || (one == "." && !(1868..=2199).contains(&year)) => return None,
            _ => {}
        }
        (number(&captures, first + 1)?, date)
    } else {
        (number(&captures, first)?, number(&captures, first + 1))
    };
    let found = Day { year, month, day: day.unwrap_or(1) };
    if !found.exists() {
        return None;
    }
    if let Some(era) = era {
        let (_, begin, end, _) = ERAS[era];
        let (begin, end) = (day_number(begin.0, begin.1, begin.2), day_number(end.0, end.1, end.2));
        let last = if day.is_some() { found.number() } else { day_number(year + month / 12, month % 12 + 1, 1) - 1 };
        if last < begin || found.number() > end {
            return None;
        }
    }
    Some((found, day.is_some()))
}

static WEEKDAY: LazyLock<Regex> =
    LazyLock::new(|| whole(r"(.*?)_(?:\(([日月火水木金土])(?:曜日?)?(?:・祝日?|祝)?\)|([日月火水木金土])曜日?)"));

/// The same with the weekday behind it, which must be the right one; `months` also names the first of a month without a day.
fn day_with_weekday(text: &str, months: bool) -> Option<Day> {
    if let Some((day, is_whole)) = day(text) {
        return Some(day).filter(|_| is_whole || months);
    }
    let captures = WEEKDAY.captures(text)?;
    let (day, is_whole) = day(&captures[1])?;
    let named = captures.get(2).or(captures.get(3))?.as_str();
    let weekday = ["日", "月", "火", "水", "木", "金", "土"].iter().position(|weekday| *weekday == named)?;
    (is_whole && weekday == day.weekday()).then_some(day)
}

/// Ways to write a time of day.
static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    whole(
        r"(午前|午後|(?i:_am|_pm|_a\.m\.|_p\.m\.))?_(\d{1,2})(?:(:)(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?|_(時)(?:_(半)|_(\d{1,2})_分(?:_(\d{1,2})_秒)?)?)?((?i:_am|_pm|_a\.m\.|_p\.m\.))?",
    )
});

/// Microseconds since midnight, and whether seconds are written behind colons.
fn clock(text: &str) -> Option<(i64, bool)> {
    let captures = CLOCK.captures(text)?;
    let half = |group| {
        captures
            .get(group)
            .map(|half| matches!(half.as_str().trim().chars().next(), Some('P' | 'p')) || half.as_str() == "午後")
    };
    let hour = number(&captures, 2)?;
    let hour = match (half(1), half(11)) {
        (None, None) => hour,
        (Some(afternoon), None) if hour < 12 => hour + if afternoon { 12 } else { 0 },
        (None, Some(afternoon)) if (1..=12).contains(&hour) => hour % 12 + if afternoon { 12 } else { 0 },
        _ => return None,
    };
    let by_colon = captures.get(3).is_some();
    // An hour alone needs its half of the day behind it.
    if !by_colon && captures.get(7).is_none() && captures.get(11).is_none() {
        return None;
    }
    let minute =
        if captures.get(8).is_some() { 30 } else { number(&captures, if by_colon { 4 } else { 9 }).unwrap_or(0) };
    let second = number(&captures, if by_colon { 5 } else { 10 }).unwrap_or(0);
    let fraction = captures.get(6).map_or(0, |digits| format!("{:0<6}", digits.as_str()).parse().unwrap_or(0));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some((((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction, captures.get(5).is_some()))
}

static OFFSET: LazyLock<Regex> = LazyLock::new(|| whole(r"_([+\-−])(\d{2})(?:(:?)(\d{2}))?"));

/// Seconds of an offset; `sure` where nothing else can be meant.
fn offset(text: &str, sure: bool) -> Option<i64> {
    if text.trim_start() == "Z" {
        return Some(0);
    }
    let captures = OFFSET.captures(text)?;
    let negative = &captures[1] != "+";
    let minutes = number(&captures, 4);
    if (negative || minutes.is_none()) && !sure {
        return None;
    }
    let minutes = minutes.unwrap_or(0);
    let seconds = number(&captures, 2)? * 3600 + minutes * 60;
    let seconds = if negative { -seconds } else { seconds };
    (minutes < 60 && (-12 * 3600..=14 * 3600).contains(&seconds)).then_some(seconds)
}

/// The parts of a text that can be read as a day, a time and an offset.
struct Parts {
    day: Day,
    time: i64,
    offset: Option<i64>,
}

/// The way to divide `text` into these parts.
fn divide(text: &str, months: bool) -> Option<Parts> {
    let boundaries: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let is_digit = |character: char| character.is_ascii_digit();
    for &end in boundaries.iter().rev() {
        let (date, rest) = text.split_at(end);
        if !date.ends_with(|last: char| is_digit(last) || "日月火水木金土曜)".contains(last)) {
            continue;
        }
        let Some(day) = day_with_weekday(date, months) else { continue };
        if rest.is_empty() {
            return Some(Parts { day, time: 0, offset: None });
        }
        if date.ends_with(is_digit) && rest.starts_with(is_digit) {
            continue;
        }
        let after_comma = rest.strip_prefix(',').filter(|rest| rest.starts_with(char::is_whitespace));
        let (rest, after_t) = match (after_comma, rest.strip_prefix('T')) {
            (Some(rest), _) => (rest, false),
            (None, Some(rest)) => (rest, true),
            (None, None) => (rest, false),
        };
        let rest = rest.trim_start();
        for at in rest.char_indices().map(|(at, _)| at).chain([rest.len()]).collect::<Vec<_>>().into_iter().rev() {
            if !rest[..at].ends_with(|last: char| is_digit(last) || "時半分秒mM.".contains(last)) {
                continue;
            }
            let Some((time, has_seconds)) = clock(&rest[..at]) else { continue };
            if at == rest.len() {
                return Some(Parts { day, time, offset: None });
            }
            if let Some(offset) = offset(&rest[at..], after_t || has_seconds) {
                return Some(Parts { day, time, offset: Some(offset) });
            }
        }
    }
    None
}

/// The day in a cell of a date column that takes eras and months.
pub(super) fn read_date(text: &str) -> Option<String> {
    divide(&plain(text), true).filter(|parts| parts.time == 0 && parts.offset.is_none()).map(|parts| parts.day.iso())
}

/// The time in a cell of a time column.
pub(super) fn read_time(text: &str) -> Option<String> {
    clock(&plain(text)).map(|(time, _)| with_fraction(time, |seconds| iso_seconds(seconds)[11..].to_owned()))
}

/// The moment in a cell of a timestamp column in UTC.
pub(super) fn read_moment(text: &str) -> Option<String> {
    let parts = divide(&plain(text), false)?;
    let local = (parts.day.number() * 86_400 - parts.offset.unwrap_or(0)) * 1_000_000 + parts.time;
    Some(with_fraction(local, iso_seconds) + "+00:00")
}

fn with_fraction(microseconds: i64, write: impl Fn(i64) -> String) -> String {
    let (seconds, fraction) = (microseconds.div_euclid(1_000_000), microseconds.rem_euclid(1_000_000));
    let digits = format!("{fraction:06}");
    let digits = digits.trim_end_matches('0');
    let point = if digits.is_empty() { "" } else { "." };
    format!("{}{point}{digits}", write(seconds))
}

/// Ways to write a length of time: hours, minutes and seconds, or fewer of them.
static LENGTHS: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    const NUMBER: &str = r"([0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)";
    [
        whole(r"([\-−]?)(\d{1,9}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?"),
        whole(r"([\-−]?)([\d,]+)_時間半"),
        whole(&format!(
            r"([\-−]?)(?:{NUMBER}_(?:時間|hours?|hrs?|h))?_(?:{NUMBER}_(分間?|minutes?|mins?|m))?_(?:{NUMBER}_(秒間?|seconds?|secs?|s))?"
        )),
    ]
});

/// The length in a cell of a duration column, in microseconds.
pub(super) fn read_length(text: &str) -> Option<i64> {
    let text = plain(text).to_lowercase();
    let signed = |captures: &Captures, length: i64| if captures[1].is_empty() { length } else { -length };
    if let Some(captures) = LENGTHS[0].captures(&text) {
        let (minute, second) = (number(&captures, 3)?, number(&captures, 4).unwrap_or(0));
        let fraction = captures.get(5).map_or(0, |digits| format!("{:0<6}", digits.as_str()).parse().unwrap_or(0));
        let length = ((number(&captures, 2)? * 60 + minute) * 60 + second) * 1_000_000 + fraction;
        return (minute < 60 && second < 60).then(|| signed(&captures, length));
    }
    if let Some(captures) = LENGTHS[1].captures(&text) {
        let hours = i64::try_from(amount(&captures[2])?.digits).ok()?;
        return Some(signed(&captures, (hours * 60 + 30) * 60_000_000));
    }
    let captures = LENGTHS[2].captures(&text).filter(|captures| !text[captures[1].len()..].starts_with(' '))?;
    let (mut length, mut larger, mut fraction) = (0, false, false);
    for (unit, group, name) in [(3_600, 2, 2), (60, 3, 4), (1, 5, 6)] {
        let Some(written) = captures.get(group) else { continue };
        let Amount { digits, tenths } = amount(written.as_str())?;
        let name = captures.get(name).map_or("", |name| name.as_str());
        // A fraction before another part, more minutes than an hour has, a unit that may be another, less than a microsecond.
        let microseconds = digits * unit * 1_000_000;
        let unclear = !larger && matches!(name, "m" | "s");
        if fraction || unclear || (larger && digits >= 60 * tenths) || microseconds % tenths != 0 {
            return None;
        }
        length += microseconds / tenths;
        larger = true;
        fraction = digits % tenths != 0;
    }
    let length = i64::try_from(length).ok().filter(|_| larger)?;
    Some(signed(&captures, length))
}

static GROUPED: LazyLock<Regex> = LazyLock::new(|| whole(r"[1-9]\d{0,2}(?:,\d{3})+|\d*"));
static FRACTION: LazyLock<Regex> = LazyLock::new(|| whole(r"\d+"));

/// A number without a sign: its digits, and ten to the power of how many of them are behind the point.
struct Amount {
    digits: i128,
    tenths: i128,
}

fn amount(text: &str) -> Option<Amount> {
    let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = GROUPED.is_match(digits) && (fraction.is_empty() || FRACTION.is_match(fraction));
    if !is_number || text.is_empty() || text.ends_with('.') {
        return None;
    }
    let digits = format!("0{}{fraction}", digits.replace(',', "")).parse().ok()?;
    Some(Amount { digits, tenths: 10_i128.pow(fraction.len() as u32) })
}

/// Signs, currency and words around a number that takes yen, brackets and 約.
static AROUND: LazyLock<[Regex; 4]> = LazyLock::new(|| {
    const NUMBER: &str = r"([0-9.,]+)";
    const SIGN: &str = r"([-+−▲△]?)";
    [
        // A sign, then the currency and the word in either order; behind the word no sign but a triangle.
        whole(&format!(r"{SIGN}_(約?)_(¥?)_{NUMBER}()_(円?)_(程度)?")),
        whole(&format!(r"{SIGN}_(¥)_(約?)_{NUMBER}()_(円?)_(程度)?")),
        whole(&format!(r"(?:(約?)_(¥)|(¥?)_(約)|(¥))_([-+−▲△])_(¥?)_(約?)_{NUMBER}_(円?)_(程度)?")),
        whole(&format!(r"(?:¥_\(|\(_¥|\()_{NUMBER}_(?:円_\)|\)_円|\))")),
    ]
});

/// The whole number in a cell of an integer column that takes yen, brackets and 約.
pub(super) fn read_amount(text: &str) -> Option<i64> {
    let text = plain(text);
    let whole_number = |text: &str| {
        let Amount { digits, tenths } = amount(text)?;
        if digits % tenths == 0 { i64::try_from(digits / tenths).ok() } else { None }
    };
    let minus = |sign: &str| matches!(sign, "-" | "−" | "▲" | "△");
    // The stroke behind an amount with its ¥ and without a sign.
    let stroked = text.strip_suffix(['-', '−', 'ー', '―', '—']).filter(|text| {
        text.contains('¥')
            && !text.contains(['円', '-', '+', '−', '▲', '△', '(', '約'])
            && text.ends_with(|last: char| last.is_ascii_digit())
    });
    let text = stroked.unwrap_or(&text);
    for pattern in &AROUND[..2] {
        if let Some(captures) = pattern.captures(text) {
            let abouts = [2, 3, 7]
                .into_iter()
                .filter(|group| captures.get(*group).is_some_and(|about| matches!(about.as_str(), "約" | "程度")))
                .count();
            // Behind 約, a number begins with a digit.
            let joined = captures.get(4).unwrap().as_str().starts_with(['.', ','])
                && text[..captures.get(4).unwrap().start()].trim_end().ends_with('約');
            if abouts > 1 || joined {
                return None;
            }
            let value = whole_number(&captures[4])?;
            return Some(if minus(&captures[1]) { -value } else { value });
        }
    }
    if let Some(captures) = AROUND[2].captures(text) {
        let group = |index: usize| captures.get(index).map_or("", |found| found.as_str());
        let yens = [2, 3, 5, 7].into_iter().filter(|index| group(*index) == "¥").count();
        let abouts = [1, 4, 8, 11].into_iter().filter(|index| !group(*index).is_empty()).count();
        let sign = group(6);
        let before = text[..captures.get(6).unwrap().start()].trim_end();
        let joined = before.ends_with('約') && !matches!(sign, "▲" | "△");
        let number = captures.get(9).unwrap();
        let pointed = number.as_str().starts_with(['.', ',']) && text[..number.start()].trim_end().ends_with('約');
        if yens > 1 || abouts > 1 || joined || pointed {
            return None;
        }
        let value = whole_number(number.as_str())?;
        return Some(if minus(sign) { -value } else { value });
    }
    let captures = AROUND[3].captures(text)?;
    whole_number(&captures[1]).map(|value| -value)
}

/// What the units of `text` add up to; not whether that is certain.
pub(super) fn add_up(text: &str) -> Option<f64> {
    let text = plain(text);
    let text = text.strip_suffix('円').unwrap_or(&text);
    let (mut total, mut section, mut digits) = (0.0, 0.0, String::new());
    let value = |digits: &str| match digits {
        "" => Some(None),
        digits => amount(digits).map(|amount| Some(amount.digits as f64 / amount.tenths as f64)),
    };
    for character in text.chars() {
        let unit = match character {
            '十' => 10.0,
            '百' => 100.0,
            '千' => 1000.0,
            '万' => 1e4,
            '億' => 1e8,
            '兆' => 1e12,
            ' ' => continue,
            _ => {
                let kanji = "〇一二三四五六七八九".chars().position(|digit| digit == character);
                digits.push(kanji.and_then(|digit| char::from_digit(digit as u32, 10)).unwrap_or(character));
                continue;
            }
        };
        let number = value(&digits)?;
        digits.clear();
        if unit < 1e4 {
            section += number.unwrap_or(1.0) * unit;
        } else {
            total += (section + number.unwrap_or(0.0)) * unit;
            section = 0.0;
        }
    }
    Some(total + section + value(&digits)?.unwrap_or(0.0))
}
