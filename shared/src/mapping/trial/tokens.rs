//! Random strings of what numbers, dates and times are made of, and spellings with something put in, left out or changed: stored
//! only where a careful person reads them, and then as that person does.

use super::super::page::Expected;
use super::alphabet::{AFTER, AMOUNT, BEFORE, DATE, LENGTH, TAILS, TIME};
use super::calendar::{Day, day_number};
use super::reader::{add_up, read_amount, read_date, read_length, read_moment, read_time};
use super::{Cell, Trial, days, moments, outcome, quoted};

const WORDS: [&str; 26] = [
    "1", "3", "5", "12", "28", "0500", "2800", "1,000", "1.5", ",", "万", "万", "億", "兆", "千", "千", "百", "十",
    "円", " ", "一", "二", "三", "五", "〇", "㊀",
];

fn string(trial: &mut Trial, tokens: &[&str], most: usize) -> String {
    let count = 1 + trial.below(most);
    (0..count).map(|_| trial.pick(tokens)).collect()
}

/// `text` with something put in, left out or changed.
fn mutated(trial: &mut Trial, text: &str, tokens: &[&str]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let at = trial.below(characters.len());
    let token: Vec<char> = trial.pick(tokens).chars().collect();
    match trial.below(4) {
        0 => drop(characters.remove(at)),
        1 => drop(characters.splice(at..=at, token)),
        2 => characters.extend(token),
        _ => drop(characters.splice(at..at, token)),
    }
    characters.into_iter().collect()
}

/// Blank cells are not tried here.
fn is_nothing(text: &str) -> bool {
    text.trim().is_empty()
}

fn any_day(trial: &mut Trial) -> Day {
    Day::of(trial.between(day_number(1873, 1, 1), day_number(2050, 1, 1)))
}

#[test]
fn date_like_strings_are_read_like_a_careful_person() {
    let mut trial = Trial::named("strings like dates");
    while trial.goes_on_for(4) {
        let text = if trial.chance(3) {
            string(&mut trial, &DATE, 7)
        } else {
            let day = any_day(&mut trial);
            let text = days::plain_spelling(&mut trial, day);
            mutated(&mut trial, &text, &DATE)
        };
        if is_nothing(&text) {
            continue;
        }
        let expected = read_date(&text).map(|date| quoted(&date));
        trial.text("type = 'date'\nera = true\npartial = 'month'", &text, expected.as_deref());
    }
    trial.finish();
}

#[test]
fn time_like_strings_are_read_like_a_careful_person() {
    let mut trial = Trial::named("strings like times");
    while trial.goes_on() {
        let text = if trial.chance(2) {
            string(&mut trial, &TIME, 6)
        } else {
            let seconds = trial.between(0, 86_399);
            let text = moments::clock(&mut trial, seconds);
            mutated(&mut trial, &text, &TIME)
        };
        if !is_nothing(&text) {
            let expected = read_time(&text).map(|time| quoted(&time));
            trial.text("type = 'time'", &text, expected.as_deref());
        }
    }
    trial.finish();
}

#[test]
fn timestamp_like_strings_are_read_like_a_careful_person() {
    let mut trial = Trial::named("strings like moments");
    while trial.goes_on_for(4) {
        let (day, seconds) = (any_day(&mut trial), trial.between(0, 86_399));
        let date = days::plain_spelling(&mut trial, day);
        let gap = trial.pick(&[" ", " ", "T", "", ", "]);
        let clock = moments::clock(&mut trial, seconds);
        let text = format!("{date}{gap}{clock}");
        let text = match trial.below(4) {
            0 => mutated(&mut trial, &text, &TIME),
            1 => mutated(&mut trial, &text, &DATE),
            2 => format!("{text}{}", trial.pick(&TAILS)),
            _ => format!("{text}{}{}", trial.pick(&TAILS), trial.pick(&TAILS)),
        };
        let expected = read_moment(&text).map(|moment| quoted(&moment));
        trial.text("type = 'timestamp'\nera = true\ntime_zone = 'UTC'", &text, expected.as_deref());
    }
    trial.finish();
}

#[test]
fn amount_like_strings_are_read_like_a_careful_person() {
    let mut trial = Trial::named("strings like amounts");
    while trial.goes_on() {
        let text = if trial.chance(2) {
            string(&mut trial, &AMOUNT, 6)
        } else {
            let number = trial.pick(&["5", "1,000", "0", "12.0", ".5", "０"]);
            let before = string(&mut trial, &BEFORE, 3);
            format!("{before}{number}{}", string(&mut trial, &AFTER, 3))
        };
        if !is_nothing(&text) {
            let expected = read_amount(&text).map(|amount| amount.to_string());
            trial.text(
                "type = 'integer'\nyen = true\naccounting = true\napproximate = true",
                &text,
                expected.as_deref(),
            );
        }
    }
    trial.finish();
}

#[test]
fn amounts_in_words_equal_the_sum_of_their_units() {
    let mut trial = Trial::named("strings like amounts in words");
    let mapping = super::mapping_in(super::JAPAN, "type = 'decimal'\nyen = true\nnumber_words = true");
    let argued = ["万二三", "万5円", "千5円", "億1,000円", "億28万28"];
    while trial.goes_on() {
        trial.tried += 1;
        let text = string(&mut trial, &WORDS, 6);
        if is_nothing(&text) {
            continue;
        }
        // Not what people argue about.
        let text = if trial.chance(50) { format!("{text}{}", trial.pick(&argued)) } else { text };
        let is_argued = argued.iter().any(|argued| text.ends_with(argued));
        match outcome(&mapping, &Cell::from(text.as_str())) {
            Expected::Rejected(_) => {}
            Expected::Stored(json) if !is_argued && is_near(json.parse().ok(), add_up(&text)) => {}
            other => trial.wrong.push(format!("{text:?} is {other:?}, and adds up to {:?}", add_up(&text))),
        }
    }
    trial.finish();
}

/// Whether two numbers are the same but for the noise of doubles.
fn is_near(one: Option<f64>, other: Option<f64>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return false };
    (one - other).abs() <= other.abs() * 1e-12
}

#[test]
fn duration_like_strings_are_read_like_a_careful_person() {
    let mut trial = Trial::named("strings like durations");
    while trial.goes_on() {
        let text = string(&mut trial, &LENGTH, 6);
        if is_nothing(&text) {
            continue;
        }
        let expected = read_length(&text).map(|length| quoted(&wire(length)));
        trial.text("type = 'duration'", &text, expected.as_deref());
    }
    trial.finish();
}

/// Microseconds as ISO 8601.
fn wire(length: i64) -> String {
    let sign = if length < 0 { "-" } else { "" };
    let seconds = length.abs() / 1_000_000;
    let fraction = format!("{:06}", length.abs() % 1_000_000);
    let fraction = fraction.trim_end_matches('0');
    let mut text = "PT".to_owned();
    for (part, unit) in [(seconds / 3600, "H"), (seconds / 60 % 60, "M")] {
        if part > 0 {
            text.push_str(&format!("{sign}{part}{unit}"));
        }
    }
    match (seconds % 60, fraction) {
        (0, "") if length != 0 => {}
        (rest, "") => text.push_str(&format!("{sign}{rest}S")),
        (rest, fraction) => text.push_str(&format!("{sign}{rest}.{fraction}S")),
    }
    text
}
