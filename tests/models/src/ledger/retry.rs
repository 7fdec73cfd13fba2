//! `sync_settle`: rows that were refused because of other rows are tried again before their run closes.

use super::merge::Merged;
use super::{EntryKey, EntryOutcome, Kind, Ledger, Row, RunId};

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

impl Ledger {
    pub(super) fn remember_refused(&mut self, run: RunId, rows: Vec<Retry>) {
        self.retries.extend(rows.into_iter().map(|retry| ((run, retry.row.key.number), retry)));
    }

    /// The refused rows of a run under keys that the books do not have: any of them may be a row that seems to be gone.
    pub(super) fn strays(&self, run: RunId) -> i64 {
        let is_stray = |&&(of, number): &&(RunId, u16)| of == run && !self.remembered.contains_key(&number);
        self.retries.keys().filter(is_stray).count() as i64
    }

    /// What deleted rows held is free now.
    pub(super) fn try_all_again(&mut self, run: RunId) {
        let of_run = self.retries.iter_mut().filter(|((of, _), retry)| *of == run && retry.depends);
        of_run.for_each(|(_, retry)| retry.settled = false);
    }

    /// Tries the refused rows of a run again; those that are written now move from `rejected` to what was done with them.
    pub(super) fn settle(&mut self, run: RunId) {
        let waiting: Vec<Row> = self
            .retries
            .iter()
            .filter(|((of, _), retry)| *of == run && !retry.settled)
            .map(|(_, retry)| retry.row)
            .collect();
        if waiting.is_empty() {
            return;
        }
        self.retries.iter_mut().filter(|((of, _), _)| *of == run).for_each(|(_, retry)| retry.settled = true);
        let Some(target) = self.target.filter(|target| target.run == run) else { return };
        for row in waiting {
            let mut merged = Merged::default();
            if self.merge_row(&target, &row, &mut merged).is_err() {
                continue;
            }
            merged.counts.rejected = -1;
            self.write(merged.table);
            self.remember(merged.remembered);
            self.retries.remove(&(run, row.key.number));
            self.refused.remove(&row.key.number);
            // Of a half and its whole, the half: it was applied before.
            let holds = |key: &EntryKey| {
                (key.run, key.kind) == (run, Kind::Upsert) && key.lo <= row.key.hash && row.key.hash < key.hi
            };
            let entry = self
                .entries
                .iter_mut()
                .filter(|(key, entry)| holds(key) && entry.outcome == EntryOutcome::Applied)
                .max_by_key(|(key, _)| (key.lo, std::cmp::Reverse(key.hi)));
            if let Some((_, entry)) = entry
                && let Some(state) = self.runs.get_mut(&run)
            {
                entry.counts = entry.counts.plus(merged.counts);
                state.counts = state.counts.plus(merged.counts);
            }
        }
    }
}
