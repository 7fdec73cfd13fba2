//! A run, as the functions of the database are asked and answer (docs/PROTOCOL.md, "Functions"): how it begins, what it reads
//! and sends, what becomes of its batches, how it ends. Data only; the calls are [`crate::clients::supabase`].

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::definition::Sync;
use crate::diff::hash::KeySet;
use crate::diff::plan::{Check, Strays, Vanished};
use crate::diff::snapshot::Tally;
use crate::mapping::{KeyForm, Limits};
use crate::protocol::batch::Kind;

/// The kind of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum RunType {
    /// Started by the clock, when the sync is due.
    #[default]
    Scheduled,
    /// Started by a person.
    Manual,
    /// Only certain rows.
    Selective,
    /// Every row, changed or not.
    Full,
}

impl fmt::Display for RunType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Scheduled => "scheduled",
            Self::Manual => "manual",
            Self::Selective => "selective",
            Self::Full => "full",
        })
    }
}

/// The status of a run (docs/PROTOCOL.md, `sync_state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Begun, its sheet not read yet.
    Queued,
    /// Its sheet is being read, or its batches are in flight.
    InProgress,
    /// Everything that was read is in the table.
    Completed,
    /// Some of it is not, and the run says what.
    Partial,
    /// Nothing of it is.
    Failed,
    /// A newer run took over.
    Superseded,
}

impl RunStatus {
    /// Whether the run is over and brought what it could into the table.
    #[must_use]
    pub fn is_applied(self) -> bool {
        matches!(self, Self::Completed | Self::Partial)
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
        })
    }
}

/// What opens a run.
#[derive(Debug)]
pub struct Begin<'a> {
    /// The sync's name.
    pub sync: &'a str,
    /// The run's id, chosen by the caller so that beginning twice is beginning once.
    pub run: Uuid,
    /// The sync; `None` only to record a run that fails before it has a definition.
    pub definition: Option<&'a Sync>,
    /// The kind of run.
    pub run_type: RunType,
    /// Who or what asked for it.
    pub triggered_by: &'a str,
    /// The row keys of a selective run.
    pub keys: Option<&'a [String]>,
    /// A run in progress without a heartbeat for so long is superseded.
    pub stall_after: Duration,
    /// The invocation that begins it: to the same one the run is `begun` as often as it asks, because an answer can be lost;
    /// to any other it is a duplicate.
    pub nonce: &'a str,
}

/// The answer to `sync_begin`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Begun {
    /// The run is open.
    Begun {
        /// The id of the new run.
        run: Uuid,
        /// Its sequence number.
        seq: i64,
        /// The stalled run that it took over from.
        superseded: Option<Uuid>,
        /// How many rows the sync has in the table.
        #[serde(default)]
        present_rows: u64,
        /// The vanished keys whose deletion a person has approved.
        #[serde(default)]
        approved_deletes: Option<KeySet>,
        /// How the texts of each key column are compared, in the order of the key.
        #[serde(default)]
        key_forms: Vec<KeyForm>,
        /// What the columns of the table can hold.
        #[serde(default)]
        limits: Limits,
        /// The strays of the last run that read the whole sheet and withheld no deletes; `None` before there was one.
        #[serde(default)]
        strays: Option<Strays>,
        /// The books are still kept by a former key: they are to be carried over before anything is compared.
        #[serde(default)]
        carry: Option<Carry>,
        /// Sheet and table are to be compared in full.
        #[serde(default)]
        verify_due: bool,
    },
    /// Another run still makes progress.
    Busy {
        /// The id of the run in progress.
        run: Uuid,
    },
    /// This very run was begun before.
    Duplicate {
        /// What has become of it.
        status: RunStatus,
    },
    /// A scheduled run started too recently.
    NotDue,
    /// The definition does not fit the database; the run is recorded as failed.
    Refused {
        /// Everything that does not fit.
        problems: Vec<Problem>,
    },
}

/// Books that are kept by a former key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Carry {
    /// The former key columns.
    pub from: Vec<String>,
    /// How many rows there are.
    pub rows: u64,
}

/// Something in which definition and database do not fit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Problem {
    /// A stable code, as in docs/TROUBLESHOOTING_GUIDE.md.
    pub code: String,
    /// The column, when it is about one.
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

