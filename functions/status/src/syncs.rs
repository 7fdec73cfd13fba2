//! `GET /api/syncs` and `GET /api/syncs/{sync}`: where each sync stands.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sheetsync::supabase::{RunStatus, RunType};
use uuid::Uuid;

use crate::api::Api;
use crate::error::ApiError;

/// A row of the view `sync_status`.
#[derive(Debug, Deserialize)]
struct Row {
    sync: String,
    last_run: Uuid,
    last_type: RunType,
    last_status: RunStatus,
    last_started_at: Timestamp,
    last_completed_at: Option<Timestamp>,
    running_run: Option<Uuid>,
    running_type: Option<RunType>,
    running_since: Option<Timestamp>,
    running_heartbeat_at: Option<Timestamp>,
    running_planned_at: Option<Timestamp>,
    running_rows_sent: Option<u64>,
    running_rows_done: Option<u64>,
    running_batches_total: Option<u64>,
    running_batches_done: Option<u64>,
    completed_run: Option<Uuid>,
    completed_started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    open_rejections: u64,
    open_failures: u64,
}

#[derive(Debug, Serialize)]
pub struct Syncs {
    syncs: Vec<Sync>,
}

/// Where a sync stands.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sync {
    name: String,
    last_run: LastRun,
    running_run: Option<RunningRun>,
    /// The last run after which the table was equal to the sheet.
    last_completed_run: Option<CompletedRun>,
    /// How long ago the sheet was read that the table was last equal to.
    freshness_seconds: Option<i64>,
    open_rejections: u64,
    open_failures: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LastRun {
    id: Uuid,
    #[serde(rename = "type")]
    run_type: RunType,
    status: RunStatus,
    started_at: Timestamp,
    completed_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RunningRun {
    id: Uuid,
    #[serde(rename = "type")]
    run_type: Option<RunType>,
    started_at: Option<Timestamp>,
    heartbeat_at: Option<Timestamp>,
    planned_at: Option<Timestamp>,
    rows_sent: u64,
    rows_done: u64,
    batches_total: u64,
    batches_done: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CompletedRun {
    id: Uuid,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
}

impl Sync {
    fn new(row: Row, now: Timestamp) -> Self {
        Self {
            last_run: LastRun {
                id: row.last_run,
                run_type: row.last_type,
                status: row.last_status,
                started_at: row.last_started_at,
                completed_at: row.last_completed_at,
            },
            running_run: row.running_run.map(|id| RunningRun {
                id,
                run_type: row.running_type,
                started_at: row.running_since,
                heartbeat_at: row.running_heartbeat_at,
                planned_at: row.running_planned_at,
                rows_sent: row.running_rows_sent.unwrap_or_default(),
                rows_done: row.running_rows_done.unwrap_or_default(),
                batches_total: row.running_batches_total.unwrap_or_default(),
                batches_done: row.running_batches_done.unwrap_or_default(),
            }),
            last_completed_run: row.completed_run.map(|id| CompletedRun {
                id,
                started_at: row.completed_started_at,
                completed_at: row.completed_at,
            }),
            freshness_seconds: row.completed_started_at.map(|read| now.duration_since(read).as_secs().max(0)),
            open_rejections: row.open_rejections,
            open_failures: row.open_failures,
            name: row.sync,
        }
    }
}

/// Answers all syncs that have ever run.
pub async fn list(State(api): State<Arc<Api>>) -> Result<Json<Syncs>, ApiError> {
    let rows: Vec<Row> = api.supabase().await?.select("sync_status", &[("order", "sync")]).await?;
    let now = Timestamp::now();
    Ok(Json(Syncs { syncs: rows.into_iter().map(|row| Sync::new(row, now)).collect() }))
}

/// Answers one sync.
pub async fn one(State(api): State<Arc<Api>>, Path(name): Path<String>) -> Result<Json<Sync>, ApiError> {
    let filter = format!("eq.{name}");
    let rows: Vec<Row> = api.supabase().await?.select("sync_status", &[("sync", &filter)]).await?;
    rows.into_iter()
        .next()
        .map(|row| Json(Sync::new(row, Timestamp::now())))
        .ok_or(ApiError::NotFound { what: "sync", name })
}
