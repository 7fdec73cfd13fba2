//! Whole and decimal numbers, from numeric cells and from text as people type it. Exact: nothing here goes through binary
//! floating point but the doubles that Sheets itself gives.

use std::borrow::Cow;
use std::fmt::Write as _;

use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};

use super::cell::Cell;
use super::column::Column;
use super::fold::{fold, fold_all};
use super::number_words;
use super::rejection::{Code, Refusal};

/// Doubles beyond this cannot tell a whole number from its neighbours: 2^53.
const EXACT_DOUBLES: f64 = 9_007_199_254_740_992.0;

/// Square metres of one 坪: 400/121, by the law on weights and measures of 1891.
const TSUBO: (i64, i64) = (400, 121);

/// Decimals of an area converted from 坪, unless the column says how many.
const TSUBO_SCALE: u32 = 2;

/// Words for "about" before and after a number.
const ABOUT_BEFORE: [&str; 6] = ["約", "およそ", "おおよそ", "おおむね", "概ね", "ほぼ"];
const ABOUT_AFTER: [&str; 8] = ["程度", "前後", "くらい", "ぐらい", "位", "ほど", "程", "見当"];

/// How the numbers of one column may be written.
pub(super) struct NumberRule {
    yen: bool,
    number_words: bool,
    approximate: bool,
    accounting: bool,
    percent: bool,
    tsubo: bool,
    scale: Option<u32>,
    multiply_by: Option<u32>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

/// What was found around a number.
#[derive(Default)]
struct Around {
    negative: Option<bool>,
    yen: bool,
    about: bool,
    percent: bool,
    tsubo: bool,
    affixes: [bool; 2],
}

impl NumberRule {
    pub(super) fn new(column: &Column) -> Self {
        Self {
            yen: column.yen,
            number_words: column.number_words,
            approximate: column.approximate,
            accounting: column.accounting,
            percent: column.percent,
            tsubo: column.tsubo,
            scale: column.scale,
            multiply_by: column.multiply_by,
            prefixes: fold_all(&column.prefixes),
            suffixes: fold_all(&column.suffixes),
        }
    }

