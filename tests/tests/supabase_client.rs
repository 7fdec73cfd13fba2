//! The client of Supabase REST against the real PostgREST behind the real keys.

use anyhow::Result;
use secrecy::SecretString;
use serde_json::Value;
use sheetsync::classify::Fault;
use sheetsync::supabase::{Supabase, SupabaseError};
use sheetsync_local::Settings;

async fn failure(url: &str, key: &str, table: &str) -> SupabaseError {
    let supabase = Supabase::new(url, SecretString::from(key)).expect("a client");
    supabase.select::<Value>(table, &[]).await.expect_err("it is refused")
}

#[tokio::test]
async fn wrong_key_is_reported_as_denied() -> Result<()> {
    let settings = Settings::from_env()?;
    for key in ["sb_secret_wrong", "eyJhbGciOiJIUzI1NiJ9.e30.wrong"] {
        let error = failure(&settings.supabase_url, key, "sync_state").await;
        assert_eq!(error.fault(), Fault::Denied, "{error}");
        assert!(error.to_string().contains("SUPABASE_SECRET_ID") && !error.to_string().contains(key));
    }
    Ok(())
}

#[tokio::test]
async fn key_without_read_permission_is_reported_as_denied() -> Result<()> {
    let settings = Settings::from_env()?;
    let error = failure(&settings.supabase_url, &settings.supabase_publishable_key, "sync_rows").await;
    assert_eq!(error.fault(), Fault::Denied, "{error}");
    Ok(())
}

#[tokio::test]
async fn a_table_that_is_not_there_is_drift() -> Result<()> {
    let settings = Settings::from_env()?;
    let error = failure(&settings.supabase_url, &settings.supabase_secret_key, "sync_nothing").await;
    assert_eq!(error.fault(), Fault::Drift, "{error}");
    assert!(error.to_string().contains("sync_nothing") && error.to_string().contains("migrations/"));
    Ok(())
}

#[tokio::test]
async fn unused_address_is_an_outage() {
    let error = failure("http://127.0.0.1:1", "sb_secret_any", "sync_state").await;
    assert_eq!(error.fault(), Fault::Down);
    assert!(error.to_string().contains("http://127.0.0.1:1"), "{error}");
}
