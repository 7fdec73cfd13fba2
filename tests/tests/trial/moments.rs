//! Days, times of day, moments and lengths of time, spelled from known values; and strings of what they are made of.

use crate::alphabet::{DATE, LENGTH, TAILS, TIME};
use crate::calendar::{Day, ERAS, SERIAL_OF_1970, ZONES, Zone, day_number, iso_seconds};
use crate::cell::{Cell, Fate};
use crate::draw::{Draw, full_width};
use crate::reader::{read_date, read_length, read_moment, read_time};

const WEEKDAYS: [&str; 7] = ["日", "月", "火", "水", "木", "金", "土"];
const DASHES: [&str; 5] = ["-", "-", "−", "‐", "–"];

/// Seconds of a day.
const DAY: i64 = 86_400;

/// A day since Japan took over the calendar; some of them on or beside the first or last day of an era.
fn any_day(draw: &mut Draw) -> Day {
    let (first, last) = (day_number(1873, 1, 1), day_number(2117, 12, 31));
    if draw.chance(4) {
        let (_, begin, end, _) = draw.pick(&ERAS);
        let border = if draw.chance(2) || end.0 == 9999 { begin } else { end };
        let number = day_number(border.0, border.1, border.2) + draw.pick(&[-1, 0, 0, 1]);
        return Day::of(number.max(first));
    }
    Day::of(draw.between(first, last))
}

fn serial(day: Day) -> i64 {
    day.number() + SERIAL_OF_1970
}

/// Year, month and day in this order, with something between them.
fn numeric(draw: &mut Draw, day: Day) -> String {
    let Day { year, month, day: date } = day;
    let mark = match draw.below(3) {
        0 => "/",
        1 => ".",
        _ => draw.pick(&DASHES),
    };
    if draw.chance(2) {
        format!("{year}{mark}{month:02}{mark}{date:02}")
    } else {
        format!("{year}{mark}{month}{mark}{date}")
    }
}

fn with_kanji(draw: &mut Draw, day: Day) -> String {
    let gap = draw.pick(&["", "", " ", "\u{3000}"]);
    let Day { year, month, day: date } = day;
    format!("{year}{gap}年{gap}{month}{gap}月{gap}{date}{gap}日")
}

/// A day in the year of its era.
fn in_era(draw: &mut Draw, day: Day) -> String {
    let (era, year) = draw.pick(&day.eras());
    let year = if year == 1 && draw.chance(2) { "元".to_owned() } else { year.to_string() };
    let Day { month, day: date, .. } = day;
    let short = match era {
        "明治" => ["明", "M", "m"],
        "大正" => ["大", "T", "t"],
        "昭和" => ["昭", "S", "s"],
        "平成" => ["平", "H", "h"],
        _ => ["令", "R", "r"],
    };
    let short = draw.pick(&short);
    match draw.below(4) {
        0 => format!("{era}{year}年{month}月{date}日"),
        1 => format!("{short}{year}年{month}月{date}日"),
        2 => format!("{short}{year}.{month}.{date}"),
        _ => format!("{short}{year}/{month:02}/{date:02}"),
    }
}

/// A day with what may stand behind it, and in the width in which it was typed.
fn dressed(draw: &mut Draw, day: Day, text: String) -> String {
    let weekday = WEEKDAYS[day.weekday()];
    let text = match draw.below(7) {
        0 => format!("{text}({weekday})"),
        1 => format!("{text}（{weekday}・祝）"),
        2 => format!("{text} {weekday}曜日"),
        3 => format!("{text} 0:00"),
        _ => text,
    };
    match draw.below(6) {
        0 => full_width(&text),
        1 => format!("\u{feff}{text}\u{200b} "),
        _ => text,
    }
}

/// A day that the calendar does not have, or nearly.
fn may_be_none(draw: &mut Draw) -> Day {
    Day { year: draw.between(1873, 2117), month: draw.between(0, 13), day: draw.between(0, 32) }
}

