//! `sync_apply` and the guard of deletes (`sync_deletes_withheld`), in the two steps between which another transaction can come: what is
//! read and decided, and what is written with the run's row locked.

use super::merge::Merged;
use super::{
    Answer, Batch, Counts, DeletePolicy, EntryKey, EntryOutcome, Kind, Ledger, Outcome, Payload, Remembered, Run,
    Status, Target,
};

/// What a call of `sync_apply` knows when it begins to write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Prepared {
    /// The stretches that the ledger had.
    covered: Vec<(i64, i64)>,
    /// The rows that this call accounts for.
    rows: i64,
    step: Step,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Step {
    Upsert(Vec<super::Row>),
    Delete(Vec<i64>),
    Withhold,
}

/// A part of the batch was applied at the same time: the transaction is taken back, and the call to be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SerializationFailure;

/// What is remembered of rows, written later than the rows themselves: only where the clause
/// `hashes_in_same_transaction` is taken out.
pub type LateHashes = Vec<(u16, Option<Remembered>)>;

impl Ledger {
    /// Applies a batch as one call, without concurrency.
    pub fn apply(&mut self, batch: &Batch) -> Answer {
        match self.prepare(batch) {
            Err(answer) => answer,
            Ok(prepared) => {
                let (answer, late) = self.commit(batch, &prepared).expect("no other call runs");
                self.remember(late);
                answer
            }
        }
    }

    /// The first step: decides whether there is anything to do.
    ///
    /// # Errors
    /// With the answer, when there is not.
    pub fn prepare(&self, batch: &Batch) -> Result<Prepared, Answer> {
        let answer = |outcome, status| Answer { outcome, counts: Counts::default(), status };
        let Some(target) = self.target else { return Err(answer(Outcome::Malformed, None)) };
        let Some(state) = self.runs.get(&batch.run) else { return Err(answer(Outcome::Malformed, None)) };
        if self.clauses.superseding_check
            && (target.run != batch.run || state.stopped || state.status == Status::Superseded)
        {
            return Err(answer(Outcome::Superseded, Some(state.status)));
        }

        let (covered, before) =
            if self.clauses.ledger_check { self.covered(batch.entry()) } else { Default::default() };
        let is_new = |hash: i64| !covered.iter().any(|(lo, hi)| (*lo..*hi).contains(&hash));
        let is_covered = covered.iter().any(|(lo, hi)| *lo <= batch.lo && batch.hi <= *hi);
        let (rows, step) = match &batch.payload {
            Payload::Upsert(rows) => {
                let rows: Vec<_> = rows.iter().filter(|row| is_new(row.key.hash)).copied().collect();
                (rows.len() as i64, Step::Upsert(rows))
            }
            Payload::Delete(hashes) => {
                let hashes: Vec<i64> = hashes.iter().filter(|hash| is_new(**hash)).copied().collect();
                (hashes.len() as i64, Step::Delete(hashes))
            }
        };
        if !covered.is_empty() && (rows == 0 || is_covered) {
            return Err(Answer { outcome: Outcome::Duplicate, counts: before, status: Some(state.status) });
        }
        if batch.kind() == Kind::Upsert {
            return Ok(Prepared { covered, rows, step });
        }
        if self.clauses.waiting_deletes && (!state.planned || state.rows_done < state.rows_sent) {
            return Err(answer(Outcome::Waiting, Some(state.status)));
        }
        let withholds = match &step {
            Step::Delete(hashes) => self.is_withheld(&target, batch, state, hashes),
            _ => false,
        };
        let step = if withholds { Step::Withhold } else { step };
        Ok(Prepared { covered, rows, step })
    }

