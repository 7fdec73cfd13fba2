//! Lengths of time, as people type them and as fractions of a day, which is what Sheets makes of `25:30`. They go over the
//! wire as ISO 8601 and Postgres write them: `PT25H30M`.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::cell::Cell;
use super::column::Column;
use super::fold::fold;
use super::locale::Locale;
use super::rejection::{Code, Refusal};
use super::scan::Scan;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

const MILLISECONDS_A_DAY: f64 = 86_400_000.0;

/// Ten thousand years, in milliseconds; more is no length of time.
const LONGEST: f64 = 3.2e14;

/// What hours, minutes and seconds are called, and their lengths. The longest name first.
const UNITS: [(&str, i64); 20] = [
    ("hours", HOUR),
    ("hour", HOUR),
    ("hrs", HOUR),
    ("hr", HOUR),
    ("h", HOUR),
    ("時間", HOUR),
    ("minutes", MINUTE),
    ("minute", MINUTE),
    ("mins", MINUTE),
    ("min", MINUTE),
    ("m", MINUTE),
    ("分間", MINUTE),
    ("分", MINUTE),
    ("seconds", SECOND),
    ("second", SECOND),
    ("secs", SECOND),
    ("sec", SECOND),
    ("s", SECOND),
    ("秒間", SECOND),
    ("秒", SECOND),
];

/// Names that mean something else where no longer unit stands before them: `90m` may be metres.
const ONLY_AFTER_ANOTHER: [&str; 2] = ["m", "s"];

/// A length of time in microseconds, which is what Postgres keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Duration(i64);

impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("PT")?;
        // Each part has its own sign.
        let (hours, minutes, rest) = (self.0 / HOUR, self.0 % HOUR / MINUTE, self.0 % MINUTE);
        if hours != 0 {
            write!(formatter, "{hours}H")?;
        }
        if minutes != 0 {
            write!(formatter, "{minutes}M")?;
        }
        if rest != 0 || self.0 == 0 {
            write!(formatter, "{}S", Decimal::new(rest, 6).normalize())?;
        }
        Ok(())
    }
}

/// How the durations of one column are written.
pub(super) struct DurationRule {
    locale: Locale,
    has_max: bool,
}

impl DurationRule {
    pub(super) fn new(column: &Column, locale: Locale) -> Self {
        Self { locale, has_max: column.max.is_some() }
    }

    /// The length of time in `cell`.
    pub(super) fn read(&self, cell: &Cell) -> Result<Duration, Refusal> {
        match cell {
            Cell::Number(days) | Cell::Shown(days, _) => self.of_days(*days),
            Cell::Text(text) => {
                let folded = fold(text);
                self.read_text(&folded).ok_or_else(refusal)
            }
            Cell::Bool(_) | Cell::Blank => Err(refusal()),
        }
    }

