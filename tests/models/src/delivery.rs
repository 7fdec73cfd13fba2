//! The delivery of batches as a model: a scheduler that reads the sheet and sends what differs, a queue that delivers again,
//! twice and in any order, two workers that die before and after the commit, a dead-letter queue with redrive and expiry, and
//! edits of the sheet in between. The database is the transcription ([`crate::ledger`]), so that a clause of the real
//! functions can be taken out.
//!
//! The first run is done when the model begins: the table is the first version of the sheet.

use std::collections::BTreeMap;

use stateright::{Model, Property};

use crate::clauses::LedgerClauses;
use crate::ledger::{
    Authority, Batch, Begin, Begun, Definition, DeletePolicy, Key, Kind, Ledger, Outcome, Payload, PlanRecord,
    Prepared, Remembered, Row, RunId, RunType, Seconds, Status,
};

/// So much time passes between two begins.
const PAUSE: Seconds = 60;

/// A sheet: value by the key's number.
pub type Sheet = BTreeMap<u16, i32>;

/// What a model is made of.
#[derive(Debug, Clone)]
pub struct DeliveryModel {
    /// The clauses that hold.
    pub clauses: LedgerClauses,
    /// The sheet, before and after each edit.
    pub versions: Vec<Sheet>,
    /// Rows of a batch.
    pub batch_rows: usize,
    /// How many rows may be deleted in a day.
    pub guard_rows: i64,
    /// How many complete reads must miss a row before it is deleted.
    pub confirm_deletes: i64,
    /// How many workers there are.
    pub workers: usize,
    /// How often things happen that may happen at any time.
    pub budget: Budget,
}

/// How often things happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Budget {
    /// Runs after the first.
    pub runs: u8,
    /// Workers, or the scheduler, that die.
    pub crashes: u8,
    /// Messages that are delivered twice.
    pub duplicates: u8,
    /// Batches that fail permanently and move to the dead-letter queue.
    pub failures: u8,
    /// Redriven messages.
    pub redrives: u8,
    /// Messages that are lost because the dead-letter queue forgets them.
    pub expiries: u8,
    /// Calls of `SendMessageBatch` that leave out a message.
    pub refused_sends: u8,
    /// Batches of which a half comes too, as after a statement timeout.
    pub halves: u8,
    /// Reads that miss a row which is there, and do not know it.
    pub misreads: u8,
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    ledger: Ledger,
    version: usize,
    scheduler: Scheduler,
    queue: Vec<Batch>,
    dead: Vec<Batch>,
    workers: Vec<Worker>,
    left: Budget,
    /// What each run meant to send, and the version it read.
    meant: BTreeMap<RunId, (usize, Vec<Batch>)>,
    /// Whether a message was lost that will not be sent again.
    lost: bool,
    deleted: i64,
    wrong: Option<Wrong>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Scheduler {
    Idle,
    Begun(RunId),
    Sending { run: RunId, unsent: Vec<Batch>, plan: PlanRecord },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Worker {
    Idle,
    Working { batch: Batch, prepared: Prepared },
    Committed { batch: Batch, late: Vec<(u16, Option<Remembered>)> },
    GivingUp { batch: Batch },
}

/// What must never happen, noted when it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// A batch of an older run changed the table.
    StaleWrite,
    /// A row was deleted while an upsert of the same run was missing.
    DeletedEarly,
    /// More rows were deleted than the guard allows.
    BulkDelete,
    /// Two workers did the same work at the same time.
    WorkedTwice,
    /// A row was deleted that was in the sheet since its run began.
    DeletedPresent,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A person edits the sheet.
    Edit,
    /// A run begins, also while an earlier one only seems to have stalled.
    Begin,
    /// The scheduler reads the sheet and compares it.
    Compare,
    /// The same, but the last row is not in what it read.
    Misread,
    /// All that is unsent goes to the queue.
    Send,
    /// All but the first; SQS refuses that one.
    SendInPart,
    /// The plan is recorded.
    Planned,
    /// The scheduler dies.
    CrashScheduler,
    /// A worker takes the message and calls.
    Take(usize, usize),
    /// Its call commits.
    Commit(usize),
    /// It answers to SQS.
    Acknowledge(usize),
    /// Its batch failed permanently: recorded in the run, then moved to the dead-letter queue.
    Fail(usize),
    /// It dies.
    Crash(usize),
    /// A message comes twice.
    Duplicate(usize),
    /// A half of it comes too.
    Halve(usize),
    /// A dead letter is sent again.
    Redrive(usize),
    /// A dead letter is forgotten.
    Expire(usize),
}

