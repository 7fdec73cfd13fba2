//! Keys that look alike: `ＡＡ１`, `aa1` and `AA1`, or two that differ in an invisible character. Each is a key of its
//! own, and the person who typed them may have meant one.

use unicode_normalization::UnicodeNormalization as _;

use super::invisible::is_invisible;

/// What remains of a key when width, forms of letters, case and invisible characters are left aside: equal for keys that
/// look alike.
#[must_use]
pub fn look(key: &str) -> String {
    if key.is_ascii() {
        return key.to_ascii_lowercase();
    }
    let plain: String = key.nfkc().filter(|character| !is_invisible(*character)).collect();
    // By way of the capitals, so that `ß` is `ss` and both forms of sigma are one.
    plain.to_uppercase().to_lowercase().nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alike_keys_are_distinguished_from_others() {
        for (one, other) in [
            ("AA1", "aa1"),
            ("ＡＡ１", "aa1"),
            ("ｶﾞ", "ガ"),
            ("A\u{200b}1", "a1"),
            ("STRASSE", "Straße"),
            ("ΟΔΟΣ", "οδος"),
            ("①", "1"),
            ("e\u{301}", "É"),
        ] {
            assert_eq!(look(one), look(other), "{one} and {other}");
        }
        for (one, other) in [("A1", "A2"), ("か", "が"), ("カ", "か"), ("0", "O"), ("A1", "A-1")] {
            assert_ne!(look(one), look(other), "{one} and {other}");
        }
    }
}
