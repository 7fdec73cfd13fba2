//! Whose value wins, per column (docs/PROMISES.md, "Merge").

use serde_json::{Value, json};

use crate::harness::{Sync, soft, things};

/// One line of the truth table of the merge. The base is what the first run applied; `None`: the row was adopted.
struct Case {
    says: &'static str,
    authority: &'static str,
    on_conflict: &'static str,
    base: Option<Value>,
    sheet: Value,
    database: Value,
    written: Value,
    conflicts: u64,
}

#[tokio::test]
async fn the_merge_follows_its_truth_table() {
    let (b, s, d) = (json!(1), json!(2), json!(3));
    let null = Value::Null;
    let cases = [
        ("merge: nothing changed", "merge", "sheet", Some(&b), &b, &b, &b, 0),
        ("merge: only the sheet changed", "merge", "sheet", Some(&b), &s, &b, &s, 0),
        ("merge: only the database changed (promise 7)", "merge", "sheet", Some(&b), &b, &d, &d, 0),
        ("merge: both changed to the same", "merge", "sheet", Some(&b), &s, &s, &s, 0),
        ("merge: both changed, the sheet wins", "merge", "sheet", Some(&b), &s, &d, &s, 1),
        ("merge: both changed, the database wins", "merge", "database", Some(&b), &s, &d, &d, 1),
        ("merge: the sheet was emptied", "merge", "sheet", Some(&b), &null, &b, &null, 0),
        ("merge: the database was emptied, the sheet not touched", "merge", "sheet", Some(&b), &b, &null, &null, 0),
        ("merge: the sheet was filled in", "merge", "sheet", Some(&null), &s, &null, &s, 0),
        ("merge: both were filled in", "merge", "sheet", Some(&null), &s, &d, &s, 1),
        ("merge: both were filled in, the database wins", "merge", "database", Some(&null), &s, &d, &d, 1),
        ("merge: adopted, different", "merge", "sheet", None, &s, &d, &s, 0),
        ("merge: adopted, different, even if the database wins conflicts", "merge", "database", None, &s, &d, &s, 0),
        ("merge: adopted, equal", "merge", "sheet", None, &s, &s, &s, 0),
        ("sheet: only the database changed", "sheet", "sheet", Some(&b), &b, &d, &b, 0),
        ("sheet: both changed", "sheet", "database", Some(&b), &s, &d, &s, 0),
        ("sheet: adopted", "sheet", "sheet", None, &s, &d, &s, 0),
        ("database: only the sheet changed", "database", "sheet", Some(&b), &s, &b, &b, 0),
        ("database: both changed", "database", "sheet", Some(&b), &s, &d, &d, 0),
        ("database: adopted", "database", "sheet", None, &s, &d, &d, 0),
    ]
    .map(|(says, authority, on_conflict, base, sheet, database, written, conflicts)| Case {
        says,
        authority,
        on_conflict,
        base: base.cloned(),
        sheet: sheet.clone(),
        database: database.clone(),
        written: written.clone(),
        conflicts,
    });

    let (database, service, sync) = things().await;
    for case in cases {
        database.sql("truncate things; delete from sync_rows; delete from sync_errors").await;
        let sync = sync.clone().authority(case.authority).with("onConflict", case.on_conflict);
        match &case.base {
            Some(base) => {
                sync.run(&service, &[json!(["A", base])]).await;
                database.sql(&format!("update things set amount = {}", case.database)).await;
            }
            None => database.sql(&format!("insert into things values ('A', {})", case.database)).await,
        }

        let (run, applied) = sync.run(&service, &[json!(["A", case.sheet])]).await;
        let changed = u64::from(case.written != case.database);
        assert_eq!(database.rows("select amount from things").await, json!([[case.written]]), "{}", case.says);
        assert_eq!(applied["conflicts"], case.conflicts, "{}: {applied}", case.says);
        assert_eq!(applied["updated"], changed, "{}: {applied}", case.says);
        assert_eq!(applied["unchanged"], 1 - changed, "{}: {applied}", case.says);
        assert_eq!(applied["adopted"], u64::from(case.base.is_none()), "{}: {applied}", case.says);
        assert_eq!(
            database.state(run.id, "status, conflict").await,
            json!(["completed", case.conflicts]),
            "{}",
            case.says
        );
        // Whoever won, the sheet's word is the base from now on: the same sheet again moves nothing.
        let (_, again) = sync.run(&service, &[json!(["A", case.sheet])]).await;
        assert_eq!((&again["unchanged"], &again["conflicts"]), (&json!(1), &json!(0)), "{}: again {again}", case.says);
    }
}

