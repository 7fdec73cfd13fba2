//! The calls of plans and verifications (docs/PROTOCOL.md, "Plans and verifications"). None of them writes to a synced table.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Counts, Problem, Supabase, SupabaseError};
use crate::batch::Outgoing;
use crate::classify::Fault;
use crate::definition::Sync;
use crate::hash::KeySet;
use crate::mapping::{KeyForm, Limits};

/// The answer to [`Supabase::inspect`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// In what definition and database do not fit.
    pub problems: Vec<Problem>,
    /// Whether the database remembers rows of this sync in this table.
    pub known: bool,
    /// How many.
    pub present_rows: u64,
    /// The vanished keys whose deletion a person has approved.
    pub approved_deletes: Option<KeySet>,
    /// The strays of the last complete read; `None` when there was none yet.
    #[serde(default)]
    pub strays: Option<crate::plan::Strays>,
    /// A run that is under way.
    pub running: Option<Uuid>,
    /// The columns without a value for which no row can be inserted.
    pub needs_value: Vec<String>,
    /// How the texts of each key column are compared, in the order of the key; as texts where `problems` says why that
    /// cannot be known.
    #[serde(default, deserialize_with = "known_forms")]
    pub key_forms: Vec<KeyForm>,
    /// What the columns of the table can hold.
    #[serde(default)]
    pub limits: Limits,
}

fn known_forms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<KeyForm>, D::Error> {
    let forms: Vec<Option<KeyForm>> = Deserialize::deserialize(deserializer)?;
    Ok(forms.into_iter().map(Option::unwrap_or_default).collect())
}

/// What is done with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// It is new.
    Insert,
    /// Something of it is written.
    Update,
    /// It is as it should be.
    Leave,
    /// The sync's mode leaves it out.
    Skip,
    /// Another sync feeds it.
    Claim,
}

/// What the merge does with a column in which sheet and table differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnOutcome {
    /// The sheet's value is written.
    Write,
    /// The table's value stays.
    Keep,
    /// Both were changed; whose value stays is the sync's `on_conflict`.
    Conflict,
}

/// Why the table's value stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// The column's authority is `database`.
    DatabaseOwned,
    /// It was edited in the database, and the sheet has not changed since.
    EditedInDatabase,
    /// Both were changed, and the database wins.
    Conflict,
    /// The cell is blank, and blank keeps.
    BlankKeeps,
    /// The mode leaves rows alone that are there.
    RowLeftAlone,
    /// Another sync feeds the row.
    OtherSync,
    /// The row was in the table before this sync, and whose values stay is not decided yet.
    AdoptionWithheld,
}

/// A column in which sheet and table differ.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ColumnDifference {
    /// The column.
    pub column: String,
    /// The table's value, shortened if it is long.
    pub old: Value,
    /// The sheet's value, shortened if it is long.
    pub new: Value,
    /// What the merge does.
    pub outcome: ColumnOutcome,
    /// Why the table's value stays; `None` when it is written over.
    pub why: Option<Kept>,
}

/// A row of which something is to be told.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RowDifference {
    /// The row key.
    pub k: String,
    /// The row number in the sheet.
    pub n: u32,
    /// What a run does with it.
    pub act: Act,
    /// Its columns that differ.
    pub columns: Vec<ColumnDifference>,
    /// Of a verification: whether the table marks the row as deleted.
    #[serde(default)]
    pub deleted: bool,
    /// Of a verification: whether what the sheet says was applied before.
    #[serde(default)]
    pub applied: bool,
    /// Of a verification: the SQLSTATE with which Postgres refused the row last.
    #[serde(default)]
    pub refusal: Option<String>,
}

/// A row that Postgres refuses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The row key.
    pub row_key: String,
    /// The row number; a row to be deleted has none.
    #[serde(default)]
    pub row_number: Option<u32>,
    /// The column at fault, when it is known.
    pub column: Option<String>,
    /// The SQLSTATE.
    pub code: String,
    /// Postgres' own words.
    pub message: String,
    /// The value at fault.
    #[serde(default)]
    pub raw: Option<String>,
}

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

/// The answer to [`Supabase::preview`].
#[derive(Debug, Clone, PartialEq)]
pub struct BatchPreview {
    /// The counts that `sync_apply` would answer.
    pub counts: Counts,
    /// The rows that differ.
    pub rows: Vec<RowDifference>,
    /// The rows that Postgres refuses.
    pub refused: Vec<Refusal>,
    /// Why nothing of the batch would be applied: the schema refuses it, or a guard withholds its deletes.
    pub stopped: Option<String>,
}

/// The answer to [`Supabase::verify`].
#[derive(Debug, Clone, PartialEq)]
pub struct BatchVerification {
    /// The rows that differ.
    pub rows: Vec<RowDifference>,
    /// The rows whose values the table cannot take.
    pub refused: Vec<Refusal>,
    /// The key values of the rows that the table has, as it shows them.
    pub keys: Vec<String>,
}

/// A row that the database remembers of a sync: key hash, state, key values in the table if it is there, whether it is
/// marked as deleted there.
pub type RememberedRow = (i64, String, Option<String>, bool);

/// What [`Supabase::enter_plan`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum PlanEntry {
    /// The plan is to be made.
    Begun,
    /// This id was asked for before.
    Duplicate,
}

impl Supabase {
    /// Holds a definition against the database, before anything is compared.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn inspect(&self, definition: &Sync) -> Result<Inspection, SupabaseError> {
        let arguments = json!({"p_sync": definition.name, "p_definition": definition.registration()});
        self.patient("sync_inspect", &arguments).await
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
        let page: Page = self.patient("sync_verify_remembered", &arguments).await?;
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
        let page: Page = self.patient("sync_verify_table", &arguments).await?;
        Ok((page.keys, page.next))
    }

    /// Enters a plan that is being made.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn enter_plan(&self, id: Uuid, sync: &str, requested_by: &str) -> Result<PlanEntry, SupabaseError> {
        let arguments = json!({"p_id": id, "p_sync": sync, "p_requested_by": requested_by});
        self.patient("sync_plan_begin", &arguments).await
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
        let _: Value = self.patient("sync_plan_end", &arguments).await?;
        Ok(())
    }
}
