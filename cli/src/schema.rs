//! `sheetsync schema`: prints the JSON schema of sheetsync.toml, for editors.

use std::process::ExitCode;

use sheetsync::definition;

use crate::error::CommandError;

/// Prints the JSON Schema; the repository keeps it as sheetsync.schema.json.
pub fn run() -> Result<ExitCode, CommandError> {
    println!("{:#}", definition::json_schema());
    Ok(ExitCode::SUCCESS)
}
