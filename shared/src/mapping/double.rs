//! What the numbers of Sheets, which are binary doubles, stand for. Sheets shows at most 15 digits of one, so `=2980*1.1` is
//! 3278 to everybody who looks at it, and 3278.0000000000005 in memory.

use std::fmt::Write as _;

use rust_decimal::Decimal;

use super::column::Floats;
use super::rejection::{Code, Refusal};

/// The largest double up to which every whole number is exact: 2^53.
const EXACT_DOUBLES: f64 = 9_007_199_254_740_992.0;

/// From here on the digits before the point are more than the 15 that Sheets shows; they stay as they are.
const BEYOND_SHOWN: f64 = 1e15;

/// The most digits that Sheets shows of a number.
const SHOWN: usize = 15;

/// The most decimals that a [`Decimal`] keeps.
const DECIMALS: usize = 28;

/// What people see of a number that Sheets knows exactly enough.
enum Seen {
    Whole(i64),
    /// With its point, without trailing zeros.
    Fraction(String),
}

impl Seen {
    fn of(number: f64, floats: Floats) -> Result<Self, Refusal> {
        if !number.is_finite() {
            return Err(out_of_range());
        }
        if number.abs() >= EXACT_DOUBLES {
            return Err(digits_lost());
        }
        if number.fract() == 0.0 {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and within 2^53")]
            return Ok(Self::Whole(number as i64));
        }
        let shown = shown(number, floats);
        Ok(if shown.contains('.') {
            Self::Fraction(shown)
        } else {
            shown.parse().map_or(Self::Fraction(shown), Self::Whole)
        })
    }
}

/// The whole number that `number` stands for.
pub(super) fn whole(number: f64, floats: Floats) -> Result<i64, Refusal> {
    match Seen::of(number, floats)? {
        Seen::Whole(whole) => Ok(whole),
        Seen::Fraction(_) => Err(fraction()),
    }
}

/// The decimal number that `number` stands for; `rounded` where decimals beyond the 28th may go.
pub(super) fn decimal(number: f64, floats: Floats, rounded: bool) -> Result<Decimal, Refusal> {
    let text = match Seen::of(number, floats)? {
        Seen::Whole(whole) => return Ok(whole.into()),
        Seen::Fraction(text) => text,
    };
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    if decimals > DECIMALS && !rounded {
        return Err(Refusal::new(
            Code::OutOfRange,
            "the number has more than 28 decimals, which cannot be kept; round it in the sheet, or set `scale`",
        ));
    }
    text.parse().map_err(|_| out_of_range())
}

/// `number` as text, with the digits that people see and at least `zero_pad` of them: `12`, not `12.0` or `1.2E+1`.
pub(super) fn text(number: f64, floats: Floats, zero_pad: usize) -> Result<String, Refusal> {
    match Seen::of(number, floats) {
        Ok(Seen::Whole(whole)) => Ok(format!("{whole:0zero_pad$}")),
        Ok(Seen::Fraction(text)) => Ok(text),
        Err(_) => Err(digits_lost()),
    }
}

/// The digits of a finite `number`, without exponent and trailing zeros.
fn shown(number: f64, floats: Floats) -> String {
    let shortest = number.to_string();
    // The shortest decimal that stands for the number is what was typed, as long as it has no more digits than that.
    let digits = shortest.trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    if digits <= SHOWN || floats == Floats::Exact || number.abs() >= BEYOND_SHOWN {
        return shortest;
    }
    // One digit before the point and 14 behind it, correctly rounded.
    let scientific = format!("{number:.14e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_end_matches('0');
    let mut text = if number < 0.0 { "-".to_owned() } else { String::new() };
    match usize::try_from(exponent + 1) {
        Ok(whole) if whole > 0 => {
            // Writing to a String does not fail.
            let _ = write!(text, "{:0<whole$}", &digits[..digits.len().min(whole)]);
            if digits.len() > whole {
                let _ = write!(text, ".{}", &digits[whole..]);
            }
        }
        _ => {
            let zeros = usize::try_from(-exponent - 1).unwrap_or_default();
            let _ = write!(text, "0.{:0<zeros$}{digits}", "");
        }
    }
    text
}

pub(super) fn fraction() -> Refusal {
    Refusal::new(Code::HasFraction, "expected a whole number, found one with a fraction")
}

pub(super) fn out_of_range() -> Refusal {
    Refusal::new(Code::OutOfRange, "the number is larger than the column can hold")
}

pub(super) fn digits_lost() -> Refusal {
    Refusal::new(
        Code::DigitsLost,
        "the number has more digits than Sheets keeps, so the last ones are lost; format the cell as plain text and type it again",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn people_see_15_digits_of_a_number() {
        for (number, seen) in [
            (0.1 + 0.2, "0.3"),
            (2980.0 * 1.1, "3278"),
            (47.721_000_000_000_004, "47.721"),
            (-2.0 / 3.0, "-0.666666666666667"),
            (1.5e-7, "0.00000015"),
            (99_999_999_999_999.99, "100000000000000"),
            (123_456_789_012.345_67, "123456789012.346"),
            (1_234_567_890_123_456.5, "1234567890123456.5"),
        ] {
            assert_eq!(text(number, Floats::Rounded, 0).unwrap(), seen);
        }
        assert_eq!(text(0.1 + 0.2, Floats::Exact, 0).unwrap(), "0.30000000000000004");
    }

    proptest! {
        #[test]
        fn what_is_typed_with_15_digits_is_what_is_seen(mantissa in -999_999_999_999_999_i64..=999_999_999_999_999, scale in 0_u32..=20) {
            let typed = Decimal::new(mantissa, scale);
            let double: f64 = typed.to_string().parse().unwrap();
            prop_assert_eq!(decimal(double, Floats::Rounded, false).unwrap(), typed);
        }
    }
}
