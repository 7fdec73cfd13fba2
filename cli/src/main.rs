//! `sheetsync`: checks a definition, prints the state of each sync and its rejected rows, starts runs, and manages the
//! dead-letter queue.
//! Exits with 0 when all is well, 1 when something is wrong, 2 when the command line is.

mod api;
mod approve_adoption;
mod approve_deletes;
mod check;
mod circuit;
mod confirm;
mod dead_letters;
mod error;
mod errors;
mod google;
mod plan;
mod project;
mod queues;
mod redrive;
mod schema;
mod status;
mod terminal;
mod verify;
mod watch;

use std::error::Error as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::project::Project;

/// Keeps a Supabase table equal to a tab of a Google Sheet
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Also print the causes of an error
    #[arg(long, short, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks a definition without reading anything else
    Check {
        /// The definition, or a folder of them
        #[arg(default_value = "sheetsync.toml", env = "SHEETSYNC_DEFINITION")]
        definition: PathBuf,
    },
    /// Prints the JSON Schema of sheetsync.toml, for editors
    Schema,
    /// Shows where every sync stands and what is wrong; exits with 1 unless the last run of each was complete, or when one is
    /// stuck or overdue, or none has run
    Status(Project),
    /// Says what a run would do, and does nothing of it; exits with 1 if the run would not be complete
    Plan {
        #[command(flatten)]
        source: google::Source,
        /// Only the rows with these keys, as a selective run
        #[arg(long, value_delimiter = ',')]
        keys: Option<Vec<String>>,
        /// Every row, changed or not, as a full run
        #[arg(long, conflicts_with = "keys")]
        full: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        project: Project,
    },
    /// Compares sheet and table in full; exits with 1 if they differ where they should not
    Verify {
        #[command(flatten)]
        source: google::Source,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        project: Project,
    },
    /// Approves, once, the deletion of exactly the rows that a run found to be gone and withheld
    ApproveDeletes {
        #[command(flatten)]
        request: approve_deletes::Request,
        #[command(flatten)]
        project: Project,
    },
    /// Decides, for rows that were in the table before the sync and that differ, whose values stay
    ApproveAdoption {
        #[command(flatten)]
        request: approve_adoption::Request,
        #[command(flatten)]
        project: Project,
    },
    /// Lists the rows and cells that a sync could not use
    Errors {
        /// The sync
        sync: String,
        /// Also those that were put right since
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        project: Project,
    },
    /// Starts a run
    Sync(watch::Start),
    /// Follows the run that is in progress; exits with 0 only if it ends complete
    Watch(watch::Watch),
    /// Lists, inspects, exports or discards dead letters
    DeadLetters(dead_letters::Request),
    /// Sends dead letters to the queue again
    Redrive(redrive::Request),
    /// Shows or sets the breaker between the workers and Supabase; exits with 1 while it lets nothing pass
    Circuit(circuit::Request),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        Command::Check { definition } => check::run(definition),
        Command::Schema => schema::run(),
        Command::Status(project) => status::run(project).await,
        Command::ApproveDeletes { request, project } => approve_deletes::run(project, request).await,
        Command::ApproveAdoption { request, project } => approve_adoption::run(project, request).await,
        Command::Plan { source, keys, full, json, project } => {
            plan::run(project, source, keys.as_deref(), *full, *json).await
        }
        Command::Verify { source, json, project } => verify::run(project, source, *json).await,
        Command::Errors { sync, all, project } => errors::run(project, sync, *all).await,
        Command::Sync(request) => watch::start(request).await,
        Command::Watch(request) => watch::watch(request).await,
        Command::DeadLetters(request) => dead_letters::run(request).await,
        Command::Redrive(request) => redrive::run(request).await,
        Command::Circuit(request) => circuit::run(request).await,
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            for line in error.lines() {
                eprintln!("sheetsync: {line}");
            }
            let mut cause = error.source().filter(|_| arguments.verbose);
            while let Some(behind) = cause {
                eprintln!("  because: {behind}");
                cause = behind.source();
            }
            ExitCode::FAILURE
        }
    }
}
