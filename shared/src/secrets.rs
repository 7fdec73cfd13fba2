//! Fetches secrets from Secrets Manager. They stay in [`SecretString`]s, so that none is ever printed.

use aws_sdk_secretsmanager::error::DisplayErrorContext;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

/// Why a secret could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager did not hand it out.
    #[error(
        "cannot read the secret {id}: {reason}; create it, and allow this function secretsmanager:GetSecretValue on it"
    )]
    Unavailable {
        /// Its id.
        id: String,
        /// Secrets Manager's words.
        reason: String,
    },
    /// It is not what it should be.
    #[error("the secret {id} must be {expected}")]
    Malformed {
        /// Its id.
        id: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// The text of a secret.
///
/// # Errors
/// When it cannot be had.
pub async fn fetch(client: &aws_sdk_secretsmanager::Client, id: &str) -> Result<SecretString, SecretError> {
    let answer = client.get_secret_value().secret_id(id).send().await.map_err(|error| SecretError::Unavailable {
        id: id.to_owned(),
        reason: DisplayErrorContext(&error).to_string(),
    })?;
    answer
        .secret_string
        .map(SecretString::from)
        .ok_or_else(|| SecretError::Malformed { id: id.to_owned(), expected: "text" })
}

/// The project's secret key, from a secret of the form `{"key":"sb_secret_…"}`.
///
/// # Errors
/// When it cannot be had, or has another form.
pub async fn supabase_key(client: &aws_sdk_secretsmanager::Client, id: &str) -> Result<SecretString, SecretError> {
    #[derive(Deserialize)]
    struct Key {
        key: SecretString,
    }
    let secret = fetch(client, id).await?;
    serde_json::from_str::<Key>(secret.expose_secret()).map(|secret| secret.key).map_err(|_| SecretError::Malformed {
        id: id.to_owned(),
        expected: r#"JSON of the form {"key":"sb_secret_…"}"#,
    })
}
