//! The client of Supabase REST (PostgREST): the functions of the run protocol as methods, and reads of its tables. It
//! classifies every failure and repeats what may pass; what a failure means for a batch or a run is the caller's business.

mod adoption;
mod carry;
mod destination;
mod evidence;
mod plans;
mod standing;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use base64::Engine as _;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

pub use self::adoption::{Adoption, AdoptionApproval, AdoptionSample, Keep};
pub use self::carry::{CarriedRow, CarryPage};
pub use self::plans::{
    Act, BatchPreview, BatchVerification, ColumnDifference, ColumnOutcome, Inspection, Kept, PlanEntry, Refusal,
    RememberedRow, RowDifference,
};
pub use self::standing::{Arrivals, ClosedRun, OpenRun, Reported, RunFault, Standing};
use crate::batch::{Incoming, Kind};
use crate::classify::{self, Fault};
use crate::definition::Sync;
use crate::hash::{ContentHash, KeyHash, KeySet, RangeIndex};
use crate::http;
use crate::mapping::{KeyForm, Limits, Rejection};
use crate::plan::{Check, Drift, RangeDigests, StoredRow, Vanished};
use crate::secrets::{FromSecret, SecretError};
use crate::telemetry::{self, TRACE_HEADER};

pub use destination::Destination;
pub use evidence::{Observer, evidence};

/// Longer than the 30 s that our Postgres functions may run, so that the database's own verdict arrives.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(35);
/// With what comes before and after it, the status API still answers within two seconds.
const HASTY_TIMEOUT: Duration = Duration::from_millis(1000);

/// A call that took so long is not repeated where the caller has others to make.
const HUNG: Duration = Duration::from_secs(10);

/// The most rejections of one call of `sync_reject`.
pub const MAX_REJECTIONS: usize = 1000;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum SupabaseError {
    /// No answer. The call may have taken effect all the same.
    #[error("Supabase at {url} gave no answer ({reason}); check SupabaseUrl and that the project is running")]
    NoAnswer {
        /// The project's address.
        url: String,
        /// What happened instead.
        reason: String,
    },
    /// An answer that is no success.
    #[error("Supabase {}", explain(*fault, *status, code, message, function))]
    Refused {
        /// Whose fault it is.
        fault: Fault,
        /// The HTTP status.
        status: u16,
        /// The SQLSTATE or PGRST code, when there is one.
        code: Option<String>,
        /// The message; empty unless something is missing in the schema, because any other may quote a row.
        message: String,
        /// Which function or table was asked.
        function: String,
        /// How long the gateway asks to wait.
        retry_after: Option<Duration>,
    },
    /// The key could not be had, so no call was made.
    #[error(transparent)]
    NoKey(SecretError),
    /// The address is plain HTTP, so no call was made.
    #[error(
        "SupabaseUrl is {url}, over which the secret key would be sent unencrypted; give the project's https:// address \
         (plain http only for this machine)"
    )]
    NotPrivate {
        /// The address.
        url: String,
    },
    /// The address sends its callers elsewhere. The key is not sent there.
    #[error(
        "Supabase at {url} answered {function} with a redirect (HTTP {status}), and the secret key is never sent on; give \
         the project's own address as SupabaseUrl"
    )]
    Redirected {
        /// The project's address.
        url: String,
        /// Which function or table was asked.
        function: String,
        /// The HTTP status.
        status: u16,
    },
    /// A success that does not say what the protocol promises.
    #[error(
        "Supabase's {function} answered with something else than expected ({reason}); apply the migrations of this version"
    )]
    Unexpected {
        /// Which function or table was asked.
        function: String,
        /// What is wrong with the answer.
        reason: String,
    },
}

