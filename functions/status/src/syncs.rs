//! `GET /api/syncs` and `GET /api/syncs/{sync}`: where each sync stands.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sheetsync::definition::{Definition, Sync as Defined};
use sheetsync::overdue::DEFAULT_STALL_AFTER;
use sheetsync::run::RunStatus;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::delivery::{Delivery, Part, Unreachable};
use crate::error::{ApiError, ErrorBody};
use crate::health::{self, Facts, LastRun, Reason, Status};
use crate::known::{Known, Last24h, Verified};
use crate::request::Place;
use crate::run::{Run, RunningRun};
use crate::state::Api;
use crate::time::Time;

/// Where all syncs stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct Syncs {
    pub now: Time,
    pub syncs: Vec<Sync>,
    pub delivery: Delivery,
    /// What did not answer; its data is the last known.
    pub unreachable: Vec<Unreachable>,
}

/// Where one sync stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct OneSync {
    now: Time,
    sync: Sync,
    delivery: Delivery,
    unreachable: Vec<Unreachable>,
}

/// Where a sync stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sync {
    pub name: String,
    pub status: Status,
    /// Why it is not healthy, the most serious first.
    pub reasons: Vec<Reason>,
    /// Null, as the next two, when the definition does not name the sync.
    pub table: Option<String>,
    pub tab: Option<String>,
    pub spreadsheet_url: Option<String>,
    /// How often it runs by itself.
    pub every_seconds: Option<u64>,
    pub next_run_at: Option<Time>,
    pub last_run: Option<Run>,
    pub running_run: Option<RunningRun>,
    /// The last run after which the table was equal to the sheet.
    pub last_completed_run: Option<CompletedRun>,
    /// How long ago the sheet was read that the table was last equal to.
    pub freshness_seconds: Option<u64>,
    /// When sheet and table were last proved to be equal: the whole sheet was read, and every key and every column that the sheet
    /// owns was compared with the table.
    pub proved_at: Option<Time>,
    /// The last comparison of sheet and table in full.
    pub verification: Option<Verified>,
    pub open_rejections: u64,
    pub open_failures: u64,
    #[serde(rename = "openConflicts24h")]
    pub open_conflicts_24h: u64,
    #[serde(rename = "last24h")]
    pub last_24h: Last24h,
}

/// A run that brought everything over.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompletedRun {
    id: Uuid,
    started_at: Time,
    completed_at: Option<Time>,
}

/// The sources of everything that is shown of one sync.
struct Sources<'a> {
    name: &'a str,
    defined: Option<&'a Defined>,
    known: Option<&'a Known>,
    delivery: &'a Delivery,
    is_current: bool,
    now: Timestamp,
}

impl Sync {
    fn new(from: &Sources<'_>) -> Self {
        let Sources { name, defined, known, now, .. } = *from;
        let (status, reasons) = health::judge(&facts(from), now);
        let run = |pick: fn(&Known) -> &Option<Run>| known.and_then(|known| pick(known).as_ref());
        let running = run(|known| &known.running_run);
        let completed = run(|known| &known.completed_run);
        let every = defined.and_then(|defined| defined.every);
        Self {
            name: name.to_owned(),
            status,
            reasons,
            table: defined.map(|defined| defined.table.clone()),
            tab: defined.map(|defined| tab(defined, run(|known| &known.last_run))),
            spreadsheet_url: defined.map(spreadsheet_url),
            every_seconds: every.map(|every| every.as_secs()),
            next_run_at: every.map(|every| next_run(every, known, now)),
            last_run: run(|known| &known.last_run).cloned(),
            running_run: running.map(|run| RunningRun::new(run, now)),
            last_completed_run: completed.map(|run| CompletedRun {
                id: run.id,
                started_at: run.started_at,
                completed_at: run.completed_at,
            }),
            freshness_seconds: completed.map(|run| run.started_at.seconds_until(now)),
            proved_at: known.and_then(|known| known.proved_at),
            verification: known.and_then(|known| known.verification.clone()),
            open_rejections: known.map_or(0, Known::open_rejections),
            open_failures: known.map_or(0, Known::open_failures),
            open_conflicts_24h: known.map_or(0, |known| known.conflicts_24h),
            last_24h: known.map(|known| known.last_24h.clone()).unwrap_or_default().with_rates(),
        }
    }
}

