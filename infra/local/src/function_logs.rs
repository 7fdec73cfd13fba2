//! Writes what the functions print to `log/functions.log`, as it reaches CloudWatch Logs: at the end of an invocation.

use std::collections::{BTreeMap, HashSet};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use crate::ministack::Calls;

/// Tests wait for what a function printed.
const EVERY: Duration = Duration::from_millis(200);

/// Follows the logs until the program ends.
pub fn follow(calls: Calls, file: PathBuf) {
    tokio::spawn(async move {
        let mut places = BTreeMap::new();
        loop {
            // While ministack is paused or stopped there is nothing to follow; the next round tries again.
            let _ = round(&calls, &file, &mut places).await;
            tokio::time::sleep(EVERY).await;
        }
    });
}

/// How far a log group has been read.
#[derive(Default)]
struct Place {
    /// The newest time seen; more events of this very millisecond may still come.
    since: u64,
    /// The invocations of that time that are written already (each is a stream, and comes whole).
    written: HashSet<String>,
}

async fn round(calls: &Calls, file: &Path, places: &mut BTreeMap<String, Place>) -> Result<()> {
    let mut lines = String::new();
    for group in calls.log_groups().await? {
        let place = places.entry(group.clone()).or_default();
        let events = calls.log_events(&group, place.since).await?;
        let new: Vec<_> = events.iter().filter(|event| !place.written.contains(&event.log_stream_name)).collect();
        for event in &new {
            if !["START ", "END ", "REPORT "].iter().any(|start| event.message.starts_with(start)) {
                lines += &format!("{} {}\n", function_of(&group), event.message);
            }
        }
        let newest = new.iter().map(|event| event.timestamp).max().unwrap_or_default();
        if newest > place.since {
            *place = Place { since: newest, written: HashSet::new() };
        }
        let latest = new.iter().filter(|event| event.timestamp == newest);
        place.written.extend(latest.map(|event| event.log_stream_name.clone()));
    }
    if !lines.is_empty() {
        OpenOptions::new().create(true).append(true).open(file)?.write_all(lines.as_bytes())?;
    }
    Ok(())
}

/// `/aws/cloudformation/sheetsync/WorkerLogs` → `worker`
fn function_of(group: &str) -> String {
    let name = group.rsplit('/').next().unwrap_or(group);
    name.trim_end_matches("Logs").to_lowercase()
}
