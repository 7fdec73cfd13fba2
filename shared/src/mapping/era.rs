//! The years of the Japanese eras (和暦), since Japan counts days as everybody else does: 1 January of 明治6 (1873).

use jiff::civil::{Date, date};

use super::scan::Scan;

/// An era with its names and first day.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Era {
    name: &'static str,
    short: &'static str,
    letter: char,
    /// The calendar year of its year 1 (元年).
    first_year: i16,
    first_day: Date,
    /// A day on which one emperor followed another belongs to both eras (1912, 1926); 平成 and 令和 began at midnight.
    last_day: Date,
}

/// From the newest, because it is the one most often met.
const ERAS: [Era; 5] = [
    Era {
        name: "令和", short: "令", letter: 'R', first_year: 2019, first_day: date(2019, 5, 1), last_day: Date::MAX
    },
    Era {
        name: "平成",
        short: "平",
        letter: 'H',
        first_year: 1989,
        first_day: date(1989, 1, 8),
        last_day: date(2019, 4, 30),
    },
    Era {
        name: "昭和",
        short: "昭",
        letter: 'S',
        first_year: 1926,
        first_day: date(1926, 12, 25),
        last_day: date(1989, 1, 7),
    },
    Era {
        name: "大正",
        short: "大",
        letter: 'T',
        first_year: 1912,
        first_day: date(1912, 7, 30),
        last_day: date(1926, 12, 25),
    },
    Era {
        name: "明治",
        short: "明",
        letter: 'M',
        first_year: 1868,
        first_day: date(1873, 1, 1),
        last_day: date(1912, 7, 30),
    },
];

impl Era {
    /// Takes the name of an era, its first character or its letter, if one comes next.
    pub(super) fn take(scan: &mut Scan) -> Option<&'static Self> {
        let era = ERAS.iter().find(|era| {
            scan.eat(era.name) || scan.eat(era.short) || {
                let next = scan.rest.chars().next().map(|next| next.to_ascii_uppercase());
                next == Some(era.letter) && scan.eat(&scan.rest[..1])
            }
        })?;
        scan.space();
        Some(era)
    }

    /// Takes the year within this era, 元 being the first, and says which calendar year it is.
    pub(super) fn take_year(&self, scan: &mut Scan) -> Option<i16> {
        let year = if scan.eat("元") { 1 } else { i16::from(scan.small()?) };
        if year == 0 { None } else { self.first_year.checked_add(year - 1) }
    }

    /// Whether any day from `first` to `last` lies in this era.
    pub(super) fn overlaps(&self, first: Date, last: Date) -> bool {
        first <= self.last_day && last >= self.first_day
    }

    /// When this era was, for the person who wrote a date outside of it.
    pub(super) fn bounds(&self) -> String {
        if self.last_day == Date::MAX {
            format!("{} began on {}", self.name, self.first_day)
        } else {
            format!("{} is read from {} to {}", self.name, self.first_day, self.last_day)
        }
    }
}
