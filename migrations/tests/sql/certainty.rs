//! A row is deleted only when it is certain that no sheet has it (promise 11): complete reads, other syncs, renamed rows.

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::harness::{Database, Run, Sync, call, hash, soft, things};

fn hard() -> Value {
    json!({"policy": "hard", "guardRows": 100})
}

/// A run that read everything and misses these keys.
async fn missing(client: &Client, sync: &Sync, keys: &[&str]) -> (Run, Value) {
    let run = sync.begin(client).await;
    run.plan(client, json!({"keysVanished": keys.len(), "deleteBatches": 1})).await;
    let answer = run.apply(client, &run.delete(keys)).await;
    (run, answer)
}

/// A run that read everything and misses nothing.
async fn seen(client: &Client, sync: &Sync) {
    sync.begin(client).await.plan(client, json!({})).await;
}

async fn a_minute_passes(database: &Database) {
    database.sql("update sync_rows set missing_since = missing_since - interval '61 seconds'").await;
}

async fn ids(database: &Database) -> Value {
    database.rows("select id from things where deleted_at is null order by id").await
}

#[tokio::test]
async fn a_key_is_deleted_when_two_complete_reads_a_minute_apart_missed_it() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", hard()).with("confirmDeletes", 2);
    sync.run(&service, &[json!(["A", 1]), json!(["B", 2])]).await;

    let (run, answer) = missing(&service, &sync, &["B"]).await;
    assert_eq!((&answer["deleted"], &answer["unconfirmed"]), (&json!(0), &json!(1)), "{answer}");
    assert_eq!(database.state(run.id, "status, unconfirmed").await, json!(["partial", 1]));
    let (_, answer) = missing(&service, &sync, &["B"]).await;
    assert_eq!(answer["unconfirmed"], 1, "the reads were not a minute apart");
    a_minute_passes(&database).await;
    let (run, answer) = missing(&service, &sync, &["B"]).await;
    assert_eq!((&answer["deleted"], &answer["unconfirmed"]), (&json!(1), &json!(0)), "{answer}");
    assert_eq!(database.state(run.id, "status").await, json!(["completed"]));
    assert_eq!(ids(&database).await, json!([["A"]]));
}

#[tokio::test]
async fn reads_that_missed_a_key_count_only_in_a_row() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", hard()).with("confirmDeletes", 2);
    sync.run(&service, &[json!(["A", 1])]).await;
    missing(&service, &sync, &["A"]).await;
    a_minute_passes(&database).await;
    seen(&service, &sync).await;
    let (_, answer) = missing(&service, &sync, &["A"]).await;
    assert_eq!((&answer["deleted"], &answer["unconfirmed"]), (&json!(0), &json!(1)), "it was there in between");

    // An incomplete read says nothing, in either direction.
    let run = sync.begin(&service).await;
    run.plan(&service, json!({"readComplete": false})).await;
    a_minute_passes(&database).await;
    assert_eq!(missing(&service, &sync, &["A"]).await.1["deleted"], 1);
}

#[tokio::test]
async fn a_message_delivered_twice_counts_as_one_read() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", hard()).with("confirmDeletes", 2);
    sync.run(&service, &[json!(["A", 1])]).await;
    let (run, _) = missing(&service, &sync, &["A"]).await;
    a_minute_passes(&database).await;
    let again = run.apply(&service, &run.delete(&["A"])).await;
    assert_eq!(again["outcome"], "duplicate");
    assert_eq!(ids(&database).await, json!([["A"]]));
}

#[tokio::test]
async fn an_incomplete_read_deletes_nothing() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", hard());
    sync.run(&service, &[json!(["A", 1])]).await;
    let run = sync.begin(&service).await;
    run.plan(&service, json!({"keysVanished": 1, "deleteBatches": 1, "readComplete": false})).await;
    let answer = run.apply(&service, &run.delete(&["A"])).await;
    assert_eq!((&answer["outcome"], &answer["runStatus"]), (&json!("withheld"), &json!("partial")), "{answer}");
    assert_eq!(ids(&database).await, json!([["A"]]));
}