fn explain(fault: Fault, status: u16, code: &Option<String>, message: &str, function: &str) -> String {
    let code = code.as_deref().map_or_else(|| format!("HTTP {status}"), |code| format!("{code}, HTTP {status}"));
    match fault {
        Fault::Denied => format!(
            "refuses the key ({code}): check that the secret SUPABASE_SECRET_ID holds the project's secret key \
             (sb_secret_… or the service_role JWT)"
        ),
        Fault::Restricted => format!("has restricted or paused the project ({code}): see its dashboard"),
        Fault::Drift => {
            format!("does not know what {function} needs ({code}: {message}): apply the files of migrations/ in order")
        }
        Fault::Down => format!("is down or overloaded ({code}) and could not serve {function}"),
        Fault::StatementTimeout => format!("cancelled {function} because it took too long ({code})"),
        Fault::Contended => format!("gave up {function} in favour of another transaction ({code})"),
        Fault::TooLarge => format!("does not accept a request of this size for {function} ({code})"),
        Fault::Row | Fault::Request => format!("refused {function} ({code}) {message}").trim_end().to_owned(),
    }
}

impl SupabaseError {
    fn refused(function: &str, status: u16, body: classify::Body, retry_after: Option<Duration>) -> Self {
        let fault = classify::classify(status, body.code.as_deref());
        // Only the names of a missing table, column or function are safe to repeat. Any other message may quote a row:
        // Postgres does, and a trigger may raise any SQLSTATE with any text (Promises 9).
        let message = if fault == Fault::Drift { body.message } else { String::new() };
        Self::Refused { fault, status, code: body.code, message, function: function.to_owned(), retry_after }
    }

    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoAnswer { .. } | Self::NoKey(_) => Fault::Down,
            Self::Refused { fault, .. } => *fault,
            // As with a refused key: messages wait until a person has set it right.
            Self::NotPrivate { .. } | Self::Redirected { .. } => Fault::Denied,
            Self::Unexpected { .. } => Fault::Drift,
        }
    }

    /// A short name for logs and `sync_errors`.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::NoAnswer { .. } => "no_answer".to_owned(),
            Self::NoKey(_) => "no_key".to_owned(),
            Self::NotPrivate { .. } => "plain_http".to_owned(),
            Self::Redirected { .. } => "redirected".to_owned(),
            Self::Refused { code: Some(code), .. } => code.clone(),
            Self::Refused { status, .. } => format!("http_{status}"),
            Self::Unexpected { .. } => "unexpected_answer".to_owned(),
        }
    }

    /// How long the destination asks to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// A connection to one project, kept alive between calls.
#[derive(Clone)]
pub struct Supabase {
    http: reqwest::Client,
    url: String,
    key: Arc<FromSecret<SecretString>>,
    timeout: Duration,
    observer: Option<Observer>,
}

impl fmt::Debug for Supabase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Supabase({})", self.url)
    }
}

impl Supabase {
    /// A client of the project at `url` (without `/rest/v1`) with its secret key. A key that comes from a secret is read when
    /// it is first needed, and again when it is refused: a call is then made once more with the new one.
    ///
    /// # Errors
    /// When `url` is plain HTTP and not on this machine, or TLS cannot be set up.
    pub fn new(url: &str, key: impl Into<FromSecret<SecretString>>) -> Result<Self, SupabaseError> {
        let url = url.trim_end_matches('/').to_owned();
        if !http::is_private(&url) {
            return Err(SupabaseError::NotPrivate { url });
        }
        let http = http::client(&url).map_err(|error| no_answer(&url, &error))?;
        Ok(Self { http, url, key: Arc::new(key.into()), timeout: REQUEST_TIMEOUT, observer: None })
    }

    /// The same project for a caller who waits in front of a screen: what does not answer soon counts as gone.
    #[must_use]
    pub fn hasty(self) -> Self {
        self.with_timeout(HASTY_TIMEOUT)
    }

    /// The same connection, whose calls end after `timeout`.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// The same connection, of whose calls `observer` hears.
    #[must_use]
    pub fn observed_by(self, observer: Observer) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Opens a run. A call that hung is not made again: nothing is lost yet, and the next tick asks anyway.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn begin(&self, begin: &Begin<'_>) -> Result<Begun, SupabaseError> {
        let arguments = json!({
            "p_sync": begin.sync,
            "p_run": begin.run,
            "p_definition": begin.definition.map(Sync::registration),
            "p_type": begin.run_type,
            "p_triggered_by": begin.triggered_by,
            "p_keys": begin.keys,
            "p_every_seconds": begin.definition
                .filter(|_| begin.run_type == RunType::Scheduled)
                .and_then(|definition| definition.every)
                .map(|every| every.as_secs()),
            "p_stall_seconds": begin.stall_after.as_secs(),
            "p_nonce": begin.nonce,
        });
        self.repeat("sync_begin", arguments.to_string(), Fault::passes, HUNG).await
    }

