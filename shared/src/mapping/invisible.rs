//! Characters that take part in a text without being seen: zero-width spaces, direction marks, soft hyphens. At the ends of a
//! cell they go as white space does; inside a key they are refused. Those that a script or an emoji needs belong to it.

/// Whether the character is invisible and does not change its neighbours.
pub(super) fn is_invisible(character: char) -> bool {
    // The first of them; most texts are asked no further.
    character >= '\u{7f}' && is_listed(character)
}

fn is_listed(character: char) -> bool {
    matches!(
        character,
        '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202d}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether the character may be left out of a text that is only compared or read. Not those that can turn the order of what
/// stands beside them.
pub(super) fn is_negligible(character: char) -> bool {
    is_invisible(character) && !matches!(character, '\u{61c}' | '\u{200f}' | '\u{202b}' | '\u{2067}')
}

/// Shows text from right to left whatever it is, so it does change what people see.
const RIGHT_TO_LEFT_OVERRIDE: char = '\u{202e}';

/// Whether nothing in `text` can be seen.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(is_white_or_invisible)
}

fn is_white_or_invisible(character: char) -> bool {
    character.is_whitespace() || is_invisible(character)
}

/// `text` without white space and invisible characters at its ends.
pub(super) fn trim(text: &str) -> &str {
    let mut rest = text.trim_start_matches(is_white_or_invisible);
    while let Some(last) = rest.chars().next_back().filter(|last| is_white_or_invisible(*last)) {
        let before = &rest[..rest.len() - last.len_utf8()];
        if is_needed(before, last, "") {
            break;
        }
        rest = before;
    }
    rest
}

/// The first character of a key that people cannot see, and its position, counted from 1.
pub(super) fn find(text: &str) -> Option<(char, usize)> {
    if text.is_ascii() && !text.contains('\u{7f}') {
        return None;
    }
    text.char_indices().zip(1..).find_map(|((at, character), position)| {
        let hidden = is_invisible(character) || character == RIGHT_TO_LEFT_OVERRIDE;
        let needed = || is_needed(&text[..at], character, &text[at + character.len_utf8()..]);
        (hidden && !needed()).then_some((character, position))
    })
}

/// What the character is called, where people may have heard of it.
pub(super) fn name(character: char) -> &'static str {
    match character {
        '\u{ad}' => "soft hyphen",
        '\u{200b}' => "zero-width space",
        '\u{200c}' | '\u{200d}' => "zero-width joiner",
        '\u{200e}' | '\u{200f}' | '\u{61c}' => "direction mark",
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => "direction control",
        '\u{2060}' | '\u{feff}' => "zero-width no-break space",
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => "variation selector",
        _ => "invisible character",
    }
}

/// Whether an invisible character makes a difference where it stands: joins an emoji, chooses a form of a letter.
fn is_needed(before: &str, character: char, after: &str) -> bool {
    let (Some(last), next) = (before.chars().next_back(), after.chars().next()) else { return false };
    match character {
        // The forms of symbols as text and as emoji; `1` only as a key cap.
        '\u{fe0e}' | '\u{fe0f}' => is_symbol(last) || next == Some('\u{20e3}'),
        // Mathematical and ideographic variants.
        '\u{fe00}'..='\u{fe0d}' => !last.is_ascii() && !last.is_whitespace() && !is_invisible(last),
        // Forms of ideographs, as in names: 葛󠄀.
        '\u{e0100}'..='\u{e01ef}' => is_ideograph(last),
        '\u{180b}'..='\u{180f}' => ('\u{1820}'..='\u{18aa}').contains(&last),
        // Flags of regions are spelt in invisible letters behind a black flag.
        '\u{e0020}'..='\u{e007f}' => last == '\u{1f3f4}' || ('\u{e0020}'..='\u{e007f}').contains(&last),
        '\u{200d}' if joins(last) => next.is_some_and(joins) || is_virama(last) || is_arabic(last),
        '\u{200d}' => (is_symbol(last) || last == '\u{fe0f}') && next.is_some_and(is_symbol),
        '\u{200c}' => joins(last) && (next.is_some_and(joins) || is_virama(last)),
        _ => false,
    }
}

/// Symbols and emoji, also the few that Unicode counts as letters.
fn is_symbol(character: char) -> bool {
    let letter_like = matches!(character, 'ℹ' | 'Ⓜ' | '\u{1f170}'..='\u{1f189}');
    let plain = character.is_ascii() || character.is_alphanumeric() || character.is_whitespace();
    letter_like || (!plain && !is_invisible(character))
}

fn is_ideograph(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '々' | '〆' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Letters and marks of the scripts whose letters join: Arabic and its kin, those of India and its neighbours, Mongolian.
fn joins(character: char) -> bool {
    let script = matches!(
        character,
        '\u{620}'..='\u{dff}' | '\u{f40}'..='\u{109f}' | '\u{1780}'..='\u{18af}' | '\u{a840}'..='\u{abff}' | '\u{10a00}'..='\u{11fff}' | '\u{1e900}'..='\u{1e95f}'
    );
    script && !character.is_numeric() && !is_invisible(character)
}

fn is_arabic(character: char) -> bool {
    matches!(character, '\u{620}'..='\u{8ff}') && character.is_alphabetic()
}

/// The signs that take a vowel away, after which a joiner chooses the form of the consonant.
fn is_virama(character: char) -> bool {
    matches!(
        character,
        '\u{94d}'
            | '\u{9cd}'
            | '\u{a4d}'
            | '\u{acd}'
            | '\u{b4d}'
            | '\u{bcd}'
            | '\u{c4d}'
            | '\u{ccd}'
            | '\u{d4d}'
            | '\u{dca}'
            | '\u{1039}'
            | '\u{103a}'
            | '\u{17d2}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_go_at_the_ends_and_only_there() {
        for (text, trimmed) in [
            ("\u{feff}A1\u{200b}", "A1"),
            ("\u{2060}", ""),
            (" \u{ad}A\u{ad}1 \u{200e}\u{3000}", "A\u{ad}1"),
            ("A1\u{fe0f}", "A1"),
            ("\u{fe0f}✔\u{fe0f}", "✔\u{fe0f}"),
            ("👨\u{200d}", "👨"),
        ] {
            assert_eq!(trim(text), trimmed, "{text:?}");
        }
    }

    #[test]
    fn key_keeps_joiners_that_scripts_and_emoji_need() {
        for text in [
            "👨\u{200d}👩\u{200d}👧",
            "❤\u{fe0f}\u{200d}🔥",
            "1\u{fe0f}\u{20e3}",
            "葛\u{e0100}飾区",
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}",
            "ന\u{d4d}\u{200d}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "青山ハイツ１",
            "A 1",
        ] {
            assert_eq!((find(text), trim(text)), (None, text), "{text:?}");
        }
    }

    #[test]
    fn invisible_character_in_a_key_is_found_with_its_position() {
        for (text, found) in [
            ("A\u{200b}1", ('\u{200b}', 2)),
            ("青\u{200d}山", ('\u{200d}', 2)),
            ("AB\u{200c}C", ('\u{200c}', 3)),
            ("A\u{fe0f}1", ('\u{fe0f}', 2)),
            ("1\u{202e}23", ('\u{202e}', 2)),
            ("a\u{e0100}b", ('\u{e0100}', 2)),
            ("a\u{7f}b", ('\u{7f}', 2)),
        ] {
            assert_eq!(find(text), Some(found), "{text:?}");
        }
    }
}
