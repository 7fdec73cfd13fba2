//! What the mapping says that a column of the table cannot hold, held against Postgres itself: what it lets through, Postgres stores as it
//! is, and what it rejects, Postgres refuses or would round.

use serde_json::{Value, json};
use sheetsync::mapping::{Cell, Code, Column, Limits, Locale, Mapped, Mapping, Settings, Type};
use sheetsync_test_database::{Database, call};

/// Types of a column, the mapping type that feeds it, and cells at the edges of what it holds.
const COLUMNS: [(&str, Type, &[&str]); 16] = [
    ("varchar(3)", Type::Text, &["abc", "abcd", "あいう", "あいうえ", "👨‍👩‍👧", "a"]),
    ("char(3)", Type::Text, &["abc", "abcd", "あいう", "ab", "👨‍👩‍👧👨‍👩‍👧"]),
    ("varchar(3)", Type::Integer, &["123", "-12", "-123", "1234"]),
    ("varchar(4)", Type::Decimal, &["1.25", "12.25", "-1.5"]),
    ("smallint", Type::Integer, &["32767", "32768", "-32768", "-32769", "0"]),
    ("integer", Type::Integer, &["2147483647", "2147483648", "-2147483648", "-2147483649"]),
    ("bigint", Type::Integer, &["9223372036854775807", "-9223372036854775808"]),
    (
        "numeric(6,2)",
        Type::Decimal,
        &["9999.99", "10000", "-9999.99", "-10000", "9999.995", "0.005", "2.50", "2.500", "-0.001"],
    ),
    ("numeric(6,2)", Type::Integer, &["9999", "10000", "-10000"]),
    ("numeric(3,0)", Type::Decimal, &["999", "999.4", "1000", "-1000", "0.5"]),
    ("numeric(3,-2)", Type::Integer, &["99900", "99949", "99950", "100000", "150", "-99900"]),
    ("numeric(2,4)", Type::Decimal, &["0.0099", "0.01", "-0.0099", "0.00001"]),
    ("numeric(1000,20)", Type::Decimal, &["79228162514264337593543950335", "0.00000000000000000001"]),
    ("numeric", Type::Decimal, &["79228162514264337593543950335", "0.5"]),
    ("mood", Type::Text, &["sad", "ok", "OK", "so so", " sad "]),
    (
        "uuid",
        Type::Text,
        &["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "{a0eebc999c0b4ef8bb6d6bb9bd380a11}", "a0eebc99", "x"],
    ),
];

/// The limits of a table `bounded` with a column `value` of this type, as a plan gets them.
async fn limits(database: &Database, declared: &str, kind: Type) -> Limits {
    database
        .sql(&format!("drop table if exists bounded; create table bounded (id text primary key, value {declared})"))
        .await;
    let definition = json!({"table": "bounded", "keyColumns": ["id"], "mappingVersion": "0123456789abcdef", "mode": "upsert", "onConflict": "sheet",
        "columns": [{"name": "id", "authority": "merge", "type": "text"}, {"name": "value", "authority": "merge", "type": kind}],
        "deletes": {"policy": "ignore"}});
    let answer = call(&database.service().await, "sync_inspect", &[json!("bounded"), definition]).await;
    assert_eq!(answer["problems"], json!([]), "{declared}");
    serde_json::from_value(answer["limits"].clone()).expect("limits are read as they are written")
}

/// What the mapping makes of a cell: its JSON, or the code of its rejection.
fn mapped(limits: &Limits, kind: Type, cell: &str) -> Result<Value, Code> {
    let column =
        |name: &str, kind| Column { header: Some(name.to_owned()), column: name.to_owned(), kind, ..Column::default() };
    let columns = [column("id", Type::Text), column("value", kind)];
    let key = ["id".to_owned()];
    let settings = Settings {
        columns: &columns,
        key: &key,
        key_forms: &[],
        limits,
        header_row: 1,
        first_column: 0,
        time_zone: "UTC",
        locale: Locale::default(),
    };
    let mapping = Mapping::bind(settings, &["id", "value"].map(Cell::from)).expect("the headers fit");
    match mapping.row(2, &[Cell::from("A"), Cell::from(cell)]) {
        Mapped::Row(row) => Ok(serde_json::from_str(&row.values[1].to_json()).expect("a value is JSON")),
        Mapped::Rejected { key, rejections } => {
            assert_eq!(key.as_deref(), Some("A"), "the row is known");
            assert_eq!(rejections[0].cell.as_deref(), Some("B2"));
            Err(rejections[0].code)
        }
        other => panic!("{cell}: {other:?}"),
    }
}

/// What Postgres stores for a value, as JSON; `None`: it refuses it.
async fn stored(database: &Database, declared: &str, value: &Value) -> Option<Value> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned).replace('\'', "''");
    let insert = format!("truncate bounded; insert into bounded values ('A', '{text}')");
    match database.owner.batch_execute(&insert).await {
        Ok(()) => Some(database.json(&format!("select to_jsonb(value) from bounded /* {declared} */")).await),
        Err(error) => {
            let code = error.code().map(|code| code.code().to_owned()).unwrap_or_default();
            assert!(code.starts_with("22"), "{declared} {text}: {error:?}");
            None
        }
    }
}

/// Whether Postgres stored what the mapping made: as a number, without the padding of `char(n)`, in any spelling of a uuid.
fn same(made: &Value, stored: &Value) -> bool {
    let plain = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned).to_lowercase();
        let text = text.trim_matches(['{', '}', ' ']).to_owned();
        if text.len() >= 32 { text.replace('-', "") } else { text }
    };
    match (made, stored) {
        (Value::Number(made), Value::Number(stored)) => {
            let number = |number: &serde_json::Number| {
                let text = number.to_string();
                let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
                text.to_owned()
            };
            number(made) == number(stored)
        }
        _ => plain(made) == plain(stored),
    }
}

#[tokio::test]
async fn mapping_rejects_exactly_what_postgres_refuses_or_changes() {
    let database = Database::new().await;
    database.sql("create type mood as enum ('sad', 'ok', 'happy'); grant usage on schema public to service_role").await;
    let (mut taken, mut rejected) = (0, 0);
    for (declared, kind, cells) in COLUMNS {
        let limits = limits(&database, declared, kind).await;
        for cell in cells {
            let unlimited =
                mapped(&Limits::new(), kind, cell).unwrap_or_else(|code| panic!("{declared} {cell}: {code}"));
            let held = stored(&database, declared, &unlimited).await;
            match mapped(&limits, kind, cell) {
                Ok(value) => {
                    taken += 1;
                    assert_eq!(value, unlimited, "a limit changes no value");
                    let held = held.unwrap_or_else(|| panic!("Postgres refuses {cell} in {declared}"));
                    assert!(same(&value, &held), "{cell} in {declared} is stored as {held}");
                }
                Err(Code::TooPrecise) => {
                    rejected += 1;
                    // It would be rounded, perhaps beyond the largest.
                    assert!(
                        held.is_none_or(|held| !same(&unlimited, &held)),
                        "{cell} in {declared} is stored as it is"
                    );
                }
                Err(code) => {
                    rejected += 1;
                    assert_eq!(held, None, "{cell} in {declared} is {code}, and Postgres takes it");
                }
            }
        }
    }
    assert!(taken > 25 && rejected > 20, "{taken} taken, {rejected} rejected");
}
