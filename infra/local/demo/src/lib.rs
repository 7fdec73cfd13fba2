//! The demo: a seeded sheet of Japanese property listings as people really keep them, and the flow of `make demo`, which
//! syncs it, proves the result without the product's help, edits a few cells and syncs again.
//!
//! The generator knows the truth of every row it makes ([`Row::values`]), everything that it spoiled ([`Sheet::manifest`])
//! and the checksum that the table must have in the end ([`Sheet::expected`]). It uses no code of the product, so that
//! a mistake there cannot hide here.

mod cell;
mod checksum;
mod files;
mod flow;
mod further;
mod handwriting;
pub mod king_county;
mod listing;
mod mess;
mod sheet;
mod value;
mod vocabulary;

pub use cell::{Cell, cell_name, column_letters};
pub use checksum::{Checksum, Expected, checksum_sql};
pub use files::{FileError, TAB, serial_of_date, serial_of_moment, write_csv, write_manifest, write_xlsx};
pub use flow::{DemoError, Environment, run};
pub use listing::{CREATE_TABLE, Column, KEY_COLUMN, SYNC, TABLE};
pub use mess::{Fate, Mess, MessKind};
pub use sheet::{FIRST_ROW, Options, Row, Sheet};
pub use value::{Kind, TIME_ZONE, Value};
