//! The largest spreadsheet that Google allows, 10 million cells, through the deployed functions: how long the scheduler takes,
//! and the most memory that its process has had. Beside it stands the reading alone, chunk by chunk and thrown away; how long
//! that takes is the local Sheets server's affair, and with the real one Google's.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sheetsync::sheets::TabName;
use sheetsync_demo::{Fate, Options, TAB};
use sheetsync_tests::{Listings, Source, eventually, eventually_within, google};
use uuid::Uuid;

use crate::Line;

const COLUMNS: usize = 100;
/// One row is the headers'.
pub const ROWS: u32 = 10_000_000 / COLUMNS as u32 - 1;
/// As many as an answer of about 2 MB has.
const CHUNK_ROWS: u32 = 1_000;
/// The longest that the workers may take.
const PATIENCE: Duration = Duration::from_secs(900);
const MIB: u64 = 1 << 20;

pub async fn measure() -> Result<Vec<Line>> {
    let listings = Listings::create("largest", Options { rows: ROWS, columns: COLUMNS, seed: 1 }, Source::Csv).await?;
    let sync = &listings.sync;
    let kept = listings.fates(Fate::Kept);

    let started = Instant::now();
    let (bytes, requests) = read(&sync.sheet.id).await?;
    let reading = started.elapsed().as_secs_f64();

    let started = Instant::now();
    let (planned, peak) = plan(&listings).await?;
    let first = started.elapsed().as_secs_f64();
    let run = eventually_within(PATIENCE, "the workers are through", async || {
        let run = sync.state(planned).await.ok()?;
        (!["queued", "in_progress"].contains(&run.status.as_str())).then_some(run)
    })
    .await;
    let applied = started.elapsed().as_secs_f64();
    ensure!((run.inserted, run.failed) == (kept, 0), "{run:?}");
    let (found, expected) = (listings.checksum().await?, listings.sheet.expected().checksum());
    ensure!(found == expected, "the table holds {found}, not {expected}");

    let started = Instant::now();
    let (again, peak_again) = plan(&listings).await?;
    let unchanged = started.elapsed().as_secs_f64();
    let again = sync.closed(again).await?;
    ensure!((again.unchanged, again.rows_sent) == (kept, 0), "{again:?}");

    let batches = run.batches_total;
    Ok(vec![
        Line::new("reading alone", reading, format!("{} MiB of JSON in {requests} requests", bytes / MIB)),
        Line::new("scheduler, first run", first, format!("{} MiB at most; {batches} messages", peak / MIB)),
        Line::new("until the workers have applied it", applied, "counted from its start"),
        Line::new("scheduler, unchanged", unchanged, format!("{} MiB at most", peak_again / MIB)),
    ])
}

/// Reads every cell; answers how many bytes that took, in how many requests.
async fn read(spreadsheet: &str) -> Result<(u64, u32)> {
    let sheets = google()?;
    let tab = sheets.tab(spreadsheet, TabName::Title(TAB), None).await?;
    let (mut bytes, mut requests) = (0, 0);
    for first in (1..=ROWS + 1).step_by(CHUNK_ROWS as usize) {
        let (mut blocks, taken) = sheets.blocks(&tab, &[first..=first + CHUNK_ROWS - 1]).await?;
        let rows = blocks.pop().unwrap_or_default();
        // Google leaves out blank rows at the end of a range.
        ensure!(!rows.is_empty(), "nothing from row {first} on");
        bytes += taken;
        requests += 1;
    }
    Ok((bytes, requests))
}

/// Runs the scheduler in a process of its own, so that the peak is this run's. Returns once it has planned.
async fn plan(Listings { sync, .. }: &Listings) -> Result<(Uuid, u64)> {
    sync.kill_schedulers()?;
    eventually("its process is gone", async || sync.scheduler_peak_memory().is_err().then_some(())).await;
    let report = sync.ask("manual").await?;
    ensure!(report.status == "planned", "{report:?}");
    Ok((report.run.context("a planned run has an id")?, sync.scheduler_peak_memory()?))
}
