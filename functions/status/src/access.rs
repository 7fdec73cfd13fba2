//! Who may read: holders of a service token, of which only the SHA-256 is stored. Signing in as a person is not here yet.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::api::Api;
use crate::error::ApiError;

/// The SHA-256 hashes of the service tokens, in lower-case hex.
#[derive(Debug, Deserialize)]
pub struct Tokens {
    readers: Vec<String>,
    operators: Vec<String>,
}

impl Tokens {
    /// Reads the secret `TOKENS_SECRET_ID`.
    pub fn from_json(secret: &SecretString) -> Result<Self, ApiError> {
        serde_json::from_str(secret.expose_secret()).map_err(|_| ApiError::BadTokensSecret)
    }

    /// Whether the holder of `token` may read; an operator may, too. Takes as long for a wrong token as for a right one.
    fn may_read(&self, token: &str) -> bool {
        let hash = sha256(token);
        self.readers
            .iter()
            .chain(&self.operators)
            .fold(false, |found, known| found | bool::from(known.as_bytes().ct_eq(hash.as_bytes())))
    }
}

/// The hash of a token, in lower-case hex.
fn sha256(token: &str) -> String {
    Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lets a request pass that carries a reader's or an operator's token.
pub async fn require_reader(State(api): State<Arc<Api>>, request: Request, next: Next) -> Result<Response, ApiError> {
    let token = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or(ApiError::Unauthenticated)?;
    if !api.tokens().await?.may_read(token) {
        return Err(ApiError::Unauthenticated);
    }
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_holders_of_a_known_token_may_read() {
        let secret = format!(r#"{{"readers":["{}"],"operators":["{}"]}}"#, sha256("reader"), sha256("operator"));
        let tokens = Tokens::from_json(&SecretString::from(secret)).unwrap();
        assert!(tokens.may_read("reader"));
        assert!(tokens.may_read("operator"));
        for wrong in ["readers", "", &sha256("reader")] {
            assert!(!tokens.may_read(wrong));
        }
    }

    #[test]
    fn a_secret_of_another_form_is_refused() {
        assert!(Tokens::from_json(&SecretString::from("reader")).is_err());
    }
}
