//! The words that a column allows before and after its values, such as `築` and `㎡`.

use super::fold::{fold, fold_all};

/// Words, the longest first: `築年月2005年3月` has no `年月` behind its `築`.
pub(super) struct Affixes {
    words: Vec<String>,
    written: Vec<String>,
}

impl Affixes {
    pub(super) fn new(written: &[String]) -> Self {
        let written = fold_all(written);
        let mut words: Vec<String> = written.iter().flat_map(|word| [plain_power(word), raised_power(word)]).collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words.dedup();
        Self { words, written }
    }

    /// As the definition has them, for messages.
    pub(super) fn written(&self) -> &[String] {
        &self.written
    }

    /// The word at the front of `text`, and what follows it.
    pub(super) fn strip_prefix<'t>(&self, text: &'t str) -> Option<(&str, &'t str)> {
        self.words.iter().find_map(|word| {
            let rest = text.strip_prefix(word.as_str())?;
            (!joins_digits(word, rest)).then_some((word.as_str(), rest))
        })
    }

    /// What stands before the word at the end of `text`.
    pub(super) fn strip_suffix<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.words.iter().find_map(|word| {
            let rest = text.strip_suffix(word.as_str())?;
            (!joins_digits(rest, word)).then_some(rest)
        })
    }
}

/// Whether the digits of a value run into those of a word: `A15` is not 5 behind `A1`.
fn joins_digits(before: &str, after: &str) -> bool {
    let is_digit = |character: char| character.is_ascii_digit();
    before.ends_with(is_digit) && after.starts_with(is_digit)
}

/// Whether `word` is an amount of money's: a sign or a point may follow `$`, but joins `No` to what comes behind it.
pub(super) fn is_currency(word: &str) -> bool {
    word.ends_with('円')
        || word.ends_with(|last| matches!(last, '$' | '¢'..='¥' | '\\' | '\u{e3f}' | '\u{20a0}'..='\u{20cf}'))
}

/// `m²` as it is typed on a keyboard without it: `m2`.
fn plain_power(word: &str) -> String {
    power(word, ['²', '³'], ['2', '3'])
}

fn raised_power(word: &str) -> String {
    power(word, ['2', '3'], ['²', '³'])
}

/// `word` with the power behind its unit written in another way.
fn power(word: &str, from: [char; 2], to: [char; 2]) -> String {
    let mut characters: Vec<char> = word.chars().collect();
    for index in 1..characters.len() {
        if let Some(place) = from.iter().position(|power| *power == characters[index])
            && characters[index - 1].is_ascii_alphabetic()
            && !characters.get(index + 1).is_some_and(char::is_ascii_digit)
        {
            characters[index] = to[place];
        }
    }
    characters.into_iter().collect()
}

/// Whether one of `words` begins with `mark`, however it is written.
pub(super) fn any_begins_with(words: &[String], marks: &[char]) -> bool {
    words.iter().any(|word| fold(word).starts_with(marks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_known_in_every_way_it_is_written() {
        for unit in ["㎡", "m²", "m2", "ｍ２"] {
            let affixes = Affixes::new(&[unit.to_owned()]);
            assert_eq!(
                ["85m²", "85m2", "85km", "85²"].map(|text| affixes.strip_suffix(text)),
                [Some("85"), Some("85"), None, None]
            );
        }
    }

    #[test]
    fn affix_digits_do_not_join_the_value() {
        let affixes = Affixes::new(&["A1".to_owned(), "A".to_owned()]);
        assert_eq!(affixes.strip_prefix("A15"), Some(("A", "15")));
        assert_eq!(affixes.strip_prefix("A1 5"), Some(("A1", " 5")));
    }
}
