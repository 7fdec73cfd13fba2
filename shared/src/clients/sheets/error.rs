//! Why a sheet could not be read. Messages say what to do.

use crate::platform::secrets::SecretError;

/// Why the sheet could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SheetsError {
    /// The service account's key cannot be had.
    #[error(transparent)]
    NoKey(#[from] SecretError),
    /// The service account's key is no such thing.
    #[error("the secret GOOGLE_SECRET_ID is not the JSON key of a service account: {0}")]
    BadKey(String),
    /// Google gives no token for it.
    #[error(
        "Google refuses the service account {account} ({reason}): the key was revoked, or this machine's clock is wrong"
    )]
    Unauthenticated {
        /// The account's address.
        account: String,
        /// Google's error code.
        reason: String,
    },
    /// The account may not read the spreadsheet.
    #[error(
        "{account} may not read the spreadsheet {spreadsheet}: share it with that address (Viewer is enough) ({detail})"
    )]
    Denied {
        /// The account's address.
        account: String,
        /// The spreadsheet's id.
        spreadsheet: String,
        /// Google's words.
        detail: String,
    },
    /// There is no such spreadsheet.
    #[error(
        "there is no spreadsheet {spreadsheet}: check `spreadsheet` in sheetsync.toml, it is the part of the address between /d/ and /edit"
    )]
    NoSuchSpreadsheet {
        /// The id of the spreadsheet.
        spreadsheet: String,
    },
    /// The file is an Excel file that Sheets only displays.
    #[error(
        "{spreadsheet} is an uploaded Excel file, not a Google Sheet: open it and choose File > Save as Google Sheets"
    )]
    NotASpreadsheet {
        /// The id of the spreadsheet.
        spreadsheet: String,
    },
    /// There is no such tab.
    #[error("the spreadsheet {spreadsheet} has no tab {wanted}; it has {}: correct `tab` in sheetsync.toml", known.join(", "))]
    NoSuchTab {
        /// The spreadsheet's id.
        spreadsheet: String,
        /// The tab that was asked for.
        wanted: String,
        /// The tabs that there are.
        known: Vec<String>,
    },
    /// There is no such named range.
    #[error("the spreadsheet {spreadsheet} has no named range {wanted:?}; it has {}: correct `range` in sheetsync.toml, or make it under Data > Named ranges", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    NoSuchRange {
        /// The spreadsheet's id.
        spreadsheet: String,
        /// The name that was asked for.
        wanted: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The range begins past the end of the tab.
    #[error(
        "`range` in sheetsync.toml begins past the end of the tab {tab:?}, which has {rows} rows and {columns} columns"
    )]
    RangeOffGrid {
        /// The tab's title.
        tab: String,
        /// How many rows it has.
        rows: u32,
        /// How many columns it has.
        columns: u32,
    },
    /// The rows that were asked for are no longer in the tab, or not all of them.
    #[error("the tab became smaller while it was read ({0}); the next run reads it afresh")]
    PastGrid(String),
    /// The quota is used up, and stayed so.
    #[error("Google's read quota is used up, also after repeated attempts: {0}")]
    Quota(String),
    /// Google is down, and stayed so.
    #[error("Google Sheets returned no usable answer ({0})")]
    Down(String),
    /// Google refused the request itself.
    #[error("Google Sheets refused the request: {0}")]
    Refused(String),
    /// The invocation ends before the sheet is read.
    #[error("the function's time ended before the sheet was read ({0}): give fewer syncs to it, or a longer `every`")]
    OutOfTime(String),
}

impl SheetsError {
    /// A short name for logs and `sync_errors`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoKey(_) => "no_secret",
            Self::BadKey(_) => "google_key_malformed",
            Self::Unauthenticated { .. } => "google_unauthenticated",
            Self::Denied { .. } => "sheet_not_shared",
            Self::NoSuchSpreadsheet { .. } => "no_such_spreadsheet",
            Self::NotASpreadsheet { .. } => "not_a_spreadsheet",
            Self::NoSuchTab { .. } => "no_such_tab",
            Self::NoSuchRange { .. } => "no_such_range",
            Self::RangeOffGrid { .. } => "range_off_grid",
            Self::PastGrid(_) => "tab_shrank",
            Self::Quota(_) => "google_quota",
            Self::Down(_) => "google_down",
            Self::Refused(_) => "google_refused",
            Self::OutOfTime(_) => "out_of_time",
        }
    }

    /// Its error type in `sync_errors`.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::NoKey(_) | Self::BadKey(_) | Self::Unauthenticated { .. } | Self::Denied { .. } => "permission",
            Self::PastGrid(_) => "conflict",
            Self::Quota(_) | Self::OutOfTime(_) => "rate_limit",
            Self::Down(_) => "network",
            Self::NoSuchSpreadsheet { .. }
            | Self::NotASpreadsheet { .. }
            | Self::NoSuchTab { .. }
            | Self::NoSuchRange { .. }
            | Self::RangeOffGrid { .. } => "validation",
            Self::Refused(_) => "unknown",
        }
    }

    /// Whether Google refuses the key or its account, until a person acts.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        matches!(self, Self::BadKey(_) | Self::Unauthenticated { .. } | Self::Denied { .. })
    }

    pub(super) fn passes(&self) -> bool {
        matches!(self, Self::Quota(_) | Self::Down(_))
    }
}
