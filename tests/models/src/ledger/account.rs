//! `sync_account`, `sync_close` and the failures of batches.

use super::{Batch, Counts, Entry, EntryKey, EntryOutcome, Failed, Kind, Ledger, RunId, Status};

/// So many real attempts a batch has.
const ATTEMPTS: i64 = 5;

impl Ledger {
    /// Counts a failed attempt at a batch; the fifth, or a final one, is for good.
    pub fn fail(&mut self, batch: &Batch, is_final: bool) -> Failed {
        self.fail_stretch(batch.entry(), batch.len() as i64, is_final)
    }

    /// The same of a batch of which only its stretch and its number of rows are known.
    pub fn fail_stretch(&mut self, key: EntryKey, rows: i64, is_final: bool) -> Failed {
        let Some(state) = self.runs.get(&key.run) else {
            return Failed { attempts: 0, is_final, status: None };
        };
        let (covered, _) = self.covered(key);
        let is_covered = covered.iter().any(|(lo, hi)| *lo <= key.lo && key.hi <= *hi);
        if state.stopped || state.status == Status::Superseded || is_covered {
            return Failed { attempts: 0, is_final, status: Some(state.status) };
        }
        let applied: i64 = self
            .entries
            .range(of_run_and_kind(key))
            .filter(|(other, entry)| other.lo < key.hi && other.hi > key.lo && entry.outcome.is_done())
            .map(|(_, entry)| entry.rows)
            .sum();
        let entry = self.entries.entry(key).or_insert(Entry {
            outcome: EntryOutcome::Pending,
            rows: 0,
            counts: Counts::default(),
            attempts: 0,
            finished: None,
        });
        entry.attempts += 1;
        let attempts = entry.attempts;
        let is_final = is_final || attempts >= ATTEMPTS;
        let status = if is_final {
            self.account(key, EntryOutcome::Failed, (rows - applied).max(0), Counts::default())
        } else {
            self.runs.get_mut(&key.run).map(|state| {
                if state.status == Status::Queued {
                    state.status = Status::InProgress;
                }
                state.status
            })
        };
        Failed { attempts, is_final, status }
    }

    /// Enters an outcome into the ledger and moves the run's counts by it. Failed or pending entries of the same stretch, of
    /// its halves or of its whole hand over their rows.
    pub(super) fn account(
        &mut self,
        key: EntryKey,
        outcome: EntryOutcome,
        rows: i64,
        counts: Counts,
    ) -> Option<Status> {
        let (mut freed, mut closed) = (0, 0);
        let mut attempts = 0;
        let range = of_run_and_kind(key);
        let within: Vec<EntryKey> = self
            .entries
            .range(range.clone())
            .filter(|(other, entry)| {
                other.lo >= key.lo && other.hi <= key.hi && (**other == key || !entry.outcome.is_done())
            })
            .map(|(other, _)| *other)
            .collect();
        for other in within {
            let Some(entry) = self.entries.remove(&other) else { continue };
            if other == key {
                attempts = entry.attempts;
            }
            if entry.outcome == EntryOutcome::Failed {
                freed += entry.rows;
                closed += 1;
            }
        }

        let whole = self
            .entries
            .range_mut(range)
            .filter(|(other, entry)| {
                other.lo <= key.lo && other.hi >= key.hi && **other != key && entry.outcome == EntryOutcome::Failed
            })
            .max_by_key(|(other, _)| (other.lo, std::cmp::Reverse(other.hi)))
            .map(|(other, entry)| (*other, entry));
        if let Some((other, entry)) = whole {
            if entry.rows <= rows - freed {
                freed += entry.rows;
                closed += 1;
                self.entries.remove(&other);
            } else {
                entry.rows -= rows - freed;
                freed = rows;
            }
        }

        self.entries.insert(key, Entry { outcome, rows, counts, attempts, finished: Some(self.now) });
        let now = self.now;
        let state = self.runs.get_mut(&key.run)?;
        let failed = if outcome == EntryOutcome::Failed { rows } else { 0 };
        match key.kind {
            Kind::Upsert => {
                state.counts = state.counts.plus(counts);
                state.failed += failed - freed;
                state.rows_done += rows - freed;
            }
            Kind::Delete => {
                state.counts.deleted += counts.deleted;
                state.counts.unconfirmed += counts.unconfirmed;
                state.keys_refused += counts.rejected + failed - freed;
                state.keys_done += rows - freed;
                state.withheld |= outcome == EntryOutcome::Withheld;
            }
        }
        state.batches_done += 1 - closed;
        state.heartbeat = now;
        if state.status == Status::Queued {
            state.status = Status::InProgress;
        }
        self.close(key.run)
    }

    /// Closes the run when the ledger accounts for everything that was sent.
    pub(super) fn close(&mut self, run: RunId) -> Option<Status> {
        let state = self.runs.get(&run)?;
        if state.status == Status::Superseded || state.stopped || !state.planned || state.rows_done < state.rows_sent {
            return Some(state.status);
        }
        self.settle(run);
        let state = self.runs.get(&run)?;
        if state.keys_done < state.keys_vanished {
            return Some(state.status);
        }
        let strays = self.strays(run).max(state.strays);
        // A batch of deletions that failed may be redriven, and must know then which rows were refused.
        let failed_deletes = self
            .entries
            .iter()
            .any(|(key, entry)| key.run == run && key.kind == Kind::Delete && entry.outcome == EntryOutcome::Failed);
        self.retries.retain(|(of, _), _| *of != run || failed_deletes);
        let state = self.runs.get_mut(&run)?;
        state.strays = strays;
        let (mut rows, mut keys, mut failed, mut inserted, mut updated) = (0, 0, 0, 0, 0);
        let mut any_applied = false;
        for (key, entry) in &self.entries {
            if key.run != run || entry.outcome == EntryOutcome::Pending {
                continue;
            }
            match key.kind {
                Kind::Upsert => rows += entry.rows,
                Kind::Delete => keys += entry.rows,
            }
            if key.kind == Kind::Upsert && entry.outcome == EntryOutcome::Failed {
                failed += entry.rows;
            }
            inserted += entry.counts.inserted;
            updated += entry.counts.updated;
            any_applied |= entry.outcome == EntryOutcome::Applied;
        }
        let counts = state.counts;
        let success = counts.inserted + counts.updated + counts.unchanged;
        let adds_up = state.total == success + counts.rejected + counts.skipped + state.failed
            && rows == state.rows_sent
            && keys == state.keys_vanished
            && failed == state.failed
            && inserted == counts.inserted
            && updated == counts.updated;
        let status = if state.failed > 0 && success == 0 && !any_applied {
            Status::Failed
        } else if adds_up
            && counts.rejected == 0
            && state.failed == 0
            && state.keys_refused == 0
            && !state.withheld
            && counts.unconfirmed == 0
        {
            Status::Completed
        } else {
            Status::Partial
        };
        let state = self.runs.get_mut(&run)?;
        state.status = status;
        state.adds_up = adds_up;
        Some(status)
    }
}

fn of_run_and_kind(key: EntryKey) -> std::ops::RangeInclusive<EntryKey> {
    EntryKey { lo: i64::MIN, hi: i64::MIN, ..key }..=EntryKey { lo: i64::MAX, hi: i64::MAX, ..key }
}
