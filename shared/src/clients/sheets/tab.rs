//! A tab and the trait that reads it: from Google, or from a simulation.

use std::ops::RangeInclusive;

use super::SheetsError;
use crate::definition::area::Area;
use crate::mapping::Cell;

/// A tab, as it was when it was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// The spreadsheet's id.
    pub spreadsheet: String,
    /// The tab's id.
    pub id: i64,
    /// The title of the tab.
    pub title: String,
    /// How many rows and columns its grid has.
    pub grid: Grid,
    /// The cells that are read.
    pub window: Window,
    /// The spreadsheet's time zone, an IANA name.
    pub time_zone: String,
    /// The spreadsheet's locale, such as `ja_JP`; it says how numbers in texts are written.
    pub locale: String,
}

/// The size of a tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Number of rows, blank ones included.
    pub rows: u32,
    /// Number of columns, blank ones included.
    pub columns: u32,
}

/// Where tabs are read from: Google, or what a simulation plays.
#[expect(async_fn_in_trait, reason = "a caller that needs Send futures names the type, and then they are")]
pub trait Tabs {
    /// Looks up a tab, and which of its cells are to be read: `area`, or those of the named range, or all.
    async fn tab(&self, spreadsheet: &str, name: TabName<'_>, area: Option<Area>) -> Result<Tab, SheetsError>;
    /// The version of the spreadsheet, which grows with every change.
    async fn version(&self, spreadsheet: &str) -> Result<String, SheetsError>;
    /// Blocks of whole rows, counted from 1, all as they were at one moment, and how many bytes they took. Blank rows at the
    /// end of a block and blank cells at the end of a row are left out.
    async fn blocks(&self, tab: &Tab, blocks: &[RangeInclusive<u32>]) -> Result<(Vec<Block>, u64), SheetsError>;
    /// What the cells of some columns show in consecutive rows, counted from 1, all at one moment: per column its cells from
    /// the first row on, of which blank ones at the end are left out. Columns are those of the tab, counted from 0, in
    /// ascending order.
    async fn shown(
        &self,
        tab: &Tab,
        rows: RangeInclusive<u32>,
        columns: &[u32],
    ) -> Result<Vec<Vec<String>>, SheetsError>;
}

/// Consecutive rows of a tab, from its window's first column on.
pub type Block = Vec<Vec<Cell>>;

/// Cells of a tab, all of which there are. Both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Counted from 1.
    pub first_row: u32,
    /// Counted from 1.
    pub last_row: u32,
    /// Counted from 0.
    pub first_column: u32,
    /// Counted from 0.
    pub last_column: u32,
}

impl Window {
    /// What of `area` lies in a grid; `None` when it begins past its end.
    #[must_use]
    pub fn of(area: Option<Area>, grid: Grid) -> Option<Self> {
        let Grid { rows, columns } = grid;
        let whole = Area { first_row: 1, last_row: None, first_column: 0, last_column: None };
        let Area { first_row, last_row, first_column, last_column } = area.unwrap_or(whole);
        let window = Self {
            first_row,
            last_row: last_row.map_or(rows, |last| last.min(rows)),
            first_column,
            last_column: last_column.map_or(columns, |last| (last + 1).min(columns)).checked_sub(1)?,
        };
        (first_row <= window.last_row && first_column <= window.last_column).then_some(window)
    }

    pub(super) fn columns(self) -> u32 {
        self.last_column - self.first_column + 1
    }
}

/// How a sync names its tab.
#[derive(Debug, Clone, Copy)]
pub enum TabName<'a> {
    /// By its title.
    Title(&'a str),
    /// By its id.
    Id(i64),
    /// By a named range that lies in it.
    OfRange(&'a str),
}
