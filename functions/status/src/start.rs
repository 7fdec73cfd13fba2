//! `POST /api/syncs/{sync}/runs`: asks the scheduler for a run, or for a plan of one. The answer does not wait for it.

use std::sync::Arc;

use aws_sdk_lambda::error::DisplayErrorContext;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use axum::Json;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sheetsync::breaker::Rule;
use sheetsync::breaker::store::SharedItem as _;
use sheetsync::run::RunType;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Operator;
use crate::audit::{self, Action};
use crate::error::{ApiError, ErrorBody};
use crate::request::{self, Body, Place};
use crate::state::Api;
use crate::syncs::is_open;

/// The most rows that one selective run is asked for.
const MAX_KEYS: usize = 1000;

/// The longest row key that is asked for.
const MAX_KEY: usize = 500;

const MAX_IDEMPOTENCY_KEY: usize = 200;

/// The UUIDs that idempotency keys become are of this namespace (a random one, made for this).
const NAMESPACE: Uuid = Uuid::from_u128(0x6c1f_3a52_8e0d_4b57_9a1e_5d0c_2f74_b8e3);

/// The requested run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Wanted {
    #[serde(rename = "type", default)]
    run_type: WantedType,
    /// The row keys of a selective run.
    #[schema(max_items = 1000)]
    keys: Option<Vec<String>>,
    /// Only previews the run.
    #[serde(default)]
    dry_run: bool,
    /// The reason, for the audit log.
    #[serde(default)]
    #[schema(max_length = 500)]
    why: String,
}

/// The type of a run that a person can ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum WantedType {
    /// What changed.
    #[default]
    Manual,
    /// Every row.
    Full,
    /// Certain rows.
    Selective,
}

impl From<WantedType> for RunType {
    fn from(wanted: WantedType) -> Self {
        match wanted {
            WantedType::Manual => Self::Manual,
            WantedType::Full => Self::Full,
            WantedType::Selective => Self::Selective,
        }
    }
}

/// The run that was started.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// The id of the run, or of the plan.
    run: Uuid,
    #[schema(example = "accepted")]
    status: &'static str,
    /// Where it can be followed. It is there once the scheduler has begun, some moments later.
    location: String,
}

impl Wanted {
    fn check(&self) -> Result<(), ApiError> {
        let unprocessable = |text: &'static str| Err(ApiError::Unprocessable(text.into()));
        request::text("why", &self.why, audit::MAX_WHY)?;
        match (self.run_type, self.keys.as_deref()) {
            (WantedType::Selective, None | Some([])) => {
                unprocessable("keys: a selective run needs the keys of its rows")
            }
            (WantedType::Manual | WantedType::Full, Some(_)) => {
                unprocessable("keys: they belong to the type selective")
            }
            (_, Some(keys)) if keys.len() > MAX_KEYS => {
                unprocessable("keys: at most 1000 at once; a full run takes all")
            }
            (_, keys) => keys.unwrap_or_default().iter().try_for_each(|key| {
                if key.is_empty() {
                    return unprocessable("keys: a row key is not empty");
                }
                request::text("keys", key, MAX_KEY)
            }),
        }
    }
}

/// Starts a run, or with `dryRun` a plan of one. Answers at once; the same `Idempotency-Key` is the same run.
#[utoipa::path(post, path = "/api/syncs/{sync}/runs", tag = "actions", operation_id = "startRun", security(("bearer" = [])),
    params(("sync" = String, Path, description = "The sync's name"),
           ("Idempotency-Key" = Option<String>, Header, description = "The same key starts one run only",
            min_length = 1, max_length = 200)),
    request_body = Wanted,
    responses((status = 202, body = Accepted, headers(("Location" = String))), (status = 400, body = ErrorBody),
              (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
              (status = 409, body = ErrorBody, description = "Another run of this sync still makes progress, or the circuit is open"),
              (status = 413, body = ErrorBody), (status = 415, body = ErrorBody), (status = 422, body = ErrorBody),
              (status = 503, body = ErrorBody)))]
