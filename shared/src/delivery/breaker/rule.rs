//! The numbers of the breaker's rules. The table of updates and their conditions is in docs/PROMISES.md, "Circuit breaker".

use std::time::Duration;

use crate::platform::clock::Millis;

/// The numbers of the rules.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    /// The length of a counting window.
    pub window: Duration,
    /// How many failures in two windows open the circuit, when they are at least half of what was counted.
    pub failures: u64,
    /// How long it is open the first time; doubled each time in a row.
    pub first_open: Duration,
    /// The longest that it is open by itself.
    pub longest_open: Duration,
    /// The longest `Retry-After` that is believed.
    pub longest_retry_after: Duration,
    /// A longer `Retry-After` opens the circuit at once.
    pub patient_retry_after: Duration,
    /// How long it must have been closed for the opens in a row to be forgotten.
    pub calm: Duration,
    /// How many calls of a probe must succeed.
    pub probe_calls: u32,
    /// How long a claim of the probe holds after its last success.
    pub lease: Duration,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(10),
            failures: 5,
            first_open: Duration::from_secs(15),
            longest_open: Duration::from_secs(300),
            longest_retry_after: Duration::from_secs(3600),
            patient_retry_after: Duration::from_secs(10),
            calm: Duration::from_secs(300),
            probe_calls: 3,
            lease: Duration::from_secs(40),
        }
    }
}

/// The longest that the circuit is open by itself, in first open times.
const LONGEST_OPEN: u32 = 20;

impl Rule {
    /// The usual rule with another first open time; the longest grows with it.
    #[must_use]
    pub fn opening_for(first_open: Duration) -> Self {
        Self { first_open, longest_open: first_open * LONGEST_OPEN, ..Self::default() }
    }

    /// A short while, in proportion to how long the circuit is open.
    pub(super) fn moment(&self) -> Duration {
        self.first_open / 3
    }

    pub(super) fn window_at(&self, at: Millis) -> u64 {
        at.0 / (self.window.as_millis() as u64).max(1)
    }

    /// How long the circuit is open the `opens`-th time in a row; `jitter` (0 to 1) decides over half of it.
    pub(super) fn open_time(&self, opens: u32, jitter: f64) -> Duration {
        let doubled = self.first_open.saturating_mul(1 << opens.saturating_sub(1).min(16));
        doubled.min(self.longest_open).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }
}
