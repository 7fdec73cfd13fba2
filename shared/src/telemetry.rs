//! Logs: one JSON object a line, fields at the top level, so that CloudWatch and a person can filter them.

use tracing_subscriber::EnvFilter;

/// Starts logging to standard output, at the level of `LOG_LEVEL` (`info` by default).
pub fn init() {
    let filter = EnvFilter::try_from_env("LOG_LEVEL").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(filter)
        .init();
}
