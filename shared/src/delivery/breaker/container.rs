//! The breaker as one container sees it: what it remembers of the shared item, and how it goes on without.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::decide::{Admission, Evidence, Permit};
use super::rule::Rule;
use super::state::{Item, Owner, State};
use super::store::{SharedItem, StoreError};
use super::update::Update;
use crate::platform::clock::{Chance, Clock, Millis};

/// How long the item is taken to be what it was.
const MEMORY: Duration = Duration::from_secs(1);

/// How often a container records its successes while others record failures.
const RECORD_EVERY: Duration = Duration::from_secs(2);

/// How long a container uses its local breaker before it tries DynamoDB again.
const ALONE_FOR: Duration = Duration::from_secs(10);

/// How often evidence is weighed again after a concurrent write.
const WRITE_ATTEMPTS: u32 = 4;

/// The breaker of one destination, as one container sees it.
#[derive(Debug)]
pub struct Breaker<S> {
    store: S,
    rule: Rule,
    clock: Clock,
    chance: Arc<Chance>,
    memory: Mutex<Memory>,
}

/// What a container remembers.
#[derive(Debug, Default)]
struct Memory {
    /// The item as it was last seen; while the store is away, this container's own.
    item: Item,
    /// When it was read.
    read_at: Option<Instant>,
    /// Set while the store is away: when to look again.
    alone_until: Option<Instant>,
    /// Successes in this window that the item does not know of.
    unrecorded: Counted,
    /// When successes were last recorded.
    recorded_at: Option<Instant>,
    /// How many probes this container has claimed.
    claims: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    window: u64,
    successes: u64,
}

/// Whether a call may be made.
#[derive(Debug)]
pub enum Decision {
    /// The call is admitted; report its outcome to [`Breaker::record`].
    Call(Permit),
    /// The call is admitted as a probe: small calls, until the circuit closes or opens again.
    Probe(Permit),
    /// It may not, before then.
    Wait {
        /// When asking again makes sense.
        until: Millis,
    },
}

impl<S: SharedItem> Breaker<S> {
    /// A breaker that has seen nothing yet.
    pub fn new(store: S, rule: Rule, clock: Clock, chance: Arc<Chance>) -> Self {
        Self { store, rule, clock, chance, memory: Mutex::default() }
    }

    /// The thresholds and times by which it opens and closes.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Whether calls are refused now, and until when; for who makes none that count (the scheduler, a person).
    pub async fn refuses_until(&self) -> Option<Millis> {
        let item = self.recent().await;
        item.refuses_until(self.clock.now(), &self.rule).map(|until| self.spread(&item, until))
    }

    /// The item, not older than a second.
    pub async fn recent(&self) -> Item {
        let memory = {
            let memory = self.memory();
            memory.read_at.filter(|at| at.elapsed() < MEMORY).map(|_| memory.item.clone())
        };
        match memory {
            Some(item) => item,
            None => self.read().await,
        }
    }

    /// Asks for leave to make a call. `request` is the id of the invocation that asks.
    pub async fn admit(&self, request: &str) -> Decision {
        let item = self.recent().await;
        let me = Owner(format!("{request}/{}", self.memory().claims));
        let claim = match item.admit(self.clock.now(), &me, &self.rule) {
            Admission::Granted(permit) => return Decision::Call(permit),
            Admission::Refused { until } => return Decision::Wait { until: self.spread(&item, until) },
            Admission::Claim(claim) => claim,
        };
        self.memory().claims += 1;
        match self.write(&claim).await {
            Some(item) => {
                tracing::info!(epoch = item.epoch, "probe claimed");
                Decision::Probe(Permit::probe(&item, me))
            }
            // Another worker claimed the probe first.
            None => {
                let item = self.read().await;
                Decision::Wait { until: self.spread(&item, self.clock.now().plus(self.rule.moment())) }
            }
        }
    }

    /// When one of those who must wait comes back: not all at once, and the less often the longer the outage lasts, because
    /// each time costs one of the thousand receives that a message has.
    fn spread(&self, item: &Item, until: Millis) -> Millis {
        let lasted = item.since().map_or(Duration::ZERO, |since| self.clock.now().since(since));
        until.plus(self.chance.part_of(self.rule.moment().max(lasted / 10)))
    }

