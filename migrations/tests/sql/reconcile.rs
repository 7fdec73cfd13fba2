//! The books held against the table: what the application deleted or changed behind the sync's back is found, set right and
//! counted, or left alone and listed, as the definition says.

use base64::Engine as _;
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::harness::{Database, Run, Sync, call, hash, numbered, soft, things};

/// The key hashes of one of the lists that `sync_drift` answers.
fn hashes(answer: &Value, list: &str) -> Vec<i64> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(answer[list].as_str().unwrap()).unwrap();
    let (hashes, rest) = bytes.as_chunks::<8>();
    assert_eq!(rest, [0; 0]);
    hashes.iter().map(|hash| i64::from_be_bytes(*hash)).collect()
}

/// What `sync_drift` found, as row keys of `keys`, and whether values were compared.
async fn drift(client: &Client, sync: &Sync, values: Option<bool>, keys: &[&str]) -> (Vec<String>, Vec<String>, bool) {
    let answer = call(client, "sync_drift", &[json!(sync.name), json!(values.map(|values| values.to_string()))]).await;
    let named = |field: &str| {
        let mut found: Vec<String> = hashes(&answer, field)
            .into_iter()
            .map(|found| keys.iter().find(|key| hash(key) == found).unwrap().to_string())
            .collect();
        found.sort();
        found
    };
    (named("missing"), named("differing"), answer["values"].as_bool().unwrap())
}

/// A run that sends these rows and compared the books with the table.
async fn checked(client: &Client, sync: &Sync, unchanged: usize, rows: &[Value]) -> (Run, Value) {
    let run = sync.begin(client).await;
    let found = call(client, "sync_drift", &[json!(sync.name), Value::Null]).await;
    let applied = if rows.is_empty() { Value::Null } else { run.apply(client, &run.upsert(rows)).await };
    let plan = json!({"rowsRead": unchanged + rows.len(), "rowsUnchanged": unchanged, "rowsSent": rows.len(),
        "upsertBatches": usize::from(!rows.is_empty()), "check": found});
    run.plan(client, plan).await;
    (run, applied)
}

async fn entries(database: &Database) -> Value {
    database.rows("select row_key, column_name, code, resolved_at is null from sync_errors order by id").await
}

