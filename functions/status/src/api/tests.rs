//! Service tokens over a server that plays Secrets Manager.

use std::sync::Mutex as StdMutex;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::config::Credentials;
use axum::Json;
use axum::routing::post;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::*;

fn secret_with(token: &str) -> String {
    let hash: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"readers": [hash], "operators": []}).to_string()
}

/// The secret's text, and an API that reads it.
async fn api(token: &str) -> (Arc<StdMutex<String>>, Api) {
    let text = Arc::new(StdMutex::new(secret_with(token)));
    let secret = Arc::clone(&text);
    let answer = async move || Json(json!({"ARN": "arn", "Name": "tokens", "SecretString": *secret.lock().unwrap()}));
    let router = Router::new().route("/", post(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let settings = Settings {
        definition: PathBuf::from("sheetsync.toml"),
        supabase_url: url.clone(),
        supabase_secret: "supabase".to_owned(),
        publishable_key: None,
        tokens_secret: "tokens".to_owned(),
        jwt_secret: None,
        reader_claim: None,
        operator_claim: None,
        queue_url: url.clone(),
        dlq_url: url.clone(),
        control_table: "control".to_owned(),
        scheduler_function: "scheduler".to_owned(),
    };
    let aws = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .load()
        .await;
    (text, Api::new(settings, &aws))
}

#[tokio::test]
async fn a_token_that_was_put_into_the_secret_just_now_is_known() {
    let (secret, api) = api("old").await;
    assert!(api.token_holder("old").await.unwrap().is_some());
    *secret.lock().unwrap() = secret_with("new");
    assert!(api.token_holder("new").await.unwrap().is_some(), "the secret is read again for it");
    assert!(api.token_holder("old").await.unwrap().is_none(), "and the one it replaced is no longer known");
}
