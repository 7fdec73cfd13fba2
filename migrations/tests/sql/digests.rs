//! Digests and row hashes against an independent computation of docs/PROTOCOL.md, "Hashes".

use std::collections::BTreeMap;

use base64::Engine;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_postgres::Client;

use crate::harness::{Database, Sync, call, things};

/// Key hashes at the edges of every range, and some in between.
fn hashes() -> Vec<(i64, Option<i64>)> {
    let mut hashes =
        vec![i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, 1 << 62, -(1 << 62), (1 << 44) - 1, 1 << 44, -(1 << 44)];
    hashes.extend((0..500i64).map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64) - 1));
    hashes.sort_unstable();
    hashes.dedup();
    hashes
        .iter()
        .enumerate()
        .map(|(index, &hash)| (hash, (index % 7 != 0).then_some(hash.wrapping_mul(31) | 1)))
        .collect()
}

async fn remembered() -> (Database, Client, Vec<(i64, Option<i64>)>) {
    let (database, service, sync) = things().await;
    sync.begin(&service).await;
    let hashes = hashes();
    let values: Vec<String> = hashes
        .iter()
        .map(|(key, content)| {
            format!(
                "('listings', 'k{key}', {key}, {}, 'present', 1)",
                content.map_or("null".into(), |hash| hash.to_string())
            )
        })
        .collect();
    let insert = "insert into sync_rows (sync, row_key, key_hash, content_hash, state, last_seq) values";
    database.sql(&format!("{insert} {}", values.join(", "))).await;
    // Neither soft-deleted rows nor those of other syncs count.
    database.sql(&format!("{insert} ('listings', 'gone', 5, 5, 'deleted', 1), ('listings', 'left', 6, 6, 'absent', 1), ('others', 'x', 7, 7, 'present', 1)")).await;
    (database, service, hashes)
}

fn range(key: i64, bits: u32) -> u64 {
    if bits == 0 { 0 } else { ((key as u64) ^ (1 << 63)) >> (64 - bits) }
}

fn pair(key: i64, content: Option<i64>) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&key.to_be_bytes());
    bytes[8..].copy_from_slice(&content.unwrap_or(0).to_be_bytes());
    bytes
}

#[tokio::test]
async fn digests_are_those_of_the_protocol_at_every_depth() {
    let (_database, service, hashes) = remembered().await;
    for bits in 0..=20 {
        let mut ranges: BTreeMap<u64, (u64, Sha256)> = BTreeMap::new();
        for &(key, content) in &hashes {
            let (count, digest) = ranges.entry(range(key, bits)).or_default();
            *count += 1;
            digest.update(pair(key, content));
        }
        let expected: Vec<Value> = ranges
            .into_iter()
            .map(|(index, (count, digest))| {
                let hex: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
                json!([index, count, hex])
            })
            .collect();
        let answer = call(&service, "sync_range_digests", &[json!("listings"), json!(bits)]).await;
        assert_eq!(answer, json!({"rows": hashes.len(), "ranges": expected}), "at {bits} bits");
    }
}

#[tokio::test]
async fn row_hashes_are_those_of_the_ranges_asked_for() {
    let (_database, service, hashes) = remembered().await;
    for bits in [0, 1, 2, 5, 20] {
        let last = (1u64 << bits) - 1;
        for asked in [vec![0], vec![last], vec![0, last, 0], vec![last / 2, last]] {
            let list: Vec<String> = asked.iter().map(ToString::to_string).collect();
            let query = format!("select public.sync_row_hashes('listings', {bits}, array[{}])", list.join(", "));
            let text: String = service.query_one(&query, &[]).await.unwrap().get(0);
            let expected: Vec<u8> = hashes
                .iter()
                .filter(|(key, _)| asked.contains(&range(*key, bits)))
                .flat_map(|&(key, content)| pair(key, content))
                .collect();
            assert_eq!(
                base64::engine::general_purpose::STANDARD.decode(&text).unwrap(),
                expected,
                "{asked:?} at {bits} bits"
            );
        }
    }
}

#[tokio::test]
async fn a_sync_without_rows_has_no_ranges() {
    let (_database, service, _) = things().await;
    assert_eq!(
        call(&service, "sync_range_digests", &[json!("listings"), json!(4)]).await,
        json!({"rows": 0, "ranges": []})
    );
    let text: String =
        service.query_one("select public.sync_row_hashes('listings', 4, array[1])", &[]).await.unwrap().get(0);
    assert_eq!(text, "");
}

#[tokio::test]
async fn digests_follow_what_was_applied() {
    let (_database, service, sync): (_, _, Sync) = things().await;
    let digest = async || call(&service, "sync_range_digests", &[json!("listings"), json!(0)]).await;
    sync.run(&service, &[json!(["A", 1])]).await;
    let one = digest().await;
    sync.run(&service, &[json!(["A", 1])]).await;
    assert_eq!(digest().await, one);
    sync.run(&service, &[json!(["A", 2])]).await;
    assert_ne!(digest().await, one);
}
