//! The worker and its parts: destination, inbox, breaker, limiter, clock.

use std::sync::Arc;

use sheetsync::breaker::{Breaker, SharedItem};
use sheetsync::clock::Millis;
use sheetsync::clock::{Chance, Clock};
use sheetsync::limiter::{ImpossibleRate, Limiter};
use sheetsync::queue::Inbox;
use sheetsync::retry::Budget;
use sheetsync::supabase::Destination;

use crate::settings::Settings;

/// Delivers messages: its connections, its limits, and what it remembers between invocations.
#[derive(Debug)]
pub struct Worker<D, Q, S> {
    pub(crate) destination: D,
    pub(crate) queue: Q,
    pub(crate) dead_letters: Q,
    pub(crate) breaker: Breaker<S>,
    pub(crate) limiter: Limiter,
    pub(crate) budget: Budget,
    pub(crate) clock: Clock,
    pub(crate) chance: Arc<Chance>,
    pub(crate) settings: Settings,
}

/// One invocation of the function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Invocation<'a> {
    /// Lambda's request id.
    pub request: &'a str,
    /// When Lambda ends it.
    pub deadline: Millis,
}

impl<D: Destination, Q: Inbox, S: SharedItem> Worker<D, Q, S> {
    /// A worker that has just started. `queues` are the one that messages come from and that of dead letters.
    ///
    /// # Errors
    /// When the rate cannot be kept.
    pub fn new(
        destination: D,
        (queue, dead_letters): (Q, Q),
        store: S,
        settings: Settings,
        clock: Clock,
        chance: Chance,
    ) -> Result<Self, ImpossibleRate> {
        let chance = Arc::new(chance);
        Ok(Self {
            destination,
            queue,
            dead_letters,
            breaker: Breaker::new(store, settings.rule(), clock, Arc::clone(&chance)),
            limiter: Limiter::new(settings.requests_per_second, settings.concurrency)?,
            budget: Budget::new(),
            clock,
            chance,
            settings,
        })
    }
}
