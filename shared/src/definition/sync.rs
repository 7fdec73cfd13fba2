//! What is synced, and how: `sheetsync.toml`, parsed and checked before anything is read. The rules of one column are
//! [`crate::mapping::Column`]; this file is about everything around them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration_text;
use super::overdue::DEFAULT_STALL_AFTER;
use super::version::MappingVersion;
use crate::mapping::Column;

/// Raised when the meaning of a mapping rule changes, so that every row is mapped and sent again.
const MAPPING_RULES: u32 = 2;

/// A definition file.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The syncs of the file.
    #[serde(rename = "sync")]
    pub syncs: Vec<Sync>,
}

/// One tab of one spreadsheet that must stay equal to one table.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// Its name, in logs, URLs and tables.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[a-z][a-z0-9_-]{0,62}$")))]
    pub name: String,
    /// The spreadsheet's id: what stands between `/d/` and `/edit` in its address.
    pub spreadsheet: String,
    /// The tab by its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tab: Option<String>,
    /// The tab by its id (`gid` in the address); survives a rename.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tab_id: Option<i64>,
    /// The cells that are read, such as `A3:CV`, or the name of a named range; without it, the whole tab. A named range
    /// knows its tab, so `tab` is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// The row of the tab that holds the headers, counted from 1; if not given, the first that is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub header_row: Option<u32>,
    /// The table, in the schema `public`.
    pub table: String,
    /// The columns of the table that identify a row.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub key: Vec<String>,
    /// What becomes of rows that share a key.
    #[serde(default)]
    pub duplicates: Duplicates,
    /// How often a scheduled run starts; without it, runs start only when asked for.
    #[serde(default, with = "duration_text::optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub every: Option<Duration>,
    /// Which rows may be written.
    #[serde(default)]
    pub mode: Mode,
    /// Whose value stays when sheet and database changed the same value to different ones.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// The most rows of a batch.
    #[serde(default = "default_batch_rows")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10_000)))]
    pub batch_rows: usize,
    /// A run that made no progress for so long is superseded by the next.
    #[serde(default = "default_stall_after", with = "duration_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub stall_after: Duration,
    /// What becomes of a row that is gone from the sheet.
    #[serde(default)]
    pub on_delete: OnDelete,
    /// In how many complete reads in a row a key must be missing before its row is deleted, the first of them at least a
    /// minute before the last; 1 deletes at once.
    #[serde(default = "default_confirm_deletes")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10)))]
    pub confirm_deletes: u32,
    /// What happens to rows that the table has already, that differ from the sheet and that this sync never wrote.
    #[serde(default)]
    pub adopt: Adopt,
    /// Of two syncs that feed the same key of one table, the one with the higher precedence feeds it, and the other skips
    /// the row. With equal precedence the row of the later one is rejected.
    #[serde(default)]
    pub precedence: i32,
    /// Columns of the table, unique there: a new key whose row has the same values in them as a row whose key is gone is
    /// that row, renamed; it keeps the columns that the database owns.
    #[serde(default)]
    pub rename_by: Vec<String>,
    /// What happens to a row that this sync wrote and that the table no longer has, while the sheet has it.
    #[serde(default)]
    pub on_missing: OnMissing,
    /// How often the columns that the sheet owns are compared with the table, value by value. Keys are compared by every run.
    #[serde(default = "default_reconcile_every", with = "duration_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub reconcile_every: Duration,
    /// How often a scheduled run compares sheet and table in full, as `sheetsync verify` does; `"0s"` switches it off.
    #[serde(default = "default_verify_every", with = "duration_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub verify_every: Duration,
    /// The former name of this sync: what the database remembers under it is carried over by the first run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[a-z][a-z0-9_-]{0,62}$")))]
    pub renamed_from: Option<String>,
    /// The columns that are synced.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub columns: Vec<Column>,
}

/// What becomes of rows that share a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// All of them are rejected, each with the others' row numbers.
    #[default]
    Reject,
    /// The first is used, the others are skipped.
    First,
    /// The last is used, the others are skipped.
    Last,
}

/// Which rows may be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// New rows are inserted, known rows updated.
    #[default]
    Upsert,
    /// Rows that the table has are left alone.
    InsertOnly,
    /// Rows that the table lacks are left out.
    UpdateOnly,
}

