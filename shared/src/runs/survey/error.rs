//! Why a tab cannot be read.

use super::names::shortened;

use crate::clients::sheets::SheetsError;
use crate::mapping::{CellRef, HeaderProblem, MovedHeader};

/// How many headers that moved an error names.
const NAMED_MOVES: usize = 3;

/// Why a tab could not be read into a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The sheet cannot be read.
    #[error(transparent)]
    Sheets(#[from] SheetsError),
    /// There is no header row.
    #[error(
        "the tab {tab:?} has no headers: row {row} is empty; put the headers there, or correct `header_row` in sheetsync.toml"
    )]
    NoHeaders {
        /// The tab's title.
        tab: String,
        /// The row that should hold them.
        row: u32,
    },
    /// The header row is above the range.
    #[error(
        "`header_row` {row} is above the named range, which begins in row {first}: leave it out, or widen the range"
    )]
    HeadersOutside {
        /// The row that should hold the headers.
        row: u32,
        /// The first row of the range.
        first: u32,
    },
    /// The headers are not those that the definition maps.
    #[error("the headers of the tab {tab:?} do not fit sheetsync.toml: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Headers {
        /// The tab's title.
        tab: String,
        /// What does not fit.
        problems: Vec<HeaderProblem>,
    },
    /// Between two chunks a column was inserted, moved or deleted, or a row above the headers.
    #[error(
        "the columns of the tab {tab:?} moved while it was read: {}; nothing was sent, and the next run reads it afresh",
        describe(moved, *row)
    )]
    ColumnsMoved {
        /// The tab's title.
        tab: String,
        /// The header row.
        row: u32,
        /// The headers that no longer stand where they stood.
        moved: Vec<MovedHeader>,
    },
    /// Its title, or the tab that has this title or range, is another than before.
    #[error(
        "the tab {was:?} is now {is:?} (tab_id {id}), or another tab took its place, while it was read; nothing was sent, and \
         the next run reads it afresh"
    )]
    TabExchanged {
        /// The title when the reading began.
        was: String,
        /// The title at its end.
        is: String,
        /// The id at its end.
        id: i64,
    },
}

fn describe(moved: &[MovedHeader], row: u32) -> String {
    let cell = |column: u32| CellRef { column, row };
    let describe = |header: &MovedHeader| {
        let name = shortened(&header.header);
        match header.to {
            Some(to) => format!("the header {name:?} was in {} and is now in {}", cell(header.from), cell(to)),
            None => format!("the header {name:?} was in {} and is no longer in row {row}", cell(header.from)),
        }
    };
    let named = moved.iter().take(NAMED_MOVES).map(describe).collect::<Vec<_>>().join("; ");
    match moved.len().saturating_sub(NAMED_MOVES) {
        0 => named,
        more => format!("{named}; and {more} more"),
    }
}

impl ReadError {
    /// A short name for logs, answers and runs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Sheets(error) => error.code(),
            Self::NoHeaders { .. } | Self::HeadersOutside { .. } => "no_headers",
            Self::Headers { .. } => "headers_do_not_fit",
            Self::ColumnsMoved { .. } => "columns_moved",
            Self::TabExchanged { .. } => "tab_exchanged",
        }
    }

    /// Its error type in `sync_errors`.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Sheets(error) => error.error_type(),
            Self::NoHeaders { .. } | Self::HeadersOutside { .. } | Self::Headers { .. } => "validation",
            Self::ColumnsMoved { .. } | Self::TabExchanged { .. } => "conflict",
        }
    }
}
