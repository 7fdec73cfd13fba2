//! What a run looks at before it does anything: the tab, read once into a [`Snapshot`], and what the database has of it.
//! One piece of code for runs, plans and verifications, so that a plan cannot see what a run would not. It writes nothing:
//! what becomes of rejections and of the [`Plan`] is the caller's business.

use jiff::Timestamp;
use uuid::Uuid;

use crate::area::{Area, RangeName};
use crate::batch::{Envelope, Outgoing};
use crate::classify::Fault;
use crate::definition::Sync;
use crate::hash::{self, RangeIndex};
use crate::mapping::{CellRef, HeaderProblem, Locale, Mapping, Rejection, Settings};
use crate::plan::{self, Plan, RangeDigests, StoredRow};
use crate::sheets::{Reader, SheetsError, Tab, TabName, Tabs};
use crate::snapshot::{Entry, Snapshot, SnapshotBuilder};
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

/// What the database knows of a sync's rows: Supabase, or what a simulation plays.
#[expect(async_fn_in_trait, reason = "whoever needs the futures to be Send names the type, and then they are")]
pub trait Stored {
    /// The digests of a sync's ranges.
    async fn range_digests(&self, sync: &str, bits: u32) -> Result<RangeDigests, SupabaseError>;
    /// The rows of the given ranges.
    async fn row_hashes(&self, sync: &str, bits: u32, ranges: &[RangeIndex]) -> Result<Vec<StoredRow>, SupabaseError>;
}

impl Stored for Supabase {
    async fn range_digests(&self, sync: &str, bits: u32) -> Result<RangeDigests, SupabaseError> {
        Supabase::range_digests(self, sync, bits).await
    }

    async fn row_hashes(&self, sync: &str, bits: u32, ranges: &[RangeIndex]) -> Result<Vec<StoredRow>, SupabaseError> {
        Supabase::row_hashes(self, sync, bits, ranges).await
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
    /// Per column of the definition, in its order, the header that feeds it and where that stands.
    pub sources: Vec<Source>,
}

/// The header that feeds a column; of several the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As it is in the sheet.
    pub header: String,
    /// The column of the sheet, counted from 0.
    pub column: u32,
}

impl Source {
    /// The address of its cell in a row.
    #[must_use]
    pub fn cell(&self, row: u32) -> String {
        CellRef { column: self.column, row }.to_string()
    }
}

/// Whether a reading also counts how the cells of each column fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// It does.
    Fits,
    /// It does not.
    Nothing,
}

/// Reads the tab of a sync once and maps its rows as they come; of a selective run only those with the given `keys`.
/// `reject` is called after every chunk. It is handed the rejections some at a time, and between that none, so that a column
/// that went bad does not fill the memory and that a long read can show signs of life.
///
/// # Errors
/// When the tab cannot be read or mapped, or `reject` fails.
pub async fn read<E: From<ReadError>>(
    sheets: &impl Tabs,
    definition: &Sync,
    keys: Option<&[String]>,
    measure: Measure,
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
    let mut reader = Reader::of(sheets, &tab, header_row);
    let no_headers = || ReadError::NoHeaders { tab: tab.title.clone(), row: header_row };
    let first = reader.next().await.map_err(ReadError::from)?.ok_or_else(no_headers)?;
    let (headers, rows) = first.rows.split_first().ok_or_else(no_headers)?;
    let settings = Settings {
        columns: &definition.columns,
        key: &definition.key,
        header_row,
        first_column: tab.window.first_column,
        time_zone: &tab.time_zone,
        locale: Locale::named(&tab.locale),
    };
    let mapping =
        Mapping::bind(settings, headers).map_err(|problems| ReadError::Headers { tab: tab.title.clone(), problems })?;

    let mut builder = SnapshotBuilder::new(&mapping, definition.mapping_version(), definition.duplicates).only(keys);
    if measure == Measure::Fits {
        builder = builder.measured();
    }
    for (row, cells) in (first.first_row + 1..).zip(rows) {
        builder.add(row, cells);
    }
    reject(Vec::new()).await?;
    while let Some(chunk) = reader.next().await.map_err(ReadError::from)? {
        let many = builder.waiting_rejections() >= MAX_REJECTIONS;
        reject(if many { builder.take_rejections() } else { Vec::new() }).await?;
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
    let sources = mapping.sources().map(|(header, column)| Source { header: header.to_owned(), column }).collect();
    Ok(TabRead { tab, snapshot, moved, requests, unmapped_headers, sources })
}

/// Gives entries of a snapshot to `ask` in messages as a run would send them, one at a time, in smaller ones where the
/// database takes too long.
///
/// # Errors
/// When `ask` fails for another reason, or takes too long for a single row.
pub async fn in_batches(
    definition: &Sync,
    snapshot: &Snapshot,
    entries: &[Entry],
    mut ask: impl AsyncFnMut(&Outgoing) -> Result<(), SupabaseError>,
) -> Result<(), SupabaseError> {
    let envelope = envelope(definition);
    let mut rest = entries;
    let mut rows = definition.batch_rows;
    while !rest.is_empty() {
        let some = Plan { send: rest[..rest.len().min(rows)].to_vec(), ..Plan::default() };
        let Some(batch) = envelope.upserts(snapshot, &some, rows).next() else { break };
        match ask(&batch).await {
            Err(error) if error.fault() == Fault::StatementTimeout && batch.rows > 1 => rows = batch.rows / 2,
            outcome => {
                outcome?;
                rest = &rest[batch.rows..];
            }
        }
    }
    Ok(())
}

/// The envelope of messages that no run sends.
pub(crate) fn envelope(definition: &Sync) -> Envelope {
    Envelope {
        sync: definition.name.clone(),
        run: Uuid::nil(),
        seq: 0,
        mapping: definition.mapping_version(),
        columns: definition.columns.iter().map(|column| column.column.clone()).collect(),
        sent_at: Timestamp::UNIX_EPOCH,
    }
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
    supabase: &impl Stored,
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
