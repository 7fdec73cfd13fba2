//! Applies random sequences of operations to the transcription of the protocol and to the real functions in Postgres, and
//! compares every answer and, at the end, every table. `CONFORMANCE_SEQUENCES` asks for more than the usual number.

#![allow(clippy::unwrap_used, reason = "in a test, a panic with its line is the report")]
#![allow(missing_docs, reason = "nobody reads a test's documentation")]

mod product;

use rand::Rng as _;
use rand::SeedableRng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use sheetsync_models::clauses::LedgerClauses;
use sheetsync_models::ledger::{
    Authority, Batch, Definition, DeletePolicy, Key, Ledger, PlanRecord, Row, RunId, RunType, Seconds, TableRow,
};

/// Keys that a sequence knows.
const KEYS: u16 = 16;

/// What is done to both.
#[derive(Debug, Clone)]
pub enum Operation {
    Begin {
        run: RunId,
        definition: Definition,
        run_type: RunType,
        every: Option<Seconds>,
        stall: Seconds,
    },
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
    /// Somebody edits the table in the application; `None` removes the row.
    Edit {
        number: u16,
        row: Option<TableRow>,
    },
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
    ledger: Ledger,
    made: Vec<Made>,
    runs: RunId,
}

impl Sequence {
    fn new(seed: u64) -> Self {
        let mut ledger = Ledger::new(LedgerClauses::default());
        // Rows that were there before, to be adopted.
        ledger.table.insert(1, TableRow { value: 1, deleted: false });
        ledger.table.insert(2, TableRow { value: 70, deleted: false });
        Self { random: ChaCha8Rng::seed_from_u64(seed), ledger, made: Vec::new(), runs: 0 }
    }

    fn next(&mut self) -> Operation {
        let operation = match self.random.random_range(0..100) {
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
            90..97 => {
                let row = self
                    .random
                    .random_bool(0.7)
                    .then(|| TableRow { value: self.random.random_range(0..4), deleted: self.random.random_bool(0.2) });
                Operation::Edit { number: self.random.random_range(1..=KEYS), row }
            }
            _ => Operation::SevenHours,
        };
        if let Operation::Begin { run, .. } = operation {
            let made = self.make(run);
            self.made.push(made);
        }
        operation
    }

    fn begin(&mut self) -> Operation {
        // Now and then an id that is known.
        if self.runs == 0 || self.random.random_bool(0.9) {
            self.runs += 1;
        }
        let authority = match self.random.random_range(0..6) {
            0 => Authority::Sheet,
            1 => Authority::Database,
            2 => Authority::Merge { sheet_wins: false },
            _ => Authority::Merge { sheet_wins: true },
        };
        let definition = Definition {
            deletes: *[DeletePolicy::Ignore, DeletePolicy::Soft, DeletePolicy::Hard].choose(&mut self.random).unwrap(),
            guard_rows: self.random.random_range(0..6),
            guard_percent: self.random.random_range(0..60),
            authority,
        };
        Operation::Begin {
            run: self.runs,
            definition,
            run_type: if self.random.random_bool(0.5) { RunType::Scheduled } else { RunType::Manual },
            every: self.random.random_bool(0.3).then_some(3600),
            stall: if self.random.random_bool(0.6) { 0 } else { 900 },
        }
    }

    /// A sheet read, some of its rows sent in batches that may be halved, some keys gone.
    fn make(&mut self, run: RunId) -> Made {
        let mut keys: Vec<Key> = (1..=KEYS).map(key).filter(|_| self.random.random_bool(0.6)).collect();
        keys.sort_by_key(|key| key.hash);
        let spoilt = self.random.random_bool(0.1);
        let rows: Vec<Row> = keys
            .into_iter()
            .map(|key| {
                let value = match self.random.random_range(0..10) {
                    0 => -1,
                    _ if spoilt => -1,
                    _ => self.random.random_range(0..4),
                };
                Row { key, content: 1000 + i64::from(value), value }
            })
            .collect();
        let gone: Vec<i64> = (1..=KEYS)
            .map(key)
            .filter(|key| !rows.iter().any(|row| row.key == *key) && self.random.random_bool(0.6))
            .map(|key| key.hash)
            .collect();
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

#[tokio::test]
async fn the_transcription_answers_and_writes_as_postgres_does() {
    let sequences: u64 =
        std::env::var("CONFORMANCE_SEQUENCES").ok().and_then(|number| number.parse().ok()).unwrap_or(150);
    let product = product::Product::new().await;
    let mut begun = 0;
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..sequences {
        let mut sequence = Sequence::new(seed);
        let mut operations = Vec::new();
        let mut expected = Vec::new();
        for _ in 0..30 {
            let operation = sequence.next();
            let answer = product::answer(&mut sequence.ledger, &operation);
            begun += u32::from(matches!(operation, Operation::Begin { .. }) && answer["outcome"] == "begun");
            seen.insert(format!("{} {}", answer["outcome"], answer["status"]));
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
}
