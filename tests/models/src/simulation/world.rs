//! The state of a simulation, its events, and its invariants.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::seq::IteratorRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sheetsync::breaker::Item;
use sheetsync::clock::Clock;
use sheetsync::clock::Millis;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::witness::{Sheet, Witness};
use crate::clauses::LedgerClauses;
use crate::ledger::{CHILD, EntryKey, Ledger, RunId, Status};

/// Requests a second that all workers together may make.
pub const RATE: usize = 10;

/// A message on the queue.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id and receipt.
    pub id: u64,
    /// What it says.
    pub body: String,
    /// From when it can be received.
    pub visible: Instant,
    /// How often it was.
    pub receives: u32,
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numbers {
    /// Runs that began.
    pub runs: u64,
    /// Calls that workers made.
    pub calls: u64,
    /// Of these, while the destination was away.
    pub dead_calls: u64,
    /// The most calls in any second.
    pub most_in_a_second: u64,
    /// Messages that moved to the dead-letter queue.
    pub dead_letters: u64,
    /// Functions that were ended in the middle.
    pub crashes: u64,
    /// Runs that ended because a newer one had taken over.
    pub taken_over: u64,
    /// Plans of a sheet that was edited while it was read.
    pub moved_reads: u64,
    /// Edits of the sheet.
    pub edits: u64,
    /// Runs that ended with rows refused.
    pub refused: u64,
    /// Refused rows that were written before their run closed.
    pub settled: u64,
    /// Runs that withheld deletions.
    pub withheld: u64,
    /// Runs that left deletions to a second read.
    pub unconfirmed: u64,
}

/// The world, shared by all that happens in it.
#[derive(Clone)]
pub struct Sim(Arc<(Mutex<World>, Notify)>);

/// Everything at one moment.
pub struct World {
    /// Decides.
    pub random: ChaCha8Rng,
    /// The time of everybody.
    pub clock: Clock,
    /// Supabase.
    pub ledger: Ledger,
    /// The ids of the runs; a run's number is its place, from 1.
    pub runs: Vec<Uuid>,
    /// The values that each run meant to send, by the key's number.
    pub meant: BTreeMap<RunId, BTreeMap<u16, i32>>,
    /// The sheet.
    pub sheet: Sheet,
    /// How often it was edited.
    pub version: u64,
    /// How many complete reads must miss a row before it is deleted.
    pub confirm_deletes: i64,
    /// Whether a person allows more deletions than [`GUARD`](super::witness::GUARD).
    pub is_guard_raised: bool,
    /// What was seen of the sheet and the table, to judge by.
    pub witness: Witness,
    /// The queue.
    pub messages: Vec<Message>,
    /// The dead-letter queue.
    pub dead: Vec<String>,
    /// DynamoDB.
    pub item: Item,
    /// Whether the destination is away.
    pub is_down: bool,
    /// Whether DynamoDB is away.
    pub is_store_down: bool,
    /// A key whose row makes the whole call fail.
    pub poison: Option<u16>,
    /// Whether nothing goes wrong by chance any more.
    pub is_calm: bool,
    /// Calls of `sync_apply` between their two steps.
    pub holding: usize,
    /// Their advisory locks.
    pub locks: BTreeSet<EntryKey>,
    /// What was counted.
    pub numbers: Numbers,
    /// What must not be.
    pub wrong: Vec<String>,
    /// What happened.
    pub trace: Option<Vec<String>>,
    calls: VecDeque<Instant>,
    outage_calls: u64,
    next_key: u16,
    next_message: u64,
    start: Instant,
}

