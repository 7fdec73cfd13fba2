//! Every day and every era, in every spelling; days that do not exist, eras that had ended, weekdays that are wrong.

use super::calendar::{Day, ERAS, SERIAL_OF_1970, day_number};
use super::{Trial, full_width, quoted};

const EVERY: &str =
    "type = 'date'\nera = true\npartial = 'month'\ncompact = true\nprefixes = ['築', '築年月']\nsuffixes = ['頃']";
const WEEKDAYS: [&str; 7] = ["日", "月", "火", "水", "木", "金", "土"];
const GAPS: [&str; 4] = ["", "", " ", "\u{3000}"];

/// A day in one of its spellings, without anything around it.
pub(super) fn plain_spelling(trial: &mut Trial, day: Day) -> String {
    let Day { year, month, day: date } = day;
    let gap = trial.pick(&GAPS);
    let pad = trial.chance(2);
    let number = |number: i64| if pad { format!("{number:02}") } else { number.to_string() };
    let (month, date) = (number(month), number(date));
    let separator = trial.pick(&["/", "-", ".", "−", "‐", "–"]);
    match trial.below(5) {
        0 => format!("{year}{separator}{month}{separator}{date}"),
        1 => format!("{year}{gap}年{gap}{month}{gap}月{gap}{date}{gap}日"),
        2 if year >= 1000 => format!("{year}{:02}{:02}", day.month, day.day),
        form => {
            let (era, of_era) = trial.pick(&day.eras());
            let name = match trial.below(3) {
                0 => era.to_owned(),
                1 => era.chars().take(1).collect(),
                _ => match era {
                    "明治" => "M".to_owned(),
                    "大正" => "t".to_owned(),
                    "昭和" => "S".to_owned(),
                    "平成" => "h".to_owned(),
                    _ => "R".to_owned(),
                },
            };
            let of_era = if of_era == 1 && trial.chance(2) { "元".to_owned() } else { of_era.to_string() };
            match form {
                3 => format!("{name}{of_era}{separator}{month}{separator}{date}"),
                _ => format!("{name}{gap}{of_era}{gap}年{gap}{month}{gap}月{gap}{date}{gap}日"),
            }
        }
    }
}

/// A day in one of its spellings, with what may stand around it.
fn spelling(trial: &mut Trial, day: Day) -> String {
    let text = plain_spelling(trial, day);
    let compact = text.chars().all(|character| character.is_ascii_digit());
    let weekday = WEEKDAYS[day.weekday()];
    let text = match trial.below(8) {
        0 if !compact => format!("{text}({weekday})"),
        1 if !compact => format!("{text}（{weekday}・祝）"),
        2 if !compact => format!("{text} {weekday}曜日"),
        3 => format!("{text} 0:00"),
        4 => format!("築{text}頃"),
        5 => format!("築年月 {text}"),
        _ => text,
    };
    match trial.below(6) {
        0 => full_width(&text),
        1 => format!("\u{feff}{text}\u{200b}"),
        2 => text.replace('/', "\u{200e}/"),
        _ => text,
    }
}

fn check(trial: &mut Trial, number: i64) {
    let day = Day::of(number);
    let expected = quoted(&day.iso());
    let text = spelling(trial, day);
    trial.text(EVERY, &text, Some(&expected));
    let serial = number + SERIAL_OF_1970;
    let likely = (4_000..110_000).contains(&serial);
    let form = trial.pick(&["", ".0", ".000000001"]);
    trial.number(EVERY, &format!("{serial}{form}"), Some(expected.as_str()).filter(|_| likely));
    if day.year >= 1000 {
        let compact = format!("{}{:02}{:02}", day.year, day.month, day.day);
        trial.number(EVERY, &compact, Some(&expected));
    }
}

#[test]
fn days_are_read_in_every_spelling() {
    let mut trial = Trial::named("days");
    let (first, last) = (day_number(1873, 1, 1), day_number(2117, 12, 31));
    // All of them, as far as the trial goes, from a random one on.
    let mut number = trial.between(first, last);
    let step = trial.pick(&[1, 7, 31, 97, 365]);
    while trial.goes_on() {
        check(&mut trial, number);
        number = if number + step > last { first + (number + step - last) } else { number + step };
    }
    trial.finish();
}

#[test]
fn days_that_never_were_are_refused() {
    let mut trial = Trial::named("days that never were");
    while trial.goes_on() {
        let day = Day { year: trial.between(1850, 2150), month: trial.between(0, 14), day: trial.between(0, 33) };
        // Any day, or one within weeks of the first or the last day of an era.
        let existing = if trial.chance(2) {
            trial.between(day_number(1873, 1, 1), day_number(2117, 12, 31))
        } else {
            let (_, first, last, _) = trial.pick(&ERAS[1..]);
            let border = if trial.chance(2) || last.0 == 9999 { first } else { last };
            day_number(border.0, border.1, border.2) + trial.pick(&[-30, -2, -1, 0, 1, 2, 30])
        };
        let existing = Day::of(existing);
        match trial.below(3) {
            // No day of the calendar.
            0 => {
                let expected = Some(quoted(&day.iso())).filter(|_| day.exists());
                let Day { year, month, day: date } = day;
                trial.text(EVERY, &format!("{year}/{month}/{date}"), expected.as_deref());
                trial.text(EVERY, &format!("{year}年{month}月{date}日"), expected.as_deref());
                let compact = format!("{year}{month:02}{date:02}");
                trial.text(EVERY, &compact, expected.as_deref());
                trial.number(EVERY, &compact, expected.as_deref());
            }
            // An era that had not begun, or had ended.
            1 => {
                let era = trial.pick(&ERAS);
                let of_era = existing.year - era.3 + 1;
                if (1..=99).contains(&of_era) {
                    let belongs = existing.eras().iter().any(|(name, _)| *name == era.0);
                    let expected = Some(quoted(&existing.iso())).filter(|_| belongs);
                    let text = format!("{}{of_era}年{}月{}日", era.0, existing.month, existing.day);
                    trial.text(EVERY, &text, expected.as_deref());
                }
            }
            // Another weekday.
            _ => {
                let weekday = trial.below(7);
                let expected = Some(quoted(&existing.iso())).filter(|_| existing.weekday() == weekday);
                let text = format!("{}({})", existing.iso(), WEEKDAYS[weekday]);
                trial.text(EVERY, &text, expected.as_deref());
            }
        }
    }
    trial.finish();
}