    /// The digests of a sync's ranges.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn range_digests(&self, sync: &str, bits: u32) -> Result<RangeDigests, SupabaseError> {
        self.patient("sync_range_digests", &json!({"p_sync": sync, "p_bits": bits})).await
    }

    /// The rows of the given ranges.
    ///
    /// # Errors
    /// When the call fails, or its answer is not made of pairs.
    pub async fn row_hashes(
        &self,
        sync: &str,
        bits: u32,
        ranges: &[RangeIndex],
    ) -> Result<Vec<StoredRow>, SupabaseError> {
        const FUNCTION: &str = "sync_row_hashes";
        let arguments = json!({"p_sync": sync, "p_bits": bits, "p_ranges": ranges});
        let text: Option<String> = self.patient(FUNCTION, &arguments).await?;
        Ok(unpack::<16>(FUNCTION, &text.unwrap_or_default())?
            .iter()
            .map(|pair| {
                let both = u128::from_be_bytes(*pair);
                (KeyHash::from_stored((both >> 64) as i64), ContentHash::from_stored(both as i64))
            })
            .collect())
    }

    /// What the table no longer holds as it was written; `values`: whether values are compared too, `None`: when they are due.
    ///
    /// # Errors
    /// When the call fails, or its answer is not made of key hashes.
    pub async fn drift(&self, sync: &str, values: Option<bool>) -> Result<Drift, SupabaseError> {
        const FUNCTION: &str = "sync_drift";
        #[derive(Deserialize)]
        struct Answer {
            missing: String,
            differing: String,
            #[serde(flatten)]
            check: Check,
        }
        let answer: Answer = self.patient(FUNCTION, &json!({"p_sync": sync, "p_values": values})).await?;
        let keys = |packed: &str| -> Result<Vec<KeyHash>, SupabaseError> {
            let hashes = unpack::<8>(FUNCTION, packed)?;
            Ok(hashes.iter().map(|hash| KeyHash::from_stored(i64::from_be_bytes(*hash))).collect())
        };
        Ok(Drift { missing: keys(&answer.missing)?, differing: keys(&answer.differing)?, check: answer.check })
    }

    /// Keeps with a run what the comparison of sheet and table in full found.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn verified(&self, run: Uuid, verification: &impl Serialize) -> Result<(), SupabaseError> {
        let arguments = json!({"p_run": run, "p_verification": verification});
        self.patient::<serde_json::Value>("sync_verified", &arguments).await.map(drop)
    }

    /// Records rejections of a run, [`MAX_REJECTIONS`] a call.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn reject(&self, run: Uuid, rejections: &[Rejection]) -> Result<(), SupabaseError> {
        for some in rejections.chunks(MAX_REJECTIONS) {
            let _: serde_json::Value =
                self.patient("sync_reject", &json!({"p_run": run, "p_rejections": some})).await?;
        }
        Ok(())
    }

    /// Shows that a run's sheet is still being read; the run's status says whether it should be.
    ///
    /// # Errors
    /// When the call fails, or there is no such run.
    pub async fn heartbeat(&self, run: Uuid) -> Result<RunStatus, SupabaseError> {
        Ok(self.patient::<RunStanding>("sync_heartbeat", &json!({"p_run": run})).await?.status)
    }

    /// Tells open runs of batches that lie among the dead letters, [`MAX_REJECTIONS`] a call; says of how many it was news.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn dead_letters(&self, letters: &[LostBatch]) -> Result<u64, SupabaseError> {
        #[derive(Deserialize)]
        struct Answer {
            told: u64,
        }
        let mut told = 0;
        for some in letters.chunks(MAX_REJECTIONS) {
            told += self.patient::<Answer>("sync_dead_letters", &json!({"p_letters": some})).await?.told;
        }
        Ok(told)
    }

    /// Forgets a sync's runs that are older than so many days.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn prune(&self, sync: &str, days: u32) -> Result<Pruned, SupabaseError> {
        self.patient("sync_prune", &json!({"p_sync": sync, "p_days": days})).await
    }

    /// Records what a run has read and sent.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn planned(&self, run: Uuid, plan: &PlanRecord) -> Result<RunStatus, SupabaseError> {
        Ok(self.patient::<RunStanding>("sync_planned", &json!({"p_run": run, "p_plan": plan})).await?.status)
    }

    /// Counts a failed attempt at a batch, or ends it or a whole run as failed.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn fail(&self, run: Uuid, batch: Option<&Incoming>, failure: &Failure) -> Result<Failed, SupabaseError> {
        self.patient("sync_fail", &Self::failure(run, batch, failure)).await
    }

    fn failure(run: Uuid, batch: Option<&Incoming>, failure: &Failure) -> serde_json::Value {
        let batch = batch.map(
            |batch| json!({"kind": batch.kind, "lo": batch.stretch.lo, "hi": batch.stretch.hi, "rows": batch.rows}),
        );
        json!({"p_run": run, "p_batch": batch, "p_error": failure})
    }

    /// The same connection, whose calls end after `time` at the latest.
    #[must_use]
    pub fn within(&self, time: Duration) -> Self {
        Self { timeout: self.timeout.min(time), ..self.clone() }
    }

    /// Approves the deletion that a run withheld, in the name of `who`; the sync's next run does it.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn approve_deletes(&self, run: Uuid, who: &str, why: &str) -> Result<Approval, SupabaseError> {
        self.patient("sync_approve_deletes", &json!({"p_run": run, "p_who": who, "p_why": why})).await
    }

    /// Reads rows of a table or view; `query` is PostgREST's.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn select<T: DeserializeOwned>(
        &self,
        table: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, SupabaseError> {
        let request = self.http.get(format!("{}/rest/v1/{table}", self.url)).query(query);
        self.send(table, request).await
    }

    /// Calls a function that only reads, or that the caller does not want repeated, once.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        function: &str,
        arguments: &serde_json::Value,
    ) -> Result<T, SupabaseError> {
        self.call(function, arguments.to_string()).await
    }

    /// Calls a function, and again with growing, jittered waits while the failure is one that passes. Only for functions
    /// that may be repeated; `sync_apply` is repeated by the queue instead.
    async fn patient<T: DeserializeOwned>(
        &self,
        function: &str,
        arguments: &serde_json::Value,
    ) -> Result<T, SupabaseError> {
        self.repeat(function, arguments.to_string(), Fault::passes, Duration::MAX).await
    }

    /// As [`Self::patient`], with arguments that are JSON text already, and the caller's word for which failures pass and after
    /// how long a call is not repeated.
    async fn repeat<T: DeserializeOwned>(
        &self,
        function: &str,
        body: String,
        passes: fn(Fault) -> bool,
        hung: Duration,
    ) -> Result<T, SupabaseError> {
        let waits = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(5))
            .with_max_times(4)
            .with_jitter();
        let call = async || {
            let started = Instant::now();
            self.call(function, body.clone()).await.map_err(|error| (error, started.elapsed()))
        };
        call.retry(waits)
            .when(|(error, took): &(SupabaseError, Duration)| {
                passes(error.fault()) && *took < hung && !matches!(error, SupabaseError::NoKey(_))
            })
            .adjust(|(error, _), wait| wait.map(|wait| wait.max(error.retry_after().unwrap_or_default())))
            .notify(|(error, _), wait| {
                tracing::warn!(
                    function,
                    code = error.code(),
                    wait_ms = wait.as_millis() as u64,
                    "calling Supabase again"
                );
            })
            .await
            .map_err(|(error, _)| error)
    }

    async fn call<T: DeserializeOwned>(&self, function: &str, body: String) -> Result<T, SupabaseError> {
        let request = self
            .http
            .post(format!("{}/rest/v1/rpc/{function}", self.url))
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        self.send(function, request).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        function: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<T, SupabaseError> {
        let started = Instant::now();
        let outcome = self.send_with_key(function, request).await;
        if let Some(observer) = &self.observer {
            observer(outcome.as_ref().err(), started.elapsed());
        }
        outcome
    }

    async fn send_with_key<T: DeserializeOwned>(
        &self,
        function: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<T, SupabaseError> {
        let end = Instant::now() + self.timeout;
        let key = self.key.get().await.map_err(SupabaseError::NoKey)?;
        let again = request.try_clone();
        match (self.send_as(&key, function, request, self.timeout).await, again) {
            (Err(error), Some(again)) if error.fault() == Fault::Denied => match self.key.renewed(&key).await {
                Some(key) => self.send_as(&key, function, again, end.saturating_duration_since(Instant::now())).await,
                None => Err(error),
            },
            (outcome, _) => outcome,
        }
    }

    async fn send_as<T: DeserializeOwned>(
        &self,
        key: &SecretString,
        function: &str,
        request: reqwest::RequestBuilder,
        timeout: Duration,
    ) -> Result<T, SupabaseError> {
        let key = key.expose_secret();
        let mut request = request.header("apikey", sensitive(key)?).timeout(timeout);
        if let Some(trace) = telemetry::trace() {
            request = request.header(TRACE_HEADER, trace);
        }
        // A key of the old kind is a JWT and goes into both headers; the new `sb_…` keys are none and must not.
        if !key.starts_with("sb_") {
            request = request.header(AUTHORIZATION, sensitive(&format!("Bearer {key}"))?);
        }
        let response = request.send().await.map_err(|error| no_answer(&self.url, &error))?;
        let status = response.status();
        if status.is_redirection() {
            let (url, function) = (self.url.clone(), function.to_owned());
            return Err(SupabaseError::Redirected { url, function, status: status.as_u16() });
        }
        let wait = classify::retry_after(response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()));
        let body = response.bytes().await.map_err(|error| no_answer(&self.url, &error))?;
        if status.is_success() {
            // The error of serde_json names the place, but may quote a value, so only its place is told.
            return serde_json::from_slice(&body).map_err(|error| SupabaseError::Unexpected {
                function: function.to_owned(),
                reason: format!("{:?} error at column {}", error.classify(), error.column()),
            });
        }
        let body: classify::Body = serde_json::from_slice(&body).unwrap_or_default();
        Err(SupabaseError::refused(function, status.as_u16(), body, wait))
    }
}

