//! Who did what, when and why. Every action is recorded before it is done: in the function's log, and in `sync_audit`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::access::Principal;
use crate::error::{ApiError, ErrorBody};
use crate::request::{self, Asked};
use crate::state::Api;
use crate::time::Time;

/// The longest reason.
pub const MAX_WHY: usize = 500;

/// An action that is about to be carried out.
#[derive(Debug)]
pub struct Action<'a> {
    pub who: &'a Principal,
    /// `start_run`, `plan`, `approve_deletes`, `approve_adoption`, `redrive`, `set_circuit`.
    pub action: &'static str,
    pub sync: Option<&'a str>,
    pub why: &'a str,
    pub details: Value,
}

impl Api {
    /// Records an action before it is carried out.
    ///
    /// # Errors
    /// When Supabase does not take the entry; the action is then not done. The log has the attempt all the same.
    pub async fn record(&self, action: &Action<'_>) -> Result<(), ApiError> {
        let Action { who, action, sync, why, details } = action;
        tracing::info!(who = who.name, action, sync, why, %details, "action");
        let entry = json!({"p_who": who.name, "p_action": action, "p_sync": sync, "p_why": why, "p_details": details});
        let _: i64 = self.supabase().await?.ask("sync_record_action", &entry).await?;
        Ok(())
    }
}

/// Checks a reason that must be given.
///
/// # Errors
/// When it is missing or too long.
pub fn reason(why: &str) -> Result<(), ApiError> {
    if why.trim().is_empty() {
        return Err(ApiError::Unprocessable("why: give a reason; it stands in the audit".into()));
    }
    request::text("why", why, MAX_WHY)
}

/// An entry of the audit log: one action of a person or program.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditEntry)]
struct Entry {
    #[serde(serialize_with = "request::as_text")]
    #[schema(value_type = String)]
    id: i64,
    at: Time,
    /// The e-mail address of a person, or the fingerprint of a service token.
    who: String,
    /// `start_run`, `plan`, `approve_deletes`, `approve_adoption`, `redrive`, `set_circuit`.
    action: String,
    sync: Option<String>,
    why: String,
    #[schema(value_type = Object)]
    details: Value,
}

/// A page of the audit, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Audit {
    entries: Vec<Entry>,
    /// For the next page; null on the last.
    next: Option<String>,
}

/// The requested page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// The size of a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// `false` leaves out what only looked: the previews.
    previews: Option<bool>,
}

/// What operators did, newest first.
#[utoipa::path(get, path = "/api/audit", tag = "actions", operation_id = "listAudit", security(("bearer" = [])), params(Page),
    responses((status = 200, body = Audit), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
              (status = 503, body = ErrorBody)))]
pub async fn list(State(api): State<Arc<Api>>, Asked(page): Asked<Page>) -> Result<Json<Audit>, ApiError> {
    let limit = request::limit(page.limit, 50, 200)?;
    let after: Option<i64> = request::after(page.cursor.as_deref())?;
    let below = after.map_or_else(|| "not.is.null".to_owned(), |id| format!("lt.{id}"));
    let count = (limit + 1).to_string();
    let mut query = vec![("id", below.as_str()), ("order", "id.desc"), ("limit", count.as_str())];
    if page.previews == Some(false) {
        query.push(("action", "neq.plan"));
    }
    let mut entries: Vec<Entry> = api.supabase().await?.select("sync_audit", &query).await?;
    let more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let next = entries.last().filter(|_| more).and_then(|last| request::cursor(&last.id));
    Ok(Json(Audit { entries, next }))
}
