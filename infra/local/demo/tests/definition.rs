//! `sheetsync.toml` reads every cell of the demo sheet as the generator means it, and refuses exactly what it spoiled:
//! the product's mapping held against a truth that knows nothing of it.

use std::path::Path;

use sheetsync::definition::{Definition, Sync};
use sheetsync::mapping::{self, Limits, Locale, Mapped, Mapping, Settings};
use sheetsync_demo::{Cell, Column, Fate, Kind, Options, Sheet, TAB, TIME_ZONE, cell_name, king_county};

const DEFINITION: &str = include_str!("../../../../sheetsync.toml");

/// The demo's sync, for a sheet of any width.
fn sync(sheet: &Sheet) -> Sync {
    let text = format!("{DEFINITION}{}", sheet.further_definition());
    let definition = Definition::parse(Path::new("sheetsync.toml"), &text).expect("sheetsync.toml can be used");
    definition.syncs.into_iter().find(|sync| sync.name == sheetsync_demo::SYNC).expect("it defines the demo's sync")
}

/// How the Sheets API gives the cells of a sheet.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// Dates are serial numbers.
    Workbook,
    /// Dates are text.
    Csv,
}

fn api_cell(cell: &Cell, source: Source) -> mapping::Cell {
    match (cell, source) {
        (Cell::Blank, _) => mapping::Cell::Blank,
        (Cell::Number(number), _) => mapping::Cell::Number(*number),
        (Cell::Text(text), _) => mapping::Cell::from(text.as_str()),
        (Cell::Date(day), Source::Workbook) => mapping::Cell::Number(sheetsync_demo::serial_of_date(*day)),
        (Cell::DateTime(moment), Source::Workbook) => mapping::Cell::Number(sheetsync_demo::serial_of_moment(*moment)),
        (Cell::Date(_) | Cell::DateTime(_), Source::Csv) => mapping::Cell::Text(cell.to_csv()),
    }
}

/// The product's value in the words of the generator's checksum.
fn canonical(value: &mapping::Value, kind: Kind) -> String {
    match (value, kind) {
        (mapping::Value::Null, _) => "-".to_owned(),
        (mapping::Value::Bool(answer), _) => format!("={answer}"),
        (mapping::Value::Integer(number), _) => format!("={number}"),
        (mapping::Value::Decimal(number), Kind::Decimal(scale)) => {
            format!("={number:.places$}", places = scale as usize)
        }
        (mapping::Value::Text(text), Kind::Timestamp) => format!("={}", text.replace("+00:00", "Z")),
        (mapping::Value::Text(text), _) => format!("={text}"),
        (mapping::Value::Json(document), _) => format!("={}", document.replace(':', ": ").replace(',', ", ")),
        (mapping::Value::Array(texts), _) => format!("={}", texts.join("\u{1e}")),
        other => panic!("the definition makes {other:?}"),
    }
}

fn check(sheet: &Sheet, source: Source) {
    let sync = sync(sheet);
    let headers: Vec<_> = sheet.columns().iter().map(|column| mapping::Cell::from(column.header.as_str())).collect();
    let settings = Settings {
        columns: &sync.columns,
        key: &sync.key,
        key_forms: &[],
        limits: &Limits::new(),
        header_row: sync.header_row.unwrap_or(1),
        first_column: 0,
        time_zone: TIME_ZONE,
        locale: Locale::named("ja_JP"),
    };
    let mapping = Mapping::bind(settings, &headers).expect("the headers fit");
    for row in sheet.rows() {
        let cells: Vec<_> = row.cells.iter().map(|cell| api_cell(cell, source)).collect();
        let spoiled: Vec<&str> = row.mess.iter().map(|mess| mess.cell.as_str()).collect();
        match (mapping.row(row.number, &cells), row.fate) {
            (Mapped::Row(mapped), Fate::Kept) => {
                for (position, column) in sheet.columns().iter().enumerate() {
                    let cell = cell_name(position, row.number);
                    let found = canonical(&mapped.values[position], column.kind);
                    assert_eq!(found, row.values[position].canonical(), "{cell}: {:?}", row.cells[position]);
                }
            }
            (Mapped::Rejected { rejections, .. }, Fate::Rejected) => {
                let cells: Vec<&str> = rejections.iter().filter_map(|rejection| rejection.cell.as_deref()).collect();
                assert_eq!(cells, spoiled);
            }
            (Mapped::Skipped(rejection), Fate::Skipped) => assert_eq!(rejection.cell.as_deref(), Some(spoiled[0])),
            (Mapped::Blank, Fate::Ignored) => {}
            // That another row has the key too is only known when all rows are read.
            (Mapped::Row(_), Fate::Rejected)
                if row.mess.iter().all(|mess| mess.kind == sheetsync_demo::MessKind::DuplicateKey) => {}
            (mapped, fate) => panic!("row {} must be {fate:?}, but is {mapped:?}", row.number),
        }
    }
}

#[test]
fn a_workbook_is_read_as_it_is_meant() {
    check(&Sheet::new(Options { rows: 3_000, ..Options::default() }), Source::Workbook);
}

#[test]
fn a_csv_file_is_read_as_it_is_meant() {
    check(&Sheet::new(Options { rows: 3_000, seed: 2, ..Options::default() }), Source::Csv);
}

#[test]
fn wide_sheet_columns_are_read_as_intended() {
    check(&Sheet::new(Options { rows: 1_000, columns: 120, ..Options::default() }), Source::Workbook);
}

fn names(columns: &[Column]) -> Vec<&str> {
    columns.iter().map(|column| column.name.as_str()).collect()
}

#[test]
fn the_definitions_feed_the_columns_of_the_checksums() {
    let sheet = Sheet::new(Options { columns: 120, ..Options::default() });
    let listings = sync(&sheet);
    assert_eq!(listings.tab.as_deref(), Some(TAB));
    assert_eq!(listings.table, sheetsync_demo::TABLE);
    let fed: Vec<&str> = listings.columns.iter().map(|column| column.column.as_str()).collect();
    assert_eq!(fed, names(sheet.columns()));

    let definition = Definition::parse(Path::new("king_county.toml"), king_county::DEFINITION).expect("it can be used");
    let sales = &definition.syncs[0];
    assert_eq!((sales.name.as_str(), sales.table.as_str()), (king_county::SYNC, king_county::TABLE));
    let fed: Vec<&str> = sales.columns.iter().map(|column| column.column.as_str()).collect();
    assert_eq!(fed, names(&king_county::columns()));
}
