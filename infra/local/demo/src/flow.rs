//! What `make demo` shows, step by step, against a local stack that runs: load the sheet, prove the table, edit the sheet,
//! show that nothing else moved, remove a row and show that its deletion waits for a second read. It goes through the same
//! doors as people do: the deployed function, the Sheets API, SQL.

mod environment;
mod error;
mod google;
mod lambda;
mod report;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::cell::{Cell, cell_name};
use crate::checksum::Expected;
use crate::listing::SYNC;
use crate::mess::{Fate, Mess};
use crate::sheet::{Options, Row, Sheet};
use crate::value::Value;

pub use environment::Environment;
pub use error::DemoError;
use google::{Change, GoogleSheet};
use table::{Difference, Rejection, RunRow, Table};

/// Runs the demo against the stack that `variables` (those of `.local/env`) describe, whose sheet was made with `options`.
/// Once on a stack: a second time the table would still have the row that the first one added.
///
/// # Errors
/// When a part of the stack does not answer, or when anything is not as it must be.
pub async fn run(variables: &BTreeMap<String, String>, options: Options) -> Result<(), DemoError> {
    let environment = Environment::from_variables(variables)?;
    // sheetsync.toml maps the usual columns only; they are the same in a wider sheet.
    let sheet = Sheet::new(Options { columns: 0, ..options });
    let demo = Demo {
        google: GoogleSheet::open(&environment).await?,
        table: Table::connect(&environment.database_url).await?,
        expected: sheet.expected(),
        edits: Edits::of(&sheet),
        sheet,
        environment,
    };
    demo.show().await
}

struct Demo {
    environment: Environment,
    google: GoogleSheet,
    table: Table,
    sheet: Sheet,
    expected: Expected,
    edits: Edits,
}

impl Demo {
    async fn show(mut self) -> Result<(), DemoError> {
        report::heading("1. The sheet goes to the table");
        let first = self.sync().await?;
        report::run(&first);
        self.prove().await?;
        let rejections = self.table.rejections(&first.id).await?;
        report::rejections(&rejections);
        self.check_rejections(&rejections)?;

        report::heading("2. Three prices are edited, one row is added");
        let before = self.table.versions().await?;
        self.google.change(&self.edits.done(&self.sheet)).await?;
        self.edits.expect(&self.sheet, &mut self.expected);
        report::edits(&self.edits.described());
        let second = self.sync().await?;
        report::run(&second);
        self.prove().await?;
        let moved = before.differences(&self.table.versions().await?);
        report::moved(&moved);
        self.check_moved(&moved)?;

        report::heading("3. Nothing is edited");
        let before = self.table.versions().await?;
        let third = self.sync().await?;
        report::run(&third);
        let moved = before.differences(&self.table.versions().await?);
        report::moved(&moved);
        unless("rows written by a sync of an unchanged sheet", 0, moved.len())?;
        unless("batches sent by a sync of an unchanged sheet", 0, third.batches)?;

        report::heading("4. One row is removed");
        let before = self.table.versions().await?;
        self.google.change(&[blank(&self.edits.removed)]).await?;
        report::edits(&[format!("{} (row {}): removed", key_of(&self.edits.removed), self.edits.removed.number)]);
        let fourth = self.sync().await?;
        report::run(&fourth);
        let moved = before.differences(&self.table.versions().await?);
        report::moved(&moved);
        unless("rows written while a deletion waits for its second read", 0, moved.len())?;
        unless("deletions that wait for their second read", 1, fourth.unconfirmed)?;
        self.prove().await?;
        report::waiting(&key_of(&self.edits.removed));

        report::addresses(&self.environment);
        Ok(())
    }

    /// Begins a run with the deployed scheduler function, and waits until the workers have closed it.
    async fn sync(&self) -> Result<RunRow, DemoError> {
        let started = Instant::now();
        let id = loop {
            match lambda::begin_run(&self.environment, SYNC).await? {
                lambda::Begun::Run(id) => break id,
                // A scheduled run is in progress; its turn first, then ours.
                lambda::Begun::Busy(other) => {
                    self.table.closed(&other).await?;
                }
            }
        };
        let mut run = self.table.closed(&id).await?;
        run.waited = started.elapsed();
        Ok(run)
    }

    /// Compares the table with the generator's truth, without any code of the product.
    async fn prove(&self) -> Result<(), DemoError> {
        let expected = self.expected.checksum();
        let found = self.table.checksum(self.sheet.columns()).await?;
        if found != expected {
            return Err(DemoError::Differs { expected, found });
        }
        report::proof(&found);
        Ok(())
    }

