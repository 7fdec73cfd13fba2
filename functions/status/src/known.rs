//! The rows of `sync_overview`: the state of every sync, and the part of it that is cached.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sheetsync::standing::Arrivals;
use sheetsync::verify::Verdict;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::run::Run;
use crate::time::Time;

/// Every open dashboard asks once a second while a run is in progress: the database is asked once a second for all that one
/// container serves.
const READ_EVERY: Duration = Duration::from_secs(1);

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

/// The result of the last comparison of sheet and table in full.
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
    pub fn without_samples(self) -> Self {
        let short = |run: Option<Run>| run.map(Run::without_samples);
        Self {
            last_run: short(self.last_run),
            running_run: short(self.running_run),
            completed_run: short(self.completed_run),
            ..self
        }
    }

    /// Cells and rows of the sheet that cannot be used.
    pub fn open_rejections(&self) -> u64 {
        self.open.get("validation").copied().unwrap_or_default()
    }

    /// Open failures of writing, which no edit of the sheet fixes. Conflicts are not counted: they are resolved.
    pub fn open_failures(&self) -> u64 {
        let others = self.open.iter().filter(|(kind, _)| !matches!(kind.as_str(), "validation" | "conflict"));
        others.map(|(_, open)| open).sum()
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

/// What was last known, and what was last kept.
#[derive(Debug, Default)]
pub struct LastKnown {
    pub syncs: Vec<Known>,
    /// When Supabase said so; null when it comes from the control table.
    pub read_at: Option<Instant>,
    pub kept_at: Option<Timestamp>,
}

impl LastKnown {
    /// What was read within the last second.
    pub fn current(&self) -> Option<Vec<Known>> {
        self.read_at.is_some_and(|at| at.elapsed() < READ_EVERY).then(|| self.syncs.clone())
    }
}
