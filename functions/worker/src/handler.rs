//! Delivers batches: each message goes to `sync_apply` once, and what came of it becomes an answer for SQS. Which failures
//! are whose fault is the library's business ([`sheetsync::classify`]).

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant, SystemTime};

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::FutureExt as _;
use sheetsync::batch::{Incoming, Malformed};
use sheetsync::classify::Fault;
use sheetsync::queue::Queue;
use sheetsync::secrets::{self, SecretError};
use sheetsync::supabase::{Applied, Failure, Outcome, Supabase, SupabaseError};
use sheetsync::{settings, telemetry};
use tokio::sync::OnceCell;

/// How long a batch waits that another worker is applying, or that waits for others of its run.
const SHORT_WAIT: Duration = Duration::from_secs(2);

/// How long a batch waits while the destination is down or refuses us.
const DOWN_WAIT: Duration = Duration::from_secs(30);

/// What must be left of the invocation when a call ends, to tell SQS what came of it.
const RESERVE: Duration = Duration::from_secs(2);

/// A call that has less time than this is not begun.
const SHORTEST_CALL: Duration = Duration::from_secs(3);

/// What happens to a message.
#[derive(Debug)]
enum Delivery {
    /// It is done with.
    Done,
    /// It comes back after a while; no attempt is counted, because the batch is not at fault.
    Wait(Duration),
    /// It failed for a reason of its own, and comes back until its attempts are used up.
    Failed(Failure),
    /// It can never be applied.
    Hopeless(Failure),
}

/// The worker's settings and connections, kept between invocations.
pub struct Worker {
    supabase_url: String,
    supabase_secret: String,
    queue: Queue,
    dead_letters: Queue,
    secrets: aws_sdk_secretsmanager::Client,
    supabase: OnceCell<Supabase>,
}

/// Why the worker could not even try.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Supabase(#[from] SupabaseError),
}

