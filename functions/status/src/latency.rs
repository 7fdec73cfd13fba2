//! The latency histogram of this container by route, in seconds, for Prometheus.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The buckets of the latency histogram, in seconds.
const LATENCIES: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
    method: String,
    status: u16,
}

/// How long this container took to answer, by route.
#[derive(Debug, Clone)]
pub struct Latency(Family<Route, Histogram, fn() -> Histogram>);

impl Default for Latency {
    fn default() -> Self {
        Self(Family::new_with_constructor(|| Histogram::new(LATENCIES)))
    }
}

impl Latency {
    /// Counts an answer.
    pub fn observe(&self, route: String, method: String, status: u16, took: Duration) {
        self.0.get_or_create(&Route { route, method, status }).observe(took.as_secs_f64());
    }

    /// Shows what was counted.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("api_request_seconds", "Time to answer, of this container", self.0.clone());
    }
}
