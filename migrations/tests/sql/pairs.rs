//! The table of pairs in docs/MAPPING.md, tried: each mapping type over each type of Postgres stores the value that was meant, or
//! the definition is refused at the begin. The value on the wire is what the mapping makes (examples of the same page).

use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::harness::{Database, Sync, things};

const PAGE: &str = include_str!("../../../docs/MAPPING.md");

const MAPPINGS: [&str; 12] = [
    "text",
    "integer",
    "decimal",
    "boolean",
    "date",
    "time",
    "timestamp",
    "timestamp (none)",
    "duration",
    "json",
    "text_array",
    "enum",
];

const AN_ID: &str = "6f1c0c3e-8f5e-4d5c-9a59-0b8f6c6f7a11";

/// Types that the test needs beside those of Postgres. PostGIS is not there: a type of its name is.
const TYPES: &str = "
create schema extensions; grant usage on schema extensions to service_role;
create extension citext schema extensions; create extension hstore schema extensions;
create type extensions.geometry as (x float8, y float8);
create type mood as enum ('sad', 'ok', 'happy', '3');
create type place as (x integer, y integer);";

struct Row {
    type_name: String,
    mappings: Vec<String>,
}

/// The rows of the page's table.
fn rows() -> Vec<Row> {
    let table =
        PAGE.split("<!-- pairs -->").nth(1).and_then(|rest| rest.split("<!-- end of pairs -->").next()).unwrap();
    let cells =
        table.lines().skip(3).filter_map(|line| line.trim().strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    cells
        .map(|(type_name, fed_by)| Row {
            type_name: type_name.trim_matches('`').to_owned(),
            mappings: if fed_by.starts_with("none") {
                Vec::new()
            } else {
                fed_by.split(", ").map(str::to_owned).collect()
            },
        })
        .collect()
}

/// How a column of this type is declared.
fn declared(type_name: &str) -> &str {
    match type_name {
        "citext" => "extensions.citext",
        "citext[]" => "extensions.citext[]",
        "hstore" => "extensions.hstore",
        "geometry" => "extensions.geometry",
        "character" => "character(40)",
        "character varying" => "character varying(40)",
        "numeric" => "numeric(10, 2)",
        "enum" => "mood",
        "enum[]" => "mood[]",
        "a composite type" => "place",
        name => name,
    }
}

/// Two different values on the wire, each with the text of the stored one.
fn samples(mapping: &str, type_name: &str) -> [(Value, &'static str); 2] {
    match (mapping, type_name) {
        ("text" | "enum", "uuid") => [
            (json!("6F1C0C3E8F5E4D5C9A590B8F6C6F7A11"), AN_ID),
            (json!("00000000-0000-4000-8000-000000000001"), "00000000-0000-4000-8000-000000000001"),
        ],
        ("text" | "enum", "enum") => [(json!("sad"), "sad"), (json!("3"), "3")],
        ("text", "inet") => [(json!("10.0.0.1"), "10.0.0.1/32"), (json!("fe80::1"), "fe80::1/128")],
        ("text", "macaddr") => {
            [(json!("08-00-2B-01-02-03"), "08:00:2b:01:02:03"), (json!("08:00:2b:01:02:04"), "08:00:2b:01:02:04")]
        }
        ("enum", "smallint" | "integer" | "bigint") => [(json!("3"), "3"), (json!("-1"), "-1")],
        // The same letters in another case are another text, also where Postgres takes them for equal.
        ("text" | "enum", _) => [(json!("today"), "today"), (json!("Today"), "Today")],
        ("integer", "numeric") => [(json!(12), "12.00"), (json!(-32768), "-32768.00")],
        ("integer", _) => [(json!(12), "12"), (json!(-32768), "-32768")],
        ("decimal", "numeric") => [(json!(2.5), "2.50"), (json!(-0.07), "-0.07")],
        ("decimal", _) => [(json!(2.5), "2.5"), (json!(47.721), "47.721")],
        ("boolean", _) => [(json!(true), "true"), (json!(false), "false")],
        ("date", "timestamp without time zone") => {
            [(json!("2024-03-01"), "2024-03-01 00:00:00"), (json!("1905-06-27"), "1905-06-27 00:00:00")]
        }
        ("date", _) => [(json!("2024-03-01"), "2024-03-01"), (json!("1905-06-27"), "1905-06-27")],
        ("time", _) => [(json!("09:30:00"), "09:30:00"), (json!("00:00:00"), "00:00:00")],
        ("timestamp", "timestamp with time zone") => [
            (json!("2024-03-01T03:00:00+00:00"), "2024-03-01 03:00:00+00"),
            (json!("2024-02-29T15:00:00.25+00:00"), "2024-02-29 15:00:00.25+00"),
        ],
        ("timestamp", _) => [
            (json!("2024-03-01T03:00:00+00:00"), "2024-03-01T03:00:00+00:00"),
            (json!("2024-02-29T15:00:00+00:00"), "2024-02-29T15:00:00+00:00"),
        ],
        ("timestamp (none)", "timestamp without time zone") => [
            (json!("2024-03-01T12:00:00"), "2024-03-01 12:00:00"),
            (json!("2024-03-10T02:30:00"), "2024-03-10 02:30:00"),
        ],
        ("timestamp (none)", _) => [
            (json!("2024-03-01T12:00:00"), "2024-03-01T12:00:00"),
            (json!("2024-03-10T02:30:00"), "2024-03-10T02:30:00"),
        ],
        ("duration", "interval") => [(json!("PT25H30M"), "25:30:00"), (json!("PT-1H-30M"), "-01:30:00")],
        ("duration", _) => [(json!("PT25H30M"), "PT25H30M"), (json!("PT-1H-30M"), "PT-1H-30M")],
        ("json", _) => [(json!({"a": [1, null]}), r#"{"a": [1, null]}"#), (json!("today"), "\"today\"")],
        ("text_array", "uuid[]") => [(json!([AN_ID]), "{6f1c0c3e-8f5e-4d5c-9a59-0b8f6c6f7a11}"), (json!([]), "{}")],
        ("text_array", "enum[]") => [(json!(["sad", "3"]), "{sad,3}"), (json!(["ok"]), "{ok}")],
        ("text_array", _) => [(json!(["a", "b,c"]), r#"{a,"b,c"}"#), (json!(["today"]), "{today}")],
        pair => panic!("{pair:?} has no sample"),
    }
}

/// A sync of the table `pairs`, whose column `value` has this mapping type.
fn sync_of(mapping: &str) -> Sync {
    match mapping {
        "timestamp (none)" => {
            let mut sync = Sync::new("pairs", &["id", "value"]).typed("value", "timestamp");
            sync.definition["columns"][1]["timeZone"] = "none".into();
            sync
        }
        mapping => Sync::new("pairs", &["id", "value"]).typed("value", mapping),
    }
}

async fn with_types() -> (Database, Client) {
    let (database, service, _) = things().await;
    database.sql(TYPES).await;
    (database, service)
}

async fn refusal(sync: &Sync, service: &Client) -> Option<Value> {
    let answer = sync.try_begin(service, Uuid::new_v4(), "manual").await;
    assert!(answer["outcome"] == "refused" || answer["outcome"] == "begun", "{answer}");
    (answer["outcome"] == "refused").then(|| answer["problems"].clone())
}

#[tokio::test]
async fn every_pair_on_the_page_stores_the_right_value_or_is_refused() {
    let (database, service) = with_types().await;
    let rows = rows();
    assert_eq!(rows.len(), 45);
    for Row { type_name, mappings } in rows {
        for mapping in &mappings {
            assert!(MAPPINGS.contains(&mapping.as_str()), "{mapping} over {type_name} is no mapping type");
        }
        // Whether the type is the column's own, or beneath a domain.
        for by_domain in [false, true] {
            let declared = declared(&type_name);
            let column = if by_domain { "pair" } else { declared };
            database
                .sql(&format!(
                    "delete from sync_state; delete from sync_targets; delete from sync_rows; delete from sync_errors;
                     drop table if exists pairs; drop domain if exists pair; create domain pair as {declared};
                     create table pairs (id text primary key, value {column})"
                ))
                .await;
            for mapping in MAPPINGS {
                let pair = format!("{mapping} over {type_name}, domain: {by_domain}");
                let sync = sync_of(mapping);
                let refused = refusal(&sync, &service).await;
                let is_listed = mappings.iter().any(|known| known == mapping);
                if !is_listed {
                    let problems = refused.unwrap_or_else(|| panic!("{pair} is accepted"));
                    let found = (&problems[0]["code"], &problems[0]["column"]);
                    assert_eq!(found, (&json!("type_pair"), &json!("value")), "{pair}");
                    assert!(
                        problems[0]["message"].as_str().unwrap().contains("the column value of type"),
                        "{problems}"
                    );
                    continue;
                }
                assert_eq!(refused, None, "{pair}");
                database
                    .sql("update sync_state set status = 'superseded'; truncate pairs; delete from sync_rows")
                    .await;
                let samples = samples(mapping, &type_name);
                for (wire, stored) in samples.into_iter().skip(usize::from(by_domain)) {
                    sync.run(&service, &[json!(["A", wire])]).await;
                    let errors = database.rows("select message from sync_errors where resolved_at is null").await;
                    assert_eq!(
                        database.rows("select value::text from pairs").await,
                        json!([[stored]]),
                        "{pair}: {errors}"
                    );
                    assert_eq!(sync.run(&service, &[json!(["A", wire])]).await.1["unchanged"], 1, "{pair}: again");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_page_and_the_database_list_the_same_pairs() {
    let (database, _) = with_types().await;
    let mut on_the_page: Vec<(String, String)> = rows()
        .into_iter()
        .flat_map(|Row { type_name, mappings }| {
            mappings
                .into_iter()
                .map(move |mapping| (type_name.clone(), mapping.replace("timestamp (none)", "local timestamp")))
        })
        .collect();
    on_the_page.sort();
    let listed =
        database.owner.query("select type_name, mapping from sync_type_pairs() where not key_only", &[]).await.unwrap();
    let mut listed: Vec<(String, String)> = listed.iter().map(|row| (row.get(0), row.get(1))).collect();
    listed.sort();
    assert_eq!(listed, on_the_page);
}

#[tokio::test]
async fn a_refused_pair_says_what_to_write_instead() {
    let (database, service) = with_types().await;
    for (mapping, column, expected) in [
        ("text", "date", r#"the column value of type date cannot be fed by type = "text": write type = "date""#),
        ("timestamp", "timestamp(0)", "time_zone = \"none\""),
        ("timestamp (none)", "timestamptz", "without time_zone = \"none\""),
        ("timestamp", "date", "write type = \"date\""),
        ("integer", "date", "write type = \"date\""),
        ("text", "interval", "write type = \"duration\""),
        ("text", "numeric(6, 2)", r#"of type numeric(6,2) cannot be fed by type = "text": write type = "decimal""#),
        ("text", "boolean", "write type = \"boolean\""),
        ("text", "jsonb", "write type = \"json\""),
        ("text", "extensions.hstore", "of type extensions.hstore cannot"),
        ("text", "extensions.geometry", "of type extensions.geometry cannot"),
        ("text", "whole", "of type public.whole (integer) cannot"),
    ] {
        database
            .sql(&format!("drop table if exists pairs; drop domain if exists whole; create domain whole as integer; create table pairs (id text primary key, value {column})"))
            .await;
        let problems = refusal(&sync_of(mapping), &service).await.unwrap();
        assert!(problems[0]["message"].as_str().unwrap().contains(expected), "{problems}");
    }
}

/// The key is brought into one spelling before it is sent, so that no other text reaches the column.
#[tokio::test]
async fn a_key_of_numbers_may_be_mapped_as_text() {
    let (database, service) = with_types().await;
    let types =
        database.owner.query("select type_name, mapping from sync_type_pairs() where key_only", &[]).await.unwrap();
    let types: Vec<(String, String)> = types.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(types.len(), 4);
    for (type_name, mapping) in types {
        let sentence = PAGE.lines().find(|line| line.starts_with("- A key column of type")).unwrap();
        assert!(mapping == "text" && sentence.contains(&format!("`{type_name}`")), "{mapping} over {type_name}");
        database
            .sql(&format!(
                "delete from sync_state; delete from sync_targets; delete from sync_rows; delete from sync_errors;
                 drop table if exists pairs; create table pairs (id {type_name} primary key, value {type_name})"
            ))
            .await;
        let sync = Sync::new("pairs", &["id", "value"]).typed("id", "text").typed("value", "integer");
        let rows = [json!(["7", 8]), json!(["-32768", 9])];
        assert_eq!(sync.run(&service, &rows).await.1["inserted"], 2, "{type_name}");
        assert_eq!(
            database.rows("select id::text, value::text from pairs order by id").await,
            json!([["-32768", "9"], ["7", "8"]]),
            "{type_name}"
        );
        assert_eq!(sync.run(&service, &rows).await.1["unchanged"], 2, "{type_name}: again");
        let problems = refusal(&sync.typed("value", "text"), &service).await.unwrap();
        assert_eq!((&problems[0]["code"], &problems[0]["column"]), (&json!("type_pair"), &json!("value")));
    }
}

#[tokio::test]
async fn a_local_time_is_no_moment_in_a_key_either() {
    let (database, service) = with_types().await;
    database.sql("create table pairs (id timestamptz primary key, value text)").await;
    let mut sync = Sync::new("pairs", &["id", "value"]).typed("id", "timestamp").typed("value", "text");
    sync.definition["columns"][0]["timeZone"] = "none".into();
    assert_eq!(refusal(&sync, &service).await.unwrap()[0]["code"], "type_pair");
}

#[tokio::test]
async fn a_view_is_named_as_one() {
    let (database, service) = with_types().await;
    database
        .sql("create view seen as select id from things; create materialized view kept as select id from things")
        .await;
    for (name, kind) in [("seen", "seen is a view"), ("kept", "kept is a materialized view")] {
        let problems = refusal(&Sync::new(name, &["id"]), &service).await.unwrap();
        assert_eq!(problems[0]["code"], "not_a_table");
        assert!(problems[0]["message"].as_str().unwrap().starts_with(kind), "{problems}");
    }
}

#[tokio::test]
async fn a_required_column_that_nothing_feeds_is_refused_unless_no_row_needs_it() {
    let (database, service) = with_types().await;
    database
        .sql("create table pairs (id text primary key, value text, owner text not null, kind text not null default 'a', n integer not null generated always as identity)")
        .await;
    let sync = Sync::new("pairs", &["id", "value"]);
    let problems = refusal(&sync, &service).await.unwrap();
    assert_eq!((problems.as_array().unwrap().len(), &problems[0]["code"]), (1, &json!("required_column_unfed")));
    assert_eq!(problems[0]["column"], "owner");

    assert_eq!(refusal(&sync.clone().with("mode", "update_only"), &service).await, None);
    database
        .sql(
            "update sync_state set status = 'superseded';
              create function owned() returns trigger language plpgsql as $$ begin new.owner := 'x'; return new; end $$;
              create trigger owned before insert on pairs for each row execute function owned()",
        )
        .await;
    assert_eq!(refusal(&sync, &service).await, None, "the trigger may fill it");
}

#[tokio::test]
async fn a_required_column_that_its_domain_gives_a_default_needs_no_feeding() {
    let (database, service) = with_types().await;
    database
        .sql(
            "create domain branch as text default 'main'; create domain office as branch;
             create table pairs (id text primary key, value text, branch branch not null, office office not null)",
        )
        .await;
    let sync = Sync::new("pairs", &["id", "value"]);
    assert_eq!(sync.run(&service, &[json!(["A", "x"])]).await.1["inserted"], 1);
    assert_eq!(database.rows("select branch, office from pairs").await, json!([["main", "main"]]));
}

#[tokio::test]
async fn a_key_of_a_domain_over_an_enum_is_refused() {
    let (database, service) = with_types().await;
    database.sql("create domain whole as mood; create table pairs (id whole primary key, value text)").await;
    let sync = Sync::new("pairs", &["id", "value"]).typed("id", "enum").typed("value", "text");
    let problems = refusal(&sync, &service).await.unwrap();
    assert!(problems[0]["message"].as_str().unwrap().contains("make it the enum itself"), "{problems}");
}
