//! SQS and its event source: messages come in any order, at least once, up to ten an invocation; an
//! unacknowledged message is delivered again after the visibility timeout. Lambda, too: it ends a function when its time is over, or whenever
//! it likes.

use std::pin::pin;
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use rand::Rng as _;
use rand::seq::SliceRandom as _;
use sheetsync::batch::Incoming;
use sheetsync::clock::Chance;
use sheetsync::queue::{Inbox, QueueError};
use tokio::time::{Instant, sleep, sleep_until};
use worker::Worker;
use worker::settings::{Settings, Timeouts};

use super::destination::POISON;
use super::world::{RATE, Sim, World};

/// How many workers run at once.
pub const CONTAINERS: u32 = 2;

/// After which SQS gives a message to another worker.
const VISIBILITY: Duration = Duration::from_secs(360);

/// After which Lambda ends a worker.
const FUNCTION: Duration = Duration::from_secs(60);

/// So often a message is received before SQS takes it for poison.
const MAX_RECEIVES: u32 = 1000;

/// The queues as the worker uses them: it changes the visibility of messages, and sends dead letters.
#[derive(Clone)]
pub struct SimulatedQueue(pub Sim);

impl Inbox for SimulatedQueue {
    async fn hide(&self, receipt: &str, wait: Duration) -> Result<(), QueueError> {
        sleep(Duration::from_millis(5)).await;
        self.0.with(|world| {
            if world.mishap(0.01) {
                return Err(unavailable());
            }
            let Ok(id) = receipt.parse::<u64>() else { return Err(unavailable()) };
            let visible = Instant::now() + wait.min(sheetsync::queue::MAX_WAIT);
            world.messages.iter_mut().filter(|message| message.id == id).for_each(|message| message.visible = visible);
            Ok(())
        })
    }

    async fn send_dead_letter(&self, body: &str, reason: &str) -> Result<(), QueueError> {
        sleep(Duration::from_millis(5)).await;
        self.0.with(|world| {
            if world.mishap(0.01) {
                return Err(unavailable());
            }
            world.numbers.dead_letters += 1;
            world.note(|| format!("dead-lettered: {reason}"));
            if !reason.contains(POISON) {
                world.blame(format!("a message was dead-lettered without a poisoned row: {reason}"));
            }
            world.dead.push(body.to_owned());
            Ok(())
        })
    }
}

/// The loop of the event source for one container: receives, invokes, deletes.
pub async fn poll(sim: Sim, container: u32) {
    let mut invocation = 0;
    loop {
        let worker = start(&sim, container);
        // One container answers many invocations, until one of them is ended.
        let mut is_alive = true;
        while is_alive {
            let event = sim.with(receive);
            if event.records.is_empty() {
                let next = sim.with(|world| world.messages.iter().map(|message| message.visible).min());
                let next = next.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
                tokio::select! {
                    biased;
                    () = sim.woken() => {}
                    () = sleep_until(next) => {}
                }
                continue;
            }
            invocation += 1;
            is_alive = invoke(&sim, &worker, event, &format!("{container}-{invocation}")).await;
        }
    }
}

type SimulatedWorker = Worker<Sim, SimulatedQueue, Sim>;

fn start(sim: &Sim, container: u32) -> SimulatedWorker {
    let settings = Settings {
        requests_per_second: RATE as f64,
        concurrency: CONTAINERS,
        timeouts: Timeouts {
            statement: Duration::from_secs(30),
            request: Duration::from_secs(35),
            function: FUNCTION,
            visibility: VISIBILITY,
        },
        first_open: Duration::from_secs(15),
    };
    let (clock, seed) = sim.with(|world| {
        world.note(|| format!("container {container} starts"));
        (world.clock, world.random.random())
    });
    let queue = SimulatedQueue(sim.clone());
    Worker::new(sim.clone(), (queue.clone(), queue), sim.clone(), settings, clock, Chance::from_seed(seed))
        .expect("the rate can be kept")
}

/// Some of the messages that can be received, in any order.
fn receive(world: &mut World) -> SqsEvent {
    let now = Instant::now();
    let mut visible: Vec<usize> =
        (0..world.messages.len()).filter(|index| world.messages[*index].visible <= now).collect();
    visible.shuffle(&mut world.random);
    visible.truncate(world.random.random_range(1..=10));
    let mut event = SqsEvent::default();
    for index in visible {
        // At least once: now and then a message is given out and stays.
        let twice = world.mishap(0.03);
        let message = &mut world.messages[index];
        message.receives += 1;
        message.visible = if twice { now } else { now + VISIBILITY };
        let (id, body, receives) = (message.id, message.body.clone(), message.receives);
        if receives > MAX_RECEIVES {
            world.blame(format!("message {id} was received {receives} times: SQS takes it for poison"));
        }
        let mut record = SqsMessage::default();
        record.message_id = Some(id.to_string());
        record.receipt_handle = Some(id.to_string());
        record.body = Some(body);
        event.records.push(record);
    }
    event
}

/// One invocation; says whether the container lived through it.
async fn invoke(sim: &Sim, worker: &SimulatedWorker, event: SqsEvent, request: &str) -> bool {
    let ids: Vec<String> = event.records.iter().filter_map(|record| record.message_id.clone()).collect();
    let (deadline, dies) = sim.with(|world| {
        world.note(|| {
            let reported: Vec<String> = event
                .records
                .iter()
                .filter_map(|record| Incoming::parse(record.body.as_deref()?).ok())
                .map(|batch| format!("{:?} {}", batch.kind, batch.stretch.lo))
                .collect();
            format!("invocation {request}: {reported:?}")
        });
        let dies = world.mishap(0.08).then(|| world.millis(1, 2000));
        (world.clock.now().plus(FUNCTION), dies)
    });
    let dies = Instant::now() + dies.unwrap_or(FUNCTION);
    let handled = pin!(worker.handle(event, request, deadline));
    let answer = tokio::select! {
        biased;
        answer = handled => answer.ok(),
        () = sleep_until(dies) => None,
    };
    sim.with(|world| {
        let Some(answer) = answer else {
            world.numbers.crashes += 1;
            world.note(|| format!("invocation {request} is ended in the middle"));
            return false;
        };
        let kept: Vec<String> = answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        // The event source may die between the answer and the deletion.
        if !world.mishap(0.02) {
            world.messages.retain(|message| {
                let id = message.id.to_string();
                !ids.contains(&id) || kept.contains(&id)
            });
        }
        true
    })
}

fn unavailable() -> QueueError {
    QueueError::Call { action: "a call", queue: "simulated".to_owned(), reason: "unavailable".to_owned() }
}
