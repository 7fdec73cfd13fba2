//! What the status API reads: the overview, the statistics, pages of problems; and the audit that it writes.

use serde_json::{Value, json};

use crate::harness::{Database, Run, Sync, call, numbered, things, try_call};

/// A run in which one row of `rows` was rejected by the mapping.
async fn with_rejection(service: &tokio_postgres::Client, sync: &Sync, rows: &[Value]) -> Run {
    let run = sync.begin(service).await;
    run.apply(service, &run.upsert(rows)).await;
    let rejection = json!([{"rowKey": "K9", "rowNumber": 17, "column": "amount", "header": "価格", "cell": "B17",
                            "code": "not_a_number", "message": "this is no number", "raw": "=HYPERLINK"}]);
    call(service, "sync_reject", &[json!(run.id.to_string()), rejection]).await;
    let read = rows.len() + 1;
    run.plan(service, json!({"rowsRead": read, "rowsRejected": 1, "rowsSent": rows.len(), "upsertBatches": 1})).await;
    run
}

/// Moves a run into the past and gives it a duration.
async fn happened(database: &Database, run: &Run, ago: &str, seconds: u32) {
    database
        .sql(&format!(
            "update sync_state set started_at = now() - interval '{ago}',
                completed_at = now() - interval '{ago}' + interval '{seconds} seconds' where id = '{}'",
            run.id
        ))
        .await;
}

async fn overview(service: &tokio_postgres::Client) -> Value {
    call(service, "sync_overview", &[]).await
}

#[tokio::test]
async fn an_overview_tells_the_runs_that_matter_and_the_last_day() {
    let (database, service, sync) = things().await;
    let (good, _) = sync.run(&service, &numbered(4)).await;
    happened(&database, &good, "2 hours", 10).await;
    let (old, _) = sync.run(&service, &numbered(4)).await;
    happened(&database, &old, "25 hours", 1000).await;
    let partial = with_rejection(&service, &sync, &numbered(3)).await;
    happened(&database, &partial, "1 hour", 30).await;
    let open = sync.begin_as(&service, "scheduled").await;

    let overview = overview(&service).await;
    let one = &overview[0];
    assert_eq!((&one["sync"], &one["lastRun"]["id"]), (&json!("listings"), &json!(open.id)));
    assert_eq!((&one["runningRun"]["id"], &one["completedRun"]["id"]), (&json!(open.id), &json!(good.id)));
    assert_eq!((&one["open"], &one["conflicts24h"]), (&json!({"validation": 1}), &json!(0)));
    assert!(one["scheduledAt"].is_string() && one["lastRun"].get("keys").is_none(), "{one}");
    let day = &one["last24h"];
    let counts: Vec<&Value> =
        ["runs", "completed", "partial", "failed", "rows_read", "rows_wrong"].iter().map(|name| &day[name]).collect();
    assert_eq!(counts, [3, 1, 1, 0, 8, 1]);
    assert_eq!((&day["average_seconds"], &day["p95_seconds"]), (&json!(20), &json!(29)));
    assert_eq!(&day["median_seconds"], &json!(20));
}

