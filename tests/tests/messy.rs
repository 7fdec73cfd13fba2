//! The messy sheet through the real stack: 120 columns in which every kind of mess occurs, every column mapped. What the table
//! must hold and which cells must be rejected comes from the generator, which knows nothing of the product.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::json;
use sheetsync_demo::{Checksum, Fate, MessKind, Options, Sheet, checksum_sql};
use sheetsync_tests::Sync;

const DEFINITION: &str = include_str!("../../sheetsync.toml");

/// A sync of the sheet into a table of its own, with a column for each of its columns.
async fn sync_of(sheet: &Sheet) -> Result<(Sync, String)> {
    let sync = Sync::named("messy").create().await?;
    let table = format!("{}_wide", sync.table);
    let wider = sheet.further_columns_sql().replace(sheetsync_demo::TABLE, &table);
    sync.database
        .batch_execute(&format!(
            "create table public.{table} (like public.{} including all); {wider}
             grant select, insert, update, delete on public.{table} to service_role;",
            sheetsync_demo::TABLE
        ))
        .await?;
    let folder = tempfile::tempdir()?;
    let workbook = folder.path().join("messy.xlsx");
    sheetsync_demo::write_xlsx(sheet, &workbook)?;
    sync.sheet.load(json!({"xlsx": workbook})).await?;
    let definition = format!("{DEFINITION}{}", sheet.further_definition())
        .replace("name = \"listings\"", &format!("name = {:?}", sync.name))
        .replace("spreadsheet = \"demo-listings\"", &format!("spreadsheet = {:?}", sync.sheet.id))
        .replace(&format!("table = \"{}\"", sheetsync_demo::TABLE), &format!("table = {table:?}"));
    sync.define(&definition)?;
    Ok((sync, table))
}

async fn checksum(sync: &Sync, sheet: &Sheet, table: &str) -> Result<Checksum> {
    let row = sync.database.query_one(&checksum_sql(table, sheet.columns(), "true"), &[]).await?;
    Ok(Checksum { rows: row.get::<_, i64>("rows").unsigned_abs(), sha256: row.get("sha256") })
}

#[tokio::test]
async fn a_messy_sheet_of_120_columns_arrives_and_every_bad_cell_is_told_with_its_address() -> Result<()> {
    let sheet = Sheet::new(Options { rows: 1_500, columns: 120, seed: 7 });
    assert_eq!(sheet.columns().len(), 120);
    let kinds: BTreeSet<MessKind> = sheet.manifest().map(|mess| mess.kind).collect();
    assert_eq!(kinds.len(), 11, "every kind of mess occurs: {kinds:?}");
    let (sync, table) = sync_of(&sheet).await?;

    let run = sync.run().await?;
    run.assert_adds_up();
    let fates = |fate| sheet.rows().filter(|row| row.fate == fate).count() as i64;
    assert_eq!(run.status, "partial");
    assert_eq!(
        (run.inserted, run.rejected, run.skipped),
        (fates(Fate::Kept), fates(Fate::Rejected), fates(Fate::Skipped))
    );
    assert_eq!(run.total_rows, 1_500 - fates(Fate::Ignored));
    assert_eq!(checksum(&sync, &sheet, &table).await?, sheet.expected().checksum());

    let told = "select cell, header from public.sync_errors where sync = $1 and resolved_at is null";
    let told: BTreeSet<(String, String)> = sync
        .database
        .query(told, &[&sync.name])
        .await?
        .iter()
        .map(|row| (row.get(0), row.get::<_, String>(1)))
        .collect();
    let spoiled: BTreeSet<(String, String)> = sheet
        .manifest()
        .filter(|mess| matches!(mess.fate, Fate::Rejected | Fate::Skipped))
        .map(|mess| (mess.cell, mess.header))
        .collect();
    assert_eq!(told, spoiled);

    let again = sync.run().await?;
    assert_eq!((again.unchanged, again.rows_sent, again.batches_total), (run.inserted, 0, 0));
    Ok(())
}