/// The items of `SIZE` bytes that Base64 text holds.
fn unpack<const SIZE: usize>(function: &str, packed: &str) -> Result<Vec<[u8; SIZE]>, SupabaseError> {
    let unexpected = |reason| SupabaseError::Unexpected { function: function.to_owned(), reason };
    let packed: String = packed.split_ascii_whitespace().collect();
    let bytes =
        base64::engine::general_purpose::STANDARD.decode(packed).map_err(|error| unexpected(error.to_string()))?;
    match bytes.as_chunks::<SIZE>() {
        (items, []) => Ok(items.to_vec()),
        _ => Err(unexpected(format!("{} bytes are not a whole number of {SIZE}-byte items", bytes.len()))),
    }
}

/// A header that no log of the client's libraries prints.
fn sensitive(text: &str) -> Result<HeaderValue, SupabaseError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        SupabaseError::NoKey(SecretError::Malformed {
            id: "SUPABASE_SECRET_ID".to_owned(),
            expected: "a key without line breaks or other control characters",
        })
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn no_answer(url: &str, error: &reqwest::Error) -> SupabaseError {
    SupabaseError::NoAnswer { url: url.to_owned(), reason: http::cause(error) }
}

/// Where a run stands.
#[derive(Deserialize)]
struct RunStanding {
    status: RunStatus,
}

