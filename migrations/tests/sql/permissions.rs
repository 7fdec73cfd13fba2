//! Who may do what. The roles and default privileges are those of a hosted project, in which everything new is open.

use serde_json::json;

use crate::harness::{Database, numbered, things};

#[tokio::test]
async fn no_function_can_be_called_without_the_service_role() {
    let database = Database::new().await;
    let open = "select p.oid::regprocedure::text, r.rolname from pg_proc as p cross join pg_roles as r
        where p.pronamespace = 'public'::regnamespace and r.rolname in ('anon', 'authenticated')
          and has_function_privilege(r.oid, p.oid, 'execute')";
    assert_eq!(database.rows(open).await, json!([]));
    let closed =
        "select p.proname from pg_proc as p where p.pronamespace = 'public'::regnamespace and p.proname like 'sync\\_%'
          and not has_function_privilege('service_role', p.oid, 'execute')";
    assert_eq!(database.rows(closed).await, json!([]));
}

#[tokio::test]
async fn every_function_has_an_empty_search_path_and_the_callers_rights() {
    let database = Database::new().await;
    let query = "select p.proname from pg_proc as p where p.pronamespace = 'public'::regnamespace
        and (p.prosecdef or not coalesce(p.proconfig, '{}') @> array['search_path=\"\"'])";
    assert_eq!(database.rows(query).await, json!([]));
}

#[tokio::test]
async fn signed_in_users_read_runs_errors_and_the_view_and_nothing_else() {
    let (database, service, sync) = things().await;
    let mut rows = numbered(3);
    rows[0][1] = json!(-1);
    sync.run(&service, &rows).await;
    let user = database.role("authenticated").await;
    for table in ["sync_state", "sync_errors", "sync_status"] {
        let rows = user.query(&format!("select 1 from {table}"), &[]).await.unwrap();
        assert_eq!(rows.len(), 1, "{table}");
    }
    for table in ["sync_targets", "sync_batches", "sync_rows", "sync_approvals", "sync_plans"] {
        assert!(user.query(&format!("select 1 from {table}"), &[]).await.is_err(), "{table}");
    }
    for statement in ["delete from sync_state", "update sync_errors set message = ''"] {
        assert!(user.execute(statement, &[]).await.is_err(), "{statement}");
    }
}

#[tokio::test]
async fn the_public_reads_nothing() {
    let database = Database::new().await;
    let anon = database.role("anon").await;
    for table in ["sync_targets", "sync_state", "sync_batches", "sync_rows", "sync_errors", "sync_plans", "sync_status"]
    {
        let error = anon.query(&format!("select 1 from {table}"), &[]).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{table}");
    }
}

#[tokio::test]
async fn every_table_has_row_level_security() {
    let database = Database::new().await;
    let query = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and not relrowsecurity";
    assert_eq!(database.rows(query).await, json!([]));
}

#[tokio::test]
async fn a_database_that_takes_no_writes_does_not_answer_the_ping() {
    let (database, service, _) = things().await;
    assert_eq!(service.query_one("select sync_ping() ->> 'outcome'", &[]).await.unwrap().get::<_, String>(0), "ready");
    let reader = database.role("service_role").await;
    reader.batch_execute("set default_transaction_read_only = on").await.unwrap();
    let refused = reader.query("select sync_ping()", &[]).await.unwrap_err();
    assert_eq!(refused.code().map(|code| code.code()), Some("25006"));
}
