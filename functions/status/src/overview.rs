//! What Supabase knows of every sync, in one call; and when it cannot be reached, what it said last.

use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::known::{Answer, Known};
use crate::state::Api;

/// How long what is known stays in the control table before it is written again.
const KEEP_EVERY_SECONDS: i64 = 60;

const NAME: &str = "overview";

/// What is known of all syncs, since when, and why no more than that.
#[derive(Debug, Default)]
pub struct Overview {
    pub syncs: Vec<Known>,
    /// Why this is not of now.
    pub unreachable: Option<String>,
}

impl Api {
    /// What is known of all syncs.
    pub async fn overview(&self) -> Overview {
        if let Some(syncs) = self.last_known.lock().await.current() {
            return Overview { syncs, unreachable: None };
        }
        match self.fetch_overview().await {
            Ok(answers) => Overview { syncs: self.keep_overview(answers).await, unreachable: None },
            Err(error) => {
                tracing::warn!(error = %error, "Supabase cannot be reached");
                Overview { syncs: self.last_known().await, unreachable: Some(error.public_message()) }
            }
        }
    }

    async fn fetch_overview(&self) -> Result<Vec<Answer>, ApiError> {
        Ok(self.supabase().await?.ask("sync_overview", &json!({})).await?)
    }

    /// Remembers what was answered; gives what is known by it.
    async fn keep_overview(&self, answers: Vec<Answer>) -> Vec<Known> {
        let (syncs, kept): (Vec<Known>, Vec<Value>) =
            answers.into_iter().map(|answer| (answer.known, answer.kept)).unzip();
        let now = Timestamp::now();
        let mut last = self.last_known.lock().await;
        last.syncs.clone_from(&syncs);
        last.read_at = Some(Instant::now());
        let is_due = last.kept_at.is_none_or(|kept| now.duration_since(kept).as_secs() >= KEEP_EVERY_SECONDS);
        if is_due {
            last.kept_at = Some(now);
            self.memory.keep(NAME, &kept).await;
        }
        syncs
    }

    /// What was known last.
    pub async fn last_known(&self) -> Vec<Known> {
        let mut last = self.last_known.lock().await;
        if last.syncs.is_empty()
            && let Some((syncs, _)) = self.memory.recall(NAME).await
        {
            last.syncs = syncs;
        }
        last.syncs.clone()
    }
}
