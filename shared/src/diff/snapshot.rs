//! The content of a sheet at one read: every row with a key, by key hash, with its content hash and, ready to be sent, its values.
//! A million rows take some tens of bytes each plus the text of their cells, so a snapshot of the largest spreadsheet fits
//! in a function's memory. It knows neither the database nor the queue.

use std::collections::HashMap;

use serde::Serialize;

use crate::definition::Duplicates;
use crate::definition::MappingVersion;
use crate::diff::hash::{ContentHash, KeyHash};
use crate::diff::row_size;
use crate::mapping::{self, Cell, Code, Mapped, Mapping, Rejection, Row};

/// How many row numbers a message about duplicate keys names.
const NAMED_DUPLICATES: usize = 5;

/// One row of the sheet that has a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The hash of its key.
    pub key: KeyHash,
    /// Its row number in the sheet.
    pub row: u32,
    /// What is known of its content.
    pub state: State,
}

/// Whether a row can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It can; `start` and `length` find its wire form.
    Ready {
        /// The hash of its values.
        content: ContentHash,
        /// Where its wire form starts.
        start: usize,
        /// How long that is, in bytes.
        length: u32,
    },
    /// It cannot, but it is in the sheet, and so its row in the table has not vanished.
    Present,
}

/// How many rows were read, and what became of those that go no further. Wholly blank rows are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Rows with any content.
    pub rows_read: u64,
    /// Rows with a cell that cannot be used, or a key that others share.
    pub rows_rejected: u64,
    /// Rows left out for a reason that is no fault of a cell, such as a blank key.
    pub rows_skipped: u64,
    /// Of the rejected rows, those whose key cannot be read: each of them may be any row.
    pub keys_unreadable: u64,
    /// Of the skipped rows, those whose key is blank.
    pub keyless_rows: u64,
    /// Rows with a key that an earlier row has: each may have been typed over another.
    #[serde(skip)]
    pub shared_rows: u64,
    /// `shared_rows`, and the rejected rows with a key that the books do not have ([`crate::diff::plan::Plan::unmatched`]); 0 until
    /// the sheet is compared with them.
    pub unmatched_rows: u64,
}

/// A key that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableKey {
    /// The address of its cell.
    pub cell: String,
    /// The error of its formula, or what was expected in the cell.
    pub reason: String,
}

/// How the cells of one column fit its type, over all rows that have a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fit {
    /// Blank cells, where that is allowed.
    pub blank: u64,
    /// Cells with a value of the type.
    pub fits: u64,
    /// Cells that cannot be used.
    pub rejected: u64,
}

/// Collects the rows of a tab in the order in which they are read.
pub struct SnapshotBuilder<'a> {
    mapping: &'a Mapping,
    version: MappingVersion,
    duplicates: Duplicates,
    /// The row keys of a selective run, each with the text by which it was asked for.
    only: Option<HashMap<String, String>>,
    entries: Vec<Entry>,
    /// Per row with a key: the hash of how its key looks, that of the key, and the row.
    looks: Vec<(KeyHash, KeyHash, u32)>,
    wire: Vec<u8>,
    tally: Tally,
    unreadable_key: Option<UnreadableKey>,
    keyless_cell: Option<String>,
    fits: Vec<Fit>,
    rejections: Vec<Rejection>,
    max_row_bytes: usize,
}

impl<'a> SnapshotBuilder<'a> {
    /// Starts an empty snapshot of a tab that `mapping` is bound to.
    #[must_use]
    pub fn new(mapping: &'a Mapping, version: MappingVersion, duplicates: Duplicates) -> Self {
        Self {
            mapping,
            version,
            duplicates,
            only: None,
            entries: Vec::new(),
            looks: Vec::new(),
            wire: Vec::new(),
            tally: Tally::default(),
            unreadable_key: None,
            keyless_cell: None,
            fits: Vec::new(),
            rejections: Vec::new(),
            max_row_bytes: row_size::max_row_bytes(mapping.column_names()),
        }
    }

    /// Also counts how the cells of each column fit. A preview reports that; a run does not need it.
    #[must_use]
    pub fn measured(mut self) -> Self {
        self.fits = self.mapping.sources().map(|_| Fit::default()).collect();
        self
    }

