//! Logs: one JSON object a line, fields at the top level, so that CloudWatch and a person can filter them. And the one
//! metric that an alarm of the template needs.

use jiff::Timestamp;
use serde_json::json;
use tracing_subscriber::EnvFilter;

use crate::settings;

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

/// Counts a run that brought what it could into the table (`completed`, or `partial` where a cell is bad), in CloudWatch's
/// embedded metric format: the alarm `NoAppliedRunAlarm` rings when there is none for an hour.
pub fn count_applied_run(sync: &str) {
    let metric = json!({
        "_aws": {
            "Timestamp": Timestamp::now().as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": "Sheetsync",
                "Dimensions": [["Stack"], ["Stack", "Sync"]],
                "Metrics": [{"Name": "RunsApplied", "Unit": "Count"}],
            }],
        },
        "Stack": settings::optional("STACK_NAME").unwrap_or_else(|| "sheetsync".to_owned()),
        "Sync": sync,
        "RunsApplied": 1,
    });
    println!("{metric}");
}
