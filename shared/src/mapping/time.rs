//! Times of day and moments: serial numbers, and times as people type them. A time without a zone is in the column's or the
//! spreadsheet's zone; what the clock showed twice or never is refused unless the column says which moment is meant.

use std::ops::RangeInclusive;

use jiff::civil::{DateTime, Time, date};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::cell::Cell;
use super::column::{ClockChange, Column};
use super::date::{DAY_ZERO, DateRule, FIRST_DAY, from_serial};
use super::fold::fold;
use super::rejection::{Code, Refusal};
use super::scan::Scan;

/// The offsets that there are, in seconds: UTC−12 to UTC+14.
const OFFSETS: RangeInclusive<i32> = -12 * 3600..=14 * 3600;

/// Timestamps end a day before the dates do; from here on, zones keep the offset that they have then.
const BEYOND_TIMESTAMPS: DateTime = date(9999, 12, 29).at(0, 0, 0, 0);

/// The time of day in `cell`.
pub(super) fn read(cell: &Cell) -> Result<Time, Refusal> {
    let time = match cell {
        // A date with a time of day is not a time of day.
        Cell::Number(serial) | Cell::Shown(serial, _) => {
            from_serial(*serial).filter(|moment| moment.date() == DAY_ZERO).map(DateTime::time)
        }
        Cell::Text(text) => {
            let folded = fold(text);
            let mut scan = Scan::new(&folded);
            take(&mut scan).filter(|_| scan.is_done()).map(|taken| taken.time)
        }
        Cell::Bool(_) | Cell::Blank => None,
    };
    time.ok_or_else(|| Refusal::new(Code::NotATime, "expected a time of day such as 9:30, 9:30:15, 9時30分 or 午後3時"))
}

/// A time of day as it was written.
pub(super) struct Taken {
    pub(super) time: Time,
    /// Whether `-05` behind it can only be an offset: after `T` or after seconds. `10:00-12:00` are the hours of an event.
    takes_offset: bool,
}

/// Takes a time that follows a date: after a space, a comma and a space, a `T`, or the 日 of the date. After `T` also `093000`.
pub(super) fn take_after_date(scan: &mut Scan) -> Option<Taken> {
    let mut ahead = *scan;
    if ahead.eat(",") {
        *scan = ahead;
        return if scan.space() { take(scan) } else { None };
    }
    if scan.space() || !scan.eat("T") {
        return take(scan);
    }
    let mut ahead = *scan;
    let time = if let Some((digits, 6)) = ahead.digits() {
        *scan = ahead;
        let [hour, minute, second] = [digits / 10_000, digits / 100 % 100, digits % 100].map(i8::try_from);
        Time::new(hour.ok()?, minute.ok()?, second.ok()?, 0).ok()?
    } else {
        take(scan)?.time
    };
    Some(Taken { time, takes_offset: true })
}

/// Takes a time from the front of a folded text: `9:30`, `21:30:15.250`, `9:30 PM`, `PM9:30`, `9pm`, `9時`, `9時30分15秒`,
/// `9時半`, `午後3時`.
fn take(scan: &mut Scan) -> Option<Taken> {
    let japanese = scan.eat_any(&["午前", "午後"]).map(|index| index == 1);
    // The half of the day before the hour is the Japanese way, also in Latin letters.
    let before = japanese.or_else(|| take_english_half(scan));
    scan.space();
    let hour = scan.small()?;
    let parts = if scan.eat_spaced("時") {
        Some((take_after_hour_in_japanese(scan)?, false))
    } else if scan.eat(":") {
        let minute = two_digits(scan)?;
        let has_seconds = scan.eat(":");
        let second = if has_seconds { two_digits(scan)? } else { 0 };
        let nanosecond = if has_seconds && scan.eat(".") { take_fraction(scan)? } else { 0 };
        Some(((minute, second, nanosecond), has_seconds))
    } else {
        None
    };
    let after = if before.is_none() { take_english_half(scan) } else { None };
    let hour = match (before, after) {
        (None, None) => hour,
        // `午後12時` may be noon or midnight.
        (Some(_), _) if hour > 11 => return None,
        (Some(afternoon), _) => hour + if afternoon { 12 } else { 0 },
        // In English the hour before 1 is written 12.
        (None, Some(_)) if !(1..=12).contains(&hour) => return None,
        (None, Some(afternoon)) => hour % 12 + if afternoon { 12 } else { 0 },
    };
    // An hour alone is a time only where it says which half of the day: `9pm`.
    let ((minute, second, nanosecond), takes_offset) = match (parts, after) {
        (Some(parts), _) => parts,
        (None, Some(_)) => ((0, 0, 0), false),
        (None, None) => return None,
    };
    let time = Time::new(hour, minute, second, nanosecond).ok()?;
    Some(Taken { time, takes_offset })
}

fn take_after_hour_in_japanese(scan: &mut Scan) -> Option<(i8, i8, i32)> {
    scan.space();
    if scan.eat("半") {
        return Some((30, 0, 0));
    }
    let Some(minute) = scan.small() else {
        return Some((0, 0, 0));
    };
    if !scan.eat_spaced("分") {
        return None;
    }
    scan.space();
    match scan.small() {
        None => Some((minute, 0, 0)),
        Some(second) => scan.eat_spaced("秒").then_some((minute, second, 0)),
    }
}

/// Takes `AM`, `pm` or `p.m.`, and says whether it is the afternoon.
fn take_english_half(scan: &mut Scan) -> Option<bool> {
    let mut ahead = *scan;
    ahead.space();
    for (half, afternoon) in [("am", false), ("a.m.", false), ("pm", true), ("p.m.", true)] {
        if ahead.rest.get(..half.len()).is_some_and(|next| next.eq_ignore_ascii_case(half)) {
            *scan = Scan::new(&ahead.rest[half.len()..]);
            return Some(afternoon);
        }
    }
    None
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
