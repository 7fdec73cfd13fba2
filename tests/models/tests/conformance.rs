//! Applies random sequences of operations to the transcription of the protocol and to the real functions in Postgres, and
//! compares every answer and, at the end, every table. `CONFORMANCE_SEQUENCES` asks for more than the usual number.

#![allow(clippy::unwrap_used, reason = "in a test, a panic with its line is the report")]
#![allow(missing_docs, reason = "tests have no published documentation")]

mod product;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::Rng as _;
use rand::SeedableRng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use sheetsync_models::clauses::LedgerClauses;
use sheetsync_models::ledger::{
    Authority, Batch, Begin, CHILD, Definition, DeletePolicy, Key, Ledger, PlanRecord, Presence, Row, RunId, RunType,
    TableRow, UNREADABLE,
};

/// Keys that a sequence knows.
const KEYS: u16 = 16;

/// What is done to both.
#[derive(Debug, Clone)]
pub enum Operation {
    Begin(Begin),
    Planned {
        run: RunId,
        plan: PlanRecord,
    },
    Apply(Batch),
    Fail {
        batch: Batch,
        is_final: bool,
    },
    FailRun(RunId),
    Heartbeat(RunId),
    /// A person edits the table in the application; `None` removes the row.
    Edit {
        number: u16,
        row: Option<TableRow>,
    },
    /// The row that a [`CHILD`] needs comes or goes.
    Parent(bool),
    /// Time passes, in units that are no fraction of any limit.
    SevenHours,
}

/// What a key hashes to: spread over all ranges, in another order than the keys' own.
fn key(number: u16) -> Key {
    Key { number, hash: (i64::from(number * 37 % 64) - 32) << 58 >> 1 }
}

/// A run as a sequence made it, with what may be delivered of it.
struct Made {
    run: RunId,
    plan: PlanRecord,
    batches: Vec<Batch>,
}

struct Sequence {
    random: ChaCha8Rng,
    /// Whether runs follow one another undisturbed, with one definition and a sheet of which a few rows change.
    is_orderly: bool,
    ledger: Ledger,
    made: Vec<Made>,
    runs: RunId,
    /// The definition and the sheet of the last run.
    definition: Option<Definition>,
    sheet: BTreeMap<u16, i32>,
    /// What comes next, before anything by chance.
    next: VecDeque<Operation>,
}

