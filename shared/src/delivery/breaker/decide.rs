//! The breaker's rules: which calls are admitted, which write an outcome requires, when the circuit opens and closes. Pure: time and
//! jitter are arguments. The table of updates and their conditions is in docs/PROMISES.md, "Circuit breaker".

use std::time::Duration;

use super::rule::Rule;
use super::state::{Circuit, Command, Counts, Item, Mode, Outage, Owner, State};
use super::update::{Change, Clause, Tally, Update};
use crate::platform::clock::Millis;

/// Whether a call may be made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Admission {
    /// The call is admitted.
    Granted(Permit),
    /// It may be the probe, once this claim has been accepted. Then [`Permit::probe`] is the permit.
    Claim(Update),
    /// It may not, before then.
    Refused {
        /// When asking again makes sense.
        until: Millis,
    },
}

/// Leave to make a call; what came of the call counts only while the epoch is still this one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Permit {
    /// The epoch that was read before the call began.
    pub epoch: u64,
    /// Set for a call of the probe.
    pub probe: Option<Owner>,
}

/// What a call said about the destination.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// It answered, be it that it refused a row: the way is open.
    Success,
    /// It did not answer, or refused everybody.
    Failure(Failing),
}

/// A call that speaks for an outage.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Failing {
    /// A short name (`no_answer`, `http_540`).
    pub why: String,
    /// How many failures it counts as: a call that was kept waiting through several windows saw each of them fail.
    pub weight: u64,
    /// How long the destination asks to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether one such answer suffices, because it cannot be chance (401, 402, 403, 540).
    pub is_certain: bool,
}

impl Item {
    /// Whether `me` may make a call now.
    #[must_use]
    pub fn admit(&self, now: Millis, me: &Owner, rule: &Rule) -> Admission {
        let permit = Permit { epoch: self.epoch, probe: None };
        match (self.mode, &self.circuit) {
            (Mode::ForceOpen, _) => Admission::Refused { until: now.plus(rule.longest_open) },
            (Mode::ForceClosed, _) | (Mode::Auto, Circuit::Closed(_)) => Admission::Granted(permit),
            // The clock of the worker that opened it may be minutes ahead of ours, so the wait is capped by our own.
            (Mode::Auto, Circuit::Open(outage)) if outage.until > now => {
                let longest = rule.open_time(self.opens_in_a_row, 1.0);
                Admission::Refused { until: outage.until.min(now.plus(longest)) }
            }
            // A probe takes a moment; only a dead worker's lasts until its lease is over.
            (Mode::Auto, Circuit::HalfOpen { lease, .. }) if *lease > now => {
                Admission::Refused { until: now.plus(rule.moment()).min(*lease) }
            }
            (Mode::Auto, Circuit::Open(_)) => {
                Admission::Claim(self.claim([Clause::State(State::Open), Clause::OpenUntil(now)], now, me, rule))
            }
            (Mode::Auto, Circuit::HalfOpen { .. }) => {
                Admission::Claim(self.claim([Clause::State(State::HalfOpen), Clause::LeaseOver(now)], now, me, rule))
            }
        }
    }

    /// Until when calls are refused; `None` when they are admitted or a probe may be made. Claims nothing.
    #[must_use]
    pub fn refuses_until(&self, now: Millis, rule: &Rule) -> Option<Millis> {
        match self.admit(now, &Owner(String::new()), rule) {
            Admission::Refused { until } => Some(until),
            Admission::Granted(_) | Admission::Claim(_) => None,
        }
    }

    /// The write that a call's outcome requires, or `None` if it no longer counts. `successes` are those of this worker
    /// that the item does not count yet. After an accepted write comes [`Item::transition`].
    #[must_use]
    pub fn weigh(
        &self,
        permit: &Permit,
        evidence: &Evidence,
        successes: u64,
        now: Millis,
        rule: &Rule,
        jitter: f64,
    ) -> Option<Update> {
        if self.epoch != permit.epoch {
            return None;
        }
        match (&permit.probe, evidence) {
            (Some(owner), Evidence::Success) => {
                let change = Change::ProbeSucceeded { lease: now.plus(rule.lease) };
                Some(Update { condition: permit.holds(owner), change })
            }
            (Some(owner), Evidence::Failure(failing)) => {
                let change = self.open(failing, self.opens_in_a_row.saturating_add(1), now, rule, jitter);
                Some(Update { condition: permit.holds(owner), change })
            }
            (None, Evidence::Failure(failing)) if failing.is_enough(rule) => {
                self.trip(permit, failing, now, rule, jitter)
            }
            (None, Evidence::Failure(failing)) => {
                self.count(permit, Tally { failures: failing.weight.max(1), successes, at: now }, rule)
            }
            (None, Evidence::Success) => self.count(permit, Tally { failures: 0, successes, at: now }, rule),
        }
    }

