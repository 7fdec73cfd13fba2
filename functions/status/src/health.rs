//! The health of a sync and its reasons, as a pure function of known facts. The most serious reason decides.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use sheetsync::overdue::{self, Rhythm};
use sheetsync::run::RunStatus;
use utoipa::ToSchema;

/// The health of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The table is what the sheet says, as recently as it should be.
    Healthy,
    /// It works, but not all of the sheet is in the table, or something wants looking at.
    Degraded,
    /// Changes in the sheet do not reach the table.
    Unhealthy,
    /// Nothing can be said.
    Unknown,
}

/// Why a sync is not healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reason {
    /// A stable, short name for programs.
    pub code: &'static str,
    /// What is the case, and what to do.
    pub message: String,
    /// The amount: number of cells and rows, problems or batches; for `run_stalled` and `overdue`, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<u64>,
}

/// What is known of a sync.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Whether these are facts of now: Supabase was reached.
    pub is_current: bool,
    /// Whether the definition names the sync.
    pub is_defined: bool,
    /// How often it should run.
    pub every: Option<Duration>,
    /// After how long without progress a run counts as stalled.
    pub stall_after: Duration,
    pub last_run: Option<LastRun>,
    /// When the run in progress last made progress.
    pub heartbeat: Option<Timestamp>,
    /// When the last run began that brought something over; before there was one, when the first run began.
    pub applied: Option<Timestamp>,
    pub open_rejections: u64,
    pub open_failures: u64,
    /// What differed in the last comparison of sheet and table in full, where it should not.
    pub differences: u64,
    /// Messages in the dead-letter queue.
    pub dead_letters: u64,
    pub circuit: Option<CircuitFact>,
}

/// How the last run ended, or that it has not.
#[derive(Debug, Clone)]
pub struct LastRun {
    pub status: RunStatus,
    pub error: Option<String>,
    pub deletes_withheld: Option<String>,
    /// Vanished keys whose deletion waits for another complete read.
    pub unconfirmed: u64,
    /// Rows whose adoption waits for approval.
    pub withheld: u64,
}

/// What matters of the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitFact {
    Closed,
    HalfOpen,
    Open,
    ForcedOpen,
    /// It will not open, whatever happens.
    ForcedClosed,
}

