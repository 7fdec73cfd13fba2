//! `POST /api/syncs/{sync}/redrive`: sends the dead letters of a sync to the queue again, or counts what that would do.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sheetsync::redrive::{Filter, Redrive, Report, Selection};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Operator;
use crate::audit::{self, Action};
use crate::error::{ApiError, ErrorBody};
use crate::request::{self, Body, Place};
use crate::state::Api;

/// Messages are handled for so long; the rest is `left` for the next request. The function itself has 15 seconds.
const WITHIN: Duration = Duration::from_secs(8);

/// The oldest dead letter is two weeks old: the queue keeps none for longer.
const LONGEST_AGE: u64 = 14 * 24 * 3600;

/// Which dead letters, and why they may succeed now.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(as = RedriveOrder)]
pub struct Wanted {
    /// Only those of this run.
    run: Option<Uuid>,
    /// Only those whose run was sent longer ago.
    #[schema(maximum = 1_209_600)]
    older_than_seconds: Option<u64>,
    /// At most so many; all if absent.
    #[schema(minimum = 1, maximum = 10_000)]
    limit: Option<u64>,
    /// Only report what would be done.
    #[serde(default)]
    dry_run: bool,
    /// The reason, for the audit log; required unless `dryRun`.
    #[serde(default)]
    #[schema(max_length = 500)]
    why: String,
}

/// The counts of what was done, or would be with `dryRun`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Redriven {
    /// Dead letters that the request asks for.
    matched: u64,
    /// Of these, sent to the queue again.
    redriven: u64,
    /// Of these, dropped: their run is over, so they would change nothing.
    superseded: u64,
    /// Of these, no batch that this database knows; they stay.
    malformed: u64,
    /// About how many are in the dead-letter queue afterwards.
    left: u64,
    dry_run: bool,
}

impl Redriven {
    fn new(report: Report, dry_run: bool) -> Self {
        let Report { matched, redriven, superseded, malformed, left } = report;
        Self { matched, redriven, superseded, malformed, left, dry_run }
    }
}

/// Sends dead letters of the sync to the queue again. A message is sent before it is removed, so nothing is lost when the
/// request is interrupted, and a batch that was doubled is applied once.
#[utoipa::path(post, path = "/api/syncs/{sync}/redrive", tag = "actions", operation_id = "redrive",
    security(("bearer" = [])), params(("sync" = String, Path, description = "The sync")), request_body = Wanted,
    responses((status = 200, body = Redriven), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
              (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 413, body = ErrorBody),
              (status = 415, body = ErrorBody), (status = 422, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn redrive(
    State(api): State<Arc<Api>>,
    Operator(who): Operator,
    Place(sync): Place<String>,
    Body(wanted): Body<Wanted>,
) -> Result<Json<Redriven>, ApiError> {
    wanted.check()?;
    if api.defined(&sync).is_none() {
        return Err(ApiError::NotFound { what: "sync", name: sync });
    }
    let supabase = api.supabase().await?;
    if !wanted.dry_run {
        let details = json!({"run": wanted.run, "olderThanSeconds": wanted.older_than_seconds, "limit": wanted.limit});
        let action = Action { who: &who, action: "redrive", sync: Some(&sync), why: &wanted.why, details };
        api.record(&action).await?;
    }
    let selection = Selection {
        filter: Filter {
            sync: Some(sync),
            run: wanted.run,
            older_than: wanted.older_than_seconds.map(Duration::from_secs),
        },
        limit: wanted.limit,
        within: Some(WITHIN),
        dry_run: wanted.dry_run,
    };
    let redrive = Redrive { dead_letters: &api.dead_letters, queue: &api.queue, supabase: Some(supabase) };
    let report =
        redrive.run(&selection).await.map_err(|error| ApiError::Aws { what: "SQS", reason: error.to_string() })?;
    Ok(Json(Redriven::new(report, wanted.dry_run)))
}

impl Wanted {
    fn check(&self) -> Result<(), ApiError> {
        if self.dry_run {
            request::text("why", &self.why, audit::MAX_WHY)?
        } else {
            audit::reason(&self.why)?
        }
        if self.older_than_seconds.is_some_and(|seconds| seconds > LONGEST_AGE) {
            let reason = format!("`olderThanSeconds` is at most {LONGEST_AGE}: no dead letter is kept for longer");
            return Err(ApiError::Unprocessable(reason.into()));
        }
        if self.limit.is_some_and(|limit| !(1..=10_000).contains(&limit)) {
            return Err(ApiError::Unprocessable("`limit` is 1 to 10000".into()));
        }
        Ok(())
    }
}
