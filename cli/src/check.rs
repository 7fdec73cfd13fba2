//! `sheetsync check`: validates the definition.

use std::path::Path;
use std::process::ExitCode;

use sheetsync::definition::Definition;

use crate::error::CommandError;

/// Checks the definition and says what it defines.
pub fn run(path: &Path) -> Result<ExitCode, CommandError> {
    let definition = Definition::load(path, None)?;
    for sync in &definition.syncs {
        println!("{}: {} columns to public.{}, key {}", sync.name, sync.columns.len(), sync.table, sync.key.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}
