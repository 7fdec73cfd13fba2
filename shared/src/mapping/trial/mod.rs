//! The standing trial: cells drawn at random whose meaning is known before they are written, from the bytes of Google's answer to
//! the value that is stored. What they mean comes from this folder's own calendar, numbers and readings; it shares no code with
//! the mapping.
//!
//! `TRIAL_CELLS` is how many cells each trial tries (4,000), `TRIAL_SEED` repeats the cells of a trial that failed.

mod alphabet;
mod calendar;
mod days;
mod lengths;
mod moments;
mod numbers;
mod reader;
mod texts;
mod tokens;

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::Mapping;
use super::cell::Cell;
use super::page::{Expected, JAPAN, mapping_in, outcome};

/// How many cells a trial tries in the unit tests: some tenths of a second.
const CELLS: usize = 4_000;

/// How many wrong cells a trial shows.
const SHOWN: usize = 40;

/// One trial and what it found.
struct Trial {
    name: &'static str,
    seed: u64,
    random: ChaCha8Rng,
    mappings: HashMap<(String, String), Mapping>,
    tried: usize,
    wrong: Vec<String>,
}

impl Trial {
    fn named(name: &'static str) -> Self {
        let chosen = std::env::var("TRIAL_SEED").ok().and_then(|seed| seed.parse().ok());
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as u64);
        let seed = chosen.unwrap_or_else(now);
        println!("{name}: TRIAL_SEED={seed}");
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { name, seed, random, mappings: HashMap::new(), tried: 0, wrong: Vec::new() }
    }

    /// A trial whose reader is slow tries the `share`-th part of the cells.
    fn goes_on_for(&self, share: usize) -> bool {
        let wanted = std::env::var("TRIAL_CELLS").ok().and_then(|cells| cells.parse().ok()).unwrap_or(CELLS);
        self.tried < wanted / share
    }

    fn goes_on(&self) -> bool {
        self.goes_on_for(1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }

    fn between(&mut self, first: i64, last: i64) -> i64 {
        self.random.random_range(first..=last)
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    fn pick<T: Clone>(&mut self, among: &[T]) -> T {
        among[self.random.random_range(0..among.len())].clone()
    }

    /// Tries a text; `expected` is the JSON that must be stored, or nothing where the cell must be refused.
    fn text(&mut self, options: &str, text: &str, expected: Option<&str>) {
        self.cell(JAPAN, options, &serde_json::to_string(text).unwrap(), expected);
    }

    /// Tries a number as JSON has it.
    fn number(&mut self, options: &str, number: &str, expected: Option<&str>) {
        self.cell(JAPAN, options, number, expected);
    }

    /// Tries a cell as Google sends it.
    fn cell(&mut self, locale: &str, options: &str, json: &str, expected: Option<&str>) {
        self.tried += 1;
        let cell: Vec<Cell> = serde_json::from_str(&format!("[{json}]")).unwrap();
        let key = (locale.to_owned(), options.to_owned());
        let mapping = self.mappings.entry(key).or_insert_with(|| mapping_in(locale, options));
        let found = outcome(mapping, &cell[0]);
        let right = match (&found, expected) {
            (Expected::Stored(stored), Some(expected)) => stored == expected,
            (Expected::Rejected(_), None) => true,
            _ => false,
        };
        if !right {
            let expected = expected.unwrap_or("a rejection");
            self.wrong.push(format!("{json} in {locale} under {options:?} is {found:?}, not {expected}"));
        }
    }

    fn finish(self) {
        let Self { name, seed, tried, wrong, .. } = self;
        println!("{name}: {tried} cells, {} wrong", wrong.len());
        let shown = wrong.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
        assert!(wrong.is_empty(), "{} of {tried} cells are wrong; TRIAL_SEED={seed}\n{shown}", wrong.len());
    }
}

/// `text` in full width.
fn full_width(text: &str) -> String {
    let wide = |character: char| match character {
        '!'..='~' => char::from_u32(u32::from(character) + 0xfee0).unwrap(),
        ' ' => '\u{3000}',
        _ => character,
    };
    text.chars().map(wide).collect()
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}
