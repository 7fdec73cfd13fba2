//! Serial numbers, in which Sheets keeps days and times: days since 1899-12-30, and the time of day as their fraction.

use jiff::civil::{Date, DateTime, Time, date};
use jiff::{SignedDuration, ToSpan as _};

/// The day that Sheets counts from.
pub(super) const DAY_ZERO: Date = date(1899, 12, 30);

const MILLISECONDS_A_DAY: f64 = 86_400_000.0;

/// Days of the years 1 to 9999, the ones that four digits can write.
pub(super) const FIRST_DAY: Date = date(1, 1, 1);

/// The local date and time of a serial number, rounded to the millisecond, which is what Sheets can show.
pub(super) fn from_serial(serial: f64) -> Option<DateTime> {
    let milliseconds = (serial * MILLISECONDS_A_DAY).round();
    // Some ten thousand years each way; also refuses what is not finite.
    if !(-4e14..=4e14).contains(&milliseconds) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and within 4e14")]
    let milliseconds = milliseconds as i64;
    let days = milliseconds.div_euclid(86_400_000);
    let day = DAY_ZERO.checked_add(days.days()).ok().filter(|day| *day >= FIRST_DAY)?;
    let since_midnight = SignedDuration::from_millis(milliseconds.rem_euclid(86_400_000));
    Some(day.to_datetime(Time::midnight().checked_add(since_midnight).ok()?))
}
