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
async fn nothing_is_open_to_anonymous_or_signed_in_users() {
    let database = Database::new().await;
    // Tables, views and their columns, whatever later migrations add.
    let open = "select c.relname, r.rolname, p.privilege from pg_class as c cross join pg_roles as r
        cross join unnest(array['select', 'insert', 'update']) as p (privilege)
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm', 'p') and c.relname like 'sync\\_%'
          and r.rolname in ('anon', 'authenticated') and has_any_column_privilege(r.oid, c.oid, p.privilege)
        union all
        select c.relname, r.rolname, 'delete' from pg_class as c cross join pg_roles as r
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm', 'p') and c.relname like 'sync\\_%'
          and r.rolname in ('anon', 'authenticated') and has_table_privilege(r.oid, c.oid, 'delete')";
    assert_eq!(database.rows(open).await, json!([]));
    let policies = "select polname from pg_policy";
    assert_eq!(database.rows(policies).await, json!([]), "the API decides who reads, by READER_CLAIM");
    let readable = "select count(*) from pg_class as c where c.relnamespace = 'public'::regnamespace
        and c.relkind in ('r', 'v') and c.relname like 'sync\\_%'
        and has_table_privilege('service_role', c.oid, 'select')";
    assert!(database.rows(readable).await[0][0].as_i64() >= Some(10), "the query above looks at the right relations");
}

#[tokio::test]
async fn a_signed_in_user_sees_no_row_even_with_a_grant() {
    let (database, service, sync) = things().await;
    let mut rows = numbered(3);
    rows[0][1] = json!(-1);
    sync.run(&service, &rows).await;
    let user = database.role("authenticated").await;
    for table in ["sync_state", "sync_errors"] {
        let refused = user.query(&format!("select from {table}"), &[]).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "{table}");
        assert!(!service.query(&format!("select from {table}"), &[]).await.unwrap().is_empty(), "{table}");
    }
    database.sql("grant select on sync_state, sync_errors to authenticated").await;
    for table in ["sync_state", "sync_errors"] {
        assert_eq!(user.query(&format!("select from {table}"), &[]).await.unwrap().len(), 0, "{table}");
    }
}

#[tokio::test]
async fn reads_of_the_status_api_end_after_two_seconds() {
    let database = Database::new().await;
    let limited = "select p.proname from pg_proc as p where p.pronamespace = 'public'::regnamespace
        and p.proconfig @> array['statement_timeout=2s'] order by 1";
    assert_eq!(database.rows(limited).await, json!([["sync_errors_page"], ["sync_overview"], ["sync_statistics"]]));
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
