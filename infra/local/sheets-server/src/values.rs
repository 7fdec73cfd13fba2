//! The collection `spreadsheets.values`: reading and writing ranges of cells.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::call::{Call, Query};
use crate::cell::Cell;
use crate::document::{Content, Document, Place};
use crate::entry::{self, Input};
use crate::error::ApiError;
use crate::fields::Mask;
use crate::grid::{Area, Dimension};
use crate::render::{DateTimeRender, Rendering, ValueRender};

/// The most characters that a cell takes.
const MAX_CELL_CHARACTERS: usize = 50_000;

/// A range and its values, as requests carry it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ValueRange {
    #[serde(default)]
    pub range: Option<String>,
    #[serde(default)]
    pub major_dimension: Option<Dimension>,
    #[serde(default, deserialize_with = "null_is_absent")]
    pub values: Vec<Vec<Value>>,
}

/// In Google's JSON `null` stands for a member that is not there; gspread sends such.
fn null_is_absent<'de, D, T>(value: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(value).map(Option::unwrap_or_default)
}

/// What a write answers about one range.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Updated {
    spreadsheet_id: String,
    updated_range: String,
    updated_rows: usize,
    updated_columns: usize,
    updated_cells: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_data: Option<Value>,
}

fn rendering<'a>(query: &Query, prefix: &str, content: &'a Content) -> Result<Rendering<'a>, ApiError> {
    let name = |option: &str| match prefix {
        "" => option.to_owned(),
        _ => format!("{prefix}{}{}", option[..1].to_uppercase(), &option[1..]),
    };
    Ok(Rendering {
        value: query.choice::<ValueRender>(&name("valueRenderOption"), "ValueRenderOption")?.unwrap_or_default(),
        date_time: query
            .choice::<DateTimeRender>(&name("dateTimeRenderOption"), "DateTimeRenderOption")?
            .unwrap_or_default(),
        locale: &content.locale,
    })
}

fn major_dimension(query: &Query) -> Result<Dimension, ApiError> {
    let given = query.one("majorDimension");
    if given == Some("DIMENSION_UNSPECIFIED") {
        return Ok(Dimension::Rows);
    }
    Ok(query.choice("majorDimension", "Dimension")?.unwrap_or(Dimension::Rows))
}

fn dimension_name(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Rows => "ROWS",
        Dimension::Columns => "COLUMNS",
    }
}

/// Writes a `ValueRange`, with only the members that the mask wants.
fn write_value_range(
    content: &Content,
    place: &Place,
    by: Dimension,
    rendering: Rendering<'_>,
    mask: &Mask,
    out: &mut Vec<u8>,
) {
    let wants = |member| mask.member(member).is_some();
    let mut head = serde_json::Map::new();
    if wants("range") {
        head.insert("range".to_owned(), content.range_of(place).into());
    }
    if wants("majorDimension") {
        head.insert("majorDimension".to_owned(), dimension_name(by).into());
    }
    let separator = if head.is_empty() { "" } else { "," };
    out.extend_from_slice(Value::Object(head).to_string().as_bytes());
    out.pop();
    if wants("values") {
        let start = out.len();
        out.extend_from_slice(separator.as_bytes());
        out.extend_from_slice(b"\"values\":");
        if !rendering.write_values(&content.tabs[place.tab].grid, &place.area, by, out) {
            out.truncate(start);
        }
    }
    out.push(b'}');
}

pub(crate) fn get(call: &Call, mask: &Mask, document: &Document) -> Result<Vec<u8>, ApiError> {
    let content = &document.content;
    let place = content.locate(&call.range)?;
    let rendering = rendering(&call.query, "", content)?;
    let mut out = Vec::new();
    write_value_range(content, &place, major_dimension(&call.query)?, rendering, mask, &mut out);
    Ok(out)
}