/// Texts that are not one day, beside a valid date.
fn no_date(draw: &mut Draw, day: Day) -> String {
    let Day { year, month, day: date } = day;
    let short = year % 100;
    match draw.below(16) {
        0 => format!("{short:02}/{month}/{date}"),
        1 => format!("{year}/{month}-{date}"),
        2 => format!("{year}/{month}/{date}①"),
        3 => format!("{year}年{month}月{date}"),
        4 => format!("{year}/{month}/{date}1{date}"),
        5 => format!("{year}/{month}/{date}~{year}/{month}/{date}"),
        6 => format!("{year}年{month}月{date}日以降"),
        7 => format!("{year}年{month}月上旬"),
        8 => format!("{year}-W{:02}", month),
        9 => {
            let weekday = WEEKDAYS[(day.weekday() + 1 + draw.below(6)) % 7];
            format!("{year}/{month}/{date}({weekday})")
        }
        10 => format!("{year}/{month}/{date} 12:30"),
        11 => format!("西暦{year}/{month}/{date}頃①"),
        12 => format!("{month}月{date}日"),
        13 => draw.pick(&["未定", "today", "infinity", "now", "昨日", "-", "0000-00-00"]).to_owned(),
        14 => format!("{year}年度"),
        _ => format!("{year}//{month}/{date}"),
    }
}

pub fn date(draw: &mut Draw) -> Cell {
    let day = any_day(draw);
    let stored = day.iso();
    match draw.below(12) {
        0 => {
            let number = serial(day);
            // Smaller numbers are years; the days between are from 1910 on.
            Cell::number(number as f64, stored).only_if((4_000..110_000).contains(&number))
        }
        1 => {
            let number = serial(day);
            let pattern = draw.pick(&["yyyy/mm/dd", "d.m.yyyy", "m-d", "yyyy\"年\"m\"月\"d\"日\""]);
            Cell::formatted(number as f64, pattern, stored).only_if((4_000..110_000).contains(&number))
        }
        2 if day.year >= 1911 => typed_date(draw, day),
        3 => Cell::refused_text(no_date(draw, day)),
        4 => {
            let day = may_be_none(draw);
            let Day { year, month, day: date } = day;
            let text = draw.pick(&[format!("{year}/{month}/{date}"), format!("{year}年{month}月{date}日")]);
            Cell::read(text, day.exists().then(|| day.iso()))
        }
        5 => {
            Cell::refused_number(draw.pick(&[2005.0, 1999.0, 202_403.0, 3.0, 0.0, -1.0, 45_352.5, 3_999.0, 110_000.0]))
        }
        6 => Cell::refused_text(in_era(draw, day)),
        _ => {
            let text = if draw.chance(2) { numeric(draw, day) } else { with_kanji(draw, day) };
            Cell::text(dressed(draw, day, text), stored)
        }
    }
}

/// A day as a person types it for Sheets to take it for one.
fn typed_date(draw: &mut Draw, day: Day) -> Cell {
    let Day { year, month, day: date } = day;
    let mut ways = vec![format!("{year}-{month:02}-{date:02}"), format!("{year}/{month}/{date}")];
    if draw.locale.name == "en_US" {
        ways.push(format!("{month}/{date}/{year}"));
    }
    Cell::typed(draw.pick(&ways), day.iso())
}

/// Eras, months without a day, digits without marks, words before and after.
pub fn date_of_era(draw: &mut Draw) -> Cell {
    let day = any_day(draw);
    let Day { year, month, day: date } = day;
    match draw.below(10) {
        0 => {
            // An era that had not begun, or had ended.
            let era = draw.pick(&ERAS);
            let of_era = year - era.3 + 1;
            if !(1..=99).contains(&of_era) {
                return Cell::text(with_kanji(draw, day), day.iso());
            }
            let belongs = day.eras().iter().any(|(name, _)| *name == era.0);
            let text = format!("{}{of_era}年{month}月{date}日", era.0);
            Cell::read(text, belongs.then(|| day.iso()))
        }
        1 => {
            let first = Day { day: 1, ..day };
            let text =
                draw.pick(&[format!("{year}年{month}月"), format!("{year}/{month}"), format!("築{year}年{month}月")]);
            Cell::text(text, first.iso())
        }
        2 => {
            let compact = format!("{year}{month:02}{date:02}");
            if draw.chance(2) {
                Cell::number(compact.parse().unwrap_or_default(), day.iso())
            } else {
                Cell::text(compact, day.iso())
            }
        }
        3 => {
            let none = may_be_none(draw);
            let compact = format!("{}{:02}{:02}", none.year, none.month, none.day);
            Cell::read(compact, none.exists().then(|| none.iso()))
        }
        4 => Cell::refused_text(match draw.below(7) {
            0 => format!("築{}年", date),
            1 => format!("{year}年"),
            2 => format!("令和0年{month}月{date}日"),
            3 => format!("{month}.{date}"),
            4 => format!("慶応3年{month}月{date}日"),
            5 => format!("H{}", in_era(draw, day)),
            _ => format!("{}以降", in_era(draw, day)),
        }),
        5 => {
            let text = in_era(draw, day);
            Cell::text(format!("築年月 {text}頃"), day.iso())
        }
        _ => {
            let text = in_era(draw, day);
            Cell::text(dressed(draw, day, text), day.iso())
        }
    }
}

