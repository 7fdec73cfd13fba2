//! Nothing is deleted that this sync did not write, and nothing in bulk by accident (promise 6).

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::harness::{Run, Sync, numbered, soft, things};

async fn deletion(client: &Client, sync: &Sync, keys: &[&str]) -> (Run, Value) {
    let run = sync.begin(client).await;
    run.plan(client, json!({"keysVanished": keys.len(), "deleteBatches": 1})).await;
    let answer = run.apply(client, &run.delete(keys)).await;
    (run, answer)
}

#[tokio::test]
async fn deletes_wait_for_the_plan_and_for_every_upsert() {
    let (_database, service, sync) = things().await;
    let sync = sync.with("deletes", soft());
    sync.run(&service, &numbered(3)).await;
    let run = sync.begin(&service).await;
    let (upsert, delete) = (run.upsert(&[json!(["N", 1])]), run.delete(&["K0"]));
    assert_eq!(run.apply(&service, &delete).await["outcome"], "waiting");
    run.plan(&service, json!({"rowsRead": 3, "rowsUnchanged": 2, "rowsSent": 1, "keysVanished": 1})).await;
    assert_eq!(run.apply(&service, &delete).await["outcome"], "waiting");
    run.apply(&service, &upsert).await;
    let done = run.apply(&service, &delete).await;
    assert_eq!(
        (&done["outcome"], &done["deleted"], &done["runStatus"]),
        (&json!("applied"), &json!(1), &json!("completed"))
    );
    assert_eq!(run.apply(&service, &delete).await["outcome"], "duplicate");
}

#[tokio::test]
async fn deletes_are_withheld_when_an_upsert_batch_failed() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", soft());
    sync.run(&service, &numbered(3)).await;
    let run = sync.begin(&service).await;
    run.plan(&service, json!({"rowsRead": 3, "rowsUnchanged": 2, "rowsSent": 1, "keysVanished": 1})).await;
    run.fail(&service, Some(&run.upsert(&[json!(["N", 1])])), true).await;
    let answer = run.apply(&service, &run.delete(&["K0"])).await;
    assert_eq!((&answer["outcome"], &answer["runStatus"]), (&json!("withheld"), &json!("partial")));
    assert_eq!(database.json("select count(*) from things where deleted_at is not null").await, json!(0));
    assert_eq!(database.state(run.id, "deletes_withheld").await, json!(["an upsert batch of this run failed"]));
}

#[tokio::test]
async fn a_soft_deleted_row_that_comes_back_is_restored() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", soft());
    sync.run(&service, &numbered(3)).await;
    let (run, answer) = deletion(&service, &sync, &["K1"]).await;
    assert_eq!(answer["deleted"], 1);
    assert_eq!(database.state(run.id, "status, deleted").await, json!(["completed", 1]));
    assert_eq!(database.rows("select id from things where deleted_at is not null").await, json!([["K1"]]));
    assert_eq!(database.rows("select row_key from sync_rows where state = 'deleted'").await, json!([["K1"]]));

    let (_, applied) = sync.run(&service, &[json!(["K1", 10])]).await;
    assert_eq!(applied["updated"], 1);
    assert_eq!(database.json("select count(*) from things where deleted_at is not null").await, json!(0));
    assert_eq!(database.json("select count(*) from sync_rows where state = 'present'").await, json!(3));
}

#[tokio::test]
async fn a_row_that_people_deleted_in_the_application_stays_deleted() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", soft());
    sync.run(&service, &[json!(["A", 1])]).await;
    database.sql("update things set deleted_at = '2026-01-01'").await;
    sync.run(&service, &[json!(["A", 2])]).await;
    assert_eq!(database.rows("select amount, deleted_at is not null from things").await, json!([[2, true]]));
}

#[tokio::test]
async fn a_mark_that_people_made_before_the_row_left_the_sheet_stays_when_it_returns() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", soft());
    sync.run(&service, &numbered(3)).await;
    database.sql("update things set deleted_at = '2026-01-01' where id = 'K1'").await;
    let (_, answer) = deletion(&service, &sync, &["K1", "K2"]).await;
    assert_eq!((&answer["deleted"], &answer["unchanged"]), (&json!(1), &json!(1)), "{answer}");
    sync.run(&service, &numbered(3)).await;
    let marked = "select id, deleted_at = '2026-01-01' from things where deleted_at is not null";
    assert_eq!(database.rows(marked).await, json!([["K1", true]]), "only what the sync marked comes back");
}

