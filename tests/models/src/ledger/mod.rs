//! The run protocol as plain data: what the migrations do in Postgres, from `sync_begin` to `sync_close`, transcribed into Rust over small tables, so
//! that a model checker and a simulation can run it millions of times. `tests/conformance.rs` applies the same operations to
//! both and compares every answer and every table, which is what ties a model's verdict to the product.
//!
//! One sync with the key `id` and the column `amount`, mode `upsert`, `adopt = "sheet"`: the first run takes over rows that
//! differ. The base is kept in values; Postgres keeps their hashes.
//!
//! Left out: texts of errors, `sync_errors`, the check of a definition against the catalogue, the modes `insert_only` and
//! `update_only`, `adopt` "ask" and "database", approvals and plans; changes of the columns, the key, the table or the sync's
//! name; other syncs of the table; triggers that change or keep a value; unique columns beside the key (order of rows,
//! circles, renames with `rename_by`). A row that depends on others is one that needs a parent.

mod account;
mod apply;
mod batch;
mod begin;
mod merge;
mod retry;
mod tables;

pub use apply::{LateHashes, Prepared, SerializationFailure};
pub use batch::{Batch, CHILD, EntryKey, Key, Kind, Payload, Row, RunId, UNREADABLE};
pub use tables::*;