/// The year last, in the order of the column; a time of day is dropped.
fn year_last(draw: &mut Draw, month_first: bool) -> Cell {
    let day = any_day(draw);
    let Day { year, month, day: date } = day;
    let mark = draw.pick(&["/", "-", "."]);
    let (first, second) = if month_first { (month, date) } else { (date, month) };
    match draw.below(8) {
        0 => Cell::text(format!("{year}-{month:02}-{date:02}"), day.iso()),
        1 => Cell::text(format!("{first}{mark}{second}{mark}{year} 18:30"), day.iso()),
        2 => {
            let number = serial(day);
            let is_likely = (4_000..110_000).contains(&number);
            Cell::number(number as f64 + 0.75, day.iso()).only_if(is_likely)
        }
        3 => Cell::refused_text(format!("{first}{mark}{second}{mark}{:02}", year % 100)),
        // The other order, where that is no date in this one.
        4 if date > 12 => Cell::refused_text(format!("{second}{mark}{first}{mark}{year}")),
        _ => Cell::text(format!("{first:02}{mark}{second:02}{mark}{year}"), day.iso()),
    }
}

pub fn month_first(draw: &mut Draw) -> Cell {
    year_last(draw, true)
}

pub fn day_first(draw: &mut Draw) -> Cell {
    year_last(draw, false)
}

/// A day over `timestamp without time zone` is its midnight.
pub fn date_as_local(draw: &mut Draw) -> Cell {
    let mut cell = date(draw);
    if let Fate::Stored(stored) = &mut cell.fate {
        stored.push_str(" 00:00:00");
    }
    cell
}

/// What `min` and `max` of the years 1900 to 2099 allow, also of plain numbers.
pub fn bounded_date(draw: &mut Draw) -> Cell {
    let number = draw.between(-20_000, 120_000);
    let day = Day::of(number - SERIAL_OF_1970);
    let allowed = (1900..=2099).contains(&day.year);
    if draw.chance(2) {
        Cell::number(number as f64, day.iso()).only_if(allowed)
    } else {
        Cell::text(numeric(draw, day), day.iso()).only_if(allowed)
    }
}

/// A string of what dates are made of, or a date with something amiss.
pub fn like_date(draw: &mut Draw) -> Cell {
    let text = if draw.chance(3) {
        draw.string(&DATE, 1, 7)
    } else {
        let day = any_day(draw);
        let text = if draw.chance(2) { in_era(draw, day) } else { numeric(draw, day) };
        draw.mutated(&text, &DATE)
    };
    if text.trim().is_empty() {
        return Cell::blank();
    }
    let stored = read_date(&text);
    Cell::read(text, stored)
}

/// Seconds of a local day as people write them.
fn clock(draw: &mut Draw, seconds: i64) -> String {
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let gap = draw.pick(&["", "", " "]);
    let half = hour % 12;
    let twelve = if half == 0 { 12 } else { half };
    let (english, japanese) = if hour < 12 { ("AM", "午前") } else { ("PM", "午後") };
    if second > 0 {
        return match draw.below(4) {
            0 => format!("{hour}:{minute:02}:{second:02}"),
            1 => format!("{hour:02}:{minute:02}:{second:02}"),
            2 => format!("{twelve}:{minute:02}:{second:02}{gap}{}", english.to_lowercase()),
            _ => format!("{hour}時{gap}{minute}分{gap}{second}秒"),
        };
    }
    match draw.below(9) {
        0 => format!("{hour:02}:{minute:02}"),
        1 => format!("{hour}:{minute:02}:00"),
        2 => format!("{twelve}:{minute:02}{gap}{english}"),
        3 => format!("{english}{gap}{half}:{minute:02}"),
        4 => format!("{hour}{gap}時{gap}{minute}{gap}分"),
        5 => format!("{japanese}{half}時{minute}分"),
        6 if minute == 30 => format!("{hour}時半"),
        7 if minute == 0 => format!("{twelve}{gap}{}", english.to_lowercase()),
        _ => format!("{hour}:{minute:02}"),
    }
}

