//! Plays a world: makes its table, does its steps one after the other, lets everything come to rest, and looks at what is left.
//! Draws nothing: the same world is always the same play.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sheetsync::definition::Sync;
use sheetsync::run::Begun;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::calls;
use crate::fault::{Fault, Invariant};
use crate::postgres::Postgres;
use crate::product::{self, BegunRun, Client, PlayedWorker};
use crate::stage::{Message, Stage, name_of};
use crate::table;
use crate::world::{Adopt, Mishap, Mode, Run, RunKind, Step, Trigger, World};

/// Rounds of deliveries after which nothing gets on any more.
const ROUNDS: usize = 60;

/// Quiet runs of each sync at the end.
const QUIET_RUNS: usize = 4;

/// Longer than any sync's stall_after, so that a run that was killed is taken over.
const QUIET_MINUTES: u64 = 20;

/// What came of a world.
#[derive(Debug)]
pub struct Report {
    /// The first thing that must not be.
    pub fault: Option<Fault>,
    /// What happened.
    pub log: Vec<String>,
    /// How often what occurred.
    pub seen: BTreeMap<String, u64>,
}

/// Plays a world on a database that was prepared for it.
///
/// # Panics
/// When Postgres is gone, or the harness itself is wrong.
#[must_use]
pub fn play(postgres: &Arc<Postgres>, world: &World) -> Report {
    table::make(postgres, &world.schema);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O always starts");
    runtime.block_on(async {
        let stage = Arc::new(Mutex::new(Stage::new(Arc::clone(postgres), world)));
        let mut player = Player::new(Client(Arc::clone(&stage)), world);
        player.play(world).await;
        drop(player);
        let mut stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
        Report { fault: stage.fault.take(), log: std::mem::take(&mut stage.log), seen: std::mem::take(&mut stage.seen) }
    })
}

struct Player {
    client: Client,
    worker: PlayedWorker,
    syncs: Vec<Sync>,
    runs: u128,
}

impl Player {
    fn new(client: Client, world: &World) -> Self {
        let syncs = world.syncs.iter().enumerate();
        let syncs = syncs.map(|(index, spec)| product::definition(&world.schema, index, spec)).collect();
        let worker = client.worker();
        Self { client, worker, syncs, runs: 0 }
    }

    fn is_over(&self) -> bool {
        self.client.stage().fault.is_some()
    }

