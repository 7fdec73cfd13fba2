//! Faults that tests order: wrong answers, delays and broken connections for chosen calls, and the quota.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::{Access, Call, Method};
use crate::error::{ApiError, json_response};

/// What goes wrong, and for which calls. The body of `POST /_control/faults`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Fault {
    /// Only calls of this document; absent: of any.
    #[serde(default)]
    pub document: Option<String>,
    /// Only this method (`values.get`, `token`, …); absent: any.
    #[serde(default)]
    method: Option<String>,
    /// Only addresses that begin so.
    #[serde(default)]
    path_prefix: Option<String>,
    /// How many matching calls pass first.
    #[serde(default)]
    skip: u32,
    /// How many calls are hit then; `null`: all.
    #[serde(default = "once")]
    times: Option<u32>,
    #[serde(default)]
    delay_millis: u64,
    /// A well-known error by name. Wins over `status`.
    #[serde(default)]
    error: Option<KnownError>,
    /// Any other answer; without `error`, `status` and `disconnect` the call is answered after the delay.
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Text is sent as it is, anything else as JSON.
    #[serde(default)]
    body: Option<Value>,
    /// The connection ends without an answer.
    #[serde(default)]
    disconnect: bool,
}

fn once() -> Option<u32> {
    Some(1)
}

/// Errors with the bodies that Google gives them.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KnownError {
    RateLimited,
    PermissionDenied,
    ApiDisabled,
    NotFound,
    NotAGoogleSheet,
    Unauthenticated,
    Internal,
    Unavailable,
    DeadlineExceeded,
    /// 502 with an HTML page.
    BadGatewayHtml,
    /// 503 with an HTML page.
    UnavailableHtml,
    /// The token endpoint's refusal.
    InvalidGrant,
}

/// What a fault does to a call.
#[derive(Debug, Default)]
pub(crate) struct Effect {
    pub delay: Duration,
    /// The answer, in place of the real one.
    pub answer: Option<Response>,
}

impl Fault {
    fn matches(&self, call: &Call, path: &str) -> bool {
        self.document.as_ref().is_none_or(|document| *document == call.document)
            && self.method.as_ref().is_none_or(|method| method == call.method.name())
            && self.path_prefix.as_ref().is_none_or(|prefix| path.starts_with(prefix))
    }

    fn answer(&self, method: Method) -> Option<Response> {
        if self.disconnect {
            return Some(broken_answer());
        }
        let mut answer = match (self.error, self.status) {
            (Some(error), _) => error.answer(method),
            (None, Some(status)) => self.free_answer(status),
            (None, None) => return None,
        };
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
                answer.headers_mut().insert(name, value);
            }
        }
        Some(answer)
    }

    fn free_answer(&self, status: u16) -> Response {
        match &self.body {
            Some(Value::String(text)) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                (status, text.clone()).into_response()
            }
            Some(value) => json_response(status, value.to_string()),
            None => json_response(status, Body::empty()),
        }
    }
}

/// Ends the connection where the answer should begin: the client cannot know whether its call was done.
fn broken_answer() -> Response {
    let parts = [Err::<&str, _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset))];
    Body::from_stream(Parts(parts.into_iter())).into_response()
}

/// An iterator as a stream, which spares a dependency.
struct Parts<I>(I);

