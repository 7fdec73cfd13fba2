//! The scheduler's circuit breaker: consulted before Supabase is called, and given the outcome of every call. Without it a
//! quiet sheet and a Supabase that hangs would be a call of 35 s for each sync at each tick, and the outage would show only
//! when a batch is sent. The rules are the library's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sheetsync::breaker::{Breaker, Decision, Evidence, Mode, Permit, SharedItem, State};
use sheetsync::clock::Millis;
use sheetsync::evidence::evidence;
use sheetsync::supabase::{Destination as _, Observer, Supabase};
use tokio::time::{Instant, timeout_at};

/// The longest that a call of the probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest that the call may take which confirms a failure.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(5);

/// The breaker, and what the scheduler's calls met that is not recorded in it yet.
#[derive(Debug)]
pub(crate) struct Gate<S> {
    breaker: Breaker<S>,
    met: Arc<Mutex<Met>>,
}

#[derive(Debug, Default)]
struct Met {
    unrecorded: Vec<Evidence>,
    last_failed: bool,
}

/// How the destination looks after an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outlook {
    /// The breaker holds calls back, or is about to try one.
    pub circuit_is_open: bool,
    /// The last call failed, or the breaker is open because calls did.
    pub is_unreachable: bool,
}

impl<S: SharedItem> Gate<S> {
    pub(crate) fn new(breaker: Breaker<S>) -> Self {
        Self { breaker, met: Arc::default() }
    }

    /// What a client of Supabase is to call after each of its calls.
    pub(crate) fn observer(&self) -> Observer {
        let (met, rule) = (Arc::clone(&self.met), self.breaker.rule().clone());
        Arc::new(move |error, took| {
            let evidence = evidence(error, took, &rule);
            let mut met = met.lock().unwrap_or_else(PoisonError::into_inner);
            met.last_failed = evidence != Evidence::Success;
            met.unrecorded.push(evidence);
        })
    }

    /// Decision to call Supabase, or when to ask again. Probes when that is due: with a quiet sheet no worker would.
    pub(crate) async fn admit(&self, supabase: &Supabase, invocation: &str, stop: Instant) -> Result<Permit, Millis> {
        loop {
            match self.breaker.admit(invocation).await {
                Decision::Call(permit) => return Ok(permit),
                Decision::Wait { until } => return Err(until),
                // Closed by it, open again, or, if our time ended, left to its lease.
                Decision::Probe(permit) => self.probe(supabase, &permit, stop).await,
            }
        }
    }

    async fn probe(&self, supabase: &Supabase, permit: &Permit, stop: Instant) {
        for _ in 0..self.breaker.rule().probe_calls {
            let answered = timeout_at(stop, supabase.ping(PROBE_TIMEOUT)).await;
            self.record(permit).await;
            if !matches!(answered, Ok(Ok(()))) {
                tracing::warn!(error = ?answered.ok().and_then(Result::err).map(|error| error.code()), "probe failed");
                break;
            }
        }
    }

    /// Feeds the breaker with the calls made since the last time. A single call that hung is not enough to open it, and one
    /// that is about to be repeated for every sync must not be: a small call shows whether it was chance.
    pub(crate) async fn learn(&self, supabase: &Supabase, permit: &Permit, stop: Instant) {
        self.record(permit).await;
        if self.met().last_failed && self.breaker.recent().await.state() == State::Closed {
            let _ = timeout_at(stop, supabase.ping(CONFIRM_TIMEOUT)).await;
            self.record(permit).await;
        }
    }

    async fn record(&self, permit: &Permit) {
        let unrecorded = std::mem::take(&mut self.met().unrecorded);
        for evidence in &unrecorded {
            self.breaker.record(permit, evidence).await;
        }
    }

    pub(crate) async fn outlook(&self) -> Outlook {
        let item = self.breaker.recent().await;
        let is_closed = item.state() == State::Closed;
        Outlook {
            circuit_is_open: !is_closed || item.mode() == Mode::ForceOpen,
            is_unreachable: self.met().last_failed || (!is_closed && item.mode() == Mode::Auto),
        }
    }

    fn met(&self) -> MutexGuard<'_, Met> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
