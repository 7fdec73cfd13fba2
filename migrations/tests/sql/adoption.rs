//! Rows that the table has before a sync knows them: nothing is overwritten until somebody decides, and books are carried over.

use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::harness::{Sync, call, hash, soft, things};

async fn approve(client: &Client, run: Uuid, adopt: &str) -> Value {
    call(client, "sync_approve_adoption", &[json!(run.to_string()), json!("ann"), json!("looked at it"), json!(adopt)])
        .await
}

fn asking(sync: Sync) -> Sync {
    sync.with("adopt", "ask")
}

#[tokio::test]
async fn rows_that_differ_wait_for_a_decision() {
    for (adopt, amounts, conflicts) in
        [("sheet", json!([["A", 1], ["B", 2], ["C", 3]]), 0), ("database", json!([["A", 10], ["B", 2], ["C", 30]]), 0)]
    {
        let (database, service, sync) = things().await;
        let sync = asking(sync);
        database.sql("insert into things (id, amount) values ('A', 10), ('B', 2), ('C', 30)").await;
        let rows = [json!(["A", 1]), json!(["B", 2]), json!(["C", 3]), json!(["D", 4])];
        let (run, answer) = sync.run(&service, &rows).await;
        assert_eq!(
            (&answer["inserted"], &answer["unchanged"], &answer["skipped"], &answer["withheld"]),
            (&json!(1), &json!(1), &json!(2), &json!(2)),
            "{answer}"
        );
        assert_eq!(database.state(run.id, "status, withheld").await, json!(["partial", 2]));
        assert_eq!(
            database.rows("select id, amount from things order by id").await,
            json!([["A", 10], ["B", 2], ["C", 30], ["D", 4]])
        );
        let adoption = database.json(&format!("select adoption from sync_state where id = '{}'", run.id)).await;
        assert_eq!((&adoption["rows"], &adoption["columns"]), (&json!(2), &json!({"amount": 2})), "{adoption}");
        let sample = adoption["sample"].as_array().unwrap();
        assert_eq!(sample.len(), 2);
        assert!(
            sample.contains(&json!({"rowKey": "A", "rowNumber": 2, "column": "amount", "old": 10, "new": "1"})),
            "{adoption}"
        );

        assert_eq!(
            approve(&service, run.id, adopt).await,
            json!({"outcome": "approved", "sync": "listings", "approved": 2})
        );
        let (run, answer) = sync.run(&service, &rows).await;
        assert_eq!((&answer["withheld"], &answer["conflicts"]), (&json!(0), &json!(conflicts)), "{answer}");
        assert_eq!(database.state(run.id, "status, adoption").await, json!(["completed", null]));
        assert_eq!(database.rows("select id, amount from things where id < 'D' order by id").await, amounts);

        // From here on it is a row like any other.
        let (_, answer) = sync.run(&service, &[json!(["A", 5])]).await;
        assert_eq!((&answer["updated"], &answer["conflicts"]), (&json!(1), &json!(0)), "{adopt}: {answer}");
    }
}

#[tokio::test]
async fn an_approval_is_for_exactly_the_rows_that_somebody_saw() {
    let (database, service, sync) = things().await;
    let sync = asking(sync);
    database.sql("insert into things (id, amount) values ('A', 10), ('B', 20)").await;
    let (first, _) = sync.run(&service, &[json!(["A", 1])]).await;
    let (second, _) = sync.run(&service, &[json!(["A", 1]), json!(["B", 2])]).await;
    assert_eq!(approve(&service, first.id, "sheet").await["code"], "superseded");
    assert_eq!(approve(&service, second.id, "both").await["code"], "bad_choice");
    assert_eq!(approve(&service, Uuid::new_v4(), "sheet").await["code"], "no_such_run");
    let nobody = [json!(second.id.to_string()), json!("ann"), json!(" "), json!("sheet")];
    assert_eq!(call(&service, "sync_approve_adoption", &nobody).await["code"], "no_reason");
    assert_eq!(approve(&service, second.id, "sheet").await["approved"], 2);
    let (third, _) = sync.run(&service, &[json!(["A", 1]), json!(["B", 2])]).await;
    assert_eq!(approve(&service, third.id, "sheet").await["code"], "nothing_withheld");
}

