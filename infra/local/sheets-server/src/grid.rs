//! The cells of one tab: packed rows, and the edits that a sheet allows on them. It knows no titles, no
//! ranges in A1 notation and no JSON.

use std::ops::Range;
use std::sync::Arc;

use crate::cell::Cell;

/// A rectangle of cells, zero-based and half-open on both axes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Area {
    pub rows: Range<usize>,
    pub columns: Range<usize>,
}

/// Rows or columns, for edits that exist on both axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Dimension {
    Rows,
    Columns,
}

/// One row: its cells, packed, without trailing blanks. Shared until edited, so that a snapshot of a
/// large tab copies pointers and not cells.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Row(Arc<[u8]>);

impl Row {
    pub(crate) fn new<'a>(cells: impl IntoIterator<Item = Cell<'a>>) -> Self {
        let mut packed = Vec::new();
        let mut used = 0;
        for cell in cells {
            cell.pack(&mut packed);
            if !cell.is_blank() {
                used = packed.len();
            }
        }
        packed.truncate(used);
        Self(packed.into())
    }

    pub(crate) fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        let mut rest: &[u8] = &self.0;
        std::iter::from_fn(move || Cell::unpack(&mut rest))
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.0.is_empty()
    }

    fn width(&self) -> usize {
        self.cells().count()
    }

    /// The row after `edit` has changed its cells, spread to at least `width` of them.
    fn edited(&self, width: usize, edit: impl FnOnce(&mut Vec<Cell<'_>>)) -> Self {
        let mut cells: Vec<_> = self.cells().collect();
        if cells.len() < width {
            cells.resize(width, Cell::Blank);
        }
        edit(&mut cells);
        Self::new(cells)
    }
}

/// The cells of a tab and its size. Rows past the last one with content are not stored.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    rows: Vec<Row>,
    row_count: usize,
    column_count: usize,
}

impl Grid {
    /// A grid that holds `rows` and is at least `row_count` × `column_count` large.
    pub(crate) fn new(mut rows: Vec<Row>, row_count: usize, column_count: usize) -> Self {
        rows.truncate(rows.iter().rposition(|row| !row.is_blank()).map_or(0, |last| last + 1));
        let width = rows.iter().map(Row::width).max().unwrap_or(0);
        Self { row_count: row_count.max(rows.len()), column_count: column_count.max(width), rows }
    }

    pub(crate) fn row_count(&self) -> usize {
        self.row_count
    }

    pub(crate) fn column_count(&self) -> usize {
        self.column_count
    }

    /// How many cells the grid counts for in the spreadsheet's limit, used or not.
    pub(crate) fn cell_count(&self) -> usize {
        self.row_count * self.column_count
    }

    pub(crate) fn whole(&self) -> Area {
        Area { rows: 0..self.row_count, columns: 0..self.column_count }
    }

