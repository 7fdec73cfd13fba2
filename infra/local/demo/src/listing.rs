//! One property listing: the truth about it, and how its agent typed that into the sheet.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use rand::Rng;

use crate::cell::Cell;
use crate::handwriting::{typed, typed_price};
use crate::value::{Kind, Value};
use crate::vocabulary::{
    AGENTS, BUILDING_BRANDS, BUILDING_KINDS, DEALINGS, LAYOUTS, OCCUPANCIES, PLACES, Place, REMARKS, STRUCTURES,
    SURNAMES,
};

/// The sync that the demo runs; `sheetsync.toml` defines it.
pub const SYNC: &str = "listings";

/// The table that the demo's sheet goes to.
pub const TABLE: &str = "property_listings";

/// Creates the table.
pub const CREATE_TABLE: &str = include_str!("../property_listings.sql");

/// A column of the sheet and the column of the table that it feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The header in the sheet, with its line break if it has one.
    pub header: String,
    /// The column's name in the table.
    pub name: String,
    /// The column's type in the table.
    pub kind: Kind,
}

/// The table's name of the key column, which is the first column of the sheet.
pub const KEY_COLUMN: &str = "listing_no";

/// The columns that every demo sheet has, in the order of the sheet.
const COLUMNS: &[(&str, &str, Kind)] = &[
    ("物件番号", KEY_COLUMN, Kind::Text),
    ("物件名", "building_name", Kind::Text),
    ("所在地", "address", Kind::Text),
    ("郵便番号", "postal_code", Kind::Text),
    ("最寄駅", "nearest_station", Kind::Text),
    ("徒歩（分）", "walk_minutes", Kind::Integer),
    ("売買価格", "price_yen", Kind::Integer),
    ("管理費", "monthly_fee_yen", Kind::Integer),
    ("専有面積", "area_m2", Kind::Decimal(2)),
    ("間取り", "layout", Kind::Text),
    ("構造", "structure", Kind::Text),
    ("築年月", "built_on", Kind::Month),
    ("所在階", "floor", Kind::Integer),
    ("総階数", "total_floors", Kind::Integer),
    ("駐車場", "has_parking", Kind::Boolean),
    ("現況", "occupancy", Kind::Text),
    ("引渡可能日", "available_on", Kind::Date),
    ("取引態様", "dealing", Kind::Text),
    ("会社名\n（連絡先も）", "contact", Kind::Text),
    ("電話番号", "phone", Kind::Text),
    ("掲載日", "listed_at", Kind::Timestamp),
    ("備考", "notes", Kind::Text),
];

/// The columns that every demo sheet has, in the order of the sheet.
pub fn columns() -> Vec<Column> {
    COLUMNS
        .iter()
        .map(|&(header, name, kind)| Column { header: header.to_owned(), name: name.to_owned(), kind })
        .collect()
}

/// What a cell means, and what was typed into it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What the table must hold for it.
    pub value: Value,
    /// What stands in the sheet.
    pub cell: Cell,
}

impl Entry {
    /// A value typed in one of the ways in which people type values of this kind.
    pub fn typed(value: Value, kind: Kind, rng: &mut impl Rng) -> Self {
        let cell = typed(&value, kind, rng);
        Self { value, cell }
    }
}

