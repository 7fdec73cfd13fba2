//! Supabase and DynamoDB, as a worker meets them: both can be away, calls can be lost before and answers after they took
//! effect. A call that has reached Postgres goes on when its worker dies, as it does there.

use std::time::Duration;

use serde::Deserialize;
use sheetsync::batch::Incoming;
use sheetsync::breaker::{Item, SharedItem, StoreError, Update};
use sheetsync::classify::Fault;
use sheetsync::run::{self, Applied, Failed, Failure, RunStatus};
use sheetsync::supabase::{Destination, SupabaseError};
use tokio::time::sleep;
use uuid::Uuid;

use super::world::{Sim, World};
use crate::ledger::{Answer, Batch, CHILD, EntryKey, Key, Kind, Outcome, Payload, Prepared, Row, Status};

/// The name under which a poisoned row is refused, and so the only reason for a dead letter.
pub const POISON: &str = "P0999";

/// What becomes of a call that was begun.
enum Way {
    Through,
    /// It takes effect, but its answer is lost.
    AnswerLost,
}

impl Sim {
    async fn reach(&self, time: Duration) -> Result<Way, SupabaseError> {
        let (wait, way) = self.with(|world| {
            world.count_call();
            if world.is_down {
                return match world.mishap(0.5) {
                    // Connection refused; or an error of the gateway; or no answer at all.
                    true => (world.millis(1, 20), Err(lost("refused"))),
                    false if world.mishap(0.5) => (world.millis(5, 50), Err(refused(Fault::Down, "PGRST001"))),
                    false => (time, Err(lost("timeout"))),
                };
            }
            let wait = world.millis(5, 60);
            if world.mishap(0.02) {
                (wait, Err(lost("reset")))
            } else if world.mishap(0.01) {
                (wait, Err(refused(Fault::Contended, "40P01")))
            } else if world.mishap(0.03) {
                (wait, Ok(Way::AnswerLost))
            } else {
                (wait, Ok(Way::Through))
            }
        });
        sleep(wait.min(time)).await;
        way
    }

    async fn answer<T>(&self, way: Way, answer: Result<T, SupabaseError>) -> Result<T, SupabaseError> {
        match way {
            Way::Through => answer,
            Way::AnswerLost => Err(lost("reset")),
        }
    }
}

impl Destination for Sim {
    async fn apply(&self, message: &str, time: Duration) -> Result<Applied, SupabaseError> {
        let way = self.reach(time).await?;
        let Some(batch) = self.with(|world| parse(world, message)) else {
            return Err(refused(Fault::Request, "22023"));
        };
        if self.with(|world| world.poison.is_some_and(|key| carries(&batch, key))) {
            return Err(refused(Fault::Request, POISON));
        }
        // The row that others need comes or goes, in another sync or in the application.
        self.with(|world| world.ledger.has_parent ^= world.mishap(0.05));
        if batch.len() > 1 && self.with(|world| world.mishap(0.02)) {
            return Err(refused(Fault::StatementTimeout, "57014"));
        }
        // The call continues, although its caller may die.
        let transaction = tokio::spawn(apply(self.clone(), batch));
        let answer = match transaction.await {
            Ok(answer) => answer,
            Err(_) => Err(lost("reset")),
        };
        self.answer(way, answer).await
    }

    async fn fail(
        &self,
        run: Uuid,
        batch: Option<&Incoming>,
        failure: &Failure,
        time: Duration,
    ) -> Result<Failed, SupabaseError> {
        let way = self.reach(time).await?;
        let failed = self.with(|world| {
            let Some(run) = world.run(run) else {
                return crate::ledger::Failed { attempts: 0, is_final: true, status: None };
            };
            let failed = match batch {
                None => world.ledger.fail_run(run),
                Some(batch) => {
                    let kind = match batch.kind {
                        sheetsync::batch::Kind::Upsert => Kind::Upsert,
                        sheetsync::batch::Kind::Delete => Kind::Delete,
                    };
                    let key = EntryKey { run, kind, lo: batch.stretch.lo, hi: batch.stretch.hi };
                    world.ledger.fail_stretch(key, batch.rows as i64, failure.is_final)
                }
            };
            world.note(|| format!("run {run} records a failure ({}): {failed:?}", failure.code));
            failed
        });
        let failed = Failed {
            attempts: failed.attempts as u32,
            is_final: failed.is_final,
            run_status: failed.status.map(status),
        };
        self.answer(way, Ok(failed)).await
    }

