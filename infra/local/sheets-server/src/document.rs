//! A spreadsheet with its tabs, and which cells a range of it means. All edits pass through
//! [`Document::edit`], so that each is all or nothing and moves Drive's version.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::a1;
use crate::error::ApiError;
use crate::grid::{Area, Grid};
use crate::named::NamedRange;

/// The most cells that a spreadsheet may have, used or not.
pub(crate) const MAX_CELLS: usize = 10_000_000;

/// What an account may do with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    Reader,
    Writer,
}

/// What kind of file the document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    #[default]
    GoogleSheet,
    /// An .xlsx file in Drive, not converted: the Sheets API refuses it.
    UploadedXlsx,
}

/// What kind of tab it is. Only grids hold cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum TabKind {
    #[default]
    Grid,
    /// A chart on a tab of its own.
    Object,
}

#[derive(Debug, Clone)]
pub(crate) struct Tab {
    pub id: i64,
    pub title: String,
    pub kind: TabKind,
    pub hidden: bool,
    pub frozen_rows: usize,
    pub frozen_columns: usize,
    pub grid: Grid,
}

/// What an edit may change, and what is put back when it fails.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub title: String,
    pub locale: String,
    pub time_zone: String,
    /// In the order of their index. Shared until edited.
    pub tabs: Vec<Arc<Tab>>,
    pub named_ranges: Vec<NamedRange>,
}

#[derive(Debug)]
pub(crate) struct Document {
    pub kind: Kind,
    pub trashed: bool,
    pub shared: BTreeMap<String, Role>,
    pub content: Content,
    version: u64,
    created: Timestamp,
    modified: Timestamp,
}

/// Where a range lies.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Position of the tab in [`Content::tabs`].
    pub tab: usize,
    pub area: Area,
    /// Only one cell was named: a write may spread from it.
    pub is_single_cell: bool,
}

impl Document {
    pub(crate) fn new(kind: Kind, content: Content) -> Self {
        let now = Timestamp::now();
        Self { kind, trashed: false, shared: BTreeMap::new(), content, version: 1, created: now, modified: now }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn created(&self) -> Timestamp {
        self.created
    }

    pub(crate) fn modified(&self) -> Timestamp {
        self.modified
    }

    /// Takes the place of `before`: Drive's version goes on growing.
    pub(crate) fn replacing(mut self, before: &Document) -> Self {
        self.version = before.version + 1;
        self.created = before.created;
        self
    }

    /// Moves Drive's version and time without changing content, as sharing or renaming does.
    pub(crate) fn touch(&mut self) {
        self.version += 1;
        self.modified = Timestamp::now();
    }

    /// Applies an edit, all of it or nothing.
    pub(crate) fn edit<T>(&mut self, edit: impl FnOnce(&mut Content) -> Result<T, ApiError>) -> Result<T, ApiError> {
        let before = self.content.clone();
        match edit(&mut self.content).and_then(|answer| self.content.check_size().map(|()| answer)) {
            Ok(answer) => {
                self.touch();
                Ok(answer)
            }
            Err(error) => {
                self.content = before;
                Err(error)
            }
        }
    }
}

impl Content {
    pub(crate) fn check_size(&self) -> Result<(), ApiError> {
        let cells: usize = self.tabs.iter().map(|tab| tab.grid.cell_count()).sum();
        if cells > MAX_CELLS {
            return Err(ApiError::invalid(format!(
                "This action would increase the number of cells in the workbook above the limit of {MAX_CELLS} cells."
            )));
        }
        Ok(())
    }

    pub(crate) fn tab_by_id(&self, id: i64) -> Option<usize> {
        self.tabs.iter().position(|tab| tab.id == id)
    }

    pub(crate) fn tab_by_title(&self, title: &str) -> Option<usize> {
        self.tabs.iter().position(|tab| tab.title == title)
    }

    /// A tab to be edited; copied first if a snapshot still shares it (its rows stay shared).
    pub(crate) fn tab_mut(&mut self, index: usize) -> &mut Tab {
        Arc::make_mut(&mut self.tabs[index])
    }

    /// The title of a place's tab and its range in A1 notation.
    pub(crate) fn range_of(&self, place: &Place) -> String {
        a1::write(&self.tabs[place.tab].title, &place.area)
    }

    /// Finds the cells that a range means. A range may end past the grid, where Sheets cuts it off, but it
    /// must not begin there.
    pub(crate) fn locate(&self, range: &str) -> Result<Place, ApiError> {
        let unparsable = || ApiError::unparsable_range(range);
        let named = self.named_ranges.iter().find(|named| named.name == range);
        let named = named.and_then(|named| {
            let tab = &self.tabs[self.tab_by_id(named.sheet_id)?];
            Some(named.reference(&tab.title))
        });
        let reference = named.or_else(|| a1::parse(range)).ok_or_else(unparsable)?;
        let tab = match &reference.tab {
            Some(title) => self.tab_by_title(title).ok_or_else(unparsable)?,
            None => 0,
        };
        let title = &self.tabs.get(tab).ok_or_else(unparsable)?.title;
        let tab_kind = self.tabs[tab].kind;
        if tab_kind != TabKind::Grid {
            return Err(unparsable());
        }
        let grid = &self.tabs[tab].grid;
        let bounds = |(first, last): (Option<usize>, Option<usize>), size: usize| {
            let first = first.unwrap_or(0);
            (first < size).then(|| first..last.map_or(size, |last| (last + 1).min(size)))
        };
        let rows = bounds(reference.rows, grid.row_count());
        let columns = bounds(reference.columns, grid.column_count());
        let (Some(rows), Some(columns)) = (rows, columns) else {
            let cells = range.rsplit_once('!').map_or(range, |(_, cells)| cells);
            let named = format!("{}!{cells}", a1::quote_title(title));
            return Err(ApiError::past_the_grid(&named, grid.row_count(), grid.column_count()));
        };
        Ok(Place { tab, area: Area { rows, columns }, is_single_cell: reference.is_single_cell })
    }
}
