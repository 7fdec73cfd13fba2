//! How the rows of a batch differ from the table and what would be done with them, as plans and verifications ask the
//! database (docs/PROTOCOL.md, "Plans and verifications"). Data only; the calls are [`crate::clients::supabase`].

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::diff::hash::KeySet;
use crate::diff::plan::Strays;
use crate::mapping::{KeyForm, Limits};
use crate::protocol::run::{Counts, Problem};

/// The answer to `sync_inspect`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// In what definition and database do not fit.
    pub problems: Vec<Problem>,
    /// Whether the database remembers rows of this sync in this table.
    pub known: bool,
    /// Number of rows of the sync that are present.
    pub present_rows: u64,
    /// The vanished keys whose deletion a person has approved.
    pub approved_deletes: Option<KeySet>,
    /// The strays of the last complete read; `None` when there was none yet.
    #[serde(default)]
    pub strays: Option<Strays>,
    /// A run that is in progress.
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
    /// The name of the table's column.
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

/// A row that a preview or a verification reports.
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

/// The answer to `sync_preview`.
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

/// The answer to `sync_verify`.
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

/// What `sync_plan_begin` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum PlanEntry {
    /// The plan is to be made.
    Begun,
    /// This id was asked for before.
    Duplicate,
}