impl Sequence {
    fn new(seed: u64) -> Self {
        let mut ledger = Ledger::new(LedgerClauses::default());
        // Rows that were there before, to be adopted.
        ledger.table.insert(1, TableRow { value: 1, deleted: false });
        ledger.table.insert(2, TableRow { value: 70, deleted: false });
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            is_orderly: seed.is_multiple_of(2),
            ledger,
            made: Vec::new(),
            runs: 0,
            definition: None,
            sheet: BTreeMap::new(),
            next: VecDeque::new(),
        }
    }

    fn next(&mut self) -> Operation {
        let operation = match self.random.random_range(0..100) {
            _ if !self.next.is_empty() => self.next.pop_front().unwrap(),
            _ if self.made.is_empty() => self.begin(),
            0..10 => self.begin(),
            10..22 => {
                let made = self.made.choose(&mut self.random).unwrap();
                Operation::Planned { run: made.run, plan: made.plan }
            }
            22..70 => Operation::Apply(self.batch()),
            70..86 => Operation::Fail { batch: self.batch(), is_final: self.random.random_bool(0.3) },
            86..88 => Operation::FailRun(self.made.choose(&mut self.random).unwrap().run),
            88..90 => Operation::Heartbeat(self.made.choose(&mut self.random).unwrap().run),
            90..92 => Operation::Parent(self.random.random_bool(0.5)),
            92..97 => self.edit(),
            _ => Operation::SevenHours,
        };
        if let Operation::Begin(Begin { run, .. }) = operation {
            let made = self.make(run);
            if self.is_orderly || self.random.random_bool(0.3) {
                self.whole_run(&made);
            }
            self.made.push(made);
        }
        operation
    }

    /// All messages of a run, deletes last; the plan may be recorded at any time before these.
    fn whole_run(&mut self, made: &Made) {
        let mut operations: Vec<Operation> = made.batches.iter().cloned().map(Operation::Apply).collect();
        let upserts = made.plan.upsert_batches as usize;
        let place = self.random.random_range(0..=upserts);
        operations.insert(place, Operation::Planned { run: made.run, plan: made.plan });
        if self.random.random_bool(0.4) {
            let place = self.random.random_range(0..=operations.len());
            operations.insert(place, Operation::Parent(true));
            operations.insert(0, Operation::Parent(false));
        }
        operations.extend(self.random.random_bool(0.7).then_some(Operation::SevenHours));
        operations.extend((0..2).map(|_| self.edit()));
        operations.push(self.begin());
        self.next.extend(operations);
    }

    fn edit(&mut self) -> Operation {
        let row = self
            .random
            .random_bool(0.7)
            .then(|| TableRow { value: self.random.random_range(0..4), deleted: self.random.random_bool(0.4) });
        Operation::Edit { number: self.random.random_range(1..=KEYS), row }
    }

    fn begin(&mut self) -> Operation {
        // Now and then an id that is known.
        if self.runs == 0 || self.is_orderly || self.random.random_bool(0.9) {
            self.runs += 1;
        }
        let definition = match self.definition {
            Some(definition) if self.is_orderly => definition,
            _ => self.definition(),
        };
        self.definition = Some(definition);
        Operation::Begin(Begin {
            run: self.runs,
            // Now and then another invocation with a run id that is known.
            nonce: if self.random.random_bool(0.7) { 1 } else { 2 },
            definition,
            run_type: if self.random.random_bool(0.5) { RunType::Scheduled } else { RunType::Manual },
            // The second is longer than seven hours, but for the slack.
            every: self.random.random_bool(0.3).then(|| *[3600, 7 * 3600 + 20].choose(&mut self.random).unwrap()),
            stall: if self.is_orderly || self.random.random_bool(0.6) { 0 } else { 900 },
        })
    }

    fn definition(&mut self) -> Definition {
        let authority = match self.random.random_range(0..6) {
            0 => Authority::Sheet,
            1 => Authority::Database,
            2 => Authority::Merge { sheet_wins: false },
            _ => Authority::Merge { sheet_wins: true },
        };
        Definition {
            deletes: *[DeletePolicy::Ignore, DeletePolicy::Soft, DeletePolicy::Hard].choose(&mut self.random).unwrap(),
            guard_rows: self.random.random_range(0..if self.is_orderly { 100 } else { 6 }),
            guard_percent: self.random.random_range(0..100),
            confirm_deletes: self.random.random_range(1..=2),
            authority,
        }
    }

    /// Another sheet, or the last one with a few rows changed.
    fn change_sheet(&mut self) {
        let is_new = self.sheet.is_empty() || !self.is_orderly;
        let spoilt = self.random.random_bool(0.1).then(|| *[-1, UNREADABLE].choose(&mut self.random).unwrap());
        for number in 1..=KEYS {
            // What people marked as deleted is often removed from the sheet too.
            let is_marked = self.ledger.table.get(&number).is_some_and(|row| row.deleted);
            if !is_new && spoilt.is_none() && !is_marked && self.random.random_bool(0.8) {
                continue;
            }
            let value = match (self.random.random_range(0..20), spoilt) {
                (1.., Some(value)) => value,
                (1, None) => -1,
                (2, None) => UNREADABLE,
                (3..5, None) => CHILD,
                _ => self.random.random_range(0..4),
            };
            if self.random.random_bool(0.6) {
                self.sheet.insert(number, value);
            } else {
                self.sheet.remove(&number);
            }
        }
    }

    /// A sheet read, its rows sent in batches that may be halved, some keys gone.
    fn make(&mut self, run: RunId) -> Made {
        self.change_sheet();
        let mut rows: Vec<Row> = self
            .sheet
            .iter()
            .map(|(number, value)| Row { key: key(*number), content: 1000 + i64::from(*value.max(&-1)), value: *value })
            .collect();
        rows.sort_by_key(|row| row.key.hash);
        let mut gone: Vec<i64> = Vec::new();
        for number in (1..=KEYS).filter(|number| !self.sheet.contains_key(number)) {
            let is_known = self.ledger.remembered.contains_key(&number);
            gone.extend(self.random.random_bool(if is_known { 0.9 } else { 0.1 }).then(|| key(number).hash));
        }
        let size = self.random.random_range(1..=KEYS as usize);
        let mut batches: Vec<Batch> = rows.chunks(size).map(|rows| Batch::upsert(run, rows.to_vec())).collect();
        let upserts = batches.len() as i64;
        let mut sorted = gone.clone();
        sorted.sort_unstable();
        batches.extend(sorted.chunks(size).map(|keys| Batch::delete(run, keys.to_vec())));
        let off = i64::from(self.random.random_bool(0.05));
        let unchanged = self.random.random_range(0..3);
        let plan = PlanRecord {
            read: rows.len() as i64 + unchanged + off,
            unchanged,
            sent: rows.len() as i64,
            vanished: gone.len() as i64,
            upsert_batches: upserts,
            delete_batches: batches.len() as i64 - upserts,
            withheld: self.random.random_bool(0.05),
            read_complete: self.random.random_bool(0.9),
            ..PlanRecord::default()
        };
        Made { run, plan, batches }
    }

    /// Any batch that was ever sent, whole or in part; those of the newest run more often.
    fn batch(&mut self) -> Batch {
        let made = if self.random.random_bool(0.7) {
            self.made.last().unwrap()
        } else {
            self.made.choose(&mut self.random).unwrap()
        };
        let Some(mut batch) = made.batches.choose(&mut self.random).cloned() else {
            return Batch::upsert(99, vec![Row { key: key(1), content: 1, value: 1 }]);
        };
        while self.random.random_bool(0.25)
            && let Some((first, second)) = batch.halves()
        {
            batch = if self.random.random_bool(0.5) { first } else { second };
        }
        batch
    }
}

