//! The errors that Google answers, with the bodies it gives them. Sheets and Drive write theirs
//! differently, so an error knows nothing of its body until a method renders it.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Why a call failed, in Google's words.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    code: u16,
    status: &'static str,
    message: String,
    details: Vec<Value>,
    /// Drive's `errors[].reason`.
    reason: &'static str,
}

impl ApiError {
    fn new(code: u16, status: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, status, reason, message: message.into(), details: Vec::new() }
    }

    fn with_info(mut self, reason: &str, metadata: Value) -> Self {
        self.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "googleapis.com",
            "metadata": metadata,
        }));
        self
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_ARGUMENT", "badRequest", message)
    }

    /// A mask that names what the answer does not have.
    pub(crate) fn unknown_field(path: &str) -> Self {
        let mut error = Self::invalid("Request contains an invalid argument.");
        error.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{
                "field": path,
                "description": format!(
                    "Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
                ),
            }],
        }));
        error
    }

    pub(crate) fn unparsable_range(range: &str) -> Self {
        Self::invalid(format!("Unable to parse range: {range}"))
    }

    pub(crate) fn past_the_grid(range: &str, rows: usize, columns: usize) -> Self {
        Self::invalid(format!("Range ({range}) exceeds grid limits. Max rows: {rows}, max columns: {columns}"))
    }

    /// An uploaded .xlsx file that was never converted to a Google Sheet.
    pub(crate) fn not_a_google_sheet() -> Self {
        Self::new(400, "FAILED_PRECONDITION", "failedPrecondition", "This operation is not supported for this document")
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "notFound", "Requested entity was not found.")
    }

    pub(crate) fn file_not_found(id: &str) -> Self {
        Self::new(404, "NOT_FOUND", "notFound", format!("File not found: {id}."))
    }

    pub(crate) fn no_permission() -> Self {
        Self::new(403, "PERMISSION_DENIED", "forbidden", "The caller does not have permission")
    }

    pub(crate) fn api_disabled() -> Self {
        Self::new(
            403,
            "PERMISSION_DENIED",
            "accessNotConfigured",
            "Google Sheets API has not been used in project 100000000000 before or it is disabled. \
             Enable it by visiting https://console.developers.google.com/apis/api/sheets.googleapis.com/overview?project=100000000000 then retry.",
        )
        .with_info(
            "SERVICE_DISABLED",
            json!({"service": "sheets.googleapis.com", "consumer": "projects/100000000000"}),
        )
    }

    pub(crate) fn missing_scope() -> Self {
        Self::new(
            403,
            "PERMISSION_DENIED",
            "insufficientPermissions",
            "Request had insufficient authentication scopes.",
        )
        .with_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", json!({"service": "sheets.googleapis.com"}))
    }

    pub(crate) fn missing_credential() -> Self {
        Self::new(
            401,
            "UNAUTHENTICATED",
            "required",
            "Request is missing required authentication credential. Expected OAuth 2 access token, \
             login cookie or other valid authentication credential. \
             See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        )
        .with_info("CREDENTIALS_MISSING", json!({"service": "sheets.googleapis.com"}))
    }

    /// An access token that was never issued, has run out or was revoked.
    pub(crate) fn invalid_credential(reason: &str) -> Self {
        Self::new(
            401,
            "UNAUTHENTICATED",
            "authError",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, \
             login cookie or other valid authentication credential. \
             See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        )
        .with_info(reason, json!({"service": "sheets.googleapis.com"}))
    }

    pub(crate) fn rate_limited(kind: &str, limit: u32) -> Self {
        let lower = kind.to_lowercase();
        let mut error = Self::new(
            429,
            "RESOURCE_EXHAUSTED",
            "rateLimitExceeded",
            format!(
                "Quota exceeded for quota metric '{kind} requests' and limit '{kind} requests per minute per user' \
                 of service 'sheets.googleapis.com' for consumer 'project_number:100000000000'."
            ),
        )
        .with_info(
            "RATE_LIMIT_EXCEEDED",
            json!({
                "service": "sheets.googleapis.com",
                "consumer": "projects/100000000000",
                "quota_location": "global",
                "quota_metric": format!("sheets.googleapis.com/{lower}_requests"),
                "quota_limit": format!("{kind}RequestsPerMinutePerUser"),
                "quota_limit_value": limit.to_string(),
                "quota_unit": "1/min/{project}/{user}",
            }),
        );
        error.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.Help",
            "links": [{
                "description": "Request a higher quota limit.",
                "url": "https://cloud.google.com/docs/quotas/help/request_increase",
            }],
        }));
        error
    }

    pub(crate) fn internal() -> Self {
        Self::new(500, "INTERNAL", "backendError", "Internal error encountered.")
    }

    pub(crate) fn unavailable() -> Self {
        Self::new(503, "UNAVAILABLE", "backendError", "The service is currently unavailable.")
    }

    pub(crate) fn deadline_exceeded() -> Self {
        Self::new(504, "DEADLINE_EXCEEDED", "backendError", "Deadline expired before operation could complete.")
    }

    /// What Sheets can do and this server cannot. Never faked.
    pub(crate) fn not_built(what: &str) -> Self {
        Self::new(501, "UNIMPLEMENTED", "notImplemented", format!("The local Sheets server does not implement {what}"))
    }

    pub(crate) fn code(&self) -> u16 {
        self.code
    }

    /// The body as the Sheets API writes it.
    pub(crate) fn sheets_body(&self) -> Value {
        let mut error = json!({"code": self.code, "message": self.message, "status": self.status});
        if !self.details.is_empty() {
            error["details"] = Value::Array(self.details.clone());
        }
        json!({ "error": error })
    }

    /// The body as the Drive API writes it.
    pub(crate) fn drive_body(&self) -> Value {
        json!({"error": {
            "code": self.code,
            "message": self.message,
            "errors": [{"message": self.message, "domain": "global", "reason": self.reason}],
        }})
    }
}

/// Answers JSON as Google does.
pub(crate) fn json_response(code: u16, body: impl Into<axum::body::Body>) -> Response {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (code, [(header::CONTENT_TYPE, "application/json; charset=UTF-8")], body.into()).into_response()
}
