//! A row that Postgres refuses never holds back the others (promise 4), and a schema that is wrong is told from a bad row.

use serde_json::{Value, json};

use tokio_postgres::Client;

use crate::harness::{Database, Sync, numbered, things};

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

/// A sync of a table full of rules, each fed by a column with its own header and letter.
async fn ruled() -> (Database, Client, Sync) {
    let (database, service, _) = things().await;
    database
        .sql(
            "create table fk_parent (id text primary key); insert into fk_parent values ('p1');
             create domain percent as integer constraint percent_range check (value between 0 and 100);
             create domain sure as text not null;
             create table ruled (id text primary key, price integer constraint price_positive check (price > 0), low integer, high integer,
                 constraint low_first check (low <= high), parent text constraint of_parent references fk_parent, code text,
                 constraint code_once unique (code), share percent, rest percent, mail text, sure sure default 'x', span int4range,
                 constraint no_overlap exclude using gist (span with &&));
             create unique index mail_once on ruled (lower(mail));
             comment on constraint price_positive on ruled is 'Prices are in yen and never zero';
             comment on constraint percent_range on domain percent is 'A share is 0 to 100';
             create function no_sundays() returns trigger language plpgsql as $$ begin
                 if new.code = 'sunday' then raise exception 'closed on sundays' using column = 'code'; end if;
                 if new.code = 'never' then raise exception 'not this one'; end if; return null; end $$;
             create trigger no_sundays after insert or update on ruled for each row execute function no_sundays()",
        )
        .await;
    let columns = ["id", "price", "low", "high", "parent", "code", "share", "rest", "mail", "sure", "span"];
    let mut sync = Sync::new("ruled", &columns);
    for (column, header) in sync.definition["columns"].as_array_mut().unwrap().iter_mut().zip(columns) {
        column["header"] = format!("H {header}").into();
    }
    (database, service, sync)
}

/// A row of `ruled` in which nothing is wrong but these values.
fn ruled_row(key: &str, wrong: &[(usize, Value)]) -> Value {
    let mut row = json!([key, 1, 1, 2, "p1", key, 50, 50, format!("{key}@a"), "yes", null]);
    for (place, value) in wrong {
        row[*place] = value.clone();
    }
    row
}

/// A run of this type over these rows, whose message has the letters of its columns.
async fn run_as(sync: &Sync, service: &Client, kind: &str, rows: &[Value]) -> Value {
    let run = sync.begin_as(service, kind).await;
    let mut message = run.upsert(rows);
    message["letters"] = (0..sync.columns().len()).map(|index| char::from(b'A' + index as u8).to_string()).collect();
    let applied = run.apply(service, &message).await;
    run.plan(service, json!({"rowsRead": rows.len(), "rowsSent": rows.len(), "upsertBatches": 1})).await;
    applied
}

#[tokio::test]
async fn what_only_postgres_knows_has_its_cell_its_header_and_words() {
    let (database, service, sync) = ruled().await;
    let first = ruled_row("A", &[(10, json!("[1,5)"))]);
    assert_eq!(run_as(&sync, &service, "manual", std::slice::from_ref(&first)).await["inserted"], 1);
    let cases = [
        (
            "b",
            1,
            json!(0),
            "23514",
            "B",
            "price",
            "Prices are in yen and never zero – refused by the check constraint \"price_positive\" on price",
        ),
        (
            "c",
            2,
            json!(3),
            "23514",
            "C",
            "low",
            "the row does not satisfy the check constraint \"low_first\" on low, high: CHECK ((low <= high))",
        ),
        (
            "d",
            4,
            json!("p9"),
            "23503",
            "E",
            "parent",
            "there is no row p9 in the table fk_parent (foreign key constraint \"of_parent\" on parent)",
        ),
        (
            "e",
            5,
            json!("A"),
            "23505",
            "F",
            "code",
            "code must be unique: the row A has this value (unique constraint \"code_once\" on code)",
        ),
        (
            "f",
            7,
            json!(101),
            "23514",
            "H",
            "rest",
            "A share is 0 to 100 – refused by the check constraint \"percent_range\" on rest",
        ),
        ("g", 8, json!("a@A"), "23505", "I", "mail", "mail must be unique (unique constraint \"mail_once\" on mail)"),
        ("h", 9, Value::Null, "23502", "J", "sure", "the column sure must have a value"),
        (
            "i",
            10,
            json!("[4,9)"),
            "23P01",
            "K",
            "span",
            "another row is in the way (exclusion constraint \"no_overlap\" on span)",
        ),
        ("j", 5, json!("sunday"), "P0001", "F", "code", "closed on sundays"),
        ("k", 1, json!("many"), "22P02", "B", "price", "invalid input syntax for type integer: \"many\""),
    ];
    let mut rows = vec![first];
    rows.extend(cases.iter().map(|(key, place, wrong, ..)| ruled_row(key, &[(*place, wrong.clone())])));
    // What no column has caused points to the row's key.
    rows.push(ruled_row("l", &[(5, json!("never"))]));
    assert_eq!(run_as(&sync, &service, "manual", &rows).await["rejected"], 11);
    let errors = database
        .rows("select row_key, code, cell, column_name, header, message, raw from sync_errors order by row_key")
        .await;
    for (index, (key, _, wrong, code, letter, column, message)) in cases.iter().enumerate() {
        let raw = wrong.as_str().map_or_else(|| wrong.to_string(), str::to_owned);
        let raw = if wrong.is_null() { Value::Null } else { raw.into() };
        let expected =
            json!([key, code, format!("{letter}{}", index + 3), column, format!("H {column}"), message, raw]);
        assert_eq!(errors[index], expected);
    }
    assert_eq!(errors[10], json!(["l", "P0001", "A13", null, "H id", "not this one", null]));
}

