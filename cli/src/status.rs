//! `sheetsync status`: the state of every sync, with the reasons of those that are not healthy.

use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use sheetsync::overdue::{self, DEFAULT_STALL_AFTER, Rhythm};
use sheetsync::run::RunStatus;
use sheetsync::standing::Standing;

use crate::error::CommandError;
use crate::project::Project;
use crate::terminal::{printable, table};

/// Prints one line a sync, and below them one for each thing that is wrong; exits with 1 when there is any.
pub async fn run(project: &Project) -> Result<ExitCode, CommandError> {
    let standings = project.connect()?.standings().await?;
    if standings.is_empty() {
        println!("no sync has run yet: see whether the schedule is enabled, or start one (`sheetsync sync NAME`)");
        return Ok(ExitCode::FAILURE);
    }
    let mut table = table(["SYNC", "LAST RUN", "STARTED", "PROGRESS", "LAST COMPLETE", "REJECTED"]);
    for standing in &standings {
        table.add_row(line(standing));
    }
    println!("{table}");
    let now = Timestamp::now();
    let wrong: Vec<String> = standings.iter().flat_map(|standing| problems(standing, now)).collect();
    for problem in &wrong {
        println!("{}", printable(problem));
    }
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn line(standing: &Standing) -> [String; 6] {
    let running = standing.running_run.as_ref();
    let closed = standing.closed_run.as_ref();
    let dash = || "-".to_owned();
    let status = match (running, closed) {
        (Some(_), _) => "in_progress".to_owned(),
        (None, Some(run)) => run.status.to_string(),
        (None, None) => dash(),
    };
    let started = running.map(|run| run.started_at).or(closed.map(|run| run.started_at));
    let complete = standing.completed_run.as_ref().and_then(|run| run.completed_at.clone());
    [
        printable(&standing.sync),
        status,
        started.map_or_else(dash, |at| at.to_string()),
        running.map_or_else(dash, |run| format!("{} of {} rows", run.rows_done, run.rows_sent)),
        complete.map_or_else(|| "never".to_owned(), |at| at.parse::<Timestamp>().map_or(at, |at| at.to_string())),
        standing.open.get("validation").copied().unwrap_or_default().to_string(),
    ]
}

/// What is wrong with a sync, and what to do about it.
fn problems(standing: &Standing, now: Timestamp) -> Vec<String> {
    let since = |then| overdue::since(then, now);
    let sync = &standing.sync;
    let mut found = Vec::new();
    if let Some(run) = &standing.closed_run {
        match (run.status, &run.error_details) {
            (RunStatus::Failed, Some(fault)) => {
                found.push(format!("{sync}: the last run failed ({}): {}", fault.code, fault.message));
            }
            (RunStatus::Failed, None) => found.push(format!("{sync}: the last run failed; see `sheetsync errors {sync}`")),
            _ if run.is_failure() => found.push(format!(
                "{sync}: no row of the last run arrived ({} of {} rejected or failed); `sheetsync errors {sync}` names the cells",
                run.rejected + run.failed,
                run.total_rows
            )),
            (RunStatus::Partial, fault) => {
                let mut why: Vec<String> = Vec::new();
                if run.rejected + run.failed > 0 {
                    why.push(format!(
                        "{} of {} rows were rejected or failed; `sheetsync errors {sync}` names the cells",
                        run.rejected + run.failed,
                        run.total_rows
                    ));
                }
                why.extend(run.deletes_withheld.as_ref().map(|reason| {
                    format!("vanished rows were not deleted: {reason}; see `sheetsync approve-deletes --help`")
                }));
                if run.withheld > 0 {
                    let rows = run.withheld;
                    why.push(format!("the adoption of {rows} rows waits; see `sheetsync approve-adoption --help`"));
                }
                why.extend(fault.as_ref().map(|fault| format!("{}: {}", fault.code, fault.message)));
                if why.is_empty() {
                    why.push("deletions wait for another complete read; the next run does them".to_owned());
                }
                found.push(format!("{sync}: the last run is partial: {}", why.join("; ")));
            }
            _ => {}
        }
    }
    let stall_after = standing.stall_seconds.map_or(DEFAULT_STALL_AFTER, Duration::from_secs);
    if let Some(run) = &standing.running_run
        && since(run.heartbeat_at) > stall_after
    {
        found.push(format!(
            "{sync}: the run in progress is stuck: no progress for {} s; the next run takes over, see also `sheetsync circuit` and \
             `sheetsync dead-letters list`",
            since(run.heartbeat_at).as_secs()
        ));
    }
    if let (Some(every), Some(fresh)) = (standing.every_seconds, standing.fresh_at()) {
        let rhythm = Rhythm { every: Duration::from_secs(every), stall_after };
        if rhythm.is_overdue(since(fresh)) {
            found.push(format!(
                "{sync}: overdue: nothing has come through for {} s, and it should every {every} s; see whether the schedule is \
                 enabled, and `sheetsync circuit`",
                since(fresh).as_secs()
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn now() -> Timestamp {
        "2026-11-25T12:00:00Z".parse().unwrap()
    }

    fn closed(status: &str, success: u64, rejected: u64) -> Value {
        json!({"id": uuid::Uuid::nil(), "sync": "listings", "status": status, "started_at": "2026-11-25T11:58:00+00:00",
               "completed_at": "2026-11-25T11:58:04+00:00", "total_rows": success + rejected, "success": success,
               "rejected": rejected, "skipped": 0, "failed": 0, "conflict": 0, "deletes_withheld": null, "error_details": null})
    }

    /// A sync that ran two minutes ago and should every five, but for `change`.
    fn found(change: Value) -> String {
        let mut standing = json!({
            "sync": "listings", "runningRun": null, "closedRun": closed("completed", 5, 0), "everySeconds": 300,
            "stallSeconds": 900, "firstAt": "2026-11-01T00:00:00+00:00", "appliedAt": "2026-11-25T11:58:00+00:00",
            "last24h": {},
        });
        standing.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        problems(&serde_json::from_value(standing).unwrap(), now()).join("\n")
    }

    #[test]
    fn a_sync_that_is_well_has_no_problem() {
        assert_eq!(found(json!({})), "");
    }

    #[test]
    fn a_run_that_failed_says_why_and_what_to_do() {
        let mut failed = closed("failed", 0, 0);
        failed["error_details"] = json!({"code": "no_such_tab", "message": "there is no tab X: correct `tab`"});
        let problem = found(json!({"closedRun": failed}));
        assert_eq!(problem, "listings: the last run failed (no_such_tab): there is no tab X: correct `tab`");
    }

    #[test]
    fn rows_that_did_not_arrive_are_counted() {
        let none = found(json!({"closedRun": closed("partial", 0, 7)}));
        assert!(none.contains("no row of the last run arrived (7 of 7"), "{none}");
        let some = found(json!({"closedRun": closed("partial", 6, 1)}));
        assert!(
            some.contains("partial: 1 of 7 rows were rejected") && some.contains("sheetsync errors listings"),
            "{some}"
        );
    }

    #[test]
    fn a_run_that_makes_no_progress_is_stuck() {
        let running = |heartbeat: &str| {
            json!({"runningRun": {"started_at": heartbeat, "planned_at": null, "heartbeat_at": heartbeat, "rows_sent": 0,
                                  "rows_done": 0, "keys_vanished": 0, "keys_done": 0}})
        };
        assert_eq!(found(running("2026-11-25T11:50:00+00:00")), "");
        assert!(found(running("2026-11-25T11:40:00+00:00")).contains("stuck: no progress for 1200 s"));
    }

    #[test]
    fn a_sync_of_which_nothing_came_through_is_overdue() {
        assert!(
            found(json!({"appliedAt": "2026-11-25T11:00:00+00:00"}))
                .contains("overdue: nothing has come through for 3600 s")
        );
        assert!(found(json!({"appliedAt": null})).contains("overdue"), "since its first run");
        assert_eq!(
            found(json!({"appliedAt": "2026-11-25T11:00:00+00:00", "everySeconds": null})),
            "",
            "it runs when asked"
        );
    }
}
