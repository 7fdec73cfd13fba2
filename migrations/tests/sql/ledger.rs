//! Any message any number of times, in any order, whole or in halves: the effect is there once (promises 2 and 3).

use serde_json::{Value, json};

use crate::harness::{halves, hash, numbered, things};

#[tokio::test]
async fn a_message_delivered_twice_is_applied_once() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let message = run.upsert(&numbered(5));
    let first = run.apply(&service, &message).await;
    assert_eq!((&first["outcome"], &first["inserted"]), (&json!("applied"), &json!(5)));

    database.sql("update things set amount = amount + 1").await;
    let second = run.apply(&service, &message).await;
    assert_eq!((&second["outcome"], &second["inserted"]), (&json!("duplicate"), &json!(5)));
    assert_eq!(database.json("select sum(amount) from things").await, json!(100 + 5));
    assert_eq!(database.state(run.id, "inserted, rows_done, batches_done").await, json!([5, 5, 1]));
}

#[tokio::test]
async fn halves_and_then_the_whole_are_applied_once() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let message = run.upsert(&numbered(10));
    let (first, second) = halves(&message);
    assert_eq!(run.apply(&service, &first).await["inserted"], 5);
    // The second half is still to come when the whole is delivered again.
    let whole = run.apply(&service, &message).await;
    assert_eq!((&whole["outcome"], &whole["inserted"], &whole["unchanged"]), (&json!("applied"), &json!(5), &json!(0)));
    assert_eq!(run.apply(&service, &second).await["outcome"], "duplicate");
    assert_eq!(run.apply(&service, &message).await["outcome"], "duplicate");
    let status = run.plan(&service, json!({"rowsRead": 10, "rowsSent": 10, "upsertBatches": 1})).await;
    assert_eq!(status, "completed");
    assert_eq!(database.state(run.id, "inserted, rows_done").await, json!([10, 10]));
}

#[tokio::test]
async fn both_halves_make_the_whole_a_duplicate_with_their_counts() {
    let (_database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let message = run.upsert(&numbered(10));
    let (first, second) = halves(&message);
    run.apply(&service, &second).await;
    run.apply(&service, &first).await;
    let whole = run.apply(&service, &message).await;
    assert_eq!((&whole["outcome"], &whole["inserted"]), (&json!("duplicate"), &json!(10)));
}

#[tokio::test]
async fn an_old_message_never_overwrites_a_newer_run() {
    let (database, service, sync) = things().await;
    let old = sync.begin(&service).await;
    let message = old.upsert(&[json!(["A", 1])]);
    old.plan(&service, json!({"rowsRead": 0})).await;
    let (new, _) = sync.run(&service, &[json!(["A", 2])]).await;

    let dump = "select (select jsonb_agg(t) from things t), (select jsonb_agg(r) from sync_rows r), (select jsonb_agg(b) from sync_batches b), (select jsonb_agg(s order by s.id) from sync_state s)";
    let dump = dump
        .replace("t),", "t) as a,")
        .replace("r),", "r) as b,")
        .replace("b), (select jsonb_agg(s", "b) as c, (select jsonb_agg(s");
    let before = database.rows(&dump).await;
    let late = old.apply(&service, &message).await;
    assert_eq!((&late["outcome"], &late["runStatus"]), (&json!("superseded"), &json!("completed")));
    assert_eq!(database.rows(&dump).await, before, "a superseded message writes nothing at all");
    assert_eq!(database.state(new.id, "status").await, json!(["completed"]));
}

#[tokio::test]
async fn a_failed_batch_that_is_redriven_heals_its_run() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let (good, bad) = halves(&run.upsert(&numbered(10)));
    run.apply(&service, &good).await;
    run.plan(&service, json!({"rowsRead": 10, "rowsSent": 10, "upsertBatches": 2})).await;
    let failed = run.fail(&service, Some(&bad), true).await;
    assert_eq!(failed, json!({"attempts": 1, "final": true, "runStatus": "partial"}));
    assert_eq!(
        database.state(run.id, "failed, success, error_details ->> 'code' as code").await,
        json!([5, 5, "broken"])
    );

    let redriven = run.apply(&service, &bad).await;
    assert_eq!((&redriven["outcome"], &redriven["runStatus"]), (&json!("applied"), &json!("completed")));
    assert_eq!(database.state(run.id, "failed, success, error_details").await, json!([0, 10, null]));
    assert_eq!(database.json("select count(*) from sync_errors where resolved_at is null").await, json!(0));
}

