//! Time and chance, where a simulation must be able to hold them: wall time that can follow tokio's paused clock, and
//! random numbers that come from a seed.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use governor::nanos::Nanos;
use jiff::Timestamp;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;
use uuid::Uuid;

/// When Lambda ends an invocation, of what its runtime reports. `cargo lambda watch` reports a moment of 1970, and ends
/// nothing: then it is the longest that Lambda allows, a quarter of an hour from now.
#[must_use]
pub fn invocation_end(reported: SystemTime) -> SystemTime {
    const LONGEST: Duration = Duration::from_secs(15 * 60);
    let now = SystemTime::now();
    if reported + LONGEST > now { reported } else { now + LONGEST }
}

/// A point in time, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub u64);

/// Returns the wall time.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// The machine's. Not counted from when the process began: Lambda freezes it between invocations.
    System,
    /// A time that goes on from `base` as tokio's clock does, paused or not.
    Simulated {
        /// The wall time at `start`.
        base: Millis,
        /// When the clock was set.
        start: Instant,
    },
}

impl Clock {
    /// A clock that says `base` now and follows tokio's.
    #[must_use]
    pub fn starting_at(base: Millis) -> Self {
        Self::Simulated { base, start: Instant::now() }
    }

    /// The wall time, in milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> Millis {
        match self {
            Self::System => Millis::from(SystemTime::now()),
            Self::Simulated { base, start } => base.plus(start.elapsed()),
        }
    }
}

impl Millis {
    /// So much later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_millis() as u64))
    }

    /// How long after `earlier`; zero if it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for Millis {
    fn from(at: SystemTime) -> Self {
        Self(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64)
    }
}

impl From<Timestamp> for Millis {
    fn from(at: Timestamp) -> Self {
        Self(at.as_millisecond().try_into().unwrap_or_default())
    }
}

impl From<Millis> for Timestamp {
    fn from(at: Millis) -> Self {
        Self::from_millisecond(at.0.try_into().unwrap_or(i64::MAX)).unwrap_or(Self::MAX)
    }
}

/// Random numbers from a seed.
#[derive(Debug)]
pub struct Chance(Mutex<ChaCha8Rng>);

impl Chance {
    /// Always the same numbers.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self(Mutex::new(ChaCha8Rng::seed_from_u64(seed)))
    }

    /// Numbers that no other container draws.
    #[must_use]
    pub fn new() -> Self {
        Self::from_seed(Uuid::new_v4().as_u64_pair().0)
    }

    /// From 0 up to, not with, 1.
    pub fn fraction(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    /// From nothing up to `longest`.
    pub fn part_of(&self, longest: Duration) -> Duration {
        longest.mul_f64(self.fraction())
    }
}

impl Default for Chance {
    fn default() -> Self {
        Self::new()
    }
}

/// Tokio's clock, which a simulation can pause; for all limiters.
#[derive(Debug, Clone)]
pub(crate) struct TokioClock(Instant);

impl TokioClock {
    /// A clock that begins now.
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl governor::clock::Clock for TokioClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invocation_end_is_lambdas_deadline_if_it_is_plausible() {
        let now = SystemTime::now();
        for reported in [now + Duration::from_secs(60), now - Duration::from_secs(1)] {
            assert_eq!(invocation_end(reported), reported);
        }
        // As `cargo lambda watch` has it.
        assert!(invocation_end(UNIX_EPOCH + Duration::from_secs(600)) > now + Duration::from_secs(14 * 60));
    }
}
