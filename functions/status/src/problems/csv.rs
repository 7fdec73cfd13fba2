//! Problems as a file that people open in a spreadsheet. The texts come from a sheet that anybody may have written, so
//! none of them may begin a formula there.

use std::borrow::Cow;

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue, LINK};
use axum::response::{IntoResponse, Response};

use super::{Entry, ErrorType};
use crate::time::Time;

/// Without it, Excel takes the file for one of the machine's own code page.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

const HEADERS: [&str; 12] = [
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
];

/// The file. `next` is the cursor of those that did not fit.
pub(super) fn file(path: &str, entries: &[Entry], next: Option<&str>) -> Response {
    let mut writer = csv::Writer::from_writer(BYTE_ORDER_MARK.to_vec());
    // A Vec takes everything that is written to it.
    let _ = writer.write_record(HEADERS);
    for entry in entries {
        let _ = writer.write_record(line(entry).iter().map(|field| harmless(field).into_owned()));
    }
    let body = writer.into_inner().unwrap_or_default();
    let mut response = ([(CONTENT_TYPE, "text/csv; charset=utf-8")], body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"errors.csv\""));
    let link = next.map(|cursor| format!("<{path}?format=csv&cursor={cursor}>; rel=\"next\""));
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        headers.insert(LINK, link);
    }
    response
}

fn line(entry: &Entry) -> [String; 12] {
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
    ]
}

fn name(error_type: ErrorType) -> String {
    serde_json::to_value(error_type).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The text, with a `'` in front if a spreadsheet would take it for a formula (OWASP, "CSV Injection").
fn harmless(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_a_formula_is_text_and_everything_else_stays() {
        let formulas = ["=HYPERLINK(\"http://x\",\"y\")", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"];
        for text in formulas {
            assert_eq!(harmless(text), format!("'{text}"));
        }
        for text in ["", "a=1", "1-2", " =1", "'=1", "<script>", "１億"] {
            assert_eq!(harmless(text), text);
        }
    }
}
