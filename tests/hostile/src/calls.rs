//! What the stage knows of the product's calls: how syncs and headers are called, which run a call is about, and whether it
//! writes. [`crate::product`] makes the calls.

use serde_json::Value;
use sheetsync::clock::{Clock, Millis};
use uuid::Uuid;

/// A sync of this name feeds the table from the tab of the same number.
#[must_use]
pub fn sync_name(sync: usize) -> String {
    format!("s{sync}")
}

/// The header of a column of the schema.
#[must_use]
pub fn header(name: &str) -> String {
    format!("The {name}")
}

/// The wall time of every world's beginning.
#[must_use]
pub fn clock() -> Clock {
    Clock::starting_at(Millis(1_800_000_000_000))
}

/// Functions after which the table is as it was.
#[must_use]
pub fn only_reads(function: &str) -> bool {
    matches!(
        function,
        "sync_range_digests"
            | "sync_row_hashes"
            | "sync_drift"
            | "sync_carry_page"
            | "sync_ping"
            | "sync_heartbeat"
            | "sync_reload_schema"
    )
}

/// The run of a call, when it is about one.
#[must_use]
pub fn run_of(function: &str, arguments: &Value) -> Option<Uuid> {
    let run = match function {
        "sync_apply" => &arguments["p_batch"]["run"],
        _ => &arguments["p_run"],
    };
    run.as_str().and_then(|run| run.parse().ok())
}

/// The row keys in an upsert message; `None`: it deletes.
#[must_use]
pub fn message_keys(arguments: &Value) -> Option<Vec<String>> {
    let rows = arguments["p_batch"]["rows"].as_array()?;
    Some(rows.iter().filter_map(|row| row["k"].as_str().map(str::to_owned)).collect())
}
