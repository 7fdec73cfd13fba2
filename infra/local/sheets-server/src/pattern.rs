//! Number formats: what a pattern such as `#,##0.00`, `0000` or `yyyy/m/d` shows of a number, with the separators of the
//! spreadsheet's locale. The tokens are those of Google's page "Date and number formats", without colours, conditions,
//! fractions and names of months and days: a pattern with one of these is refused when it is set.

use crate::serial::date_time;

/// One part of a pattern.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Literal(String),
    /// The digits of the number.
    Digits(Digits),
    /// The digits of a whole number with hyphens between them: `000-0000`.
    Hyphenated(String),
    Percent,
    /// The number as it is shown without a pattern.
    General,
    /// Year, month, day, hour, minute (`M`) or second, with at least so many digits.
    Moment(char, usize),
    /// Hours, minutes or seconds since the day 0.
    Elapsed(char, usize),
    HalfOfDay,
}

/// How the digits of a number are written.
#[derive(Debug, Clone, Default, PartialEq)]
struct Digits {
    grouped: bool,
    least_whole: usize,
    least_decimals: usize,
    most_decimals: usize,
    /// The least digits of the exponent of a number in scientific notation.
    exponent: Option<usize>,
}

/// What is wrong with a pattern, if anything.
pub(crate) fn check(pattern: &str) -> Result<(), String> {
    sections(pattern).into_iter().try_for_each(|section| tokens(section).map(drop))
}

/// Whether a pattern shows dates or times.
pub(crate) fn is_moment(pattern: &str) -> bool {
    let tokens = sections(pattern).first().and_then(|section| tokens(section).ok()).unwrap_or_default();
    tokens.iter().any(|token| matches!(token, Token::Moment(..) | Token::Elapsed(..) | Token::HalfOfDay))
}

/// The decimal point and the mark between thousands.
pub(crate) fn separators(locale: &str) -> (char, char) {
    let language = locale.split('_').next().unwrap_or_default();
    match (language, locale) {
        ("de" | "it", "de_CH" | "it_CH" | "de_LI") => ('.', '’'),
        ("es", "es_MX") => ('.', ','),
        ("de" | "es" | "it" | "pt" | "nl" | "da" | "id" | "tr" | "el" | "vi" | "hr" | "sl" | "ro", _) => (',', '.'),
        ("fr", _) => (',', '\u{202f}'),
        ("ru" | "uk" | "pl" | "cs" | "sk" | "fi" | "sv" | "no" | "nb" | "hu" | "bg" | "lt" | "lv" | "et", _) => {
            (',', '\u{a0}')
        }
        _ => ('.', ','),
    }
}

/// What `pattern` shows of `number`.
pub(crate) fn show(number: f64, pattern: &str, locale: &str) -> String {
    let sections = sections(pattern);
    let (section, signed) = match sections.as_slice() {
        [_, negative, ..] if number < 0.0 => (*negative, false),
        [_, _, zero, ..] if number == 0.0 => (*zero, false),
        [first, ..] => (*first, true),
        [] => ("", true),
    };
    // Patterns are checked when they are set.
    let tokens = tokens(section).unwrap_or_default();
    let percent = tokens.contains(&Token::Percent);
    let shown = if percent { number.abs() * 100.0 } else { number.abs() };
    let half_of_day = tokens.contains(&Token::HalfOfDay);
    let is_moment = tokens.iter().any(|token| matches!(token, Token::Moment(..) | Token::Elapsed(..)));
    let mut text = String::new();
    if number < 0.0 && signed && !is_moment {
        text.push('-');
    }
    for token in &tokens {
        match token {
            Token::Literal(literal) => text.push_str(literal),
            Token::Percent => text.push('%'),
            Token::General => text.push_str(&localized(&general(shown), locale)),
            Token::Digits(digits) => text.push_str(&digits.write(shown, locale)),
            Token::Hyphenated(mask) => text.push_str(&hyphenated(shown, mask)),
            Token::Moment(unit, least) => text.push_str(&part(number, *unit, *least, half_of_day)),
            Token::Elapsed(unit, least) => {
                let seconds = (number * 86_400.0).round() as i64;
                let size = match unit {
                    'h' => 3600,
                    'M' => 60,
                    _ => 1,
                };
                text.push_str(&format!("{:0least$}", seconds / size));
            }
            Token::HalfOfDay => {
                let is_morning = part(number, 'h', 1, false).parse().is_ok_and(|hour: u8| hour < 12);
                text.push_str(if is_morning { "AM" } else { "PM" });
            }
        }
    }
    text
}

