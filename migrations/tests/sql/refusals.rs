//! A row that Postgres refuses never holds back the others (promise 4), and a schema that is wrong is told from a bad row.

use serde_json::{Value, json};

use crate::harness::{Sync, numbered, things};

#[tokio::test]
async fn one_bad_row_of_five_hundred_is_left_out_alone() {
    let (database, service, sync) = things().await;
    let mut rows = numbered(500);
    rows[137][1] = json!(-5);
    let (run, applied) = sync.run(&service, &rows).await;
    assert_eq!((&applied["inserted"], &applied["rejected"]), (&json!(499), &json!(1)));
    assert_eq!(database.json("select count(*) from things").await, json!(499));
    assert_eq!(
        database
            .rows("select row_key, row_number, column_name, error_type, code, raw, resolved_at from sync_errors")
            .await,
        json!([["K137", 139, "amount", "validation", "23514", "-5", null]])
    );
    assert_eq!(database.state(run.id, "status, success, rejected, total_rows").await, json!(["partial", 499, 1, 500]));
    assert_eq!(database.json("select count(*) from sync_rows where row_key = 'K137'").await, json!(0));
}

#[tokio::test]
async fn the_message_of_a_refusal_does_not_repeat_the_row() {
    let (database, service, _) = things().await;
    database.sql("alter table things alter amount set not null").await;
    let sync = Sync::new("things", &["id", "amount", "note"]);
    sync.run(&service, &[json!(["A", null, "secret"])]).await;
    let errors = database.rows("select column_name, code, message from sync_errors").await;
    assert_eq!((&errors[0][0], &errors[0][1]), (&json!("amount"), &json!("23502")));
    assert!(!errors.to_string().contains("secret"), "{errors}");
}

#[tokio::test]
async fn each_way_of_refusing_is_isolated() {
    let (database, service, _) = things().await;
    database
        .sql("create table owners (id integer primary key); insert into owners values (1);
              create table wide (id text primary key, day date, code varchar(3), unit text unique, owner integer references owners
                  deferrable initially deferred, score integer check (score < 10));
              create function refuse_seven() returns trigger language plpgsql as $$ begin
                  if new.score = 7 then raise exception 'seven is not wanted here'; end if;
                  if new.score = 8 then return null; end if; return new; end $$;
              create trigger refuse_seven before insert on wide for each row execute function refuse_seven()")
        .await;
    // Too long for an index even when Postgres has compressed it.
    let long: String = (1..900u64).map(|number| format!("{:x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();
    let sync = Sync::new("wide", &["id", "day", "code", "unit", "owner", "score"]);
    let mut rows = vec![
        json!(["bad date", "2024-02-30", null, null, null, null]),
        json!(["bad length", null, "abcd", null, null, null]),
        json!(["bad number", null, null, null, "many", null]),
        json!(["bad owner", null, null, null, 2, null]),
        json!(["bad check", null, null, null, null, 11]),
        json!(["bad trigger", null, null, null, null, 7]),
        json!(["left out silently", null, null, null, null, 8]),
        json!([long, null, null, null, null, null]),
        json!(["unit 1", null, null, "same", null, null]),
        json!(["unit 2", null, null, "same", null, null]),
    ];
    rows.extend((0..60).map(|number| json!([format!("good {number}"), "2024-02-29", "abc", null, 1, 9])));
    let (_, applied) = sync.run(&service, &rows).await;
    assert_eq!((&applied["inserted"], &applied["rejected"]), (&json!(61), &json!(9)));
    let errors = database.rows("select left(row_key, 20), code, column_name from sync_errors order by row_key").await;
    let mut expected = json!([
        ["bad check", "23514", "score"],
        ["bad date", "22008", "day"],
        ["bad length", "22001", "code"],
        ["bad number", "22P02", "owner"],
        ["bad owner", "23503", "owner"],
        ["bad trigger", "P0001", null],
        ["left out silently", "P0001", null],
        ["unit 2", "23505", "unit"],
        [&long[..20], "54000", null],
    ]);
    // Which of two equal units is refused is a matter of their key order, and that is fixed.
    expected.as_array_mut().unwrap().sort_by_key(ToString::to_string);
    let mut found = errors.as_array().unwrap().clone();
    found.sort_by_key(Value::to_string);
    assert_eq!(Value::from(found), expected);
}

#[tokio::test]
async fn a_refused_row_is_sent_again_until_it_is_taken() {
    let (database, service, sync) = things().await;
    sync.run(&service, &[json!(["A", 1])]).await;
    sync.run(&service, &[json!(["A", -1])]).await;
    let entry = "select content_hash, said[2] = hashint8extended(1, 0), state from sync_rows";
    assert_eq!(database.rows(entry).await, json!([[null, true, "present"]]), "must be sent again, with the old base");

    sync.run(&service, &[json!(["A", -1])]).await;
    assert_eq!(
        database.json("select count(*) from sync_errors where resolved_at is null").await,
        json!(1),
        "one entry for one problem"
    );
    sync.run(&service, &[json!(["A", 2])]).await;
    assert_eq!(database.json("select count(*) from sync_errors where resolved_at is null").await, json!(0));
    assert_eq!(database.rows("select amount from things").await, json!([[2]]));
}

#[tokio::test]
async fn a_batch_of_which_more_than_a_fifth_is_refused_stops_the_run() {
    let (database, service, sync) = things().await;
    let mut rows = numbered(50);
    for row in &mut rows[..11] {
        row[1] = json!("secret");
    }
    let run = sync.begin(&service).await;
    let other = run.upsert(&[json!(["Z", 1])]);
    let message = run.upsert(&rows);
    let answer = run.apply(&service, &message).await;
    assert_eq!((&answer["outcome"], &answer["runStatus"]), (&json!("failed"), &json!("failed")));
    let error = answer["error"].as_str().unwrap();
    assert!(error.contains("22P02 in the column amount") && !error.contains("secret"), "{error}");

    assert_eq!(database.json("select count(*) from things").await, json!(0), "nothing of it is written");
    assert_eq!(database.json("select count(*) from sync_rows").await, json!(0));
    assert_eq!(database.rows("select outcome, rows from sync_batches").await, json!([["failed", 50]]));
    for late in [&message, &other] {
        assert_eq!(run.apply(&service, late).await["outcome"], "superseded", "the run is over");
    }
}

#[tokio::test]
async fn up_to_a_fifth_or_fewer_than_ten_refusals_are_the_rows_fault() {
    let (_database, service, sync) = things().await;
    let mut rows = numbered(50);
    for row in &mut rows[..10] {
        row[1] = json!(-1);
    }
    assert_eq!(sync.run(&service, &rows).await.1["rejected"], 10);
    let rows: Vec<Value> = rows[..9].to_vec();
    assert_eq!(sync.run(&service, &rows).await.1["rejected"], 9);
}

#[tokio::test]
async fn what_is_not_the_rows_fault_ends_the_call() {
    let (database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    database.sql("alter table things drop column amount").await;
    let message = run.upsert(&numbered(3));
    let error = crate::harness::try_call(&service, "sync_apply", &[message]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "42703", "{error:?}");
}
