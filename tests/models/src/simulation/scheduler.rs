//! The scheduler's side: a tick begins a run, and [`scheduler::run::Run`] does the rest: it is the product. Played are the
//! sheet, which may be edited between two chunks; Supabase's and SQS's answers, which may be lost or be no; and Lambda, which
//! ends invocations in the middle.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::Rng as _;
use scheduler::run::{Outbox, Record, Run, RunError};
use sheetsync::area::Area;
use sheetsync::batch::Outgoing;
use sheetsync::breaker::{Breaker, Rule};
use sheetsync::carry::Books;
use sheetsync::classify::Fault;
use sheetsync::clock::Chance;
use sheetsync::definition::{Definition, Sync};
use sheetsync::hash::{ContentHash, DigestBuilder, KeyHash, RangeIndex};
use sheetsync::mapping::{Cell, KeyForm, Limits, Rejection};
use sheetsync::plan::{Check, Drift, RangeDigests, StoredRow};
use sheetsync::queue::QueueError;
use sheetsync::run::{PlanRecord, RunStatus, RunType};
use sheetsync::sheets::{Block, Grid, SheetsError, Tab, TabName, Tabs, Window};
use sheetsync::supabase::{CarriedRow, CarryPage, SupabaseError};
use sheetsync::survey::Stored;
use tokio::time::sleep;
use uuid::Uuid;

use super::destination::{lost, parse, refused, status};
use super::witness::GUARD;
use super::world::{Sim, World};
use crate::ledger::{self, Authority, Begun, DeletePolicy, Payload, RunId};

/// After which Lambda ends a scheduler.
const FUNCTION: Duration = Duration::from_secs(900);

/// Messages of one `SendMessageBatch`, and how often what it refused is sent again.
const ENTRIES: usize = 10;
const SENDS: usize = 5;

/// So wide a grid, and so heavy rows, that the reader's chunks have four: even these few rows are read in several.
const COLUMNS: u32 = 10_000;
const ROW_BYTES: u64 = 500_000;

/// Rows of the grid below those of the sheet.
const BLANK_ROWS: u32 = 3;

/// How often `sync_begin` is called when no answer comes.
const BEGINS: usize = 3;

/// It may stall for less time than an invocation lasts, so that runs are taken over while their sheet is being read.
const DEFINITION: &str = r#"
[[sync]]
name = "simulated"
spreadsheet = "simulated"
tab = "simulated"
table = "things"
key = ["id"]
every = "4m"
stall_after = "5m"
batch_rows = 3
on_delete = { policy = "hard", guard_percent = 0 }

[[sync.columns]]
header = "id"
column = "id"
type = "text"

[[sync.columns]]
header = "amount"
column = "amount"
type = "integer"
"#;

/// The schedule, as a loop. EventBridge delivers at least once.
pub async fn tick(sim: Sim, every: Duration) {
    let definition = Definition::parse(Path::new("simulated"), DEFINITION).expect("the definition is right");
    let sync = Arc::new(definition.syncs.into_iter().next().expect("it has one sync"));
    let (clock, seed) = sim.with(|world| (world.clock, world.random.random()));
    let breaker = Arc::new(Breaker::new(sim.clone(), Rule::default(), clock, Arc::new(Chance::from_seed(seed))));
    loop {
        let times = if sim.with(|world| world.mishap(0.05)) { 2 } else { 1 };
        for _ in 0..times {
            tokio::task::spawn_local(invoke(sim.clone(), Arc::clone(&breaker), Arc::clone(&sync)));
        }
        sleep(every).await;
    }
}

/// One invocation, which may be ended in the middle.
async fn invoke(sim: Sim, breaker: Arc<Breaker<Sim>>, sync: Arc<Sync>) {
    // While the breaker is open nothing is planned.
    if breaker.refuses_until().await.is_some() {
        return;
    }
    let mut sync = Sync::clone(&sync);
    sync.on_delete.guard_rows = sim.with(|world| if world.is_guard_raised { 1_000_000 } else { GUARD });
    let dies = sim.with(|world| world.mishap(0.1).then(|| world.millis(1, 30_000))).unwrap_or(FUNCTION);
    if tokio::time::timeout(dies, run(&sim, &sync)).await.is_err() {
        sim.with(|world| {
            world.numbers.crashes += 1;
            world.note(|| "the scheduler is ended in the middle".to_owned());
        });
    }
}