pub(crate) fn batch_get(call: &Call, mask: &Mask, document: &Document) -> Result<Vec<u8>, ApiError> {
    let content = &document.content;
    let rendering = rendering(&call.query, "", content)?;
    let by = major_dimension(&call.query)?;
    let places: Vec<Place> = call.query.all("ranges").map(|range| content.locate(range)).collect::<Result<_, _>>()?;
    let mut out = Vec::from(b"{");
    if mask.member("spreadsheetId").is_some() {
        out.extend_from_slice(format!("\"spreadsheetId\":{}", json!(call.document)).as_bytes());
    }
    if let Some(mask) = mask.member("valueRanges").filter(|_| !places.is_empty()) {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(b"\"valueRanges\":[");
        for (index, place) in places.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_value_range(content, place, by, rendering, mask, &mut out);
        }
        out.push(b']');
    }
    out.push(b'}');
    Ok(out)
}

/// The `valueInputOption` of a write, which has no default.
fn input(query: &Query) -> Result<Input, ApiError> {
    query
        .choice("valueInputOption", "ValueInputOption")?
        .ok_or_else(|| ApiError::invalid("'valueInputOption' is required but not specified"))
}

pub(crate) fn update(call: &Call, body: &ValueRange, document: &mut Document) -> Result<Value, ApiError> {
    let input = input(&call.query)?;
    let echo = Echo::of_query(&call.query)?;
    document.edit(|content| {
        let updated = write(content, &call.document, &call.range, body, input, echo.as_ref())?;
        Ok(json!(updated))
    })
}

/// How a write's answer repeats the cells it wrote.
struct Echo {
    value: ValueRender,
    date_time: DateTimeRender,
}

impl Echo {
    fn of_query(query: &Query) -> Result<Option<Self>, ApiError> {
        if !query.flag("includeValuesInResponse") {
            return Ok(None);
        }
        Ok(Some(Self {
            value: query.choice("responseValueRenderOption", "ValueRenderOption")?.unwrap_or_default(),
            date_time: query.choice("responseDateTimeRenderOption", "DateTimeRenderOption")?.unwrap_or_default(),
        }))
    }

    fn show(&self, content: &Content, place: &Place, by: Dimension) -> Result<Value, ApiError> {
        let rendering = Rendering { value: self.value, date_time: self.date_time, locale: &content.locale };
        let mut out = Vec::new();
        write_value_range(content, place, by, rendering, &Mask::All, &mut out);
        serde_json::from_slice(&out).map_err(|_| ApiError::internal())
    }
}

/// Writes a range's values. They must fit the range, unless it names one cell only: then they spread from it.
fn write(
    content: &mut Content,
    id: &str,
    range: &str,
    body: &ValueRange,
    input: Input,
    echo: Option<&Echo>,
) -> Result<Updated, ApiError> {
    let place = content.locate(range)?;
    let by = body.major_dimension.unwrap_or(Dimension::Rows);
    let lines = cells(&body.values, by, input, &content.locale)?;
    let grid = &content.tabs[place.tab].grid;
    let (height, width) = (lines.len(), lines.iter().map(Vec::len).max().unwrap_or(0));
    let at = (place.area.rows.start, place.area.columns.start);
    if !place.is_single_cell && (height > place.area.rows.len() || width > place.area.columns.len()) {
        let named = content.range_of(&place);
        let past = if height > place.area.rows.len() {
            format!("row [{}]", place.area.rows.end + 1)
        } else {
            format!("column [{}]", crate::a1::column_name(place.area.columns.end))
        };
        return Err(ApiError::invalid(format!(
            "Requested writing within range [{named}], but tried writing to {past}"
        )));
    }
    let written = written_place(&place, at, height, width);
    if written.area.rows.end > grid.row_count() || written.area.columns.end > grid.column_count() {
        return Err(ApiError::past_the_grid(&content.range_of(&written), grid.row_count(), grid.column_count()));
    }
    put(content, id, &written, lines, by, echo)
}

