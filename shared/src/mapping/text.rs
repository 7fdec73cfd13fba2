//! Texts and lists of texts. They are stored as they are in the cell, but for what the column asks for.

use regex_lite::Regex;
use unicode_normalization::UnicodeNormalization as _;

use super::cell::Cell;
use super::column::{Column, Normalize};
use super::number;
use super::rejection::{Code, Refusal};

/// What stands between the items of a list, unless the column says otherwise.
const SEPARATOR: &str = ",";

/// How the texts of one column are stored, and which are allowed.
pub(super) struct TextRule {
    trim: bool,
    normalize: Normalize,
    zero_pad: usize,
    max_characters: Option<usize>,
    pattern: Option<Pattern>,
}

struct Pattern {
    regex: Regex,
    /// As the definition has it.
    written: String,
}

impl TextRule {
    pub(super) fn new(column: &Column) -> Result<Self, regex_lite::Error> {
        let pattern = match &column.pattern {
            Some(written) => Some(Pattern { regex: whole_match(written)?, written: written.clone() }),
            None => None,
        };
        Ok(Self {
            trim: column.trim.unwrap_or(true),
            normalize: column.normalize,
            zero_pad: column.zero_pad.unwrap_or_default() as usize,
            max_characters: column.max_length.map(|most| most as usize),
            pattern,
        })
    }

    /// The text in `cell`.
    pub(super) fn read(&self, cell: &Cell) -> Result<String, Refusal> {
        let text = match cell {
            Cell::Text(text) => {
                check_characters(text)?;
                self.normalize(if self.trim { text.trim() } else { text })
            }
            Cell::Number(number) => number_text(*number, self.zero_pad)?,
            Cell::Bool(ticked) => bool_text(*ticked).to_owned(),
            Cell::Blank => String::new(),
        };
        self.admit(&text)?;
        Ok(text)
    }

    fn normalize(&self, text: &str) -> String {
        match self.normalize {
            Normalize::Nfc if !text.is_ascii() => text.nfc().collect(),
            Normalize::Nfkc if !text.is_ascii() => {
                let normalized: String = text.nfkc().collect();
                // Compatible forms of some marks begin with a space.
                if self.trim { normalized.trim().to_owned() } else { normalized }
            }
            _ => text.to_owned(),
        }
    }

    fn admit(&self, text: &str) -> Result<(), Refusal> {
        if let Some(most) = self.max_characters
            && text.len() > most
            && text.chars().nth(most).is_some()
        {
            return Err(Refusal::new(Code::TooLong, format!("expected at most {most} characters")));
        }
        match &self.pattern {
            Some(pattern) if !pattern.regex.is_match(text) => {
                Err(Refusal::new(Code::PatternMismatch, format!("expected a text that matches {}", pattern.written)))
            }
            _ => Ok(()),
        }
    }
}

/// How the lists of one column are written.
pub(super) struct ListRule {
    separator: String,
    item: TextRule,
}

impl ListRule {
    pub(super) fn new(column: &Column) -> Result<Self, regex_lite::Error> {
        let separator = column.separator.as_deref().unwrap_or(SEPARATOR);
        Ok(Self { separator: separator.to_owned(), item: TextRule::new(column)? })
    }

    /// The items in `cell`, without the blank ones.
    pub(super) fn read(&self, cell: &Cell) -> Result<Vec<String>, Refusal> {
        let Cell::Text(text) = cell else {
            return Ok(vec![self.item.read(cell)?]);
        };
        check_characters(text)?;
        let mut items = Vec::new();
        for item in text.split(self.separator.as_str()).map(str::trim).filter(|item| !item.is_empty()) {
            let item = self.item.normalize(item);
            self.item.admit(&item)?;
            items.push(item);
        }
        Ok(items)
    }
}

/// Compiles a pattern so that it must match the whole of a value.
fn whole_match(pattern: &str) -> Result<Regex, regex_lite::Error> {
    // By itself first, so that brackets that do not match are not mended by ours.
    Regex::new(pattern)?;
    Regex::new(&format!("^(?:{pattern})$"))
}

/// Refuses characters that Postgres or SQS cannot take: NUL, other control characters but tab and line ends, and the two
/// code points that are no characters.
pub(super) fn check_characters(text: &str) -> Result<(), Refusal> {
    let bytes = text.as_bytes();
    let control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    // Looks at every byte without branching, which is faster than stopping early: bad texts are rare.
    if !bytes.iter().fold(false, |found, &byte| found | control(byte) | (byte == 0xef)) {
        return Ok(());
    }
    match text
        .chars()
        .find(|&found| matches!(found, '\u{fffe}' | '\u{ffff}') || (found.is_ascii() && control(found as u8)))
    {
        None => Ok(()),
        Some(found) => Err(Refusal::new(
            Code::BadCharacter,
            format!(
                "the text contains the invisible character U+{:04X}, which cannot be stored; delete it",
                u32::from(found)
            ),
        )),
    }
}

/// A number as text, with the digits that were typed: `12`, not `12.0` or `1.2E+1`.
pub(super) fn number_text(number: f64, zero_pad: usize) -> Result<String, Refusal> {
    match number::whole(number) {
        Ok(whole) => Ok(format!("{whole:0zero_pad$}")),
        Err(refusal) if refusal.code == Code::HasFraction => Ok(number.to_string()),
        Err(_) => Err(number::digits_lost()),
    }
}

/// A checkbox as Sheets shows it.
pub(super) fn bool_text(ticked: bool) -> &'static str {
    if ticked { "TRUE" } else { "FALSE" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_cannot_be_stored_are_refused_and_no_others() {
        for text in ["a\0", "\u{b}", "\u{1f}", "東京\u{fffe}", "\u{ffff}"] {
            assert_eq!(check_characters(text).unwrap_err().code, Code::BadCharacter, "{text:?}");
        }
        for text in ["a\tb\r\nc", "，（）！ｶﾞ", "\u{fffd}", "\u{7f}", "\u{1fffe}", "👪"] {
            assert_eq!(check_characters(text), Ok(()), "{text:?}");
        }
    }
}
