//! What the end-to-end tests share: a sync of one's own on the running local stack, with its document, table and
//! definition; ways to edit the sheet, to start runs and to send messages again; and the proof, by SQL and by a mapping
//! that the product did not write, that the table equals the sheet.
//!
//! The stack is started once, by `make test` (`local run -- cargo nextest run …`); each test makes names of its own.

mod alarms;
mod api;
mod aws;
mod calm;
mod listings;
mod plans;
mod sheet;
mod sync;
mod trial;

pub use alarms::{Alarm, Alarms, State as AlarmState};
pub use api::Api;
pub use aws::{Answer, Problem, Report, printed, schedule};
pub use calm::breaker;
pub use listings::{Listings, Source};
pub use plans::google;
pub use sheet::{Sheet, TAB};
pub use sync::{Run, Sync, SyncBuilder, key_hash, row};
pub use trial::Trial;

use std::future::Future;
use std::time::{Duration, Instant};

/// The longest that a test waits for something that must happen.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Polls until `probe` answers `Some`; fails with `what` when the deadline passes.
///
/// # Panics
/// When it does not happen in time.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, probe: impl FnMut() -> F) -> T {
    eventually_within(DEADLINE, what, probe).await
}

/// The same with a deadline of its own.
///
/// # Panics
/// When it does not happen in time.
pub async fn eventually_within<T, F: Future<Output = Option<T>>>(
    deadline: Duration,
    what: &str,
    mut probe: impl FnMut() -> F,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(started.elapsed() < deadline, "after {deadline:?} still not: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
