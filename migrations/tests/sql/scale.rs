//! What a batch costs must not grow with the tables: rows are looked up, never scanned. Counted, not timed.

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::harness::{Run, numbered, soft, things};

/// Rows that the applying of one message reads from `sync_rows` and from `things`.
async fn reads(client: &Client, run: &Run, message: &Value) -> (i64, i64) {
    let query = "select (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint
        from pg_stat_xact_user_tables where relname in ('things', 'sync_rows') order by relname";
    let count = async || -> Vec<i64> { client.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect() };
    client.batch_execute("begin").await.unwrap();
    // The view also tells what earlier transactions read and did not report yet.
    let before = count().await;
    assert_eq!(run.apply(client, message).await["outcome"], "applied");
    let after = count().await;
    client.batch_execute("commit").await.unwrap();
    (after[0] - before[0], after[1] - before[1])
}

#[tokio::test]
async fn a_batch_reads_its_own_rows_and_no_others() {
    let (database, service, sync) = things().await;
    // A sync that the statistics do not know, beside a large one that they do, and a table that they take for empty.
    database
        .sql(
            "insert into sync_rows (sync, row_key, key_hash, content_hash, said, state, last_seq)
             select 'large', n, n, n, '{}', 'present', 1 from generate_series(1, 20000) as n;
             analyze sync_rows, things;
             alter table things set (autovacuum_enabled = off); alter table sync_rows set (autovacuum_enabled = off)",
        )
        .await;
    let sync = sync.with("deletes", soft());
    let run = sync.begin(&service).await;
    let mut items = run.upsert(&numbered(2000))["rows"].as_array().unwrap().clone();
    items.sort_by_key(|item| item["h"].as_i64());
    for chunk in items.chunks(200) {
        let values: Vec<Value> = chunk.iter().map(|item| item["v"].clone()).collect();
        let (remembered, live) = reads(&service, &run, &run.upsert(&values)).await;
        assert!(remembered <= 1000 && live <= 1000, "an insert of 200 read {remembered} and {live} rows");
    }
    run.plan(&service, json!({"rowsRead": 2000, "rowsSent": 2000})).await;

    let run = sync.begin(&service).await;
    let changed: Vec<Value> = (0..200).map(|number| json!([format!("K{number}"), number])).collect();
    let (remembered, live) = reads(&service, &run, &run.upsert(&changed)).await;
    assert!(remembered <= 1000 && live <= 1000, "an update of 200 read {remembered} and {live} rows");
    run.plan(&service, json!({"rowsRead": 200, "rowsSent": 200, "keysVanished": 2})).await;
    let (remembered, live) = reads(&service, &run, &run.delete(&["K7", "K8"])).await;
    assert!(remembered <= 50 && live <= 50, "a deletion of 2 read {remembered} and {live} rows");
}
