//! The migrations of Sheetsync as one list: what `make up`, the command line and the tests apply to a database.
//!
//! They are plain SQL and safe to run twice, so nothing records which of them a database has; `psql -1 -f` does as well.
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
    "083_sync_begin",
    "084_sync_digests",
    "085_sync_merge",
    "086_sync_deletes",
    "087_sync_apply",
    "088_sync_lifecycle",
    "089_sync_views",
    "091_sync_plan",
    "092_sync_api",
    "093_sync_operations",
    "094_sync_carry",
    "095_sync_delivery",
    "096_sync_reconcile",
    "097_sync_types",
    "098_sync_watch",
];

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
