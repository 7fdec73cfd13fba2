//! The breaker, as people see and set it.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Api;
use crate::health::CircuitFact;
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
    /// When it is tried whether the destination is back, at the earliest.
    pub until: Option<Time>,
    /// Failures in the last seconds.
    pub failures: u64,
    /// Why it opened, or was set.
    pub why: Option<String>,
}

/// What the breaker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CircuitState)]
pub enum State {
    /// Batches are posted.
    Closed,
    /// Batches wait.
    Open,
    /// One worker tries whether the destination is back.
    HalfOpen,
}

/// Who decides what the breaker does.
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

impl Api {
    /// The breaker.
    pub async fn circuit(&self, _patience: Duration) -> Result<Option<Circuit>, String> {
        Ok(None)
    }
}
