//! Reads a text from left to right; what dates and times are read with.

/// What is left of a text.
#[derive(Clone, Copy)]
pub(super) struct Scan<'t> {
    pub(super) rest: &'t str,
}

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text }
    }

    /// Takes the digits at the front and says what they count to and how many there are; nothing unless there are
    /// between one and nine.
    pub(super) fn digits(&mut self) -> Option<(u32, usize)> {
        let count = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        if !(1..=9).contains(&count) {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        Some((digits.parse().ok()?, count))
    }

    /// Takes a number of one or two digits, or nothing at all: `9時300` must not be read as 9 o'clock.
    pub(super) fn small(&mut self) -> Option<i8> {
        let mut ahead = *self;
        let (number, count) = ahead.digits()?;
        if count > 2 {
            return None;
        }
        *self = ahead;
        i8::try_from(number).ok()
    }

    /// Takes `text` if it comes next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes `text` and the white space before it, or nothing.
    pub(super) fn eat_spaced(&mut self, text: &str) -> bool {
        let mut ahead = *self;
        ahead.space();
        let found = ahead.eat(text);
        if found {
            *self = ahead;
        }
        found
    }

    /// Takes the first of `texts` that comes next, and says which.
    pub(super) fn eat_any(&mut self, texts: &[&str]) -> Option<usize> {
        texts.iter().position(|text| self.eat(text))
    }

    /// Takes white space, and says whether there was any.
    pub(super) fn space(&mut self) -> bool {
        let before = self.rest.len();
        self.rest = self.rest.trim_start();
        self.rest.len() < before
    }

    pub(super) fn is_done(self) -> bool {
        self.rest.is_empty()
    }
}