#[tokio::test]
async fn a_failed_whole_is_healed_by_its_halves() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let message = run.upsert(&numbered(10));
    let (first, second) = halves(&message);
    run.plan(&service, json!({"rowsRead": 10, "rowsSent": 10, "upsertBatches": 1})).await;
    assert_eq!(run.fail(&service, Some(&message), true).await["runStatus"], "failed");
    assert_eq!(run.apply(&service, &first).await["runStatus"], "partial");
    assert_eq!(database.state(run.id, "failed, success").await, json!([5, 5]));
    assert_eq!(run.apply(&service, &second).await["runStatus"], "completed");
    assert_eq!(database.state(run.id, "failed, success, rows_done").await, json!([0, 10, 10]));
}

#[tokio::test]
async fn failed_halves_are_healed_by_the_whole() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let message = run.upsert(&numbered(10));
    let (first, second) = halves(&message);
    run.fail(&service, Some(&first), true).await;
    run.fail(&service, Some(&second), true).await;
    assert_eq!(run.plan(&service, json!({"rowsRead": 10, "rowsSent": 10})).await, "failed");
    assert_eq!(run.apply(&service, &message).await["runStatus"], "completed");
    assert_eq!(database.state(run.id, "failed, success, rows_done").await, json!([0, 10, 10]));
}

#[tokio::test]
async fn a_failure_after_one_half_was_applied_counts_the_other_half_only() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let message = run.upsert(&numbered(10));
    run.apply(&service, &halves(&message).0).await;
    run.plan(&service, json!({"rowsRead": 10, "rowsSent": 10})).await;
    assert_eq!(run.fail(&service, Some(&message), true).await["runStatus"], "partial");
    assert_eq!(database.state(run.id, "failed, success, rows_done").await, json!([5, 5, 10]));
}

#[tokio::test]
async fn the_fifth_attempt_is_the_last() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let message = run.upsert(&numbered(2));
    for attempt in 1..5 {
        assert_eq!(
            run.fail(&service, Some(&message), false).await,
            json!({"attempts": attempt, "final": false, "runStatus": "in_progress"})
        );
    }
    assert_eq!(run.fail(&service, Some(&message), false).await["final"], true);
    assert_eq!(database.rows("select outcome, rows, attempts from sync_batches").await, json!([["failed", 2, 5]]));
}

#[tokio::test]
async fn an_attempt_that_failed_only_in_its_answer_changes_nothing() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let message = run.upsert(&numbered(2));
    run.apply(&service, &message).await;
    assert_eq!(run.fail(&service, Some(&message), false).await["final"], false);
    assert_eq!(database.rows("select outcome, rows, attempts from sync_batches").await, json!([["applied", 2, 0]]));
}

#[tokio::test]
async fn a_malformed_message_is_named_and_writes_nothing() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let good = run.upsert(&numbered(2));
    let broken = |change: &dyn Fn(&mut Value)| {
        let mut message = good.clone();
        change(&mut message);
        message
    };
    let cases = [
        ("version", broken(&|m| m["v"] = json!(2))),
        ("kind", broken(&|m| m["kind"] = json!("truncate"))),
        ("uuid", broken(&|m| m["run"] = json!("x"))),
        ("lo or hi", broken(&|m| m["lo"] = json!("x"))),
        ("lo is not below", broken(&|m| m["hi"] = m["lo"].clone())),
        ("sync is unknown", broken(&|m| m["sync"] = json!("other"))),
        ("run is unknown", broken(&|m| m["run"] = json!(uuid::Uuid::new_v4()))),
        ("columns are not those", broken(&|m| m["columns"] = json!(["id", "note"]))),
        ("columns are not those", broken(&|m| m["columns"] = json!(["amount", "id"]))),
        ("not as many values", broken(&|m| m["rows"][0]["v"] = json!([1]))),
        ("has no key", broken(&|m| m["rows"][0]["k"] = json!(1))),
        ("key hash", broken(&|m| m["rows"][0]["h"] = json!("secret"))),
        ("key hash", broken(&|m| m["rows"][0]["h"] = json!(i64::MAX))),
        ("content hash", broken(&|m| m["rows"][0]["c"] = json!(1.5))),
        ("keep", broken(&|m| m["rows"][0]["keep"] = json!([2]))),
        ("comes twice", broken(&|m| m["rows"][1]["k"] = m["rows"][0]["k"].clone())),
        ("rows", broken(&|m| m["rows"] = json!(null))),
        ("keys", broken(&|m| m["kind"] = json!("delete"))),
        (
            "a key is not",
            broken(&|m| {
                m["kind"] = json!("delete");
                m["keys"] = json!([hash("x"), "secret"])
            }),
        ),
        ("not an object", json!([1])),
    ];
    for (says, message) in cases {
        let answer = run.apply(&service, &message).await;
        assert_eq!(answer["outcome"], "malformed", "{says}: {answer}");
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(says) && !error.contains("secret"), "{says}: {error}");
    }
    assert_eq!(database.json("select count(*) from things").await, json!(0));
    assert_eq!(database.json("select count(*) from sync_batches").await, json!(0));
}
