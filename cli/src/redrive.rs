//! `sheetsync redrive`: sends dead letters to the queue again, once their cause is fixed.

use std::process::ExitCode;

use serde::de::IgnoredAny;
use sheetsync::redrive::{Redrive, Report, Selection};
use sheetsync::supabase::Supabase;

use crate::confirm::confirmed;
use crate::error::CommandError;
use crate::project::Project;
use crate::queues::{BatchQueue, Batches, DeadLetterQueue};

/// What to redrive.
#[derive(clap::Args)]
pub struct Request {
    #[command(flatten)]
    queue: BatchQueue,
    #[command(flatten)]
    dead_letters: DeadLetterQueue,
    #[command(flatten)]
    batches: Batches,
    /// At most so many
    #[arg(long)]
    limit: Option<u64>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Where to ask which runs are current; without it every batch is sent, and those of older runs change nothing
    #[arg(long, env = "SUPABASE_URL")]
    supabase_url: Option<String>,
}

/// Counts, asks, and redrives.
pub async fn run(request: &Request) -> Result<ExitCode, CommandError> {
    let (queue, dead_letters) = (request.queue.connect().await, request.dead_letters.connect().await);
    let supabase = request.supabase().await;
    let redrive = Redrive { dead_letters: &dead_letters, queue: &queue, supabase: supabase.as_ref() };
    let selection =
        |dry_run| Selection { filter: request.batches.filter(), limit: request.limit, within: None, dry_run };
    let found = redrive.run(&selection(true)).await?;
    if request.dry_run || found.redriven + found.superseded == 0 {
        print(&found, "would be");
        return Ok(ExitCode::SUCCESS);
    }
    let question = format!("redrive {} dead letters, and drop {} whose run is over?", found.redriven, found.superseded);
    if !confirmed(&question, request.yes)? {
        println!("nothing is redriven");
        return Ok(ExitCode::FAILURE);
    }
    print(&redrive.run(&selection(false)).await?, "were");
    Ok(ExitCode::SUCCESS)
}

fn print(report: &Report, verb: &str) {
    let Report { matched, redriven, superseded, malformed, left } = report;
    println!(
        "of {matched} dead letters that match, {redriven} {verb} redriven and {superseded} {verb} dropped because their run is over"
    );
    if *malformed > 0 {
        println!("{malformed} are no batch of this database; see `sheetsync dead-letters list`");
    }
    println!("{left} are in the dead-letter queue");
}

impl Request {
    /// Supabase, if it can be asked. This command must also work while it is down.
    async fn supabase(&self) -> Option<Supabase> {
        let unasked = |why: String| {
            eprintln!(
                "sheetsync: {why}; every batch counts as one of a current run (those of older runs change nothing)"
            );
        };
        let Some(supabase_url) = self.supabase_url.clone() else {
            unasked("SUPABASE_URL is not set".to_owned());
            return None;
        };
        let supabase = match (Project { supabase_url }).connect() {
            Ok(supabase) => supabase.with_short_timeout(),
            Err(error) => {
                unasked(error.to_string());
                return None;
            }
        };
        match supabase.select::<IgnoredAny>("sync_targets", &[("select", "sync"), ("limit", "1")]).await {
            Ok(_) => Some(supabase),
            Err(error) => {
                unasked(error.to_string());
                None
            }
        }
    }
}
