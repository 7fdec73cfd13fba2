//! Cells that hold one of a fixed set of words: booleans and enums. Words are compared after folding, so `○ ` and `○`, or
//! `TRUE` and `ｔｒｕｅ`, are the same word.

use std::borrow::Cow;
use std::collections::HashMap;

use super::cell::Cell;
use super::column::{Column, Floats};
use super::double;
use super::fold::fold;
use super::rejection::{Code, Refusal};
use super::text::bool_text;

/// What people write for true and false; a column takes them with `japanese = true`.
const JAPANESE_TRUE: [&str; 17] =
    ["○", "〇", "◯", "⭕", "✓", "✔", "☑", "✅", "有", "有り", "あり", "可", "済", "済み", "はい", "要", "必要"];
const JAPANESE_FALSE: [&str; 15] =
    ["×", "✕", "✖", "✗", "✘", "❌", "☐", "無", "なし", "不可", "否", "未", "いいえ", "不要", "無し"];

/// A word, in the form in which words are compared.
fn word(text: &str) -> Cow<'_, str> {
    let folded = fold(text);
    if folded.chars().any(char::is_uppercase) { folded.to_lowercase().into() } else { folded }
}

/// What a cell says, as text to be compared.
fn cell_word(cell: &Cell) -> Option<Cow<'_, str>> {
    match cell {
        Cell::Text(text) => Some(word(text)),
        Cell::Number(number) | Cell::Shown(number, _) => double::text(*number, Floats::Rounded, 0).ok().map(Cow::Owned),
        Cell::Bool(ticked) => Some(bool_text(*ticked).to_lowercase().into()),
        Cell::Blank => None,
    }
}

/// Words and what each of them means.
pub(super) struct Words<T> {
    meanings: HashMap<String, T>,
    expected: String,
    code: Code,
}

impl Words<bool> {
    /// The words of a boolean column, or a word that was given both meanings.
    pub(super) fn boolean(column: &Column) -> Result<Self, String> {
        let (yes, no): (&[&str], &[&str]) =
            if column.japanese { (&JAPANESE_TRUE, &JAPANESE_FALSE) } else { (&[], &[]) };
        let own_true = column.true_values.iter().map(|text| (text.as_str(), true));
        let own_false = column.false_values.iter().map(|text| (text.as_str(), false));
        let mut meanings = HashMap::new();
        for (text, meaning) in [("true", true), ("false", false)].into_iter().chain(own_true).chain(own_false) {
            if meanings.insert(word(text).into_owned(), meaning).is_some_and(|earlier| earlier != meaning) {
                return Err(text.to_owned());
            }
        }
        // A column's own words come first: in some sheets ● means "taken".
        for (texts, meaning) in [(yes, true), (no, false)] {
            for text in texts {
                meanings.entry(word(text).into_owned()).or_insert(meaning);
            }
        }
        let mut expected = "expected TRUE or FALSE".to_owned();
        if column.japanese {
            expected.push_str(", ○ or ×, 有 or 無");
        }
        let own: Vec<&str> = column.true_values.iter().chain(&column.false_values).map(String::as_str).collect();
        if !own.is_empty() {
            expected.push_str(", ");
            expected.push_str(&own.join(", "));
        }
        Ok(Self { meanings, expected, code: Code::NotABoolean })
    }
}

impl Words<String> {
    /// The words of an enum column, or a word that was given two meanings.
    pub(super) fn choices(column: &Column) -> Result<Self, String> {
        let mut meanings = HashMap::new();
        for (text, value) in column.values.pairs() {
            if meanings.insert(word(text).into_owned(), value.to_owned()).is_some() {
                return Err(text.to_owned());
            }
        }
        let listed: Vec<&str> = column.values.pairs().map(|(text, _)| text).collect();
        Ok(Self { meanings, expected: format!("expected one of {}", listed.join(", ")), code: Code::UnknownValue })
    }
}

impl<T: Clone> Words<T> {
    /// What `cell` means.
    pub(super) fn read(&self, cell: &Cell) -> Result<T, Refusal> {
        cell_word(cell)
            .and_then(|word| self.meanings.get(word.as_ref()).cloned())
            .ok_or_else(|| Refusal::new(self.code, self.expected.clone()))
    }
}
