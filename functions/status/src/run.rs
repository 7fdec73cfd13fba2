//! A run, and how far it is.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use sheetsync::adoption::Adoption;
use sheetsync::run::{RunStatus, RunType};
use sheetsync::standing::Arrivals;
use sheetsync::verify::Verification;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::members;
use crate::time::Time;

/// One execution of a sync. When it is closed, `totalRows` = `inserted` + `updated` + `unchanged` + `rejected` + `skipped` +
/// `failed`.
// Read as `sync_state` has it, answered in camelCase. `remote` makes functions of what is derived, because reading also computes
// the members that are no columns.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all(serialize = "camelCase"))]
#[schema(rename_all = "camelCase")]
pub struct Run {
    pub id: Uuid,
    pub sync: String,
    /// Rises by one per run of a sync; null: the run never began.
    pub seq: Option<i64>,
    #[serde(rename(serialize = "type", deserialize = "sync_type"))]
    #[schema(rename = "type")]
    pub run_type: RunType,
    pub status: RunStatus,
    pub triggered_by: Option<String>,
    pub started_at: Time,
    pub planned_at: Option<Time>,
    pub heartbeat_at: Time,
    pub completed_at: Option<Time>,
    pub duration_seconds: Option<f64>,
    /// Rows with content that were read from the sheet.
    pub total_rows: u64,
    pub inserted: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub rejected: u64,
    pub skipped: u64,
    pub failed: u64,
    pub adopted: u64,
    /// Rows that were missing in the table and were inserted again; among `inserted`.
    pub restored: u64,
    /// Rows in which a column that the sheet owns had been changed in the table; among `updated`.
    pub corrected: u64,
    #[serde(rename(deserialize = "conflict"))]
    pub conflicts: u64,
    pub deleted: u64,
    /// The share of the rows read that arrived in the table, without those left out on purpose; null while the run is under
    /// way, and when there were none.
    pub success_rate: Option<f64>,
    pub rows_sent: u64,
    pub rows_done: u64,
    pub keys_vanished: u64,
    #[serde(skip_serializing)]
    pub keys_done: u64,
    /// Why vanished rows were not deleted.
    pub deletes_withheld: Option<String>,
    #[serde(skip_serializing)]
    pub vanished: Option<Vanished>,
    /// How many rows an approval would delete; null unless deletes were withheld and may be approved.
    pub withheld_rows: Option<u64>,
    /// The first row keys, at most 20, that the sheet no longer had; none in lists of runs.
    #[serde(default)]
    #[schema(required)]
    pub vanished_sample: Vec<String>,
    /// Vanished rows whose deletion waits for another complete read in which they are missing.
    pub unconfirmed: u64,
    /// Rows that were in the table before the sync, differ from the sheet and wait for approval; among `skipped`.
    pub withheld: u64,
    /// What these rows differ in; null when none waits.
    pub adoption: Option<Adoption>,
    /// Rows with content whose key could not be read.
    pub keys_unreadable: u64,
    /// Rows with content and a blank key.
    pub keyless_rows: u64,
    /// Whether the whole tab was read at rest, with every key: only such a read counts towards a deletion.
    pub read_complete: bool,
    /// When the run compared what it had written before with the table; null: it did not.
    pub checked_at: Option<Time>,
    /// Whether it compared values too, not only keys.
    pub checked_values: bool,
    /// When sheet and table were last proved to be equal, by this run or an earlier one.
    pub proved_at: Option<Time>,
    /// What the comparison of sheet and table in full found, if the run made one; null in lists.
    pub verification: Option<Verification>,
    pub batches_total: u64,
    pub batches_done: u64,
    #[serde(rename(deserialize = "error_details"))]
    pub error: Option<RunError>,
    #[schema(value_type = Object)]
    pub metadata: Value,
}

/// The members of a run that are computed from its columns.
const COMPUTED: [&str; 4] = ["duration_seconds", "success_rate", "withheld_rows", "vanished_sample"];

/// The keys that the sheet no longer had.
#[derive(Debug, Clone, Deserialize)]
pub struct Vanished {
    pub count: u64,
    /// The first of them; none where the sample was left out.
    #[serde(default)]
    pub sample: Vec<String>,
}

/// Why a run failed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunError {
    pub code: String,
    pub message: String,
    #[serde(rename = "type", default)]
    pub error_type: String,
}

