//! The scheduler's side: a tick begins a run, reads the sheet, compares, sends, records the plan. The mapping, the snapshot, the
//! comparison, the guard and the packing are the product's; in between, every call can fail and Lambda can end it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::Rng as _;
use sheetsync::batch::{Envelope, Outgoing};
use sheetsync::breaker::{Breaker, Rule};
use sheetsync::clock::Chance;
use sheetsync::definition::{Definition, Sync};
use sheetsync::hash::{ContentHash, DigestBuilder, KeyHash};
use sheetsync::mapping::{Cell, Mapping, Settings};
use sheetsync::plan::{self, Plan, RangeDigests, Reading, StoredRow};
use sheetsync::snapshot::{Snapshot, SnapshotBuilder};
use tokio::time::sleep;
use uuid::Uuid;

use super::world::{Sim, World};
use crate::ledger::{self, Authority, Begun, DeletePolicy, Payload, PlanRecord, RunId, RunType};

/// A run without progress for so long is superseded.
const STALL: i64 = 900;

/// How many ranges the key hashes are cut into: with few rows, so that some are empty and some are equal.
const BITS: u32 = 3;

/// Messages of one `SendMessageBatch`, and how often what it refused is sent again.
const ENTRIES: usize = 10;
const SENDS: usize = 5;

const DEFINITION: &str = r#"
[[sync]]
name = "simulated"
spreadsheet = "simulated"
tab = "simulated"
table = "things"
key = ["id"]
batch_rows = 3
on_delete = { policy = "hard", guard_rows = 1000000, guard_percent = 100 }

[[sync.columns]]
header = "id"
column = "id"
type = "text"

[[sync.columns]]
header = "amount"
column = "amount"
type = "integer"
"#;

/// A call of the scheduler that failed.
struct Lost;

/// The schedule, for ever. EventBridge delivers at least once.
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
    let dies = sim.with(|world| world.mishap(0.1).then(|| world.millis(1, 10_000)));
    let run = run(&sim, &sync);
    match dies {
        None => drop(run.await),
        Some(dies) => {
            if tokio::time::timeout(dies, run).await.is_err() {
                sim.with(|world| {
                    world.numbers.crashes += 1;
                    world.note(|| "the scheduler is ended in the middle".to_owned());
                });
            }
        }
    }
}

async fn run(sim: &Sim, sync: &Sync) -> Result<(), Lost> {
    let Some((run, id, present)) = begin(sim).await? else { return Ok(()) };
    let outcome = plan_and_send(sim, sync, run, id, present).await;
    if outcome.is_err() {
        // The run is told, if it can be.
        call(sim, |world| world.ledger.fail_run(run)).await?;
    }
    outcome
}

/// Opens a run; `None` when another is under way.
async fn begin(sim: &Sim) -> Result<Option<(RunId, Uuid, u64)>, Lost> {
    let definition = ledger::Definition {
        deletes: DeletePolicy::Hard,
        guard_rows: 1_000_000,
        guard_percent: 100,
        authority: Authority::Merge { sheet_wins: true },
    };
    // It waits for the batches that are being applied.
    while sim.with(|world| world.holding > 0 && world.ledger.clauses.target_lock) {
        sleep(Duration::from_millis(5)).await;
    }
    call(sim, |world| {
        let id = Uuid::from_u128(world.runs.len() as u128 + 1);
        let run = world.runs.len() as RunId + 1;
        let begun = world.ledger.begin(run, definition, RunType::Scheduled, Some(240), STALL);
        world.note(|| format!("run {run}: {begun:?}"));
        match begun {
            Begun::Begun { present_rows, .. } => {
                world.runs.push(id);
                world.numbers.runs += 1;
                Some((run, id, present_rows as u64))
            }
            _ => None,
        }
    })
    .await
}

async fn plan_and_send(sim: &Sim, sync: &Sync, run: RunId, id: Uuid, present: u64) -> Result<(), Lost> {
    let (snapshot, moved) = read(sim, sync).await;
    let digests = call(sim, |world| digests(&world.ledger)).await?;
    let ranges = plan::differing_ranges(&snapshot, BITS, &digests);
    let stored = call(sim, |world| stored(&world.ledger)).await?;
    let stored: Vec<StoredRow> = stored.into_iter().filter(|(key, _)| ranges.contains(&key.range(BITS))).collect();
    let mut plan = plan::compare(&snapshot, BITS, &ranges, &stored);
    let tally = snapshot.tally();
    let reading = Reading { rows: tally.rows_read, moved, present_before: present, approved: Default::default() };
    let withheld = plan::withhold(&sync.on_delete, reading, plan.vanished.len() as u64).is_some();
    if withheld {
        plan.vanished.clear();
    }
    let (upsert_batches, delete_batches) = send(sim, sync, run, id, &snapshot, &plan).await?;
    let record = PlanRecord {
        read: tally.rows_read as i64,
        rejected: tally.rows_rejected as i64,
        skipped: tally.rows_skipped as i64,
        unchanged: plan.unchanged as i64,
        sent: plan.send.len() as i64,
        vanished: plan.vanished.len() as i64,
        upsert_batches,
        delete_batches,
        withheld,
    };
    call(sim, |world| {
        let status = world.ledger.planned(run, record);
        world.note(|| format!("run {run} is planned: {record:?}, {status:?}"));
    })
    .await
}