fn written_place(place: &Place, at: (usize, usize), height: usize, width: usize) -> Place {
    let area = Area { rows: at.0..at.0 + height.max(1), columns: at.1..at.1 + width.max(1) };
    Place { area, ..place.clone() }
}

/// Puts cells into a place that is known to fit, and says what was written.
fn put(
    content: &mut Content,
    id: &str,
    place: &Place,
    lines: Vec<Vec<Option<Cell<'static>>>>,
    by: Dimension,
    echo: Option<&Echo>,
) -> Result<Updated, ApiError> {
    let is_written = |cell: &&Option<Cell<'static>>| cell.is_some();
    let updated_cells = lines.iter().flatten().filter(is_written).count();
    let updated_rows = lines.iter().filter(|line| line.iter().any(Option::is_some)).count();
    let width = lines.iter().map(Vec::len).max().unwrap_or(0);
    let used_columns = (0..width).filter(|&column| lines.iter().any(|line| matches!(line.get(column), Some(Some(_)))));
    let updated_columns = used_columns.count();
    let grid = &mut content.tab_mut(place.tab).grid;
    for (line, row) in lines.into_iter().zip(place.area.rows.start..) {
        grid.write(row, place.area.columns.start, line);
    }
    Ok(Updated {
        spreadsheet_id: id.to_owned(),
        updated_range: content.range_of(place),
        updated_rows,
        updated_columns,
        updated_cells,
        updated_data: echo.map(|echo| echo.show(content, place, by)).transpose()?,
    })
}

/// The cells of a request, always by rows. `None` stands for `null`: the cell stays as it is.
fn cells(
    values: &[Vec<Value>],
    by: Dimension,
    input: Input,
    locale: &str,
) -> Result<Vec<Vec<Option<Cell<'static>>>>, ApiError> {
    let mut lines = Vec::with_capacity(values.len());
    for (row, line) in values.iter().enumerate() {
        let mut cells = Vec::with_capacity(line.len());
        for (column, value) in line.iter().enumerate() {
            if value.as_str().is_some_and(|text| text.chars().count() > MAX_CELL_CHARACTERS) {
                return Err(ApiError::invalid(format!(
                    "Your input contains more than the maximum of {MAX_CELL_CHARACTERS} characters in a single cell."
                )));
            }
            cells.push(entry::from_json(value, input, locale).map_err(|()| {
                ApiError::invalid(format!("Invalid data[0]: Invalid values[{row}][{column}]: {value}"))
            })?);
        }
        lines.push(cells);
    }
    Ok(match by {
        Dimension::Rows => lines,
        Dimension::Columns => turned(lines),
    })
}

fn turned(columns: Vec<Vec<Option<Cell<'static>>>>) -> Vec<Vec<Option<Cell<'static>>>> {
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    let mut rows = vec![vec![None; columns.len()]; height];
    for (column, cells) in columns.into_iter().enumerate() {
        for (row, cell) in cells.into_iter().enumerate() {
            rows[row][column] = cell;
        }
    }
    rows
}

/// `insertDataOption` of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Insert {
    #[default]
    Overwrite,
    InsertRows,
}

/// Writes after the last table of the range; the grid grows as needed.
pub(crate) fn append(call: &Call, body: &ValueRange, document: &mut Document) -> Result<Value, ApiError> {
    let input = input(&call.query)?;
    let echo = Echo::of_query(&call.query)?;
    let insert: Insert = call.query.choice("insertDataOption", "InsertDataOption")?.unwrap_or_default();
    let by = body.major_dimension.unwrap_or(Dimension::Rows);
    document.edit(|content| {
        let place = content.locate(&call.range)?;
        let lines = cells(&body.values, by, input, &content.locale)?;
        let table = content.tabs[place.tab].grid.last_table(&place.area);
        let at = match &table {
            Some(table) => (table.rows.end, table.columns.start),
            None => (place.area.rows.start, place.area.columns.start),
        };
        let width = lines.iter().map(Vec::len).max().unwrap_or(0);
        let written = written_place(&place, at, lines.len(), width);
        if insert == Insert::InsertRows && at.0 < content.tabs[place.tab].grid.row_count() {
            content.tab_mut(place.tab).grid.insert(Dimension::Rows, at.0, lines.len());
        }
        let updates = put(content, &call.document, &written, lines, by, echo.as_ref())?;
        let mut answer = json!({"spreadsheetId": call.document, "updates": updates});
        if let Some(area) = table {
            answer["tableRange"] = content.range_of(&Place { area, ..place }).into();
        }
        Ok(answer)
    })
}

