//! People, who sign in with Supabase Auth: verifies their access tokens with the keys that the project publishes.
//!
//! A token is verified with the one algorithm of the key that its `kid` names, never with one that the token chooses; a
//! shared secret (HS256, projects of before the signing keys) counts only where it was configured.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use sheetsync::http;
use sheetsync::secrets::FromSecret;
use tokio::sync::Mutex;

use super::claim::{Claim, ClaimError};
use super::principal::{Kind, Principal, Role};
use crate::error::ApiError;
use crate::memory::Memory;

/// The name that the keys are remembered under.
const NAME: &str = "jwks";

/// Whom a project's access tokens are for.
const AUDIENCE: &str = "authenticated";

/// How far the clocks may differ.
const LEEWAY_SECONDS: u64 = 30;

/// How long the keys are used before they are asked for again: a key that the project revoked is then forgotten.
const KEYS_LIFE: Duration = Duration::from_secs(600);

/// An unknown key id causes at most one fetch in this time, so that invented ids cause no load.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(60);

/// A reader waits, and with Supabase down the answer is due within two seconds, reads included.
const FETCH_TIMEOUT: Duration = Duration::from_millis(500);

/// What says who is who.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Who may read.
    pub readers: Readers,
    /// The claim that makes a person an operator; `None`: no person is.
    pub operator: Option<Claim>,
}

/// Which people may read. Operators always may, anonymous sign-ins never.
#[derive(Debug, Clone)]
pub enum Readers {
    /// Everybody who can sign in, which has to be asked for: `*`.
    Everybody,
    /// Who has this claim.
    With(Claim),
}

impl Readers {
    /// Parses READER_CLAIM. An empty one admits no person, because projects allow sign-ups by default.
    ///
    /// # Errors
    /// When it is empty, or neither `*` nor a claim to trust.
    pub fn parse(text: &str) -> Result<Self, ClaimError> {
        match text.trim() {
            "" => Err(ClaimError::NoReaders),
            "*" => Ok(Self::Everybody),
            claim => Claim::parse(claim).map(Self::With),
        }
    }

    fn include(&self, claims: &Value) -> bool {
        match self {
            Self::Everybody => true,
            Self::With(claim) => claim.is_in(claims),
        }
    }
}

/// The key of projects that sign with a shared secret.
pub type SharedSecret = FromSecret<DecodingKey, ApiError>;

/// The shared secret that the secret with this id holds as text.
#[must_use]
pub fn shared_secret(client: &aws_sdk_secretsmanager::Client, id: String) -> SharedSecret {
    FromSecret::new(client, id, |secret| Ok(DecodingKey::from_secret(secret.expose_secret().as_bytes())))
}

/// The people of one project.
pub struct People {
    http: reqwest::Client,
    issuer: String,
    shared_secret: Option<SharedSecret>,
    rules: Rules,
    keys: Mutex<Keys>,
    /// Where the keys are found when this container is new and Supabase is gone.
    memory: Option<Memory>,
}

/// The project's public keys, by id.
#[derive(Default)]
struct Keys {
    by_id: HashMap<String, (Algorithm, DecodingKey)>,
    asked_at: Option<Instant>,
    are_known: bool,
}

impl Keys {
    fn age(&self) -> Option<Duration> {
        self.asked_at.map(|at| at.elapsed())
    }

    fn set(&mut self, published: &JwkSet) {
        self.by_id = published.keys.iter().filter_map(usable).collect();
        self.are_known = true;
    }
}

/// The id, algorithm and key of an entry that signs as Supabase Auth does. Other entries of the set are ignored.
fn usable(jwk: &Jwk) -> Option<(String, (Algorithm, DecodingKey))> {
    let algorithm = match jwk.common.key_algorithm? {
        KeyAlgorithm::ES256 => Algorithm::ES256,
        KeyAlgorithm::RS256 => Algorithm::RS256,
        _ => return None,
    };
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some((jwk.common.key_id.clone()?, (algorithm, key)))
}

