//! Problems as a file that people open in a spreadsheet. The texts come from a sheet that anybody may have written, so
//! none of them may begin a formula there.

use std::borrow::Cow;

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue, LINK};
use axum::response::{IntoResponse, Response};

use super::entry::{Entry, ErrorType};
use crate::time::Time;

/// Without it, Excel takes the file for one of the machine's own code page.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

const HEADERS: [&str; 13] = [
    "row",
    "row key",
    "header",
    "column",
    "cell",
    "type",
    "code",
    "message",
    "value",
    "first seen",
    "last seen",
    "resolved",
    "next attempt",
];

/// The most bytes of a file. Lambda's answers have at most 6 MB, and a file is sent as base64, which adds a third.
pub(super) const MAX_BYTES: usize = 4_400_000;

/// The file with as many entries as fit into `most` bytes, and how many those are.
pub(super) fn write(entries: &[Entry], most: usize) -> (Vec<u8>, usize) {
    // Quoted throughout: then a text in the file's own words is never taken for a number or a second field.
    let mut writer =
        csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(BYTE_ORDER_MARK.to_vec());
    // A Vec takes everything that is written to it.
    let _ = writer.write_record(HEADERS);
    let mut written = 0;
    let mut length = 0;
    for entry in entries {
        let _ = writer.flush();
        length = writer.get_ref().len();
        let _ = writer.write_record(line(entry).iter().map(|field| harmless(field).into_owned()));
        let _ = writer.flush();
        if writer.get_ref().len() > most {
            break;
        }
        written += 1;
    }
    let mut file = writer.into_inner().unwrap_or_default();
    if written < entries.len() {
        file.truncate(length);
    }
    (file, written)
}

/// The answer with a file. `next` is the address of those that did not fit.
pub(super) fn answer(file: Vec<u8>, next: Option<&str>) -> Response {
    let mut response = ([(CONTENT_TYPE, "text/csv; charset=utf-8")], file).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"errors.csv\""));
    let link = next.map(|next| format!("<{next}>; rel=\"next\""));
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        headers.insert(LINK, link);
    }
    response
}

fn line(entry: &Entry) -> [String; 13] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let time = |time: Time| time.0.to_string();
    [
        entry.row_number.map(|number| number.to_string()).unwrap_or_default(),
        text(&entry.row_key),
        text(&entry.header),
        text(&entry.column),
        text(&entry.cell),
        name(entry.error_type),
        entry.code.clone(),
        entry.message.clone(),
        text(&entry.raw),
        time(entry.first_seen),
        time(entry.last_seen),
        entry.resolved_at.map(time).unwrap_or_default(),
        entry.next_attempt_at.map(time).unwrap_or_default(),
    ]
}

fn name(error_type: ErrorType) -> String {
    serde_json::to_value(error_type).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The text, with a `'` wherever a spreadsheet would begin a formula (OWASP, "CSV Injection"): in front, and after a `;`, a tab or
/// a line break, where a spreadsheet that separates fields by those begins the next one.
fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(FORMULA) && !text.starts_with(BREAKS) {
        return text.into();
    }
    let mut written = String::with_capacity(text.len() + 2);
    if text.starts_with(BREAKS) {
        written.push('\'');
    }
    let mut begins = true;
    for character in text.chars() {
        if begins && FORMULA.contains(&character) {
            written.push('\'');
        }
        written.push(character);
        begins = character == ';' || BREAKS.contains(&character);
    }
    written.into()
}

/// What begins a formula; a Japanese Excel takes the wide forms too.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// What some spreadsheets separate fields by.
const BREAKS: [char; 3] = ['\t', '\r', '\n'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text_and_other_values_stay() {
        let cases = [
            ("=HYPERLINK(\"http://x\",\"y\")", "'=HYPERLINK(\"http://x\",\"y\")"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("＝1", "'＝1"),
            ("＋1", "'＋1"),
            ("－1", "'－1"),
            ("＠x", "'＠x"),
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r'=1"),
            ("\nx", "'\nx"),
            ("a;=1+1", "a;'=1+1"),
            ("a\n=1", "a\n'=1"),
        ];
        for (text, expected) in cases {
            assert_eq!(harmless(text), expected);
        }
        for text in ["", "a=1", "1-2", " =1", "'=1", "<script>", "１億", "a; =1", "a;b"] {
            assert_eq!(harmless(text), text);
        }
    }

    fn entry(number: i64) -> Entry {
        let time: Time = serde_json::from_value(serde_json::json!("2026-01-01T00:00:00Z")).unwrap();
        Entry {
            id: number,
            sync: "listings".to_owned(),
            place: number,
            tab_id: None,
            run: uuid::Uuid::nil(),
            row_key: Some(format!("K{number}")),
            row_number: Some(number as u64),
            column: None,
            header: None,
            cell: None,
            cell_url: None,
            error_type: ErrorType::Validation,
            code: "not_a_date".to_owned(),
            message: "値".repeat(300),
            raw: None,
            next_attempt_at: None,
            first_seen: time,
            last_seen: time,
            resolved_at: None,
        }
    }

    #[test]
    fn csv_ends_with_a_whole_line_below_lambdas_limit() {
        let entries: Vec<Entry> = (0..6_000).map(entry).collect();
        let (whole, all) = write(&entries, usize::MAX);
        assert!(whole.len() > 4_500_000 && all == entries.len(), "{}", whole.len());
        let (file, written) = write(&entries, MAX_BYTES);
        assert!(written < entries.len() && file.len() <= MAX_BYTES && file.len() > MAX_BYTES - 2_000, "{}", file.len());
        assert!(file.len().div_ceil(3) * 4 < 6_000_000, "as base64");
        assert_eq!(file, whole[..file.len()]);
        assert!(
            whole[file.len()..].starts_with(format!("\"{written}\",").as_bytes()),
            "the next line is the next entry"
        );
    }
}
