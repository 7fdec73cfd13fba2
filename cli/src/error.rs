//! Why a command fails, in words that say what to do.

use std::path::PathBuf;

use sheetsync::breaker::StoreError;
use sheetsync::definition::DefinitionError;
use sheetsync::preview::PreviewError;
use sheetsync::queue::QueueError;
use sheetsync::sheets::SheetsError;
use sheetsync::supabase::SupabaseError;
use sheetsync::verify::VerifyError;

use crate::api;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
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
        "run {0} has not begun: another run of the sync is in progress, or the circuit is open (`sheetsync circuit`)"
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
    /// The lines to print: one, or for a definition one per problem, in the form that editors parse.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Self::Definition(error) => error.lines(),
            other => vec![other.to_string()],
        }
    }
}
