//! Who gets in and what strangers read, over a server that plays Secrets Manager.

use std::path::PathBuf;
use std::sync::Mutex as StdMutex;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::config::Credentials;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sheetsync::clock::{Clock, Millis};
use sheetsync::connections::{Addresses, Connections};

use super::*;
use crate::state::Settings;

fn secret_with(token: &str) -> String {
    let hash: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"readers": [hash], "operators": []}).to_string()
}

/// What Secrets Manager has, and how often it was asked.
#[derive(Default)]
struct Vault {
    /// `None`: it refuses to hand it out.
    text: Option<String>,
    asked: u32,
}

const REFUSAL: &str = "User: arn:aws:sts::123456789012:assumed-role/status is not authorized";

/// What Secrets Manager has, and an API that reads it.
async fn api(text: Option<String>) -> (Arc<StdMutex<Vault>>, Api) {
    let vault = Arc::new(StdMutex::new(Vault { text, asked: 0 }));
    let shared = Arc::clone(&vault);
    let answer = async move || {
        let mut vault = shared.lock().unwrap();
        vault.asked += 1;
        match &vault.text {
            Some(text) => Ok(Json(json!({"ARN": "arn", "Name": "tokens", "SecretString": text}))),
            None => {
                Err((StatusCode::BAD_REQUEST, Json(json!({"__type": "AccessDeniedException", "message": REFUSAL}))))
            }
        }
    };
    let router = Router::new().route("/", post(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let settings = Settings {
        definition: PathBuf::from("sheetsync.toml"),
        publishable_key: None,
        tokens_secret: "tokens".to_owned(),
        jwt_secret: None,
        reader_claim: None,
        operator_claim: None,
        scheduler_function: "scheduler".to_owned(),
    };
    let addresses = Addresses {
        supabase_url: url.clone(),
        supabase_secret: "supabase".to_owned(),
        queue_url: url.clone(),
        dead_letter_url: url.clone(),
        control_table: "control".to_owned(),
    };
    let aws = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .load()
        .await;
    (vault, Api::new(settings, Connections::new(addresses, aws)))
}

#[tokio::test]
async fn token_added_to_the_secret_is_accepted_at_once() {
    let (vault, api) = api(Some(secret_with("old"))).await;
    assert!(api.token_holder("old").await.unwrap().is_some());
    vault.lock().unwrap().text = Some(secret_with("new"));
    assert!(api.token_holder("new").await.unwrap().is_some(), "the secret is read again for it");
    assert!(api.token_holder("old").await.unwrap().is_none(), "and the one it replaced is no longer known");
}

#[tokio::test]
async fn a_revoked_service_token_stops_working_within_five_minutes() {
    let (vault, api) = api(Some(secret_with("old"))).await;
    let clock = Clock::starting_at(Millis(1_800_000_000_000));
    let api = api.on(clock);
    assert!(api.token_holder("old").await.unwrap().is_some());
    vault.lock().unwrap().text = Some(secret_with("another"));
    let pass = async |seconds| {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        tokio::time::resume();
    };
    pass(240).await;
    assert!(api.token_holder("old").await.unwrap().is_some(), "not read again with every request");
    pass(60).await;
    assert!(api.token_holder("old").await.unwrap().is_none());
}

/// Serves an API; what it answers to a caller with this token: the status and the error.
async fn answers(api: Api) -> impl AsyncFn(&str) -> (u16, serde_json::Value) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/syncs", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router(api)).await });
    let client = reqwest::Client::new();
    async move |token| {
        let answer = client.get(&url).bearer_auth(token).send().await.unwrap();
        let status = answer.status().as_u16();
        let body: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        (status, body["error"].clone())
    }
}

#[tokio::test]
async fn strangers_see_no_configuration_error_and_cause_one_secret_read() {
    for text in [None, Some("not what it should be".to_owned())] {
        let (vault, api) = api(text.clone()).await;
        let ask = answers(api).await;
        for token in ["x", "y", "z"] {
            let (status, error) = ask(token).await;
            assert_eq!((status, &error["code"]), (500, &json!("misconfigured")), "{error}");
            assert_eq!(error["details"], json!({}));
            let words = error.to_string();
            for secret in ["arn:", "123456789012", "TOKENS_SECRET_ID", "tokens", "authorized"] {
                assert!(!words.contains(secret), "{words}");
            }
        }
        assert_eq!(vault.lock().unwrap().asked, 1, "{text:?}");
    }
}

#[tokio::test]
async fn missing_reader_claim_admits_no_person_and_hides_the_reason() {
    let (_, api) = api(Some(secret_with("token"))).await;
    let ask = answers(api).await;
    let (status, error) = ask("a.b.c").await;
    assert_eq!((status, &error["code"]), (500, &json!("misconfigured")), "{error}");
    assert!(!error.to_string().contains("CLAIM"), "{error}");
}

#[tokio::test]
async fn awss_own_words_stay_in_the_log() {
    let error = ApiError::Aws { what: "SQS", reason: REFUSAL.to_owned() };
    assert!(error.to_string().contains(REFUSAL) && !error.public_message().contains("arn:"));
}
