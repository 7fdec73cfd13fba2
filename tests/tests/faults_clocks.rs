//! A worker whose clock is five minutes off, beside the stack's own workers, on the same queue and the same breaker, through
//! an outage. It runs in the test's process, since no clock of a deployed function can be set; what it talks to is real.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use sheetsync::breaker::{SharedItem as _, State, Store, destination};
use sheetsync::clock::Millis;
use sheetsync::clock::{Chance, Clock};
use sheetsync::queue::{Queue, Received};
use sheetsync::secrets;
use sheetsync::supabase::Supabase;
use sheetsync_local::{Action, Fault, Settings};
use sheetsync_tests::{Trial, breaker, eventually_within};
use uuid::Uuid;
use worker::Worker;
use worker::settings::Timeouts;

/// How far off the clock is.
const OFF: Duration = Duration::from_secs(300);

/// What Lambda would give it, and SQS: as the tests' stack has them (`Deployment::for_tests`).
const TIMEOUTS: Timeouts = Timeouts {
    statement: Duration::from_secs(4),
    request: Duration::from_secs(5),
    function: Duration::from_secs(14),
    visibility: Duration::from_secs(15),
};

/// A worker on a clock of its own, and the queue that it reads.
struct Skewed {
    worker: Worker<Supabase, Queue, Store>,
    queue: Queue,
    clock: Clock,
}

impl Skewed {
    async fn starting_at(trial: &Trial, now: Millis) -> Result<Self> {
        let supabase = Settings::from_env()?.supabase_url;
        let aws = aws_config::load_from_env().await;
        let table = trial.sync.aws.control_table.clone();
        let store = Store::new(&aws_sdk_dynamodb::Client::new(&aws), table, destination(&supabase));
        let client = aws_sdk_secretsmanager::Client::new(&aws);
        let key = secrets::supabase_key(&client, trial.sync.aws.supabase_secret_id.clone());
        let connection = Supabase::new(&supabase, key)?;
        let (queue, dead_letters) = (trial.sync.queue().await, trial.sync.dead_letter_queue().await);
        let clock = Clock::starting_at(now);
        let settings = worker::Settings {
            requests_per_second: 50.0,
            concurrency: 2,
            timeouts: TIMEOUTS,
            first_open: Duration::from_secs(2),
        };
        let queues = (queue.clone(), dead_letters);
        let worker = Worker::new(connection, queues, store, settings, clock, Chance::new())?;
        Ok(Self { worker, queue, clock })
    }

    /// One invocation over these messages; the ids of those that stay.
    async fn handle(&self, messages: &[Received]) -> Result<Vec<String>> {
        let mut event = SqsEvent::default();
        for message in messages {
            let mut record = SqsMessage::default();
            record.message_id = Some(message.id.clone());
            record.receipt_handle = Some(message.receipt.clone());
            record.body = Some(message.body.clone());
            event.records.push(record);
        }
        let deadline = self.clock.now().plus(TIMEOUTS.function);
        let answer = self.worker.handle(event, &Uuid::new_v4().to_string(), deadline).await?;
        Ok(answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect())
    }

    /// The loop of the event source for a function.
    async fn poll(&self) -> Result<()> {
        loop {
            let messages = self.queue.receive(TIMEOUTS.visibility).await?;
            let kept = self.handle(&messages).await?;
            for message in messages.iter().filter(|message| !kept.contains(&message.id)) {
                self.queue.remove(&message.receipt).await?;
            }
        }
    }
}

fn now() -> Millis {
    Millis::from(SystemTime::now())
}

/// Until when the breaker keeps the circuit open, when that time is one that `is_meant`.
async fn open_until(what: &str, is_meant: impl Fn(Millis) -> bool) -> Result<Millis> {
    let store = breaker().await?;
    Ok(eventually_within(Duration::from_secs(60), what, async || {
        let item = store.read().await.ok()?;
        (item.state() == State::Open).then(|| item.until()).flatten().filter(|until| is_meant(*until))
    })
    .await)
}

