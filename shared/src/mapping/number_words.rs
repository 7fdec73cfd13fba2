//! Numbers with 兆 億 万 千 百 十 in them, and digits in kanji. Refuses what people do not agree about, such as `3万5`.

use rust_decimal::Decimal;

use super::number::plain;

/// The number that `text` spells, or nothing where it is not certain which.
pub(super) fn read(text: &str) -> Option<Decimal> {
    let text: String = text.chars().map(|character| digit(character).unwrap_or(character)).collect();
    if let Some(number) = plain(&text) {
        return Some(number);
    }
    let mut spelled = Spelled::default();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let end = rest.find(|character: char| !matches!(character, '0'..='9' | ',' | '.')).unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let number = if number.is_empty() { None } else { Some(Part::read(number)?) };
        let mut characters = after.chars();
        match characters.next() {
            Some(unit) => spelled.take(number, zeros(unit)?)?,
            None => spelled.take_remainder(&number?)?,
        }
        rest = characters.as_str().trim_start();
    }
    spelled.total()
}

/// Digits between two units.
struct Part {
    value: Decimal,
    digits: usize,
}

impl Part {
    fn read(text: &str) -> Option<Self> {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        plain(text).map(|value| Self { value, digits })
    }
}

/// What was read so far. 万, 億 and 兆 multiply what stands before them, up to the one before; 千, 百 and 十 only their own
/// digit.
#[derive(Default)]
struct Spelled {
    total: Decimal,
    section: Option<Decimal>,
    last_large: Option<u32>,
    last_small: Option<u32>,
    /// A fraction can only be the last thing before a unit: `1.5億`, not `1.5億2000万`.
    fraction: bool,
}

impl Spelled {
    /// Takes a unit of `zeros` zeros and the number before it.
    fn take(&mut self, number: Option<Part>, zeros: u32) -> Option<()> {
        let unit = Decimal::from(10_i64.pow(zeros));
        if zeros < 4 {
            let smaller = self.last_small.is_none_or(|last| zeros < last);
            if !smaller || self.fraction {
                return None;
            }
            let number = number.map_or(Decimal::ONE, |part| part.value);
            self.admit(number, self.last_small.map(|last| last - zeros))?;
            self.section = Some(self.section.unwrap_or_default().checked_add(number.checked_mul(unit)?)?);
            self.last_small = Some(zeros);
            return Some(());
        }
        let smaller = self.last_large.is_none_or(|last| zeros < last);
        if !smaller || (self.fraction && number.is_some()) {
            return None;
        }
        let spelled = self.section.is_some();
        if let Some(part) = &number {
            self.admit(part.value, self.last_small)?;
        }
        let section = match (self.section, number) {
            (None, None) => return None,
            (section, number) => {
                section.unwrap_or_default().checked_add(number.map_or(Decimal::ZERO, |part| part.value))?
            }
        };
        // `12800万` is common; `3800千万` and `1億12800万` are mistakes.
        let most = if spelled { Some(4) } else { self.last_large.map(|last| last - zeros) };
        if most.is_some_and(|zeros| section >= Decimal::from(10_i64.pow(zeros))) {
            return None;
        }
        self.total = self.total.checked_add(section.checked_mul(unit)?)?;
        self.section = None;
        self.last_large = Some(zeros);
        self.last_small = None;
        Some(())
    }

    /// Takes the digits after the last unit. `3万500` is certain, `3万5` may be 30,005 or 35,000, and `1億2800` is mostly
    /// meant as 万.
    fn take_remainder(&mut self, number: &Part) -> Option<()> {
        let zeros = self.last_small.or(self.last_large)?;
        let certain = number.digits >= usize::try_from(zeros - 1).ok()? && number.digits > 0;
        if !certain || self.fraction {
            return None;
        }
        self.admit(number.value, Some(zeros))?;
        self.section = Some(self.section.unwrap_or_default().checked_add(number.value)?);
        Some(())
    }

    /// Notes whether `number` has a fraction, and refuses it where it would reach the unit before it.
    fn admit(&mut self, number: Decimal, zeros: Option<u32>) -> Option<()> {
        self.fraction = !number.fract().is_zero();
        let fits = zeros.is_none_or(|zeros| number < Decimal::from(10_i64.pow(zeros)));
        fits.then_some(())
    }

    fn total(self) -> Option<Decimal> {
        // `1億5千` is mostly meant as 1億5千万, so what follows 億 must come with its 万.
        let uncertain = self.section.is_some() && self.last_large.is_some_and(|last| last > 4);
        if uncertain || (self.section.is_none() && self.last_large.is_none()) {
            return None;
        }
        self.total.checked_add(self.section.unwrap_or_default())
    }
}

fn zeros(unit: char) -> Option<u32> {
    Some(match unit {
        '十' => 1,
        '百' => 2,
        '千' => 3,
        '万' | '萬' => 4,
        '億' => 8,
        '兆' => 12,
        _ => return None,
    })
}

fn digit(character: char) -> Option<char> {
    Some(match character {
        '〇' | '零' => '0',
        '一' => '1',
        '二' => '2',
        '三' => '3',
        '四' => '4',
        '五' => '5',
        '六' => '6',
        '七' => '7',
        '八' => '8',
        '九' => '9',
        _ => return None,
    })
}
