//! Finds what changed between a [`Snapshot`] and the database in two steps, as a Merkle tree does: ranges whose digests
//! differ, then the rows of those ranges. Pure; the scheduler fetches what these functions ask for.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::definition::{DeletePolicy, OnDelete};
use crate::diff::hash::{ContentHash, DigestBuilder, KeyHash, KeySet, RangeIndex};
use crate::diff::snapshot::{Entry, Snapshot, State, Tally};
use crate::platform::faults::{self, Fault};

/// The digests of the database's rows, as `sync_range_digests` answers them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct RangeDigests {
    /// How many rows there are.
    pub rows: u64,
    /// Index, number of rows and digest of each range that is not empty.
    pub ranges: Vec<(RangeIndex, u64, String)>,
}

/// A row as the database last applied it: its key hash, and its content hash unless it must be sent again.
pub type StoredRow = (KeyHash, Option<ContentHash>);

/// What a run will do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Rows to send, in key-hash order.
    pub send: Vec<Entry>,
    /// Keys that the database has and the sheet has not, in order.
    pub vanished: Vec<KeyHash>,
    /// How many rows the database has as they are.
    pub unchanged: u64,
    /// How many keys are in the sheet, in rows that cannot be used, and not in the database: any of them may be the new key of
    /// a row that seems to be gone.
    pub unmatched: u64,
    /// How many of the rows to send are sent only because the table no longer holds them as they were written.
    pub resent: u64,
    /// When and how the books were held against the table; `None` when they were not.
    pub check: Option<Check>,
}

/// A comparison of the books with the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// When it was made, by the database's clock.
    pub at: Timestamp,
    /// Whether it compared the values of the columns that the sheet owns, not only keys.
    pub values: bool,
    /// Whether it compared all rows, not only those that the drift triggers noted.
    #[serde(default)]
    pub whole: bool,
}

/// What the table no longer holds as it was written, in the order of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Rows that the books call present and the table lacks.
    pub missing: Vec<KeyHash>,
    /// Rows in which a column that the sheet owns holds another value.
    pub differing: Vec<KeyHash>,
    /// How it was found.
    pub check: Check,
}

/// The ranges in which sheet and database differ, in order.
#[must_use]
pub fn differing_ranges(snapshot: &Snapshot, bits: u32, stored: &RangeDigests) -> Vec<RangeIndex> {
    let mut stored: HashMap<RangeIndex, &str> =
        stored.ranges.iter().map(|(index, _, digest)| (*index, digest.as_str())).collect();
    let mut differing = Vec::new();
    for range in snapshot.entries().chunk_by(|left, right| left.key.range(bits) == right.key.range(bits)) {
        let Some(first) = range.first() else { continue };
        let index = first.key.range(bits);
        let mut digest = DigestBuilder::default();
        let mut rows = 0u64;
        for entry in range {
            if let State::Ready { content, .. } = entry.state {
                digest.add(entry.key, content);
                rows += 1;
            }
        }
        let same = match stored.remove(&index) {
            Some(stored) => rows > 0 && digest.finish() == stored,
            None => rows == 0,
        };
        if !same {
            differing.push(index);
        }
    }
    // What is left are ranges that the sheet has no row in.
    differing.extend(stored.keys());
    differing.sort_unstable();
    differing
}

/// Compares the rows of the differing ranges. `stored` holds the database's rows of exactly these `ranges`.
#[must_use]
pub fn compare(snapshot: &Snapshot, bits: u32, ranges: &[RangeIndex], stored: &[StoredRow]) -> Plan {
    let mut stored: HashMap<KeyHash, Option<ContentHash>> = stored.iter().copied().collect();
    let mut plan = Plan::default();
    for entry in snapshot.entries() {
        if ranges.binary_search(&entry.key.range(bits)).is_err() {
            // An undecided row here would make the digests differ, so only rows that are equal or unusable remain.
            // The digest is that of the usable rows alone, so the database does not have the others.
            match entry.state {
                State::Ready { .. } => plan.unchanged += 1,
                State::Present => plan.unmatched += 1,
            }
            continue;
        }
        let known = stored.remove(&entry.key);
        match entry.state {
            State::Present => plan.unmatched += u64::from(known.is_none()),
            State::Ready { content, .. } if known == Some(Some(content)) => plan.unchanged += 1,
            State::Ready { .. } => plan.send.push(*entry),
        }
    }
    plan.vanished = stored.into_keys().collect();
    plan.vanished.sort_unstable();
    plan
}

