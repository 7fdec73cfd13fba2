//! Plans and verifications: a preview says what the application of the same rows then does, and writes nothing.

use std::collections::BTreeMap;

use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::harness::{Database, Sync, call, hash, numbered, soft, things};

/// Every row version of every table: a write, even of the same values, changes it.
const VERSIONS: &str = "
    select table_name, (xpath('/row/v/text()', query_to_xml(format(
        'select count(*) || '':'' || md5(coalesce(string_agg(xmin::text || ctid::text, '','' order by ctid), '''')) as v from public.%I',
        table_name), false, true, '')))[1]::text as version
    from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1";

async fn preview(client: &Client, sync: &Sync, message: &Value) -> Value {
    call(client, "sync_preview", &[sync.definition.clone(), message.clone()]).await
}

async fn verify(client: &Client, sync: &Sync, message: &Value) -> Value {
    call(client, "sync_verify", &[sync.definition.clone(), message.clone()]).await
}

/// `{id: row}` of the table `things`.
async fn table(database: &Database) -> BTreeMap<String, Value> {
    let rows = database.rows("select id, to_jsonb(t) from things as t").await;
    rows.as_array().unwrap().iter().map(|row| (row[0].as_str().unwrap().to_owned(), row[1].clone())).collect()
}

/// `[row key, column]` pairs, in order.
fn pairs(items: &Value, key: &str, column: &str) -> Vec<(String, String)> {
    let mut pairs: Vec<_> =
        items.as_array().unwrap().iter().map(|item| (item[key].to_string(), item[column].to_string())).collect();
    pairs.sort();
    pairs
}

/// One random world: what was applied before, what people did in the table since, and what the sheet says now.
struct World {
    sync: Sync,
    base: Vec<Value>,
    edits: String,
    sheet: Vec<Value>,
    kept: BTreeMap<String, Vec<u64>>,
}

impl World {
    fn new(random: &mut ChaCha8Rng) -> Self {
        let mut sync = Sync::new("things", &["id", "amount", "note", "code"]).with("deletes", soft());
        for column in sync.definition["columns"].as_array_mut().unwrap() {
            column["authority"] = (*["merge", "merge", "merge", "sheet", "database"].choose(random).unwrap()).into();
        }
        sync.definition["onConflict"] = (*["sheet", "database"].choose(random).unwrap()).into();
        sync.definition["mode"] =
            (*["upsert", "upsert", "upsert", "upsert", "insert_only", "update_only"].choose(random).unwrap()).into();
        let base = Self::rows(random, 0);
        let edits = (0..random.random_range(0..12))
            .map(|_| {
                let id = random.random_range(0..10);
                let value = random.random_range(0..4);
                match random.random_range(0..6) {
                    0 => format!("update things set amount = {value} where id = 'K{id}';"),
                    1 => format!("update things set note = null where id = 'K{id}';"),
                    2 => format!("update things set note = 'n{value}' where id = 'K{id}';"),
                    3 => format!("delete from things where id = 'K{id}';"),
                    4 => format!("update things set deleted_at = now() where id = 'K{id}';"),
                    _ => format!("insert into things values ('K{id}', {value}) on conflict do nothing;"),
                }
            })
            .collect();
        // Cells that nobody touched are as likely as changed ones: only against them can an edit in the table be kept.
        let mut sheet = Self::rows(random, -1);
        for row in &mut sheet {
            if let Some(was) = base.iter().find(|was| was[0] == row[0]) {
                for cell in 1..4 {
                    if random.random_bool(0.5) {
                        row[cell] = was[cell].clone();
                    }
                }
            }
        }
        let mut kept = BTreeMap::new();
        for row in &sheet {
            if random.random_bool(0.2) {
                kept.insert(row[0].as_str().unwrap().to_owned(), vec![random.random_range(1..4)]);
            }
        }
        Self { sync, base, edits, sheet, kept }
    }

    /// Rows of a small world of values, so that they meet often; negative amounts and codes that are taken are refused.
    fn rows(random: &mut ChaCha8Rng, least: i64) -> Vec<Value> {
        let mut rows = Vec::new();
        for id in 0..10 {
            if random.random_bool(0.7) {
                let amount = (random.random_bool(0.8)).then(|| random.random_range(least..4));
                let note = (random.random_bool(0.8)).then(|| format!("n{}", random.random_range(0..4)));
                let code = (random.random_bool(0.5)).then(|| random.random_range(0..30));
                rows.push(json!([format!("K{id}"), amount, note, code]));
            }
        }
        if rows.is_empty() { vec![json!(["K0", 1, null, null])] } else { rows }
    }
}

#[tokio::test]
async fn a_preview_says_what_applying_the_same_rows_then_does_and_writes_nothing() {
    let database = Database::new().await;
    database
        .sql(
            "create table things (id text primary key, amount integer check (amount >= 0), note text,
                                  code integer unique, deleted_at timestamptz)",
        )
        .await;
    let service = database.service().await;
    let mut seen = BTreeMap::<String, u64>::new();
    for seed in 0..80 {
        let world = World::new(&mut ChaCha8Rng::seed_from_u64(seed));
        let sync = &world.sync;
        database.sql("truncate things; delete from sync_rows; delete from sync_errors").await;
        sync.run(&service, &world.base).await;
        database.sql(&world.edits).await;
        let run = sync.begin(&service).await;
        let mut message = run.upsert(&world.sheet);
        for row in message["rows"].as_array_mut().unwrap() {
            if let Some(kept) = world.kept.get(row["k"].as_str().unwrap()) {
                row["keep"] = json!(kept);
                row["v"][kept[0] as usize] = Value::Null;
            }
        }

        let versions = database.rows(VERSIONS).await;
        let told = preview(&service, sync, &message).await;
        assert_eq!(database.rows(VERSIONS).await, versions, "seed {seed}: a preview writes nothing");
        let before = table(&database).await;
        let applied = run.apply(&service, &message).await;
        let after = table(&database).await;

        for count in ["inserted", "updated", "unchanged", "skipped", "adopted", "conflicts", "rejected"] {
            assert_eq!(told[count], applied[count], "seed {seed}: {count}\n{told}\n{applied}");
            *seen.entry(count.to_owned()).or_default() += told[count].as_u64().unwrap();
        }
        let errors = database
            .json(&format!("select coalesce(jsonb_agg(e), '[]') from sync_errors as e where run = '{}'", run.id))
            .await;
        let (conflicts, refusals): (Vec<Value>, Vec<Value>) = errors
            .as_array()
            .unwrap()
            .iter()
            // What is restored or corrected shows in the plan as an insert or a write.
            .filter(|error| error["code"] != "restored" && error["code"] != "corrected")
            .cloned()
            .partition(|error| error["error_type"] == "conflict");
        assert_eq!(
            pairs(&told["refused"], "rowKey", "code"),
            pairs(&json!(refusals), "row_key", "code"),
            "seed {seed}"
        );

        let mut expected = before.clone();
        let mut told_conflicts = Vec::new();
        for row in told["rows"].as_array().unwrap() {
            let key = row["k"].as_str().unwrap();
            *seen.entry(row["act"].as_str().unwrap().to_owned()).or_default() += 1;
            if row["act"] == "insert" {
                assert!(!before.contains_key(key), "seed {seed}: {row}");
                expected.insert(key.to_owned(), after[key].clone());
                continue;
            }
            for column in row["columns"].as_array().unwrap() {
                let name = column["column"].as_str().unwrap();
                assert_eq!(before[key][name], column["old"], "seed {seed}: {row}");
                if column["outcome"] == "conflict" {
                    told_conflicts.push(json!({"row_key": key, "column_name": name}));
                }
                let why = column["why"].as_str();
                *seen.entry(why.unwrap_or("written").to_owned()).or_default() += 1;
                if why.is_none() {
                    expected.get_mut(key).unwrap()[name] = column["new"].clone();
                }
            }
            if row["act"] == "update" && before[key]["deleted_at"] != after[key]["deleted_at"] {
                assert_eq!(after[key]["deleted_at"], Value::Null, "seed {seed}: only a restoring clears the mark");
                expected.get_mut(key).unwrap()["deleted_at"] = Value::Null;
            }
        }
        assert_eq!(after, expected, "seed {seed}: {told}");
        assert_eq!(
            pairs(&json!(told_conflicts), "row_key", "column_name"),
            pairs(&json!(conflicts), "row_key", "column_name"),
            "seed {seed}"
        );
        run.plan(&service, json!({"rowsRead": world.sheet.len(), "rowsSent": world.sheet.len()})).await;
    }
    for happened in [
        "inserted",
        "updated",
        "unchanged",
        "skipped",
        "adopted",
        "conflicts",
        "rejected",
        "written",
        "conflict",
        "database_owned",
        "blank_keeps",
        "edited_in_database",
        "row_left_alone",
    ] {
        assert!(seen.get(happened).is_some_and(|times| *times > 2), "{happened} hardly happened: {seen:?}");
    }
}

#[tokio::test]
async fn a_sync_that_never_ran_is_previewed_by_its_definition_and_adopts() {
    let (database, service, sync) = things().await;
    database.sql("insert into things values ('K0', 7, 'typed'), ('Z', 1, null)").await;
    let message = unbegun(&sync, &numbered(3));
    let told = preview(&service, &sync, &message).await;
    assert_eq!((&told["inserted"], &told["updated"], &told["adopted"]), (&json!(2), &json!(1), &json!(1)));
    assert_eq!(
        told["rows"][0],
        json!({"k": "K0", "n": 2, "act": "update", "adopts": true,
               "columns": [{"column": "amount", "old": 7, "new": 0, "outcome": "write", "why": null}]})
    );
    assert_eq!(database.json("select count(*) from sync_targets").await, json!(0));
    let facts = call(&service, "sync_inspect", &[json!(sync.name), sync.definition.clone()]).await;
    assert_eq!(
        facts,
        json!({"problems": [], "known": false, "presentRows": 0, "approvedDeletes": null, "running": null, "needsValue": ["id"],
               "keyForms": ["text"], "limits": {"id": {"type": "text", "required": true, "form": "any"},
               "amount": {"type": "integer", "required": false, "form": "integer", "bits": 32}}, "strays": null})
    );
}

#[tokio::test]
async fn what_was_remembered_of_another_key_counts_for_nothing() {
    let (database, service, sync) = things().await;
    database.sql("alter table things add unique (note), alter id set default gen_random_uuid(); insert into things values ('K0', 0, 'a')").await;
    sync.run(&service, &[json!(["K0", 0])]).await;
    let other = Sync::new("things", &["note", "amount"]);
    let told = preview(&service, &other, &unbegun(&other, &[json!(["a", 0])])).await;
    assert_eq!((&told["unchanged"], &told["adopted"]), (&json!(1), &json!(1)), "{told}");
    let (_, applied) = other.run(&service, &[json!(["a", 0])]).await;
    assert_eq!((&applied["unchanged"], &applied["adopted"]), (&json!(1), &json!(1)), "{applied}");
}

#[tokio::test]
async fn a_batch_that_the_schema_refuses_is_told_as_such_with_the_first_refusals() {
    let (_database, service, sync) = things().await;
    let run = sync.begin(&service).await;
    let rows: Vec<Value> = (0..100).map(|number| json!([format!("K{number}"), "x"])).collect();
    let message = run.upsert(&rows);
    let told = preview(&service, &sync, &message).await;
    assert_eq!(told["outcome"], "failed");
    assert!(told["refused"].as_array().unwrap().len() >= 10);
    assert_eq!(told["refused"][0]["column"], "amount");
    let applied = run.apply(&service, &message).await;
    assert_eq!((&applied["outcome"], &applied["error"]), (&told["outcome"], &told["error"]));
}

#[tokio::test]
async fn deletes_are_previewed_with_their_guard() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", soft());
    sync.run(&service, &numbered(20)).await;
    let run = sync.begin(&service).await;
    let message = run.delete(&["K1", "K2"]);
    let versions = database.rows(VERSIONS).await;
    let ask = async |vanished: u64, failed: bool| {
        let arguments = [sync.definition.clone(), message.clone(), json!(vanished)];
        let list: Vec<String> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
        database
            .json(&format!("select sync_preview({}::jsonb, {}::jsonb, {}, {failed})", list[0], list[1], list[2]))
            .await
    };
    assert_eq!(ask(2, false).await["deleted"], 2);
    let guarded = ask(11, false).await;
    assert_eq!((&guarded["outcome"], &guarded["deleted"]), (&json!("withheld"), &json!(0)));
    assert!(guarded["error"].as_str().unwrap().contains("the guard allows"), "{guarded}");
    assert_eq!(ask(2, true).await["outcome"], "withheld");
    assert_eq!(database.rows(VERSIONS).await, versions);

    // What refers to a row keeps it: told before, and so it comes.
    database.sql("create table parts (id text references things)").await;
    database.sql("insert into parts values ('K1')").await;
    let sync = sync.with("deletes", json!({"policy": "hard"}));
    run.plan(&service, json!({"rowsRead": 20, "rowsUnchanged": 20})).await;
    let run = sync.begin(&service).await;
    let message = run.delete(&["K1", "K2"]);
    let told = preview(&service, &sync, &message).await;
    assert_eq!((&told["deleted"], &told["refused"][0]["code"]), (&json!(1), &json!("23503")), "{told}");
    run.plan(&service, json!({"keysVanished": 2, "deleteBatches": 1, "rowsRead": 18, "rowsUnchanged": 18})).await;
    let applied = run.apply(&service, &message).await;
    assert_eq!((&applied["deleted"], &applied["rejected"]), (&json!(1), &json!(1)), "{applied}");
}

#[tokio::test]
async fn a_verification_tells_each_difference_and_whether_it_was_applied() {
    let (database, service, sync) = things().await;
    database.sql("alter table things add owned text").await;
    let mut sync =
        Sync::new("things", &["id", "amount", "note", "owned"]).with("deletes", sync.definition["deletes"].clone());
    sync.definition["columns"][2]["authority"] = json!("sheet");
    sync.definition["columns"][3]["authority"] = json!("database");
    let rows = [json!(["A", 1, "a", "x"]), json!(["B", 2, "b", "y"]), json!(["C", -1, null, null])];
    let (run, _) = sync.run(&service, &rows).await;
    let message = run.upsert(&rows);
    let equal = verify(&service, &sync, &message).await;
    assert_eq!(equal["keys"].as_array().unwrap().len(), 2);
    assert_eq!(
        equal["rows"],
        json!([{"k": "C", "n": 4, "act": "insert", "columns": [], "deleted": false, "applied": false, "refusal": "23514"}])
    );

    let versions = database.rows(VERSIONS).await;
    database.sql("update things set amount = 9, note = 'edited', owned = 'theirs' where id = 'A'").await;
    let told = verify(&service, &sync, &message).await;
    assert_ne!(database.rows(VERSIONS).await, versions, "the versions see an edit");
    let columns: Vec<(&str, &str, bool)> = told["rows"][0]["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| {
            (column["column"].as_str().unwrap(), column["why"].as_str().unwrap_or("written"), column["new"].is_null())
        })
        .collect();
    assert_eq!(
        columns,
        [("amount", "edited_in_database", false), ("note", "written", false), ("owned", "database_owned", false)]
    );
    assert_eq!(told["rows"][0]["applied"], true);
}

#[tokio::test]
async fn a_value_that_does_not_convert_is_told_apart_in_a_verification() {
    let (_database, service, sync) = things().await;
    let (run, _) = sync.run(&service, &numbered(9)).await;
    let mut rows = numbered(9);
    rows[4][1] = json!("many");
    let told = verify(&service, &sync, &run.upsert(&rows)).await;
    assert_eq!(told["refused"][0]["rowKey"], "K4");
    assert_eq!((&told["refused"][0]["code"], &told["refused"][0]["column"]), (&json!("22P02"), &json!("amount")));
    assert_eq!(told["keys"].as_array().unwrap().len(), 8);
}

#[tokio::test]
async fn the_pages_of_a_verification_hold_every_row_once() {
    let (database, service, sync) = things().await;
    sync.run(&service, &numbered(25)).await;
    database.sql("insert into things select 'Z' || n, n from generate_series(1, 7) as n").await;
    database.sql("delete from things where id = 'K3'").await;
    let mut keys = Vec::new();
    let mut after = Value::Null;
    loop {
        let definition = sync.definition.to_string();
        let page = database
            .json(&format!(
                "select sync_verify_table('listings', '{definition}'::jsonb, nullif('{after}'::jsonb, 'null'), 10)"
            ))
            .await;
        keys.extend(page["keys"].as_array().unwrap().clone());
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    assert_eq!(keys.len(), 31);
    assert_eq!(
        json!(keys),
        database.json("select jsonb_agg(jsonb_build_array(id)::text order by id) from things").await
    );

    let mut remembered = BTreeMap::new();
    let mut after = Value::Null;
    loop {
        let page =
            call(&service, "sync_verify_remembered", &[json!("listings"), sync.definition.clone(), after, json!(10)])
                .await;
        for row in page["rows"].as_array().unwrap() {
            remembered.insert(row[0].as_i64().unwrap(), row.clone());
        }
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    assert_eq!(remembered.len(), 25);
    assert_eq!(remembered[&hash("K3")], json!([hash("K3"), "present", null, false]));
    assert_eq!(remembered[&hash("K4")], json!([hash("K4"), "present", "[\"K4\"]", false]));
}

#[tokio::test]
async fn a_plan_that_was_asked_for_twice_is_made_once_and_old_ones_go() {
    let (database, service, _) = things().await;
    let id = Uuid::new_v4().to_string();
    let begin =
        async |id: &str| call(&service, "sync_plan_begin", &[json!(id), json!("listings"), json!("a test")]).await;
    assert_eq!(begin(&id).await["outcome"], "begun");
    assert_eq!(begin(&id).await["outcome"], "duplicate");
    let end = async |plan: Value, error: Value| call(&service, "sync_plan_end", &[json!(id), plan, error]).await;
    assert_eq!(end(json!({"insert": 1}), Value::Null).await["ended"], true);
    assert_eq!(end(Value::Null, json!({"code": "late"})).await["ended"], false);
    assert_eq!(database.rows("select status, plan from sync_plans").await, json!([["done", {"insert": 1}]]));

    database.sql("update sync_plans set started_at = now() - interval '8 days'").await;
    let lost = Uuid::new_v4();
    database
        .sql(&format!(
            "insert into sync_plans (id, sync, started_at) values ('{lost}', 'listings', now() - interval '1 hour')"
        ))
        .await;
    begin(&Uuid::new_v4().to_string()).await;
    let left = database.rows("select status, error ->> 'code' from sync_plans order by started_at").await;
    assert_eq!(left, json!([["failed", "interrupted"], ["running", null]]));
}

/// A message of a run that was not begun, as a plan makes it.
fn unbegun(sync: &Sync, rows: &[Value]) -> Value {
    crate::harness::Run { id: Uuid::new_v4(), sync: sync.clone() }.upsert(rows)
}
