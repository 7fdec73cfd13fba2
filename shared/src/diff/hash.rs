//! The hashes by which a row is found and compared: key hash, content hash, and the digest of a range of key hashes.
//! They are part of the protocol (docs/PROTOCOL.md, "Hashes") and are stored, so they never change.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::definition::MappingVersion;

/// The most bits that a range index may have; `sync_range_digests` refuses more.
pub const MAX_RANGE_BITS: u32 = 20;

/// How many rows a range should hold on average: small enough that one changed row fetches little, large enough that
/// the digests of a whole sheet stay a few kilobytes.
const ROWS_PER_RANGE: u64 = 500;

/// The 64-bit hash of a row key, signed as Postgres stores it. Never `i64::MAX`, so that every hash lies inside a
/// half-open interval whose end is an `i64` too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyHash(i64);

impl KeyHash {
    /// Hashes the text of a row key.
    #[must_use]
    pub fn of(row_key: &str) -> Self {
        Self((xxh3_64(row_key.as_bytes()) as i64).min(i64::MAX - 1))
    }

    /// A hash that came from the database.
    #[must_use]
    pub fn from_stored(hash: i64) -> Self {
        Self(hash)
    }

    /// The number as Postgres stores it.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// The end of the half-open interval that has this hash as its last member.
    #[must_use]
    pub fn next(self) -> i64 {
        self.0.saturating_add(1)
    }

    /// Which of the `2^bits` equal slices of the key-hash space this hash lies in, in key-hash order.
    #[must_use]
    pub fn range(self, bits: u32) -> RangeIndex {
        if bits == 0 {
            return 0;
        }
        // Flipping the sign bit turns the order of i64 into the order of u64.
        let position = (self.0 as u64) ^ (1 << 63);
        (position >> (64 - bits)) as RangeIndex
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The number of a range among `2^bits`.
pub type RangeIndex = u32;

/// How many bits of the key hash make a range, so that one holds some 500 of `rows` rows.
#[must_use]
pub fn range_bits(rows: u64) -> u32 {
    rows.div_ceil(ROWS_PER_RANGE).max(1).next_power_of_two().trailing_zeros().min(MAX_RANGE_BITS)
}

/// The 64-bit hash of a row's mapped values and the mapping version. Never 0: on the wire 0 is "must be sent again".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ContentHash(i64);

impl ContentHash {
    /// Hashes a row's canonical JSON under a mapping version.
    #[must_use]
    pub fn of(mapping: MappingVersion, canonical: &[u8]) -> Self {
        let mut hasher = Xxh3::new();
        hasher.update(&mapping.get().to_be_bytes());
        hasher.update(canonical);
        Self(match hasher.digest() as i64 {
            0 => 1,
            hash => hash,
        })
    }

    /// A hash that came from the database; `None` for a row that must be sent again.
    #[must_use]
    pub fn from_stored(hash: i64) -> Option<Self> {
        (hash != 0).then_some(Self(hash))
    }

    /// The number as Postgres stores it.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

/// Names a set of keys that vanished: its size and a digest. Who approves the deletion of one set approves no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet {
    /// How many keys it holds.
    pub count: u64,
    /// Lower-case hex SHA-256 of the sorted key hashes, 8 bytes each, big-endian.
    pub digest: String,
}

impl KeySet {
    /// Names the set of these keys, which come in key-hash order.
    #[must_use]
    pub fn of(sorted: &[KeyHash]) -> Self {
        let mut digest = Sha256::new();
        for key in sorted {
            digest.update(key.0.to_be_bytes());
        }
        Self { count: sorted.len() as u64, digest: hex(digest) }
    }
}

/// The digest of a range, built from its (key hash, content hash) pairs in order.
#[derive(Default)]
pub struct DigestBuilder(Sha256);

impl DigestBuilder {
    /// Adds the next pair; pairs come in the order of (key hash, content hash).
    pub fn add(&mut self, key: KeyHash, content: ContentHash) {
        self.0.update(key.0.to_be_bytes());
        self.0.update(content.0.to_be_bytes());
    }

    /// The digest as the database writes it: lower-case hex.
    #[must_use]
    pub fn finish(self) -> String {
        hex(self.0)
    }
}

fn hex(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_same_for_ever() {
        // Fixed when the first rows were stored; a change here would send every row of every user again.
        assert_eq!(KeyHash::of("").get(), 3_244_421_341_483_603_138);
        assert_eq!(KeyHash::of("AA12345").get(), -5_175_215_985_075_911_838);
        assert_eq!(KeyHash::of("物件-１").get(), -4_434_646_159_319_199_719);
        assert_eq!(KeyHash::of(r#"["A","1"]"#).get(), -9_098_353_794_233_424_840);
        let mapping = MappingVersion::of(b"mapping");
        assert_eq!(mapping.to_string(), "27da2fb1239ce6ac");
        let content = ContentHash::of(mapping, br#"["AA12345",128000000]"#);
        assert_eq!(content.get(), -8_308_319_065_256_151_669);
    }

    #[test]
    fn key_set_digest_follows_the_protocol() {
        let keys = [KeyHash(-1), KeyHash(2)];
        let digest = "f489a254597ec8f26aa22f24cac5118fea8795cd919bcd7a18615503a82e53eb";
        assert_eq!(KeySet::of(&keys), KeySet { count: 2, digest: digest.to_owned() });
        assert_ne!(KeySet::of(&keys).digest, KeySet::of(&keys[..1]).digest);
    }

    #[test]
    fn ranges_follow_the_order_of_key_hashes() {
        assert_eq!(KeyHash(i64::MIN).range(4), 0);
        assert_eq!(KeyHash(-1).range(4), 7);
        assert_eq!(KeyHash(0).range(4), 8);
        assert_eq!(KeyHash(i64::MAX - 1).range(4), 15);
        assert_eq!(KeyHash(i64::MAX - 1).range(0), 0);
        assert_eq!(KeyHash(i64::MIN).range(1), 0);
        assert_eq!(KeyHash(0).range(1), 1);
    }

    #[test]
    fn a_range_holds_some_five_hundred_rows() {
        assert_eq!(range_bits(0), 0);
        assert_eq!(range_bits(500), 0);
        assert_eq!(range_bits(501), 1);
        assert_eq!(range_bits(21_597), 6);
        assert_eq!(range_bits(1_000_000), 11);
        assert_eq!(range_bits(u64::MAX / 1000), MAX_RANGE_BITS);
    }

    #[test]
    fn the_content_hash_depends_on_the_mapping() {
        let values = br#"["a"]"#;
        assert_ne!(
            ContentHash::of(MappingVersion::of(b"1"), values),
            ContentHash::of(MappingVersion::of(b"2"), values)
        );
    }
}