/// A batch among the dead letters, as its run is told of it.
#[derive(Debug, Serialize)]
pub struct LostBatch {
    /// Its run.
    pub run: Uuid,
    /// What it was to do.
    pub kind: Kind,
    /// Its first key hash.
    pub lo: i64,
    /// Its last plus one.
    pub hi: i64,
    /// How many rows or keys it carries.
    pub rows: usize,
    /// Why it is there.
    pub reason: String,
}

/// What [`Supabase::prune`] forgot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Pruned {
    /// Runs, with their batches and errors.
    pub runs: u64,
    /// Resolved errors of other runs.
    pub errors: u64,
}

/// The kind of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum RunType {
    /// Started by the clock, when the sync is due.
    #[default]
    Scheduled,
    /// Started by a person.
    Manual,
    /// Only certain rows.
    Selective,
    /// Every row, changed or not.
    Full,
}

impl fmt::Display for RunType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Scheduled => "scheduled",
            Self::Manual => "manual",
            Self::Selective => "selective",
            Self::Full => "full",
        })
    }
}

/// The status of a run (docs/PROTOCOL.md, `sync_state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Begun, its sheet not read yet.
    Queued,
    /// Its sheet is being read, or its batches are under way.
    InProgress,
    /// Everything that was read is in the table.
    Completed,
    /// Some of it is not, and the run says what.
    Partial,
    /// Nothing of it is.
    Failed,
    /// A newer run took over.
    Superseded,
}

