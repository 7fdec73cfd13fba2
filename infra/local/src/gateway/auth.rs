//! Signing in, as far as a client of Supabase Auth sees it: the JWKS, and the token endpoint for passwords and refresh
//! tokens. Supabase Auth itself (GoTrue) comes as a Go program or a container image only, and so cannot run here; this
//! follows its addresses, claims and errors for two users who exist from the start, and for strangers who sign up. No e-mail, no
//! MFA.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue,
};
use hyper::{Method, Request, Response, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::proxy;
use crate::keys::Keys;

/// Where Supabase Auth lives in a project.
pub(super) const PREFIX: &str = "/auth/v1";

/// How long an access token is good for, as a new project has it.
const LIFE_SECONDS: u64 = 3600;

/// How long the ready-made tokens of `.local/env` are good for: the longest that a project can set.
const READY_MADE_LIFE_SECONDS: u64 = 7 * 86_400;

/// A user who can sign in.
#[derive(Debug)]
struct User {
    id: Uuid,
    email: String,
    password: String,
    /// What only the project's owner can set: here, the claim that makes an operator.
    app_metadata: Value,
}

/// The address of the user who may read.
pub const READER: &str = "reader@example.com";
/// The address of the user who may also act.
pub const OPERATOR: &str = "operator@example.com";

/// The sign-in of one project.
pub(super) struct Auth {
    signing_key: EncodingKey,
    key_id: String,
    jwks: Value,
    users: Vec<User>,
    /// Known once the gateway listens.
    issuer: OnceLock<String>,
    /// Each is good once, for the user at this place.
    refresh_tokens: Mutex<HashMap<String, usize>>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Credentials {
    email: String,
    password: String,
    refresh_token: String,
}

impl Auth {
    /// A sign-in with a key pair of its own.
    pub(super) fn new(keys: &Keys) -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).context("no key pair for Supabase Auth")?;
        let private = pair.to_pkcs8v1().context("no key pair for Supabase Auth")?;
        // Uncompressed: 0x04, then 32 bytes each of x and y.
        let point = pair.public_key().as_ref();
        let coordinate = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let key_id = Uuid::new_v4().to_string();
        let jwks = json!({"keys": [{
            "alg": "ES256", "crv": "P-256", "ext": true, "key_ops": ["verify"], "kid": key_id, "kty": "EC", "use": "sig",
            "x": coordinate(&point[1..33]), "y": coordinate(&point[33..]),
        }]});
        let user = |email: &str, password: &str, app_metadata| User {
            id: Uuid::new_v4(),
            email: email.to_owned(),
            password: password.to_owned(),
            app_metadata,
        };
        Ok(Self {
            signing_key: EncodingKey::from_ec_der(private.as_ref()),
            key_id,
            jwks,
            users: vec![
                user(
                    READER,
                    &keys.reader_password,
                    json!({"provider": "email", "providers": ["email"], "role": "reader"}),
                ),
                user(
                    OPERATOR,
                    &keys.operator_password,
                    json!({"provider": "email", "providers": ["email"], "role": "operator"}),
                ),
            ],
            issuer: OnceLock::new(),
            refresh_tokens: Mutex::default(),
        })
    }

    /// Says under which address the project is reached.
    pub(super) fn listens_at(&self, url: &str) {
        // A gateway starts once.
        let _ = self.issuer.set(format!("{url}{PREFIX}"));
    }

    /// An access token of a user that outlives a day's work.
    pub(super) fn ready_made(&self, email: &str) -> Result<String> {
        let user = self.users.iter().find(|user| user.email == email).context("no such user")?;
        self.access_token(user, READY_MADE_LIFE_SECONDS)
    }

    /// Answers a request below [`PREFIX`]. `has_key`: whether it carries a valid API key.
    pub(super) fn answer(&self, request: &Request<Bytes>, has_key: bool) -> Response<Full<Bytes>> {
        let target = proxy::target(request).strip_prefix(PREFIX).unwrap_or_default();
        let mut response = match (request.method(), target) {
            (&Method::OPTIONS, _) => proxy::text(StatusCode::OK, ""),
            (&Method::GET, "/.well-known/jwks.json") => proxy::json(StatusCode::OK, &self.jwks),
            _ if !has_key => proxy::json(StatusCode::UNAUTHORIZED, &json!({"message": "No API key found in request"})),
            (&Method::POST, "/token?grant_type=password") => self.sign_in(request.body()),
            (&Method::POST, "/token?grant_type=refresh_token") => self.refresh(request.body()),
            (&Method::POST, "/signup") => self.sign_up(request.body()),
            (&Method::POST, "/logout" | "/logout?scope=local" | "/logout?scope=global") => {
                proxy::text(StatusCode::NO_CONTENT, "")
            }
            (_, other) if other.starts_with("/token") => {
                refusal(StatusCode::BAD_REQUEST, "invalid_credentials", "unsupported_grant_type")
            }
            _ => refusal(StatusCode::NOT_FOUND, "not_found", "this stack knows of Supabase Auth only how to sign in"),
        };
        // A page of any origin may sign in, as at hosted Supabase.
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,POST,OPTIONS"));
        headers.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("apikey,authorization,content-type,x-client-info,x-supabase-api-version"),
        );
        response
    }

    fn sign_in(&self, body: &[u8]) -> Response<Full<Bytes>> {
        let given: Credentials = serde_json::from_slice(body).unwrap_or_default();
        let known = self.users.iter().position(|it| it.email == given.email && it.password == given.password);
        match known {
            Some(user) => self.session(user),
            None => refusal(StatusCode::BAD_REQUEST, "invalid_credentials", "Invalid login credentials"),
        }
    }

    fn refresh(&self, body: &[u8]) -> Response<Full<Bytes>> {
        let given: Credentials = serde_json::from_slice(body).unwrap_or_default();
        let known = self.refresh_tokens.lock().ok().and_then(|mut tokens| tokens.remove(&given.refresh_token));
        match known {
            Some(user) => self.session(user),
            None => refusal(
                StatusCode::BAD_REQUEST,
                "refresh_token_not_found",
                "Invalid Refresh Token: Refresh Token Not Found",
            ),
        }
    }

    /// Signs up anybody, as a new project with sign-ups and anonymous sign-ins enabled does; such users have no claims.
    fn sign_up(&self, body: &[u8]) -> Response<Full<Bytes>> {
        let Credentials { email, password, .. } = serde_json::from_slice(body).unwrap_or_default();
        let app_metadata =
            if email.is_empty() { json!({}) } else { json!({"provider": "email", "providers": ["email"]}) };
        let stranger = User { id: Uuid::new_v4(), email, password, app_metadata };
        self.session_of(&stranger, Uuid::new_v4().simple().to_string())
    }

    fn session(&self, index: usize) -> Response<Full<Bytes>> {
        let refresh_token = Uuid::new_v4().simple().to_string();
        if let Ok(mut tokens) = self.refresh_tokens.lock() {
            tokens.insert(refresh_token.clone(), index);
        }
        self.session_of(&self.users[index], refresh_token)
    }

    fn session_of(&self, user: &User, refresh_token: String) -> Response<Full<Bytes>> {
        let Ok(access_token) = self.access_token(user, LIFE_SECONDS) else {
            return refusal(StatusCode::INTERNAL_SERVER_ERROR, "unexpected_failure", "the token cannot be signed");
        };
        let session = json!({
            "access_token": access_token, "token_type": "bearer", "expires_in": LIFE_SECONDS,
            "expires_at": now() + LIFE_SECONDS, "refresh_token": refresh_token,
            "user": {"id": user.id, "aud": "authenticated", "role": "authenticated", "email": user.email,
                     "app_metadata": user.app_metadata, "user_metadata": {}},
        });
        proxy::json(StatusCode::OK, &session)
    }

    /// The claims are those of Supabase's documentation, "JWT Claims Reference".
    fn access_token(&self, user: &User, life_seconds: u64) -> Result<String> {
        let now = now();
        let claims = json!({
            "iss": self.issuer.get().context("the gateway does not listen yet")?, "sub": user.id, "aud": "authenticated",
            "exp": now + life_seconds, "iat": now, "email": user.email, "phone": "", "app_metadata": user.app_metadata,
            "user_metadata": {}, "role": "authenticated", "aal": "aal1", "session_id": Uuid::new_v4(),
            "amr": [{"method": "password", "timestamp": now}], "is_anonymous": user.email.is_empty(),
        });
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::ES256) };
        Ok(jsonwebtoken::encode(&header, &claims, &self.signing_key)?)
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// An error in Supabase Auth's form.
fn refusal(status: StatusCode, error_code: &str, message: &str) -> Response<Full<Bytes>> {
    proxy::json(status, &json!({"code": status.as_u16(), "error_code": error_code, "msg": message}))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::jwk::JwkSet;
    use jsonwebtoken::{DecodingKey, Validation};

    use super::*;

    fn auth() -> Auth {
        let auth = Auth::new(&Keys::generate()).unwrap();
        auth.listens_at("http://127.0.0.1:1");
        auth
    }

    fn post(auth: &Auth, target: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::post(target).body(Bytes::from(body.to_string())).unwrap();
        let response = auth.answer(&request, true);
        let (parts, body) = response.into_parts();
        let body = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(http_body_util::BodyExt::collect(body))
            .unwrap()
            .to_bytes();
        (parts.status, serde_json::from_slice(&body).unwrap_or_default())
    }

    fn claims(auth: &Auth, token: &str) -> Value {
        let keys: JwkSet = serde_json::from_value(auth.jwks.clone()).unwrap();
        let key = DecodingKey::from_jwk(&keys.keys[0]).unwrap();
        let mut expected = Validation::new(Algorithm::ES256);
        expected.set_audience(&["authenticated"]);
        expected.set_issuer(&["http://127.0.0.1:1/auth/v1"]);
        jsonwebtoken::decode::<Value>(token, &key, &expected).unwrap().claims
    }

    #[test]
    fn a_password_buys_a_token_that_the_published_key_verifies() {
        let auth = auth();
        let password = &auth.users[1].password;
        let (status, session) =
            post(&auth, "/auth/v1/token?grant_type=password", &json!({"email": OPERATOR, "password": password}));
        assert_eq!(status, StatusCode::OK);
        let claims = claims(&auth, session["access_token"].as_str().unwrap());
        assert_eq!(
            (claims["email"].as_str(), claims["app_metadata"]["role"].as_str()),
            (Some(OPERATOR), Some("operator"))
        );
    }

    #[test]
    fn a_refresh_token_is_good_once() {
        let auth = auth();
        let password = &auth.users[0].password;
        let (_, session) =
            post(&auth, "/auth/v1/token?grant_type=password", &json!({"email": READER, "password": password}));
        let refresh = || {
            post(&auth, "/auth/v1/token?grant_type=refresh_token", &json!({"refresh_token": session["refresh_token"]}))
        };
        assert_eq!(refresh().0, StatusCode::OK);
        let (status, error) = refresh();
        assert_eq!((status, error["error_code"].as_str()), (StatusCode::BAD_REQUEST, Some("refresh_token_not_found")));
    }

    #[test]
    fn wrong_password_returns_supabases_error() {
        let (status, error) =
            post(&auth(), "/auth/v1/token?grant_type=password", &json!({"email": READER, "password": "guess"}));
        assert_eq!((status, error["error_code"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_credentials")));
    }
}
