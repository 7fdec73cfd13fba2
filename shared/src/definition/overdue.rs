//! When a sync is overdue: one rule for the health that the API shows, the metric `Overdue` with its alarm, and
//! `sheetsync status`.

use std::time::Duration;

use jiff::Timestamp;

/// After how long without progress a run counts as stalled, where no definition says otherwise.
pub const DEFAULT_STALL_AFTER: Duration = Duration::from_secs(15 * 60);

/// How long ago something was; nothing, if by this clock it is still to come.
#[must_use]
pub fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

/// So many intervals may pass without a run that came through before it is a fault.
pub const MISSED_INTERVALS: u32 = 3;

/// How often a sync runs, and how long one of its runs may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// The interval of scheduled runs.
    pub every: Duration,
    /// After how long without progress a run counts as stalled.
    pub stall_after: Duration,
}

impl Rhythm {
    /// How many of its intervals are missing when nothing has come through for `since`; a run may take `stall_after`.
    #[must_use]
    pub fn missed(self, since: Duration) -> f64 {
        since.saturating_sub(self.stall_after).as_secs_f64() / self.every.as_secs_f64().max(1.0)
    }

    /// Whether the sync is overdue.
    #[must_use]
    pub fn is_overdue(self, since: Duration) -> bool {
        self.missed(since) > f64::from(MISSED_INTERVALS)
    }

    /// How many times the interval in which the table is to be compared with what was written has passed since it was.
    #[must_use]
    pub fn checks_missed(self, reconcile_every: Duration, since: Duration) -> f64 {
        Self { every: self.every.max(reconcile_every), ..self }.missed(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sync_is_overdue_after_three_intervals_plus_the_stall_time() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let rhythm = Rhythm { every: minutes(5), stall_after: minutes(15) };
        assert_eq!(rhythm.missed(minutes(10)), 0.0);
        assert_eq!(rhythm.missed(minutes(25)), 2.0);
        assert!(!rhythm.is_overdue(minutes(30)));
        assert!(rhythm.is_overdue(minutes(31)));
        assert_eq!(rhythm.checks_missed(minutes(60), minutes(15 + 120)), 2.0, "compared every hour at most");
        let daily = Rhythm { every: minutes(24 * 60), ..rhythm };
        assert!(!daily.is_overdue(minutes(3 * 24 * 60)), "a daily sync has days");
    }
}
