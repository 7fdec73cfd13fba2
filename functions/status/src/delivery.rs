//! The state of the queue, the dead-letter queue and the circuit. They are read at the same time, each with a short
//! timeout: one that does not answer is reported as unreachable.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use sheetsync::queue::{self, Depth};
use utoipa::ToSchema;

use crate::circuit::Circuit;
use crate::error::does_not_answer;
use crate::known::Known;
use crate::state::Api;

/// With Supabase down the answer is due within two seconds.
const PATIENCE: Duration = Duration::from_millis(1000);

/// What is in flight to the table.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The batches that wait or are being applied.
    pub queue: Option<Queue>,
    /// The batches in the dead-letter queue.
    pub dead_letters: Option<DeadLetters>,
    /// The circuit breaker's state; null when DynamoDB does not answer.
    pub circuit: Option<Circuit>,
}

/// The queue of batches.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// Messages that a worker could take now, or after their delay.
    pub waiting: u64,
    /// Messages in flight: a worker holds them, or they are hidden until the next attempt.
    pub in_flight: u64,
    /// How long ago the oldest batches that are still in flight were sent.
    pub oldest_message_seconds: Option<u64>,
}

/// The dead-letter queue.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeadLetters {
    pub messages: u64,
}

/// A service that did not answer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Unreachable {
    pub what: Part,
    pub message: String,
}

/// What can be unreachable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    Supabase,
    Queue,
    Circuit,
}

impl Api {
    /// Asks the queues and the breaker.
    pub async fn delivery(&self) -> (Delivery, Vec<Unreachable>) {
        let (queue, dead, circuit) =
            tokio::join!(depth(&self.queue), depth(&self.dead_letters), self.circuit(PATIENCE),);
        let mut unreachable = Vec::new();
        let mut note = |what, error: String| {
            // AWS' own words may name accounts and roles, so they stay in the log.
            tracing::warn!(?what, error, "cannot reach a part of the service");
            let message = does_not_answer(if what == Part::Circuit { "DynamoDB" } else { "SQS" });
            unreachable.push(Unreachable { what, message });
        };
        let mut delivery = Delivery::default();
        match queue {
            Ok(depth) => {
                let (waiting, in_flight) = (depth.visible + depth.delayed, depth.hidden);
                delivery.queue = Some(Queue { waiting, in_flight, oldest_message_seconds: None });
            }
            Err(message) => note(Part::Queue, message),
        }
        match dead {
            Ok(depth) => delivery.dead_letters = Some(DeadLetters { messages: depth.total() }),
            Err(message) if delivery.queue.is_some() => note(Part::Queue, message),
            // Reported already.
            Err(_) => {}
        }
        match circuit {
            Ok(circuit) => delivery.circuit = Some(circuit),
            Err(message) => note(Part::Circuit, message),
        }
        (delivery, unreachable)
    }
}

async fn depth(queue: &queue::Queue) -> Result<Depth, String> {
    match tokio::time::timeout(PATIENCE, queue.depth()).await {
        Ok(depth) => depth.map_err(|error| error.to_string()),
        Err(_) => Err("SQS does not answer".to_owned()),
    }
}

impl Delivery {
    /// Sets the age of the oldest message, as known from the runs. SQS itself has no such attribute, and CloudWatch's
    /// metric is minutes late: but a run that is in progress knows when it sent what it still waits for. Messages of
    /// superseded runs, which do nothing, are not counted.
    pub fn date(&mut self, syncs: &[Known], now: Timestamp) {
        let Some(queue) = &mut self.queue else { return };
        if queue.waiting + queue.in_flight == 0 {
            return;
        }
        let runs = syncs.iter().filter_map(|known| known.running_run.as_ref());
        let sent = runs.filter(|run| run.has_work_under_way()).filter_map(|run| run.planned_at).min();
        queue.oldest_message_seconds = sent.map(|sent| sent.seconds_until(now));
    }
}
