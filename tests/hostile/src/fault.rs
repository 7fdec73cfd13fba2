//! What must not be: the invariants by name, and a violation of one.

use std::fmt;

/// A violation of an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub invariant: Invariant,
    /// How.
    pub detail: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.invariant.name(), self.detail)
    }
}

macro_rules! invariants {
    ($($(#[$documentation:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// What must hold.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Invariant {
            $($(#[$documentation])* $name),*
        }

        impl Invariant {
            /// Its name in reports and file names.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text),*
                }
            }
        }
    };
}

invariants! {
    /// A row that a tab held during the whole read stays in the table (promise 11): its key cannot be read at the moment.
    UnreadableLeft = "unreadable_left",
    /// The same: it was never given out, because the grid moved.
    UnseenLeft = "unseen_left",
    /// The same: its key was changed, and the new row is not in the table.
    RenamedLeft = "renamed_left",
    /// A key that was read is not deleted.
    KeyDeleted = "key_deleted",
    /// A row is changed, not replaced by another of the same key.
    RowReplaced = "row_replaced",
    /// Only rows that the sync wrote are deleted (promise 6).
    NotOurs = "not_ours",
    /// A key that another sync has is not deleted.
    OthersKeyDeleted = "others_key_deleted",
    /// A row gets another key only when it is that row renamed, by the column that the definition names.
    RowRekeyed = "row_rekeyed",
    /// Of a row that two syncs have, the one that feeds it writes it.
    OthersRowWritten = "others_row_written",
    /// A deletion is confirmed by as many reads as the definition says.
    Unconfirmed = "unconfirmed",
    /// No more rows are deleted than the guard allows.
    GuardExceeded = "guard_exceeded",
    /// Every row that comes into the table was read in the sheet.
    RowInvented = "row_invented",
    /// Nothing is written that no row said when it was read, although the sheet changed meanwhile.
    MovedRead = "moved_read",
    /// A row that is written is as the sheet says.
    WrongValue = "wrong_value",
    /// A value edited in the database stays while its cell did not change (promise 7).
    EditOverwritten = "edit_overwritten",
    /// A row that the read does not name is left alone.
    RowTouched = "row_touched",
    /// A batch of an older run changes nothing (promise 3).
    OldRunWrote = "old_run_wrote",
    /// A row that people deleted stays deleted.
    DeletedRestored = "deleted_restored",
    /// The rows that were read are the sum of their ends (promise 1).
    CountsDiffer = "counts_differ",
    /// `completed` means equal (promise 12).
    CompletedButDifferent = "completed_but_different",
    /// What is not in the table has an open entry.
    NotNamed = "not_named",
    /// A row that Postgres takes is in the table (promise 4).
    GoodRowWaits = "good_row_waits",
    /// Rows that can all be in the table at once get there.
    NeverConverges = "never_converges",
    /// A sheet at rest costs no write and no message (promise 10).
    NotQuiet = "not_quiet",
    /// No row's error opens the breaker (promise 4).
    BreakerOpened = "breaker_opened",
    /// Every message leaves the queue in the end.
    QueueStuck = "queue_stuck",
    /// No batch fails because of its rows.
    BatchGivenUp = "batch_given_up",
    /// A run of a readable sheet ends by itself.
    RunFailed = "run_failed",
}
