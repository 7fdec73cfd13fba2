//! A calendar of its own: days counted from 1970, eras, and the rules by which clocks change.

/// Days from 1970-01-01 to the given one (proleptic Gregorian).
pub(super) fn day_number(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March, so that the leap day is their last.
    let shifted = if month <= 2 { year - 1 } else { year };
    let month_index = (month + 9) % 12;
    let of_year = (153 * month_index + 2) / 5 + day - 1;
    shifted * 365 + shifted.div_euclid(4) - shifted.div_euclid(100) + shifted.div_euclid(400) + of_year - 719_468
}

/// Days from the day that Sheets calls 0 to 1970-01-01.
pub(super) const SERIAL_OF_1970: i64 = 25_569;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
}

impl Day {
    pub(super) fn of(number: i64) -> Self {
        // 400 years are 146,097 days; a guess that is at most a year off, and then counted down.
        let mut year = 1970 + number * 400 / 146_097 + 1;
        while day_number(year, 1, 1) > number {
            year -= 1;
        }
        let mut month = 12;
        while day_number(year, month, 1) > number {
            month -= 1;
        }
        Self { year, month, day: number - day_number(year, month, 1) + 1 }
    }

    pub(super) fn number(self) -> i64 {
        day_number(self.year, self.month, self.day)
    }

    /// 0 is Sunday.
    pub(super) fn weekday(self) -> usize {
        (self.number() + 4).rem_euclid(7) as usize
    }

    pub(super) fn iso(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// Whether there is such a day.
    pub(super) fn exists(self) -> bool {
        (1..=9999).contains(&self.year) && (1..=12).contains(&self.month) && Self::of(self.number()) == self
    }

    /// The eras that the day belongs to, each with the year in it.
    pub(super) fn eras(self) -> Vec<(&'static str, i64)> {
        ERAS.iter()
            .filter(|era| era.1 <= self.tuple() && self.tuple() <= era.2)
            .map(|era| (era.0, self.year - era.3 + 1))
            .collect()
    }

    fn tuple(self) -> (i64, i64, i64) {
        (self.year, self.month, self.day)
    }
}

/// Name, first and last day, and the calendar year of year 1.
type Era = (&'static str, (i64, i64, i64), (i64, i64, i64), i64);

pub(super) const ERAS: [Era; 5] = [
    ("明治", (1873, 1, 1), (1912, 7, 30), 1868),
    ("大正", (1912, 7, 30), (1926, 12, 25), 1912),
    ("昭和", (1926, 12, 25), (1989, 1, 7), 1926),
    ("平成", (1989, 1, 8), (2019, 4, 30), 1989),
    ("令和", (2019, 5, 1), (9999, 12, 31), 2019),
];

/// When a zone moves its clocks forward by an hour and back again, in seconds of UTC since 1970; and its winter offset.
pub(super) struct Zone {
    pub(super) name: &'static str,
    pub(super) offset: i64,
    pub(super) changes: fn(year: i64) -> Option<(i64, i64)>,
}

/// Zones whose rules have been the same from 2008 on.
pub(super) const ZONES: [Zone; 6] = [
    Zone { name: "America/New_York", offset: -5 * 3600, changes: |year| Some(american(year, -5 * 3600)) },
    Zone { name: "America/Los_Angeles", offset: -8 * 3600, changes: |year| Some(american(year, -8 * 3600)) },
    Zone { name: "Europe/Berlin", offset: 3600, changes: |year| Some(european(year)) },
    Zone { name: "Europe/London", offset: 0, changes: |year| Some(european(year)) },
    Zone { name: "Asia/Tokyo", offset: 9 * 3600, changes: |_| None },
    Zone { name: "Asia/Kolkata", offset: 19_800, changes: |_| None },
];

/// The second Sunday of March and the first of November, at 2 o'clock.
fn american(year: i64, offset: i64) -> (i64, i64) {
    let forward = sunday_from(day_number(year, 3, 8)) * 86_400 + 2 * 3600 - offset;
    let back = sunday_from(day_number(year, 11, 1)) * 86_400 + 2 * 3600 - (offset + 3600);
    (forward, back)
}

/// The last Sundays of March and October, at 1 o'clock UTC.
fn european(year: i64) -> (i64, i64) {
    let at_one = |day: i64| sunday_from(day) * 86_400 + 3600;
    (at_one(day_number(year, 3, 25)), at_one(day_number(year, 10, 25)))
}

fn sunday_from(number: i64) -> i64 {
    number + (7 - Day::of(number).weekday() as i64) % 7
}

impl Zone {
    /// The moments, in seconds of UTC, at which clocks here show `local` (seconds as if it were UTC): none, one or two.
    pub(super) fn moments(&self, local: i64) -> Vec<i64> {
        let year = Day::of(local.div_euclid(86_400)).year;
        let summer =
            |moment: i64| (self.changes)(year).is_some_and(|(forward, back)| (forward..back).contains(&moment));
        let mut moments: Vec<i64> = [(self.offset + 3600, true), (self.offset, false)]
            .into_iter()
            .map(|(offset, in_summer)| (local - offset, in_summer))
            .filter(|(moment, in_summer)| summer(*moment) == *in_summer)
            .map(|(moment, _)| moment)
            .collect();
        moments.sort_unstable();
        moments
    }
}

/// A moment or local time in seconds, as ISO writes it.
pub(super) fn iso_seconds(seconds: i64) -> String {
    let day = Day::of(seconds.div_euclid(86_400));
    let rest = seconds.rem_euclid(86_400);
    format!("{}T{:02}:{:02}:{:02}", day.iso(), rest / 3600, rest / 60 % 60, rest % 60)
}

#[test]
fn the_calendar_knows_some_days() {
    for (day, number, weekday) in
        [((1970, 1, 1), 0, 4), ((2024, 2, 29), 19_782, 4), ((1899, 12, 30), -SERIAL_OF_1970, 6)]
    {
        let day = Day { year: day.0, month: day.1, day: day.2 };
        assert_eq!((day.number(), Day::of(number), day.weekday()), (number, day, weekday));
    }
    assert!(!Day { year: 1900, month: 2, day: 29 }.exists());
    assert_eq!(iso_seconds(american(2024, -5 * 3600).0), "2024-03-10T07:00:00");
    assert_eq!(iso_seconds(european(2024).1), "2024-10-27T01:00:00");
}
