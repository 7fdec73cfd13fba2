//! The calls of a run (docs/PROTOCOL.md, "Functions"), from `sync_begin` to its end, but for what the worker asks
//! ([`super::destination`]). Each may be repeated.

use std::time::Duration;

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::clients::supabase::classify::Fault;
use crate::clients::supabase::client::Supabase;
use crate::clients::supabase::error::SupabaseError;
use crate::definition::Sync;
use crate::diff::hash::{ContentHash, KeyHash, RangeIndex};
use crate::diff::plan::{Check, Drift, RangeDigests, StoredRow};
use crate::mapping::Rejection;
use crate::protocol::batch::Incoming;
use crate::protocol::run::{
    Approval, Begin, Begun, Failed, Failure, LostBatch, PlanRecord, Pruned, RunStatus, RunType,
};

/// A call that took so long is not repeated where the caller has others to make.
const HUNG: Duration = Duration::from_secs(10);

/// The most rejections of one call of `sync_reject`.
pub const MAX_REJECTIONS: usize = 1000;

/// Where a run stands.
#[derive(Deserialize)]
struct RunStanding {
    status: RunStatus,
}

impl Supabase {
    /// Opens a run. A call that hung is not made again: nothing is lost yet, and the next tick asks anyway.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn begin(&self, begin: &Begin<'_>) -> Result<Begun, SupabaseError> {
        let arguments = json!({
            "p_sync": begin.sync,
            "p_run": begin.run,
            "p_definition": begin.definition.map(Sync::registration),
            "p_type": begin.run_type,
            "p_triggered_by": begin.triggered_by,
            "p_keys": begin.keys,
            "p_every_seconds": begin.definition
                .filter(|_| begin.run_type == RunType::Scheduled)
                .and_then(|definition| definition.every)
                .map(|every| every.as_secs()),
            "p_stall_seconds": begin.stall_after.as_secs(),
            "p_nonce": begin.nonce,
        });
        self.repeat("sync_begin", arguments.to_string(), Fault::passes, HUNG).await
    }

    /// The digests of a sync's ranges.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn range_digests(&self, sync: &str, bits: u32) -> Result<RangeDigests, SupabaseError> {
        self.call_with_retries("sync_range_digests", &json!({"p_sync": sync, "p_bits": bits})).await
    }

    /// The rows of the given ranges.
    ///
    /// # Errors
    /// When the call fails, or its answer is not made of pairs.
    pub async fn row_hashes(
        &self,
        sync: &str,
        bits: u32,
        ranges: &[RangeIndex],
    ) -> Result<Vec<StoredRow>, SupabaseError> {
        const FUNCTION: &str = "sync_row_hashes";
        let arguments = json!({"p_sync": sync, "p_bits": bits, "p_ranges": ranges});
        let text: Option<String> = self.call_with_retries(FUNCTION, &arguments).await?;
        Ok(unpack::<16>(FUNCTION, &text.unwrap_or_default())?
            .iter()
            .map(|pair| {
                let both = u128::from_be_bytes(*pair);
                (KeyHash::from_stored((both >> 64) as i64), ContentHash::from_stored(both as i64))
            })
            .collect())
    }

    /// What the table no longer holds as it was written; `values`: whether values are compared too, `None`: when they are due.
    ///
    /// # Errors
    /// When the call fails, or its answer is not made of key hashes.
    pub async fn drift(&self, sync: &str, values: Option<bool>) -> Result<Drift, SupabaseError> {
        const FUNCTION: &str = "sync_drift";
        #[derive(Deserialize)]
        struct Answer {
            missing: String,
            differing: String,
            #[serde(flatten)]
            check: Check,
        }
        let answer: Answer = self.call_with_retries(FUNCTION, &json!({"p_sync": sync, "p_values": values})).await?;
        let keys = |packed: &str| -> Result<Vec<KeyHash>, SupabaseError> {
            let hashes = unpack::<8>(FUNCTION, packed)?;
            Ok(hashes.iter().map(|hash| KeyHash::from_stored(i64::from_be_bytes(*hash))).collect())
        };
        Ok(Drift { missing: keys(&answer.missing)?, differing: keys(&answer.differing)?, check: answer.check })
    }

    /// Keeps with a run what the comparison of sheet and table in full found.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn verified(&self, run: Uuid, verification: &impl Serialize) -> Result<(), SupabaseError> {
        let arguments = json!({"p_run": run, "p_verification": verification});
        self.call_with_retries::<serde_json::Value>("sync_verified", &arguments).await.map(drop)
    }

    /// Records rejections of a run, [`MAX_REJECTIONS`] a call.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn reject(&self, run: Uuid, rejections: &[Rejection]) -> Result<(), SupabaseError> {
        for some in rejections.chunks(MAX_REJECTIONS) {
            let _: serde_json::Value =
                self.call_with_retries("sync_reject", &json!({"p_run": run, "p_rejections": some})).await?;
        }
        Ok(())
    }

    /// Shows that a run's sheet is still being read; the run's status says whether it should be.
    ///
    /// # Errors
    /// When the call fails, or there is no such run.
    pub async fn heartbeat(&self, run: Uuid) -> Result<RunStatus, SupabaseError> {
        Ok(self.call_with_retries::<RunStanding>("sync_heartbeat", &json!({"p_run": run})).await?.status)
    }

    /// Records batches in the dead-letter queue as failed in their open runs, [`MAX_REJECTIONS`] a call. Returns how many were
    /// not recorded before.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn dead_letters(&self, letters: &[LostBatch]) -> Result<u64, SupabaseError> {
        #[derive(Deserialize)]
        struct Answer {
            told: u64,
        }
        let mut recorded = 0;
        for some in letters.chunks(MAX_REJECTIONS) {
            recorded += self.call_with_retries::<Answer>("sync_dead_letters", &json!({"p_letters": some})).await?.told;
        }
        Ok(recorded)
    }

    /// Forgets a sync's runs that are older than so many days.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn prune(&self, sync: &str, days: u32) -> Result<Pruned, SupabaseError> {
        self.call_with_retries("sync_prune", &json!({"p_sync": sync, "p_days": days})).await
    }

    /// Records what a run has read and sent.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn planned(&self, run: Uuid, plan: &PlanRecord) -> Result<RunStatus, SupabaseError> {
        Ok(self.call_with_retries::<RunStanding>("sync_planned", &json!({"p_run": run, "p_plan": plan})).await?.status)
    }

    /// Counts a failed attempt at a batch, or ends it or a whole run as failed.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn fail(&self, run: Uuid, batch: Option<&Incoming>, failure: &Failure) -> Result<Failed, SupabaseError> {
        self.call_with_retries("sync_fail", &Self::failure(run, batch, failure)).await
    }

    pub(super) fn failure(run: Uuid, batch: Option<&Incoming>, failure: &Failure) -> serde_json::Value {
        let batch = batch.map(
            |batch| json!({"kind": batch.kind, "lo": batch.stretch.lo, "hi": batch.stretch.hi, "rows": batch.rows}),
        );
        json!({"p_run": run, "p_batch": batch, "p_error": failure})
    }

    /// Approves the deletion that a run withheld, in the name of `who`; the sync's next run does it.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn approve_deletes(&self, run: Uuid, who: &str, why: &str) -> Result<Approval, SupabaseError> {
        self.call_with_retries("sync_approve_deletes", &json!({"p_run": run, "p_who": who, "p_why": why})).await
    }
}

/// The items of `SIZE` bytes that Base64 text holds.
fn unpack<const SIZE: usize>(function: &str, packed: &str) -> Result<Vec<[u8; SIZE]>, SupabaseError> {
    let unexpected = |reason| SupabaseError::Unexpected { function: function.to_owned(), reason };
    let packed: String = packed.split_ascii_whitespace().collect();
    let bytes =
        base64::engine::general_purpose::STANDARD.decode(packed).map_err(|error| unexpected(error.to_string()))?;
    match bytes.as_chunks::<SIZE>() {
        (items, []) => Ok(items.to_vec()),
        _ => Err(unexpected(format!("{} bytes are not a whole number of {SIZE}-byte items", bytes.len()))),
    }
}
