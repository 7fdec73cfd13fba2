//! The metrics that CloudWatch gets (docs/OPERATIONS_MANUAL.md): of a batch, of a sheet that was read, of a run that has closed,
//! whatever way it ended, and of each tick. The alarms of template.yaml look at those of the tick, as the maximum or minimum
//! over all syncs: a sync that fails rings although another one succeeds, and goes on ringing between two runs that are a day apart.

use std::time::Duration;

use jiff::Timestamp;

use crate::definition::overdue::{self, Rhythm};
use crate::platform::telemetry::{Metric, emit};
use crate::protocol::run::{Counts, Outcome, RunStatus};
use crate::protocol::standing::{ClosedRun, Standing};

/// A call that the worker made for a batch.
#[derive(Debug, Clone)]
pub struct BatchMetrics<'a> {
    /// The name of the sync.
    pub sync: &'a str,
    /// What Postgres answered; `None` when it did not.
    pub outcome: Option<Outcome>,
    /// What became of the rows.
    pub counts: Counts,
    /// How long the call took.
    pub latency: Duration,
    /// Whether it repeats one that failed in the same invocation.
    pub is_repeated: bool,
    /// How long ago its run was sent: the true age of the work, however often the message was moved since.
    pub age: Duration,
}

/// Emits the metrics of one call for a batch.
pub fn batch(batch: &BatchMetrics<'_>) {
    emit(Some(batch.sync), &batch_metrics(batch));
}

fn batch_metrics(batch: &BatchMetrics<'_>) -> Vec<Metric> {
    let counts = batch.counts;
    let mut metrics = vec![
        Metric::count("Retries", u64::from(batch.is_repeated)),
        Metric::seconds("MessageAge", batch.age),
        Metric::milliseconds("BatchLatency", batch.latency),
        Metric::count("BatchesUnanswered", u64::from(batch.outcome.is_none())),
    ];
    // A duplicate repeats counts that were emitted when it was applied.
    if batch.outcome == Some(Outcome::Applied) {
        metrics.extend([
            Metric::count("BatchesApplied", 1),
            Metric::count("RowsInserted", counts.inserted),
            Metric::count("RowsUpdated", counts.updated),
            Metric::count("RowsUnchanged", counts.unchanged),
            Metric::count("RowsDeleted", counts.deleted),
            Metric::count("DeletesUnconfirmed", counts.unconfirmed),
            Metric::count("AdoptionsWithheld", counts.withheld),
        ]);
    }
    metrics
}

/// A sheet that was read and planned by the scheduler.
#[derive(Debug, Clone, Copy)]
pub struct PlanMetrics<'a> {
    /// The name of the sync.
    pub sync: &'a str,
    /// Rows with content in the sheet.
    pub rows_read: u64,
    /// Rows that the mapping could not use.
    pub rows_rejected: u64,
    /// Rows that were sent.
    pub rows_sent: u64,
    /// How long the reading took.
    pub read: Duration,
    /// How long all of it took.
    pub planned: Duration,
}

/// Emits the metrics of a sheet that was read.
pub fn plan(plan: &PlanMetrics<'_>) {
    emit(
        Some(plan.sync),
        &[
            Metric::count("RowsRead", plan.rows_read),
            Metric::count("Rejections", plan.rows_rejected),
            Metric::count("RowsSent", plan.rows_sent),
            Metric::milliseconds("ReadDuration", plan.read),
            Metric::milliseconds("PlanDuration", plan.planned),
        ],
    );
}

/// The breaker and what is behind it, as an invocation of the scheduler leaves them.
pub fn destination(circuit_is_open: bool, supabase_is_unreachable: bool) {
    emit(
        None,
        &[
            Metric::count("CircuitOpen", u64::from(circuit_is_open)),
            Metric::count("SupabaseUnreachable", u64::from(supabase_is_unreachable)),
        ],
    );
}

/// Emits `AccessRefused`: Supabase or Google refuses access until a person acts. `AccessRefusedAlarm` rings.
pub fn access_refused(sync: Option<&str>) {
    emit(sync, &[Metric::count("AccessRefused", 1)]);
}

/// Reports what a comparison of sheet and table in full found: how many differences there are that should not be.
pub fn verified(sync: &str, differences: u64) {
    emit(Some(sync), &[Metric::count("VerifyDifferences", differences)]);
}

/// Emits `BatchesGivenUp`: a batch moved to the dead-letter queue.
pub fn batch_given_up(sync: Option<&str>) {
    emit(sync, &[Metric::count("BatchesGivenUp", 1)]);
}

