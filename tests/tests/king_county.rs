//! Real data through the whole system: 21,597 sales with real duplicate ids. The file is not part of the project; without
//! it (`KING_COUNTY_CSV`, or `../shared/data/`) the proof says that it was left out.

use std::fs::File;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;
use sheetsync_demo::king_county::{self, SharedIds};
use sheetsync_demo::{Checksum, checksum_sql};
use sheetsync_tests::{Run, Sync};

const ROWS: i64 = 21_597;

fn file() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/king_county_house_sales.csv");
    let path = PathBuf::from(std::env::var("KING_COUNTY_CSV").unwrap_or_else(|_| default.to_owned()));
    path.is_file().then_some(path)
}

/// A sync of the file into the data set's own table, with another rule for rows that share an id.
async fn sync_of(path: &std::path::Path, duplicates: &str) -> Result<(Sync, Run)> {
    let sync = Sync::named("king-county").create().await?;
    let create = king_county::CREATE_TABLE.replace(king_county::TABLE, &format!("{}_sales", sync.table));
    sync.database.batch_execute(&create).await?;
    sync.sheet.load(json!({"tabs": [{"title": "sales", "csv": path}]})).await?;
    let definition = king_county::DEFINITION
        .replace(&format!("name = \"{}\"", king_county::SYNC), &format!("name = \"{}\"", sync.name))
        .replace(&format!("spreadsheet = \"{}\"", king_county::SYNC), &format!("spreadsheet = \"{}\"", sync.name))
        .replace(king_county::TABLE, &format!("{}_sales", sync.table))
        .replace("duplicates = \"reject\"", &format!("duplicates = \"{duplicates}\""));
    sync.define(&definition)?;
    let run = sync.run().await?;
    run.assert_adds_up();
    assert_eq!(run.total_rows, ROWS);
    Ok((sync, run))
}

async fn checksum(sync: &Sync) -> Result<Checksum> {
    let sql = checksum_sql(&format!("{}_sales", sync.table), &king_county::columns(), "true");
    let row = sync.database.query_one(&sql, &[]).await?;
    Ok(Checksum { rows: row.get::<_, i64>("rows").unsigned_abs(), sha256: row.get("sha256") })
}

#[tokio::test]
async fn table_equals_the_file_except_for_duplicate_ids() -> Result<()> {
    let Some(path) = file() else {
        eprintln!("left out: king_county_house_sales.csv is not here");
        return Ok(());
    };
    let (sync, run) = sync_of(&path, "reject").await?;
    assert_eq!((run.status.as_str(), run.inserted, run.rejected), ("partial", 21_244, 353));
    let expected = king_county::expected(File::open(&path)?, SharedIds::Rejected)?.checksum();
    assert_eq!(checksum(&sync).await?, expected);
    let reported =
        "select cell, message from public.sync_errors where sync = $1 and row_key = '6021501535' order by row_number";
    let reported = sync.database.query(reported, &[&sync.name]).await?;
    let reported: Vec<(String, String)> = reported.iter().map(|row| (row.get(0), row.get(1))).collect();
    let message = |other: u32| format!("the key must be in one row only; it is also in row {other}");
    assert_eq!(reported, [("A95".to_owned(), message(96)), ("A96".to_owned(), message(95))]);

    let again = sync.run().await?;
    assert_eq!((again.unchanged, again.rows_sent, again.batches_total), (21_244, 0, 0));
    Ok(())
}

#[tokio::test]
async fn with_the_last_of_them_the_table_has_every_id() -> Result<()> {
    let Some(path) = file() else {
        eprintln!("left out: king_county_house_sales.csv is not here");
        return Ok(());
    };
    let (sync, run) = sync_of(&path, "last").await?;
    assert_eq!((run.status.as_str(), run.inserted, run.skipped), ("completed", 21_420, 177));
    let expected = king_county::expected(File::open(&path)?, SharedIds::LastWins)?.checksum();
    assert_eq!(checksum(&sync).await?, expected);
    Ok(())
}
