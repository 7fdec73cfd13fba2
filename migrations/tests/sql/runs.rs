//! How a run begins, is planned, fails and closes, and that its counts add up (promise 1).

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Sync, call, halves, numbered, soft, things};

#[tokio::test]
async fn a_run_begun_twice_is_one_run() {
    let (_database, service, sync) = things().await;
    let id = Uuid::new_v4();
    assert_eq!(
        sync.try_begin(&service, id, "manual").await,
        json!({"outcome": "begun", "run": id, "seq": 1, "superseded": null, "presentRows": 0, "approvedDeletes": null,
               "keyForms": ["text"], "limits": {"id": {"type": "text", "required": true, "form": "any"},
               "amount": {"type": "integer", "required": false, "form": "integer", "bits": 32}}, "strays": null, "carry": null, "verifyDue": true})
    );
    let again = sync.try_begin(&service, id, "manual").await;
    assert_eq!((&again["outcome"], &again["status"]), (&json!("duplicate"), &json!("queued")));
}

#[tokio::test]
async fn a_run_that_makes_progress_keeps_others_out_and_a_stalled_one_is_superseded() {
    let (database, service, sync) = things().await;
    let first = sync.begin(&service).await;
    let busy = sync.try_begin(&service, Uuid::new_v4(), "manual").await;
    assert_eq!(busy, json!({"outcome": "busy", "run": first.id, "seq": 1}));

    database.sql("update sync_state set heartbeat_at = now() - interval '16 minutes'").await;
    let second = sync.try_begin(&service, Uuid::new_v4(), "manual").await;
    assert_eq!(
        (&second["outcome"], &second["seq"], &second["superseded"]),
        (&json!("begun"), &json!(2), &json!(first.id))
    );
    assert_eq!(
        database.state(first.id, "status, completed_at is not null, error_details ->> 'code'").await,
        json!(["superseded", true, "stalled"])
    );
    assert_eq!(first.plan(&service, json!({"rowsRead": 5})).await, "superseded", "the stalled scheduler is told");
    assert_eq!(
        call(&service, "sync_reject", &[json!(first.id.to_string()), json!([{"code": "x", "message": "y"}])]).await["recorded"],
        0
    );
}

#[tokio::test]
async fn a_scheduled_run_is_due_after_its_interval() {
    let (database, service, sync) = things().await;
    let begin = async |kind: &str| {
        let arguments = [
            json!(sync.name),
            json!(Uuid::new_v4().to_string()),
            sync.definition.clone(),
            json!(kind),
            json!("t"),
            Value::Null,
            json!(300),
        ];
        call(&service, "sync_begin", &arguments).await["outcome"].clone()
    };
    assert_eq!(begin("scheduled").await, "begun");
    assert_eq!(begin("scheduled").await, "not_due");
    database.sql("update sync_state set started_at = now() - interval '301 seconds', status = 'completed'").await;
    assert_eq!(begin("manual").await, "begun", "asked for by hand it is always due");
    database.sql("update sync_state set status = 'completed'").await;
    assert_eq!(begin("scheduled").await, "begun");
}