#[tokio::test]
async fn a_row_that_one_sync_marked_as_deleted_comes_back_with_any_that_feeds_it() {
    let others = [json!({"policy": "ignore"}), hard(), json!({"policy": "soft", "column": "hidden_at"})];
    for policy in others {
        let (database, service, sync) = things().await;
        database.sql("alter table things add hidden_at timestamptz").await;
        let first = sync.clone().with("deletes", soft());
        let mut second = sync.with("deletes", policy.clone());
        second.name = "branch";
        first.run(&service, &[json!(["A", 1]), json!(["B", 2])]).await;
        second.run(&service, &[json!(["C", 3])]).await;
        assert_eq!(missing(&service, &first, &["A"]).await.1["deleted"], 1);

        let (run, answer) = second.run(&service, &[json!(["A", 1])]).await;
        assert_eq!((&answer["updated"], &answer["unchanged"]), (&json!(1), &json!(0)), "{policy}: {answer}");
        assert_eq!(database.state(run.id, "status").await, json!(["completed"]));
        assert_eq!(ids(&database).await, json!([["A"], ["B"], ["C"]]), "{policy}");

        // What people mark themselves stays marked, whoever feeds the row.
        database.sql("update things set deleted_at = now() where id = 'A'").await;
        second.run(&service, &[json!(["A", 7])]).await;
        assert_eq!(ids(&database).await, json!([["B"], ["C"]]), "{policy}");
    }
}

#[tokio::test]
async fn a_row_that_was_marked_as_deleted_comes_back_when_the_definition_has_changed_since() {
    let (database, service, sync) = things().await;
    database.sql("alter table things add hidden_at timestamptz").await;
    let before = sync.clone().with("deletes", soft());
    before.run(&service, &[json!(["A", 1]), json!(["B", 2])]).await;
    missing(&service, &before, &["A", "B"]).await;
    assert_eq!(ids(&database).await, json!([]));

    sync.clone().with("deletes", json!({"policy": "ignore"})).run(&service, &[json!(["A", 1])]).await;
    assert_eq!(ids(&database).await, json!([["A"]]));
    let other = json!({"policy": "soft", "column": "hidden_at"});
    sync.with("deletes", other).run(&service, &[json!(["A", 1]), json!(["B", 2])]).await;
    assert_eq!(ids(&database).await, json!([["A"], ["B"]]));
}

#[tokio::test]
async fn a_row_moved_to_the_tab_of_another_sync_stays() {
    for policy in [hard(), soft()] {
        let (database, service, sync) = things().await;
        let first = sync.clone().with("deletes", policy.clone());
        let mut second = first.clone();
        second.name = "branch";
        first.run(&service, &[json!(["A", 1]), json!(["B", 2])]).await;

        // Cut from the first tab and pasted into the second, whose run comes first: the row is claimed, not taken.
        let (run, claimed) = second.run(&service, &[json!(["A", 5])]).await;
        assert_eq!((&claimed["rejected"], &claimed["updated"]), (&json!(1), &json!(0)), "{claimed}");
        let errors =
            database.rows("select code, column_name, message from sync_errors where resolved_at is null").await;
        assert_eq!((&errors[0][0], &errors[0][1]), (&json!("key_in_other_sync"), &json!("id")));
        assert!(errors[0][2].as_str().unwrap().contains("the sync listings feeds the row A"), "{errors}");
        assert_eq!(database.state(run.id, "status").await, json!(["partial"]));

        let (_, answer) = missing(&service, &first, &["A"]).await;
        assert_eq!((&answer["deleted"], &answer["unchanged"]), (&json!(0), &json!(1)), "{answer}");
        assert_eq!(
            database.rows("select id, amount from things where deleted_at is null order by id").await,
            json!([["A", 1], ["B", 2]])
        );

        // The other takes it over, as its own: what the first wrote is no edit of the database.
        let (run, answer) = second.run(&service, &[json!(["A", 5])]).await;
        assert_eq!(
            (&answer["updated"], &answer["conflicts"], &answer["rejected"]),
            (&json!(1), &json!(0), &json!(0)),
            "{answer}"
        );
        assert_eq!(database.state(run.id, "status").await, json!(["completed"]));
        assert_eq!(
            missing(&service, &second, &["A"]).await.1["deleted"],
            1,
            "and deletes it when its own tab loses it"
        );
        assert_eq!(ids(&database).await, json!([["B"]]));
    }
}