#[tokio::test]
async fn a_conflict_is_recorded_with_both_values_and_needs_nobody() {
    let (database, service, sync) = things().await;
    sync.run(&service, &[json!(["A", 1])]).await;
    database.sql("update things set amount = 3").await;
    sync.run(&service, &[json!(["A", 2])]).await;

    let query = "select row_key, row_number, column_name, error_type, code, raw, resolved_at is not null, message from sync_errors";
    let errors = database.rows(query).await;
    assert_eq!(
        errors[0].as_array().unwrap()[..7],
        json!(["A", 2, "amount", "conflict", "conflict_sheet_won", "2", true]).as_array().unwrap()[..]
    );
    let message = errors[0][7].as_str().unwrap();
    assert!(message.contains("the sheet says 2") && message.contains("the database said 3"), "{message}");
}

#[tokio::test]
async fn a_database_column_is_written_on_insert_only() {
    let (database, service, sync) = things().await;
    let sync = sync.authority("database");
    sync.run(&service, &[json!(["A", 1])]).await;
    sync.run(&service, &[json!(["A", 2]), json!(["B", 2])]).await;
    assert_eq!(database.rows("select id, amount from things order by id").await, json!([["A", 1], ["B", 2]]));
}

#[tokio::test]
async fn an_unchanged_row_is_not_touched() {
    let (database, service, sync) = things().await;
    let rows = [json!(["A", 1]), json!(["B", 2])];
    sync.run(&service, &rows).await;
    let versions = "select xmin::text, r.xmin::text from things join sync_rows as r on row_key = id order by id";
    let versions = versions.replace("xmin::text, r", "things.xmin::text, r");
    let before = database.rows(&versions.replace("::text, r.xmin::text", "::text as a, r.xmin::text as b")).await;
    let (_, applied) = sync.run(&service, &rows).await;
    assert_eq!(applied["unchanged"], 2);
    assert_eq!(
        database.rows(&versions.replace("::text, r.xmin::text", "::text as a, r.xmin::text as b")).await,
        before
    );
}

#[tokio::test]
async fn a_kept_cell_leaves_the_value_and_its_base() {
    let (database, service, sync) = things().await;
    let keeping = |message: &mut Value| message["rows"][0]["keep"] = json!([1]);
    sync.run(&service, &[json!(["A", 1])]).await;

    let run = sync.begin(&service).await;
    let mut message = run.upsert(&[json!(["A", null])]);
    keeping(&mut message);
    assert_eq!(run.apply(&service, &message).await["unchanged"], 1);
    run.plan(&service, json!({"rowsRead": 1, "rowsSent": 1})).await;
    let base =
        "select amount, said = array[hashtextextended('A', 0), hashint8extended(1, 0)], stored from things, sync_rows";
    assert_eq!(database.rows(base).await, json!([[1, true, null]]));

    // The database edits meanwhile; a sheet that says again what it said before has not changed (promise 7).
    database.sql("update things set amount = 7").await;
    sync.run(&service, &[json!(["A", 1])]).await;
    assert_eq!(database.rows("select amount from things").await, json!([[7]]));
}

#[tokio::test]
async fn a_kept_cell_of_a_new_row_takes_the_columns_default() {
    let (database, service, sync) = things().await;
    database.sql("alter table things alter note set default 'to be seen'").await;
    let sync = Sync::new("things", &["id", "amount", "note"]).with("deletes", sync.definition["deletes"].clone());
    let run = sync.begin(&service).await;
    let mut message = run.upsert(&[json!(["A", null, null]), json!(["B", 2, "said"])]);
    for row in message["rows"].as_array_mut().unwrap() {
        if row["k"] == "A" {
            row["keep"] = json!([1, 2]);
        }
    }
    run.apply(&service, &message).await;
    assert_eq!(
        database.rows("select id, amount, note from things order by id").await,
        json!([["A", null, "to be seen"], ["B", 2, "said"]])
    );
}

