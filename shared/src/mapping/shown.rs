//! What a cell with a number shows. Sheets takes `3-5` for a date and shows 12 as `0012` where a format says so; the number
//! alone has neither. What is shown is compared with the number: a text that cannot come from it, because it is of another
//! moment or of an unknown format, is not used.

use jiff::Unit;
use jiff::civil::DateTime;

use super::cell::Cell;
use super::serial::from_serial;

/// The serial numbers of the dates that people have in sheets: 2000 to 2058. In a column of numbers only these are asked
/// whether they show a date.
const LIKELY_DATES: std::ops::RangeInclusive<f64> = 36_526.0..=58_000.0;

const MINUTES_A_DAY: f64 = 1440.0;

/// What may stand between the digits of one number, whatever the locale.
const SEPARATORS: [char; 8] = ['.', ',', '\'', '’', ' ', '\u{a0}', '\u{202f}', '\u{2009}'];

/// The units in which formats write large numbers: `12.3K`.
const THOUSANDS: [f64; 3] = [1e3, 1e6, 1e9];

/// What a cell makes of its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// The number itself: grouped, rounded, with a currency or a unit, in scientific notation.
    Number,
    /// Something else than its digits, without being a moment: leading zeros, hyphens between digits, a percentage.
    Written,
    /// A date, a time or a length of time.
    Moment,
    /// What does not follow from the number.
    Unclear,
}

/// Whether a number in a column of numbers may be a date or a time that Sheets made of what was typed.
pub(super) fn may_be_moment(number: f64) -> bool {
    let minutes = number * MINUTES_A_DAY;
    LIKELY_DATES.contains(&number) || (number > 0.0 && number < 1.0 && (minutes - minutes.round()).abs() < 1e-6)
}

/// What the text `shown` makes of `number`.
pub(super) fn look(number: f64, shown: &str) -> Look {
    let runs: Vec<&str> = runs(shown);
    let is_number = |run: &&str| is_written(number, run, &[1.0]);
    if shown.contains(['%', '％', '٪', '‰']) {
        let parts = if shown.contains('‰') { 1000.0 } else { 100.0 };
        return if runs.iter().any(|run| is_written(number * parts, run, &[1.0])) {
            Look::Written
        } else {
            Look::Unclear
        };
    }
    match runs.as_slice() {
        // Accountants write zero as a dash.
        [] if number == 0.0 && !shown.trim().is_empty() => return Look::Number,
        [run] if is_number(run) || (!has_leading_zeros(run) && is_written(number, run, &THOUSANDS)) => {
            return if has_leading_zeros(run) { Look::Written } else { Look::Number };
        }
        _ => {}
    }
    if is_moment(number, shown) {
        return Look::Moment;
    }
    // `090-1234-5678`, `150-0001`.
    let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
    if digits.len() <= 15 && number.fract() == 0.0 && digits.parse::<f64>().is_ok_and(|whole| whole == number.abs()) {
        return Look::Written;
    }
    if runs.iter().any(is_number) || is_fraction(number, shown) { Look::Number } else { Look::Unclear }
}

/// The numbers in a text, each with its separators and its exponent.
fn runs(text: &str) -> Vec<&str> {
    let mut runs = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
        // `.5`, but not `No.5`
        let before = rest[..start].strip_suffix(['.', ',']);
        let is_fraction = before.is_some_and(|before| !before.ends_with(char::is_alphabetic));
        let start = if is_fraction { start - 1 } else { start };
        let run = &rest[start..];
        let belongs = |character: char| character.is_ascii_digit() || SEPARATORS.contains(&character);
        let mut end = run.find(|character| !belongs(character)).unwrap_or(run.len());
        if let Some(power) = run[end..].strip_prefix(['E', 'e']).and_then(|power| power.strip_prefix(['+', '-'])) {
            let digits = power.len() - power.trim_start_matches(|next: char| next.is_ascii_digit()).len();
            end += if digits > 0 { digits + 2 } else { 0 };
        }
        runs.push(run[..end].trim_end_matches(SEPARATORS));
        rest = &run[end..];
    }
    runs
}

