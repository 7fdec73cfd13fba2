//! A spreadsheet of one tab that is edited between two requests of a reading. It answers as Google does: blank cells at the
//! end of a row and blank rows at the end of a block are left out, and a block past the end of the grid is refused.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use crate::clients::sheets::{Block, Grid, SheetsError, Tab, TabName, Tabs, Window};
use crate::definition::area::Area;
use crate::mapping::Cell;

/// So wide a grid that the first chunk has four rows, and so heavy rows that no later one has more.
pub const COLUMNS: u32 = 10_000;
const ROW_BYTES: u64 = 500_000;

/// An edit of the spreadsheet; rows count from 1, columns from 0.
#[derive(Debug, Clone)]
pub enum Edit {
    InsertRow(usize, Vec<&'static str>),
    DeleteRow(usize),
    /// Writes below the last row with content; the grid grows when it is full.
    AppendRow(Vec<&'static str>),
    InsertColumn(usize, &'static str),
    DeleteColumn(usize),
    /// The column that is taken out and the index that it has afterwards.
    MoveColumn(usize, usize),
    SetCell(usize, usize, &'static str),
    RenameTab(&'static str),
    /// Another tab takes the title, and this one gets another.
    ExchangeTab,
    SetTimeZone(&'static str),
}

/// What Drive and Google do where it is not certain.
#[derive(Debug, Clone, Copy)]
pub struct Google {
    /// Whether Drive's version stays behind the edits for as long as a reading lasts.
    pub version_lags: bool,
    /// Whether a block that begins in the grid and ends past it is cut off there; else it is refused.
    pub cuts_blocks: bool,
}

pub const USUAL: Google = Google { version_lags: false, cuts_blocks: true };

/// What a cell holds and shows: `=12 0012` is the number 12, shown as `0012`.
fn number_and_shown(cell: &str) -> Option<(f64, &str)> {
    let (number, shown) = cell.strip_prefix('=')?.split_once(' ')?;
    Some((number.parse().ok()?, shown))
}

fn held_by(cell: &str) -> Cell {
    number_and_shown(cell).map_or_else(|| Cell::from(cell), |(number, _)| Cell::Number(number))
}

fn shown_of(cell: &str) -> &str {
    number_and_shown(cell).map_or(cell, |(_, shown)| shown)
}

struct Sheet {
    rows: Vec<Vec<String>>,
    grid: Grid,
    title: &'static str,
    id: i64,
    time_zone: &'static str,
    version: u64,
}

/// The spreadsheet, and the edits that wait for their moment.
pub struct Spreadsheet {
    sheet: RefCell<Sheet>,
    google: Google,
    /// Each with the number of requests that are answered before it.
    edits: RefCell<Vec<(usize, Edit)>>,
    pub requests: RefCell<Vec<&'static str>>,
}

impl Spreadsheet {
    /// A tab with these rows, the headers first, and so many blank rows below.
    pub fn new(rows: &[Vec<String>], blank_rows: u32, google: Google, edits: &[(usize, Edit)]) -> Self {
        let grid = Grid { rows: rows.len() as u32 + blank_rows, columns: COLUMNS };
        let sheet = Sheet { rows: rows.to_vec(), grid, title: "tab", id: 7, time_zone: "Asia/Tokyo", version: 1 };
        let edits = RefCell::new(edits.to_vec());
        Self { sheet: RefCell::new(sheet), google, edits, requests: RefCell::default() }
    }

    /// Applies the edits whose moment it is, and notes the request.
    fn arrive(&self, request: &'static str) {
        let answered = self.requests.borrow().len();
        for (_, edit) in self.edits.borrow_mut().extract_if(.., |(after, _)| *after <= answered) {
            self.sheet.borrow_mut().apply(edit);
        }
        self.requests.borrow_mut().push(request);
    }
}

impl Sheet {
    fn apply(&mut self, edit: Edit) {
        let texts = |row: Vec<&str>| row.into_iter().map(str::to_owned).collect::<Vec<_>>();
        match edit {
            Edit::InsertRow(row, cells) => {
                self.rows.resize(self.rows.len().max(row - 1), Vec::new());
                self.rows.insert(row - 1, texts(cells));
                self.grid.rows += 1;
            }
            Edit::DeleteRow(row) => {
                self.rows.remove(row - 1);
                self.grid.rows -= 1;
            }
            Edit::AppendRow(cells) => {
                self.rows.push(texts(cells));
                self.grid.rows = self.grid.rows.max(self.rows.len() as u32);
            }
            Edit::InsertColumn(column, header) => {
                self.insert_column(column, Vec::new());
                self.rows[0][column] = header.to_owned();
                self.grid.columns += 1;
            }
            Edit::DeleteColumn(column) => {
                self.take_column(column);
                self.grid.columns -= 1;
            }
            Edit::MoveColumn(from, to) => {
                let cells = self.take_column(from);
                self.insert_column(to, cells);
            }
            Edit::SetCell(row, column, text) => text.clone_into(&mut self.rows[row - 1][column]),
            Edit::RenameTab(title) => self.title = title,
            Edit::ExchangeTab => self.id += 1,
            Edit::SetTimeZone(name) => self.time_zone = name,
        }
        self.version += 1;
    }

    fn take_column(&mut self, column: usize) -> Vec<String> {
        let take = |row: &mut Vec<String>| if column < row.len() { row.remove(column) } else { String::new() };
        self.rows.iter_mut().map(take).collect()
    }

    fn insert_column(&mut self, column: usize, cells: Vec<String>) {
        for (row, cell) in self.rows.iter_mut().zip(cells.into_iter().chain(std::iter::repeat(String::new()))) {
            row.resize(row.len().max(column), String::new());
            row.insert(column, cell);
        }
    }

    fn block(&self, rows: &RangeInclusive<u32>, window: Window, cuts: bool) -> Result<Block, SheetsError> {
        let Grid { rows: last_row, columns } = self.grid;
        let ends_past = *rows.end() > last_row || window.last_column >= columns;
        if *rows.start() > last_row || window.first_column >= columns || (ends_past && !cuts) {
            return Err(SheetsError::PastGrid("Range (…) exceeds grid limits.".to_owned()));
        }
        let row = |cells: &Vec<String>| {
            let mut cells: Vec<Cell> =
                cells.iter().skip(window.first_column as usize).map(|cell| held_by(cell)).collect();
            cells.truncate((window.last_column - window.first_column + 1) as usize);
            while cells.last() == Some(&Cell::Blank) {
                cells.pop();
            }
            cells
        };
        let length = (rows.end() - rows.start() + 1) as usize;
        let mut block: Block = self.rows.iter().skip(*rows.start() as usize - 1).take(length).map(row).collect();
        while block.last().is_some_and(Vec::is_empty) {
            block.pop();
        }
        Ok(block)
    }
}

impl Tabs for Spreadsheet {
    async fn tab(&self, spreadsheet: &str, _: TabName<'_>, area: Option<Area>) -> Result<Tab, SheetsError> {
        self.arrive("tab");
        let sheet = self.sheet.borrow();
        Ok(Tab {
            spreadsheet: spreadsheet.to_owned(),
            id: sheet.id,
            title: sheet.title.to_owned(),
            grid: sheet.grid,
            window: Window::of(area, sheet.grid).expect("the tests' ranges lie in the grid"),
            time_zone: sheet.time_zone.to_owned(),
            locale: "ja_JP".to_owned(),
        })
    }

    async fn version(&self, _: &str) -> Result<String, SheetsError> {
        self.arrive("version");
        let version = if self.google.version_lags { 1 } else { self.sheet.borrow().version };
        Ok(version.to_string())
    }

    async fn blocks(&self, tab: &Tab, blocks: &[RangeInclusive<u32>]) -> Result<(Vec<Block>, u64), SheetsError> {
        self.arrive("blocks");
        let sheet = self.sheet.borrow();
        let read = |rows: &RangeInclusive<u32>| sheet.block(rows, tab.window, self.google.cuts_blocks);
        let bytes = blocks.iter().map(|rows| u64::from(rows.end() - rows.start() + 1) * ROW_BYTES).sum();
        Ok((blocks.iter().map(read).collect::<Result<_, _>>()?, bytes))
    }

    async fn shown(
        &self,
        tab: &Tab,
        rows: RangeInclusive<u32>,
        columns: &[u32],
    ) -> Result<Vec<Vec<String>>, SheetsError> {
        self.arrive("shown");
        let sheet = self.sheet.borrow();
        // Refuses what lies past the grid.
        sheet.block(&rows, tab.window, self.google.cuts_blocks)?;
        let length = (rows.end() - rows.start() + 1) as usize;
        let rows = || sheet.rows.iter().skip(*rows.start() as usize - 1).take(length);
        let cell =
            |row: &Vec<String>, column: u32| row.get(column as usize).map_or("", |cell| shown_of(cell)).to_owned();
        let column = |column: &u32| rows().map(|row| cell(row, *column)).collect();
        Ok(columns.iter().map(column).collect())
    }
}
