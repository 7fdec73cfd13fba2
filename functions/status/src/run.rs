//! A run: as `sync_state` holds it, as the API shows it, and how far it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sheetsync::adoption::Adoption;
use sheetsync::run::{RunStatus, RunType};
use sheetsync::standing::Arrivals;
use sheetsync::verify::Verification;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::time::Time;

/// All columns of a run but the keys that were asked for, of which there may be thousands.
pub const COLUMNS: &str = "id,sync,seq,sync_type,status,triggered_by,started_at,planned_at,heartbeat_at,completed_at,total_rows,\
                       inserted,updated,unchanged,rejected,skipped,failed,adopted,restored,corrected,conflict,deleted,rows_sent,rows_done,\
                       keys_vanished,keys_done,vanished,deletes_withheld,\
                       unconfirmed,withheld,adoption,keys_unreadable,keyless_rows,read_complete,checked_at,checked_values,proved_at,batches_total,batches_done,error_details,metadata";

/// A run, as `sync_state` holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    pub id: Uuid,
    pub sync: String,
    /// Rises by one per run of a sync; null: the run never began.
    pub seq: Option<i64>,
    #[serde(rename = "sync_type")]
    pub run_type: RunType,
    pub status: RunStatus,
    pub triggered_by: Option<String>,
    pub started_at: Time,
    pub planned_at: Option<Time>,
    pub heartbeat_at: Time,
    pub completed_at: Option<Time>,
    pub total_rows: u64,
    pub inserted: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub rejected: u64,
    pub skipped: u64,
    pub failed: u64,
    pub adopted: u64,
    #[serde(default)]
    pub restored: u64,
    #[serde(default)]
    pub corrected: u64,
    pub conflict: u64,
    pub deleted: u64,
    pub rows_sent: u64,
    pub rows_done: u64,
    pub keys_vanished: u64,
    pub keys_done: u64,
    #[serde(default)]
    pub vanished: Option<Vanished>,
    #[serde(default)]
    pub checked_at: Option<Time>,
    #[serde(default)]
    pub checked_values: bool,
    #[serde(default)]
    pub proved_at: Option<Time>,
    /// What the comparison in full found; left out of lists.
    #[serde(default)]
    pub verification: Option<Verification>,
    pub deletes_withheld: Option<String>,
    // What was known last may be of before these were.
    #[serde(default)]
    pub unconfirmed: u64,
    #[serde(default)]
    pub withheld: u64,
    #[serde(default)]
    pub adoption: Option<Adoption>,
    #[serde(default)]
    pub keys_unreadable: u64,
    #[serde(default)]
    pub keyless_rows: u64,
    #[serde(default)]
    pub read_complete: bool,
    pub batches_total: u64,
    pub batches_done: u64,
    pub error_details: Option<RunError>,
    pub metadata: Value,
}

/// The keys that the sheet no longer had.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Vanished {
    pub count: u64,
    /// The first of them; none in lists.
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

impl Run {
    /// Whether batches of it are still to be applied.
    #[must_use]
    pub fn has_work_under_way(&self) -> bool {
        self.rows_done < self.rows_sent || self.keys_done < self.keys_vanished
    }

    /// The share of the rows due that arrived, once it is over.
    fn success_rate(&self) -> Option<f64> {
        let arrived = self.inserted + self.updated + self.unchanged;
        self.completed_at.and(Arrivals::of_run(self.total_rows, self.skipped, self.withheld, arrived).success_rate())
    }

    /// Without the values of the sheet and the table, which only the page of the run shows.
    #[must_use]
    pub fn without_samples(mut self) -> Self {
        if let Some(adoption) = &mut self.adoption {
            adoption.sample.clear();
        }
        if let Some(vanished) = &mut self.vanished {
            vanished.sample.clear();
        }
        self
    }
}

