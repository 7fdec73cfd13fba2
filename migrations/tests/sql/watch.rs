//! What a tick learns of runs that have closed (`sync_closed_runs`), and when a scheduled run is repeated after a fault that passes (`sync_pause_seconds`).

use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::harness::{Sync, call, numbered, things};

/// What a tick is given, after it said that it has reported `reported`.
async fn closed(service: &Client, reported: &Value) -> Value {
    call(service, "sync_closed_runs", std::slice::from_ref(reported)).await
}

fn statuses(runs: &Value) -> Vec<&str> {
    runs.as_array().unwrap().iter().filter_map(|run| run["status"].as_str()).collect()
}

#[tokio::test]
async fn a_run_is_given_out_whatever_way_it_ended() {
    let (database, service, sync) = things().await;
    sync.run(&service, &numbered(1)).await;
    let stopped = sync.begin(&service).await;
    stopped.fail(&service, None, true).await;
    let refused = sync.clone().with("table", "nowhere");
    assert_eq!(refused.try_begin(&service, Uuid::new_v4(), "manual").await["outcome"], "refused");
    let stalled = sync.begin(&service).await;
    database.sql("update sync_state set heartbeat_at = now() - interval '1 hour' where status = 'queued'").await;
    let open = sync.begin(&service).await;
    assert_ne!(open.id, stalled.id);
    let runs = closed(&service, &json!([])).await;
    assert_eq!(statuses(&runs), ["completed", "failed", "failed", "superseded"], "the open one is not among them");
}

#[tokio::test]
async fn a_run_is_given_out_until_it_is_reported() {
    let (database, service, sync) = things().await;
    sync.run(&service, &numbered(1)).await;
    let first = closed(&service, &json!([])).await;
    assert_eq!(statuses(&first), ["completed"]);
    assert_eq!(closed(&service, &json!([])).await, json!([]), "another tick does not report it too");
    database.sql("update sync_state set report_claimed_at = now() - interval '2 minutes', completed_at = completed_at - interval '3 minutes'").await;
    let again = closed(&service, &json!([])).await;
    assert_eq!(statuses(&again), ["completed"], "the answer was lost");
    assert_eq!(closed(&service, &again).await, json!([]));
    database.sql("update sync_state set report_claimed_at = now() - interval '2 minutes'").await;
    assert_eq!(closed(&service, &json!([])).await, json!([]), "it is reported");
}

#[tokio::test]
async fn a_run_that_closes_again_is_given_out_again() {
    let (_database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let batch = run.upsert(&numbered(1));
    run.plan(&service, json!({"rowsRead": 1, "rowsSent": 1, "upsertBatches": 1})).await;
    run.fail(&service, Some(&batch), true).await;
    let first = closed(&service, &json!([])).await;
    assert_eq!(statuses(&first), ["failed"]);
    assert_eq!(run.apply(&service, &batch).await["runStatus"], "completed", "redriven");
    assert_eq!(statuses(&closed(&service, &first).await), ["completed"]);
}

/// Asks for a scheduled run of a sync that should run every hour.
async fn asks(service: &Client, sync: &Sync) -> (Uuid, Value) {
    let id = Uuid::new_v4();
    let arguments = [
        json!(sync.name),
        json!(id.to_string()),
        sync.definition.clone(),
        json!("scheduled"),
        json!("t"),
        Value::Null,
        json!(3600),
    ];
    (id, call(service, "sync_begin", &arguments).await["outcome"].clone())
}

async fn fails(service: &Client, id: Uuid, kind: &str) {
    let error = json!({"type": kind, "code": "x", "message": "m", "final": true});
    call(service, "sync_fail", &[json!(id.to_string()), Value::Null, error]).await;
}

#[tokio::test]
async fn a_fault_that_passes_is_repeated_at_growing_pauses_and_another_is_not() {
    let (database, service, sync) = things().await;
    let passes = async |minutes: u32| {
        database.sql(&format!("update sync_state set started_at = started_at - interval '{minutes} minutes', completed_at = completed_at - interval '{minutes} minutes'")).await;
    };
    // What the overview tells of the next run, in minutes after the end of the last.
    let told = async || {
        let one = call(&service, "sync_overview", &[]).await[0].clone();
        assert_eq!(one["pausedAt"], one["lastRun"]["completed_at"], "{one}");
        one["pauseSeconds"].as_u64().map(|seconds| seconds / 60)
    };
    let (id, outcome) = asks(&service, &sync).await;
    assert_eq!(outcome, "begun");
    fails(&service, id, "network").await;
    for minutes in [1, 2, 5, 10, 20, 30, 60, 60] {
        assert_eq!(told().await, Some(minutes.into()));
        // A tick may come half a minute early.
        passes(minutes - 1).await;
        assert_eq!(asks(&service, &sync).await.1, "not_due", "before {minutes} minutes");
        passes(1).await;
        let (id, outcome) = asks(&service, &sync).await;
        assert_eq!(outcome, "begun", "after {minutes} minutes");
        fails(&service, id, "rate_limit").await;
    }
    passes(60).await;
    let (id, _) = asks(&service, &sync).await;
    fails(&service, id, "validation").await;
    assert_eq!(told().await, None, "by its interval");
    passes(30).await;
    assert_eq!(asks(&service, &sync).await.1, "not_due", "what a person must correct waits for its interval");
    passes(30).await;
    let (id, outcome) = asks(&service, &sync).await;
    assert_eq!(outcome, "begun");
    fails(&service, id, "network").await;
    passes(1).await;
    assert_eq!(asks(&service, &sync).await.1, "begun", "the count starts again");
}

#[tokio::test]
async fn a_run_of_which_no_row_arrived_brought_nothing_over() {
    let (_database, service, sync) = things().await;
    let (first, _) = sync.run(&service, &numbered(1)).await;
    let bad = sync.begin(&service).await;
    assert_eq!(bad.plan(&service, json!({"rowsRead": 9, "rowsRejected": 9})).await, "partial");
    let overview = call(&service, "sync_overview", &[]).await[0].clone();
    assert_eq!(overview["closedRun"]["id"], json!(bad.id));
    assert_eq!(overview["completedRun"]["id"], json!(first.id));
    assert_eq!(overview["appliedAt"], overview["completedRun"]["started_at"], "not when the bad one began");
    assert_eq!(overview["last24h"]["rows_due"], 10);
    assert_eq!(overview["last24h"]["rows_arrived"], 1);
}
