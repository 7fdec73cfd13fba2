//! The version of a sync's mapping. It is part of the protocol (docs/PROTOCOL.md, "Hashes") and is stored, so how it is made
//! never changes.

use std::fmt;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

/// Names one state of a sync's mapping: it changes when the columns, their rules or the key change, and with it every
/// content hash, so that every row is sent once under the new mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappingVersion(u64);

impl MappingVersion {
    /// Hashes the canonical text of a mapping's definition.
    #[must_use]
    pub fn of(definition: &[u8]) -> Self {
        Self(xxh3_64(definition))
    }

    /// The number, for the hashes that are made under it.
    pub(crate) fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for MappingVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl Serialize for MappingVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
