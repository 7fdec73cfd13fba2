//! Tokens of every wrong kind, against keys that a real HTTP server publishes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::Json;
use axum::http::StatusCode;
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;
use tokio::sync::Mutex;

use super::*;

/// A key pair that signs access tokens.
struct Signer {
    algorithm: Algorithm,
    key: EncodingKey,
    id: &'static str,
    jwk: Value,
    /// What an attacker knows of it.
    public: Vec<u8>,
}

fn text(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn elliptic(id: &'static str) -> Signer {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let key = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
    let public = pair.public_key().as_ref().to_vec();
    let jwk = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": id,
                     "x": text(&public[1..33]), "y": text(&public[33..])});
    Signer { algorithm: Algorithm::ES256, key, id, jwk, public }
}

fn rsa(id: &'static str) -> Signer {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8: aws_lc_rs::encoding::Pkcs8V1Der<'static> = pair.as_der().unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        base64::prelude::BASE64_STANDARD.encode(pkcs8.as_ref())
    );
    let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
    let jwk = json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": id,
                     "n": text(n.big_endian_without_leading_zero()), "e": text(e.big_endian_without_leading_zero())});
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    Signer { algorithm: Algorithm::RS256, key, id, jwk, public: pair.public_key().as_ref().to_vec() }
}

fn rules(reader_claim: &str) -> Rules {
    let operator = Some(Claim::parse("app_metadata.role=operator").unwrap());
    Rules { readers: Readers::parse(reader_claim).unwrap(), operator }
}

/// A project that publishes keys.
struct Project {
    url: String,
    published: Arc<Mutex<Vec<Value>>>,
    asked: Arc<AtomicUsize>,
}

impl Project {
    async fn publishing(signers: &[&Signer]) -> Self {
        let published = Arc::new(Mutex::new(signers.iter().map(|signer| signer.jwk.clone()).collect::<Vec<_>>()));
        let asked = Arc::new(AtomicUsize::new(0));
        let (keys, count) = (published.clone(), asked.clone());
        let answer = move || async move {
            count.fetch_add(1, Ordering::SeqCst);
            let keys = keys.lock().await.clone();
            if keys.is_empty() { Err(StatusCode::SERVICE_UNAVAILABLE) } else { Ok(Json(json!({"keys": keys}))) }
        };
        let router = axum::Router::new().route("/auth/v1/.well-known/jwks.json", get(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, published, asked }
    }

    fn people(&self) -> People {
        self.people_with("*")
    }

    fn people_with(&self, reader_claim: &str) -> People {
        People::new(&self.url, None, rules(reader_claim), None).unwrap()
    }

    /// The claims of a person who has just signed in.
    fn claims(&self) -> Value {
        let now = jiff::Timestamp::now().as_second();
        json!({"iss": format!("{}/auth/v1", self.url), "sub": "a2a5", "aud": "authenticated", "exp": now + 3600, "iat": now,
               "email": "reader@example.com", "app_metadata": {}, "user_metadata": {}, "role": "authenticated",
               "is_anonymous": false})
    }

    /// The same with one claim set otherwise.
    fn claims_with(&self, name: &str, value: impl Into<Value>) -> Value {
        let mut claims = self.claims();
        claims[name] = value.into();
        claims
    }
}

impl Signer {
    fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }
}

/// A token with any header and any bytes for a signature.
fn forged(header: &Value, claims: &Value, signature: &[u8]) -> String {
    format!("{}.{}.{}", text(header.to_string().as_bytes()), text(claims.to_string().as_bytes()), text(signature))
}

async fn refused(people: &People, token: &str) -> String {
    match people.principal(token).await {
        Err(ApiError::Unauthenticated(why)) => why.to_owned(),
        other => panic!("not refused as unauthenticated: {other:?}"),
    }
}

