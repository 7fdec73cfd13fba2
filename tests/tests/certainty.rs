//! When a row may leave the table and when one may be overwritten (promises 6 and 11), through the deployed functions. The
//! rules one by one are proved on Postgres alone, in `migrations/tests` and `tests/hostile`.

use anyhow::Result;
use serde_json::json;
use sheetsync_tests::{Sync, row};

const CONFIRMED: &str = "on_delete = { policy = \"hard\" }\nconfirm_deletes = 2";

/// What the application wrote into a row; gone when the row was deleted and inserted again.
async fn remark(sync: &Sync, key: &str) -> Result<()> {
    let sql = format!("update public.{} set remarks = 'written in the application' where listing_no = $1", sync.table);
    assert_eq!(sync.database.execute(&sql, &[&key]).await?, 1, "{key} is in the table");
    Ok(())
}

async fn assert_remarked(sync: &Sync, key: &str) -> Result<()> {
    let sql = format!("select remarks from public.{} where listing_no = $1", sync.table);
    let found = sync.database.query_opt(&sql, &[&key]).await?;
    assert_eq!(found.and_then(|row| row.get(0)), Some("written in the application".to_owned()), "{key}");
    Ok(())
}

/// As if the first read that missed a key had been a minute ago.
async fn a_minute_passes(sync: &Sync) -> Result<()> {
    let sql = "update public.sync_rows set missing_since = missing_since - interval '61 seconds'
        where sync = $1 and missing_since is not null";
    assert!(sync.database.execute(sql, &[&sync.name]).await? > 0, "a key is missing");
    Ok(())
}

#[tokio::test]
async fn row_is_deleted_after_two_reads_miss_it() -> Result<()> {
    let sync = Sync::named("confirmed").rows(20).options(CONFIRMED).create().await?;
    sync.run().await?;
    sync.sheet.delete_rows(11, 1).await?;
    for _ in 0..2 {
        let early = sync.run().await?;
        assert_eq!((early.status.as_str(), early.deleted, early.unconfirmed), ("partial", 0, 1), "{early:?}");
        early.assert_adds_up();
    }
    a_minute_passes(&sync).await?;
    let later = sync.run().await?;
    assert_eq!((later.status.as_str(), later.deleted, later.unconfirmed), ("completed", 1, 0), "{later:?}");
    sync.assert_table(&(1..=20).filter(|number| *number != 10).map(row).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn a_key_that_one_read_missed_keeps_its_row() -> Result<()> {
    let sync = Sync::named("missed-once").rows(20).options(CONFIRMED).create().await?;
    sync.run().await?;
    remark(&sync, "AA00010").await?;
    sync.sheet.delete_rows(11, 1).await?;
    assert_eq!(sync.run().await?.unconfirmed, 1);
    a_minute_passes(&sync).await?;
    sync.sheet.append(vec![row(10)]).await?;
    assert_eq!(sync.run().await?.status, "completed");
    // The count begins again.
    sync.sheet.delete_rows(21, 1).await?;
    let again = sync.run().await?;
    assert_eq!((again.deleted, again.unconfirmed), (0, 1), "{again:?}");
    assert_remarked(&sync, "AA00010").await
}

#[tokio::test]
async fn while_a_key_cannot_be_read_no_row_is_deleted() -> Result<()> {
    let sync = Sync::named("unreadable").rows(20).options("on_delete = { policy = \"hard\" }").create().await?;
    sync.run().await?;
    remark(&sync, "AA00004").await?;
    for unready in ["Loading...", "#N/A"] {
        sync.sheet.set("A5", unready).await?;
        let run = sync.run().await?;
        assert_eq!((run.status.as_str(), run.deleted, run.rejected), ("partial", 0, 1), "{unready}: {run:?}");
        assert!(run.deletes_withheld.is_some(), "{unready}: {run:?}");
    }
    sync.sheet.set("A5", "AA00004").await?;
    assert_eq!(sync.run().await?.status, "completed");
    assert_remarked(&sync, "AA00004").await
}

#[tokio::test]
async fn row_moved_to_another_tab_of_its_table_stays() -> Result<()> {
    let north = Sync::named("north").rows(10).options(CONFIRMED).create().await?;
    let south = Sync::named("south").exactly((21..=30).map(row).collect()).options(CONFIRMED).create().await?;
    let shared = south
        .definition_text(CONFIRMED)
        .replace(&format!("table = {:?}", south.table), &format!("table = {:?}", north.table));
    south.define(&shared)?;
    north.run().await?;
    assert_eq!(south.run().await?.status, "completed");
    remark(&north, "AA00005").await?;

    north.sheet.delete_rows(6, 1).await?;
    south.sheet.append(vec![row(5)]).await?;
    assert_eq!(north.run().await?.deleted, 0);
    south.run().await?;
    a_minute_passes(&north).await?;
    assert_eq!(north.run().await?.deleted, 0, "the other tab has the row");
    assert_remarked(&north, "AA00005").await?;
    assert_eq!(south.run().await?.status, "completed", "the other sync feeds it now");

    south.sheet.set("C12", 5).await?;
    assert_eq!(south.run().await?.updated, 1);
    assert_eq!(north.run().await?.status, "completed");
    assert_remarked(&north, "AA00005").await?;
    assert_eq!(north.table().await?.len(), 20);
    Ok(())
}

#[tokio::test]
async fn rows_that_were_there_before_are_not_overwritten_until_approved() -> Result<()> {
    let sync = Sync::named("adopted").rows(5).create().await?;
    let there = format!("insert into public.{} (listing_no, price_yen) values ('AA00002', 1)", sync.table);
    sync.database.batch_execute(&there).await?;
    let price = format!("select price_yen from public.{} where listing_no = 'AA00002'", sync.table);

    let run = sync.run().await?;
    assert_eq!((run.status.as_str(), run.inserted, run.skipped, run.withheld), ("partial", 4, 1, 1), "{run:?}");
    run.assert_adds_up();
    assert_eq!(sync.number(&price).await?, 1);
    let adoption = run.adoption.unwrap_or_default();
    assert_eq!((&adoption["rows"], &adoption["columns"]["price_yen"]), (&json!(1), &json!(1)), "{adoption}");

    let approve = "select public.sync_approve_adoption($1, 'Hanako', 'first import', 'sheet') ->> 'outcome'";
    assert_eq!(sync.database.query_one(approve, &[&run.id]).await?.get::<_, String>(0), "approved");
    let run = sync.run().await?;
    assert_eq!((run.status.as_str(), run.updated, run.withheld), ("completed", 1, 0), "{run:?}");
    sync.assert_table(&(1..=5).map(row).collect::<Vec<_>>()).await
}