/// Reports a run that has closed.
pub fn run_closed(run: &ClosedRun) {
    emit(Some(&run.sync), &closed_metrics(run));
}

/// Reports where a sync stands; `rhythm` is how often it runs by itself, if it does.
pub fn standing(standing: &Standing, rhythm: Option<Rhythm>, now: Timestamp) {
    emit(Some(&standing.sync), &standing_metrics(standing, rhythm, now));
}

fn closed_metrics(run: &ClosedRun) -> Vec<Metric> {
    let mut metrics = vec![
        Metric::count("RunsApplied", u64::from(run.is_success())),
        Metric::count("RunsFailed", u64::from(run.is_failure())),
        Metric::count("RunsSuperseded", u64::from(run.status == RunStatus::Superseded)),
        Metric::count("DeletesWithheld", u64::from(run.deletes_withheld.is_some())),
        Metric::count("RowsRefused", run.rejected + run.failed),
        Metric::count("Conflicts", run.conflict),
        Metric::count("Restored", run.restored),
        Metric::count("Corrected", run.corrected),
    ];
    metrics.extend(run.duration().map(|duration| Metric::seconds("RunDuration", duration)));
    metrics.extend(run.rejected_share().map(|share| Metric::percent("RejectedShare", share)));
    metrics.extend(run.success_rate().map(|share| Metric::percent("SuccessRate", share)));
    metrics
}

