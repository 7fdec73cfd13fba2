//! What a request that cannot be served is answered: a status and `{"error":{"code","message","details"}}`.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sheetsync::secrets::SecretError;
use sheetsync::supabase::SupabaseError;

/// Why a request cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("give a service token: `Authorization: Bearer …`")]
    Unauthenticated,
    #[error("there is no such address; see README.md, \"The status API\"")]
    NoSuchRoute,
    #[error("this address only answers GET")]
    MethodNotAllowed,
    #[error("there is no {what} {name:?}")]
    NotFound { what: &'static str, name: String },
    #[error("{0:?} is not the id of a run: those are UUIDs")]
    NotARunId(String),
    #[error(transparent)]
    Supabase(#[from] SupabaseError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(
        r#"the secret TOKENS_SECRET_ID must be JSON of the form {{"readers":["<sha256>"],"operators":["<sha256>"]}}"#
    )]
    BadTokensSecret,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code) = match &self {
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::NoSuchRoute => (StatusCode::NOT_FOUND, "no_such_route"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::NotFound { .. } => (StatusCode::NOT_FOUND, "not_found"),
            Self::NotARunId(_) => (StatusCode::BAD_REQUEST, "not_a_run_id"),
            Self::Supabase(_) => (StatusCode::SERVICE_UNAVAILABLE, "supabase_unavailable"),
            Self::Secret(_) | Self::BadTokensSecret => (StatusCode::INTERNAL_SERVER_ERROR, "misconfigured"),
        };
        if status.is_server_error() {
            tracing::error!(code, error = %self, "request not served");
        }
        let details = match &self {
            Self::Supabase(error) => json!({"code": error.code(), "errorType": error.fault().error_type()}),
            _ => json!({}),
        };
        let body = Json(json!({"error": {"code": code, "message": self.to_string(), "details": details}}));
        match status {
            StatusCode::UNAUTHORIZED => (status, [(WWW_AUTHENTICATE, "Bearer")], body).into_response(),
            _ => (status, body).into_response(),
        }
    }
}
