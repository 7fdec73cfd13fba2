//! Why rows are touched in the order of their keys: two batches that share rows lock them one by one, and may wait for each
//! other.

use stateright::{Model, Property};

/// Two transactions that lock the same rows.
#[derive(Debug, Clone)]
pub struct LockModel {
    /// The rows of each, in the order of its message.
    pub messages: [Vec<u16>; 2],
    /// Whether each sorts its rows before it locks them.
    pub key_order: bool,
}

/// How many of its rows each transaction has locked; `None` when it has committed.
pub type Locked = [Option<usize>; 2];

impl LockModel {
    fn rows(&self, transaction: usize) -> Vec<u16> {
        let mut rows = self.messages[transaction].clone();
        if self.key_order {
            rows.sort_unstable();
        }
        rows
    }

    /// The row that a transaction wants next.
    fn wanted(&self, locked: &Locked, transaction: usize) -> Option<u16> {
        self.rows(transaction).get(locked[transaction]?).copied()
    }

    fn holds(&self, locked: &Locked, transaction: usize, row: u16) -> bool {
        locked[transaction].is_some_and(|count| self.rows(transaction)[..count].contains(&row))
    }

    fn waits(&self, locked: &Locked, transaction: usize) -> bool {
        self.wanted(locked, transaction).is_some_and(|row| self.holds(locked, 1 - transaction, row))
    }
}

impl Model for LockModel {
    type State = Locked;
    type Action = usize;

    fn init_states(&self) -> Vec<Locked> {
        vec![[Some(0), Some(0)]]
    }

    fn actions(&self, locked: &Locked, actions: &mut Vec<usize>) {
        actions
            .extend((0..2).filter(|transaction| locked[*transaction].is_some() && !self.waits(locked, *transaction)));
    }

    fn next_state(&self, last: &Locked, transaction: usize) -> Option<Locked> {
        let mut locked = *last;
        let count = locked[transaction]?;
        locked[transaction] = (count < self.rows(transaction).len()).then_some(count + 1);
        Some(locked)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NO_DEADLOCK, |model: &Self, locked: &Locked| {
                !(model.waits(locked, 0) && model.waits(locked, 1))
            }),
            Property::eventually("both commit", |_, locked: &Locked| *locked == [None, None]),
        ]
    }
}

/// What Postgres would end by refusing one of the two.
pub const NO_DEADLOCK: &str = "two batches never wait for each other";
