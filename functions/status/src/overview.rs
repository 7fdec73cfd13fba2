//! What Supabase knows of every sync, in one call; and when it cannot be reached, what it said last.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sheetsync::standing::Arrivals;
use sheetsync::supabase::SupabaseError;
use sheetsync::verify::Verdict;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::Api;
use crate::error::ApiError;
use crate::runs::Run;
use crate::time::Time;

/// How long what is known stays in the control table before it is written again.
const KEEP_EVERY_SECONDS: i64 = 60;

/// Every open dashboard asks once a second while a run is under way: the database is asked once a second for all that one
/// container serves.
const READ_EVERY: Duration = Duration::from_secs(1);

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
    /// After scheduled runs that failed by faults that pass: so long after `paused_at` the next is due, unless `every` is shorter.
    #[serde(default)]
    pub pause_seconds: Option<u32>,
    /// When the last scheduled run ended, or began if it has not ended.
    #[serde(default)]
    pub paused_at: Option<Time>,
    #[serde(default)]
    pub proved_at: Option<Time>,
    #[serde(default)]
    pub verification: Option<Verified>,
    /// Open problems by type.
    pub open: BTreeMap<String, u64>,
    #[serde(rename = "conflicts24h")]
    pub conflicts_24h: u64,
    #[serde(rename = "last24h")]
    pub last_24h: Day,
}

/// What the last comparison of sheet and table in full came to.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LastVerification)]
pub struct Verified {
    /// The run that made it; its details have the findings.
    pub run: Uuid,
    pub at: Time,
    pub verdict: Verdict,
    pub rows_compared: u64,
    /// Rows and cells that differ where they should not.
    pub differences: u64,
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
    #[serde(flatten)]
    pub arrivals: Arrivals,
    pub average_seconds: Option<f64>,
    /// What was known last may be of before this was.
    #[serde(default)]
    pub median_seconds: Option<f64>,
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
    /// When Supabase said so; null when it comes from the control table.
    read_at: Option<Instant>,
    kept_at: Option<Timestamp>,
}

impl LastKnown {
    /// What was read within the last second.
    fn current(&self) -> Option<Vec<Known>> {
        self.read_at.is_some_and(|at| at.elapsed() < READ_EVERY).then(|| self.syncs.clone())
    }
}

impl Api {
    /// What is known of all syncs.
    pub async fn overview(&self) -> Overview {
        if let Some(syncs) = self.last_known.lock().await.current() {
            return Overview { syncs, unreachable: None };
        }
        match self.fetch_overview().await {
            Ok(syncs) => {
                self.keep_overview(&syncs).await;
                Overview { syncs, unreachable: None }
            }
            Err(error) => {
                tracing::warn!(error = %error, "Supabase cannot be reached");
                Overview { syncs: self.last_known().await, unreachable: Some(error.public_message()) }
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
        last.read_at = Some(Instant::now());
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
