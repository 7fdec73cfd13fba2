//! `POST /api/runs/{id}/approve-deletes`: lets a run's withheld deletion happen, for exactly the rows that it found gone.
//! `POST /api/runs/{id}/approve-adoption`: decides whose values stay in the rows whose adoption a run withheld.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sheetsync::adoption::{AdoptionApproval, Keep};
use sheetsync::run::Approval;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::{Operator, Principal};
use crate::audit::{self, Action};
use crate::error::{ApiError, ErrorBody};
use crate::request::{Body, Place};
use crate::state::Api;

/// Why it is right that the rows are gone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    #[schema(min_length = 1, max_length = 500)]
    why: String,
}

/// An approved deletion.
#[derive(Debug, Serialize, ToSchema)]
pub struct Approved {
    /// How many rows may be deleted.
    approved: u64,
    /// The run that was started to do it; null: another run is in progress, and the next one does it.
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
    Ok(Json(Approved { approved, run: api.start_approved(&sync, &who).await? }))
}

/// Whose values stay, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveAdoption {
    adopt: Keep,
    #[schema(min_length = 1, max_length = 500)]
    why: String,
}

/// A decided adoption.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovedAdoption {
    /// The number of rows.
    approved: u64,
    /// The run that was started to do it; null: another run is in progress, and the next one does it.
    run: Option<Uuid>,
}

/// Decides the adoption that a run withheld, and starts a run that does it. Rows that were in the table before the sync and
/// differ from the sheet get the sheet's values, or keep the database's. Refused when other rows wait by now.
#[utoipa::path(post, path = "/api/runs/{id}/approve-adoption", tag = "actions", operation_id = "approveAdoption",
    security(("bearer" = [])), params(("id" = Uuid, Path, description = "The run that withheld an adoption")),
    request_body = ApproveAdoption,
    responses((status = 200, body = ApprovedAdoption), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
              (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
              (status = 409, body = ErrorBody, description = "There is nothing to approve, or no longer"),
              (status = 413, body = ErrorBody), (status = 415, body = ErrorBody), (status = 422, body = ErrorBody),
              (status = 503, body = ErrorBody)))]
pub async fn approve_adoption(
    State(api): State<Arc<Api>>,
    Operator(who): Operator,
    Place(id): Place<Uuid>,
    Body(asked): Body<ApproveAdoption>,
) -> Result<Json<ApprovedAdoption>, ApiError> {
    audit::reason(&asked.why)?;
    let sync = api.run(id).await?.sync;
    let details = json!({"run": id, "adopt": asked.adopt});
    let action = Action { who: &who, action: "approve_adoption", sync: Some(&sync), why: &asked.why, details };
    api.record(&action).await?;
    let approved = match api.supabase().await?.approve_adoption(id, &who.name, &asked.why, asked.adopt).await? {
        AdoptionApproval::Approved { approved, .. } => approved,
        AdoptionApproval::Refused { message, .. } => return Err(ApiError::NotApproved(message)),
    };
    Ok(Json(ApprovedAdoption { approved, run: api.start_approved(&sync, &who).await? }))
}

impl Api {
    /// Starts the run that does what was approved; `None` when another is in progress, after which the next one does it.
    async fn start_approved(&self, sync: &str, who: &Principal) -> Result<Option<Uuid>, ApiError> {
        match self.must_not_be_busy(sync).await {
            Ok(()) => {}
            Err(ApiError::Busy { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
        let run = Uuid::new_v4();
        let event = json!({"sync": sync, "type": "manual", "run": run, "triggeredBy": who.name});
        self.invoke_scheduler(&event).await?;
        Ok(Some(run))
    }
}