    /// Takes in only the rows with the given keys, for a selective run; all others are as if they were not there. The keys
    /// are read by the same rules as the cells: who types `ａａ１` means the row that the mapping calls `aa1`.
    #[must_use]
    pub fn only(mut self, keys: Option<&[String]>) -> Self {
        self.only = keys.map(|keys| keys.iter().map(|key| (self.mapping.row_key_of(key), key.clone())).collect());
        self
    }

    /// Maps and adds the row with the number `row`.
    pub fn add(&mut self, row: u32, cells: &[Cell]) {
        let mapped = self.mapping.row(row, cells);
        if let Some(only) = &self.only {
            let key = match &mapped {
                Mapped::Row(mapped) => Some(&mapped.key),
                Mapped::Rejected { key, .. } => key.as_ref(),
                Mapped::Blank | Mapped::Skipped(_) => None,
            };
            if !key.is_some_and(|key| only.contains_key(key)) {
                return;
            }
        }
        self.measure(cells, &mapped);
        match mapped {
            Mapped::Blank => return,
            Mapped::Skipped(reason) => {
                self.tally.rows_skipped += 1;
                self.tally.keyless_rows += 1;
                if self.keyless_cell.is_none() {
                    self.keyless_cell.clone_from(&reason.cell);
                }
                self.rejections.push(reason);
            }
            Mapped::Rejected { key, rejections } => {
                self.tally.rows_rejected += 1;
                match key {
                    Some(text) => {
                        let key = KeyHash::of(&text);
                        self.looks.push((KeyHash::of(&mapping::look(&text)), key, row));
                        self.entries.push(Entry { key, row, state: State::Present });
                    }
                    None => self.note_unreadable_key(row, &rejections),
                }
                self.rejections.extend(rejections);
            }
            Mapped::Row(mapped) => {
                let key = KeyHash::of(&mapped.key);
                self.looks.push((KeyHash::of(&mapping::look(&mapped.key)), key, row));
                let start = self.wire.len();
                let state = match self.append(key, row, &mapped) {
                    Some(content) => State::Ready { content, start, length: (self.wire.len() - start) as u32 },
                    None => {
                        self.wire.truncate(start);
                        self.tally.rows_rejected += 1;
                        let message = format!(
                            "the row takes more than {} bytes, which is more than a message can carry; \
                             shorten its longest cells or leave a column out of sheetsync.toml",
                            self.max_row_bytes
                        );
                        self.rejections.push(self.mapping.reject_row(Code::RowTooLarge, &mapped.key, row, message));
                        State::Present
                    }
                };
                self.entries.push(Entry { key, row, state });
            }
        }
        self.tally.rows_read += 1;
    }

    fn note_unreadable_key(&mut self, row: u32, rejections: &[Rejection]) {
        self.tally.keys_unreadable += 1;
        if self.unreadable_key.is_some() {
            return;
        }
        let is_of_key = |rejection: &&Rejection| rejection.column.as_deref().is_some_and(|it| self.mapping.is_key(it));
        let rejection = rejections.iter().find(is_of_key);
        let cell = rejection.and_then(|rejection| rejection.cell.clone()).unwrap_or_else(|| format!("row {row}"));
        let reason = rejection.map_or_else(String::new, |rejection| match (rejection.code, &rejection.raw) {
            // What a formula leaves in its cell, such as `#N/A`, says it best, and is no content of the row.
            (Code::CellError, Some(error)) => error.clone(),
            _ => rejection.message.clone(),
        });
        self.unreadable_key = Some(UnreadableKey { cell, reason });
    }

    fn measure(&mut self, cells: &[Cell], mapped: &Mapped) {
        let rejections = match mapped {
            Mapped::Blank | Mapped::Skipped(_) => return,
            Mapped::Row(_) => &[],
            Mapped::Rejected { rejections, .. } => rejections.as_slice(),
        };
        for (fit, (column, is_blank)) in self.fits.iter_mut().zip(self.mapping.blanks(cells)) {
            if rejections.iter().any(|rejection| rejection.column.as_deref() == Some(column)) {
                fit.rejected += 1;
            } else if is_blank {
                fit.blank += 1;
            } else {
                fit.fits += 1;
            }
        }
    }

