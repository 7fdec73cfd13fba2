//! The connection to Supabase REST (PostgREST): its key, its time limits, and what is repeated. The calls are in the files
//! beside this one; what a failure means for a batch or a run is the caller's business.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::Retryable as _;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::clients::supabase::classify::{self, Fault};
use crate::clients::supabase::error::SupabaseError;
use crate::platform::http;
use crate::platform::retry;
use crate::platform::secrets::{FromSecret, SecretError};
use crate::platform::telemetry::{self, TRACE_HEADER};

/// Longer than the 30 s that our Postgres functions may run, so that the database's own verdict arrives.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(35);
/// With what comes before and after it, the status API still answers within two seconds.
const SHORT_TIMEOUT: Duration = Duration::from_millis(1000);

/// Hears of every call: how it failed, if it did, and how long it took.
pub type Observer = Arc<dyn Fn(Option<&SupabaseError>, Duration) + Send + Sync>;

/// A connection to one project, kept alive between calls.
#[derive(Clone)]
pub struct Supabase {
    pub(super) http: reqwest::Client,
    pub(super) url: String,
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

    /// The same connection with a short timeout, for a caller that a person waits for.
    #[must_use]
    pub fn with_short_timeout(self) -> Self {
        self.with_timeout(SHORT_TIMEOUT)
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

    /// The same connection, whose calls end after `time` at the latest.
    #[must_use]
    pub fn within(&self, time: Duration) -> Self {
        Self { timeout: self.timeout.min(time), ..self.clone() }
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
    pub(super) async fn call_with_retries<T: DeserializeOwned>(
        &self,
        function: &str,
        arguments: &serde_json::Value,
    ) -> Result<T, SupabaseError> {
        self.repeat(function, arguments.to_string(), Fault::passes, Duration::MAX).await
    }

    /// As [`Self::patient`], with arguments that are JSON text already, and the caller's word for which failures pass and after
    /// how long a call is not repeated.
    pub(super) async fn repeat<T: DeserializeOwned>(
        &self,
        function: &str,
        body: String,
        passes: fn(Fault) -> bool,
        hung: Duration,
    ) -> Result<T, SupabaseError> {
        let call = async || {
            let started = Instant::now();
            self.call(function, body.clone()).await.map_err(|error| (error, started.elapsed()))
        };
        call.retry(retry::SUPABASE.lengths().with_jitter())
            .when(|(error, took): &(SupabaseError, Duration)| {
                passes(error.fault()) && *took < hung && !matches!(error, SupabaseError::NoKey(_))
            })
            .adjust(|(error, _), wait| wait.map(|wait| wait.max(error.retry_after().unwrap_or_default())))
            .notify(|(error, _), wait| {
                tracing::warn!(function, code = error.code(), wait_ms = wait.as_millis() as u64, "retrying Supabase");
            })
            .await
            .map_err(|(error, _)| error)
    }

    pub(super) async fn call<T: DeserializeOwned>(&self, function: &str, body: String) -> Result<T, SupabaseError> {
        let request = self
            .http
            .post(format!("{}/rest/v1/rpc/{function}", self.url))
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        self.send(function, request).await
    }

    pub(super) async fn send<T: DeserializeOwned>(
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
            // The error of serde_json may quote a value, so only its position is reported.
            return serde_json::from_slice(&body).map_err(|error| SupabaseError::Unexpected {
                function: function.to_owned(),
                reason: format!("{:?} error at column {}", error.classify(), error.column()),
            });
        }
        let body: classify::Body = serde_json::from_slice(&body).unwrap_or_default();
        Err(SupabaseError::refused(function, status.as_u16(), body, wait))
    }
}

/// A header that no log of the client's libraries prints.
pub(super) fn sensitive(text: &str) -> Result<HeaderValue, SupabaseError> {
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
