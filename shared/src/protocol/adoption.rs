//! Rows that a sync found in the table and that differ from the sheet: what a run withheld of them, and a person's decision
//! (docs/PROTOCOL.md, `sync_approve_adoption`).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// What a run withheld of an adoption, as `sync_state.adoption` has it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Adoption {
    /// How many rows wait.
    pub rows: u64,
    /// How many of them differ in each column.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    #[serde(default, deserialize_with = "or_empty")]
    pub columns: BTreeMap<String, u64>,
    /// The first values that differ, at most 20; empty in lists of runs.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    #[serde(default, deserialize_with = "or_empty")]
    pub sample: Vec<AdoptionSample>,
}

/// A value of the table that differs from the sheet's.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AdoptionSample {
    /// The row key.
    pub row_key: String,
    /// The row in the sheet.
    pub row_number: Option<u32>,
    /// The column of the table.
    pub column: String,
    /// The table's value, shortened if it is long.
    pub old: Value,
    /// The sheet's value, shortened if it is long.
    pub new: Value,
}

/// Postgres aggregates nothing to null.
fn or_empty<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Whose values stay where sheet and table differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The sheet's: they are written.
    Sheet,
    /// The database's: only later edits of the sheet are written.
    Database,
}

/// The answer to `sync_approve_adoption`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum AdoptionApproval {
    /// The next run does it.
    Approved {
        /// The run's sync.
        sync: String,
        /// How many rows.
        approved: u64,
    },
    /// There is nothing to approve, or no longer.
    Refused {
        /// `no_such_run`, `nothing_withheld`, `superseded`, `no_reason` or `bad_choice`.
        code: String,
        /// Why, and what to do.
        message: String,
    },
}