/// A plan that sends every row, whatever the database has, and finds vanished keys among all that it has.
#[must_use]
pub fn everything(snapshot: &Snapshot, stored: &[StoredRow]) -> Plan {
    let entries = snapshot.entries();
    let mut vanished: Vec<KeyHash> = stored
        .iter()
        .map(|(key, _)| *key)
        .filter(|key| entries.binary_search_by_key(key, |entry| entry.key).is_err())
        .collect();
    vanished.sort_unstable();
    let stored: HashSet<KeyHash> = stored.iter().map(|(key, _)| *key).collect();
    let unusable = entries.iter().filter(|entry| entry.state == State::Present);
    let unmatched = unusable.filter(|entry| !stored.contains(&entry.key)).count() as u64;
    Plan { send: chosen(snapshot).send, vanished, unchanged: 0, unmatched, ..Plan::default() }
}

/// A plan that sends every row of a snapshot that holds the chosen keys only, and deletes nothing.
#[must_use]
pub fn chosen(snapshot: &Snapshot) -> Plan {
    let send = snapshot.entries().iter().filter(|entry| matches!(entry.state, State::Ready { .. })).copied().collect();
    Plan { send, ..Plan::default() }
}

/// How many of the keys that vanished are recorded with a run, for a person to look at.
const SAMPLE_KEYS: usize = 20;

/// The keys that a run found missing, as the run records them. A person may approve the deletion of exactly this set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vanished {
    /// Number and digest of the keys.
    #[serde(flatten)]
    pub keys: KeySet,
    /// The first of them.
    pub sample: Vec<KeyHash>,
}

impl Plan {
    /// Sends also the rows that the table no longer holds as they were written. Those that the sheet no longer has, or only in a
    /// row that cannot be used, are decided elsewhere.
    #[must_use]
    pub fn with_drift(mut self, snapshot: &Snapshot, drift: &Drift) -> Self {
        self.check = Some(drift.check);
        if drift.missing.is_empty() && drift.differing.is_empty() {
            return self;
        }
        let mut sent: HashSet<KeyHash> = self.send.iter().map(|entry| entry.key).collect();
        let entries = snapshot.entries();
        for key in drift.missing.iter().chain(&drift.differing) {
            let Ok(place) = entries.binary_search_by_key(key, |entry| entry.key) else { continue };
            if matches!(entries[place].state, State::Ready { .. }) && sent.insert(*key) {
                self.send.push(entries[place]);
                self.unchanged = self.unchanged.saturating_sub(1);
                self.resent += 1;
            }
        }
        self.send.sort_unstable_by_key(|entry| entry.key);
        self
    }

    /// The keys that vanished; `None` when there is none.
    #[must_use]
    pub fn vanished(&self) -> Option<Vanished> {
        let sample = self.vanished.iter().take(SAMPLE_KEYS).copied().collect();
        (!self.vanished.is_empty()).then(|| Vanished { keys: KeySet::of(&self.vanished), sample })
    }
}

/// What is known of a read, for judging whether rows that seem to be gone really are.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// What was read.
    pub snapshot: &'a Snapshot,
    /// Whether the spreadsheet changed while it was read.
    pub moved: bool,
    /// How many rows the database held before.
    pub present_before: u64,
    /// [`Plan::unmatched`] of this reading.
    pub unmatched: u64,
    /// The same of the last complete read; `None` when there was none yet.
    pub strays_before: Option<Strays>,
    /// Whether a person approved the deletion of exactly the keys that vanished.
    pub approved: bool,
}

/// Rows of a sheet each of which may be a row that is gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Strays {
    /// Rows with content and no key.
    pub keyless_rows: u64,
    /// [`Plan::unmatched`], and rows with the key of another.
    pub unmatched_rows: u64,
}

