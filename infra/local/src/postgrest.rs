//! PostgREST, which is what Supabase's REST API is.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::keys::Keys;
use crate::ports::free_port;
use crate::postgres::Postgres;
use crate::servers::{Recipe, Register, Server};
use crate::tools::Tools;

/// A running PostgREST.
#[derive(Debug)]
pub struct Postgrest {
    /// Its process.
    pub server: Server,
    /// Where it listens; clients go through the gateway instead.
    pub port: u16,
    health: String,
}

impl Postgrest {
    /// Starts PostgREST on a free port and waits until it has read the schema.
    pub async fn start(db: &Postgres, tools: &Tools, keys: &Keys, logs: &Path, register: &Register) -> Result<Self> {
        let (port, health_port) = (free_port()?, free_port()?);
        let recipe = Recipe::new("postgrest", tools.postgrest()?).env([
            ("PGRST_SERVER_HOST", "127.0.0.1".to_owned()),
            ("PGRST_SERVER_PORT", port.to_string()),
            ("PGRST_ADMIN_SERVER_PORT", health_port.to_string()),
            ("PGRST_DB_URI", db.url("authenticator")),
            ("PGRST_DB_SCHEMAS", "public".to_owned()),
            ("PGRST_DB_EXTRA_SEARCH_PATH", "public,extensions".to_owned()),
            ("PGRST_DB_ANON_ROLE", "anon".to_owned()),
            ("PGRST_JWT_SECRET", keys.jwt_secret.clone()),
            // Hosted Supabase cuts reads here.
            ("PGRST_DB_MAX_ROWS", "1000".to_owned()),
            ("PGRST_LOG_LEVEL", "warn".to_owned()),
        ]);
        let server = Server::start(recipe, logs, register)?;
        let mut postgrest = Self { server, port, health: format!("http://127.0.0.1:{health_port}/ready") };
        postgrest.ready().await?;
        Ok(postgrest)
    }

    /// Waits until it answers and its database does.
    pub async fn ready(&mut self) -> Result<()> {
        let url = &self.health;
        self.server
            .ready(Duration::from_secs(30), || async {
                reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success())
            })
            .await
    }
}