/// Reads the sheet in two chunks; it may be edited in between.
async fn read(sim: &Sim, sync: &Sync) -> (Snapshot, bool) {
    let headers = ["id", "amount"].map(|header| Cell::Text(header.to_owned()));
    let settings =
        Settings { columns: &sync.columns, key: &sync.key, header_row: 1, first_column: 0, time_zone: "Asia/Tokyo" };
    let mapping = Mapping::bind(settings, &headers).expect("the headers are those of the definition");
    let mut builder = SnapshotBuilder::new(&mapping, sync.mapping_version(), sync.duplicates);
    let version = sim.with(|world| world.version);
    let mut row = 2;
    let mut add = |key: u16, value: i32| {
        builder.add(row, &[Cell::Text(format!("K{key:04}")), Cell::Number(f64::from(value))]);
        row += 1;
    };
    let middle = sim.with(|world| {
        let middle = world.sheet.keys().nth(world.sheet.len() / 2).copied().unwrap_or(0);
        world.sheet.range(..middle).for_each(|(key, value)| add(*key, *value));
        middle
    });
    sleep(sim.with(|world| world.millis(100, 20_000))).await;
    sim.with(|world| world.sheet.range(middle..).for_each(|(key, value)| add(*key, *value)));
    let moved = sim.with(|world| world.version) != version;
    (builder.finish(moved).0, moved)
}

/// Sends batches, ten a call; SQS may refuse some of a call, and says so only in its answer.
async fn send(
    sim: &Sim,
    sync: &Sync,
    run: RunId,
    id: Uuid,
    snapshot: &Snapshot,
    plan: &Plan,
) -> Result<(i64, i64), Lost> {
    let envelope = Envelope {
        sync: sync.name.clone(),
        run: id,
        seq: i64::from(run),
        mapping: sync.mapping_version(),
        columns: sync.columns.iter().map(|column| column.column.clone()).collect(),
        sent_at: Timestamp::from(sim.with(|world| world.clock.now())),
    };
    let upserts: Vec<Outgoing> = envelope.upserts(snapshot, plan, sync.batch_rows).collect();
    let deletes: Vec<Outgoing> = envelope.deletes(plan).collect();
    let counts = (upserts.len() as i64, deletes.len() as i64);
    sim.with(|world| {
        let meant: BTreeMap<u16, i32> = upserts
            .iter()
            .filter_map(|batch| super::destination::parse(world, &batch.body))
            .flat_map(|batch| match batch.payload {
                Payload::Upsert(rows) => rows.into_iter().map(|row| (row.key.number, row.value)).collect::<Vec<_>>(),
                Payload::Delete(_) => Vec::new(),
            })
            .collect();
        world.meant.insert(run, meant);
    });
    let bodies: Vec<String> = upserts.into_iter().chain(deletes).map(|batch| batch.body).collect();
    for group in bodies.chunks(ENTRIES) {
        let mut unsent = group.to_vec();
        for _ in 0..SENDS {
            sleep(sim.with(|world| world.millis(5, 50))).await;
            unsent = sim.with(|world| {
                let (refused, taken): (Vec<String>, Vec<String>) = unsent.into_iter().partition(|_| world.mishap(0.05));
                taken.into_iter().for_each(|body| world.send(body));
                if world.ledger.clauses.failed_entries_check { refused } else { Vec::new() }
            });
            sim.wake();
            if unsent.is_empty() {
                break;
            }
        }
        if !unsent.is_empty() {
            return Err(Lost);
        }
    }
    Ok(counts)
}

/// One call of the scheduler to Supabase.
async fn call<T>(sim: &Sim, function: impl FnOnce(&mut World) -> T) -> Result<T, Lost> {
    sleep(sim.with(|world| world.millis(5, 100))).await;
    sim.with(|world| {
        if world.is_down || world.mishap(0.01) {
            return Err(Lost);
        }
        let answer = function(world);
        // It took effect, and nobody heard of it.
        if world.mishap(0.01) { Err(Lost) } else { Ok(answer) }
    })
}

fn stored(ledger: &ledger::Ledger) -> Vec<StoredRow> {
    let row = |(hash, content)| (KeyHash::from_stored(hash), ContentHash::from_stored(content));
    ledger.row_hashes().into_iter().map(row).collect()
}

/// What `sync_range_digests` answers. Nothing here has no content hash: no row is refused by itself.
fn digests(ledger: &ledger::Ledger) -> RangeDigests {
    let mut ranges: BTreeMap<u32, (u64, DigestBuilder)> = BTreeMap::new();
    for (key, content) in stored(ledger) {
        let (rows, digest) = ranges.entry(key.range(BITS)).or_default();
        *rows += 1;
        if let Some(content) = content {
            digest.add(key, content);
        }
    }
    let rows = ranges.values().map(|(rows, _)| rows).sum();
    let ranges = ranges.into_iter().map(|(range, (rows, digest))| (range, rows, digest.finish())).collect();
    RangeDigests { rows, ranges }
}