fn standing_metrics(standing: &Standing, rhythm: Option<Rhythm>, now: Timestamp) -> Vec<Metric> {
    let since = |then| overdue::since(then, now);
    let oldest = standing.oldest_message().map(since).unwrap_or_default();
    let mut metrics = vec![Metric::seconds("OldestMessage", oldest)];
    metrics.extend(
        rhythm.zip(standing.fresh_at()).map(|(rhythm, at)| Metric::number("Overdue", rhythm.missed(since(at)))),
    );
    if let Some(proved) = standing.proved_at.map(since) {
        metrics.push(Metric::seconds("SecondsSinceProved", proved));
    }
    // Of a sheet with a standing bad cell equality cannot be proved; that it is compared can be watched all the same.
    if let Some((rhythm, checked)) = rhythm.zip(standing.checked_at.map(since)) {
        let every = Duration::from_secs(standing.reconcile_seconds.unwrap_or_default());
        metrics.push(Metric::number("CheckOverdue", rhythm.checks_missed(every, checked)));
    }
    if let Some(found) = &standing.verification {
        metrics.push(Metric::count("LastVerifyDifferences", found.differences));
    }
    if let Some(run) = &standing.closed_run {
        metrics.extend([
            Metric::count("LastRunFailed", u64::from(run.is_failure())),
            Metric::count("LastRunDeletesWithheld", u64::from(run.deletes_withheld.is_some())),
            Metric::count("GoogleUnreachable", u64::from(run.met_no_google())),
        ]);
        // A run that read nothing says nothing of its rows, unless there were none.
        let rate = run.success_rate().or_else(|| run.is_success().then_some(1.0));
        metrics.extend(rate.map(|rate| Metric::percent("LastRunSuccessRate", rate)));
    }
    metrics.extend(standing.last_24h.success_rate().map(|rate| Metric::percent("DaySuccessRate", rate)));
    metrics
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn now() -> Timestamp {
        "2026-11-25T12:00:00Z".parse().unwrap()
    }

    /// A run that read ten rows of which nine arrived, but for `change`.
    fn closed(change: Value) -> Value {
        let mut run = json!({
            "id": uuid::Uuid::nil(), "sync": "listings", "status": "partial", "started_at": "2026-11-25T11:50:00+00:00",
            "completed_at": "2026-11-25T11:50:04+00:00", "total_rows": 10, "success": 9, "rejected": 1, "skipped": 0,
            "failed": 0, "conflict": 2, "deletes_withheld": "too many", "error_details": null,
        });
        run.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        run
    }

    fn shown(metrics: &[Metric]) -> Vec<String> {
        metrics.iter().map(|metric| format!("{} {} {}", metric.name, metric.value, metric.unit)).collect()
    }

    #[test]
    fn row_metrics_are_not_counted_again_for_a_duplicate() {
        let batch = |outcome| BatchMetrics {
            sync: "listings",
            outcome,
            counts: Counts { inserted: 5, ..Counts::default() },
            latency: Duration::from_millis(20),
            is_repeated: true,
            age: Duration::from_secs(1),
        };
        let inserted = |outcome| {
            batch_metrics(&batch(outcome)).iter().find(|metric| metric.name == "RowsInserted").map(|it| it.value)
        };
        assert_eq!(inserted(Some(Outcome::Applied)), Some(5.0));
        assert_eq!(inserted(Some(Outcome::Duplicate)), None);
        assert_eq!(inserted(None), None);
    }

    #[test]
    fn a_run_that_closed_has_one_set() {
        let metrics = closed_metrics(&serde_json::from_value(closed(json!({"restored": 3, "corrected": 4}))).unwrap());
        insta::assert_snapshot!(shown(&metrics).join("\n"), @r"
        RunsApplied 1 Count
        RunsFailed 0 Count
        RunsSuperseded 0 Count
        DeletesWithheld 1 Count
        RowsRefused 1 Count
        Conflicts 2 Count
        Restored 3 Count
        Corrected 4 Count
        RunDuration 4 Seconds
        RejectedShare 10 Percent
        SuccessRate 90 Percent
        ");
    }

    #[test]
    fn run_that_failed_before_reading_counts_as_failed() {
        let failed = closed(json!({"status": "failed", "total_rows": 0, "success": 0, "rejected": 0}));
        let shown = shown(&closed_metrics(&serde_json::from_value(failed).unwrap()));
        assert!(shown.contains(&"RunsFailed 1 Count".to_owned()), "{shown:?}");
        assert!(!shown.iter().any(|metric| metric.starts_with("SuccessRate")), "{shown:?}");
    }

    fn stands(change: Value) -> Standing {
        let mut standing = json!({
            "sync": "listings", "runningRun": null, "closedRun": closed(json!({})), "firstAt": "2026-11-01T00:00:00+00:00",
            "appliedAt": "2026-11-25T11:20:00+00:00", "last24h": {"rows_due": 100, "rows_arrived": 98},
        });
        standing.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        serde_json::from_value(standing).unwrap()
    }

    fn rhythm() -> Option<Rhythm> {
        Some(Rhythm { every: Duration::from_secs(300), stall_after: Duration::from_secs(900) })
    }

    #[test]
    fn a_tick_has_one_set_for_each_sync() {
        let running = json!({
            "started_at": "2026-11-25T11:58:00+00:00", "planned_at": "2026-11-25T11:59:00+00:00",
            "heartbeat_at": "2026-11-25T11:59:00+00:00", "rows_sent": 5, "rows_done": 4, "keys_vanished": 0, "keys_done": 0,
        });
        let standing = stands(json!({
            "runningRun": running, "provedAt": "2026-11-25T11:00:00+00:00", "checkedAt": "2026-11-25T11:00:00+00:00",
            "reconcileSeconds": 3600, "verification": {"differences": 2},
        }));
        insta::assert_snapshot!(shown(&standing_metrics(&standing, rhythm(), now())).join("\n"), @r"
        OldestMessage 60 Seconds
        Overdue 5 None
        SecondsSinceProved 3600 Seconds
        CheckOverdue 0.75 None
        LastVerifyDifferences 2 Count
        LastRunFailed 0 Count
        LastRunDeletesWithheld 1 Count
        GoogleUnreachable 0 Count
        LastRunSuccessRate 90 Percent
        DaySuccessRate 98 Percent
        ");
    }

    #[test]
    fn sync_that_never_completed_is_overdue_since_its_first_run() {
        let standing = stands(json!({"appliedAt": null, "firstAt": "2026-11-25T11:00:00+00:00"}));
        let shown = shown(&standing_metrics(&standing, rhythm(), now()));
        assert!(shown.contains(&"Overdue 9 None".to_owned()), "{shown:?}");
    }

    #[test]
    fn a_sync_that_runs_only_when_asked_is_never_overdue() {
        let shown = shown(&standing_metrics(&stands(json!({})), None, now()));
        assert!(!shown.iter().any(|metric| metric.starts_with("Overdue")), "{shown:?}");
    }

    #[test]
    fn a_run_that_met_no_google_says_so() {
        for (code, is_so) in [("google_down", "1"), ("google_quota", "1"), ("no_such_tab", "0")] {
            let fault = json!({"error_details": {"code": code, "message": "m"}, "status": "failed"});
            let shown = shown(&standing_metrics(&stands(json!({"closedRun": closed(fault)})), rhythm(), now()));
            assert!(shown.contains(&format!("GoogleUnreachable {is_so} Count")), "{code}: {shown:?}");
        }
    }
}
