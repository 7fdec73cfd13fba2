//! The migrations of Sheetsync as one list: what `make up`, the command line and the tests apply to a database.
//!
//! They are plain SQL and safe to run twice, so nothing records which of them a database has; `psql -1 -f` does as well. One that landed
//! is never edited: `checksums` lists them, and a test holds the list.
//! Not here: roles. `anon`, `authenticated` and `service_role` exist in every Supabase project; locally the stack makes them.
//! Nor the tables that syncs write: those belong to the project. The demo makes its own (`infra/local/demo`).

use tokio_postgres::GenericClient;

/// One step of the schema, and the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// The name of its file, without `.sql`; names sort in the order of application.
    pub name: &'static str,
    /// What it does.
    pub up: &'static str,
    /// What takes it back.
    pub down: &'static str,
}

macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        &[$(Migration {
            name: $name,
            up: include_str!(concat!("../", $name, ".sql")),
            down: include_str!(concat!("../", $name, ".down.sql")),
        }),*]
    };
}

/// All migrations, oldest first.
pub const MIGRATIONS: &[Migration] = migrations![
    "082_sync_tables",
    "083_sync_types",
    "084_sync_begin",
    "085_sync_digests",
    "086_sync_merge",
    "087_sync_deletes",
    "088_sync_apply",
    "089_sync_lifecycle",
    "090_sync_carry",
    "091_sync_plan",
    "092_sync_api",
];

/// A version of Sheetsync that databases may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// As in Cargo.toml.
    pub version: &'static str,
    /// The name of its last migration.
    pub last: &'static str,
}

/// All releases, oldest first. Each is upgraded to the newest schema by a test.
pub const RELEASES: &[Release] = &[Release { version: "0.1.0", last: "092_sync_api" }];

impl Release {
    /// The migrations that a database of this release has. None that landed is ever edited (`migrations/checksums`), so they are as
    /// they were.
    #[must_use]
    pub fn migrations(&self) -> &'static [Migration] {
        let count = MIGRATIONS.iter().position(|migration| migration.name == self.last).map_or(0, |last| last + 1);
        &MIGRATIONS[..count]
    }
}

/// A migration that the database refused. It and those after it are not applied; those before it are.
#[derive(Debug, thiserror::Error)]
#[error("migration {name} was refused: {source}; it needs the roles of Supabase and a user who owns the schema public")]
pub struct MigrationError {
    /// The migration's name.
    pub name: &'static str,
    source: tokio_postgres::Error,
}

/// Brings the database to the newest schema.
///
/// # Errors
/// When the database refuses a migration; that one is rolled back as a whole.
pub async fn apply(client: &impl GenericClient) -> Result<(), MigrationError> {
    for migration in MIGRATIONS {
        run(client, migration.name, migration.up).await?;
    }
    Ok(())
}

/// Takes everything of Sheetsync out of the database, newest first, with the ledger. No migration names a table that is
/// not `sync_…`, so the tables that syncs wrote stay as they are.
///
/// # Errors
/// When the database refuses, for example because something of the user's depends on a table.
pub async fn revert(client: &impl GenericClient) -> Result<(), MigrationError> {
    for migration in MIGRATIONS.iter().rev() {
        run(client, migration.name, migration.down).await?;
    }
    Ok(())
}

async fn run(client: &impl GenericClient, name: &'static str, sql: &str) -> Result<(), MigrationError> {
    // Statements sent as one string are one transaction.
    client.batch_execute(sql).await.map_err(|source| MigrationError { name, source })
}