/// Whether `run` is how the size of `number` is written in one of these units, with as many digits as it has.
fn is_written(number: f64, run: &str, units: &[f64]) -> bool {
    let (mantissa, power) = run.split_once(['E', 'e']).unwrap_or((run, "0"));
    let power: i32 = power.parse().unwrap_or_default();
    // Which of point and comma begins the fraction, the number itself decides.
    ['.', ','].into_iter().any(|point| {
        let (whole, decimals) = mantissa.split_once(point).unwrap_or((mantissa, ""));
        if !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        let digits: String = whole.chars().filter(char::is_ascii_digit).collect();
        let Ok(written) = format!("{digits}.{decimals}e{power}").parse::<f64>() else { return false };
        let unit = 10_f64.powi(power - i32::try_from(decimals.len()).unwrap_or(i32::MAX));
        let equals = |size: f64| {
            // Rounded or cut off; not to nothing, for `0` is written of many numbers.
            let is_near = (written * size - number.abs()).abs() <= unit * size * (0.5 + 1e-6) + number.abs() * 1e-14;
            is_near && (written != 0.0 || number.abs() < unit)
        };
        units.iter().copied().any(equals)
    })
}

/// `0012`, but not `0.5`.
fn has_leading_zeros(run: &str) -> bool {
    let mut characters = run.chars();
    characters.next() == Some('0') && characters.next().is_some_and(|next| next.is_ascii_digit())
}

/// Whether every number in `shown` is a part of the date and time that `number` stands for.
fn is_moment(number: f64, shown: &str) -> bool {
    let Some(moment) = from_serial(number) else { return false };
    let second = moment.round(Unit::Second).unwrap_or(moment);
    let parts = parts_of(number, moment).into_iter().chain(parts_of(number, second)).collect::<Vec<_>>();
    let digits = shown.split(|character: char| !character.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let mut any = false;
    for digits in digits {
        any = true;
        if !digits.parse().is_ok_and(|value: i64| parts.contains(&value)) {
            return false;
        }
    }
    // Names of months and days have no digits.
    any || (LIKELY_DATES.contains(&number) && shown.chars().any(char::is_alphabetic))
}

fn parts_of(number: f64, moment: DateTime) -> [i64; 12] {
    let hour = i64::from(moment.hour());
    #[expect(clippy::cast_possible_truncation, reason = "serial numbers of dates are below 3 million")]
    let seconds = (number.abs() * 86_400.0).round() as i64;
    [
        moment.year().into(),
        (moment.year() % 100).into(),
        moment.month().into(),
        moment.day().into(),
        hour,
        (hour + 11) % 12 + 1,
        moment.minute().into(),
        moment.second().into(),
        moment.millisecond().into(),
        seconds / 3600,
        seconds / 60,
        seconds,
    ]
}

/// `1/2`, `3 1/4`.
fn is_fraction(number: f64, shown: &str) -> bool {
    let text = shown.trim().trim_start_matches(['-', '−']);
    let (whole, fraction) = text.rsplit_once(' ').unwrap_or(("0", text));
    let Some((over, under)) = fraction.split_once('/') else { return false };
    match (whole.trim().parse::<f64>(), over.trim().parse::<f64>(), under.trim().parse::<f64>()) {
        (Ok(whole), Ok(over), Ok(under)) if under >= 1.0 => (whole + over / under - number.abs()).abs() <= 0.5 / under,
        _ => false,
    }
}

/// Of which numbers a column needs to know what their cells show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    /// Of those that may be dates or times.
    Moments,
    All,
}

impl Needs {
    /// Whether it needs to know it of this cell.
    pub(super) fn include(self, cell: &Cell) -> bool {
        match (self, cell) {
            (Self::All, Cell::Number(_)) => true,
            (Self::Moments, Cell::Number(number)) => may_be_moment(*number),
            _ => false,
        }
    }
}

