//! Reads a tab in chunks of a bounded size. Each chunk comes with the header row as it was at the same moment, so that the
//! caller sees whether the columns still stand where they stood.

use std::ops::RangeInclusive;

use super::{Block, SheetsError, Tab, Tabs};
use crate::mapping::Cell;

/// The first chunk is small, because the size of a row is not known yet.
const FIRST_CHUNK_CELLS: u32 = 40_000;
/// Google recommends responses of at most about 2 MB.
const CHUNK_BYTES: u64 = 2_000_000;
/// A chunk grows at most so much over the one before, in case the rows read so far were shorter than those to come.
const CHUNK_GROWTH: u32 = 8;

/// Reads the rows below the header row of a tab.
pub struct Reader<'a, T> {
    tabs: &'a T,
    tab: &'a Tab,
    header_row: u32,
    next_row: u32,
    chunk_rows: u32,
    requests: u32,
}

/// Consecutive rows of a tab, from its window's first column on, and its header row, all as they were at one moment. Blank
/// rows at the end and blank cells at the end of a row are left out.
#[derive(Debug)]
pub struct Chunk {
    /// The header row.
    pub headers: Vec<Cell>,
    /// The row number of the first of the rows.
    pub first_row: u32,
    /// The row number of the last that was asked for.
    last_row: u32,
    /// The rows from `first_row` on.
    pub rows: Block,
    /// The row directly below the window, with the last chunk of a window that ends before its tab does.
    pub below: Option<Vec<Cell>>,
}

impl<'a, T: Tabs> Reader<'a, T> {
    /// Reads the rows below `header_row`.
    #[must_use]
    pub fn of(tabs: &'a T, tab: &'a Tab, header_row: u32) -> Self {
        let rows = (FIRST_CHUNK_CELLS / tab.window.columns()).max(1);
        Self { tabs, tab, header_row, next_row: header_row + 1, chunk_rows: rows, requests: 0 }
    }

    /// The next chunk; `None` after the last row of the window. The first comes even if there is no row below the headers.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn next(&mut self) -> Result<Option<Chunk>, SheetsError> {
        let (first_row, end) = (self.next_row, self.tab.window.last_row);
        if self.header_row > end || (first_row > end && self.requests > 0) {
            return Ok(None);
        }
        let last_row = end.min(first_row.saturating_add(self.chunk_rows - 1));
        let (chunk, bytes) = self.read(first_row, last_row).await?;
        self.next_row = last_row + 1;
        let asked = u64::from((last_row + 1).saturating_sub(first_row)).max(1);
        let fitting = CHUNK_BYTES * asked / bytes.max(1);
        self.chunk_rows =
            (fitting.min(u64::from(u32::MAX)) as u32).clamp(1, self.chunk_rows.saturating_mul(CHUNK_GROWTH));
        Ok(Some(chunk))
    }

    /// The same rows as they are now.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn again(&mut self, chunk: &Chunk) -> Result<Chunk, SheetsError> {
        Ok(self.read(chunk.first_row, chunk.last_row).await?.0)
    }

    /// What the cells at `places` of the rows of a chunk show: per place its cells from the first row on, of which blank ones
    /// at the end are left out. Places count from the window's first column, in ascending order.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn shown(&mut self, chunk: &Chunk, places: &[usize]) -> Result<Vec<Vec<String>>, SheetsError> {
        let first_column = self.tab.window.first_column;
        let columns: Vec<u32> = places.iter().map(|place| first_column + *place as u32).collect();
        let last_row = chunk.first_row + (chunk.rows.len() as u32).saturating_sub(1);
        self.requests += 1;
        self.tabs.shown(self.tab, chunk.first_row..=last_row, &columns).await
    }

    /// One chunk, and how many bytes it took.
    async fn read(&mut self, first_row: u32, last_row: u32) -> Result<(Chunk, u64), SheetsError> {
        let end = self.tab.window.last_row;
        let mut wanted = vec![self.header_row..=self.header_row];
        let rows_at = place(&mut wanted, first_row..=last_row);
        let ends_inside = last_row == end && end < self.tab.grid.rows;
        let below_at = if ends_inside { place(&mut wanted, end + 1..=end + 1) } else { None };

        let (mut blocks, bytes) = self.tabs.blocks(self.tab, &wanted).await?;
        self.requests += 1;
        let mut take = |at: Option<usize>| at.and_then(|at| blocks.get_mut(at)).map(std::mem::take);
        let chunk = Chunk {
            headers: take(Some(0)).unwrap_or_default().pop().unwrap_or_default(),
            first_row,
            last_row,
            rows: take(rows_at).unwrap_or_default(),
            below: take(below_at).map(|mut rows| rows.pop().unwrap_or_default()),
        };
        Ok((chunk, bytes))
    }

    /// How many requests the reading has taken so far.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.requests
    }
}

/// Adds rows to those that are asked for, unless there are none; their place in the answer.
fn place(wanted: &mut Vec<RangeInclusive<u32>>, rows: RangeInclusive<u32>) -> Option<usize> {
    (!rows.is_empty()).then(|| {
        wanted.push(rows);
        wanted.len() - 1
    })
}
