//! What differs between sheet and table, found without reading the table: both sides are hashed, range by range. Pure: no
//! I/O, no clock.
//!
//! - [`hash`]: key hash, content hash, digests of ranges; they are part of the protocol and never change;
//! - [`snapshot`]: what the sheet holds, one entry a row; [`row_size`]: how large a row may be;
//! - [`plan`]: which rows are sent, which keys have vanished, when deletes are withheld.
//!
//! Uses `definition`, `mapping` and `platform` (for its faults).

pub mod hash;
pub mod plan;
pub mod row_size;
pub mod snapshot;
#[cfg(test)]
pub(crate) mod testing;
