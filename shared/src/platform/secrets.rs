//! Secrets of Secrets Manager, and what is made of them: keys, accounts, lists of tokens. Each is read when it is first
//! needed, again after five minutes, and again after it was refused, so a new secret counts without a restart and a revoked
//! one does not live on in a warm container. Texts stay in [`SecretString`]s, so that none is ever printed.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::error::DisplayErrorContext;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::platform::clock::Clock;
use crate::platform::clock::Millis;

/// How long a secret is used before it is read again.
const LIFE: Duration = Duration::from_secs(300);

/// How soon it is tried again to read a secret whose time is over while Secrets Manager does not answer.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(60);

/// After a refusal that no new secret explained, the secret is not read again for this time: requests with unknown tokens
/// must not cause a call to Secrets Manager each.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_secs(10);

/// How long a secret that is already known may take to be read again.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a failure is returned without another read: unknown callers must not cause a call to Secrets Manager with every
/// request.
const FAILURE_LIFE: Duration = Duration::from_secs(10);

/// Why a secret could not be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager did not hand it out.
    #[error(
        "cannot read the secret {id}: {reason}; create it, and allow this function secretsmanager:GetSecretValue on it"
    )]
    Unavailable {
        /// The name or ARN of the secret.
        id: String,
        /// Secrets Manager's words.
        reason: String,
    },
    /// It is not what it should be.
    #[error("the secret {id} must be {expected}")]
    Malformed {
        /// The name or ARN of the secret.
        id: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// Reads the text of a secret.
pub(crate) type Read = Box<dyn Fn() -> BoxFuture<'static, Result<SecretString, SecretError>> + Send + Sync>;
/// Makes something of it.
pub(crate) type Make<T, E> = Box<dyn Fn(&SecretString) -> Result<T, E> + Send + Sync>;

/// Something that is made of a secret.
pub struct FromSecret<T, E = SecretError> {
    /// How it is read and made; `None` for what was given once and for all.
    source: Option<(Read, Make<T, E>)>,
    clock: Clock,
    state: Mutex<State<T>>,
}

struct State<T> {
    known: Option<Known<T>>,
    /// When no new secret explained a refusal.
    refused_at: Option<Millis>,
    failed: Option<Failed>,
}

/// What the last read gave that nothing could be made of.
struct Failed {
    answer: Result<SecretString, SecretError>,
    read_again_at: Millis,
}

struct Known<T> {
    text: SecretString,
    value: Arc<T>,
    read_again_at: Millis,
}

impl<T, E> From<T> for FromSecret<T, E> {
    /// What never changes, because no secret stands behind it.
    fn from(value: T) -> Self {
        let known = Known { text: SecretString::default(), value: Arc::new(value), read_again_at: Millis(u64::MAX) };
        Self {
            source: None,
            clock: Clock::System,
            state: Mutex::new(State { known: Some(known), refused_at: None, failed: None }),
        }
    }
}

impl<T, E: From<SecretError>> FromSecret<T, E> {
    /// What `make` makes of the secret with this id.
    pub fn new(
        client: &aws_sdk_secretsmanager::Client,
        id: String,
        make: impl Fn(&SecretString) -> Result<T, E> + Send + Sync + 'static,
    ) -> Self {
        let client = client.clone();
        let read = move || fetch(client.clone(), id.clone()).boxed();
        Self::reading(Box::new(read), Box::new(make), Clock::System)
    }

    pub(crate) fn reading(read: Read, make: Make<T, E>, clock: Clock) -> Self {
        Self {
            source: Some((read, make)),
            clock,
            state: Mutex::new(State { known: None, refused_at: None, failed: None }),
        }
    }

    /// The same, at this clock's times.
    #[must_use]
    pub fn on(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// What the secret says now, from memory for five minutes. If it cannot be read again then, what it said before.
    ///
    /// # Errors
    /// When it cannot be read for the first time, or is not what it should be. For ten seconds the same is answered without
    /// another read.
    pub async fn get(&self) -> Result<Arc<T>, E> {
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        let State { known, failed, .. } = &mut *state;
        match (known, &self.source) {
            (Some(known), Some((read, make))) if now >= known.read_again_at => {
                match tokio::time::timeout(RENEWAL_TIMEOUT, recalled(failed, now, read)).await {
                    Ok(Ok(text)) => {
                        known.renew(text, make, now)?;
                        *failed = None;
                    }
                    failure => {
                        warn_of(failure);
                        known.read_again_at = now.plus(PAUSE_AFTER_FAILURE);
                    }
                }
                Ok(Arc::clone(&known.value))
            }
            (Some(known), _) => Ok(Arc::clone(&known.value)),
            (known, Some((read, make))) => {
                let text = recalled(failed, now, read).await?;
                let value = Arc::new(make(&text)?);
                *known = Some(Known { text, value: Arc::clone(&value), read_again_at: now.plus(LIFE) });
                *failed = None;
                Ok(value)
            }
            (None, None) => unreachable!("without a source there is a value from the beginning"),
        }
    }

    /// What the secret says now that `refused` was refused; `None` when that is the same, or cannot be read.
    pub async fn renewed(&self, refused: &Arc<T>) -> Option<Arc<T>> {
        let (read, make) = self.source.as_ref()?;
        let mut state = self.state.lock().await;
        let State { known: Some(known), refused_at, .. } = &mut *state else { return None };
        if !Arc::ptr_eq(&known.value, refused) {
            return Some(Arc::clone(&known.value));
        }
        let now = self.clock.now();
        if refused_at.is_some_and(|at| now < at.plus(PAUSE_AFTER_REFUSAL)) {
            return None;
        }
        match tokio::time::timeout(RENEWAL_TIMEOUT, read()).await {
            Ok(Ok(text)) => {
                if known.renew(text, make, now).is_err() {
                    tracing::warn!("the new secret is invalid; the previous one stays in use");
                }
            }
            failure => warn_of(failure),
        }
        if Arc::ptr_eq(&known.value, refused) {
            *refused_at = Some(now);
            return None;
        }
        Some(Arc::clone(&known.value))
    }
}

/// The last answer, while it is new and nothing could be made of it; else that of `read`, kept until something is made of it.
async fn recalled(failed: &mut Option<Failed>, now: Millis, read: &Read) -> Result<SecretString, SecretError> {
    if let Some(recent) = failed.as_ref().filter(|failed| now < failed.read_again_at) {
        return recent.answer.clone();
    }
    let answer = read().await;
    *failed = Some(Failed { answer: answer.clone(), read_again_at: now.plus(FAILURE_LIFE) });
    answer
}

impl<T> Known<T> {
    /// Takes the text of a secret that was read again. What was made of the same text stays, and with it what it has learnt,
    /// such as an access token.
    fn renew<E>(&mut self, text: SecretString, make: &Make<T, E>, now: Millis) -> Result<(), E> {
        if text.expose_secret() != self.text.expose_secret() {
            self.value = Arc::new(make(&text)?);
            self.text = text;
        }
        self.read_again_at = now.plus(LIFE);
        Ok(())
    }
}

fn warn_of(failure: Result<Result<SecretString, SecretError>, tokio::time::error::Elapsed>) {
    let reason = match failure {
        Ok(Ok(_)) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "Secrets Manager gave no answer in time".to_owned(),
    };
    tracing::warn!(reason, "could not read the secret again; the previous one stays in use");
}

async fn fetch(client: aws_sdk_secretsmanager::Client, id: String) -> Result<SecretString, SecretError> {
    let answer = client.get_secret_value().secret_id(&id).send().await.map_err(|error| SecretError::Unavailable {
        id: id.clone(),
        reason: DisplayErrorContext(&error).to_string(),
    })?;
    answer.secret_string.map(SecretString::from).ok_or(SecretError::Malformed { id, expected: "text" })
}

/// The project's secret key, from a secret of the form `{"key":"sb_secret_…"}`.
#[must_use]
pub fn supabase_key(client: &aws_sdk_secretsmanager::Client, id: String) -> FromSecret<SecretString> {
    #[derive(Deserialize)]
    struct Key {
        key: SecretString,
    }
    let name = id.clone();
    FromSecret::new(client, id, move |secret| {
        serde_json::from_str::<Key>(secret.expose_secret()).map(|secret| secret.key).map_err(|_| {
            SecretError::Malformed { id: name.clone(), expected: r#"JSON of the form {"key":"sb_secret_…"}"# }
        })
    })
}

#[cfg(test)]
mod tests;
