//! Texts and lists of texts. They are stored as they are in the cell, but for what the column asks for.

use regex_lite::Regex;
use unicode_normalization::UnicodeNormalization as _;

use super::cell::Cell;
use super::column::{Column, Floats, Normalize, NumberAs};
use super::double;
use super::fold::fold_width;
use super::invisible::{self, trim};
use super::rejection::{Code, Refusal};
use super::shown::{self, Look, Needs};

/// What stands between the items of a list, unless the column says otherwise.
const SEPARATOR: &str = ",";

/// How the texts of one column are stored, and which are allowed.
pub(super) struct TextRule {
    trim: bool,
    normalize: Normalize,
    floats: Floats,
    number: Option<NumberAs>,
    zero_pad: usize,
    max_characters: Option<usize>,
    pattern: Option<Pattern>,
    is_key: bool,
}

struct Pattern {
    regex: Regex,
    /// As the definition has it.
    written: String,
}

impl TextRule {
    pub(super) fn new(column: &Column, is_key: bool) -> Result<Self, regex_lite::Error> {
        let pattern = match &column.pattern {
            Some(written) => Some(Pattern { regex: whole_match(written)?, written: written.clone() }),
            None => None,
        };
        Ok(Self {
            trim: column.trim.unwrap_or(true),
            normalize: column.normalize,
            floats: column.floats,
            number: column.number,
            zero_pad: column.zero_pad.unwrap_or_default() as usize,
            max_characters: column.max_length.map(|most| most as usize),
            pattern,
            is_key,
        })
    }

    /// The text in `cell`.
    pub(super) fn read(&self, cell: &Cell) -> Result<String, Refusal> {
        let text = match cell {
            Cell::Text(text) => {
                check_characters(text)?;
                self.normalize(if self.trim { trim(text) } else { text })
            }
            Cell::Number(_) | Cell::Shown(..) if self.number == Some(NumberAs::Reject) => {
                return Err(Refusal::new(
                    Code::UnexpectedNumber,
                    "expected a text, the cell holds a number; choose Format > Number > Plain text for the cell and type it again",
                ));
            }
            Cell::Number(number) => self.digits(*number)?,
            Cell::Shown(number, shown) => {
                if self.takes_shown(*number, shown)? {
                    check_characters(shown)?;
                    self.normalize(if self.trim { trim(shown) } else { shown })
                } else {
                    self.digits(*number)?
                }
            }
            Cell::Bool(ticked) => bool_text(*ticked).to_owned(),
            Cell::Blank => String::new(),
        };
        self.admit(&text)?;
        Ok(text)
    }

    fn digits(&self, number: f64) -> Result<String, Refusal> {
        double::text(number, self.floats, self.zero_pad)
    }

    pub(super) fn needs(&self) -> Needs {
        match self.number {
            Some(NumberAs::Digits | NumberAs::Reject) => Needs::Nothing,
            Some(NumberAs::Displayed) | None => Needs::All,
        }
    }

    /// Whether what a cell shows is stored, and not the digits of its number.
    fn takes_shown(&self, number: f64, shown: &str) -> Result<bool, Refusal> {
        let look = shown::look(number, shown);
        match self.number {
            Some(NumberAs::Displayed) => {
                if trim(shown).is_empty() {
                    return Err(unclear());
                }
                Ok(true)
            }
            Some(_) => Ok(false),
            None => match look {
                Look::Number => Ok(false),
                // The column says by itself how many zeros there are.
                Look::Written if self.zero_pad > 0 && shown.bytes().all(|byte| byte.is_ascii_digit()) => Ok(false),
                Look::Written | Look::Moment => Ok(true),
                Look::Unclear => Err(unclear()),
            },
        }
    }

    fn normalize(&self, text: &str) -> String {
        match self.normalize {
            Normalize::Nfc if !text.is_ascii() => text.nfc().collect(),
            Normalize::Nfkc if !text.is_ascii() => {
                let normalized: String = text.nfkc().collect();
                // Compatible forms of some marks begin with a space.
                if self.trim { trim(&normalized).to_owned() } else { normalized }
            }
            _ => text.to_owned(),
        }
    }

    fn admit(&self, text: &str) -> Result<(), Refusal> {
        if self.is_key {
            check_key(text)?;
        }
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

fn unclear() -> Refusal {
    Refusal::new(
        Code::UnclearNumber,
        "what the cell shows does not follow from its number; choose Format > Number > Plain text for the cell and type it \
         again, or set `number` in sheetsync.toml to \"digits\" or \"displayed\"",
    )
}

/// How the lists of one column are written.
pub(super) struct ListRule {
    separator: Vec<char>,
    item: TextRule,
}

impl ListRule {
    pub(super) fn new(column: &Column) -> Result<Self, regex_lite::Error> {
        let separator = column.separator.as_deref().unwrap_or(SEPARATOR);
        Ok(Self { separator: separator.chars().map(fold_width).collect(), item: TextRule::new(column, false)? })
    }

    pub(super) fn needs(&self) -> Needs {
        self.item.needs()
    }

    /// The items in `cell`, without the blank ones.
    pub(super) fn read(&self, cell: &Cell) -> Result<Vec<String>, Refusal> {
        let Cell::Text(text) = cell else {
            return Ok(vec![self.item.read(cell)?]);
        };
        check_characters(text)?;
        let mut items = Vec::new();
        for item in self.split(text).into_iter().map(trim).filter(|item| !item.is_empty()) {
            let item = self.item.normalize(item);
            self.item.admit(&item)?;
            items.push(item);
        }
        Ok(items)
    }

    /// What stands between the separators, in whatever width those are written.
    fn split<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let mut items = Vec::new();
        let (mut item, mut rest) = (text, text);
        while let Some(next) = rest.chars().next() {
            match self.after_separator(rest) {
                Some(after) => {
                    items.push(&item[..item.len() - rest.len()]);
                    (item, rest) = (after, after);
                }
                None => rest = &rest[next.len_utf8()..],
            }
        }
        items.push(item);
        items
    }

    /// What follows the separator, where `text` begins with it.
    fn after_separator<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut characters = text.chars();
        let found = self.separator.iter().all(|wanted| characters.next().map(fold_width) == Some(*wanted));
        found.then_some(characters.as_str())
    }
}

/// Compiles a pattern so that it must match the whole of a value.
fn whole_match(pattern: &str) -> Result<Regex, regex_lite::Error> {
    // By itself first, so that our brackets do not close an unbalanced one.
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

/// Refuses a key in which something cannot be seen: two such keys look the same.
fn check_key(text: &str) -> Result<(), Refusal> {
    match invisible::find(text) {
        None => Ok(()),
        Some((found, position)) => Err(Refusal::new(
            Code::BadCharacter,
            format!(
                "the key contains U+{:04X} ({}), which cannot be seen, at position {position}; delete it, or type the key again",
                u32::from(found),
                invisible::name(found)
            ),
        )),
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
