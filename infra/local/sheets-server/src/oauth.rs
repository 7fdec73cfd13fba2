//! Service accounts, the token endpoint that trades a signed assertion for an access token, and the check
//! of that token on every call. Who may see which document is in `document.rs`.

use std::collections::HashMap;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Access;
use crate::error::ApiError;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Google's own name for its token endpoint. Google's Python client signs for it whatever the key's
/// `token_uri` says, so it is as right an audience as our own address.
const GOOGLE_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
/// The longest life of an assertion.
const MAX_ASSERTION_LIFE: i64 = 3600;
/// How far the clocks of both sides may differ.
const CLOCK_TOLERANCE: i64 = 300;
const SCOPE_PREFIX: &str = "https://www.googleapis.com/auth/";

/// Why a service account could not be made.
#[derive(Debug, thiserror::Error)]
#[error("a key pair for the service account cannot be generated")]
pub struct KeyError;

/// A service account, as Google's side knows it.
#[derive(Debug)]
pub(crate) struct Account {
    key: DecodingKey,
    key_id: String,
    /// What a client gets: the content of the key file.
    pub key_file: Value,
    pub token_lifetime: SignedDuration,
    /// What the token endpoint adds to its clock when this account asks.
    pub clock_skew: SignedDuration,
    pub is_disabled: bool,
}

#[derive(Debug, Clone)]
struct Grant {
    email: String,
    scopes: Vec<String>,
    expires: Timestamp,
}

/// All accounts and the access tokens they hold.
#[derive(Debug)]
pub(crate) struct Accounts {
    token_uri: String,
    pub by_email: HashMap<String, Account>,
    grants: HashMap<String, Grant>,
}

/// Why the token endpoint gives no token.
#[derive(Debug)]
pub(crate) struct Refused {
    pub code: u16,
    error: &'static str,
    description: String,
}

impl Refused {
    fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { code: if error == "invalid_client" { 401 } else { 400 }, error, description: description.into() }
    }

    pub(crate) fn body(&self) -> Value {
        json!({"error": self.error, "error_description": self.description})
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    #[serde(default)]
    scope: String,
    aud: String,
    iat: i64,
    exp: i64,
    sub: Option<String>,
}

impl Accounts {
    pub(crate) fn new(base_url: &str) -> Self {
        Self { token_uri: format!("{base_url}/token"), by_email: HashMap::new(), grants: HashMap::new() }
    }

