//! What a run looks at before it does anything: the tab, read once into a [`Snapshot`], and what the database has of it.
//! One piece of code for runs, plans and verifications, so that a plan cannot see what a run would not. It writes nothing:
//! what becomes of rejections and of the [`Plan`] is the caller's business.

use jiff::Timestamp;
use uuid::Uuid;

use crate::batch::{Envelope, Outgoing};
use crate::classify::Fault;
use crate::definition::Sync;
use crate::hash;
use crate::mapping::{CellRef, HeaderProblem, Mapping, Rejection, Settings};
use crate::plan::{self, Plan};
use crate::sheets::{Sheets, SheetsError, Tab, TabName};
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
            Self::NoHeaders { .. } => "no_headers",
            Self::Headers { .. } => "headers_do_not_fit",
        }
    }

    /// Its error type in `sync_errors`.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Sheets(error) => error.error_type(),
            Self::NoHeaders { .. } | Self::Headers { .. } => "validation",
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
/// `reject` is handed the rejections some at a time, so that a column that went bad does not fill the memory.
///
/// # Errors
/// When the tab cannot be read or mapped, or `reject` fails.
pub async fn read<E: From<ReadError>>(
    sheets: &Sheets,
    definition: &Sync,
    keys: Option<&[String]>,
    measure: Measure,
    mut reject: impl AsyncFnMut(Vec<Rejection>) -> Result<(), E>,
) -> Result<TabRead, E> {
    let name = match (&definition.tab, definition.tab_id) {
        (_, Some(id)) => TabName::Id(id),
        (Some(title), None) => TabName::Title(title),
        (None, None) => unreachable!("a definition without a tab was refused"),
    };
    let tab = sheets.tab(&definition.spreadsheet, name).await.map_err(ReadError::from)?;
    let version = sheets.version(&definition.spreadsheet).await.map_err(ReadError::from)?;
    let mut reader = sheets.read(&tab, definition.header_row);
    let no_headers = || ReadError::NoHeaders { tab: tab.title.clone(), row: definition.header_row };
    let first = reader.next().await.map_err(ReadError::from)?.ok_or_else(no_headers)?;
    let (headers, rows) = first.rows.split_first().ok_or_else(no_headers)?;
    let settings = Settings {
        columns: &definition.columns,
        key: &definition.key,
        header_row: definition.header_row,
        first_column: 0,
        time_zone: &tab.time_zone,
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