    async fn ping(&self, time: Duration) -> Result<(), SupabaseError> {
        let way = self.reach(time).await?;
        self.answer(way, Ok(())).await
    }

    async fn reload_schema(&self, time: Duration) -> Result<(), SupabaseError> {
        let way = self.reach(time).await?;
        self.answer(way, Ok(())).await
    }
}

/// One transaction of `sync_apply`, with its locks.
async fn apply(sim: Sim, batch: Batch) -> Result<Applied, SupabaseError> {
    let key = batch.entry();
    let prepared: Result<Prepared, Box<Applied>> = sim.with(|world| {
        if world.locks.contains(&key) && world.ledger.clauses.advisory_lock {
            return Err(Box::new(said(run::Outcome::InProgress, None)));
        }
        let prepared = world.ledger.prepare(&batch).map_err(|answer| {
            world.note(|| format!("run {} {:?} {}: {:?}", key.run, key.kind, key.lo, answer.outcome));
            Box::new(applied(&answer))
        })?;
        world.locks.insert(key);
        world.holding += 1;
        Ok(prepared)
    });
    let prepared = match prepared {
        Err(answer) => return Ok(*answer),
        Ok(prepared) => prepared,
    };
    let takes = sim.with(|world| if world.mishap(0.02) { world.millis(1000, 6000) } else { world.millis(5, 150) });
    sleep(takes).await;
    let (answer, late) = sim.with(|world| {
        world.locks.remove(&key);
        world.holding -= 1;
        // The server died before the commit.
        if world.is_down {
            return (Err(lost("reset")), Vec::new());
        }
        let before = world.ledger.table.clone();
        match world.ledger.commit(&batch, &prepared) {
            Err(_) => (Err(refused(Fault::Contended, "40001")), Vec::new()),
            Ok((answer, late)) => {
                world.note(|| format!("run {} {:?} {}: {answer:?}", key.run, key.kind, key.lo));
                if world.ledger.table != before {
                    judge(world, &batch, &answer);
                }
                (Ok(applied(&answer)), late)
            }
        }
    });
    // Only where the clause is taken out: a second transaction, which the worker may not live to make.
    if !late.is_empty() {
        sleep(sim.with(|world| world.millis(5, 50))).await;
        sim.with(|world| {
            if !world.mishap(0.2) {
                world.ledger.remember(late);
            }
        });
    }
    answer
}

/// What must hold of every change of the table.
fn judge(world: &mut World, batch: &Batch, answer: &Answer) {
    let current = world.ledger.target.map(|target| target.run);
    if current != Some(batch.run) {
        world
            .blame(format!("a batch of run {} changed the table while run {current:?} was the current one", batch.run));
    }
    if answer.counts.deleted > 0 {
        let missing = world.meant.get(&batch.run).and_then(|meant| {
            // What Postgres refuses is missing for a reason that the run says.
            let is_missing = |key: &u16, value: &i32| {
                (0..CHILD).contains(value) && world.ledger.table.get(key).map(|row| row.value) != Some(*value)
            };
            meant.iter().find(|(key, value)| is_missing(key, value)).map(|(key, _)| *key)
        });
        if let Some(key) = missing {
            world.blame(format!("run {} deleted a row while its upsert of the key {key} was missing", batch.run));
        }
    }
}

impl SharedItem for Sim {
    async fn read(&self) -> Result<Item, StoreError> {
        sleep(Duration::from_millis(5)).await;
        self.with(|world| if world.is_store_down { Err(away()) } else { Ok(world.item.clone()) })
    }

