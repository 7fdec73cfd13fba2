//! What the catalogue says that a column can hold, as the begin of a run and a plan answer it.

use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::harness::{Database, Sync, call, things};

async fn bounded() -> (Database, Client, Sync) {
    let (database, service, _) = things().await;
    database
        .sql(
            "create type mood as enum ('sad', 'ok'); alter type mood add value 'so so' before 'ok';
             create domain short as varchar(3); create domain tiny as short not null; create domain price as numeric(6, 2);
             create table bounded (id varchar(8) primary key, v varchar(3), c char(4), t text, n numeric(6, 2), bare numeric, z numeric(3, -2),
                 s smallint, i integer, b bigint, f double precision, m mood, u uuid, short short, tiny tiny, price price, must text not null,
                 given text not null default 'x', lists varchar(2)[], moods mood[], d date, flag boolean not null)",
        )
        .await;
    let columns = [
        "id", "v", "c", "t", "n", "bare", "z", "s", "i", "b", "f", "m", "u", "short", "tiny", "price", "must", "given",
        "lists", "moods", "d", "flag",
    ];
    (database, service, Sync::new("bounded", &columns))
}

async fn limits(service: &Client, sync: &Sync) -> Value {
    call(service, "sync_inspect", &[json!(sync.name), sync.definition.clone()]).await["limits"].clone()
}

#[tokio::test]
async fn the_catalogue_says_what_each_column_can_hold() {
    let (_database, service, sync) = bounded().await;
    let expected = json!({
        "id": {"type": "character varying(8)", "required": true, "form": "characters", "length": 8},
        "v": {"type": "character varying(3)", "required": false, "form": "characters", "length": 3},
        "c": {"type": "character(4)", "required": false, "form": "characters", "length": 4},
        "n": {"type": "numeric(6,2)", "required": false, "form": "numeric", "precision": 6, "scale": 2},
        "z": {"type": "numeric(3,-2)", "required": false, "form": "numeric", "precision": 3, "scale": -2},
        "s": {"type": "smallint", "required": false, "form": "integer", "bits": 16},
        "i": {"type": "integer", "required": false, "form": "integer", "bits": 32},
        "b": {"type": "bigint", "required": false, "form": "integer", "bits": 64},
        "m": {"type": "mood", "required": false, "form": "labels", "labels": ["sad", "so so", "ok"]},
        "u": {"type": "uuid", "required": false, "form": "uuid"},
        "short": {"type": "character varying(3)", "required": false, "form": "characters", "length": 3},
        "tiny": {"type": "character varying(3)", "required": true, "form": "characters", "length": 3},
        "price": {"type": "numeric(6,2)", "required": false, "form": "numeric", "precision": 6, "scale": 2},
        "must": {"type": "text", "required": true, "form": "any"},
        "given": {"type": "text", "required": true, "form": "any"},
        "lists": {"type": "character varying(2)[]", "required": false, "form": "characters", "length": 2},
        "moods": {"type": "mood[]", "required": false, "form": "labels", "labels": ["sad", "so so", "ok"]},
        "flag": {"type": "boolean", "required": true, "form": "any"},
    });
    let mut found = limits(&service, &sync).await;
    // How an enum is named depends on the search path, which is empty.
    for column in ["m", "moods"] {
        let name = found[column]["type"].as_str().unwrap().trim_start_matches("public.").to_owned();
        found[column]["type"] = name.into();
    }
    assert_eq!(found, expected);
    let begun = sync.try_begin(&service, Uuid::new_v4(), "manual").await;
    assert_eq!(begun["limits"], limits(&service, &sync).await, "a run is told what a plan is told");
}

#[tokio::test]
async fn what_may_not_be_written_or_may_be_filled_is_no_limit() {
    let (database, service, sync) = bounded().await;
    for (field, value) in [("mode", "insert_only"), ("mode", "update_only"), ("adopt", "database")] {
        let limits = limits(&service, &sync.clone().with(field, value)).await;
        assert_eq!((&limits["v"], &limits["must"], &limits["tiny"]), (&Value::Null, &Value::Null, &Value::Null));
        assert_eq!(limits["s"]["bits"], 16, "{value}: Postgres converts every value, also one that it does not write");
    }
    let owned = limits(&service, &sync.clone().authority("database")).await;
    assert_eq!((&owned["v"], &owned["must"], &owned["n"]["scale"]), (&Value::Null, &Value::Null, &json!(2)));
    assert_eq!(owned["id"]["length"], 8, "a key is always written");

    database
        .sql(
            "create function fill() returns trigger language plpgsql as $$ begin new.must := coalesce(new.must, 'x'); return new; end $$;
             create trigger fill before insert on bounded for each row execute function fill()",
        )
        .await;
    let filled = limits(&service, &sync).await;
    assert_eq!((&filled["must"], &filled["v"]["length"]), (&Value::Null, &json!(3)), "the trigger may fill it");
    assert_eq!(filled["tiny"]["required"], true, "a domain is checked before the trigger");
}
