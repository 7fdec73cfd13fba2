//! The columns beyond the usual ones, for a sheet that has grown for years: notes, flags, areas, dates, prices and lists, of
//! every type and nearly every option, `--columns 120` of them.

use jiff::ToSpan;
use jiff::civil::{date, time};
use rand::Rng;

use crate::cell::Cell;
use crate::handwriting::{typed_balance, typed_code, typed_estimate, typed_price, typed_tsubo};
use crate::listing::{Column, Entry};
use crate::value::{Kind, Value};
use crate::vocabulary::{FEATURES, SURNAMES};

/// One of the kinds of further columns.
struct Further {
    header: &'static str,
    name: &'static str,
    kind: Kind,
    form: Form,
    /// What `sheetsync.toml` says of such a column, after header and name.
    definition: &'static str,
    sql_type: &'static str,
}

/// What the further columns are, over and over.
const CYCLE: &[Further] = &[
    Further {
        header: "メモ",
        name: "memo",
        kind: Kind::Text,
        form: Form::Plain,
        definition: "type = \"text\"",
        sql_type: "text",
    },
    Further {
        header: "フラグ",
        name: "flag",
        kind: Kind::Boolean,
        form: Form::Plain,
        definition: "type = \"boolean\"\njapanese = true",
        sql_type: "boolean",
    },
    Further {
        header: "面積",
        name: "area_m2",
        kind: Kind::Decimal(2),
        form: Form::Plain,
        definition: "type = \"decimal\"\nscale = 2\nsuffixes = [\"㎡\"]",
        sql_type: "numeric(10, 2)",
    },
    Further {
        header: "確認日",
        name: "checked_on",
        kind: Kind::Date,
        form: Form::Plain,
        definition: "type = \"date\"\nera = true",
        sql_type: "date",
    },
    Further {
        header: "査定額",
        name: "valuation_yen",
        kind: Kind::Integer,
        form: Form::Price,
        definition: "type = \"integer\"\nyen = true\nnumber_words = true",
        sql_type: "bigint",
    },
    Further {
        header: "改装年月",
        name: "renovated_on",
        kind: Kind::Month,
        form: Form::Plain,
        definition: "type = \"date\"\nera = true\npartial = \"month\"\nprefixes = [\"築\"]\nsuffixes = [\"築\"]",
        sql_type: "date",
    },
    Further {
        header: "件数",
        name: "count",
        kind: Kind::Integer,
        form: Form::Plain,
        definition: "type = \"integer\"",
        sql_type: "bigint",
    },
    Further {
        header: "更新日時",
        name: "changed_at",
        kind: Kind::Timestamp,
        form: Form::Plain,
        definition: "type = \"timestamp\"",
        sql_type: "timestamptz",
    },
    Further {
        header: "概算費用",
        name: "estimate_yen",
        kind: Kind::Integer,
        form: Form::Estimate,
        definition: "type = \"integer\"\nyen = true\nnumber_words = true\napproximate = true",
        sql_type: "bigint",
    },
    Further {
        header: "収支",
        name: "balance_yen",
        kind: Kind::Integer,
        form: Form::Balance,
        definition: "type = \"integer\"\naccounting = true",
        sql_type: "bigint",
    },
    Further {
        header: "所有者郵便番号",
        name: "owner_postal_code",
        kind: Kind::Text,
        form: Form::PostalCode,
        definition: "type = \"text\"\nzero_pad = 7\nnormalize = \"nfkc\"",
        sql_type: "text",
    },
    Further {
        header: "進捗",
        name: "progress",
        kind: Kind::Text,
        form: Form::Progress,
        definition: "type = \"enum\"\nvalues = { \"成約\" = \"sold\", \"商談中\" = \"in_talks\", \"済\" = \"sold\" }\nblank_words = [\"-\", \"未定\"]",
        sql_type: "text",
    },
    Further {
        header: "敷地",
        name: "land_m2",
        kind: Kind::Decimal(2),
        form: Form::Tsubo,
        definition: "type = \"decimal\"\nscale = 2\ntsubo = true\nsuffixes = [\"㎡\"]",
        sql_type: "numeric(10, 2)",
    },
    Further {
        header: "内見開始",
        name: "viewing_from",
        kind: Kind::Time,
        form: Form::Plain,
        definition: "type = \"time\"",
        sql_type: "time",
    },
    Further {
        header: "条件",
        name: "terms",
        kind: Kind::Json,
        form: Form::Plain,
        definition: "type = \"json\"",
        sql_type: "jsonb",
    },
    Further {
        header: "特徴",
        name: "features",
        kind: Kind::Texts,
        form: Form::Plain,
        definition: "type = \"text_array\"\nseparator = \"、\"",
        sql_type: "text[]",
    },
    Further {
        header: "担当者",
        name: "agent",
        kind: Kind::Text,
        form: Form::OrTheNext,
        definition: "type = \"text\"",
        sql_type: "text",
    },
    Further {
        header: "前任者",
        name: "former_agent",
        kind: Kind::Text,
        form: Form::Surname,
        definition: "type = \"text\"",
        sql_type: "text",
    },
];

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Plain,
    Price,
    /// `約3,980万円`
    Estimate,
    /// `▲1,234`
    Balance,
    /// `0600001`, of which a number loses its zeros
    PostalCode,
    /// A word of people for a word of the table
    Progress,
    /// `25.5坪`, or ㎡
    Tsubo,
    /// A surname
    Surname,
    /// A surname; where there is none, that of the next column, whose header feeds this one too
    OrTheNext,
}

