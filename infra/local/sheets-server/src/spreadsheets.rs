//! `spreadsheets.get`: a spreadsheet's properties, its tabs, and on request their cells. Structural edits
//! are in `structure.rs`.

use serde_json::{Value, json};

use crate::call::Call;
use crate::cell::Cell;
use crate::document::{Content, Document, Tab, TabKind};
use crate::error::ApiError;
use crate::fields::Mask;
use crate::grid::Area;
use crate::named::NamedRange;
use crate::render;

/// Every member that a spreadsheet has in Google's API, to distinguish a misspelt mask from an absent member.
pub(crate) const FIELDS: &str = "spreadsheetId,spreadsheetUrl,\
    namedRanges(namedRangeId,name,range(sheetId,startRowIndex,endRowIndex,startColumnIndex,endColumnIndex)),\
    developerMetadata,dataSources,\
    dataSourceSchedules,comments,commentsViewMode,\
    properties(title,locale,timeZone,autoRecalc,defaultFormat,iterativeCalculationSettings,spreadsheetTheme,\
    importFunctionsExternalUrlAccessAllowed),\
    sheets(properties(sheetId,title,index,sheetType,hidden,tabColor,tabColorStyle,rightToLeft,\
    dataSourceSheetProperties,gridProperties(rowCount,columnCount,frozenRowCount,frozenColumnCount,\
    hideGridlines,rowGroupControlAfter,columnGroupControlAfter)),\
    data(startRow,startColumn,rowMetadata,columnMetadata,rowData(values(userEnteredValue,effectiveValue,\
    formattedValue,userEnteredFormat,effectiveFormat,hyperlink,note,textFormatRuns,dataValidation,pivotTable,\
    dataSourceTable,dataSourceFormula,chipRuns))),\
    merges,conditionalFormats,filterViews,protectedRanges,basicFilter,charts,bandedRanges,\
    developerMetadata,rowGroups,columnGroups,slicers,tables,commentAnchors)";

pub(crate) fn get(call: &Call, mask: &Mask, document: &Document) -> Result<Value, ApiError> {
    let content = &document.content;
    // A mask decides by itself whether cells are wanted; only without one does the flag count.
    let with_cells = match mask {
        Mask::All => call.query.flag("includeGridData"),
        Mask::Only(_) => mask.member("sheets").is_some_and(|sheets| match sheets {
            Mask::All => call.query.flag("includeGridData"),
            Mask::Only(_) => sheets.member("data").is_some(),
        }),
    };
    let places = call.query.all("ranges").map(|range| content.locate(range)).collect::<Result<Vec<_>, _>>()?;
    let sheets = content.tabs.iter().enumerate().filter_map(|(index, tab)| {
        let areas: Vec<Area> = if places.is_empty() {
            vec![tab.grid.whole()]
        } else {
            places.iter().filter(|place| place.tab == index).map(|place| place.area.clone()).collect()
        };
        if areas.is_empty() {
            return None;
        }
        let mut sheet = json!({"properties": tab_properties(tab, index)});
        if with_cells && tab.kind == TabKind::Grid {
            let data = areas.iter().map(|area| grid_data(content, tab, area));
            sheet["data"] = data.collect();
        }
        Some(sheet)
    });
    let mut answer = json!({
        "spreadsheetId": call.document,
        "properties": {
            "title": content.title,
            "locale": content.locale,
            "autoRecalc": "ON_CHANGE",
            "timeZone": content.time_zone,
        },
        "sheets": sheets.collect::<Vec<_>>(),
        "spreadsheetUrl": format!("https://docs.google.com/spreadsheets/d/{}/edit", call.document),
    });
    if !content.named_ranges.is_empty() {
        answer["namedRanges"] = content.named_ranges.iter().map(NamedRange::json).collect();
    }
    mask.apply(&mut answer);
    Ok(answer)
}

/// `SheetProperties`. As in Google's answers, zero and false are left out where they are the default.
pub(crate) fn tab_properties(tab: &Tab, index: usize) -> Value {
    let mut properties = json!({
        "sheetId": tab.id,
        "title": tab.title,
        "index": index,
        "sheetType": tab.kind,
    });
    if tab.kind == TabKind::Grid {
        let mut grid = json!({"rowCount": tab.grid.row_count(), "columnCount": tab.grid.column_count()});
        for (name, frozen) in [("frozenRowCount", tab.frozen_rows), ("frozenColumnCount", tab.frozen_columns)] {
            if frozen > 0 {
                grid[name] = frozen.into();
            }
        }
        properties["gridProperties"] = grid;
    }
    if tab.hidden {
        properties["hidden"] = true.into();
    }
    properties
}

fn grid_data(content: &Content, tab: &Tab, area: &Area) -> Value {
    let rows = tab.grid.stored(&area.rows).map(|row| {
        let cells = tab.grid.cells(row, &area.columns).map(|cell| cell_data(&cell, &content.locale));
        json!({"values": cells.collect::<Vec<_>>()})
    });
    let mut data = json!({"rowData": rows.collect::<Vec<_>>()});
    for (name, start) in [("startRow", area.rows.start), ("startColumn", area.columns.start)] {
        if start > 0 {
            data[name] = start.into();
        }
    }
    data
}

fn cell_data(cell: &Cell<'_>, locale: &str) -> Value {
    let shown = match cell {
        Cell::Blank => return json!({}),
        Cell::Formula { shows, .. } => shows,
        other => other,
    };
    let entered = match cell {
        Cell::Formula { source, .. } => json!({"formulaValue": source}),
        other => extended_value(other),
    };
    json!({
        "userEnteredValue": entered,
        "effectiveValue": extended_value(shown),
        "formattedValue": render::formatted(cell, locale),
    })
}

fn extended_value(cell: &Cell<'_>) -> Value {
    match cell {
        Cell::Blank | Cell::Formula { .. } => json!({}),
        Cell::Bool(flag) => json!({"boolValue": flag}),
        Cell::Number(number, _) | Cell::Patterned { number, .. } => json!({"numberValue": number}),
        Cell::Text(text) => json!({"stringValue": text}),
        Cell::Error(error) => json!({"errorValue": {"type": error.api_type(), "message": error.text()}}),
    }
}