impl People {
    /// The people of the project at `supabase_url`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(
        supabase_url: &str,
        shared_secret: Option<SharedSecret>,
        rules: Rules,
        memory: Option<Memory>,
    ) -> reqwest::Result<Self> {
        // A redirect would let another server say who may act.
        let http = http::client(supabase_url)?;
        Ok(Self {
            http,
            issuer: format!("{}/auth/v1", supabase_url.trim_end_matches('/')),
            shared_secret,
            rules,
            keys: Mutex::default(),
            memory,
        })
    }

    /// Who holds this access token.
    ///
    /// # Errors
    /// When it is not one of this project that is valid now, or its holder may not read.
    pub async fn principal(&self, token: &str) -> Result<Principal, ApiError> {
        let claims = self.claims(token).await?;
        // Supabase can allow anonymous sign-ins.
        let is_anonymous = claims["is_anonymous"].as_bool().unwrap_or_default();
        let is_operator = self.rules.operator.as_ref().is_some_and(|claim| claim.is_in(&claims));
        let is_reader = is_operator || self.rules.readers.include(&claims);
        if is_anonymous || !is_reader {
            return Err(ApiError::Forbidden);
        }
        let text = |name: &str| claims[name].as_str().filter(|text| !text.is_empty());
        let name = text("email").or_else(|| text("sub")).unwrap_or("somebody").to_owned();
        Ok(Principal { name, role: if is_operator { Role::Operator } else { Role::Reader }, kind: Kind::User })
    }

    async fn claims(&self, token: &str) -> Result<Value, ApiError> {
        let header =
            jsonwebtoken::decode_header(token).map_err(|_| ApiError::Unauthenticated("this is no access token"))?;
        match (header.alg, &self.shared_secret) {
            (Algorithm::HS256, Some(secret)) => {
                let key = secret.get().await?;
                match self.verified(token, header.alg, &key) {
                    Err(error) => match secret.renewed(&key).await {
                        Some(key) => self.verified(token, header.alg, &key),
                        None => Err(error),
                    },
                    claims => claims,
                }
            }
            (Algorithm::ES256 | Algorithm::RS256, _) => {
                let (algorithm, key) = self.key(header.kid.as_deref()).await?;
                self.verified(token, algorithm, &key)
            }
            _ => Err(ApiError::Unauthenticated("the token is signed in a way that this project does not use")),
        }
    }

    fn verified(&self, token: &str, algorithm: Algorithm, key: &DecodingKey) -> Result<Value, ApiError> {
        let mut expected = Validation::new(algorithm);
        expected.leeway = LEEWAY_SECONDS;
        expected.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        expected.set_issuer(&[&self.issuer]);
        expected.set_audience(&[AUDIENCE]);
        let token = jsonwebtoken::decode::<Value>(token, key, &expected).map_err(|error| {
            use jsonwebtoken::errors::ErrorKind;
            ApiError::Unauthenticated(match error.kind() {
                ErrorKind::ExpiredSignature => "the token has expired: sign in again",
                ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => "the token is of another project",
                _ => "the token is not valid",
            })
        })?;
        Ok(token.claims)
    }

    /// The key of this id, asked for when it is not known or has been for long.
    async fn key(&self, id: Option<&str>) -> Result<(Algorithm, DecodingKey), ApiError> {
        let id = id.ok_or(ApiError::Unauthenticated("the token does not say which key signed it"))?;
        let mut keys = self.keys.lock().await;
        let known = keys.by_id.contains_key(id);
        let is_due = match keys.age() {
            None => true,
            Some(age) if known => age > KEYS_LIFE,
            // While no keys could be had at all, each request may try: else one failure would lock everybody out.
            Some(age) => !keys.are_known || age > UNKNOWN_KEY_PAUSE,
        };
        if is_due {
            keys.asked_at = Some(Instant::now());
            match self.published().await {
                Ok(published) => {
                    keys.set(&published);
                    if let Some(memory) = &self.memory {
                        memory.keep(NAME, &published).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(error = %error, "cannot fetch Supabase Auth's signing keys");
                    if !keys.are_known
                        && let Some(memory) = &self.memory
                        && let Some((remembered, _)) = memory.recall::<JwkSet>(NAME).await
                    {
                        keys.set(&remembered);
                    }
                }
            }
        }
        match keys.by_id.get(id) {
            Some(key) => Ok(key.clone()),
            None if keys.are_known => {
                Err(ApiError::Unauthenticated("the token is signed with a key of another project"))
            }
            None => Err(ApiError::AuthUnavailable),
        }
    }

    async fn published(&self) -> reqwest::Result<JwkSet> {
        let url = format!("{}/.well-known/jwks.json", self.issuer);
        self.http.get(url).timeout(FETCH_TIMEOUT).send().await?.error_for_status()?.json().await
    }
}

#[cfg(test)]
mod tests;