fn facts(from: &Sources<'_>) -> Facts {
    let Sources { defined, known, delivery, is_current, .. } = *from;
    let last_run = known.and_then(|known| known.last_run.as_ref());
    Facts {
        is_current,
        is_defined: defined.is_some(),
        every: defined.and_then(|defined| defined.every),
        stall_after: defined.map_or(DEFAULT_STALL_AFTER, |defined| defined.stall_after),
        last_run: last_run.map(|run| LastRun {
            status: run.status,
            error: run.error.as_ref().map(|error| error.message.clone()),
            deletes_withheld: run.deletes_withheld.clone(),
            unconfirmed: run.unconfirmed,
            withheld: run.withheld,
        }),
        heartbeat: known.and_then(|known| known.running_run.as_ref()).map(|run| run.heartbeat_at.0),
        applied: known.and_then(|known| known.applied_at.or(known.first_at)).map(|at| at.0),
        open_rejections: known.map_or(0, Known::open_rejections),
        open_failures: known.map_or(0, Known::open_failures),
        differences: known.and_then(|known| known.verification.as_ref()).map_or(0, |found| found.differences),
        // The queue is everybody's. Of a sync whose last run gave nothing up, what may lie there is superseded.
        dead_letters: match (&delivery.dead_letters, last_run) {
            (Some(dead), Some(run)) if run.failed > 0 => dead.messages,
            _ => 0,
        },
        circuit: delivery.circuit.as_ref().map(crate::circuit::Circuit::fact),
    }
}

/// The tab's title: from the definition, or, where that has the tab's id, from the last run.
fn tab(defined: &Defined, last_run: Option<&Run>) -> String {
    let read = last_run.and_then(|run| run.metadata["tab"].as_str());
    defined.tab.as_deref().or(read).map_or_else(|| format!("#{}", defined.tab_id.unwrap_or_default()), str::to_owned)
}

/// The address of a spreadsheet.
#[must_use]
pub fn spreadsheet_url(defined: &Defined) -> String {
    format!("https://docs.google.com/spreadsheets/d/{}/edit", defined.spreadsheet)
}

/// The address of a sync's tab; its id is what a run has found it to be.
#[must_use]
pub fn tab_url(defined: &Defined, tab_id: Option<i64>) -> Option<String> {
    let gid = tab_id.or(defined.tab_id)?;
    Some(format!("{}#gid={gid}", spreadsheet_url(defined)))
}

/// The address of a cell.
#[must_use]
pub fn cell_url(defined: &Defined, tab_id: Option<i64>, cell: &str) -> Option<String> {
    Some(format!("{}&range={cell}", tab_url(defined, tab_id)?))
}

/// A sync is due `every` after its last scheduled run began, or, after one that met a fault that passes, a shorter pause after that
/// ended (`sync_begin` decides by the same); overdue is now.
fn next_run(every: Duration, known: Option<&Known>, now: Timestamp) -> Time {
    let pause = known.and_then(|known| {
        let pause = Duration::from_secs(known.pause_seconds?.into());
        (pause < every).then_some((known.paused_at?, pause))
    });
    let scheduled = known.and_then(|known| known.scheduled_at).map(|last| (last, every));
    let due =
        pause.or(scheduled).map(|(last, wait)| last.0 + SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX));
    Time(due.map_or(now, |due| due.max(now)))
}

impl Api {
    /// All syncs: those that are defined, and those that have run.
    pub async fn syncs(&self) -> Syncs {
        self.syncs_and(None).await
    }