#[tokio::test]
async fn a_definition_that_does_not_fit_is_refused_with_everything_that_is_wrong() {
    let (database, service, sync) = things().await;
    database
        .sql("create table odd (id text, twice integer generated always as (2) stored, n integer generated always as identity, unique (id, n));
              create table locked (id text primary key); revoke all on locked from service_role;
              create view seen as select * from odd")
        .await;
    let keyed = |key: &str| Sync::new("things", &["id", "amount"]).with("keyColumns", json!([key]));
    let cases = [
        (Sync::new("nothing", &["id"]), vec![("no_such_table", Value::Null)]),
        (Sync::new("seen", &["id"]), vec![("not_a_table", Value::Null)]),
        (
            Sync::new("things", &["id", "price", "size"]),
            vec![("no_such_column", json!("price")), ("no_such_column", json!("size"))],
        ),
        (keyed("note"), vec![("key_column_unmapped", json!("note")), ("key_not_unique", Value::Null)]),
        (keyed("amount"), vec![("key_not_unique", Value::Null)]),
        (
            Sync::new("odd", &["id", "twice", "n"]).with("keyColumns", json!(["id", "n"])),
            vec![("generated_column", json!("n")), ("generated_column", json!("twice"))],
        ),
        (
            sync.clone().with("deletes", json!({"policy": "soft", "column": "gone_at"})),
            vec![("no_delete_column", json!("gone_at"))],
        ),
        (
            sync.clone().with("deletes", json!({"policy": "soft", "column": "note"})),
            vec![("no_delete_column", json!("note"))],
        ),
        (
            Sync::new("things", &["id", "deleted_at"]).with("deletes", soft()),
            vec![("delete_column_mapped", json!("deleted_at"))],
        ),
        (Sync::new("locked", &["id"]), vec![("no_privilege", Value::Null); 3]),
    ];
    for (sync, expected) in cases {
        let id = Uuid::new_v4();
        let answer = sync.try_begin(&service, id, "manual").await;
        assert_eq!(answer["outcome"], "refused", "{answer}");
        let found: Vec<(&str, Value)> = answer["problems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|problem| (problem["code"].as_str().unwrap(), problem["column"].clone()))
            .collect();
        assert_eq!(found, expected, "{answer}");
        let state = database.state(id, "status, error_details -> 'problems' as problems").await;
        assert_eq!(state, json!(["failed", answer["problems"]]));
    }
    assert_eq!(database.json("select count(*) from sync_targets").await, json!(0));
    assert_eq!(
        sync.try_begin(&service, Uuid::new_v4(), "manual").await["outcome"],
        "begun",
        "a refusal blocks nothing"
    );
}

#[tokio::test]
async fn a_run_without_a_definition_is_recorded_and_fails() {
    let (database, service, _) = things().await;
    let id = Uuid::new_v4();
    let arguments = [json!("listings"), json!(id.to_string()), Value::Null, json!("manual"), json!("t")];
    assert_eq!(call(&service, "sync_begin", &arguments).await["outcome"], "begun");
    let error = json!({"type": "validation", "code": "bad_toml", "message": "line 3", "final": true});
    call(&service, "sync_fail", &[json!(id.to_string()), Value::Null, error]).await;
    assert_eq!(
        database.state(id, "status, error_details, seq").await,
        json!(["failed", {"type": "validation", "code": "bad_toml", "message": "line 3"}, null])
    );
    assert_eq!(database.json("select count(*) from sync_targets").await, json!(0));
}

#[tokio::test]
async fn the_last_of_plan_and_batches_closes_the_run_whatever_their_order() {
    let (_database, service, sync) = things().await;
    let plan = json!({"rowsRead": 4, "rowsUnchanged": 1, "rowsSkipped": 1, "rowsSent": 2, "upsertBatches": 1});
    let run = sync.begin(&service).await;
    assert_eq!(run.plan(&service, plan.clone()).await, "in_progress");
    assert_eq!(run.apply(&service, &run.upsert(&numbered(2))).await["runStatus"], "completed");

    let run = sync.begin(&service).await;
    assert_eq!(run.apply(&service, &run.upsert(&numbered(2))).await["runStatus"], "in_progress");
    assert_eq!(run.plan(&service, plan.clone()).await, "completed");
    assert_eq!(run.plan(&service, plan).await, "completed", "said twice, counted once");
}

#[tokio::test]
async fn an_unchanged_sheet_closes_with_its_plan() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    assert_eq!(
        run.plan(&service, json!({"rowsRead": 3, "rowsUnchanged": 3, "metadata": {"version": 7}})).await,
        "completed"
    );
    assert_eq!(
        database.state(run.id, "total_rows, success, unchanged, metadata").await,
        json!([3, 3, 3, {"version": 7}])
    );
}

#[tokio::test]
async fn anything_less_than_everything_is_partial() {
    let (_database, service, sync) = things().await;
    for plan in [
        json!({"rowsRead": 3, "rowsUnchanged": 2, "rowsRejected": 1}),
        json!({"rowsRead": 3, "rowsUnchanged": 3, "deletesWithheld": "the tab is empty"}),
    ] {
        assert_eq!(sync.begin(&service).await.plan(&service, plan).await, "partial");
    }
}

#[tokio::test]
async fn counts_that_do_not_add_up_are_said_so() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    assert_eq!(run.plan(&service, json!({"rowsRead": 4, "rowsUnchanged": 3})).await, "partial");
    let details = database.state(run.id, "error_details").await;
    assert_eq!(details[0]["code"], "counts_do_not_add_up");
    assert!(details[0]["message"].as_str().unwrap().contains("4 rows were read"), "{details}");
}