#[tokio::test]
async fn a_text_in_a_column_of_json_is_not_blamed_for_the_value_of_another() {
    let (database, service, _) = things().await;
    database
        .sql(
            "create domain note as jsonb;
             create table papers (id text primary key, a json, b jsonb, c note, host inet, mac macaddr)",
        )
        .await;
    let sync = Sync::new("papers", &["id", "a", "b", "c", "host", "mac"])
        .typed("a", "json")
        .typed("b", "json")
        .typed("c", "json")
        .typed("host", "text")
        .typed("mac", "text");
    let texts = [json!("a"), json!("b"), json!("c")];
    let row = |key: &str, host: &str, mac: &str| {
        Value::from([&[json!(key)], &texts[..], &[json!(host), json!(mac)]].concat())
    };
    let rows = [
        row("A", "10.0.0.1", "08:00:2b:01:02:03"),
        row("B", "10.0.0.256", "08:00:2b:01:02:03"),
        row("C", "10.0.0.1", "g8:00:2b:01:02:03"),
    ];
    assert_eq!(run_as(&sync, &service, "manual", &rows).await["rejected"], 2);
    let errors = database.rows("select row_key, code, column_name from sync_errors order by row_key").await;
    assert_eq!(errors, json!([["B", "22P02", "host"], ["C", "22P02", "mac"]]));
}

#[tokio::test]
async fn a_refusal_in_a_table_that_a_trigger_writes_to_names_no_column_of_this_one() {
    let (database, service, sync) = ruled().await;
    database
        .sql(
            "create table log (price text not null);
             create function note() returns trigger language plpgsql as $$ begin insert into log values (null); return null; end $$;
             create trigger note after insert on ruled for each row execute function note()",
        )
        .await;
    assert_eq!(run_as(&sync, &service, "manual", &[ruled_row("A", &[])]).await["rejected"], 1);
    let errors = database.rows("select code, cell, column_name, message from sync_errors").await;
    assert_eq!((&errors[0][0], &errors[0][1], &errors[0][2]), (&json!("23502"), &json!("A2"), &Value::Null));
    assert!(errors[0][3].as_str().unwrap().contains("in the table log, which a trigger writes to"), "{errors}");
}

/// How often the row A was tried, whether its next attempt is told, and when that is, in minutes.
async fn attempts(database: &Database) -> Value {
    database
        .rows(
            "select x.attempts, e.next_attempt_at = x.next_at, round(extract(epoch from x.next_at - x.tried_at) / 60)::integer
             from sync_refusals as x join sync_errors as e on e.row_key = x.row_key and e.resolved_at is null",
        )
        .await
}