impl Sim {
    /// A world in which nothing has happened yet.
    #[must_use]
    pub fn new(seed: u64, clauses: LedgerClauses, trace: bool) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let rows = random.random_range(3..14);
        let sheet: Sheet = (1..=rows).map(|number| (number, random.random_range(0..5))).collect();
        let confirm_deletes = random.random_range(1..=2);
        let world = World {
            random,
            // In the middle of nowhere in particular.
            clock: Clock::starting_at(Millis(1_800_000_000_000)),
            ledger: Ledger::new(clauses),
            runs: Vec::new(),
            meant: BTreeMap::new(),
            witness: Witness::new(sheet.clone()),
            sheet,
            version: 0,
            confirm_deletes,
            is_guard_raised: false,
            messages: Vec::new(),
            dead: Vec::new(),
            item: Item::default(),
            is_down: false,
            is_store_down: false,
            poison: None,
            is_calm: false,
            holding: 0,
            locks: BTreeSet::new(),
            numbers: Numbers::default(),
            wrong: Vec::new(),
            trace: trace.then(Vec::new),
            calls: VecDeque::new(),
            outage_calls: 0,
            next_key: rows + 1,
            next_message: 0,
            start: Instant::now(),
        };
        Self(Arc::new((Mutex::new(world), Notify::new())))
    }

    /// Looks at the world, or changes it.
    pub fn with<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        world.ledger.now = world.start.elapsed().as_secs() as i64;
        let answer = change(&mut world);
        let World { witness, ledger, confirm_deletes, .. } = &mut *world;
        for wrong in witness.look(ledger, *confirm_deletes) {
            world.blame(wrong);
        }
        answer
    }

    /// Wakes the event source: there are messages.
    pub fn wake(&self) {
        self.0.1.notify_waiters();
    }

    /// Waits until there may be messages.
    pub async fn woken(&self) {
        self.0.1.notified().await;
    }
}