#[tokio::test]
async fn a_run_whose_batches_all_failed_has_failed() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    run.plan(&service, json!({"rowsRead": 2, "rowsSent": 2, "upsertBatches": 1})).await;
    assert_eq!(run.fail(&service, Some(&run.upsert(&numbered(2))), true).await["runStatus"], "failed");
    assert_eq!(database.state(run.id, "total_rows, failed, success").await, json!([2, 2, 0]));
}

#[tokio::test]
async fn every_row_read_is_counted_exactly_once() {
    let (database, service, sync) = things().await;
    sync.run(&service, &numbered(20)).await;
    let run = sync.begin(&service).await;
    let mut rows = numbered(25);
    rows[3][1] = json!(-1);
    rows[4][1] = json!(7);
    let fate = run.upsert(&rows[..25]);
    run.plan(
        &service,
        json!({"rowsRead": 30, "rowsRejected": 2, "rowsSkipped": 1, "rowsUnchanged": 2, "rowsSent": 25}),
    )
    .await;
    assert_eq!(run.apply(&service, &fate).await["runStatus"], "partial");
    assert_eq!(
        database
            .state(run.id, "total_rows, inserted, updated, unchanged, rejected, skipped, failed, error_details")
            .await,
        json!([30, 5, 1, 18 + 2, 2 + 1, 1, 0, null])
    );
}

#[tokio::test]
async fn a_problem_is_one_entry_until_a_full_reading_no_longer_sees_it() {
    let (database, service, sync) = things().await;
    let rejection = |cell: &str| {
        json!([{"rowKey": "A", "rowNumber": 3, "column": "amount", "header": "金額", "cell": cell,
        "code": "not_a_number", "message": "“many” is not a number", "raw": "many"}])
    };
    let reject = async |cell: &str| {
        let run = sync.begin(&service).await;
        for _ in 0..2 {
            assert_eq!(
                call(&service, "sync_reject", &[json!(run.id.to_string()), rejection(cell)]).await["recorded"],
                1
            );
        }
        run.plan(&service, json!({"rowsRead": 1, "rowsRejected": 1})).await;
        run
    };
    let first = reject("B3").await;
    let second = reject("B4").await;
    let query = "select run, cell, header, raw, last_seen > first_seen, resolved_at is null from sync_errors";
    assert_eq!(database.rows(query).await, json!([[second.id, "B4", "金額", "many", true, true]]));
    assert_ne!(first.id, second.id);

    let run = sync.begin_as(&service, "selective").await;
    run.plan(&service, json!({})).await;
    assert_eq!(
        database.json("select count(*) from sync_errors where resolved_at is null").await,
        json!(1),
        "a selective run saw nothing of it"
    );
    sync.begin(&service).await.plan(&service, json!({"rowsRead": 1, "rowsUnchanged": 1})).await;
    assert_eq!(database.json("select count(*) from sync_errors where resolved_at is null").await, json!(0));
}

#[tokio::test]
async fn a_run_that_closes_late_ends_no_problem_that_a_newer_run_met() {
    let (database, service, sync) = things().await;
    let old = sync.begin(&service).await;
    let (good, bad) = halves(&old.upsert(&numbered(10)));
    old.apply(&service, &good).await;
    old.plan(&service, json!({"rowsRead": 10, "rowsSent": 10, "upsertBatches": 2})).await;
    old.fail(&service, Some(&bad), true).await;

    let new = sync.begin(&service).await;
    let rejection =
        json!([{"rowNumber": 3, "column": "amount", "cell": "B3", "code": "not_a_number", "message": "no"}]);
    call(&service, "sync_reject", &[json!(new.id.to_string()), rejection]).await;
    new.plan(&service, json!({"rowsRead": 10, "rowsRejected": 1, "rowsUnchanged": 9})).await;

    // A dead letter of the old run that was redriven, and given up again.
    assert_eq!(old.fail(&service, Some(&bad), true).await["runStatus"], "partial");
    let open = "select run from sync_errors where resolved_at is null and error_type = 'validation'";
    assert_eq!(database.rows(open).await, json!([[new.id]]));
}