/// The first `count` further columns: `メモ1` → `x01_memo` and so on.
pub fn columns(count: usize) -> Vec<Column> {
    (0..count)
        .map(|index| {
            let Further { header, name, kind, .. } = CYCLE[index % CYCLE.len()];
            Column {
                header: format!("{header}{}", index / CYCLE.len() + 1),
                name: format!("x{:02}_{name}", index / CYCLE.len() + 1),
                kind,
            }
        })
        .collect()
}

/// The `[[sync.columns]]` of the first `count` further columns, to stand behind those of `sheetsync.toml`.
pub fn definition(count: usize) -> String {
    let columns = columns(count);
    let one = |(index, Further { form, definition, .. }): (usize, &Further)| {
        let Column { header, name, .. } = &columns[index];
        let source = match (form, columns.get(index + 1)) {
            (Form::OrTheNext, Some(next)) => format!("headers = [\"{header}\", \"{}\"]", next.header),
            _ => format!("header = \"{header}\""),
        };
        format!("\n[[sync.columns]]\n{source}\ncolumn = \"{name}\"\n{definition}\n")
    };
    (0..count).zip(CYCLE.iter().cycle()).map(one).collect()
}

/// Adds the first `count` further columns to a table.
pub fn alter_table(table: &str, count: usize) -> String {
    let added: Vec<String> = columns(count)
        .iter()
        .zip(CYCLE.iter().cycle())
        .map(|(Column { name, .. }, Further { sql_type, .. })| {
            format!("    add column if not exists {name} {sql_type}")
        })
        .collect();
    if added.is_empty() {
        return String::new();
    }
    format!("alter table public.{table}\n{};\n\nnotify pgrst, 'reload schema';\n", added.join(",\n"))
}

/// One entry for each of the first `count` further columns; a third of them are blank.
pub fn entries(count: usize, rng: &mut impl Rng) -> Vec<Entry> {
    let mut entries: Vec<Entry> = (0..count)
        .map(|index| {
            let Further { kind, form, .. } = CYCLE[index % CYCLE.len()];
            if rng.random_ratio(1, 3) {
                return blank(form, rng);
            }
            match (value(kind, form, rng), form) {
                (Value::Integer(yen), Form::Price) => Entry { value: Value::Integer(yen), cell: typed_price(yen, rng) },
                (Value::Integer(yen), Form::Estimate) => {
                    Entry { value: Value::Integer(yen), cell: typed_estimate(yen, rng) }
                }
                (Value::Integer(yen), Form::Balance) => {
                    Entry { value: Value::Integer(yen), cell: typed_balance(yen, rng) }
                }
                (Value::Text(code), Form::PostalCode) => {
                    let cell = typed_code(&code, rng);
                    Entry { value: Value::Text(code), cell }
                }
                (Value::Text(stored), Form::Progress) => {
                    let cell = typed_progress(&stored, rng);
                    Entry { value: Value::Text(stored), cell }
                }
                (Value::Decimal { units, .. }, Form::Tsubo) if rng.random_ratio(1, 2) => {
                    Entry { value: Value::hundredths(square_metres(units)), cell: typed_tsubo(units, rng) }
                }
                (value, _) => Entry::typed(value, kind, rng),
            }
        })
        .collect();
    for index in 1..count {
        if CYCLE[(index - 1) % CYCLE.len()].form == Form::OrTheNext && entries[index - 1].value == Value::Null {
            entries[index - 1].value = entries[index].value.clone();
        }
    }
    entries
}