#[tokio::test]
async fn a_row_that_the_application_deleted_is_inserted_again_and_counted() {
    let (database, service, sync) = things().await;
    sync.run(&service, &[json!(["A", 1]), json!(["B", 2])]).await;
    database.sql("delete from things where id = 'B'").await;
    assert_eq!(drift(&service, &sync, None, &["A", "B"]).await.0, ["B"]);

    let (run, applied) = checked(&service, &sync, 1, &[json!(["B", 2])]).await;
    assert_eq!((&applied["inserted"], &applied["restored"]), (&json!(1), &json!(1)), "{applied}");
    assert_eq!(database.state(run.id, "status, inserted, restored, corrected").await, json!(["completed", 1, 1, 0]));
    assert_eq!(database.rows("select id, amount from things order by id").await, json!([["A", 1], ["B", 2]]));
    assert_eq!(entries(&database).await, json!([["B", null, "restored", false]]));
    assert_eq!(drift(&service, &sync, None, &["A", "B"]).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn a_new_row_and_one_that_was_deleted_by_the_sync_are_not_restored() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", json!({"policy": "hard"}));
    sync.run(&service, &[json!(["A", 1]), json!(["B", 2])]).await;
    let run = sync.begin(&service).await;
    run.plan(&service, json!({"rowsRead": 1, "rowsUnchanged": 1, "keysVanished": 1, "deleteBatches": 1})).await;
    assert_eq!(run.apply(&service, &run.delete(&["B"])).await["deleted"], 1);
    let (run, applied) = checked(&service, &sync, 1, &[json!(["B", 2]), json!(["C", 3])]).await;
    assert_eq!((&applied["inserted"], &applied["restored"]), (&json!(2), &json!(0)), "{applied}");
    assert_eq!(database.state(run.id, "status").await, json!(["completed"]));
}

#[tokio::test]
async fn a_deletion_that_is_respected_stands_and_stays_listed_while_the_sheet_has_the_row() {
    let (database, service, sync) = things().await;
    let sync = sync.with("onMissing", "respect");
    sync.run(&service, &[json!(["A", 1]), json!(["B", 2])]).await;
    database.sql("delete from things where id = 'B'").await;
    for amount in [2, 3, 3] {
        assert_eq!(
            drift(&service, &sync, None, &["A", "B"]).await.0.is_empty(),
            amount == 3,
            "it waits to be sent anyway"
        );
        let (run, applied) = checked(&service, &sync, 1, &[json!(["B", amount])]).await;
        assert_eq!((&applied["skipped"], &applied["inserted"]), (&json!(1), &json!(0)), "{applied}");
        assert_eq!(database.state(run.id, "status, skipped, restored").await, json!(["completed", 1, 0]));
        assert_eq!(entries(&database).await, json!([["B", null, "deleted_in_database", true]]));
    }
    assert_eq!(database.rows("select id from things").await, json!([["A"]]));

    // The sheet gives the row up: nothing is left to say.
    let run = sync.begin(&service).await;
    run.plan(&service, json!({"rowsRead": 1, "rowsUnchanged": 1, "keysVanished": 1, "deleteBatches": 1})).await;
    run.apply(&service, &run.delete(&["B"])).await;
    assert_eq!(entries(&database).await, json!([["B", null, "deleted_in_database", false]]));
    // Back in the sheet, it is a new row.
    let (_, applied) = checked(&service, &sync, 1, &[json!(["B", 4])]).await;
    assert_eq!((&applied["inserted"], &applied["restored"]), (&json!(1), &json!(0)), "{applied}");
}

#[tokio::test]
async fn respected_deletions_come_back_when_the_definition_says_restore() {
    let (database, service, sync) = things().await;
    let respecting = sync.clone().with("onMissing", "respect");
    respecting.run(&service, &[json!(["A", 1])]).await;
    database.sql("delete from things").await;
    checked(&service, &respecting, 0, &[json!(["A", 1])]).await;
    let (_, applied) = checked(&service, &sync, 0, &[json!(["A", 1])]).await;
    assert_eq!(applied["restored"], 1, "{applied}");
    assert_eq!(database.rows("select id, amount from things").await, json!([["A", 1]]));
}

#[tokio::test]
async fn a_column_of_the_sheet_that_the_database_changed_is_set_right() {
    let (database, service, sync) = things().await;
    let sync = sync.authority("sheet");
    sync.run(&service, &[json!(["A", 1]), json!(["B", 2]), json!(["C", null])]).await;
    database.sql("update things set amount = 70 where id in ('B', 'C')").await;
    let keys = ["A", "B", "C"];
    assert_eq!(drift(&service, &sync, Some(false), &keys).await, (vec![], vec![], false), "keys only");
    assert_eq!(drift(&service, &sync, None, &keys).await.1, ["B", "C"], "the first time they are compared");

    let (run, applied) = checked(&service, &sync, 1, &[json!(["B", 2]), json!(["C", null])]).await;
    assert_eq!((&applied["updated"], &applied["corrected"]), (&json!(2), &json!(2)), "{applied}");
    assert_eq!(database.state(run.id, "status, corrected, proved_at is not null").await, json!(["completed", 2, true]));
    assert_eq!(
        database.rows("select id, amount from things order by id").await,
        json!([["A", 1], ["B", 2], ["C", null]])
    );
    assert_eq!(
        database.rows("select row_key, column_name, code, message like '%said 70, the sheet says%' from sync_errors order by 1").await,
        json!([["B", "amount", "corrected", true], ["C", "amount", "corrected", true]])
    );
    assert_eq!(drift(&service, &sync, Some(true), &keys).await, (vec![], vec![], true));
    // Compared a moment ago, so only the keys are.
    database.sql("update things set amount = 70 where id = 'B'").await;
    assert_eq!(drift(&service, &sync, None, &keys).await, (vec![], vec![], false));
    database.sql("update sync_state set checked_at = checked_at - interval '1 hour'").await;
    assert_eq!(drift(&service, &sync, None, &keys).await, (vec![], vec!["B".to_owned()], true));
}

#[tokio::test]
async fn edits_that_people_may_make_are_no_drift() {
    let (database, service, sync) = things().await;
    for (name, sync) in [("merged", sync.clone()), ("owned", sync.authority("database"))] {
        let sync = Sync { name, ..sync };
        sync.run(&service, &[json!(["A", 1])]).await;
        database.sql("update things set amount = 5, note = 'mine'").await;
        assert_eq!(drift(&service, &sync, Some(true), &["A"]).await, (vec![], vec![], true), "{name}");
        database.sql("delete from sync_rows; delete from things; delete from sync_targets").await;
    }
}

#[tokio::test]
async fn what_a_trigger_makes_of_a_value_is_no_drift() {
    let (database, service, sync) = things().await;
    database
        .sql(
            "create function lowers() returns trigger language plpgsql as $$ begin new.note := lower(new.note); return new; end $$;
             create trigger lowers before insert or update on things for each row execute function lowers()",
        )
        .await;
    let sync = Sync::new("things", &["id", "note"]).authority("sheet").with("mode", sync.definition["mode"].clone());
    sync.run(&service, &[json!(["A", "MAIL"])]).await;
    assert_eq!(drift(&service, &sync, Some(true), &["A"]).await, (vec![], vec![], true));
    database.sql("update things set note = 'other'").await;
    assert_eq!(drift(&service, &sync, Some(true), &["A"]).await.1, ["A"]);
}

#[tokio::test]
async fn rows_that_wait_or_that_are_not_this_syncs_are_no_drift() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", soft()).with("adopt", "ask");
    database.sql("insert into things values ('A', 7), ('Z', 9)").await;
    sync.run(&service, &[json!(["A", 1]), json!(["B", 2]), json!(["C", 3])]).await;
    // A waits for its adoption, C is gone from the sheet.
    let run = sync.begin(&service).await;
    run.plan(
        &service,
        json!({"rowsRead": 2, "rowsUnchanged": 1, "rowsSkipped": 1, "keysVanished": 1, "deleteBatches": 1}),
    )
    .await;
    run.apply(&service, &run.delete(&["C"])).await;
    database.sql("delete from things").await;
    assert_eq!(drift(&service, &sync, Some(true), &["A", "B", "C"]).await.0, ["B"]);
}