#[tokio::test]
async fn rows_that_share_a_key_are_an_entry_each() {
    let (database, service, sync) = things().await;
    let rejections = json!([
        {"rowKey": "A", "rowNumber": 3, "column": "id", "cell": "A3", "code": "duplicate_key", "message": "also in row 9"},
        {"rowKey": "A", "rowNumber": 9, "column": "id", "cell": "A9", "code": "duplicate_key", "message": "also in row 3"},
    ]);
    for _ in 0..2 {
        let run = sync.begin(&service).await;
        call(&service, "sync_reject", &[json!(run.id.to_string()), rejections.clone()]).await;
        run.plan(&service, json!({"rowsRead": 2, "rowsRejected": 2})).await;
    }
    let query = "select cell, message from sync_errors where resolved_at is null order by row_number";
    assert_eq!(database.rows(query).await, json!([["A3", "also in row 9"], ["A9", "also in row 3"]]));
}

#[tokio::test]
async fn the_overview_has_every_sync_with_its_runs() {
    let (database, service, sync) = things().await;
    let loaded = sync.run(&service, &numbered(1)).await.0;
    let running = sync.begin(&service).await;
    let mut other = sync.clone();
    other.name = "others";
    let done = other.run(&service, &[json!(["Z", 1])]).await.0;
    let rows = database
        .rows(
            "select o ->> 'sync', o #>> '{lastRun,status}', o #>> '{runningRun,id}', o #> '{completedRun,id}', o -> 'open'
             from jsonb_array_elements(sync_overview()) as o",
        )
        .await;
    assert_eq!(
        rows,
        json!([["listings", "queued", running.id, loaded.id, {}], ["others", "completed", null, done.id, {}]])
    );
}

#[tokio::test]
async fn a_begin_whose_answer_was_lost_begins_when_it_is_repeated() {
    let (_database, service, sync) = things().await;
    let id = Uuid::new_v4();
    let begin = async |nonce: &str| {
        let arguments = [
            json!(sync.name),
            json!(id.to_string()),
            sync.definition.clone(),
            json!("manual"),
            json!("a test"),
            Value::Null,
            Value::Null,
            json!(900),
            json!(nonce),
        ];
        call(&service, "sync_begin", &arguments).await
    };
    let first = begin("invocation 1").await;
    assert_eq!(begin("invocation 1").await, first, "the same invocation has begun it");
    assert_eq!(begin("invocation 2").await["outcome"], "duplicate", "another has not");
    call(&service, "sync_planned", &[json!(id.to_string()), json!({"rowsRead": 0})]).await;
    assert_eq!(begin("invocation 1").await["outcome"], "duplicate", "nor the same, when it is planned");
}

#[tokio::test]
async fn a_tick_that_comes_early_is_due() {
    let (database, service, sync) = things().await;
    let due = async |every: i64, seconds_ago: f64| {
        database.sql(&format!("update sync_state set sync_type = 'scheduled', status = 'completed', started_at = clock_timestamp() - interval '{seconds_ago} s'")).await;
        let arguments = [
            json!(sync.name),
            json!(Uuid::new_v4().to_string()),
            sync.definition.clone(),
            json!("scheduled"),
            json!("a test"),
            Value::Null,
            json!(every),
        ];
        call(&service, "sync_begin", &arguments).await["outcome"] != "not_due"
    };
    sync.begin(&service).await.plan(&service, json!({})).await;
    assert!(!due(300, 240.0).await);
    assert!(due(300, 299.9).await, "ten milliseconds early");
    assert!(due(60, 59.9).await);
    assert!(!due(60, 20.0).await);
}
