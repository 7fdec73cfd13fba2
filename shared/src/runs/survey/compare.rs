//! What the database has of a snapshot's rows.

use jiff::Timestamp;
use uuid::Uuid;

use crate::clients::supabase::classify;
use crate::clients::supabase::{Supabase, SupabaseError};
use crate::definition::Sync;
use crate::diff::hash::{self, RangeIndex};
use crate::diff::plan::{self, Drift, Plan, RangeDigests, StoredRow};
use crate::diff::snapshot::{Entry, Snapshot};
use crate::protocol::batch::{Envelope, Outgoing};
use crate::protocol::run::RunType;

/// What the database knows of a sync's rows: Supabase, or what a simulation plays.
#[expect(async_fn_in_trait, reason = "a caller that needs Send futures names the type, and then they are")]
pub trait Stored {
    /// The digests of a sync's ranges.
    async fn range_digests(&self, sync: &str, bits: u32) -> Result<RangeDigests, SupabaseError>;
    /// The rows of the given ranges.
    async fn row_hashes(&self, sync: &str, bits: u32, ranges: &[RangeIndex]) -> Result<Vec<StoredRow>, SupabaseError>;
    /// What the table no longer holds as it was written. `values`: whether values are compared too; `None`: when they are due.
    async fn drift(&self, sync: &str, values: Option<bool>) -> Result<Drift, SupabaseError>;
}

impl Stored for Supabase {
    async fn range_digests(&self, sync: &str, bits: u32) -> Result<RangeDigests, SupabaseError> {
        Supabase::range_digests(self, sync, bits).await
    }

    async fn row_hashes(&self, sync: &str, bits: u32, ranges: &[RangeIndex]) -> Result<Vec<StoredRow>, SupabaseError> {
        Supabase::row_hashes(self, sync, bits, ranges).await
    }

    async fn drift(&self, sync: &str, values: Option<bool>) -> Result<Drift, SupabaseError> {
        Supabase::drift(self, sync, values).await
    }
}

/// Gives entries of a snapshot to `ask` in messages as a run would send them, one at a time, in smaller ones where the
/// database takes too long.
///
/// # Errors
/// When `ask` fails for another reason, or takes too long for a single row.
pub async fn in_batches(
    definition: &Sync,
    snapshot: &Snapshot,
    entries: &[Entry],
    mut ask: impl AsyncFnMut(&Outgoing) -> Result<(), SupabaseError>,
) -> Result<(), SupabaseError> {
    let envelope = envelope(definition);
    let mut rest = entries;
    let mut rows = definition.batch_rows;
    while !rest.is_empty() {
        let some = Plan { send: rest[..rest.len().min(rows)].to_vec(), ..Plan::default() };
        let Some(batch) = envelope.upserts(snapshot, &some, rows).next() else { break };
        match ask(&batch).await {
            Err(error) if error.fault() == classify::Fault::StatementTimeout && batch.rows > 1 => rows = batch.rows / 2,
            outcome => {
                outcome?;
                rest = &rest[batch.rows..];
            }
        }
    }
    Ok(())
}

/// The envelope of messages that no run sends.
pub(crate) fn envelope(definition: &Sync) -> Envelope {
    Envelope {
        sync: definition.name.clone(),
        run: Uuid::nil(),
        seq: 0,
        mapping: definition.mapping_version(),
        columns: definition.columns.iter().map(|column| column.column.clone()).collect(),
        letters: Vec::new(),
        sent_at: Timestamp::UNIX_EPOCH,
    }
}

/// Finds what differs from the database, in as few bytes as the kind of run allows. `present_rows` is how many rows the
/// sync has there.
///
/// # Errors
/// When Supabase does not answer.
pub async fn compare(
    supabase: &impl Stored,
    sync: &str,
    run_type: RunType,
    present_rows: u64,
    snapshot: &Snapshot,
) -> Result<Plan, SupabaseError> {
    match run_type {
        RunType::Selective => Ok(plan::chosen(snapshot)),
        RunType::Full => {
            let drift = supabase.drift(sync, Some(true)).await?;
            let plan = plan::everything(snapshot, &supabase.row_hashes(sync, 0, &[0]).await?);
            Ok(plan.with_drift(snapshot, &drift))
        }
        RunType::Scheduled | RunType::Manual => {
            let bits = hash::range_bits(present_rows.max(snapshot.entries().len() as u64));
            let (digests, drift) = tokio::try_join!(supabase.range_digests(sync, bits), supabase.drift(sync, None))?;
            let ranges = plan::differing_ranges(snapshot, bits, &digests);
            let stored = match ranges.as_slice() {
                [] => Vec::new(),
                ranges => supabase.row_hashes(sync, bits, ranges).await?,
            };
            Ok(plan::compare(snapshot, bits, &ranges, &stored).with_drift(snapshot, &drift))
        }
    }
}
