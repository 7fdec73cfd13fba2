//! The circuit breaker as the API shows it, and `POST /api/circuit`, which sets its mode.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State as State_;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sheetsync::breaker::store::SharedItem as _;
use sheetsync::breaker::{self, Item, Mode as BreakerMode, Rule};
use sheetsync::clock::Millis;
use utoipa::ToSchema;

use crate::access::Operator;
use crate::audit::{self, Action};
use crate::error::{ApiError, ErrorBody};
use crate::health::CircuitFact;
use crate::request::Body;
use crate::state::Api;
use crate::time::Time;

/// The breaker between the workers and one destination.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Circuit {
    /// What it protects.
    pub destination: String,
    pub state: State,
    pub mode: Mode,
    /// Since when it is in this state.
    pub since: Option<Time>,
    /// When the next probe is made, at the earliest.
    pub until: Option<Time>,
    /// Failures in the last seconds.
    pub failures: u64,
    /// Why it opened, or was set.
    pub why: Option<String>,
}

/// The state of the circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CircuitState)]
pub enum State {
    /// Batches are posted.
    Closed,
    /// Calls are refused; batches wait in the queue.
    Open,
    /// One worker tries whether the destination is back.
    HalfOpen,
}

/// The mode: who decides about the circuit's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CircuitMode)]
pub enum Mode {
    /// It does, by what it sees.
    Auto,
    /// An operator: nothing is posted.
    ForceOpen,
    /// An operator: everything is posted.
    ForceClosed,
}

impl Circuit {
    /// What matters for health.
    #[must_use]
    pub fn fact(&self) -> CircuitFact {
        match (self.mode, self.state) {
            (Mode::ForceOpen, _) => CircuitFact::ForcedOpen,
            (Mode::ForceClosed, _) => CircuitFact::ForcedClosed,
            (Mode::Auto, State::Open) => CircuitFact::Open,
            (Mode::Auto, State::HalfOpen) => CircuitFact::HalfOpen,
            (Mode::Auto, State::Closed) => CircuitFact::Closed,
        }
    }

    /// Each state, and whether it is in it.
    #[must_use]
    pub fn states(&self) -> [(&'static str, bool); 3] {
        [("closed", State::Closed), ("open", State::Open), ("half_open", State::HalfOpen)]
            .map(|(name, state)| (name, self.state == state))
    }
}

impl From<Command> for BreakerMode {
    fn from(command: Command) -> Self {
        match command.mode {
            Mode::Auto => Self::Auto,
            Mode::ForceOpen => Self::ForceOpen,
            Mode::ForceClosed => Self::ForceClosed,
        }
    }
}

/// The mode to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CircuitOrder)]
pub struct Command {
    mode: Mode,
    /// The reason, for the audit log and for everybody who sees the circuit.
    #[schema(min_length = 1, max_length = 500)]
    why: String,
}

impl Circuit {
    fn new(item: &Item, destination: &str, now: Millis) -> Self {
        let time = |at: Millis| i64::try_from(at.0).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).map(Time);
        Self {
            destination: destination.to_owned(),
            state: match item.state() {
                breaker::State::Closed => State::Closed,
                breaker::State::Open => State::Open,
                breaker::State::HalfOpen => State::HalfOpen,
            },
            mode: match item.mode() {
                BreakerMode::Auto => Mode::Auto,
                BreakerMode::ForceOpen => Mode::ForceOpen,
                BreakerMode::ForceClosed => Mode::ForceClosed,
            },
            since: item.since().and_then(time),
            until: item.until().and_then(time),
            failures: item.failures(now, &Rule::default()),
            // A command says more than what the breaker has seen.
            why: item
                .command
                .as_ref()
                .map(|command| format!("{} ({})", command.why, command.by))
                .or_else(|| item.why().map(str::to_owned)),
        }
    }
}

impl Api {
    /// Reads the breaker's item, within `patience`.
    pub async fn circuit(&self, patience: Duration) -> Result<Circuit, String> {
        match tokio::time::timeout(patience, self.breaker.read()).await {
            Ok(Ok(item)) => Ok(Circuit::new(&item, &self.connections.destination(), Timestamp::now().into())),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("DynamoDB does not answer".to_owned()),
        }
    }
}

/// Sets the breaker. It works also while Supabase is gone, which is when it is needed: the audit is then only in the log.
#[utoipa::path(post, path = "/api/circuit", tag = "actions", operation_id = "setCircuit", security(("bearer" = [])),
    request_body = Command,
    responses((status = 200, body = Circuit), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
              (status = 403, body = ErrorBody), (status = 413, body = ErrorBody), (status = 415, body = ErrorBody),
              (status = 422, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn set(
    State_(api): State_<Arc<Api>>,
    Operator(who): Operator,
    Body(command): Body<Command>,
) -> Result<Json<Circuit>, ApiError> {
    audit::reason(&command.why)?;
    let details = json!({"mode": command.mode, "destination": api.connections.destination()});
    let action = Action { who: &who, action: "set_circuit", sync: None, why: &command.why, details };
    if let Err(error) = api.record(&action).await {
        tracing::warn!(error = %error, "could not record this action in the audit; it is in this log only");
    }
    let why = command.why.clone();
    let item = api
        .breaker
        .force(command.into(), &who.name, &why)
        .await
        .map_err(|error| ApiError::Aws { what: "DynamoDB", reason: error.to_string() })?;
    Ok(Json(Circuit::new(&item, &api.connections.destination(), Timestamp::now().into())))
}