    /// Appends the wire form of a row (docs/PROTOCOL.md, "Message") and hashes its content; `None` when it is too large.
    fn append(&mut self, key: KeyHash, row: u32, mapped: &Row) -> Option<ContentHash> {
        let mut content = Vec::with_capacity(256);
        mapped.write_json(&mut content);
        if !mapped.keep.is_empty() {
            content.extend_from_slice(br#","keep":"#);
            serde_json::to_writer(&mut content, &mapped.keep).ok()?;
        }
        escape_noncharacters(&mut content);
        let hash = ContentHash::of(self.version, &content);
        self.wire.extend_from_slice(br#"{"k":"#);
        let mut row_key = serde_json::to_vec(&mapped.key).ok()?;
        escape_noncharacters(&mut row_key);
        self.wire.extend_from_slice(&row_key);
        self.wire.extend_from_slice(format!(r#","h":{},"c":{},"n":{row},"v":"#, key.get(), hash.get()).as_bytes());
        let fits = row_key.len() + content.len() + 100 <= self.max_row_bytes;
        self.wire.extend_from_slice(&content);
        self.wire.push(b'}');
        fits.then_some(hash)
    }

    /// Takes the rejections that have come up since the last call, so that they need not pile up while a sheet is read.
    pub fn take_rejections(&mut self) -> Vec<Rejection> {
        std::mem::take(&mut self.rejections)
    }

    /// How many rejections wait to be taken.
    #[must_use]
    pub fn waiting_rejections(&self) -> usize {
        self.rejections.len()
    }

    /// Ends the reading: settles duplicate keys and sorts by key hash. `moved` says that the sheet changed while it was
    /// read, in which case a row may have been read twice: equal rows are then one row.
    #[must_use]
    pub fn finish(mut self, moved: bool) -> (Snapshot, Rejections<'a>) {
        let mut read = std::mem::take(&mut self.entries);
        read.sort_unstable_by_key(|entry| (entry.key, entry.row));
        let mut entries = Vec::with_capacity(read.len());
        let mut groups = Vec::new();
        for group in read.chunk_by(|left, right| left.key == right.key) {
            let kept = match group {
                [entry] => *entry,
                [first, ..] if moved && group.iter().all(|entry| same_content(entry, first)) => {
                    self.tally.rows_read -= group.len() as u64 - 1;
                    *first
                }
                _ => self.settle(group, &mut groups),
            };
            entries.push(kept);
        }
        let is_missing = |key: &str| entries.binary_search_by_key(&KeyHash::of(key), |entry| entry.key).is_err();
        let asked = self.only.take().into_iter().flatten();
        let mut missing: Vec<String> = asked.filter(|(key, _)| is_missing(key)).map(|(_, asked)| asked).collect();
        missing.sort_unstable();
        let look_alikes = LookAlikes::among(self.looks, self.mapping);
        let waiting = self.rejections.into_iter();
        let rejections = Rejections { mapping: self.mapping, waiting, groups: groups.into_iter(), group: None };
        let snapshot = Snapshot {
            entries,
            wire: self.wire,
            tally: self.tally,
            unreadable_key: self.unreadable_key,
            keyless_cell: self.keyless_cell,
            look_alikes,
            missing,
            fits: self.fits,
        };
        (snapshot, rejections)
    }

    /// Settles rows that share a key: one entry comes back, and the others are counted and added to `groups`. A row that was
    /// rejected for its cells counts among those that share the key, but is not counted or explained twice.
    fn settle(&mut self, group: &[Entry], groups: &mut Vec<SameKey>) -> Entry {
        let winner = match self.duplicates {
            Duplicates::Reject => None,
            Duplicates::First => group.first(),
            Duplicates::Last => group.last(),
        };
        let mut key = None;
        let mut rows = Vec::new();
        for entry in group {
            let State::Ready { start, length, .. } = entry.state else { continue };
            if winner.is_none_or(|winner| winner.row != entry.row) {
                key.get_or_insert_with(|| row_key(&self.wire[start..start + length as usize]).unwrap_or_default());
                rows.push(entry.row);
            }
        }
        self.tally.shared_rows += group.len() as u64 - 1;
        let left_out = rows.len() as u64;
        let why = match winner {
            None => {
                self.tally.rows_rejected += left_out;
                let first = group.iter().take(NAMED_DUPLICATES + 1).map(|entry| entry.row).collect();
                LeftOut::NoneIsUsed { first, others: group.len() - 1 }
            }
            Some(winner) => {
                self.tally.rows_skipped += left_out;
                LeftOut::AnotherIsUsed { row: winner.row }
            }
        };
        groups.extend(key.map(|key| SameKey { key, rows: rows.into_iter(), why }));
        match winner {
            Some(winner) => *winner,
            None => Entry { state: State::Present, ..group[0] },
        }
    }
}

/// Keys that differ and look alike to people: in width, case, forms of letters, or invisible characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LookAlikes {
    /// How many keys look like one further up in the sheet.
    pub count: u64,
    /// The cells of the first of them, each with the cell of the key that it looks like.
    pub first: Vec<(String, String)>,
}

/// How many look-alikes a warning names.
const NAMED_LOOK_ALIKES: usize = 5;

impl LookAlikes {
    fn among(mut looks: Vec<(KeyHash, KeyHash, u32)>, mapping: &Mapping) -> Self {
        looks.sort_unstable();
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for alike in looks.chunk_by(|left, right| left.0 == right.0) {
            // Of rows that share a key, which are another matter, the first.
            let rows = || alike.chunk_by(|left, right| left.1 == right.1).map(|same| same[0].2);
            let first = rows().min().unwrap_or_default();
            pairs.extend(rows().filter(|row| *row != first).map(|row| (first, row)));
        }
        pairs.sort_unstable();
        let cells = |(one, other): &(u32, u32)| (mapping.key_cell(*one), mapping.key_cell(*other));
        Self { count: pairs.len() as u64, first: pairs.iter().take(NAMED_LOOK_ALIKES).map(cells).collect() }
    }

    /// What a person should know of them.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let named: Vec<String> = self.first.iter().map(|(one, other)| format!("{one} and {other}")).collect();
        let more = match self.count.saturating_sub(self.first.len() as u64) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (self.count > 0).then(|| {
            format!(
                "{} keys look like another one, and each is a row of its own: {}{more}; they differ in case, width or in \
                 characters that cannot be seen; if one row is meant, delete the other",
                self.count,
                named.join(", ")
            )
        })
    }
}

fn same_content(left: &Entry, right: &Entry) -> bool {
    match (left.state, right.state) {
        (State::Ready { content: left, .. }, State::Ready { content: right, .. }) => left == right,
        _ => false,
    }
}

/// The rejections of a reading that were not taken before its end. Those of rows that share a key are made one at a time: a
/// placeholder that is filled down a column makes hundreds of thousands of them.
pub struct Rejections<'a> {
    mapping: &'a Mapping,
    waiting: std::vec::IntoIter<Rejection>,
    groups: std::vec::IntoIter<SameKey>,
    group: Option<SameKey>,
}

/// Rows that are left out because they share a key.
struct SameKey {
    key: String,
    rows: std::vec::IntoIter<u32>,
    why: LeftOut,
}

enum LeftOut {
    /// No row with the key is used: the first rows that have it, and how many have it beside each of them.
    NoneIsUsed {
        first: Vec<u32>,
        others: usize,
    },
    AnotherIsUsed {
        row: u32,
    },
}

impl Iterator for Rejections<'_> {
    type Item = Rejection;

