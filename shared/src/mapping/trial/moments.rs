//! Times of day and moments, most of them beside a change of the clocks.

use super::calendar::{Day, SERIAL_OF_1970, ZONES, day_number, iso_seconds};
use super::{Trial, full_width, quoted};

/// Seconds of a local day in one of their spellings.
pub(super) fn clock(trial: &mut Trial, seconds: i64) -> String {
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let gap = trial.pick(&["", "", " "]);
    let half = hour % 12;
    let twelve = if half == 0 { 12 } else { half };
    let english = if hour < 12 { "AM" } else { "PM" };
    let japanese = if hour < 12 { "午前" } else { "午後" };
    if second > 0 {
        return match trial.below(4) {
            0 => format!("{hour}:{minute:02}:{second:02}"),
            1 => format!("{hour:02}:{minute:02}:{second:02}"),
            2 => format!("{twelve}:{minute:02}:{second:02}{gap}{english}"),
            _ => format!("{hour}{gap}時{gap}{minute}{gap}分{gap}{second}{gap}秒"),
        };
    }
    match trial.below(8) {
        0 => format!("{hour}:{minute:02}"),
        1 => format!("{hour:02}:{minute:02}:00"),
        2 => format!("{twelve}:{minute:02}{gap}{}", english.to_lowercase()),
        3 => format!("{english}{gap}{half}:{minute:02}"),
        4 => format!("{hour}{gap}時{gap}{minute}{gap}分"),
        5 => format!("{japanese}{gap}{half}{gap}時{gap}{minute}分"),
        6 if minute == 30 => format!("{hour}時半"),
        7 if minute == 0 => format!("{twelve}{gap}{english}"),
        _ => format!("{hour}:{minute:02}"),
    }
}

#[test]
fn times_of_day_are_read_in_every_spelling() {
    let mut trial = Trial::named("times of day");
    while trial.goes_on() {
        let step = trial.pick(&[1, 60, 1800, 3600]);
        let seconds = trial.between(0, 86_399) / step * step;
        let expected = quoted(&format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
        let text = clock(&mut trial, seconds);
        let text = if trial.chance(4) { full_width(&text) } else { text };
        trial.text("type = 'time'", &text, Some(&expected));
        trial.number("type = 'time'", &format!("{:?}", seconds as f64 / 86_400.0), Some(&expected));
    }
    trial.finish();
}

#[test]
fn timestamps_near_a_clock_change_follow_the_time_zone() {
    let mut trial = Trial::named("moments");
    while trial.goes_on() {
        let zone = &ZONES[trial.below(ZONES.len())];
        let year = trial.between(2008, 2037);
        // A local time within two hours of a change, or any.
        let changes = (zone.changes)(year).filter(|_| !trial.chance(4));
        let near = match changes {
            Some((forward, back)) => {
                let change = if trial.chance(2) { forward } else { back };
                change + zone.offset + trial.between(-7_200, 10_800)
            }
            None => day_number(year, 1, 1) * 86_400 + trial.between(86_400, 363 * 86_400),
        };
        let step = trial.pick(&[1, 60, 1800]);
        let local = near / step * step;
        let moments = zone.moments(local);
        let choice = trial.pick(&["", "\nclock_change = 'earlier'", "\nclock_change = 'later'"]);
        // A local time that was skipped is read with the offset before or after the gap.
        let moment = match (moments.as_slice(), choice) {
            ([moment], _) => Some(*moment),
            (_, "") => None,
            ([first, _], "\nclock_change = 'earlier'") => Some(*first),
            ([_, second], _) => Some(*second),
            (_, "\nclock_change = 'earlier'") => Some(local - zone.offset - 3600),
            (_, _) => Some(local - zone.offset),
        };
        let expected = moment.map(|moment| quoted(&format!("{}+00:00", iso_seconds(moment))));
        let options = format!("type = 'timestamp'\ntime_zone = '{}'{choice}", zone.name);
        let day = Day::of(local.div_euclid(86_400));
        let time = local.rem_euclid(86_400);
        let date = trial.pick(&[
            format!("{}/{}/{}", day.year, day.month, day.day),
            day.iso(),
            format!("{}年{}月{}日", day.year, day.month, day.day),
        ]);
        let clock = clock(&mut trial, time);
        trial.text(&options, &format!("{date} {clock}"), expected.as_deref());
        let serial = local as f64 / 86_400.0 + SERIAL_OF_1970 as f64;
        trial.number(&options, &format!("{serial:?}"), expected.as_deref());

        // The same moment with an offset that says which it is.
        for moment in moments {
            let offset = local - moment;
            let sign = if offset < 0 { "-" } else { "+" };
            let (hours, minutes) = (offset.abs() / 3600, offset.abs() / 60 % 60);
            let iso = iso_seconds(local);
            let text = match trial.below(4) {
                0 => format!("{iso}{sign}{hours:02}:{minutes:02}"),
                1 => format!("{iso}{sign}{hours:02}{minutes:02}"),
                2 => format!("{} {sign}{hours:02}:{minutes:02}", iso.replace('T', " ")),
                _ => format!("{}Z", iso_seconds(moment)),
            };
            let expected = quoted(&format!("{}+00:00", iso_seconds(moment)));
            trial.text(&options, &text, Some(&expected));
        }
    }
    trial.finish();
}

/// Whatever follows a time without seconds and begins with a hyphen may be the end of an event.
#[test]
fn the_hours_of_an_event_are_no_moment() {
    let mut trial = Trial::named("hours of events");
    while trial.goes_on() {
        let (from, to) = (trial.between(0, 23), trial.between(0, 23));
        let minute = trial.pick(&["00", "15", "30", "45"]);
        let dash = trial.pick(&["-", "−", "–", "~", "〜", "ー", " - ", "から"]);
        let end = match trial.below(4) {
            0 => format!("{to}:{minute}"),
            1 => format!("{to:02}{minute}"),
            2 => format!("{to:02}"),
            _ => format!("{to}時"),
        };
        let start = trial.pick(&[format!("{from}:{minute}"), format!("{from}時"), format!("{from}時{minute}分")]);
        let range = format!("{start}{dash}{end}");
        trial.text("type = 'timestamp'", &format!("2024/3/1 {range}"), None);
        trial.text("type = 'date'\ntime_of_day = 'drop'", &format!("2024/3/1 {range}"), None);
        trial.text("type = 'time'", &range, None);
        trial.text("type = 'duration'", &range, None);
    }
    trial.finish();
}
