//! One form for the many ways to write the same characters: full-width digits, half-width katakana, `㍻`. Used to read
//! numbers, dates and words; texts are stored as they are unless their column says otherwise. Note marks such as ① or ² are
//! not other ways to write digits, and stay as they are.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

use super::invisible::{self, is_negligible};

/// `text` in Unicode's compatible, composed form (NFKC), but for marks, without invisible characters and without white space
/// at its ends. `㎡` becomes `m²`.
pub(super) fn fold(text: &str) -> Cow<'_, str> {
    let text = invisible::trim(text);
    // Most texts are as plain as can be, and most others have no marks in them.
    let mut unlike = text.chars().filter(|character| !is_plain(*character)).peekable();
    if unlike.peek().is_none() {
        return Cow::Borrowed(text);
    }
    if !unlike.any(|character| is_negligible(character) || is_mark(character) || is_unit_with_power(character)) {
        return Cow::Owned(trimmed(text.nfkc().collect()));
    }
    let visible: String = text.chars().filter(|character| !is_negligible(*character)).collect();
    let mut folded = String::with_capacity(visible.len());
    let mut rest = visible.as_str();
    while let Some(at) = rest.find(|character| is_mark(character) || is_unit_with_power(character)) {
        let mut characters = rest[at..].chars();
        folded.extend(rest[..at].nfkc());
        match characters.next() {
            Some(mark) if is_mark(mark) => folded.push(mark),
            unit => folded.extend(unit.into_iter().nfkc().map(raised)),
        }
        rest = characters.as_str();
    }
    folded.extend(rest.nfkc());
    Cow::Owned(trimmed(folded))
}

/// Compatible forms of some marks begin with a space.
fn trimmed(folded: String) -> String {
    let trimmed = folded.trim();
    if trimmed.len() == folded.len() { folded } else { trimmed.to_owned() }
}

/// Whether folding leaves the character as it is, whatever stands beside it: the common cases, found without tables.
fn is_plain(character: char) -> bool {
    matches!(character, '\0'..='~' | '、'..='〇' | 'ぁ'..='ゖ' | 'ァ'..='ヺ' | '一'..='\u{9fff}' | '○' | '●' | '×')
}

/// Characters that hold a digit or a letter, but as a mark beside the text: raised and lowered, circled, bracketed or followed
/// by a point, fractions, months and days of telegrams. Ideographs in circles and brackets (㊒ ㈱ ㈮) are what they hold.
fn is_mark(character: char) -> bool {
    matches!(
        character,
        'ª' | '²' | '³' | '¹' | 'º' | '¼'..='¾'
            | '\u{2b0}'..='\u{2b8}'
            | '\u{2e0}'..='\u{2e4}'
            | '\u{1d2c}'..='\u{1d6a}'
            | '\u{1d78}'
            | '\u{1d9b}'..='\u{1dbf}'
            | '\u{2070}'..='\u{209c}'
            | '\u{2120}'
            | '\u{2122}'
            | '\u{2150}'..='\u{215f}'
            | '\u{2189}'
            | '\u{2460}'..='\u{24ff}'
            | '\u{3192}'..='\u{319f}'
            | '\u{3200}'..='\u{321e}'
            | '㈠'..='㈩'
            | '\u{3248}'..='\u{327e}'
            | '㊀'..='㊉'
            | '\u{32b1}'..='\u{32cb}'
            | '\u{32d0}'..='\u{32fe}'
            | '\u{3358}'..='\u{3370}'
            | '\u{33e0}'..='\u{33fe}'
            | '\u{1f100}'..='\u{1f16c}'
            | '\u{1f214}'
            | '\u{1f229}'..='\u{1f22a}'
            | '\u{1f240}'..='\u{1f248}'
    )
}

/// `㎡ ㎥ ㎠ …`, whose compatible form ends in a plain digit.
fn is_unit_with_power(character: char) -> bool {
    matches!(character, '㍸' | '㍹' | '㎟'..='㎦' | '㎨' | '㎯')
}

fn raised(character: char) -> char {
    match character {
        '2' => '²',
        '3' => '³',
        _ => character,
    }
}

/// Each of `texts`, folded; for the words of a definition that are compared with folded cells.
pub(super) fn fold_all(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| fold(text).into_owned()).collect()
}

/// The one character that `character` is in another width, or itself.
pub(super) fn fold_width(character: char) -> char {
    if character.is_ascii() {
        return character;
    }
    let mut folded = std::iter::once(character).nfkc();
    match (folded.next(), folded.next()) {
        (Some(one), None) => one,
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ways_to_write_the_same_become_the_same() {
        for (text, folded) in [
            ("　１２，８００円 ", "12,800円"),
            ("㎡", "m²"),
            ("ｍ²", "m²"),
            ("ﾏﾝｼｮﾝ", "マンション"),
            ("㍻３１年", "平成31年"),
            ("￥1", "¥1"),
            ("物件", "物件"),
            ("\u{feff}2024\u{200e}/3", "2024/3"),
        ] {
            assert_eq!(fold(text), folded);
        }
    }

    #[test]
    fn marks_stay_what_they_are() {
        for mark in "①⑴⒈¹₁ⓈＡ⁻½㈠㊀㋀㏠🄀".chars().filter(|mark| *mark != 'Ａ') {
            assert_eq!(fold(&mark.to_string()), mark.to_string());
        }
    }

    /// Every character that has another compatible form, and many that have none.
    fn characters() -> impl Iterator<Item = char> {
        [0x80..=0x33ff, 0xa000..=0xabff, 0xf900..=0x1_ffff, 0x2_f800..=0x2_fa1f]
            .into_iter()
            .flatten()
            .filter_map(char::from_u32)
    }

    fn folding_to(wanted: fn(char) -> bool) -> Vec<char> {
        let folds = |character: &char| fold(&character.to_string()).chars().any(wanted);
        characters().filter(folds).collect()
    }

    /// What the list of marks must not miss: a character that is no digit, but would become one.
    #[test]
    fn no_character_but_a_digit_becomes_one() {
        // Full-width, outlined, mathematical and segmented digits.
        let expected = ['０'..='９', '\u{1ccf0}'..='\u{1ccf9}', '\u{1d7ce}'..='\u{1d7ff}', '\u{1fbf0}'..='\u{1fbf9}'];
        assert_eq!(folding_to(|folded| folded.is_ascii_digit()), expected.into_iter().flatten().collect::<Vec<_>>());
        // Radicals and ideographs of other code pages look like those that they become.
        let numerals = folding_to(|folded| "〇零一二三四五六七八九十百千万億兆".contains(folded));
        let is_ideograph = |numeral: &char| matches!(numeral, '〇' | '\u{2f00}'..='\u{2fd5}' | '\u{3038}' | '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2fa1f}');
        assert!(numerals.iter().all(is_ideograph), "{numerals:?}");
    }

    proptest! {
        #[test]
        fn the_short_cut_changes_nothing(text in "[ -~、-〇ぁ-ゖァ-ヺ一-\u{9fff}○●×]*") {
            let long_way: String = text.trim().nfkc().collect();
            prop_assert_eq!(fold(&text), long_way.trim());
        }
    }
}