    fn next(&mut self) -> Option<Rejection> {
        if let Some(rejection) = self.waiting.next() {
            return Some(rejection);
        }
        loop {
            if let Some(group) = &mut self.group
                && let Some(row) = group.rows.next()
            {
                let (code, message) = group.why.explain(row);
                return Some(self.mapping.reject_row(code, &group.key, row, message));
            }
            self.group = Some(self.groups.next()?);
        }
    }
}

impl LeftOut {
    fn explain(&self, row: u32) -> (Code, String) {
        match self {
            Self::NoneIsUsed { first, others } => {
                let named = first.iter().filter(|other| **other != row).take(NAMED_DUPLICATES).map(u32::to_string);
                let named = named.collect::<Vec<_>>().join(", ");
                let others = match (*others, others.saturating_sub(NAMED_DUPLICATES)) {
                    (1, _) => format!("row {named}"),
                    (_, 0) => format!("rows {named}"),
                    (_, more) => format!("rows {named} and {more} more"),
                };
                (Code::DuplicateKey, format!("the key must be in one row only; it is also in {others}"))
            }
            Self::AnotherIsUsed { row } => {
                (Code::DuplicateSkipped, format!("row {row} has the same key and is used instead"))
            }
        }
    }
}

/// The row key in the wire form of a row.
fn row_key(wire: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Keyed {
        k: String,
    }
    serde_json::from_slice::<Keyed>(wire).ok().map(|keyed| keyed.k)
}

