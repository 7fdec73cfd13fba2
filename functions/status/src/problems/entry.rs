//! A rejection, a conflict or a failure, as the API shows it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::request;
use crate::time::Time;

/// What a problem is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorType {
    Validation,
    Conflict,
    Database,
    Network,
    RateLimit,
    Permission,
    Unknown,
}

/// A rejection, a conflict or a failure.
// Read from `sync_errors_page`; the address of the cell is added.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all(serialize = "camelCase"))]
#[schema(as = Error, rename_all = "camelCase")]
pub(super) struct Entry {
    #[serde(serialize_with = "request::as_text")]
    #[schema(value_type = String)]
    pub(super) id: i64,
    #[serde(skip_serializing)]
    pub(super) sync: String,
    /// Where it stands in the order of the sheet.
    #[serde(skip_serializing)]
    pub(super) place: i64,
    #[serde(skip_serializing)]
    pub(super) tab_id: Option<i64>,
    /// The run that saw it last.
    pub(super) run: Uuid,
    pub(super) row_key: Option<String>,
    pub(super) row_number: Option<u64>,
    #[serde(rename(deserialize = "column_name"))]
    pub(super) column: Option<String>,
    pub(super) header: Option<String>,
    /// As the spreadsheet calls it: `F128`.
    pub(super) cell: Option<String>,
    /// Opens the spreadsheet at this cell.
    pub(super) cell_url: Option<String>,
    #[serde(rename(serialize = "type"))]
    #[schema(rename = "type")]
    pub(super) error_type: ErrorType,
    pub(super) code: String,
    pub(super) message: String,
    /// What stands in the cell. It is text of the sheet: never to be taken for HTML or a formula.
    pub(super) raw: Option<String>,
    /// When a scheduled run tries the refused row again, unless it or a definition changes before. Null: the next run does, or
    /// nothing is to be tried.
    pub(super) next_attempt_at: Option<Time>,
    pub(super) first_seen: Time,
    pub(super) last_seen: Time,
    pub(super) resolved_at: Option<Time>,
}
