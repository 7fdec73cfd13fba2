//! What stands in front of PostgREST at hosted Supabase: the prefix `/rest/v1`, the API keys, and signing in. And, for
//! tests only, faults and a record of the requests.

pub mod auth;
pub mod aws;
pub mod faults;
mod in_part;
mod met;
pub mod proxy;
pub mod record;

use std::sync::Arc;

use anyhow::Result;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::json;

use crate::keys::Keys;
use auth::Auth;
use faults::Faults;
use proxy::{Answer, Upstream};
use record::Record;

const API_KEY: &str = "apikey";
const PREFIX: &str = "/rest/v1";

/// The gateway of one stack. It lives until the program ends.
#[derive(Debug)]
pub struct Gateway {
    /// The project's URL.
    pub url: String,
    /// The faults that it makes.
    pub faults: Arc<Faults>,
    /// What it has seen.
    pub record: Arc<Record>,
    /// A token of the user who may read, and one of the user who may act.
    pub tokens: (String, String),
}

impl Gateway {
    /// Starts the gateway on a free port.
    pub async fn start(postgrest_port: u16, keys: &Keys) -> Result<Self> {
        let (faults, record) = (Arc::new(Faults::default()), Arc::new(Record::default()));
        let passage = Arc::new(Passage {
            postgrest: format!("http://127.0.0.1:{postgrest_port}"),
            upstream: Upstream::new()?,
            doorman: Doorman::new(keys)?,
            auth: Auth::new(keys)?,
            faults: Arc::clone(&faults),
            record: Arc::clone(&record),
        });
        let served = Arc::clone(&passage);
        let url = proxy::serve(move |request| Arc::clone(&served).handle(request)).await?;
        passage.auth.listens_at(&url);
        let tokens = (passage.auth.ready_made(auth::READER)?, passage.auth.ready_made(auth::OPERATOR)?);
        Ok(Self { url, faults, record, tokens })
    }
}

/// The way of a request through the gateway.
struct Passage {
    postgrest: String,
    upstream: Upstream,
    doorman: Doorman,
    auth: Auth,
    faults: Arc<Faults>,
    record: Arc<Record>,
}

impl Passage {
    async fn handle(self: Arc<Self>, request: Request<Bytes>) -> Answer {
        let path = proxy::target(&request).to_owned();
        met::meet(&self.faults, &self.record, path, request, async |request| self.pass(request).await).await
    }

    async fn pass(&self, mut request: Request<Bytes>) -> Response<Full<Bytes>> {
        if proxy::target(&request).starts_with(auth::PREFIX) {
            let has_key = self.doorman.admit(request.headers_mut()).is_ok();
            return self.auth.answer(&request, has_key);
        }
        let Some(path) = proxy::target(&request).strip_prefix(PREFIX).map(str::to_owned) else {
            return proxy::json(StatusCode::NOT_FOUND, &json!({"message": "no Route matched with those values"}));
        };
        if let Err(refusal) = self.doorman.admit(request.headers_mut()) {
            return proxy::json(StatusCode::UNAUTHORIZED, &json!({"message": refusal.0, "hint": refusal.1}));
        }
        self.upstream.forward(request, &format!("{}{path}", self.postgrest)).await
    }
}

/// Looks at the API key and turns it into the JWT that PostgREST understands.
struct Doorman {
    secret_key: String,
    publishable_key: String,
    service_role: String,
    anon: String,
    jwt_key: DecodingKey,
}

/// Message and hint, in the hosted gateway's words.
struct Refusal(&'static str, &'static str);

impl Doorman {
    fn new(keys: &Keys) -> Result<Self> {
        Ok(Self {
            secret_key: keys.secret_key.clone(),
            publishable_key: keys.publishable_key.clone(),
            service_role: keys.jwt("service_role")?,
            anon: keys.jwt("anon")?,
            jwt_key: DecodingKey::from_secret(keys.jwt_secret.as_bytes()),
        })
    }

