//! The clauses that make the protocol safe, each of which a model can take out to show what it is for.

/// The clauses of the run protocol: all of the database's functions but the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LedgerClauses {
    /// `sync_apply` refuses a batch of a run that is not the current one.
    pub superseding_check: bool,
    /// `sync_apply` holds `sync_targets` while it works, so that no newer run begins meanwhile.
    pub target_lock: bool,
    /// `sync_apply` does not repeat what the ledger has.
    pub ledger_check: bool,
    /// `sync_apply` holds an advisory lock on its batch.
    pub advisory_lock: bool,
    /// `sync_apply` looks into the ledger once more when it holds the run's row.
    pub recheck: bool,
    /// Rows and what is remembered of them (the digests) are written in one transaction.
    pub hashes_in_same_transaction: bool,
    /// Deletes wait until the run is planned and its upserts are done.
    pub waiting_deletes: bool,
    /// Deletes are withheld when an upsert failed.
    pub failed_upserts_withhold: bool,
    /// Not more rows are deleted than the guard allows.
    pub delete_guard: bool,
    /// A key is deleted only when several complete reads in a row missed it.
    pub confirmed_deletes: bool,
    /// The scheduler reads which messages SQS did not take, and sends them again.
    pub failed_entries_check: bool,
    /// The breaker opens when calls fail; without it every call is admitted. Of the simulation only.
    pub breaker_opens: bool,
}

impl Default for LedgerClauses {
    fn default() -> Self {
        Self {
            superseding_check: true,
            target_lock: true,
            ledger_check: true,
            advisory_lock: true,
            recheck: true,
            hashes_in_same_transaction: true,
            waiting_deletes: true,
            failed_upserts_withhold: true,
            delete_guard: true,
            confirmed_deletes: true,
            failed_entries_check: true,
            breaker_opens: true,
        }
    }
}
