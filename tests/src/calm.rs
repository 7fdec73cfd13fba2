//! A stack as a test wants to find it: no faults, no stopped servers, a closed circuit.

use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use sheetsync::breaker::{Mode, Store, destination};
use sheetsync_local::{Control, ServerAction, ServerName, Settings};

/// The breaker of the stack's Supabase.
///
/// # Errors
/// When there is no stack.
pub async fn breaker() -> Result<Store> {
    let settings = Settings::from_env()?;
    let table = settings.aws.context("this stack runs without AWS")?.control_table;
    let client = aws_sdk_dynamodb::Client::new(&aws_config::load_from_env().await);
    Ok(Store::new(&client, table, destination(&settings.supabase_url)))
}

/// Undoes what an earlier test that is alone on its stack left behind when it panicked or was killed: faults, stopped servers, an
/// open circuit. Does so once, before the first sync of a test; tests that share their stack leave nothing of the kind.
pub(crate) async fn calm(settings: &Settings) -> Result<()> {
    static DONE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    if std::env::var("NEXTEST_PROFILE").is_ok_and(|profile| profile == "alone" || profile == "alarms") {
        DONE.get_or_try_init(async || {
            let control = Control::new(&settings.control_url)?;
            control.remove_all_faults().await?;
            control.aws().remove_all_faults().await?;
            for server in [ServerName::Postgres, ServerName::Postgrest] {
                // One that runs takes no notice of being resumed.
                if control.act(server, ServerAction::Resume).await.is_err() {
                    control.act(server, ServerAction::Start).await?;
                }
            }
            forget_outages().await
        })
        .await?;
    }
    Ok(())
}

/// Closes the circuit, and takes the outages of the trials before out of its memory, which would make this one's open times
/// longer.
pub(crate) async fn forget_outages() -> Result<()> {
    let item = breaker().await?.force(Mode::Auto, "test", "a new trial").await?;
    assert_eq!(item.mode(), Mode::Auto);
    let settings = Settings::from_env()?;
    aws_sdk_dynamodb::Client::new(&aws_config::load_from_env().await)
        .update_item()
        .table_name(settings.aws.context("this stack runs without AWS")?.control_table)
        .key("pk", AttributeValue::S(format!("BRK#{}", destination(&settings.supabase_url))))
        .update_expression(
            "SET st = :closed, oc = :nought, f = :nought, pf = :nought, ep = ep + :one REMOVE own, le, ok, ou, why",
        )
        .expression_attribute_values(":closed", AttributeValue::S("C".to_owned()))
        .expression_attribute_values(":nought", AttributeValue::N("0".to_owned()))
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .send()
        .await?;
    Ok(())
}
