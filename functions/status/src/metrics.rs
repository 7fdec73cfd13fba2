//! `GET /metrics`: the state of all syncs for Prometheus, read at each scrape. Only the latency histogram is this
//! container's own memory; Lambda runs several, so it is a sample.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::delivery::Part;
use crate::error::ErrorBody;
use crate::known::Known;
use crate::state::Api;
use crate::syncs::Syncs;

/// Times every request. Unknown paths share one name, so that invented paths cannot fill the memory.
pub async fn time(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let method = match request.method().as_str() {
        method @ ("GET" | "HEAD" | "POST") => method.to_owned(),
        _ => "other".to_owned(),
    };
    let started = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    api.latency.observe(route, method, status, started.elapsed());
    response
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSync {
    sync: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSyncAnd {
    sync: String,
    is: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Circuit {
    state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfQueue {
    queue: String,
    state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPart {
    part: String,
}

type Number = Gauge<f64, AtomicU64>;

/// The metrics in the text format of OpenMetrics.
#[utoipa::path(get, path = "/metrics", tag = "monitoring", operation_id = "metrics", security(("bearer" = [])),
    responses((status = 200, body = String, content_type = "application/openmetrics-text"),
              (status = 401, body = ErrorBody)))]
pub async fn get(State(api): State<Arc<Api>>) -> Response {
    let syncs = api.syncs().await;
    let known = api.last_known().await;
    let mut registry = Registry::with_prefix("sheetsync");
    describe(&mut registry, &syncs, &known);
    api.latency.register(&mut registry);
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = encode(&mut text, &registry);
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
}

/// A gauge for each of `labelled`, under one name.
fn gauges<L>(registry: &mut Registry, name: &str, help: &str, labelled: impl IntoIterator<Item = (L, f64)>)
where
    L: Clone + std::fmt::Debug + std::hash::Hash + Eq + EncodeLabelSet + Send + Sync + 'static,
{
    let family = Family::<L, Number>::default();
    for (labels, value) in labelled {
        family.get_or_create(&labels).set(value);
    }
    registry.register(name, help, family);
}

fn describe(registry: &mut Registry, all: &Syncs, known: &[Known]) {
    let of = |sync: &str| OfSync { sync: sync.to_owned() };
    let of_and = |sync: &str, is: &str| OfSyncAnd { sync: sync.to_owned(), is: is.to_owned() };
    let each = |value: fn(&crate::syncs::Sync) -> Option<f64>| {
        all.syncs.iter().filter_map(move |sync| Some((of(&sync.name), value(sync)?))).collect::<Vec<_>>()
    };

    let reached =
        [("supabase", Part::Supabase), ("queue", Part::Queue), ("circuit", Part::Circuit)].map(|(name, part)| {
            let is_up = !all.unreachable.iter().any(|it| it.what == part);
            (OfPart { part: name.to_owned() }, f64::from(u8::from(is_up)))
        });
    gauges(registry, "up", "Whether a part could be reached", reached);

    let statuses = all.syncs.iter().flat_map(|sync| {
        use crate::health::Status::{Degraded, Healthy, Unhealthy, Unknown};
        [("healthy", Healthy), ("degraded", Degraded), ("unhealthy", Unhealthy), ("unknown", Unknown)]
            .map(|(name, status)| (of_and(&sync.name, name), f64::from(u8::from(sync.status == status))))
    });
    gauges(registry, "status", "1 for the status that a sync has", statuses);

    let runs = all.syncs.iter().flat_map(|sync| {
        let day = &sync.last_24h;
        [("completed", day.completed), ("partial", day.partial), ("failed", day.failed)]
            .map(|(name, count)| (of_and(&sync.name, name), count as f64))
    });
    gauges(registry, "runs_24h", "Runs of the last 24 hours by how they ended", runs);
    let help = "Share of the rows read in the last 24 hours that arrived in the table";
    gauges(registry, "row_success_ratio_24h", help, each(|sync| sync.last_24h.success_rate));
    let help = "Share of the rows read in the last 24 hours that were rejected or failed";
    gauges(registry, "row_error_ratio_24h", help, each(|sync| sync.last_24h.error_rate));
    let help = "Average duration of the runs of the last 24 hours that came through";
    gauges(registry, "run_duration_average_seconds_24h", help, each(|sync| sync.last_24h.average_seconds));
    let help = "95th percentile of the same";
    gauges(registry, "run_duration_p95_seconds_24h", help, each(|sync| sync.last_24h.p95_seconds));
    let help = "Rows sent per second of the runs of the last 24 hours that sent any";
    gauges(registry, "rows_per_second_24h", help, each(|sync| sync.last_24h.rows_per_second));
    let help = "How long ago the sheet was read that the table was last equal to";
    gauges(registry, "freshness_seconds", help, each(|sync| sync.freshness_seconds.map(|seconds| seconds as f64)));
    let help = "Cells and rows of the sheet that cannot be used now";
    gauges(registry, "open_rejections", help, each(|sync| Some(sync.open_rejections as f64)));
    let open =
        known.iter().flat_map(|known| known.open.iter().map(|(is, open)| (of_and(&known.sync, is), *open as f64)));
    gauges(registry, "open_errors", "Problems that are not resolved, by type", open);

    if let Some(circuit) = &all.delivery.circuit {
        let states =
            circuit.states().map(|(state, is_so)| (Circuit { state: state.to_owned() }, f64::from(u8::from(is_so))));
        gauges(registry, "circuit_state", "1 for the state that the breaker is in", states);
    }
    let mut depths = Vec::new();
    let mut depth = |queue: &str, state: &str, messages: u64| {
        depths.push((OfQueue { queue: queue.to_owned(), state: state.to_owned() }, messages as f64));
    };
    if let Some(queue) = &all.delivery.queue {
        depth("batches", "waiting", queue.waiting);
        depth("batches", "in_flight", queue.in_flight);
    }
    if let Some(dead) = &all.delivery.dead_letters {
        depth("dead_letters", "waiting", dead.messages);
    }
    gauges(registry, "queue_messages", "Messages of a queue", depths);
    if let Some(oldest) = all.delivery.queue.as_ref().and_then(|queue| queue.oldest_message_seconds) {
        let family: Number = Gauge::default();
        family.set(oldest as f64);
        registry.register("queue_oldest_seconds", "How long ago the oldest batches in flight were sent", family);
    }
}
