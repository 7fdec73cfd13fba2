//! Numbers with 兆 億 万 千 百 十 in them, and digits in kanji. Refuses what people do not agree about, such as `3万5`.

use rust_decimal::Decimal;

use super::locale::Locale;

/// Corporate accounts count in millions: `100百万円` is not 百 hundreds but a hundred times 百万.
const MILLIONS: (&str, i64) = ("百万", 1_000_000);

/// The number that `text` spells, or nothing where it is not certain which; `locale` writes the digits in it.
pub(super) fn read(text: &str, locale: Locale) -> Option<Decimal> {
    if is_two_or_three(text) || is_mixed(text) {
        return None;
    }
    // Without a digit of the other kind in it, `千五` is a thousand and five; `3千5` may be 3,500.
    let formal = !text.contains(|character: char| character.is_ascii_digit());
    let text: String = text.chars().map(|character| digit(character).unwrap_or(character)).collect();
    if let Some(number) = locale.number(&text) {
        return Some(number);
    }
    if let Some(millions) = text.strip_suffix(MILLIONS.0).and_then(|millions| locale.number(millions.trim_end())) {
        return millions.checked_mul(MILLIONS.1.into());
    }
    let mut spelled = Spelled { formal, ..Spelled::default() };
    let mut rest = text.as_str();
    while !rest.is_empty() {
        // Digits with what stands between them, which may be a space in the locale.
        let ends = |character: char| zeros(character).is_some();
        let end = rest.find(ends).unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let number = number.trim_end();
        let number = if number.is_empty() { None } else { Some(Part::read(number, locale)?) };
        let mut characters = after.chars();
        match characters.next() {
            Some(unit) => spelled.take(number, zeros(unit)?)?,
            None => spelled.take_remainder(&number?)?,
        }
        rest = characters.as_str().trim_start();
    }
    spelled.total()
}

/// Whether two digits in kanji, one more than the other, stand alone: `二三万` is 230,000 to some and "20,000 or 30,000" to
/// others.
fn is_two_or_three(text: &str) -> bool {
    let digits = |part: &str| part.chars().filter_map(digit).collect::<Vec<char>>();
    let not_digit = |character: char| digit(character).is_none();
    text.split(not_digit)
        .map(digits)
        .any(|run| matches!(run[..], [one, next] if one != '0' && u32::from(next) == u32::from(one) + 1))
}

/// Whether digits in kanji run into others: `5三千` is no way to write 53,000.
fn is_mixed(text: &str) -> bool {
    let is_other = |character: char| character.is_ascii_digit() || matches!(character, '.' | ',');
    text.chars()
        .zip(text.chars().skip(1))
        .any(|(one, next)| (digit(one).is_some() && is_other(next)) || (is_other(one) && digit(next).is_some()))
}

/// Digits between two units.
struct Part {
    value: Decimal,
    digits: usize,
}

impl Part {
    fn read(text: &str, locale: Locale) -> Option<Self> {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        locale.number(text).map(|value| Self { value, digits })
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
    /// Nothing can follow: `12千`.
    closed: bool,
    /// Written in kanji throughout.
    formal: bool,
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
            // 千 also counts in accounts: `3,800千円`. Otherwise each has its own digit.
            let is_digit = number < Decimal::TEN && number.fract().is_zero();
            let first = self.section.is_none() && self.last_large.is_none();
            if number.is_zero() || self.closed || !(is_digit || (zeros == 3 && first)) {
                return None;
            }
            self.closed = number >= Decimal::TEN;
            self.fraction = !number.fract().is_zero();
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
            // `3千5万` is as uncertain as `3千5`, and `1億02800万` has a digit too many.
            let most = self.last_small.or(self.last_large.map(|last| last - zeros));
            let least = if self.formal { None } else { self.last_small.map(|last| last - 1) };
            let digits = u32::try_from(part.digits).ok()?;
            let is_whole = part.value.scale() == 0;
            if is_whole && (most.is_some_and(|most| digits > most) || least.is_some_and(|least| digits < least)) {
                return None;
            }
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
        let spelled_out = self.formal && self.last_small.is_some() && number.digits == 1;
        let certain = spelled_out || (number.digits >= usize::try_from(zeros - 1).ok()? && number.digits > 0);
        let is_whole = number.value.scale() == 0;
        let is_nothing = number.value.is_zero() && number.digits != usize::try_from(zeros).ok()?;
        if !certain || !is_whole || is_nothing || self.fraction || self.closed {
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