pub async fn start(
    State(api): State<Arc<Api>>,
    Operator(who): Operator,
    Place(sync): Place<String>,
    headers: HeaderMap,
    Body(wanted): Body<Wanted>,
) -> Result<(StatusCode, [(axum::http::HeaderName, String); 1], Json<Accepted>), ApiError> {
    wanted.check()?;
    let key = idempotency_key(&headers)?;
    if api.defined(&sync).is_none() {
        return Err(ApiError::NotFound { what: "sync", name: sync });
    }
    let run = key.map_or_else(Uuid::new_v4, |key| run_of(&sync, wanted.dry_run, key));
    let asked_before = key.is_some() && api.was_asked(run, wanted.dry_run).await?;
    if !asked_before {
        api.must_not_be_open().await?;
        if !wanted.dry_run {
            api.must_not_be_busy(&sync).await?;
        }
        let action = if wanted.dry_run { "plan" } else { "start_run" };
        let details =
            json!({"run": run, "type": RunType::from(wanted.run_type), "keys": wanted.keys.as_ref().map(Vec::len)});
        api.record(&Action { who: &who, action, sync: Some(&sync), why: &wanted.why, details }).await?;
        let mut event =
            json!({"sync": sync, "type": RunType::from(wanted.run_type), "run": run, "triggeredBy": who.name});
        if let Some(keys) = &wanted.keys {
            event["keys"] = json!(keys);
        }
        if wanted.dry_run {
            event["dryRun"] = json!(true);
        }
        api.invoke_scheduler(&event).await?;
    }
    let location = if wanted.dry_run { format!("/api/plans/{run}") } else { format!("/api/runs/{run}") };
    Ok((StatusCode::ACCEPTED, [(LOCATION, location.clone())], Json(Accepted { run, status: "accepted", location })))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > MAX_IDEMPOTENCY_KEY {
        let message = format!("Idempotency-Key must be 1 to {MAX_IDEMPOTENCY_KEY} visible ASCII characters");
        return Err(ApiError::BadRequest(message));
    }
    Ok(Some(key))
}

/// The run that an idempotency key of a sync stands for: always the same one.
fn run_of(sync: &str, is_plan: bool, key: &str) -> Uuid {
    let kind = if is_plan { "plan" } else { "run" };
    Uuid::new_v5(&NAMESPACE, format!("{sync}\n{kind}\n{key}").as_bytes())
}

impl Api {
    async fn was_asked(&self, id: Uuid, is_plan: bool) -> Result<bool, ApiError> {
        if is_plan { Ok(self.find_plan(id).await?.is_some()) } else { Ok(self.find_run(id).await?.is_some()) }
    }

    /// Refuses a start while the circuit is open: the scheduler would begin no run, and the caller would not learn of it.
    async fn must_not_be_open(&self) -> Result<(), ApiError> {
        let Ok(item) = self.breaker.read().await else { return Ok(()) };
        match item.refuses_until(jiff::Timestamp::now().into(), &Rule::default()) {
            Some(until) => Err(ApiError::CircuitOpen { until: until.into() }),
            None => Ok(()),
        }
    }

    /// Refuses a start while a run is in progress: the scheduler would answer `busy`, and the caller would not learn of it.
    pub async fn must_not_be_busy(&self, sync: &str) -> Result<(), ApiError> {
        let known: Vec<crate::known::Known> =
            self.supabase().await?.ask("sync_overview", &json!({"p_sync": sync})).await?;
        let Some(run) = known.into_iter().next().and_then(|known| known.running_run) else { return Ok(()) };
        let stall_after = self.defined(sync).map_or(900, |defined| defined.stall_after.as_secs());
        if is_open(run.status) && run.heartbeat_at.seconds_until(jiff::Timestamp::now()) <= stall_after {
            return Err(ApiError::Busy { run: run.id });
        }
        Ok(())
    }

    /// Hands the scheduler an event; Lambda keeps it until the function has taken it.
    pub async fn invoke_scheduler(&self, event: &serde_json::Value) -> Result<(), ApiError> {
        self.lambda
            .invoke()
            .function_name(&self.settings.scheduler_function)
            .invocation_type(InvocationType::Event)
            .payload(Blob::new(event.to_string()))
            .send()
            .await
            .map(drop)
            .map_err(|error| ApiError::Aws { what: "Lambda", reason: DisplayErrorContext(&error).to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(json: serde_json::Value) -> Result<(), String> {
        let wanted: Wanted = serde_json::from_value(json).map_err(|error| error.to_string())?;
        wanted.check().map_err(|error| error.to_string())
    }

    #[test]
    fn keys_belong_to_selective_runs_and_must_be_usable() {
        assert!(wanted(json!({})).is_ok());
        assert!(wanted(json!({"type": "full", "dryRun": true})).is_ok());
        assert!(wanted(json!({"type": "selective", "keys": ["AA1"]})).is_ok());
        let refused = [
            json!({"type": "selective"}),
            json!({"type": "selective", "keys": []}),
            json!({"type": "selective", "keys": [""]}),
            json!({"type": "selective", "keys": ["A\u{0}"]}),
            json!({"type": "selective", "keys": vec!["A"; 1001]}),
            json!({"type": "selective", "keys": ["A".repeat(501)]}),
            json!({"type": "manual", "keys": ["AA1"]}),
            json!({"type": "scheduled"}),
            json!({"tpye": "full"}),
            json!({"why": "x".repeat(501)}),
        ];
        for json in refused {
            assert!(wanted(json.clone()).is_err(), "{json}");
        }
    }

    #[test]
    fn idempotency_key_names_one_run_per_sync() {
        let run = run_of("listings", false, "k1");
        assert_eq!(run, run_of("listings", false, "k1"));
        for other in [run_of("listings", false, "k2"), run_of("lists", false, "k1"), run_of("listings", true, "k1")] {
            assert_ne!(run, other);
        }
    }
}
