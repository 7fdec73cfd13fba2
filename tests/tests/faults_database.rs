//! Faults of the database: it crashes, is too slow, meets another writer, or refuses rows.

use std::time::Duration;

use anyhow::Result;
use sheetsync_local::{ServerAction, ServerName};
use sheetsync_tests::Trial;

/// A trigger on the trial's table, before each row is written.
async fn trigger(trial: &Trial, body: &str) -> Result<()> {
    let table = &trial.sync.table;
    trial
        .sync
        .database
        .batch_execute(&format!(
            "create function public.{table}_trigger() returns trigger language plpgsql as $$
             begin {body} return new; end $$;
             create trigger {table}_trigger before insert or update on public.{table}
             for each row execute function public.{table}_trigger()"
        ))
        .await?;
    Ok(())
}

#[tokio::test]
async fn database_killed_during_a_run_loses_nothing() -> Result<()> {
    let mut trial = Trial::prepare("Postgres killed", "SIGKILL, started 5 s later, mid-run", 1_000, 10).await?;
    trial.begin().await?;
    trial.is_under_way().await;
    trial.sync.control.act(ServerName::Postgres, ServerAction::Kill).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    trial.sync.control.act(ServerName::Postgres, ServerAction::Start).await?;
    assert_eq!(trial.comes_through().await?.status, "completed");
    Ok(())
}

#[tokio::test]
async fn a_database_that_crashes_twenty_times_in_a_run() -> Result<()> {
    let mut trial =
        Trial::prepare("Postgres crashed 20 times", "SIGKILL and start, 20 times in a run", 2_000, 5).await?;
    trial.begin().await?;
    for _ in 0..20 {
        trial.sync.control.act(ServerName::Postgres, ServerAction::Kill).await?;
        trial.sync.control.act(ServerName::Postgres, ServerAction::Start).await?;
    }
    assert_eq!(trial.comes_through().await?.status, "completed");
    Ok(())
}

#[tokio::test]
async fn a_batch_that_takes_too_long_is_halved() -> Result<()> {
    let mut trial = Trial::prepare("statement timeout", "a trigger of 12 ms a row, 500 rows a batch", 500, 500).await?;
    trigger(&trial, "perform pg_sleep(0.012);").await?;
    trial.begin().await?;
    let run = trial.comes_through().await?;
    assert_eq!((run.status.as_str(), run.inserted), ("completed", 500));
    let sql = format!("select count(*) from public.sync_batches where run = '{}' and outcome = 'applied'", run.id);
    assert!(trial.sync.number(&sql).await? >= 2, "the ledger has the halves");
    Ok(())
}

#[tokio::test]
async fn another_writer_who_locks_rows_the_other_way_round() -> Result<()> {
    let mut trial =
        Trial::prepare("deadlock with a second writer", "locks all rows downwards, 6 times", 400, 100).await?;
    // What the first run writes is wrong in a few rows, so that the second has something to put right.
    let edited = [1_usize, 100, 200, 300, 400];
    for number in edited {
        trial.sync.sheet.set(&format!("C{}", number + 1), 1).await?;
    }
    assert_eq!(trial.sync.run().await?.status, "completed");
    for number in edited {
        trial.sync.sheet.set(&format!("C{}", number + 1), 1_000_000 + number).await?;
    }
    let table = trial.sync.table.clone();
    let settings = sheetsync_local::Settings::from_env()?;
    let (other, connection) = tokio_postgres::connect(&settings.database_url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    let writer = tokio::spawn(async move {
        let mut deadlocks = 0;
        for _ in 0..6 {
            // Holds the last row for a moment, in which a batch comes to wait for it with the first in its hands.
            let sql = format!(
                "do $$ declare k text; begin
                   update public.{table} set remarks = 'mine' where listing_no = 'AA00400';
                   perform pg_sleep(0.5);
                   for k in select listing_no from public.{table} order by listing_no desc loop
                     update public.{table} set remarks = 'mine' where listing_no = k;
                   end loop;
                 end $$"
            );
            deadlocks += usize::from(other.batch_execute(&sql).await.is_err());
        }
        deadlocks
    });
    let report = trial.sync.ask("full").await?;
    trial.run = report.run.unwrap_or_default();
    let theirs = writer.await?;
    let run = trial.comes_through().await?;
    let calls = trial.sync.control.requests("sync_apply", &run.id.to_string()).await?;
    let ours = calls.iter().filter(|call| call.status == Some(500)).count();
    println!("deadlocks: {theirs} ended the other writer's transaction, {ours} a batch");
    assert!(theirs + ours > 0, "they have met");
    assert_eq!((run.status.as_str(), run.updated, run.failed), ("completed", 5, 0));
    Ok(())
}

#[tokio::test]
async fn a_row_in_five_hundred_that_a_trigger_refuses() -> Result<()> {
    let mut trial =
        Trial::prepare("a trigger refuses 1 row in 500", "raise exception for 2 of 1,000", 1_000, 500).await?;
    trigger(&trial, "if new.price_yen % 500 = 0 then raise exception 'no'; end if;").await?;
    trial.begin().await?;
    let run = trial.comes_through().await?;
    assert_eq!((run.status.as_str(), run.rejected, run.inserted), ("partial", 2, 998));
    Ok(())
}

#[tokio::test]
async fn column_dropped_between_batches_stops_the_run_until_restored() -> Result<()> {
    let mut trial =
        Trial::prepare("a schema change between two batches", "a column renamed and back", 1_000, 5).await?;
    trial.begin().await?;
    trial.is_under_way().await;
    let rename = |from: &str, to: &str| format!("alter table public.{} rename {from} to {to}", trial.sync.table);
    let (away, back) = (rename("listed_on", "listed"), rename("listed", "listed_on"));
    trial.sync.database.batch_execute(&away).await?;
    let stopped = trial.sync.closed(trial.run).await?;
    let reported = stopped.error_details.map(|details| details.to_string()).unwrap_or_default();
    assert_eq!(stopped.status, "failed", "{reported}");
    assert!(reported.contains("42703") && reported.contains("listed_on"), "{reported}");
    trial.sync.database.batch_execute(&back).await?;
    trial.begin().await?;
    assert_eq!(trial.comes_through().await?.status, "completed");
    Ok(())
}
