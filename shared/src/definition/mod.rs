//! What is synced, and how: `sheetsync.toml`, parsed and checked before anything is read. The rules of one column are
//! [`crate::mapping::Column`]; this folder is about everything around them.
//!
//! - `sync`: what a definition may say; `load` reads the files, `read` parses them, `check` says what is wrong, and `schema`
//!   describes them to an editor;
//! - [`area`]: which cells of a tab are read;
//! - `version`: the version of a mapping, which is part of every content hash;
//! - [`overdue`]: when a sync is overdue.
//!
//! Uses `mapping`.

pub mod area;
mod check;
mod duration_text;
mod load;
pub mod overdue;
mod read;
#[cfg(feature = "schema")]
mod schema;
mod sync;
mod version;

pub use self::load::DefinitionError;
#[cfg(feature = "schema")]
pub use self::schema::json_schema;
pub use self::sync::{Adopt, Definition, DeletePolicy, Duplicates, Mode, OnConflict, OnDelete, OnMissing, Sync};
pub use self::version::MappingVersion;
