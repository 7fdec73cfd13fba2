//! Moments: dates with a time of day. Without an offset they are in the column's or the spreadsheet's zone; what the clock
//! showed twice or never is refused unless the column says which moment is meant.

use std::ops::RangeInclusive;

use jiff::civil::{DateTime, Time, date};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::cell::Cell;
use super::column::{ClockChange, Column};
use super::date::DateRule;
use super::fold::fold;
use super::rejection::{Code, Refusal};
use super::scan::Scan;
use super::serial::FIRST_DAY;
use super::time::{take_after_date, two_digits};

/// The offsets that there are, in seconds: UTC−12 to UTC+14.
const OFFSETS: RangeInclusive<i32> = -12 * 3600..=14 * 3600;

/// Timestamps end a day before the dates do; from here on, zones keep the offset that they have then.
const BEYOND_TIMESTAMPS: DateTime = date(9999, 12, 29).at(0, 0, 0, 0);

/// How the moments of one column may be written.
pub(super) struct TimestampRule {
    date: DateRule,
    /// Without one, local times are stored as they are.
    zone: Option<TimeZone>,
    clock_change: ClockChange,
}

impl TimestampRule {
    pub(super) fn new(column: &Column, zone: Option<TimeZone>) -> Self {
        Self { date: DateRule::new(column), zone, clock_change: column.clock_change }
    }

    /// The moment in `cell`, as it goes over the wire: in UTC, or local without an offset where the column has no zone.
    pub(super) fn read(&self, cell: &Cell) -> Result<String, Refusal> {
        match cell {
            Cell::Number(serial) | Cell::Shown(serial, _) => match self.date.compact_number(*serial) {
                Some(compact) => self.read_text(&compact),
                None => self.moment(self.date.moment(*serial).map_err(|refusal| match refusal.code {
                    Code::NotADate => Refusal::new(Code::NotATimestamp, refusal.message),
                    _ => refusal,
                })?),
            },
            Cell::Text(text) => self.read_text(&fold(text)),
            Cell::Bool(_) | Cell::Blank => Err(self.refusal()),
        }
    }

    fn read_text(&self, folded: &str) -> Result<String, Refusal> {
        let mut scan = Scan::new(folded);
        let day = self.date.take(&mut scan).map_err(|refusal| match refusal.code {
            Code::NotADate => self.refusal(),
            _ => refusal,
        })?;
        if scan.is_done() {
            return self.moment(day.to_datetime(Time::midnight()));
        }
        let taken = take_after_date(&mut scan).ok_or_else(|| self.refusal())?;
        let local = day.to_datetime(taken.time);
        let offset = if scan.is_done() {
            None
        } else {
            let offset = take_offset(&mut scan, taken.takes_offset);
            Some(offset.filter(|_| scan.is_done()).ok_or_else(|| self.refusal())?)
        };
        match (offset, &self.zone) {
            (None, _) => self.moment(local),
            (Some(offset), Some(_)) => utc(local, offset).ok_or_else(|| self.refusal()),
            (Some(_), None) => Err(Refusal::new(
                Code::NotATimestamp,
                "expected a date and time without an offset, because the column has no time zone",
            )),
        }
    }

    fn moment(&self, local: DateTime) -> Result<String, Refusal> {
        let Some(zone) = &self.zone else {
            return Ok(local.to_string());
        };
        if local >= BEYOND_TIMESTAMPS {
            return utc(local, zone.to_offset(Timestamp::MAX)).ok_or_else(|| self.refusal());
        }
        let moment = zone.to_ambiguous_timestamp(local);
        if moment.is_ambiguous() && self.clock_change == ClockChange::Reject {
            let zone = zone.iana_name().unwrap_or("the time zone");
            let (code, what) = if matches!(moment.offset(), AmbiguousOffset::Gap { .. }) {
                (Code::NoSuchLocalTime, "did not exist")
            } else {
                (Code::AmbiguousLocalTime, "was twice")
            };
            return Err(Refusal::new(
                code,
                format!("this time {what} in {zone}, because the clocks were changed; add the offset"),
            ));
        }
        let moment = if self.clock_change == ClockChange::Later { moment.later() } else { moment.earlier() };
        let moment = moment.map_err(|_| self.refusal())?;
        utc(Offset::UTC.to_datetime(moment), Offset::UTC).ok_or_else(|| self.refusal())
    }

    fn refusal(&self) -> Refusal {
        Refusal::new(
            Code::NotATimestamp,
            "expected a date and time such as 2024-03-01 09:30, 2024年3月1日 9時30分 or 2024-03-01T09:30:00+09:00",
        )
    }
}

/// Takes `Z`, `+09:00`, `+0900` or, where nothing but an offset can follow, `+09` and `-05:00`.
fn take_offset(scan: &mut Scan, expected: bool) -> Option<Offset> {
    scan.space();
    if scan.eat("Z") {
        return Some(Offset::UTC);
    }
    let sign = if scan.eat("+") {
        1
    } else if expected && (scan.eat("-") || scan.eat("−")) {
        -1
    } else {
        return None;
    };
    let (number, count) = scan.digits()?;
    let (hours, minutes) = match count {
        2 if scan.eat(":") => (number, u32::try_from(two_digits(scan)?).ok()?),
        2 if expected => (number, 0),
        4 => (number / 100, number % 100),
        _ => return None,
    };
    if minutes > 59 {
        return None;
    }
    let seconds = sign * i32::try_from(hours * 3600 + minutes * 60).ok()?;
    if OFFSETS.contains(&seconds) { Offset::from_seconds(seconds).ok() } else { None }
}

/// The zone with this name: one of the IANA database, or an offset such as `GMT+09:00`, as Sheets names zones of its own.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    if let Ok(zone) = TimeZone::get(name) {
        return Some(zone);
    }
    let mut scan = Scan::new(name.strip_prefix("GMT")?);
    take_offset(&mut scan, true).filter(|_| scan.is_done()).map(Offset::to_time_zone)
}

/// A moment as Postgres itself writes it in UTC, so that equal moments are equal texts on both sides. Nothing where its year
/// would not have four digits.
fn utc(local: DateTime, offset: Offset) -> Option<String> {
    let moment = local.checked_sub(SignedDuration::from_secs(offset.seconds().into())).ok()?;
    (moment.date() >= FIRST_DAY).then(|| format!("{moment}+00:00"))
}
