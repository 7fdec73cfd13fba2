//! One cell as a person leaves it in a sheet, and the name of its place. Not for what the cell means:
//! that is a [`Value`](crate::value::Value).

use jiff::civil::{Date, DateTime};

/// What stands in a cell. Text is text even when it looks like a number: that is half of the mess.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Blank,
    /// Typed text, or a number formatted as text.
    Text(String),
    /// A real number.
    Number(f64),
    /// A real date.
    Date(Date),
    /// A real date with a time of day, in the time zone of the spreadsheet.
    DateTime(DateTime),
}

impl Cell {
    /// A text cell.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The cell as a CSV field; a CSV file has nothing but text.
    pub fn to_csv(&self) -> String {
        match self {
            Self::Blank => String::new(),
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Date(date) => date.strftime("%Y/%m/%d").to_string(),
            Self::DateTime(moment) => moment.strftime("%Y/%m/%d %H:%M:%S").to_string(),
        }
    }
}

/// The name of a cell in A1 notation: `cell_name(5, 128)` is `F128`. Columns count from 0, rows from 1.
pub fn cell_name(column: usize, row: u32) -> String {
    format!("{}{row}", column_letters(column))
}

/// The letters of a column that is counted from 0: `A`, `Z`, `AA`.
pub fn column_letters(mut column: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'A' + (column % 26) as u8));
        match column / 26 {
            0 => break,
            rest => column = rest - 1,
        }
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_lettered_as_in_a_spreadsheet() {
        for (column, letters) in
            [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (119, "DP"), (701, "ZZ"), (702, "AAA")]
        {
            assert_eq!(column_letters(column), letters);
        }
    }
}
