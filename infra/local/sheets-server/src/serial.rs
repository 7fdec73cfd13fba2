//! Days and times as Sheets keeps them: days since 1899-12-30, the time of day as their fraction.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, ToSpan as _};

/// Day 0 of Sheets' serials.
const EPOCH: Date = jiff::civil::date(1899, 12, 30);

pub(crate) fn day_fraction(time: Time) -> f64 {
    let seconds = f64::from(time.hour()) * 3600.0 + f64::from(time.minute()) * 60.0 + f64::from(time.second());
    seconds / 86_400.0
}

pub(crate) fn days_since_epoch(date: Date) -> f64 {
    f64::from(date.since(EPOCH).map_or(0, |span| span.get_days()))
}

/// The serial of a moment without a time zone.
pub(crate) fn serial(moment: DateTime) -> f64 {
    days_since_epoch(moment.date()) + day_fraction(moment.time())
}

/// The date and time so many seconds after day 0.
pub(crate) fn date_time(seconds: i64) -> Option<DateTime> {
    let days = i32::try_from(seconds.div_euclid(86_400)).ok()?;
    let date = EPOCH.checked_add(days.days()).ok()?;
    let time = Time::midnight().wrapping_add(SignedDuration::from_secs(seconds.rem_euclid(86_400)));
    Some(date.to_datetime(time))
}
