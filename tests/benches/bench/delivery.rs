//! The whole way through the stack, from the sheet into the table, beside `COPY` with an upsert and beside bulk upserts
//! through PostgREST. Those two are handed finished values; they read no sheet, keep no ledger and no base, merge
//! nothing, delete nothing, and a single bad row would fail them.

use std::io::Cursor;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use futures_util::{SinkExt as _, StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Map, Value, json};
use sheetsync_demo::{Fate, Options};
use sheetsync_local::Settings;
use sheetsync_tests::{Listings, Run, Source};

use crate::Line;

pub const ROWS: u32 = 20_000;
const COLUMNS: usize = 25;
const BATCH_ROWS: usize = 500;
const AT_ONCE: usize = 5;
const TRIES: u64 = 3;
const SLOWEST: f64 = f64::INFINITY;

/// A row as the two others are handed it: what its columns mean, as text.
type Texts = Vec<Option<String>>;

/// The tables of a first load and of the same rows once more. Each line is the fastest of some tries.
pub async fn measure() -> Result<(Vec<Line>, Vec<Line>)> {
    let (mut by_copy, mut by_upserts, mut by_sync) = ([SLOWEST; 2], [SLOWEST; 2], [SLOWEST; 2]);
    let mut full = SLOWEST;
    for seed in 1..=TRIES {
        let listings =
            Listings::create("bench", Options { rows: ROWS, columns: COLUMNS, seed }, Source::Workbook).await?;
        let rows = kept(&listings);
        // Twice each: into the empty table, and over the same rows.
        for best in &mut by_copy {
            faster(best, copy(&listings, &rows)).await?;
            check(&listings).await?;
        }
        empty(&listings).await?;
        for best in &mut by_upserts {
            faster(best, upserts(&listings, &rows)).await?;
            check(&listings).await?;
        }
        empty(&listings).await?;
        let kept = rows.len() as i64;
        let first = faster(&mut by_sync[0], listings.sync.run()).await?;
        ensure!((first.inserted, first.failed) == (kept, 0), "{first:?}");
        check(&listings).await?;
        let unchanged = faster(&mut by_sync[1], listings.sync.run()).await?;
        ensure!((unchanged.unchanged, unchanged.rows_sent) == (kept, 0), "{unchanged:?}");
        let sent: Run = faster(&mut full, listings.sync.run_type("full")).await?;
        ensure!((sent.unchanged, sent.rows_sent) == (kept, kept), "{sent:?}");
        check(&listings).await?;
    }
    let lines = |pass: usize, sheetsync: &'static str, note: &str| {
        vec![
            Line::new("PostgREST, bulk upserts of 500 rows, 5 at once", by_upserts[pass], "finished values"),
            Line::new("`COPY` and one upsert", by_copy[pass], "finished values, past PostgREST"),
            Line::new(sheetsync, by_sync[pass], note),
        ]
    };
    let empty = lines(0, "Sheetsync, a first load", "read, mapped, queued, merged, recorded in the ledger");
    let mut again = lines(1, "Sheetsync, an unchanged sheet", "read and mapped; no message, no row written");
    again.push(Line::new("Sheetsync, a full run", full, "every row sent and compared; no row written"));
    Ok((empty, again))
}

/// Does the work, and keeps its time if it took less.
async fn faster<T>(best: &mut f64, work: impl Future<Output = Result<T>>) -> Result<T> {
    let started = Instant::now();
    let done = work.await?;
    *best = best.min(started.elapsed().as_secs_f64());
    Ok(done)
}

async fn check(listings: &Listings) -> Result<()> {
    let (found, expected) = (listings.checksum().await?, listings.sheet.expected().checksum());
    ensure!(found == expected, "the table holds {found}, not {expected}");
    Ok(())
}

async fn empty(listings: &Listings) -> Result<()> {
    Ok(listings.sync.database.batch_execute(&format!("truncate public.{}", listings.table)).await?)
}

fn kept(listings: &Listings) -> Vec<Texts> {
    let text = |canonical: String| canonical.strip_prefix('=').map(str::to_owned);
    let kept = listings.sheet.rows().filter(|row| row.fate == Fate::Kept);
    kept.map(|row| row.values.iter().map(|value| text(value.canonical())).collect()).collect()
}

async fn copy(Listings { sync, sheet, table }: &Listings, rows: &[Texts]) -> Result<()> {
    let names: Vec<&str> = sheet.columns().iter().map(|column| column.name.as_str()).collect();
    let (columns, key) = (names.join(", "), names[0]);
    sync.database
        .batch_execute(&format!("create temp table incoming (like public.{table} including defaults)"))
        .await?;
    let mut csv = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
    for row in rows {
        csv.write_record(row.iter().map(|value| value.as_deref().unwrap_or("(null)")))?;
    }
    let copy = format!("copy incoming ({columns}) from stdin with (format csv, null '(null)', force_null ({columns}))");
    let mut sink = std::pin::pin!(sync.database.copy_in::<_, Cursor<Vec<u8>>>(&copy).await?);
    sink.send(Cursor::new(csv.into_inner().context("the rows as CSV")?)).await?;
    sink.finish().await?;
    let written: Vec<String> = names[1..].iter().map(|name| format!("{name} = excluded.{name}")).collect();
    let upsert = format!(
        "insert into public.{table} ({columns}) select {columns} from incoming
         on conflict ({key}) do update set {}; drop table incoming",
        written.join(", ")
    );
    Ok(sync.database.batch_execute(&upsert).await?)
}

async fn upserts(Listings { sheet, table, .. }: &Listings, rows: &[Texts]) -> Result<()> {
    let settings = Settings::from_env()?;
    let http = reqwest::Client::new();
    let key = &sheet.columns()[0].name;
    let url = format!("{}/rest/v1/{table}?on_conflict={key}", settings.supabase_url);
    let object = |row: &Texts| -> Map<String, Value> {
        sheet.columns().iter().zip(row).map(|(column, value)| (column.name.clone(), json!(value))).collect()
    };
    let post = |rows: &[Texts]| {
        let request = http.post(&url).header("apikey", &settings.supabase_secret_key);
        let request = request.header("prefer", "resolution=merge-duplicates,return=minimal");
        let request = request.json(&rows.iter().map(object).collect::<Vec<_>>());
        async move {
            let answer = request.send().await?;
            ensure!(answer.status().is_success(), "PostgREST answers {}", answer.status());
            Ok(())
        }
    };
    stream::iter(rows.chunks(BATCH_ROWS).map(post)).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await.map(drop)
}