    /// The whole number in `cell`.
    pub(super) fn integer(&self, cell: &Cell) -> Result<i64, Refusal> {
        if self.multiply_by.is_none() {
            match cell {
                Cell::Number(number) => return whole(*number),
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
            Cell::Number(number) => double(*number)?,
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
        let mut around = Around::default();
        let mut rest = folded.as_ref();
        if self.accounting
            && let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'))
        {
            around.negative = Some(true);
            rest = inner.trim();
        }
        rest = self.strip_before(rest, &mut around);
        rest = self.strip_after(rest, &mut around);
        let number = match plain(rest) {
            None if self.number_words => number_words::read(rest)?,
            found => found?,
        };
        let number = if around.percent { number.checked_div(Decimal::ONE_HUNDRED)? } else { number };
        let number = if around.tsubo { self.square_metres(number)? } else { number };
        Some(if around.negative == Some(true) { -number } else { number })
    }

    /// Strips signs and words before the number, each at most once, in any order.
    fn strip_before<'t>(&self, mut rest: &'t str, around: &mut Around) -> &'t str {
        loop {
            let before = rest.len();
            if around.negative.is_none() {
                if let Some(inner) = rest.strip_prefix(['-', '−']) {
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
            if self.yen && !around.yen {
                strip(&mut rest, &mut around.yen, |rest| rest.strip_prefix(['¥', '\\']));
            }
            if self.approximate && !around.about {
                strip(&mut rest, &mut around.about, |rest| any(&ABOUT_BEFORE, |word| rest.strip_prefix(word)));
            }
            if !around.affixes[0] {
                strip(&mut rest, &mut around.affixes[0], |rest| any(&self.prefixes, |word| rest.strip_prefix(word)));
            }
            rest = rest.trim_start();
            if rest.len() == before {
                return rest;
            }
        }
    }

    /// Strips words and units after the number, each at most once, in any order.
    fn strip_after<'t>(&self, mut rest: &'t str, around: &mut Around) -> &'t str {
        loop {
            let before = rest.len();
            if self.yen && !around.yen {
                strip(&mut rest, &mut around.yen, |rest| rest.strip_suffix('円'));
            }
            if self.approximate && !around.about {
                strip(&mut rest, &mut around.about, |rest| any(&ABOUT_AFTER, |word| rest.strip_suffix(word)));
            }
            if !around.affixes[1] {
                strip(&mut rest, &mut around.affixes[1], |rest| any(&self.suffixes, |word| rest.strip_suffix(word)));
            }
            if self.percent && !around.percent {
                strip(&mut rest, &mut around.percent, |rest| rest.strip_suffix('%'));
            }
            if self.tsubo && !around.tsubo && !around.affixes[1] {
                strip(&mut rest, &mut around.tsubo, |rest| rest.strip_suffix('坪'));
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
        let mut message = format!("expected {what} such as 12,800");
        for (accepted, example) in [
            (self.yen, "12,800円"),
            (self.number_words, "1億2,800万"),
            (self.approximate, "約12,800"),
            (self.accounting, "▲12,800"),
            (self.percent, "6.5%"),
            (self.tsubo, "25.5坪"),
        ] {
            if accepted {
                message.push_str(", ");
                message.push_str(example);
            }
        }
        for (words, which) in [(&self.prefixes, "before"), (&self.suffixes, "after")] {
            if !words.is_empty() {
                // Writing to a String does not fail.
                let _ = write!(message, ", with {} {which} it", words.join(" or "));
            }
        }
        Refusal::new(Code::NotANumber, message)
    }
}

fn strip<'t>(rest: &mut &'t str, found: &mut bool, inner: impl Fn(&'t str) -> Option<&'t str>) {
    if let Some(inner) = inner(rest) {
        *rest = inner;
        *found = true;
    }
}

fn any<'t, W: AsRef<str>>(words: &[W], inner: impl Fn(&str) -> Option<&'t str>) -> Option<&'t str> {
    words.iter().find_map(|word| inner(word.as_ref()))
}

/// The most common case without detours: an optional minus and up to 18 digits.
fn plain_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let short = !digits.is_empty() && digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if short { text.parse().ok() } else { None }
}

/// A number of ASCII digits without a sign, with or without a decimal point, with or without commas between thousands.
/// Numbers of more than 28 digits are not read, for they could not be kept.
pub(super) fn plain(text: &str) -> Option<Decimal> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, fraction)) => (whole, fraction),
        None => (text, ""),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits: Cow<str> = if whole.contains(',') {
        let mut groups = whole.split(',');
        let first = groups.next()?;
        let grouped = (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3);
        if !grouped {
            return None;
        }
        whole.replace(',', "").into()
    } else {
        whole.into()
    };
    let mut mantissa: i128 = 0;
    for byte in digits.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return None;
        }
        mantissa = mantissa.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
    }
    Decimal::try_from_i128_with_scale(mantissa, u32::try_from(fraction.len()).ok()?).ok()
}

/// The whole number that a double stands for.
pub(super) fn whole(number: f64) -> Result<i64, Refusal> {
    if !number.is_finite() {
        return Err(out_of_range());
    }
    if number.fract() != 0.0 {
        return Err(fraction());
    }
    if number.abs() >= EXACT_DOUBLES {
        return Err(digits_lost());
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and within 2^53")]
    Ok(number as i64)
}

/// The decimal number that people see for a double: the shortest that stands for it.
fn double(number: f64) -> Result<Decimal, Refusal> {
    if let Ok(whole) = whole(number) {
        return Ok(whole.into());
    }
    let mut text = String::new();
    // Writing to a String does not fail. Doubles display without exponent; digits beyond the 28th decimal are noise.
    let _ = write!(text, "{number}");
    text.parse().map_err(|_| out_of_range())
}

fn fraction() -> Refusal {
    Refusal::new(Code::HasFraction, "expected a whole number, found one with a fraction")
}

fn out_of_range() -> Refusal {
    Refusal::new(Code::OutOfRange, "the number is larger than the column can hold")
}

pub(super) fn digits_lost() -> Refusal {
    Refusal::new(
        Code::DigitsLost,
        "the number has more digits than Sheets keeps, so the last ones are lost; format the cell as plain text and type it again",
    )
}
