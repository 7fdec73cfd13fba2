//! The demo's table, on a real Postgres (`DATABASE_URL`).

use serde_json::json;
use sheetsync_demo::{CREATE_TABLE, TABLE};
use sheetsync_test_database::Database;

#[tokio::test]
async fn table_is_created_twice_and_read_by_service_role_only() {
    let database = Database::empty().await;
    database.sql(CREATE_TABLE).await;
    database.sql("insert into property_listings (listing_no, address) values ('AA1', '東京都')").await;
    database.sql(CREATE_TABLE).await;

    let read = format!("select 1 from {TABLE}");
    let write = format!("update {TABLE} set notes = ''");
    let mut allowed = Vec::new();
    for role in ["anon", "authenticated", "service_role"] {
        let client = database.role(role).await;
        let rows = client.query(&read, &[]).await.map_or(0, |rows| rows.len());
        allowed.push(json!([role, rows, client.execute(&write, &[]).await.is_ok()]));
    }
    assert_eq!(
        allowed,
        [json!(["anon", 0, false]), json!(["authenticated", 0, false]), json!(["service_role", 1, true])]
    );
    assert_eq!(database.json("select updated_at > created_at from property_listings").await, json!(true));
}
