//! What the functions tell of themselves. Logs: one JSON object a line, fields at the top level, so that CloudWatch and a
//! person can filter them. Metrics: in CloudWatch's embedded metric format, which is a log line too, so that they cost
//! no call and no permission. And the trace header, which goes with a request through the queue to Supabase.
//!
//! Not here: what is worth telling. That is said where it happens.

mod syncs;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing::Instrument as _;
use tracing_subscriber::EnvFilter;

use crate::settings;
use crate::supabase::{Counts, Outcome};

pub use syncs::{run_closed, standing};

/// The namespace of all metrics; the alarms of template.yaml name it.
const NAMESPACE: &str = "Sheetsync";

/// The header in which AWS hands a trace on, and we to Supabase.
pub(crate) const TRACE_HEADER: &str = "X-Amzn-Trace-Id";

/// A trace header has some 100 characters. A longer one is none.
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

/// A call that the worker made for a batch.
#[derive(Debug, Clone)]
pub struct BatchMetrics<'a> {
    /// The sync.
    pub sync: &'a str,
    /// What Postgres answered; `None` when it did not.
    pub outcome: Option<Outcome>,
    /// What became of the rows.
    pub counts: Counts,
    /// How long the call took.
    pub latency: Duration,
    /// Whether it repeats one that failed in the same invocation.
    pub is_repeated: bool,
    /// How long ago its run was sent: the true age of the work, however often the message was moved since.
    pub age: Duration,
}

/// Tells of a call for a batch.
pub fn batch(batch: &BatchMetrics<'_>) {
    emit(Some(batch.sync), &batch_metrics(batch));
}

fn batch_metrics(batch: &BatchMetrics<'_>) -> Vec<Metric> {
    let counts = batch.counts;
    let mut metrics = vec![
        Metric::count("Retries", u64::from(batch.is_repeated)),
        Metric::seconds("MessageAge", batch.age),
        Metric::milliseconds("BatchLatency", batch.latency),
        Metric::count("BatchesUnanswered", u64::from(batch.outcome.is_none())),
    ];
    // A duplicate repeats counts that were told when it was applied.
    if batch.outcome == Some(Outcome::Applied) {
        metrics.extend([
            Metric::count("BatchesApplied", 1),
            Metric::count("RowsInserted", counts.inserted),
            Metric::count("RowsUpdated", counts.updated),
            Metric::count("RowsUnchanged", counts.unchanged),
            Metric::count("RowsDeleted", counts.deleted),
            Metric::count("DeletesUnconfirmed", counts.unconfirmed),
            Metric::count("AdoptionsWithheld", counts.withheld),
        ]);
    }
    metrics
}

/// A sheet that was read and planned by the scheduler.
#[derive(Debug, Clone, Copy)]
pub struct PlanMetrics<'a> {
    /// The sync.
    pub sync: &'a str,
    /// Rows with content in the sheet.
    pub rows_read: u64,
    /// Rows that the mapping could not use.
    pub rows_rejected: u64,
    /// Rows that were sent.
    pub rows_sent: u64,
    /// How long the reading took.
    pub read: Duration,
    /// How long all of it took.
    pub planned: Duration,
}

/// Tells of a sheet that was read.
pub fn plan(plan: &PlanMetrics<'_>) {
    emit(
        Some(plan.sync),
        &[
            Metric::count("RowsRead", plan.rows_read),
            Metric::count("Rejections", plan.rows_rejected),
            Metric::count("RowsSent", plan.rows_sent),
            Metric::milliseconds("ReadDuration", plan.read),
            Metric::milliseconds("PlanDuration", plan.planned),
        ],
    );
}

/// The breaker and what is behind it, as an invocation of the scheduler leaves them.
pub fn destination(circuit_is_open: bool, supabase_is_unreachable: bool) {
    emit(
        None,
        &[
            Metric::count("CircuitOpen", u64::from(circuit_is_open)),
            Metric::count("SupabaseUnreachable", u64::from(supabase_is_unreachable)),
        ],
    );
}

/// Tells that Supabase or Google refuses us until a person acts: `AccessRefusedAlarm` rings.
pub fn access_refused(sync: Option<&str>) {
    emit(sync, &[Metric::count("AccessRefused", 1)]);
}

/// Reports what a comparison of sheet and table in full found: how many differences there are that should not be.
pub fn verified(sync: &str, differences: u64) {
    emit(Some(sync), &[Metric::count("VerifyDifferences", differences)]);
}

/// Tells that a batch was given up and went to the dead letters.
pub fn batch_given_up(sync: Option<&str>) {
    emit(sync, &[Metric::count("BatchesGivenUp", 1)]);
}

/// One value, under its name in CloudWatch.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Metric {
    name: &'static str,
    unit: &'static str,
    value: f64,
}

impl Metric {
    fn count(name: &'static str, value: u64) -> Self {
        Self { name, unit: "Count", value: value as f64 }
    }

    fn seconds(name: &'static str, value: Duration) -> Self {
        Self { name, unit: "Seconds", value: value.as_millis() as f64 / 1000.0 }
    }

    /// Of a share between 0 and 1.
    fn percent(name: &'static str, share: f64) -> Self {
        Self { name, unit: "Percent", value: share * 100.0 }
    }

    fn number(name: &'static str, value: f64) -> Self {
        Self { name, unit: "None", value }
    }

    fn milliseconds(name: &'static str, value: Duration) -> Self {
        Self { name, unit: "Milliseconds", value: value.as_millis() as f64 }
    }
}

fn emit(sync: Option<&str>, metrics: &[Metric]) {
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
    fn a_metric_is_there_for_the_stack_and_for_the_sync() {
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

    #[test]
    fn rows_are_told_when_they_are_applied_and_not_again_for_a_duplicate() {
        let batch = |outcome| BatchMetrics {
            sync: "listings",
            outcome,
            counts: Counts { inserted: 5, ..Counts::default() },
            latency: Duration::from_millis(20),
            is_repeated: true,
            age: Duration::from_secs(1),
        };
        let inserted = |outcome| {
            batch_metrics(&batch(outcome)).iter().find(|metric| metric.name == "RowsInserted").map(|it| it.value)
        };
        assert_eq!(inserted(Some(Outcome::Applied)), Some(5.0));
        assert_eq!(inserted(Some(Outcome::Duplicate)), None);
        assert_eq!(inserted(None), None);
    }

    #[tokio::test]
    async fn a_trace_reaches_what_is_done_under_it_and_nothing_else() {
        let header = "Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=1";
        assert_eq!(traced(Some(header), async { trace() }).await.as_deref(), Some(header));
        assert_eq!(trace(), None);
        assert_eq!(trace_id(header), "1-67891233-abcdef012345678912345678");
        for unusable in ["Root=1\r\nX-Evil: 1", &"x".repeat(300)] {
            assert_eq!(traced(Some(unusable), async { trace() }).await, None);
        }
    }
}