    fn of_days(&self, days: f64) -> Result<Duration, Refusal> {
        if days != 0.0 && days.fract() == 0.0 && !self.has_max {
            return Err(Refusal::new(
                Code::NotADuration,
                "expected a duration, found a whole number, which Sheets counts in days: type 1:30, 90分 or 48:00:01, or set \
                 `max` in sheetsync.toml if whole days are meant",
            ));
        }
        let milliseconds = (days * MILLISECONDS_A_DAY).round();
        if !(-LONGEST..=LONGEST).contains(&milliseconds) {
            return Err(refusal());
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within 3.2e14")]
        let milliseconds = milliseconds as i64;
        Ok(Duration(milliseconds * 1_000))
    }

    fn read_text(&self, folded: &str) -> Option<Duration> {
        if let Some(parts) = folded.strip_prefix("PT") {
            return read_iso(parts);
        }
        let (negative, rest) = match folded.strip_prefix(['-', '−']) {
            Some(rest) => (true, rest),
            None => (false, folded),
        };
        let length = read_clock(rest).or_else(|| self.read_units(&rest.to_lowercase()))?;
        Some(Duration(if negative { -length } else { length }))
    }

    /// `2時間30分`, `90 min`, `1.5h`: each unit smaller than the one before, and only the last number with a fraction.
    fn read_units(&self, text: &str) -> Option<i64> {
        let mut rest = text;
        let mut total: i64 = 0;
        let mut larger: Option<i64> = None;
        let mut fraction = false;
        while !rest.is_empty() {
            let starts_number = |character: char| character.is_ascii_digit() || self.locale.is_separator(character);
            let end = rest.find(|character| !starts_number(character)).unwrap_or(rest.len());
            let number = self.locale.number(&rest[..end])?;
            let after = rest[end..].trim_start();
            let (name, unit) = UNITS.into_iter().find(|(name, _)| after.starts_with(name))?;
            let misplaced = match larger {
                None => ONLY_AFTER_ANOTHER.contains(&name),
                Some(larger) => unit >= larger || number >= Decimal::from(60),
            };
            if misplaced || fraction {
                return None;
            }
            fraction = !number.fract().is_zero();
            total = total.checked_add(whole(number.checked_mul(unit.into())?)?)?;
            larger = Some(unit);
            rest = &after[name.len()..];
            if name == "時間" && rest == "半" && !fraction {
                return total.checked_add(HOUR / 2);
            }
            rest = rest.trim_start();
        }
        larger.map(|_| total)
    }
}

/// `25:30` or `1:30:00.5`, hours first, as Sheets reads it.
fn read_clock(text: &str) -> Option<i64> {
    let mut scan = Scan::new(text);
    let (hours, _) = scan.digits()?;
    let mut total = i64::from(hours) * HOUR;
    for unit in [MINUTE, SECOND] {
        if scan.is_done() && unit == SECOND {
            return Some(total);
        }
        if !scan.eat(":") {
            return None;
        }
        let (number, 2) = scan.digits()? else { return None };
        if number > 59 {
            return None;
        }
        total += i64::from(number) * unit;
    }
    if scan.eat(".") {
        let (number, count) = scan.digits()?;
        total += i64::from(number) * 10_i64.pow(6_u32.checked_sub(u32::try_from(count).ok()?)?);
    }
    scan.is_done().then_some(total)
}

/// What follows `PT`: hours, minutes and seconds in this order, all of one sign.
fn read_iso(parts: &str) -> Option<Duration> {
    let mut rest = parts;
    let mut total: i64 = 0;
    for (sign, unit) in [('H', HOUR), ('M', MINUTE), ('S', SECOND)] {
        let Some((number, after)) = rest.split_once(sign) else { continue };
        let (negative, digits) = match number.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, number),
        };
        let length = whole(Locale::default().number(digits)?.checked_mul(unit.into())?)?;
        let mixed = total != 0 && negative != (total < 0);
        if digits.contains(',') || mixed || (unit != SECOND && length % unit != 0) {
            return None;
        }
        total = total.checked_add(if negative { -length } else { length })?;
        rest = after;
    }
    (rest.is_empty() && !parts.is_empty()).then_some(Duration(total))
}

fn whole(number: Decimal) -> Option<i64> {
    if number.fract().is_zero() { number.to_i64() } else { None }
}

/// The length that a column's value has on the wire.
pub(super) fn from_wire(value: &str) -> Option<Duration> {
    read_iso(value.strip_prefix("PT")?)
}

fn refusal() -> Refusal {
    Refusal::new(Code::NotADuration, "expected a duration such as 25:30, 1:30:00, 90分 or 2時間30分")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_duration_is_written_as_postgres_writes_it() {
        for (microseconds, wire) in [
            (0, "PT0S"),
            (25 * HOUR + 30 * MINUTE, "PT25H30M"),
            (-(HOUR + MINUTE), "PT-1H-1M"),
            (250_000, "PT0.25S"),
            (-1_500_000, "PT-1.5S"),
            (HOUR + 1, "PT1H0.000001S"),
        ] {
            assert_eq!(Duration(microseconds).to_string(), wire);
        }
    }

    #[test]
    fn parts_that_do_not_fit_together_are_refused() {
        for parts in ["", "5", "1H1H", "1M1H", "-1H30M", "1.5H", "1H 30M", "1,000H", "H", "1D"] {
            assert_eq!(read_iso(parts), None, "{parts}");
        }
    }

    proptest! {
        #[test]
        fn the_wire_form_is_read_as_itself(microseconds in -100_000_000 * HOUR..100_000_000 * HOUR) {
            prop_assert_eq!(from_wire(&Duration(microseconds).to_string()), Some(Duration(microseconds)));
        }
    }
}