/// A number that is written with a point, as the locale writes it.
pub(crate) fn localized(number: &str, locale: &str) -> String {
    let (point, _) = separators(locale);
    number.replace('.', point.encode_utf8(&mut [0; 4]))
}

/// The digits before the point, in groups of three.
pub(crate) fn grouped(digits: &str, group: char) -> String {
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(group);
        }
        grouped.push(digit);
    }
    grouped
}

/// The digits of `number` in the places of the mask, with zeros where it has none; more digits than places stand before the first.
fn hyphenated(number: f64, mask: &str) -> String {
    let places = mask.bytes().filter(|byte| *byte == b'0').count();
    let digits = format!("{:0>places$}", rounded(number, 0));
    let (more, digits) = digits.split_at(digits.len() - places);
    let mut digits = digits.chars();
    let filled = mask.chars().filter_map(|place| if place == '0' { digits.next() } else { Some(place) });
    more.chars().chain(filled).collect()
}

impl Digits {
    /// Writes a number that is not negative.
    fn write(&self, number: f64, locale: &str) -> String {
        let (point, group) = separators(locale);
        let (number, exponent) = match self.exponent {
            None => (number, String::new()),
            Some(least) => {
                let scientific = format!("{number:.*e}", self.most_decimals);
                let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
                let power: i32 = exponent.parse().unwrap_or_default();
                let sign = if power < 0 { '-' } else { '+' };
                (mantissa.parse().unwrap_or(number), format!("E{sign}{:0least$}", power.abs()))
            }
        };
        let written = rounded(number, self.most_decimals);
        let (whole, decimals) = written.split_once('.').unwrap_or((&written, ""));
        let whole = if whole == "0" && self.least_whole == 0 { "" } else { whole };
        let least = self.least_whole;
        let whole = format!("{whole:0>least$}");
        let mut text = if self.grouped { grouped(&whole, group) } else { whole };
        let kept = decimals.trim_end_matches('0').len().max(self.least_decimals);
        if kept > 0 {
            text.push(point);
            text.push_str(&decimals[..kept]);
        }
        text + &exponent
    }
}

pub(crate) fn is_whole(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() < 1e15
}

