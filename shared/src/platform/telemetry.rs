//! Logs, metrics and traces of the functions. Logs: one JSON object a line, fields at the top level, so that CloudWatch and a
//! person can filter them. Metrics: in CloudWatch's embedded metric format, which is a log line too, so that they cost
//! no call and no permission. And the trace header, which goes with a request through the queue to Supabase.
//!
//! Not here: which metrics there are (`protocol/metrics.rs`), and what is worth logging, which is said where it happens.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing::Instrument as _;
use tracing_subscriber::EnvFilter;

use crate::platform::settings;

/// The namespace of all metrics; the alarms of template.yaml name it.
const NAMESPACE: &str = "Sheetsync";

/// The header in which AWS hands a trace on, and we to Supabase.
pub(crate) const TRACE_HEADER: &str = "X-Amzn-Trace-Id";

/// The longest accepted trace header, in bytes. Real ones have about 100.
const MAX_TRACE_CHARACTERS: usize = 256;

tokio::task_local! {
    static TRACE: String;
}

/// Starts logging to standard output, at the level of `LOG_LEVEL` (`info` by default).
pub fn init() {
    let filter = EnvFilter::try_from_env("LOG_LEVEL").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(filter)
        .init();
}

/// Does `work` under a trace: every log line of it has `span.trace`, every request to Supabase the header. The header is
/// that of a message (`AWSTraceHeader`), or without one that of the invocation (`_X_AMZN_TRACE_ID`).
pub async fn traced<W: Future>(header: Option<&str>, work: W) -> W::Output {
    let header = header.map(str::to_owned).or_else(|| settings::optional("_X_AMZN_TRACE_ID"));
    match header.filter(|header| is_trace(header)) {
        Some(header) => {
            let span = tracing::info_span!("traced", trace = trace_id(&header));
            TRACE.scope(header, work).instrument(span).await
        }
        None => work.await,
    }
}

/// The trace header under which this task works.
#[must_use]
pub fn trace() -> Option<String> {
    TRACE.try_with(Clone::clone).ok()
}

/// Whether a text can be a trace header. What comes with a message goes into a header of ours, so it is looked at.
fn is_trace(header: &str) -> bool {
    header.len() <= MAX_TRACE_CHARACTERS && header.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The id in a header such as `Root=1-67891233-abcdef012345678912345678;Parent=…;Sampled=1`.
fn trace_id(header: &str) -> &str {
    header.split(';').find_map(|part| part.strip_prefix("Root=")).unwrap_or(header)
}

/// One value, under its name in CloudWatch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
}

impl Metric {
    pub(crate) fn count(name: &'static str, value: u64) -> Self {
        Self { name, unit: "Count", value: value as f64 }
    }

    pub(crate) fn seconds(name: &'static str, value: Duration) -> Self {
        Self { name, unit: "Seconds", value: value.as_millis() as f64 / 1000.0 }
    }

    /// Of a share between 0 and 1.
    pub(crate) fn percent(name: &'static str, share: f64) -> Self {
        Self { name, unit: "Percent", value: share * 100.0 }
    }

    pub(crate) fn number(name: &'static str, value: f64) -> Self {
        Self { name, unit: "None", value }
    }

    pub(crate) fn milliseconds(name: &'static str, value: Duration) -> Self {
        Self { name, unit: "Milliseconds", value: value.as_millis() as f64 }
    }
}

/// Writes metrics of the stack, or of a sync of it.
pub(crate) fn emit(sync: Option<&str>, metrics: &[Metric]) {
    let stack = settings::optional("STACK_NAME").unwrap_or_else(|| "sheetsync".to_owned());
    println!("{}", embedded(Timestamp::now(), &stack, sync, metrics));
}

/// The line (CloudWatch embedded metric format, specification of 2024). Each metric is there for the stack as a whole,
/// which is what alarms look at, and for the sync.
fn embedded(at: Timestamp, stack: &str, sync: Option<&str>, metrics: &[Metric]) -> Value {
    let mut dimensions = vec![json!(["Stack"])];
    dimensions.extend(sync.map(|_| json!(["Stack", "Sync"])));
    let names: Vec<Value> = metrics.iter().map(|metric| json!({"Name": metric.name, "Unit": metric.unit})).collect();
    let mut line = Map::from_iter([
        (
            "_aws".to_owned(),
            json!({
                "Timestamp": at.as_millisecond(),
                "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": names}],
            }),
        ),
        ("Stack".to_owned(), json!(stack)),
    ]);
    line.extend(sync.map(|sync| ("Sync".to_owned(), json!(sync))));
    line.extend(trace().map(|trace| ("trace".to_owned(), json!(trace_id(&trace)))));
    line.extend(metrics.iter().map(|metric| (metric.name.to_owned(), json!(metric.value))));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metric_has_the_dimensions_stack_and_sync() {
        let line = embedded(
            Timestamp::UNIX_EPOCH,
            "prod",
            Some("listings"),
            &[Metric::count("RowsInserted", 3), Metric::seconds("MessageAge", Duration::from_millis(1500))],
        );
        insta::assert_json_snapshot!(line, @r#"
        {
          "MessageAge": 1.5,
          "RowsInserted": 3.0,
          "Stack": "prod",
          "Sync": "listings",
          "_aws": {
            "CloudWatchMetrics": [
              {
                "Dimensions": [
                  [
                    "Stack"
                  ],
                  [
                    "Stack",
                    "Sync"
                  ]
                ],
                "Metrics": [
                  {
                    "Name": "RowsInserted",
                    "Unit": "Count"
                  },
                  {
                    "Name": "MessageAge",
                    "Unit": "Seconds"
                  }
                ],
                "Namespace": "Sheetsync"
              }
            ],
            "Timestamp": 0
          }
        }
        "#);
    }

    #[tokio::test]
    async fn trace_covers_its_own_task_only() {
        let header = "Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=1";
        assert_eq!(traced(Some(header), async { trace() }).await.as_deref(), Some(header));
        assert_eq!(trace(), None);
        assert_eq!(trace_id(header), "1-67891233-abcdef012345678912345678");
        for unusable in ["Root=1\r\nX-Evil: 1", &"x".repeat(300)] {
            assert_eq!(traced(Some(unusable), async { trace() }).await, None);
        }
    }
}
