//! `spreadsheets.batchUpdate`: adding, renaming, resizing and deleting tabs, and inserting and deleting
//! rows and columns. Formatting and the like are refused by name, never ignored.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::a1::MAX_COLUMNS;
use crate::call::Call;
use crate::document::{Content, Document, Tab, TabKind};
use crate::error::ApiError;
use crate::grid::{Dimension, Grid};
use crate::named;
use crate::spreadsheets::tab_properties;

/// The body of `spreadsheets.batchUpdate`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchUpdate {
    #[serde(default)]
    requests: Vec<Map<String, Value>>,
}

pub(crate) fn batch_update(call: &Call, body: &BatchUpdate, document: &mut Document) -> Result<Value, ApiError> {
    if body.requests.is_empty() {
        return Err(ApiError::invalid("Must specify at least one request."));
    }
    let replies = document.edit(|content| {
        let mut replies = Vec::new();
        for (index, request) in body.requests.iter().enumerate() {
            let [(name, arguments)] = request.iter().collect::<Vec<_>>()[..] else {
                return Err(ApiError::invalid(format!("Invalid requests[{index}]: exactly one request must be set")));
            };
            let at = At { index, name };
            replies.push(apply(content, name, arguments.clone(), &at)?);
        }
        Ok(replies)
    })?;
    Ok(json!({"spreadsheetId": call.document, "replies": replies}))
}

/// Which request of a batch is at work, for its errors.
pub(crate) struct At<'a> {
    pub index: usize,
    pub name: &'a str,
}

impl At<'_> {
    fn invalid(&self, why: impl std::fmt::Display) -> ApiError {
        ApiError::invalid(format!("Invalid requests[{}].{}: {why}", self.index, self.name))
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, arguments: Value) -> Result<T, ApiError> {
        serde_json::from_value(arguments).map_err(|error| self.invalid(error))
    }

    fn tab(&self, content: &Content, id: i64) -> Result<usize, ApiError> {
        content.tab_by_id(id).ok_or_else(|| self.invalid(format_args!("No sheet with id: {id}")))
    }

    fn grid_tab(&self, content: &Content, id: i64) -> Result<usize, ApiError> {
        let tab = self.tab(content, id)?;
        match content.tabs[tab].kind {
            TabKind::Grid => Ok(tab),
            TabKind::Object => Err(self.invalid(format_args!("Sheet {id} is not a grid"))),
        }
    }
}

/// Applies one request and answers its reply.
pub(crate) fn apply(content: &mut Content, name: &str, arguments: Value, at: &At<'_>) -> Result<Value, ApiError> {
    let done = |()| json!({});
    match name {
        "addSheet" => add_tab(content, at.parse(arguments)?, at),
        "deleteSheet" => delete_tab(content, &at.parse(arguments)?, at).map(done),
        "duplicateSheet" => duplicate_tab(content, at.parse(arguments)?, at),
        "updateSheetProperties" => update_tab(content, at.parse(arguments)?, at).map(done),
        "updateSpreadsheetProperties" => update_spreadsheet(content, at.parse(arguments)?, at).map(done),
        "insertDimension" => {
            let Spanning { range } = at.parse(arguments)?;
            let tab = at.grid_tab(content, range.sheet_id)?;
            let (start, end) = range.bounds(&content.tabs[tab].grid);
            if start > range.dimension.size_of(&content.tabs[tab].grid) || end < start {
                return Err(at.invalid("range.startIndex is outside of the grid"));
            }
            content.tab_mut(tab).grid.insert(range.dimension, start, end - start);
            named::widen(&mut content.named_ranges, range.sheet_id, range.dimension, start, end - start);
            Ok(json!({}))
        }
        "deleteDimension" => {
            let Spanning { range } = at.parse(arguments)?;
            let tab = at.grid_tab(content, range.sheet_id)?;
            let span = range.within(&content.tabs[tab].grid, at)?;
            if span.len() == range.dimension.size_of(&content.tabs[tab].grid) {
                let what = if range.dimension == Dimension::Rows { "rows" } else { "columns" };
                return Err(at.invalid(format_args!("You can't delete all the {what} on the sheet.")));
            }
            named::narrow(&mut content.named_ranges, range.sheet_id, range.dimension, &span);
            content.tab_mut(tab).grid.delete(range.dimension, span);
            Ok(json!({}))
        }
        "appendDimension" => {
            let AppendDimension { sheet_id, dimension, length } = at.parse(arguments)?;
            let tab = at.grid_tab(content, sheet_id)?;
            let size = dimension.size_of(&content.tabs[tab].grid);
            content.tab_mut(tab).grid.insert(dimension, size, length);
            Ok(json!({}))
        }
        "moveDimension" => {
            let MoveDimension { source, destination_index } = at.parse(arguments)?;
            let tab = at.grid_tab(content, source.sheet_id)?;
            let grid = &content.tabs[tab].grid;
            let span = source.within(grid, at)?;
            if destination_index > source.dimension.size_of(grid) {
                return Err(at.invalid("destinationIndex is outside of the grid"));
            }
            if !span.contains(&destination_index) && destination_index != span.end {
                content.tab_mut(tab).grid.relocate(source.dimension, span, destination_index);
            }
            Ok(json!({}))
        }
        other => Err(ApiError::not_built(&format!("the request {other}"))),
    }
}

