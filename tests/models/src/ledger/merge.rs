//! The merge of rows (`sync_merge`) and their deletion (`sync_apply_deletes`).

use super::retry::Retry;
use super::{
    Authority, Counts, DeletePolicy, Ledger, Missing, Presence, Remembered, Row, Seconds, TableRow, Target, UNREADABLE,
};
use crate::ledger::CHILD;

/// So much time the reads of a confirmed deletion span.
const MINUTE: Seconds = 60;

/// What the merge decides for one row.
struct Decision {
    act: Act,
    conflict: bool,
    /// What is remembered of the table.
    stored: Option<i32>,
}

enum Act {
    Insert,
    Update { value: i32, restores: bool },
    Leave,
}

/// Why Postgres refuses a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its value does not convert.
    Value,
    /// A check of the table.
    Check,
    /// Another row is missing.
    OtherRow,
}

/// What came of a batch's rows.
#[derive(Default)]
pub(super) struct Merged {
    pub counts: Counts,
    pub table: Vec<(u16, Option<TableRow>)>,
    pub remembered: Vec<(u16, Option<Remembered>)>,
    /// Refused rows that are tried again before the run closes, and others under a key that the books do not have.
    pub retries: Vec<Retry>,
    /// Whether rows that were refused may find now what they need.
    pub frees_values: bool,
    /// For each row that was tried, whether it is refused for what it is by itself.
    pub refused: Vec<(u16, bool)>,
}

impl Ledger {
    /// Merges rows. `None` when so many values do not convert that it is the schema or the mapping that is wrong.
    pub(super) fn merge(&self, target: &Target, rows: &[Row]) -> Option<Merged> {
        let mut merged = Merged::default();
        let mut unfit = 0;
        for row in rows {
            let number = row.key.number;
            let Err(refusal) = self.merge_row(target, row, &mut merged) else {
                merged.refused.push((number, false));
                continue;
            };
            merged.counts.rejected += 1;
            // Rows that were refused before come alone where all others are unchanged.
            unfit += i64::from(refusal == Refusal::Value && !self.refused.contains(&number));
            // Where the database wins, a row that is in the table may need no writing any more.
            let loses = target.definition.authority == Authority::Merge { sheet_wins: false };
            let is_alone = refusal != Refusal::OtherRow && !(loses && self.table.contains_key(&number));
            merged.refused.push((number, is_alone));
            let depends = refusal == Refusal::OtherRow;
            let is_kept = depends || !self.remembered.contains_key(&row.key.number);
            merged.retries.extend(is_kept.then_some(Retry { row: *row, depends, settled: !depends }));
            // It is sent again by every run.
            let known = self.remembered.get(&row.key.number).filter(|known| known.content.is_some());
            if let Some(known) = known {
                let again = Remembered { content: None, last_seq: target.seq, ..*known };
                merged.remembered.push((row.key.number, Some(again)));
            }
        }
        (unfit < 10 || unfit * 5 <= rows.len() as i64).then_some(merged)
    }

    /// Merges one row, or says why it is refused; then nothing is changed.
    pub(super) fn merge_row(&self, target: &Target, row: &Row, merged: &mut Merged) -> Result<(), Refusal> {
        let number = row.key.number;
        let known = self.remembered.get(&number).copied();
        let live = self.table.get(&number).copied();
        if row.value == UNREADABLE {
            return Err(Refusal::Value);
        }
        let Decision { act, conflict, stored } = decide(target, row.value, known, live);
        // Checks and triggers of the table see only what is written.
        let writes = match act {
            Act::Insert => Some(row.value),
            Act::Update { value, .. } => Some(value),
            Act::Leave => None,
        };
        match writes {
            Some(value) if value < 0 => return Err(Refusal::Check),
            Some(CHILD) if !self.has_parent => return Err(Refusal::OtherRow),
            _ => {}
        }
        match act {
            Act::Insert => {
                merged.counts.inserted += 1;
                merged.table.push((number, Some(TableRow { value: row.value, deleted: false })));
            }
            Act::Update { value, restores } => {
                merged.counts.updated += 1;
                let deleted = !restores && live.is_some_and(|live| live.deleted);
                merged.table.push((number, Some(TableRow { value, deleted })));
            }
            Act::Leave => merged.counts.unchanged += 1,
        }
        merged.counts.conflicts += i64::from(conflict);
        merged.counts.adopted += i64::from(live.is_some() && known.is_none());
        let now = Remembered {
            hash: row.key.hash,
            content: Some(row.content),
            said: row.value,
            stored,
            presence: Presence::Present,
            missing: known.and_then(|known| known.missing),
            last_seq: target.seq,
        };
        let is_same = |known: Remembered| Remembered { last_seq: target.seq, ..known } == now;
        if !known.is_some_and(is_same) {
            merged.remembered.push((number, Some(now)));
        }
        Ok(())
    }