/// Whose value stays in a conflict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// The sheet's value is written.
    #[default]
    Sheet,
    /// The database's value stays.
    Database,
}

/// What happens to rows that the table has already and that differ from the sheet, when this sync writes them for the
/// first time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Adopt {
    /// They are left as they are until a person has decided.
    #[default]
    Ask,
    /// The sheet's values are written.
    Sheet,
    /// The table's values stay; later edits of the sheet are written.
    Database,
}

/// What happens to a row that the sync wrote, that the sheet has and that the table no longer has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum OnMissing {
    /// It is inserted again.
    #[default]
    Restore,
    /// The deletion stands, and the row is listed as long as the sheet has it.
    Respect,
}

/// What becomes of a row that is gone from the sheet.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OnDelete {
    /// Ignore, soft or hard.
    #[serde(default)]
    pub policy: DeletePolicy,
    /// The timestamp column that a soft delete sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// So many rows may always go.
    #[serde(default = "default_guard_rows")]
    pub guard_rows: u32,
    /// And so many percent of the rows; the larger of the two counts.
    #[serde(default = "default_guard_percent")]
    #[cfg_attr(feature = "schema", schemars(range(max = 100)))]
    pub guard_percent: u8,
}

impl Default for OnDelete {
    fn default() -> Self {
        Self {
            policy: DeletePolicy::Ignore,
            column: None,
            guard_rows: default_guard_rows(),
            guard_percent: default_guard_percent(),
        }
    }
}

impl OnDelete {
    /// How many of `present` rows may vanish before it looks like an accident.
    #[must_use]
    pub fn guard(&self, present: u64) -> u64 {
        u64::from(self.guard_rows).max(present * u64::from(self.guard_percent) / 100)
    }
}

/// What is done to the row of a vanished key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum DeletePolicy {
    /// The rows stay in the table.
    #[default]
    Ignore,
    /// A timestamp column is set.
    Soft,
    /// The row is deleted.
    Hard,
}

fn default_batch_rows() -> usize {
    500
}

fn default_stall_after() -> Duration {
    DEFAULT_STALL_AFTER
}

fn default_reconcile_every() -> Duration {
    Duration::from_secs(60 * 60)
}

fn default_verify_every() -> Duration {
    Duration::from_secs(24 * 60 * 60)
}

fn default_confirm_deletes() -> u32 {
    2
}

fn default_guard_rows() -> u32 {
    10
}

fn default_guard_percent() -> u8 {
    15
}

impl Sync {
    /// Names this state of the mapping; see [`MappingVersion`].
    ///
    /// # Panics
    /// Never: the columns of a definition serialise.
    #[must_use]
    pub fn mapping_version(&self) -> MappingVersion {
        let text = serde_json::to_vec(&(MAPPING_RULES, &self.key, &self.columns))
            .expect("a definition that was parsed from TOML serialises");
        MappingVersion::of(&text)
    }

    /// The argument `p_definition` of `sync_begin` (docs/PROTOCOL.md).
    #[must_use]
    pub fn registration(&self) -> serde_json::Value {
        serde_json::json!({
            "table": self.table,
            "keyColumns": self.key,
            "mappingVersion": self.mapping_version(),
            "mode": self.mode,
            "onConflict": self.on_conflict,
            "columns": self.columns.iter().map(Self::registered_column).collect::<Vec<_>>(),
            "confirmDeletes": self.confirm_deletes,
            "adopt": self.adopt,
            "precedence": self.precedence,
            "renameBy": self.rename_by,
            "renamedFrom": self.renamed_from,
            "onMissing": self.on_missing,
            "reconcileSeconds": self.reconcile_every.as_secs(),
            "verifySeconds": self.verify_every.as_secs(),
            "deletes": {
                "policy": self.on_delete.policy,
                "column": self.on_delete.column,
                "guardRows": self.on_delete.guard_rows,
                "guardPercent": self.on_delete.guard_percent,
            },
        })
    }

    fn registered_column(column: &Column) -> serde_json::Value {
        let mut registered =
            serde_json::json!({"name": column.column, "authority": column.authority, "type": column.kind});
        // What a refusal by Postgres names its cell by.
        registered["header"] = column.header.as_ref().or_else(|| column.headers.first()).cloned().into();
        // Such times fit another type of Postgres than the others.
        if column.time_zone.as_deref() == Some("none") {
            registered["timeZone"] = "none".into();
        }
        registered
    }
}
