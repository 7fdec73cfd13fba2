//! How the locale of a spreadsheet writes numbers: which of point, comma, space and apostrophe groups the digits, and which
//! begins the fraction. What two people could read differently is no number.

use rust_decimal::Decimal;

/// The locale of a spreadsheet, as far as numbers in texts depend on it. The default is for values without a spreadsheet,
/// such as those of a definition: they have a decimal point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Locale(Numbers);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Numbers {
    /// `1,234.5`
    #[default]
    Point,
    /// `1.234,5` or `1 234,5`
    Comma,
    /// `1 234,5`; a single point before three digits may be anything.
    CommaAndSpace,
    /// `1'234.5`
    Apostrophe,
    /// It is not known how this locale writes numbers.
    Unsure,
}

const POINT_LANGUAGES: [&str; 32] = [
    "am", "bn", "cy", "en", "fil", "ga", "gu", "he", "hi", "iw", "ja", "kn", "ko", "ml", "mn", "mr", "ms", "mt", "my",
    "ne", "pa", "si", "sw", "ta", "te", "th", "tl", "ur", "yo", "zh", "zu", "chr",
];
const COMMA_LANGUAGES: [&str; 22] = [
    "az", "bs", "ca", "da", "de", "el", "es", "eu", "fo", "gl", "hr", "id", "in", "is", "it", "mk", "nl", "pt", "ro",
    "sl", "sr", "tr",
];
const SPACE_LANGUAGES: [&str; 22] = [
    "be", "bg", "cs", "et", "fi", "fr", "hu", "hy", "ka", "kk", "ky", "lt", "lv", "nb", "nn", "no", "pl", "ru", "sk",
    "sq", "sv", "uk",
];

impl Locale {
    /// The locale with this name, as the API gives it (`de_DE`).
    #[must_use]
    pub fn named(name: &str) -> Self {
        let mut parts = name.split(['_', '-']);
        let language = parts.next().unwrap_or_default();
        let region = parts.next_back().unwrap_or_default();
        Self(match (language, region) {
            ("", _) => Numbers::Point,
            ("de" | "it" | "rm", "CH") | ("de", "LI") => Numbers::Apostrophe,
            // These write numbers in more than one way, or differently than their language does elsewhere.
            ("fr", "CH") | ("en", "ZA" | "BE" | "DE" | "NL" | "AT" | "CH" | "SE" | "DK" | "FI") | ("ms", "BN") => {
                Numbers::Unsure
            }
            ("es", "MX" | "US" | "PR" | "GT" | "HN" | "NI" | "PA" | "SV" | "DO" | "PE" | "CU" | "419") => {
                Numbers::Point
            }
            ("vi", _) => Numbers::Comma,
            (language, _) if POINT_LANGUAGES.contains(&language) => Numbers::Point,
            (language, _) if COMMA_LANGUAGES.contains(&language) => Numbers::Comma,
            (language, _) if SPACE_LANGUAGES.contains(&language) => Numbers::CommaAndSpace,
            _ => Numbers::Unsure,
        })
    }

    /// A number of ASCII digits without a sign, grouped or not, with a fraction or not. Numbers of more than 28 digits are
    /// not read, for they could not be kept.
    pub(super) fn number(self, text: &str) -> Option<Decimal> {
        let pointed = |groups: &[char]| digits(text, '.', groups);
        let comma = |groups: &[char]| digits(text, ',', groups);
        let only =
            |one: Option<Decimal>, other: Option<Decimal>| one.filter(|one| other.is_none_or(|other| *one == other));
        match self.0 {
            Numbers::Point => pointed(&[',']),
            Numbers::Comma => comma(&['.', ' ']),
            Numbers::CommaAndSpace => comma(&[' ']).or_else(|| only(comma(&['.']), pointed(&[]))),
            Numbers::Apostrophe => pointed(&['\'', '’']),
            Numbers::Unsure => only(pointed(&[',']), comma(&['.'])),
        }
    }

    /// 12,800 and 6.5 as this locale writes them, for messages.
    pub(super) fn examples(self) -> (&'static str, &'static str) {
        match self.0 {
            Numbers::Point => ("12,800", "6.5"),
            Numbers::Comma => ("12.800", "6,5"),
            Numbers::CommaAndSpace => ("12 800", "6,5"),
            Numbers::Apostrophe => ("12’800", "6.5"),
            Numbers::Unsure => ("12800", "6.5"),
        }
    }

    /// Whether `character` may begin the fraction of a number, or stand between its digits.
    pub(super) fn is_separator(self, character: char) -> bool {
        matches!(character, '.' | ',') || (self.0 == Numbers::Apostrophe && matches!(character, '\'' | '’'))
    }
}

/// The number whose fraction begins with `point`, and whose digits are grouped by one of `groups`, or not at all.
fn digits(text: &str, point: char, groups: &[char]) -> Option<Decimal> {
    let (whole, fraction) = match text.split_once(point) {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let group = whole.chars().find(|character| groups.contains(character));
    if let Some(group) = group
        && !is_grouped(whole, group)
    {
        return None;
    }
    let mut mantissa: i128 = 0;
    for character in whole.chars().filter(|character| Some(*character) != group).chain(fraction.chars()) {
        mantissa = mantissa.checked_mul(10)?.checked_add(i128::from(character.to_digit(10)?))?;
    }
    Decimal::try_from_i128_with_scale(mantissa, u32::try_from(fraction.len()).ok()?).ok()
}

/// Whether `group` stands between thousands, and a digit other than zero at the front: a zero is never grouped, so `0,125` is a
/// fraction written with the other separator.
fn is_grouped(whole: &str, group: char) -> bool {
    let mut groups = whole.split(group);
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len()) && !first.starts_with('0') && groups.all(|group| group.len() == 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(locale: &str, text: &str) -> Option<String> {
        Locale::named(locale).number(text).map(|number| number.normalize().to_string())
    }

    #[test]
    fn locales_of_one_language_may_write_differently() {
        for (locale, number) in [
            ("de", "1.234,5"),
            ("de_AT", "1.234,5"),
            ("de_CH", "1'234.5"),
            ("es_ES", "1.234,5"),
            ("es_MX", "1,234.5"),
            ("pt_PT", "1 234,5"),
            ("ru_RU", "1 234,5"),
            ("ru_RU", "1.234,5"),
            ("zh_Hant_TW", "1,234.5"),
            ("", "1,234.5"),
        ] {
            assert_eq!(read(locale, number).as_deref(), Some("1234.5"), "{locale}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_number() {
        for (locale, number) in
            [("fr_FR", "1.234"), ("xx", "1.234"), ("xx", "1,234"), ("en_ZA", "1,5"), ("ja_JP", "1.234,5")]
        {
            assert_eq!(read(locale, number), None, "{number} in {locale}");
        }
        assert_eq!(read("fr_FR", "1.234.567").as_deref(), Some("1234567"));
        assert_eq!(read("xx", "12.5").as_deref(), Some("12.5"));
    }

    #[test]
    fn mixed_group_separators_are_refused() {
        for number in ["1.234 567", "1 234.567", "12.34", "1..234", "1.2345", ".234.567", "1.234,567.8"] {
            assert_eq!(read("de_DE", number), None, "{number}");
        }
    }
}