/// The listing with this key: one entry for each of [`columns`].
pub fn listing(key: &str, rng: &mut impl Rng) -> Vec<Entry> {
    let place = &PLACES[below(rng, PLACES.len())];
    let is_house = one_in(rng, 6);
    let total_floors = if is_house { rng.random_range(1..=3i64) } else { rng.random_range(3..=45i64) };
    let structure = if is_house { "木造" } else { pick(rng, STRUCTURES) };

    // One line a column, in the order of `COLUMNS`; a type is given where the way of typing depends on it.
    let values = [
        Value::text(key),
        building_name(is_house, rng),
        Value::text(format!(
            "{}{}-{}-{}",
            place.address,
            rng.random_range(1..9u32),
            rng.random_range(1..31u32),
            rng.random_range(1..20u32)
        )),
        Value::Null, // the postal code has its own ways of being typed, see below
        if one_in(rng, 10) { Value::Null } else { Value::text(place.station) },
        Value::Integer(rng.random_range(1..=25)),
        Value::Integer(price_yen(rng)),
        if is_house { Value::Null } else { Value::Integer(rng.random_range(30..400i64) * 100) },
        Value::hundredths(if one_in(rng, 8) {
            rng.random_range(20..140i64) * 100
        } else {
            rng.random_range(2_000..14_000i64)
        }),
        Value::text(pick(rng, LAYOUTS)),
        Value::text(structure),
        Value::Date(date(rng.random_range(1968..=2024i16), rng.random_range(1..=12i8), 1)),
        if is_house { Value::Null } else { Value::Integer(rng.random_range(1..=total_floors)) },
        Value::Integer(total_floors),
        if one_in(rng, 12) { Value::Null } else { Value::Boolean(rng.random_ratio(1, 2)) },
        Value::text(pick(rng, OCCUPANCIES)),
        if one_in(rng, 5) { Value::Null } else { Value::Date(some_day(date(2023, 10, 1), 900, rng)) },
        Value::text(pick(rng, DEALINGS)),
        Value::text(format!("{}\n担当：{}", pick(rng, AGENTS), pick(rng, SURNAMES))),
        phone(place, rng),
        Value::Timestamp(some_day(date(2023, 1, 4), 1_000, rng).at(
            rng.random_range(8..20i8),
            rng.random_range(0..60i8),
            0,
            0,
        )),
        if one_in(rng, 4) { Value::Null } else { Value::text(pick(rng, REMARKS)) },
    ];

    COLUMNS
        .iter()
        .zip(values)
        .map(|(&(_, name, kind), value)| match (name, value) {
            ("price_yen", Value::Integer(yen)) => Entry { value: Value::Integer(yen), cell: typed_price(yen, rng) },
            ("postal_code", _) => postal_code(place, rng),
            (_, value) => Entry::typed(value, kind, rng),
        })
        .collect()
}

fn building_name(is_house: bool, rng: &mut impl Rng) -> Value {
    if is_house {
        return Value::text("戸建て");
    }
    let name = format!("{}{}", pick(rng, BUILDING_BRANDS), pick(rng, BUILDING_KINDS));
    Value::text(if one_in(rng, 3) { format!("{name} {}号館", rng.random_range(1..5u32)) } else { name })
}

/// Mostly a whole number of 10万円, from 5,800,000 to some 400 million; one in thirty to the yen.
fn price_yen(rng: &mut impl Rng) -> i64 {
    let steps = if one_in(rng, 5) { rng.random_range(1_000..4_000i64) } else { rng.random_range(58..1_000i64) };
    if one_in(rng, 30) { steps * 100_000 + rng.random_range(1..10_000i64) } else { steps * 100_000 }
}

/// `155-0031`, or the digits alone, as text or as a number: a number loses the leading zeros,
/// so the generator types none where there are any. The table must hold the digits as they were typed, not `1550031.0`.
fn postal_code(place: &Place, rng: &mut impl Rng) -> Entry {
    let (district, area) = (place.postal, rng.random_range(1..100u32));
    let digits = format!("{district}{area:04}");
    match rng.random_range(0..6u32) {
        0 if !digits.starts_with('0') => {
            Entry { cell: Cell::Number(digits.parse().unwrap_or_default()), value: Value::Text(digits) }
        }
        _ => {
            let text = format!("{district}-{area:04}");
            Entry { cell: Cell::text(&text), value: Value::Text(text) }
        }
    }
}

/// `03-0123-4567`, or `0301234567`, which is text all the same: its leading zero must arrive.
fn phone(place: &Place, rng: &mut impl Rng) -> Value {
    if one_in(rng, 25) {
        return Value::Null;
    }
    let exchange_digits = 6 - place.area_code.len();
    let exchange = rng.random_range(0..10u32.pow(exchange_digits as u32 - 1));
    let line = rng.random_range(0..10_000u32);
    let separator = if one_in(rng, 6) { "" } else { "-" };
    let width = exchange_digits - 1;
    Value::Text(format!("{}{separator}0{exchange:0width$}{separator}{line:04}", place.area_code))
}

fn some_day(first: Date, days: i32, rng: &mut impl Rng) -> Date {
    first.saturating_add(rng.random_range(0..days).days())
}

fn one_in(rng: &mut impl Rng, n: u32) -> bool {
    rng.random_ratio(1, n)
}

fn pick(rng: &mut impl Rng, words: &[&'static str]) -> &'static str {
    words[below(rng, words.len())]
}

/// An index below `len`, drawn as 32 bits so that a 32-bit machine draws the same.
fn below(rng: &mut impl Rng, len: usize) -> usize {
    rng.random_range(0..len as u32) as usize
}
