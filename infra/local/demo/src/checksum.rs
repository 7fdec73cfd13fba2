//! The independent proof: a checksum of what a table must hold, computed from the generator's truth, and the SQL with
//! which Postgres computes the same of what it does hold. Nothing of the product stands between the two.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};

use crate::listing::Column;
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
#[derive(Debug, Clone, Default)]
pub struct Expected {
    row_digests: BTreeMap<String, String>,
}

impl Expected {
    /// Adds a row, or replaces the one with its key, which is the first of its values.
    pub fn insert(&mut self, values: &[Value]) {
        let texts: Vec<String> = values.iter().map(Value::canonical).collect();
        self.row_digests.insert(key_text(&values[0]), hex_digest(texts.join("\u{1f}").as_bytes()));
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

/// The query that answers `(rows bigint, sha256 text)` for the rows of a table for which `condition` holds. The key is
/// the first of the columns.
pub fn checksum_sql(table: &str, columns: &[Column], condition: &str) -> String {
    let key = columns.first().map_or("", |column| column.name.as_str());
    let texts: Vec<String> = columns.iter().map(|column| column.kind.canonical_sql(&column.name)).collect();
    // In pieces, because a function takes a hundred arguments at most.
    let pieces: Vec<String> = texts
        .chunks(50)
        .map(|texts| format!("concat_ws(E'\\x1f',\n             {})", texts.join(",\n             ")))
        .collect();
    let row = pieces.join(" || E'\\x1f' ||\n             ");
    format!(
        r#"with digests as (
  select "{key}"::text as key,
         encode(sha256(convert_to({row}, 'UTF8')), 'hex') as digest
    from public."{table}"
   where {condition}
)
select count(*) as rows,
       encode(sha256(convert_to(coalesce(string_agg(digest, '' order by key collate "C"), ''), 'UTF8')), 'hex') as sha256
  from digests"#
    )
}

/// The key as Postgres shows it, by which rows are ordered.
fn key_text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => other.canonical().trim_start_matches('=').to_owned(),
    }
}

fn hex_digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