impl<'de> Deserialize<'de> for Run {
    fn deserialize<D: Deserializer<'de>>(row: D) -> Result<Self, D::Error> {
        let run = Self::deserialize(row)?;
        let arrived = run.inserted + run.updated + run.unchanged;
        let arrivals = Arrivals::of_run(run.total_rows, run.skipped, run.withheld, arrived);
        Ok(Self {
            duration_seconds: run.completed_at.map(|end| seconds_between(run.started_at, end)),
            success_rate: run.completed_at.and(arrivals.success_rate()),
            withheld_rows: run.deletes_withheld.as_ref().and(run.vanished.as_ref()).map(|vanished| vanished.count),
            vanished_sample: run.vanished.as_ref().map(|vanished| vanished.sample.clone()).unwrap_or_default(),
            ..run
        })
    }
}

impl Serialize for Run {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl Run {
    /// The columns of `sync_state` that a run is read from.
    pub fn columns() -> impl Iterator<Item = &'static str> {
        members::of::<Self>().iter().copied().filter(|name| !COMPUTED.contains(name))
    }

    /// The columns that lists are read from, which do not show what was compared in full.
    pub fn list_columns() -> impl Iterator<Item = &'static str> {
        Self::columns().filter(|name| *name != "verification")
    }

    /// Whether batches of it are still to be applied.
    #[must_use]
    pub fn has_work_under_way(&self) -> bool {
        self.rows_done < self.rows_sent || self.keys_done < self.keys_vanished
    }

    /// As lists show it: without values of the sheet and the table, and without what was compared in full.
    #[must_use]
    pub fn in_a_list(mut self) -> Self {
        if let Some(adoption) = &mut self.adoption {
            adoption.sample.clear();
        }
        if let Some(vanished) = &mut self.vanished {
            vanished.sample.clear();
        }
        self.vanished_sample.clear();
        self.verification = None;
        self
    }
}

/// A run in progress, and how far it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunningRun {
    pub id: Uuid,
    #[serde(rename = "type")]
    pub run_type: RunType,
    pub started_at: Time,
    pub heartbeat_at: Time,
    pub planned_at: Option<Time>,
    pub rows_sent: u64,
    pub rows_done: u64,
    pub batches_total: u64,
    pub batches_done: u64,
    /// Null until it is planned.
    pub percent: Option<f64>,
    /// By its speed so far; null while that is not known.
    pub seconds_left: Option<u64>,
}

impl RunningRun {
    /// The progress of an open run at `now`.
    #[must_use]
    pub fn new(run: &Run, now: Timestamp) -> Self {
        let left = run.rows_sent.saturating_sub(run.rows_done);
        let seconds_left = run.planned_at.filter(|_| run.rows_done > 0).map(|planned| {
            let per_row = now.duration_since(planned.0).as_secs_f64().max(0.0) / run.rows_done as f64;
            (per_row * left as f64).ceil() as u64
        });
        Self {
            id: run.id,
            run_type: run.run_type,
            started_at: run.started_at,
            heartbeat_at: run.heartbeat_at,
            planned_at: run.planned_at,
            rows_sent: run.rows_sent,
            rows_done: run.rows_done,
            batches_total: run.batches_total,
            batches_done: run.batches_done,
            percent: (run.planned_at.is_some() && run.rows_sent > 0)
                .then(|| 100.0 * run.rows_done as f64 / run.rows_sent as f64),
            seconds_left,
        }
    }
}

fn seconds_between(start: Time, end: Time) -> f64 {
    end.0.duration_since(start.0).as_secs_f64().max(0.0)
}

/// A run as `sync_state` has it, with these columns.
#[cfg(test)]
#[must_use]
pub(crate) fn example(columns: Value) -> Value {
    let mut row: Value = serde_json::from_str(
        r#"{
            "id": "00000000-0000-0000-0000-000000000000", "sync": "listings", "seq": 1, "sync_type": "manual",
            "status": "partial", "triggered_by": null, "started_at": "2026-11-25T12:00:00Z", "planned_at": null,
            "heartbeat_at": "2026-11-25T12:00:10Z", "completed_at": "2026-11-25T12:00:20Z", "total_rows": 9,
            "inserted": 0, "updated": 0, "unchanged": 7, "rejected": 0, "skipped": 2, "failed": 0, "adopted": 2,
            "restored": 0, "corrected": 0, "conflict": 0, "deleted": 0, "rows_sent": 9, "rows_done": 9,
            "keys_vanished": 0, "keys_done": 0, "vanished": null, "deletes_withheld": null, "unconfirmed": 0,
            "withheld": 0, "adoption": null, "keys_unreadable": 0, "keyless_rows": 0, "read_complete": false,
            "checked_at": null, "checked_values": false, "proved_at": null, "batches_total": 1, "batches_done": 1,
            "error_details": null, "metadata": {}
        }"#,
    )
    .expect("JSON");
    for (name, value) in columns.as_object().into_iter().flatten() {
        row[name] = value.clone();
    }
    row
}
