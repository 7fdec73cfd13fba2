//! The state of one destination that all workers share: pure data. The decisions over it are in [`super::decide`],
//! how it may change is [`super::update`].

use super::rule::Rule;
use crate::platform::clock::Millis;

/// What all workers share about one destination.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Item {
    /// Grows by one with every transition and every claim: evidence of an older epoch is too old.
    pub epoch: u64,
    /// The mode that an operator has set.
    pub mode: Mode,
    /// The command that set the mode; `None` if it was never set.
    pub command: Option<Command>,
    /// Whether calls may be made.
    pub circuit: Circuit,
    /// How often it opened without staying closed for [`Rule::calm`].
    pub opens_in_a_row: u32,
    /// When it last closed.
    pub closed_at: Option<Millis>,
    /// When a call last failed.
    pub last_failure: Option<Millis>,
}

/// Whether calls may be made, and what is known in each case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Circuit {
    /// All calls are made, and failures are counted.
    Closed(Counts),
    /// No call is made before [`Outage::until`].
    Open(Outage),
    /// One worker makes a few calls; the others make none.
    HalfOpen {
        /// The outage that may be over.
        outage: Outage,
        /// The worker that tries.
        owner: Owner,
        /// When its claim ends: it may have died.
        lease: Millis,
        /// How many of its calls succeeded.
        successes: u32,
    },
}

/// An outage, as it was first seen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Outage {
    /// When the circuit opened.
    pub opened_at: Millis,
    /// When a probe may be made.
    pub until: Millis,
    /// A short name of the failure that opened it (`no_answer`, `http_540`).
    pub why: String,
}

/// Failures and successes in the current window of ten seconds and in the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Counts {
    /// The number of the current window.
    pub window: u64,
    /// Failures in it.
    pub failures: u64,
    /// Successes in it, as far as they were recorded.
    pub successes: u64,
    /// Failures in the window before.
    pub failures_before: u64,
    /// Successes in the window before.
    pub successes_before: u64,
}

/// The mode that an operator has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// The rules decide.
    #[default]
    Auto,
    /// No call is made.
    ForceOpen,
    /// Every call is made.
    ForceClosed,
}

/// An operator's command that sets the mode.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Command {
    /// A name or address.
    pub by: String,
    /// The reason given.
    pub why: String,
    /// When it was given.
    pub at: Millis,
}

/// The circuit's state without its details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Calls are made.
    Closed,
    /// No calls are made.
    Open,
    /// One worker tries.
    HalfOpen,
}

/// One claim of the probe: the id of the invocation and a number of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner(pub String);

impl Item {
    /// The circuit's state.
    #[must_use]
    pub fn state(&self) -> State {
        match self.circuit {
            Circuit::Closed(_) => State::Closed,
            Circuit::Open(_) => State::Open,
            Circuit::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// The mode that an operator has set.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Since when it is open or half-open, or closed; `None` when it was never open.
    #[must_use]
    pub fn since(&self) -> Option<Millis> {
        self.outage().map(|outage| outage.opened_at).or(self.closed_at)
    }

    /// Until when calls are refused: the end of the open time, or of the probe's lease.
    #[must_use]
    pub fn until(&self) -> Option<Millis> {
        match &self.circuit {
            Circuit::Closed(_) => None,
            Circuit::Open(outage) => Some(outage.until),
            Circuit::HalfOpen { lease, .. } => Some(*lease),
        }
    }

    /// The failures counted in the last two windows before `now`.
    #[must_use]
    pub fn failures(&self, now: Millis, rule: &Rule) -> u64 {
        let Circuit::Closed(counts) = &self.circuit else { return 0 };
        match rule.window_at(now).saturating_sub(counts.window) {
            0 => counts.failures + counts.failures_before,
            1 => counts.failures,
            _ => 0,
        }
    }

    /// What opened it.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.outage().map(|outage| outage.why.as_str())
    }

    pub(super) fn outage(&self) -> Option<&Outage> {
        match &self.circuit {
            Circuit::Closed(_) => None,
            Circuit::Open(outage) | Circuit::HalfOpen { outage, .. } => Some(outage),
        }
    }
}

impl Default for Circuit {
    fn default() -> Self {
        Self::Closed(Counts::default())
    }
}