    /// Makes an account with a fresh key and answers its address.
    pub(crate) fn create(&mut self, name: &str) -> Result<String, KeyError> {
        let email = format!("{name}@sheetsync-local.iam.gserviceaccount.com");
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError)?;
        let private: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError)?;
        let private_pem = pem::encode_config(
            &pem::Pem::new("PRIVATE KEY", private.as_ref()),
            pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
        );
        let public = pair.public_key();
        let key = DecodingKey::from_rsa_raw_components(
            public.modulus().big_endian_without_leading_zero(),
            public.exponent().big_endian_without_leading_zero(),
        );
        let fingerprint = digest::digest(&digest::SHA256, public.as_ref());
        let key_id: String = fingerprint.as_ref()[..20].iter().map(|byte| format!("{byte:02x}")).collect();
        let key_file = json!({
            "type": "service_account",
            "project_id": "sheetsync-local",
            "private_key_id": key_id,
            "private_key": private_pem,
            "client_email": email,
            "client_id": "100000000000000000001",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": self.token_uri,
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url":
                format!("https://www.googleapis.com/robot/v1/metadata/x509/{}", email.replace('@', "%40")),
            "universe_domain": "googleapis.com",
        });
        let account = Account {
            key,
            key_id,
            key_file,
            token_lifetime: SignedDuration::from_secs(3599),
            clock_skew: SignedDuration::ZERO,
            is_disabled: false,
        };
        self.by_email.insert(email.clone(), account);
        Ok(email)
    }

    /// Trades an assertion for an access token.
    pub(crate) fn token(&mut self, form: &[u8]) -> Result<Value, Refused> {
        let form: HashMap<String, String> = form_urlencoded::parse(form).into_owned().collect();
        let grant_type = form.get("grant_type").map_or("", String::as_str);
        if grant_type != GRANT_TYPE {
            return Err(Refused::new("unsupported_grant_type", format!("Invalid grant_type: {grant_type}")));
        }
        let assertion = form
            .get("assertion")
            .ok_or_else(|| Refused::new("invalid_request", "Missing required parameter: assertion"))?;
        let claims = self.verified(assertion)?;
        let scopes: Vec<String> = claims.scope.split_whitespace().map(str::to_owned).collect();
        if scopes.is_empty() || !scopes.iter().all(|scope| scope.starts_with(SCOPE_PREFIX)) {
            return Err(Refused::new("invalid_scope", "Invalid OAuth scope or ID token audience provided."));
        }
        if claims.sub.is_some_and(|subject| subject != claims.iss) {
            return Err(Refused::new(
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, or client not authorized \
                 for any of the scopes requested.",
            ));
        }
        let lifetime = self.by_email[&claims.iss].token_lifetime;
        let token = random_token().map_err(|_| Refused::new("internal_failure", "no randomness"))?;
        let expires = Timestamp::now() + lifetime;
        self.grants.insert(token.clone(), Grant { email: claims.iss, scopes, expires });
        Ok(json!({"access_token": token, "expires_in": lifetime.as_secs(), "token_type": "Bearer"}))
    }

    /// The claims of an assertion that one of the accounts signed just now for this endpoint.
    fn verified(&self, assertion: &str) -> Result<Claims, Refused> {
        let grant = |why: &str| Refused::new("invalid_grant", why);
        let unverified: Claims = assertion
            .split('.')
            .nth(1)
            .and_then(|payload| BASE64_URL_SAFE_NO_PAD.decode(payload).ok())
            .and_then(|payload| serde_json::from_slice(&payload).ok())
            .ok_or_else(|| {
                grant("Invalid JWT: the assertion is not a signed JWT with iss, scope, aud, iat and exp.")
            })?;
        let account = self
            .by_email
            .get(&unverified.iss)
            .filter(|account| !account.is_disabled)
            .ok_or_else(|| grant("Invalid grant: account not found"))?;
        let header = jsonwebtoken::decode_header(assertion).map_err(|_| grant("Invalid JWT Signature."))?;
        if header.kid.is_some_and(|id| id != account.key_id) {
            return Err(grant("Invalid JWT Signature."));
        }
        // Times are checked below against this endpoint's own, possibly skewed, clock.
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(assertion, &account.key, &validation)
            .map_err(|_| grant("Invalid JWT Signature."))?
            .claims;
        if claims.aud != self.token_uri && claims.aud != GOOGLE_TOKEN_URI {
            return Err(grant(&format!(
                "Invalid JWT: Failed audience check. The right audience is {}",
                self.token_uri
            )));
        }
        let now = (Timestamp::now() + account.clock_skew).as_second();
        let is_short_lived = claims.exp > claims.iat && claims.exp - claims.iat <= MAX_ASSERTION_LIFE;
        let is_current = claims.iat <= now + CLOCK_TOLERANCE && claims.exp >= now - CLOCK_TOLERANCE;
        if !is_short_lived || !is_current {
            return Err(grant(
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. \
                 Check your iat and exp values in the JWT claim.",
            ));
        }
        Ok(claims)
    }

    /// Whose call this is, if its token is good for this kind of access.
    pub(crate) fn authenticate(&self, header: Option<&str>, access: Access) -> Result<String, ApiError> {
        let token =
            header.and_then(|header| header.strip_prefix("Bearer ")).ok_or_else(ApiError::missing_credential)?;
        let grant =
            self.grants.get(token).ok_or_else(|| ApiError::invalid_credential("ACCESS_TOKEN_TYPE_UNSUPPORTED"))?;
        if grant.expires <= Timestamp::now() {
            return Err(ApiError::invalid_credential("ACCESS_TOKEN_EXPIRED"));
        }
        let allowing: &[&str] = match access {
            Access::Read => &["spreadsheets.readonly", "spreadsheets", "drive.readonly", "drive", "drive.file"],
            Access::Write => &["spreadsheets", "drive", "drive.file"],
            Access::Metadata => &["drive.metadata.readonly", "drive.metadata", "drive.readonly", "drive", "drive.file"],
        };
        let names = grant.scopes.iter().filter_map(|scope| scope.strip_prefix(SCOPE_PREFIX));
        if names.into_iter().any(|name| allowing.contains(&name)) {
            Ok(grant.email.clone())
        } else {
            Err(ApiError::missing_scope())
        }
    }

    /// Takes back every access token of an account, or of all.
    pub(crate) fn revoke(&mut self, email: Option<&str>) {
        self.grants.retain(|_, grant| email.is_some_and(|email| grant.email != email));
    }
}

fn random_token() -> Result<String, KeyError> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| KeyError)?;
    Ok(format!("ya29.local.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)))
}
