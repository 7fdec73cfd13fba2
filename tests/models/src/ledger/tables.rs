//! The tables of the protocol, what its functions are asked, and what they answer.

use std::collections::{BTreeMap, BTreeSet};

use super::batch::{EntryKey, Row, RunId};
use crate::clauses::LedgerClauses;

/// Seconds on the database's clock.
pub type Seconds = i64;

/// What happens to rows that vanished from the sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeletePolicy {
    /// They stay.
    Ignore,
    /// They are marked.
    Soft,
    /// They go.
    Hard,
}

/// Whose value wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Authority {
    /// Who changed it last; on a conflict the sheet, or the database.
    Merge {
        /// Whether the sheet wins a conflict.
        sheet_wins: bool,
    },
    /// The sheet.
    Sheet,
    /// The database.
    Database,
}

/// What a run needs to know of its sync's definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Definition {
    /// What happens to rows that vanished.
    pub deletes: DeletePolicy,
    /// So many may always be deleted in a day.
    pub guard_rows: i64,
    /// So many of a hundred may be.
    pub guard_percent: i64,
    /// A key is deleted when so many complete reads in a row missed it.
    pub confirm_deletes: i64,
    /// Whose value wins.
    pub authority: Authority,
}

/// What `sync_begin` is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Begin {
    /// The run to open.
    pub run: RunId,
    /// The invocation that opens it.
    pub nonce: u32,
    /// The sync's definition.
    pub definition: Definition,
    /// What asked for it.
    pub run_type: RunType,
    /// How often a scheduled run is due.
    pub every: Option<Seconds>,
    /// After so long without progress a run is superseded.
    pub stall: Seconds,
}

/// What asked for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunType {
    /// The clock.
    Scheduled,
    /// A person.
    Manual,
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nothing has happened yet.
    Queued,
    /// It is in progress.
    InProgress,
    /// Every row is as the sheet says.
    Completed,
    /// Something was rejected, failed or withheld.
    Partial,
    /// Nothing could be used.
    Failed,
    /// A newer run took over.
    Superseded,
}

/// Counts of what was done to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Counts {
    /// New in the table.
    pub inserted: i64,
    /// Changed in the table.
    pub updated: i64,
    /// Equal, or left alone.
    pub unchanged: i64,
    /// Left out for a stated reason.
    pub skipped: i64,
    /// Deleted or marked as deleted.
    pub deleted: i64,
    /// Values that both sides had changed.
    pub conflicts: i64,
    /// Refused by Postgres.
    pub rejected: i64,
    /// In the table before this sync knew them.
    pub adopted: i64,
    /// Vanished keys whose deletion waits for another complete read.
    pub unconfirmed: i64,
}

/// A row of `sync_state`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Run {
    /// Its place in the order of the sync's runs.
    pub seq: i64,
    /// The invocation that opened it.
    pub nonce: u32,
    /// What asked for it.
    pub run_type: RunType,
    /// What became of it.
    pub status: Status,
    /// Failed at once: its batches are superseded.
    pub stopped: bool,
    /// When it began.
    pub started: Seconds,
    /// When it last made progress.
    pub heartbeat: Seconds,
    /// Whether its plan is recorded.
    pub planned: bool,
    /// Rows read.
    pub total: i64,
    /// Rows by what was done to them; `rejected` has the mapping's rejections too.
    pub counts: Counts,
    /// Rows of batches that failed permanently.
    pub failed: i64,
    /// Rows on the queue, and those of them that the ledger accounts for.
    pub rows_sent: i64,
    /// See `rows_sent`.
    pub rows_done: i64,
    /// Vanished keys on the queue, and those of them that the ledger accounts for.
    pub keys_vanished: i64,
    /// See `keys_vanished`.
    pub keys_done: i64,
    /// Vanished keys that were not deleted because their batch failed.
    pub keys_refused: i64,
    /// Whether deletes were withheld.
    pub withheld: bool,
    /// Whether the whole tab was read at rest, with every key.
    pub read_complete: bool,
    /// Refused rows under keys that the books did not have when it closed.
    pub strays: i64,
    /// Batches sent.
    pub batches_total: i64,
    /// Entries of the ledger that are done.
    pub batches_done: i64,
    /// Rows of the sync when the run began.
    pub present_rows: i64,
    /// Whether it closed with counts that do not add up.
    pub adds_up: bool,
}

/// What an entry of the ledger says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryOutcome {
    /// Attempts were counted, nothing was applied.
    Pending,
    /// Applied.
    Applied,
    /// A delete that was withheld.
    Withheld,
    /// Failed, until it is redriven.
    Failed,
}

/// A row of `sync_batches`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    /// What became of the batch.
    pub outcome: EntryOutcome,
    /// The rows that this entry accounts for.
    pub rows: i64,
    /// What was done to them.
    pub counts: Counts,
    /// Real attempts that failed.
    pub attempts: i64,
    /// When it was accounted for.
    pub finished: Option<Seconds>,
}

/// Whether a remembered row is in the sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// It is.
    Present,
    /// This sync marked it as deleted.
    Deleted,
    /// It is gone from the sheet; the table was left as it was.
    Absent,
}

/// A row of `sync_rows`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Remembered {
    /// The key hash.
    pub hash: i64,
    /// The content hash; `None`: must be sent again.
    pub content: Option<i64>,
    /// What the sheet said when it was last applied.
    pub said: i32,
    /// What the table held then, where that is not `said`: an edit that won a conflict is still one.
    pub stored: Option<i32>,
    /// Whether it is in the sheet.
    pub presence: Presence,
    /// The complete reads that missed it last.
    pub missing: Option<Missing>,
    /// The number of the run that last changed this entry.
    pub last_seq: i64,
}

