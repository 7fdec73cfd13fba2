//! Client of the status API: starts a run, and reads its progress.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sheetsync::http;
use sheetsync::run::RunStatus;
use uuid::Uuid;

/// The function behind the API has 15 s.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Where the API is.
#[derive(clap::Args)]
pub struct Access {
    /// The API's URL (output ApiUrl of the stack)
    #[arg(long, env = "API_URL")]
    api_url: String,
}

/// Why the API did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// There is no token.
    #[error("SHEETSYNC_TOKEN is not set: export a service token of the API (locally: SHEETSYNC_TOKEN=$OPERATOR_TOKEN)")]
    NoToken,
    /// The token would be sent unencrypted.
    #[error("API_URL is {0}, over which the token would be sent unencrypted; give its https:// address")]
    NotPrivate(String),
    /// The API could not be reached.
    #[error("the API at {url} gave no answer; check API_URL")]
    NoAnswer {
        /// The address of the API.
        url: String,
        source: reqwest::Error,
    },
    /// A refusal.
    #[error("the API refuses ({status}, {code}): {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its short name.
        code: String,
        /// What is wrong and what to do.
        message: String,
    },
}

impl ApiError {
    /// Whether the next second may bring an answer.
    pub fn passes(&self) -> bool {
        matches!(self, Self::NoAnswer { .. } | Self::Refused { status: 429 | 500.., .. })
    }

    /// Whether what was asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

/// A connection to the API.
pub struct Api {
    http: reqwest::Client,
    url: String,
    token: SecretString,
}

/// A run, as the API returns it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    pub id: Uuid,
    pub status: RunStatus,
    pub planned_at: Option<Timestamp>,
    pub total_rows: u64,
    pub inserted: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub rejected: u64,
    pub skipped: u64,
    pub failed: u64,
    pub deleted: u64,
    pub conflicts: u64,
    /// Rows that had been deleted in the database; among the inserted.
    #[serde(default)]
    pub restored: u64,
    /// Rows in which a column of the sheet had been changed in the database; among the updated.
    #[serde(default)]
    pub corrected: u64,
    pub rows_sent: u64,
    pub rows_done: u64,
    /// Vanished keys whose deletion waits for another complete read.
    #[serde(default)]
    pub unconfirmed: u64,
    /// Rows whose adoption waits for approval.
    #[serde(default)]
    pub withheld: u64,
    pub deletes_withheld: Option<String>,
    pub error: Option<Problem>,
}

/// Why a run failed.
#[derive(Debug, Clone, Deserialize)]
pub struct Problem {
    pub code: String,
    pub message: String,
}

/// What the command reads of a sync.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sync {
    pub running_run: Option<RunName>,
    pub last_run: Option<RunName>,
}

/// A run's id.
#[derive(Debug, Deserialize)]
pub struct RunName {
    pub id: Uuid,
}

impl Access {
    /// Connects with the token, which comes from the environment only: command lines are for everybody to read.
    pub fn connect(&self) -> Result<Api, ApiError> {
        let token = std::env::var("SHEETSYNC_TOKEN").map_err(|_| ApiError::NoToken)?;
        let url = self.api_url.trim_end_matches('/').to_owned();
        if !http::is_private(&url) {
            return Err(ApiError::NotPrivate(url));
        }
        let http = http::client(&url).map_err(|source| ApiError::NoAnswer { url: url.clone(), source })?;
        Ok(Api { http, url, token: token.into() })
    }
}

impl Api {
    /// A run.
    pub async fn run(&self, id: Uuid) -> Result<Run, ApiError> {
        self.send(self.http.get(format!("{}/api/runs/{id}", self.url))).await
    }

    /// A sync.
    pub async fn sync(&self, name: &str) -> Result<Sync, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            sync: Sync,
        }
        let answer: Answer = self.send(self.http.get(self.of_sync(name, ""))).await?;
        Ok(answer.sync)
    }

    /// Asks for a run; answers its id. Asked twice under the same key it is one run.
    pub async fn start(&self, sync: &str, request: &Value, key: Uuid) -> Result<Uuid, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            run: Uuid,
        }
        let asked =
            self.http.post(self.of_sync(sync, "/runs")).header("idempotency-key", key.to_string()).json(request);
        Ok(self.send::<Answer>(asked).await?.run)
    }

    fn of_sync(&self, sync: &str, path: &str) -> String {
        let name: String = form_urlencoded::byte_serialize(sync.as_bytes()).collect();
        format!("{}/api/syncs/{name}{path}", self.url)
    }

    async fn send<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, ApiError> {
        #[derive(Default, Deserialize)]
        struct Refusal {
            error: Detail,
        }
        #[derive(Default, Deserialize)]
        struct Detail {
            code: String,
            message: String,
        }
        let no_answer = |source| ApiError::NoAnswer { url: self.url.clone(), source };
        let answer =
            request.timeout(TIMEOUT).bearer_auth(self.token.expose_secret()).send().await.map_err(no_answer)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(no_answer)?;
        let unreadable = |code: &str| ApiError::Refused {
            status: status.as_u16(),
            code: code.to_owned(),
            message: "its answer is not of this version; check API_URL".to_owned(),
        };
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| unreadable("unexpected_answer"));
        }
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(Refusal { error: Detail { code, message } }) => {
                Err(ApiError::Refused { status: status.as_u16(), code, message })
            }
            Err(_) => Err(unreadable(StatusCode::as_str(&status))),
        }
    }
}