/// SQS refuses U+FFFE and U+FFFF, which serde_json writes as they are; inside JSON text they can only stand in strings.
fn escape_noncharacters(json: &mut Vec<u8>) {
    let is_noncharacter = |window: &[u8]| matches!(window, [0xEF, 0xBF, 0xBE | 0xBF]);
    if !json.windows(3).any(is_noncharacter) {
        return;
    }
    let mut escaped = Vec::with_capacity(json.len() + 16);
    let mut rest = json.as_slice();
    while let Some((&first, tail)) = rest.split_first() {
        match rest.get(..3) {
            Some([0xEF, 0xBF, last @ (0xBE | 0xBF)]) => {
                escaped.extend_from_slice(if *last == 0xBE { br"\ufffe" } else { br"\uffff" });
                rest = &rest[3..];
            }
            _ => {
                escaped.push(first);
                rest = tail;
            }
        }
    }
    *json = escaped;
}

/// The rows of a sheet that have a key, one entry a key, in key-hash order.
pub struct Snapshot {
    entries: Vec<Entry>,
    wire: Vec<u8>,
    tally: Tally,
    unreadable_key: Option<UnreadableKey>,
    look_alikes: LookAlikes,
    keyless_cell: Option<String>,
    missing: Vec<String>,
    fits: Vec<Fit>,
}

impl Snapshot {
    /// Keys that look alike.
    #[must_use]
    pub fn look_alikes(&self) -> &LookAlikes {
        &self.look_alikes
    }

    /// All entries, in key-hash order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What was read and what was left out.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The first of the keys that cannot be read.
    #[must_use]
    pub fn unreadable_key(&self) -> Option<&UnreadableKey> {
        self.unreadable_key.as_ref()
    }

    /// The address of the key's cell in the first row that has content and no key.
    #[must_use]
    pub fn keyless_cell(&self) -> Option<&str> {
        self.keyless_cell.as_deref()
    }

    /// How each column's cells fit, in the order of the definition; empty unless it was measured.
    #[must_use]
    pub fn fits(&self) -> &[Fit] {
        &self.fits
    }

    /// Whether the sheet has a row with this key, usable or not.
    #[must_use]
    pub fn has(&self, key: KeyHash) -> bool {
        self.entries.binary_search_by_key(&key, |entry| entry.key).is_ok()
    }

