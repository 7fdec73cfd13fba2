//! Up, down and up again.

use serde_json::{Value, json};

use crate::harness::{Database, numbered, soft, things};

/// Everything that a migration could leave behind.
const OBJECTS: &str = "select 'relation' as kind, c.relname::text as name from pg_class as c where c.relnamespace = 'public'::regnamespace
    union all select 'function', p.oid::regprocedure::text from pg_proc as p where p.pronamespace = 'public'::regnamespace
    union all select 'type', t.typname::text from pg_type as t where t.typnamespace = 'public'::regnamespace
    union all select 'policy', p.polname::text from pg_policy as p order by 1, 2";

#[tokio::test]
async fn migrations_can_be_applied_twice_taken_back_and_applied_again() {
    let database = Database::empty().await;
    let nothing = database.rows(OBJECTS).await;
    sheetsync_migrations::apply(&database.owner).await.unwrap();
    let all = database.rows(OBJECTS).await;
    sheetsync_migrations::apply(&database.owner).await.unwrap();
    assert_eq!(database.rows(OBJECTS).await, all, "a second time changes nothing");
    sheetsync_migrations::revert(&database.owner).await.unwrap();
    assert_eq!(database.rows(OBJECTS).await, nothing, "down takes back exactly what up made");
    sheetsync_migrations::revert(&database.owner).await.unwrap();
    sheetsync_migrations::apply(&database.owner).await.unwrap();
    assert_eq!(database.rows(OBJECTS).await, all);
}

#[tokio::test]
async fn applying_again_keeps_the_data() {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", soft());
    sync.run(&service, &numbered(5)).await;
    let data = "select (select jsonb_agg(s) from sync_state as s) as a, (select jsonb_agg(r) from sync_rows as r) as b,
        (select jsonb_agg(b) from sync_batches as b) as c, (select jsonb_agg(t) from sync_targets as t) as d";
    let before = database.rows(data).await;
    sheetsync_migrations::apply(&database.owner).await.unwrap();
    assert_eq!(database.rows(data).await, before);
    assert_eq!(sync.run(&service, &numbered(5)).await.1["unchanged"], 5);
}

#[tokio::test]
async fn taking_back_leaves_the_synced_tables_and_a_new_start_adopts_their_rows() {
    let (database, service, sync) = things().await;
    sync.run(&service, &numbered(5)).await;
    sheetsync_migrations::revert(&database.owner).await.unwrap();
    assert_eq!(database.json("select count(*) from things").await, json!(5));
    sheetsync_migrations::apply(&database.owner).await.unwrap();
    let (_, applied) = sync.run(&service, &numbered(6)).await;
    assert_eq!((&applied["inserted"], &applied["unchanged"], &applied["adopted"]), (&json!(1), &json!(5), &json!(5)));
}

#[tokio::test]
async fn each_migration_is_taken_back_by_its_own_down_file() {
    let database = Database::empty().await;
    let mut steps: Vec<Value> = Vec::new();
    for migration in sheetsync_migrations::MIGRATIONS {
        steps.push(database.rows(OBJECTS).await);
        database.sql(migration.up).await;
    }
    for migration in sheetsync_migrations::MIGRATIONS.iter().rev() {
        database.sql(migration.down).await;
        assert_eq!(database.rows(OBJECTS).await, steps.pop().unwrap(), "{}", migration.name);
    }
}
