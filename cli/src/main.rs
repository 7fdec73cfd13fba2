//! `sheetsync`: checks a definition, says what a run would do and whether sheet and table are equal, and tells from the
//! database what each sync is doing and which rows it could not use.
//! Exits with 0 when all is well, 1 when something is wrong, 2 when the command line is.

mod check;
mod errors;
mod google;
mod plan;
mod status;
mod terminal;
mod verify;

use std::error::Error as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use secrecy::SecretString;
use sheetsync::definition::DefinitionError;
use sheetsync::preview::PreviewError;
use sheetsync::sheets::SheetsError;
use sheetsync::supabase::{Supabase, SupabaseError};
use sheetsync::verify::VerifyError;

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
    /// Tells where every sync stands; exits with 1 unless the last run of each was complete
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
    #[error(transparent)]
    Definition(#[from] DefinitionError),
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
        Command::Status(project) => status::run(project).await,
        Command::Plan { source, keys, full, json, project } => {
            plan::run(project, source, keys.as_deref(), *full, *json).await
        }
        Command::Verify { source, json, project } => verify::run(project, source, *json).await,
        Command::Errors { sync, all, project } => errors::run(project, sync, *all).await,
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sheetsync: {error}");
            let mut cause = error.source().filter(|_| arguments.verbose);
            while let Some(behind) = cause {
                eprintln!("  because: {behind}");
                cause = behind.source();
            }
            ExitCode::FAILURE
        }
    }
}
