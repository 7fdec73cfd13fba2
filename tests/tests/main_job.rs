//! The main job, end to end: the deployed functions, the real queue, the real database. Every proof is by SQL that the
//! product did not write.

use anyhow::Result;
use serde_json::json;
use sheetsync_local::{Action, Fault};
use sheetsync_tests::{Sync, eventually, row};

const HARD: &str = r#"on_delete = { policy = "hard" }"#;

#[tokio::test]
async fn a_first_load_puts_every_row_into_the_table() -> Result<()> {
    let sync = Sync::named("first-load").rows(1_200).create().await?;
    let run = sync.run().await?;
    assert_eq!((run.status.as_str(), run.total_rows, run.inserted, run.batches_total), ("completed", 1_200, 1_200, 3));
    run.assert_adds_up();
    sync.assert_table(&(1..=1_200).map(row).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn unchanged_sheet_costs_one_read_and_no_message() -> Result<()> {
    let sync = Sync::named("unchanged").rows(700).create().await?;
    sync.run().await?;
    let (versions, reads) = (sync.versions().await?, sync.sheet.reads().await?);
    let again = sync.run().await?;
    assert_eq!(
        (again.status.as_str(), again.unchanged, again.rows_sent, again.batches_total),
        ("completed", 700, 0, 0)
    );
    again.assert_adds_up();
    assert_eq!(sync.deliveries(again.id).await?, 0);
    assert_eq!(sync.versions().await?, versions);
    assert_eq!(sync.sheet.reads().await? - reads, 1);
    Ok(())
}

#[tokio::test]
async fn one_edited_cell_sends_one_row_in_one_batch() -> Result<()> {
    let sync = Sync::named("one-cell").rows(700).create().await?;
    sync.run().await?;
    let before = sync.versions().await?;
    sync.sheet.set("C301", 98_765_432).await?;
    let run = sync.run().await?;
    assert_eq!((run.rows_sent, run.batches_total, run.updated, run.unchanged), (1, 1, 1, 699));
    run.assert_adds_up();
    let after = sync.versions().await?;
    let moved: Vec<&String> = after.keys().filter(|key| before.get(*key) != after.get(*key)).collect();
    assert_eq!(moved, ["AA00300"]);
    let mut rows: Vec<_> = (1..=700).map(row).collect();
    rows[299][2] = json!(98_765_432);
    sync.assert_table(&rows).await
}

#[tokio::test]
async fn a_removed_row_is_deleted_and_an_added_row_inserted() -> Result<()> {
    let sync = Sync::named("add-remove").rows(100).options(HARD).create().await?;
    sync.run().await?;
    sync.sheet.delete_rows(11, 1).await?;
    sync.sheet.append(vec![row(101)]).await?;
    let run = sync.run().await?;
    assert_eq!((run.status.as_str(), run.inserted, run.deleted, run.unchanged), ("completed", 1, 1, 99));
    run.assert_adds_up();
    sync.assert_table(&(1..=101).filter(|number| *number != 10).map(row).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn missing_row_stays_in_the_table_without_on_delete() -> Result<()> {
    let sync = Sync::named("ignore").rows(100).create().await?;
    sync.run().await?;
    sync.sheet.delete_rows(11, 1).await?;
    assert_eq!(sync.run().await?.status, "completed");
    sync.assert_table(&(1..=100).map(row).collect::<Vec<_>>()).await?;
    let quiet = sync.run().await?;
    assert_eq!((quiet.status.as_str(), quiet.batches_total), ("completed", 0), "a vanished row is reported once");
    Ok(())
}

#[tokio::test]
async fn a_soft_deleted_row_that_comes_back_is_restored() -> Result<()> {
    let options = r#"on_delete = { policy = "soft", column = "deleted_at" }"#;
    let sync = Sync::named("soft").rows(50).options(options).create().await?;
    sync.run().await?;
    sync.sheet.delete_rows(6, 1).await?;
    assert_eq!(sync.run().await?.deleted, 1);
    assert_eq!(sync.table().await?.len(), 49);
    assert_eq!(sync.number(&format!("select count(*) from public.{}", sync.table)).await?, 50);
    sync.sheet.append(vec![row(5)]).await?;
    assert_eq!(sync.run().await?.status, "completed");
    sync.assert_table(&(1..=50).map(row).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn bad_cell_rejects_its_row_only_with_its_address() -> Result<()> {
    let sync = Sync::named("bad-cell").rows(60).options(HARD).create().await?;
    sync.run().await?;
    sync.sheet.set("C31", "要確認").await?;
    sync.sheet.set("C32", 5).await?;
    let run = sync.run().await?;
    assert_eq!((run.status.as_str(), run.rejected, run.updated, run.deleted), ("partial", 1, 1, 0));
    run.assert_adds_up();
    let sql = "select row_key, row_number, cell, header, code, raw from public.sync_errors where sync = $1 and resolved_at is null";
    let reported = sync.database.query(sql, &[&sync.name]).await?;
    assert_eq!(reported.len(), 1);
    let text = |index: usize| reported[0].get::<_, String>(index);
    assert_eq!((text(0).as_str(), reported[0].get::<_, i32>(1), text(2).as_str()), ("AA00030", 31, "C31"));
    assert_eq!((text(3).as_str(), text(4).as_str(), text(5).as_str()), ("売買価格", "not_a_number", "要確認"));

    sync.sheet.set("C31", 6).await?;
    assert_eq!(sync.run().await?.status, "completed");
    assert!(sync.database.query(sql, &[&sync.name]).await?.is_empty(), "what was put right is resolved");
    Ok(())
}

#[tokio::test]
async fn database_edit_is_kept_while_the_sheet_does_not_change() -> Result<()> {
    let sync = Sync::named("kept").rows(30).create().await?;
    sync.run().await?;
    let edit = format!("update public.{} set address = 'edited in the application', remarks = 'mine'", sync.table);
    sync.database.batch_execute(&edit).await?;
    sync.sheet.set("C5", 42).await?;
    assert_eq!(sync.run_type("full").await?.status, "completed");
    let kept = format!(
        "select count(*) from public.{} where address = 'edited in the application' and remarks = 'mine'",
        sync.table
    );
    assert_eq!(sync.number(&kept).await?, 30);
    let written = format!("select price_yen from public.{} where listing_no = 'AA00004'", sync.table);
    assert_eq!(sync.number(&written).await?, 42);
    Ok(())
}

#[tokio::test]
async fn a_message_delivered_twice_changes_nothing() -> Result<()> {
    let sync = Sync::named("twice").rows(600).create().await?;
    let run = sync.run().await?;
    let (versions, delivered) = (sync.versions().await?, sync.deliveries(run.id).await?);
    // What a person typed meanwhile must survive, too.
    sync.database
        .batch_execute(&format!("update public.{} set price_yen = 1 where listing_no = 'AA00001'", sync.table))
        .await?;
    let messages = sync.messages(run.id, &(1..=600).map(row).collect::<Vec<_>>()).await?;
    assert_eq!(messages.len(), 2);
    for message in messages.iter().chain(&messages) {
        sync.send(message).await?;
    }
    eventually("all four are answered", async || (sync.deliveries(run.id).await.ok()? == delivered + 4).then_some(()))
        .await;
    let after = sync.state(run.id).await?;
    assert_eq!((after.status.as_str(), after.inserted, after.unchanged), ("completed", 600, 0));
    let edited =
        sync.number(&format!("select price_yen from public.{} where listing_no = 'AA00001'", sync.table)).await?;
    assert_eq!(edited, 1);
    let moved = sync.versions().await?.into_iter().filter(|(key, version)| versions.get(key) != Some(version)).count();
    assert_eq!(moved, 1, "only the row that was edited by hand");
    Ok(())
}

#[tokio::test]
async fn an_old_message_never_overwrites_a_newer_run() -> Result<()> {
    let sync = Sync::named("old-run").rows(20).create().await?;
    let old = sync.run().await?;
    let messages = sync.messages(old.id, &(1..=20).map(row).collect::<Vec<_>>()).await?;
    // As if this batch of the old run had never arrived: the ledger does not know it.
    sync.database.execute("delete from public.sync_batches where run = $1", &[&old.id]).await?;
    sync.sheet.set("C2", 777).await?;
    let new = sync.run().await?;
    assert_eq!(new.updated, 1);
    let (versions, delivered) = (sync.versions().await?, sync.deliveries(old.id).await?);
    for message in &messages {
        sync.send(message).await?;
    }
    eventually("it is answered", async || (sync.deliveries(old.id).await.ok()? > delivered).then_some(())).await;
    assert_eq!(sync.versions().await?, versions);
    assert_eq!(
        sync.number("select count(*) from public.sync_batches where run = '00000000-0000-0000-0000-000000000000'")
            .await?,
        0
    );
    let ledger = sync.database.query("select 1 from public.sync_batches where run = $1", &[&old.id]).await?;
    assert!(ledger.is_empty(), "nothing was applied under the old run");
    Ok(())
}

#[tokio::test]
async fn second_scheduler_reports_that_a_run_is_in_progress() -> Result<()> {
    let sync = Sync::named("two-schedulers").rows(300).create().await?;
    // The first is kept in the middle of its work until the second has answered.
    let held = sync
        .control
        .add_fault(&Fault {
            path: "sync_range_digests".to_owned(),
            body: sync.name.clone(),
            after: 0,
            times: None,
            action: Action::HoldRequest,
        })
        .await?;
    let (first, second) = tokio::join!(sync.ask("manual"), async {
        eventually("the first plans", async || {
            let faults = sync.control.faults().await.ok()?;
            faults.iter().any(|fault| fault.id == held && fault.hits > 0).then_some(())
        })
        .await;
        let second = sync.ask("scheduled").await;
        sync.control.remove_fault(held).await?;
        second
    });
    let (first, second) = (first?, second?);
    assert_eq!((first.status.as_str(), second.status.as_str()), ("planned", "busy"));
    assert_eq!(first.run, second.run, "the second says which run is in its way");
    let run = sync.closed(first.run.unwrap_or_default()).await?;
    assert_eq!((run.status.as_str(), run.inserted), ("completed", 300));
    assert_eq!(sync.database.query("select 1 from public.sync_state where sync = $1", &[&sync.name]).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_asked_for_twice_runs_once() -> Result<()> {
    let sync = Sync::named("asked-twice").rows(10).create().await?;
    let event = json!({"type": "manual", "run": uuid::Uuid::new_v4()});
    let first = sync.ask_with(event.clone()).await?;
    sync.closed(first.run.unwrap_or_default()).await?;
    let second = sync.ask_with(event).await?;
    assert_eq!((first.status.as_str(), second.status.as_str()), ("planned", "duplicate"));
    Ok(())
}

#[tokio::test]
async fn a_worker_killed_between_apply_and_acknowledgement_does_no_harm() -> Result<()> {
    let sync = Sync::named("killed").rows(400).create().await?;
    let held = sync
        .control
        .add_fault(&Fault {
            path: "sync_apply".to_owned(),
            body: sync.name.clone(),
            after: 0,
            times: None,
            action: Action::HoldAnswer,
        })
        .await?;
    let report = sync.ask("manual").await?;
    let run = report.run.unwrap_or_default();
    // The transaction has committed, the worker does not know yet.
    let committed = sync.closed(run).await?;
    assert_eq!((committed.status.as_str(), committed.inserted), ("completed", 400));
    let versions = sync.versions().await?;
    assert!(sync.kill_workers()? > 0, "a worker was waiting for the answer");
    sync.control.remove_fault(held).await?;
    eventually("the message comes back and is answered", async || {
        let answered = sync.control.requests("sync_apply", &run.to_string()).await.ok()?;
        (answered.iter().filter(|request| request.status == Some(200) && !request.fault).count() == 1).then_some(())
    })
    .await;
    let after = sync.state(run).await?;
    assert_eq!((after.status.as_str(), after.inserted), ("completed", 400));
    assert_eq!(sync.versions().await?, versions);
    Ok(())
}

#[tokio::test]
async fn selective_run_sends_chosen_rows_and_names_missing_ones() -> Result<()> {
    let sync = Sync::named("selective").rows(30).options(HARD).create().await?;
    let keys =
        |text: &str| text.replace("column = \"listing_no\"\n", "column = \"listing_no\"\nnormalize = \"nfkc\"\n");
    sync.define(&keys(&sync.definition_text(HARD)))?;
    assert_eq!(sync.run().await?.inserted, 30);
    sync.sheet.set("C3", 1).await?;
    sync.sheet.set("C4", 2).await?;
    sync.sheet.delete_rows(31, 1).await?;
    let before = sync.versions().await?;
    // As a person may type them: full width, and a row that is no longer there.
    let report = sync.ask_with(json!({"type": "selective", "keys": ["ＡＡ００００２", "AA00030"]})).await?;
    let run = sync.closed(report.run.unwrap_or_default()).await?;
    assert_eq!((run.total_rows, run.rows_sent, run.updated, run.deleted, run.keys_vanished), (1, 1, 1, 0, 0));
    run.assert_adds_up();
    let missing = "select metadata #>> '{missingKeys}' from public.sync_state where id = $1";
    assert_eq!(sync.database.query_one(missing, &[&run.id]).await?.get::<_, String>(0), "[\"AA00030\"]");
    let after = sync.versions().await?;
    let moved: Vec<&String> = before.keys().filter(|key| before.get(*key) != after.get(*key)).collect();
    assert_eq!(moved, ["AA00002"], "neither the other edit nor the vanished row was touched");
    Ok(())
}
