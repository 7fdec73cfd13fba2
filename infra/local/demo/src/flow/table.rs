//! What Postgres says, asked directly: runs, rejections, the checksum of the table, and which of its rows were written.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::{Client, NoTls};

use super::error::DemoError;
use crate::checksum::{Checksum, checksum_sql};
use crate::listing::{Column, KEY_COLUMN, SYNC, TABLE};

/// How long a run may take to close.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often it is looked at.
const POLL: Duration = Duration::from_millis(100);

/// One row of `sync_state`.
pub(super) struct RunRow {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) total: i64,
    pub(super) inserted: i64,
    pub(super) updated: i64,
    pub(super) unchanged: i64,
    pub(super) rejected: i64,
    pub(super) skipped: i64,
    pub(super) failed: i64,
    pub(super) deleted: i64,
    pub(super) batches: i32,
    pub(super) withheld: Option<String>,
    pub(super) unconfirmed: i64,
    /// From its beginning to its close, by the database's clock.
    pub(super) took: Duration,
    /// From asking for it to seeing it closed.
    pub(super) waited: Duration,
}

/// One row of `sync_errors`.
pub(super) struct Rejection {
    pub(super) cell: Option<String>,
    pub(super) header: Option<String>,
    pub(super) raw: Option<String>,
    pub(super) code: String,
    pub(super) message: String,
}

/// The state of each row of the table at one moment, as Postgres itself keeps it.
pub(super) struct Versions(BTreeMap<String, Version>);

#[derive(PartialEq)]
struct Version {
    written_by: String,
    is_deleted: bool,
}

/// What happened to a row between two moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Difference {
    Inserted,
    Updated,
    SoftDeleted,
    Restored,
    Gone,
}

/// A connection to the database.
pub(super) struct Table {
    client: Client,
}

impl Table {
    pub(super) async fn connect(url: &str) -> Result<Self, DemoError> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        // Ends with the client; a pending query returns the connection's error.
        tokio::spawn(connection);
        Ok(Self { client })
    }

    /// Waits until the run is closed, and returns its row.
    pub(super) async fn closed(&self, run: &str) -> Result<RunRow, DemoError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status: String = self
                .client
                .query_one("select status from public.sync_state where id = $1::text::uuid", &[&run])
                .await?
                .get(0);
            if !matches!(status.as_str(), "queued" | "in_progress") {
                return self.run(run).await;
            }
            if Instant::now() >= deadline {
                return Err(DemoError::NotClosed { run: run.to_owned(), status, seconds: PATIENCE.as_secs() });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn run(&self, run: &str) -> Result<RunRow, DemoError> {
        let row = self
            .client
            .query_one(
                "select status, total_rows, inserted, updated, unchanged, rejected, skipped, failed, deleted,
                        batches_total, deletes_withheld, unconfirmed,
                        extract(epoch from completed_at - started_at)::float8 as seconds
                   from public.sync_state
                  where id = $1::text::uuid",
                &[&run],
            )
            .await?;
        let seconds: Option<f64> = row.get("seconds");
        Ok(RunRow {
            id: run.to_owned(),
            status: row.get("status"),
            total: row.get("total_rows"),
            inserted: row.get("inserted"),
            updated: row.get("updated"),
            unchanged: row.get("unchanged"),
            rejected: row.get("rejected"),
            skipped: row.get("skipped"),
            failed: row.get("failed"),
            deleted: row.get("deleted"),
            batches: row.get("batches_total"),
            withheld: row.get("deletes_withheld"),
            unconfirmed: row.get("unconfirmed"),
            took: Duration::from_secs_f64(seconds.unwrap_or_default().max(0.0)),
            waited: Duration::ZERO,
        })
    }

    /// The rejections that the run saw, from the top of the sheet to its end.
    pub(super) async fn rejections(&self, run: &str) -> Result<Vec<Rejection>, DemoError> {
        let rows = self
            .client
            .query(
                "select cell, header, raw, code, message
                   from public.sync_errors
                  where run = $1::text::uuid and sync = $2 and error_type = 'validation'
                  order by row_number, id",
                &[&run, &SYNC],
            )
            .await?;
        Ok(rows
            .iter()
            .map(|row| Rejection {
                cell: row.get("cell"),
                header: row.get("header"),
                raw: row.get("raw"),
                code: row.get("code"),
                message: row.get("message"),
            })
            .collect())
    }

    /// Number and checksum of the rows that are not deleted.
    pub(super) async fn checksum(&self, columns: &[Column]) -> Result<Checksum, DemoError> {
        let row = self.client.query_one(&checksum_sql(TABLE, columns, "deleted_at is null"), &[]).await?;
        let rows: i64 = row.get("rows");
        Ok(Checksum { rows: rows.unsigned_abs(), sha256: row.get("sha256") })
    }

    /// Which transaction wrote each row last: `xmin` changes with every write, even one of equal values.
    pub(super) async fn versions(&self) -> Result<Versions, DemoError> {
        let sql = format!(
            "select {KEY_COLUMN}, xmin::text as written_by, deleted_at is not null as is_deleted from public.{TABLE}"
        );
        let rows = self.client.query(&sql, &[]).await?;
        let version = |row: &tokio_postgres::Row| Version {
            written_by: row.get("written_by"),
            is_deleted: row.get("is_deleted"),
        };
        Ok(Versions(rows.iter().map(|row| (row.get(0), version(row))).collect()))
    }
}

impl Versions {
    /// What happened between this moment and a later one, in the order of the keys.
    pub(super) fn differences(&self, later: &Self) -> Vec<(String, Difference)> {
        let mut differences: Vec<_> = later
            .0
            .iter()
            .filter_map(|(key, after)| {
                let difference = match self.0.get(key) {
                    None => Difference::Inserted,
                    Some(before) if before == after => return None,
                    Some(before) => match (before.is_deleted, after.is_deleted) {
                        (false, true) => Difference::SoftDeleted,
                        (true, false) => Difference::Restored,
                        _ => Difference::Updated,
                    },
                };
                Some((key.clone(), difference))
            })
            .collect();
        let gone = self.0.keys().filter(|key| !later.0.contains_key(*key));
        differences.extend(gone.map(|key| (key.clone(), Difference::Gone)));
        differences.sort_by(|(a, _), (b, _)| a.cmp(b));
        differences
    }
}
