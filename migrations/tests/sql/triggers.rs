//! Triggers of the target: whatever one raises is its row's, and what one stores is the base.

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::harness::{Database, Sync, things};

/// `things` with a trigger before each insert and update.
async fn with_trigger(body: &str) -> (Database, Client, Sync) {
    let (database, service, _) = things().await;
    database
        .sql(&format!(
            "create function trg() returns trigger language plpgsql as $$ begin {body} return new; end $$;
             create trigger trg before insert or update on things for each row execute function trg()"
        ))
        .await;
    (database, service, Sync::new("things", &["id", "amount", "note"]))
}

fn rows(count: usize) -> Vec<Value> {
    (0..count).map(|number| json!([format!("K{number}"), number, format!("note {number}")])).collect()
}

#[tokio::test]
async fn whatever_a_trigger_raises_rejects_its_row_alone() {
    // One of each class of Postgres' appendix A, and some that nobody knows.
    let codes = [
        "01000", "02000", "03000", "08006", "09000", "0A000", "0B000", "0F000", "0L000", "0P000", "0Z000", "20000",
        "21000", "22012", "23514", "24000", "25006", "26000", "27000", "28000", "2B000", "2D000", "2F000", "34000",
        "38000", "39000", "3B000", "3D000", "3F000", "40001", "40P01", "42501", "42P01", "42703", "44000", "53100",
        "53300", "54000", "55000", "55P03", "57014", "57P01", "58030", "72000", "F0000", "HV000", "P0000", "P0001",
        "P0002", "P0003", "P0004", "XX000", "XX001", "PT402", "PT500", "ZZ999",
    ];
    let (database, service, sync) = with_trigger("").await;
    for code in codes {
        database
            .sql(&format!(
                "create or replace function trg() returns trigger language plpgsql as $$ begin
                     if new.id = 'K7' then raise 'no' using errcode = '{code}'; end if; return new; end $$;
                 truncate things; delete from sync_rows; delete from sync_errors"
            ))
            .await;
        let (run, answer) = sync.run(&service, &rows(30)).await;
        assert_eq!((&answer["inserted"], &answer["rejected"]), (&json!(29), &json!(1)), "{code}: {answer}");
        let errors = database.rows("select row_key, code from sync_errors where resolved_at is null").await;
        assert_eq!(errors, json!([["K7", code]]));
        assert_eq!(database.state(run.id, "status").await, json!(["partial"]));
    }
}

#[tokio::test]
async fn what_goes_wrong_inside_a_trigger_rejects_its_row_alone() {
    for (body, code) in [
        ("perform 1 / 0;", "22012"),
        ("insert into audit values (new.id);", "42501"),
        ("insert into nowhere values (new.id);", "42P01"),
        ("assert false, 'never';", "P0004"),
        ("select id into strict new.note from public.things where id = 'nothing';", "P0002"),
    ] {
        let (database, service, sync) = with_trigger(&format!("if new.id = 'K7' then {body} end if;")).await;
        database.sql("create table audit (id text); revoke all on audit from service_role").await;
        let (_, answer) = sync.run(&service, &rows(30)).await;
        assert_eq!((&answer["inserted"], &answer["rejected"]), (&json!(29), &json!(1)), "{body}: {answer}");
        assert_eq!(database.rows("select row_key, code from sync_errors").await, json!([["K7", code]]), "{body}");
    }
}

#[tokio::test]
async fn a_privilege_taken_away_stops_the_run_and_nothing_else() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    database.sql("revoke insert on things from service_role").await;
    let answer = run.apply(&service, &run.upsert(&[json!(["A", 1])])).await;
    assert_eq!((&answer["outcome"], &answer["runStatus"]), (&json!("failed"), &json!("failed")), "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("grant it to service_role"), "{answer}");
}

#[tokio::test]
async fn a_value_that_a_trigger_normalises_is_no_conflict_and_no_change() {
    for on_conflict in ["sheet", "database"] {
        let (database, service, sync) = with_trigger("new.note := lower(new.note);").await;
        let sync = sync.with("onConflict", on_conflict);
        sync.run(&service, &[json!(["A", 1, "Ann@Example.com"])]).await;
        assert_eq!(database.rows("select note from things").await, json!([["ann@example.com"]]));
        let (run, answer) = sync.run(&service, &[json!(["A", 1, "Ann@Example.com"])]).await;
        assert_eq!((&answer["unchanged"], &answer["conflicts"]), (&json!(1), &json!(0)), "{answer}");
        assert_eq!(database.state(run.id, "status").await, json!(["completed"]));

        let (_, answer) = sync.run(&service, &[json!(["A", 1, "Bob@Example.com"])]).await;
        assert_eq!((&answer["updated"], &answer["conflicts"]), (&json!(1), &json!(0)), "{on_conflict}: {answer}");
        assert_eq!(database.rows("select note from things").await, json!([["bob@example.com"]]), "the edit arrives");

        // Another letter case only: there is nothing to write that would stay.
        let (run, answer) = sync.run(&service, &[json!(["A", 1, "BOB@example.com"])]).await;
        assert_eq!((&answer["rejected"], &answer["conflicts"]), (&json!(0), &json!(0)), "{answer}");
        assert_eq!(database.state(run.id, "status").await, json!(["completed"]));

        // An edit in the database is one, also here.
        database.sql("update things set note = 'carl@example.com'").await;
        let (_, answer) = sync.run(&service, &[json!(["A", 1, "Dora@Example.com"])]).await;
        assert_eq!(answer["conflicts"], 1, "{answer}");
        let expected = if on_conflict == "sheet" { "dora@example.com" } else { "carl@example.com" };
        assert_eq!(database.rows("select note from things").await, json!([[expected]]));
    }
}