/// Why vanished keys are not deleted, or `None` when they may be (docs/PROMISES.md, "Deletes"). `sync_apply` enforces the guard
/// once more, over the last 24 hours.
#[must_use]
pub fn withhold(rules: &OnDelete, reading: Reading, vanished: u64) -> Option<String> {
    if vanished == 0 {
        return None;
    }
    // These before the approval: what was read now may be another set than the one that it names.
    if reading.moved {
        return Some("the spreadsheet changed while it was read; the next run decides".to_owned());
    }
    if let Some(reason) = unreadable_keys(reading.snapshot).filter(|_| !faults::is_on(Fault::KeysUnreadable)) {
        return Some(reason);
    }
    if reading.approved {
        return None;
    }
    keyless_rows(rules, reading).or_else(|| {
        let guard = rules.guard(reading.present_before);
        if reading.snapshot.tally().rows_read == 0 {
            Some(format!(
                "the tab has no rows, but the table has {}; was it cleared by accident? \
                 if not: `sheetsync approve-deletes`",
                reading.present_before
            ))
        } else if rules.policy != DeletePolicy::Ignore && vanished > guard {
            Some(format!(
                "{vanished} of {} rows are gone from the sheet, more than the guard of {guard} allows; \
                 if that is right: `sheetsync approve-deletes`, or raise on_delete.guard_rows or guard_percent in sheetsync.toml",
                reading.present_before
            ))
        } else {
            None
        }
    })
}

/// A row whose key cannot be read may be any row, so also one that seems to be gone.
fn unreadable_keys(snapshot: &Snapshot) -> Option<String> {
    let first = snapshot.unreadable_key()?;
    let others = match snapshot.tally().keys_unreadable.saturating_sub(1) {
        0 => String::new(),
        1 => ", and that of 1 more row".to_owned(),
        more => format!(", and those of {more} more rows"),
    };
    Some(format!(
        "the key in {} cannot be read: {}{others}; nothing is deleted while a row may be any row: correct the cell, or wait \
         until its formula is ready",
        first.cell, first.reason
    ))
}