#[tokio::test]
async fn a_row_that_another_sync_rejects_is_in_its_sheet_and_stays() {
    let (database, service, sync) = things().await;
    let first = sync.clone().with("deletes", hard());
    let mut second = first.clone();
    second.name = "branch";
    first.run(&service, &[json!(["A", 1])]).await;
    // The mapping rejects a cell of the row in the second tab; the key could be read.
    let run = second.begin(&service).await;
    let rejection =
        json!([{"rowKey": "A", "rowNumber": 2, "column": "amount", "code": "not_a_number", "message": "x"}]);
    call(&service, "sync_reject", &[json!(run.id.to_string()), rejection]).await;
    run.plan(&service, json!({"rowsRead": 1, "rowsRejected": 1})).await;
    let (_, answer) = missing(&service, &first, &["A"]).await;
    assert_eq!((&answer["deleted"], &answer["unchanged"]), (&json!(0), &json!(1)), "{answer}");
    assert_eq!(ids(&database).await, json!([["A"]]));
    assert_eq!(second.run(&service, &[json!(["A", 3])]).await.1["updated"], 1);
}

#[tokio::test]
async fn the_sync_of_higher_precedence_feeds_the_row() {
    let (database, service, sync) = things().await;
    let low = sync.clone().with("deletes", hard());
    let mut high = low.clone().with("precedence", 1);
    high.name = "head-office";
    low.run(&service, &[json!(["A", 1])]).await;
    let (_, answer) = high.run(&service, &[json!(["A", 2])]).await;
    assert_eq!((&answer["updated"], &answer["conflicts"]), (&json!(1), &json!(0)), "{answer}");
    let (run, answer) = low.run(&service, &[json!(["A", 1])]).await;
    assert_eq!(
        (&answer["skipped"], &answer["rejected"], &answer["updated"]),
        (&json!(1), &json!(0), &json!(0)),
        "{answer}"
    );
    assert_eq!(database.state(run.id, "status").await, json!(["completed"]));
    assert_eq!(database.rows("select amount from things").await, json!([[2]]));

    // When it loses the row, the other has it again.
    assert_eq!(missing(&service, &high, &["A"]).await.1["unchanged"], 1);
    assert_eq!(low.run(&service, &[json!(["A", 1])]).await.1["updated"], 1);
    assert_eq!(database.rows("select amount from things").await, json!([[1]]));
}

#[tokio::test]
async fn syncs_of_one_table_with_different_keys_are_refused() {
    let (database, service, sync) = things().await;
    database.sql("alter table things add unique (note)").await;
    sync.run(&service, &[json!(["A", 1])]).await;
    let mut other = Sync::new("things", &["note", "amount"]);
    other.name = "branch";
    let answer = other.try_begin(&service, uuid::Uuid::new_v4(), "manual").await;
    assert_eq!(
        (&answer["outcome"], &answer["problems"][0]["code"]),
        (&json!("refused"), &json!("key_differs")),
        "{answer}"
    );
}

#[tokio::test]
async fn keys_whose_equality_the_sheet_cannot_know_are_refused() {
    let (database, service, _) = things().await;
    database
        .sql(
            "create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
             create table zoo (a_uuid uuid unique, a_text text unique, a_loose text collate loose unique, a_char char(4) unique,
                               a_number numeric(8, 2) unique, a_plain numeric unique, a_float float8 unique, a_date date unique,
                               a_when timestamptz unique, a_local timestamp unique, an_integer integer unique, a_json jsonb unique)",
        )
        .await;
    for (column, mapping_type, form) in [
        ("a_uuid", "text", Some("uuid")),
        ("a_text", "text", Some("text")),
        ("a_text", "integer", Some("text")),
        ("a_text", "json", None),
        ("a_loose", "text", None),
        ("a_char", "text", Some("char")),
        ("a_number", "decimal", None),
        ("a_number", "integer", Some("decimal")),
        ("a_plain", "decimal", Some("decimal")),
        ("a_float", "decimal", None),
        ("a_date", "date", Some("date")),
        ("a_date", "text", None),
        ("a_when", "timestamp", Some("timestamp")),
        ("a_when", "text", None),
        ("a_local", "timestamp", None),
        ("an_integer", "text", Some("integer")),
        ("an_integer", "integer", Some("integer")),
        ("an_integer", "decimal", None),
        ("a_json", "json", None),
    ] {
        let mut sync = Sync::new("zoo", &[column]).typed(column, mapping_type);
        sync.name = "zoo";
        let answer = sync.try_begin(&service, uuid::Uuid::new_v4(), "manual").await;
        match form {
            Some(form) => assert_eq!(answer["keyForms"], json!([form]), "{column} {mapping_type}: {answer}"),
            None => assert_eq!(answer["problems"][0]["code"], "key_type", "{column} {mapping_type}: {answer}"),
        }
        database.sql("delete from sync_targets").await;
    }
}