/// Ten significant digits, as the automatic format shows.
pub(crate) fn general(number: f64) -> String {
    if is_whole(number) {
        return format!("{}", number as i64);
    }
    if number.abs() >= 1e15 || number.abs() < 1e-9 {
        let text = format!("{number:E}");
        return if text.contains("E-") { text } else { text.replace('E', "E+") };
    }
    let whole_digits = (number.abs().log10().floor() + 1.0).max(0.0) as usize;
    let text = format!("{number:.*}", 10_usize.saturating_sub(whole_digits));
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Halves are rounded up, as people do it; of large numbers the double has no halves.
fn rounded(number: f64, decimals: usize) -> String {
    let unit = 10_f64.powi(decimals as i32);
    let number = if number * unit < 1e15 { (number * unit).round() / unit } else { number };
    format!("{number:.decimals$}")
}

/// A part of a moment, rounded to the second, because a day's fraction is never exact.
fn part(serial: f64, unit: char, least: usize, half_of_day: bool) -> String {
    let Some(at) = date_time((serial * 86_400.0).round() as i64) else { return "###".to_owned() };
    let hour = i16::from(at.hour());
    let value = match unit {
        'y' if least < 3 => at.year() % 100,
        'y' => at.year(),
        'm' => at.month().into(),
        'd' => at.day().into(),
        'h' if half_of_day => (hour + 11) % 12 + 1,
        'h' => hour,
        'M' => at.minute().into(),
        _ => at.second().into(),
    };
    format!("{value:0least$}")
}

/// The patterns for positive numbers, negative ones and zero.
fn sections(pattern: &str) -> Vec<&str> {
    let mut quoted = false;
    let mut escaped = false;
    let ends_section = |character: char| {
        let was_escaped = std::mem::take(&mut escaped);
        match character {
            _ if was_escaped => {}
            '"' => quoted = !quoted,
            '\\' if !quoted => escaped = true,
            _ => {}
        }
        character == ';' && !quoted && !was_escaped
    };
    pattern.split(ends_section).collect()
}

fn tokens(section: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = section;
    while let Some(first) = rest.chars().next() {
        let run = |set: &str| rest.len() - rest.trim_start_matches(|next| set.contains(next)).len();
        let same = rest.len() - rest.trim_start_matches([first, first.to_ascii_uppercase()]).len();
        let (token, length) = match first {
            '"' => {
                let length = rest[1..].find('"').ok_or("a quote is not closed")?;
                (Token::Literal(rest[1..=length].to_owned()), length + 2)
            }
            '\\' => {
                let next = rest[1..].chars().next().ok_or("it ends in a backslash")?;
                (Token::Literal(next.to_string()), 1 + next.len_utf8())
            }
            '[' => {
                let end = rest.find(']').ok_or("a bracket is not closed")?;
                (bracket(&rest[1..end])?, end + 1)
            }
            // A point without digits behind it stands between the parts of a date.
            '.' if !rest[1..].starts_with(['0', '#', '?']) => (Token::Literal(".".to_owned()), 1),
            '0' if rest[..run("0-")].trim_end_matches('-').contains('-') => {
                let mask = rest[..run("0-")].trim_end_matches('-');
                (Token::Hyphenated(mask.to_owned()), mask.len())
            }
            '0' | '#' | '?' | '.' => {
                let length = run("0#?.,");
                let mut digits = placeholder(&rest[..length])?;
                let behind = &rest[length..];
                let power = behind.strip_prefix(['E', 'e']).and_then(|behind| behind.strip_prefix(['+', '-']));
                let zeros = power.map(|power| power.len() - power.trim_start_matches('0').len());
                digits.exponent = zeros.filter(|zeros| *zeros > 0);
                (Token::Digits(digits), length + digits_behind(zeros))
            }
            '%' => (Token::Percent, 1),
            '@' => (Token::General, 1),
            'a' | 'A' if rest.len() >= 5 && rest.is_char_boundary(5) && rest[..5].eq_ignore_ascii_case("am/pm") => {
                (Token::HalfOfDay, 5)
            }
            'y' | 'm' | 'd' | 'h' | 's' if same <= 2 || (first == 'y' && same == 4) => {
                (Token::Moment(first, same), same)
            }
            'G' if rest.starts_with("General") => (Token::General, "General".len()),
            letter if letter.is_ascii_alphabetic() || matches!(letter, '*' | '_') => {
                return Err(format!("{letter:?} is not supported here"));
            }
            other => (Token::Literal(other.to_string()), other.len_utf8()),
        };
        tokens.push(token);
        rest = &rest[length..];
    }
    if tokens.iter().filter(|token| matches!(token, Token::Digits(_) | Token::Hyphenated(_) | Token::General)).count()
        > 1
    {
        return Err("it shows the digits twice".to_owned());
    }
    tell_minutes(&mut tokens);
    Ok(tokens)
}

/// The length of an exponent with so many zeros: `E+00`.
fn digits_behind(zeros: Option<usize>) -> usize {
    zeros.filter(|zeros| *zeros > 0).map_or(0, |zeros| zeros + 2)
}

/// `[$€-407]`, `[h]`.
fn bracket(inside: &str) -> Result<Token, String> {
    if let Some(currency) = inside.strip_prefix('$') {
        return Ok(Token::Literal(currency.split('-').next().unwrap_or_default().to_owned()));
    }
    match inside.chars().next() {
        Some(unit @ ('h' | 'm' | 's')) if inside.chars().all(|next| next == unit) => {
            Ok(Token::Elapsed(if unit == 'm' { 'M' } else { unit }, inside.len()))
        }
        _ => Err(format!("[{inside}] is not supported here")),
    }
}

fn placeholder(text: &str) -> Result<Digits, String> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.contains(['.', ',']) || text.contains('?') || whole.ends_with(',') {
        return Err(format!("{text:?} is not supported here"));
    }
    let zeros = |text: &str| text.bytes().filter(|byte| *byte == b'0').count();
    Ok(Digits {
        grouped: whole.contains(','),
        least_whole: zeros(whole),
        least_decimals: zeros(decimals),
        most_decimals: decimals.len(),
        exponent: None,
    })
}