impl Default for DeliveryModel {
    fn default() -> Self {
        // A value changes and changes back; the key 2 is renamed to 3.
        let versions =
            [Sheet::from([(1, 10), (2, 20)]), Sheet::from([(1, 11), (3, 20)]), Sheet::from([(1, 10), (3, 20)])];
        Self {
            clauses: LedgerClauses::default(),
            versions: versions.to_vec(),
            batch_rows: 2,
            guard_rows: 2,
            confirm_deletes: 1,
            workers: 2,
            budget: Budget { runs: 2, ..Budget::default() },
        }
    }
}

fn key(number: u16) -> Key {
    Key { number, hash: i64::from(number) * 10 }
}

fn rows(sheet: &Sheet) -> Vec<Row> {
    sheet
        .iter()
        .map(|(number, value)| Row { key: key(*number), content: 1000 + i64::from(*value), value: *value })
        .collect()
}

impl DeliveryModel {
    fn definition(&self) -> Definition {
        Definition {
            deletes: DeletePolicy::Hard,
            guard_rows: self.guard_rows,
            guard_percent: 0,
            confirm_deletes: self.confirm_deletes,
            authority: Authority::Merge { sheet_wins: true },
        }
    }

    fn begin(&self, ledger: &mut Ledger, run: RunId) -> Begun {
        ledger.now += PAUSE;
        ledger.begin(Begin {
            run,
            nonce: run,
            definition: self.definition(),
            run_type: RunType::Manual,
            every: None,
            stall: 0,
        })
    }

    /// What differs between the sheet and what the database remembers, and its plan. The scheduler's own guard withholds
    /// deletes too.
    fn compare(&self, ledger: &Ledger, run: RunId, sheet: &Sheet) -> (Vec<Batch>, PlanRecord) {
        let stored: BTreeMap<i64, i64> = ledger.row_hashes().into_iter().collect();
        let rows = rows(sheet);
        let changed: Vec<Row> =
            rows.iter().filter(|row| stored.get(&row.key.hash) != Some(&row.content)).copied().collect();
        let mut gone: Vec<i64> =
            stored.keys().filter(|hash| !rows.iter().any(|row| row.key.hash == **hash)).copied().collect();
        let withheld = gone.len() as i64 > self.guard_rows;
        if withheld {
            gone.clear();
        }
        let mut batches: Vec<Batch> =
            changed.chunks(self.batch_rows).map(|rows| Batch::upsert(run, rows.to_vec())).collect();
        let upsert_batches = batches.len() as i64;
        batches.extend((!gone.is_empty()).then(|| Batch::delete(run, gone.clone())));
        let plan = PlanRecord {
            read: rows.len() as i64,
            unchanged: (rows.len() - changed.len()) as i64,
            sent: changed.len() as i64,
            vanished: gone.len() as i64,
            upsert_batches,
            delete_batches: batches.len() as i64 - upsert_batches,
            withheld,
            read_complete: true,
            ..PlanRecord::default()
        };
        (batches, plan)
    }

    /// One run without faults or edits; then the messages that were still on the queue.
    fn undisturbed(&self, ledger: &mut Ledger, run: RunId, sheet: &Sheet, late: &[Batch]) -> Option<Status> {
        let Begun::Begun { .. } = self.begin(ledger, run) else { return None };
        let (batches, plan) = self.compare(ledger, run, sheet);
        let mut status = ledger.planned(run, plan);
        for batch in batches.iter().chain(late) {
            let answer = ledger.apply(batch);
            if batch.run == run {
                status = answer.status;
            }
        }
        status
    }

    /// Whether the next run, undisturbed, makes the table the sheet.
    fn is_repaired_by_the_next_run(&self, world: &World) -> bool {
        let mut ledger = world.ledger.clone();
        let late: Vec<Batch> = world.queue.iter().chain(&world.dead).cloned().collect();
        let sheet = &self.versions[world.version];
        let status = self.undisturbed(&mut ledger, 99, sheet, &late);
        equals(&ledger, sheet) || status != Some(Status::Completed)
    }