/// What the handler does for one sync.
async fn run(sim: &Sim, sync: &Sync) {
    let Ok(Some((number, id, seq, present_rows))) = begin(sim, sync).await else { return };
    let run = Run {
        id,
        seq,
        present_rows,
        strays_before: None,
        approved_deletes: None,
        key_forms: vec![KeyForm::Text],
        limits: Limits::new(),
        carry: None,
        run_type: RunType::Scheduled,
        keys: None,
        definition: sync,
        sheets: sim,
        supabase: sim,
        queue: sim,
        now: Timestamp::from(sim.with(|world| world.clock.now())),
        verifies: false,
    };
    let Err(error) = run.execute().await else { return };
    sim.with(|world| {
        world.numbers.taken_over += u64::from(matches!(error, RunError::TakenOver(_)));
        world.note(|| format!("run {number} fails: {error}"));
    });
    // Recorded in the run, if possible.
    let _ = call(sim, |world| world.ledger.fail_run(number)).await;
}

/// Opens a run; `None` when another is in progress. A call whose answer is lost is repeated with the same id and nonce.
async fn begin(sim: &Sim, sync: &Sync) -> Result<Option<(RunId, Uuid, i64, u64)>, SupabaseError> {
    let definition = ledger::Definition {
        deletes: DeletePolicy::Hard,
        guard_rows: sync.on_delete.guard_rows.into(),
        guard_percent: sync.on_delete.guard_percent.into(),
        confirm_deletes: sim.with(|world| world.confirm_deletes),
        authority: Authority::Merge { sheet_wins: true },
    };
    let (run, id) = sim.with(|world| {
        let run = world.runs.len() as RunId + 1;
        let id = Uuid::from_u128(run.into());
        world.runs.push(id);
        world.witness.begins(run);
        (run, id)
    });
    let begin = ledger::Begin {
        run,
        nonce: run,
        definition,
        run_type: ledger::RunType::Scheduled,
        every: sync.every.map(|every| every.as_secs() as i64),
        stall: sync.stall_after.as_secs() as i64,
    };
    let mut tries = 0;
    loop {
        tries += 1;
        way(sim).await;
        // It waits for the batches that are being applied.
        while sim.with(|world| world.holding > 0 && world.ledger.clauses.target_lock) {
            sleep(Duration::from_millis(5)).await;
        }
        let answer = transaction(sim, |world| {
            let is_new = !world.ledger.runs.contains_key(&run);
            let begun = world.ledger.begin(begin);
            world.note(|| format!("run {run}: {begun:?}"));
            match begun {
                Begun::Begun { seq, present_rows, .. } => {
                    world.numbers.runs += u64::from(is_new);
                    Some((run, id, seq, present_rows as u64))
                }
                _ => None,
            }
        })
        .await;
        if answer.is_ok() || tries == BEGINS {
            return answer;
        }
    }
}

impl Tabs for Sim {
    async fn tab(&self, spreadsheet: &str, _: TabName<'_>, _: Option<Area>) -> Result<Tab, SheetsError> {
        google(self).await?;
        let last_row = self.with(|world| world.sheet.len() as u32) + 1 + BLANK_ROWS;
        Ok(Tab {
            spreadsheet: spreadsheet.to_owned(),
            id: 0,
            title: "simulated".to_owned(),
            grid: Grid { rows: last_row, columns: COLUMNS },
            window: Window { first_row: 1, last_row, first_column: 0, last_column: COLUMNS - 1 },
            time_zone: "Asia/Tokyo".to_owned(),
            locale: "ja_JP".to_owned(),
        })
    }

    async fn version(&self, _: &str) -> Result<String, SheetsError> {
        google(self).await?;
        Ok(self.with(|world| world.version.to_string()))
    }

    /// The rows as they are at that moment: an edit since the last chunk may have moved them.
    async fn blocks(&self, _: &Tab, blocks: &[RangeInclusive<u32>]) -> Result<(Vec<Block>, u64), SheetsError> {
        google(self).await?;
        let headers = ["id", "amount"].map(|header| Cell::Text(header.to_owned())).to_vec();
        let sheet: Block = self.with(|world| {
            let row =
                |(key, value): (&u16, &i32)| vec![Cell::Text(format!("K{key:04}")), Cell::Number(f64::from(*value))];
            std::iter::once(headers).chain(world.sheet.iter().map(row)).collect()
        });
        let length = |rows: &RangeInclusive<u32>| (rows.end() - rows.start() + 1) as usize;
        let block = |rows: &RangeInclusive<u32>| {
            sheet.iter().skip(*rows.start() as usize - 1).take(length(rows)).cloned().collect()
        };
        let below_headers: usize = blocks.iter().skip(1).map(length).sum();
        Ok((blocks.iter().map(block).collect(), below_headers as u64 * ROW_BYTES))
    }

