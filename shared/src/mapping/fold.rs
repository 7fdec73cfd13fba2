//! One form for the many ways to write the same characters: full-width digits, half-width katakana, `㎡`, `㍻`. Used to read
//! numbers, dates, words and headers; texts are stored as they are unless their column says otherwise.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

/// `text` in Unicode's compatible, composed form (NFKC), without white space at its ends.
pub(super) fn fold(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let folded: String = text.nfkc().collect();
    // Compatible forms of some marks begin with a space.
    let trimmed = folded.trim();
    Cow::Owned(if trimmed.len() == folded.len() { folded } else { trimmed.to_owned() })
}

/// Whether folding leaves the character as it is, whatever stands beside it: the common cases, found without tables.
fn is_plain(character: char) -> bool {
    matches!(character, '\0'..='\u{7f}' | '、'..='〇' | 'ぁ'..='ゖ' | 'ァ'..='ヺ' | '一'..='\u{9fff}' | '○' | '●' | '×')
}

/// Each of `texts`, folded; for the words of a definition that are compared with folded cells.
pub(super) fn fold_all(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| fold(text).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ways_to_write_the_same_become_the_same() {
        for (text, folded) in [
            ("　１２，８００円 ", "12,800円"),
            ("㎡", "m2"),
            ("ﾏﾝｼｮﾝ", "マンション"),
            ("㍻３１年", "平成31年"),
            ("￥1", "¥1"),
            ("物件", "物件"),
        ] {
            assert_eq!(fold(text), folded);
        }
    }

    proptest! {
        #[test]
        fn the_short_cut_changes_nothing(text in "\\PC*") {
            let long_way: String = text.trim().nfkc().collect();
            prop_assert_eq!(fold(&text), long_way.trim());
        }
    }
}
