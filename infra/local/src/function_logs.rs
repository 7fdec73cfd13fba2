//! Writes what the functions print to `log/functions.log`, as it reaches CloudWatch Logs: at the end of an invocation.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::ministack::Calls;

const EVERY: Duration = Duration::from_secs(1);

/// Follows the logs until the program ends.
pub fn follow(calls: Calls, file: PathBuf) {
    tokio::spawn(async move {
        let mut follower = Follower { calls, file, since: 0, written: HashSet::new() };
        loop {
            // While ministack is paused or stopped there is nothing to follow; the next round tries again.
            let _ = follower.round().await;
            tokio::time::sleep(EVERY).await;
        }
    });
}

struct Follower {
    calls: Calls,
    file: PathBuf,
    /// The newest time seen; events of this very millisecond may still come.
    since: u64,
    /// The invocations of that time that are written already (each is a stream, and comes whole).
    written: HashSet<String>,
}

impl Follower {
    async fn round(&mut self) -> Result<()> {
        let mut lines = String::new();
        let mut newest = self.since;
        let mut streams = HashSet::new();
        for group in self.calls.log_groups().await? {
            let function = function_of(&group);
            for event in self.calls.log_events(&group, self.since).await? {
                if self.written.contains(&event.log_stream_name) {
                    continue;
                }
                if event.timestamp > newest {
                    newest = event.timestamp;
                    streams.clear();
                }
                if event.timestamp == newest {
                    streams.insert(event.log_stream_name.clone());
                }
                if !["START ", "END ", "REPORT "].iter().any(|start| event.message.starts_with(start)) {
                    lines += &format!("{function} {}\n", event.message);
                }
            }
        }
        if newest > self.since {
            self.since = newest;
            self.written.clear();
        }
        self.written.extend(streams);
        if !lines.is_empty() {
            OpenOptions::new().create(true).append(true).open(&self.file)?.write_all(lines.as_bytes())?;
        }
        Ok(())
    }
}

/// `/aws/cloudformation/sheetsync/WorkerLogs` → `worker`
fn function_of(group: &str) -> String {
    let name = group.rsplit('/').next().unwrap_or(group);
    name.trim_end_matches("Logs").to_lowercase()
}
