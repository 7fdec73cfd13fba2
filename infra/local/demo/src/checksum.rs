//! The independent proof: a checksum of what a table must hold, computed from the generator's truth, and the SQL with
//! which Postgres computes the same of what it does hold. Nothing of the product stands between the two.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};

use crate::listing::{Column, KEY_COLUMN};
use crate::value::Value;

/// Number and content of rows, in one comparable value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// How many rows.
    pub rows: u64,
    /// SHA-256, in hex, of the rows' own SHA-256 in the order of the key's bytes.
    pub sha256: String,
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows, sha256 {}", self.rows, self.sha256)
    }
}

/// What a table must hold: grows row by row, 100 bytes a row, and can be changed as the sheet is.
#[derive(Debug, Clone)]
pub struct Expected {
    key_position: usize,
    row_digests: BTreeMap<String, String>,
}

impl Expected {
    /// An empty table with these columns.
    pub fn new(columns: &[Column]) -> Self {
        let key_position = columns.iter().position(|column| column.name == KEY_COLUMN).unwrap_or_default();
        Self { key_position, row_digests: BTreeMap::new() }
    }

    /// Adds a row, or replaces the one with its key.
    pub fn insert(&mut self, values: &[Value]) {
        let texts: Vec<String> = values.iter().map(Value::canonical).collect();
        self.row_digests.insert(key_text(&values[self.key_position]), hex_digest(texts.join("\u{1f}").as_bytes()));
    }

    /// Takes the row with this row's key away.
    pub fn remove(&mut self, values: &[Value]) {
        self.row_digests.remove(&key_text(&values[self.key_position]));
    }

    /// Number and checksum of the rows.
    pub fn checksum(&self) -> Checksum {
        let mut all = Sha256::new();
        for digest in self.row_digests.values() {
            all.update(digest.as_bytes());
        }
        Checksum { rows: self.row_digests.len() as u64, sha256: hex(&all.finalize()) }
    }
}

/// The query that answers `(rows bigint, sha256 text)` for the rows of a table for which `condition` holds.
pub fn checksum_sql(table: &str, columns: &[Column], condition: &str) -> String {
    let texts: Vec<String> = columns.iter().map(|column| column.kind.canonical_sql(&column.name)).collect();
    format!(
        "with digests as (\n  select \"{KEY_COLUMN}\" as key,\n         encode(sha256(convert_to(concat_ws(E'\\x1f',\n           {}), 'UTF8')), 'hex') as digest\n    \
         from \"{table}\"\n   where {condition}\n)\n\
         select count(*) as rows,\n       encode(sha256(convert_to(coalesce(string_agg(digest, '' order by key collate \"C\"), ''), 'UTF8')), 'hex') as sha256\n  \
         from digests",
        texts.join(",\n           ")
    )
}

fn key_text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => other.canonical(),
    }
}

fn hex_digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