fn clock_iso(seconds: i64) -> String {
    iso_seconds(seconds)[11..].to_owned()
}

pub fn time(draw: &mut Draw) -> Cell {
    let step = draw.pick(&[1, 60, 1800, 3600]);
    let seconds = draw.between(0, DAY - 1) / step * step;
    let stored = clock_iso(seconds);
    let part = seconds as f64 / DAY as f64;
    let (hour, minute) = (seconds / 3600, seconds / 60 % 60);
    match draw.below(9) {
        0 => Cell::number(part, stored),
        1 => Cell::formatted(part, draw.pick(&["h:mm", "hh:mm:ss"]), stored),
        2 => Cell::typed(format!("{hour}:{minute:02}:{:02}", seconds % 60), stored),
        3 => Cell::refused_number(draw.pick(&[1.0, 1.5, -0.25, 45_352.0, 12.0, 1.0 + part])),
        4 => {
            let end = draw.between(0, 23);
            let dash = draw.pick(&["-", "−", "–", "~", "〜", " - ", "から"]);
            Cell::refused_text(format!("{hour}:{minute:02}{dash}{end}:00"))
        }
        5 => Cell::refused_text(match draw.below(7) {
            0 => format!("{hour}:{}", minute % 10),
            1 => format!("{}:{minute:02}", hour + 24),
            2 => format!("{hour}:{}", minute + 60),
            3 => format!("午後{}時", hour % 12 + 12),
            4 => format!("{hour}時間{minute}分"),
            5 => format!("{hour}:{minute:02}③"),
            _ => draw.pick(&["正午", "now", "25時", "23:59:60", "朝"]).to_owned(),
        }),
        _ => {
            let text = clock(draw, seconds);
            Cell::text(if draw.chance(4) { full_width(&text) } else { text }, stored)
        }
    }
}

pub fn like_time(draw: &mut Draw) -> Cell {
    let text = if draw.chance(2) {
        draw.string(&TIME, 1, 6)
    } else {
        let seconds = draw.between(0, DAY - 1);
        let text = clock(draw, seconds);
        draw.mutated(&text, &TIME)
    };
    if text.trim().is_empty() {
        return Cell::blank();
    }
    let stored = read_time(&text);
    Cell::read(text, stored)
}

/// What a column does with a time that the clocks show twice or never.
#[derive(Clone, Copy)]
enum AtChange {
    Reject,
    Earlier,
    Later,
}

/// A local time of the zone, most of them within two hours of a change of its clocks.
fn local_time(draw: &mut Draw, zone: &Zone) -> i64 {
    let year = draw.between(2008, 2037);
    let near = match (zone.changes)(year).filter(|_| !draw.chance(4)) {
        Some((forward, back)) => {
            let change = if draw.chance(2) { forward } else { back };
            change + zone.offset + draw.between(-7_200, 10_800)
        }
        None => day_number(year, 1, 1) * DAY + draw.between(DAY, 363 * DAY),
    };
    let step = draw.pick(&[1, 60, 1800]);
    near / step * step
}

/// A moment in UTC as Postgres writes it.
fn moment_text(seconds: i64) -> String {
    format!("{}+00", iso_seconds(seconds).replace('T', " "))
}

