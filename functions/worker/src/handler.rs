//! Handles one invocation: reports to SQS which messages are done, and when the others are delivered again.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::FutureExt as _;
use sheetsync::breaker::{SharedItem, Store};
use sheetsync::clock::{Chance, Clock, Millis};
use sheetsync::connections::Connections;
use sheetsync::limiter::ImpossibleRate;
use sheetsync::queue::{Inbox, Queue};
use sheetsync::settings::MissingSetting;
use sheetsync::supabase::{Destination, Supabase, SupabaseError};
use sheetsync::telemetry;

use crate::delivery::Delivery;
use crate::settings::{Settings, SettingsError};
use crate::worker::{Invocation, Worker};

/// Why the worker cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing.
    #[error(transparent)]
    Missing(#[from] MissingSetting),
    /// A setting is invalid.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The configured rate is invalid.
    #[error(transparent)]
    Rate(#[from] ImpossibleRate),
    /// No client of Supabase can be made.
    #[error(transparent)]
    Supabase(#[from] SupabaseError),
}

impl Worker<Supabase, Queue, Store> {
    /// The worker of this function's environment.
    ///
    /// # Errors
    /// When a setting is missing or invalid.
    pub async fn from_env() -> Result<Self, StartError> {
        let settings = Settings::from_env()?;
        let to = Connections::from_env().await?;
        Ok(Self::new(to.supabase()?, to.queues(), to.breaker(), settings, Clock::System, Chance::new())?)
    }
}

impl<D: Destination, Q: Inbox, S: SharedItem> Worker<D, Q, S> {
    /// Answers one invocation: the ids of the messages that SQS must keep. Messages are handled one by one, and by
    /// themselves: a panic over one of them is that message's failure.
    ///
    /// # Errors
    /// Never: an error here would fail all messages of the invocation.
    pub async fn handle(
        &self,
        event: SqsEvent,
        request: &str,
        deadline: Millis,
    ) -> Result<SqsBatchResponse, Infallible> {
        let mut response = SqsBatchResponse::default();
        let invocation = Invocation { request, deadline };
        for message in event.records {
            let trace = message.attributes.get("AWSTraceHeader").map(String::as_str);
            let answer = telemetry::traced(trace, self.answer(&message, invocation));
            let is_kept = match AssertUnwindSafe(answer).catch_unwind().await {
                Ok(is_kept) => is_kept,
                Err(_) => {
                    tracing::error!(message = message.message_id, "worker panicked; the message stays on the queue");
                    true
                }
            };
            if let Some(id) = message.message_id.filter(|_| is_kept) {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = id;
                response.batch_item_failures.push(failure);
            }
        }
        Ok(response)
    }

    /// Delivers a message; says whether SQS must keep it.
    async fn answer(&self, message: &SqsMessage, invocation: Invocation<'_>) -> bool {
        let body = message.body.as_deref().unwrap_or_default();
        match self.deliver(body, invocation).await {
            Delivery::Done => false,
            Delivery::Wait(wait) => {
                self.hide(message, wait).await;
                true
            }
        }
    }

    async fn hide(&self, message: &SqsMessage, wait: Duration) {
        let Some(receipt) = &message.receipt_handle else { return };
        if let Err(error) = self.queue.hide(receipt, wait).await {
            tracing::warn!(error = %error, "could not change the visibility timeout; the queue's default applies");
        }
    }
}
