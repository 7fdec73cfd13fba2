//! Keeps within Google's quota of reads: one limiter for all syncs of a function, since they share the service account.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use tokio::time::Instant;

use super::error::SheetsError;
use crate::platform::clock::TokioClock;

/// How many reads a minute are let through, unless the settings say otherwise. A service account has 60.
pub const READS_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(49);

/// A limiter of reads.
pub(super) struct Quota {
    limiter: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Nanos>>,
}

impl Quota {
    /// Lets through `reads` a minute, a fifth of them at once: so in no minute, wherever it begins, are there more than
    /// six fifths of it, which for [`READS_PER_MINUTE`] is what Google allows.
    pub(super) fn per_minute(reads: NonZeroU32) -> Self {
        let burst = NonZeroU32::new(reads.get() / 5).unwrap_or(NonZeroU32::MIN);
        let quota = governor::Quota::per_minute(reads).allow_burst(burst);
        Self { limiter: RateLimiter::direct_with_clock(quota, TokioClock::new()) }
    }

    /// Returns when a read may be made; at once with an error if that is only after the deadline.
    pub(super) async fn ready(&self, deadline: Option<Instant>) -> Result<(), SheetsError> {
        loop {
            let Err(not_yet) = self.limiter.check() else { return Ok(()) };
            let wait = not_yet.wait_time_from(self.limiter.clock().now());
            if deadline.is_some_and(|deadline| Instant::now() + wait >= deadline) {
                return Err(SheetsError::OutOfTime("all reads of this minute are used up".to_owned()));
            }
            tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_minute_has_more_reads_than_google_allows() {
        let quota = Quota::per_minute(READS_PER_MINUTE);
        let started = Instant::now();
        let mut reads = Vec::new();
        for read in 0..300 {
            // A pause saves up no more than the burst.
            if read == 150 {
                tokio::time::sleep(Duration::from_secs(300)).await;
            }
            quota.ready(None).await.unwrap();
            reads.push(started.elapsed());
        }
        let in_minute_from =
            |first: Duration| reads.iter().filter(|at| (first..first + Duration::from_secs(60)).contains(*at)).count();
        let busiest = reads.iter().map(|first| in_minute_from(*first)).max().unwrap_or_default();
        assert!(busiest <= 60, "{busiest} reads in a minute");
        assert!(busiest > 55, "it need not be slower than that: {busiest} reads in the busiest minute");
    }

    #[tokio::test(start_paused = true)]
    async fn quota_waits_no_longer_than_the_deadline() {
        let quota = Quota::per_minute(NonZeroU32::new(5).unwrap());
        let started = Instant::now();
        quota.ready(None).await.unwrap();
        quota.ready(Some(started + Duration::from_secs(13))).await.unwrap();
        assert!(started.elapsed() >= Duration::from_secs(11), "it waited for its turn");
        let before = Instant::now();
        assert!(quota.ready(Some(before + Duration::from_secs(2))).await.is_err());
        assert_eq!(before.elapsed(), Duration::ZERO, "it said so at once");
    }
}
