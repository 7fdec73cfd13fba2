//! Fills tabs from CSV and XLSX files and from inline rows, as an import into Google Sheets would.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use calamine::{CellErrorType, Data, ExcelDateTime, ExcelDateTimeType, Reader as _, Sheets};

use crate::cell::{Cell, CellError, Format};
use crate::document::{Content, MAX_CELLS, Tab, TabKind};
use crate::entry;
use crate::grid::{Grid, Row};
use crate::serial::serial;

/// Why a file or its content cannot become a spreadsheet.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The CSV text is not what it should be, or the file cannot be read.
    #[error("{source_name} cannot be read as CSV: {cause}")]
    Csv {
        /// The path, or `csvText`.
        source_name: String,
        /// What the CSV reader found.
        cause: csv::Error,
    },
    /// The workbook is damaged, of another kind, or cannot be read.
    #[error("{path} cannot be read as a workbook: {cause}")]
    Workbook {
        /// The file.
        path: String,
        /// What the workbook reader found.
        cause: calamine::Error,
    },
    /// More cells than a spreadsheet may have.
    #[error("{cells} cells are more than the 10,000,000 that a spreadsheet may have")]
    TooLarge {
        /// How many cells it would have.
        cells: usize,
    },
    /// A JSON value that no cell can hold.
    #[error("row {row}, column {column} of the rows holds an array or an object, which no cell can hold")]
    BadCell {
        /// One-based.
        row: usize,
        /// One-based.
        column: usize,
    },
    /// Two tabs of one document have the same title.
    #[error("two tabs are titled {0:?}: titles are unique within a spreadsheet")]
    SameTitle(String),
    /// A named range is no range of a tab of the document.
    #[error("the named range {0:?} needs a range such as 'Tab'!A3:C, of a tab that there is")]
    BadNamedRange(String),
}

/// How the text of a CSV file becomes cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CsvCells {
    /// Plain numbers become numbers, all else stays text.
    Plain,
    /// As if a person had typed every field.
    Typed,
}

/// A new tab's grid, as large as that of a new Google Sheet or as its content needs.
pub(crate) fn grid(rows: Vec<Row>) -> Grid {
    let exact = Grid::new(rows.clone(), 1, 1);
    let roomy = Grid::new(rows, 1000, 26);
    if roomy.cell_count() <= MAX_CELLS { roomy } else { exact }
}

pub(crate) fn csv_file(path: &Path, cells: CsvCells, locale: &str) -> Result<Vec<Row>, LoadError> {
    let failed = |cause| LoadError::Csv { source_name: path.display().to_string(), cause };
    let file = std::fs::File::open(path).map_err(|cause| failed(cause.into()))?;
    csv_rows(file, cells, locale).map_err(failed)
}

pub(crate) fn csv_text(text: &str, cells: CsvCells, locale: &str) -> Result<Vec<Row>, LoadError> {
    csv_rows(text.as_bytes(), cells, locale)
        .map_err(|cause| LoadError::Csv { source_name: "csvText".to_owned(), cause })
}

fn csv_rows(input: impl std::io::Read, cells: CsvCells, locale: &str) -> Result<Vec<Row>, csv::Error> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(input);
    let mut record = csv::StringRecord::new();
    let mut rows = Vec::new();
    while reader.read_record(&mut record)? {
        let first = rows.is_empty();
        rows.push(Row::new(record.iter().enumerate().map(|(column, field)| {
            // A byte order mark is no part of the first field.
            let field = if first && column == 0 { field.trim_start_matches('\u{feff}') } else { field };
            match cells {
                CsvCells::Plain => entry::from_csv(field),
                CsvCells::Typed => entry::user_entered(field, locale),
            }
        })));
    }
    Ok(rows)
}

/// Rows of JSON values, taken as RAW or USER_ENTERED.
pub(crate) fn json_rows(
    rows: &[Vec<serde_json::Value>],
    input: entry::Input,
    locale: &str,
) -> Result<Vec<Row>, LoadError> {
    let cell = |row: usize, column: usize, value| {
        entry::from_json(value, input, locale)
            .map(|cell| cell.unwrap_or(Cell::Blank))
            .map_err(|()| LoadError::BadCell { row: row + 1, column: column + 1 })
    };
    rows.iter()
        .enumerate()
        .map(|(row, values)| {
            let cells: Result<Vec<_>, _> =
                values.iter().enumerate().map(|(column, value)| cell(row, column, value)).collect();
            cells.map(Row::new)
        })
        .collect()
}

