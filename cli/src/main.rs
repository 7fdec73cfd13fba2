//! `sheetsync`: checks a definition, and tells from the database what each sync is doing and which rows it could not use.
//! Exits with 0 when all is well, 1 when something is wrong, 2 when the command line is.

mod approve;
mod check;
mod errors;
mod schema;
mod status;

use std::error::Error as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use secrecy::SecretString;
use sheetsync::definition::DefinitionError;
use sheetsync::supabase::{Supabase, SupabaseError};

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
    /// Tells where every sync stands; exits with 1 unless the last run of each was complete
    Status(Project),
    /// Approves, once, the deletion of exactly the rows that a run found to be gone and withheld
    ApproveDeletes {
        #[command(flatten)]
        request: approve::Request,
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
    #[error("there is no terminal to ask on: add --yes if the deletion is right")]
    NobodyToAsk,
    #[error("the terminal does not answer: {0}")]
    Terminal(std::io::Error),
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    #[error(transparent)]
    Supabase(#[from] SupabaseError),
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
        Command::ApproveDeletes { request, project } => approve::run(project, request).await,
        Command::Errors { sync, all, project } => errors::run(project, sync, *all).await,
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

/// What stands in a cell may hold anything, and a terminal obeys control characters.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
