//! Finds the sync of a command in the definition, and reads its sheet directly from Google.

use std::path::PathBuf;

use clap::Args;
use sheetsync::definition::{Definition, Sync};
use sheetsync::sheets::{DRIVE_BASE_URL, SHEETS_BASE_URL, ServiceAccount, Sheets};

use crate::error::CommandError;

/// A sync and its sheet.
#[derive(Args)]
pub struct Source {
    /// The sync
    pub sync: String,
    /// The definition, or a folder of them
    #[arg(long, default_value = "sheetsync.toml", env = "SHEETSYNC_DEFINITION")]
    definition: PathBuf,
    #[arg(long, default_value = SHEETS_BASE_URL, env = "SHEETS_BASE_URL", hide = true)]
    sheets_base_url: String,
    #[arg(long, default_value = DRIVE_BASE_URL, env = "DRIVE_BASE_URL", hide = true)]
    drive_base_url: String,
}

impl Source {
    /// The sync's definition.
    pub fn definition(&self) -> Result<Sync, CommandError> {
        Ok(Definition::load_sync(&self.definition, &self.sync)?)
    }

    /// Connects under the service account whose key the environment names.
    pub fn connect(&self) -> Result<Sheets, CommandError> {
        let path = std::env::var_os("GOOGLE_APPLICATION_CREDENTIALS").ok_or(CommandError::NoCredentials)?;
        let path = PathBuf::from(path);
        let key = std::fs::read_to_string(&path)
            .map_err(|source| CommandError::UnreadableCredentials { path: path.clone(), source })?;
        let account = ServiceAccount::from_json(&key.into())?;
        Ok(Sheets::new(account, &self.sheets_base_url, &self.drive_base_url)?)
    }
}