    /// Deletes the rows with these key hashes by the sync's policy, those that enough complete reads have missed.
    pub(super) fn delete(&self, target: &Target, hashes: &[i64]) -> Merged {
        let mut merged = Merged::default();
        let policy = target.definition.deletes;
        let present: Vec<(u16, Remembered)> = self
            .remembered
            .iter()
            .filter(|(_, known)| known.presence == Presence::Present && hashes.contains(&known.hash))
            .map(|(number, known)| (*number, *known))
            .collect();
        merged.counts.skipped = (hashes.len() - present.len()) as i64;
        merged.frees_values = policy != DeletePolicy::Ignore && !present.is_empty();
        for (number, known) in present {
            let left = |presence, missing| Some(Remembered { presence, missing, last_seq: target.seq, ..known });
            if policy == DeletePolicy::Ignore {
                merged.counts.unchanged += 1;
                merged.remembered.push((number, left(Presence::Absent, known.missing)));
                continue;
            }
            let missing = self.missed_once_more(target, known.missing);
            if !self.is_confirmed(target, missing) {
                merged.counts.unconfirmed += 1;
                merged.remembered.push((number, Some(Remembered { missing: Some(missing), ..known })));
                continue;
            }
            let gone = match (policy, self.table.get(&number)) {
                (DeletePolicy::Soft, Some(live)) if !live.deleted => Some(Some(TableRow { deleted: true, ..*live })),
                (DeletePolicy::Hard, Some(_)) => Some(None),
                _ => None,
            };
            // Of a row that people had marked as deleted before, the mark is theirs.
            let presence = if gone.is_some() { Presence::Deleted } else { Presence::Absent };
            match gone {
                Some(row) => {
                    merged.counts.deleted += 1;
                    merged.table.push((number, row));
                }
                None => merged.counts.unchanged += 1,
            }
            let remembered = if policy == DeletePolicy::Hard { None } else { left(presence, None) };
            merged.remembered.push((number, remembered));
        }
        merged
    }

    /// Counts that this run missed a key too. In a row: no complete read in between saw it.
    fn missed_once_more(&self, target: &Target, known: Option<Missing>) -> Missing {
        let before =
            self.runs.values().filter(|run| run.read_complete && run.seq < target.seq).map(|run| run.seq).max();
        match known {
            Some(missing) if missing.seq == target.seq => missing,
            Some(missing) if Some(missing.seq) == before => {
                Missing { count: missing.count + 1, seq: target.seq, ..missing }
            }
            _ => Missing { count: 1, seq: target.seq, since: self.now },
        }
    }

    fn is_confirmed(&self, target: &Target, missing: Missing) -> bool {
        let needed = target.definition.confirm_deletes;
        needed == 1 || !self.clauses.confirmed_deletes || missing.count >= needed && missing.since <= self.now - MINUTE
    }
}

/// docs/PROMISES.md, "Merge", for the one column.
fn decide(target: &Target, sheet: i32, known: Option<Remembered>, live: Option<TableRow>) -> Decision {
    let Some(live) = live else { return Decision { act: Act::Insert, conflict: false, stored: None } };
    let differs = live.value != sheet;
    let turned = known.is_some_and(|known| known.said != sheet);
    let edited = known.is_some_and(|known| live.value != known.stored.unwrap_or(known.said));
    let wins = match (target.definition.authority, known) {
        (Authority::Database, _) => false,
        (_, None) => true,
        (Authority::Sheet, _) => turned || edited,
        (Authority::Merge { sheet_wins }, _) => turned && (sheet_wins || !edited),
    };
    let writes = wins && differs;
    let is_merged = matches!(target.definition.authority, Authority::Merge { .. });
    let conflict = is_merged && turned && edited && differs;
    // After a write, and where sheet and table agree, the table holds what the sheet says.
    let stored = match (target.definition.authority, known) {
        (Authority::Database, _) | (_, None) => None,
        _ if writes || turned && !conflict => None,
        (_, Some(known)) if turned => known.stored.or(Some(known.said)),
        (_, Some(known)) => known.stored,
    };
    let restores = target.definition.deletes == DeletePolicy::Soft
        && live.deleted
        && known.is_some_and(|known| known.presence == Presence::Deleted);
    let act = if writes || restores {
        Act::Update { value: if writes { sheet } else { live.value }, restores }
    } else {
        Act::Leave
    };
    Decision { act, conflict, stored }
}
