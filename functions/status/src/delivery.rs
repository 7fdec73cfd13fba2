//! What lies between the scheduler and Supabase: the queue, the dead letters, the breaker. Asked at the same time, each
//! with little patience: what does not answer is told as unreachable.

use std::time::Duration;

use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::QueueAttributeName;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Api;
use crate::circuit::Circuit;
use crate::overview::Known;

/// With Supabase down the answer is due within two seconds.
const PATIENCE: Duration = Duration::from_millis(1000);

/// What is under way to the table.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The batches that wait or are being applied.
    pub queue: Option<Queue>,
    /// The batches that were given up.
    pub dead_letters: Option<DeadLetters>,
    /// The breaker.
    pub circuit: Option<Circuit>,
}

/// The queue of batches.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// Messages that a worker could take now.
    pub waiting: u64,
    /// Messages that a worker holds, or that wait hidden until the destination may be back.
    pub in_flight: u64,
    /// How long ago the oldest batches that are still under way were sent.
    pub oldest_message_seconds: Option<u64>,
}

/// The dead-letter queue.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeadLetters {
    pub messages: u64,
}

/// Something that did not answer.
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
        let (queue, dead, circuit) = tokio::join!(
            self.depth(&self.settings.queue_url),
            self.depth(&self.settings.dlq_url),
            self.circuit(PATIENCE),
        );
        let mut unreachable = Vec::new();
        let mut note = |what, message: String| {
            tracing::warn!(?what, error = message, "a part cannot be reached");
            unreachable.push(Unreachable { what, message });
        };
        let mut delivery = Delivery::default();
        match queue {
            Ok((waiting, in_flight)) => {
                delivery.queue = Some(Queue { waiting, in_flight, oldest_message_seconds: None });
            }
            Err(message) => note(Part::Queue, message),
        }
        match dead {
            Ok((visible, hidden)) => delivery.dead_letters = Some(DeadLetters { messages: visible + hidden }),
            Err(message) if delivery.queue.is_some() => note(Part::Queue, message),
            // Told already.
            Err(_) => {}
        }
        match circuit {
            Ok(circuit) => delivery.circuit = Some(circuit),
            Err(message) => note(Part::Circuit, message),
        }
        (delivery, unreachable)
    }

    /// How many messages of a queue can be received (now or after their delay), and how many cannot yet.
    async fn depth(&self, url: &str) -> Result<(u64, u64), String> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesDelayed as Delayed,
            ApproximateNumberOfMessagesNotVisible as Hidden,
        };
        let asked = self
            .sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(Visible)
            .attribute_names(Delayed)
            .attribute_names(Hidden)
            .send();
        let answer = match tokio::time::timeout(PATIENCE, asked).await {
            Err(_) => return Err("SQS does not answer".to_owned()),
            Ok(Err(error)) => return Err(format!("SQS refuses: {}", DisplayErrorContext(&error))),
            Ok(Ok(answer)) => answer,
        };
        let number = |name: &QueueAttributeName| {
            let value = answer.attributes().and_then(|all| all.get(name)).and_then(|text| text.parse::<u64>().ok());
            value.unwrap_or_default()
        };
        Ok((number(&Visible) + number(&Delayed), number(&Hidden)))
    }
}

impl Delivery {
    /// Says how old the oldest message is, as far as the runs tell. SQS itself has no such attribute, and CloudWatch's
    /// metric is minutes late: but a run that is under way knows when it sent what it still waits for. Messages of
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
