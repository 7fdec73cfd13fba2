//! What a run looks at before it does anything: the tab, read once into a [`Snapshot`], and what the database has of it.
//! One piece of code for runs, plans and verifications, so that a plan cannot see what a run would not. It writes nothing:
//! what becomes of rejections and of the [`Plan`] is the caller's business.

use crate::area::{Area, RangeName};
use crate::definition::Sync;
use crate::hash;
use crate::mapping::{HeaderProblem, Mapping, Rejection, Settings};
use crate::plan::{self, Plan};
use crate::sheets::{Sheets, SheetsError, Tab, TabName};
use crate::snapshot::{Snapshot, SnapshotBuilder};
use crate::supabase::{MAX_REJECTIONS, RunType, Supabase, SupabaseError};

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
}

impl ReadError {
    /// A short name for logs, answers and runs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Sheets(error) => error.code(),
            Self::NoHeaders { .. } | Self::HeadersOutside { .. } => "no_headers",
            Self::Headers { .. } => "headers_do_not_fit",
        }
    }

    /// Its error type in `sync_errors`.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Sheets(error) => error.error_type(),
            Self::NoHeaders { .. } | Self::HeadersOutside { .. } | Self::Headers { .. } => "validation",
        }
    }
}

/// A tab that has been read.
pub struct TabRead {
    /// The tab.
    pub tab: Tab,
    /// Its rows.
    pub snapshot: Snapshot,
    /// Whether the spreadsheet changed meanwhile.
    pub moved: bool,
    /// How many requests it took.
    pub requests: u32,
    /// Headers that feed no column, each with its cell.
    pub unmapped_headers: Vec<String>,
}

/// Reads the tab of a sync once and maps its rows as they come; of a selective run only those with the given `keys`.
/// `reject` is handed the rejections some at a time, so that a column that went bad does not fill the memory.
///
/// # Errors
/// When the tab cannot be read or mapped, or `reject` fails.
pub async fn read<E: From<ReadError>>(
    sheets: &Sheets,
    definition: &Sync,
    keys: Option<&[String]>,
    mut reject: impl AsyncFnMut(Vec<Rejection>) -> Result<(), E>,
) -> Result<TabRead, E> {
    let range = definition.range.as_deref().and_then(|range| RangeName::parse(range).ok());
    let (name, area) = match (&definition.tab, definition.tab_id, range) {
        (_, _, Some(RangeName::Named(range))) => (TabName::OfRange(range), None),
        (_, Some(id), range) => (TabName::Id(id), cells(range)),
        (Some(title), None, range) => (TabName::Title(title), cells(range)),
        (None, None, _) => unreachable!("a definition without a tab was refused"),
    };
    let tab = sheets.tab(&definition.spreadsheet, name, area).await.map_err(ReadError::from)?;
    let header_row = definition.header_row.unwrap_or(tab.window.first_row);
    if header_row < tab.window.first_row {
        return Err(ReadError::HeadersOutside { row: header_row, first: tab.window.first_row }.into());
    }
    let version = sheets.version(&definition.spreadsheet).await.map_err(ReadError::from)?;
    let mut reader = sheets.read(&tab, header_row);
    let no_headers = || ReadError::NoHeaders { tab: tab.title.clone(), row: header_row };
    let first = reader.next().await.map_err(ReadError::from)?.ok_or_else(no_headers)?;
    let (headers, rows) = first.rows.split_first().ok_or_else(no_headers)?;
    let settings = Settings {
        columns: &definition.columns,
        key: &definition.key,
        header_row,
        first_column: tab.window.first_column,
        time_zone: &tab.time_zone,
    };
    let mapping =
        Mapping::bind(settings, headers).map_err(|problems| ReadError::Headers { tab: tab.title.clone(), problems })?;

    let mut builder = SnapshotBuilder::new(&mapping, definition.mapping_version(), definition.duplicates).only(keys);
    for (row, cells) in (first.first_row + 1..).zip(rows) {
        builder.add(row, cells);
    }
    while let Some(chunk) = reader.next().await.map_err(ReadError::from)? {
        if builder.waiting_rejections() >= MAX_REJECTIONS {
            reject(builder.take_rejections()).await?;
        }
        for (row, cells) in (chunk.first_row..).zip(&chunk.rows) {
            builder.add(row, cells);
        }
    }
    let moved = sheets.version(&definition.spreadsheet).await.map_err(ReadError::from)? != version;
    let requests = reader.requests();
    let (snapshot, rejections) = builder.finish(moved);
    reject(rejections).await?;
    let unmapped_headers =
        mapping.unmapped_headers().iter().map(|(header, cell)| format!("{header} ({cell})")).collect();
    Ok(TabRead { tab, snapshot, moved, requests, unmapped_headers })
}

fn cells(range: Option<RangeName<'_>>) -> Option<Area> {
    match range {
        Some(RangeName::Cells(area)) => Some(area),
        Some(RangeName::Named(_)) | None => None,
    }
}

/// Finds what differs from the database, in as few bytes as the kind of run allows. `present_rows` is how many rows the
/// sync has there.
///
/// # Errors
/// When Supabase does not answer.
pub async fn compare(
    supabase: &Supabase,
    sync: &str,
    run_type: RunType,
    present_rows: u64,
    snapshot: &Snapshot,
) -> Result<Plan, SupabaseError> {
    match run_type {
        RunType::Selective => Ok(plan::chosen(snapshot)),
        RunType::Full => Ok(plan::everything(snapshot, &supabase.row_hashes(sync, 0, &[0]).await?)),
        RunType::Scheduled | RunType::Manual => {
            let bits = hash::range_bits(present_rows.max(snapshot.entries().len() as u64));
            let digests = supabase.range_digests(sync, bits).await?;
            let ranges = plan::differing_ranges(snapshot, bits, &digests);
            let stored = match ranges.as_slice() {
                [] => Vec::new(),
                ranges => supabase.row_hashes(sync, bits, ranges).await?,
            };
            Ok(plan::compare(snapshot, bits, &ranges, &stored))
        }
    }
}
