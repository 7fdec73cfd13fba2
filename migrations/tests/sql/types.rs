//! Tables as people really have them: types, names, widths.

use serde_json::{Value, json};

use crate::harness::{Database, Sync, things};

#[tokio::test]
async fn every_type_arrives_is_compared_and_changes() {
    let (database, service, _) = things().await;
    database
        .sql("create type kind as enum ('flat', 'house');
              create domain yen as bigint check (value >= 0);
              create domain code as varchar(5) not null;
              create table zoo (id text primary key, n numeric(10, 2), v varchar(5), c char(4), d date, t time, ts timestamptz, b boolean,
                  j json, jb jsonb, tags text[], numbers integer[], kind kind, yen yen, code code, u uuid, p point, bits bit(3), r int4range,
                  i interval, f double precision, x xml)")
        .await;
    let columns = [
        "id", "n", "v", "c", "d", "t", "ts", "b", "j", "jb", "tags", "numbers", "kind", "yen", "code", "u", "p",
        "bits", "r", "i", "f", "x",
    ];
    let first = json!(["A", 12.345, "あいうえお", "ab", "2024-02-29", "09:30", "2024-03-01T10:00:00+09:00", true,
        {"a": [1, null]}, [1, {"b": 2}], ["x", "y,z", null], [1, 2], "flat", 128000000, "Z9",
        "6f1c0c3e-8f5e-4d5c-9a59-0b8f6c6f7a11", "(1,2)", "101", "[1,5)", "1 day", 0.1, "<a/>"]);
    let second = json!(["A", 12.355, "b", "cd", "2024-03-01", "10:30", "2024-03-01T11:00:00+09:00", false,
        {"a": []}, "text", [], null, "house", 1, "Z8", "6f1c0c3e-8f5e-4d5c-9a59-0b8f6c6f7a12", "(1,3)", "111", "[1,6)", "2 days", 0.2, "<b/>"]);
    for authority in ["merge", "sheet"] {
        database.sql("delete from zoo; delete from sync_rows").await;
        let sync = Sync::new("zoo", &columns).authority(authority);
        let (_, applied) = sync.run(&service, std::slice::from_ref(&first)).await;
        assert_eq!(
            applied["inserted"],
            1,
            "{authority} {applied} {}",
            database.rows("select code, message from sync_errors").await
        );
        assert_eq!(sync.run(&service, std::slice::from_ref(&first)).await.1["unchanged"], 1, "{authority}");
        let query = "select n, v, d, ts = '2024-03-01T01:00:00Z' as ts, tags[2] as tag, kind, j -> 'a' -> 0 as j, yen, p::text from zoo";
        assert_eq!(
            database.rows(query).await,
            json!([[12.35, "あいうえお", "2024-02-29", true, "y,z", "flat", 1, 128000000, "(1,2)"]])
        );
        // Every column moves, and moves back, one at a time.
        for column in 1..columns.len() {
            let mut row = first.clone();
            row[column] = second[column].clone();
            assert_eq!(sync.run(&service, &[row]).await.1["updated"], 1, "{authority} {}", columns[column]);
            assert_eq!(
                sync.run(&service, std::slice::from_ref(&first)).await.1["updated"],
                1,
                "{authority} {} back",
                columns[column]
            );
        }
    }
    assert_eq!(database.json("select count(*) from sync_errors").await, json!(0));
}

#[tokio::test]
async fn what_is_too_long_is_refused_and_not_cut() {
    let (database, service, _) = things().await;
    database.sql("create domain short as varchar(2); create table tight (id text primary key, v varchar(5), c char(3), s short, b bit(2))").await;
    let sync = Sync::new("tight", &["id", "v", "c", "s", "b"]);
    let rows = [
        json!(["v", "123456", null, null, null]),
        json!(["c", null, "1234", null, null]),
        json!(["s", null, null, "123", null]),
        json!(["b", null, null, null, "101"]),
        json!(["fits", "12345", "123", "12", "10"]),
    ];
    assert_eq!(sync.run(&service, &rows).await.1["rejected"], 4);
    assert_eq!(
        database.rows("select row_key, column_name from sync_errors where column_name = row_key order by 1").await,
        json!([["b", "b"], ["c", "c"], ["s", "s"], ["v", "v"]])
    );
    assert_eq!(database.rows("select id from tight").await, json!([["fits"]]));
}

#[tokio::test]
async fn hostile_names_are_names() {
    let (database, service, _) = things().await;
    let names = [
        "物件 番号",
        "a\"b",
        "c'd",
        "e\\f",
        "%s",
        "%1$I",
        "$1",
        "$sql$",
        "{x}",
        "; drop table things; --",
        "select",
        "d",
        "t",
        "Ö",
    ];
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{}\" text", name.replace('"', "\"\""))).collect();
    database
        .sql(&format!(
            "create table \"a\"\"b\" ({}, \"gone $at$\" timestamptz, primary key (\"物件 番号\", \"a\"\"b\"))",
            quoted.join(", ")
        ))
        .await;
    let sync = Sync::new("a\"b", &names)
        .with("keyColumns", json!([names[0], names[1]]))
        .with("deletes", json!({"policy": "soft", "column": "gone $at$"}));
    let row = |value: &str| {
        Value::from(
            names
                .iter()
                .enumerate()
                .map(|(index, _)| if index < 2 { json!("k") } else { json!(value) })
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(sync.run(&service, &[row("1")]).await.1["inserted"], 1);
    database.sql("update \"a\"\"b\" set \"Ö\" = 'typed', \"%s\" = 'typed'").await;
    let mut changed = row("1");
    changed[4] = json!("2");
    let (_, applied) = sync.run(&service, &[changed]).await;
    assert_eq!((&applied["updated"], &applied["conflicts"]), (&json!(1), &json!(1)));
    assert_eq!(database.rows("select \"Ö\", \"%s\", \"$1\" from \"a\"\"b\"").await, json!([["typed", "2", "1"]]));

    let run = sync.begin(&service).await;
    let mut keep = run.upsert(&[row("3")]);
    keep["rows"][0]["keep"] = json!([2, 5, 13]);
    assert_eq!(run.apply(&service, &keep).await["updated"], 1);
    run.plan(&service, json!({"rowsRead": 1, "rowsSent": 1})).await;
    assert_eq!(
        database.rows("select \"c'd\", \"%1$I\", \"Ö\", \"{x}\" from \"a\"\"b\"").await,
        json!([["1", "1", "typed", "3"]])
    );

    let run = sync.begin(&service).await;
    run.plan(&service, json!({"keysVanished": 1})).await;
    assert_eq!(run.apply(&service, &run.delete(&[r#"["k","k"]"#])).await["deleted"], 1);
    assert_eq!(database.json("select count(*) from things").await, json!(0), "things is still there");
}

#[tokio::test]
async fn a_hundred_and_twenty_columns_are_no_limit() {
    let (database, service, _) = things().await;
    let names: Vec<String> = (0..120).map(|number| format!("列{number}")).collect();
    let columns: Vec<String> = names.iter().map(|name| format!("\"{name}\" text")).collect();
    database.sql(&format!("create table wide ({}, primary key (\"列0\"))", columns.join(", "))).await;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let sync = Sync::new("wide", &names);
    let mut row = Value::from((0..120).map(|number| json!(number.to_string())).collect::<Vec<_>>());
    assert_eq!(sync.run(&service, std::slice::from_ref(&row)).await.1["inserted"], 1);
    row[119] = json!("changed");
    assert_eq!(sync.run(&service, std::slice::from_ref(&row)).await.1["updated"], 1);
    assert_eq!(database.rows("select \"列118\", \"列119\" from wide").await, json!([["118", "changed"]]));
}

#[tokio::test]
async fn a_table_of_nothing_but_keys_can_be_synced() {
    let (database, service, _) = things().await;
    database.sql("create table tags (name text primary key)").await;
    let sync = Sync::new("tags", &["name"]);
    assert_eq!(sync.run(&service, &[json!(["a"])]).await.1["inserted"], 1);
    assert_eq!(sync.run(&service, &[json!(["a"]), json!(["b"])]).await.1["unchanged"], 1);
}

#[tokio::test]
async fn a_partitioned_table_can_be_synced() {
    let (database, service, _) = things().await;
    database
        .sql(
            "create table split (id text primary key, amount integer) partition by hash (id);
              create table split_0 partition of split for values with (modulus 2, remainder 0);
              create table split_1 partition of split for values with (modulus 2, remainder 1)",
        )
        .await;
    let sync = Sync::new("split", &["id", "amount"]);
    let rows = crate::harness::numbered(20);
    assert_eq!(sync.run(&service, &rows).await.1["inserted"], 20);
    let changed: Vec<Value> = rows.iter().map(|row| json!([row[0], 1])).collect();
    assert_eq!(sync.run(&service, &changed).await.1["updated"], 20);
    assert_eq!(database.json("select sum(amount) from split").await, json!(20));
}

#[tokio::test]
async fn a_date_key_and_an_integer_key_find_their_rows() {
    let (database, service, _) = things().await;
    database.sql("create table days (day date, place integer, visitors integer, primary key (day, place))").await;
    let sync = Sync::new("days", &["day", "place", "visitors"])
        .with("keyColumns", json!(["day", "place"]))
        .typed("day", "date")
        .typed("place", "integer");
    sync.run(&service, &[json!(["2024-03-01", 7, 1])]).await;
    assert_eq!(sync.run(&service, &[json!(["2024-03-01", 7, 2])]).await.1["updated"], 1);
    assert_eq!(database.rows("select place, visitors from days").await, json!([[7, 2]]));
}

#[tokio::test]
async fn a_table_of_many_columns_is_merged() {
    let database = Database::new().await;
    let names: Vec<String> = (0..800).map(|number| format!("c{number}")).collect();
    let columns: Vec<String> = names.iter().skip(1).map(|name| format!("{name} text")).collect();
    database.sql(&format!("create table wide (c0 text primary key, {})", columns.join(", "))).await;
    let service = database.service().await;
    let sync = Sync::new("wide", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let row =
        |text: &str| json!(std::iter::once("K").chain(std::iter::repeat_n(text, names.len() - 1)).collect::<Vec<_>>());
    let (_, applied) = sync.run(&service, &[row("a")]).await;
    assert_eq!((&applied["inserted"], &applied["rejected"]), (&json!(1), &json!(0)), "{applied}");
    let (_, applied) = sync.run(&service, &[row("b")]).await;
    assert_eq!((&applied["updated"], &applied["rejected"]), (&json!(1), &json!(0)), "{applied}");
    assert_eq!(database.json("select c799 from wide").await, json!("b"));
}