/// All tabs of a workbook, in its order.
pub(crate) fn workbook(path: &Path) -> Result<Vec<(String, Vec<Row>)>, LoadError> {
    let failed = |cause| LoadError::Workbook { path: path.display().to_string(), cause };
    let mut workbook: Sheets<_> = calamine::open_workbook_auto(path).map_err(failed)?;
    let mut tabs = Vec::new();
    for title in workbook.sheet_names() {
        let values = workbook.worksheet_range(&title).map_err(failed)?;
        let formulas = workbook.worksheet_formula(&title).map_err(failed)?;
        let mut rows = Vec::new();
        if let Some((top, left)) = values.start() {
            rows.resize_with(top as usize, Row::default);
            for (line, row) in values.rows().zip(top..) {
                let blanks = std::iter::repeat_n(Cell::Blank, left as usize);
                let cells = line.iter().zip(left..).map(|(data, column)| {
                    let shows = from_workbook(data);
                    match formulas.get_value((row, column)).filter(|formula| !formula.is_empty()) {
                        Some(formula) => {
                            Cell::Formula { source: Cow::Owned(format!("={formula}")), shows: Box::new(shows) }
                        }
                        None => shows,
                    }
                });
                rows.push(Row::new(blanks.chain(cells)));
            }
        }
        tabs.push((title, rows));
    }
    Ok(tabs)
}

fn from_workbook(data: &Data) -> Cell<'static> {
    match data {
        Data::Empty => Cell::Blank,
        Data::Int(number) => Cell::number(*number as f64),
        Data::Float(number) => Cell::number(*number),
        Data::Bool(flag) => Cell::Bool(*flag),
        Data::String(text) if text.is_empty() => Cell::Blank,
        Data::String(text) => Cell::text(text.clone()),
        Data::DateTime(moment) => from_serial(moment),
        Data::DateTimeIso(text) | Data::DurationIso(text) => from_iso(text),
        Data::Error(error) => Cell::Error(match error {
            CellErrorType::Div0 => CellError::DivideByZero,
            CellErrorType::NA => CellError::NotAvailable,
            CellErrorType::Name => CellError::Name,
            CellErrorType::Null => CellError::Null,
            CellErrorType::Num => CellError::Num,
            CellErrorType::Ref => CellError::Ref,
            CellErrorType::Value => CellError::Value,
            _ => CellError::Loading,
        }),
    }
}

/// Excel's serials are those of Sheets from March 1900 on, unless the workbook counts from 1904.
fn from_serial(moment: &ExcelDateTime) -> Cell<'static> {
    const DAYS_FROM_1899_TO_1904: f64 = 1462.0;
    let counted = moment.as_f64();
    let counts_from_1904 = *moment == ExcelDateTime::new(counted, ExcelDateTimeType::DateTime, true);
    let serial = if counts_from_1904 { counted + DAYS_FROM_1899_TO_1904 } else { counted };
    let format = match () {
        () if moment.is_duration() || serial < 1.0 => Format::Time,
        () if serial.fract() == 0.0 => Format::Date,
        () => Format::DateTime,
    };
    Cell::Number(serial, format)
}

fn from_iso(text: &str) -> Cell<'static> {
    if let Ok(moment) = text.parse::<jiff::civil::DateTime>() {
        let serial = serial(moment);
        let format = if serial.fract() == 0.0 { Format::Date } else { Format::DateTime };
        return Cell::Number(serial, format);
    }
    Cell::text(text)
}

/// A tab to be made: its title, its id if one is wanted, and its grid.
pub(crate) struct NewTab {
    pub title: String,
    pub id: Option<i64>,
    pub kind: TabKind,
    pub frozen_rows: usize,
    pub grid: Grid,
}

/// Puts tabs together to a spreadsheet's content. The first tab has the id 0, as in a new spreadsheet.
pub(crate) fn content(
    title: String,
    locale: String,
    time_zone: String,
    tabs: Vec<NewTab>,
) -> Result<Content, LoadError> {
    let mut content = Content { title, locale, time_zone, tabs: Vec::new(), named_ranges: Vec::new() };
    for (index, tab) in tabs.into_iter().enumerate() {
        if content.tab_by_title(&tab.title).is_some() {
            return Err(LoadError::SameTitle(tab.title));
        }
        let id = tab.id.unwrap_or_else(|| if index == 0 { 0 } else { content.free_tab_id() });
        content.tabs.push(Arc::new(Tab {
            id,
            title: tab.title,
            kind: tab.kind,
            hidden: false,
            frozen_rows: tab.frozen_rows,
            frozen_columns: 0,
            grid: tab.grid,
        }));
    }
    let cells = content.tabs.iter().map(|tab| tab.grid.cell_count()).sum();
    if cells > MAX_CELLS { Err(LoadError::TooLarge { cells }) } else { Ok(content) }
}

impl Content {
    /// An id that no tab has. Looks as arbitrary as Google's, but is the same on every run.
    pub(crate) fn free_tab_id(&self) -> i64 {
        let mut id = 1_804_289_383_i64;
        while self.tab_by_id(id).is_some() {
            id = (id * 48_271) % 2_147_483_647;
        }
        id
    }
}
