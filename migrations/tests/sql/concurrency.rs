//! Two of anything at the same moment.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::harness::{Database, Run, Sync, halves, numbered, soft, things, try_call};

#[tokio::test]
async fn the_first_begins_of_a_new_sync_follow_one_another() {
    let (database, _, sync) = things().await;
    let mut begins = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (client, sync) = (database.service().await, sync.clone());
        begins.spawn(async move { sync.try_begin(&client, Uuid::new_v4(), "manual").await["outcome"].clone() });
    }
    let outcomes = begins.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "begun").count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "busy").count(), 7, "{outcomes:?}");
}

#[tokio::test]
async fn a_batch_that_somebody_applies_is_in_progress_for_everybody_else() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let message = run.upsert(&numbered(5));
    service.batch_execute("begin").await.unwrap();
    assert_eq!(run.apply(&service, &message).await["outcome"], "applied");
    let other = database.service().await;
    assert_eq!(run.apply(&other, &message).await["outcome"], "in_progress");
    service.batch_execute("commit").await.unwrap();
    assert_eq!(run.apply(&other, &message).await["outcome"], "duplicate");
}

#[tokio::test]
async fn a_begin_waits_for_the_batches_in_flight() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    database.sql("update sync_state set heartbeat_at = now() - interval '1 day'").await;
    service.batch_execute("begin").await.unwrap();
    run.apply(&service, &run.upsert(&numbered(5))).await;

    let beginner = database.service().await;
    let begin = tokio::spawn({
        let sync = sync.clone();
        async move { sync.try_begin(&beginner, Uuid::new_v4(), "manual").await }
    });
    until_one_waits(&database, "sync_begin").await;
    service.batch_execute("commit").await.unwrap();
    // What the old run's batch wrote is there before the new run looks; its apply was progress, so the new one is busy.
    assert_eq!(begin.await.unwrap()["outcome"], "busy");
}

#[tokio::test]
async fn a_batch_waits_for_a_begin_in_flight_and_is_then_superseded() {
    let (database, service, sync) = things().await;
    let old = sync.begin(&service).await;
    let message = old.upsert(&numbered(5));
    old.plan(&service, json!({})).await;
    service.batch_execute("begin").await.unwrap();
    sync.begin(&service).await;
    let worker = database.service().await;
    let apply = tokio::spawn(async move { old.apply(&worker, &message).await });
    until_one_waits(&database, "sync_apply").await;
    service.batch_execute("commit").await.unwrap();
    assert_eq!(apply.await.unwrap()["outcome"], "superseded");
    assert_eq!(database.json("select count(*) from things").await, json!(0));
}

#[tokio::test]
async fn a_whole_and_its_half_at_once_count_each_row_once() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let whole = run.upsert(&numbered(10));
    assert_eq!(beside_its_half(&database, &service, &run, &whole).await, "applied");
    deliver(&service, &run, vec![whole]).await;
    assert_eq!(run.plan(&service, json!({"rowsRead": 10, "rowsSent": 10})).await, "completed");
    assert_eq!(database.state(run.id, "inserted, rows_done").await, json!([10, 10]));
}

#[tokio::test]
async fn a_whole_and_its_half_that_are_withheld_at_once_count_each_key_once() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", soft());
    sync.run(&service, &numbered(20)).await;
    let run = sync.begin(&service).await;
    run.plan(&service, json!({"keysVanished": 20, "deleteBatches": 1})).await;
    let keys: Vec<String> = (0..20).map(|number| format!("K{number}")).collect();
    let whole = run.delete(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(beside_its_half(&database, &service, &run, &whole).await, "withheld");
    let answer = settled(&service, &run, &whole).await;
    assert_eq!((&answer["outcome"], &answer["runStatus"]), (&json!("withheld"), &json!("partial")));
    assert_eq!(database.state(run.id, "keys_vanished, keys_done").await, json!([20, 20]));
}

#[tokio::test]
async fn a_whole_that_is_refused_beside_its_half_counts_each_row_once() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let mut whole = run.upsert(&numbered(40));
    // The rows of its second half do not fit the column's type, so the whole is refused, and the half is not.
    for row in &mut whole["rows"].as_array_mut().unwrap()[20..] {
        row["v"][1] = json!("x");
    }
    assert_eq!(beside_its_half(&database, &service, &run, &whole).await, "applied");
    let answer = settled(&service, &run, &whole).await;
    assert_eq!((&answer["outcome"], &answer["runStatus"]), (&json!("failed"), &json!("failed")));
    assert_eq!(database.state(run.id, "inserted, failed, rows_done").await, json!([20, 20, 40]));
}

