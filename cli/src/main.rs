//! `sheetsync`: checks a definition, tells what each sync is doing and which rows it could not use, starts runs, and looks
//! after what was given up.
//! Exits with 0 when all is well, 1 when something is wrong, 2 when the command line is.

mod api;
mod approve_adoption;
mod approve_deletes;
mod check;
mod circuit;
mod confirm;
mod dead_letters;
mod errors;
mod google;
mod plan;
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

use clap::{Args, Parser, Subcommand};
use secrecy::SecretString;
use sheetsync::breaker::StoreError;
use sheetsync::definition::DefinitionError;
use sheetsync::preview::PreviewError;
use sheetsync::queue::QueueError;
use sheetsync::sheets::SheetsError;
use sheetsync::supabase::{Supabase, SupabaseError};
use sheetsync::verify::VerifyError;

use crate::terminal::printable;

/// Keeps a Supabase table equal to a tab of a Google Sheet
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Also tell what lies behind an error
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
    /// Follows the run that is under way; exits with 0 only if it ends complete
    Watch(watch::Watch),
    /// Lists, inspects, exports or discards the messages that were given up
    DeadLetters(dead_letters::Request),
    /// Sends dead letters to the queue again
    Redrive(redrive::Request),
    /// Shows or sets the breaker between the workers and Supabase; exits with 1 while it lets nothing pass
    Circuit(circuit::Request),
}

/// How to reach the Supabase project.
#[derive(Args)]
struct Project {
    /// Its URL, without /rest/v1
    #[arg(long, env = "SUPABASE_URL")]
    supabase_url: String,
}

/// Why a command did not do what it was told.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("SUPABASE_SECRET_KEY is not set: export the project's secret key, or `. .local/env`")]
    NoKey,
    #[error("there is no terminal to ask on: add --yes if that is what you want")]
    NobodyToAsk,
    #[error("the terminal does not answer: {0}")]
    Terminal(std::io::Error),
    #[error("say which dead letters: --malformed, --message, --sync, --run, --older-than, or --all")]
    NothingSelected,
    #[error("no dead letter has the message id {0}; another command may have received it: try again in two minutes")]
    NoSuchMessage(String),
    #[error("cannot write {}: {}", .0.display(), .1)]
    Export(PathBuf, std::io::Error),
    #[error(
        "run {0} has not begun: another run of the sync is under way, or the circuit is open (`sheetsync circuit`)"
    )]
    NotBegun(uuid::Uuid),
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    #[error(transparent)]
    Api(Box<api::ApiError>),
    #[error(transparent)]
    Breaker(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Supabase(#[from] SupabaseError),
    #[error(
        "GOOGLE_APPLICATION_CREDENTIALS is not set: give it the path of the service account's key, or `. .local/env`"
    )]
    NoCredentials,
    #[error("cannot read the service account's key {}: {source}; GOOGLE_APPLICATION_CREDENTIALS names it", path.display())]
    UnreadableCredentials { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Sheets(#[from] SheetsError),
    #[error(transparent)]
    Plan(#[from] PreviewError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error("cannot write the answer: {0}")]
    Output(#[from] serde_json::Error),
}

impl CommandError {
    /// What is told: one line, or, of a definition, one a problem, so that editors find their way.
    fn lines(&self) -> Vec<String> {
        match self {
            Self::Definition(error) => error.lines(),
            other => vec![other.to_string()],
        }
    }
}

impl Project {
    /// Connects with the secret key, which comes from the environment only: command lines are for everybody to read.
    fn connect(&self) -> Result<Supabase, CommandError> {
        let key = std::env::var("SUPABASE_SECRET_KEY").map_err(|_| CommandError::NoKey)?;
        Ok(Supabase::new(&self.supabase_url, SecretString::from(key))?)
    }
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
