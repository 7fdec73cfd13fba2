//! `sheetsync approve-deletes`: shows the deletions that a run withheld, and approves them after confirmation.

use std::process::ExitCode;

use serde::Deserialize;
use sheetsync::run::Approval;
use uuid::Uuid;

use crate::confirm::{confirmed, who};
use crate::error::CommandError;
use crate::project::Project;
use crate::terminal::printable;

/// What the command reads of `sync_state`.
#[derive(Deserialize)]
struct Withheld {
    id: Uuid,
    started_at: String,
    deletes_withheld: String,
    vanished: Option<Vanished>,
}

#[derive(Deserialize)]
struct Vanished {
    count: u64,
    sample: Vec<String>,
}

/// Which deletion, and why it is right.
#[derive(clap::Args)]
pub struct Request {
    /// The sync
    sync: String,
    /// The run that withheld the deletion; the last one if not given
    #[arg(long)]
    run: Option<Uuid>,
    /// Why the rows may go; recorded with your name
    #[arg(long)]
    why: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Approves the deletion that the sync's last withholding run, or the given one, found.
pub async fn run(project: &Project, request: &Request) -> Result<ExitCode, CommandError> {
    let supabase = project.connect()?;
    let (sync, id) = (format!("eq.{}", request.sync), request.run.map(|run| format!("eq.{run}")));
    let mut query = vec![
        ("select", "id,started_at,deletes_withheld,vanished"),
        ("sync", sync.as_str()),
        ("deletes_withheld", "not.is.null"),
        ("order", "started_at.desc"),
        ("limit", "1"),
    ];
    query.extend(id.as_deref().map(|id| ("id", id)));
    let found: Vec<Withheld> = supabase.select("sync_state", &query).await?;
    let Some(withheld) = found.first() else {
        println!("{}: no deletion was withheld", request.sync);
        return Ok(ExitCode::FAILURE);
    };
    println!("run {} of {}: {}", withheld.id, withheld.started_at, withheld.deletes_withheld);
    if let Some(Vanished { count, sample }) = &withheld.vanished {
        let more = if *count > sample.len() as u64 { ", …" } else { "" };
        let keys: Vec<String> = sample.iter().map(|key| printable(key)).collect();
        println!("{count} rows are gone from the sheet: {}{more}", keys.join(", "));
    }
    if !confirmed("delete them with the next run?", request.yes)? {
        println!("nothing is approved");
        return Ok(ExitCode::FAILURE);
    }
    match supabase.approve_deletes(withheld.id, &who(), &request.why).await? {
        Approval::Approved { approved, expires_at, .. } => {
            println!(
                "approved: the next run deletes these {approved} rows, if exactly these are gone; until {expires_at}"
            );
            Ok(ExitCode::SUCCESS)
        }
        Approval::Refused { message, .. } => {
            eprintln!("sheetsync: not approved: {message}");
            Ok(ExitCode::FAILURE)
        }
    }
}