    /// The same, and this one too, whatever is wrong with the definition of another that hides it: it may not have run yet.
    async fn syncs_and(&self, name: Option<&str>) -> Syncs {
        let (overview, (mut delivery, mut unreachable)) = tokio::join!(self.overview(), self.delivery());
        let now = Timestamp::now();
        delivery.date(&overview.syncs, now);
        let is_current = overview.unreachable.is_none();
        if let Some(message) = overview.unreachable {
            unreachable.insert(0, Unreachable { what: Part::Supabase, message });
        }
        let known = overview.syncs.iter().map(|known| known.sync.as_str()).chain(name);
        let defined = definitions(&self.settings.definition, known);
        let mut names: Vec<&str> = defined.iter().map(|defined| defined.name.as_str()).collect();
        names.extend(overview.syncs.iter().map(|known| known.sync.as_str()));
        names.sort_unstable();
        names.dedup();
        let syncs = names
            .into_iter()
            .map(|name| {
                let known = overview.syncs.iter().find(|known| known.sync == name);
                let defined = defined.iter().find(|defined| defined.name == name);
                Sync::new(&Sources { name, defined, known, delivery: &delivery, is_current, now })
            })
            .collect();
        Syncs { now: Time(now), syncs, delivery, unreachable }
    }

    /// The definition of a sync, if there is one that can be used.
    pub fn defined(&self, sync: &str) -> Option<Defined> {
        Definition::load_sync(&self.settings.definition, sync).ok()
    }

    /// That there is a sync of this name: it is defined, or has run.
    ///
    /// # Errors
    /// When there is none.
    pub async fn must_exist(&self, sync: &str) -> Result<(), ApiError> {
        if self.defined(sync).is_some() {
            return Ok(());
        }
        let is_this = format!("eq.{sync}");
        let runs: Vec<serde_json::Value> = self
            .supabase()
            .await?
            .select("sync_state", &[("select", "id"), ("sync", is_this.as_str()), ("limit", "1")])
            .await?;
        if runs.is_empty() { Err(ApiError::NotFound { what: "sync", name: sync.to_owned() }) } else { Ok(()) }
    }
}

/// The syncs that are defined. In a folder, one file that is broken leaves the others in use.
fn definitions<'a>(path: &Path, known: impl Iterator<Item = &'a str>) -> Vec<Defined> {
    match Definition::load(path, None) {
        Ok(definition) => definition.syncs,
        Err(error) => {
            tracing::warn!(error = %error, "could not read all definitions");
            let by_name = known.filter_map(|name| Definition::load(path, Some(name)).ok());
            let mut found: Vec<Defined> = by_name.flat_map(|definition| definition.syncs).collect();
            found.sort_by(|one, other| one.name.cmp(&other.name));
            found.dedup_by(|one, other| one.name == other.name);
            found
        }
    }
}

/// Where all syncs stand. Answers also while Supabase, the queue or the breaker cannot be reached, and says so.
#[utoipa::path(get, path = "/api/syncs", tag = "syncs", operation_id = "listSyncs", security(("bearer" = [])),
    responses((status = 200, body = Syncs), (status = 401, body = ErrorBody)))]
pub async fn list(State(api): State<Arc<Api>>) -> Json<Syncs> {
    Json(api.syncs().await)
}

/// Where one sync stands.
#[utoipa::path(get, path = "/api/syncs/{sync}", tag = "syncs", operation_id = "getSync", security(("bearer" = [])),
    params(("sync" = String, Path, description = "The sync's name")),
    responses((status = 200, body = OneSync), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
              (status = 404, body = ErrorBody)))]
