//! The calls of plans and verifications (docs/PROTOCOL.md, "Plans and verifications"). None of them writes to a synced table.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Supabase, SupabaseError};
use crate::clients::supabase::classify::Fault;
use crate::definition::Sync;
use crate::protocol::batch::Outgoing;
use crate::protocol::difference::{
    BatchPreview, BatchVerification, Inspection, PlanEntry, Refusal, RememberedRow, RowDifference,
};
use crate::protocol::run::{Counts, Problem};

/// What would become of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Previewed,
    Verified,
    Withheld,
    Failed,
    Malformed,
}

#[derive(Deserialize)]
#[serde(default)]
struct Answer {
    outcome: Outcome,
    error: Option<String>,
    #[serde(flatten)]
    counts: Counts,
    rows: Vec<RowDifference>,
    refused: Vec<Refusal>,
    keys: Vec<String>,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            outcome: Outcome::Malformed,
            error: None,
            counts: Counts::default(),
            rows: Vec::new(),
            refused: Vec::new(),
            keys: Vec::new(),
        }
    }
}

impl Supabase {
    /// Holds a definition against the database, before anything is compared.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn inspect(&self, definition: &Sync) -> Result<Inspection, SupabaseError> {
        let arguments = json!({"p_sync": definition.name, "p_definition": definition.registration()});
        self.call_with_retries("sync_inspect", &arguments).await
    }

    /// The types of a table's columns, from PostgREST's OpenAPI root; `None` when the root does not list the table: it is
    /// switched off, or PostgREST has not noticed the table yet.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn column_types(&self, table: &str) -> Result<Option<BTreeMap<String, String>>, SupabaseError> {
        #[derive(Deserialize)]
        struct Root {
            #[serde(default)]
            definitions: BTreeMap<String, Definition>,
        }
        #[derive(Deserialize)]
        struct Definition {
            #[serde(default)]
            properties: BTreeMap<String, Property>,
        }
        #[derive(Deserialize)]
        struct Property {
            #[serde(default)]
            format: String,
        }
        let request = self.http.get(format!("{}/rest/v1/", self.url));
        match self.send::<Root>("the OpenAPI root", request).await {
            Ok(mut root) => Ok(root.definitions.remove(table).map(|definition| {
                definition.properties.into_iter().map(|(name, property)| (name, property.format)).collect()
            })),
            Err(SupabaseError::Refused { fault: Fault::Request | Fault::Drift, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What applying a batch would do. `vanished`: how many keys vanished in all; `has_failed`: an upsert batch would fail.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn preview(
        &self,
        definition: &Value,
        batch: &Outgoing,
        vanished: u64,
        has_failed: bool,
        is_approved: bool,
    ) -> Result<BatchPreview, SupabaseError> {
        let rest = format!(r#","p_vanished":{vanished},"p_failed":{has_failed},"p_approved":{is_approved}"#);
        let answer = self.try_batch("sync_preview", definition, batch, &rest).await?;
        let stopped = match answer.outcome {
            Outcome::Withheld | Outcome::Failed => Some(answer.error.unwrap_or_default()),
            Outcome::Previewed | Outcome::Verified | Outcome::Malformed => None,
        };
        Ok(BatchPreview { counts: answer.counts, rows: answer.rows, refused: answer.refused, stopped })
    }

    /// Compares the rows of a batch with the table.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn verify(&self, definition: &Value, batch: &Outgoing) -> Result<BatchVerification, SupabaseError> {
        let Answer { rows, refused, keys, .. } = self.try_batch("sync_verify", definition, batch, "").await?;
        Ok(BatchVerification { rows, refused, keys })
    }

    /// The message is passed on as it is: its rows are not parsed here.
    async fn try_batch(
        &self,
        function: &str,
        definition: &Value,
        batch: &Outgoing,
        rest: &str,
    ) -> Result<Answer, SupabaseError> {
        let body = format!(r#"{{"p_definition":{definition},"p_batch":{}{rest}}}"#, batch.body);
        // What took too long takes as long again: the caller makes the batch smaller.
        let passes = |fault: Fault| fault.passes() && fault != Fault::StatementTimeout;
        let answer: Answer = self.repeat(function, body, passes, Duration::MAX).await?;
        match answer {
            Answer { outcome: Outcome::Malformed, error, .. } => Err(SupabaseError::Unexpected {
                function: function.to_owned(),
                reason: error.unwrap_or_else(|| "no outcome".to_owned()),
            }),
            answer => Ok(answer),
        }
    }

    /// A page of the rows that the database remembers of a sync, and where the next begins.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn remembered_rows(
        &self,
        definition: &Sync,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<RememberedRow>, Option<String>), SupabaseError> {
        #[derive(Deserialize)]
        struct Page {
            rows: Vec<RememberedRow>,
            next: Option<String>,
        }
        let arguments = json!({"p_sync": definition.name, "p_definition": definition.registration(),
                               "p_after": after, "p_limit": limit});
        let page: Page = self.call_with_retries("sync_verify_remembered", &arguments).await?;
        Ok((page.rows, page.next))
    }

    /// A page of a table's keys, and where the next begins.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn table_keys(
        &self,
        definition: &Sync,
        after: Option<&Value>,
        limit: usize,
    ) -> Result<(Vec<String>, Option<Value>), SupabaseError> {
        #[derive(Deserialize)]
        struct Page {
            keys: Vec<String>,
            next: Option<Value>,
        }
        let arguments = json!({"p_sync": definition.name, "p_definition": definition.registration(),
                               "p_after": after, "p_limit": limit});
        let page: Page = self.call_with_retries("sync_verify_table", &arguments).await?;
        Ok((page.keys, page.next))
    }

    /// Enters a plan that is being made.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn enter_plan(&self, id: Uuid, sync: &str, requested_by: &str) -> Result<PlanEntry, SupabaseError> {
        let arguments = json!({"p_id": id, "p_sync": sync, "p_requested_by": requested_by});
        self.call_with_retries("sync_plan_begin", &arguments).await
    }

    /// Ends a plan that was entered: with the plan, or with what went wrong.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn end_plan(&self, id: Uuid, outcome: Result<&impl Serialize, &Problem>) -> Result<(), SupabaseError> {
        let arguments = match outcome {
            Ok(plan) => json!({"p_id": id, "p_plan": plan, "p_error": null}),
            Err(problem) => json!({"p_id": id, "p_plan": null, "p_error": problem}),
        };
        let _: Value = self.call_with_retries("sync_plan_end", &arguments).await?;
        Ok(())
    }
}
