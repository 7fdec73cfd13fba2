//! All chance of a trial, and ways to write what was drawn.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::calendar::{ZONES, Zone};

/// How the people of a spreadsheet write numbers and dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locale {
    /// As File > Settings has it.
    pub name: &'static str,
    /// Begins the fraction.
    pub point: &'static str,
    /// Stands between thousands.
    pub group: &'static str,
}

/// Locales of the spreadsheets; each round takes the next.
pub const LOCALES: [Locale; 6] = [
    Locale { name: "ja_JP", point: ".", group: "," },
    Locale { name: "de_DE", point: ",", group: "." },
    Locale { name: "en_US", point: ".", group: "," },
    Locale { name: "pt_BR", point: ",", group: "." },
    Locale { name: "fr_FR", point: ",", group: "\u{202f}" },
    Locale { name: "en_GB", point: ".", group: "," },
];

/// What cells are drawn with.
pub struct Draw {
    random: ChaCha8Rng,
    pub locale: Locale,
    /// The time zone of the spreadsheet.
    pub zone: &'static Zone,
}

impl Draw {
    /// The round-th world of a seed: always the same.
    pub fn new(seed: u64, round: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(round);
        let zone = &ZONES[random.random_range(0..ZONES.len())];
        Self { random, locale: LOCALES[round as usize % LOCALES.len()], zone }
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }

    pub fn between(&mut self, first: i64, last: i64) -> i64 {
        self.random.random_range(first..=last)
    }

    pub fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    pub fn pick<T: Clone>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())].clone()
    }

    /// Up to `most` of these, one after the other.
    pub fn string(&mut self, of: &[&str], least: usize, most: usize) -> String {
        let count = least + self.below(most - least + 1);
        (0..count).map(|_| self.pick(of)).collect()
    }

    /// `text` with something put in, left out or changed.
    pub fn mutated(&mut self, text: &str, tokens: &[&str]) -> String {
        let mut characters: Vec<char> = text.chars().collect();
        let at = self.below(characters.len());
        let token: Vec<char> = self.pick(tokens).chars().collect();
        match self.below(4) {
            0 => drop(characters.remove(at)),
            1 => drop(characters.splice(at..=at, token)),
            2 => characters.extend(token),
            _ => drop(characters.splice(at..at, token)),
        }
        characters.into_iter().collect()
    }
}

/// `text` in full width.
pub fn full_width(text: &str) -> String {
    let wide = |character: char| match character {
        '!'..='~' => char::from_u32(u32::from(character) + 0xfee0).unwrap_or(character),
        ' ' => '\u{3000}',
        _ => character,
    };
    text.chars().map(wide).collect()
}

/// The digits with `group` between thousands.
pub fn grouped(digits: &str, group: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push_str(group);
        }
        text.push(digit);
    }
    text
}