    /// Which of the keys that a selective run asked for the sheet does not have, as they were asked for.
    #[must_use]
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// The wire form of a row that is ready.
    #[must_use]
    pub fn wire(&self, entry: &Entry) -> &[u8] {
        match entry.state {
            State::Ready { start, length, .. } => &self.wire[start..start + length as usize],
            State::Present => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::testing::{cells, mapping};
    use crate::mapping::{Column, Limits, Locale, Normalize, Settings, Type};

    fn read(duplicates: Duplicates, moved: bool, rows: &[(u32, &str, &str)]) -> (Snapshot, Vec<Rejection>) {
        let mapping = mapping();
        let mut builder = SnapshotBuilder::new(&mapping, MappingVersion::of(b"test"), duplicates);
        for (row, key, value) in rows {
            builder.add(*row, &cells(key, value));
        }
        let (snapshot, rejections) = builder.finish(moved);
        (snapshot, rejections.collect())
    }

    fn ready_rows(snapshot: &Snapshot) -> Vec<u32> {
        let ready = snapshot.entries().iter().filter(|entry| matches!(entry.state, State::Ready { .. }));
        let mut rows: Vec<u32> = ready.map(|entry| entry.row).collect();
        rows.sort_unstable();
        rows
    }

    #[test]
    fn look_alike_keys_are_counted_and_the_first_named() {
        let keys = ["AA1", "x", "aa1", "ＡＡ１", "AA1", "a\u{301}", "á", "y"];
        let rows: Vec<(u32, &str, &str)> = (2..).zip(keys).map(|(row, key)| (row, key, "1")).collect();
        let (snapshot, _) = read(Duplicates::First, false, &rows);
        let named = [("A2", "A4"), ("A2", "A5"), ("A7", "A8")].map(|(one, other)| (one.to_owned(), other.to_owned()));
        assert_eq!(*snapshot.look_alikes(), LookAlikes { count: 3, first: named.to_vec() });
        let warning = snapshot.look_alikes().warning().expect("a warning");
        assert!(warning.starts_with("3 keys look like another one") && warning.contains("A2 and A4, "), "{warning}");
        let (snapshot, _) = read(Duplicates::Reject, false, &[(2, "A1", "1"), (3, "A2", "1"), (4, "A2", "1")]);
        assert_eq!(snapshot.look_alikes().warning(), None);
    }

    #[test]
    fn hundred_thousand_look_alike_keys_name_only_five() {
        let key = |number: u32| (0..17).map(|bit| if number >> bit & 1 == 0 { 'a' } else { 'A' }).collect::<String>();
        let keys: Vec<String> = (0..100_000).map(key).collect();
        let rows: Vec<(u32, &str, &str)> = (2..).zip(&keys).map(|(row, key)| (row, key.as_str(), "1")).collect();
        let (snapshot, _) = read(Duplicates::Reject, false, &rows);
        assert_eq!((snapshot.look_alikes().count, snapshot.look_alikes().first.len()), (99_999, NAMED_LOOK_ALIKES));
    }

    #[test]
    fn rows_with_a_shared_key_are_rejected_naming_the_others() {
        let (snapshot, rejections) = read(Duplicates::Reject, false, &[(2, "a", "1"), (3, "b", "1"), (9, "a", "2")]);
        assert_eq!(ready_rows(&snapshot), [3]);
        assert_eq!(snapshot.tally(), Tally { rows_read: 3, rows_rejected: 2, shared_rows: 1, ..Tally::default() });
        let reported: Vec<(Option<&str>, &str)> =
            rejections.iter().map(|rejection| (rejection.cell.as_deref(), rejection.message.as_str())).collect();
        assert_eq!(
            reported,
            [
                (Some("A2"), "the key must be in one row only; it is also in row 9"),
                (Some("A9"), "the key must be in one row only; it is also in row 2"),
            ]
        );
        assert_eq!(snapshot.entries().len(), 2, "a key whose rows are rejected is still in the sheet");
    }

    #[test]
    fn row_with_a_bad_cell_still_counts_as_duplicate() {
        let (snapshot, rejections) = read(Duplicates::Reject, false, &[(2, "a", "1"), (3, "a", "")]);
        assert_eq!(ready_rows(&snapshot), [0u32; 0]);
        assert_eq!(snapshot.tally(), Tally { rows_read: 2, rows_rejected: 2, shared_rows: 1, ..Tally::default() });
        assert_eq!(rejections.len(), 2);
    }

    #[test]
    fn first_or_last_duplicate_is_used_as_defined() {
        let rows = [(2, "a", "1"), (3, "b", "1"), (9, "a", "2")];
        let (first, rejections) = read(Duplicates::First, false, &rows);
        assert_eq!(ready_rows(&first), [2, 3]);
        assert_eq!(rejections[0].row_number, 9);
        let (last, rejections) = read(Duplicates::Last, false, &rows);
        assert_eq!(ready_rows(&last), [3, 9]);
        assert_eq!(rejections[0].row_number, 2);
        assert_eq!(last.tally(), Tally { rows_read: 3, rows_skipped: 1, shared_rows: 1, ..Tally::default() });
    }

    #[test]
    fn duplicate_row_names_the_first_others_and_their_number() {
        let rows: Vec<(u32, &str, &str)> = (2..=9).map(|row| (row, "a", "1")).collect();
        let (_, rejections) = read(Duplicates::Reject, false, &rows);
        let of = |row: u32| rejections.iter().find(|it| it.row_number == row).map(|it| it.message.clone());
        let expected = |others| Some(format!("the key must be in one row only; it is also in rows {others}"));
        assert_eq!(of(2), expected("3, 4, 5, 6, 7 and 2 more"));
        assert_eq!(of(4), expected("2, 3, 5, 6, 7 and 2 more"));
        assert_eq!(of(9), expected("2, 3, 4, 5, 6 and 2 more"));
    }

    #[test]
    fn key_filled_down_a_column_rejects_each_row_once() {
        const ROWS: u32 = 200_000;
        for (duplicates, rejected, skipped) in [(Duplicates::Reject, ROWS, 0), (Duplicates::Last, 0, ROWS - 1)] {
            let mapping = mapping();
            let mut builder = SnapshotBuilder::new(&mapping, MappingVersion::of(b"test"), duplicates);
            builder.add(2, &cells("-", "1"));
            // As if each of them had been mapped, which is not what this is about.
            let entry = builder.entries[0];
            builder.entries = (2..ROWS + 2).map(|row| Entry { row, ..entry }).collect();
            let (snapshot, rejections) = builder.finish(false);
            let counted = (snapshot.tally().rows_rejected, snapshot.tally().rows_skipped);
            assert_eq!(counted, (rejected.into(), skipped.into()));
            assert!(snapshot.has(KeyHash::of("-")));
            let recorded = rejections.map(|rejection| rejection.row_number);
            assert!(recorded.eq(2..rejected + skipped + 2), "each once, in order");
        }
    }

    #[test]
    fn unreadable_key_is_counted_with_its_cell_and_value() {
        let rows = [(2, "a", "1"), (17, "#N/A", "1"), (18, "Loading...", ""), (19, "", "note"), (20, "", "total")];
        let (snapshot, _) = read(Duplicates::Reject, false, &rows);
        let tally = snapshot.tally();
        assert_eq!((tally.keys_unreadable, tally.keyless_rows), (2, 2));
        assert_eq!((tally.rows_read, tally.rows_rejected, tally.rows_skipped), (5, 2, 2), "they are among these");
        let first = snapshot.unreadable_key().map(|key| (key.cell.as_str(), key.reason.as_str()));
        assert_eq!((first, snapshot.keyless_cell()), (Some(("A17", "#N/A")), Some("A19")));
    }

    #[test]
    fn row_with_a_bad_cell_has_a_readable_key() {
        let (snapshot, rejections) = read(Duplicates::Reject, false, &[(2, "a", "#N/A"), (3, "b", "")]);
        assert_eq!((snapshot.tally().keys_unreadable, rejections.len()), (0, 2));
        assert_eq!(snapshot.unreadable_key(), None);
    }

    #[test]
    fn row_read_twice_from_a_moving_sheet_is_one_row() {
        let rows = [(2, "a", "1"), (3, "a", "1")];
        let (moved, rejections) = read(Duplicates::Reject, true, &rows);
        assert_eq!((ready_rows(&moved), rejections.len()), (vec![2], 0));
        assert_eq!(moved.tally().rows_read, 1);
        let (still, rejections) = read(Duplicates::Reject, false, &rows);
        assert_eq!((ready_rows(&still), rejections.len()), (vec![], 2));
    }

    #[test]
    fn a_row_that_no_message_can_carry_is_rejected() {
        let long = "x".repeat(row_size::MAX_ROW_BYTES);
        let (snapshot, rejections) = read(Duplicates::Reject, false, &[(2, "a", &long), (3, "b", "1")]);
        assert_eq!(ready_rows(&snapshot), [3]);
        assert_eq!(rejections[0].code, Code::RowTooLarge);
        assert_eq!(rejections[0].cell.as_deref(), Some("A2"));
    }

    #[test]
    fn only_the_chosen_keys_are_taken_in() {
        let keys = ["b".to_owned(), "z".to_owned()];
        let mapping = mapping();
        let mut builder =
            SnapshotBuilder::new(&mapping, MappingVersion::of(b"test"), Duplicates::Reject).only(Some(&keys));
        builder.add(2, &cells("a", "1"));
        builder.add(3, &cells("b", "1"));
        let (snapshot, _) = builder.finish(false);
        assert_eq!(snapshot.tally().rows_read, 1);
        assert_eq!(snapshot.missing(), ["z"]);
    }

    #[test]
    fn chosen_keys_are_read_by_the_rules_of_the_cells() {
        let column = |name: &str, kind, normalize| Column {
            header: Some(name.to_owned()),
            column: name.to_owned(),
            kind,
            normalize,
            ..Column::default()
        };
        let columns = [column("key", Type::Text, Normalize::Nfkc), column("value", Type::Integer, Normalize::None)];
        let chosen = |key: &[&str], keys: &[&str], rows: &[[&str; 2]]| {
            let key: Vec<String> = key.iter().map(|name| (*name).to_owned()).collect();
            let settings = Settings {
                columns: &columns,
                key: &key,
                key_forms: &[],
                limits: &Limits::new(),
                header_row: 1,
                first_column: 0,
                time_zone: "Asia/Tokyo",
                locale: Locale::default(),
            };
            let mapping = Mapping::bind(settings, &cells("key", "value")).expect("the headers fit");
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            let mut builder =
                SnapshotBuilder::new(&mapping, MappingVersion::of(b"test"), Duplicates::Reject).only(Some(&keys));
            for (number, [key, value]) in (2..).zip(rows) {
                builder.add(number, &cells(key, value));
            }
            let (snapshot, _) = builder.finish(false);
            (ready_rows(&snapshot), snapshot.missing().to_vec())
        };
        let rows = [["ＡＡ１２３", "1"], ["AA124 ", "2"], ["AA125", "3"]];
        assert_eq!(chosen(&["key"], &["AA123", "ＡＡ１２４"], &rows), (vec![2, 3], vec![]));
        assert_eq!(chosen(&["key"], &[" ＡＡ１２５", "ＡＡ９"], &rows), (vec![4], vec!["ＡＡ９".to_owned()]));
        let both = [r#"["ＡＡ１２３", "１"]"#, r#"["AA124","2"]"#, "AA125"];
        assert_eq!(chosen(&["key", "value"], &both, &rows), (vec![2, 3], vec!["AA125".to_owned()]));
    }

    #[test]
    fn cells_of_keyed_rows_count_as_blank_fitting_or_rejected() {
        let mapping = mapping();
        let version = MappingVersion::of(b"test");
        let mut builder = SnapshotBuilder::new(&mapping, version, Duplicates::Reject).measured();
        for (row, key, value) in [(2, "a", "1"), (3, "b", ""), (4, "", "no key"), (5, "", "")] {
            builder.add(row, &cells(key, value));
        }
        let (snapshot, _) = builder.finish(false);
        let fit = |blank, fits, rejected| Fit { blank, fits, rejected };
        assert_eq!(snapshot.fits(), [fit(0, 2, 0), fit(0, 1, 1)]);
    }

    #[test]
    fn characters_that_sqs_refuses_are_escaped() {
        let mut json = "\"a\u{fffe}\u{ffff}\u{fffd}あ\"".as_bytes().to_vec();
        escape_noncharacters(&mut json);
        assert_eq!(String::from_utf8(json).unwrap(), "\"a\\ufffe\\uffff\u{fffd}あ\"");
    }

    #[test]
    fn the_same_values_hash_the_same_wherever_the_row_stands() {
        let (one, _) = read(Duplicates::Reject, false, &[(2, "a", "1")]);
        let (other, _) = read(Duplicates::Reject, false, &[(3, "z", "2"), (70, "a", "1")]);
        let content = |snapshot: &Snapshot| {
            let found = snapshot.entries().iter().find(|entry| entry.key == KeyHash::of("a"));
            match found.unwrap().state {
                State::Ready { content, .. } => content,
                State::Present => panic!("it is ready"),
            }
        };
        assert_eq!(content(&one), content(&other));
    }
}