/// A table with a second unique column: `things.note`.
async fn slugs(deletes: Value) -> (Database, Client, Sync) {
    let (database, service, _) = things().await;
    database.sql("alter table things add unique (note); alter table things add remarks text").await;
    (database, service, Sync::new("things", &["id", "note"]).with("deletes", deletes))
}

/// A run in which `AA1` is gone and `AA2` has its note.
async fn renamed(client: &Client, sync: &Sync) -> (Run, Value) {
    let run = sync.begin(client).await;
    run.apply(client, &run.upsert(&[json!(["AA2", "slug"])])).await;
    run.plan(client, json!({"rowsRead": 1, "rowsSent": 1, "keysVanished": 1, "upsertBatches": 1, "deleteBatches": 1}))
        .await;
    let answer = run.apply(client, &run.delete(&["AA1"])).await;
    (run, answer)
}

#[tokio::test]
async fn a_renamed_row_that_holds_a_unique_value_is_replaced_as_a_whole() {
    let (database, service, sync) = slugs(hard()).await;
    sync.run(&service, &[json!(["AA1", "slug"])]).await;
    let (run, answer) = renamed(&service, &sync).await;
    assert_eq!(answer["deleted"], 1, "{answer}");
    assert_eq!(database.rows("select id, note from things").await, json!([["AA2", "slug"]]));
    assert_eq!(database.state(run.id, "status, inserted, rejected, deleted").await, json!(["completed", 1, 0, 1]));
    assert_eq!(database.rows("select row_key, state from sync_rows").await, json!([["AA2", "present"]]));
    assert_eq!(database.json("select count(*) from sync_errors where resolved_at is null").await, json!(0));
}

#[tokio::test]
async fn a_renamed_row_stays_until_its_deletion_is_confirmed() {
    let (database, service, sync) = slugs(hard()).await;
    let sync = sync.with("confirmDeletes", 2);
    sync.run(&service, &[json!(["AA1", "slug"])]).await;
    let (run, answer) = renamed(&service, &sync).await;
    assert_eq!((&answer["deleted"], &answer["unconfirmed"]), (&json!(0), &json!(1)), "{answer}");
    assert_eq!(database.rows("select id from things").await, json!([["AA1"]]));
    assert_eq!(database.state(run.id, "status").await, json!(["partial"]));
    let message = database.json("select message from sync_errors where resolved_at is null").await;
    assert!(message.as_str().unwrap().contains("the row AA1 has this value"), "{message}");
    a_minute_passes(&database).await;
    let (run, _) = renamed(&service, &sync).await;
    assert_eq!(database.rows("select id from things").await, json!([["AA2"]]));
    assert_eq!(database.state(run.id, "status").await, json!(["completed"]));
}

