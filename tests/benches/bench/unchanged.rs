//! A sheet of which nothing has changed, through the deployed functions: what it costs to compare the table with what was written
//! to it. Without any comparison, as it was before there was one; with that of the keys, which every run makes; with that of all
//! values too, where the sheet owns every column (docs/PROTOCOL.md, "Drift").

use std::time::Instant;

use anyhow::{Result, ensure};
use sheetsync_demo::{Fate, Options};
use sheetsync_tests::{Listings, Run, Source, Sync};

use crate::Line;

pub const ROWS: u32 = 100_000;
const COLUMNS: usize = 10;
const TRIES: usize = 3;

/// An answer of `sync_drift` that compared nothing.
const NOTHING: &str = "
create or replace function public.sync_drift(p_sync text, p_values boolean default null)
returns jsonb language sql stable set search_path = ''
as $$ select jsonb_build_object('missing', '', 'differing', '', 'at', clock_timestamp(), 'values', false, 'whole', false) $$";

pub async fn measure() -> Result<Vec<Line>> {
    let listings =
        Listings::create("unchanged", Options { rows: ROWS, columns: COLUMNS, seed: 1 }, Source::Csv).await?;
    let sync = &listings.sync;
    let owned = std::fs::read_to_string(sync.definition())?
        .replace("[[sync.columns]]\n", "[[sync.columns]]\nauthority = \"sheet\"\n");
    let every = |interval: &str| {
        owned.replacen("\n[[sync.columns]]\n", &format!("\nreconcile_every = {interval:?}\n\n[[sync.columns]]\n"), 1)
    };
    sync.define(&every("100h"))?;
    let first = sync.run().await?;
    let kept = listings.fates(Fate::Kept);
    ensure!((first.inserted, first.failed) == (kept, 0), "{first:?}");

    // As autovacuum would have done by the next morning.
    sync.database.batch_execute(&format!("vacuum analyze public.{}", listings.table)).await?;
    sync.database.batch_execute("vacuum analyze public.sync_rows").await?;
    let ours = "select pg_get_functiondef('public.sync_drift(text, boolean)'::regprocedure)";
    let ours: String = sync.database.query_one(ours, &[]).await?.get(0);
    sync.database.batch_execute(NOTHING).await?;
    let off = best(sync, kept).await;
    sync.database.batch_execute(&ours).await?;
    let off = off?;
    // One with values, so that the others need not compare them.
    sync.define(&every("0s"))?;
    let values = best(sync, kept).await?;
    sync.define(&every("100h"))?;
    let keys = best(sync, kept).await?;
    Ok(vec![
        line("nothing compared, as before", &off),
        line("keys compared, as in every run", &keys),
        line("keys and all values compared, as every `reconcile_every`", &values),
    ])
}

/// A run: its seconds, and how many requests it made to Supabase and to Google.
struct Cost {
    seconds: f64,
    supabase: usize,
    google: i64,
}

fn line(what: &'static str, cost: &Cost) -> Line {
    Line::new(
        what,
        cost.seconds,
        format!("{} requests to Supabase, {} to Google, no message", cost.supabase, cost.google),
    )
}

/// The fastest of some runs.
async fn best(sync: &Sync, kept: i64) -> Result<Cost> {
    let mut best: Option<Cost> = None;
    for _ in 0..TRIES {
        let before = sync.control.requests("/rest/", "").await?.len();
        let started = Instant::now();
        let run: Run = sync.run().await?;
        let seconds = started.elapsed().as_secs_f64();
        ensure!((run.unchanged, run.rows_sent, run.failed) == (kept, 0, 0), "{run:?}");
        let supabase = sync.control.requests("/rest/", "").await?.len() - before;
        let reads = "select (metadata ->> 'reads')::bigint from public.sync_state where id = $1";
        let google = sync.database.query_one(reads, &[&run.id]).await?.get(0);
        if best.as_ref().is_none_or(|best| seconds < best.seconds) {
            best = Some(Cost { seconds, supabase, google });
        }
    }
    best.ok_or_else(|| anyhow::anyhow!("no run was tried"))
}