pub(crate) fn clear(call: &Call, document: &mut Document) -> Result<Value, ApiError> {
    document.edit(|content| {
        let cleared = clear_range(content, &call.range)?;
        Ok(json!({"spreadsheetId": call.document, "clearedRange": cleared}))
    })
}

fn clear_range(content: &mut Content, range: &str) -> Result<String, ApiError> {
    let place = content.locate(range)?;
    content.tab_mut(place.tab).grid.clear(&place.area);
    Ok(content.range_of(&place))
}

/// The body of `values:batchClear`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BatchClear {
    #[serde(default, deserialize_with = "null_is_absent")]
    ranges: Vec<String>,
}

pub(crate) fn batch_clear(call: &Call, body: &BatchClear, document: &mut Document) -> Result<Value, ApiError> {
    document.edit(|content| {
        let cleared: Vec<_> = body.ranges.iter().map(|range| clear_range(content, range)).collect::<Result<_, _>>()?;
        Ok(json!({"spreadsheetId": call.document, "clearedRanges": cleared}))
    })
}

/// The body of `values:batchUpdate`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BatchUpdate {
    value_input_option: Option<Input>,
    #[serde(default, deserialize_with = "null_is_absent")]
    data: Vec<ValueRange>,
    #[serde(default, deserialize_with = "null_is_absent")]
    include_values_in_response: bool,
    #[serde(default, deserialize_with = "null_is_absent")]
    response_value_render_option: ValueRender,
    #[serde(default, deserialize_with = "null_is_absent")]
    response_date_time_render_option: DateTimeRender,
}

pub(crate) fn batch_update(call: &Call, body: &BatchUpdate, document: &mut Document) -> Result<Value, ApiError> {
    let input =
        body.value_input_option.ok_or_else(|| ApiError::invalid("'valueInputOption' is required but not specified"))?;
    let echo = body
        .include_values_in_response
        .then_some(Echo { value: body.response_value_render_option, date_time: body.response_date_time_render_option });
    let responses = document.edit(|content| {
        let write_one = |data: &ValueRange| {
            let range = data.range.as_deref().unwrap_or_default();
            write(content, &call.document, range, data, input, echo.as_ref())
        };
        body.data.iter().map(write_one).collect::<Result<Vec<Updated>, _>>()
    })?;
    let total = |count: fn(&Updated) -> usize| responses.iter().map(count).sum::<usize>();
    let mut tabs: Vec<&str> =
        responses.iter().filter_map(|updated| updated.updated_range.rsplit_once('!').map(|(title, _)| title)).collect();
    tabs.sort_unstable();
    tabs.dedup();
    Ok(json!({
        "spreadsheetId": call.document,
        "totalUpdatedRows": total(|updated| updated.updated_rows),
        "totalUpdatedColumns": total(|updated| updated.updated_columns),
        "totalUpdatedCells": total(|updated| updated.updated_cells),
        "totalUpdatedSheets": tabs.len(),
        "responses": responses,
    }))
}

/// Writes values outside of any call: how the control endpoint edits cells.
pub(crate) fn set(content: &mut Content, range: &str, values: &[Vec<Value>], input: Input) -> Result<(), ApiError> {
    let body = ValueRange { range: None, major_dimension: None, values: values.to_vec() };
    write(content, "", range, &body, input, None).map(|_| ())
}