fn in_zone(draw: &mut Draw, zone: &Zone, at_change: AtChange) -> Cell {
    let local = local_time(draw, zone);
    let moments = zone.moments(local);
    if draw.chance(8) {
        return event(draw, local);
    }
    if let Some(&moment) = moments.first()
        && draw.chance(3)
    {
        return with_offset(draw, local, moment);
    }
    // A local time that was skipped is read with the offset from before or after the gap.
    let moment = match (moments.as_slice(), at_change) {
        ([moment], _) => Some(*moment),
        (_, AtChange::Reject) => None,
        ([first, _], AtChange::Earlier) => Some(*first),
        ([_, second], _) => Some(*second),
        (_, AtChange::Earlier) => Some(local - zone.offset - 3600),
        (_, _) => Some(local - zone.offset),
    };
    let number = local as f64 / DAY as f64 + SERIAL_OF_1970 as f64;
    let day = Day::of(local.div_euclid(DAY));
    let mut cell = match draw.below(6) {
        0 => Cell::number(number, ""),
        1 => Cell::formatted(number, "yyyy-mm-dd hh:mm", ""),
        2 => Cell::typed(format!("{} {}", day.iso(), clock_iso(local.rem_euclid(DAY))), ""),
        _ => {
            let kanji = with_kanji(draw, day);
            let date = draw.pick(&[format!("{}/{}/{}", day.year, day.month, day.day), day.iso(), kanji]);
            let clock = clock(draw, local.rem_euclid(DAY));
            let text = format!("{date} {clock}");
            Cell::text(if draw.chance(4) { full_width(&text) } else { text }, "")
        }
    };
    cell.fate = moment.map_or(Fate::Refused, |moment| Fate::Stored(moment_text(moment)));
    cell
}

/// A local time with the offset that says which moment it is.
fn with_offset(draw: &mut Draw, local: i64, moment: i64) -> Cell {
    let offset = local - moment;
    let sign = if offset < 0 { "-" } else { "+" };
    let (hours, minutes) = (offset.abs() / 3600, offset.abs() / 60 % 60);
    let iso = iso_seconds(local);
    let text = match draw.below(4) {
        0 => format!("{iso}{sign}{hours:02}:{minutes:02}"),
        1 => format!("{iso}{sign}{hours:02}{minutes:02}"),
        2 => format!("{} {sign}{hours:02}:{minutes:02}", iso.replace('T', " ")),
        _ => format!("{}Z", iso_seconds(moment)),
    };
    Cell::text(text, moment_text(moment))
}

/// The hours of an event are no moment.
fn event(draw: &mut Draw, local: i64) -> Cell {
    let day = Day::of(local.div_euclid(DAY));
    let (from, to) = (draw.between(0, 23), draw.between(0, 23));
    let minute = draw.pick(&["00", "15", "30", "45"]);
    let dash = draw.pick(&["-", "−", "–", "~", "〜", "ー", " - ", "から"]);
    let start = draw.pick(&[format!("{from}:{minute}"), format!("{from}時"), format!("{from}時{minute}分")]);
    let end = draw.pick(&[format!("{to}:{minute}"), format!("{to:02}{minute}"), format!("{to:02}"), format!("{to}時")]);
    Cell::refused_text(format!("{}/{}/{} {start}{dash}{end}", day.year, day.month, day.day))
}

/// In the zone of the spreadsheet.
pub fn timestamp(draw: &mut Draw) -> Cell {
    let zone = draw.zone;
    in_zone(draw, zone, AtChange::Reject)
}

/// Zones of columns that say what becomes of times that the clocks show twice or never.
pub const EARLIER_IN: usize = 0;
pub const LATER_IN: usize = 2;

pub fn earlier(draw: &mut Draw) -> Cell {
    in_zone(draw, &ZONES[EARLIER_IN], AtChange::Earlier)
}

pub fn later(draw: &mut Draw) -> Cell {
    in_zone(draw, &ZONES[LATER_IN], AtChange::Later)
}

/// Local times as they are.
pub fn local_timestamp(draw: &mut Draw) -> Cell {
    let zone = &ZONES[1];
    let local = local_time(draw, zone);
    let stored = iso_seconds(local).replace('T', " ");
    let day = Day::of(local.div_euclid(DAY));
    match draw.below(5) {
        0 => Cell::number(local as f64 / DAY as f64 + SERIAL_OF_1970 as f64, stored),
        1 => with_offset(draw, local, local).refused(),
        2 => event(draw, local),
        _ => {
            let clock = clock(draw, local.rem_euclid(DAY));
            Cell::text(format!("{} {clock}", day.iso()), stored)
        }
    }
}

