//! The faults that a test switches on: which requests they meet, how often, and what happens to those.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// A fault, as a test describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Meets requests whose path contains this.
    #[serde(default)]
    pub path: String,
    /// And whose body contains this (a sync's name, say, so that tests that run at once do not meet each other's).
    #[serde(default)]
    pub body: String,
    /// How many requests it lets pass before the first that it meets.
    #[serde(default)]
    pub after: u64,
    /// How many requests it meets; all, if absent.
    #[serde(default)]
    pub times: Option<u64>,
    /// What it does to them.
    pub action: Action,
}

/// What a fault does to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Action {
    /// Answers in PostgREST's place; the request goes no further.
    Answer {
        /// The HTTP status.
        status: u16,
        /// Headers, such as `retry-after`.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body.
        #[serde(default)]
        body: String,
    },
    /// Waits before it sends the request on.
    Delay {
        /// For how long.
        milliseconds: u64,
    },
    /// Closes the connection; the request goes no further.
    DropRequest,
    /// Sends the request on, waits for the answer (so the transaction has ended), then closes the connection.
    LoseAnswer,
    /// Keeps the request back until the fault is removed, then sends it on.
    HoldRequest,
    /// Sends the request on and keeps the answer back until the fault is removed.
    HoldAnswer,
    /// Of a batch of messages for SQS: sends all but the first so many on, and has the answer say that these failed.
    RefuseEntries {
        /// How many.
        entries: usize,
    },
}

/// A fault that is switched on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Active {
    /// Its number, for removing it.
    pub id: u64,
    /// How many requests it has met.
    pub hits: u64,
    /// What it is.
    #[serde(flatten)]
    pub fault: Fault,
}

/// All faults that are switched on, in the order of their making; the first that matches a request meets it.
#[derive(Debug, Default)]
pub struct Faults {
    next: AtomicU64,
    active: Mutex<Vec<Arc<Entry>>>,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    fault: Fault,
    seen: AtomicU64,
    removed: watch::Sender<bool>,
}

/// One request's meeting with one fault.
#[derive(Debug)]
pub struct Hit {
    entry: Arc<Entry>,
}

impl Faults {
    /// Switches a fault on; gives its number.
    pub fn add(&self, fault: Fault) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        self.locked().push(Arc::new(Entry { id, fault, seen: AtomicU64::new(0), removed: watch::Sender::new(false) }));
        id
    }

    /// Switches off the fault with this number, or all of them, and lets go what they held.
    pub fn remove(&self, id: Option<u64>) {
        self.locked().retain(|entry| {
            let keep = id.is_some_and(|id| id != entry.id);
            if !keep {
                entry.removed.send_replace(true);
            }
            keep
        });
    }

    /// What is switched on.
    pub fn list(&self) -> Vec<Active> {
        self.locked().iter().map(|it| Active { id: it.id, hits: it.hits(), fault: it.fault.clone() }).collect()
    }

    /// The fault that meets this request.
    pub fn meet(&self, path: &str, body: &[u8]) -> Option<Hit> {
        self.locked().iter().find(|entry| entry.meets(path, body)).map(|entry| Hit { entry: Arc::clone(entry) })
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Entry>>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn meets(&self, path: &str, body: &[u8]) -> bool {
        if !path.contains(&self.fault.path) || !contains(body, self.fault.body.as_bytes()) {
            return false;
        }
        let turn = self.seen.fetch_add(1, Ordering::Relaxed);
        turn >= self.fault.after && self.fault.times.is_none_or(|times| turn - self.fault.after < times)
    }

    fn hits(&self) -> u64 {
        let met = self.seen.load(Ordering::Relaxed).saturating_sub(self.fault.after);
        self.fault.times.map_or(met, |times| met.min(times))
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

impl Hit {
    /// What is to be done.
    pub fn action(&self) -> &Action {
        &self.entry.fault.action
    }

    /// Waits as long as the action says before the request is sent on.
    pub async fn before(&self) {
        match self.action() {
            Action::Delay { milliseconds } => tokio::time::sleep(Duration::from_millis(*milliseconds)).await,
            Action::HoldRequest => self.removed().await,
            _ => {}
        }
    }

    /// Waits until the fault is removed.
    pub async fn removed(&self) {
        // The sender lives in the entry, which we hold.
        let _ = self.entry.removed.subscribe().wait_for(|removed| *removed).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(action: Action) -> Fault {
        Fault { path: String::new(), body: String::new(), after: 0, times: None, action }
    }

    #[test]
    fn a_fault_meets_only_the_requests_it_describes() {
        let faults = Faults::default();
        faults.add(Fault { path: "sync_apply".into(), body: r#""sync":"a""#.into(), ..fault(Action::DropRequest) });
        assert!(faults.meet("/rest/v1/rpc/sync_apply", br#"{"sync":"b"}"#).is_none());
        assert!(faults.meet("/rest/v1/rpc/sync_begin", br#"{"sync":"a"}"#).is_none());
        assert!(faults.meet("/rest/v1/rpc/sync_apply", br#"{"sync":"a"}"#).is_some());
    }

    #[test]
    fn fault_applies_after_some_requests_and_then_ends() {
        let faults = Faults::default();
        faults.add(Fault { after: 1, times: Some(2), ..fault(Action::LoseAnswer) });
        let met: Vec<bool> = (0..5).map(|_| faults.meet("/", b"").is_some()).collect();
        assert_eq!(met, [false, true, true, false, false]);
        assert_eq!(faults.list()[0].hits, 2);
    }

    #[tokio::test]
    async fn removing_a_fault_lets_go_what_it_held() {
        let faults = Faults::default();
        let id = faults.add(fault(Action::HoldRequest));
        let hit = faults.meet("/", b"").unwrap();
        let held = tokio::spawn(async move { hit.before().await });
        tokio::task::yield_now().await;
        assert!(!held.is_finished());
        faults.remove(Some(id));
        held.await.unwrap();
        assert!(faults.list().is_empty());
    }

    #[test]
    fn a_fault_is_written_as_a_test_would_write_it() {
        let text = r#"{"path":"rpc/","times":1,"action":{"answer":{"status":429,"headers":{"retry-after":"7"}}}}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        let headers = BTreeMap::from([("retry-after".to_owned(), "7".to_owned())]);
        assert_eq!(fault.action, Action::Answer { status: 429, headers, body: String::new() });
        assert_eq!(serde_json::from_str::<Action>(r#""loseAnswer""#).unwrap(), Action::LoseAnswer);
    }
}
