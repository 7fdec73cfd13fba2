//! How cells are shown: the three render options of the API, as JSON bytes. Large ranges pass through
//! here, so cells are written straight into the answer.

use std::borrow::Cow;
use std::io::Write as _;

use crate::cell::{Cell, Format};
use crate::grid::{Area, Dimension, Grid};
use crate::pattern::{self, general, is_whole};
use crate::serial::date_time;

/// `valueRenderOption` of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ValueRender {
    #[default]
    FormattedValue,
    UnformattedValue,
    Formula,
}

/// `dateTimeRenderOption` of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum DateTimeRender {
    #[default]
    SerialNumber,
    FormattedString,
}

/// How an answer shows its cells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rendering<'a> {
    pub value: ValueRender,
    pub date_time: DateTimeRender,
    pub locale: &'a str,
}

impl Rendering<'_> {
    /// Writes the `values` array of an area: ragged rows, blanks inside as `""`, trailing blank cells and
    /// rows left out. Writes nothing and answers `false` if the area is blank.
    pub(crate) fn write_values(self, grid: &Grid, area: &Area, by: Dimension, out: &mut Vec<u8>) -> bool {
        match by {
            Dimension::Rows => {
                let rows = grid.stored(&area.rows).map(|row| grid.cells(row, &area.columns));
                self.write_lines(rows, out)
            }
            Dimension::Columns => {
                let mut columns = vec![Vec::new(); area.columns.len()];
                for (index, row) in grid.stored(&area.rows).enumerate() {
                    for (cell, column) in grid.cells(row, &area.columns).zip(&mut columns) {
                        if !cell.is_blank() {
                            column.resize(index, Cell::Blank);
                            column.push(cell);
                        }
                    }
                }
                self.write_lines(columns.into_iter().map(Vec::into_iter), out)
            }
        }
    }

    fn write_lines<'c, L>(self, lines: impl Iterator<Item = L>, out: &mut Vec<u8>) -> bool
    where
        L: Iterator<Item = Cell<'c>>,
    {
        let start = out.len();
        let mut used = start;
        out.push(b'[');
        for (index, line) in lines.enumerate() {
            if index > 0 {
                out.push(b',');
            }
            if self.write_line(line, out) {
                used = out.len();
            }
        }
        out.truncate(used);
        if used > start {
            out.push(b']');
        }
        used > start
    }

    /// Writes one row or column. Returns whether it has content.
    fn write_line<'c>(self, cells: impl Iterator<Item = Cell<'c>>, out: &mut Vec<u8>) -> bool {
        out.push(b'[');
        let start = out.len();
        let mut used = start;
        for (index, cell) in cells.enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.write_cell(&cell, out);
            if !cell.is_blank() {
                used = out.len();
            }
        }
        out.truncate(used);
        out.push(b']');
        used > start
    }

    fn write_cell(self, cell: &Cell<'_>, out: &mut Vec<u8>) {
        match (cell, self.value) {
            (Cell::Blank, _) => out.extend_from_slice(b"\"\""),
            (Cell::Formula { source, .. }, ValueRender::Formula) => write_text(source, out),
            (Cell::Formula { shows, .. }, _) => self.write_cell(shows, out),
            (Cell::Text(text), _) => write_text(text, out),
            (_, ValueRender::FormattedValue) => write_text(&formatted(cell, self.locale), out),
            (Cell::Bool(flag), _) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
            (Cell::Error(error), _) => write_text(error.text(), out),
            (Cell::Number(number, format), _) => {
                if is_moment(*format) && self.date_time == DateTimeRender::FormattedString {
                    write_text(&formatted(cell, self.locale), out);
                } else {
                    write_number(*number, out);
                }
            }
            (Cell::Patterned { number, pattern }, _) => {
                if pattern::is_moment(pattern) && self.date_time == DateTimeRender::FormattedString {
                    write_text(&formatted(cell, self.locale), out);
                } else {
                    write_number(*number, out);
                }
            }
        }
    }
}

fn is_moment(format: Format) -> bool {
    matches!(format, Format::Date | Format::DateTime | Format::Time)
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    let plain = text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
    if plain {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        // Writing to a Vec cannot fail, and a string is always JSON.
        let _ = serde_json::to_writer(out, text);
    }
}

/// As Google writes doubles: whole numbers without a fraction.
fn write_number(number: f64, out: &mut Vec<u8>) {
    let written = if is_whole(number) { write!(out, "{}", number as i64) } else { Ok(()) };
    if !is_whole(number) {
        let _ = serde_json::to_writer(&mut *out, &number);
    }
    debug_assert!(written.is_ok(), "a Vec takes everything");
}

