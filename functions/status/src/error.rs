//! The error answers: an HTTP status and `{"error":{"code","message","details"}}`.

use std::borrow::Cow;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use sheetsync::secrets::SecretError;
use sheetsync::supabase::SupabaseError;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::claim::ClaimError;

/// Why a request cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("{0}; sign in, or give a service token: `Authorization: Bearer …`")]
    Unauthenticated(&'static str),
    #[error("cannot fetch Supabase Auth's signing keys, so sign-ins cannot be verified; service tokens still work")]
    AuthUnavailable,
    #[error("you may not do this; an operator may (docs/DEPLOYMENT_GUIDE.md, \"Who may read and who may act\")")]
    Forbidden,
    #[error("there is no such address; GET /openapi.json lists those that there are")]
    NoSuchRoute,
    #[error("this address does not answer this method")]
    MethodNotAllowed,
    #[error("there is no {what} {name:?}")]
    NotFound { what: &'static str, name: String },
    #[error("{0}")]
    BadRequest(String),
    #[error("{0}")]
    Unprocessable(Cow<'static, str>),
    #[error("the request is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the body must be JSON, sent with `Content-Type: application/json`")]
    NotJson,
    #[error("another run of this sync still makes progress: wait for it, or follow it")]
    Busy { run: Uuid },
    #[error(
        "the circuit is open, so no run begins before {until:.0}: the destination is down, or an operator has opened it"
    )]
    CircuitOpen { until: Timestamp },
    #[error("{0}")]
    NotApproved(String),
    #[error(transparent)]
    Supabase(#[from] SupabaseError),
    #[error("{what} does not answer: {reason}")]
    Aws { what: &'static str, reason: String },
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(
        r#"the secret TOKENS_SECRET_ID must be JSON of the form {{"readers":["<sha256>"],"operators":["<sha256>"]}}"#
    )]
    BadTokensSecret,
    #[error("READER_CLAIM or OPERATOR_CLAIM: {0}")]
    BadClaim(#[from] ClaimError),
    #[error("TLS cannot be set up: {0}")]
    NoTls(#[source] reqwest::Error),
}

/// The body of an error answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    pub error: Problem,
}

/// The error.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A stable, short name for programs.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
    /// What a program may want to know besides.
    #[schema(value_type = Object)]
    pub details: Value,
}

/// What a caller reads when a service of AWS did not answer.
pub fn does_not_answer(what: &str) -> String {
    format!("{what} does not answer; the log of the status function says why")
}

impl ApiError {
    /// Whether the deployment is at fault. What exactly names secrets, roles and claims: that is for the log only.
    fn is_misconfigured(&self) -> bool {
        self.code() == "misconfigured"
    }

    /// What a caller reads. AWS' own words name accounts and roles, so they stay in the log.
    #[must_use]
    pub fn public_message(&self) -> String {
        match self {
            Self::Aws { what, .. } => does_not_answer(what),
            _ if self.is_misconfigured() => {
                "this deployment is not configured as it should be; the log of the status function says why".to_owned()
            }
            _ => self.to_string(),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NoSuchRoute | Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Busy { .. } | Self::CircuitOpen { .. } | Self::NotApproved(_) => StatusCode::CONFLICT,
            Self::Secret(_)
            | Self::BadTokensSecret
            | Self::BadClaim(_)
            | Self::NoTls(_)
            | Self::Supabase(SupabaseError::NoKey(_) | SupabaseError::NotPrivate { .. }) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::AuthUnavailable | Self::Supabase(_) | Self::Aws { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated(_) => "unauthenticated",
            Self::AuthUnavailable => "auth_unavailable",
            Self::Forbidden => "forbidden",
            Self::NoSuchRoute => "no_such_route",
            Self::NotFound { .. } => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::BadRequest(_) => "bad_request",
            Self::Unprocessable(_) => "unprocessable",
            Self::TooLarge(_) => "too_large",
            Self::NotJson => "not_json",
            Self::Busy { .. } => "busy",
            Self::CircuitOpen { .. } => "circuit_open",
            Self::NotApproved(_) => "not_approved",
            Self::Secret(_)
            | Self::BadTokensSecret
            | Self::BadClaim(_)
            | Self::NoTls(_)
            | Self::Supabase(SupabaseError::NoKey(_) | SupabaseError::NotPrivate { .. }) => "misconfigured",
            Self::Supabase(_) => "supabase_unavailable",
            Self::Aws { .. } => "aws_unavailable",
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code) = (self.status(), self.code());
        if status.is_server_error() {
            tracing::error!(code, error = %self, "request failed");
        }
        let details = match &self {
            Self::Supabase(error) if !self.is_misconfigured() => {
                json!({"code": error.code(), "errorType": error.fault().error_type()})
            }
            Self::Busy { run } => json!({"run": run}),
            Self::CircuitOpen { until } => json!({"until": until}),
            _ => json!({}),
        };
        let problem = Problem { code: code.to_owned(), message: self.public_message(), details };
        let body = Json(ErrorBody { error: problem });
        match status {
            StatusCode::UNAUTHORIZED => (status, [(WWW_AUTHENTICATE, "Bearer")], body).into_response(),
            _ => (status, body).into_response(),
        }
    }
}