    /// What must follow an accepted write: the trip that a failure completed, or the closing that a success did.
    #[must_use]
    pub fn transition(
        &self,
        permit: &Permit,
        evidence: &Evidence,
        now: Millis,
        rule: &Rule,
        jitter: f64,
    ) -> Option<Update> {
        match (&self.circuit, &permit.probe, evidence) {
            (Circuit::Closed(counts), None, Evidence::Failure(failing)) if counts.are_bad(rule) => {
                self.trip(permit, failing, now, rule, jitter)
            }
            (Circuit::HalfOpen { successes, .. }, Some(owner), Evidence::Success) if *successes >= rule.probe_calls => {
                Some(Update { condition: permit.holds(owner), change: Change::Close { at: now } })
            }
            _ => None,
        }
    }

    /// The write of a person's command.
    #[must_use]
    pub fn force(&self, mode: Mode, command: Command) -> Update {
        Update { condition: vec![Clause::Epoch(self.epoch)], change: Change::Force { mode, command } }
    }

    fn claim(&self, due: [Clause; 2], now: Millis, me: &Owner, rule: &Rule) -> Update {
        let condition = std::iter::once(Clause::Epoch(self.epoch)).chain(due).collect();
        Update { condition, change: Change::Claim { owner: me.clone(), lease: now.plus(rule.lease) } }
    }

    fn count(&self, permit: &Permit, tally: Tally, rule: &Rule) -> Option<Update> {
        let Circuit::Closed(counts) = &self.circuit else { return None };
        // A worker whose clock is behind counts in the window that the others are in.
        let window = rule.window_at(tally.at).max(counts.window);
        let (clause, change) = match window - counts.window {
            0 => (Clause::Window(window), Change::Count(tally)),
            1 => (Clause::Window(window - 1), Change::NextWindow(window, tally)),
            _ => (Clause::WindowBefore(window - 1), Change::LaterWindow(window, tally)),
        };
        Some(Update { condition: vec![Clause::State(State::Closed), Clause::Epoch(permit.epoch), clause], change })
    }

    fn trip(&self, permit: &Permit, failing: &Failing, now: Millis, rule: &Rule, jitter: f64) -> Option<Update> {
        if self.state() != State::Closed || self.mode != Mode::Auto {
            return None;
        }
        let is_calm = self.closed_at.is_none_or(|at| now.since(at) >= rule.calm);
        let opens = if is_calm { 1 } else { self.opens_in_a_row.saturating_add(1) };
        Some(Update {
            condition: vec![Clause::State(State::Closed), Clause::Epoch(permit.epoch), Clause::Auto],
            change: self.open(failing, opens, now, rule, jitter),
        })
    }

    fn open(&self, failing: &Failing, opens_in_a_row: u32, now: Millis, rule: &Rule, jitter: f64) -> Change {
        let asked = failing.retry_after.unwrap_or_default().min(rule.longest_retry_after);
        let until = now.plus(asked.max(rule.open_time(opens_in_a_row, jitter)));
        // An outage began when it was first seen, however many probes have failed since.
        let opened_at = self.outage().map_or(now, |outage| outage.opened_at);
        Change::Open { outage: Outage { opened_at, until, why: failing.why.clone() }, opens_in_a_row }
    }
}

impl Permit {
    /// The permit of an accepted claim.
    #[must_use]
    pub fn probe(item: &Item, owner: Owner) -> Self {
        Self { epoch: item.epoch, probe: Some(owner) }
    }

    /// That the probe is still ours.
    fn holds(&self, owner: &Owner) -> Vec<Clause> {
        vec![Clause::State(State::HalfOpen), Clause::Epoch(self.epoch), Clause::Owner(owner.clone())]
    }
}

impl Failing {
    /// Whether it opens the circuit by itself.
    fn is_enough(&self, rule: &Rule) -> bool {
        self.is_certain || self.retry_after.is_some_and(|wait| wait > rule.patient_retry_after)
    }
}

impl Counts {
    /// Whether the circuit must open.
    fn are_bad(&self, rule: &Rule) -> bool {
        let failures = self.failures + self.failures_before;
        failures >= rule.failures && failures >= self.successes + self.successes_before
    }
}