#[tokio::test]
async fn a_rename_by_a_unique_column_keeps_what_the_database_owns() {
    for (deletes, constraint) in
        [(hard(), "unique"), (soft(), "unique"), (hard(), "unique deferrable"), (json!({"policy": "ignore"}), "unique")]
    {
        let (database, service, sync) = slugs(deletes).await;
        database
            .sql(&format!(
                "alter table things drop constraint things_note_key, add constraint things_note_key {}",
                constraint.replacen("unique", "unique (note)", 1)
            ))
            .await;
        let sync = sync.with("renameBy", json!(["note"])).with("confirmDeletes", 2);
        sync.run(&service, &[json!(["AA1", "slug"])]).await;
        database.sql("update things set remarks = 'typed by an agent'").await;
        let (run, answer) = renamed(&service, &sync).await;
        assert_eq!((&answer["deleted"], &answer["unchanged"]), (&json!(0), &json!(1)), "{answer}");
        assert_eq!(
            database.rows("select id, note, remarks, deleted_at from things").await,
            json!([["AA2", "slug", "typed by an agent", null]])
        );
        assert_eq!(database.state(run.id, "status, rejected").await, json!(["completed", 0]));
        assert_eq!(database.rows("select row_key from sync_rows").await, json!([["AA2"]]));
        assert_eq!(database.json(&format!("select key_hash = {} from sync_rows", hash("AA2"))).await, json!(true));
    }
}

#[tokio::test]
async fn a_row_is_not_deleted_when_the_one_that_takes_its_place_is_refused() {
    // Marked as deleted the old row still holds its value: the new one could never come in.
    let (database, service, sync) = slugs(soft()).await;
    sync.run(&service, &[json!(["AA1", "slug"])]).await;
    let (run, answer) = renamed(&service, &sync).await;
    assert_eq!((&answer["deleted"], &answer["rejected"]), (&json!(0), &json!(1)), "{answer}");
    assert_eq!(database.rows("select id, deleted_at from things").await, json!([["AA1", null]]));
    assert_eq!(database.state(run.id, "status").await, json!(["partial"]));
    let codes = database.rows("select code from sync_errors where resolved_at is null order by code").await;
    assert_eq!(codes, json!([["23505"], ["kept_for_rename"]]));
}

#[tokio::test]
async fn what_people_marked_as_deleted_does_not_come_back() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", soft());
    sync.run(&service, &[json!(["A", 1])]).await;
    database.sql("update things set deleted_at = '2026-01-01'").await;
    assert_eq!(missing(&service, &sync, &["A"]).await.1["unchanged"], 1);
    sync.run(&service, &[json!(["A", 1])]).await;
    assert_eq!(database.rows("select deleted_at is not null from things").await, json!([[true]]), "the mark is theirs");
}

#[tokio::test]
async fn a_row_that_one_sync_gave_up_comes_back_in_another() {
    for policy in [soft(), json!({"policy": "ignore"})] {
        let (database, service, sync) = things().await;
        let first = sync.with("deletes", policy).with("adopt", "ask");
        let mut second = first.clone();
        second.name = "branch";
        first.run(&service, &[json!(["A", 1])]).await;
        missing(&service, &first, &["A"]).await;
        // Pasted into the other tab an hour later, with a new price: it is known, and comes back.
        let (run, answer) = second.run(&service, &[json!(["A", 2])]).await;
        assert_eq!(
            (&answer["updated"], &answer["withheld"], &answer["conflicts"]),
            (&json!(1), &json!(0), &json!(0)),
            "{answer}"
        );
        assert_eq!(database.rows("select amount, deleted_at from things").await, json!([[2, null]]));
        assert_eq!(database.state(run.id, "status").await, json!(["completed"]));
    }
}

