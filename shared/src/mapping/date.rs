//! Days: serial numbers, and dates as people type them. Years have four digits or belong to an era; nothing else is a date.

use jiff::civil::{Date, DateTime, Time, Weekday};

use super::affix::Affixes;
use super::cell::Cell;
use super::column::{Column, Order, Partial, TimeOfDay};
use super::era::Era;
use super::fold::fold;
use super::rejection::{Code, Refusal};
use super::scan::Scan;
use super::serial::{FIRST_DAY, from_serial};
use super::time;

/// The serial numbers that are taken for days unless the column has a `min` or a `max`: 1910-12-13 to 2201-03-01. Numbers
/// beyond are years, months or amounts: 2005, 202403.
const LIKELY_DAYS: std::ops::Range<f64> = 4_000.0..110_000.0;

/// What stands between the parts of a date. A dash may also mean "to", so with it all three parts must be there.
const SEPARATORS: [&str; 6] = ["/", "-", ".", "−", "‐", DASH];
const DASH: &str = "–";

/// The years of which `2005.3` is a month; it is also a number.
const YEARS_BEFORE_A_POINT: std::ops::RangeInclusive<i16> = 1868..=2199;

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("月", Weekday::Monday),
    ("火", Weekday::Tuesday),
    ("水", Weekday::Wednesday),
    ("木", Weekday::Thursday),
    ("金", Weekday::Friday),
    ("土", Weekday::Saturday),
    ("日", Weekday::Sunday),
];

/// How the dates of one column may be written; also the date within a timestamp.
pub(super) struct DateRule {
    era: bool,
    order: Order,
    partial: Partial,
    compact: bool,
    time_of_day: TimeOfDay,
    has_min: bool,
    has_max: bool,
    prefixes: Affixes,
    suffixes: Affixes,
}

impl DateRule {
    pub(super) fn new(column: &Column) -> Self {
        Self {
            era: column.era,
            order: column.order,
            partial: column.partial,
            compact: column.compact,
            time_of_day: column.time_of_day,
            has_min: column.min.is_some(),
            has_max: column.max.is_some(),
            prefixes: Affixes::new(&column.prefixes),
            suffixes: Affixes::new(&column.suffixes),
        }
    }

    /// The day in `cell`.
    pub(super) fn read(&self, cell: &Cell) -> Result<Date, Refusal> {
        match cell {
            Cell::Number(serial) | Cell::Shown(serial, _) => {
                if let Some(compact) = self.compact_number(*serial) {
                    return self.take(&mut Scan::new(&compact));
                }
                self.without_time(self.moment(*serial)?)
            }
            Cell::Text(text) => self.read_text(&fold(text)),
            Cell::Bool(_) | Cell::Blank => Err(self.refusal()),
        }
    }

    /// The local date and time of a serial number, if it is one of the days that this column expects.
    pub(super) fn moment(&self, serial: f64) -> Result<DateTime, Refusal> {
        let too_early = serial < LIKELY_DAYS.start && !self.has_min;
        let too_late = serial >= LIKELY_DAYS.end && !self.has_max;
        if too_early || too_late {
            return Err(Refusal::new(
                Code::NotADate,
                "expected a date, found a number; as a date it would be before 1910-12-13 or after 2201-03-01: type the whole \
                 date, or set `min` or `max` in sheetsync.toml if such days are meant",
            ));
        }
        from_serial(serial).ok_or_else(|| self.refusal())
    }

    fn read_text(&self, folded: &str) -> Result<Date, Refusal> {
        let mut text = folded;
        if let Some((_, rest)) = self.prefixes.strip_prefix(text) {
            text = rest.trim_start();
        }
        if let Some(rest) = self.suffixes.strip_suffix(text) {
            text = rest.trim_end();
        }
        let mut scan = Scan::new(text);
        let day = self.take(&mut scan)?;
        if scan.is_done() {
            return Ok(day);
        }
        let taken = time::take_after_date(&mut scan).filter(|_| scan.is_done()).ok_or_else(|| self.refusal())?;
        self.without_time(day.to_datetime(taken.time))
    }

    fn without_time(&self, moment: DateTime) -> Result<Date, Refusal> {
        if self.time_of_day == TimeOfDay::Reject && moment.time() != Time::midnight() {
            return Err(Refusal::new(Code::HasTimeOfDay, "expected a date, found one with a time of day"));
        }
        Ok(moment.date())
    }

    /// The digits of `20240301` typed as a number; no day has a serial number that large.
    pub(super) fn compact_number(&self, serial: f64) -> Option<String> {
        let compact = self.compact && (10_000_101.0..=99_991_231.0).contains(&serial) && serial.fract() == 0.0;
        compact.then(|| serial.to_string())
    }

    /// Takes a date from the front of a folded text, and the weekday behind it.
    pub(super) fn take(&self, scan: &mut Scan) -> Result<Date, Refusal> {
        let start = *scan;
        let (day, parts) = if let Some(era) = self.era.then(|| Era::take(scan)).flatten() {
            self.take_in_era(scan, era)?
        } else {
            let parts = self.take_parts(scan).ok_or_else(|| self.refusal())?;
            (parts.first_day()?, parts)
        };
        // `2024-03-011` is not the first of March with something behind it; `2024年3月1日12時` is.
        let taken = &start.rest[..start.rest.len() - scan.rest.len()];
        let is_digit = |character: char| character.is_ascii_digit();
        if taken.ends_with(is_digit) && scan.rest.starts_with(is_digit) {
            return Err(self.refusal());
        }
        if parts.day.is_some() {
            take_weekday(scan, day)?;
        }
        Ok(day)
    }

