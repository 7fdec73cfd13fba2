//! The headers of every answer: security headers, and an ETag, so that an unchanged answer is not
//! sent again.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

use crate::error::ApiError;
use crate::state::Api;

/// No answer is larger: Lambda takes 6 MiB, and the status line and headers besides.
const MAX_ANSWER_BYTES: usize = (6 << 20) - 16_384;

/// How many bytes Lambda is given for a body. Text becomes a JSON string, anything else base64, which adds a third.
fn sent_bytes(headers: &HeaderMap, body: &[u8]) -> usize {
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(b"application/json"));
    if !is_json {
        return body.len().div_ceil(3) * 4;
    }
    let escaped = |byte: &&u8| matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t');
    body.len() + body.iter().filter(escaped).count()
}

/// Data is not cached. A client that has the current answer sends `If-None-Match` and gets no body.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Nothing that the API answers is a page.
const NO_CONTENT: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The dashboard may load its own files, and talk to this API and to the project's sign-in.
fn page_policy(supabase_url: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self' {supabase_url}; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

/// Adds what protects.
pub async fn protect(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let is_page = response.headers().get(CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(b"text/html"));
    // A browser takes the policy of a 304 for the page that it has: it must be the page's.
    let policy = if is_page { page_policy(&api.connections.addresses.supabase_url) } else { NO_CONTENT.to_owned() };
    let is_known = response.status() == StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    if is_known {
        headers.remove(CONTENT_TYPE);
    }
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(CONTENT_SECURITY_POLICY, &policy);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(X_FRAME_OPTIONS, "DENY");
    set(REFERRER_POLICY, "no-referrer");
    set(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
    headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
    if headers.get(CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(b"text/csv")) {
        // Lambda hands text to API Gateway as text, decoded, and so without its byte order mark. What has an encoding is
        // handed over as bytes.
        headers.entry(CONTENT_ENCODING).or_insert(HeaderValue::from_static("identity"));
    }
    response
}

/// Gives every successful answer to a GET an ETag, and leaves out a body that the client has.
pub async fn tag(request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = request.headers().get(IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    if !is_read || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_ANSWER_BYTES).await.ok();
    let Some(body) = body.filter(|body| sent_bytes(&parts.headers, body) <= MAX_ANSWER_BYTES) else {
        return ApiError::BadRequest("the answer would be too large: ask for a smaller page".to_owned())
            .into_response();
    };
    if !parts.headers.contains_key(ETAG) {
        // Weak: compressed or not, it is the same.
        let hash: String = Sha256::digest(&body)[..12].iter().map(|byte| format!("{byte:02x}")).collect();
        if let Ok(etag) = HeaderValue::from_str(&format!("W/\"{hash}\"")) {
            parts.headers.insert(ETAG, etag);
        }
    }
    if is_known(&parts.headers, known.as_ref()) {
        parts.status = StatusCode::NOT_MODIFIED;
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(body))
}

/// Whether the client has this answer (RFC 9110, 13.1.2: a weak comparison).
fn is_known(headers: &HeaderMap, known: Option<&HeaderValue>) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let (Some(etag), Some(known)) = (headers.get(ETAG), known) else { return false };
    let (Ok(etag), Ok(known)) = (etag.to_str(), known.to_str()) else { return false };
    known.trim() == "*" || known.split(',').any(|tag| opaque(tag) == opaque(etag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etag_matches_if_any_client_tag_does() {
        let headers = HeaderMap::from_iter([(ETAG, HeaderValue::from_static("W/\"a\""))]);
        let cases =
            [("W/\"a\"", true), ("\"a\"", true), ("\"b\", W/\"a\"", true), ("*", true), ("\"b\"", false), ("", false)];
        for (known, expected) in cases {
            assert_eq!(is_known(&headers, Some(&HeaderValue::from_str(known).unwrap())), expected, "{known}");
        }
        assert!(!is_known(&headers, None));
    }

    #[test]
    fn an_answer_counts_as_lambda_gets_it() {
        let of = |content_type| HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        assert_eq!(sent_bytes(&of("application/json"), br#"{"a":"b\n"}"#), 11 + 5);
        assert_eq!(sent_bytes(&of("text/csv; charset=utf-8"), &[0; 4_400_000]), 5_866_668);
        assert!(sent_bytes(&of("text/csv; charset=utf-8"), &[0; 4_800_000]) > MAX_ANSWER_BYTES);
    }

    #[test]
    fn page_policy_allows_this_api_and_the_sign_in_only() {
        let policy = page_policy("https://project.supabase.co");
        assert!(policy.starts_with("default-src 'none'"));
        assert!(policy.contains("connect-src 'self' https://project.supabase.co;"));
        assert!(!policy.contains("unsafe") && !policy.contains('*'));
    }
}