/// 坪 as ㎡, both in hundredths: one is 400/121 of the other.
fn square_metres(tsubo: i64) -> i64 {
    (tsubo * 800 + 121) / 242
}

/// Nothing, or what people write for it where the definition knows the word.
fn blank(form: Form, rng: &mut impl Rng) -> Entry {
    let cell = match (form, rng.random_range(0..3u32)) {
        (Form::Progress, 0) => Cell::text("-"),
        (Form::Progress, 1) => Cell::text("未定"),
        _ => Cell::Blank,
    };
    Entry { value: Value::Null, cell }
}

/// The word of the table for each of the words of people.
const PROGRESS: [(&str, &str); 3] = [("成約", "sold"), ("済", "sold"), ("商談中", "in_talks")];

fn typed_progress(stored: &str, rng: &mut impl Rng) -> Cell {
    let words: Vec<&str> = PROGRESS.iter().filter(|(_, value)| *value == stored).map(|(word, _)| *word).collect();
    Cell::text(words[rng.random_range(0..words.len() as u32) as usize])
}

fn value(kind: Kind, form: Form, rng: &mut impl Rng) -> Value {
    match kind {
        Kind::Text if form == Form::PostalCode => Value::Text(format!("{:07}", rng.random_range(10_000..9_999_999u32))),
        Kind::Text if form == Form::Progress => Value::text(PROGRESS[rng.random_range(0..3u32) as usize].1),
        Kind::Text if matches!(form, Form::Surname | Form::OrTheNext) => {
            Value::text(SURNAMES[rng.random_range(0..SURNAMES.len() as u32) as usize])
        }
        Kind::Text => Value::Text(format!("控え{}\n({})", rng.random_range(1..1_000u32), rng.random_range(1..9u32))),
        Kind::Boolean => Value::Boolean(rng.random_ratio(1, 2)),
        Kind::Decimal(_) => Value::hundredths(rng.random_range(100..50_000i64)),
        Kind::Integer if form == Form::Balance => Value::Integer(rng.random_range(-900_000..900_000i64)),
        Kind::Integer if matches!(form, Form::Price | Form::Estimate) => {
            Value::Integer(rng.random_range(100..9_000i64) * 100_000)
        }
        Kind::Integer => Value::Integer(rng.random_range(0..5_000i64)),
        Kind::Month => Value::Date(date(rng.random_range(1990..=2025i16), rng.random_range(1..=12i8), 1)),
        Kind::Date => Value::Date(date(2019, 1, 1).saturating_add(rng.random_range(0..2_400i32).days())),
        Kind::Timestamp => {
            let day = date(2022, 1, 1).saturating_add(rng.random_range(0..1_400i32).days());
            Value::Timestamp(day.at(rng.random_range(0..24i8), rng.random_range(0..60i8), 0, 0))
        }
        Kind::Time => Value::Time(time(rng.random_range(0..24i8), rng.random_range(0..4i8) * 15, 0, 0)),
        Kind::Json => {
            let (fee, people) = (rng.random_range(0..90u32) * 1_000, rng.random_range(1..6u32));
            Value::Json(format!(r#"{{"fee": {fee}, "people": {people}}}"#))
        }
        Kind::Texts => {
            let first = rng.random_range(0..FEATURES.len() as u32) as usize;
            let count = rng.random_range(1..=3u32) as usize;
            Value::Texts(FEATURES.iter().cycle().skip(first).take(count).map(|feature| (*feature).to_owned()).collect())
        }
    }
}
