//! Whole and decimal numbers, from numeric cells and from text as people type it. Exact: nothing here goes through binary
//! floating point but the doubles that Sheets itself gives.

use std::fmt::Write as _;

use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};

use super::affix::{Affixes, is_currency};
use super::cell::Cell;
use super::column::{Column, Floats, NumberAs};
use super::double::{self, fraction, out_of_range};
use super::fold::fold;
use super::locale::Locale;
use super::number_words;
use super::rejection::{Code, Refusal};
use super::shown::{self, Look, Needs};

/// Square metres of one 坪: 400/121, by the law on weights and measures of 1891.
const TSUBO: (i64, i64) = (400, 121);

/// Decimals of an area converted from 坪, unless the column says how many.
const TSUBO_SCALE: u32 = 2;

/// Words for "about" before and after a number.
const ABOUT_BEFORE: [&str; 6] = ["約", "およそ", "おおよそ", "おおむね", "概ね", "ほぼ"];
const ABOUT_AFTER: [&str; 8] = ["程度", "前後", "くらい", "ぐらい", "位", "ほど", "程", "見当"];

const MINUS: [char; 2] = ['-', '−'];

/// What joins a word to the number behind it, beside the separators of the locale: `No-5` is not minus five.
const HYPHENS: [char; 6] = ['-', '−', '+', '‐', '–', '—'];

/// The stroke behind an amount that prevents added digits: `¥1,000-`.
const END_STROKES: [char; 5] = ['-', '−', 'ー', '―', '—'];

/// How the numbers of one column may be written.
pub(super) struct NumberRule {
    locale: Locale,
    floats: Floats,
    /// Whether dates and times that Sheets made of what was typed are distinguished from numbers.
    sees_moments: bool,
    yen: bool,
    number_words: bool,
    approximate: bool,
    accounting: bool,
    percent: bool,
    tsubo: bool,
    scale: Option<u32>,
    multiply_by: Option<u32>,
    prefixes: Affixes,
    suffixes: Affixes,
}

/// What was found around a number.
#[derive(Default)]
struct Around {
    negative: Option<bool>,
    yen_before: bool,
    about: bool,
    prefix: bool,
    suffix: bool,
    unit: Option<Unit>,
    /// Whether any of it is a word, and no sign of a currency.
    word: bool,
}

/// What stands directly behind a number; there can only be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Yen,
    Percent,
    Tsubo,
}

impl NumberRule {
    pub(super) fn new(column: &Column, locale: Locale) -> Self {
        Self {
            locale,
            floats: column.floats,
            sees_moments: column.number != Some(NumberAs::Digits),
            yen: column.yen,
            number_words: column.number_words,
            approximate: column.approximate,
            accounting: column.accounting,
            percent: column.percent,
            tsubo: column.tsubo,
            scale: column.scale,
            multiply_by: column.multiply_by,
            prefixes: Affixes::new(&column.prefixes),
            suffixes: Affixes::new(&column.suffixes),
        }
    }

    pub(super) fn needs(&self) -> Needs {
        if self.sees_moments { Needs::Moments } else { Needs::Nothing }
    }

    /// Refuses a number whose cell shows a date or a time. Only those that are asked for: whether other cells of the column
    /// are asked too must make no difference.
    pub(super) fn check_shown(&self, number: f64, shown: &str) -> Result<(), Refusal> {
        if self.sees_moments && shown::may_be_moment(number) && shown::look(number, shown) == Look::Moment {
            return Err(Refusal::new(
                Code::NotANumber,
                "expected a number, the cell shows a date or a time; choose Format > Number for the cell and type it again",
            ));
        }
        Ok(())
    }

    /// The whole number in `cell`.
    pub(super) fn integer(&self, cell: &Cell) -> Result<i64, Refusal> {
        if self.multiply_by.is_none() {
            match cell {
                Cell::Number(number) | Cell::Shown(number, _) => return double::whole(*number, self.floats),
                Cell::Text(text) => {
                    if let Some(number) = plain_integer(text.trim()) {
                        return Ok(number);
                    }
                }
                Cell::Bool(_) | Cell::Blank => {}
            }
        }
        let number = self.number(cell, "a whole number")?;
        if !number.fract().is_zero() {
            return Err(fraction());
        }
        number.to_i64().ok_or_else(out_of_range)
    }

