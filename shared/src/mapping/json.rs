//! JSON in a cell: checked for what Postgres's `jsonb` will take, and stored compactly with its digits as written.

use serde_json::Value as Document;

use super::cell::Cell;
use super::column::Floats;
use super::double;
use super::invisible::trim;
use super::rejection::{Code, Refusal};
use super::text::{bool_text, check_characters};

/// The JSON document in `cell`.
pub(super) fn read(cell: &Cell, floats: Floats) -> Result<Box<str>, Refusal> {
    match cell {
        Cell::Text(text) => {
            check_characters(text)?;
            let text = trim(text);
            let document: Document = serde_json::from_str(text).map_err(|error| {
                Refusal::new(
                    Code::NotJson,
                    format!("expected JSON; it breaks at line {}, column {}", error.line(), error.column()),
                )
            })?;
            if has_nul(&document) {
                return Err(Refusal::new(Code::BadCharacter, "the JSON contains \\u0000, which cannot be stored"));
            }
            Ok(compact(text).into_boxed_str())
        }
        Cell::Number(number) | Cell::Shown(number, _) => double::text(*number, floats, 0).map(String::into_boxed_str),
        Cell::Bool(ticked) => Ok(bool_text(*ticked).to_lowercase().into_boxed_str()),
        Cell::Blank => Err(Refusal::new(Code::NotJson, "expected JSON")),
    }
}

fn has_nul(document: &Document) -> bool {
    match document {
        Document::String(text) => text.contains('\0'),
        Document::Array(items) => items.iter().any(has_nul),
        Document::Object(members) => members.iter().any(|(name, member)| name.contains('\0') || has_nul(member)),
        Document::Null | Document::Bool(_) | Document::Number(_) => false,
    }
}

/// `json`, which is known to be valid, without white space between its tokens.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut in_text = false;
    let mut escaped = false;
    for character in json.chars() {
        if in_text {
            in_text = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else if character.is_ascii_whitespace() {
            continue;
        } else {
            in_text = character == '"';
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_between_tokens_goes() {
        let cell = Cell::from("{ \"a b\" : [ 1.50 , \"c \\\" d\" ],\n \"n\": 12345678901234567890 }");
        assert_eq!(
            read(&cell, Floats::Rounded).unwrap().as_ref(),
            "{\"a b\":[1.50,\"c \\\" d\"],\"n\":12345678901234567890}"
        );
    }

    #[test]
    fn what_jsonb_refuses_is_refused_here() {
        for text in ["{a: 1}", "\"\\ud800\"", "[1,]", "NaN", "1e999", "{\"a\":1} x"] {
            assert_eq!(read(&Cell::from(text), Floats::Rounded).unwrap_err().code, Code::NotJson, "{text}");
        }
        assert_eq!(read(&Cell::from("{\"a\\u0000\":1}"), Floats::Rounded).unwrap_err().code, Code::BadCharacter);
    }
}