/// One execution of a sync. When it is closed, `totalRows` = `inserted` + `updated` + `unchanged` + `rejected` + `skipped` +
/// `failed`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Run)]
pub struct RunView {
    id: Uuid,
    sync: String,
    /// Rises by one per run of a sync; null: the run never began.
    seq: Option<i64>,
    #[serde(rename = "type")]
    run_type: RunType,
    status: RunStatus,
    triggered_by: Option<String>,
    started_at: Time,
    planned_at: Option<Time>,
    heartbeat_at: Time,
    completed_at: Option<Time>,
    duration_seconds: Option<f64>,
    /// Rows with content that were read from the sheet.
    total_rows: u64,
    inserted: u64,
    updated: u64,
    unchanged: u64,
    rejected: u64,
    skipped: u64,
    failed: u64,
    adopted: u64,
    /// Rows that were missing in the table and were inserted again; among `inserted`.
    restored: u64,
    /// Rows in which a column that the sheet owns had been changed in the table; among `updated`.
    corrected: u64,
    conflicts: u64,
    deleted: u64,
    /// The share of the rows read that arrived in the table, without those left out on purpose; null while the run is under
    /// way, and when there were none.
    success_rate: Option<f64>,
    rows_sent: u64,
    rows_done: u64,
    keys_vanished: u64,
    /// Why vanished rows were not deleted.
    deletes_withheld: Option<String>,
    /// How many rows an approval would delete; null unless deletes were withheld and may be approved.
    withheld_rows: Option<u64>,
    /// The first row keys, at most 20, that the sheet no longer had; none in lists of runs.
    vanished_sample: Vec<String>,
    /// Vanished rows whose deletion waits for another complete read in which they are missing.
    unconfirmed: u64,
    /// Rows that were in the table before the sync, differ from the sheet and wait for approval; among `skipped`.
    withheld: u64,
    /// What these rows differ in; null when none waits.
    adoption: Option<Adoption>,
    /// Rows with content whose key could not be read.
    keys_unreadable: u64,
    /// Rows with content and a blank key.
    keyless_rows: u64,
    /// Whether the whole tab was read at rest, with every key: only such a read counts towards a deletion.
    read_complete: bool,
    /// When the run compared what it had written before with the table; null: it did not.
    checked_at: Option<Time>,
    /// Whether it compared values too, not only keys.
    checked_values: bool,
    /// When sheet and table were last proved to be equal, by this run or an earlier one.
    proved_at: Option<Time>,
    /// What the comparison of sheet and table in full found, if the run made one; null in lists.
    verification: Option<Verification>,
    batches_total: u64,
    batches_done: u64,
    error: Option<RunError>,
    #[schema(value_type = Object)]
    metadata: Value,
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        Self {
            success_rate: run.success_rate(),
            duration_seconds: run.completed_at.map(|end| seconds_between(run.started_at, end)),
            id: run.id,
            sync: run.sync,
            seq: run.seq,
            run_type: run.run_type,
            status: run.status,
            triggered_by: run.triggered_by,
            started_at: run.started_at,
            planned_at: run.planned_at,
            heartbeat_at: run.heartbeat_at,
            completed_at: run.completed_at,
            total_rows: run.total_rows,
            inserted: run.inserted,
            updated: run.updated,
            unchanged: run.unchanged,
            rejected: run.rejected,
            skipped: run.skipped,
            failed: run.failed,
            adopted: run.adopted,
            restored: run.restored,
            corrected: run.corrected,
            conflicts: run.conflict,
            deleted: run.deleted,
            rows_sent: run.rows_sent,
            rows_done: run.rows_done,
            keys_vanished: run.keys_vanished,
            withheld_rows: run.deletes_withheld.as_ref().and(run.vanished.as_ref()).map(|vanished| vanished.count),
            vanished_sample: run.vanished.map(|vanished| vanished.sample).unwrap_or_default(),
            deletes_withheld: run.deletes_withheld,
            unconfirmed: run.unconfirmed,
            withheld: run.withheld,
            adoption: run.adoption,
            keys_unreadable: run.keys_unreadable,
            keyless_rows: run.keyless_rows,
            read_complete: run.read_complete,
            checked_at: run.checked_at,
            checked_values: run.checked_values,
            proved_at: run.proved_at,
            verification: run.verification,
            batches_total: run.batches_total,
            batches_done: run.batches_done,
            error: run.error_details,
            metadata: run.metadata,
        }
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