#[tokio::test]
async fn a_key_spelt_in_another_way_than_its_row_deletes_nothing() {
    let (database, service, _) = things().await;
    database.sql("create table ids (id text primary key, amount integer)").await;
    let (upper, lower) = ("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
    let sync = Sync::new("ids", &["id", "amount"]).with("deletes", hard());
    sync.run(&service, &[json!([upper, 1])]).await;
    // Somebody gives the column its proper type: the sheet's key is another text now, the row is the same.
    database.sql("alter table ids alter id type uuid using id::uuid").await;
    let run = sync.begin(&service).await;
    run.apply(&service, &run.upsert(&[json!([lower, 1])])).await;
    run.plan(&service, json!({"rowsRead": 1, "rowsSent": 1, "keysVanished": 1})).await;
    let answer = run.apply(&service, &run.delete(&[upper])).await;
    assert_eq!((&answer["deleted"], &answer["unchanged"]), (&json!(0), &json!(1)), "{answer}");
    assert_eq!(database.rows("select id, amount from ids").await, json!([[lower, 1]]));
    assert_eq!(database.rows("select row_key from sync_rows").await, json!([[lower]]));
}

#[tokio::test]
async fn a_renamed_row_that_is_refused_for_another_row_keeps_its_old_one() {
    let (database, service, sync) = slugs(hard()).await;
    sync.run(&service, &[json!(["AA1", "one"]), json!(["BB1", "two"])]).await;
    // AA1 became AA2, and its slug is one that another row keeps.
    let run = sync.begin(&service).await;
    run.apply(&service, &run.upsert(&[json!(["AA2", "two"]), json!(["BB1", "two"])])).await;
    run.plan(
        &service,
        json!({"rowsRead": 2, "rowsSent": 2, "keysVanished": 1, "vanished": {"count": 1, "digest": "d", "sample": []}}),
    )
    .await;
    let answer = run.apply(&service, &run.delete(&["AA1"])).await;
    assert_eq!(answer["outcome"], "withheld", "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("the first: AA2"), "{answer}");
    assert_eq!(ids(&database).await, json!([["AA1"], ["BB1"]]));
    // Corrected, it is a rename like any other.
    let run = sync.begin(&service).await;
    run.apply(&service, &run.upsert(&[json!(["AA2", "one"]), json!(["BB1", "two"])])).await;
    run.plan(&service, json!({"rowsRead": 2, "rowsSent": 2, "keysVanished": 1})).await;
    assert_eq!(run.apply(&service, &run.delete(&["AA1"])).await["deleted"], 1);
    assert_eq!(ids(&database).await, json!([["AA2"], ["BB1"]]));
}

#[tokio::test]
async fn a_renamed_row_that_a_check_refuses_keeps_its_old_one() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", hard());
    sync.run(&service, &[json!(["AA1", 1]), json!(["BB1", 1])]).await;
    // BB1 goes in the same run, and a row that was never usable stays what it is.
    let attempt = async |rows: &[Value], gone: &[&str]| {
        let run = sync.begin(&service).await;
        run.apply(&service, &run.upsert(rows)).await;
        let vanished = json!({"count": gone.len(), "digest": "d", "sample": []});
        run.plan(
            &service,
            json!({"rowsRead": rows.len(), "rowsSent": rows.len(), "keysVanished": gone.len(), "vanished": vanished}),
        )
        .await;
        if gone.is_empty() { Value::Null } else { run.apply(&service, &run.delete(gone)).await }
    };
    let answer = attempt(&[json!(["AA2", -1])], &["AA1", "BB1"]).await;
    assert_eq!(answer["outcome"], "withheld", "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("the first: AA2"), "{answer}");
    assert_eq!(ids(&database).await, json!([["AA1"], ["BB1"]]));
    // A run that misses nothing makes it one of those that are known to be unusable.
    attempt(&[json!(["AA2", -1]), json!(["AA1", 1]), json!(["BB1", 1])], &[]).await;
    assert_eq!(attempt(&[json!(["AA2", -1]), json!(["AA1", 1])], &["BB1"]).await["deleted"], 1);
    assert_eq!(ids(&database).await, json!([["AA1"]]));
}

#[tokio::test]
async fn a_sync_that_never_wrote_a_row_does_not_keep_it_from_another() {
    let (database, service, sync) = things().await;
    let mut updating = sync.clone().with("mode", "update_only").with("precedence", 1);
    updating.name = "prices";
    assert_eq!(updating.run(&service, &[json!(["A", 5])]).await.1["skipped"], 1);
    let (run, answer) = sync.run(&service, &[json!(["A", 1])]).await;
    assert_eq!((&answer["inserted"], &answer["skipped"]), (&json!(1), &json!(0)), "{answer}");
    assert_eq!(database.state(run.id, "status").await, json!(["completed"]));
    assert_eq!(updating.run(&service, &[json!(["A", 5])]).await.1["updated"], 1, "now there is a row to update");
    assert_eq!(database.rows("select amount from things").await, json!([[5]]));
}

#[tokio::test]
async fn update_only_withholds_deletion_of_a_row_whose_key_changed() {
    let (database, service, sync) = things().await;
    database.sql("insert into things (id, amount) values ('AA1', 1), ('BB1', 2)").await;
    let sync = sync.with("mode", "update_only").with("adopt", "sheet").with("deletes", hard());
    // X was never in the table, and says nothing of a row that is gone.
    sync.run(&service, &[json!(["AA1", 1]), json!(["BB1", 2]), json!(["X", 9])]).await;
    let (_, answer) = missing(&service, &sync, &["BB1"]).await;
    assert_eq!(answer["deleted"], 1, "{answer}");

    for _ in 0..2 {
        let run = sync.begin(&service).await;
        run.apply(&service, &run.upsert(&[json!(["AA2", 1]), json!(["X", 9])])).await;
        run.plan(
            &service,
            json!({"rowsRead": 2, "rowsSent": 2, "keysVanished": 1, "upsertBatches": 1, "deleteBatches": 1}),
        )
        .await;
        let answer = run.apply(&service, &run.delete(&["AA1"])).await;
        assert_eq!(answer["outcome"], "withheld", "{answer}");
        let message = answer["error"].as_str().unwrap();
        assert!(message.contains("AA2") && message.contains("update_only"), "{message}");
        assert_eq!(database.state(run.id, "status").await, json!(["partial"]));
        assert_eq!(ids(&database).await, json!([["AA1"]]));
    }
    // With its old key again, nothing is gone.
    sync.run(&service, &[json!(["AA1", 5]), json!(["X", 9])]).await;
    assert_eq!(database.rows("select id, amount from things").await, json!([["AA1", 5]]));
}

#[tokio::test]
async fn a_rename_by_a_column_that_a_trigger_computes_is_a_rename() {
    let (database, service, _) = slugs(hard()).await;
    database
        .sql(
            "create function slug() returns trigger language plpgsql as $$ begin new.note := 'x, (' || lower(new.remarks); return new; end $$;
             create trigger slug before insert or update on things for each row execute function slug()",
        )
        .await;
    let sync =
        Sync::new("things", &["id", "note", "remarks"]).with("deletes", hard()).with("renameBy", json!(["note"]));
    let sync = sync.with("confirmDeletes", 2);
    sync.run(&service, &[json!(["AA1", null, "House)"])]).await;
    database.sql("update things set amount = 7").await;
    let run = sync.begin(&service).await;
    run.apply(&service, &run.upsert(&[json!(["AA2", null, "House)"])])).await;
    run.plan(
        &service,
        json!({"rowsRead": 1, "rowsSent": 1, "keysVanished": 1, "upsertBatches": 1, "deleteBatches": 1}),
    )
    .await;
    run.apply(&service, &run.delete(&["AA1"])).await;
    assert_eq!(
        database.rows("select id, note, amount from things").await,
        json!([["AA2", "x, (house)", 7]]),
        "the row under its new key, with what the database owns"
    );
    assert_eq!(database.state(run.id, "status, rejected").await, json!(["completed", 0]));
}

#[tokio::test]
async fn a_new_key_that_is_another_row_is_no_rename() {
    let (database, service, sync) = slugs(hard()).await;
    let sync = sync.with("renameBy", json!(["note"]));
    sync.run(&service, &[json!(["AA1", "slug"]), json!(["AA2", "other"])]).await;
    let (run, answer) = renamed(&service, &sync).await;
    assert_eq!(answer["deleted"], 1, "{answer}");
    assert_eq!(database.rows("select id, note from things").await, json!([["AA2", "slug"]]));
    assert_eq!(database.state(run.id, "status").await, json!(["completed"]));
}

#[tokio::test]
async fn a_rename_stands_though_a_trigger_keeps_a_value() {
    let (database, service, _) = slugs(hard()).await;
    database
        .sql(
            "create function keep() returns trigger language plpgsql as $$ begin new.remarks := old.remarks; return new; end $$;
             create trigger keep before update on things for each row execute function keep()",
        )
        .await;
    let sync =
        Sync::new("things", &["id", "note", "remarks"]).with("deletes", hard()).with("renameBy", json!(["note"]));
    sync.run(&service, &[json!(["AA1", "slug", "one"])]).await;
    let run = sync.begin(&service).await;
    run.apply(&service, &run.upsert(&[json!(["AA2", "slug", "two"])])).await;
    run.plan(
        &service,
        json!({"rowsRead": 1, "rowsSent": 1, "keysVanished": 1, "upsertBatches": 1, "deleteBatches": 1}),
    )
    .await;
    run.apply(&service, &run.delete(&["AA1"])).await;
    assert_eq!(database.rows("select id, note, remarks from things").await, json!([["AA2", "slug", "one"]]));
    assert_eq!(database.state(run.id, "status, rejected, deleted").await, json!(["partial", 1, 0]));
    assert_eq!(
        database.rows("select row_key, column_name, code from sync_errors where resolved_at is null").await,
        json!([["AA2", "remarks", "kept_by_trigger"]])
    );
}

#[tokio::test]
async fn a_row_stays_while_two_new_rows_need_its_value() {
    let (database, service, sync) = slugs(hard()).await;
    // A second row has waited for the value of the first; then the first gets another key.
    sync.run(&service, &[json!(["AA1", "slug"]), json!(["BB0", "slug"])]).await;
    for _ in 0..2 {
        let run = sync.begin(&service).await;
        run.apply(&service, &run.upsert(&[json!(["BB0", "slug"])])).await;
        run.apply(&service, &run.upsert(&[json!(["AA2", "slug"])])).await;
        run.plan(
            &service,
            json!({"rowsRead": 2, "rowsSent": 2, "keysVanished": 1, "upsertBatches": 2, "deleteBatches": 1}),
        )
        .await;
        let answer = run.apply(&service, &run.delete(&["AA1"])).await;
        assert_eq!((&answer["deleted"], &answer["rejected"]), (&json!(0), &json!(1)), "{answer}");
        assert_eq!(database.rows("select id from things").await, json!([["AA1"]]));
        let codes = "select row_key, code from sync_errors where resolved_at is null order by row_key";
        assert_eq!(database.rows(codes).await, json!([["AA1", "kept_for_rename"], ["AA2", "23505"], ["BB0", "23505"]]));
    }
    // The waiting row leaves the sheet: one is left.
    renamed(&service, &sync).await;
    assert_eq!(database.rows("select id, note from things").await, json!([["AA2", "slug"]]));
}

#[tokio::test]
async fn update_only_gives_up_a_key_the_table_never_had() {
    let (database, service, sync) = things().await;
    database.sql("insert into things (id, amount) values ('AA1', 1)").await;
    let sync = sync.with("mode", "update_only").with("adopt", "sheet").with("deletes", hard());
    sync.run(&service, &[json!(["AA1", 1]), json!(["Z", 9])]).await;
    // Z is renamed, and was never in the table: nothing is deleted, and nothing waits for an approval.
    let run = sync.begin(&service).await;
    run.apply(&service, &run.upsert(&[json!(["Z2", 9])])).await;
    run.plan(&service, json!({"rowsRead": 2, "rowsUnchanged": 1, "rowsSent": 1, "keysVanished": 1, "upsertBatches": 1, "deleteBatches": 1}))
        .await;
    let answer = run.apply(&service, &run.delete(&["Z"])).await;
    assert_eq!((&answer["outcome"], &answer["skipped"]), (&json!("applied"), &json!(1)), "{answer}");
    assert_eq!(database.state(run.id, "status").await, json!(["completed"]));
    assert_eq!(ids(&database).await, json!([["AA1"]]));
}

#[tokio::test]
async fn redriven_deletion_still_waits_for_the_refused_row() {
    let (database, service, sync) = slugs(hard()).await;
    let sync = sync.with("renameBy", json!(["note"])).with("confirmDeletes", 1);
    sync.run(&service, &[json!(["AA1", "slug"])]).await;
    database.sql("update things set remarks = 'typed by an agent'").await;
    let run = sync.begin(&service).await;
    run.apply(&service, &run.upsert(&[json!(["AA2", "slug"])])).await;
    run.plan(
        &service,
        json!({"rowsRead": 1, "rowsSent": 1, "keysVanished": 1, "upsertBatches": 1, "deleteBatches": 1}),
    )
    .await;
    // The deletion fails for good, the run closes, and an operator redrives it.
    let deletion = run.delete(&["AA1"]);
    run.fail(&service, Some(&deletion), true).await;
    run.apply(&service, &deletion).await;
    assert_eq!(database.rows("select id, remarks from things").await, json!([["AA2", "typed by an agent"]]));
}