/// Complete reads in a row that missed a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Missing {
    /// How many.
    pub count: i64,
    /// The number of the last run.
    pub seq: i64,
    /// When the first was counted.
    pub since: Seconds,
}

/// A row of the synced table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TableRow {
    /// The value.
    pub value: i32,
    /// Whether it is marked as deleted.
    pub deleted: bool,
}

/// The tables of one sync.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ledger {
    /// The clauses that hold; all, but where a test shows what one is for.
    pub clauses: LedgerClauses,
    /// The database's clock.
    pub now: Seconds,
    /// `sync_targets`: the definition, the current run and its number. `None` before the first run.
    pub target: Option<Target>,
    /// `sync_state`.
    pub runs: BTreeMap<RunId, Run>,
    /// `sync_batches`.
    pub entries: BTreeMap<EntryKey, Entry>,
    /// `sync_rows`, by the key's number.
    pub remembered: BTreeMap<u16, Remembered>,
    /// `sync_retries`, by run and the key's number.
    pub retries: BTreeMap<(RunId, u16), Retry>,
    /// The keys in `sync_refusals`: rows that were refused for what they are by themselves.
    pub refused: BTreeSet<u16>,
    /// The synced table, by the key's number.
    pub table: BTreeMap<u16, TableRow>,
    /// Whether the row is there that a `CHILD` needs.
    pub has_parent: bool,
}

/// A row of `sync_targets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    /// The definition of the current run.
    pub definition: Definition,
    /// The current run.
    pub run: RunId,
    /// Its number.
    pub seq: i64,
}

/// What `sync_begin` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Begun {
    /// The run is open.
    Begun {
        /// Its number.
        seq: i64,
        /// The run that it took over from.
        superseded: Option<RunId>,
        /// Rows of the sync.
        present_rows: i64,
    },
    /// Another run still makes progress.
    Busy {
        /// That run.
        run: RunId,
    },
    /// It exists already.
    Duplicate {
        /// What became of it.
        status: Status,
    },
    /// A scheduled run began a moment ago.
    NotDue,
}

/// The argument of `sync_planned`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PlanRecord {
    /// Rows read.
    pub read: i64,
    /// Rejected by the mapping.
    pub rejected: i64,
    /// Left out.
    pub skipped: i64,
    /// Not sent, because the database has them.
    pub unchanged: i64,
    /// Rows sent.
    pub sent: i64,
    /// Keys sent for deletion.
    pub vanished: i64,
    /// Messages with rows.
    pub upsert_batches: i64,
    /// Messages with keys.
    pub delete_batches: i64,
    /// Whether vanished keys were found and not sent.
    pub withheld: bool,
    /// Whether the whole tab was read at rest, with every key.
    pub read_complete: bool,
}

/// What `sync_apply` says of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Done now.
    Applied,
    /// Done before.
    Duplicate,
    /// Of a run that is no longer current.
    Superseded,
    /// A delete that must wait for the upserts.
    Waiting,
    /// A delete that the guard, a failed upsert or an incomplete read forbids.
    Withheld,
    /// Too many values do not convert: the schema or the mapping is wrong.
    Failed,
    /// The run is unknown.
    Malformed,
}

/// What `sync_apply` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Answer {
    /// What became of the batch.
    pub outcome: Outcome,
    /// What was done to its rows.
    pub counts: Counts,
    /// What its run is now.
    pub status: Option<Status>,
}

/// What `sync_fail` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Failed {
    /// Attempts so far.
    pub attempts: i64,
    /// Whether that was the last.
    pub is_final: bool,
    /// What the run is now.
    pub status: Option<Status>,
}

/// A row of `sync_retries`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Retry {
    /// The row as its message carried it.
    pub row: Row,
    /// Whether it was refused because of other rows.
    pub depends: bool,
    /// Tried again since the table last changed by a deletion.
    pub settled: bool,
}

impl Counts {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            inserted: self.inserted + other.inserted,
            updated: self.updated + other.updated,
            unchanged: self.unchanged + other.unchanged,
            skipped: self.skipped + other.skipped,
            deleted: self.deleted + other.deleted,
            conflicts: self.conflicts + other.conflicts,
            rejected: self.rejected + other.rejected,
            adopted: self.adopted + other.adopted,
            unconfirmed: self.unconfirmed + other.unconfirmed,
        }
    }
}

impl Status {
    /// Whether the run may still change by itself.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::InProgress)
    }
}

impl EntryOutcome {
    pub(super) fn is_done(self) -> bool {
        matches!(self, Self::Applied | Self::Withheld)
    }
}

impl Ledger {
    /// A database in which nothing has been synced yet.
    #[must_use]
    pub fn new(clauses: LedgerClauses) -> Self {
        Self {
            clauses,
            now: 0,
            target: None,
            runs: BTreeMap::new(),
            entries: BTreeMap::new(),
            remembered: BTreeMap::new(),
            retries: BTreeMap::new(),
            refused: BTreeSet::new(),
            table: BTreeMap::new(),
            has_parent: true,
        }
    }

    /// What `sync_row_hashes` answers of everything: key hash and content hash of the rows that are present, in key-hash
    /// order. A digest is a hash of these, so two tables with equal digests have these equal.
    #[must_use]
    pub fn row_hashes(&self) -> Vec<(i64, i64)> {
        let mut hashes: Vec<(i64, i64)> = self
            .remembered
            .values()
            .filter(|row| row.presence == Presence::Present)
            .map(|row| (row.hash, row.content.unwrap_or(0)))
            .collect();
        hashes.sort_unstable();
        hashes
    }
}
