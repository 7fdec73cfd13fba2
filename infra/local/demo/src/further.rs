//! The columns beyond the usual ones, for a sheet that has grown for years: notes, flags, areas, dates and prices of
//! every type, `--columns 120` of them.

use jiff::ToSpan;
use jiff::civil::date;
use rand::Rng;

use crate::handwriting::typed_price;
use crate::listing::{Column, Entry};
use crate::value::{Kind, Value};

/// What the further columns are, over and over: (header, name, type, is a price).
const CYCLE: &[(&str, &str, Kind, Form)] = &[
    ("メモ", "memo", Kind::Text, Form::Plain),
    ("フラグ", "flag", Kind::Boolean, Form::Plain),
    ("面積", "area_m2", Kind::Decimal(2), Form::Plain),
    ("確認日", "checked_on", Kind::Date, Form::Plain),
    ("査定額", "valuation_yen", Kind::Integer, Form::Price),
    ("改装年月", "renovated_on", Kind::Month, Form::Plain),
    ("件数", "count", Kind::Integer, Form::Plain),
    ("更新日時", "changed_at", Kind::Timestamp, Form::Plain),
];

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Plain,
    Price,
}

/// The first `count` further columns: `メモ1` → `x01_memo` and so on.
pub fn columns(count: usize) -> Vec<Column> {
    (0..count)
        .map(|index| {
            let (header, name, kind, _) = CYCLE[index % CYCLE.len()];
            Column {
                header: format!("{header}{}", index / CYCLE.len() + 1),
                name: format!("x{:02}_{name}", index / CYCLE.len() + 1),
                kind,
            }
        })
        .collect()
}

/// One entry for each of the first `count` further columns; a third of them are blank.
pub fn entries(count: usize, rng: &mut impl Rng) -> Vec<Entry> {
    (0..count)
        .map(|index| {
            let (_, _, kind, form) = CYCLE[index % CYCLE.len()];
            let value = if rng.random_ratio(1, 3) { Value::Null } else { value(kind, form, rng) };
            match value {
                Value::Integer(yen) if form == Form::Price => {
                    Entry { value: Value::Integer(yen), cell: typed_price(yen, rng) }
                }
                value => Entry::typed(value, kind, rng),
            }
        })
        .collect()
}

fn value(kind: Kind, form: Form, rng: &mut impl Rng) -> Value {
    match kind {
        Kind::Text => Value::Text(format!("控え{}\n({})", rng.random_range(1..1_000u32), rng.random_range(1..9u32))),
        Kind::Boolean => Value::Boolean(rng.random_ratio(1, 2)),
        Kind::Decimal(_) => Value::hundredths(rng.random_range(100..50_000i64)),
        Kind::Integer if form == Form::Price => Value::Integer(rng.random_range(100..9_000i64) * 100_000),
        Kind::Integer => Value::Integer(rng.random_range(0..5_000i64)),
        Kind::Month => Value::Date(date(rng.random_range(1990..=2025i16), rng.random_range(1..=12i8), 1)),
        Kind::Date => Value::Date(date(2019, 1, 1).saturating_add(rng.random_range(0..2_400i32).days())),
        Kind::Timestamp => {
            let day = date(2022, 1, 1).saturating_add(rng.random_range(0..1_400i32).days());
            Value::Timestamp(day.at(rng.random_range(0..24i8), rng.random_range(0..60i8), 0, 0))
        }
    }
}
