//! How the shared item may change: conditional writes as data. The store turns them into DynamoDB's language,
//! [`Item::apply`] carries them out in memory, and a model can take single clauses out of them.

use super::state::{Circuit, Command, Counts, Item, Mode, Outage, Owner, State};
use crate::platform::clock::Millis;

/// A conditional write: the change is made in one step with the check of all clauses, or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Update {
    /// All of them must hold.
    pub condition: Vec<Clause>,
    /// What is changed then.
    pub change: Change,
}

/// One condition of a write. Each stands for itself, so that a model can show what goes wrong without it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Clause {
    /// `ep = …`: nothing has happened since the evidence was gathered.
    Epoch(u64),
    /// `st = …`
    State(State),
    /// `mode = AUTO`: no operator has set another mode.
    Auto,
    /// `win = …`
    Window(u64),
    /// `win < …`
    WindowBefore(u64),
    /// `ou <= …`: the circuit has been open for long enough.
    OpenUntil(Millis),
    /// `le <= …`: the lease of the probe's owner has expired.
    LeaseOver(Millis),
    /// `own = …`: this worker's claim is the one that holds.
    Owner(Owner),
}

/// What a write changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// Adds to the counts of the window that the item is in.
    Count(Tally),
    /// Begins a new window with these counts; the current one becomes the one before.
    NextWindow(u64, Tally),
    /// Begins a new window with these counts; nothing that was counted is recent enough.
    LaterWindow(u64, Tally),
    /// Opens the circuit: a trip, or a probe that failed.
    Open {
        /// Since when, until when, and after which error.
        outage: Outage,
        /// The opens in a row, with this one.
        opens_in_a_row: u32,
    },
    /// Claims the probe.
    Claim {
        /// The worker that probes.
        owner: Owner,
        /// When the claim expires.
        lease: Millis,
    },
    /// Counts a successful call of the probe.
    ProbeSucceeded {
        /// The claim then holds until.
        lease: Millis,
    },
    /// Closes the circuit.
    Close {
        /// The writing worker's time.
        at: Millis,
    },
    /// Sets the mode. Back to `Auto`, a probe may be made at once.
    Force {
        /// The new mode.
        mode: Mode,
        /// Who, when, why.
        command: Command,
    },
}

/// What one write adds to the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tally {
    /// Failures to add to the window's count.
    pub failures: u64,
    /// Calls that succeeded since this worker last recorded any.
    pub successes: u64,
    /// The writing worker's time.
    pub at: Millis,
}

/// A write whose condition did not hold: the evidence is too old, or another worker wrote first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the breaker's item has changed since it was read ({0:?} no longer holds)")]
pub struct Refused(pub Clause);

impl Item {
    /// Carries out a write in memory, as the store does in DynamoDB.
    ///
    /// # Errors
    /// With the first clause that does not hold.
    pub fn apply(&self, update: &Update) -> Result<Self, Refused> {
        if let Some(clause) = update.condition.iter().find(|clause| !self.satisfies(clause)) {
            return Err(Refused(clause.clone()));
        }
        let mut item = self.clone();
        match (&update.change, &mut item.circuit) {
            (Change::Count(tally), Circuit::Closed(counts)) => {
                counts.failures += tally.failures;
                counts.successes += tally.successes;
                item.fail(tally);
            }
            (Change::NextWindow(window, tally), Circuit::Closed(counts)) => {
                *counts = Counts {
                    failures_before: counts.failures,
                    successes_before: counts.successes,
                    ..Counts::begin(*window, tally)
                };
                item.fail(tally);
            }
            (Change::LaterWindow(window, tally), Circuit::Closed(counts)) => {
                *counts = Counts::begin(*window, tally);
                item.fail(tally);
            }
            (Change::Open { outage, opens_in_a_row }, circuit) => {
                *circuit = Circuit::Open(outage.clone());
                item.opens_in_a_row = *opens_in_a_row;
                item.epoch += 1;
            }
            (Change::Claim { owner, lease }, Circuit::Open(outage) | Circuit::HalfOpen { outage, .. }) => {
                item.circuit =
                    Circuit::HalfOpen { outage: outage.clone(), owner: owner.clone(), lease: *lease, successes: 0 };
                item.epoch += 1;
            }
            (Change::ProbeSucceeded { lease: new }, Circuit::HalfOpen { lease, successes, .. }) => {
                *successes += 1;
                *lease = *new;
            }
            (Change::Close { at }, circuit) => {
                *circuit = Circuit::Closed(Counts::default());
                item.closed_at = Some(*at);
                item.epoch += 1;
            }
            (Change::Force { mode, command }, circuit) => {
                if let (Mode::Auto, Circuit::Open(outage) | Circuit::HalfOpen { outage, .. }) = (mode, circuit) {
                    outage.until = command.at;
                }
                item.mode = *mode;
                item.command = Some(command.clone());
                item.epoch += 1;
            }
            // Only a write without its clause on the state comes here; there is nothing that it could change.
            (Change::Count(_) | Change::NextWindow(..) | Change::LaterWindow(..), _)
            | (Change::Claim { .. } | Change::ProbeSucceeded { .. }, _) => {}
        }
        Ok(item)
    }

    fn fail(&mut self, tally: &Tally) {
        if tally.failures > 0 {
            self.last_failure = Some(tally.at);
        }
    }

    fn satisfies(&self, clause: &Clause) -> bool {
        match (clause, &self.circuit) {
            (Clause::Epoch(epoch), _) => self.epoch == *epoch,
            (Clause::State(state), _) => self.state() == *state,
            (Clause::Auto, _) => self.mode == Mode::Auto,
            (Clause::Window(window), Circuit::Closed(counts)) => counts.window == *window,
            (Clause::WindowBefore(window), Circuit::Closed(counts)) => counts.window < *window,
            (Clause::OpenUntil(now), Circuit::Open(outage) | Circuit::HalfOpen { outage, .. }) => outage.until <= *now,
            (Clause::LeaseOver(now), Circuit::HalfOpen { lease, .. }) => lease <= now,
            (Clause::Owner(me), Circuit::HalfOpen { owner, .. }) => owner == me,
            _ => false,
        }
    }
}

impl Counts {
    fn begin(window: u64, tally: &Tally) -> Self {
        Self { window, failures: tally.failures, successes: tally.successes, failures_before: 0, successes_before: 0 }
    }
}