/// A string of what moments are made of, in UTC.
pub fn like_moment(draw: &mut Draw) -> Cell {
    let (day, seconds) = (any_day(draw), draw.between(0, DAY - 1));
    let date = if draw.chance(2) { in_era(draw, day) } else { numeric(draw, day) };
    let gap = draw.pick(&[" ", " ", "T", "", ", "]);
    let clock = clock(draw, seconds);
    let text = format!("{date}{gap}{clock}");
    let text = match draw.below(4) {
        0 => draw.mutated(&text, &TIME),
        1 => draw.mutated(&text, &DATE),
        2 => format!("{text}{}", draw.pick(&TAILS)),
        _ => format!("{text}{}{}", draw.pick(&TAILS), draw.pick(&TAILS)),
    };
    let stored = read_moment(&text).map(|moment| moment.replace('T', " ").replace("+00:00", "+00"));
    Cell::read(text, stored)
}

/// A length of time as Postgres writes it.
fn length_text(microseconds: i64) -> String {
    let sign = if microseconds < 0 { "-" } else { "" };
    let seconds = microseconds.abs() / 1_000_000;
    let fraction = format!("{:06}", microseconds.abs() % 1_000_000);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{:02}:{:02}:{:02}{point}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `allows_days`: the column has a `max`, so that a whole number is a number of days.
fn length(draw: &mut Draw, allows_days: bool) -> Cell {
    let step = draw.pick(&[1, 60, 1800, 3600]);
    let total = draw.between(0, 399 * 3600) / step * step;
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
    let stored = length_text(total * 1_000_000);
    let gap = draw.pick(&["", " ", "\u{3000}"]);
    let days = total as f64 / DAY as f64;
    let is_whole = seconds == 0;
    let text = match draw.below(14) {
        0 => return Cell::number(days, stored).only_if(allows_days || total == 0 || total % DAY != 0),
        1 => {
            return Cell::formatted(days, "[h]:mm:ss", stored).only_if(allows_days || total == 0 || total % DAY != 0);
        }
        2 => {
            let days = draw.between(1, 16);
            return Cell::number(days as f64, length_text(days * DAY * 1_000_000)).only_if(allows_days);
        }
        3 => {
            return Cell::refused_text(match draw.below(8) {
                0 => format!("{hours}日"),
                1 => format!("{hours}:{}", minutes + 60),
                2 => format!("{}時{minutes}分", hours % 24),
                3 => format!("{hours}時間{}分", minutes + 60),
                4 => format!("{minutes}m"),
                5 => format!("{hours}:{minutes:02}~"),
                6 => format!("{hours}時間強"),
                _ => draw.pick(&["1か月", "半日", "1週間", "90", "1年", "即日"]).to_owned(),
            });
        }
        4 if is_whole => format!("{hours}:{minutes:02}"),
        5 if is_whole => format!("{hours}{gap}時間{gap}{minutes}{gap}分"),
        6 if is_whole => format!("{}{gap}分", total / 60),
        7 if is_whole => format!("{hours}h{gap}{minutes}m"),
        8 if is_whole => format!("{} min", total / 60),
        9 if minutes == 30 && is_whole => format!("{hours}時間半"),
        10 => format!("{hours} hours {minutes} minutes {seconds} seconds"),
        11 if total > 0 => {
            return Cell::text(format!("-{hours}:{minutes:02}:{seconds:02}"), length_text(-total * 1_000_000));
        }
        12 => {
            let fraction = draw.between(1, 999);
            return Cell::text(
                format!("{hours}:{minutes:02}:{seconds:02}.{fraction:03}"),
                length_text(total * 1_000_000 + fraction * 1_000),
            );
        }
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    };
    Cell::text(if draw.chance(4) { full_width(&text) } else { text }, stored)
}

pub fn duration(draw: &mut Draw) -> Cell {
    length(draw, false)
}

pub fn duration_of_days(draw: &mut Draw) -> Cell {
    length(draw, true)
}

pub fn like_length(draw: &mut Draw) -> Cell {
    let text = draw.string(&LENGTH, 1, 6);
    if text.trim().is_empty() {
        return Cell::blank();
    }
    let stored = read_length(&text).map(length_text);
    Cell::read(text, stored)
}
