//! One spreadsheet of the trial: a tab of all columns, its table and its definition; and what three runs of it must leave behind.
//! Every cell that must be stored is in a row of such cells; every other is in a row of its own, or shares it with some.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sheetsync_tests::{Run, Sync, TAB};

use crate::cell::{Cell, Entry, Fate};
use crate::columns::{COLUMNS, Column};
use crate::draw::Draw;

/// Rows of cells that must all be stored.
const GOOD_ROWS: usize = 80;
/// Cells of each column that must be refused.
const REFUSED_CELLS: usize = 5;
/// After so many draws a column has as many refused cells as it can have.
const DRAWS: usize = 4_000;

/// A row of the tab; the key is in the column A.
struct Row {
    key: Cell,
    cells: Vec<Cell>,
}

impl Row {
    fn is_refused(&self) -> bool {
        self.all().any(|cell| cell.fate == Fate::Refused)
    }

    fn all(&self) -> impl Iterator<Item = &Cell> {
        std::iter::once(&self.key).chain(&self.cells)
    }
}

pub struct World {
    seed: u64,
    round: u64,
    locale: &'static str,
    zone: &'static str,
    columns: Vec<&'static Column>,
    rows: Vec<Row>,
}

/// What a world found.
pub struct Outcome {
    pub cells: usize,
    pub refused: usize,
    pub wrong: Vec<String>,
}

impl World {
    /// Draws the round-th world of a seed, which is always the same.
    pub fn draw(seed: u64, round: u64) -> Self {
        let mut draw = Draw::new(seed, round);
        let columns: Vec<&Column> = COLUMNS.iter().filter(|column| column.is_in(draw.locale)).collect();
        let mut good = Vec::new();
        let mut refused = Vec::new();
        // In the rows of the refused cells, the others must not be refused along with them.
        let wanted = GOOD_ROWS + columns.len() * REFUSED_CELLS + REFUSED_CELLS;
        for column in &columns {
            let (stored, bad) = cells_of(&mut draw, column, wanted);
            good.push(stored.into_iter());
            refused.push(bad);
        }
        let mut rows = Vec::new();
        let mut row_of = |draw: &mut Draw, bad: &[(usize, Cell)]| {
            let mut cells: Vec<Cell> = good.iter_mut().filter_map(Iterator::next).collect();
            for (column, cell) in bad {
                cells[*column] = cell.clone();
            }
            let key = key(draw, rows.len());
            rows.push(Row { key, cells });
        };
        for _ in 0..GOOD_ROWS {
            row_of(&mut draw, &[]);
        }
        // Of most columns, one shares its row with those of seven others.
        let mut shared = Vec::new();
        for (place, cells) in refused.into_iter().enumerate() {
            for (index, cell) in cells.into_iter().enumerate() {
                if index == 0 && columns[place].is_checked_before() {
                    shared.push((place, cell));
                } else {
                    row_of(&mut draw, &[(place, cell)]);
                }
            }
        }
        for some in shared.chunks(8) {
            row_of(&mut draw, some);
        }
        for last in (1..rows.len()).rev() {
            let other = draw.below(last + 1);
            rows.swap(last, other);
        }
        Self { seed, round, locale: draw.locale.name, zone: draw.zone.name, columns, rows }
    }

    /// Puts it into the sheet, runs it three times, and holds the table and the rejections against what is known.
    pub async fn play(&self) -> Result<Outcome> {
        let sync = Sync::named("trial").create().await?;
        self.create_table(&sync).await?;
        self.load(&sync).await?;
        sync.define(&self.definition(&sync))?;

        let good = self.rows.iter().filter(|row| !row.is_refused()).count() as i64;
        let total = self.rows.len() as i64;
        let mut wrong = Vec::new();
        let first = sync.run().await?;
        first.assert_adds_up();
        wrong.extend(self.wrong_values(&sync).await?);
        wrong.extend(self.wrong_rejections(&sync).await?);
        if wrong.is_empty() {
            let did = (first.status.as_str(), first.total_rows, first.inserted, first.rejected);
            assert_eq!(did, ("partial", total, good, total - good), "{first:?}");
        }

        // Nothing may be written again: whatever the first run left is what it would write now.
        let left = first.inserted;
        let versions = versions(&sync).await?;
        for run_type in ["manual", "full"] {
            let again = sync.run_type(run_type).await?;
            again.assert_adds_up();
            wrong.extend(self.written_again(run_type, &again, left));
            let now = self::versions(&sync).await?;
            for (key, version) in &versions {
                if now.get(key) != Some(version) {
                    wrong.push(format!("{}: a {run_type} run wrote the row {key:?} again", self.name()));
                }
            }
            wrong.extend(self.wrong_rejections(&sync).await?);
        }
        let refused = self.rows.iter().flat_map(Row::all).filter(|cell| cell.fate == Fate::Refused).count();
        Ok(Outcome { cells: self.rows.len() * (self.columns.len() + 1), refused, wrong })
    }