#[tokio::test]
async fn a_row_that_waits_is_never_deleted() {
    let (database, service, sync) = things().await;
    let sync = asking(sync).with("deletes", soft());
    database.sql("insert into things (id, amount) values ('A', 10)").await;
    sync.run(&service, &[json!(["A", 1])]).await;
    let run = sync.begin(&service).await;
    run.plan(&service, json!({"keysVanished": 1})).await;
    let answer = run.apply(&service, &run.delete(&["A"])).await;
    assert_eq!((&answer["deleted"], &answer["skipped"]), (&json!(0), &json!(1)), "{answer}");
    assert_eq!(database.rows("select deleted_at from things").await, json!([[null]]));
}

#[tokio::test]
async fn a_column_that_is_new_to_the_sync_waits_alone() {
    let (database, service, sync) = things().await;
    let sync = asking(sync);
    sync.run(&service, &[json!(["A", 1]), json!(["B", 2])]).await;
    database.sql("update things set note = 'typed' where id = 'A'").await;
    let mut wider = asking(Sync::new("things", &["id", "note", "amount"]));
    wider.definition["mappingVersion"] = json!("fedcba9876543210");
    let (run, answer) = wider.run(&service, &[json!(["A", null, 5]), json!(["B", null, 2])]).await;
    assert_eq!((&answer["withheld"], &answer["unchanged"]), (&json!(1), &json!(1)), "{answer}");
    assert_eq!(
        database.rows("select id, amount, note from things order by id").await,
        json!([["A", 5, "typed"], ["B", 2, null]]),
        "the known column is merged as ever"
    );
    approve(&service, run.id, "database").await;
    let (_, answer) = wider.run(&service, &[json!(["A", null, 5])]).await;
    assert_eq!((&answer["withheld"], &answer["conflicts"]), (&json!(0), &json!(0)), "{answer}");
    let (_, answer) = wider.run(&service, &[json!(["A", "from the sheet", 5])]).await;
    assert_eq!((&answer["updated"], &answer["conflicts"]), (&json!(1), &json!(0)), "{answer}");
}

#[tokio::test]
async fn a_change_of_the_columns_keeps_the_bases() {
    let (database, service, _) = things().await;
    let sync = asking(Sync::new("things", &["id", "amount", "note"]));
    sync.run(&service, &[json!(["A", 1, "a"])]).await;
    database.sql("update things set amount = 7").await;
    let narrower = asking(Sync::new("things", &["note", "id"])).with("keyColumns", json!(["id"]));
    narrower.run(&service, &[json!(["a", "A"])]).await;
    let (_, answer) = sync.run(&service, &[json!(["A", 1, "b"])]).await;
    assert_eq!((&answer["withheld"], &answer["conflicts"]), (&json!(1), &json!(0)), "{answer}");
    let expected = json!([[7, "b"]]);
    assert_eq!(
        database.rows("select amount, note from things").await,
        expected,
        "of a column left out meanwhile nobody knows who changed it"
    );
}

#[tokio::test]
async fn skipped_rows_are_sent_again_and_never_count_as_unchanged() {
    let (database, service, sync) = things().await;
    let update_only = sync.clone().with("mode", "update_only");
    for _ in 0..2 {
        let (_, answer) = update_only.run(&service, &[json!(["A", 1])]).await;
        assert_eq!((&answer["skipped"], &answer["unchanged"]), (&json!(1), &json!(0)), "{answer}");
        assert_eq!(
            database.rows("select content_hash from sync_rows").await,
            json!([[null]]),
            "not remembered as applied"
        );
    }
    assert_eq!(sync.run(&service, &[json!(["A", 1])]).await.1["inserted"], 1, "upsert sends it");

    database.sql("insert into things (id, amount) values ('B', 5)").await;
    let insert_only = sync.with("mode", "insert_only");
    insert_only.run(&service, &[json!(["B", 6])]).await;
    assert_eq!(database.rows("select content_hash from sync_rows where row_key = 'B'").await, json!([[null]]));
}