/// The argument of `sync_planned`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanRecord {
    /// What was read.
    #[serde(flatten)]
    pub tally: Tally,
    /// Rows that the database has as they are.
    pub rows_unchanged: u64,
    /// Rows in upsert batches.
    pub rows_sent: u64,
    /// Keys in delete batches.
    pub keys_vanished: u64,
    /// How many upsert batches were sent.
    pub upsert_batches: u64,
    /// How many delete batches were sent.
    pub delete_batches: u64,
    /// Why vanished keys were not sent.
    pub deletes_withheld: Option<String>,
    /// Whether all of the sheet was read at rest, each key included: only then does a key that is missing count as missing.
    pub read_complete: bool,
    /// When and how the books were held against the table.
    pub check: Option<Check>,
    /// The keys that vanished, sent or not; `None` when there are none, or when the sheet was changed during the read, so that they are unknown.
    pub vanished: Option<Vanished>,
    /// What else a reader of the run may want to know.
    pub metadata: serde_json::Value,
}

/// The answer to `sync_approve_deletes`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Approval {
    /// The next run deletes these rows, if it finds exactly the same to be gone.
    Approved {
        /// The run's sync.
        sync: String,
        /// How many rows.
        approved: u64,
        /// Until when, as Postgres writes it.
        expires_at: String,
    },
    /// There is nothing to approve, or no longer.
    Refused {
        /// `no_such_run`, `nothing_withheld`, `not_approvable`, `superseded` or `no_reason`.
        code: String,
        /// Why, and what to do.
        message: String,
    },
}

/// The answer to `sync_apply`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// What became of the batch.
    pub outcome: Outcome,
    /// What became of its rows.
    #[serde(flatten)]
    pub counts: Counts,
    /// The run's status afterwards.
    #[serde(default)]
    pub run_status: Option<RunStatus>,
    /// Why it failed or was malformed.
    #[serde(default)]
    pub error: Option<String>,
}

/// What became of a batch (docs/PROTOCOL.md, `sync_apply`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// This call applied the batch.
    Applied,
    /// An earlier call applied the batch; nothing changed now.
    Duplicate,
    /// Of a run that is over; nothing written.
    Superseded,
    /// Another worker is applying it.
    InProgress,
    /// A delete batch that must wait for the upserts.
    Waiting,
    /// A delete batch that the guard held back.
    Withheld,
    /// The schema is wrong; nothing written but the failure.
    Failed,
    /// The batch is at fault.
    Malformed,
}

/// What became of the rows of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    /// Rows inserted.
    pub inserted: u64,
    /// Rows updated.
    pub updated: u64,
    /// Rows that were already as they should be.
    pub unchanged: u64,
    /// Rows that are left out: by the sync's mode, because another sync feeds them, or because their adoption waits.
    pub skipped: u64,
    /// Rows deleted, or marked as deleted.
    pub deleted: u64,
    /// Columns that sheet and database had both changed.
    pub conflicts: u64,
    /// Rows that Postgres refused.
    pub rejected: u64,
    /// Rows that the table had before the sync knew them.
    pub adopted: u64,
    /// Rows that were missing in the table and were inserted again; they count among the inserted, too.
    pub restored: u64,
    /// Rows in which a column that the sheet owns had been changed in the table; they count among the updated, too.
    pub corrected: u64,
    /// Vanished keys whose deletion waits for another complete read in which they are missing.
    pub unconfirmed: u64,
    /// Rows whose adoption waits for approval; they count among the skipped, too.
    pub withheld: u64,
}

/// The argument of `sync_fail`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// One of `sync_errors`' error types.
    #[serde(rename = "type")]
    pub error_type: &'static str,
    /// A short name.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
    /// Whether another attempt is pointless.
    #[serde(rename = "final")]
    pub is_final: bool,
}

/// The answer to `sync_fail`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// How many real attempts the batch has had.
    #[serde(default)]
    pub attempts: u32,
    /// Whether that was the last.
    #[serde(rename = "final", default)]
    pub is_final: bool,
    /// The run's status afterwards.
    #[serde(default)]
    pub run_status: Option<RunStatus>,
}

/// A batch in the dead-letter queue, as it is recorded in its run.
#[derive(Debug, Serialize)]
pub struct LostBatch {
    /// The id of its run.
    pub run: Uuid,
    /// What it was to do.
    pub kind: Kind,
    /// Its first key hash.
    pub lo: i64,
    /// Its last plus one.
    pub hi: i64,
    /// How many rows or keys it carries.
    pub rows: usize,
    /// Why it is there.
    pub reason: String,
}

/// What `sync_prune` forgot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Pruned {
    /// Runs, with their batches and errors.
    pub runs: u64,
    /// Resolved errors of other runs.
    pub errors: u64,
}
