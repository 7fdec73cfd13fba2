//! The client of SQS: sends batches, hides or dead-letters messages, and reads a queue's length. What a
//! message says is [`crate::protocol::batch`]; what is done with dead letters, [`crate::delivery::redrive`].

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{
    Message, MessageAttributeValue, MessageSystemAttributeName, MessageSystemAttributeNameForSends,
    MessageSystemAttributeValue, QueueAttributeName, SendMessageBatchRequestEntry,
};
use backon::BackoffBuilder as _;
use futures_util::stream::{self, TryStreamExt as _};
use jiff::Timestamp;

use crate::platform::{retry, telemetry};
use crate::protocol::batch::{MAX_MESSAGE_BYTES, Outgoing};

/// The most messages of one `SendMessageBatch`.
const MAX_ENTRIES: usize = 10;

/// How many sends are in flight at once.
const SENDS_AT_ONCE: usize = 4;

/// How often the entries that SQS did not take are sent again.
const SEND_ATTEMPTS: usize = retry::SQS.attempts();

/// The message attribute with the reason of a dead letter.
const REASON: &str = "reason";

/// The most characters of it: some 4 kB with its name.
const MAX_REASON: usize = 1_000;

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
    #[error("SQS accepted only some of the batches: {refused} were refused {SEND_ATTEMPTS} times ({reason})")]
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

    /// Sends a message to this queue, a dead-letter queue, with the reason.
    fn send_dead_letter(&self, body: &str, reason: &str) -> impl Future<Output = Result<(), QueueError>> + Send;
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
        let mut waits = retry::SQS.lengths().build();
        for attempt in 0..SEND_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(waits.next().unwrap_or_default()).await;
            }
            let entries = group
                .iter()
                .enumerate()
                .map(|(index, batch)| {
                    SendMessageBatchRequestEntry::builder()
                        .id(index.to_string())
                        .message_body(&batch.body)
                        .set_message_system_attributes(traced())
                        .build()
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
            tracing::warn!(refused = failed.len(), code = reason, attempt, "SQS refused some messages");
            let mut index = 0;
            group.retain(|_| {
                index += 1;
                failed.contains(&(index - 1))
            });
        }
        Err(QueueError::Partial { refused: group.len(), reason })
    }

    /// Sends one message as it is.
    ///
    /// # Errors
    /// When SQS refuses.
    pub async fn send_again(&self, body: &str) -> Result<(), QueueError> {
        let sent = self.client.send_message().queue_url(&self.url).message_body(body).send().await;
        sent.map(drop).map_err(|error| self.refused("SendMessage", &error))
    }

    /// Takes up to ten messages into hand, which hides them from everybody else for a while. None are lost by it: what is
    /// not removed shows again.
    ///
    /// # Errors
    /// When SQS refuses.
    pub async fn receive(&self, hidden_for: Duration) -> Result<Vec<Received>, QueueError> {
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(MAX_ENTRIES as i32)
            .visibility_timeout(hidden_for.as_secs() as i32)
            // A short poll asks only some of SQS's servers, and may find nothing where there is something.
            .wait_time_seconds(1)
            .message_attribute_names(REASON)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .map_err(|error| self.refused("ReceiveMessage", &error))?;
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(Received::of).collect())
    }

    /// Removes a message that was received.
    ///
    /// # Errors
    /// When SQS refuses; the message then shows again.
    pub async fn remove(&self, receipt: &str) -> Result<(), QueueError> {
        let removed = self.client.delete_message().queue_url(&self.url).receipt_handle(receipt).send().await;
        removed.map(drop).map_err(|error| self.refused("DeleteMessage", &error))
    }

    /// About how many messages the queue has.
    ///
    /// # Errors
    /// When SQS refuses.
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesDelayed as Delayed,
            ApproximateNumberOfMessagesNotVisible as Hidden,
        };
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .set_attribute_names(Some(vec![Visible, Delayed, Hidden]))
            .send()
            .await
            .map_err(|error| self.refused("GetQueueAttributes", &error))?;
        let count = |name| answer.attributes().and_then(|all| all.get(&name)?.parse().ok()).unwrap_or_default();
        Ok(Depth { visible: count(Visible), delayed: count(Delayed), hidden: count(Hidden) })
    }

    fn refused(&self, action: &'static str, error: &(dyn std::error::Error + 'static)) -> QueueError {
        QueueError::Call { action, queue: self.url.clone(), reason: DisplayErrorContext(error).to_string() }
    }
}

