//! What must hold of every change of the table: judged by the versions of the sheet alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::{Ledger, RunId, Seconds, Status};

/// A sheet: value by the key's number.
pub type Sheet = BTreeMap<u16, i32>;

/// So many rows may be deleted in a day, until a person allows more.
pub const GUARD: u32 = 4;

/// The least time between the first and the last read that missed a row, where two are needed.
const MINUTE: Seconds = 60;

const DAY: Seconds = 24 * 3600;

/// What was seen so far.
pub struct Witness {
    /// All versions of the sheet, each with the time from which it was so.
    versions: Vec<(Seconds, Sheet)>,
    /// The version at which a run began.
    began: BTreeMap<RunId, usize>,
    /// Runs over a sheet that was edited while it was read: they need not have seen any one version of it.
    moved: BTreeSet<RunId>,
    /// The rows of the table, with the version at which each was inserted: a row's birth.
    births: BTreeMap<u16, usize>,
    /// How often each key was inserted.
    inserts: BTreeMap<u16, usize>,
    /// When rows were deleted.
    deleted: Vec<Seconds>,
    completed: Option<RunId>,
    rejected: i64,
    /// How many refused rows were written before their run closed.
    pub settled: u64,
}

impl Witness {
    pub(super) fn new(sheet: Sheet) -> Self {
        Self {
            versions: vec![(Seconds::MIN, sheet)],
            began: BTreeMap::new(),
            moved: BTreeSet::new(),
            births: BTreeMap::new(),
            inserts: BTreeMap::new(),
            deleted: Vec::new(),
            completed: None,
            rejected: 0,
            settled: 0,
        }
    }

    pub(super) fn edited(&mut self, at: Seconds, sheet: Sheet) {
        self.versions.push((at, sheet));
    }

    /// A run is about to begin.
    pub fn begins(&mut self, run: RunId) {
        self.began.insert(run, self.versions.len() - 1);
    }

    /// A run has found that its sheet was edited meanwhile.
    pub fn moved(&mut self, run: RunId) {
        self.moved.insert(run);
    }

    /// Compares the table with what it was; says what must not be.
    pub(super) fn look(&mut self, ledger: &Ledger, confirm_deletes: i64) -> Vec<String> {
        let Some(target) = ledger.target else { return Vec::new() };
        let mut wrong = Vec::new();
        let gone: Vec<u16> = self.births.keys().filter(|key| !ledger.table.contains_key(key)).copied().collect();
        for key in gone {
            let born = self.births.remove(&key).unwrap_or_default();
            wrong.extend(self.deletion(ledger, target.run, key, born, confirm_deletes));
        }
        for key in ledger.table.keys().filter(|key| !self.births.contains_key(key)).copied().collect::<Vec<_>>() {
            self.births.insert(key, self.versions.len() - 1);
            let inserts = self.inserts.entry(key).or_default();
            *inserts += 1;
            let appearances = appearances(&self.versions, key);
            if *inserts > appearances {
                wrong.push(format!(
                    "the row {key} was inserted {inserts} times and came into the sheet {appearances} times: \
                     deleted and inserted again"
                ));
            }
        }
        let rejected: i64 = ledger.runs.values().map(|run| run.counts.rejected).sum();
        self.settled += (self.rejected - rejected).max(0) as u64;
        self.rejected = rejected;
        let is_completed = ledger.runs.get(&target.run).is_some_and(|run| run.status == Status::Completed);
        if is_completed && self.completed != Some(target.run) {
            self.completed = Some(target.run);
            wrong.extend(self.completion(ledger, target.run));
        }
        wrong
    }

    fn deletion(&mut self, ledger: &Ledger, run: RunId, key: u16, born: usize, confirm_deletes: i64) -> Option<String> {
        let now = ledger.now;
        self.deleted.push(now);
        let guard = ledger.target.map_or(0, |target| target.definition.guard_rows);
        let recent = self.deleted.iter().filter(|at| **at > now - DAY).count() as i64;
        if guard == i64::from(GUARD) && recent > guard {
            return Some(format!("run {run} deleted the row {key}: {recent} in a day, and the guard allows {guard}"));
        }
        let lacks = |(_, sheet): &&(Seconds, Sheet)| !sheet.contains_key(&key);
        let began = self.began.get(&run).copied().unwrap_or_default();
        if !self.versions[began.max(born)..].iter().any(|version| lacks(&version)) {
            return Some(format!(
                "run {run} deleted the row {key}, which was in the sheet all the time since it began"
            ));
        }
        let first = self.versions[born..].iter().find(lacks);
        if confirm_deletes > 1 && first.is_none_or(|(at, _)| *at > now - MINUTE) {
            return Some(format!("run {run} deleted the row {key} within a minute after it had left the sheet"));
        }
        None
    }

    /// Green means complete: the table is the sheet as it was once since the run began.
    fn completion(&self, ledger: &Ledger, run: RunId) -> Option<String> {
        let table: Sheet = ledger.table.iter().map(|(key, row)| (*key, row.value)).collect();
        let began = self.began.get(&run).copied().unwrap_or_default();
        let is_seen = self.versions[began..].iter().any(|(_, sheet)| *sheet == table);
        (!self.moved.contains(&run) && !is_seen).then(|| {
            format!("run {run} is completed, and the table is no version of the sheet since it began: {table:?}")
        })
    }
}

/// How often a key came into the sheet.
fn appearances(versions: &[(Seconds, Sheet)], key: u16) -> usize {
    let has: Vec<bool> = versions.iter().map(|(_, sheet)| sheet.contains_key(&key)).collect();
    usize::from(has[0]) + has.windows(2).filter(|pair| !pair[0] && pair[1]).count()
}