    /// The decimal number in `cell`.
    pub(super) fn decimal(&self, cell: &Cell) -> Result<Decimal, Refusal> {
        let number = self.number(cell, "a number")?;
        let number = match self.scale {
            Some(scale) => number.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero),
            None => number,
        };
        Ok(number.normalize())
    }

    fn number(&self, cell: &Cell, expected: &str) -> Result<Decimal, Refusal> {
        let number = match cell {
            Cell::Number(number) | Cell::Shown(number, _) => {
                double::decimal(*number, self.floats, self.scale.is_some())?
            }
            Cell::Text(text) => match plain_integer(text.trim()) {
                Some(number) => number.into(),
                None => self.read(text).ok_or_else(|| self.refusal(expected))?,
            },
            Cell::Bool(_) | Cell::Blank => return Err(self.refusal(expected)),
        };
        match self.multiply_by {
            Some(factor) => number.checked_mul(factor.into()).ok_or_else(out_of_range),
            None => Ok(number),
        }
    }

    /// The number in `text`, or nothing where any part of the text is not accounted for.
    fn read(&self, text: &str) -> Option<Decimal> {
        let folded = fold(text);
        self.read_inside(&folded, Around::default()).or_else(|| {
            let mut around = Around::default();
            let inner = if self.accounting { self.strip_brackets(&folded, &mut around)? } else { return None };
            self.read_inside(inner, around)
        })
    }

    fn read_inside(&self, text: &str, mut around: Around) -> Option<Decimal> {
        let bracketed = around.negative.is_some();
        let rest = self.strip_before(text, &mut around)?;
        let mut rest = self.strip_after(rest, &mut around);
        // `(5階)` and `(約5)` are remarks.
        if bracketed && around.word {
            return None;
        }
        // A stroke behind an amount of money, unless it has a sign already.
        if around.yen_before && around.negative.is_none() && around.unit.is_none() && !around.suffix && !around.about {
            rest = rest.strip_suffix(END_STROKES).unwrap_or(rest);
        }
        let number = match self.locale.number(rest) {
            None if self.number_words => number_words::read(rest, self.locale)?,
            found => found?,
        };
        let number = match around.unit {
            Some(Unit::Percent | Unit::Tsubo) if around.yen_before => return None,
            Some(Unit::Percent) => number.checked_div(Decimal::ONE_HUNDRED)?,
            Some(Unit::Tsubo) => self.square_metres(number)?,
            Some(Unit::Yen) | None => number,
        };
        Some(if around.negative == Some(true) { -number } else { number })
    }

    /// Takes away brackets, which make a number negative: around all of it, or around all but the sign of its currency or
    /// its unit. Brackets anywhere else are a remark, and then there is no number.
    fn strip_brackets<'t>(&self, text: &'t str, around: &mut Around) -> Option<&'t str> {
        let (before, rest) = text.split_once('(')?;
        let (inner, after) = rest.rsplit_once(')')?;
        match before.trim_end() {
            "" => {}
            "¥" | "\\" if self.yen => around.yen_before = true,
            before => {
                let (word, rest) = self.prefixes.strip_prefix(before)?;
                if !rest.is_empty() || !is_currency(word) {
                    return None;
                }
                around.prefix = true;
            }
        }
        around.unit = match after.trim_start() {
            "" => None,
            "円" if self.yen => Some(Unit::Yen),
            "%" if self.percent => Some(Unit::Percent),
            _ => return None,
        };
        around.negative = Some(true);
        Some(inner.trim())
    }

    /// Strips signs and words before the number, each at most once, in any order; nothing where a word and the number are
    /// joined by a hyphen or a point.
    fn strip_before<'t>(&self, mut rest: &'t str, around: &mut Around) -> Option<&'t str> {
        loop {
            let before = rest.len();
            let mut word = None;
            if around.negative.is_none() {
                if let Some(inner) = rest.strip_prefix(MINUS) {
                    around.negative = Some(true);
                    rest = inner;
                } else if let Some(inner) = rest.strip_prefix('+') {
                    around.negative = Some(false);
                    rest = inner;
                } else if self.accounting
                    && let Some(inner) = rest.strip_prefix(['▲', '△'])
                {
                    around.negative = Some(true);
                    rest = inner;
                }
            }
            if self.yen
                && !around.yen_before
                && let Some(inner) = rest.strip_prefix(['¥', '\\'])
            {
                around.yen_before = true;
                rest = inner;
            }
            if self.approximate
                && !around.about
                && let Some((about, inner)) =
                    ABOUT_BEFORE.iter().find_map(|about| Some((about, rest.strip_prefix(about)?)))
            {
                around.about = true;
                word = Some(*about);
                rest = inner;
            }
            if !around.prefix
                && let Some((prefix, inner)) = self.prefixes.strip_prefix(rest)
            {
                around.prefix = true;
                word = Some(prefix);
                rest = inner;
            }
            rest = rest.trim_start();
            let is_word = word.is_some_and(|word| !is_currency(word));
            around.word |= is_word;
            let joined = |next| HYPHENS.contains(&next) || self.locale.is_separator(next);
            if is_word && rest.starts_with(joined) {
                return None;
            }
            if rest.len() == before {
                return Some(rest);
            }
        }
    }

    /// Strips words and units after the number, each at most once. A unit stands directly behind the number, so behind
    /// (from the right, before) the other words: `5,000円/月`, but not `30㎡坪`.
    fn strip_after<'t>(&self, mut rest: &'t str, around: &mut Around) -> &'t str {
        loop {
            let before = rest.len();
            if around.unit.is_none() {
                let units = [
                    (self.yen, '円', Unit::Yen),
                    (self.percent, '%', Unit::Percent),
                    (self.tsubo && !around.suffix, '坪', Unit::Tsubo),
                ];
                for (allowed, sign, unit) in units {
                    if allowed
                        && around.unit.is_none()
                        && let Some(inner) = rest.strip_suffix(sign)
                    {
                        around.unit = Some(unit);
                        rest = inner;
                    }
                }
                if around.unit.is_none()
                    && !around.suffix
                    && let Some(inner) = self.suffixes.strip_suffix(rest)
                {
                    around.suffix = true;
                    around.word |= !is_currency(&rest[inner.len()..]);
                    rest = inner;
                }
            }
            if self.approximate
                && !around.about
                && around.unit.is_none()
                && let Some(inner) = ABOUT_AFTER.iter().find_map(|about| rest.strip_suffix(about))
            {
                around.about = true;
                around.word = true;
                rest = inner;
            }
            rest = rest.trim_end();
            if rest.len() == before {
                return rest;
            }
        }
    }

    fn square_metres(&self, tsubo: Decimal) -> Option<Decimal> {
        let metres = tsubo.checked_mul(TSUBO.0.into())?.checked_div(TSUBO.1.into())?;
        let scale = self.scale.unwrap_or(TSUBO_SCALE);
        Some(metres.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero))
    }

    /// The refusal of a text that is no number, with all that the column accepts.
    fn refusal(&self, what: &str) -> Refusal {
        let (thousands, tenths) = self.locale.examples();
        let mut message = format!("expected {what} such as {thousands}");
        for (accepted, example) in [
            (self.yen, format!("{thousands}円")),
            (self.number_words, format!("1億{}万", thousands.replacen("12", "2", 1))),
            (self.approximate, format!("約{thousands}")),
            (self.accounting, format!("▲{thousands}")),
            (self.percent, format!("{tenths}%")),
            (self.tsubo, format!("{tenths}坪")),
        ] {
            if accepted {
                message.push_str(", ");
                message.push_str(&example);
            }
        }
        for (words, which) in [(&self.prefixes, "before"), (&self.suffixes, "after")] {
            if !words.written().is_empty() {
                // Writing to a String does not fail.
                let _ = write!(message, ", with {} {which} it", words.written().join(" or "));
            }
        }
        Refusal::new(Code::NotANumber, message)
    }
}

/// The most common case without detours: an optional minus and up to 18 digits.
fn plain_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let short = !digits.is_empty() && digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if short { text.parse().ok() } else { None }
}
