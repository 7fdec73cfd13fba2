//! What passed the gateway, for tests that count requests.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// How many requests are remembered.
const KEPT: usize = 200_000;

/// How much of each body is: enough to see which function was called for which sync.
const BODY_BYTES: usize = 400;

/// One request and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// When it came in, in milliseconds since 1970.
    pub at: f64,
    /// Its method.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// The start of its body.
    pub body: String,
    /// The status of the answer; none if the connection was closed instead.
    pub status: Option<u16>,
    /// How long the answer took.
    pub milliseconds: f64,
    /// Whether a fault met it.
    pub fault: bool,
}

/// The requests of late.
#[derive(Debug, Default)]
pub struct Record {
    seen: Mutex<VecDeque<Seen>>,
}

impl Record {
    /// Enters a request.
    pub fn enter(&self, seen: Seen) {
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == KEPT {
            all.pop_front();
        }
        all.push_back(seen);
    }

    /// The requests whose path contains `path` and whose body starts with something that contains `body`.
    pub fn matching(&self, path: &str, body: &str) -> Vec<Seen> {
        let all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|it| it.path.contains(path) && it.body.contains(body)).cloned().collect()
    }
}

/// The part of a body that is remembered.
pub fn head(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(BODY_BYTES)]).into_owned()
}

/// The highest number of requests in any one second, wherever that second begins.
pub fn busiest_second(seen: &[Seen]) -> usize {
    let mut times: Vec<f64> = seen.iter().map(|it| it.at).collect();
    times.sort_by(f64::total_cmp);
    let mut first = 0;
    let mut most = 0;
    for last in 0..times.len() {
        while times[last] - times[first] >= 1000.0 {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen_at(at: f64) -> Seen {
        let (method, path, body) = (String::new(), String::new(), String::new());
        Seen { at, method, path, body, status: Some(200), milliseconds: 1.0, fault: false }
    }

    #[test]
    fn the_busiest_second_may_begin_anywhere() {
        let seen: Vec<Seen> = [0.0, 900.0, 1000.0, 1500.0, 1899.0, 1900.0, 5000.0].map(seen_at).into();
        assert_eq!(busiest_second(&seen), 4);
        assert_eq!(busiest_second(&[]), 0);
    }
}
