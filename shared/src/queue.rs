//! The client of SQS: sends batches, and answers for messages that wait or are given up. What a message says is
//! [`crate::batch`].

use std::future::Future;
use std::time::Duration;

use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use futures_util::stream::{self, TryStreamExt as _};

use crate::batch::{MAX_MESSAGE_BYTES, Outgoing};

/// The most messages of one `SendMessageBatch`.
const MAX_ENTRIES: usize = 10;

/// How many sends are under way at once.
const SENDS_AT_ONCE: usize = 4;

/// How often the entries that SQS did not take are sent again.
const SEND_ATTEMPTS: u32 = 5;

/// The longest visibility timeout that we ask for.
pub const MAX_WAIT: Duration = Duration::from_secs(900);

/// Why the queue could not be used.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// SQS did not answer, or refused.
    #[error("SQS refused {action} on {queue}: {reason}")]
    Call {
        /// What was tried.
        action: &'static str,
        /// The queue's address.
        queue: String,
        /// SQS's words.
        reason: String,
    },
    /// SQS took some messages and kept refusing others.
    #[error("SQS took only some of the batches: {refused} were refused {SEND_ATTEMPTS} times ({reason})")]
    Partial {
        /// How many are not on the queue.
        refused: usize,
        /// SQS's reason for the first.
        reason: String,
    },
}

/// What is done with a message that was received. SQS's queue is [`Queue`]; a simulation has its own.
pub trait Inbox {
    /// Hides a received message for `wait` from now, at most [`MAX_WAIT`].
    fn hide(&self, receipt: &str, wait: Duration) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Gives up a message for good: sends it to this queue, which is a dead-letter queue, with the reason.
    fn bury(&self, body: &str, reason: &str) -> impl Future<Output = Result<(), QueueError>> + Send;
}

/// A queue.
#[derive(Debug, Clone)]
pub struct Queue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl Queue {
    /// The queue at `url`.
    #[must_use]
    pub fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends batches, several messages a call and several calls at once. All are on the queue when it returns `Ok`.
    ///
    /// # Errors
    /// When SQS refuses the call, or goes on refusing single messages.
    pub async fn send(&self, batches: impl Iterator<Item = Outgoing>) -> Result<(), QueueError> {
        stream::iter(groups(batches).map(Ok))
            .try_for_each_concurrent(SENDS_AT_ONCE, |group| self.send_group(group))
            .await
    }

    /// Sends up to ten messages. A call can succeed in part, and says so only in its answer.
    async fn send_group(&self, mut group: Vec<Outgoing>) -> Result<(), QueueError> {
        let mut reason = String::new();
        for attempt in 0..SEND_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
            }
            let entries = group
                .iter()
                .enumerate()
                .map(|(index, batch)| {
                    SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(&batch.body).build()
                })
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| self.refused("SendMessageBatch", &error))?;
            let answer = self
                .client
                .send_message_batch()
                .queue_url(&self.url)
                .set_entries(Some(entries))
                .send()
                .await
                .map_err(|error| self.refused("SendMessageBatch", &error))?;
            let failed: Vec<usize> = answer.failed().iter().filter_map(|entry| entry.id().parse().ok()).collect();
            if failed.is_empty() {
                return Ok(());
            }
            reason = answer.failed().first().map(|entry| entry.code().to_owned()).unwrap_or_default();
            tracing::warn!(refused = failed.len(), code = reason, attempt, "SQS took only some messages");
            let mut index = 0;
            group.retain(|_| {
                index += 1;
                failed.contains(&(index - 1))
            });
        }
        Err(QueueError::Partial { refused: group.len(), reason })
    }

    fn refused(&self, action: &'static str, error: &(dyn std::error::Error + 'static)) -> QueueError {
        QueueError::Call { action, queue: self.url.clone(), reason: DisplayErrorContext(error).to_string() }
    }
}

impl Inbox for Queue {
    async fn bury(&self, body: &str, reason: &str) -> Result<(), QueueError> {
        let attribute = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(reason)
            .build()
            .map_err(|error| self.refused("SendMessage", &error))?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .message_attributes("reason", attribute)
            .send()
            .await
            .map(drop)
            .map_err(|error| self.refused("SendMessage", &error))
    }

    async fn hide(&self, receipt: &str, wait: Duration) -> Result<(), QueueError> {
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt)
            // Rounded up: a message that comes back before its time has to wait again.
            .visibility_timeout(wait.min(MAX_WAIT).as_secs_f64().ceil() as i32)
            .send()
            .await
            .map(drop)
            .map_err(|error| self.refused("ChangeMessageVisibility", &error))
    }
}

/// Puts batches into groups that one call can carry: ten messages, and together no more bytes than one message may have.
fn groups(batches: impl Iterator<Item = Outgoing>) -> impl Iterator<Item = Vec<Outgoing>> {
    let mut batches = batches.peekable();
    std::iter::from_fn(move || {
        let mut group = vec![batches.next()?];
        let mut bytes = group.iter().map(|batch| batch.body.len()).sum::<usize>();
        while group.len() < MAX_ENTRIES
            && let Some(next) = batches.next_if(|next| bytes + next.body.len() <= MAX_MESSAGE_BYTES)
        {
            bytes += next.body.len();
            group.push(next);
        }
        Some(group)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Kind, Stretch};

    fn batch(bytes: usize) -> Outgoing {
        Outgoing { body: "x".repeat(bytes), kind: Kind::Upsert, stretch: Stretch { lo: 0, hi: 1 }, rows: 1 }
    }

    #[test]
    fn a_call_carries_ten_messages_or_a_quarter_of_a_megabyte() {
        let sizes = |batches: Vec<Outgoing>| groups(batches.into_iter()).map(|group| group.len()).collect::<Vec<_>>();
        assert_eq!(sizes((0..23).map(|_| batch(10)).collect()), [10, 10, 3]);
        assert_eq!(sizes((0..5).map(|_| batch(100_000)).collect()), [2, 2, 1]);
        assert_eq!(sizes((0..2).map(|_| batch(MAX_MESSAGE_BYTES)).collect()), [1, 1]);
        assert!(sizes(Vec::new()).is_empty());
    }
}