impl World {
    /// Notes what happened.
    pub fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let at = self.start.elapsed();
            trace.push(format!("{:>10.3} {}", at.as_secs_f64(), what()));
        }
    }

    /// Notes what must not be.
    pub fn blame(&mut self, what: String) {
        self.note(|| format!("WRONG: {what}"));
        self.wrong.push(what);
    }

    /// Whether something goes wrong by chance.
    pub fn mishap(&mut self, probability: f64) -> bool {
        let happens = self.random.random_bool(probability);
        happens && !self.is_calm
    }

    /// A time by chance.
    pub fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.random.random_range(least..most))
    }

    /// Notes a call of a worker: the rate must hold over every second, and a destination that is away be left alone.
    pub fn count_call(&mut self) {
        let now = Instant::now();
        self.calls.push_back(now);
        while self.calls.front().is_some_and(|first| now - *first >= Duration::from_secs(1)) {
            self.calls.pop_front();
        }
        self.numbers.calls += 1;
        self.numbers.most_in_a_second = self.numbers.most_in_a_second.max(self.calls.len() as u64);
        if self.calls.len() > RATE {
            self.blame(format!("{} calls in one second, of {RATE} allowed", self.calls.len()));
        }
        if self.is_down {
            self.numbers.dead_calls += 1;
            self.outage_calls += 1;
        }
    }

    /// The destination goes away.
    pub fn outage_begins(&mut self) {
        self.is_down = true;
        self.outage_calls = 0;
    }

    /// It comes back. A dead destination is called a few times until the breaker opens, then by one probe at a time.
    pub fn outage_ends(&mut self, lasted: Duration) {
        self.is_down = false;
        let allowed = 60 + lasted.as_secs() / 60;
        if self.outage_calls > allowed {
            self.blame(format!(
                "{} calls to a destination that was away for {} s, of {allowed} allowed",
                self.outage_calls,
                lasted.as_secs()
            ));
        }
    }

    /// Puts a message on the queue.
    pub fn send(&mut self, body: String) {
        self.next_message += 1;
        self.messages.push(Message { id: self.next_message, body, visible: Instant::now(), receives: 0 });
    }

    /// Sends all dead letters again; says whether there were any.
    pub fn redrive(&mut self) -> bool {
        let dead = std::mem::take(&mut self.dead);
        let were_any = !dead.is_empty();
        for body in dead {
            self.note(|| "a dead letter is sent again".to_owned());
            self.send(body);
        }
        were_any
    }

    /// The number of a run.
    #[must_use]
    pub fn run(&self, id: Uuid) -> Option<RunId> {
        self.runs.iter().position(|known| *known == id).map(|place| place as RunId + 1)
    }

    /// Edits the sheet.
    pub fn edit(&mut self) {
        let any = self.sheet.keys().copied().choose(&mut self.random);
        // Now and then a value that Postgres refuses, or refuses while another row is missing.
        let value = match self.random.random_range(0..20) {
            0 => -1,
            1 | 2 => CHILD,
            _ => self.random.random_range(0..5),
        };
        if self.random.random_bool(0.1) {
            self.ledger.has_parent = !self.ledger.has_parent;
        }
        match (self.random.random_range(0..10), any) {
            (0..6, Some(key)) => drop(self.sheet.insert(key, value)),
            (6, Some(key)) if self.sheet.len() > 2 => drop(self.sheet.remove(&key)),
            (7, Some(key)) => {
                // A renamed key; sometimes to one that was there before.
                let free = self.free_keys();
                let Some(new) = free.into_iter().choose(&mut self.random) else { return };
                let Some(value) = self.sheet.remove(&key) else { return };
                self.sheet.insert(new, value);
                self.next_key = self.next_key.max(new + 1);
            }
            (8, _) => {
                // A row among the others; sometimes one that was there before.
                let free = self.free_keys();
                let Some(new) = free.into_iter().choose(&mut self.random) else { return };
                self.sheet.insert(new, value);
                self.next_key = self.next_key.max(new + 1);
            }
            _ => {
                self.sheet.insert(self.next_key, value);
                self.next_key += 1;
            }
        }
        self.edited();
    }

    fn free_keys(&self) -> Vec<u16> {
        (1..=self.next_key).filter(|key| !self.sheet.contains_key(key)).collect()
    }

    /// People correct what Postgres refuses.
    pub fn correct(&mut self) {
        self.ledger.has_parent = true;
        self.sheet.values_mut().filter(|value| **value < 0).for_each(|value| *value = 0);
        self.edited();
    }

    fn edited(&mut self) {
        self.version += 1;
        self.numbers.edits += 1;
        self.witness.edited(self.ledger.now, self.sheet.clone());
        let sheet = self.sheet.clone();
        self.note(|| format!("the sheet is edited: {sheet:?}"));
    }

    /// A person looks at the last run: allows a deletion that the guard withheld, until a run is completed.
    pub fn look_at_the_guard(&mut self) {
        let run = self.ledger.target.and_then(|target| self.ledger.runs.get(&target.run));
        let raised = match run {
            Some(run) if run.withheld => true,
            Some(run) if run.status == Status::Completed => false,
            _ => self.is_guard_raised,
        };
        if raised != self.is_guard_raised {
            self.is_guard_raised = raised;
            self.note(|| format!("the guard is raised: {raised}"));
        }
    }

    /// Whether the table is the sheet, the last run says so, and nothing is in flight.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.messages.is_empty() && self.is_completed() && self.equals()
    }

    fn is_completed(&self) -> bool {
        let run = self.ledger.target.and_then(|target| self.ledger.runs.get(&target.run));
        run.is_some_and(|run| run.status == Status::Completed)
    }

    fn equals(&self) -> bool {
        self.ledger.table.len() == self.sheet.len()
            && self.sheet.iter().all(|(key, value)| self.ledger.table.get(key).is_some_and(|row| row.value == *value))
    }

    /// Table, sheet and run, for who must find out what is wrong.
    #[must_use]
    pub fn story(&self) -> String {
        let table: BTreeMap<u16, i32> = self.ledger.table.iter().map(|(key, row)| (*key, row.value)).collect();
        let run = self.ledger.target.and_then(|target| self.ledger.runs.get(&target.run));
        format!(
            "table {table:?}, sheet {:?}, {} messages, {} dead letters, run {run:?}",
            self.sheet,
            self.messages.len(),
            self.dead.len()
        )
    }
}