    /// The second step: writes everything in one transaction. What comes back besides the answer is to be written by
    /// [`Ledger::remember`], and empty unless a clause is taken out.
    ///
    /// # Errors
    /// When a part of this batch was applied since the first step.
    pub fn commit(&mut self, batch: &Batch, prepared: &Prepared) -> Result<(Answer, LateHashes), SerializationFailure> {
        let target = self.target.ok_or(SerializationFailure)?;
        // The run's row is locked from here on, whatever came of the batch.
        let entry = batch.entry();
        let is_known = |lo: i64, hi: i64| prepared.covered.iter().any(|(from, to)| *from <= lo && hi <= *to);
        let meanwhile = self.entries.iter().any(|(key, value)| {
            key.run == entry.run
                && key.kind == entry.kind
                && key.lo < entry.hi
                && key.hi > entry.lo
                && value.outcome.is_done()
                && !is_known(key.lo, key.hi)
        });
        if meanwhile && self.clauses.recheck && self.clauses.ledger_check {
            return Err(SerializationFailure);
        }
        let merged = match &prepared.step {
            Step::Withhold => {
                let status = self.account(entry, EntryOutcome::Withheld, prepared.rows, Counts::default());
                let answer = Answer { outcome: Outcome::Withheld, counts: Counts::default(), status };
                return Ok((answer, Vec::new()));
            }
            Step::Upsert(rows) => self.merge(&target, rows),
            Step::Delete(hashes) => Some(self.delete(&target, hashes)),
        };
        let Some(Merged { counts, table, remembered, retries, frees_values, refused }) = merged else {
            self.account(entry, EntryOutcome::Failed, prepared.rows, Counts::default());
            let status = self.stop(batch.run);
            return Ok((Answer { outcome: Outcome::Failed, counts: Counts::default(), status }, Vec::new()));
        };
        self.write(table);
        for (number, is_alone) in refused {
            if is_alone {
                self.refused.insert(number)
            } else {
                self.refused.remove(&number)
            };
        }
        self.remember_refused(batch.run, retries);
        if frees_values {
            self.try_all_again(batch.run);
        }
        let late = if self.clauses.hashes_in_same_transaction {
            self.remember(remembered);
            Vec::new()
        } else {
            remembered
        };
        let status = self.account(entry, EntryOutcome::Applied, prepared.rows, counts);
        Ok((Answer { outcome: Outcome::Applied, counts, status }, late))
    }

    pub(super) fn write(&mut self, rows: Vec<(u16, Option<super::TableRow>)>) {
        for (number, row) in rows {
            match row {
                Some(row) => self.table.insert(number, row),
                None => self.table.remove(&number),
            };
        }
    }

    /// Writes what is remembered of rows.
    pub fn remember(&mut self, rows: LateHashes) {
        for (number, row) in rows {
            match row {
                Some(row) => self.remembered.insert(number, row),
                None => self.remembered.remove(&number),
            };
        }
    }

    /// The stretches of the ledger that overlap this one, adjacent ones joined, and what was done in them.
    pub(super) fn covered(&self, stretch: EntryKey) -> (Vec<(i64, i64)>, Counts) {
        let mut covered: Vec<(i64, i64)> = Vec::new();
        let mut counts = Counts::default();
        // In the order of (lo, hi), by the order of the map.
        for (key, entry) in &self.entries {
            if (key.run, key.kind) != (stretch.run, stretch.kind) || key.lo >= stretch.hi || key.hi <= stretch.lo {
                continue;
            }
            if entry.outcome.is_done() {
                counts = counts.plus(entry.counts);
                match covered.last_mut() {
                    Some((_, hi)) if key.lo <= *hi => *hi = key.hi.max(*hi),
                    _ => covered.push((key.lo, key.hi)),
                }
            }
        }
        (covered, counts)
    }

    /// Whether a batch of vanished keys must not be deleted.
    fn is_withheld(&self, target: &Target, batch: &Batch, state: &Run, hashes: &[i64]) -> bool {
        let keys = hashes.len() as i64;
        const DAY: i64 = 24 * 3600;
        if self.clauses.failed_upserts_withhold && state.failed > 0 || !state.read_complete {
            return true;
        }
        if target.definition.deletes == DeletePolicy::Ignore {
            return false;
        }
        let is_before = |run: &&Run| {
            run.seq < target.seq
                && run.read_complete
                && !run.withheld
                && matches!(run.status, Status::Completed | Status::Partial)
        };
        // As many as the last complete run had, or as a later run that had fewer.
        let last = self.runs.values().filter(is_before).map(|run| run.seq).max();
        let since = |run: &&Run| {
            last.is_some_and(|last| run.seq >= last)
                && run.seq < target.seq
                && matches!(run.status, Status::Completed | Status::Partial)
        };
        let known = self.runs.values().filter(since).map(|run| run.strays).min();
        // Keys that no row was ever written for are given up, not deleted.
        let is_present = |row: &&Remembered| row.presence == super::Presence::Present && hashes.contains(&row.hash);
        let deletes_any = self.remembered.values().any(|row| is_present(&row));
        if deletes_any && self.strays(batch.run) > known.unwrap_or_default() {
            return true;
        }
        if !self.clauses.delete_guard {
            return false;
        }
        let (mut this_run, mut before) = (0, 0);
        for (key, entry) in &self.entries {
            let is_recent = entry.finished.is_some_and(|at| at > self.now - DAY)
                && self.runs.get(&key.run).is_some_and(|run| run.started > self.now - 2 * DAY);
            if key.kind == Kind::Delete && entry.outcome == EntryOutcome::Applied && is_recent {
                if key.run == batch.run {
                    this_run += entry.rows;
                } else {
                    before += entry.counts.deleted;
                }
            }
        }
        let percentage = state.present_rows * target.definition.guard_percent / 100;
        before + state.keys_vanished.max(this_run + keys) > target.definition.guard_rows.max(percentage)
    }
}
