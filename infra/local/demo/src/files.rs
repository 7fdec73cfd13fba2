//! Writes a sheet to files: CSV, XLSX, and the manifest of its mess. Rows are written as they are made, so a sheet of any
//! length needs the memory of one row.

use std::io::Write;
use std::path::Path;

use jiff::civil::{Date, DateTime, date};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};

use crate::cell::Cell;
use crate::sheet::Sheet;

/// The title of the tab.
pub const TAB: &str = "物件一覧";

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The CSV file.
    #[error("cannot write the CSV: {0}")]
    Csv(#[from] csv::Error),
    /// The workbook.
    #[error("cannot write the workbook: {0}")]
    Xlsx(#[from] XlsxError),
    /// The manifest.
    #[error("cannot write the manifest: {0}")]
    Manifest(#[from] serde_json::Error),
    /// The disk or the pipe.
    #[error("cannot write: {0}")]
    Io(#[from] std::io::Error),
}

/// Writes the sheet as UTF-8 CSV, headers first.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_csv(sheet: &Sheet, out: impl Write) -> Result<(), FileError> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(sheet.columns().iter().map(|column| &column.header))?;
    for row in sheet.rows() {
        csv.write_record(row.cells.iter().map(Cell::to_csv))?;
    }
    csv.flush()?;
    Ok(())
}

/// Writes the sheet as a workbook with one tab, in which numbers are numbers and dates are dates.
///
/// # Errors
/// When the file cannot be written, or the sheet has more rows than a workbook can (1,048,576).
pub fn write_xlsx(sheet: &Sheet, path: &Path) -> Result<(), FileError> {
    let mut workbook = Workbook::new();
    // Else the file would hold the time at which it was made, and differ from its twin.
    let created = ExcelDateTime::from_ymd(2024, 1, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
    let header = Format::new().set_bold().set_text_wrap();
    let day_format = Format::new().set_num_format("yyyy/mm/dd");
    let moment_format = Format::new().set_num_format("yyyy/mm/dd hh:mm:ss");

    let tab = workbook.add_worksheet_with_constant_memory()?;
    tab.set_name(TAB)?;
    tab.set_freeze_panes(1, 0)?;
    for (column, position) in sheet.columns().iter().zip(0u16..) {
        tab.write_string_with_format(0, position, &column.header, &header)?;
    }
    for row in sheet.rows() {
        let line = row.number - 1;
        for (cell, position) in row.cells.iter().zip(0u16..) {
            match cell {
                Cell::Blank => {}
                Cell::Text(text) => {
                    tab.write_string(line, position, text)?;
                }
                Cell::Number(number) => {
                    tab.write_number(line, position, *number)?;
                }
                Cell::Date(day) => {
                    tab.write_number_with_format(line, position, serial_of_date(*day), &day_format)?;
                }
                Cell::DateTime(at) => {
                    tab.write_number_with_format(line, position, serial_of_moment(*at), &moment_format)?;
                }
            }
        }
    }
    workbook.save(path)?;
    Ok(())
}

/// Writes one JSON object a line for each thing that is wrong in the sheet.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_manifest(sheet: &Sheet, mut out: impl Write) -> Result<(), FileError> {
    for mess in sheet.manifest() {
        serde_json::to_writer(&mut out, &mess)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}

/// A date as spreadsheets count: days since 1899-12-30.
pub fn serial_of_date(day: Date) -> f64 {
    f64::from((day - date(1899, 12, 30)).get_days())
}

/// A moment as spreadsheets count: the time of day is the fraction.
pub fn serial_of_moment(moment: DateTime) -> f64 {
    let seconds = f64::from(moment.hour()) * 3600.0 + f64::from(moment.minute()) * 60.0 + f64::from(moment.second());
    serial_of_date(moment.date()) + seconds / 86_400.0
}