    /// What was rejected or skipped must be what the generator spoiled, cell by cell.
    fn check_rejections(&self, rejections: &[Rejection]) -> Result<(), DemoError> {
        let found: BTreeSet<&str> = rejections.iter().filter_map(|rejection| rejection.cell.as_deref()).collect();
        let spoiled: Vec<Mess> =
            self.sheet.manifest().filter(|mess| matches!(mess.fate, Fate::Rejected | Fate::Skipped)).collect();
        let expected: BTreeSet<&str> = spoiled.iter().map(|mess| mess.cell.as_str()).collect();
        unless("cells rejected", words(&expected), words(&found))?;
        report::all_accounted_for(spoiled.len());
        Ok(())
    }

    fn check_moved(&self, moved: &[(String, Difference)]) -> Result<(), DemoError> {
        let found: BTreeSet<&str> = moved.iter().map(|(key, _)| key.as_str()).collect();
        let edited = self.edits.keys();
        let expected: BTreeSet<&str> = edited.iter().map(String::as_str).collect();
        unless("rows that Postgres wrote", words(&expected), words(&found))
    }
}

fn words(words: &BTreeSet<&str>) -> String {
    words.iter().copied().collect::<Vec<_>>().join(" ")
}

fn unless<T: PartialEq + ToString>(what: &'static str, expected: T, found: T) -> Result<(), DemoError> {
    if expected == found {
        return Ok(());
    }
    Err(DemoError::Unexpected { what, expected: expected.to_string(), found: found.to_string() })
}

/// What the demo edits: three prices, one row that comes, and later one that goes.
struct Edits {
    prices: Vec<(Row, Value)>,
    /// Removed at last. A row is deleted once two complete reads, a minute apart, did not have it: the demo ends before.
    removed: Row,
    /// Typed into a blank row of the sheet, or below it where there is none.
    added: Row,
}

/// The new prices, as typed and in yen.
const NEW_PRICES: [(&str, i64); 3] =
    [("1億9,800万円", 198_000_000), ("￥４９，８００，０００", 49_800_000), ("3480万", 34_800_000)];

impl Edits {
    /// Chooses clean rows from all over the sheet; the same ones each time.
    fn of(sheet: &Sheet) -> Self {
        let clean: Vec<Row> = sheet.rows().filter(|row| row.mess.is_empty() && row.fate == Fate::Kept).collect();
        let at = |share: usize| clean[clean.len() * share / 10].clone();
        let prices =
            NEW_PRICES.iter().zip([1, 5, 8]).map(|((_, yen), share)| (at(share), Value::Integer(*yen))).collect();
        let blank = sheet.rows().find(|row| row.fate == Fate::Ignored).map(|row| row.number);
        let below = sheet.row_below();
        let added = Row { number: blank.unwrap_or(below.number), ..below };
        Self { prices, removed: at(7), added }
    }

    fn done(&self, sheet: &Sheet) -> Vec<Change> {
        let price = price_position(sheet);
        let mut changes: Vec<Change> = self
            .prices
            .iter()
            .zip(NEW_PRICES)
            .map(|((row, _), (typed, _))| Change { from: cell_name(price, row.number), cells: vec![Cell::text(typed)] })
            .collect();
        changes.push(whole(&self.added));
        changes
    }

    fn expect(&self, sheet: &Sheet, expected: &mut Expected) {
        for (row, price) in &self.prices {
            let mut values = row.values.clone();
            values[price_position(sheet)] = price.clone();
            expected.insert(&values);
        }
        expected.insert(&self.added.values);
    }

    fn keys(&self) -> Vec<String> {
        self.prices.iter().map(|(row, _)| row).chain([&self.added]).map(key_of).collect()
    }

    fn described(&self) -> Vec<String> {
        let prices =
            self.prices.iter().zip(NEW_PRICES).map(|((row, _), (typed, _))| {
                format!("{} (row {}): the price becomes {typed}", key_of(row), row.number)
            });
        prices.chain([format!("{} (row {}): added", key_of(&self.added), self.added.number)]).collect()
    }
}

fn key_of(row: &Row) -> String {
    row.cells[0].to_csv()
}

fn price_position(sheet: &Sheet) -> usize {
    sheet.position("price_yen").unwrap_or_default()
}

fn whole(row: &Row) -> Change {
    Change { from: cell_name(0, row.number), cells: row.cells.clone() }
}

fn blank(row: &Row) -> Change {
    Change { from: cell_name(0, row.number), cells: vec![Cell::Blank; row.cells.len()] }
}
