//! `GET /api/syncs/{sync}/runs`: the history of a sync. `GET /api/runs/{id}`: one run with its batches.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sheetsync::definition::DeletePolicy;
use sheetsync::run::{RunStatus, RunType};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::error::{ApiError, ErrorBody};
use crate::request::{self, Asked, Place};
use crate::run::{Run, RunningRun};
use crate::state::Api;
use crate::syncs::{is_open, spreadsheet_url};
use crate::time::Time;

const BATCH_COLUMNS: &str = "kind,lo::text,hi::text,outcome,rows,inserted,updated,unchanged,deleted,conflicts,rejected,attempts,error:error->>message,finished_at";

/// A run with the first of its batches, or those after the cursor.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    #[serde(flatten)]
    run: Run,
    /// How far it is; null when it is over.
    running_run: Option<RunningRun>,
    /// Opens the spreadsheet; null, as the next one, when the definition does not name the sync.
    spreadsheet_url: Option<String>,
    /// What becomes of rows that are missing from the sheet.
    #[schema(value_type = Option<String>)]
    delete_policy: Option<DeletePolicy>,
    batches: Vec<Batch>,
    batches_next: Option<String>,
}

/// What became of one stretch of a run's rows. Key hashes are strings, because JavaScript's numbers do not hold 64 bits.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all(serialize = "camelCase"))]
#[schema(rename_all = "camelCase")]
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
    runs: Vec<Run>,
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
        ("select", Run::list_columns().collect::<Vec<_>>().join(",")),
        ("sync", format!("eq.{sync}")),
        ("order", "started_at.desc,id.desc".to_owned()),
        // One more than is shown, to know whether there is a next page.
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
    Ok(Json(Runs { runs: runs.into_iter().map(Run::in_a_list).collect(), next }))
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
        run,
        batches,
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
        let columns = Run::columns().collect::<Vec<_>>().join(",");
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
    use crate::run::example;

    #[test]
    fn run_shows_withheld_and_unconfirmed_rows() {
        let run: Run = serde_json::from_value(example(json!({
            "unconfirmed": 3, "withheld": 2, "keys_unreadable": 1, "keyless_rows": 4, "read_complete": true,
            "deletes_withheld": "too many", "vanished": {"count": 21, "digest": "00", "sample": ["AA3", "AA4"]},
            "adoption": {"rows": 2, "digest": "00", "columns": {"price": 2},
                "sample": [{"rowKey": "AA1", "rowNumber": 7, "column": "price", "old": 9, "new": "8"}]},
        })))
        .unwrap();
        let view = serde_json::to_value(&run).unwrap();
        assert_eq!(
            (&view["unconfirmed"], &view["withheld"], &view["readComplete"]),
            (&json!(3), &json!(2), &json!(true))
        );
        assert_eq!((&view["keysUnreadable"], &view["keylessRows"]), (&json!(1), &json!(4)));
        let sample = json!({"rowKey": "AA1", "rowNumber": 7, "column": "price", "old": 9, "new": "8"});
        assert_eq!(view["adoption"], json!({"rows": 2, "columns": {"price": 2}, "sample": [sample]}));

        assert_eq!((&view["withheldRows"], &view["vanishedSample"]), (&json!(21), &json!(["AA3", "AA4"])));

        let listed = serde_json::to_value(run.in_a_list()).unwrap();
        assert_eq!((&listed["withheldRows"], &listed["vanishedSample"]), (&json!(21), &json!([])));
        assert_eq!(listed["adoption"], json!({"rows": 2, "columns": {"price": 2}, "sample": []}));
    }
}