impl Worker {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one is missing.
    pub async fn from_env() -> Result<Self, settings::MissingSetting> {
        let supabase_url = settings::required("SUPABASE_URL")?;
        let supabase_secret = settings::required("SUPABASE_SECRET_ID")?;
        let queue_url = settings::required("QUEUE_URL")?;
        let dead_letter_url = settings::required("DLQ_URL")?;
        let aws = aws_config::load_from_env().await;
        let sqs = aws_sdk_sqs::Client::new(&aws);
        Ok(Self {
            supabase_url,
            supabase_secret,
            queue: Queue::new(sqs.clone(), queue_url),
            dead_letters: Queue::new(sqs, dead_letter_url),
            secrets: aws_sdk_secretsmanager::Client::new(&aws),
            supabase: OnceCell::new(),
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
        deadline: SystemTime,
    ) -> Result<SqsBatchResponse, std::convert::Infallible> {
        let mut response = SqsBatchResponse::default();
        for message in event.records {
            let kept = match AssertUnwindSafe(self.answer(&message, deadline)).catch_unwind().await {
                Ok(kept) => kept,
                Err(_) => {
                    tracing::error!(message = message.message_id, "the worker panicked over a message; it is kept");
                    true
                }
            };
            if let Some(id) = message.message_id.filter(|_| kept) {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = id;
                response.batch_item_failures.push(failure);
            }
        }
        Ok(response)
    }

    /// Delivers a message and does what its delivery asks for; says whether SQS must keep it.
    async fn answer(&self, message: &SqsMessage, deadline: SystemTime) -> bool {
        let body = message.body.as_deref().unwrap_or_default();
        let batch = Incoming::parse(body);
        match self.deliver(body, &batch, deadline).await {
            Delivery::Done => false,
            Delivery::Wait(wait) => {
                self.hide(message, wait).await;
                true
            }
            Delivery::Failed(failure) => self.count(message, body, &batch, &failure).await,
            Delivery::Hopeless(failure) => self.give_up(body, &batch, &failure).await,
        }
    }

    async fn deliver(&self, body: &str, batch: &Result<Incoming, Malformed>, deadline: SystemTime) -> Delivery {
        let batch = match batch {
            Ok(batch) => batch,
            Err(malformed) => return Delivery::Hopeless(failure("validation", "malformed", malformed.to_string())),
        };
        let supabase = match self.supabase().await {
            Ok(supabase) => supabase,
            Err(error) => {
                tracing::error!(sync = batch.sync, run = %batch.run, error = %error, "cannot connect to Supabase");
                return Delivery::Wait(DOWN_WAIT);
            }
        };
        let left = deadline.duration_since(SystemTime::now()).unwrap_or_default().saturating_sub(RESERVE);
        if left < SHORTEST_CALL {
            tracing::info!(sync = batch.sync, run = %batch.run, batch = %batch.stretch, "no time left for this batch");
            return Delivery::Wait(Duration::ZERO);
        }
        let started = Instant::now();
        let outcome = supabase.apply(body, left).await;
        let duration_ms = started.elapsed().as_millis() as u64;
        match &outcome {
            Ok(applied) => tracing::info!(
                run = %batch.run,
                sync = batch.sync,
                kind = ?batch.kind,
                batch = %batch.stretch,
                rows = batch.rows,
                outcome = ?applied.outcome,
                inserted = applied.counts.inserted,
                updated = applied.counts.updated,
                unchanged = applied.counts.unchanged,
                deleted = applied.counts.deleted,
                conflicts = applied.counts.conflicts,
                rejected = applied.counts.rejected,
                duration_ms,
                "batch answered"
            ),
            Err(error) => tracing::warn!(
                run = %batch.run,
                sync = batch.sync,
                kind = ?batch.kind,
                batch = %batch.stretch,
                rows = batch.rows,
                code = error.code(),
                fault = ?error.fault(),
                error = %error,
                duration_ms,
                "batch not applied"
            ),
        }
        if let Ok(Applied { outcome: Outcome::Applied, run_status: Some(status), run_seconds: Some(seconds), .. }) = &outcome
        {
            telemetry::run_closed(&batch.sync, *status, Some(Duration::from_secs_f64(seconds.max(0.0))));
        }
        judge(outcome)
    }

    async fn hide(&self, message: &SqsMessage, wait: Duration) {
        let Some(receipt) = &message.receipt_handle else { return };
        if let Err(error) = self.queue.hide(receipt, wait).await {
            tracing::warn!(error = %error, "the message comes back after the queue's own time instead");
        }
    }

    /// Counts a real attempt in the ledger; gives the batch up when that was the last.
    async fn count(
        &self,
        message: &SqsMessage,
        body: &str,
        batch: &Result<Incoming, Malformed>,
        failure: &Failure,
    ) -> bool {
        let (Ok(incoming), Ok(supabase)) = (batch, self.supabase().await) else { return true };
        match supabase.fail(incoming.run, Some(incoming), failure).await {
            Ok(failed) if failed.is_final => self.bury(body, failure).await,
            Ok(_) => {
                self.hide(message, SHORT_WAIT).await;
                true
            }
            Err(error) => {
                tracing::warn!(run = %incoming.run, error = %error, "the attempt could not be counted");
                true
            }
        }
    }

    /// Sends a message that can never be applied to the dead-letter queue, and says so in its run.
    async fn give_up(&self, body: &str, batch: &Result<Incoming, Malformed>, failure: &Failure) -> bool {
        if self.bury(body, failure).await {
            return true;
        }
        if let (Ok(incoming), Ok(supabase)) = (batch, self.supabase().await)
            && let Err(error) = supabase.fail(incoming.run, Some(incoming), failure).await
        {
            tracing::warn!(run = %incoming.run, error = %error, "the run could not be told of a batch that was given up");
        }
        false
    }

    /// Moves a message to the dead-letter queue; says whether it must stay where it is, because that failed.
    async fn bury(&self, body: &str, failure: &Failure) -> bool {
        tracing::error!(
            code = failure.code,
            error = failure.message,
            "batch given up; it goes to the dead-letter queue"
        );
        match self.dead_letters.bury(body, &format!("{}: {}", failure.code, failure.message)).await {
            Ok(()) => false,
            Err(error) => {
                tracing::error!(error = %error, "the dead-letter queue refused a batch; it stays on the queue");
                true
            }
        }
    }

    async fn supabase(&self) -> Result<&Supabase, ConnectError> {
        self.supabase
            .get_or_try_init(async || {
                let key = secrets::supabase_key(&self.secrets, &self.supabase_secret).await?;
                Ok(Supabase::new(&self.supabase_url, key)?)
            })
            .await
    }
}

/// What the answer to a batch means for its message (DESIGN.md, "Sequence of a batch in the worker").
fn judge(outcome: Result<Applied, SupabaseError>) -> Delivery {
    let error = match outcome {
        Ok(applied) => {
            return match applied.outcome {
                Outcome::Applied | Outcome::Duplicate | Outcome::Superseded | Outcome::Withheld | Outcome::Failed => {
                    Delivery::Done
                }
                Outcome::InProgress | Outcome::Waiting => Delivery::Wait(SHORT_WAIT),
                Outcome::Malformed => {
                    let reason = applied.error.unwrap_or_else(|| "sync_apply calls it malformed".to_owned());
                    Delivery::Hopeless(failure("validation", "malformed", reason))
                }
            };
        }
        Err(error) => error,
    };
    match error.fault() {
        Fault::Down | Fault::Restricted | Fault::Denied => Delivery::Wait(DOWN_WAIT),
        Fault::Contended => Delivery::Wait(SHORT_WAIT),
        Fault::StatementTimeout | Fault::Row | Fault::Drift | Fault::TooLarge | Fault::Request => {
            Delivery::Failed(Failure {
                error_type: error.fault().error_type(),
                code: error.code(),
                message: error.to_string(),
                is_final: false,
            })
        }
    }
}

fn failure(error_type: &'static str, code: &str, message: String) -> Failure {
    Failure { error_type, code: code.to_owned(), message, is_final: true }
}

#[cfg(test)]
mod tests {
    use sheetsync::supabase::Counts;

    use super::*;

    fn answered(outcome: Outcome) -> Result<Applied, SupabaseError> {
        Ok(Applied { outcome, counts: Counts::default(), run_status: None, run_seconds: None, error: None })
    }

    fn refused(fault: Fault) -> Result<Applied, SupabaseError> {
        Err(SupabaseError::Refused {
            fault,
            status: 500,
            code: Some("XXXXX".to_owned()),
            message: String::new(),
            function: "sync_apply".to_owned(),
            retry_after: None,
        })
    }

    #[test]
    fn each_result_has_its_answer_to_sqs() {
        use Outcome::{Applied, Duplicate, Failed, InProgress, Malformed, Superseded, Waiting, Withheld};
        for outcome in [Applied, Duplicate, Superseded, Withheld, Failed] {
            assert!(matches!(judge(answered(outcome)), Delivery::Done), "{outcome:?}");
        }
        for outcome in [InProgress, Waiting] {
            assert!(matches!(judge(answered(outcome)), Delivery::Wait(SHORT_WAIT)), "{outcome:?}");
        }
        assert!(matches!(judge(answered(Malformed)), Delivery::Hopeless(_)));
    }

    #[test]
    fn only_a_fault_of_the_batch_counts_as_an_attempt() {
        for fault in [Fault::Down, Fault::Restricted, Fault::Denied] {
            assert!(matches!(judge(refused(fault)), Delivery::Wait(DOWN_WAIT)), "{fault:?}");
        }
        assert!(matches!(judge(refused(Fault::Contended)), Delivery::Wait(SHORT_WAIT)));
        for fault in [Fault::StatementTimeout, Fault::Row, Fault::Drift, Fault::TooLarge, Fault::Request] {
            let Delivery::Failed(failure) = judge(refused(fault)) else { panic!("{fault:?} is the batch's") };
            assert!(!failure.is_final, "the ledger decides when attempts are used up");
        }
        let lost = SupabaseError::NoAnswer { url: String::new(), reason: "reset".to_owned() };
        assert!(matches!(judge(Err(lost)), Delivery::Wait(DOWN_WAIT)), "an unknown outcome is no failure");
    }
}
