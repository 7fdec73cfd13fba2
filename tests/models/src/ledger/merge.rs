//! The merge of rows (085) and their deletion (086).

use super::{Authority, Counts, DeletePolicy, Ledger, Presence, Remembered, Row, RunId, TableRow, Target};

/// What the merge decides for one row.
enum Act {
    Insert,
    Update { value: i32, restores: bool },
    Leave,
}

/// What came of a batch's rows.
pub(super) struct Merged {
    pub counts: Counts,
    pub table: Vec<(u16, Option<TableRow>)>,
    pub remembered: Vec<(u16, Option<Remembered>)>,
}

impl Ledger {
    /// Merges rows. `None` when so many were refused that it is the schema that is wrong.
    pub(super) fn merge(&self, target: &Target, run: RunId, rows: &[Row]) -> Option<Merged> {
        let mut merged = Merged { counts: Counts::default(), table: Vec::new(), remembered: Vec::new() };
        for row in rows {
            self.merge_row(target, run, row, &mut merged);
        }
        let refused = merged.counts.rejected;
        (refused < 10 || refused * 5 <= rows.len() as i64).then_some(merged)
    }

    fn merge_row(&self, target: &Target, run: RunId, row: &Row, merged: &mut Merged) {
        let number = row.key.number;
        let known = self.remembered.get(&number).copied();
        let live = self.table.get(&number).copied();
        let (act, conflict) = decide(target, row.value, known, live);
        let writes = match act {
            Act::Insert => Some(row.value),
            Act::Update { value, .. } => Some(value),
            Act::Leave => None,
        };
        // The check of the table: only a row that is written is checked. It is tried again on every run.
        if writes.is_some_and(|value| value < 0) {
            merged.counts.rejected += 1;
            if let Some(known) = known.filter(|known| known.content.is_some()) {
                let again = Remembered { content: None, last_run: run, ..known };
                merged.remembered.push((number, Some(again)));
            }
            return;
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
            base: row.value,
            presence: Presence::Present,
            last_run: run,
        };
        let same = |known: Remembered| Remembered { last_run: run, ..known } == now;
        if !known.is_some_and(same) {
            merged.remembered.push((number, Some(now)));
        }
    }

    /// Deletes the rows with these keys by the sync's policy.
    pub(super) fn delete(&self, target: &Target, run: RunId, numbers: &[u16]) -> Merged {
        let mut merged = Merged { counts: Counts::default(), table: Vec::new(), remembered: Vec::new() };
        let policy = target.definition.deletes;
        for number in numbers {
            let Some(known) = self.remembered.get(number).filter(|known| known.presence == Presence::Present) else {
                merged.counts.skipped += 1;
                continue;
            };
            let live = self.table.get(number);
            let gone = match (policy, live) {
                (DeletePolicy::Soft, Some(live)) if !live.deleted => Some(Some(TableRow { deleted: true, ..*live })),
                (DeletePolicy::Hard, Some(_)) => Some(None),
                _ => None,
            };
            match gone {
                Some(row) => {
                    merged.counts.deleted += 1;
                    merged.table.push((*number, row));
                }
                None => merged.counts.unchanged += 1,
            }
            let left = |presence| Some(Remembered { presence, last_run: run, ..*known });
            merged.remembered.push((
                *number,
                match policy {
                    DeletePolicy::Hard => None,
                    DeletePolicy::Soft => left(Presence::Deleted),
                    DeletePolicy::Ignore => left(Presence::Absent),
                },
            ));
        }
        merged
    }
}

/// DESIGN.md, "Merge", for the one column; says also whether it was a conflict.
fn decide(target: &Target, sheet: i32, known: Option<Remembered>, live: Option<TableRow>) -> (Act, bool) {
    let Some(live) = live else { return (Act::Insert, false) };
    let base = known.map(|known| known.base);
    let turned = base.filter(|base| *base != sheet);
    let (wins, conflict) = match target.definition.authority {
        Authority::Database => (false, false),
        Authority::Sheet => (true, false),
        Authority::Merge { sheet_wins } => match (base, turned) {
            (None, _) => (true, false),
            (Some(_), None) => (false, false),
            (Some(_), Some(base)) => (sheet_wins || live.value == base, live.value != base && live.value != sheet),
        },
    };
    let writes = wins && live.value != sheet;
    let restores = target.definition.deletes == DeletePolicy::Soft
        && live.deleted
        && known.is_some_and(|known| known.presence == Presence::Deleted);
    if writes || restores {
        (Act::Update { value: if writes { sheet } else { live.value }, restores }, conflict)
    } else {
        (Act::Leave, conflict)
    }
}
