//! The messages, as `sync_apply` reads them, and what they are known by.

/// The number of a run: its id.
pub type RunId = u32;

/// A row key: its text is `K0007` for the number 7, so that numbers sort as texts do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its number.
    pub number: u16,
    /// Its key hash.
    pub hash: i64,
}

/// A value that is no number: Postgres refuses the row by itself (SQLSTATE of class 22), written or not.
pub const UNREADABLE: i32 = i32::MIN;

/// A value that needs another row: refused (23503) while that one is missing, and tried again before the run closes.
pub const CHILD: i32 = 9;

/// A row as a message carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    /// Its key.
    pub key: Key,
    /// Its content hash.
    pub content: i64,
    /// The one value beside the key. A check of the table refuses to write one below zero; see also [`UNREADABLE`] and [`CHILD`].
    pub value: i32,
}

/// A message of the queue, as `sync_apply` reads it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Batch {
    /// Its run.
    pub run: RunId,
    /// What it carries.
    pub payload: Payload,
    /// The first key hash of its stretch.
    pub lo: i64,
    /// The last plus one.
    pub hi: i64,
}

/// What a batch carries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payload {
    /// Rows to insert and update.
    Upsert(Vec<Row>),
    /// Key hashes of rows to delete.
    Delete(Vec<i64>),
}

/// Upsert or delete: part of a batch's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Inserts and updates rows.
    Upsert,
    /// Deletes rows.
    Delete,
}

/// The primary key of `sync_batches`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey {
    /// The run.
    pub run: RunId,
    /// Upsert or delete.
    pub kind: Kind,
    /// The stretch.
    pub lo: i64,
    /// The stretch.
    pub hi: i64,
}

impl Batch {
    /// A batch of these rows, as the scheduler packs it.
    #[must_use]
    pub fn upsert(run: RunId, mut rows: Vec<Row>) -> Self {
        rows.sort_by_key(|row| row.key.hash);
        let (lo, hi) = ends(rows.iter().map(|row| row.key.hash));
        Self { run, payload: Payload::Upsert(rows), lo, hi }
    }

    /// A batch that deletes these keys.
    #[must_use]
    pub fn delete(run: RunId, mut hashes: Vec<i64>) -> Self {
        hashes.sort_unstable();
        let (lo, hi) = ends(hashes.iter().copied());
        Self { run, payload: Payload::Delete(hashes), lo, hi }
    }

    /// Upsert or delete.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.payload {
            Payload::Upsert(_) => Kind::Upsert,
            Payload::Delete(_) => Kind::Delete,
        }
    }

    /// How many rows or keys it carries.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.payload {
            Payload::Upsert(rows) => rows.len(),
            Payload::Delete(keys) => keys.len(),
        }
    }

    /// Whether it carries nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its halves, as the worker cuts it; `None` for a single row.
    #[must_use]
    pub fn halves(&self) -> Option<(Self, Self)> {
        let middle = self.len() / 2;
        let cut = match &self.payload {
            _ if middle == 0 => return None,
            Payload::Upsert(rows) => rows[middle].key.hash,
            Payload::Delete(keys) => keys[middle],
        };
        let (first, second) = match &self.payload {
            Payload::Upsert(rows) => {
                (Payload::Upsert(rows[..middle].to_vec()), Payload::Upsert(rows[middle..].to_vec()))
            }
            Payload::Delete(keys) => {
                (Payload::Delete(keys[..middle].to_vec()), Payload::Delete(keys[middle..].to_vec()))
            }
        };
        Some((Self { payload: first, hi: cut, ..self.clone() }, Self { payload: second, lo: cut, ..self.clone() }))
    }

    /// What it is known by.
    #[must_use]
    pub fn entry(&self) -> EntryKey {
        EntryKey { run: self.run, kind: self.kind(), lo: self.lo, hi: self.hi }
    }
}

fn ends(hashes: impl Iterator<Item = i64> + Clone) -> (i64, i64) {
    (hashes.clone().min().unwrap_or(0), hashes.max().unwrap_or(0).saturating_add(1))
}
