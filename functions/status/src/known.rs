//! The rows of `sync_overview`: the state of every sync, and the part of it that is cached.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sheetsync::standing::Arrivals;
use sheetsync::verify::Verdict;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::members;
use crate::run::Run;
use crate::time::Time;

/// Every open dashboard asks once a second while a run is in progress: the database is asked once a second for all that one
/// container serves.
const READ_EVERY: Duration = Duration::from_secs(1);

/// What `sync_overview` says of a sync.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    pub sync: String,
    pub last_run: Option<Run>,
    pub running_run: Option<Run>,
    pub completed_run: Option<Run>,
    pub first_at: Option<Time>,
    pub applied_at: Option<Time>,
    pub scheduled_at: Option<Time>,
    /// After scheduled runs that failed by faults that pass: so long after `paused_at` the next is due, unless `every` is shorter.
    pub pause_seconds: Option<u32>,
    /// When the last scheduled run ended, or began if it has not ended.
    pub paused_at: Option<Time>,
    pub proved_at: Option<Time>,
    pub verification: Option<Verified>,
    /// Open problems by type.
    pub open: BTreeMap<String, u64>,
    #[serde(rename = "conflicts24h")]
    pub conflicts_24h: u64,
    #[serde(rename = "last24h")]
    pub last_24h: Last24h,
}

/// What `sync_overview` says of a sync, and what is kept of that for when Supabase is gone.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Value")]
pub struct Answer {
    pub known: Known,
    /// In the words of `sync_overview`, so that it is read as the answer itself is.
    pub kept: Value,
}

impl TryFrom<Value> for Answer {
    type Error = serde_json::Error;

    fn try_from(mut sync: Value) -> Result<Self, Self::Error> {
        let known = Known::deserialize(&sync)?.without_samples();
        retain(&mut sync, |name| members::of::<Known>().contains(&name));
        for run in ["lastRun", "runningRun", "completedRun"] {
            let run = &mut sync[run];
            retain(run, |name| Run::list_columns().any(|column| column == name));
            // Values of the sheet and the table.
            for found in ["vanished", "adoption"] {
                let Some(sample) = run.pointer_mut(&format!("/{found}/sample")) else { continue };
                *sample = Value::Array(Vec::new());
            }
        }
        Ok(Self { known, kept: sync })
    }
}

/// Keeps the members of an object whose names are `wanted`.
fn retain(object: &mut Value, wanted: impl Fn(&str) -> bool) {
    if let Some(object) = object.as_object_mut() {
        object.retain(|name, _| wanted(name));
    }
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
    fn without_samples(self) -> Self {
        let short = |run: Option<Run>| run.map(Run::in_a_list);
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

/// The runs that began in the last 24 hours.
// `sync_overview` has it in snake_case, and counts rows; the rates are computed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all(serialize = "camelCase"))]
#[schema(rename_all = "camelCase")]
pub struct Last24h {
    pub runs: u64,
    pub completed: u64,
    pub partial: u64,
    pub failed: u64,
    #[serde(skip_serializing)]
    pub rows_read: u64,
    #[serde(skip_serializing)]
    pub rows_wrong: u64,
    #[serde(skip_serializing)]
    pub rows_due: u64,
    #[serde(skip_serializing)]
    pub rows_arrived: u64,
    /// The share of the rows read that arrived in the table; rows that are left out on purpose do not count.
    pub success_rate: Option<f64>,
    /// The share of rows read that were rejected or whose batch failed.
    pub error_rate: Option<f64>,
    /// Of runs that came through.
    pub average_seconds: Option<f64>,
    /// Half of these runs took no longer.
    pub median_seconds: Option<f64>,
    pub p95_seconds: Option<f64>,
    /// Rows sent, by the duration of the runs that sent any.
    pub rows_per_second: Option<f64>,
}

impl Last24h {
    /// With its rates; one of no rows is null.
    #[must_use]
    pub fn with_rates(self) -> Self {
        let Self { rows_due, rows_arrived, .. } = self;
        Self {
            success_rate: Arrivals { rows_due, rows_arrived }.success_rate(),
            error_rate: (self.rows_read > 0).then(|| self.rows_wrong as f64 / self.rows_read as f64),
            ..self
        }
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::run::example;

    fn row() -> Value {
        example(json!({
            "unchanged": 6, "rejected": 1, "conflict": 3, "keys": ["AA9"], "verification": null, "deletes_withheld": "too many",
            "vanished": {"count": 2, "digest": "00", "sample": ["AA3", "AA4"]},
            "error_details": {"code": "rejected", "message": "a cell", "type": "validation"},
            "adoption": {"rows": 2, "digest": "00", "columns": {"price": 2},
                "sample": [{"rowKey": "AA1", "rowNumber": 7, "column": "price", "old": 9, "new": "8"}]},
        }))
    }

    fn answer() -> Value {
        json!({
            "sync": "listings", "lastRun": row(), "runningRun": null, "completedRun": row(), "closedRun": row(),
            "firstAt": "2026-11-25T11:00:00Z", "appliedAt": null, "scheduledAt": null, "open": {"validation": 1},
            "conflicts24h": 3,
            "last24h": {"runs": 1, "completed": 0, "partial": 1, "failed": 0, "rows_read": 9, "rows_wrong": 1, "rows_due": 7,
                "rows_arrived": 6, "average_seconds": 20.0, "median_seconds": 20.0, "p95_seconds": 20.0,
                "rows_per_second": 0.5},
        })
    }

    #[test]
    fn kept_overview_reads_as_the_answer_without_cell_values() {
        let Answer { known, kept } = serde_json::from_value(answer()).unwrap();
        let text = kept.to_string();
        for left_out in ["AA1", "AA3", "AA9", "closedRun"] {
            assert!(answer().to_string().contains(left_out) && !text.contains(left_out), "{left_out}: {text}");
        }
        let again: Known = serde_json::from_value(kept).unwrap();
        assert_eq!(format!("{again:?}"), format!("{known:?}"));
        let shown = serde_json::to_value(again.last_run).unwrap();
        assert_eq!((&shown["conflicts"], &shown["withheldRows"]), (&json!(3), &json!(2)));
        assert_eq!((&shown["error"]["code"], &shown["durationSeconds"]), (&json!("rejected"), &json!(20.0)));
        assert_eq!(shown["successRate"], json!(6.0 / 7.0));
    }

    #[test]
    fn an_answer_without_a_column_is_refused() {
        for column in ["conflict", "restored", "sync_type"] {
            let mut older = answer();
            older["lastRun"].as_object_mut().unwrap().remove(column);
            let error = serde_json::from_value::<Answer>(older).unwrap_err().to_string();
            assert!(error.contains(column), "{error}");
        }
    }
}