impl Dimension {
    fn size_of(self, grid: &Grid) -> usize {
        match self {
            Dimension::Rows => grid.row_count(),
            Dimension::Columns => grid.column_count(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DimensionRange {
    #[serde(default)]
    sheet_id: i64,
    dimension: Dimension,
    start_index: Option<usize>,
    end_index: Option<usize>,
}

impl DimensionRange {
    fn bounds(&self, grid: &Grid) -> (usize, usize) {
        (self.start_index.unwrap_or(0), self.end_index.unwrap_or(self.dimension.size_of(grid)))
    }

    fn within(&self, grid: &Grid, at: &At<'_>) -> Result<Range<usize>, ApiError> {
        let (start, end) = self.bounds(grid);
        if start >= end || end > self.dimension.size_of(grid) {
            let what = if self.dimension == Dimension::Rows { "row" } else { "column" };
            return Err(at.invalid(format_args!(
                "Cannot delete a {what} that doesn't exist. Tried to delete {what} index {start} up to {end} \
                 but there are only {} {what}s.",
                self.dimension.size_of(grid)
            )));
        }
        Ok(start..end)
    }
}

#[derive(Deserialize)]
struct Spanning {
    range: DimensionRange,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AppendDimension {
    #[serde(default)]
    sheet_id: i64,
    dimension: Dimension,
    length: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MoveDimension {
    source: DimensionRange,
    destination_index: usize,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TabProperties {
    sheet_id: Option<i64>,
    title: Option<String>,
    index: Option<usize>,
    hidden: Option<bool>,
    #[serde(default)]
    grid_properties: GridProperties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GridProperties {
    row_count: Option<usize>,
    column_count: Option<usize>,
    frozen_row_count: Option<usize>,
    frozen_column_count: Option<usize>,
}

#[derive(Deserialize)]
struct AddTab {
    #[serde(default)]
    properties: TabProperties,
}

fn check_title(content: &Content, title: &str, at: &At<'_>) -> Result<(), ApiError> {
    match content.tab_by_title(title) {
        Some(_) => {
            Err(at
                .invalid(format_args!("A sheet with the name \"{title}\" already exists. Please enter another name.")))
        }
        None => Ok(()),
    }
}

fn check_size(rows: usize, columns: usize, at: &At<'_>) -> Result<(), ApiError> {
    if rows == 0 || columns == 0 || columns > MAX_COLUMNS {
        return Err(at.invalid(format_args!("a grid of {rows} rows and {columns} columns is not possible")));
    }
    Ok(())
}

fn add_tab(content: &mut Content, AddTab { properties }: AddTab, at: &At<'_>) -> Result<Value, ApiError> {
    let title = properties.title.unwrap_or_else(|| content.free_title());
    check_title(content, &title, at)?;
    let id = properties.sheet_id.unwrap_or_else(|| content.free_tab_id());
    if content.tab_by_id(id).is_some() {
        return Err(at.invalid(format_args!("A sheet with the id {id} already exists.")));
    }
    let grid = properties.grid_properties;
    let (rows, columns) = (grid.row_count.unwrap_or(1000), grid.column_count.unwrap_or(26));
    check_size(rows, columns, at)?;
    let tab = Tab {
        id,
        title,
        kind: TabKind::Grid,
        hidden: properties.hidden.unwrap_or(false),
        frozen_rows: grid.frozen_row_count.unwrap_or(0),
        frozen_columns: grid.frozen_column_count.unwrap_or(0),
        grid: Grid::new(Vec::new(), rows, columns),
    };
    Ok(place_tab(content, tab, properties.index, "addSheet"))
}

fn place_tab(content: &mut Content, tab: Tab, index: Option<usize>, reply: &str) -> Value {
    let index = index.unwrap_or(content.tabs.len()).min(content.tabs.len());
    let properties = tab_properties(&tab, index);
    content.tabs.insert(index, Arc::new(tab));
    json!({reply: {"properties": properties}})
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeleteTab {
    sheet_id: i64,
}

fn delete_tab(content: &mut Content, DeleteTab { sheet_id }: &DeleteTab, at: &At<'_>) -> Result<(), ApiError> {
    let tab = at.tab(content, *sheet_id)?;
    if content.tabs.len() == 1 {
        return Err(at.invalid("You can't remove all the sheets in a document."));
    }
    content.tabs.remove(tab);
    content.named_ranges.retain(|named| named.sheet_id != *sheet_id);
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DuplicateTab {
    #[serde(default)]
    source_sheet_id: i64,
    insert_sheet_index: Option<usize>,
    new_sheet_id: Option<i64>,
    new_sheet_name: Option<String>,
}

fn duplicate_tab(content: &mut Content, request: DuplicateTab, at: &At<'_>) -> Result<Value, ApiError> {
    let source = content.tabs[at.tab(content, request.source_sheet_id)?].clone();
    let title = request.new_sheet_name.unwrap_or_else(|| format!("Copy of {}", source.title));
    check_title(content, &title, at)?;
    let id = request.new_sheet_id.unwrap_or_else(|| content.free_tab_id());
    let tab = Tab { id, title, ..Tab::clone(&source) };
    Ok(place_tab(content, tab, request.insert_sheet_index.or(Some(0)), "duplicateSheet"))
}

#[derive(Deserialize)]
struct UpdateTab {
    properties: TabProperties,
    fields: String,
}

fn update_tab(content: &mut Content, request: UpdateTab, at: &At<'_>) -> Result<(), ApiError> {
    let given = request.properties;
    let index = at.tab(content, given.sheet_id.unwrap_or(0))?;
    let grid = given.grid_properties;
    for field in changed_fields(&request.fields, at)? {
        let tab = content.tab_mut(index);
        match field.as_str() {
            "title" => {
                let title = given.title.clone().unwrap_or_default();
                if title != tab.title {
                    check_title(content, &title, at)?;
                }
                content.tab_mut(index).title = title;
            }
            "hidden" => tab.hidden = given.hidden.unwrap_or(false),
            "index" => {
                let to = given.index.unwrap_or(0);
                let moved = content.tabs.remove(index);
                // Google counts the place before the tab is taken out.
                let to = if to > index { to - 1 } else { to };
                content.tabs.insert(to.min(content.tabs.len()), moved);
                return Ok(());
            }
            "gridProperties.rowCount" | "gridProperties.columnCount" => {
                let rows = grid.row_count.filter(|_| field.ends_with("rowCount")).unwrap_or(tab.grid.row_count());
                let columns =
                    grid.column_count.filter(|_| field.ends_with("columnCount")).unwrap_or(tab.grid.column_count());
                check_size(rows, columns, at)?;
                tab.grid.resize(rows, columns);
            }
            "gridProperties.frozenRowCount" => tab.frozen_rows = grid.frozen_row_count.unwrap_or(0),
            "gridProperties.frozenColumnCount" => tab.frozen_columns = grid.frozen_column_count.unwrap_or(0),
            other => return Err(ApiError::not_built(&format!("the tab property {other}"))),
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpreadsheetProperties {
    title: Option<String>,
    locale: Option<String>,
    time_zone: Option<String>,
}

#[derive(Deserialize)]
struct UpdateSpreadsheet {
    properties: SpreadsheetProperties,
    fields: String,
}

fn update_spreadsheet(content: &mut Content, request: UpdateSpreadsheet, at: &At<'_>) -> Result<(), ApiError> {
    let given = request.properties;
    for field in changed_fields(&request.fields, at)? {
        let (place, value) = match field.as_str() {
            "title" => (&mut content.title, &given.title),
            "locale" => (&mut content.locale, &given.locale),
            "timeZone" => (&mut content.time_zone, &given.time_zone),
            other => return Err(ApiError::not_built(&format!("the spreadsheet property {other}"))),
        };
        *place = value.clone().unwrap_or_default();
    }
    Ok(())
}

/// The paths of an update mask; these are plain lists in what clients send.
fn changed_fields(fields: &str, at: &At<'_>) -> Result<Vec<String>, ApiError> {
    if fields.is_empty() {
        return Err(at.invalid("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)"));
    }
    Ok(fields.split(',').map(|field| field.trim().replace('/', ".")).collect())
}

impl Content {
    fn free_title(&self) -> String {
        let number = (1..).find(|number| self.tab_by_title(&format!("Sheet{number}")).is_none());
        format!("Sheet{}", number.unwrap_or(1))
    }
}