    /// The cells of `row` within `columns`; shorter when the row ends earlier.
    pub(crate) fn cells(&self, row: usize, columns: &Range<usize>) -> impl Iterator<Item = Cell<'_>> {
        let width = columns.len();
        self.rows.get(row).into_iter().flat_map(Row::cells).skip(columns.start).take(width)
    }

    /// The rows of `rows` that are stored: beyond its end all is blank.
    pub(crate) fn stored(&self, rows: &Range<usize>) -> Range<usize> {
        rows.start..rows.end.min(self.rows.len()).max(rows.start)
    }

    /// Whether anything is in the area.
    pub(crate) fn is_used(&self, area: &Area) -> bool {
        self.stored(&area.rows).any(|row| self.is_row_used(row, &area.columns))
    }

    /// Puts `cells` from `column` on into `row`; `None` leaves a cell as it is.
    pub(crate) fn write(&mut self, row: usize, column: usize, cells: Vec<Option<Cell<'static>>>) {
        if self.rows.len() <= row {
            self.rows.resize_with(row + 1, Row::default);
        }
        let end = column + cells.len();
        self.rows[row] = self.rows[row].edited(end, |row| {
            for (cell, place) in cells.into_iter().zip(&mut row[column..]) {
                if let Some(cell) = cell {
                    *place = cell;
                }
            }
        });
        self.row_count = self.row_count.max(row + 1);
        self.column_count = self.column_count.max(end);
        self.forget_blank_tail();
    }

    /// Gives the numbers of an area a format, also those that formulas show. Other cells have none.
    pub(crate) fn format(&mut self, area: &Area, pattern: &str) {
        for row in self.stored(&area.rows) {
            self.rows[row] = self.rows[row].edited(0, |cells| {
                let end = area.columns.end.min(cells.len());
                let start = area.columns.start.min(end);
                cells[start..end].iter_mut().for_each(|cell| cell.format(pattern));
            });
        }
    }

    pub(crate) fn clear(&mut self, area: &Area) {
        for row in self.stored(&area.rows) {
            self.rows[row] = self.rows[row].edited(0, |cells| {
                let end = area.columns.end.min(cells.len());
                if area.columns.start < end {
                    cells[area.columns.start..end].fill(Cell::Blank);
                }
            });
        }
        self.forget_blank_tail();
    }

    /// Sets the size. What falls outside is lost, as in Sheets.
    pub(crate) fn resize(&mut self, row_count: usize, column_count: usize) {
        self.rows.truncate(row_count);
        if column_count < self.column_count {
            for row in &mut self.rows {
                *row = row.edited(0, |cells| cells.truncate(column_count));
            }
        }
        self.row_count = row_count;
        self.column_count = column_count;
        self.forget_blank_tail();
    }

    pub(crate) fn insert(&mut self, dimension: Dimension, before: usize, count: usize) {
        match dimension {
            Dimension::Rows => {
                if before < self.rows.len() {
                    self.rows.splice(before..before, std::iter::repeat_n(Row::default(), count));
                }
                self.row_count += count;
            }
            Dimension::Columns => {
                for row in &mut self.rows {
                    *row = row.edited(0, |cells| {
                        if before < cells.len() {
                            cells.splice(before..before, std::iter::repeat_n(Cell::Blank, count));
                        }
                    });
                }
                self.column_count += count;
            }
        }
    }

    /// Deletes what lies in `span`, which must be inside the grid.
    pub(crate) fn delete(&mut self, dimension: Dimension, span: Range<usize>) {
        match dimension {
            Dimension::Rows => {
                self.rows.drain(self.stored(&span));
                self.row_count -= span.len();
            }
            Dimension::Columns => {
                for row in &mut self.rows {
                    *row = row.edited(0, |cells| {
                        let end = span.end.min(cells.len());
                        cells.drain(span.start.min(end)..end);
                    });
                }
                self.column_count -= span.len();
            }
        }
        self.forget_blank_tail();
    }

    /// Moves the rows or columns of `span` so that they stand before what is now at `to`.
    pub(crate) fn relocate(&mut self, dimension: Dimension, span: Range<usize>, to: usize) {
        let window = span.start.min(to)..span.end.max(to);
        let to_the_front = to < span.start;
        match dimension {
            Dimension::Rows => {
                if self.rows.len() < window.end {
                    self.rows.resize_with(window.end, Row::default);
                }
                rotate(&mut self.rows[window], span.len(), to_the_front);
            }
            Dimension::Columns => {
                for row in &mut self.rows {
                    *row = row.edited(window.end, |cells| {
                        rotate(&mut cells[window.clone()], span.len(), to_the_front);
                    });
                }
            }
        }
        self.forget_blank_tail();
    }

    /// The table that `append` adds to: the block of cells around the last used cell of `search`, grown
    /// until blank cells surround it. `None` when the searched area is blank.
    pub(crate) fn last_table(&self, search: &Area) -> Option<Area> {
        let (row, column) = self.stored(&search.rows).rev().find_map(|row| {
            let used = self.cells(row, &search.columns).enumerate().filter(|(_, cell)| !cell.is_blank());
            used.last().map(|(offset, _)| (row, search.columns.start + offset))
        })?;
        let mut table = Area { rows: row..row + 1, columns: column..column + 1 };
        loop {
            let before = table.clone();
            let left = table.columns.start.saturating_sub(1);
            let wide = left..table.columns.end + 1;
            while table.rows.start > 0 && self.is_row_used(table.rows.start - 1, &wide) {
                table.rows.start -= 1;
            }
            while self.is_row_used(table.rows.end, &wide) {
                table.rows.end += 1;
            }
            let high = table.rows.start.saturating_sub(1)..table.rows.end + 1;
            if self.is_used(&Area { rows: high.clone(), columns: left..table.columns.start }) {
                table.columns.start = left;
            }
            let right = table.columns.end..table.columns.end + 1;
            if self.is_used(&Area { rows: high, columns: right.clone() }) {
                table.columns.end = right.end;
            }
            if table == before {
                return Some(table);
            }
        }
    }

    fn is_row_used(&self, row: usize, columns: &Range<usize>) -> bool {
        self.cells(row, columns).any(|cell| !cell.is_blank())
    }

    fn forget_blank_tail(&mut self) {
        while self.rows.last().is_some_and(Row::is_blank) {
            self.rows.pop();
        }
    }
}

fn rotate<T>(slice: &mut [T], count: usize, to_the_front: bool) {
    if to_the_front {
        slice.rotate_right(count);
    } else {
        slice.rotate_left(count);
    }
}
