//! The spreadsheet, as people edit it and as Google gives it out. Each row has a number from its birth on, which follows it
//! wherever it goes and whatever its key becomes.

use serde::Serialize;

use crate::world::{Content, Edit};

/// A row's number from its birth.
pub type Birth = u32;

/// A column of a tab: one of the schema's, or one that feeds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ColumnId {
    /// Of the schema, its keys first.
    Schema(usize),
    /// Of nothing.
    Other(u32),
}

/// A column as it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SheetColumn {
    /// What it is.
    pub id: ColumnId,
    /// Whether its header was changed.
    pub renamed: bool,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SheetRow {
    /// Its number.
    pub birth: Birth,
    /// Per column of the schema what is in it.
    pub cells: Vec<Content>,
    /// Per column of the schema for how many reads its formula is not ready.
    pub loading: Vec<u8>,
}

/// A tab.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SheetTab {
    /// Its columns from left to right.
    pub columns: Vec<SheetColumn>,
    /// Its rows from the first below the headers on.
    pub rows: Vec<SheetRow>,
}

/// The spreadsheet.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    /// Its tabs.
    pub tabs: Vec<SheetTab>,
    /// Grows with every edit.
    pub version: u64,
    width: usize,
    next: u32,
    before: Vec<Vec<SheetTab>>,
}

impl Sheet {
    /// A spreadsheet with these rows in its tabs, all of so many columns.
    #[must_use]
    pub fn new(width: usize, tabs: &[Vec<Vec<Content>>]) -> Self {
        let mut sheet = Self { width, ..Self::default() };
        for rows in tabs {
            let columns = (0..width).map(|index| SheetColumn { id: ColumnId::Schema(index), renamed: false }).collect();
            let rows = rows.iter().map(|cells| sheet.born(cells)).collect();
            sheet.tabs.push(SheetTab { columns, rows });
        }
        sheet
    }

    fn born(&mut self, cells: &[Content]) -> SheetRow {
        self.next += 1;
        let mut cells = cells.to_vec();
        cells.resize(self.width, Content::Blank);
        SheetRow { birth: self.next, cells, loading: vec![0; self.width] }
    }

    /// Makes an edit of a tab; says whether it changed anything.
    pub fn edit(&mut self, tab: usize, edit: &Edit) -> bool {
        let Some(tab) = tab.checked_rem(self.tabs.len()) else { return false };
        let before = self.tabs.clone();
        if *edit == Edit::Undo {
            let Some(earlier) = self.before.pop() else { return false };
            self.tabs = earlier;
        } else if self.make(tab, edit).is_none() || self.tabs == before {
            self.tabs = before;
            return false;
        } else {
            self.before.push(before);
        }
        self.version += 1;
        true
    }

    fn make(&mut self, tab: usize, edit: &Edit) -> Option<()> {
        let width = self.width;
        let rows = self.tabs[tab].rows.len();
        let row = |row: usize| row.checked_rem(rows);
        match edit {
            Edit::Set { row: at, column, content } => {
                let target = &mut self.tabs[tab].rows[row(*at)?];
                target.cells[column % width] = *content;
                target.loading[column % width] = 0;
            }
            Edit::FillDown { row: at, column, count } => {
                let (first, column) = (row(*at)?, column % width);
                let content = self.tabs[tab].rows[first].cells[column];
                self.tabs[tab].rows.iter_mut().skip(first + 1).take(*count).for_each(|row| row.cells[column] = content);
            }
            Edit::Swap { row: one, other, column } => {
                let (one, other, column) = (row(*one)?, row(*other)?, column % width);
                let rows = &mut self.tabs[tab].rows;
                let content = rows[one].cells[column];
                rows[one].cells[column] = rows[other].cells[column];
                rows[other].cells[column] = content;
            }
            Edit::Renumber { column, first } => {
                let column = column % width;
                for (number, row) in (*first..).zip(&mut self.tabs[tab].rows) {
                    row.cells[column] = Content::Value(number % crate::palette::VALUES, 0);
                }
            }
            Edit::Insert { at, cells } => {
                let new = self.born(cells);
                self.tabs[tab].rows.insert(at % (rows + 1), new);
            }
            Edit::Copy { row: from, at } => {
                let cells = self.tabs[tab].rows[row(*from)?].cells.clone();
                let new = self.born(&cells);
                self.tabs[tab].rows.insert(at % (rows + 1), new);
            }
            Edit::Move { row: from, to } => {
                let moved = self.tabs[tab].rows.remove(row(*from)?);
                self.tabs[tab].rows.insert(to % rows, moved);
            }
            Edit::Sort { column, descending } => {
                let column = column % width;
                self.tabs[tab].rows.sort_by(|left, right| {
                    let order = left.cells[column].cmp(&right.cells[column]);
                    if *descending { order.reverse() } else { order }
                });
            }
            Edit::Delete { row: first, count } => {
                let first = row(*first)?;
                self.tabs[tab].rows.drain(first..(first + count).min(rows));
            }
            Edit::Paste { row: from, tab: to, at } => {
                let to = to % self.tabs.len();
                let moved = self.tabs[tab].rows.remove(row(*from)?);
                let places = self.tabs[to].rows.len() + 1;
                self.tabs[to].rows.insert(at % places, moved);
            }
            Edit::InsertColumn { at } => {
                self.next += 1;
                let new = SheetColumn { id: ColumnId::Other(self.next), renamed: false };
                let columns = &mut self.tabs[tab].columns;
                let places = columns.len() + 1;
                columns.insert(at % places, new);
            }
            Edit::MoveColumn { from, to } => {
                let columns = &mut self.tabs[tab].columns;
                let moved = columns.remove(from.checked_rem(columns.len())?);
                let places = columns.len() + 1;
                columns.insert(to % places, moved);
            }
            Edit::RenameColumn(column) => {
                let columns = &mut self.tabs[tab].columns;
                let column = column.checked_rem(columns.len())?;
                columns[column].renamed = !columns[column].renamed;
            }
            Edit::DeleteColumn(column) => {
                let columns = &mut self.tabs[tab].columns;
                columns.remove(column.checked_rem(columns.len())?);
            }
            Edit::Load { row: first, count, column, reads } => {
                let (first, column) = (row(*first)?, column % width);
                self.tabs[tab].rows.iter_mut().skip(first).take(*count).for_each(|row| row.loading[column] = *reads);
            }
            Edit::Undo => return None,
        }
        Some(())
    }

    /// Restores changed headers, which would fail every run: what people do who read the run's message.
    pub fn restore_headers(&mut self) {
        let width = self.width;
        for tab in &mut self.tabs {
            tab.columns.iter_mut().for_each(|column| column.renamed = false);
            for index in 0..width {
                if !tab.columns.iter().any(|column| column.id == ColumnId::Schema(index)) {
                    tab.columns.push(SheetColumn { id: ColumnId::Schema(index), renamed: false });
                }
            }
            tab.rows.iter_mut().for_each(|row| row.loading.fill(0));
        }
        self.version += 1;
    }
}

impl SheetRow {
    /// What can be read of a cell now.
    #[must_use]
    pub fn shown(&self, column: usize) -> Content {
        if self.loading[column] > 0 { Content::Error } else { self.cells[column] }
    }
}

impl SheetTab {
    /// Whether all headers of the schema are there.
    #[must_use]
    pub fn has_headers(&self, width: usize) -> bool {
        (0..width)
            .all(|index| self.columns.iter().any(|column| column.id == ColumnId::Schema(index) && !column.renamed))
    }
}