    fn name(&self) -> String {
        format!("TRIAL_SEED={} TRIAL_ROUND={} ({}, {})", self.seed, self.round, self.locale, self.zone)
    }

    async fn create_table(&self, sync: &Sync) -> Result<()> {
        let stage = format!("public.{}_stage", sync.table);
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("{} {}", column.name, column.table_type.replace("stage", &stage)))
            .collect();
        let table = cells_table(sync);
        sync.database
            .batch_execute(&format!(
                "create type {stage} as enum ('sad', 'ok', 'happy');
                 create table public.{table} (key text primary key, {});
                 grant select, insert, update, delete on public.{table} to service_role;
                 set timezone = 'UTC'; set intervalstyle = 'postgres'; set datestyle = 'ISO';",
                columns.join(", ")
            ))
            .await?;
        Ok(())
    }

    async fn load(&self, sync: &Sync) -> Result<()> {
        let mut rows = vec![
            std::iter::once("key").chain(self.columns.iter().map(|column| column.name)).map(Value::from).collect(),
        ];
        let mut edits = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            let mut values: Vec<Value> = Vec::new();
            for (column, cell) in row.all().enumerate() {
                let range = format!("'{TAB}'!{}", address(column, index));
                values.push(match &cell.entry {
                    Entry::Raw(value) => value.clone(),
                    Entry::Typed(text) => {
                        edits.push(
                            json!({"set": {"range": range, "values": [[text]], "valueInputOption": "USER_ENTERED"}}),
                        );
                        Value::Null
                    }
                    Entry::Formatted(number, pattern) => {
                        edits.push(json!({"format": {"range": range, "pattern": pattern}}));
                        json!(number)
                    }
                });
            }
            rows.push(values);
        }
        let tab = json!({"title": TAB, "rows": rows});
        sync.sheet.load(json!({"locale": self.locale, "timeZone": self.zone, "tabs": [tab]})).await?;
        sync.sheet.edit(json!(edits), 0).await
    }

    fn definition(&self, sync: &Sync) -> String {
        let mut text = format!(
            "[[sync]]\nname = {:?}\nspreadsheet = {:?}\ntable = {:?}\ntab = {TAB:?}\nkey = [\"key\"]\n
             [[sync.columns]]\nheader = \"key\"\ncolumn = \"key\"\n",
            sync.name,
            sync.sheet.id,
            cells_table(sync)
        );
        for column in &self.columns {
            let Column { name, options, .. } = column;
            text += &format!("[[sync.columns]]\nheader = {name:?}\ncolumn = {name:?}\n{options}\n");
        }
        text
    }

    /// The cells whose value in the table is another than the known one.
    async fn wrong_values(&self, sync: &Sync) -> Result<Vec<String>> {
        let columns: Vec<String> = self.columns.iter().map(|column| column.as_text()).collect();
        let sql = format!("select key, array[{}] from public.{}", columns.join(", "), cells_table(sync));
        let mut stored: BTreeMap<String, Vec<Option<String>>> =
            sync.database.query(&sql, &[]).await?.iter().map(|row| (row.get(0), row.get(1))).collect();
        let reported = self.reported(sync).await?;
        let mut wrong = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            let Fate::Stored(key) = &row.key.fate else { continue };
            let values = stored.remove(key);
            match (values, row.is_refused()) {
                (None, true) => {}
                (None, false) => {
                    let is_reported =
                        (0..=self.columns.len()).any(|column| reported.contains_key(&address(column, index)));
                    if !is_reported {
                        wrong.push(format!(
                            "{}: the row {key:?} is missing, and no cell of it is rejected",
                            self.name()
                        ));
                    }
                }
                (Some(values), _) => {
                    for (column, (cell, value)) in row.cells.iter().zip(values).enumerate() {
                        let found = value.map_or(Fate::Null, Fate::Stored);
                        if found != cell.fate {
                            wrong.push(self.describe(column + 1, index, &format!("{found:?}")));
                        }
                    }
                }
            }
        }
        wrong.extend(
            stored.keys().map(|key| format!("{}: no row of the sheet has the key {key:?} of the table", self.name())),
        );
        Ok(wrong)
    }

    /// The open rejections by their cells.
    async fn reported(&self, sync: &Sync) -> Result<BTreeMap<String, String>> {
        let sql =
            "select cell, code || ': ' || message from public.sync_errors where sync = $1 and resolved_at is null";
        let reported = sync.database.query(sql, &[&sync.name]).await?;
        reported
            .iter()
            .map(|row| Ok((row.get::<_, Option<String>>(0).context("a rejection without a cell")?, row.get(1))))
            .collect()
    }

    /// The cells that are rejected and must not be, and those that are not and must be.
    async fn wrong_rejections(&self, sync: &Sync) -> Result<Vec<String>> {
        let mut reported = self.reported(sync).await?;
        let mut wrong = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            for (column, cell) in row.all().enumerate() {
                match (reported.remove(&address(column, index)), &cell.fate) {
                    (Some(message), fate) if *fate != Fate::Refused => {
                        wrong.push(self.describe(column, index, &format!("the rejection {message}")));
                    }
                    (None, Fate::Refused) => wrong.push(self.describe(column, index, "no rejection")),
                    _ => {}
                }
            }
        }
        wrong.extend(
            reported
                .into_iter()
                .map(|(cell, message)| format!("{}: {cell} is not of the trial: {message}", self.name())),
        );
        Ok(wrong)
    }

    /// A run that writes nothing sends nothing, but for the rows that Postgres refused: those are tried again.
    fn written_again(&self, run_type: &str, run: &Run, left: i64) -> Option<String> {
        let refused_by_postgres = self
            .rows
            .iter()
            .flat_map(|row| row.cells.iter().zip(&self.columns))
            .filter(|(cell, column)| cell.fate == Fate::Refused && !column.is_checked_before())
            .count() as i64;
        let changed = run.inserted + run.updated + run.deleted + run.conflict + run.failed;
        let sends = run.rows_sent > refused_by_postgres && run_type != "full";
        let is_wrong = changed > 0 || run.unchanged != left || sends;
        is_wrong.then(|| format!("{}: a {run_type} run is not without changes: {run:?}", self.name()))
    }

    /// A wrong cell with all that is needed to see why.
    fn describe(&self, column: usize, row: usize, found: &str) -> String {
        let cell = self.rows[row].all().nth(column);
        let (entry, fate) = cell
            .map_or((String::new(), String::new()), |cell| (format!("{:?}", cell.entry), format!("{:?}", cell.fate)));
        let (name, table_type, options) = match column {
            0 => ("key", "text", "type = 'text'"),
            _ => (self.columns[column - 1].name, self.columns[column - 1].table_type, self.columns[column - 1].options),
        };
        let options = options.replace('\n', ", ");
        format!(
            "{}: {} {name} ({options}) over {table_type}: {entry} must be {fate}, found {found}",
            self.name(),
            address(column, row)
        )
    }
}

