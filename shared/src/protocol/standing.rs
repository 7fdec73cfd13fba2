//! What the tables say of runs that have closed and of where every sync stands: for the tick's metrics and for
//! `sheetsync status`. The status API has its own, wider view of the same function.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::protocol::run::RunStatus;

/// A run that is over, with its counts.
#[derive(Debug, Clone, Deserialize)]
pub struct ClosedRun {
    /// The id of the run.
    pub id: Uuid,
    /// The name of its sync.
    pub sync: String,
    /// How it ended.
    pub status: RunStatus,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended, as Postgres writes it: what `sync_closed_runs` takes back, to the microsecond.
    pub completed_at: Option<String>,
    /// Rows with content that were read.
    pub total_rows: u64,
    /// Rows that are in the table as the sheet has them.
    pub success: u64,
    /// Rows that could not be used or that Postgres refused.
    pub rejected: u64,
    /// Rows that were left out for a stated reason.
    pub skipped: u64,
    /// Rows of batches that failed.
    pub failed: u64,
    /// Columns that sheet and database had both changed.
    pub conflict: u64,
    /// Rows whose adoption waits for approval; also in `skipped`.
    #[serde(default)]
    pub withheld: u64,
    /// Why vanished rows were not deleted.
    pub deletes_withheld: Option<String>,
    /// Rows that the table had lost and that were sent again.
    #[serde(default)]
    pub restored: u64,
    /// Rows in which a column that the sheet owns was set right.
    #[serde(default)]
    pub corrected: u64,
    /// Why it failed.
    pub error_details: Option<RunFault>,
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RunFault {
    /// A short name.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
}

impl ClosedRun {
    /// How many of its rows arrived.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals {
        Arrivals::of_run(self.total_rows, self.skipped, self.withheld, self.success)
    }

    /// The share (0 to 1) of rows due that arrived; `None` when none was due.
    #[must_use]
    pub fn success_rate(&self) -> Option<f64> {
        self.arrivals().success_rate()
    }

    /// The share (0 to 1) of rows read that were rejected or failed; `None` when none was read.
    #[must_use]
    pub fn rejected_share(&self) -> Option<f64> {
        share(self.rejected + self.failed, self.total_rows)
    }

    /// Whether it brought something over, or there was nothing to bring. A run with every row rejected did not.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status.is_applied() && (self.success > 0 || self.arrivals().rows_due == 0)
    }

    /// Whether it ended without bringing anything over; a run that was taken over did neither.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.status != RunStatus::Superseded && !self.is_success()
    }

    /// How long it took.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        let end: Timestamp = self.completed_at.as_deref()?.parse().ok()?;
        Some(Duration::try_from(end.duration_since(self.started_at)).unwrap_or_default())
    }

    /// Whether Google could not be reached or had no quota left.
    #[must_use]
    pub fn met_no_google(&self) -> bool {
        self.error_details.as_ref().is_some_and(|fault| matches!(fault.code.as_str(), "google_down" | "google_quota"))
    }
}

/// The result of the last comparison of sheet and table in full.
#[derive(Debug, Clone, Deserialize)]
pub struct LastVerification {
    /// Rows and cells that differ where they should not.
    pub differences: u64,
}

/// The state of a sync.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The name of the sync.
    pub sync: String,
    /// The run in progress.
    pub running_run: Option<OpenRun>,
    /// The last run that ended and was not taken over.
    pub closed_run: Option<ClosedRun>,
    /// The last run after which table and sheet were equal.
    #[serde(default)]
    pub completed_run: Option<ClosedRun>,
    /// When its first run began.
    pub first_at: Option<Timestamp>,
    /// When the last run began that brought something over.
    pub applied_at: Option<Timestamp>,
    /// Until when table and sheet were last proved equal.
    #[serde(default)]
    pub proved_at: Option<Timestamp>,
    /// When the values of the columns that the sheet owns were last compared with the table.
    #[serde(default)]
    pub checked_at: Option<Timestamp>,
    /// How often they are to be compared.
    #[serde(default)]
    pub reconcile_seconds: Option<u64>,
    /// The result of the last comparison of sheet and table in full.
    #[serde(default)]
    pub verification: Option<LastVerification>,
    /// How often it runs by itself, as of its last scheduled run.
    #[serde(default)]
    pub every_seconds: Option<u64>,
    /// After how long without progress its run counts as stalled, as of then.
    #[serde(default)]
    pub stall_seconds: Option<u64>,
    /// Its last 24 hours.
    #[serde(rename = "last24h")]
    pub last_24h: Arrivals,
    /// Open problems by type.
    #[serde(default)]
    pub open: std::collections::BTreeMap<String, u64>,
}

