//! Signs in to Google as a service account: a signed assertion is exchanged for an access token, which is kept until
//! shortly before it expires (developers.google.com/identity/protocols/oauth2/service-account).

use std::time::{Duration, Instant};

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::error::SheetsError;
use crate::platform::http::cause;

/// How long a request to Google may take.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Reading values, and the version of the file.
const SCOPES: &str =
    "https://www.googleapis.com/auth/spreadsheets.readonly https://www.googleapis.com/auth/drive.metadata.readonly";
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Google accepts at most an hour.
const ASSERTION_LIFETIME: Duration = Duration::from_secs(3600);

/// A token is renewed so long before it expires, so that none expires on its way.
const RENEWAL_MARGIN: Duration = Duration::from_secs(60);

/// A service account that can sign in.
pub struct ServiceAccount {
    address: String,
    key_id: Option<String>,
    key: EncodingKey,
    token_uri: String,
    token: Mutex<Option<Token>>,
}

struct Token {
    secret: SecretString,
    renew_at: Instant,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

impl ServiceAccount {
    /// Reads the JSON key that Google's console hands out.
    ///
    /// # Errors
    /// When it is no such key.
    pub fn from_json(json: &SecretString) -> Result<Self, SheetsError> {
        #[derive(Deserialize)]
        struct KeyFile {
            client_email: String,
            private_key: SecretString,
            private_key_id: Option<String>,
            token_uri: String,
        }
        // Neither error may quote the key.
        let file: KeyFile = serde_json::from_str(json.expose_secret()).map_err(|error| {
            SheetsError::BadKey(format!(
                "it must be JSON with client_email, private_key and token_uri ({:?} error at line {})",
                error.classify(),
                error.line()
            ))
        })?;
        let key = EncodingKey::from_rsa_pem(file.private_key.expose_secret().as_bytes())
            .map_err(|_| SheetsError::BadKey("its private_key is not an RSA key in PEM form".to_owned()))?;
        Ok(Self {
            address: file.client_email,
            key_id: file.private_key_id,
            key,
            token_uri: file.token_uri,
            token: Mutex::new(None),
        })
    }

    /// The address with which a spreadsheet must be shared.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// An access token, from memory while it lasts.
    pub(super) async fn token(&self, http: &reqwest::Client) -> Result<String, SheetsError> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref()
            && Instant::now() < token.renew_at
        {
            return Ok(token.secret.expose_secret().to_owned());
        }
        let (token, secret) = self.sign_in(http).await?;
        *kept = Some(token);
        Ok(secret)
    }

    /// Forgets a token that was refused, unless another call has renewed it already.
    pub(super) async fn forget(&self, token: &str) {
        let mut kept = self.token.lock().await;
        if kept.as_ref().is_some_and(|kept| kept.secret.expose_secret() == token) {
            *kept = None;
        }
    }

    async fn sign_in(&self, http: &reqwest::Client) -> Result<(Token, String), SheetsError> {
        #[derive(Deserialize)]
        struct Granted {
            access_token: String,
            expires_in: u64,
        }
        #[derive(Deserialize, Default)]
        struct Refused {
            #[serde(default)]
            error: String,
            #[serde(default)]
            error_description: String,
        }
        let assertion = self.assertion()?;
        let asked = Instant::now();
        let response = http
            .post(&self.token_uri)
            .form(&[("grant_type", GRANT_TYPE), ("assertion", &assertion)])
            .timeout(REQUEST_TIMEOUT)
            .send()
            .await
            .map_err(|error| SheetsError::Down(format!("token endpoint: {}", cause(&error))))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| SheetsError::Down(cause(&error)))?;
        if status.is_server_error() || status.as_u16() == 429 {
            return Err(SheetsError::Down(format!("token endpoint: HTTP {status}")));
        }
        if !status.is_success() {
            let Refused { error, error_description } = serde_json::from_slice(&body).unwrap_or_default();
            let reason = if error_description.is_empty() { error } else { format!("{error}: {error_description}") };
            return Err(SheetsError::Unauthenticated { account: self.address.clone(), reason });
        }
        let granted: Granted = serde_json::from_slice(&body)
            .map_err(|_| SheetsError::Down("token endpoint: an answer without access_token".to_owned()))?;
        let lifetime = Duration::from_secs(granted.expires_in).saturating_sub(RENEWAL_MARGIN);
        let token = Token { secret: granted.access_token.clone().into(), renew_at: asked + lifetime };
        Ok((token, granted.access_token))
    }

    fn assertion(&self) -> Result<String, SheetsError> {
        let now = Timestamp::now().as_second();
        let claims = Claims {
            iss: &self.address,
            scope: SCOPES,
            aud: &self.token_uri,
            iat: now,
            exp: now + ASSERTION_LIFETIME.as_secs() as i64,
        };
        let mut header = Header::new(Algorithm::RS256);
        header.kid.clone_from(&self.key_id);
        jsonwebtoken::encode(&header, &claims, &self.key)
            .map_err(|_| SheetsError::BadKey("its private_key cannot sign".to_owned()))
    }
}
