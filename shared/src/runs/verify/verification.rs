//! What a verification says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::judge::{Reason, Repair};
use crate::clients::supabase::SupabaseError;
use crate::protocol::run::Problem;
use crate::runs::preview::PreviewError;

/// What a verification has found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// The name of the sync.
    pub sync: String,
    /// When the sheet was read.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub read_at: Timestamp,
    /// The result.
    pub verdict: Verdict,
    /// The run that fixes what is not allowed.
    pub repair: Option<Repair>,
    /// Rows with content in the sheet.
    pub rows_in_sheet: u64,
    /// Rows of the sheet that could be compared.
    pub rows_compared: u64,
    /// Those that equal the table in every column.
    pub rows_equal: u64,
    /// Rows of the table.
    pub rows_in_table: u64,
    /// Whether the spreadsheet changed while it was read, which may show as differences.
    pub moved: bool,
    /// What differs, by reason and column; what is not allowed first.
    pub findings: Vec<Finding>,
    /// Warnings, such as keys that look alike.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A verification as it is kept with its run: lists of runs show how many differences there are without reading the findings.
#[derive(Debug, Serialize)]
pub struct Kept<'a> {
    #[serde(flatten)]
    verification: &'a Verification,
    differences: u64,
}

impl Verification {
    /// As it is kept with its run.
    #[must_use]
    pub fn kept(&self) -> Kept<'_> {
        Kept { verification: self, differences: self.differences() }
    }

    /// How many differences there are that should not be.
    #[must_use]
    pub fn differences(&self) -> u64 {
        self.findings.iter().filter(|finding| !finding.allowed).map(|finding| finding.count).sum()
    }
}

/// The result of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Sheet and table are equal.
    Equal,
    /// They differ, and each difference is allowed.
    Allowed,
    /// They differ where they should not.
    Different,
}

/// Differences of one reason, in one column or of whole rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Why they differ.
    pub reason: Reason,
    /// Whether the difference is allowed.
    pub allowed: bool,
    /// The same for a person.
    pub explanation: String,
    /// The column; null for a whole row.
    pub column: Option<String>,
    /// The header that feeds it.
    pub header: Option<String>,
    /// Number of differences of this kind.
    pub count: u64,
    /// The first of them.
    pub samples: Vec<Sample>,
}

/// A difference, as an example.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// The row key, where it is known.
    pub row_key: String,
    /// The row in the sheet, when it is there.
    pub row_number: Option<u32>,
    /// The address of the cell, such as `C5`; null where the sheet has none.
    pub cell: Option<String>,
    /// The table's value.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub table: Value,
    /// The sheet's value.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub sheet: Value,
}

/// Why a verification cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Sheet or database cannot be read.
    #[error(transparent)]
    Preview(#[from] PreviewError),
    /// The definition does not fit the database.
    #[error("{}", .0.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Problem>),
}

impl From<SupabaseError> for VerifyError {
    fn from(error: SupabaseError) -> Self {
        Self::Preview(error.into())
    }
}
