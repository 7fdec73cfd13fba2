//! The rate limit of the destination, in requests per second for all workers together. Each container enforces its share
//! alone: of R requests a second and N containers each takes R/N (docs/PROMISES.md, "Rate limit").
//!
//! There are no bursts: requests are spaced, so any second holds at most R/N of them, and a new container waits first. The
//! space is a tenth wider than 1/(R/N), because requests bunch up on the network.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use crate::platform::clock::TokioClock;

/// How much wider than necessary requests are spaced.
const HEADROOM: f64 = 1.1;

/// How long a container takes turns half as often after the destination ran out of connections.
const SLOW_FOR: Duration = Duration::from_secs(60);

/// Lets requests pass one by one.
#[derive(Debug)]
pub struct Limiter {
    limiter: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Nanos>>,
    slow_until: Mutex<Option<Instant>>,
}

/// A rate that cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error(
    "a rate of {requests_per_second} requests a second for {containers} workers cannot be kept; REQUESTS_PER_SECOND must \
     be above 0 and MAXIMUM_CONCURRENCY at least 1"
)]
pub struct ImpossibleRate {
    requests_per_second: f64,
    containers: u32,
}

impl Limiter {
    /// One container's share of `requests_per_second`.
    ///
    /// # Errors
    /// When there is no such rate.
    pub fn new(requests_per_second: f64, containers: u32) -> Result<Self, ImpossibleRate> {
        let space = f64::from(containers) / requests_per_second * HEADROOM;
        let quota = Duration::try_from_secs_f64(space)
            .ok()
            .and_then(Quota::with_period)
            .ok_or(ImpossibleRate { requests_per_second, containers })?;
        let limiter = RateLimiter::direct_with_clock(quota, TokioClock::new());
        // It starts empty: a container that was replaced must not call sooner than the one before could have.
        let _taken = limiter.check();
        Ok(Self { limiter, slow_until: Mutex::default() })
    }

    /// Waits for this container's turn; says whether it came within `longest`.
    pub async fn ready(&self, longest: Duration) -> bool {
        let deadline = Instant::now() + longest;
        for _ in 0..if self.is_slow() { 2 } else { 1 } {
            while let Err(early) = self.limiter.check() {
                let turn = Instant::now() + early.wait_time_from(self.limiter.clock().now());
                if turn > deadline {
                    return false;
                }
                tokio::time::sleep_until(turn).await;
            }
        }
        true
    }

    /// Takes turns half as often for a while.
    pub fn slow_down(&self) {
        *self.slow_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + SLOW_FOR);
    }

    fn is_slow(&self) -> bool {
        self.slow_until.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| Instant::now() < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When requests leave, in milliseconds, if a request always waits.
    async fn passes(limiter: &Limiter, count: usize) -> Vec<u128> {
        let start = Instant::now();
        let mut passed = Vec::new();
        for _ in 0..count {
            assert!(limiter.ready(Duration::from_secs(60)).await);
            passed.push(start.elapsed().as_millis());
        }
        passed
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_holds_more_than_a_containers_share() {
        let passed = passes(&Limiter::new(10.0, 2).unwrap(), 60).await;
        assert!(passed[0] >= 200, "it starts empty");
        for first in &passed {
            let within = passed.iter().filter(|at| (*first..first + 1000).contains(*at)).count();
            assert!(within <= 5, "{within} in the second from {first}");
        }
        assert!(passed[59] <= 60 * 225, "and not much less");
    }

    #[tokio::test(start_paused = true)]
    async fn a_container_that_was_idle_saves_nothing_up() {
        let limiter = Limiter::new(10.0, 2).unwrap();
        tokio::time::sleep(Duration::from_secs(600)).await;
        let passed = passes(&limiter, 6).await;
        assert!(passed[5] >= 1000, "{passed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn it_does_not_wait_longer_than_it_may() {
        let limiter = Limiter::new(0.1, 2).unwrap();
        assert!(!limiter.ready(Duration::from_secs(5)).await);
        assert!(limiter.ready(Duration::from_secs(30)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn it_slows_down_for_a_minute() {
        let limiter = Limiter::new(10.0, 1).unwrap();
        limiter.slow_down();
        let passed = passes(&limiter, 10).await;
        assert!(passed[9] >= 2000, "{passed:?}");
        tokio::time::sleep(SLOW_FOR).await;
        let passed = passes(&limiter, 10).await;
        assert!(passed[9] <= 1200, "{passed:?}");
    }

    #[test]
    fn invalid_rate_is_reported() {
        for (rate, containers) in [(0.0, 2), (-1.0, 2), (10.0, 0), (f64::NAN, 1)] {
            let error = Limiter::new(rate, containers).unwrap_err().to_string();
            assert!(error.contains("REQUESTS_PER_SECOND"), "{error}");
        }
    }
}
