//! `sheetsync errors`: the rejected rows and cells of a sync, with their addresses.

use std::process::ExitCode;

use jiff::Timestamp;
use serde::Deserialize;

use crate::error::CommandError;
use crate::project::Project;
use crate::terminal::printable;
use crate::terminal::table;

/// How many are listed at most.
const LISTED: usize = 500;

#[derive(Deserialize)]
struct Row {
    cell: Option<String>,
    row_key: Option<String>,
    header: Option<String>,
    code: String,
    raw: Option<String>,
    message: String,
    /// When a scheduled run tries the refused row again.
    next_attempt_at: Option<Timestamp>,
}

/// Prints one line a rejection; exits with 1 when there are any.
pub async fn run(project: &Project, sync: &str, all: bool) -> Result<ExitCode, CommandError> {
    let (of_sync, limit) = (format!("eq.{sync}"), LISTED.to_string());
    let mut query = vec![("sync", of_sync.as_str()), ("order", "row_number,id"), ("limit", limit.as_str())];
    if !all {
        query.push(("resolved_at", "is.null"));
    }
    let rows: Vec<Row> = project.connect()?.select("sync_errors", &query).await?;
    if rows.is_empty() {
        println!("nothing is rejected");
        return Ok(ExitCode::SUCCESS);
    }
    let count = rows.len();
    let mut table = table(["CELL", "ROW KEY", "HEADER", "CODE", "FOUND", "MESSAGE"]);
    for row in rows {
        let message = match row.next_attempt_at {
            Some(at) => format!("{} (scheduled runs try it again from {at:.0} on)", row.message),
            None => row.message,
        };
        let texts = [row.cell, row.row_key, row.header, Some(row.code), row.raw, Some(message)];
        table.add_row(texts.map(|text| printable(&text.unwrap_or_else(|| "-".to_owned()))));
    }
    println!("{table}");
    if count == LISTED {
        println!("only the first {LISTED} are listed");
    }
    Ok(ExitCode::FAILURE)
}