/// Gives the numbers of one column of a block of rows what they show, of which blank cells at the end are left out. `false`
/// when cells that are no numbers show something else than what they are: the two were not read of the same rows.
pub(super) fn attach(rows: &mut [Vec<Cell>], place: usize, shown: &[String]) -> bool {
    let mut agrees = shown.len() <= rows.len();
    for (index, row) in rows.iter_mut().enumerate() {
        let text = shown.get(index).map(String::as_str).unwrap_or_default();
        match row.get_mut(place) {
            Some(cell @ Cell::Number(_)) => {
                if let Cell::Number(number) = *cell {
                    agrees &= look(number, text) != Look::Unclear;
                    *cell = Cell::Shown(number, text.to_owned());
                }
            }
            None | Some(Cell::Blank) => agrees &= text.is_empty(),
            Some(Cell::Text(written)) => agrees &= written == text,
            // Locales have their own words for these.
            Some(Cell::Bool(_) | Cell::Shown(..)) => agrees &= !text.is_empty(),
        }
    }
    agrees
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_cell_makes_of_its_number() {
        use Look::{Moment, Number, Unclear, Written};
        for (number, shown, expected) in [
            (12.0, "12", Number),
            (1_234_567.0, "1,234,567", Number),
            (1_234_567.0, "12,34,567", Number),
            (1_234_567.5, "1.234.567,50", Number),
            (1_234_567.5, "1\u{202f}234\u{202f}568", Number),
            (1234.5, "1’234.5", Number),
            (5000.0, "¥5,000", Number),
            (-5000.0, "-€5,000.00", Number),
            (-5000.0, "(5,000)", Number),
            (-5000.0, "▲ 5,000", Number),
            (5.0, "5円", Number),
            (5.0, "No. 5", Number),
            (30.0, "30m2", Number),
            (1.2e10, "1.20E+10", Number),
            (0.000_12, "1.20E-04", Number),
            (2.0 / 3.0, "0.6666666667", Number),
            (2.0 / 3.0, "0.67", Number),
            (0.5, ".5", Number),
            (12_345.0, "12.3K", Number),
            (0.0, "-", Number),
            (1.25, "1 1/4", Number),
            (45_352.0, "45,352", Number),
            (45_352.0, "45352", Number),
            (1e21, "1E+21", Number),
            (12.0, "0012", Written),
            (-12.0, "-0012", Written),
            (12.0, "No.0012", Written),
            (9_012_345_678.0, "090-1234-5678", Written),
            (1_500_001.0, "150-0001", Written),
            (0.12, "12%", Written),
            (0.125, "12,50 %", Written),
            (46_086.0, "3-5", Moment),
            (46_086.0, "2026/03/05", Moment),
            (46_086.0, "5. März 2026", Moment),
            (46_086.0, "木曜日", Moment),
            (36_925.0, "1-2-3", Moment),
            (36_925.0, "1-2-4", Unclear),
            (46_145.0, "3.5", Moment),
            (0.75, "18:00", Moment),
            (0.75, "6:00 PM", Moment),
            (0.0, "0:00", Moment),
            (1.5, "36:00", Moment),
            (45_352.378_472_222, "2024/03/01 9:05:00", Moment),
            (45_352.0, "2024", Moment),
            // The sheet moved, or a format that is not known.
            (12.0, "", Unclear),
            (0.0, "", Unclear),
            (12.0, "13", Unclear),
            (12.0, "名前", Unclear),
            (46_086.0, "3-6", Unclear),
            (0.12, "13%", Unclear),
            (12.0, "1 of 12 of 5", Number),
        ] {
            assert_eq!(look(number, shown), expected, "{number} shown as {shown:?}");
        }
    }

    #[test]
    fn likely_dates_are_2000_to_2058_and_times_whole_minutes() {
        for (number, likely) in
            [(36_526.0, true), (58_000.0, true), (36_525.0, false), (0.5, true), (0.123, false), (0.0, false)]
        {
            assert_eq!(may_be_moment(number), likely, "{number}");
        }
    }

    proptest! {
        #[test]
        fn a_number_in_plain_digits_is_a_number(number in -1e12_f64..1e12, decimals in 0_usize..6) {
            let shown = format!("{number:.decimals$}");
            let rounded: f64 = shown.parse().unwrap();
            prop_assert_eq!(look(rounded, &shown), Look::Number);
            prop_assert_eq!(look(rounded, &format!("¥{shown}")), Look::Number);
        }

        #[test]
        fn a_date_in_any_order_is_a_moment(serial in 20_000_i32..70_000) {
            let at = from_serial(serial.into()).unwrap();
            let (year, month, day) = (at.year(), at.month(), at.day());
            for shown in [format!("{year}/{month:02}/{day:02}"), format!("{month}-{day}"), format!("{day}.{month}.{year}")] {
                prop_assert_eq!(look(serial.into(), &shown), Look::Moment);
            }
        }
    }
}
