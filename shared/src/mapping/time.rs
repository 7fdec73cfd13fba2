//! Times of day and moments: serial numbers, and times as people type them. A time without a zone is in the column's or the
//! spreadsheet's zone; what the clock showed twice or never is refused unless the column says which moment is meant.

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::cell::Cell;
use super::column::{ClockChange, Column};
use super::date::{DAY_ZERO, DateRule, from_serial};
use super::fold::fold;
use super::rejection::{Code, Refusal};
use super::scan::Scan;

/// The time of day in `cell`.
pub(super) fn read(cell: &Cell) -> Result<Time, Refusal> {
    let time = match cell {
        // A date with a time of day is not a time of day.
        Cell::Number(serial) => from_serial(*serial).filter(|moment| moment.date() == DAY_ZERO).map(DateTime::time),
        Cell::Text(text) => {
            let folded = fold(text);
            let mut scan = Scan::new(&folded);
            take(&mut scan).filter(|_| scan.is_done())
        }
        Cell::Bool(_) | Cell::Blank => None,
    };
    time.ok_or_else(|| Refusal::new(Code::NotATime, "expected a time of day such as 9:30, 9:30:15, 9時30分 or 午後3時"))
}

/// Takes a time that follows a date: after a space, a `T`, or the 日 of the date. After `T` also `093000`.
pub(super) fn take_after_date(scan: &mut Scan) -> Option<Time> {
    if !scan.space() && scan.eat("T") {
        let mut ahead = *scan;
        if let Some((digits, 6)) = ahead.digits() {
            *scan = ahead;
            let [hour, minute, second] = [digits / 10_000, digits / 100 % 100, digits % 100].map(i8::try_from);
            return Time::new(hour.ok()?, minute.ok()?, second.ok()?, 0).ok();
        }
    }
    take(scan)
}

/// Takes a time from the front of a folded text: `9:30`, `21:30:15.250`, `9:30 PM`, `9時`, `9時30分15秒`, `9時半`, `午後3時`.
fn take(scan: &mut Scan) -> Option<Time> {
    let japanese = scan.eat_any(&["午前", "午後"]).map(|index| index == 1);
    scan.space();
    let hour = scan.small()?;
    let (minute, second, nanosecond) =
        if scan.eat("時") { take_after_hour_in_japanese(scan)? } else { take_after_hour(scan)? };
    let english = if japanese.is_none() { take_english_half(scan) } else { None };
    let hour = match (japanese, english) {
        (None, None) => hour,
        (Some(_), _) if hour > 11 => return None,
        (Some(afternoon), _) => hour + if afternoon { 12 } else { 0 },
        // In English the hour before 1 is written 12.
        (None, Some(_)) if !(1..=12).contains(&hour) => return None,
        (None, Some(afternoon)) => hour % 12 + if afternoon { 12 } else { 0 },
    };
    Time::new(hour, minute, second, nanosecond).ok()
}

fn take_after_hour(scan: &mut Scan) -> Option<(i8, i8, i32)> {
    if !scan.eat(":") {
        return None;
    }
    let minute = two_digits(scan)?;
    let second = if scan.eat(":") { two_digits(scan)? } else { return Some((minute, 0, 0)) };
    let nanosecond = if scan.eat(".") { take_fraction(scan)? } else { 0 };
    Some((minute, second, nanosecond))
}

fn take_after_hour_in_japanese(scan: &mut Scan) -> Option<(i8, i8, i32)> {
    scan.space();
    if scan.eat("半") {
        return Some((30, 0, 0));
    }
    let Some(minute) = scan.small() else {
        return Some((0, 0, 0));
    };
    if !scan.eat("分") {
        return None;
    }
    scan.space();
    match scan.small() {
        None => Some((minute, 0, 0)),
        Some(second) => scan.eat("秒").then_some((minute, second, 0)),
    }
}

/// Takes `AM` or `PM`, and says whether it is the afternoon.
fn take_english_half(scan: &mut Scan) -> Option<bool> {
    let mut ahead = *scan;
    ahead.space();
    let afternoon = ahead.eat_any(&["AM", "am", "PM", "pm"])? >= 2;
    *scan = ahead;
    Some(afternoon)
}

fn two_digits(scan: &mut Scan) -> Option<i8> {
    let (number, count) = scan.digits()?;
    if count == 2 { i8::try_from(number).ok() } else { None }
}

/// The digits after the point of a second, as nanoseconds; Postgres keeps six.
fn take_fraction(scan: &mut Scan) -> Option<i32> {
    let (number, count) = scan.digits()?;
    if count > 6 {
        return None;
    }
    i32::try_from(number).ok()?.checked_mul(10_i32.pow(9 - u32::try_from(count).ok()?))
}

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
            Cell::Number(serial) => match self.date.compact_number(*serial) {
                Some(compact) => self.read_text(&compact),
                None => self.moment(from_serial(*serial).ok_or_else(|| self.refusal())?),
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
        let local = day.to_datetime(take_after_date(&mut scan).ok_or_else(|| self.refusal())?);
        let offset = if scan.is_done() {
            None
        } else {
            Some(take_offset(&mut scan).filter(|_| scan.is_done()).ok_or_else(|| self.refusal())?)
        };
        match (offset, &self.zone) {
            (None, _) => self.moment(local),
            (Some(offset), Some(_)) => offset.to_timestamp(local).map(utc).map_err(|_| self.refusal()),
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
        moment.map(utc).map_err(|_| self.refusal())
    }

    fn refusal(&self) -> Refusal {
        Refusal::new(
            Code::NotATimestamp,
            "expected a date and time such as 2024-03-01 09:30, 2024年3月1日 9時30分 or 2024-03-01T09:30:00+09:00",
        )
    }
}

/// Takes `Z`, `+09:00`, `+0900` or `+09`.
fn take_offset(scan: &mut Scan) -> Option<Offset> {
    scan.space();
    if scan.eat("Z") {
        return Some(Offset::UTC);
    }
    let sign = if scan.eat("+") {
        1
    } else if scan.eat("-") {
        -1
    } else {
        return None;
    };
    let (number, count) = scan.digits()?;
    let (hours, minutes) = match count {
        2 if scan.eat(":") => (number, u32::try_from(two_digits(scan)?).ok()?),
        2 => (number, 0),
        4 => (number / 100, number % 100),
        _ => return None,
    };
    if hours > 18 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * i32::try_from(hours * 3600 + minutes * 60).ok()?).ok()
}

/// The zone with this name: one of the IANA database, or an offset such as `GMT+09:00`, as Sheets names zones of its own.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    if let Ok(zone) = TimeZone::get(name) {
        return Some(zone);
    }
    let mut scan = Scan::new(name.strip_prefix("GMT")?);
    take_offset(&mut scan).filter(|_| scan.is_done()).map(Offset::to_time_zone)
}

/// A moment as Postgres itself writes it in UTC, so that equal moments are equal texts on both sides.
fn utc(moment: Timestamp) -> String {
    let mut text = Offset::UTC.to_datetime(moment).to_string();
    text.push_str("+00:00");
    text
}
