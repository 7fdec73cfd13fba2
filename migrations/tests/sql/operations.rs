//! Signs of life, dead letters, and what is forgotten.

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::harness::{Run, call, halves, numbered, things};

async fn heartbeat(client: &Client, run: &Run) -> Value {
    call(client, "sync_heartbeat", &[json!(run.id.to_string())]).await["status"].clone()
}

/// Tells the database that these messages are among the dead letters; answers how many that was news of.
async fn dead(client: &Client, messages: &[&Value]) -> Value {
    let letters: Vec<Value> = messages
        .iter()
        .map(|message| {
            let rows = message["rows"].as_array().or(message["keys"].as_array()).map_or(0, Vec::len);
            json!({"run": message["run"], "kind": message["kind"], "lo": message["lo"], "hi": message["hi"],
                   "rows": rows, "reason": "received too often"})
        })
        .collect();
    call(client, "sync_dead_letters", &[letters.into()]).await["told"].clone()
}

async fn prune(client: &Client, days: i32) -> Value {
    call(client, "sync_prune", &[json!("listings"), json!(days)]).await
}

#[tokio::test]
async fn a_run_is_queued_until_its_sheet_is_read_and_a_long_read_is_no_stall() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    assert_eq!(database.state(run.id, "status").await, json!(["queued"]));
    database.sql("update sync_state set heartbeat_at = now() - interval '16 minutes'").await;
    assert_eq!(heartbeat(&service, &run).await, "in_progress");
    let other = sync.try_begin(&service, uuid::Uuid::new_v4(), "manual").await;
    assert_eq!(other["outcome"], "busy");
}

#[tokio::test]
async fn whatever_comes_first_takes_a_run_out_of_the_queue() {
    for first in ["reject", "plan", "apply", "fail"] {
        let (database, service, sync) = things().await;
        let run = sync.begin(&service).await;
        let message = run.upsert(&numbered(2));
        match first {
            "reject" => drop(call(&service, "sync_reject", &[json!(run.id.to_string()), json!([])]).await),
            "plan" => drop(run.plan(&service, json!({"rowsRead": 2, "rowsSent": 2, "upsertBatches": 1})).await),
            "apply" => drop(run.apply(&service, &message).await),
            _ => drop(run.fail(&service, Some(&message), false).await),
        }
        assert_eq!(database.state(run.id, "status").await, json!(["in_progress"]), "{first}");
    }
}

#[tokio::test]
async fn a_scheduler_that_was_taken_over_from_hears_so_with_its_next_sign_of_life() {
    let (database, service, sync) = things().await;
    let stalled = sync.begin(&service).await;
    database.sql("update sync_state set heartbeat_at = now() - interval '16 minutes'").await;
    sync.begin(&service).await;
    assert_eq!(heartbeat(&service, &stalled).await, "superseded");
    assert_eq!(database.state(stalled.id, "status").await, json!(["superseded"]), "and stays so");
}

#[tokio::test]
async fn a_superseded_run_says_what_was_never_answered_for() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    run.plan(&service, json!({"rowsRead": 5, "rowsSent": 5, "upsertBatches": 2})).await;
    run.apply(&service, &run.upsert(&numbered(2))).await;
    database.sql("update sync_state set heartbeat_at = now() - interval '16 minutes'").await;
    sync.begin(&service).await;
    let told = database.state(run.id, "error_details ->> 'message'").await;
    assert!(told[0].as_str().unwrap().contains("3 of 5 rows sent"), "{told}");
}

#[tokio::test]
async fn a_run_hears_of_its_dead_letter_once_and_closes() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let (good, lost) = halves(&run.upsert(&numbered(6)));
    run.plan(&service, json!({"rowsRead": 6, "rowsSent": 6, "upsertBatches": 2})).await;
    run.apply(&service, &good).await;
    assert_eq!(dead(&service, &[&lost, &lost, &good]).await, 1, "one is news; the other was applied");
    assert_eq!(
        database.state(run.id, "status, success, failed, error_details ->> 'code'").await,
        json!(["partial", 3, 3, "dead_letter"])
    );
    assert_eq!(dead(&service, &[&lost]).await, 0, "said twice, told once");
    // Redriven it is applied, and the run closes again.
    assert_eq!(run.apply(&service, &lost).await["runStatus"], "completed");
    assert_eq!(database.state(run.id, "status, success, failed").await, json!(["completed", 6, 0]));
    assert_eq!(dead(&service, &[&lost]).await, 0, "an old copy of it says nothing new");
}

#[tokio::test]
async fn a_dead_letter_of_a_run_that_is_over_changes_nothing() {
    let (database, service, sync) = things().await;
    let (run, _) = sync.run(&service, &numbered(2)).await;
    let before = database.state(run.id, "to_jsonb(sync_state)").await;
    assert_eq!(dead(&service, &[&run.upsert(&[json!(["other", 1])])]).await, 0);
    assert_eq!(database.state(run.id, "to_jsonb(sync_state)").await, before);
}

#[tokio::test]
async fn old_runs_are_forgotten_but_for_what_is_open_the_current_and_the_last_complete_one() {
    let (database, service, sync) = things().await;
    let (forgotten, _) = sync.run(&service, &numbered(2)).await;
    let (complete, _) = sync.run(&service, &numbered(2)).await;
    let mut rows = numbered(3);
    rows[2][1] = json!(-1);
    let (rejecting, _) = sync.run(&service, &rows).await;
    let (failed, _) = sync.run(&service, &numbered(2)).await;
    database.sql(&format!("update sync_state set status = 'failed' where id = '{}'", failed.id)).await;
    let current = sync.begin(&service).await;
    database.sql("update sync_state set started_at = started_at - interval '91 days'").await;

    assert_eq!(prune(&service, 92).await, json!({"runs": 0, "errors": 0}), "not old enough");
    let kept = "select id from sync_state order by started_at";
    database.sql("update sync_errors set resolved_at = null").await;
    assert_eq!(prune(&service, 90).await["runs"], 2);
    let open = database.rows("select run from sync_errors where resolved_at is null").await;
    assert_eq!(open, json!([[rejecting.id]]), "the errors that are open are all there");
    assert_eq!(database.rows(kept).await, json!([[complete.id], [rejecting.id], [current.id]]));
    assert_eq!(
        database.json(&format!("select count(*) from sync_batches where run = '{}'", forgotten.id)).await,
        json!(0)
    );

    database.sql("update sync_errors set resolved_at = now() - interval '91 days'").await;
    assert_eq!(prune(&service, 90).await, json!({"runs": 1, "errors": 1}));
    assert_eq!(database.rows(kept).await, json!([[complete.id], [current.id]]));
    assert_eq!(database.json("select count(*) from sync_rows").await, json!(2), "what is known of the table stays");
}

#[tokio::test]
async fn nothing_is_forgotten_within_a_day() {
    let (_database, service, _sync) = things().await;
    let refused = service.query("select sync_prune('listings', 0)", &[]).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "22023");
}
