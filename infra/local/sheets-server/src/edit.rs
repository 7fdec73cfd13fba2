//! Edits that the control endpoint makes, at once or between two reads: short forms of what a person does
//! in the sheet.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::document::{Content, Document, TabKind};
use crate::entry::Input;
use crate::error::ApiError;
use crate::grid::{Area, Dimension};
use crate::pattern;
use crate::structure::{self, At};
use crate::values;

/// One edit.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Edit {
    /// Writes cells; the grid must be large enough.
    Set(SetCells),
    /// Gives the numbers in a range a format.
    Format { range: String, pattern: String },
    /// Blanks a range.
    Clear(String),
    /// Deletes rows; `row` is one-based.
    DeleteRows(Rows),
    /// Inserts rows before `row`, blank or with values.
    InsertRows(Rows),
    /// Adds rows after the last row that has content; the grid grows.
    AppendRows(AppendRows),
    /// Renames a tab.
    RenameTab { from: String, to: String },
    /// Any request of `spreadsheets.batchUpdate`.
    Request(Map<String, Value>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SetCells {
    range: String,
    values: Vec<Vec<Value>>,
    /// `RAW` if absent.
    #[serde(default)]
    value_input_option: Option<Input>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rows {
    tab: String,
    row: usize,
    /// How many; absent: as many as there are values, or one.
    #[serde(default)]
    count: Option<usize>,
    #[serde(default)]
    values: Vec<Vec<Value>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AppendRows {
    tab: String,
    values: Vec<Vec<Value>>,
}

/// Applies all edits, or none.
pub(crate) fn apply(edits: &[Edit], document: &mut Document) -> Result<(), ApiError> {
    document.edit(|content| edits.iter().enumerate().try_for_each(|(index, edit)| apply_one(edit, index, content)))
}

fn apply_one(edit: &Edit, index: usize, content: &mut Content) -> Result<(), ApiError> {
    match edit {
        Edit::Set(SetCells { range, values, value_input_option }) => {
            values::set(content, range, values, value_input_option.unwrap_or(Input::Raw))
        }
        Edit::Format { range, pattern } => {
            pattern::check(pattern)
                .map_err(|problem| ApiError::invalid(format!("the pattern {pattern:?}: {problem}")))?;
            let place = content.locate(range)?;
            content.tab_mut(place.tab).grid.format(&place.area, pattern);
            Ok(())
        }
        Edit::Clear(range) => {
            let place = content.locate(range)?;
            content.tab_mut(place.tab).grid.clear(&place.area);
            Ok(())
        }
        Edit::DeleteRows(rows) => {
            let start = rows.first_index()?;
            let span = json!({"dimension": "ROWS", "startIndex": start, "endIndex": start + rows.count()});
            request(content, index, &rows.tab, "deleteDimension", span)
        }
        Edit::InsertRows(rows) => {
            let start = rows.first_index()?;
            let span = json!({"dimension": "ROWS", "startIndex": start, "endIndex": start + rows.count()});
            request(content, index, &rows.tab, "insertDimension", span)?;
            write_rows(content, &rows.tab, start, &rows.values)
        }
        Edit::AppendRows(AppendRows { tab, values }) => {
            let position = grid_tab(content, tab)?;
            let grid = &mut content.tab_mut(position).grid;
            let end = grid.stored(&(0..grid.row_count())).end;
            if end + values.len() > grid.row_count() {
                let missing = end + values.len() - grid.row_count();
                grid.insert(Dimension::Rows, grid.row_count(), missing);
            }
            write_rows(content, tab, end, values)
        }
        Edit::RenameTab { from, to } => {
            let id = content.tabs[content.tab_by_title(from).ok_or_else(|| no_tab(from))?].id;
            let arguments = json!({"properties": {"sheetId": id, "title": to}, "fields": "title"});
            let name = "updateSheetProperties";
            structure::apply(content, name, arguments, &At { index, name }).map(|_| ())
        }
        Edit::Request(request) => request.iter().try_for_each(|(name, arguments)| {
            structure::apply(content, name, arguments.clone(), &At { index, name }).map(|_| ())
        }),
    }
}

impl Rows {
    fn first_index(&self) -> Result<usize, ApiError> {
        self.row.checked_sub(1).ok_or_else(|| ApiError::invalid("row is one-based: 1 is the first row"))
    }

    fn count(&self) -> usize {
        self.count.unwrap_or(self.values.len().max(1))
    }
}

fn no_tab(title: &str) -> ApiError {
    ApiError::invalid(format!("there is no tab titled {title:?}"))
}

fn grid_tab(content: &Content, title: &str) -> Result<usize, ApiError> {
    let tab = content.tab_by_title(title).ok_or_else(|| no_tab(title))?;
    match content.tabs[tab].kind {
        TabKind::Grid => Ok(tab),
        TabKind::Object => Err(no_tab(title)),
    }
}

fn request(content: &mut Content, index: usize, tab: &str, name: &str, mut range: Value) -> Result<(), ApiError> {
    range["sheetId"] = content.tabs[grid_tab(content, tab)?].id.into();
    structure::apply(content, name, json!({"range": range}), &At { index, name }).map(|_| ())
}

fn write_rows(content: &mut Content, tab: &str, start: usize, rows: &[Vec<Value>]) -> Result<(), ApiError> {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    if width == 0 {
        return Ok(());
    }
    let area = Area { rows: start..start + rows.len(), columns: 0..width };
    values::set(content, &crate::a1::write(tab, &area), rows, Input::Raw)
}