/// `m` means minutes behind hours and before seconds.
fn tell_minutes(tokens: &mut [Token]) {
    let units: Vec<(usize, char)> = tokens
        .iter()
        .enumerate()
        .filter_map(|(at, token)| match token {
            Token::Moment(unit, _) | Token::Elapsed(unit, _) => Some((at, *unit)),
            _ => None,
        })
        .collect();
    for (index, (at, unit)) in units.iter().enumerate() {
        let behind_hours = index > 0 && units[index - 1].1 == 'h';
        let before_seconds = units.get(index + 1).is_some_and(|(_, next)| *next == 's');
        if *unit == 'm'
            && (behind_hours || before_seconds)
            && let Token::Moment(unit, _) = &mut tokens[*at]
        {
            *unit = 'M';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_shows_a_number_as_a_person_sees_it() {
        for (number, pattern, shown) in [
            (12.0, "0000", "0012"),
            (12_345.0, "0000", "12345"),
            (-12.0, "0000", "-0012"),
            (1_500_001.0, "000-0000", "150-0001"),
            (12.0, "000-0000", "000-0012"),
            (21_500_001.0, "000-0000", "2150-0001"),
            (9_012_345_678.0, "000-0000-0000", "090-1234-5678"),
            (1_234_567.5, "#,##0", "1,234,568"),
            (1_234_567.5, "#,##0.00", "1,234,567.50"),
            (5000.0, "¥#,##0", "¥5,000"),
            (5000.0, "\"¥\"#,##0", "¥5,000"),
            (-5000.0, "[$€-407]#,##0", "-€5,000"),
            (-5000.0, "#,##0;▲#,##0", "▲5,000"),
            (0.0, "0;-0;\"-\"", "-"),
            (0.125, "0%", "13%"),
            (0.12, "0.00%", "12.00%"),
            (12_000_000_000.0, "0.00E+00", "1.20E+10"),
            (0.000_12, "0.00E+00", "1.20E-04"),
            (5.0, "0\"円\"", "5円"),
            (0.5, "#.##", ".5"),
            (45_352.0, "yyyy/mm/dd", "2024/03/01"),
            (45_352.0, "m-d", "3-1"),
            (45_352.0, "yy.m.d", "24.3.1"),
            (0.375, "h:mm", "9:00"),
            (0.75, "h:mm am/pm", "6:00 PM"),
            (45_352.5, "yyyy-mm-dd hh:mm:ss", "2024-03-01 12:00:00"),
            (1.5, "[h]:mm", "36:00"),
            (7.0, "@", "7"),
        ] {
            check(pattern).unwrap_or_else(|problem| panic!("{pattern}: {problem}"));
            assert_eq!(show(number, pattern, "ja_JP"), shown, "{pattern}");
        }
    }

    #[test]
    fn the_locale_writes_the_separators() {
        for (locale, shown) in
            [("de_DE", "1.234,50"), ("fr_FR", "1\u{202f}234,50"), ("de_CH", "1’234.50"), ("en_US", "1,234.50")]
        {
            assert_eq!(show(1234.5, "#,##0.00", locale), shown);
        }
    }

    #[test]
    fn date_patterns_are_recognised_and_unknown_patterns_refused() {
        assert!(is_moment("m/d") && is_moment("[h]:mm") && !is_moment("0\"days\"") && !is_moment("#,##0"));
        for pattern in ["# ?/?", "[Red]0", "0 0", "mmm d", "\"open", "0,", "General 0"] {
            assert!(check(pattern).is_err(), "{pattern}");
        }
    }
}
