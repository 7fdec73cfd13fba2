//! `GET /api/syncs/{sync}/runs`: the history of a sync. `GET /api/runs/{id}`: one run with its batches.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sheetsync::adoption::Adoption;
use sheetsync::definition::DeletePolicy;
use sheetsync::run::{RunStatus, RunType};
use sheetsync::standing::Arrivals;
use sheetsync::verify::Verification;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::Api;
use crate::error::{ApiError, ErrorBody};
use crate::request::{self, Asked, Place};
use crate::syncs::{RunningRun, is_open, spreadsheet_url};
use crate::time::Time;

/// All columns of a run but the keys that were asked for, of which there may be thousands.
const COLUMNS: &str = "id,sync,seq,sync_type,status,triggered_by,started_at,planned_at,heartbeat_at,completed_at,total_rows,\
                       inserted,updated,unchanged,rejected,skipped,failed,adopted,restored,corrected,conflict,deleted,rows_sent,rows_done,\
                       keys_vanished,keys_done,vanished,deletes_withheld,\
                       unconfirmed,withheld,adoption,keys_unreadable,keyless_rows,read_complete,checked_at,checked_values,proved_at,batches_total,batches_done,error_details,metadata";

const BATCH_COLUMNS: &str = "kind,lo::text,hi::text,outcome,rows,inserted,updated,unchanged,deleted,conflicts,rejected,attempts,error,finished_at";

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

fn seconds_between(start: Time, end: Time) -> f64 {
    end.0.duration_since(start.0).as_secs_f64().max(0.0)
}

/// A run with the first of its batches, or those after the cursor.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    #[serde(flatten)]
    run: RunView,
    /// How far it is; null when it is over.
    running_run: Option<RunningRun>,
    /// Opens the spreadsheet; null, as the next one, when the definition does not name the sync.
    spreadsheet_url: Option<String>,
    /// What becomes of rows that are missing from the sheet.
    #[schema(value_type = Option<String>)]
    delete_policy: Option<DeletePolicy>,
    batches: Vec<BatchView>,
    batches_next: Option<String>,
}

/// An entry of the ledger.
#[derive(Debug, Deserialize)]
struct Batch {
    kind: Kind,
    lo: String,
    hi: String,
    outcome: BatchOutcome,
    rows: u64,
    inserted: u64,
    updated: u64,
    unchanged: u64,
    deleted: u64,
    conflicts: u64,
    rejected: u64,
    attempts: u64,
    error: Option<Value>,
    finished_at: Option<Time>,
}

/// What became of one stretch of a run's rows. Key hashes are strings, because JavaScript's numbers do not hold 64 bits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Batch)]
struct BatchView {
    kind: Kind,
    lo: String,
    hi: String,
    outcome: BatchOutcome,
    rows: u64,
    inserted: u64,
    updated: u64,
    unchanged: u64,
    deleted: u64,
    conflicts: u64,
    rejected: u64,
    /// Attempts that failed.
    attempts: u64,
    error: Option<String>,
    finished_at: Option<Time>,
}

/// What a batch does.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = BatchKind)]
enum Kind {
    Upsert,
    Delete,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum BatchOutcome {
    /// Attempts failed; it comes again.
    Pending,
    Applied,
    Withheld,
    Failed,
}

impl From<Batch> for BatchView {
    fn from(batch: Batch) -> Self {
        Self {
            error: batch.error.as_ref().and_then(|error| error["message"].as_str()).map(str::to_owned),
            kind: batch.kind,
            lo: batch.lo,
            hi: batch.hi,
            outcome: batch.outcome,
            rows: batch.rows,
            inserted: batch.inserted,
            updated: batch.updated,
            unchanged: batch.unchanged,
            deleted: batch.deleted,
            conflicts: batch.conflicts,
            rejected: batch.rejected,
            attempts: batch.attempts,
            finished_at: batch.finished_at,
        }
    }
}

/// Which runs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only runs that ended so, or are so.
    status: Option<RunStatus>,
    /// Only runs of this type.
    r#type: Option<RunType>,
    /// Only runs that began at this moment or later.
    since: Option<Time>,
    /// Only runs that began before this moment.
    until: Option<Time>,
    /// The size of a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A page of runs, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Runs {
    runs: Vec<RunView>,
    /// For the next page; null on the last.
    next: Option<String>,
}

