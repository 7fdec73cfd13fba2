//! Cells that were once stored wrongly, or refused though everybody reads them one way only. Each kind of fault has its test,
//! and each cell that was found its row; docs/MAPPING.md shows one or two of each kind.

mod stored_wrongly;
mod wrongly_refused;

use super::cell::Cell;
use super::page::{Expected, JAPAN, mapping_in, outcome};
use super::rejection::Code;

/// Options, and what becomes of cells under them.
type Table<'a> = &'a [(&'a str, &'a [(Raw, Expect)])];

#[derive(Debug, Clone, Copy)]
enum Raw {
    Text(&'static str),
    Number(f64),
    Bool(bool),
}

#[derive(Debug, Clone, Copy)]
enum Expect {
    /// This JSON is stored.
    Stored(&'static str),
    Refused(Code),
}

use Expect::{Refused, Stored};
use Raw::{Bool, Number, Text};

impl From<Raw> for Cell {
    fn from(raw: Raw) -> Self {
        match raw {
            Text(text) => Self::from(text),
            Number(number) => Self::Number(number),
            Bool(ticked) => Self::Bool(ticked),
        }
    }
}

fn check_in(locale: &str, table: Table) {
    let mut wrong = Vec::new();
    for (options, cases) in table {
        let mapping = mapping_in(locale, options);
        for (raw, expect) in *cases {
            let expected = match expect {
                Stored(json) => Expected::Stored((*json).to_owned()),
                Refused(code) => Expected::Rejected(*code),
            };
            let found = outcome(&mapping, &Cell::from(*raw));
            if found != expected {
                wrong.push(format!("{raw:?} under {options:?} => {found:?}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
}

fn check(table: Table) {
    check_in(JAPAN, table);
}