    /// Every cell shows its number as it is.
    async fn shown(
        &self,
        tab: &Tab,
        rows: RangeInclusive<u32>,
        columns: &[u32],
    ) -> Result<Vec<Vec<String>>, SheetsError> {
        let (blocks, _) = Tabs::blocks(self, tab, &[rows]).await?;
        let text = |cell: Option<&Cell>| match cell {
            Some(Cell::Number(number)) => number.to_string(),
            Some(Cell::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let column = |column: &u32| blocks[0].iter().map(|row| text(row.get(*column as usize))).collect();
        Ok(columns.iter().map(column).collect())
    }
}

/// One request of the client to Google, which repeats what fails: so it may take its time, and give up in the end. Whatever
/// a reading asks for, a person may edit the sheet just before it is answered.
async fn google(sim: &Sim) -> Result<(), SheetsError> {
    let (takes, answers) = sim.with(|world| {
        if world.mishap(0.01) {
            world.edit();
        }
        if world.mishap(0.01) {
            (world.millis(60_000, 600_000), !world.mishap(0.3))
        } else if world.mishap(0.3) {
            (world.millis(500, 20_000), true)
        } else {
            (world.millis(50, 500), true)
        }
    });
    sleep(takes).await;
    if answers { Ok(()) } else { Err(SheetsError::Down("simulated".to_owned())) }
}

impl Stored for Sim {
    /// A range with a refused row, which has no content hash, has a digest that is no sheet's.
    async fn range_digests(&self, _: &str, bits: u32) -> Result<RangeDigests, SupabaseError> {
        let rows = call(self, |world| stored(&world.ledger)).await?;
        let mut ranges: BTreeMap<RangeIndex, (u64, Option<DigestBuilder>)> = BTreeMap::new();
        for (key, content) in &rows {
            let (count, digest) = ranges.entry(key.range(bits)).or_insert_with(|| (0, Some(DigestBuilder::default())));
            *count += 1;
            match (digest.as_mut(), content) {
                (Some(digest), Some(content)) => digest.add(*key, *content),
                _ => *digest = None,
            }
        }
        let text = |digest: Option<DigestBuilder>| digest.map_or_else(|| "refused".to_owned(), DigestBuilder::finish);
        let ranges = ranges.into_iter().map(|(range, (rows, digest))| (range, rows, text(digest))).collect();
        Ok(RangeDigests { rows: rows.len() as u64, ranges })
    }

    async fn row_hashes(&self, _: &str, bits: u32, ranges: &[RangeIndex]) -> Result<Vec<StoredRow>, SupabaseError> {
        let rows = call(self, |world| stored(&world.ledger)).await?;
        Ok(rows.into_iter().filter(|(key, _)| ranges.contains(&key.range(bits))).collect())
    }

    /// Only the sync writes to the simulated table; drift is tested by the hostile worlds.
    async fn drift(&self, _: &str, values: Option<bool>) -> Result<Drift, SupabaseError> {
        let check = Check { at: Timestamp::UNIX_EPOCH, values: values.unwrap_or(true), whole: true };
        call(self, |_| Drift { missing: Vec::new(), differing: Vec::new(), check }).await
    }
}

fn stored(ledger: &ledger::Ledger) -> Vec<StoredRow> {
    let row = |(hash, content)| (KeyHash::from_stored(hash), ContentHash::from_stored(content));
    ledger.row_hashes().into_iter().map(row).collect()
}

/// The simulated books never had another key, so there is nothing to carry over.
impl Books for Sim {
    async fn carry_page(&self, _: &str, _: Uuid, _: Option<&str>, _: usize) -> Result<CarryPage, SupabaseError> {
        call(self, |_| CarryPage { rows: Vec::new(), next: None }).await
    }

    async fn carry(&self, _: &str, _: Uuid, rows: &[CarriedRow]) -> Result<u64, SupabaseError> {
        call(self, |_| rows.len() as u64).await
    }

    async fn carry_end(&self, _: &str, _: Uuid) -> Result<u64, SupabaseError> {
        call(self, |_| 0).await
    }
}

impl Record for Sim {
    async fn heartbeat(&self, run: Uuid) -> Result<RunStatus, SupabaseError> {
        call(self, |world| answered(world, run, |world, run| world.ledger.heartbeat(run))).await?
    }

    /// What is said of the rejected rows is not kept; that the run lives, is.
    async fn reject(&self, run: Uuid, _: &[Rejection]) -> Result<(), SupabaseError> {
        call(self, |world| answered(world, run, |world, run| world.ledger.heartbeat(run))).await?.map(drop)
    }

    async fn planned(&self, run: Uuid, plan: &PlanRecord) -> Result<RunStatus, SupabaseError> {
        let record = ledger::PlanRecord {
            read: plan.tally.rows_read as i64,
            rejected: plan.tally.rows_rejected as i64,
            skipped: plan.tally.rows_skipped as i64,
            unchanged: plan.rows_unchanged as i64,
            sent: plan.rows_sent as i64,
            vanished: plan.keys_vanished as i64,
            upsert_batches: plan.upsert_batches as i64,
            delete_batches: plan.delete_batches as i64,
            withheld: plan.deletes_withheld.is_some(),
            read_complete: plan.metadata["moved"] == false && plan.tally.rows_read > 0,
        };
        let has_moved = plan.metadata["moved"] == true;
        call(self, |world| {
            answered(world, run, |world, run| {
                if has_moved {
                    world.witness.moved(run);
                }
                let status = world.ledger.planned(run, record);
                world.numbers.moved_reads += u64::from(has_moved);
                world.note(|| format!("run {run} is planned: {record:?}, moved {has_moved}, {status:?}"));
                status
            })
        })
        .await?
    }
}

/// What a function of the ledger answers for a run, as the product hears it.
fn answered(
    world: &mut World,
    run: Uuid,
    function: impl FnOnce(&mut World, RunId) -> Option<ledger::Status>,
) -> Result<RunStatus, SupabaseError> {
    let number = world.run(run).ok_or_else(|| refused(Fault::Request, "22023"))?;
    function(world, number).map(status).ok_or_else(|| refused(Fault::Request, "22023"))
}

impl Outbox for Sim {
    /// Sends batches, ten a call; SQS may refuse some of a call, and says so only in its answer.
    async fn send(&self, batches: impl Iterator<Item = Outgoing>) -> Result<(), QueueError> {
        let bodies: Vec<String> = batches.map(|batch| batch.body).collect();
        self.with(|world| intend(world, &bodies));
        for group in bodies.chunks(ENTRIES) {
            let mut unsent = group.to_vec();
            for _ in 0..SENDS {
                sleep(self.with(|world| world.millis(5, 50))).await;
                unsent = self.with(|world| {
                    let (refused, taken): (Vec<String>, Vec<String>) =
                        unsent.into_iter().partition(|_| world.mishap(0.05));
                    taken.into_iter().for_each(|body| world.send(body));
                    if world.ledger.clauses.failed_entries_check { refused } else { Vec::new() }
                });
                self.wake();
                if unsent.is_empty() {
                    break;
                }
            }
            if !unsent.is_empty() {
                return Err(QueueError::Partial { refused: unsent.len(), reason: "simulated".to_owned() });
            }
        }
        Ok(())
    }
}

/// Notes what a run is about to send, before any of it can be applied.
fn intend(world: &mut World, bodies: &[String]) {
    for batch in bodies.iter().filter_map(|body| parse(world, body)).collect::<Vec<_>>() {
        let meant = world.meant.entry(batch.run).or_default();
        if let Payload::Upsert(rows) = batch.payload {
            meant.extend(rows.into_iter().map(|row| (row.key.number, row.value)));
        }
    }
}

/// One call of the scheduler to Supabase.
async fn call<T>(sim: &Sim, function: impl FnOnce(&mut World) -> T) -> Result<T, SupabaseError> {
    way(sim).await;
    transaction(sim, function).await
}

/// What a call does when it arrives: its caller may die before the answer comes.
async fn transaction<T>(sim: &Sim, function: impl FnOnce(&mut World) -> T) -> Result<T, SupabaseError> {
    let answer = sim.with(|world| {
        if world.is_down || world.mishap(0.01) {
            return Err(lost("refused"));
        }
        let answer = function(world);
        // It took effect, but its answer is lost.
        if world.mishap(0.01) { Err(lost("reset")) } else { Ok(answer) }
    });
    way(sim).await;
    answer
}

async fn way(sim: &Sim) {
    sleep(sim.with(|world| world.millis(3, 50))).await;
}