#[tokio::test]
async fn equality_is_proved_only_by_a_complete_run_that_compared() {
    let (database, service, sync) = things().await;
    let sync = sync.authority("sheet");
    let proved = "status, proved_at is not null";
    let (run, _) = sync.run(&service, &numbered(3)).await;
    assert_eq!(database.state(run.id, proved).await, json!(["completed", false]), "nothing was compared");
    let (run, _) = checked(&service, &sync, 3, &[]).await;
    assert_eq!(database.state(run.id, "status, proved_at = checked_at").await, json!(["completed", true]));
    let first = database.state(run.id, "proved_at").await;
    // Keys alone prove nothing about the values, and a run with rejections nothing at all: what was proved before stays.
    let (run, _) = checked(&service, &sync, 3, &[]).await;
    assert_eq!(database.state(run.id, "proved_at").await, first);
    database.sql("update sync_state set checked_at = checked_at - interval '1 hour'").await;
    let run = sync.begin(&service).await;
    run.plan(&service, json!({"rowsRead": 4, "rowsUnchanged": 3, "rowsRejected": 1, "check": {"at": "2026-11-27T00:00:00Z", "values": true, "whole": true}})).await;
    assert_eq!(database.state(run.id, "status").await, json!(["partial"]));
    assert_eq!(database.state(run.id, "proved_at").await, first);
}

#[tokio::test]
async fn keys_of_every_kind_are_found_again() {
    let (database, service, _) = things().await;
    database
        .sql(
            "create table kinds (a text, b integer, c date, d uuid, e numeric, f timestamptz, g char(5), v text,
                primary key (a, b, c, d, e, f, g))",
        )
        .await;
    let sync = Sync::new("kinds", &["a", "b", "c", "d", "e", "f", "g", "v"])
        .with("keyColumns", json!(["a", "b", "c", "d", "e", "f", "g"]))
        .typed("b", "integer")
        .typed("c", "date")
        .typed("e", "decimal")
        .typed("f", "timestamp");
    let row = json!([
        "物件\"1",
        7,
        "2024-03-01",
        "0f0e0d0c-0b0a-0908-0706-050403020100",
        1.5,
        "2024-03-01T00:00:00Z",
        "ab",
        "x"
    ]);
    sync.run(&service, &[row]).await;
    let answer = call(&service, "sync_drift", &[json!(sync.name), json!("true")]).await;
    assert_eq!(answer["missing"], "", "{answer}");
    database.sql("delete from kinds").await;
    let answer = call(&service, "sync_drift", &[json!(sync.name), json!("true")]).await;
    assert_eq!(answer["missing"].as_str().unwrap().len(), 12, "one key hash: {answer}");
}

