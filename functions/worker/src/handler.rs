//! Answers SQS for one invocation: which messages it may forget, and when the others come back.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::FutureExt as _;
use sheetsync::breaker::{Breaker, Millis, SharedItem, Store, destination};
use sheetsync::clock::{Chance, Clock};
use sheetsync::limiter::{ImpossibleRate, Limiter};
use sheetsync::queue::{Inbox, Queue};
use sheetsync::retry::Budget;
use sheetsync::settings::{self, MissingSetting};
use sheetsync::supabase::{Destination, Supabase, SupabaseError};
use sheetsync::{secrets, telemetry};

use crate::delivery::Delivery;
use crate::settings::{Settings, SettingsError};

/// What delivers: its connections, its limits, and what it remembers between invocations.
#[derive(Debug)]
pub struct Worker<D, Q, S> {
    pub(crate) destination: D,
    pub(crate) queue: Q,
    pub(crate) dead_letters: Q,
    pub(crate) breaker: Breaker<S>,
    pub(crate) limiter: Limiter,
    pub(crate) budget: Budget,
    pub(crate) clock: Clock,
    pub(crate) chance: Arc<Chance>,
    pub(crate) settings: Settings,
}

/// One invocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Invocation<'a> {
    /// Its id.
    pub request: &'a str,
    /// When Lambda ends it.
    pub deadline: Millis,
}

/// Why the worker cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing.
    #[error(transparent)]
    Missing(#[from] MissingSetting),
    /// A setting is no good.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The rate is none.
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
    /// When a setting is missing or no good.
    pub async fn from_env() -> Result<Self, StartError> {
        let url = settings::required("SUPABASE_URL")?;
        let secret = settings::required("SUPABASE_SECRET_ID")?;
        let table = settings::required("CONTROL_TABLE")?;
        let (queue, dead_letters) = (settings::required("QUEUE_URL")?, settings::required("DLQ_URL")?);
        let settings = Settings::from_env()?;
        let aws = aws_config::load_from_env().await;
        let sqs = aws_sdk_sqs::Client::new(&aws);
        let store = Store::new(&aws_sdk_dynamodb::Client::new(&aws), table, destination(&url));
        let key = secrets::supabase_key(&aws_sdk_secretsmanager::Client::new(&aws), secret);
        let supabase = Supabase::new(&url, key)?;
        let queues = (Queue::new(sqs.clone(), queue), Queue::new(sqs, dead_letters));
        Ok(Self::new(supabase, queues, store, settings, Clock::System, Chance::new())?)
    }
}

impl<D: Destination, Q: Inbox, S: SharedItem> Worker<D, Q, S> {
    /// A worker that has just started. `queues` are the one that messages come from and that of dead letters.
    ///
    /// # Errors
    /// When the rate cannot be kept.
    pub fn new(
        destination: D,
        (queue, dead_letters): (Q, Q),
        store: S,
        settings: Settings,
        clock: Clock,
        chance: Chance,
    ) -> Result<Self, ImpossibleRate> {
        let chance = Arc::new(chance);
        Ok(Self {
            destination,
            queue,
            dead_letters,
            breaker: Breaker::new(store, settings.rule(), clock, Arc::clone(&chance)),
            limiter: Limiter::new(settings.requests_per_second, settings.concurrency)?,
            budget: Budget::new(),
            clock,
            chance,
            settings,
        })
    }

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
                    tracing::error!(message = message.message_id, "the worker panicked over a message; it is kept");
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
            tracing::warn!(error = %error, "the message comes back after the queue's own time instead");
        }
    }
}