#[tokio::test]
async fn what_a_kept_cell_of_the_sheets_own_column_says_first_is_written_and_null_too() {
    let (database, service, sync) = things().await;
    let sync = sync.authority("sheet");
    database.sql("insert into things (id, amount) values ('A', 7)").await;
    let keeping = async || {
        let run = sync.begin(&service).await;
        let mut message = run.upsert(&[json!(["A", null])]);
        message["rows"][0]["keep"] = json!([1]);
        run.apply(&service, &message).await;
        run.plan(&service, json!({"rowsRead": 1, "rowsSent": 1})).await;
        database.rows("select amount from things").await
    };
    assert_eq!(keeping().await, json!([[7]]));
    assert_eq!(keeping().await, json!([[7]]), "as long as it says nothing");
    sync.run(&service, &[json!(["A", null])]).await;
    assert_eq!(database.rows("select amount from things").await, json!([[null]]));
    let (_, applied) = sync.run(&service, &[json!(["A", null])]).await;
    assert_eq!(applied["unchanged"], 1);
}

#[tokio::test]
async fn a_column_that_is_new_to_the_sync_takes_the_sheets_value_without_conflict() {
    let (database, service, sync) = things().await;
    sync.run(&service, &[json!(["A", 1])]).await;
    database.sql("update things set note = 'typed in the application'").await;
    let (_, applied) = Sync::new("things", &["id", "amount", "note"]).run(&service, &[json!(["A", 1, "sheet"])]).await;
    assert_eq!((&applied["updated"], &applied["conflicts"], &applied["adopted"]), (&json!(1), &json!(0), &json!(0)));
    assert_eq!(database.rows("select note from things").await, json!([["sheet"]]));
}

#[tokio::test]
async fn insert_only_leaves_rows_alone_that_are_there() {
    let (database, service, sync) = things().await;
    database.sql("insert into things values ('A', 1)").await;
    let (run, applied) = sync.with("mode", "insert_only").run(&service, &[json!(["A", 2]), json!(["B", 2])]).await;
    assert_eq!((&applied["inserted"], &applied["skipped"], &applied["adopted"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!(database.rows("select id, amount from things order by id").await, json!([["A", 1], ["B", 2]]));
    assert_eq!(database.state(run.id, "status, inserted, skipped").await, json!(["completed", 1, 1]));
}

#[tokio::test]
async fn update_only_inserts_nothing() {
    let (database, service, sync) = things().await;
    database.sql("insert into things values ('A', 1)").await;
    let (_, applied) = sync.with("mode", "update_only").run(&service, &[json!(["A", 2]), json!(["B", 2])]).await;
    assert_eq!((&applied["updated"], &applied["skipped"]), (&json!(1), &json!(1)));
    assert_eq!(database.rows("select id, amount from things order by id").await, json!([["A", 2]]));
}

#[tokio::test]
async fn a_row_that_the_mode_left_alone_is_never_deleted() {
    let (database, service, sync) = things().await;
    database.sql("insert into things values ('A', 1)").await;
    let sync = sync.with("mode", "insert_only").with("deletes", soft());
    sync.run(&service, &[json!(["A", 2])]).await;
    let run = sync.begin(&service).await;
    run.plan(&service, json!({"keysVanished": 1, "deleteBatches": 1})).await;
    assert_eq!(run.apply(&service, &run.delete(&["A"])).await["deleted"], 0);
    assert_eq!(database.rows("select deleted_at from things").await, json!([[null]]));
    assert_eq!(database.rows("select row_key from sync_rows").await, json!([]));
}

#[tokio::test]
async fn a_base_that_the_column_no_longer_takes_counts_as_none() {
    let (database, service, _) = things().await;
    database.sql("create type mood as enum ('old', 'calm'); create table moods (id text primary key, mood mood)").await;
    let sync = Sync::new("moods", &["id", "mood"]);
    sync.run(&service, &[json!(["A", "old"])]).await;
    database.sql("alter type mood rename value 'old' to 'new'").await;
    let (_, applied) = sync.run(&service, &[json!(["A", "calm"])]).await;
    assert_eq!((&applied["updated"], &applied["rejected"]), (&json!(1), &json!(0)));
    assert_eq!(database.rows("select mood from moods").await, json!([["calm"]]));
}

#[tokio::test]
async fn a_row_deleted_in_the_database_comes_back_when_the_sheet_changes_it() {
    let (database, service, sync) = things().await;
    sync.run(&service, &[json!(["A", 1])]).await;
    database.sql("delete from things").await;
    let (_, applied) = sync.run(&service, &[json!(["A", 2])]).await;
    assert_eq!(applied["inserted"], 1);
    assert_eq!(database.rows("select amount from things").await, json!([[2]]));
}