#[tokio::test]
async fn an_overview_can_be_of_one_sync_and_is_empty_before_the_first_run() {
    let (_database, service, sync) = things().await;
    assert_eq!(overview(&service).await, json!([]));
    sync.run(&service, &numbered(1)).await;
    assert_eq!(call(&service, "sync_overview", &[json!("nowhere")]).await, json!([]));
    assert_eq!(call(&service, "sync_overview", &[json!("listings")]).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn statistics_have_every_step_and_count_each_run_and_problem_in_its_own() {
    let (database, service, sync) = things().await;
    let (first, _) = sync.run(&service, &numbered(20)).await;
    let second = with_rejection(&service, &sync, &numbered(10)).await;
    database
        .sql(&format!(
            "update sync_state set started_at = '2026-11-25T10:05:00Z', completed_at = '2026-11-25T10:05:10Z' where id = '{}';
             update sync_state set started_at = '2026-11-25T10:25:00Z', completed_at = '2026-11-25T10:25:30Z' where id = '{}';
             update sync_errors set first_seen = '2026-11-25T10:25:01Z'",
            first.id, second.id
        ))
        .await;
    let arguments = [json!("listings"), json!("2026-11-25T10:00:00Z"), json!("2026-11-25T10:40:00Z"), json!(600)];
    let statistics = call(&service, "sync_statistics", &arguments).await;
    let points = statistics["points"].as_array().unwrap();
    let column = |name: &str| points.iter().map(|point| point[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("runs"), [1, 0, 1, 0]);
    assert_eq!(column("completed"), [1, 0, 0, 0]);
    assert_eq!(column("partial"), [0, 0, 1, 0]);
    assert_eq!(column("averageSeconds"), [json!(10), Value::Null, json!(30), Value::Null]);
    assert_eq!(column("rows"), [20, 0, 10, 0]);
    assert_eq!(column("rowsPerSecond")[0], json!(2));
    assert_eq!(column("rejected"), [0, 0, 1, 0]);
    let by_type: Vec<&Value> = statistics["errors"].as_array().unwrap().iter().map(|point| &point["byType"]).collect();
    assert_eq!(by_type, [&json!({}), &json!({}), &json!({"validation": 1}), &json!({})]);
    assert_eq!(statistics["errorTotals"], json!({"validation": 1}));
}

/// Problems of a sync by one argument of `sync_errors_page` besides the page's size.
async fn problems(service: &tokio_postgres::Client, argument: &str, size: i32) -> Value {
    let sql = format!("select public.sync_errors_page(p_sync => 'listings', p_limit => {size}{argument})");
    service.query_one(&sql, &[]).await.unwrap().get(0)
}

fn codes(page: &Value) -> Vec<&str> {
    page.as_array().unwrap().iter().map(|entry| entry["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn problems_are_found_by_what_they_are_about_and_paged_in_the_order_of_the_sheet() {
    let (_database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let rejections = json!([
        {"rowKey": "B", "rowNumber": 30, "column": "amount", "header": "価格", "cell": "B30", "code": "third", "message": "x", "raw": "100%_a"},
        {"rowKey": "A", "rowNumber": 7, "column": "id", "header": "番号", "cell": "A7", "code": "first", "message": "x", "raw": null},
        {"rowKey": "A", "rowNumber": 7, "column": "amount", "header": "価格", "cell": "B7", "code": "second", "message": "X Y", "raw": "1,000円"},
    ]);
    call(&service, "sync_reject", &[json!(run.id.to_string()), rejections]).await;
    run.plan(&service, json!({"rowsRead": 2, "rowsRejected": 2})).await;

    let all = problems(&service, "", 100).await;
    assert_eq!(codes(&all).last(), Some(&"third"));
    let first = problems(&service, "", 2).await;
    let last = &first[1];
    let next = format!(", p_after_place => {}, p_after_id => {}", last["place"], last["id"]);
    assert_eq!(codes(&problems(&service, &next, 2).await), ["third"]);

    for (argument, expected) in [
        (", p_search => '円'", vec!["second"]),
        (", p_search => 'x y'", vec!["second"]),
        // Nothing in a search is a pattern.
        (", p_search => '%_A'", vec!["third"]),
        (", p_search => '%'", vec!["third"]),
        (", p_row_key => 'B'", vec!["third"]),
        (", p_cell => 'a7'", vec!["first"]),
        (", p_type => 'database'", vec![]),
        (", p_open => false", vec![]),
    ] {
        assert_eq!(codes(&problems(&service, argument, 100).await), expected, "{argument}");
    }

    // Resolved by a run that read everything and did not see them.
    sync.run(&service, &numbered(2)).await;
    assert_eq!(codes(&problems(&service, ", p_open => true", 100).await), Vec::<&str>::new());
    assert_eq!(codes(&problems(&service, "", 100).await).len(), 3);
}

#[tokio::test]
async fn the_audit_takes_entries_and_nobody_can_change_or_delete_one() {
    let (database, service, _) = things().await;
    let entry = [
        json!("ops@example.com"),
        json!("set_circuit"),
        Value::Null,
        json!("maintenance"),
        json!({"mode": "force_open"}),
    ];
    assert_eq!(call(&service, "sync_record_action", &entry).await, json!(1));
    let found = database.rows("select who, action, sync, why, details from sync_audit").await;
    assert_eq!(found, json!([["ops@example.com", "set_circuit", null, "maintenance", {"mode": "force_open"}]]));
    for statement in ["update sync_audit set who = 'x'", "delete from sync_audit", "truncate sync_audit"] {
        assert!(service.execute(statement, &[]).await.is_err(), "{statement}");
    }
    assert!(try_call(&database.role("authenticated").await, "sync_record_action", &entry).await.is_err());
}