    fn take_in_era(&self, scan: &mut Scan, era: &Era) -> Result<(Date, Parts), Refusal> {
        let year = era.take_year(scan).ok_or_else(|| self.refusal())?;
        let parts = self.take_after_year(scan, year).ok_or_else(|| self.refusal())?;
        let first = parts.first_day()?;
        let last = match (parts.month, parts.day) {
            (Some(_), Some(_)) => first,
            (Some(_), None) => first.last_of_month(),
            _ => first.last_of_year(),
        };
        if era.overlaps(first, last) {
            Ok((first, parts))
        } else {
            Err(Refusal::new(Code::EraMismatch, format!("expected a date within its era: {}", era.bounds())))
        }
    }

    fn take_parts(&self, scan: &mut Scan) -> Option<Parts> {
        let (first, count) = scan.digits()?;
        match count {
            8 if self.compact => Some(Parts {
                year: i16::try_from(first / 10_000).ok()?,
                month: Some(i8::try_from(first / 100 % 100).ok()?),
                day: Some(i8::try_from(first % 100).ok()?),
            }),
            4 => self.take_after_year(scan, i16::try_from(first).ok()?),
            1 | 2 if self.order != Order::Ymd => {
                let separator = SEPARATORS[scan.eat_any(&SEPARATORS)?];
                let second = scan.small()?;
                if !scan.eat(separator) {
                    return None;
                }
                let (year, digits) = scan.digits()?;
                if digits != 4 {
                    return None;
                }
                let first = i8::try_from(first).ok()?;
                let (month, day) = if self.order == Order::Mdy { (first, second) } else { (second, first) };
                Some(Parts { year: i16::try_from(year).ok()?, month: Some(month), day: Some(day) })
            }
            _ => None,
        }
    }

    /// Month and day, each with the same kind of separator: `年3月1日`, `/3/1`, `-3-1`, `.3.1`.
    fn take_after_year(&self, scan: &mut Scan, year: i16) -> Option<Parts> {
        let whole_year = Parts { year, month: None, day: None };
        if scan.eat_spaced("年") {
            let after_year = *scan;
            scan.space();
            let Some(month) = scan.small() else {
                *scan = after_year;
                return (self.partial == Partial::Year).then_some(whole_year);
            };
            scan.space();
            if !scan.eat("月") {
                return None;
            }
            let after_month = *scan;
            scan.space();
            let Some(day) = scan.small() else {
                *scan = after_month;
                return (self.partial != Partial::Reject).then_some(Parts { year, month: Some(month), day: None });
            };
            scan.space();
            return scan.eat("日").then_some(Parts { year, month: Some(month), day: Some(day) });
        }
        let separator = SEPARATORS[scan.eat_any(&SEPARATORS)?];
        scan.space();
        let month = scan.small()?;
        if !scan.eat(separator) {
            let is_month = match separator {
                DASH => false,
                "." => YEARS_BEFORE_A_POINT.contains(&year),
                _ => true,
            };
            return (is_month && self.partial != Partial::Reject).then_some(Parts {
                year,
                month: Some(month),
                day: None,
            });
        }
        scan.space();
        Some(Parts { year, month: Some(month), day: Some(scan.small()?) })
    }

    /// The refusal of a text that is no date, with all that the column accepts.
    fn refusal(&self) -> Refusal {
        let mut message = "expected a date such as 2024-03-01, 2024/3/1 or 2024年3月1日".to_owned();
        for (accepted, example) in [
            (self.era, "令和6年3月1日"),
            (self.order == Order::Mdy, "3/31/2024"),
            (self.order == Order::Dmy, "31/3/2024"),
            (self.partial != Partial::Reject, "2024年3月"),
            (self.partial == Partial::Year, "2024年"),
            (self.compact, "20240301"),
        ] {
            if accepted {
                message.push_str(", ");
                message.push_str(example);
            }
        }
        Refusal::new(Code::NotADate, message)
    }
}

/// The parts of a date as written.
struct Parts {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
}

impl Parts {
    fn first_day(&self) -> Result<Date, Refusal> {
        Date::new(self.year, self.month.unwrap_or(1), self.day.unwrap_or(1))
            .ok()
            .filter(|day| *day >= FIRST_DAY)
            .ok_or_else(|| Refusal::new(Code::NoSuchDate, "there is no such day in the calendar"))
    }
}

/// Takes `(金)`, `(金曜)`, `金曜日` or `(金・祝)` behind a date; it must be the right one.
fn take_weekday(scan: &mut Scan, day: Date) -> Result<(), Refusal> {
    let mut ahead = *scan;
    ahead.space();
    let bracket = ahead.eat("(");
    let Some((_, weekday)) = WEEKDAYS.iter().find(|(name, _)| ahead.eat(name)) else {
        return Ok(());
    };
    let named = ahead.eat_any(&["曜日", "曜"]).is_some();
    if bracket {
        ahead.eat_any(&["・祝日", "・祝", "祝"]);
    }
    let closed = if bracket { ahead.eat(")") } else { named };
    if !closed {
        return Ok(());
    }
    if day.weekday() != *weekday {
        return Err(Refusal::new(
            Code::WeekdayMismatch,
            "the date is not on the day of the week that stands behind it",
        ));
    }
    *scan = ahead;
    Ok(())
}
