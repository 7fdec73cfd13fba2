//! What Supabase knows of every sync, in one call; and when it cannot be reached, what it said last.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sheetsync::supabase::SupabaseError;

use crate::api::Api;
use crate::error::ApiError;
use crate::runs::Run;
use crate::time::Time;

/// How long what is known stays in the control table before it is written anew.
const KEEP_EVERY_SECONDS: i64 = 60;

const NAME: &str = "overview";

/// What `sync_overview` says of a sync.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    pub sync: String,
    pub last_run: Option<Run>,
    pub running_run: Option<Run>,
    pub completed_run: Option<Run>,
    #[serde(default)]
    pub first_at: Option<Time>,
    pub applied_at: Option<Time>,
    pub scheduled_at: Option<Time>,
    /// Open problems by type.
    pub open: BTreeMap<String, u64>,
    #[serde(rename = "conflicts24h")]
    pub conflicts_24h: u64,
    #[serde(rename = "last24h")]
    pub last_24h: Day,
}

impl Known {
    fn without_samples(self) -> Self {
        let short = |run: Option<Run>| run.map(Run::without_samples);
        Self {
            last_run: short(self.last_run),
            running_run: short(self.running_run),
            completed_run: short(self.completed_run),
            ..self
        }
    }
}

/// The last 24 hours, as `sync_overview` counts them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Day {
    pub runs: u64,
    pub completed: u64,
    pub partial: u64,
    pub failed: u64,
    pub rows_read: u64,
    pub rows_wrong: u64,
    // What was known last may be of before these were.
    #[serde(default)]
    pub rows_due: u64,
    #[serde(default)]
    pub rows_arrived: u64,
    pub average_seconds: Option<f64>,
    pub p95_seconds: Option<f64>,
    pub rows_per_second: Option<f64>,
}

/// What is known of all syncs, since when, and why no more than that.
#[derive(Debug, Default)]
pub struct Overview {
    pub syncs: Vec<Known>,
    /// Why this is not of now.
    pub unreachable: Option<String>,
}

/// What was last known, and what was last kept.
#[derive(Debug, Default)]
pub struct LastKnown {
    syncs: Vec<Known>,
    kept_at: Option<Timestamp>,
}

impl Api {
    /// What is known of all syncs.
    pub async fn overview(&self) -> Overview {
        match self.fetch_overview().await {
            Ok(syncs) => {
                self.keep_overview(&syncs).await;
                Overview { syncs, unreachable: None }
            }
            Err(error) => {
                tracing::warn!(error = %error, "Supabase cannot be reached");
                Overview { syncs: self.last_known().await, unreachable: Some(error.to_string()) }
            }
        }
    }

    async fn fetch_overview(&self) -> Result<Vec<Known>, ApiError> {
        let syncs: Result<Vec<Known>, SupabaseError> = self.supabase().await?.ask("sync_overview", &json!({})).await;
        Ok(syncs?.into_iter().map(Known::without_samples).collect())
    }

    async fn keep_overview(&self, syncs: &[Known]) {
        let now = Timestamp::now();
        let mut last = self.last_known.lock().await;
        last.syncs = syncs.to_vec();
        let is_due = last.kept_at.is_none_or(|kept| now.duration_since(kept).as_secs() >= KEEP_EVERY_SECONDS);
        if is_due {
            last.kept_at = Some(now);
            self.memory.keep(NAME, &syncs).await;
        }
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
