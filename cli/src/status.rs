//! `sheetsync status`: where every sync stands.

use std::process::ExitCode;

use jiff::Timestamp;
use serde::Deserialize;
use sheetsync::supabase::RunStatus;

use crate::terminal::table;
use crate::{CommandError, Project};

/// What the command shows of the view `sync_status`.
#[derive(Deserialize)]
struct Row {
    sync: String,
    last_status: RunStatus,
    last_started_at: Timestamp,
    running_rows_sent: Option<u64>,
    running_rows_done: Option<u64>,
    completed_at: Option<Timestamp>,
    open_rejections: u64,
}

/// Prints one line a sync.
pub async fn run(project: &Project) -> Result<ExitCode, CommandError> {
    let rows: Vec<Row> = project.connect()?.select("sync_status", &[("order", "sync")]).await?;
    if rows.is_empty() {
        println!("no sync has run yet");
    }
    let mut table = table(["SYNC", "LAST RUN", "STARTED", "PROGRESS", "LAST COMPLETE", "REJECTED"]);
    for row in &rows {
        let progress = row
            .running_rows_sent
            .zip(row.running_rows_done)
            .map_or_else(|| "-".to_owned(), |(sent, done)| format!("{done} of {sent} rows"));
        table.add_row([
            row.sync.clone(),
            row.last_status.to_string(),
            row.last_started_at.to_string(),
            progress,
            row.completed_at.map_or_else(|| "never".to_owned(), |at| at.to_string()),
            row.open_rejections.to_string(),
        ]);
    }
    if !rows.is_empty() {
        println!("{table}");
    }
    let well = rows
        .iter()
        .all(|row| matches!(row.last_status, RunStatus::Completed | RunStatus::Queued | RunStatus::InProgress));
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