#[tokio::test]
async fn a_hard_deleted_row_leaves_nothing() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", json!({"policy": "hard"}));
    sync.run(&service, &numbered(3)).await;
    database.sql("insert into things values ('mine', 1)").await;
    let (_, answer) = deletion(&service, &sync, &["K1", "mine"]).await;
    assert_eq!((&answer["deleted"], &answer["skipped"]), (&json!(1), &json!(1)), "a row of others is not this sync's");
    assert_eq!(database.rows("select id from things order by id").await, json!([["K0"], ["K2"], ["mine"]]));
    assert_eq!(database.json("select count(*) from sync_rows").await, json!(2));
}

#[tokio::test]
async fn a_hard_delete_that_a_foreign_key_refuses_holds_back_no_other() {
    let (database, service, sync) = things().await;
    database.sql("create table visits (thing text references things); ").await;
    let sync = sync.with("deletes", json!({"policy": "hard"}));
    sync.run(&service, &numbered(3)).await;
    database.sql("insert into visits values ('K1')").await;
    let (run, answer) = deletion(&service, &sync, &["K0", "K1", "K2"]).await;
    assert_eq!(
        (&answer["deleted"], &answer["rejected"], &answer["runStatus"]),
        (&json!(2), &json!(1), &json!("partial"))
    );
    assert_eq!(
        database.rows("select row_key, code, error_type from sync_errors").await,
        json!([["K1", "23503", "database"]])
    );
    assert_eq!(database.rows("select row_key, state from sync_rows").await, json!([["K1", "present"]]));
    assert_eq!(database.state(run.id, "deleted, keys_refused").await, json!([2, 1]));
}

#[tokio::test]
async fn under_ignore_a_vanished_row_stays_and_is_asked_about_once() {
    let (database, service, sync) = things().await;
    sync.run(&service, &numbered(50)).await;
    let keys: Vec<String> = (0..40).map(|number| format!("K{number}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let (run, answer) = deletion(&service, &sync, &keys).await;
    assert_eq!(
        (&answer["outcome"], &answer["deleted"]),
        (&json!("applied"), &json!(0)),
        "nothing is at stake: no guard"
    );
    assert_eq!(database.state(run.id, "status").await, json!(["completed"]));
    assert_eq!(database.json("select count(*) from things").await, json!(50));
    assert_eq!(
        database.rows("select state, count(*) from sync_rows group by 1 order by 1").await,
        json!([["absent", 40], ["present", 10]])
    );
}

#[tokio::test]
async fn more_rows_than_the_guard_allows_are_withheld() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", soft());
    sync.run(&service, &numbered(40)).await;
    let keys: Vec<String> = (0..11).map(|number| format!("K{number}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let (run, answer) = deletion(&service, &sync, &keys).await;
    assert_eq!((&answer["outcome"], &answer["runStatus"]), (&json!("withheld"), &json!("partial")));
    assert_eq!(database.json("select count(*) from things where deleted_at is not null").await, json!(0));
    let reason = database.state(run.id, "deletes_withheld").await;
    assert!(reason[0].as_str().unwrap().contains("the guard allows 10 of 40"), "{reason}");
}

#[tokio::test]
async fn the_guard_counts_the_whole_plan_not_the_batch() {
    let (_database, service, sync) = things().await;
    let sync = sync.with("deletes", soft());
    sync.run(&service, &numbered(40)).await;
    let run = sync.begin(&service).await;
    run.plan(&service, json!({"keysVanished": 11, "deleteBatches": 2})).await;
    assert_eq!(run.apply(&service, &run.delete(&["K1"])).await["outcome"], "withheld");
}

#[tokio::test]
async fn the_guard_is_a_percentage_of_many_rows() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", soft());
    sync.run(&service, &numbered(200)).await;
    let keys: Vec<String> = (0..30).map(|number| format!("K{number}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    assert_eq!(deletion(&service, &sync, &keys).await.1["deleted"], 30);
    // The next one within a day is one too many, though it is only one.
    let (_, answer) = deletion(&service, &sync, &["K40"]).await;
    assert_eq!(answer["outcome"], "withheld", "{answer}");
    database.sql("update sync_batches set finished_at = finished_at - interval '25 hours'").await;
    assert_eq!(deletion(&service, &sync, &["K40"]).await.1["deleted"], 1);
}

#[tokio::test]
async fn another_key_or_table_forgets_the_old_rows_and_deletes_none() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", json!({"policy": "hard"}));
    sync.run(&service, &numbered(3)).await;
    database.sql("create table others (id text primary key, amount integer)").await;
    let moved = Sync::new("others", &["id", "amount"]).with("deletes", json!({"policy": "hard"}));
    let run = moved.begin(&service).await;
    assert_eq!(database.json("select count(*) from sync_rows").await, json!(0));
    run.plan(&service, json!({"keysVanished": 3, "deleteBatches": 1})).await;
    run.apply(&service, &run.delete(&["K0", "K1", "K2"])).await;
    assert_eq!(database.json("select count(*) from things").await, json!(3));
}
