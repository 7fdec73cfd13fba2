//! The last known state, kept in the control table for a new container that starts during an outage of Supabase. It is a
//! cache: what cannot be written or read is left out.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A reader waits meanwhile.
const PATIENCE: Duration = Duration::from_millis(400);

/// DynamoDB takes items of 400 kB.
const MAX_BYTES: usize = 350_000;

/// The items of the control table that belong to the status function.
#[derive(Debug, Clone)]
pub struct Memory {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

impl Memory {
    /// In this table.
    #[must_use]
    pub fn new(client: aws_sdk_dynamodb::Client, table: String) -> Self {
        Self { client, table }
    }

    /// Keeps `what` under a name, in place of what was there.
    pub async fn keep(&self, name: &str, what: &impl Serialize) {
        let Some(text) = serde_json::to_string(what).ok().filter(|text| text.len() <= MAX_BYTES) else { return };
        let kept = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", key(name))
            .update_expression("SET body = :body, kept_at = :now")
            .expression_attribute_values(":body", AttributeValue::S(text))
            .expression_attribute_values(":now", AttributeValue::S(Timestamp::now().to_string()))
            .send();
        if !matches!(tokio::time::timeout(PATIENCE, kept).await, Ok(Ok(_))) {
            tracing::warn!(name, "could not store the last known state");
        }
    }

    /// What was kept last under a name, and when.
    pub async fn recall<T: DeserializeOwned>(&self, name: &str) -> Option<(T, Timestamp)> {
        let found = self.client.get_item().table_name(&self.table).key("pk", key(name)).send();
        let item = tokio::time::timeout(PATIENCE, found).await.ok()?.ok()?.item?;
        let body = serde_json::from_str(item.get("body")?.as_s().ok()?);
        // Only its place is logged: its text may quote a value.
        let body = body.inspect_err(|error| {
            tracing::warn!(name, column = error.column(), "the last known state is of another version");
        });
        let body = body.ok()?;
        Some((body, item.get("kept_at")?.as_s().ok()?.parse().ok()?))
    }
}

fn key(name: &str) -> AttributeValue {
    AttributeValue::S(format!("STATUS#{name}"))
}