/// Carries the books over as the scheduler does it.
async fn carry(client: &Client, sync: &Sync, run: Uuid) -> Value {
    let page =
        call(client, "sync_carry_page", &[json!(sync.name), json!(run.to_string()), Value::Null, json!(1000)]).await;
    let rows: Vec<Value> = page["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| !row[1].is_null())
        .map(|row| {
            let texts = row[1].as_array().unwrap();
            let key = if texts.len() == 1 { texts[0].as_str().unwrap().to_owned() } else { row[1].to_string() };
            json!([row[0], key, hash(&key)])
        })
        .collect();
    let carried = call(client, "sync_carry", &[json!(sync.name), json!(run.to_string()), json!(rows)]).await;
    call(client, "sync_carry_end", &[json!(sync.name), json!(run.to_string())]).await;
    carried["carried"].clone()
}

#[tokio::test]
async fn a_change_of_the_key_carries_the_books_over() {
    let (database, service, _) = things().await;
    database.sql("alter table things add unique (note)").await;
    let by_id = asking(Sync::new("things", &["id", "note", "amount"])).with("deletes", soft());
    by_id.run(&service, &[json!(["A", "one", 1]), json!(["B", "two", 2]), json!(["C", "three", 3])]).await;
    database.sql("update things set amount = 70 where id = 'A'; delete from things where id = 'C'").await;

    let by_note = by_id.clone().with("keyColumns", json!(["note"]));
    let run = by_note.begin(&service).await;
    let old = run.plan(&service, json!({"keysVanished": 1})).await;
    assert_eq!(old, "in_progress");
    assert_eq!(
        run.apply(&service, &run.delete(&["A"])).await["outcome"],
        "withheld",
        "not before the books are carried over"
    );

    let run = by_note.begin(&service).await;
    assert_eq!(carry(&service, &by_note, run.id).await, 2, "the table no longer has the third");
    assert_eq!(carry(&service, &by_note, run.id).await, 0, "repeatable");
    let answer = run.apply(&service, &run.upsert(&[json!(["A", "one", 1]), json!(["B", "two", 20])])).await;
    assert_eq!(
        (&answer["updated"], &answer["unchanged"], &answer["adopted"], &answer["withheld"], &answer["conflicts"]),
        (&json!(1), &json!(1), &json!(0), &json!(0), &json!(0)),
        "{answer}"
    );
    assert_eq!(database.rows("select id, amount from things order by id").await, json!([["A", 70], ["B", 20]]));
    assert_eq!(database.rows("select row_key from sync_rows order by 1").await, json!([["one"], ["two"]]));
}

#[tokio::test]
async fn a_change_of_the_name_carries_the_books_over() {
    let (database, service, sync) = things().await;
    let sync = asking(sync);
    sync.run(&service, &[json!(["A", 1])]).await;
    database.sql("update things set amount = 7").await;
    let mut renamed = sync.clone().with("renamedFrom", "listings");
    renamed.name = "houses";
    let (_, answer) = renamed.run(&service, &[json!(["A", 1])]).await;
    assert_eq!(
        (&answer["unchanged"], &answer["adopted"], &answer["withheld"]),
        (&json!(1), &json!(0), &json!(0)),
        "{answer}"
    );
    assert_eq!(database.rows("select sync, seq from sync_targets").await, json!([["houses", 2]]));
    assert_eq!(database.rows("select distinct sync from sync_rows").await, json!([["houses"]]));
}

#[tokio::test]
async fn a_column_that_holds_nothing_yet_is_filled_without_asking() {
    let (database, service, sync) = things().await;
    let sync = asking(sync);
    sync.run(&service, &[json!(["A", 1]), json!(["B", 2])]).await;
    database.sql("alter table things add floor integer, add state text default 'new'").await;
    let wider = asking(Sync::new("things", &["id", "amount", "floor", "state"]));
    let (run, answer) = wider.run(&service, &[json!(["A", 1, 3, "sold"]), json!(["B", 2, null, "new"])]).await;
    assert_eq!((&answer["updated"], &answer["withheld"]), (&json!(1), &json!(0)), "{answer}");
    assert_eq!(database.state(run.id, "status").await, json!(["completed"]));
    assert_eq!(
        database.rows("select id, floor, state from things order by id").await,
        json!([["A", 3, "sold"], ["B", null, "new"]])
    );
}

#[tokio::test]
async fn of_a_row_that_waits_nothing_is_written() {
    let (database, service, _) = things().await;
    database.sql("insert into things (id, amount, note) values ('A', 10, null)").await;
    let sync = asking(Sync::new("things", &["id", "amount", "note"]));
    let (_, answer) = sync.run(&service, &[json!(["A", 1, "from the sheet"])]).await;
    assert_eq!((&answer["updated"], &answer["withheld"]), (&json!(0), &json!(1)), "{answer}");
    assert_eq!(database.rows("select amount, note from things").await, json!([[10, null]]));
}