    fn take(&self, world: &mut World, worker: usize, message: usize) -> bool {
        let batch = world.queue[message].clone();
        let is_same = |other: &Worker| {
            matches!(other, Worker::Working { batch: theirs, .. }
                     if (theirs.run, theirs.kind(), theirs.lo, theirs.hi) == (batch.run, batch.kind(), batch.lo, batch.hi))
        };
        let is_locked = world.workers.iter().any(is_same);
        // In progress: it stays on the queue for a while.
        if is_locked && self.clauses.advisory_lock {
            return false;
        }
        match world.ledger.prepare(&batch) {
            Err(answer) if answer.outcome == Outcome::Waiting => return false,
            Err(_) => drop(world.queue.remove(message)),
            Ok(prepared) => {
                if is_locked {
                    world.wrong = Some(Wrong::WorkedTwice);
                }
                world.queue.remove(message);
                world.workers[worker] = Worker::Working { batch, prepared };
            }
        }
        true
    }

    fn commit(&self, world: &mut World, worker: usize) {
        let Worker::Working { batch, prepared } = std::mem::replace(&mut world.workers[worker], Worker::Idle) else {
            return;
        };
        let before = world.ledger.table.clone();
        match world.ledger.commit(&batch, &prepared) {
            Err(_) => world.enqueue(batch),
            Ok((answer, late)) => {
                if world.ledger.table != before && world.ledger.target.is_some_and(|target| target.run != batch.run) {
                    world.wrong = Some(Wrong::StaleWrite);
                }
                if batch.kind() == Kind::Delete && world.ledger.table != before {
                    world.deleted += answer.counts.deleted;
                    if let Some((version, _)) = world.meant.get(&batch.run) {
                        let sheet = &self.versions[*version];
                        let is_gone = |number| !world.ledger.table.contains_key(number);
                        if before.keys().any(|number| is_gone(number) && sheet.contains_key(number)) {
                            world.wrong = Some(Wrong::DeletedPresent);
                        }
                    }
                    if world.deleted > self.guard_rows {
                        world.wrong = Some(Wrong::BulkDelete);
                    }
                    if world.misses_an_upsert(batch.run) {
                        world.wrong = Some(Wrong::DeletedEarly);
                    }
                }
                world.workers[worker] = Worker::Committed { batch, late };
            }
        }
    }
}

impl World {
    /// Equal queues are equal states, whatever came first.
    fn enqueue(&mut self, batch: Batch) {
        self.queue.push(batch);
        self.queue.sort();
    }

    fn misses_an_upsert(&self, run: RunId) -> bool {
        let Some((_, meant)) = self.meant.get(&run) else { return false };
        meant.iter().any(|batch| match &batch.payload {
            Payload::Upsert(rows) => {
                rows.iter().any(|row| self.ledger.table.get(&row.key.number).map(|live| live.value) != Some(row.value))
            }
            Payload::Delete(_) => false,
        })
    }

    fn is_quiet(&self) -> bool {
        self.queue.is_empty()
            && self.scheduler == Scheduler::Idle
            && self.workers.iter().all(|worker| *worker == Worker::Idle)
    }

    /// The current run, what became of it, and the version that it read.
    fn current(&self) -> Option<(RunId, Status, Option<usize>)> {
        let run = self.ledger.target?.run;
        Some((run, self.ledger.runs.get(&run)?.status, self.meant.get(&run).map(|(version, _)| *version)))
    }
}

fn equals(ledger: &Ledger, sheet: &Sheet) -> bool {
    ledger.table.len() == sheet.len()
        && sheet.iter().all(|(number, value)| ledger.table.get(number).is_some_and(|live| live.value == *value))
}

fn spend(budget: &mut u8) -> Option<()> {
    *budget = budget.checked_sub(1)?;
    Some(())
}