#[tokio::test]
async fn a_column_that_a_trigger_computes_is_no_edit() {
    let (database, service, sync) = with_trigger("new.note := 'amount ' || new.amount;").await;
    let sync = sync.with("onConflict", "database");
    sync.run(&service, &[json!(["A", 1, null])]).await;
    let (_, answer) = sync.run(&service, &[json!(["A", 2, null])]).await;
    assert_eq!((&answer["updated"], &answer["conflicts"]), (&json!(1), &json!(0)), "{answer}");
    assert_eq!(database.rows("select amount, note from things").await, json!([[2, "amount 2"]]));
    let (_, answer) = sync.run(&service, &[json!(["A", 2, null])]).await;
    assert_eq!((&answer["unchanged"], &answer["conflicts"]), (&json!(1), &json!(0)), "{answer}");
}

#[tokio::test]
async fn a_change_after_the_write_is_remembered_as_the_table_holds_it() {
    let (database, service, sync) = things().await;
    database
        .sql(
            "create function later() returns trigger language plpgsql as $$ begin
                 update things set note = upper(note) where id = new.id and note <> upper(note); return null; end $$;
             create trigger later after insert or update on things for each row execute function later()",
        )
        .await;
    let sync = Sync::new("things", &["id", "amount", "note"]).with("onConflict", sync.definition["onConflict"].clone());
    sync.run(&service, &[json!(["A", 1, "one"])]).await;
    let (_, answer) = sync.run(&service, &[json!(["A", 1, "two"])]).await;
    assert_eq!((&answer["updated"], &answer["conflicts"]), (&json!(1), &json!(0)), "{answer}");
    assert_eq!(database.rows("select note from things").await, json!([["TWO"]]));
}

#[tokio::test]
async fn a_write_that_a_trigger_swallows_is_not_counted_as_one() {
    let (database, service, sync) =
        with_trigger("if tg_op = 'UPDATE' and old.amount = 1 then new.amount := old.amount; end if;").await;
    sync.run(&service, &[json!(["A", 1, "a"]), json!(["B", 5, "b"])]).await;
    let (run, answer) = sync.run(&service, &[json!(["A", 100, "changed"]), json!(["B", 6, "b"])]).await;
    assert_eq!((&answer["updated"], &answer["rejected"]), (&json!(1), &json!(1)), "{answer}");
    assert_eq!(
        database.rows("select id, amount, note from things order by id").await,
        json!([["A", 1, "changed"], ["B", 6, "b"]])
    );
    let errors = database.rows("select row_key, code, column_name from sync_errors where resolved_at is null").await;
    assert_eq!(errors, json!([["A", "kept_by_trigger", "amount"]]));
    assert_eq!(database.state(run.id, "status").await, json!(["partial"]));
    let (_, answer) = sync.run(&service, &[json!(["A", 100, "changed"])]).await;
    assert_eq!((&answer["rejected"], &answer["conflicts"]), (&json!(1), &json!(0)), "it is tried again: {answer}");
}

#[tokio::test]
async fn a_row_that_a_trigger_moves_elsewhere_is_not_written() {
    let (database, service, _) = things().await;
    database
        .sql(
            "create table elsewhere (like things); grant all on elsewhere to service_role;
             create function away() returns trigger language plpgsql as $$ begin
                 if new.amount > 100 then insert into elsewhere select new.*; delete from things where id = new.id; end if; return null; end $$;
             create trigger away after insert or update on things for each row execute function away()",
        )
        .await;
    let sync = Sync::new("things", &["id", "amount"]);
    let (run, answer) = sync.run(&service, &[json!(["A", 1]), json!(["B", 101]), json!(["C", 2])]).await;
    assert_eq!((&answer["inserted"], &answer["rejected"]), (&json!(2), &json!(1)), "{answer}");
    assert_eq!(database.state(run.id, "status").await, json!(["partial"]));
}

#[tokio::test]
async fn a_row_whose_key_a_trigger_changes_is_refused_and_never_found_again() {
    // Of a row that is in the table under another key nobody could say later whether it is this one.
    let (database, service, sync) =
        with_trigger("if tg_op = 'INSERT' and new.id = 'K2' then new.id := 'other-' || new.id; end if;").await;
    for _ in 0..2 {
        let (run, answer) = sync.run(&service, &rows(3)).await;
        assert_eq!(answer["rejected"], 1, "{answer}");
        assert_eq!(database.state(run.id, "status").await, json!(["partial"]));
        assert_eq!(database.rows("select id from things order by id").await, json!([["K0"], ["K1"]]));
    }
    let told = "select row_key, code from sync_errors where resolved_at is null";
    assert_eq!(database.rows(told).await, json!([["K2", "P0001"]]));
}

#[tokio::test]
async fn defaults_and_coercion_are_part_of_the_base() {
    let (database, service, _) = things().await;
    database.sql("create table prices (id text primary key, price numeric(10, 1), state text default 'new')").await;
    let sync = Sync::new("prices", &["id", "price", "state"]).with("onConflict", "database");
    let run = sync.begin(&service).await;
    let mut message = run.upsert(&[json!(["A", 1.25, null])]);
    message["rows"][0]["keep"] = json!([2]);
    assert_eq!(run.apply(&service, &message).await["inserted"], 1);
    run.plan(&service, json!({"rowsRead": 1, "rowsSent": 1})).await;
    assert_eq!(database.rows("select price, state from prices").await, json!([[1.3, "new"]]));
    let (_, answer) = sync.run(&service, &[json!(["A", 2.25, "sold"])]).await;
    assert_eq!((&answer["updated"], &answer["conflicts"]), (&json!(1), &json!(0)), "{answer}");
    assert_eq!(database.rows("select price, state from prices").await, json!([[2.3, "sold"]]));
}