/// The health of a sync at `now`, with its reasons.
#[must_use]
pub fn judge(facts: &Facts, now: Timestamp) -> (Status, Vec<Reason>) {
    let mut found = Vec::new();
    let mut add = |status, code, amount, message: String| found.push((status, Reason { code, message, amount }));
    let since = |then| overdue::since(then, now);

    if !facts.is_current {
        let message = "Supabase is not responding; the data may be out of date".to_owned();
        add(Status::Unknown, "supabase_unreachable", None, message);
    } else if facts.last_run.is_none() {
        add(Status::Unknown, "never_ran", None, "it has not run yet".to_owned());
    }
    if !facts.is_defined {
        let message = "it is not in sheetsync.toml, or the file is invalid: it will not run".to_owned();
        add(Status::Degraded, "not_defined", None, message);
    }
    if let Some(run) = &facts.last_run {
        let because = run.error.as_deref().unwrap_or("see the run");
        match run.status {
            RunStatus::Failed => {
                add(Status::Unhealthy, "last_run_failed", None, format!("the last run failed: {because}"))
            }
            RunStatus::Partial => {
                add(Status::Degraded, "last_run_partial", None, "the last run is incomplete".to_owned());
            }
            RunStatus::Queued | RunStatus::InProgress | RunStatus::Completed | RunStatus::Superseded => {}
        }
        if let Some(reason) = &run.deletes_withheld {
            add(Status::Degraded, "deletes_withheld", None, format!("deletes are on hold: {reason}"));
        }
        if run.withheld > 0 {
            let (one, many) = ("row that was in the table before differs", "rows that were in the table before differ");
            let message = format!(
                "existing rows wait for a decision: {} from the sheet; `sheetsync approve-adoption`",
                count(run.withheld, one, many)
            );
            add(Status::Degraded, "adoption_withheld", Some(run.withheld), message);
        }
        if run.unconfirmed > 0 {
            let message =
                format!("{} for another complete read", count(run.unconfirmed, "delete waits", "deletes wait"));
            add(Status::Degraded, "deletes_unconfirmed", Some(run.unconfirmed), message);
        }
    }
    if facts.is_current
        && let Some(heartbeat) = facts.heartbeat
        && since(heartbeat) > facts.stall_after
    {
        let message = format!("the run has made no progress for {}", words(since(heartbeat)));
        add(Status::Unhealthy, "run_stalled", Some(since(heartbeat).as_secs()), message);
    }
    if facts.is_current
        && let (Some(every), Some(applied)) = (facts.every, facts.applied)
        && (Rhythm { every, stall_after: facts.stall_after }).is_overdue(since(applied))
    {
        let message = format!("no run has succeeded for {}; one is due every {}", words(since(applied)), words(every));
        add(Status::Unhealthy, "overdue", Some(since(applied).as_secs()), message);
    }
    if facts.open_rejections > 0 {
        let message = format!(
            "{} in the sheet cannot be imported: correct the sheet",
            count(facts.open_rejections, "cell or row", "cells or rows")
        );
        add(Status::Degraded, "open_rejections", Some(facts.open_rejections), message);
    }
    if facts.open_failures > 0 {
        let message =
            format!("{} of the database or the network", count(facts.open_failures, "open problem", "open problems"));
        add(Status::Degraded, "open_failures", Some(facts.open_failures), message);
    }
    if facts.differences > 0 {
        let message = format!(
            "the last verification found {}: `sheetsync verify` says which, and which run repairs it",
            count(facts.differences, "difference between sheet and table", "differences between sheet and table")
        );
        add(Status::Degraded, "verification_differs", Some(facts.differences), message);
    }
    if facts.dead_letters > 0 {
        let message =
            format!("{} (of all syncs): resend them", count(facts.dead_letters, "failed batch", "failed batches"));
        add(Status::Degraded, "dead_letters", Some(facts.dead_letters), message);
    }
    match facts.circuit {
        Some(CircuitFact::Open) => {
            add(
                Status::Unhealthy,
                "circuit_open",
                None,
                "writing is stopped, because the database does not respond; batches wait, none is lost".to_owned(),
            );
        }
        Some(CircuitFact::ForcedOpen) => {
            add(Status::Unhealthy, "circuit_forced_open", None, "an operator has stopped all writing".to_owned());
        }
        Some(CircuitFact::HalfOpen) => {
            add(Status::Degraded, "circuit_half_open", None, "checking whether the database is back".to_owned());
        }
        Some(CircuitFact::ForcedClosed) => {
            add(
                Status::Degraded,
                "circuit_forced_closed",
                None,
                "an operator has turned the automatic stop off".to_owned(),
            );
        }
        Some(CircuitFact::Closed) | None => {}
    }

    found.sort_by_key(|(status, _)| std::cmp::Reverse(*status));
    let status = found.first().map_or(Status::Healthy, |(status, _)| *status);
    (status, found.into_iter().map(|(_, reason)| reason).collect())
}

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A duration in its largest unit, as one says it.
fn words(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-25T12:00:00Z".parse().unwrap()
    }

    fn ago(minutes: i64) -> Option<Timestamp> {
        Some(now() - jiff::SignedDuration::from_mins(minutes))
    }

    fn ended(status: RunStatus) -> Option<LastRun> {
        Some(LastRun {
            status,
            error: Some("no such tab".to_owned()),
            deletes_withheld: None,
            unconfirmed: 0,
            withheld: 0,
        })
    }

    /// A sync that is well: every five minutes, the last time three minutes ago.
    fn well() -> Facts {
        Facts {
            is_current: true,
            is_defined: true,
            every: Some(Duration::from_secs(300)),
            stall_after: Duration::from_secs(900),
            last_run: ended(RunStatus::Completed),
            applied: ago(3),
            circuit: Some(CircuitFact::Closed),
            ..Facts::default()
        }
    }

    #[test]
    fn each_rule_gives_its_status_and_its_reason() {
        type Change = fn(&mut Facts);
        let cases: &[(&str, Change, Status, &[&str])] = &[
            ("all is well", |_| {}, Status::Healthy, &[]),
            (
                "a run is in progress",
                |it| {
                    it.last_run = ended(RunStatus::InProgress);
                    it.heartbeat = ago(1);
                },
                Status::Healthy,
                &[],
            ),
            (
                "the last run failed",
                |it| it.last_run = ended(RunStatus::Failed),
                Status::Unhealthy,
                &["last_run_failed"],
            ),
            (
                "the last run was partial",
                |it| it.last_run = ended(RunStatus::Partial),
                Status::Degraded,
                &["last_run_partial"],
            ),
            ("a newer run took over", |it| it.last_run = ended(RunStatus::Superseded), Status::Healthy, &[]),
            (
                "deletes are withheld",
                |it| it.last_run.as_mut().unwrap().deletes_withheld = Some("the tab has no rows".to_owned()),
                Status::Degraded,
                &["deletes_withheld"],
            ),
            (
                "an adoption waits for a person",
                |it| it.last_run.as_mut().unwrap().withheld = 3,
                Status::Degraded,
                &["adoption_withheld"],
            ),
            (
                "deletions wait for another read",
                |it| it.last_run.as_mut().unwrap().unconfirmed = 2,
                Status::Degraded,
                &["deletes_unconfirmed"],
            ),
            ("the run in progress has stalled", |it| it.heartbeat = ago(16), Status::Unhealthy, &["run_stalled"]),
            ("the run in progress is slow", |it| it.heartbeat = ago(14), Status::Healthy, &[]),
            ("nothing came through for long", |it| it.applied = ago(31), Status::Unhealthy, &["overdue"]),
            ("a run or two were missed", |it| it.applied = ago(29), Status::Healthy, &[]),
            (
                "it runs only when asked",
                |it| {
                    it.every = None;
                    it.applied = ago(9999);
                },
                Status::Healthy,
                &[],
            ),
            ("cells are rejected", |it| it.open_rejections = 1, Status::Degraded, &["open_rejections"]),
            ("problems are open", |it| it.open_failures = 2, Status::Degraded, &["open_failures"]),
            ("batches were given up", |it| it.dead_letters = 1, Status::Degraded, &["dead_letters"]),
            ("the circuit is open", |it| it.circuit = Some(CircuitFact::Open), Status::Unhealthy, &["circuit_open"]),
            (
                "it is forced open",
                |it| it.circuit = Some(CircuitFact::ForcedOpen),
                Status::Unhealthy,
                &["circuit_forced_open"],
            ),
            ("it is tried", |it| it.circuit = Some(CircuitFact::HalfOpen), Status::Degraded, &["circuit_half_open"]),
            (
                "it is off",
                |it| it.circuit = Some(CircuitFact::ForcedClosed),
                Status::Degraded,
                &["circuit_forced_closed"],
            ),
            ("the breaker is not known", |it| it.circuit = None, Status::Healthy, &[]),
            (
                "it never ran",
                |it| {
                    it.last_run = None;
                    it.applied = None;
                },
                Status::Unknown,
                &["never_ran"],
            ),
            ("it is not defined", |it| it.is_defined = false, Status::Degraded, &["not_defined"]),
            ("Supabase is gone", |it| it.is_current = false, Status::Unknown, &["supabase_unreachable"]),
            (
                "Supabase is gone, and what was known is old",
                |it| {
                    it.is_current = false;
                    it.applied = ago(600);
                    it.heartbeat = ago(600);
                },
                Status::Unknown,
                &["supabase_unreachable"],
            ),
            (
                "the most serious reason comes first and decides",
                |it| {
                    it.open_rejections = 3;
                    it.last_run = ended(RunStatus::Failed);
                },
                Status::Unhealthy,
                &["last_run_failed", "open_rejections"],
            ),
        ];
        for (name, change, status, codes) in cases {
            let mut facts = well();
            change(&mut facts);
            let (found, reasons) = judge(&facts, now());
            let found_codes: Vec<&str> = reasons.iter().map(|reason| reason.code).collect();
            assert_eq!((found, found_codes.as_slice()), (*status, *codes), "{name}");
        }
    }

    #[test]
    fn what_waits_says_how_much_of_it() {
        let last_run = ended(RunStatus::Completed).map(|run| LastRun { withheld: 1, unconfirmed: 2, ..run });
        let (_, reasons) = judge(&Facts { last_run, ..well() }, now());
        let messages: Vec<_> = reasons.iter().map(|reason| (reason.message.as_str(), reason.amount)).collect();
        let adoption = "existing rows wait for a decision: 1 row that was in the table before differs from the sheet; \
                        `sheetsync approve-adoption`";
        assert_eq!(messages, [(adoption, Some(1)), ("2 deletes wait for another complete read", Some(2))]);
    }

    #[test]
    fn a_reason_says_how_long_and_how_many() {
        let facts = Facts { applied: ago(200), open_rejections: 1, ..well() };
        let (_, reasons) = judge(&facts, now());
        let reported: Vec<_> = reasons.iter().map(|reason| (reason.message.as_str(), reason.amount)).collect();
        assert_eq!(
            reported,
            [
                ("no run has succeeded for 3 h; one is due every 5 min", Some(12_000)),
                ("1 cell or row in the sheet cannot be imported: correct the sheet", Some(1))
            ]
        );
    }
}