#[tokio::test]
async fn a_comparison_in_full_is_due_once_in_its_time_and_kept_with_its_run() {
    let (database, service, sync) = things().await;
    let due = async |sync: &Sync| {
        let answer = sync.try_begin(&service, uuid::Uuid::new_v4(), "manual").await;
        let run = Run { id: answer["run"].as_str().unwrap().parse().unwrap(), sync: sync.clone() };
        run.plan(&service, json!({})).await;
        (run, answer["verifyDue"].as_bool().unwrap())
    };
    let (run, first) = due(&sync).await;
    assert!(first);
    call(&service, "sync_verified", &[json!(run.id.to_string()), json!({"verdict": "equal"})]).await;
    assert_eq!(database.state(run.id, "verification ->> 'verdict', verification ? 'at'").await, json!(["equal", true]));
    assert!(!due(&sync).await.1);
    database.sql("update sync_state set started_at = started_at - interval '1 day'").await;
    assert!(due(&sync).await.1);
    assert!(!due(&sync.clone().with("verifySeconds", 0)).await.1, "0 switches it off");
}

/// The sheet of the week, as a run that reads it sends what differs from the books.
struct Week {
    database: Database,
    service: Client,
    sync: Sync,
    rows: Vec<Value>,
}

impl Week {
    const TICK_MINUTES: usize = 20;

    /// A scheduled run, then the clock goes on.
    async fn tick(&self) -> Run {
        let drifted = call(&self.service, "sync_drift", &[json!(self.sync.name), Value::Null]).await;
        let named = [hashes(&drifted, "missing"), hashes(&drifted, "differing")].concat();
        let sent: Vec<Value> =
            self.rows.iter().filter(|row| named.contains(&hash(row[0].as_str().unwrap()))).cloned().collect();
        let run = self.sync.begin_as(&self.service, "scheduled").await;
        if !sent.is_empty() {
            run.apply(&self.service, &run.upsert(&sent)).await;
        }
        let plan = json!({"rowsRead": self.rows.len(), "rowsUnchanged": self.rows.len() - sent.len(), "rowsSent": sent.len(),
            "upsertBatches": usize::from(!sent.is_empty()), "check": drifted});
        run.plan(&self.service, plan).await;
        self.database
            .sql(&format!(
                "update sync_state set started_at = started_at - w, checked_at = checked_at - w, proved_at = proved_at - w
                 from (select interval '{} minutes' as w) as t where started_at > now() - interval '4 hours'",
                Self::TICK_MINUTES
            ))
            .await;
        run
    }
}

/// What others do to the table: how many rows it loses, how many values of the sheet's column `amount` it changes, and the SQL.
const DRIFTS: [(u64, u64, &str); 7] = [
    (1, 0, "delete from things where id = 'K7'"),
    (0, 1, "update things set amount = amount + 1000 where id = 'K8'"),
    (0, 1, "update things set amount = null where id = 'K8'"),
    (1, 1, "delete from things where id = 'K7'; update things set amount = 800 where id = 'K8'"),
    // The key is there, but of another row.
    (0, 1, "delete from things where id = 'K8'; insert into things (id, amount) values ('K8', 5)"),
    // A row of the application's now.
    (1, 0, "delete from things where id = 'other'; update things set id = 'other' where id = 'K7'"),
    (40, 0, "truncate things"),
];