#[tokio::test]
async fn a_row_refused_for_what_it_is_is_tried_at_growing_intervals() {
    let (database, service, sync) = ruled().await;
    let row = ruled_row("A", &[(1, json!(0))]);
    assert_eq!(run_as(&sync, &service, "scheduled", std::slice::from_ref(&row)).await["rejected"], 1);
    assert_eq!(attempts(&database).await, json!([[1, true, 5]]));
    for (attempt, minutes) in [(2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 320), (8, 360), (9, 360)] {
        // Too early: the refusal is repeated, told as of today, and the row stays open and rejected.
        let applied = run_as(&sync, &service, "scheduled", &[ruled_row("B", &[]), row.clone()]).await;
        assert_eq!(
            (&applied["rejected"], &applied["unchanged"]),
            (&json!(1), &json!(i32::from(attempt > 2))),
            "{applied}"
        );
        assert_eq!(attempts(&database).await[0][0], attempt - 1);
        let open = database.rows("select e.cell, e.raw, s.status, s.rejected, s.total_rows from sync_errors as e join sync_state as s on s.id = e.run where e.resolved_at is null").await;
        assert_eq!(open, json!([["B3", "0", "partial", 1, 2]]), "it moved to row 3, and the last run has seen it");
        // In time: it is tried.
        database.sql("update sync_refusals set next_at = clock_timestamp() + interval '20 seconds'").await;
        assert_eq!(run_as(&sync, &service, "scheduled", std::slice::from_ref(&row)).await["rejected"], 1);
        assert_eq!(attempts(&database).await, json!([[attempt, true, minutes]]));
    }
}

#[tokio::test]
async fn a_refused_row_is_tried_at_once_when_it_or_a_definition_changed_or_somebody_asks() {
    let (database, service, sync) = ruled().await;
    let row = ruled_row("A", &[(1, json!(0))]);
    let tried = async |sync: &Sync, kind: &str, row: &Value, expected: i32| {
        assert_eq!(run_as(sync, &service, kind, std::slice::from_ref(row)).await["rejected"], 1, "{kind}");
        assert_eq!(attempts(&database).await[0][0], expected, "{kind}");
    };
    tried(&sync, "scheduled", &row, 1).await;
    for (count, kind) in ["manual", "full", "selective"].into_iter().enumerate() {
        tried(&sync, kind, &row, count as i32 + 2).await;
    }
    tried(&sync, "scheduled", &row, 4).await;
    // What changed, begins to count anew.
    tried(&sync, "scheduled", &ruled_row("A", &[(1, json!(-1))]), 1).await;
    tried(&sync, "manual", &ruled_row("A", &[(1, json!(-1))]), 2).await;
    database.sql("alter table ruled add constraint more check (price <> 7)").await;
    tried(&sync, "scheduled", &ruled_row("A", &[(1, json!(-1))]), 1).await;
    tried(&sync, "manual", &ruled_row("A", &[(1, json!(-1))]), 2).await;
    tried(&sync.clone().with("onConflict", "database"), "scheduled", &ruled_row("A", &[(1, json!(-1))]), 1).await;

    // The table allows it now: the next scheduled run writes it, however long it was to wait.
    let sync = sync.with("onConflict", "database");
    database.sql("update sync_refusals set next_at = now() + interval '6 hours'; alter table ruled drop constraint price_positive").await;
    let applied = run_as(&sync, &service, "scheduled", &[ruled_row("A", &[(1, json!(-1))])]).await;
    assert_eq!(applied["inserted"], 1, "{applied}");
    assert_eq!(database.json("select count(*) from sync_refusals").await, json!(0));
    assert_eq!(database.json("select count(*) from sync_errors where resolved_at is null").await, json!(0));
}

#[tokio::test]
async fn a_change_of_what_a_domain_allows_is_a_change_of_the_table() {
    let (database, service, sync) = ruled().await;
    let row = ruled_row("A", &[(6, json!(101))]);
    assert_eq!(run_as(&sync, &service, "scheduled", std::slice::from_ref(&row)).await["rejected"], 1);
    database.sql("alter domain percent drop constraint percent_range").await;
    assert_eq!(run_as(&sync, &service, "scheduled", &[row]).await["inserted"], 1);
}

#[tokio::test]
async fn a_refused_row_that_came_into_the_table_meanwhile_is_tried_at_once() {
    let (database, service, sync) = ruled().await;
    let sync = sync.authority("database");
    let row = ruled_row("A", &[(1, json!(0))]);
    assert_eq!(run_as(&sync, &service, "scheduled", std::slice::from_ref(&row)).await["rejected"], 1);
    database.sql("insert into ruled (id, price, sure) values ('A', 5, 'yes')").await;
    let applied = run_as(&sync, &service, "scheduled", &[row]).await;
    assert_eq!((&applied["rejected"], &applied["unchanged"]), (&json!(0), &json!(1)), "{applied}");
}