#[tokio::test]
async fn keys_of_both_kinds_verify_and_a_claim_grants_operator() {
    for signer in [elliptic("one"), rsa("one")] {
        let project = Project::publishing(&[&signer]).await;
        let people = project.people();
        let reader = people.principal(&signer.sign(&project.claims())).await.unwrap();
        assert_eq!((reader.name.as_str(), reader.role, reader.kind), ("reader@example.com", Role::Reader, Kind::User));
        let claims = project.claims_with("app_metadata", json!({"role": "operator"}));
        assert_eq!(people.principal(&signer.sign(&claims)).await.unwrap().role, Role::Operator);
        let claims = project.claims_with("user_metadata", json!({"role": "operator"}));
        assert_eq!(people.principal(&signer.sign(&claims)).await.unwrap().role, Role::Reader);
        assert_eq!(project.asked.load(Ordering::SeqCst), 1, "the keys are asked for once");
    }
}

#[tokio::test]
async fn a_token_of_another_time_project_or_audience_is_refused() {
    let signer = elliptic("one");
    let project = Project::publishing(&[&signer]).await;
    let people = project.people();
    let now = jiff::Timestamp::now().as_second();
    for (name, value, part) in [
        ("exp", json!(now - 60), "expired"),
        ("iss", json!("https://other.supabase.co/auth/v1"), "another project"),
        ("iss", Value::Null, "not valid"),
        ("aud", json!("anon"), "another project"),
        ("aud", Value::Null, "not valid"),
        ("exp", Value::Null, "not valid"),
        ("sub", Value::Null, "not valid"),
    ] {
        let mut claims = project.claims_with(name, value);
        if claims[name].is_null() {
            claims.as_object_mut().unwrap().remove(name);
        }
        let why = refused(&people, &signer.sign(&claims)).await;
        assert!(why.contains(part), "{name}: {why}");
    }
    // Clocks differ by seconds.
    assert!(people.principal(&signer.sign(&project.claims_with("exp", now - 10))).await.is_ok());
}

#[tokio::test]
async fn the_token_does_not_choose_how_it_is_verified() {
    let (signer, other) = (elliptic("one"), elliptic("one"));
    let project = Project::publishing(&[&signer]).await;
    let people = project.people();
    let claims = project.claims_with("app_metadata", json!({"role": "operator"}));

    refused(&people, &forged(&json!({"alg": "none", "typ": "JWT", "kid": "one"}), &claims, b"")).await;
    refused(&people, &forged(&json!({"alg": "ES256", "kid": "one"}), &claims, b"")).await;
    refused(&people, &forged(&json!({"alg": "ES256", "kid": "one"}), &claims, &[0; 64])).await;
    // The public key, which everybody has, as if it were a shared secret.
    for public in [signer.public.clone(), signer.jwk.to_string().into_bytes()] {
        let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::HS256) };
        let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&public)).unwrap();
        refused(&people, &token).await;
    }
    // Another key under the same name; another algorithm than the key's; no name.
    refused(&people, &other.sign(&claims)).await;
    refused(&people, &Signer { id: "one", ..rsa("two") }.sign(&claims)).await;
    refused(&people, &jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &signer.key).unwrap()).await;
    for text in ["a.b.c", "..", "eyJhbGciOiJFUzI1NiJ9.e30."] {
        refused(&people, text).await;
    }
}

