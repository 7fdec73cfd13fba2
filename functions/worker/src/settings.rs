//! The worker's numbers, from its environment (docs/PROTOCOL.md), and the order that its timeouts must keep.

use std::time::Duration;

use sheetsync::breaker::Rule;
use sheetsync::settings::{self, BadSetting};

/// How much longer than a call a claim of the probe holds.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// The time that must be left of an invocation when a call ends, to delete or delay its messages in SQS.
pub const RESERVE: Duration = Duration::from_secs(2);

/// The worker's numbers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Requests a second for all workers together.
    pub requests_per_second: f64,
    /// How many workers run at once.
    pub concurrency: u32,
    /// The timeouts, checked against each other.
    pub timeouts: Timeouts,
    /// The breaker's first open time.
    pub first_open: Duration,
}

/// The times that end things, from the innermost outwards.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// After which Postgres gives up a batch.
    pub statement: Duration,
    /// After which the worker gives up a call.
    pub request: Duration,
    /// After which Lambda ends the worker.
    pub function: Duration,
    /// After which SQS gives the message to another worker.
    pub visibility: Duration,
}

/// Timeouts in the wrong order.
#[derive(Debug, thiserror::Error)]
#[error("{inner} ({inner_seconds} s) must be shorter than {outer} ({outer_seconds} s): {because}")]
pub struct Unsound {
    inner: &'static str,
    inner_seconds: u64,
    outer: &'static str,
    outer_seconds: u64,
    because: &'static str,
}

/// Why the settings are no good.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// One is missing, or no number.
    #[error(transparent)]
    Bad(#[from] BadSetting),
    /// They do not fit together.
    #[error(transparent)]
    Unsound(#[from] Unsound),
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// When one is missing or no number, or when the timeouts are in the wrong order.
    pub fn from_env() -> Result<Self, SettingsError> {
        let seconds = |name, default| settings::number(name, default).map(Duration::from_secs_f64);
        let settings = Self {
            requests_per_second: settings::number("REQUESTS_PER_SECOND", 10.0)?,
            concurrency: settings::number("MAXIMUM_CONCURRENCY", 2.0)? as u32,
            timeouts: Timeouts {
                statement: seconds("STATEMENT_TIMEOUT_SECONDS", 30.0)?,
                request: seconds("REQUEST_TIMEOUT_SECONDS", 35.0)?,
                function: seconds("FUNCTION_TIMEOUT_SECONDS", 60.0)?,
                visibility: seconds("VISIBILITY_TIMEOUT_SECONDS", 360.0)?,
            },
            first_open: seconds("BREAKER_OPEN_SECONDS", 15.0)?,
        };
        settings.timeouts.check()?;
        Ok(settings)
    }

    /// The breaker's rules with these numbers.
    #[must_use]
    pub fn rule(&self) -> Rule {
        Rule { lease: self.timeouts.lease(), ..Rule::opening_for(self.first_open) }
    }
}

impl Timeouts {
    fn lease(&self) -> Duration {
        self.request + LEASE_MARGIN
    }

    /// Checks their order (docs/PROMISES.md, "Circuit breaker"). Only a warning when SQS's is shorter than six times the function's, which
    /// AWS recommends for a queue that Lambda reads while it throttles: then a message is handled twice, which is harmless.
    fn check(&self) -> Result<(), Unsound> {
        let lease = self.lease();
        let end = self.function.saturating_sub(RESERVE);
        let chain = [
            (
                ("STATEMENT_TIMEOUT_SECONDS", self.statement),
                ("REQUEST_TIMEOUT_SECONDS", self.request),
                "else the worker gives up on batches that the database still applies",
            ),
            (
                ("the breaker's lease, REQUEST_TIMEOUT_SECONDS + 5", lease),
                ("FUNCTION_TIMEOUT_SECONDS - 2", end),
                "else a worker can be ended in the middle of a probe",
            ),
            (
                ("FUNCTION_TIMEOUT_SECONDS", self.function),
                ("VISIBILITY_TIMEOUT_SECONDS", self.visibility),
                "else a second worker gets a message that the first still holds",
            ),
        ];
        for ((inner, short), (outer, long), because) in chain {
            if short >= long {
                let (inner_seconds, outer_seconds) = (short.as_secs(), long.as_secs());
                return Err(Unsound { inner, inner_seconds, outer, outer_seconds, because });
            }
        }
        if self.visibility < self.function * 6 {
            tracing::warn!("VISIBILITY_TIMEOUT_SECONDS is shorter than six times FUNCTION_TIMEOUT_SECONDS");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeouts([statement, request, function, visibility]: [u64; 4]) -> Timeouts {
        let [statement, request, function, visibility] =
            [statement, request, function, visibility].map(Duration::from_secs);
        Timeouts { statement, request, function, visibility }
    }

    #[test]
    fn timeouts_in_the_wrong_order_are_named() {
        assert!(timeouts([30, 35, 60, 360]).check().is_ok());
        for (wrong, name) in [
            ([35, 35, 60, 360], "STATEMENT_TIMEOUT_SECONDS (35 s)"),
            ([30, 53, 60, 360], "REQUEST_TIMEOUT_SECONDS + 5 (58 s)"),
            ([30, 35, 60, 60], "VISIBILITY_TIMEOUT_SECONDS (60 s)"),
        ] {
            let error = timeouts(wrong).check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