impl<I: Iterator + Unpin> futures_core::Stream for Parts<I> {
    type Item = I::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

impl KnownError {
    fn answer(self, method: Method) -> Response {
        let page = |code: u16, title: &str| {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
            let html = format!(
                "<!DOCTYPE html>\n<html lang=en>\n  <title>Error {code} ({title})!!1</title>\n  \
                 <p><b>{code}.</b> <ins>That's an error.</ins>\n  <p>Please try again in 30 seconds.\n"
            );
            (status, [(header::CONTENT_TYPE, "text/html; charset=UTF-8")], html).into_response()
        };
        let error = match self {
            Self::RateLimited => match method.access() {
                Access::Write => ApiError::rate_limited("Write", 60),
                _ => ApiError::rate_limited("Read", 60),
            },
            Self::PermissionDenied => ApiError::no_permission(),
            Self::ApiDisabled => ApiError::api_disabled(),
            Self::NotFound => ApiError::not_found(),
            Self::NotAGoogleSheet => ApiError::not_a_google_sheet(),
            Self::Unauthenticated => ApiError::invalid_credential("ACCESS_TOKEN_EXPIRED"),
            Self::Internal => ApiError::internal(),
            Self::Unavailable => ApiError::unavailable(),
            Self::DeadlineExceeded => ApiError::deadline_exceeded(),
            Self::BadGatewayHtml => return page(502, "Bad Gateway"),
            Self::UnavailableHtml => return page(503, "Service Unavailable"),
            Self::InvalidGrant => {
                let body = json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."});
                return json_response(400, body.to_string());
            }
        };
        let body = if method == Method::FilesGet { error.drive_body() } else { error.sheets_body() };
        json_response(error.code(), body.to_string())
    }
}

/// The faults in force.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Ends the faults of one document, or all.
    pub(crate) fn clear(&mut self, document: Option<&str>) {
        self.0.retain(|fault| document.is_some() && fault.document.as_deref() != document);
    }

    /// What happens to a call. Of several matching faults the oldest that is due hits.
    pub(crate) fn strike(&mut self, call: &Call, path: &str) -> Effect {
        let mut effect = Effect::default();
        for fault in self.0.iter_mut().filter(|fault| fault.matches(call, path)) {
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if let Some(times) = &mut fault.times {
                *times = times.saturating_sub(1);
            }
            effect = Effect { delay: Duration::from_millis(fault.delay_millis), answer: fault.answer(call.method) };
            break;
        }
        self.0.retain(|fault| fault.times != Some(0));
        effect
    }
}

/// A limit on calls. The body of `POST /_control/quota`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Quota {
    /// Only calls of this document; absent: of all.
    #[serde(default)]
    document: Option<String>,
    #[serde(default)]
    reads_per_minute: Option<u32>,
    #[serde(default)]
    writes_per_minute: Option<u32>,
    /// The length of what counts as a minute, so that tests need not wait for one.
    #[serde(default = "minute")]
    window_seconds: f64,
    /// Calls in the current window, for each account.
    #[serde(skip)]
    used: HashMap<(String, bool), (Instant, u32)>,
}

fn minute() -> f64 {
    60.0
}

/// The quotas in force: none at first.
#[derive(Debug, Default)]
pub(crate) struct Quotas(Vec<Quota>);

impl Quotas {
    /// Replaces the quota of the same document (or that of all); without limits it is taken away.
    pub(crate) fn set(&mut self, quota: Quota) {
        self.0.retain(|other| other.document != quota.document);
        if quota.reads_per_minute.is_some() || quota.writes_per_minute.is_some() {
            self.0.push(quota);
        }
    }

    /// Counts a call of an account.
    pub(crate) fn spend(&mut self, call: &Call, account: &str) -> Result<(), ApiError> {
        let (is_write, kind) = match call.method.access() {
            Access::Metadata => return Ok(()),
            Access::Read => (false, "Read"),
            Access::Write => (true, "Write"),
        };
        let concerned = |quota: &&mut Quota| quota.document.as_ref().is_none_or(|id| *id == call.document);
        for quota in self.0.iter_mut().filter(concerned) {
            let limit = if is_write { quota.writes_per_minute } else { quota.reads_per_minute };
            let Some(limit) = limit else { continue };
            let now = Instant::now();
            let window = Duration::from_secs_f64(quota.window_seconds.max(0.0));
            let (start, used) = quota.used.entry((account.to_owned(), is_write)).or_insert((now, 0));
            if now.duration_since(*start) >= window {
                (*start, *used) = (now, 0);
            }
            if *used >= limit {
                return Err(ApiError::rate_limited(kind, limit));
            }
            *used += 1;
        }
        Ok(())
    }
}
