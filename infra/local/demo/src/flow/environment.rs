//! The variables of `.local/env` that the demo needs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::error::DemoError;

/// Where the parts of the local stack are.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The folder that the stack lives in.
    pub stack_dir: PathBuf,
    /// Postgres.
    pub database_url: String,
    /// The Supabase project.
    pub supabase_url: String,
    /// The Sheets server.
    pub sheets_base_url: String,
    /// The demo's spreadsheet.
    pub spreadsheet_id: String,
    /// The key file of the service account.
    pub google_key: PathBuf,
    /// The local AWS.
    pub aws_endpoint_url: String,
    /// Its region.
    pub aws_region: String,
    /// The deployed scheduler function's name.
    pub scheduler_function: String,
    /// The deployed HTTP API.
    pub api_url: String,
    /// A token with which the dashboard and the API let one in, to read and to act.
    pub operator_token: String,
}

impl Environment {
    /// Takes the variables that the demo needs out of all.
    ///
    /// # Errors
    /// When one is missing.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Result<Self, DemoError> {
        let get = |name: &'static str| variables.get(name).cloned().ok_or(DemoError::MissingVariable(name));
        Ok(Self {
            stack_dir: get("STACK_DIR")?.into(),
            database_url: get("DATABASE_URL")?,
            supabase_url: get("SUPABASE_URL")?,
            sheets_base_url: get("SHEETS_BASE_URL")?,
            spreadsheet_id: get("SPREADSHEET_ID")?,
            google_key: get("GOOGLE_APPLICATION_CREDENTIALS")?.into(),
            aws_endpoint_url: get("AWS_ENDPOINT_URL")?,
            aws_region: get("AWS_REGION")?,
            scheduler_function: get("SCHEDULER_FUNCTION")?,
            api_url: get("API_URL")?,
            operator_token: get("OPERATOR_TOKEN")?,
        })
    }
}
