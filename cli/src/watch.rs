//! `sheetsync sync` and `sheetsync watch`: start a run, and follow one to its end.

use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use sheetsync::run::RunStatus;
use tokio::time::Instant;
use uuid::Uuid;

use crate::api::{Access, Api, ApiError, Run};
use crate::error::CommandError;
use crate::terminal::printable;

/// How often the API is asked.
const EVERY: Duration = Duration::from_secs(1);

/// How long the API may fail, and how long a run that was accepted may take to begin.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which run to start.
#[derive(clap::Args)]
pub struct Start {
    /// The sync
    sync: String,
    /// Send every row, also those that have not changed
    #[arg(long, conflicts_with = "keys")]
    full: bool,
    /// Only the rows with these keys
    #[arg(long, value_delimiter = ',')]
    keys: Vec<String>,
    /// Follow the run to its end; exits with 0 only if it is complete
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    access: Access,
}

/// Which sync to watch.
#[derive(clap::Args)]
pub struct Watch {
    /// The sync
    sync: String,
    #[command(flatten)]
    access: Access,
}

/// Starts a run, and follows it if asked to.
pub async fn start(request: &Start) -> Result<ExitCode, CommandError> {
    let api = request.access.connect()?;
    let body = match request.keys.as_slice() {
        [] if request.full => json!({"type": "full"}),
        [] => json!({"type": "manual"}),
        keys => json!({"type": "selective", "keys": keys}),
    };
    let run = api.start(&request.sync, &body, Uuid::new_v4()).await?;
    println!("run {run} of {} was accepted", request.sync);
    if request.wait { follow(&api, run).await } else { Ok(ExitCode::SUCCESS) }
}

/// Follows the run in progress, or prints the result of the last one.
pub async fn watch(request: &Watch) -> Result<ExitCode, CommandError> {
    let api = request.access.connect()?;
    let started = Instant::now();
    let sync = loop {
        match api.sync(&request.sync).await {
            Err(error) if error.passes() && started.elapsed() < PATIENCE => tokio::time::sleep(EVERY).await,
            answer => break answer?,
        }
    };
    match sync.running_run.or(sync.last_run) {
        Some(run) => follow(&api, run.id).await,
        None => {
            println!("{} has not run yet", request.sync);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Shows a run's progress until it ends; exits with 0 only if it is complete.
async fn follow(api: &Api, id: Uuid) -> Result<ExitCode, CommandError> {
    let bar = ProgressBar::new_spinner();
    bar.set_style(style("{spinner} {msg}"));
    bar.enable_steady_tick(Duration::from_millis(100));
    let mut answered = Instant::now();
    let run = loop {
        match api.run(id).await {
            Ok(run) if is_over(run.status) => break run,
            Ok(run) => {
                answered = Instant::now();
                show(&bar, &run);
            }
            // A run exists from its first write on.
            Err(error) if (error.passes() || error.is_not_found()) && answered.elapsed() < PATIENCE => {
                bar.set_message(if error.is_not_found() {
                    "waiting for the run to begin"
                } else {
                    "the API is silent"
                });
            }
            Err(error) if error.is_not_found() => return Err(CommandError::NotBegun(id)),
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(EVERY).await;
    };
    bar.finish_and_clear();
    print!("{}", summary(&run));
    Ok(if run.status == RunStatus::Completed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn is_over(status: RunStatus) -> bool {
    !matches!(status, RunStatus::Queued | RunStatus::InProgress)
}

fn show(bar: &ProgressBar, run: &Run) {
    if run.planned_at.is_none() {
        bar.set_message("reading the sheet");
        return;
    }
    bar.set_style(style("{spinner} {bar:40} {pos} of {len} rows, {eta} left"));
    bar.set_length(run.rows_sent);
    bar.set_position(run.rows_done);
}

/// A style whose template is ours, and so right.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// How a run ended, for people.
fn summary(run: &Run) -> String {
    let mut text = format!(
        "run {} {}: {} rows read; {} inserted, {} updated, {} unchanged, {} rejected, {} skipped, {} failed; {} deleted, {} conflicts\n",
        run.id,
        run.status,
        run.total_rows,
        run.inserted,
        run.updated,
        run.unchanged,
        run.rejected,
        run.skipped,
        run.failed,
        run.deleted,
        run.conflicts
    );
    if let Some(error) = &run.error {
        text += &format!("  {}: {}\n", error.code, printable(&error.message));
    }
    if let Some(reason) = &run.deletes_withheld {
        text += &format!("  deletes withheld: {}\n", printable(reason));
    }
    if run.restored > 0 {
        text += &format!("  {} of the inserted had been deleted in the database\n", run.restored);
    }
    if run.corrected > 0 {
        text +=
            &format!("  in {} of the updated a column of the sheet had been changed in the database\n", run.corrected);
    }
    if run.unconfirmed > 0 {
        text += &format!("  {} deletions wait for another complete read\n", run.unconfirmed);
    }
    if run.withheld > 0 {
        text += &format!("  the adoption of {} rows waits for approval: `sheetsync approve-adoption`\n", run.withheld);
    }
    text
}

impl From<ApiError> for CommandError {
    fn from(error: ApiError) -> Self {
        Self::Api(Box::new(error))
    }
}
