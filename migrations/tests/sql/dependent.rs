//! Rows whose values depend on other rows: exchanged and renumbered unique values, references within a table, refusals of class 23.

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::harness::{Database, Run, Sync, hash, things};

/// `list (id, position unique, …)` and its sync.
async fn list(position: &str) -> (Database, Client, Sync) {
    let (database, service, _) = things().await;
    database.sql(&format!("create table list (id text primary key, position integer {position})")).await;
    (database, service, Sync::new("list", &["id", "position"]))
}

fn numbered(ids: std::ops::Range<usize>, shift: usize) -> Vec<Value> {
    ids.map(|number| json!([format!("K{number:03}"), number + shift])).collect()
}

/// A run of several batches, in the order of the key hashes, as the scheduler would make it.
async fn in_batches(client: &Client, sync: &Sync, rows: &[Value], size: usize) -> (Run, Vec<Value>) {
    let run = sync.begin(client).await;
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| hash(row[0].as_str().unwrap()));
    let mut answers = Vec::new();
    for chunk in rows.chunks(size) {
        answers.push(run.apply(client, &run.upsert(chunk)).await);
    }
    run.plan(client, json!({"rowsRead": rows.len(), "rowsSent": rows.len(), "upsertBatches": answers.len()})).await;
    (run, answers)
}

async fn differing(database: &Database, expected: &[Value]) -> Value {
    let values: Vec<String> =
        expected.iter().map(|row| format!("('{}', {})", row[0].as_str().unwrap(), row[1])).collect();
    database
        .rows(&format!(
            "select * from list full join (values {}) as e (id, place) using (id) where position is distinct from place",
            values.join(", ")
        ))
        .await
}

#[tokio::test]
async fn a_list_numbered_anew_arrives_in_one_batch_and_in_many() {
    for (constraint, size) in [("unique", 500), ("unique", 7), ("not null unique", 500), ("not null unique", 7)] {
        let (database, service, sync) = list(constraint).await;
        sync.run(&service, &numbered(0..60, 0)).await;
        // Somebody inserts a row at the top: every other row moves down by one.
        let mut rows = numbered(0..60, 1);
        rows.push(json!(["new", 0]));
        let (run, answers) = in_batches(&service, &sync, &rows, size).await;
        assert_eq!(differing(&database, &rows).await, json!([]), "{constraint} in batches of {size}: {answers:?}");
        assert_eq!(
            database.state(run.id, "status, inserted, updated, rejected").await,
            json!(["completed", 1, 60, 0]),
            "{constraint} in batches of {size}"
        );
        let sums = "select sum(inserted), sum(updated), sum(rejected) from sync_batches where run = ";
        assert_eq!(database.rows(&format!("{sums} '{}'", run.id)).await, json!([[1, 60, 0]]));
        assert_eq!(database.json("select count(*) from sync_errors where resolved_at is null").await, json!(0));
        assert_eq!(database.json("select count(*) from sync_retries").await, json!(0));
    }
}

#[tokio::test]
async fn two_rows_exchange_a_unique_value() {
    for (constraint, size) in
        [("unique", 500), ("unique", 1), ("not null unique deferrable", 500), ("not null unique deferrable", 1)]
    {
        let (database, service, sync) = list(constraint).await;
        sync.run(&service, &[json!(["A", 1]), json!(["B", 2]), json!(["C", 3])]).await;
        let rows = [json!(["A", 2]), json!(["B", 1]), json!(["C", 3])];
        let (run, answers) = in_batches(&service, &sync, &rows, size).await;
        assert_eq!(differing(&database, &rows).await, json!([]), "{constraint} in batches of {size}: {answers:?}");
        assert_eq!(database.state(run.id, "status, updated, unchanged").await, json!(["completed", 2, 1]));
        assert_eq!(sync.run(&service, &rows).await.1["conflicts"], 0, "the null in between was no edit");
    }
}

#[tokio::test]
async fn an_exchange_that_cannot_be_made_names_both_rows_and_holds_back_no_other() {
    let (database, service, sync) = list("not null unique").await;
    sync.run(&service, &[json!(["A", 1]), json!(["B", 2])]).await;
    let (run, _) = in_batches(&service, &sync, &[json!(["A", 2]), json!(["B", 1]), json!(["C", 3])], 500).await;
    assert_eq!(database.state(run.id, "status, inserted, rejected").await, json!(["partial", 1, 2]));
    let errors =
        database.rows("select row_key, message from sync_errors where resolved_at is null order by row_key").await;
    assert!(errors[0][1].as_str().unwrap().contains("the row B has this value"), "{errors}");
    assert!(errors[1][1].as_str().unwrap().contains("the row A has this value"), "{errors}");
}

#[tokio::test]
async fn the_first_of_two_rows_with_one_value_has_it() {
    let (database, service, sync) = list("unique").await;
    let (run, _) = in_batches(&service, &sync, &[json!(["A", 1]), json!(["B", 1]), json!(["C", 2])], 500).await;
    assert_eq!(database.rows("select id, position from list order by id").await, json!([["A", 1], ["C", 2]]));
    assert_eq!(database.state(run.id, "status, inserted, rejected").await, json!(["partial", 2, 1]));
    let message = database.json("select message from sync_errors").await;
    assert!(message.as_str().unwrap().contains("the row A has this value"), "{message}");
}

