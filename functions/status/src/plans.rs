//! `GET /api/plans/{id}`: the preview of a run, once the scheduler has made it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{ApiError, ErrorBody};
use crate::request::Place;
use crate::state::Api;
use crate::syncs::tab_url;
use crate::time::Time;

/// The state of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PlanStatus)]
pub enum Status {
    Running,
    Done,
    Failed,
}

/// What a run would do, or why that could not be found out.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all(serialize = "camelCase"))]
#[schema(rename_all = "camelCase")]
pub struct Plan {
    id: Uuid,
    sync: String,
    status: Status,
    started_at: Time,
    finished_at: Option<Time>,
    #[schema(value_type = Option<Object>)]
    error: Option<Value>,
    /// Counts, changes per column, rejections and warnings (docs/PROTOCOL.md, "A plan"). It holds text of the sheet.
    #[schema(value_type = Option<Object>)]
    plan: Option<Value>,
    /// Opens the tab in the spreadsheet; with `&range=C9` behind it, at that cell. Null: no run has read the tab yet.
    tab_url: Option<String>,
}

impl Api {
    /// The plan with this id, if there is one.
    pub async fn find_plan(&self, id: Uuid) -> Result<Option<Plan>, ApiError> {
        let is_this = format!("eq.{id}");
        Ok(self.supabase().await?.select("sync_plans", &[("id", is_this.as_str())]).await?.into_iter().next())
    }

    /// The address of a sync's tab, as the definition or the latest run knows it.
    async fn tab_url(&self, sync: &str) -> Option<String> {
        let defined = self.defined(sync)?;
        let overview = self.overview().await;
        let known = overview.syncs.iter().find(|known| known.sync == sync);
        let tab_id = known.and_then(|known| known.last_run.as_ref()?.metadata["tabId"].as_i64());
        tab_url(&defined, tab_id)
    }
}

/// What a run would do.
#[utoipa::path(get, path = "/api/plans/{id}", tag = "runs", operation_id = "getPlan", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The id that asking for the plan gave")),
    responses((status = 200, body = Plan), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
              (status = 404, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn one(State(api): State<Arc<Api>>, Place(id): Place<Uuid>) -> Result<Json<Plan>, ApiError> {
    let plan = api.find_plan(id).await?.ok_or_else(|| ApiError::NotFound { what: "plan", name: id.to_string() })?;
    let tab_url = api.tab_url(&plan.sync).await;
    Ok(Json(Plan { tab_url, ..plan }))
}