impl Inbox for Queue {
    async fn send_dead_letter(&self, body: &str, reason: &str) -> Result<(), QueueError> {
        let attribute = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(sendable(reason))
            .build()
            .map_err(|error| self.refused("SendMessage", &error))?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .message_attributes(REASON, attribute)
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

/// About how many messages a queue has: SQS counts approximately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Could be received now.
    pub visible: u64,
    /// Were sent with a delay that has not passed.
    pub delayed: u64,
    /// In flight: received and not yet deleted, or hidden by their receiver.
    pub hidden: u64,
}

impl Depth {
    /// All of them.
    #[must_use]
    pub fn total(self) -> u64 {
        self.visible + self.delayed + self.hidden
    }
}

/// A message in hand.
#[derive(Clone)]
pub struct Received {
    /// SQS's id of it.
    pub id: String,
    /// What it is removed and hidden by.
    pub receipt: String,
    /// What it says; may be row content, so it is never logged.
    pub body: String,
    /// Why the worker gave it up, when it was the worker.
    pub reason: Option<String>,
    /// When it was sent, as SQS counts it: of a message that SQS moved itself, when it was first sent.
    pub sent_at: Option<Timestamp>,
    /// How often it was received from this queue.
    pub receives: u32,
}

impl Received {
    fn of(message: Message) -> Option<Self> {
        let reason = message.message_attributes().and_then(|all| all.get(REASON)?.string_value().map(str::to_owned));
        let system = |name| message.attributes().and_then(|all| all.get(&name)?.parse::<i64>().ok());
        let sent_at = system(MessageSystemAttributeName::SentTimestamp);
        let receives = system(MessageSystemAttributeName::ApproximateReceiveCount);
        Some(Self {
            reason,
            sent_at: sent_at.and_then(|at| Timestamp::from_millisecond(at).ok()),
            receives: receives.and_then(|count| count.try_into().ok()).unwrap_or_default(),
            id: message.message_id?,
            receipt: message.receipt_handle?,
            body: message.body.unwrap_or_default(),
        })
    }
}

/// A reason as SQS takes it: not too long for the largest message, and only the characters of XML 1.0. One refused character
/// would keep a hopeless message in the queue for days.
fn sendable(reason: &str) -> String {
    let is_allowed =
        |it: &char| !matches!(it, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    let text: String = reason
        .chars()
        .take(MAX_REASON)
        .map(|it| if is_allowed(&it) { it } else { char::REPLACEMENT_CHARACTER })
        .collect();
    if text.is_empty() { "no reason".to_owned() } else { text }
}

/// The trace under which a message is sent, so that the worker goes on under it.
fn traced() -> Option<HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue>> {
    let value = MessageSystemAttributeValue::builder().data_type("String").string_value(telemetry::trace()?).build();
    Some(HashMap::from([(MessageSystemAttributeNameForSends::AwsTraceHeader, value.ok()?)]))
}

/// Puts batches into groups that one call can carry: ten messages, and together no more bytes than SQS takes in one call, which is as many
/// as in one message.
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
    use crate::protocol::batch::{Kind, MAX_BATCH_BYTES, Stretch};

    fn batch(bytes: usize) -> Outgoing {
        Outgoing { body: "x".repeat(bytes), kind: Kind::Upsert, stretch: Stretch { lo: 0, hi: 1 }, rows: 1 }
    }

    #[test]
    fn a_reason_is_cut_and_freed_of_what_sqs_refuses() {
        assert_eq!(sendable("a\u{1}b\u{ffff}\tc\nだ"), "a\u{fffd}b\u{fffd}\tc\nだ");
        assert_eq!(sendable(&"値".repeat(5_000)).chars().count(), MAX_REASON);
        assert_eq!(sendable(""), "no reason");
        assert!(MAX_MESSAGE_BYTES + sendable(&"\u{10ffff}".repeat(5_000)).len() + REASON.len() + 6 <= 1 << 20);
    }

    #[test]
    fn a_call_carries_ten_messages_or_one_megabyte() {
        let sizes = |batches: Vec<Outgoing>| groups(batches.into_iter()).map(|group| group.len()).collect::<Vec<_>>();
        assert_eq!(sizes((0..23).map(|_| batch(10)).collect()), [10, 10, 3]);
        assert_eq!(sizes((0..9).map(|_| batch(MAX_BATCH_BYTES)).collect()), [4, 4, 1]);
        assert_eq!(sizes((0..2).map(|_| batch(MAX_MESSAGE_BYTES)).collect()), [1, 1]);
        assert!(sizes(Vec::new()).is_empty());
    }
}