/// Rows without a key are notes and totals, and rows that were never usable stay unusable, unless there are more of them than
/// there were: then a row that is gone may be one of them, without its key or under a new one.
fn keyless_rows(rules: &OnDelete, reading: Reading) -> Option<String> {
    let Tally { keyless_rows: keyless, shared_rows: shared, .. } = reading.snapshot.tally();
    let unmatched = reading.unmatched;
    let before = reading.strays_before.unwrap_or_default();
    // Each kind by itself: a row that was unusable and is gone says nothing of one whose key is.
    if keyless <= before.keyless_rows && unmatched + shared <= before.unmatched_rows
        || rules.policy == DeletePolicy::Ignore
    {
        return None;
    }
    let rows = |count: u64, what: &str| match count {
        0 => None,
        1 => Some(format!("1 row has {what}")),
        more => Some(format!("{more} rows have {what}")),
    };
    let first = reading.snapshot.keyless_cell().map(|cell| format!(" (the first in {cell})")).unwrap_or_default();
    let parts = [
        rows(keyless, "content but no key").map(|text| text + &first),
        rows(unmatched, "a key that the table does not have and cannot be used"),
        rows(shared, "the key of another row"),
    ];
    Some(format!(
        "{}, {} in the last complete run: a row that is gone may be one of them; correct them, or, if the other rows \
         really are gone: `sheetsync approve-deletes`",
        parts.into_iter().flatten().collect::<Vec<_>>().join(" and "),
        before.keyless_rows + before.unmatched_rows
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::definition::Duplicates;
    use crate::definition::MappingVersion;
    use crate::diff::snapshot::SnapshotBuilder;
    use crate::diff::testing::{cells, mapping};

    /// A sheet or a table: value by row key.
    type Rows = BTreeMap<String, i64>;

    fn snapshot(rows: &Rows) -> Snapshot {
        let mapping = mapping();
        let mut builder = SnapshotBuilder::new(&mapping, MappingVersion::of(b"test"), Duplicates::Reject);
        for (number, (key, value)) in rows.iter().enumerate() {
            builder.add(number as u32 + 2, &cells(key, &value.to_string()));
        }
        let (snapshot, rejections) = builder.finish(false);
        assert_eq!(rejections.count(), 0);
        snapshot
    }

    fn stored(rows: &Rows) -> Vec<StoredRow> {
        let hash = |entry: &Entry| match entry.state {
            State::Ready { content, .. } => (entry.key, Some(content)),
            State::Present => (entry.key, None),
        };
        snapshot(rows).entries().iter().map(hash).collect()
    }

    /// The digests that the database would answer, by the rule of docs/PROTOCOL.md.
    fn digests(rows: &[StoredRow], bits: u32) -> RangeDigests {
        let mut ranges: BTreeMap<RangeIndex, (u64, DigestBuilder)> = BTreeMap::new();
        for (key, content) in rows {
            let (count, digest) = ranges.entry(key.range(bits)).or_default();
            *count += 1;
            digest.add(*key, content.expect("the tests store complete rows"));
        }
        let ranges = ranges.into_iter().map(|(index, (count, digest))| (index, count, digest.finish())).collect();
        RangeDigests { rows: rows.len() as u64, ranges }
    }

    fn plan_between(sheet: &Rows, table: &Rows, bits: u32) -> (Snapshot, Plan, usize) {
        let snapshot = snapshot(sheet);
        let stored = stored(table);
        let ranges = differing_ranges(&snapshot, bits, &digests(&stored, bits));
        let fetched: Vec<StoredRow> = stored.into_iter().filter(|(key, _)| ranges.contains(&key.range(bits))).collect();
        let plan = compare(&snapshot, bits, &ranges, &fetched);
        (snapshot, plan, ranges.len())
    }

    fn rows() -> impl Strategy<Value = Rows> {
        prop::collection::btree_map("[a-f]{1,3}", 0..3i64, 0..40)
    }

    proptest! {
        #[test]
        fn a_plan_turns_the_table_into_the_sheet(sheet in rows(), table in rows(), bits in 0..6u32) {
            let (snapshot, plan, _) = plan_between(&sheet, &table, bits);
            let mut result = table.clone();
            result.retain(|key, _| plan.vanished.binary_search(&KeyHash::of(key)).is_err());
            for (key, value) in &sheet {
                if plan.send.iter().any(|entry| entry.key == KeyHash::of(key)) {
                    result.insert(key.clone(), *value);
                }
            }
            prop_assert_eq!(&result, &sheet);
            prop_assert_eq!(plan.send.len() as u64 + plan.unchanged, snapshot.entries().len() as u64);
            let needless = plan.send.iter().filter(|entry| {
                sheet.iter().any(|(key, value)| KeyHash::of(key) == entry.key && table.get(key) == Some(value))
            });
            prop_assert_eq!(needless.count(), 0);
        }

        #[test]
        fn an_unchanged_sheet_differs_in_no_range(sheet in rows(), bits in 0..6u32) {
            let (_, plan, ranges) = plan_between(&sheet, &sheet, bits);
            prop_assert_eq!(ranges, 0);
            prop_assert_eq!(plan, Plan { unchanged: sheet.len() as u64, ..Plan::default() });
        }
    }

    #[test]
    fn a_rejected_row_is_neither_sent_nor_gone() {
        let table = Rows::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
        let mapping = mapping();
        let mut builder = SnapshotBuilder::new(&mapping, MappingVersion::of(b"test"), Duplicates::Reject);
        builder.add(2, &cells("a", ""));
        builder.add(3, &cells("b", "2"));
        let (snapshot, _) = builder.finish(false);
        let stored = stored(&table);
        let ranges = differing_ranges(&snapshot, 0, &digests(&stored, 0));
        let plan = compare(&snapshot, 0, &ranges, &stored);
        assert_eq!(plan, Plan { unchanged: 1, ..Plan::default() });
    }

    #[test]
    fn what_the_table_lost_is_sent_again_once() {
        let sheet = Rows::from([("a".to_owned(), 1), ("b".to_owned(), 2), ("c".to_owned(), 3), ("d".to_owned(), 4)]);
        let snapshot = snapshot(&sheet);
        let mut stored = stored(&sheet);
        for row in &mut stored {
            if row.0 == KeyHash::of("d") {
                row.1 = None;
            }
        }
        let keys = |names: &[&str]| -> Vec<KeyHash> { names.iter().map(|name| KeyHash::of(name)).collect() };
        let drift = Drift {
            // `x` is in the books, not in the sheet; `d` is sent anyway; `b` is named twice.
            missing: keys(&["b", "x", "d"]),
            differing: keys(&["c", "b"]),
            check: Check { at: Timestamp::UNIX_EPOCH, values: true, whole: true },
        };
        let plan = compare(&snapshot, 0, &[0], &stored).with_drift(&snapshot, &drift);
        let mut expected = keys(&["b", "c", "d"]);
        expected.sort_unstable();
        assert_eq!(plan.send.iter().map(|entry| entry.key).collect::<Vec<_>>(), expected);
        assert_eq!((plan.unchanged, plan.check), (1, Some(drift.check)));
    }

    #[test]
    fn a_row_that_postgres_refused_is_sent_again() {
        let sheet = Rows::from([("a".to_owned(), 1)]);
        let snapshot = snapshot(&sheet);
        let refused = [(KeyHash::of("a"), None)];
        let plan = compare(&snapshot, 0, &[0], &refused);
        assert_eq!(plan.send.len(), 1);
        assert_eq!(plan.vanished, []);
    }

    /// A sheet of rows with these keys, each with a value.
    fn sheet(keys: &[&str]) -> Snapshot {
        let mapping = mapping();
        let mut builder = SnapshotBuilder::new(&mapping, MappingVersion::of(b"test"), Duplicates::Reject);
        for (row, key) in (2..).zip(keys) {
            builder.add(row, &cells(key, "1"));
        }
        builder.finish(false).0
    }

    fn reading(snapshot: &Snapshot, present_before: u64) -> Reading<'_> {
        Reading { snapshot, moved: false, present_before, unmatched: 0, strays_before: None, approved: false }
    }

    const HARD: DeletePolicy = DeletePolicy::Hard;

    #[test]
    fn deletes_are_withheld_when_the_read_looks_wrong() {
        let rules = OnDelete { policy: HARD, ..OnDelete::default() };
        let (some, none) = (sheet(&["a"]), sheet(&[]));
        let large = reading(&some, 1000);
        assert_eq!(withhold(&rules, large, 0), None);
        assert_eq!(withhold(&rules, large, 150), None);
        assert!(withhold(&rules, large, 151).is_some_and(|reason| reason.contains("151 of 1000")));
        assert!(withhold(&rules, Reading { moved: true, ..large }, 1).is_some());
        assert!(withhold(&rules, reading(&none, 1000), 1).is_some_and(|reason| reason.contains("no rows")));
        let small = reading(&some, 20);
        assert_eq!(withhold(&rules, small, 10), None);
        assert!(withhold(&rules, small, 11).is_some());
    }

    #[test]
    fn approved_deletion_is_withheld_only_when_its_set_is_uncertain() {
        let rules = OnDelete { policy: HARD, ..OnDelete::default() };
        let (cleared, notes, unready) = (sheet(&[]), sheet(&["a", "", ""]), sheet(&["a", "Loading..."]));
        let approved = |snapshot| Reading { approved: true, ..reading(snapshot, 1000) };
        assert_eq!(withhold(&rules, approved(&cleared), 1000), None);
        assert_eq!(withhold(&rules, approved(&notes), 1), None, "a person knows what the notes are");
        assert!(withhold(&rules, Reading { moved: true, ..approved(&cleared) }, 1000).is_some());
        assert!(withhold(&rules, approved(&unready), 1).is_some());
    }

    #[test]
    fn nothing_is_deleted_while_a_key_cannot_be_read() {
        let rules = OnDelete { policy: HARD, ..OnDelete::default() };
        let withheld = |keys: &[&str]| withhold(&rules, reading(&sheet(keys), 40), 1).unwrap_or_default();
        let one = withheld(&["a", "#N/A"]);
        assert!(one.starts_with("the key in A3 cannot be read: #N/A; nothing is deleted"), "{one}");
        let three = withheld(&["Loading...", "#REF!", "a", "#N/A"]);
        assert!(three.starts_with("the key in A2 cannot be read: Loading..., and those of 2 more rows;"), "{three}");
        assert_eq!(withhold(&rules, reading(&sheet(&["#N/A"]), 40), 0), None, "nothing is gone");
    }

    #[test]
    fn keyless_rows_withhold_deletes_only_when_their_number_grew() {
        let rules = OnDelete { policy: HARD, ..OnDelete::default() };
        let snapshot = sheet(&["a", "", ""]);
        let before = |keyless_rows: Option<u64>, unmatched_rows| Reading {
            strays_before: keyless_rows.map(|keyless_rows| Strays { keyless_rows, unmatched_rows }),
            ..reading(&snapshot, 40)
        };
        for (keyless_before, is_withheld) in [(None, true), (Some(1), true), (Some(2), false), (Some(3), false)] {
            let reason = withhold(&rules, before(keyless_before, 0), 1);
            assert_eq!(reason.is_some(), is_withheld, "{keyless_before:?}");
        }
        assert!(
            withhold(&rules, before(Some(1), 1), 1).is_some(),
            "an unusable row that is gone is none without a key"
        );
        let reason = withhold(&rules, before(Some(1), 0), 1).unwrap_or_default();
        assert!(
            reason.starts_with("2 rows have content but no key (the first in A3), 1 in the last complete run"),
            "{reason}"
        );
    }

    #[test]
    fn key_typed_over_another_withholds_deletes() {
        let rules = OnDelete { policy: HARD, ..OnDelete::default() };
        let snapshot = sheet(&["a", "b", "b"]);
        let before = |unmatched_rows| Some(Strays { keyless_rows: 0, unmatched_rows });
        let reason = |strays_before| withhold(&rules, Reading { strays_before, ..reading(&snapshot, 40) }, 1);
        let text = reason(None).unwrap_or_default();
        assert!(text.starts_with("1 row has the key of another row, 0 in the last complete run"), "{text}");
        assert_eq!(reason(before(1)), None, "it was so before");
    }

    #[test]
    fn a_new_key_in_an_unusable_row_withholds_deletes() {
        let table = Rows::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
        let mapping = mapping();
        let mut builder = SnapshotBuilder::new(&mapping, MappingVersion::of(b"test"), Duplicates::Reject);
        builder.add(2, &cells("a", "1"));
        // `b` was renamed, and a cell of its row is not usable.
        builder.add(3, &cells("c", ""));
        let (snapshot, _) = builder.finish(false);
        let stored = stored(&table);
        for bits in [0, 4] {
            let ranges = differing_ranges(&snapshot, bits, &digests(&stored, bits));
            let fetched: Vec<StoredRow> =
                stored.iter().copied().filter(|(key, _)| ranges.contains(&key.range(bits))).collect();
            let plan = compare(&snapshot, bits, &ranges, &fetched);
            assert_eq!((plan.vanished.len(), plan.unmatched), (1, 1), "{bits} bits");
        }
        assert_eq!(everything(&snapshot, &stored).unmatched, 1);
        let rules = OnDelete { policy: HARD, ..OnDelete::default() };
        let reason = withhold(&rules, Reading { unmatched: 1, ..reading(&snapshot, 40) }, 1).unwrap_or_default();
        assert!(reason.starts_with("1 row has a key that the table does not have and cannot be used"), "{reason}");
        let strays_before = Some(Strays { keyless_rows: 0, unmatched_rows: 1 });
        let known = Reading { unmatched: 1, strays_before, ..reading(&snapshot, 40) };
        assert_eq!(withhold(&rules, known, 1), None, "it was unusable before");
        let ignoring = OnDelete::default();
        assert_eq!(
            withhold(&ignoring, Reading { unmatched: 1, ..reading(&snapshot, 40) }, 1),
            None,
            "nothing is deleted"
        );
    }

    #[test]
    fn run_records_all_vanished_keys_and_shows_some() {
        let keys: Vec<KeyHash> = (0..30).map(KeyHash::from_stored).collect();
        assert_eq!(Plan::default().vanished(), None);
        let vanished = Plan { vanished: keys.clone(), ..Plan::default() }.vanished().unwrap();
        assert_eq!((vanished.keys, vanished.sample.len()), (KeySet::of(&keys), SAMPLE_KEYS));
    }
}