#[tokio::test]
async fn a_week_of_drift_is_set_right_in_time_and_counted() {
    use rand::{Rng as _, SeedableRng as _};
    let mut chance = rand_chacha::ChaCha8Rng::seed_from_u64(13);
    let (database, service, _) = things().await;
    let mut sync = Sync::new("things", &["id", "amount", "note"]);
    sync.definition["columns"][1]["authority"] = "sheet".into();
    let rows: Vec<Value> = (0..40).map(|row| json!([format!("K{row}"), row, format!("note {row}")])).collect();
    sync.run(&service, &rows).await;
    let week = Week { database, service, sync, rows };
    week.tick().await;

    let (mut deleted, mut changed, mut waiting_ticks) = (0, 0, 0);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..7 * 24 * 60 / Week::TICK_MINUTES {
        if waiting_ticks == 0 && chance.random_range(0..6) == 0 {
            let (lost, wrong, sql) = DRIFTS[chance.random_range(0..DRIFTS.len())];
            week.database.sql(sql).await;
            // Edits of a column that both may write stand.
            week.database.sql("update things set note = 'edited' where id = 'K9'").await;
            (deleted, changed, waiting_ticks) = (deleted + lost, changed + wrong, 1);
            seen.insert(sql);
        }
        week.tick().await;
        let there = week.database.json("select count(*) from things where id like 'K%'").await;
        assert_eq!(there, json!(40), "a deleted row is back with the next run");
        let right = week.database.json("select amount = 8 from things where id = 'K8'").await == json!(true);
        waiting_ticks = if right { 0 } else { waiting_ticks + 1 };
        assert!(waiting_ticks <= 60 / Week::TICK_MINUTES + 1, "it is set right within reconcile_every");
        let proved = week.database.json("select max(proved_at) > now() - interval '76 minutes' from sync_state").await;
        assert_eq!(proved, json!(true), "equality is proved once an hour");
    }
    while waiting_ticks > 0 && week.database.json("select amount = 8 from things where id = 'K8'").await != json!(true)
    {
        week.tick().await;
    }
    assert_eq!(seen.len(), DRIFTS.len(), "a week of this seed has every kind");
    let counted = "select sum(restored), sum(corrected), count(*) filter (where status <> 'completed') from sync_state";
    assert_eq!(week.database.rows(counted).await, json!([[deleted, changed, 0]]));
    let table = "select count(*) from things where amount = substr(id, 2)::integer and id like 'K%'";
    assert_eq!(week.database.json(table).await, json!(40));
    // Each is listed too, with what the database said.
    let listed =
        "select count(*) filter (where code = 'restored'), count(*) filter (where code = 'corrected') from sync_errors";
    assert_eq!(week.database.rows(listed).await, json!([[deleted, changed]]));
}

#[tokio::test]
async fn with_the_drift_triggers_every_run_sees_what_others_wrote_and_nothing_else() {
    let (database, service, sync) = things().await;
    let sync = sync.authority("sheet");
    let keys = ["A", "B", "C", "D"];
    sync.run(&service, &[json!(["A", 1]), json!(["B", 2]), json!(["C", 3])]).await;
    let triggers = call(&service, "sync_drift_triggers", &[json!(sync.name)]).await;
    for _ in 0..2 {
        database.sql(triggers.as_str().unwrap()).await;
    }
    checked(&service, &sync, 3, &[]).await;
    // An application with the rights of a signed-in user, who may not see what is noted.
    database.sql("grant select, insert, update, delete on things to authenticated").await;
    let user = database.role("authenticated").await;
    user.batch_execute("update things set amount = 70 where id = 'B'; delete from things where id = 'C'; insert into things values ('D', 4)")
        .await
        .unwrap();
    assert!(user.query("select 1 from sync_touched", &[]).await.is_err());
    assert_eq!(
        drift(&service, &sync, None, &keys).await,
        (vec!["C".to_owned()], vec!["B".to_owned()], true),
        "though values were compared a moment ago"
    );
    let (run, _) = checked(&service, &sync, 1, &[json!(["B", 2]), json!(["C", 3])]).await;
    assert_eq!(
        database.state(run.id, "status, restored, corrected, checked_whole, proved_at is not null").await,
        json!(["completed", 1, 1, false, true])
    );
    let noted = "select row_key, count(*) from sync_touched group by 1 order by 1";
    assert_eq!(database.rows(noted).await, json!([["B", 1], ["C", 1]]), "what the sync itself writes is not noted");
    assert_eq!(drift(&service, &sync, None, &keys).await, (vec![], vec![], true));

    database.sql("truncate things").await;
    assert_eq!(drift(&service, &sync, None, &keys).await.0, ["A", "B", "C"]);
    database
        .sql(call(&service, "sync_drift_triggers", &[json!(sync.name), json!("true")]).await.as_str().unwrap())
        .await;
    let left = "select count(*) from pg_trigger where tgname like 'sheetsync%'";
    assert_eq!(database.json(left).await, json!(0));
}
