//! Documents as they are described from outside: in the control endpoint's JSON, in [`crate::Options`] and
//! on the command line.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::a1::{self, Reference};
use crate::document::{Document, Kind, Role, TabKind};
use crate::entry::Input;
use crate::grid::Grid;
use crate::load::{self, CsvCells, LoadError, NewTab};
use crate::named::NamedRange;

/// A spreadsheet to serve. Absent members take the defaults of a Japanese user's new sheet.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DocumentSpec {
    /// The spreadsheet's title; absent: its id.
    pub title: Option<String>,
    /// `ja_JP` if absent.
    pub locale: Option<String>,
    /// `Asia/Tokyo` if absent.
    pub time_zone: Option<String>,
    /// `true`: an .xlsx file in Drive that was never converted, which the Sheets API refuses.
    pub uploaded_xlsx: bool,
    /// What the first service account may do: `reader`, `writer` (default) or `none`.
    pub shared: Sharing,
    /// A workbook, all tabs of which are served. Excludes `tabs`.
    pub xlsx: Option<PathBuf>,
    /// The tabs, in order. None at all is one blank tab titled `Sheet1`.
    pub tabs: Vec<TabSpec>,
    /// Cells that have a name.
    pub named_ranges: Vec<NamedRangeSpec>,
}

/// A named range.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamedRangeSpec {
    /// Its name.
    pub name: String,
    /// Its cells, such as `'物件一覧'!A3:CV`.
    pub range: String,
}

/// Who may open a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sharing {
    /// Not shared: 403.
    None,
    /// May read.
    Reader,
    /// May read and write.
    #[default]
    Writer,
}

impl Sharing {
    pub(crate) fn role(self) -> Option<Role> {
        match self {
            Self::None => None,
            Self::Reader => Some(Role::Reader),
            Self::Writer => Some(Role::Writer),
        }
    }
}

/// One tab. At most one of `csv`, `csv_text` and `rows` is given; none is a blank tab.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TabSpec {
    /// The title; absent: `Sheet1`, `Sheet2`, …
    pub title: Option<String>,
    /// The tab's id; absent: 0 for the first, a fixed arbitrary number for each other.
    pub sheet_id: Option<i64>,
    /// A chart on a tab of its own, which holds no cells.
    pub chart: bool,
    /// How many rows are frozen at the top.
    pub frozen_rows: usize,
    /// The grid's rows; absent: 1000 or as many as the content needs.
    pub row_count: Option<usize>,
    /// The grid's columns; absent: 26 or as many as the content needs.
    pub column_count: Option<usize>,
    /// A CSV file, read by the server.
    pub csv: Option<PathBuf>,
    /// CSV as text.
    pub csv_text: Option<String>,
    /// Rows of JSON values.
    pub rows: Option<Vec<Vec<Value>>>,
    /// Takes text as if a person had typed it (`1,234`, `2024/3/1`, `TRUE`). Otherwise CSV fields that are
    /// plain numbers become numbers and all else stays as it is.
    pub typed: bool,
}

impl DocumentSpec {
    /// A document of one CSV file, as one tab.
    pub fn csv(path: impl Into<PathBuf>, tab_title: Option<String>) -> Self {
        let tab = TabSpec { title: tab_title, csv: Some(path.into()), ..TabSpec::default() };
        Self { tabs: vec![tab], ..Self::default() }
    }

    /// A document of all tabs of a workbook.
    pub fn xlsx(path: impl Into<PathBuf>) -> Self {
        Self { xlsx: Some(path.into()), ..Self::default() }
    }

    /// Reads the files. Slow for large ones: keep it off the request path.
    pub(crate) fn load(self, id: &str) -> Result<Document, LoadError> {
        let locale = self.locale.unwrap_or_else(|| "ja_JP".to_owned());
        let mut tabs = match &self.xlsx {
            Some(path) => workbook_tabs(path)?,
            None => Vec::new(),
        };
        for (index, tab) in self.tabs.into_iter().enumerate() {
            tabs.push(tab.load(index, &locale)?);
        }
        if tabs.is_empty() {
            tabs.push(TabSpec::default().load(0, &locale)?);
        }
        let mut content = load::content(
            self.title.unwrap_or_else(|| id.to_owned()),
            locale,
            self.time_zone.unwrap_or_else(|| "Asia/Tokyo".to_owned()),
            tabs,
        )?;
        for NamedRangeSpec { name, range } in self.named_ranges {
            let reference = a1::parse(&range).and_then(|reference| {
                let tab = content.tab_by_title(reference.tab.as_deref()?)?;
                Some((content.tabs[tab].id, reference))
            });
            let Some((sheet_id, Reference { rows, columns, .. })) = reference else {
                return Err(LoadError::BadNamedRange(name));
            };
            content.named_ranges.push(NamedRange { name, sheet_id, rows, columns });
        }
        let kind = if self.uploaded_xlsx { Kind::UploadedXlsx } else { Kind::GoogleSheet };
        Ok(Document::new(kind, content))
    }
}

fn workbook_tabs(path: &Path) -> Result<Vec<NewTab>, LoadError> {
    let tabs = load::workbook(path)?.into_iter().map(|(title, rows)| NewTab {
        title,
        id: None,
        kind: TabKind::Grid,
        frozen_rows: 0,
        grid: load::grid(rows),
    });
    Ok(tabs.collect())
}

impl TabSpec {
    fn load(self, index: usize, locale: &str) -> Result<NewTab, LoadError> {
        let csv_cells = if self.typed { CsvCells::Typed } else { CsvCells::Plain };
        let input = if self.typed { Input::UserEntered } else { Input::Raw };
        let rows = if let Some(path) = &self.csv {
            load::csv_file(path, csv_cells, locale)?
        } else if let Some(text) = &self.csv_text {
            load::csv_text(text, csv_cells, locale)?
        } else {
            load::json_rows(&self.rows.unwrap_or_default(), input, locale)?
        };
        let grid = match (self.row_count, self.column_count) {
            (None, None) => load::grid(rows),
            (row_count, column_count) => Grid::new(rows, row_count.unwrap_or(1000), column_count.unwrap_or(26)),
        };
        Ok(NewTab {
            title: self.title.unwrap_or_else(|| format!("Sheet{}", index + 1)),
            id: self.sheet_id,
            kind: if self.chart { TabKind::Object } else { TabKind::Grid },
            frozen_rows: self.frozen_rows,
            grid,
        })
    }
}
