//! The words of a column that count as blank. They are what people see, so `0` is also the number 0, and `FALSE` also a box
//! that is not ticked.

use super::cell::Cell;
use super::column::Floats;
use super::double;
use super::fold::fold;
use super::text::bool_text;
use super::value::Value;

/// Dashes of every length, which look alike and are typed with different keys.
const DASHES: [char; 8] = ['-', '−', 'ー', '―', '—', '–', '‐', '─'];

#[derive(Default)]
pub(super) struct BlankWords {
    /// The blank words, folded.
    words: Vec<String>,
    /// What the column would read in them: numbers and dates, which other cells hold in another form.
    values: Vec<Value>,
}

impl BlankWords {
    /// `read` is how the column reads a cell.
    pub(super) fn new(words: &[String], read: impl Fn(&Cell) -> Option<Value>) -> Self {
        Self {
            words: words.iter().map(|word| dashes(&fold(word))).collect(),
            values: words.iter().filter_map(|word| read(&Cell::from(word.as_str()))).collect(),
        }
    }

    /// Whether `cell` holds one of the words.
    pub(super) fn contain(&self, cell: &Cell, read: &dyn Fn(&Cell) -> Option<Value>) -> bool {
        if self.words.is_empty() {
            return false;
        }
        match cell {
            Cell::Blank => true,
            Cell::Text(text) => {
                let folded = fold(text);
                let looks_alike =
                    |word: &String| *word == folded || (folded.starts_with(DASHES) && *word == dashes(&folded));
                self.words.iter().any(looks_alike)
            }
            Cell::Bool(ticked) => self.words.iter().any(|word| word.eq_ignore_ascii_case(bool_text(*ticked))),
            Cell::Shown(number, shown) => {
                (!shown.is_empty() && self.contain(&Cell::from(shown.as_str()), read))
                    || self.contain(&Cell::Number(*number), read)
            }
            Cell::Number(number) => {
                let shown = double::text(*number, Floats::Rounded, 0);
                let is_shown = shown.is_ok_and(|shown| self.words.contains(&shown));
                is_shown || (!self.values.is_empty() && read(cell).is_some_and(|value| self.values.contains(&value)))
            }
        }
    }
}

/// A text of nothing but dashes with the plainest of them; any other as it is.
fn dashes(text: &str) -> String {
    if text.chars().all(|character| DASHES.contains(&character)) {
        "-".repeat(text.chars().count())
    } else {
        text.to_owned()
    }
}
