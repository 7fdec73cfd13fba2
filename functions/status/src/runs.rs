//! `GET /api/runs/{id}`: one run with its counts, its batches and the first of its rejections.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sheetsync::supabase::{RunStatus, RunType};
use uuid::Uuid;

use crate::api::Api;
use crate::error::ApiError;

/// How many rejections and batches a run is shown with.
const SHOWN: &str = "100";

/// A run, as `sync_state` holds it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub struct Run {
    id: Uuid,
    sync: String,
    seq: Option<i64>,
    #[serde(rename(serialize = "type", deserialize = "sync_type"))]
    run_type: RunType,
    status: RunStatus,
    triggered_by: Option<String>,
    started_at: Timestamp,
    planned_at: Option<Timestamp>,
    heartbeat_at: Timestamp,
    completed_at: Option<Timestamp>,
    total_rows: u64,
    inserted: u64,
    updated: u64,
    unchanged: u64,
    rejected: u64,
    skipped: u64,
    failed: u64,
    adopted: u64,
    #[serde(rename(serialize = "conflicts", deserialize = "conflict"))]
    conflicts: u64,
    deleted: u64,
    rows_sent: u64,
    rows_done: u64,
    keys_vanished: u64,
    deletes_withheld: Option<String>,
    batches_total: u64,
    batches_done: u64,
    #[serde(rename(serialize = "error", deserialize = "error_details"))]
    error: Option<serde_json::Value>,
    metadata: serde_json::Value,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    #[serde(flatten)]
    run: Run,
    batches: Vec<Batch>,
    rejections: Vec<Rejection>,
}

/// An entry of the ledger. Key hashes are strings, because JavaScript's numbers do not hold 64 bits.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Batch {
    kind: String,
    lo: String,
    hi: String,
    outcome: String,
    rows: u64,
    inserted: u64,
    updated: u64,
    unchanged: u64,
    deleted: u64,
    conflicts: u64,
    rejected: u64,
    attempts: u64,
    error: Option<serde_json::Value>,
    finished_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Rejection {
    row_key: Option<String>,
    row_number: Option<u64>,
    #[serde(rename(serialize = "column", deserialize = "column_name"))]
    column: Option<String>,
    header: Option<String>,
    cell: Option<String>,
    error_type: String,
    code: String,
    message: String,
    raw: Option<String>,
    first_seen: Timestamp,
    last_seen: Timestamp,
    resolved_at: Option<Timestamp>,
}

/// Answers one run.
pub async fn one(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Result<Json<Detail>, ApiError> {
    let id: Uuid = id.parse().map_err(|_| ApiError::NotARunId(id.clone()))?;
    let supabase = api.supabase().await?;
    let is_this = format!("eq.{id}");
    let runs: Vec<Run> = supabase.select("sync_state", &[("id", &is_this)]).await?;
    let run = runs.into_iter().next().ok_or_else(|| ApiError::NotFound { what: "run", name: id.to_string() })?;
    let batches = supabase
        .select(
            "sync_batches",
            &[
                (
                    "select",
                    "kind,lo::text,hi::text,outcome,rows,inserted,updated,unchanged,deleted,conflicts,rejected,attempts,\
                     error,finished_at",
                ),
                ("run", &is_this),
                ("order", "kind.desc,lo"),
                ("limit", SHOWN),
            ],
        )
        .await?;
    let rejections = supabase
        .select("sync_errors", &[("run", is_this.as_str()), ("order", "row_number,id"), ("limit", SHOWN)])
        .await?;
    Ok(Json(Detail { run, batches, rejections }))
}