pub async fn one(State(api): State<Arc<Api>>, Place(name): Place<String>) -> Result<Json<OneSync>, ApiError> {
    let Syncs { now, syncs, delivery, unreachable } = api.syncs_and(Some(&name)).await;
    let sync = syncs.into_iter().find(|sync| sync.name == name);
    let sync = sync.ok_or(ApiError::NotFound { what: "sync", name })?;
    Ok(Json(OneSync { now, sync, delivery, unreachable }))
}

/// Whether a run is open: queued or in progress.
#[must_use]
pub fn is_open(status: RunStatus) -> bool {
    matches!(status, RunStatus::Queued | RunStatus::InProgress)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::example;

    fn time(text: &str) -> Time {
        Time(text.parse().unwrap())
    }

    fn known() -> Known {
        serde_json::from_value(serde_json::json!({
            "sync": "listings", "lastRun": null, "runningRun": null, "completedRun": null, "appliedAt": null, "scheduledAt": null,
            "open": {}, "conflicts24h": 0,
            "last24h": {"runs": 0, "completed": 0, "partial": 0, "failed": 0, "rows_read": 0, "rows_wrong": 0, "rows_due": 0, "rows_arrived": 0},
        }))
        .unwrap()
    }

    fn run() -> Run {
        serde_json::from_value(example(serde_json::json!({
            "status": "in_progress", "planned_at": "2026-11-25T12:00:10Z", "completed_at": null, "rows_sent": 1000, "rows_done": 250,
        })))
        .unwrap()
    }

    #[test]
    fn the_time_left_follows_from_the_speed_since_the_plan() {
        let now = time("2026-11-25T12:00:15Z").0;
        let running = RunningRun::new(&run(), now);
        assert_eq!((running.percent, running.seconds_left), (Some(25.0), Some(15)));
        let just_planned = RunningRun::new(&Run { rows_done: 0, ..run() }, now);
        assert_eq!((just_planned.percent, just_planned.seconds_left), (Some(0.0), None));
        let reading = RunningRun::new(&Run { rows_done: 0, rows_sent: 0, planned_at: None, ..run() }, now);
        assert_eq!((reading.percent, reading.seconds_left), (None, None));
    }

    #[test]
    fn next_run_is_one_interval_later_and_never_past() {
        let (every, now) = (Duration::from_secs(300), time("2026-11-25T12:00:00Z"));
        let scheduled = |at: &str| Known { scheduled_at: Some(time(at)), ..known() };
        assert_eq!(next_run(every, Some(&scheduled("2026-11-25T11:58:00Z")), now.0), time("2026-11-25T12:03:00Z"));
        assert_eq!(next_run(every, Some(&scheduled("2026-11-25T09:00:00Z")), now.0), now);
        assert_eq!(next_run(every, Some(&known()), now.0), now);
        assert_eq!(next_run(every, None, now.0), now);
    }

    #[test]
    fn next_run_after_a_transient_fault_waits_for_the_pause() {
        let (day, now) = (Duration::from_secs(86_400), time("2026-11-25T12:00:00Z"));
        let failed = Known {
            scheduled_at: Some(time("2026-11-25T11:50:00Z")),
            pause_seconds: Some(300),
            paused_at: Some(time("2026-11-25T11:58:00Z")),
            ..known()
        };
        assert_eq!(
            next_run(day, Some(&failed), now.0),
            time("2026-11-25T12:03:00Z"),
            "after it gave up, not after it began"
        );
        let often = Duration::from_secs(240);
        assert_eq!(next_run(often, Some(&failed), now.0), now, "never later than by `every`");
    }

    #[test]
    fn a_rate_of_nothing_is_unknown_and_not_zero() {
        let nothing = Last24h::default().with_rates();
        assert_eq!((nothing.success_rate, nothing.error_rate), (None, None));
        let some = Last24h { rows_read: 200, rows_wrong: 1, rows_due: 100, rows_arrived: 75, ..Last24h::default() };
        let some = some.with_rates();
        assert_eq!((some.success_rate, some.error_rate), (Some(0.75), Some(0.005)));
    }
}
