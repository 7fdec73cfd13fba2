//! `POST /api/runs/{id}/approve-deletes`: lets a run's withheld deletion happen, for exactly the rows that it found gone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sheetsync::supabase::Approval;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Operator;
use crate::api::Api;
use crate::audit::{self, Action};
use crate::error::{ApiError, ErrorBody};
use crate::request::{Body, Place};

/// Why it is right that the rows are gone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    #[schema(min_length = 1, max_length = 500)]
    why: String,
}

/// A deletion that was approved.
#[derive(Debug, Serialize, ToSchema)]
pub struct Approved {
    /// How many rows may be deleted.
    approved: u64,
    /// The run that was started to do it; null: another run is under way, and the next one does it.
    run: Option<Uuid>,
}

/// Approves the deletion that a run withheld, and starts a run that does it. Only if exactly the same rows are still gone are
/// they deleted; the approval holds for one run and 24 hours.
#[utoipa::path(post, path = "/api/runs/{id}/approve-deletes", tag = "actions", operation_id = "approveDeletes",
    security(("bearer" = [])), params(("id" = Uuid, Path, description = "The run that withheld a deletion")),
    request_body = Approve,
    responses((status = 200, body = Approved), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
              (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
              (status = 409, body = ErrorBody, description = "There is nothing to approve, or no longer"),
              (status = 413, body = ErrorBody), (status = 415, body = ErrorBody), (status = 422, body = ErrorBody),
              (status = 503, body = ErrorBody)))]
pub async fn approve(
    State(api): State<Arc<Api>>,
    Operator(who): Operator,
    Place(id): Place<Uuid>,
    Body(asked): Body<Approve>,
) -> Result<Json<Approved>, ApiError> {
    audit::reason(&asked.why)?;
    let sync = api.run(id).await?.sync;
    let details = json!({"run": id});
    let action = Action { who: &who, action: "approve_deletes", sync: Some(&sync), why: &asked.why, details };
    api.record(&action).await?;
    let approved = match api.supabase().await?.approve_deletes(id, &who.name, &asked.why).await? {
        Approval::Approved { approved, .. } => approved,
        Approval::Refused { message, .. } => return Err(ApiError::NotApproved(message)),
    };
    let run = match api.must_not_be_busy(&sync).await {
        Ok(()) => {
            let run = Uuid::new_v4();
            let event = json!({"sync": sync, "type": "manual", "run": run, "triggeredBy": who.name});
            api.invoke_scheduler(&event).await?;
            Some(run)
        }
        Err(ApiError::Busy { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok(Json(Approved { approved, run }))
}