    async fn play(&mut self, world: &World) {
        for step in &world.steps {
            self.client.stage().count(&format!("step {}", name_of(step)));
            self.step(step).await;
            if self.is_over() {
                return;
            }
        }
        self.rest().await;
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Sheet(tab, edit) => self.client.stage().sheet_edit(*tab, edit),
            Step::App(edit) => self.client.stage().app_edit(edit),
            Step::Run(run) => {
                self.run(run).await;
                if run.settles {
                    self.settle().await;
                }
            }
            Step::Deliver { from, count, twice, mishaps } => {
                let messages: Vec<Message> = {
                    let mut stage = self.client.stage();
                    stage.mishaps.clone_from(mishaps);
                    stage.calls = 0;
                    let from = usize::from(*from).checked_rem(stage.queue.len()).unwrap_or_default();
                    stage.queue.iter().skip(from).take(usize::from(*count)).cloned().collect()
                };
                self.deliver(&messages, *twice).await;
                self.client.stage().mishaps.clear();
            }
            Step::Settle => self.settle().await,
            Step::Redeliver { message, half } => {
                let mut stage = self.client.stage();
                let Some(place) = usize::from(*message).checked_rem(stage.archive.len()) else { return };
                let body = stage.archive[place].clone();
                let body = match half.and_then(|half| Some((half, sheetsync::batch::halve(&body)?))) {
                    Some((half, halves)) => halves[usize::from(half % 2)].clone(),
                    None => body,
                };
                stage.put(body);
            }
            Step::Minutes(minutes) => self.client.stage().pass(u64::from(*minutes)),
            Step::Approve(sync) => self.approve(*sync),
        }
        self.client.stage().judge_runs();
    }

    fn approve(&self, sync: usize) {
        let mut stage = self.client.stage();
        let Some(sync) = sync.checked_rem(self.syncs.len()) else { return };
        let Some(run) = stage.current(sync) else { return };
        let id = stage.runs[run].id;
        let arguments = serde_json::json!({"p_run": id, "p_who": "a person", "p_why": "it is right"});
        if let (Ok(answer), _) = stage.run_function("sync_approve_deletes", &arguments, false) {
            let outcome = answer["outcome"].as_str().unwrap_or_default().to_owned();
            stage.count(&format!("approval {outcome}"));
            stage.note(format!("approval: {answer}"));
        }
        // Whose values stay changes from one decision to the next.
        let adopt = if run.is_multiple_of(2) { Adopt::Sheet } else { Adopt::Database };
        let mut arguments = arguments;
        arguments["p_adopt"] = serde_json::json!(adopt);
        if let (Ok(answer), _) = stage.run_function("sync_approve_adoption", &arguments, false) {
            let outcome = answer["outcome"].as_str().unwrap_or_default().to_owned();
            stage.count(&format!("adoption {outcome}"));
            stage.note(format!("adoption as {adopt:?}: {answer}"));
            if outcome == "approved" {
                let waiting = stage.memories[sync].waiting.clone();
                stage.memories[sync].lapsed.retain(|key| !waiting.contains(key));
                stage.memories[sync].approved.extend(waiting.into_iter().map(|key| (key, adopt)));
            }
        }
    }

    /// One run, from its begin to its recorded plan.
    async fn run(&mut self, run: &Run) {
        let Some(sync) = run.sync.checked_rem(self.syncs.len()) else { return };
        let definition = self.syncs[sync].clone();
        self.runs += 1;
        let id = Uuid::from_u128(self.runs);
        let keys = match &run.kind {
            RunKind::Selective(rows) => Some(self.chosen(sync, rows)),
            _ => None,
        };
        if keys.as_ref().is_some_and(Vec::is_empty) {
            return;
        }
        {
            let mut stage = self.client.stage();
            let number = stage.runs.len();
            stage.note(format!("--- run {number} of sync {sync} {}", serde_json::json!(run.kind)));
            stage.mishaps = run.mishaps.clone();
            stage.calls = 0;
        }
        let died = Arc::clone(&self.client.stage().died);
        let begun = tokio::select! {
            biased;
            begun = self.client.begin(&definition, id, &run.kind, keys.as_deref()) => begun.ok(),
            () = died.notified() => None,
        };
        if let Some(Begun::Refused { problems }) = &begun {
            self.client.stage().count(&format!("refused {}", problems[0].code));
        }
        if let Some((begun, is_approved)) = begun.and_then(BegunRun::of) {
            self.client.stage().begin(id, sync, &run.kind, is_approved);
            let outcome = self.client.execute(&definition, &run.kind, keys.as_deref(), id, begun).await;
            let mut stage = self.client.stage();
            match outcome {
                None => stage.note("the run is killed".to_owned()),
                Some(Err(error)) => stage.note(format!("the run fails: {error}")),
                Some(Ok(())) => {}
            }
            if let Some(run) = stage.runs.iter().position(|run| run.id == id) {
                stage.end_reading(run);
            }
        }
        self.client.stage().mishaps.clear();
    }

    /// The row keys of some rows of a tab, as a person would name them.
    fn chosen(&self, sync: usize, rows: &[usize]) -> Vec<String> {
        let stage = self.client.stage();
        let schema = &stage.world.schema;
        let tab = &stage.sheet.tabs[sync].rows;
        let rows = rows.iter().filter_map(|row| tab.get(row.checked_rem(tab.len())?));
        let keys = rows.filter_map(|row| {
            let texts: Option<Vec<String>> = row.cells[..schema.keys.len()]
                .iter()
                .zip(&schema.keys)
                .map(|(content, kind)| match content {
                    crate::world::Content::Value(value, _) => Some(kind.identity(&kind.value(*value))),
                    _ => None,
                })
                .collect();
            Some(product::row_key(&texts?))
        });
        keys.collect()
    }

    /// Hands messages to the worker, and takes off the queue what it does not keep.
    async fn deliver(&mut self, messages: &[Message], twice: bool) {
        if messages.is_empty() {
            return;
        }
        match self.client.handle(&self.worker, messages).await {
            Some(kept) => {
                let mut stage = self.client.stage();
                let is_done = |message: &Message| {
                    messages.iter().any(|handled| handled.id == message.id) && !kept.contains(&message.id)
                };
                if !twice {
                    stage.queue.retain(|message| !is_done(message));
                }
            }
            None => {
                self.client.stage().note("the worker is killed".to_owned());
                self.worker = self.client.worker();
            }
        }
    }

    /// Handles what is on the queue until nothing is left, or nothing gets on.
    async fn settle(&mut self) {
        for _ in 0..ROUNDS {
            let next = {
                let stage = self.client.stage();
                stage.queue.iter().map(|message| message.visible).min()
            };
            let Some(next) = next else { return };
            if next > Instant::now() {
                sleep_until(next + Duration::from_millis(1)).await;
            }
            let now = Instant::now();
            let mut messages: Vec<Message> = {
                let stage = self.client.stage();
                stage.queue.iter().filter(|message| message.visible <= now).cloned().collect()
            };
            // A queue keeps no order.
            if self.runs.is_multiple_of(2) {
                messages.reverse();
            }
            messages.truncate(10);
            self.deliver(&messages, false).await;
            if self.is_over() {
                return;
            }
        }
    }

    /// All faults end; people fix headers, and decide what waits for them. Some runs later everything must have found its place.
    async fn rest(&mut self) {
        {
            let mut stage = self.client.stage();
            stage.note("--- rest".to_owned());
            stage.sheet.restore_headers();
        }
        self.settle().await;
        for round in 1..=QUIET_RUNS {
            self.client.stage().pass(QUIET_MINUTES);
            if round == 2 {
                (0..self.syncs.len()).for_each(|sync| self.approve(sync));
            }
            let mut is_done = true;
            for sync in 0..self.syncs.len() {
                is_done &= self.quiet(sync, round == QUIET_RUNS).await;
                if self.is_over() {
                    return;
                }
            }
            if is_done {
                break;
            }
        }
        for sync in 0..self.syncs.len() {
            self.client.stage().judge_convergence(sync);
        }
    }

    /// A run while nothing else happens; says whether it found nothing to do and has nothing left to do.
    async fn quiet(&mut self, sync: usize, is_last: bool) -> bool {
        let before = self.client.stage().rows.clone();
        let runs = self.client.stage().runs.len();
        let run = Run { sync, kind: RunKind::Changes, mishaps: Vec::<Mishap>::new(), settles: true };
        self.run(&run).await;
        self.settle().await;
        let mut stage = self.client.stage();
        stage.judge_runs();
        if stage.fault.is_some() {
            return false;
        }
        // The deletes of a run that was killed wait until the next run of its sync.
        let own = format!("\"sync\":\"{}\"", calls::sync_name(sync));
        let stuck = stage.queue.iter().filter(|message| message.body.contains(&own));
        let bodies: Vec<String> = stuck.map(|message| message.body.chars().take(200).collect()).collect();
        if !bodies.is_empty() {
            stage.blame(Invariant::QueueStuck, format!("messages stay on the queue: {bodies:?}"));
        }
        let Some(run) = stage.runs.get(runs) else { return false };
        let messages = run.messages;
        let is_completed = run.status.as_deref() == Some("completed");
        let written: Vec<String> = stage
            .rows
            .iter()
            .filter(|row| !before.iter().any(|earlier| earlier.id == row.id && earlier.xmin == row.xmin))
            .map(|row| row.key.clone())
            .collect();
        // Two syncs may still be handing rows to each other.
        let is_busy = !written.is_empty() || messages > 0 && is_completed;
        // A row that the mode leaves alone is offered in every run, in case it may be written by then.
        let is_upsert = stage.world.syncs[sync].mode == Mode::Upsert;
        // What a trigger keeps as it was is tried again in every run, and named.
        let is_kept = stage.world.schema.triggers.iter().any(|trigger| matches!(trigger, Trigger::KeepOld(_)));
        if is_last && is_busy && is_upsert && !is_kept && stage.world.syncs.len() == 1 {
            stage.blame(
                Invariant::NotQuiet,
                format!("the sheet is at rest, and a run sent {messages} messages and wrote the rows {written:?}"),
            );
        }
        is_completed && messages == 0
    }
}