#[tokio::test]
async fn a_row_that_others_or_a_trigger_keep_out_is_tried_by_every_run() {
    let (database, service, sync) = ruled().await;
    run_as(&sync, &service, "manual", &[ruled_row("A", &[])]).await;
    let rows = [
        ruled_row("A", &[]),
        ruled_row("b", &[(4, json!("p9"))]),
        ruled_row("c", &[(5, json!("A"))]),
        ruled_row("d", &[(5, json!("never"))]),
    ];
    assert_eq!(run_as(&sync, &service, "scheduled", &rows).await["rejected"], 3);
    assert_eq!(database.json("select count(*) from sync_refusals").await, json!(0));
    assert_eq!(
        database.json("select count(*) from sync_errors where resolved_at is null and next_attempt_at is null").await,
        json!(3)
    );
    database.sql("insert into fk_parent values ('p9')").await;
    assert_eq!(run_as(&sync, &service, "scheduled", &rows).await["inserted"], 1);

    // With a trigger before the write, and with a function in a check, anything may have a say.
    database
        .sql(
            "create function fill() returns trigger language plpgsql as $$ begin return new; end $$;
             create trigger fill before insert on ruled for each row execute function fill()",
        )
        .await;
    assert_eq!(run_as(&sync, &service, "scheduled", &[ruled_row("e", &[(1, json!(0))])]).await["rejected"], 1);
    database
        .sql(
            "drop trigger fill on ruled; create function allowed(integer) returns boolean language sql immutable return $1 > 0;
             alter table ruled drop constraint price_positive, add constraint price_positive check (allowed(price))",
        )
        .await;
    assert_eq!(run_as(&sync, &service, "scheduled", &[ruled_row("e", &[(1, json!(0))])]).await["rejected"], 1);
    assert_eq!(database.json("select count(*) from sync_refusals").await, json!(0));
}

#[tokio::test]
async fn a_check_that_meets_values_of_the_table_is_tried_by_every_run() {
    let (database, service, sync) = ruled().await;
    run_as(&sync, &service, "manual", &[ruled_row("A", &[])]).await;
    database.sql("update ruled set high = 1").await;
    let row = ruled_row("A", &[(2, json!(2))]);
    assert_eq!(run_as(&sync, &service, "scheduled", std::slice::from_ref(&row)).await["rejected"], 1, "2 <= 1");
    // Somebody corrects the database.
    database.sql("update ruled set high = 9").await;
    assert_eq!(run_as(&sync, &service, "scheduled", &[row]).await["updated"], 1);
}

#[tokio::test]
async fn a_row_that_waits_stays_claimed_and_counts_against_deletes() {
    let (database, service, sync) = ruled().await;
    let sync = sync.with("deletes", json!({"policy": "hard", "guardRows": 10, "guardPercent": 100}));
    run_as(&sync, &service, "manual", &[ruled_row("A", &[]), ruled_row("B", &[])]).await;
    // A becomes X, which is refused, and B is refused.
    let rows = [ruled_row("X", &[(1, json!(0))]), ruled_row("B", &[(1, json!(-1))])];
    for attempt in 0..3 {
        let run = sync.begin_as(&service, "scheduled").await;
        run.plan(&service, json!({"rowsRead": 2, "rowsSent": 2, "upsertBatches": 1, "keysVanished": 1, "deleteBatches": 1, "readComplete": true})).await;
        assert_eq!(run.apply(&service, &run.upsert(&rows)).await["rejected"], 2, "{attempt}");
        assert_eq!(run.apply(&service, &run.delete(&["A"])).await["outcome"], "withheld", "{attempt}");
        assert_eq!(database.rows("select id from ruled order by 1").await, json!([["A"], ["B"]]));
        assert_eq!(
            database.rows("select state, content_hash from sync_rows where row_key = 'B'").await,
            json!([["present", null]])
        );
    }
    assert_eq!(database.json("select max(attempts) from sync_refusals").await, json!(1), "the later runs did not try");
}

#[tokio::test]
async fn rows_refused_before_do_not_make_the_schema_wrong() {
    let (database, service, sync) = things().await;
    let mut rows = numbered(100);
    for row in &mut rows[..12] {
        row[1] = json!("many");
    }
    assert_eq!(run_as(&sync, &service, "scheduled", &rows).await["rejected"], 12);
    database.sql("update sync_refusals set next_at = now()").await;
    // All others are unchanged, so these come alone.
    let applied = run_as(&sync, &service, "scheduled", &rows[..12]).await;
    assert_eq!((&applied["outcome"], &applied["rejected"]), (&json!("applied"), &json!(12)), "{applied}");
}
