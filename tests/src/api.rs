//! The status API of the running stack, as a client sees it.

use anyhow::{Context as _, Result};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use sheetsync_local::{AwsSettings, Settings};

/// A caller of the API, authenticated or not.
#[derive(Debug, Clone)]
pub struct Api {
    url: String,
    token: Option<String>,
    client: Client,
}

/// What it answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null if it is not JSON.
    pub json: Value,
}

impl Answer {
    /// A header's text; empty without it.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The code of the error that it is.
    #[must_use]
    pub fn code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or_default()
    }
}

impl Api {
    /// A caller with any token, or none.
    ///
    /// # Errors
    /// When the stack runs without AWS.
    pub fn with(token: Option<&str>) -> Result<Self> {
        let aws = aws()?;
        Ok(Self { url: aws.api_url, token: token.map(str::to_owned), client: Client::new() })
    }

    /// The user who may read.
    ///
    /// # Errors
    /// When no stack runs.
    pub fn reader() -> Result<Self> {
        Self::with(Some(&Settings::from_env()?.people.reader_jwt))
    }

    /// The user who may also act.
    ///
    /// # Errors
    /// When no stack runs.
    pub fn operator() -> Result<Self> {
        Self::with(Some(&Settings::from_env()?.people.operator_jwt))
    }

    /// Reads.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, &[], None).await
    }

    /// Acts.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(Method::POST, path, &[], Some(body.to_string())).await
    }

    /// Sends any request.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Option<String>,
    ) -> Result<Answer> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(HeaderName::from_static(name), HeaderValue::from_str(value)?);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await.context("the status API does not answer")?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = String::from_utf8_lossy(&answer.bytes().await?).into_owned();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Ok(Answer { status, headers, text, json })
    }

    /// Reads what must be there.
    ///
    /// # Errors
    /// When the answer is anything but a 200.
    pub async fn read(&self, path: &str) -> Result<Value> {
        let answer = self.get(path).await?;
        anyhow::ensure!(answer.status == StatusCode::OK.as_u16(), "{path}: {} {}", answer.status, answer.text);
        Ok(answer.json)
    }
}

impl Api {
    /// Reads until `pointer` is `value`: an overview may be a second old.
    ///
    /// # Panics
    /// When it does not become so in time.
    pub async fn read_when(&self, path: &str, pointer: &str, value: &Value) -> Value {
        crate::eventually(&format!("{path}: {pointer} is {value}"), async || {
            self.read(path).await.ok().filter(|body| body.pointer(pointer) == Some(value))
        })
        .await
    }
}

fn aws() -> Result<AwsSettings> {
    Settings::from_env()?.aws.context("this stack runs without AWS")
}