    async fn write(&self, update: &Update) -> Result<Option<Item>, StoreError> {
        sleep(Duration::from_millis(5)).await;
        let item = self.with(|world| {
            if world.is_store_down {
                return Err(away());
            }
            if !world.ledger.clauses.breaker_opens {
                return Ok(Some(Item::default()));
            }
            let Ok(item) = world.item.apply(update) else { return Ok(None) };
            let (before, after) = (world.item.state(), item.state());
            world.item = item;
            if before != after {
                world.note(|| format!("the breaker goes from {before:?} to {after:?}"));
            }
            // The answer to a write that took effect can be lost too.
            if world.mishap(0.01) { Err(away()) } else { Ok(Some(world.item.clone())) }
        });
        sleep(Duration::from_millis(5)).await;
        item
    }
}

/// Reads a message as `sync_apply` does.
pub fn parse(world: &World, message: &str) -> Option<Batch> {
    #[derive(Deserialize)]
    struct Body {
        run: Uuid,
        lo: i64,
        hi: i64,
        #[serde(default)]
        rows: Option<Vec<Item>>,
        #[serde(default)]
        keys: Option<Vec<i64>>,
    }
    #[derive(Deserialize)]
    struct Item {
        k: String,
        h: i64,
        c: i64,
        v: (String, i32),
    }
    let body: Body = serde_json::from_str(message).ok()?;
    let payload = match (body.rows, body.keys) {
        (Some(rows), None) => {
            let row = |row: Item| {
                let number = row.k.trim_start_matches('K').parse().ok()?;
                Some(Row { key: Key { number, hash: row.h }, content: row.c, value: row.v.1 })
            };
            Payload::Upsert(rows.into_iter().map(row).collect::<Option<_>>()?)
        }
        (None, Some(keys)) => Payload::Delete(keys),
        _ => return None,
    };
    Some(Batch { run: world.run(body.run)?, payload, lo: body.lo, hi: body.hi })
}

fn carries(batch: &Batch, key: u16) -> bool {
    matches!(&batch.payload, Payload::Upsert(rows) if rows.iter().any(|row| row.key.number == key))
}

fn applied(answer: &Answer) -> Applied {
    let outcome = match answer.outcome {
        Outcome::Applied => run::Outcome::Applied,
        Outcome::Duplicate => run::Outcome::Duplicate,
        Outcome::Superseded => run::Outcome::Superseded,
        Outcome::Waiting => run::Outcome::Waiting,
        Outcome::Withheld => run::Outcome::Withheld,
        Outcome::Failed => run::Outcome::Failed,
        Outcome::Malformed => run::Outcome::Malformed,
    };
    said(outcome, answer.status)
}

fn said(outcome: run::Outcome, run: Option<Status>) -> Applied {
    Applied { outcome, counts: run::Counts::default(), run_status: run.map(status), error: None }
}

pub(super) fn status(of: Status) -> RunStatus {
    match of {
        Status::Queued => RunStatus::Queued,
        Status::InProgress => RunStatus::InProgress,
        Status::Completed => RunStatus::Completed,
        Status::Partial => RunStatus::Partial,
        Status::Failed => RunStatus::Failed,
        Status::Superseded => RunStatus::Superseded,
    }
}

pub(super) fn lost(reason: &str) -> SupabaseError {
    SupabaseError::NoAnswer { url: "simulated".to_owned(), reason: reason.to_owned() }
}

pub(super) fn refused(fault: Fault, code: &str) -> SupabaseError {
    SupabaseError::Refused {
        fault,
        status: 500,
        code: Some(code.to_owned()),
        message: String::new(),
        function: "sync_apply".to_owned(),
        retry_after: None,
    }
}

fn away() -> StoreError {
    StoreError::Call {
        table: "simulated".to_owned(),
        destination: "simulated".to_owned(),
        reason: "it is away".to_owned(),
    }
}
