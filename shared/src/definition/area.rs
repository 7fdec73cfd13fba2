//! Which cells of a tab a sync reads, when it is not all of them: `A3:CV`. What a named range stands for, and where the grid
//! ends, only the spreadsheet knows; see [`crate::clients::sheets`].

use regex_lite::Regex;

/// The most columns that a tab may have.
const MAX_COLUMNS: u32 = 18_278;

/// A stretch of a tab. An end that is not given is where the grid ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Counted from 1.
    pub first_row: u32,
    /// Counted from 1, and belongs to it.
    pub last_row: Option<u32>,
    /// Counted from 0.
    pub first_column: u32,
    /// Counted from 0, and belongs to it.
    pub last_column: Option<u32>,
}

/// What `range` in a definition means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeName<'a> {
    /// Cells of the definition's tab.
    Cells(Area),
    /// A named range, with its tab.
    Named(&'a str),
}

impl Area {
    /// Reads two corners, such as `A3:CV`, `B2:F`, `$A$1:C9` or `A:C`. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        const CORNER: &str = r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})?";
        let corners = Regex::new(&format!("^{CORNER}:{CORNER}$")).ok()?.captures(text.trim())?;
        let column = |index| corners.get(index).and_then(|letters| column_number(letters.as_str()));
        let row = |index| corners.get(index).map(|digits| digits.as_str().parse::<u32>().ok().filter(|row| *row > 0));
        let area = Self {
            // A row that is no number from 1 on is a mistake, one that is not there is an end that is open.
            first_row: row(2).unwrap_or(Some(1))?,
            last_row: row(4).map_or(Some(None), |row| row.map(Some))?,
            first_column: column(1)?,
            last_column: Some(column(3)?),
        };
        let is_in_order = area.last_row.is_none_or(|last| area.first_row <= last)
            && area.last_column.is_none_or(|last| area.first_column <= last);
        is_in_order.then_some(area)
    }
}

impl<'a> RangeName<'a> {
    /// Parses cells or a name. A name consists of letters, digits and `_`, and does not begin with a digit.
    ///
    /// # Errors
    /// What is wrong with it, for the author of the definition.
    pub fn parse(text: &'a str) -> Result<Self, &'static str> {
        if text.contains('!') {
            return Err("names a tab; give that by `tab` or `tab_id`, and only the cells here");
        }
        if text.contains(':') {
            return Area::parse(text).map(Self::Cells).ok_or("is no range such as \"A3:CV\", from the upper left on");
        }
        let is_name = text.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && text.chars().all(|character| character.is_alphanumeric() || character == '_');
        if is_name { Ok(Self::Named(text)) } else { Err("is neither a range such as \"A3:CV\" nor the name of one") }
    }
}

fn column_number(letters: &str) -> Option<u32> {
    let digit = |letter: u8| u32::from(letter.to_ascii_uppercase() - b'A') + 1;
    let number = letters.bytes().fold(0, |number, letter| number * 26 + digit(letter));
    (1..=MAX_COLUMNS).contains(&number).then(|| number - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(first_row: u32, last_row: Option<u32>, first_column: u32, last_column: u32) -> Area {
        Area { first_row, last_row, first_column, last_column: Some(last_column) }
    }

    #[test]
    fn ranges_mean_what_sheets_takes_them_for() {
        for (text, area) in [
            ("A3:CV", cells(3, None, 0, 99)),
            ("b2:f", cells(2, None, 1, 5)),
            ("$A$1:$C$9", cells(1, Some(9), 0, 2)),
            ("A:ZZZ", cells(1, None, 0, 18_277)),
        ] {
            assert_eq!(RangeName::parse(text), Ok(RangeName::Cells(area)), "{text}");
        }
        for name in ["listings", "物件", "_x9"] {
            assert_eq!(RangeName::parse(name), Ok(RangeName::Named(name)));
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in
            ["", "A3:", ":C", "C1:A1", "A9:C3", "A0:C", "AAAA1:B", "1:3", "T!A1:B", "my range", "9x", "A1:B2:C3"]
        {
            assert!(RangeName::parse(text).is_err(), "{text}");
        }
    }
}