#[tokio::test]
async fn new_key_is_fetched_and_unknown_ids_are_rate_limited() {
    let (old, new) = (elliptic("old"), elliptic("new"));
    let project = Project::publishing(&[&old]).await;
    let people = project.people();
    assert!(people.principal(&old.sign(&project.claims())).await.is_ok());
    *project.published.lock().await = vec![old.jwk.clone(), new.jwk.clone()];
    for _ in 0..5 {
        // The keys were asked for within the last minute.
        refused(&people, &new.sign(&project.claims())).await;
    }
    assert_eq!(project.asked.load(Ordering::SeqCst), 1);
    people.keys.lock().await.asked_at = Instant::now().checked_sub(UNKNOWN_KEY_PAUSE + Duration::from_secs(1));
    assert!(people.principal(&new.sign(&project.claims())).await.is_ok());
    assert_eq!(project.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn revoked_key_is_dropped_and_known_keys_outlive_an_outage() {
    let (old, new) = (elliptic("old"), elliptic("new"));
    let project = Project::publishing(&[&old]).await;
    let people = project.people();
    let token = old.sign(&project.claims());
    assert!(people.principal(&token).await.is_ok());
    let long_ago = || Instant::now().checked_sub(KEYS_LIFE + Duration::from_secs(1));

    project.published.lock().await.clear();
    people.keys.lock().await.asked_at = long_ago();
    assert!(people.principal(&token).await.is_ok(), "Supabase Auth is down, and the keys are known");

    *project.published.lock().await = vec![new.jwk.clone()];
    people.keys.lock().await.asked_at = long_ago();
    refused(&people, &token).await;
}

#[tokio::test]
async fn missing_signing_keys_are_reported_as_auth_unavailable() {
    let signer = elliptic("one");
    let project = Project::publishing(&[]).await;
    let people = project.people();
    let token = signer.sign(&project.claims());
    assert!(matches!(people.principal(&token).await, Err(ApiError::AuthUnavailable)));
    *project.published.lock().await = vec![signer.jwk.clone()];
    assert!(people.principal(&token).await.is_ok(), "the next request tries again");
}

#[tokio::test]
async fn a_shared_secret_counts_only_where_it_is_configured() {
    let signer = elliptic("one");
    let project = Project::publishing(&[&signer]).await;
    let secret = "a-secret-of-the-older-project-which-is-long";
    let sign = |secret: &str| {
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &project.claims(), &key).unwrap()
    };
    let token = sign(secret);
    refused(&project.people(), &token).await;
    let shared_secret = DecodingKey::from_secret(secret.as_bytes()).into();
    let people = People::new(&project.url, Some(shared_secret), rules("*"), None).unwrap();
    assert!(people.principal(&token).await.is_ok());
    refused(&people, &sign("another secret")).await;
    assert!(
        people.principal(&signer.sign(&project.claims())).await.is_ok(),
        "both ways at once, while a project migrates"
    );
}

#[tokio::test]
async fn reader_claim_limits_readers_and_anonymous_users_never_read() {
    let signer = elliptic("one");
    let project = Project::publishing(&[&signer]).await;
    let people = project.people_with("app_metadata.team=listings");
    assert!(matches!(people.principal(&signer.sign(&project.claims())).await, Err(ApiError::Forbidden)));
    let claims = project.claims_with("app_metadata", json!({"team": "listings"}));
    assert!(people.principal(&signer.sign(&claims)).await.is_ok());
    let claims = project.claims_with("is_anonymous", true);
    assert!(matches!(project.people().principal(&signer.sign(&claims)).await, Err(ApiError::Forbidden)));
}

#[tokio::test]
async fn empty_reader_claim_is_refused_and_star_admits_everybody() {
    for empty in ["", "  "] {
        assert!(matches!(Readers::parse(empty), Err(ClaimError::NoReaders)), "{empty:?}");
    }
    assert!(matches!(Readers::parse(" * "), Ok(Readers::Everybody)));
    for wrong in ["**", "role", "user_metadata.role=reader"] {
        assert!(Readers::parse(wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn signing_keys_are_not_taken_from_where_a_redirect_leads() {
    let signer = elliptic("one");
    let other = Project::publishing(&[&signer]).await;
    let target = format!("{}/auth/v1/.well-known/jwks.json", other.url);
    let redirect = move || std::future::ready(axum::response::Redirect::temporary(&target));
    let router = axum::Router::new().route("/auth/v1/.well-known/jwks.json", get(redirect));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let people = People::new(&url, None, rules("*"), None).unwrap();
    let refused = people.principal(&signer.sign(&other.claims())).await;
    assert!(matches!(refused, Err(ApiError::AuthUnavailable)), "{refused:?}");
    assert_eq!(other.asked.load(Ordering::SeqCst), 0);
}