impl RunStatus {
    /// Whether the run is over and brought what it could into the table.
    #[must_use]
    pub fn is_applied(self) -> bool {
        matches!(self, Self::Completed | Self::Partial)
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
        })
    }
}

/// What opens a run.
#[derive(Debug)]
pub struct Begin<'a> {
    /// The sync's name.
    pub sync: &'a str,
    /// The run's id, chosen by the caller so that beginning twice is beginning once.
    pub run: Uuid,
    /// The sync; `None` only to record a run that fails before it has a definition.
    pub definition: Option<&'a Sync>,
    /// The kind of run.
    pub run_type: RunType,
    /// Who or what asked for it.
    pub triggered_by: &'a str,
    /// The row keys of a selective run.
    pub keys: Option<&'a [String]>,
    /// A run under way that has shown no sign of life for so long is superseded.
    pub stall_after: Duration,
    /// The invocation that begins it: to the same one the run is `begun` as often as it asks, because an answer can be lost;
    /// to any other it is a duplicate.
    pub nonce: &'a str,
}

/// The answer to [`Supabase::begin`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Begun {
    /// The run is open.
    Begun {
        /// Its id.
        run: Uuid,
        /// Its sequence number.
        seq: i64,
        /// The stalled run that it took over from.
        superseded: Option<Uuid>,
        /// How many rows the sync has in the table.
        #[serde(default)]
        present_rows: u64,
        /// The vanished keys whose deletion a person has approved.
        #[serde(default)]
        approved_deletes: Option<KeySet>,
        /// How the texts of each key column are compared, in the order of the key.
        #[serde(default)]
        key_forms: Vec<KeyForm>,
        /// What the columns of the table can hold.
        #[serde(default)]
        limits: Limits,
        /// The strays of the last run that read the whole sheet and withheld no deletes; `None` before there was one.
        #[serde(default)]
        strays: Option<crate::plan::Strays>,
        /// The books are still kept by a former key: they are to be carried over before anything is compared.
        #[serde(default)]
        carry: Option<Carry>,
        /// Sheet and table are to be compared in full.
        #[serde(default)]
        verify_due: bool,
    },
    /// Another run still makes progress.
    Busy {
        /// That run.
        run: Uuid,
    },
    /// This very run was begun before.
    Duplicate {
        /// What has become of it.
        status: RunStatus,
    },
    /// A scheduled run started too recently.
    NotDue,
    /// The definition does not fit the database; the run is recorded as failed.
    Refused {
        /// Everything that does not fit.
        problems: Vec<Problem>,
    },
}

/// Books that are kept by a former key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Carry {
    /// The former key columns.
    pub from: Vec<String>,
    /// How many rows there are.
    pub rows: u64,
}

/// Something in which definition and database do not fit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Problem {
    /// Its kind.
    pub code: String,
    /// The column, when it is about one.
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

