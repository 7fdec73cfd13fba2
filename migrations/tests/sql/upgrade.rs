//! A database of each release gets the migrations since: nothing that it holds is lost, a run that was open goes on, and the next one
//! finds the table as the sheet says.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sheetsync_migrations::RELEASES;

use crate::harness::{Database, Sync, call, hash, numbered, soft};

/// All rows of the tables of Sheetsync, as JSON.
async fn holdings(database: &Database) -> BTreeMap<String, Vec<Value>> {
    let query = "select c.relname from pg_class as c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
        and c.relname like 'sync\\_%' order by 1";
    let mut holdings = BTreeMap::new();
    for name in database.rows(query).await.as_array().unwrap() {
        let name = name[0].as_str().unwrap();
        let rows = database.json(&format!("select coalesce(jsonb_agg(to_jsonb(t)), '[]') from {name} as t")).await;
        holdings.insert(name.to_owned(), rows.as_array().unwrap().clone());
    }
    holdings
}

/// The rows of before that are no longer there with all their values. Columns may have come.
fn lost(before: &BTreeMap<String, Vec<Value>>, after: &BTreeMap<String, Vec<Value>>) -> Vec<String> {
    let holds = |row: &Value, values: &Value| {
        values.as_object().unwrap().iter().all(|(name, value)| row.get(name) == Some(value))
    };
    let mut lost = Vec::new();
    for (table, rows) in before {
        let kept = after.get(table).map_or(&[][..], Vec::as_slice);
        lost.extend(
            rows.iter().filter(|row| !kept.iter().any(|it| holds(it, row))).map(|row| format!("{table}: {row}")),
        );
    }
    lost
}

#[tokio::test]
async fn a_database_of_each_release_is_upgraded_without_loss() {
    for release in RELEASES {
        let database = Database::empty().await;
        for migration in release.migrations() {
            database.sql(migration.up).await;
        }
        database
            .sql("create table things (id text primary key, amount integer check (amount >= 0), note text, deleted_at timestamptz)")
            .await;
        let service = database.service().await;
        let sync = Sync::new("things", &["id", "amount"]).with("deletes", soft());

        // Books of forty rows, one of which people have edited since.
        sync.run(&service, &numbered(40)).await;
        database.sql("update things set amount = 777, note = 'ours' where id = 'K20'").await;
        // A row that Postgres refuses, and a deletion that a person approved.
        let withheld = sync.begin(&service).await;
        let sample: Vec<i64> = (0..12).map(|number| hash(&format!("K{number}"))).collect();
        let gone = json!({"count": 12, "digest": "of twelve keys", "sample": sample});
        let refused = withheld.apply(&service, &withheld.upsert(&[json!(["K39", -1])])).await;
        assert_eq!(refused["rejected"], 1, "{refused}");
        let plan = json!({"rowsRead": 28, "rowsUnchanged": 27, "rowsSent": 1, "upsertBatches": 1, "deletesWithheld": "too many",
            "vanished": gone});
        assert_eq!(withheld.plan(&service, plan).await, "partial");
        let arguments = [json!(withheld.id.to_string()), json!("Hanako"), json!("the old stock is sold")];
        assert_eq!(call(&service, "sync_approve_deletes", &arguments).await["outcome"], "approved");
        let action = [json!("Hanako"), json!("approve_deletes"), json!(sync.name), json!("sold"), json!({})];
        call(&service, "sync_record_action", &action).await;
        call(&service, "sync_plan_begin", &[json!(uuid::Uuid::new_v4().to_string()), json!(sync.name), Value::Null])
            .await;
        // A run of which one batch is applied, one has failed once, and one is under way.
        let open = sync.begin(&service).await;
        let rows: Vec<Value> = numbered(40).drain(12..).collect();
        let (first, second) = crate::harness::halves(&open.upsert(&rows));
        let (second, third) = crate::harness::halves(&second);
        open.apply(&service, &first).await;
        open.fail(&service, Some(&second), false).await;
        let before = holdings(&database).await;
        for table in [
            "sync_targets",
            "sync_layouts",
            "sync_rows",
            "sync_batches",
            "sync_errors",
            "sync_approvals",
            "sync_audit",
            "sync_plans",
            "sync_refusals",
        ] {
            assert!(!before[table].is_empty(), "{table}");
        }

        sheetsync_migrations::apply(&database.owner).await.unwrap();
        let after = holdings(&database).await;
        assert_eq!(lost(&before, &after), [""; 0], "{}", release.version);

        // The open run goes on where it was.
        assert_eq!(open.apply(&service, &first).await["outcome"], "duplicate");
        for message in [&second, &third] {
            assert_eq!(open.apply(&service, message).await["outcome"], "applied");
        }
        let plan = json!({"rowsRead": 28, "rowsSent": 28, "upsertBatches": 3, "keysVanished": 12, "deleteBatches": 1, "vanished": gone});
        assert_eq!(open.plan(&service, plan).await, "in_progress");
        let keys: Vec<String> = (0..12).map(|number| format!("K{number}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let deleted = open.apply(&service, &open.delete(&keys)).await;
        assert_eq!(
            (&deleted["deleted"], &deleted["runStatus"]),
            (&json!(12), &json!("completed")),
            "by the approval: {deleted}"
        );
        assert_eq!(
            database.json("select amount from things where id = 'K20'").await,
            777,
            "the edit is still known as one"
        );
        assert_eq!(database.json("select count(*) from sync_errors where resolved_at is null").await, 0);

        let (run, applied) = sync.run(&service, &rows).await;
        assert_eq!(applied["unchanged"], 28, "{applied}");
        assert_eq!(database.state(run.id, "status").await[0], "completed");
        assert_eq!(database.json("select count(*) from things where deleted_at is null").await, 28);
    }
}

#[tokio::test]
async fn a_loss_by_an_upgrade_is_found() {
    let (database, service, sync) = crate::harness::things().await;
    sync.run(&service, &numbered(3)).await;
    let before = holdings(&database).await;
    assert_eq!(lost(&before, &before), [""; 0]);
    database.sql("alter table sync_targets add column more integer").await;
    assert_eq!(lost(&before, &holdings(&database).await), [""; 0], "a new column is no loss");
    for (upgrade, rows) in [
        ("delete from sync_rows where row_key = 'K1'", 1),
        ("update sync_state set inserted = 0", 2),
        ("alter table sync_batches drop column rows", 3),
        ("drop table sync_layouts", 4),
    ] {
        database.sql(upgrade).await;
        assert_eq!(lost(&before, &holdings(&database).await).len(), rows, "{upgrade}");
    }
}