/// What a person sees in the cell.
pub(crate) fn formatted<'c>(cell: &'c Cell<'_>, locale: &str) -> Cow<'c, str> {
    match cell {
        Cell::Blank => Cow::Borrowed(""),
        Cell::Bool(true) => Cow::Borrowed("TRUE"),
        Cell::Bool(false) => Cow::Borrowed("FALSE"),
        Cell::Text(text) => Cow::Borrowed(text),
        Cell::Error(error) => Cow::Borrowed(error.text()),
        Cell::Formula { shows, .. } => formatted(shows, locale),
        Cell::Number(number, format) => Cow::Owned(match format {
            Format::General => pattern::localized(&general(*number), locale),
            Format::Grouped => grouped(*number, locale),
            Format::Yen if *number < 0.0 => format!("-¥{}", grouped(-number, locale)),
            Format::Yen => format!("¥{}", grouped(*number, locale)),
            Format::Percent => format!("{}%", pattern::localized(&general(number * 100.0), locale)),
            Format::Date | Format::DateTime | Format::Time => moment(*number, *format, locale),
        }),
        Cell::Patterned { number, pattern } => Cow::Owned(pattern::show(*number, pattern, locale)),
    }
}

fn grouped(number: f64, locale: &str) -> String {
    let text = general(number.abs());
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(w, f)| (w, Some(f)));
    let (point, group) = pattern::separators(locale);
    let mut grouped = String::from(if number < 0.0 { "-" } else { "" }) + &pattern::grouped(whole, group);
    if let Some(fraction) = fraction {
        grouped.push(point);
        grouped.push_str(fraction);
    }
    grouped
}

/// A serial as a date or time. Rounded to the second, because a day's fraction is never exact.
fn moment(serial: f64, format: Format, locale: &str) -> String {
    let seconds = (serial * 86_400.0).round() as i64;
    let Some(at) = date_time(seconds) else { return general(serial) };
    let (year, month, day) = (at.year(), at.month(), at.day());
    let clock = format!("{}:{:02}:{:02}", at.hour(), at.minute(), at.second());
    let date = match locale {
        "en_US" => format!("{month}/{day}/{year}"),
        "ja_JP" => format!("{year}/{month:02}/{day:02}"),
        _ => format!("{year}-{month:02}-{day:02}"),
    };
    match format {
        Format::Time => clock,
        Format::DateTime => format!("{date} {clock}"),
        _ => date,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::CellError;
    use crate::grid::Row;

    const UNFORMATTED: Rendering<'_> =
        Rendering { value: ValueRender::UnformattedValue, date_time: DateTimeRender::SerialNumber, locale: "ja_JP" };

    fn values(rows: Vec<Vec<Cell<'static>>>, by: Dimension) -> Option<String> {
        let grid = Grid::new(rows.into_iter().map(Row::new).collect(), 10, 10);
        let mut out = Vec::new();
        let any = UNFORMATTED.write_values(&grid, &grid.whole(), by, &mut out);
        any.then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn rows_are_ragged_and_blanks_inside_are_empty_texts() {
        let rows = || {
            vec![
                vec![Cell::text("a\"b"), Cell::Blank, Cell::number(1.0), Cell::Blank],
                vec![Cell::Blank, Cell::Blank],
                vec![Cell::Blank, Cell::Bool(true)],
                vec![],
            ]
        };
        assert_eq!(values(rows(), Dimension::Rows).unwrap(), r#"[["a\"b","",1],[],["",true]]"#);
        assert_eq!(values(rows(), Dimension::Columns).unwrap(), r#"[["a\"b"],["","",true],[1]]"#);
        assert_eq!(values(vec![vec![], vec![Cell::Blank]], Dimension::Rows), None);
    }

    #[test]
    fn a_cell_is_formatted_as_a_person_sees_it() {
        for (cell, shown) in [
            (Cell::number(128_000_000.0), "128000000"),
            (Cell::number(47.721000000000004), "47.721"),
            (Cell::number(1.0 / 3.0), "0.3333333333"),
            (Cell::number(1e21), "1E+21"),
            (Cell::Number(-1234567.5, Format::Grouped), "-1,234,567.5"),
            (Cell::Number(0.125, Format::Percent), "12.5%"),
            (Cell::Number(1000.0, Format::Yen), "¥1,000"),
            (Cell::Number(45352.0, Format::Date), "2024/03/01"),
            (Cell::Number(45352.378472222, Format::DateTime), "2024/03/01 9:05:00"),
            (Cell::Number(0.75, Format::Time), "18:00:00"),
            (Cell::Bool(true), "TRUE"),
            (Cell::Error(CellError::Ref), "#REF!"),
        ] {
            assert_eq!(formatted(&cell, "ja_JP"), shown);
        }
    }
}
