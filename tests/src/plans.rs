//! Plans and verifications of a sync of a test's own: the plan from the deployed functions through the API, the verification
//! by the library, as the command makes it.

use anyhow::{Context as _, Result, ensure};
use secrecy::SecretString;
use serde_json::Value;
use sheetsync::definition::Definition;
use sheetsync::sheets::{ServiceAccount, Sheets};
use sheetsync::supabase::Supabase;
use sheetsync::verify::{self, Verification};
use sheetsync_local::Settings;

use crate::{Api, Sync, eventually};

impl Sync {
    /// Asks for a dry run and waits for its plan.
    ///
    /// # Errors
    /// When it is not taken, or fails.
    pub async fn plan(&self, request: Value) -> Result<Value> {
        let answer = Api::operator()?.post(&format!("/api/syncs/{}/runs", self.name), &request).await?;
        ensure!(answer.status == 202, "{}", answer.text);
        let location = answer.json["location"].as_str().context("a location")?.to_owned();
        let reader = Api::reader()?;
        let ended = eventually("the plan is made", async || {
            let answer = reader.get(&location).await.ok()?;
            (answer.status == 200 && answer.json["status"] != "running").then_some(answer.json)
        })
        .await;
        ensure!(ended["status"] == "done", "{ended}");
        Ok(ended["plan"].clone())
    }

    /// Compares the sheet with the table.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub async fn verification(&self) -> Result<Verification> {
        let settings = Settings::from_env()?;
        let supabase = Supabase::new(&settings.supabase_url, SecretString::from(settings.supabase_secret_key))?;
        Ok(verify::verify(&google()?, &supabase, &self.defined()?).await?)
    }

    /// The definition, as the product reads it.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn defined(&self) -> Result<sheetsync::definition::Sync> {
        Ok(Definition::load_sync(self.definition(), &self.name)?)
    }
}

/// The product's client of the local Sheets server.
///
/// # Errors
/// When no stack runs.
pub fn google() -> Result<Sheets> {
    let sheet = Settings::from_env()?.sheet.context("this stack runs without the Sheets server")?;
    let key = std::fs::read_to_string(&sheet.google_application_credentials)?;
    let account = ServiceAccount::from_json(&SecretString::from(key))?;
    let no_limit = 60_000.try_into()?;
    Ok(Sheets::with_quota(account, &sheet.sheets_base_url, &sheet.drive_base_url, no_limit)?)
}
