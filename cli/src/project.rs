//! The Supabase connection of a command, from its environment variables.

use clap::Args;
use secrecy::SecretString;
use sheetsync::supabase::Supabase;

use crate::error::CommandError;

/// How to reach the Supabase project.
#[derive(Args)]
pub(crate) struct Project {
    /// Its URL, without /rest/v1
    #[arg(long, env = "SUPABASE_URL")]
    pub(crate) supabase_url: String,
}

impl Project {
    /// Connects with the secret key, which comes from the environment only: command lines are for everybody to read.
    pub(crate) fn connect(&self) -> Result<Supabase, CommandError> {
        let key = std::env::var("SUPABASE_SECRET_KEY").map_err(|_| CommandError::NoKey)?;
        Ok(Supabase::new(&self.supabase_url, SecretString::from(key))?)
    }
}
