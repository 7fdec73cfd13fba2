//! Repeating a call: how often, after which waits, and whether another call is affordable at all. There is one policy for each
//! thing that is called; which failures are repeated is the caller's business.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use crate::platform::clock::Chance;

/// What a first call earns for later repetitions.
const EARNED: f64 = 0.1;

/// How many repetitions can be saved up; also what a container starts with.
const SAVED: f64 = 10.0;

/// How often a call is repeated: after waits that double from the first to the longest.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    first: Duration,
    longest: Duration,
    times: usize,
}

/// A call of Supabase that is made for a run or a person.
pub(crate) const SUPABASE: Policy = Policy::new(Duration::from_millis(200), Duration::from_secs(5), 4);

/// A batch, within one invocation of the worker; later attempts are the queue's.
pub const BATCH: Policy = Policy::new(Duration::from_millis(200), Duration::from_secs(5), 3);

/// A read from Google, whose quota is counted by the minute.
pub(crate) const GOOGLE: Policy = Policy::new(Duration::from_secs(1), Duration::from_secs(32), 8);

/// The entries of a call that SQS did not take.
pub(crate) const SQS: Policy = Policy::new(Duration::from_millis(200), Duration::from_millis(1600), 4);

impl Policy {
    const fn new(first: Duration, longest: Duration, times: usize) -> Self {
        Self { first, longest, times }
    }

    /// The first attempt and those that repeat it.
    pub(crate) const fn attempts(&self) -> usize {
        self.times + 1
    }

    /// The waits without jitter.
    pub(crate) fn lengths(&self) -> ExponentialBuilder {
        ExponentialBuilder::new().with_min_delay(self.first).with_max_delay(self.longest).with_max_times(self.times)
    }
}

/// The waits between the attempts at one call: exponential, each anywhere from nothing up to its length ("full jitter"), so
/// that those who failed together do not come back together.
#[derive(Debug)]
pub struct Waits {
    lengths: ExponentialBackoff,
}

impl Waits {
    /// Those of a policy.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { lengths: policy.lengths().build() }
    }

    /// The wait before the next attempt, not shorter than the destination asks for; `None` when attempts are used up.
    pub fn next(&mut self, asked: Option<Duration>, chance: &Chance) -> Option<Duration> {
        let length = self.lengths.next()?;
        Some(chance.part_of(length).max(asked.unwrap_or_default()))
    }
}

/// Bounds repetitions to a tenth of the calls, so that they cannot multiply the load on a destination in trouble.
#[derive(Debug)]
pub struct Budget(Mutex<f64>);

impl Budget {
    /// A full budget.
    #[must_use]
    pub fn new() -> Self {
        Self(Mutex::new(SAVED))
    }

    /// A first call earns a tenth of a repetition.
    pub fn earn(&self) {
        let mut saved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *saved = (*saved + EARNED).min(SAVED);
    }

    /// Pays for a repetition, if there is enough.
    pub fn pay(&self) -> bool {
        let mut saved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_enough = *saved >= 1.0;
        if is_enough {
            *saved -= 1.0;
        }
        is_enough
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_anywhere_up_to_their_length() {
        let chance = Chance::from_seed(7);
        let mut sums = [Duration::ZERO; 3];
        for _ in 0..1000 {
            let mut waits = Waits::new(Policy::new(Duration::from_millis(200), Duration::from_millis(600), 3));
            for (sum, length) in sums.iter_mut().zip([200, 400, 600]) {
                let wait = waits.next(None, &chance).unwrap();
                assert!(wait < Duration::from_millis(length));
                *sum += wait;
            }
            assert_eq!(waits.next(None, &chance), None);
        }
        for (sum, mean) in sums.iter().zip([100, 200, 300]) {
            assert!((sum.as_millis() as i64 / 1000 - mean).abs() < mean / 10, "{sums:?}");
        }
    }

    #[test]
    fn refused_sqs_entries_are_retried_with_doubling_waits() {
        let waits: Vec<u128> = SQS.lengths().build().map(|wait| wait.as_millis()).collect();
        assert_eq!((waits.as_slice(), SQS.attempts()), ([200, 400, 800, 1600].as_slice(), 5));
    }

    #[test]
    fn a_wait_is_not_shorter_than_asked_for() {
        let mut waits = Waits::new(BATCH);
        let asked = Duration::from_secs(7);
        assert_eq!(waits.next(Some(asked), &Chance::from_seed(7)), Some(asked));
    }

    #[test]
    fn retry_budget_allows_a_tenth_of_the_calls() {
        let budget = Budget::new();
        let repeated = (0..1000)
            .filter(|_| {
                budget.earn();
                budget.pay()
            })
            .count();
        assert!((100..=111).contains(&repeated), "{repeated}");
    }
}