/// The project is paused: every call that a worker makes is answered with 540.
async fn pause(trial: &Trial) -> Result<[u64; 2]> {
    let action = Action::Answer { status: 540, headers: std::collections::BTreeMap::new(), body: String::new() };
    let mut faults = [0; 2];
    for (fault, path) in faults.iter_mut().zip(["sync_apply", "sync_ping"]) {
        let refusal =
            Fault { path: path.to_owned(), body: String::new(), after: 0, times: None, action: action.clone() };
        *fault = trial.sync.control.add_fault(&refusal).await?;
    }
    Ok(faults)
}

/// The outage ends.
async fn resume(trial: &Trial, faults: [u64; 2]) -> Result<()> {
    let hits: u64 = trial.sync.control.faults().await?.iter().map(|fault| fault.hits).sum();
    println!("calls to the dead destination: {hits}");
    assert!(hits <= 40, "{hits} calls to a dead destination by three workers");
    for fault in faults {
        trial.sync.control.remove_fault(fault).await?;
    }
    Ok(())
}

/// The run comes through, and the breaker closes.
async fn recovers(trial: &mut Trial) -> Result<()> {
    assert_eq!(trial.comes_through().await?.status, "completed");
    assert_eq!(breaker().await?.read().await?.state(), State::Closed);
    Ok(())
}

#[tokio::test]
async fn a_worker_whose_clock_is_five_minutes_fast() -> Result<()> {
    let made = "one of three workers, through an outage that it records; closed by its probe";
    let mut trial = Trial::prepare("clock 5 minutes fast", made, 600, 5).await?;
    let faults = pause(&trial).await?;
    trial.begin().await?;
    open_until("the breaker opens", |until| until < now().plus(OFF / 2)).await?;
    let fast = Skewed::starting_at(&trial, now().plus(OFF)).await?;
    let outage = async {
        // To it every open time is over: it probes, and opens the circuit until a time that is far off to the others.
        open_until("the fast worker opens the circuit again", |until| until > now().plus(OFF / 2)).await?;
        resume(&trial, faults).await?;
        recovers(&mut trial).await
    };
    tokio::select! {
        ended = fast.poll() => ended,
        done = outage => done,
    }
}

#[tokio::test]
async fn a_worker_whose_clock_is_five_minutes_slow() -> Result<()> {
    let made = "one of three workers, which opens the circuit itself";
    let mut trial = Trial::prepare("clock 5 minutes slow", made, 600, 5).await?;
    let faults = pause(&trial).await?;
    let slow = Skewed::starting_at(&trial, Millis(now().0 - OFF.as_millis() as u64)).await?;
    // It meets the outage first. Its message is not on the queue, so no other worker can receive it.
    let run = Uuid::new_v4();
    let body = format!(
        r#"{{"v":1,"sync":"{}","run":"{run}","seq":1,"kind":"delete","lo":0,"hi":1,"mapping":"0","sentAt":"2026-01-01T00:00:00Z","keys":[0]}}"#,
        trial.sync.name
    );
    let (id, receipt) = ("by-hand".to_owned(), "none".to_owned());
    let message = Received { id, receipt, body, reason: None, sent_at: None, receives: 1 };
    assert_eq!(slow.handle(&[message]).await?, ["by-hand"], "it stays on the queue");
    let until = breaker().await?.read().await?.until().context("the circuit is open")?;
    assert!(until.plus(OFF / 2) < now(), "to the others the open time is over");
    // Also to the scheduler, which probes with the next tick and opens the circuit until a time that is right.
    assert_eq!(trial.sync.ask("manual").await?.status, "circuit_open");
    open_until("the scheduler opens the circuit again", |until| until.plus(OFF / 2) > now()).await?;
    resume(&trial, faults).await?;
    let outage = async {
        trial.run = eventually_within(Duration::from_secs(60), "a run begins", async || {
            let report = trial.sync.ask("manual").await.ok()?;
            report.run.filter(|_| report.status == "planned")
        })
        .await;
        recovers(&mut trial).await
    };
    tokio::select! {
        ended = slow.poll() => ended,
        done = outage => done,
    }
}