impl Model for DeliveryModel {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let mut ledger = Ledger::new(self.clauses);
        // What comes before is not the matter here: no clause is needed for it.
        ledger.clauses = LedgerClauses::default();
        self.undisturbed(&mut ledger, 1, &self.versions[0], &[]);
        ledger.clauses = self.clauses;
        vec![World {
            ledger,
            version: 0,
            scheduler: Scheduler::Idle,
            queue: Vec::new(),
            dead: Vec::new(),
            workers: vec![Worker::Idle; self.workers],
            left: self.budget,
            meant: BTreeMap::new(),
            lost: false,
            deleted: 0,
            wrong: None,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        if world.wrong.is_some() {
            return;
        }
        let left = &world.left;
        if world.version + 1 < self.versions.len() {
            steps.push(Step::Edit);
        }
        match &world.scheduler {
            Scheduler::Idle => steps.extend((left.runs > 0).then_some(Step::Begin)),
            Scheduler::Begun(_) => {
                steps.push(Step::Compare);
                steps.extend((left.misreads > 0).then_some(Step::Misread));
            }
            Scheduler::Sending { unsent, .. } if unsent.is_empty() => steps.push(Step::Planned),
            Scheduler::Sending { .. } => {
                steps.push(Step::Send);
                steps.extend((left.refused_sends > 0).then_some(Step::SendInPart));
            }
        }
        if world.scheduler != Scheduler::Idle && left.crashes > 0 {
            steps.push(Step::CrashScheduler);
        }
        let mut is_first_idle = true;
        for (number, worker) in world.workers.iter().enumerate() {
            match worker {
                // Idle workers are all the same.
                Worker::Idle if is_first_idle => {
                    is_first_idle = false;
                    steps.extend((0..world.queue.len()).map(|message| Step::Take(number, message)));
                }
                Worker::Idle => {}
                Worker::Working { .. } => {
                    steps.push(Step::Commit(number));
                    steps.extend((left.failures > 0).then_some(Step::Fail(number)));
                }
                Worker::Committed { .. } | Worker::GivingUp { .. } => steps.push(Step::Acknowledge(number)),
            }
            if *worker != Worker::Idle && left.crashes > 0 {
                steps.push(Step::Crash(number));
            }
        }
        for message in 0..world.queue.len() {
            steps.extend((left.duplicates > 0).then_some(Step::Duplicate(message)));
            steps.extend((left.halves > 0 && world.queue[message].len() > 1).then_some(Step::Halve(message)));
        }
        for letter in 0..world.dead.len() {
            steps.extend((left.redrives > 0).then_some(Step::Redrive(letter)));
            steps.extend((left.expiries > 0).then_some(Step::Expire(letter)));
        }
    }

    fn next_state(&self, last: &World, step: Step) -> Option<World> {
        let mut world = last.clone();
        match step {
            Step::Edit => world.version += 1,
            Step::Begin => {
                // `sync_begin` waits for the holder of the lock on `sync_targets`.
                let is_held = world.workers.iter().any(|worker| matches!(worker, Worker::Working { .. }));
                if is_held && self.clauses.target_lock {
                    return None;
                }
                spend(&mut world.left.runs)?;
                let run = 2 + RunId::from(self.budget.runs - world.left.runs - 1);
                match self.begin(&mut world.ledger, run) {
                    Begun::Begun { .. } => world.scheduler = Scheduler::Begun(run),
                    _ => return None,
                }
            }
            Step::Compare | Step::Misread => {
                let Scheduler::Begun(run) = world.scheduler else { return None };
                let mut sheet = self.versions[world.version].clone();
                if step == Step::Misread {
                    spend(&mut world.left.misreads)?;
                    sheet.pop_last();
                }
                let (batches, plan) = self.compare(&world.ledger, run, &sheet);
                world.meant.insert(run, (world.version, batches.clone()));
                world.scheduler = Scheduler::Sending { run, unsent: batches, plan };
            }
            Step::Send | Step::SendInPart => {
                let Scheduler::Sending { unsent, .. } = &mut world.scheduler else { return None };
                let mut taken = std::mem::take(unsent);
                if step == Step::SendInPart {
                    spend(&mut world.left.refused_sends)?;
                    let refused = taken.remove(0);
                    if self.clauses.failed_entries_check {
                        unsent.push(refused);
                    }
                }
                taken.into_iter().for_each(|batch| world.enqueue(batch));
            }
            Step::Planned => {
                let Scheduler::Sending { run, plan, .. } = world.scheduler else { return None };
                world.ledger.planned(run, plan);
                world.scheduler = Scheduler::Idle;
            }
            Step::CrashScheduler => {
                spend(&mut world.left.crashes)?;
                world.scheduler = Scheduler::Idle;
                world.lost = true;
            }
            Step::Take(worker, message) => {
                if !self.take(&mut world, worker, message) {
                    return None;
                }
            }
            Step::Commit(worker) => self.commit(&mut world, worker),
            Step::Acknowledge(worker) => match std::mem::replace(&mut world.workers[worker], Worker::Idle) {
                Worker::Committed { late, .. } => world.ledger.remember(late),
                Worker::GivingUp { batch } => {
                    world.dead.push(batch);
                    world.dead.sort();
                }
                Worker::Idle | Worker::Working { .. } => return None,
            },
            Step::Fail(worker) => {
                let Worker::Working { batch, .. } = world.workers[worker].clone() else { return None };
                spend(&mut world.left.failures)?;
                world.ledger.fail(&batch, true);
                world.workers[worker] = Worker::GivingUp { batch };
            }
            Step::Crash(worker) => {
                spend(&mut world.left.crashes)?;
                match std::mem::replace(&mut world.workers[worker], Worker::Idle) {
                    Worker::Idle => return None,
                    Worker::Working { batch, .. } | Worker::Committed { batch, .. } | Worker::GivingUp { batch } => {
                        world.enqueue(batch);
                    }
                }
            }
            Step::Duplicate(message) => {
                spend(&mut world.left.duplicates)?;
                world.enqueue(world.queue[message].clone());
            }
            Step::Halve(message) => {
                spend(&mut world.left.halves)?;
                let (first, _) = world.queue[message].halves()?;
                world.enqueue(first);
            }
            Step::Redrive(letter) => {
                spend(&mut world.left.redrives)?;
                let batch = world.dead.remove(letter);
                world.enqueue(batch);
            }
            Step::Expire(letter) => {
                spend(&mut world.left.expiries)?;
                world.dead.remove(letter);
                world.lost = true;
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(COMPLETE, |model: &Self, world: &World| match world.current() {
                Some((_, Status::Completed, Some(version))) if world.is_quiet() => {
                    equals(&world.ledger, &model.versions[version])
                }
                _ => true,
            }),
            Property::always(REPAIRED, |model: &Self, world: &World| {
                !world.is_quiet() || world.wrong.is_some() || model.is_repaired_by_the_next_run(world)
            }),
            Property::always(ENDS, |_, world: &World| {
                let is_open = world.current().is_some_and(|(_, status, version)| status.is_open() && version.is_some());
                !(is_open && world.is_quiet() && world.dead.is_empty() && !world.lost)
            }),
            Property::always(ADDS_UP, |_, world: &World| {
                world.ledger.runs.values().all(|run| run.adds_up && (!run.planned || run.rows_done <= run.rows_sent))
            }),
            Property::always(NOT_STALE, |_, world: &World| world.wrong != Some(Wrong::StaleWrite)),
            Property::always(NOT_EARLY, |_, world: &World| world.wrong != Some(Wrong::DeletedEarly)),
            Property::always(GUARDED, |_, world: &World| world.wrong != Some(Wrong::BulkDelete)),
            Property::always(NOT_PRESENT, |_, world: &World| world.wrong != Some(Wrong::DeletedPresent)),
            Property::always(ONCE, |_, world: &World| world.wrong != Some(Wrong::WorkedTwice)),
            // That the model goes where these matter.
            Property::sometimes("all is done", |model: &Self, world: &World| {
                world.is_quiet()
                    && world.current().is_some_and(|(run, status, _)| run > 2 && status == Status::Completed)
                    && equals(&world.ledger, &model.versions[model.versions.len() - 1])
            }),
        ]
    }
}

/// Green means complete.
pub const COMPLETE: &str = "when a run is completed and all is quiet, the table is the sheet that it read";
/// No silent divergence.
pub const REPAIRED: &str =
    "whatever happened, the next undisturbed run makes the table the sheet, or does not say completed";
/// No run hangs.
pub const ENDS: &str = "a run whose messages are all answered has ended";
/// Promise 1.
pub const ADDS_UP: &str = "counts add up";
/// Promise 3.
pub const NOT_STALE: &str = "a batch of an older run changes nothing";
/// A renamed key does not lose its row.
pub const NOT_EARLY: &str = "nothing is deleted while an upsert of the same run is missing";
/// Promise 6.
pub const GUARDED: &str = "not more rows are deleted than the guard allows";
/// A row is not gone because one read missed it.
pub const NOT_PRESENT: &str = "no row is deleted that the sheet had when it was read";
/// The advisory lock.
pub const ONCE: &str = "two workers never do the same work at the same time";