#[tokio::test]
async fn children_arrive_before_their_parents() {
    for size in [500, 1] {
        let (database, service, _) = things().await;
        database.sql("create table tree (id text primary key, parent text references tree)").await;
        let sync = Sync::new("tree", &["id", "parent"]);
        let mut rows = vec![json!(["root", null])];
        rows.extend((0..20).map(|number| {
            json!([format!("N{number}"), if number == 0 { "root".to_owned() } else { format!("N{}", number - 1) }])
        }));
        // And a circle.
        rows.extend([json!(["x", "y"]), json!(["y", "x"]), json!(["orphan", "nobody"])]);
        let (run, _) = in_batches(&service, &sync, &rows, size).await;
        assert_eq!(database.json("select count(*) from tree").await, json!(23), "in batches of {size}");
        assert_eq!(database.state(run.id, "status, inserted, rejected").await, json!(["partial", 23, 1]));
        let errors =
            database.rows("select row_key, column_name, message from sync_errors where resolved_at is null").await;
        assert_eq!((&errors[0][0], &errors[0][1]), (&json!("orphan"), &json!("parent")), "{errors}");
        assert!(errors[0][2].as_str().unwrap().contains("there is no row nobody in the table"), "{errors}");
    }
}

#[tokio::test]
async fn refusals_of_class_23_never_fail_a_run() {
    let (database, service, sync) = things().await;
    let mut rows: Vec<Value> = (0..40).map(|number| json!([format!("K{number}"), -1])).collect();
    rows.push(json!(["good", 1]));
    let (run, answer) = sync.run(&service, &rows).await;
    assert_eq!((&answer["inserted"], &answer["rejected"]), (&json!(1), &json!(40)), "{answer}");
    assert_eq!(database.state(run.id, "status").await, json!(["partial"]));
}

#[tokio::test]
async fn a_long_list_is_renumbered_across_batches_in_one_run() {
    let (database, service, sync) = list("not null unique").await;
    let (first, _) = in_batches(&service, &sync, &numbered(0..999, 0), 250).await;
    assert_eq!(database.state(first.id, "status").await, json!(["completed"]));
    let rows = numbered(0..999, 1);
    let (run, _) = in_batches(&service, &sync, &rows, 250).await;
    assert_eq!(differing(&database, &rows).await, json!([]));
    assert_eq!(database.state(run.id, "status, updated, rejected").await, json!(["completed", 999, 0]));
}

#[tokio::test]
async fn hundreds_of_rows_without_a_parent_wait_for_their_parents() {
    let (database, service, _) = things().await;
    database
        .sql(
            "create table parents (id text primary key);
             create table children (id text primary key, parent text references parents)",
        )
        .await;
    let sync = Sync::new("children", &["id", "parent"]);
    let mut rows: Vec<Value> = (0..400).map(|number| json!([format!("K{number}"), format!("P{number}")])).collect();
    rows.push(json!(["good", null]));
    let (run, answer) = sync.run(&service, &rows).await;
    assert_eq!((&answer["inserted"], &answer["rejected"]), (&json!(1), &json!(400)), "{answer}");
    assert_eq!(database.state(run.id, "status").await, json!(["partial"]));
    let first = database.rows("select column_name, message from sync_errors where row_key = 'K7'").await;
    assert!(first[0][1].as_str().unwrap().contains("there is no row P7 in the table"), "{first}");
    database.sql("insert into parents select 'P' || n from generate_series(0, 399) as n").await;
    assert_eq!(sync.run(&service, &rows).await.1["inserted"], 400);
}

#[tokio::test]
async fn a_value_that_a_refused_row_wanted_goes_to_the_other_row() {
    let (database, service, _) = things().await;
    database.sql("create table pairs (id text primary key, one text unique, two text unique)").await;
    let sync = Sync::new("pairs", &["id", "one", "two"]);
    sync.run(&service, &[json!(["A", "x", "a"]), json!(["B", "b", "b"]), json!(["C", "c", "c"])]).await;
    // B wants what A keeps, and is refused for it; so nothing keeps C from having what both want.
    let (_, answer) =
        sync.run(&service, &[json!(["A", "x", "a"]), json!(["B", "x", "T"]), json!(["C", "c", "T"])]).await;
    assert_eq!((&answer["updated"], &answer["rejected"]), (&json!(1), &json!(1)), "{answer}");
    assert_eq!(
        database.rows("select id, one, two from pairs order by id").await,
        json!([["A", "x", "a"], ["B", "b", "b"], ["C", "c", "T"]])
    );
}

#[tokio::test]
async fn a_row_tried_again_is_rejected_when_a_trigger_keeps_a_value() {
    let (database, service, _) = list("unique").await;
    database
        .sql(
            "alter table list add remarks text;
             create function keep() returns trigger language plpgsql as $$ begin new.remarks := old.remarks; return new; end $$;
             create trigger keep before update on list for each row execute function keep()",
        )
        .await;
    let sync = Sync::new("list", &["id", "position", "remarks"]);
    sync.run(&service, &[json!(["A", 1, "old"]), json!(["B", 2, "old"])]).await;
    let run = sync.begin(&service).await;
    // A gets its place when the later batch has freed it.
    for row in [json!(["A", 2, "new"]), json!(["B", 3, "old"])] {
        let mut message = run.upsert(&[row]);
        message["letters"] = json!(["A", "B", "C"]);
        run.apply(&service, &message).await;
    }
    run.plan(&service, json!({"rowsRead": 2, "rowsSent": 2, "upsertBatches": 2})).await;
    assert_eq!(database.rows("select * from list order by id").await, json!([["A", 2, "old"], ["B", 3, "old"]]));
    assert_eq!(database.state(run.id, "status, updated, rejected").await, json!(["partial", 1, 1]));
    assert_eq!(
        database.rows("select row_key, code, cell is not null from sync_errors where resolved_at is null").await,
        json!([["A", "kept_by_trigger", true]])
    );
}
