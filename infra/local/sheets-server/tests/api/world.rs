//! A running server and a client with a token: what every test begins with. It asserts nothing itself.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sheets_server::{Handle, Options, SheetsServer};

pub const READ_SCOPES: &str =
    "https://www.googleapis.com/auth/spreadsheets.readonly https://www.googleapis.com/auth/drive.metadata.readonly";
pub const WRITE_SCOPES: &str = "https://www.googleapis.com/auth/spreadsheets https://www.googleapis.com/auth/drive";

/// A server of its own for one test, and a client that may write.
pub struct World {
    pub handle: Handle,
    pub http: reqwest::Client,
    pub token: String,
}

impl World {
    pub async fn start() -> Self {
        let handle = SheetsServer::start(Options::default()).await.unwrap();
        let mut world = Self { handle, http: reqwest::Client::new(), token: String::new() };
        world.token = world.fresh_token(WRITE_SCOPES).await;
        world
    }

    /// A server with one document `d`, whose one tab `T` holds `rows`.
    pub async fn with_rows(rows: Value) -> Self {
        let world = Self::start().await;
        world.load("d", json!({"tabs": [{"title": "T", "rows": rows}]})).await;
        world
    }

    pub fn key(&self) -> Value {
        serde_json::from_str(self.handle.service_account_key()).unwrap()
    }

    pub async fn fresh_token(&self, scopes: &str) -> String {
        let (status, answer) = self.ask_token(&assertion(&self.key(), json!({"scope": scopes}))).await;
        assert_eq!(status, 200, "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    }

    pub async fn ask_token(&self, assertion: &str) -> (StatusCode, Value) {
        let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion)];
        let url = format!("{}/token", self.handle.base_url());
        let response = self.http.post(url).form(&form).send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let url = format!("{}{path}", self.handle.base_url());
        let request = self.http.request(method, url).bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        request.send().await.unwrap()
    }

    async fn json(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let response = self.send(method, path, body).await;
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.json(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.json(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.json(Method::PUT, path, Some(body)).await
    }

    pub async fn load(&self, id: &str, document: Value) -> Value {
        let (status, answer) = self.put(&format!("/_control/documents/{id}"), document).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub async fn control(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.post(&format!("/_control{path}"), body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// The unformatted values of a range of the document `d`; null if it is blank.
    pub async fn values(&self, range: &str) -> Value {
        let path = format!("/v4/spreadsheets/d/values/{range}?valueRenderOption=UNFORMATTED_VALUE");
        let (status, mut answer) = self.get(&path).await;
        assert_eq!(status, 200, "{answer}");
        answer["values"].take()
    }

    pub async fn version(&self) -> u64 {
        let (_, file) = self.get("/drive/v3/files/d?fields=version&supportsAllDrives=true").await;
        file["version"].as_str().unwrap().parse().unwrap()
    }
}

/// A signed assertion for the key; `changes` are put over the usual claims.
pub fn assertion(key: &Value, changes: Value) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut claims = json!({
        "iss": key["client_email"],
        "scope": READ_SCOPES,
        "aud": key["token_uri"],
        "iat": now,
        "exp": now + 3600,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let mut header = Header::new(Algorithm::RS256);
    header.kid = key["private_key_id"].as_str().map(str::to_owned);
    let signer = EncodingKey::from_rsa_pem(key["private_key"].as_str().unwrap().as_bytes()).unwrap();
    jsonwebtoken::encode(&header, &claims, &signer).unwrap()
}