/// What some sequence must come to.
const EVENTS: [&str; 6] = [
    "begun again for the same invocation",
    "deletion unconfirmed",
    "deletion confirmed by a second read",
    "mark of others left alone",
    "refused row written before the run closed",
    "edit remembered after a conflict",
];

/// Which of [`EVENTS`] an operation was.
fn events(before: &Ledger, after: &Ledger, operation: &Operation, answer: &Value) -> Vec<&'static str> {
    let is_known = matches!(operation, Operation::Begin(begin) if before.runs.contains_key(&begin.run));
    let deleted = |ledger: &Ledger| ledger.runs.values().map(|run| run.counts.deleted).sum::<i64>();
    let needs_two = before.target.is_some_and(|target| target.definition.confirm_deletes == 2);
    let rejected = |ledger: &Ledger| ledger.runs.values().map(|run| run.counts.rejected).sum::<i64>();
    let absent = |ledger: &Ledger| ledger.remembered.values().filter(|row| row.presence == Presence::Absent).count();
    let is_soft = before.target.is_some_and(|target| target.definition.deletes == DeletePolicy::Soft);
    let edits = |ledger: &Ledger| ledger.remembered.values().filter(|row| row.stored.is_some()).count();
    let happened = [
        is_known && answer["outcome"] == "begun",
        answer["unconfirmed"].as_i64().is_some_and(|keys| keys > 0),
        needs_two && deleted(after) > deleted(before),
        is_soft && absent(after) > absent(before),
        rejected(after) < rejected(before),
        edits(after) > edits(before),
    ];
    EVENTS.into_iter().zip(happened).filter(|(_, happened)| *happened).map(|(event, _)| event).collect()
}

#[tokio::test]
async fn the_transcription_answers_and_writes_as_postgres_does() {
    let sequences: u64 =
        std::env::var("CONFORMANCE_SEQUENCES").ok().and_then(|number| number.parse().ok()).unwrap_or(150);
    let product = product::Product::new().await;
    let mut begun = 0;
    let mut seen = BTreeSet::new();
    let mut happened = BTreeMap::<&str, u32>::new();
    for seed in 0..sequences {
        let mut sequence = Sequence::new(seed);
        let mut operations = Vec::new();
        let mut expected = Vec::new();
        for _ in 0..30 {
            let operation = sequence.next();
            let before = sequence.ledger.clone();
            let answer = product::answer(&mut sequence.ledger, &operation);
            begun += u32::from(matches!(operation, Operation::Begin(_)) && answer["outcome"] == "begun");
            seen.insert(format!("{} {}", answer["outcome"], answer["status"]));
            for event in events(&before, &sequence.ledger, &operation, &answer) {
                *happened.entry(event).or_default() += 1;
            }
            operations.push(operation);
            expected.push(answer);
        }
        let (answers, tables) = product.perform(&operations).await;
        for (number, (theirs, ours)) in answers.iter().zip(&expected).enumerate() {
            assert_eq!(
                theirs,
                ours,
                "seed {seed}, operation {number} (left: Postgres, right: the transcription): {:#?}",
                &operations[..=number]
            );
        }
        let ours = product::tables(&sequence.ledger);
        for (name, theirs) in tables {
            assert_eq!(theirs, ours[name], "seed {seed}, {name} at the end of {operations:#?}");
        }
    }
    assert!(begun > 100, "the sequences begin runs: {begun}");
    for needed in
        ["applied", "duplicate", "superseded", "waiting", "withheld", "failed", "malformed", "busy", "not_due"]
    {
        assert!(seen.iter().any(|answer| answer.contains(needed)), "no sequence came to {needed}: {seen:?}");
    }
    println!("{happened:?}");
    for needed in EVENTS {
        assert!(happened.contains_key(needed), "no sequence came to {needed}: {happened:?}");
    }
}