/// A run in progress.
#[derive(Debug, Clone, Deserialize)]
pub struct OpenRun {
    /// When it began.
    pub started_at: Timestamp,
    /// When its batches were on the queue.
    pub planned_at: Option<Timestamp>,
    /// When it last made progress.
    pub heartbeat_at: Timestamp,
    /// Rows sent to the queue so far.
    pub rows_sent: u64,
    /// Of these, how many are accounted for.
    pub rows_done: u64,
    /// Keys sent to be deleted.
    pub keys_vanished: u64,
    /// Of these, how many are accounted for.
    pub keys_done: u64,
}

/// How many of the rows that were read arrived: of one run, or of all runs of 24 hours.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Arrivals {
    /// Rows that were to arrive.
    #[serde(default)]
    pub rows_due: u64,
    /// Rows that did.
    #[serde(default)]
    pub rows_arrived: u64,
}

impl Arrivals {
    /// Those of one run. Due are all rows that it read but those that are left out on purpose: `withheld` ones are not, though they
    /// count among the `skipped`.
    #[must_use]
    pub fn of_run(total: u64, skipped: u64, withheld: u64, arrived: u64) -> Self {
        Self { rows_due: total.saturating_sub(skipped.saturating_sub(withheld)), rows_arrived: arrived }
    }

    /// The share (0 to 1) of rows due that arrived; `None` when none was due.
    #[must_use]
    pub fn success_rate(self) -> Option<f64> {
        share(self.rows_arrived, self.rows_due)
    }
}

impl Standing {
    /// Since when nothing has come through: the begin of the last run that brought something over, or of the first run.
    #[must_use]
    pub fn fresh_at(&self) -> Option<Timestamp> {
        self.applied_at.or(self.first_at)
    }

    /// Since when the oldest message waits: a run with work in flight sent it when it was planned. SQS's own age leaves out
    /// what was received three times, and so every batch that waits for an outage to end.
    #[must_use]
    pub fn oldest_message(&self) -> Option<Timestamp> {
        let run = self.running_run.as_ref()?;
        run.planned_at.filter(|_| run.rows_done < run.rows_sent || run.keys_done < run.keys_vanished)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A run of which CloudWatch knows: it was given out by `sync_closed_runs`.
#[derive(Debug, Clone, Serialize)]
pub struct Reported {
    id: Uuid,
    completed_at: Option<String>,
}

impl From<&ClosedRun> for Reported {
    fn from(run: &ClosedRun) -> Self {
        Self { id: run.id, completed_at: run.completed_at.clone() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(status: &str, [total, success, rejected, skipped, withheld]: [u64; 5]) -> ClosedRun {
        serde_json::from_value(json!({
            "id": Uuid::nil(), "sync": "listings", "status": status, "started_at": "2026-11-25T12:00:00+00:00",
            "completed_at": "2026-11-25T12:00:10.5+00:00", "total_rows": total, "success": success, "rejected": rejected,
            "skipped": skipped, "failed": 0, "conflict": 0, "withheld": withheld, "deletes_withheld": null,
            "error_details": null,
        }))
        .unwrap()
    }

    #[test]
    fn run_succeeds_only_if_rows_arrived_or_were_not_due() {
        // status, [rows read, arrived, rejected, skipped, withheld], is a success, is a failure
        let cases = [
            ("completed", [10, 10, 0, 0, 0], true, false),
            ("completed", [0, 0, 0, 0, 0], true, false),
            ("completed", [3, 0, 0, 3, 0], true, false),
            ("partial", [10, 9, 1, 0, 0], true, false),
            ("partial", [10, 0, 10, 0, 0], false, true),
            ("partial", [10, 0, 0, 10, 10], false, true),
            ("failed", [0, 0, 0, 0, 0], false, true),
            ("superseded", [10, 0, 0, 0, 0], false, false),
        ];
        for (status, counts, success, failure) in cases {
            let run = run(status, counts);
            assert_eq!((run.is_success(), run.is_failure()), (success, failure), "{status} {counts:?}");
        }
    }

    #[test]
    fn success_rate_counts_withheld_but_not_skipped_rows() {
        assert_eq!(run("partial", [10, 8, 0, 2, 0]).success_rate(), Some(1.0));
        assert_eq!(run("partial", [10, 8, 0, 2, 2]).success_rate(), Some(0.8));
        assert_eq!(run("failed", [0, 0, 0, 0, 0]).success_rate(), None);
        assert_eq!(run("partial", [10, 8, 2, 0, 0]).rejected_share(), Some(0.2));
    }

    #[test]
    fn a_run_says_how_long_it_took() {
        assert_eq!(run("completed", [0; 5]).duration(), Some(Duration::from_millis(10_500)));
    }
}
