//! Times of day: the fractions of serial numbers, and times as people type them.

use jiff::civil::{DateTime, Time};

use super::cell::Cell;
use super::fold::fold;
use super::rejection::{Code, Refusal};
use super::scan::Scan;
use super::serial::{DAY_ZERO, from_serial};

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
    pub(super) takes_offset: bool,
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

pub(super) fn two_digits(scan: &mut Scan) -> Option<i8> {
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