/// What `sync_planned` is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanRecord {
    /// What was read.
    #[serde(flatten)]
    pub tally: crate::snapshot::Tally,
    /// Rows that the database has as they are.
    pub rows_unchanged: u64,
    /// Rows in upsert batches.
    pub rows_sent: u64,
    /// Keys in delete batches.
    pub keys_vanished: u64,
    /// How many upsert batches were sent.
    pub upsert_batches: u64,
    /// How many delete batches were sent.
    pub delete_batches: u64,
    /// Why vanished keys were not sent.
    pub deletes_withheld: Option<String>,
    /// Whether all of the sheet was read at rest, each key included: only then does a key that is missing count as missing.
    pub read_complete: bool,
    /// When and how the books were held against the table.
    pub check: Option<Check>,
    /// The keys that vanished, sent or not; `None` when there are none, or when the sheet moved and nobody knows.
    pub vanished: Option<Vanished>,
    /// What else a reader of the run may want to know.
    pub metadata: serde_json::Value,
}

/// The answer to [`Supabase::approve_deletes`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Approval {
    /// The next run deletes these rows, if it finds exactly the same to be gone.
    Approved {
        /// The run's sync.
        sync: String,
        /// How many rows.
        approved: u64,
        /// Until when, as Postgres writes it.
        expires_at: String,
    },
    /// There is nothing to approve, or no longer.
    Refused {
        /// `no_such_run`, `nothing_withheld`, `not_approvable`, `superseded` or `no_reason`.
        code: String,
        /// Why, and what to do.
        message: String,
    },
}

/// The answer to [`Supabase::apply`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// What became of the batch.
    pub outcome: Outcome,
    /// What became of its rows.
    #[serde(flatten)]
    pub counts: Counts,
    /// The run's status afterwards.
    #[serde(default)]
    pub run_status: Option<RunStatus>,
    /// Why it failed or was malformed.
    #[serde(default)]
    pub error: Option<String>,
}

/// What became of a batch (docs/PROTOCOL.md, `sync_apply`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done now.
    Applied,
    /// Done before.
    Duplicate,
    /// Of a run that is over; nothing written.
    Superseded,
    /// Being done by somebody else.
    InProgress,
    /// A delete batch that must wait for the upserts.
    Waiting,
    /// A delete batch that the guard held back.
    Withheld,
    /// The schema is wrong; nothing written but the failure.
    Failed,
    /// The batch is at fault.
    Malformed,
}

/// What became of the rows of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    /// New rows.
    pub inserted: u64,
    /// Changed rows.
    pub updated: u64,
    /// Rows that were already as they should be.
    pub unchanged: u64,
    /// Rows that are left out: by the sync's mode, because another sync feeds them, or because their adoption waits.
    pub skipped: u64,
    /// Deleted rows.
    pub deleted: u64,
    /// Columns that sheet and database had both changed.
    pub conflicts: u64,
    /// Rows that Postgres refused.
    pub rejected: u64,
    /// Rows that the table had before the sync knew them.
    pub adopted: u64,
    /// Rows that were missing in the table and were inserted again; they count among the inserted, too.
    pub restored: u64,
    /// Rows in which a column that the sheet owns had been changed in the table; they count among the updated, too.
    pub corrected: u64,
    /// Vanished keys whose deletion waits for another complete read in which they are missing.
    pub unconfirmed: u64,
    /// Rows whose adoption waits for approval; they count among the skipped, too.
    pub withheld: u64,
}

/// What `sync_fail` is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// One of `sync_errors`' error types.
    #[serde(rename = "type")]
    pub error_type: &'static str,
    /// A short name.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
    /// Whether another attempt is pointless.
    #[serde(rename = "final")]
    pub is_final: bool,
}

/// The answer to [`Supabase::fail`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// How many real attempts the batch has had.
    #[serde(default)]
    pub attempts: u32,
    /// Whether that was the last.
    #[serde(rename = "final", default)]
    pub is_final: bool,
    /// The run's status afterwards.
    #[serde(default)]
    pub run_status: Option<RunStatus>,
}