    /// Takes in what came of a call.
    pub async fn record(&self, permit: &Permit, evidence: &Evidence) {
        if *evidence == Evidence::Success && permit.probe.is_none() && !self.must_record() {
            return;
        }
        for _ in 0..WRITE_ATTEMPTS {
            let (now, jitter) = (self.clock.now(), self.chance.fraction());
            let item = self.memory().item.clone();
            let unrecorded = self.unrecorded(now);
            let Some(update) = item.weigh(permit, evidence, unrecorded, now, &self.rule, jitter) else { return };
            if let Some(item) = self.write(&update).await {
                self.mark_recorded();
                if let Some(transition) = item.transition(permit, evidence, now, &self.rule, jitter) {
                    self.write(&transition).await;
                }
                return;
            }
            self.read().await;
        }
    }

    /// Counts a success. Returns whether to write it to the store now: only while others record failures.
    fn must_record(&self) -> bool {
        let now = self.clock.now();
        let successes = self.unrecorded(now) + 1;
        let mut memory = self.memory();
        memory.unrecorded = Counted { window: self.rule.window_at(now), successes };
        let others_fail = memory.item.failures(now, &self.rule) > 0;
        others_fail && memory.recorded_at.is_none_or(|at| at.elapsed() >= RECORD_EVERY)
    }

    /// The successes of this window; older ones would outvote the failures of an outage that has just begun.
    fn unrecorded(&self, now: Millis) -> u64 {
        let unrecorded = self.memory().unrecorded;
        if unrecorded.window == self.rule.window_at(now) { unrecorded.successes } else { 0 }
    }

    fn mark_recorded(&self) {
        let mut memory = self.memory();
        memory.unrecorded = Counted::default();
        memory.recorded_at = Some(Instant::now());
    }

    async fn read(&self) -> Item {
        if !self.is_alone() {
            match self.store.read().await {
                Ok(item) => {
                    self.come_back();
                    self.remember(item);
                }
                Err(error) => self.go_alone(&error),
            }
        }
        let mut memory = self.memory();
        memory.read_at = Some(Instant::now());
        memory.item.clone()
    }

    /// The item after a write, or `None` when its condition did not hold.
    async fn write(&self, update: &Update) -> Option<Item> {
        if !self.is_alone() {
            match self.store.write(update).await {
                Ok(None) => return None,
                Ok(Some(item)) => {
                    self.remember(item.clone());
                    return Some(item);
                }
                Err(error) => self.go_alone(&error),
            }
        }
        let item = self.memory().item.apply(update).ok()?;
        self.remember(item.clone());
        Some(item)
    }

    /// Keeps what the item is now, and says so when the circuit has moved.
    fn remember(&self, item: Item) {
        let mut memory = self.memory();
        let before = std::mem::replace(&mut memory.item, item);
        memory.read_at = Some(Instant::now());
        let item = &memory.item;
        if before.state() == item.state() && before.mode == item.mode {
            return;
        }
        let until_ms = item.until().map(|until| until.0);
        match item.state() {
            State::Closed => tracing::info!(mode = ?item.mode, epoch = item.epoch, "circuit closed"),
            state => tracing::warn!(
                ?state,
                mode = ?item.mode,
                epoch = item.epoch,
                why = item.why(),
                until_ms,
                opens_in_a_row = item.opens_in_a_row,
                "circuit not closed"
            ),
        }
    }

    fn is_alone(&self) -> bool {
        self.memory().alone_until.is_some_and(|until| Instant::now() < until)
    }

    /// Goes on with what was last seen as this container's own item, and says so once.
    fn go_alone(&self, error: &StoreError) {
        let mut memory = self.memory();
        if memory.alone_until.replace(Instant::now() + ALONE_FOR).is_none() {
            tracing::error!(
                error = %error,
                "breaker store unavailable; using a local breaker with the same rules"
            );
        }
    }

    /// The store answers again: its item counts, not ours.
    fn come_back(&self) {
        if self.memory().alone_until.take().is_some() {
            tracing::info!("breaker store available again; using the shared breaker");
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
