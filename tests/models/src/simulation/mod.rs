//! A simulation of the whole: one seed decides when workers die, calls are lost, answers come late, messages come twice and in
//! any order, the destination and DynamoDB are away, and the sheet is edited. Days pass in milliseconds, on tokio's paused
//! clock, and the same seed makes the same run again.
//!
//! What runs is the product: the worker's handler ([`worker::Worker`]) with its breaker, limiter and retries; the scheduler's
//! run ([`::scheduler::run::Run`]) from the first read to the recorded plan. What is played: SQS and its event source ([`queue`]), DynamoDB and Supabase
//! ([`destination`]; behind it the transcription of the protocol, [`crate::ledger`]), the sheet, and Lambda, which ends
//! functions in the middle.

pub mod destination;
pub mod queue;
pub mod scheduler;
pub mod witness;
pub mod world;

use std::time::Duration;

use rand::Rng as _;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::clauses::LedgerClauses;
use crate::ledger::{Run, Status};
pub use world::{Numbers, Sim, World};

/// Every five minutes a run is due.
const EVERY: Duration = Duration::from_secs(300);

/// How long after the last fault everything must be well.
const RECOVERY: Duration = Duration::from_secs(2 * 3600);

/// What a seed made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How much time passed in it.
    pub passed: Duration,
    /// How long after the last fault all was well.
    pub recovered: Duration,
    /// Runs, calls of the worker, calls while the destination was away, the most calls in a second, dead letters.
    pub numbers: Numbers,
    /// What must not be; empty when all is well.
    pub wrong: Vec<String>,
    /// What happened, when it was asked for.
    pub trace: Vec<String>,
}

/// Runs one seed.
#[must_use]
pub fn simulate(seed: u64, clauses: LedgerClauses, trace: bool) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O always starts");
    let local = LocalSet::new();
    let report = runtime.block_on(local.run_until(play(seed, clauses, trace)));
    drop(local);
    report
}

async fn play(seed: u64, clauses: LedgerClauses, trace: bool) -> Report {
    let start = Instant::now();
    let sim = Sim::new(seed, clauses, trace);
    for container in 0..queue::CONTAINERS {
        tokio::task::spawn_local(queue::poll(sim.clone(), container));
    }
    tokio::task::spawn_local(scheduler::tick(sim.clone(), EVERY));
    tokio::task::spawn_local(editing(sim.clone()));
    tokio::task::spawn_local(redriving(sim.clone()));
    tokio::task::spawn_local(guarding(sim.clone()));
    trouble(&sim).await;

    let calm = Instant::now();
    sim.with(|world| {
        world.is_calm = true;
        world.note(|| "all is calm".to_owned());
        world.correct();
    });
    while !sim.with(|world| world.is_well()) && calm.elapsed() < RECOVERY {
        sleep(Duration::from_secs(10)).await;
    }
    let (passed, recovered) = (start.elapsed(), calm.elapsed());
    sim.with(|world| {
        if !world.is_well() {
            let story = world.story();
            world.blame(format!("the table is not the sheet {} s after the last fault: {story}", RECOVERY.as_secs()));
        }
        for (run, state) in &world.ledger.runs.clone() {
            if matches!(state.status, Status::Completed | Status::Partial) && !state.adds_up {
                world.blame(format!("the counts of run {run} do not add up: {state:?}"));
            }
        }
        let runs = |is: fn(&Run) -> bool| world.ledger.runs.values().filter(|run| is(run)).count() as u64;
        world.numbers.refused = runs(|run| run.counts.rejected > 0);
        world.numbers.settled = world.witness.settled;
        world.numbers.withheld = runs(|run| run.withheld);
        world.numbers.unconfirmed = runs(|run| run.counts.unconfirmed > 0);
        Report {
            seed,
            passed,
            recovered,
            numbers: world.numbers,
            wrong: world.wrong.clone(),
            trace: world.trace.take().unwrap_or_default(),
        }
    })
}

/// Outages of the destination, one of them long, and of DynamoDB; rows that Postgres refuses for a while.
async fn trouble(sim: &Sim) {
    let minutes = |sim: &Sim, least: u64, most: u64| {
        Duration::from_secs(sim.with(|world| world.random.random_range(least * 60..most * 60)))
    };
    let outages = sim.with(|world| {
        let long = [5 * 60, 5 * 60, 3600, 24 * 3600, 72 * 3600][world.random.random_range(0..5)];
        if world.random.random_bool(0.3) { vec![long, 300] } else { vec![long] }
    });
    for seconds in outages {
        sleep(minutes(sim, 20, 90)).await;
        let lasts = Duration::from_secs(seconds);
        let store = sim.with(|world| world.random.random_range(0..4));
        let set = |name: &str, change: &dyn Fn(&mut World)| {
            sim.with(|world| {
                world.note(|| name.to_owned());
                change(world);
            });
        };
        // DynamoDB is away before, in the middle of, or after the outage, or not at all.
        if store == 1 {
            set("DynamoDB is away", &|world| world.is_store_down = true);
            sleep(minutes(sim, 1, 10)).await;
        }
        // Half of them begin with batches in flight, which chance alone brings seldom: the queue is empty but for seconds.
        if sim.with(|world| world.random.random_bool(0.5)) {
            batches_under_way(sim).await;
        }
        set("the destination is away", &|world| world.outage_begins());
        sleep(lasts / 3).await;
        set("DynamoDB is back", &|world| world.is_store_down = store == 2);
        sleep(lasts / 3).await;
        set("DynamoDB is back", &|world| world.is_store_down = store == 3);
        sleep(lasts - lasts / 3 * 2).await;
        set("the destination is back", &|world| world.outage_ends(lasts));
        if store == 3 {
            sleep(minutes(sim, 1, 10)).await;
            set("DynamoDB is back", &|world| world.is_store_down = false);
        }
    }
    if sim.with(|world| world.random.random_bool(0.5)) {
        sim.with(|world| world.poison = world.sheet.keys().next().copied());
        sleep(minutes(sim, 10, 60)).await;
        sim.with(|world| world.poison = None);
    }
    sleep(minutes(sim, 10, 30)).await;
}

/// Waits until something is on the queue, for an hour at most.
async fn batches_under_way(sim: &Sim) {
    let latest = Instant::now() + Duration::from_secs(3600);
    while sim.with(|world| world.messages.is_empty()) && Instant::now() < latest {
        tokio::select! {
            biased;
            () = sim.woken() => {}
            () = sleep_until(latest) => {}
        }
    }
}

/// People edit the sheet: they change, add, delete, rename and change back.
async fn editing(sim: Sim) {
    loop {
        let pause = sim.with(|world| {
            let most = if world.is_down { 6 * 3600 } else { 1800 };
            Duration::from_secs(world.random.random_range(30..most))
        });
        sleep(pause).await;
        if sim.with(|world| world.is_calm) {
            return;
        }
        sim.with(World::edit);
    }
}

/// A person looks after the guard.
async fn guarding(sim: Sim) {
    loop {
        sleep(Duration::from_secs(sim.with(|world| world.random.random_range(600..3600)))).await;
        sim.with(World::look_at_the_guard);
    }
}

/// An operator redrives dead letters, however old they are.
async fn redriving(sim: Sim) {
    loop {
        let pause = sim.with(|world| Duration::from_secs(world.random.random_range(300..7200)));
        sleep_until(Instant::now() + pause).await;
        if sim.with(World::redrive) {
            sim.wake();
        }
    }
}