/// Applies the first half of a batch and, before that is committed, the whole, which cannot see it in the ledger when it
/// begins and is therefore to be repeated, as after a deadlock. Answers what became of the half.
async fn beside_its_half(database: &Database, service: &Client, run: &Run, whole: &Value) -> Value {
    service.batch_execute("begin").await.unwrap();
    let half = run.apply(service, &halves(whole).0).await;
    let other = database.service().await;
    let apply = tokio::spawn({
        let whole = whole.clone();
        async move { try_call(&other, "sync_apply", &[whole]).await }
    });
    until_one_waits(database, "sync_apply").await;
    service.batch_execute("commit").await.unwrap();
    let error = apply.await.unwrap().expect_err("the whole was accounted for although its half had been");
    assert_eq!(error.code().unwrap().code(), "40001", "{error:?}");
    half["outcome"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_batches_in_opposite_orders_do_not_deadlock() {
    let (database, service, sync) = things().await;
    sync.run(&service, &numbered(200)).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8usize {
        // Syncs of their own over the same rows of the same table: nothing but the row locks orders them.
        let client = database.service().await;
        let mut sync = sync.clone().with("precedence", writer + 1);
        sync.name = ["a", "b", "c", "d", "e", "f", "g", "h"][writer];
        writers.spawn(async move {
            for round in 0..6usize {
                let mut rows: Vec<Value> = numbered(200).split_off(writer * 5);
                rows.iter_mut().for_each(|row| row[1] = json!(1000 * round + writer));
                let run = sync.begin(&client).await;
                let mut message = run.upsert(&rows);
                if writer % 2 == 1 {
                    message["rows"].as_array_mut().unwrap().reverse();
                }
                let applied = run.apply(&client, &message).await;
                assert_eq!(applied["outcome"], "applied", "{applied}");
                run.plan(&client, json!({"rowsRead": rows.len(), "rowsSent": rows.len()})).await;
            }
        });
    }
    writers.join_all().await;
    assert_eq!(database.json("select count(*) from sync_state where status = 'completed'").await, json!(49));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_three_times_by_six_workers_ends_as_the_sheet() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let rows = numbered(300);
    let messages: Vec<Value> = rows.chunks(20).map(|chunk| run.upsert(chunk)).collect();
    // Chunks of keys in sheet order overlap as stretches, which the planner never makes: sort them as it does.
    let mut sorted: Vec<Value> =
        messages.iter().flat_map(|message| message["rows"].as_array().unwrap().clone()).collect();
    sorted.sort_by_key(|row| row["h"].as_i64());
    let messages: Vec<Value> = sorted
        .chunks(20)
        .map(|chunk| run.upsert(&chunk.iter().map(|row| row["v"].clone()).collect::<Vec<_>>()))
        .collect();

    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..6usize {
        let (client, run, mut mine) = (database.service().await, run.clone(), messages.clone());
        if worker % 2 == 1 {
            mine.reverse();
        }
        workers.spawn(async move { deliver(&client, &run, mine).await });
    }
    run.plan(&service, json!({"rowsRead": 300, "rowsSent": 300, "upsertBatches": 15})).await;
    workers.join_all().await;
    assert_eq!(
        database.state(run.id, "status, inserted, rows_done, batches_done").await,
        json!(["completed", 300, 300, 15])
    );
    assert_eq!(database.json("select sum(amount) from things").await, json!((0..300).sum::<i64>() * 10));
}

async fn deliver(client: &Client, run: &Run, messages: Vec<Value>) {
    for message in messages {
        settled(client, run, &message).await;
    }
}

/// Applies a batch, again while somebody else has it: also a call that has failed, and not yet let go of its lock.
async fn settled(client: &Client, run: &Run, message: &Value) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = run.apply(client, message).await;
        if answer["outcome"] != "in_progress" {
            return answer;
        }
        assert!(Instant::now() < deadline, "still in progress");
    }
}

/// Returns when a connection to this database waits for a lock while it runs `function`.
async fn until_one_waits(database: &Database, function: &str) {
    let query = format!(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%{function}%'"
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    while database.json(&query).await == json!(0) {
        assert!(Instant::now() < deadline, "{function} did not wait");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_row_that_somebody_inserts_meanwhile_is_not_lost() {
    let (database, service, sync) = things().await;
    let sync: Sync = sync;
    let run = sync.begin(&service).await;
    let message = run.upsert(&[json!(["A", 1]), json!(["B", 2])]);
    let application = database.role("service_role").await;
    application.batch_execute("begin; insert into things values ('A', 9)").await.unwrap();
    let apply = tokio::spawn({
        let run = run.clone();
        async move { run.apply(&service, &message).await }
    });
    until_one_waits(&database, "sync_apply").await;
    application.batch_execute("commit").await.unwrap();
    // The insert meets the other's row, and the second try adopts it.
    let applied = apply.await.unwrap();
    assert_eq!(
        (&applied["inserted"], &applied["updated"], &applied["adopted"]),
        (&json!(1), &json!(1), &json!(1)),
        "{applied}"
    );
    assert_eq!(database.rows("select id, amount from things order by id").await, json!([["A", 1], ["B", 2]]));
}

#[tokio::test]
async fn a_table_whose_columns_were_found_cannot_be_changed_before_its_batch_is_applied() {
    let (database, service, sync) = things().await;
    sync.begin(&service).await;
    service.batch_execute("begin; select public.sync_check_columns(t) from public.sync_targets as t").await.unwrap();
    let other = database.role("postgres").await;
    let refused = other.batch_execute("set lock_timeout = '1ms'; alter table things rename amount to price").await;
    assert_eq!(refused.unwrap_err().code().unwrap().code(), "55P03", "it waits for the batch");
    service.batch_execute("rollback").await.unwrap();
    other.batch_execute("set lock_timeout = 0; alter table things rename amount to price").await.unwrap();
}