/// The runs of a sync, newest first.
#[utoipa::path(get, path = "/api/syncs/{sync}/runs", tag = "runs", operation_id = "listRuns", security(("bearer" = [])),
    params(("sync" = String, Path, description = "The sync's name"), Filter),
    responses((status = 200, body = Runs), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
              (status = 404, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn list(
    State(api): State<Arc<Api>>,
    Place(sync): Place<String>,
    Asked(filter): Asked<Filter>,
) -> Result<Json<Runs>, ApiError> {
    let limit = request::limit(filter.limit, 50, 200)?;
    let after: Option<(Timestamp, Uuid)> = request::after(filter.cursor.as_deref())?;
    let mut query = vec![
        ("select", COLUMNS.to_owned()),
        ("sync", format!("eq.{sync}")),
        ("order", "started_at.desc,id.desc".to_owned()),
        // One more than is shown tells whether there is a next page.
        ("limit", (limit + 1).to_string()),
    ];
    query.extend(filter.status.map(|status| ("status", format!("eq.{status}"))));
    query.extend(filter.r#type.map(|run_type| ("sync_type", format!("eq.{run_type}"))));
    query.extend(filter.since.map(|since| ("started_at", format!("gte.{}", since.0))));
    query.extend(filter.until.map(|until| ("started_at", format!("lt.{}", until.0))));
    if let Some((at, id)) = after {
        query.push(("or", format!(r#"(started_at.lt."{at}",and(started_at.eq."{at}",id.lt.{id}))"#)));
    }
    let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut runs: Vec<Run> = api.supabase().await?.select("sync_state", &query).await?;
    if runs.is_empty() {
        api.must_exist(&sync).await?;
    }
    let more = runs.len() > limit as usize;
    runs.truncate(limit as usize);
    let next = runs.last().filter(|_| more).and_then(|last| request::cursor(&(last.started_at, last.id)));
    Ok(Json(Runs { runs: runs.into_iter().map(Run::without_samples).map(RunView::from).collect(), next }))
}

/// Which batches.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BatchPage {
    /// The size of a page of batches.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u32>,
    /// `batchesNext` of the page before.
    cursor: Option<String>,
}

/// One run with its counts and its batches.
#[utoipa::path(get, path = "/api/runs/{id}", tag = "runs", operation_id = "getRun", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The run's id"), BatchPage),
    responses((status = 200, body = Detail), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
              (status = 404, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn one(
    State(api): State<Arc<Api>>,
    Place(id): Place<Uuid>,
    Asked(page): Asked<BatchPage>,
) -> Result<Json<Detail>, ApiError> {
    let limit = request::limit(page.limit, 100, 500)?;
    let after: Option<(Kind, i64)> = request::after(page.cursor.as_deref())?;
    let is_this = format!("eq.{id}");
    let mut query = vec![
        ("select", BATCH_COLUMNS.to_owned()),
        ("run", is_this),
        ("order", "kind.desc,lo".to_owned()),
        ("limit", (limit + 1).to_string()),
    ];
    match after {
        // Upserts come first, then deletes.
        Some((Kind::Upsert, lo)) => query.push(("or", format!("(kind.eq.delete,and(kind.eq.upsert,lo.gt.{lo}))"))),
        Some((Kind::Delete, lo)) => query.push(("and", format!("(kind.eq.delete,lo.gt.{lo})"))),
        None => {}
    }
    let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let supabase = api.supabase().await?;
    let (run, batches) = tokio::join!(api.run(id), supabase.select::<Batch>("sync_batches", &query));
    let (run, mut batches) = (run?, batches?);
    let more = batches.len() > limit as usize;
    batches.truncate(limit as usize);
    let last = batches.last().filter(|_| more);
    let batches_next = last.and_then(|last| request::cursor(&(last.kind, last.lo.parse::<i64>().ok()?)));
    let defined = api.defined(&run.sync);
    Ok(Json(Detail {
        running_run: is_open(run.status).then(|| RunningRun::new(&run, Timestamp::now())),
        spreadsheet_url: defined.as_ref().map(spreadsheet_url),
        delete_policy: defined.map(|defined| defined.on_delete.policy),
        run: run.into(),
        batches: batches.into_iter().map(BatchView::from).collect(),
        batches_next,
    }))
}

impl Api {
    /// The run with this id.
    pub async fn run(&self, id: Uuid) -> Result<Run, ApiError> {
        self.find_run(id).await?.ok_or_else(|| ApiError::NotFound { what: "run", name: id.to_string() })
    }

    /// The run with this id, if there is one.
    pub async fn find_run(&self, id: Uuid) -> Result<Option<Run>, ApiError> {
        let is_this = format!("eq.{id}");
        let columns = format!("{COLUMNS},verification");
        let runs = self
            .supabase()
            .await?
            .select("sync_state", &[("select", columns.as_str()), ("id", is_this.as_str())])
            .await?;
        Ok(runs.into_iter().next())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row() -> Value {
        json!({
            "id": Uuid::nil(), "sync": "listings", "seq": 1, "sync_type": "manual", "status": "partial", "triggered_by": null,
            "started_at": "2026-11-25T12:00:00Z", "planned_at": null, "heartbeat_at": "2026-11-25T12:00:10Z",
            "completed_at": "2026-11-25T12:00:20Z", "total_rows": 9, "inserted": 0, "updated": 0, "unchanged": 7,
            "rejected": 0, "skipped": 2, "failed": 0, "adopted": 2, "conflict": 0, "deleted": 0, "rows_sent": 9,
            "rows_done": 9, "keys_vanished": 0, "keys_done": 0, "deletes_withheld": null, "batches_total": 1,
            "batches_done": 1, "error_details": null, "metadata": {},
        })
    }

    #[test]
    fn a_run_shows_what_waits_and_how_sure_its_read_was() {
        let mut row = row();
        row["unconfirmed"] = 3.into();
        row["withheld"] = 2.into();
        row["keys_unreadable"] = 1.into();
        row["keyless_rows"] = 4.into();
        row["read_complete"] = true.into();
        row["deletes_withheld"] = "too many".into();
        row["vanished"] = json!({"count": 21, "digest": "00", "sample": ["AA3", "AA4"]});
        row["adoption"] = json!({"rows": 2, "digest": "00", "columns": {"price": 2},
            "sample": [{"rowKey": "AA1", "rowNumber": 7, "column": "price", "old": 9, "new": "8"}]});
        let run: Run = serde_json::from_value(row).unwrap();
        let view = serde_json::to_value(RunView::from(run.clone())).unwrap();
        assert_eq!(
            (&view["unconfirmed"], &view["withheld"], &view["readComplete"]),
            (&json!(3), &json!(2), &json!(true))
        );
        assert_eq!((&view["keysUnreadable"], &view["keylessRows"]), (&json!(1), &json!(4)));
        let sample = json!({"rowKey": "AA1", "rowNumber": 7, "column": "price", "old": 9, "new": "8"});
        assert_eq!(view["adoption"], json!({"rows": 2, "columns": {"price": 2}, "sample": [sample]}));

        assert_eq!((&view["withheldRows"], &view["vanishedSample"]), (&json!(21), &json!(["AA3", "AA4"])));

        let listed = serde_json::to_value(RunView::from(run.without_samples())).unwrap();
        assert_eq!((&listed["withheldRows"], &listed["vanishedSample"]), (&json!(21), &json!([])));
        assert_eq!(listed["adoption"], json!({"rows": 2, "columns": {"price": 2}, "sample": []}));
    }

    #[test]
    fn a_run_of_an_older_version_has_nothing_that_waits() {
        let run: Run = serde_json::from_value(row()).unwrap();
        assert_eq!((run.unconfirmed, run.withheld, run.adoption), (0, 0, None));
    }
}