    /// Refuses a request without a valid key. A user's own token in `Authorization` stays; a key there, or nothing,
    /// is replaced by the JWT of the key's role.
    fn admit(&self, headers: &mut HeaderMap) -> Result<(), Refusal> {
        let key = headers
            .remove(API_KEY)
            .ok_or(Refusal("No API key found in request", "No `apikey` request header or url param was found."))?;
        let role = self
            .role(key.to_str().unwrap_or_default())
            .ok_or(Refusal("Invalid API key", "Double check your Supabase `anon` or `service_role` API key."))?;
        let token = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok()?.strip_prefix("Bearer "));
        if token.is_none_or(|token| token.starts_with("sb_")) {
            let value = HeaderValue::try_from(format!("Bearer {role}")).map_err(|_| Refusal("Invalid API key", ""))?;
            headers.insert(AUTHORIZATION, value);
        }
        Ok(())
    }

    /// The JWT that a key stands for; the keys of older projects are such JWTs themselves.
    fn role<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        if key == self.secret_key {
            return Some(&self.service_role);
        }
        if key == self.publishable_key {
            return Some(&self.anon);
        }
        let claims = Validation::new(Algorithm::HS256);
        jsonwebtoken::decode::<serde_json::Value>(key, &self.jwt_key, &claims).is_ok().then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys {
            database_password: "p".into(),
            jwt_secret: "0123456789abcdef0123456789abcdef".into(),
            secret_key: "sb_secret_x".into(),
            publishable_key: "sb_publishable_y".into(),
            reader_token: "r".into(),
            operator_token: "o".into(),
            reader_password: "rp".into(),
            operator_password: "op".into(),
        }
    }

    fn admitted(headers: &[(&'static str, &str)]) -> Result<String, &'static str> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        Doorman::new(&keys()).unwrap().admit(&mut map).map_err(|refusal| refusal.0)?;
        Ok(map[AUTHORIZATION].to_str().unwrap().to_owned())
    }

    fn role_in(authorization: &str) -> String {
        let token = authorization.strip_prefix("Bearer ").unwrap();
        let key = DecodingKey::from_secret(keys().jwt_secret.as_bytes());
        let claims = Validation::new(Algorithm::HS256);
        let token = jsonwebtoken::decode::<serde_json::Value>(token, &key, &claims).unwrap();
        token.claims["role"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_key_becomes_the_jwt_of_its_role() {
        assert_eq!(role_in(&admitted(&[("apikey", "sb_secret_x")]).unwrap()), "service_role");
        assert_eq!(role_in(&admitted(&[("apikey", "sb_publishable_y")]).unwrap()), "anon");
        let key = keys().jwt("service_role").unwrap();
        assert_eq!(role_in(&admitted(&[("apikey", &key)]).unwrap()), "service_role");
    }

    #[test]
    fn authorization_header_admits_user_tokens_but_no_api_keys() {
        let both = [("apikey", "sb_publishable_y"), ("authorization", "Bearer sb_secret_x")];
        assert_eq!(role_in(&admitted(&both).unwrap()), "anon");
        let user = format!("Bearer {}", keys().jwt("authenticated").unwrap());
        let both = [("apikey", "sb_publishable_y"), ("authorization", user.as_str())];
        assert_eq!(admitted(&both).unwrap(), user);
    }

    #[test]
    fn request_without_a_valid_key_is_refused() {
        assert_eq!(admitted(&[]), Err("No API key found in request"));
        assert_eq!(admitted(&[("authorization", "Bearer sb_secret_x")]), Err("No API key found in request"));
        assert_eq!(admitted(&[("apikey", "sb_secret_wrong")]), Err("Invalid API key"));
        let mut other = keys();
        other.jwt_secret = "another secret of another project".into();
        assert_eq!(admitted(&[("apikey", &other.jwt("service_role").unwrap())]), Err("Invalid API key"));
    }
}