/// Cells of a column: those that must be stored, and those that must be refused.
fn cells_of(draw: &mut Draw, column: &Column, wanted: usize) -> (Vec<Cell>, Vec<Cell>) {
    let (mut stored, mut refused) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    let mut draws = 0;
    while stored.len() < wanted || (refused.len() < REFUSED_CELLS && draws < DRAWS) {
        draws += 1;
        let has_own_blanks = ["with_default", "no_blank", "no_error"].contains(&column.name);
        let cell = match draw.below(60) {
            0 if !has_own_blanks => Cell::blank(),
            1 if !has_own_blanks => {
                let error = draw.pick(&["=NA()", "=1/0", "#REF!", "#VALUE!"]);
                Cell::typed(error, "").refused()
            }
            _ => (column.draw)(draw),
        };
        if cell.fate != Fate::Refused {
            stored.push(cell);
        } else if refused.len() < REFUSED_CELLS && seen.insert(format!("{:?}", cell.entry)) {
            refused.push(cell);
        }
    }
    (stored, refused)
}

/// A key of its own for each row: a text between invisible characters, or a number.
fn key(draw: &mut Draw, number: usize) -> Cell {
    match draw.below(5) {
        0 => Cell::number((1_000_000 + number) as f64, format!("{}", 1_000_000 + number)),
        1 => Cell::text(format!("\u{200b} K-{number}\u{3000}\u{feff}"), format!("K-{number}")),
        _ => Cell::text(format!("鍵{number}"), format!("鍵{number}")),
    }
}

/// The table's name.
fn cells_table(sync: &Sync) -> String {
    format!("{}_cells", sync.table)
}

/// The address of a cell; the headers are in row 1.
fn address(column: usize, row: usize) -> String {
    let letter = |index: usize| char::from(b'A' + (index % 26) as u8);
    match column {
        0..26 => format!("{}{}", letter(column), row + 2),
        _ => format!("{}{}{}", letter(column / 26 - 1), letter(column), row + 2),
    }
}

/// Postgres' versions of the rows by key: a row that was written, even with the same values, has another.
async fn versions(sync: &Sync) -> Result<BTreeMap<String, String>> {
    let sql = format!("select key, xmin::text || ':' || ctid::text from public.{}", cells_table(sync));
    Ok(sync.database.query(&sql, &[]).await?.iter().map(|row| (row.get(0), row.get(1))).collect())
}
