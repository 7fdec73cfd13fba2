//! The sheet as a whole: the same for the same seed on every machine, row by row, of any length. Row 7 of a sheet of
//! 1,000 rows is row 7 of a sheet of a million, so a sheet grows without changing.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::cell::{Cell, cell_name};
use crate::checksum::Expected;
use crate::further;
use crate::listing::{self, Column, Entry, listing};
use crate::mess::{BLOCK_ROWS, Fate, Mess, MessKind, Spoil, plan_block};
use crate::value::{Kind, Value};

/// The sheet row of the first listing; the headers stand in row 1.
pub const FIRST_ROW: u32 = 2;

/// Which sheet to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Equal seeds make equal sheets.
    pub seed: u64,
    /// Rows below the headers, the blank ones included.
    pub rows: u32,
    /// Columns in all; fewer than the usual 22 are not possible and mean 22.
    pub columns: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, rows: 1_000, columns: 0 }
    }
}

/// A generated sheet. It holds no rows: they are made when asked for.
#[derive(Debug, Clone)]
pub struct Sheet {
    options: Options,
    columns: Vec<Column>,
    usual_columns: usize,
}

/// One row below the headers.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its number in the sheet, the headers being row 1.
    pub number: u32,
    /// What stands in it.
    pub cells: Vec<Cell>,
    /// What it means, column by column; of a row that is not [`Fate::Kept`] nothing may arrive.
    pub values: Vec<Value>,
    /// What a sync must make of it.
    pub fate: Fate,
    /// What is wrong with it.
    pub mess: Vec<Mess>,
}

impl Sheet {
    /// The sheet of these options.
    pub fn new(options: Options) -> Self {
        let mut columns = listing::columns();
        let usual_columns = columns.len();
        columns.extend(further::columns(options.columns.saturating_sub(usual_columns)));
        Self { options, columns, usual_columns }
    }

    /// The columns from left to right.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The place of a column of the table in the sheet, counted from 0.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The `[[sync.columns]]` of the columns beyond the usual ones, to stand behind those of `sheetsync.toml`.
    pub fn further_definition(&self) -> String {
        further::definition(self.columns.len() - self.usual_columns)
    }

    /// SQL that adds the columns beyond the usual ones to the demo's table.
    pub fn further_columns_sql(&self) -> String {
        further::alter_table(listing::TABLE, self.columns.len() - self.usual_columns)
    }

    /// All rows from top to bottom.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        let mut plan = (None, Vec::new());
        (0..self.options.rows).map(move |index| {
            let block = index / BLOCK_ROWS;
            if plan.0 != Some(block) {
                plan = (Some(block), self.plan(block));
            }
            self.row(index, &plan.1)
        })
    }

    /// A clean row that would stand below the last one if the sheet had one more.
    pub fn row_below(&self) -> Row {
        self.row(self.options.rows, &[])
    }

    /// Everything that is wrong in the sheet, from top to bottom.
    pub fn manifest(&self) -> impl Iterator<Item = Mess> {
        self.rows().flat_map(|row| row.mess)
    }

    /// What the table must hold once the sheet is in it.
    pub fn expected(&self) -> Expected {
        let mut expected = Expected::default();
        for row in self.rows().filter(|row| row.fate == Fate::Kept) {
            expected.insert(&row.values);
        }
        expected
    }

    fn row(&self, index: u32, plan: &[(u32, Spoil)]) -> Row {
        let mut rng = self.random(u64::from(index) * 2);
        let further_columns = self.columns.len() - self.usual_columns;
        let mut entries = listing(&key(self.options.seed, index), &mut rng);
        entries.extend(further::entries(further_columns, &mut rng));
        let (values, cells) = entries.into_iter().map(|Entry { value, cell }| (value, cell)).unzip();

        let mut row = Row { number: index + FIRST_ROW, cells, values, fate: Fate::Kept, mess: Vec::new() };
        let offset = index % BLOCK_ROWS;
        if let Some((_, spoil)) = plan.iter().find(|(spoiled, _)| *spoiled == offset) {
            self.spoil(&mut row, spoil);
        }
        row
    }

    fn spoil(&self, row: &mut Row, spoil: &Spoil) {
        match spoil {
            Spoil::Cell { kind, column, text, fate } => {
                let Some(position) = self.position(column) else { return };
                row.cells[position] = Cell::text(*text);
                row.values[position] = Value::text(*text);
                row.fate = *fate;
                self.note(row, position, *kind);
            }
            Spoil::BlankKey => {
                row.cells[0] = Cell::Blank;
                row.fate = Fate::Skipped;
                self.note(row, 0, MessKind::BlankKey);
            }
            Spoil::BlankRow => {
                row.cells.fill(Cell::Blank);
                row.fate = Fate::Ignored;
                self.note(row, 0, MessKind::BlankRow);
            }
            Spoil::DuplicateKey { first, second } => {
                let index = row.number - FIRST_ROW;
                let block_start = index - index % BLOCK_ROWS;
                // The last block may end between the two: then the first is alone and nothing is wrong with it.
                if block_start + second >= self.options.rows {
                    return;
                }
                let shared = key(self.options.seed, block_start + first);
                row.cells[0] = Cell::text(&shared);
                row.values[0] = Value::Text(shared);
                row.fate = Fate::Rejected;
                self.note(row, 0, MessKind::DuplicateKey);
            }
        }
    }

    fn note(&self, row: &mut Row, position: usize, kind: MessKind) {
        row.mess.push(Mess {
            row: row.number,
            header: self.columns[position].header.clone(),
            cell: cell_name(position, row.number),
            kind,
            raw: row.cells[position].to_csv(),
            fate: row.fate,
        });
    }

    fn plan(&self, block: u32) -> Vec<(u32, Spoil)> {
        let further: Vec<(&str, Kind)> =
            self.columns[self.usual_columns..].iter().map(|column| (column.name.as_str(), column.kind)).collect();
        plan_block(&further, &mut self.random(u64::from(block) * 2 + 1))
    }

    /// Every row and every block has a stream of its own, so that each can be made without those before it.
    fn random(&self, stream: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.options.seed);
        rng.set_stream(stream);
        rng
    }
}

/// The key of a row: `AA00000` to `ZZ99999`, different for each of the first 67,600,000 rows, and in no order that a sheet
/// could be sorted by. The step shares no factor with the number of keys, so no key comes twice.
fn key(seed: u64, index: u32) -> String {
    const KEYS: u64 = 26 * 26 * 100_000;
    const STEP: u64 = 41_779_903;
    let number = (u64::from(index) * STEP + seed % KEYS * 7) % KEYS;
    let letter = |place: u64| char::from(b'A' + (place % 26) as u8);
    let prefix = number / 100_000;
    format!("{}{}{:05}", letter(prefix / 26), letter(prefix), number % 100_000)
}
