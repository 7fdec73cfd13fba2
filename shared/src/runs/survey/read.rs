//! The tab, read once, in chunks, into a snapshot.

use super::error::ReadError;
use super::names::shortened;
use crate::clients::sheets::{Chunk, Reader, SheetsError, Tab, TabName, Tabs};
use crate::clients::supabase::MAX_REJECTIONS;
use crate::definition::Sync;
use crate::definition::area::{Area, RangeName};
use crate::diff::snapshot::{Snapshot, SnapshotBuilder};
use crate::mapping::{Cell, CellRef, KeyForm, Limits, Locale, Mapped, Mapping, Rejection, Settings, column_letters};
use crate::platform::faults::{self, Fault};

/// A tab that has been read.
pub struct TabRead {
    /// Title, id and size of the tab.
    pub tab: Tab,
    /// All rows of the tab, mapped and hashed.
    pub snapshot: Snapshot,
    /// Whether the spreadsheet or the tab's size changed meanwhile.
    pub moved: bool,
    /// How many requests it took.
    pub requests: u32,
    /// Headers that feed no column, each with its cell.
    pub unmapped_headers: Vec<String>,
    /// Per column of the definition, in its order, the header that feeds it and where that stands.
    pub sources: Vec<Source>,
    /// The row directly below the range, when it has content: the range seems to end too early.
    pub below: Option<u32>,
}

impl TabRead {
    /// What a person should know of the row below the range.
    #[must_use]
    pub fn below_range(&self) -> Option<String> {
        self.below.map(|row| {
            format!(
                "row {row}, directly below `range`, has content and is not read: make the range longer, or leave a blank row \
                 below it"
            )
        })
    }
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
    /// The letters of its column.
    #[must_use]
    pub fn letters(&self) -> String {
        column_letters(self.column)
    }

    /// The address of its cell in a row.
    #[must_use]
    pub fn cell(&self, row: u32) -> String {
        CellRef { column: self.column, row }.to_string()
    }
}

/// Whether a reading also counts how the cells of each column fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Also counts how the cells of each column fit.
    Fits,
    /// Counts nothing.
    Nothing,
}

