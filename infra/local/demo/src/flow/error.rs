//! The errors of the demo.

use crate::checksum::Checksum;
use crate::listing::{SYNC, TABLE};

/// Why the demo could not go on, or what it found to be wrong.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A variable of `.local/env` is not set.
    #[error("{0} is not set: start the stack with `make up`, then `source .local/env`")]
    MissingVariable(&'static str),
    /// The key of the service account cannot be used.
    #[error("the service account's key {path} cannot be used: {reason}")]
    Key {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A server of the stack does not answer.
    #[error("{what} does not answer: {source}; is the stack up? (`make up`)")]
    Unreachable {
        /// Which server.
        what: &'static str,
        /// Why.
        source: reqwest::Error,
    },
    /// A server of the stack answers with an error.
    #[error("{what} answered {status}: {body}")]
    Refused {
        /// Which server.
        what: &'static str,
        /// The HTTP status.
        status: u16,
        /// What it said.
        body: String,
    },
    /// The database refuses.
    #[error("the database refuses: {}", describe(.0))]
    Database(#[from] tokio_postgres::Error),
    /// The scheduler did not begin a run.
    #[error("the scheduler began no run of {SYNC}: {0}")]
    NotBegun(String),
    /// A run did not close in time.
    #[error("run {run} is still {status} after {seconds} s; `docs/TROUBLESHOOTING_GUIDE.md` says what to look at")]
    NotClosed {
        /// The run.
        run: String,
        /// Its status.
        status: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The table does not hold what it must.
    #[error("the table {TABLE} holds {found}, but must hold {expected}")]
    Differs {
        /// What the generator says.
        expected: Checksum,
        /// What Postgres says.
        found: Checksum,
    },
    /// Something happened that must not.
    #[error("{what}: expected {expected}, found {found}")]
    Unexpected {
        /// What was looked at.
        what: &'static str,
        /// What had to be.
        expected: String,
        /// What was.
        found: String,
    },
}

/// tokio-postgres keeps what the server said in the source of its error.
fn describe(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string)
}