/// Reads the tab of a sync once and maps its rows as they come; of a selective run only those with the given `keys`.
/// `key_forms` says how the database compares the texts of each key column, `limits` what its columns can hold.
/// `reject` is called after every chunk. It is handed the rejections some at a time, and between that none, so that a column
/// that went bad does not fill the memory and that a long read can show signs of life.
///
/// The order makes sure that no row which is there all the time seems to be gone: the version before the tab's size, which
/// says how far to read, and both once more after the last row. Columns cannot slip either: each chunk comes with the header
/// row of the same moment.
///
/// # Errors
/// When the tab cannot be read or mapped, or `reject` fails.
pub async fn read<E: From<ReadError>>(
    sheets: &impl Tabs,
    definition: &Sync,
    key_forms: &[KeyForm],
    limits: &Limits,
    keys: Option<&[String]>,
    measure: Measure,
    mut reject: impl AsyncFnMut(Vec<Rejection>) -> Result<(), E>,
) -> Result<TabRead, E> {
    let (name, area) = wanted(definition);
    let look_up = async || -> Result<(String, Tab), ReadError> {
        let version = match sheets.version(&definition.spreadsheet).await {
            // Drive answers the same for a spreadsheet that is not shared with us; Sheets distinguishes the two.
            Err(SheetsError::NoSuchSpreadsheet { .. }) => {
                sheets.tab(&definition.spreadsheet, name, area).await?;
                sheets.version(&definition.spreadsheet).await?
            }
            version => version?,
        };
        Ok((version, sheets.tab(&definition.spreadsheet, name, area).await?))
    };
    let (version, tab) = if faults::is_on(Fault::GridFirst) {
        let tab = sheets.tab(&definition.spreadsheet, name, area).await.map_err(ReadError::from)?;
        (sheets.version(&definition.spreadsheet).await.map_err(ReadError::from)?, tab)
    } else {
        look_up().await?
    };
    let header_row = definition.header_row.unwrap_or(tab.window.first_row);
    if header_row < tab.window.first_row {
        return Err(ReadError::HeadersOutside { row: header_row, first: tab.window.first_row }.into());
    }
    let mut reader = Reader::of(sheets, &tab, header_row);
    let no_headers = || ReadError::NoHeaders { tab: tab.title.clone(), row: header_row };
    let first = reader.next().await.map_err(ReadError::from)?.ok_or_else(no_headers)?;
    if first.headers.is_empty() && first.rows.is_empty() {
        return Err(no_headers().into());
    }
    let settings = Settings {
        columns: &definition.columns,
        key: &definition.key,
        key_forms,
        limits,
        header_row,
        first_column: tab.window.first_column,
        time_zone: &tab.time_zone,
        locale: Locale::named(&tab.locale),
    };
    let mapping = Mapping::bind(settings, &first.headers)
        .map_err(|problems| ReadError::Headers { tab: tab.title.clone(), problems })?;

    let mut builder = SnapshotBuilder::new(&mapping, definition.mapping_version(), definition.duplicates).only(keys);
    if measure == Measure::Fits {
        builder = builder.measured();
    }
    let bound = first.headers.clone();
    let mut below = None;
    let mut shrank = false;
    let mut next = Some(first);
    // Rows or columns were deleted meanwhile: what has been read is right, and what was not, decides about no deletion.
    let mut unless_shrunk = |chunk: Result<Option<Chunk>, SheetsError>| match chunk {
        Err(SheetsError::PastGrid(reason)) => {
            tracing::warn!(sync = definition.name, reason, "the tab became smaller while it was read");
            shrank = true;
            Ok(None)
        }
        chunk => chunk.map_err(ReadError::from),
    };
    while let Some(chunk) = next {
        let chunk = seen(&mut reader, &mapping, chunk).await.map(Some);
        let Some(Chunk { headers, first_row, rows, below: row_below, .. }) = unless_shrunk(chunk)? else { break };
        let moved = if headers == bound { Vec::new() } else { mapping.moved_headers(&headers) };
        if !moved.is_empty() && !faults::is_on(Fault::HeadersOnce) {
            return Err(ReadError::ColumnsMoved { tab: tab.title.clone(), row: header_row, moved }.into());
        }
        for (row, cells) in (first_row..).zip(&rows) {
            builder.add(row, cells);
            if builder.waiting_rejections() >= MAX_REJECTIONS {
                reject(builder.take_rejections()).await?;
            }
        }
        reject(Vec::new()).await?;
        below = row_below.and_then(|cells| content_below(&mapping, tab.window.last_row + 1, &cells));
        next = unless_shrunk(reader.next().await)?;
    }
    let requests = reader.requests();
    let (version_after, tab_after) = look_up().await?;
    if (tab.id, &tab.title) != (tab_after.id, &tab_after.title) {
        return Err(ReadError::TabExchanged { was: tab.title, is: tab_after.title, id: tab_after.id }.into());
    }
    let moved = shrank || version != version_after || tab != tab_after && !faults::is_on(Fault::GridFirst);

    let (snapshot, mut rejections) = builder.finish(moved);
    loop {
        let some: Vec<Rejection> = rejections.by_ref().take(MAX_REJECTIONS).collect();
        if some.is_empty() {
            break;
        }
        reject(some).await?;
    }
    let unmapped_headers =
        mapping.unmapped_headers().iter().map(|(header, cell)| format!("{} ({cell})", shortened(header))).collect();
    let sources = mapping.sources().map(|(header, column)| Source { header: header.to_owned(), column }).collect();
    Ok(TabRead { tab, snapshot, moved, requests, unmapped_headers, sources, below })
}

/// A chunk with what its cells show, where a column needs that. Where the two do not belong together, a person edits the
/// sheet, and the chunk is read once more; what does not then either, the mapping rejects.
async fn seen<T: Tabs>(reader: &mut Reader<'_, T>, mapping: &Mapping, mut chunk: Chunk) -> Result<Chunk, SheetsError> {
    for is_last in [false, true] {
        let places = mapping.unseen(&chunk.rows);
        if places.is_empty() {
            break;
        }
        let shown = reader.shown(&chunk, &places).await?;
        let mut agrees = true;
        for (place, shown) in places.into_iter().zip(&shown) {
            agrees &= mapping.see(&mut chunk.rows, place, shown);
        }
        if agrees || is_last {
            break;
        }
        chunk = reader.again(&chunk).await?;
    }
    Ok(chunk)
}

/// How the definition names its tab, and which of its cells.
fn wanted(definition: &Sync) -> (TabName<'_>, Option<Area>) {
    let range = definition.range.as_deref().and_then(|range| RangeName::parse(range).ok());
    match (&definition.tab, definition.tab_id, range) {
        (_, _, Some(RangeName::Named(range))) => (TabName::OfRange(range), None),
        (_, Some(id), range) => (TabName::Id(id), cells(range)),
        (Some(title), None, range) => (TabName::Title(title), cells(range)),
        (None, None, _) => unreachable!("a definition without a tab was refused"),
    }
}

/// The row below the range, if what is in it would be a row of the table.
fn content_below(mapping: &Mapping, row: u32, cells: &[Cell]) -> Option<u32> {
    (!matches!(mapping.row(row, cells), Mapped::Blank)).then_some(row)
}

fn cells(range: Option<RangeName<'_>>) -> Option<Area> {
    match range {
        Some(RangeName::Cells(area)) => Some(area),
        Some(RangeName::Named(_)) | None => None,
    }
}
