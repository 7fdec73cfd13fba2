//! Makes what docs/DASHBOARD.md shows: `make screenshots`. On a fresh stack of its own it lets an agency's syncs live through
//! what happens to them (edits, cells that cannot be used, a database that refuses a batch, half a tab deleted by accident,
//! a run in progress), spreads the runs over a day, and has the browser look (functions/status/dashboard/e2e/docs).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use sheetsync_local::{Action, Fault};
use sheetsync_tests::{Api, Run, Sync, eventually, row};
use uuid::Uuid;

/// How many runs each sync has behind it.
const RUNS: u32 = 30;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let listings = Sync::called("listings").rows(4_000).options("batch_rows = 20").create().await?;
    let rentals = Sync::called("rentals").rows(600).options("every = \"5m\"").create().await?;
    let options = "on_delete = { policy = \"soft\", column = \"deleted_at\", guard_rows = 20, guard_percent = 10 }";
    let owners = Sync::called("owners").rows(300).options(options).create().await?;
    let sold = Sync::called("sold").rows(400).options("batch_rows = 40").create().await?;
    listings.database.batch_execute("notify pgrst, 'reload schema'").await?;
    for sync in [&listings, &rentals, &owners, &sold] {
        sync.run().await?;
    }
    for number in 0..RUNS {
        for sync in [&listings, &rentals] {
            edit(sync, number).await?;
            sync.run().await?;
        }
    }
    let restored = lose_rows(&rentals).await?;
    spoil(&listings).await?;
    spoil(&sold).await?;
    give_up_a_batch(&sold).await?;
    owners.sheet.delete_rows(2, 150).await?;
    let withheld = owners.run().await?;
    ensure!(withheld.deletes_withheld.is_some(), "{withheld:?}");
    spread_over_a_day(&listings).await?;
    let adoption = fill_before_the_first_run().await?;

    let operator = Api::operator()?;
    for (path, body) in [
        ("/api/syncs/rentals/runs", json!({"type": "full", "why": "the price column was edited in the database"})),
        ("/api/syncs/sold/redrive", json!({"dryRun": false, "limit": 1, "why": "the database has room again"})),
    ] {
        let answer = operator.post(path, &body).await?;
        ensure!(answer.status < 300, "{path}: {}", answer.text);
    }
    let partial = give_up_a_batch(&sold).await?;

    // What the preview shows: people went on typing.
    rentals.sheet.append((601..=607).map(row).collect()).await?;
    rentals.sheet.set("C9", "応相談").await?;
    edit(&rentals, RUNS).await?;
    // A full run that works for as long as the browser looks.
    listings.control.add_fault(&fault(&listings, 40, Action::Delay { milliseconds: 2_000 })).await?;
    let live = listings.ask("full").await?.run.context("it has begun")?;
    eventually("it is in progress", async || (listings.state(live).await.ok()?.unchanged >= 800).then_some(())).await;
    look(&json!({
        "partial": partial.id, "withheld": withheld.id, "adoption": adoption.id, "live": live, "restored": restored.id,
    }))
}

/// Rows are deleted in the application; the next scheduled run inserts them again, and compares everything.
async fn lose_rows(sync: &Sync) -> Result<Run> {
    let sql = format!("delete from public.{} where listing_no between 'AA00100' and 'AA00111'", sync.table);
    sync.database.batch_execute(&sql).await?;
    let run = sync.run_type("scheduled").await?;
    ensure!(run.inserted == 12, "{run:?}");
    eventually("it has compared sheet and table", async || {
        let shown = Api::reader().ok()?.read(&format!("/api/runs/{}", run.id)).await.ok()?;
        (!shown["verification"].is_null()).then_some(())
    })
    .await;
    Ok(run)
}

/// A table that held some of the sheet's rows already, with other prices and addresses.
async fn fill_before_the_first_run() -> Result<Run> {
    let sync = Sync::called("imported").rows(200).create().await?;
    let sql = format!(
        "insert into public.{} (listing_no, address, price_yen)
         select 'AA' || lpad(n::text, 5, '0'), '東京都港区芝 ' || n || '-1', 25000000 + n * 100000
         from generate_series(1, 12) as n",
        sync.table
    );
    sync.database.batch_execute(&sql).await?;
    let run = sync.run().await?;
    ensure!(run.withheld == 12, "{run:?}");
    Ok(run)
}

/// People type: some prices and addresses.
async fn edit(sync: &Sync, number: u32) -> Result<()> {
    let cells: Vec<Value> = (0..=number * 7 % 23)
        .map(|step| {
            let line = 2 + (number * 31 + step * 17) % 500;
            json!({"set": {"range": format!("'物件'!C{line}"), "values": [[30_000_000 + 1_000 * number + step]]}})
        })
        .collect();
    sync.sheet.edit(Value::from(cells), 0).await
}

/// What stands in real sheets.
async fn spoil(sync: &Sync) -> Result<()> {
    for (cell, value) in [
        ("C14", "応相談"),
        ("D21", "近日公開"),
        ("C58", "#REF!"),
        ("D77", "令和6年13月1日"),
        ("C103", "１億２千万くらい"),
        ("A131", ""),
        ("C166", "<script>alert(1)</script>"),
        ("D205", "=HYPERLINK(\"https://evil.example\",\"2024/3/1\")"),
    ] {
        sync.sheet.set(cell, value).await?;
    }
    let copied = row(250);
    sync.sheet.set("A252", copied[0].clone()).await?;
    sync.run().await.map(drop)
}

/// The database refuses one batch permanently.
async fn give_up_a_batch(sync: &Sync) -> Result<Run> {
    let body =
        r#"{"code":"23514","message":"new row violates check constraint \"listings_address_check\""}"#.to_owned();
    let action = Action::Answer { status: 400, headers: BTreeMap::new(), body };
    let fault = sync.control.add_fault(&fault(sync, 0, action)).await?;
    sync.sheet.set("B300", format!("東京都港区 {}", Uuid::new_v4().simple())).await?;
    let run = sync.run().await?;
    sync.control.remove_fault(fault).await?;
    ensure!(run.failed > 0, "{run:?}");
    Ok(run)
}

fn fault(sync: &Sync, after: u64, action: Action) -> Fault {
    Fault { path: "sync_apply".to_owned(), body: sync.name.clone(), after, times: None, action }
}

/// The charts are of a day; these runs took a minute.
async fn spread_over_a_day(sync: &Sync) -> Result<()> {
    let sql = "
        update public.sync_state s
        set started_at = started_at - p.age, planned_at = planned_at - p.age, heartbeat_at = heartbeat_at - p.age,
            completed_at = completed_at - p.age
        from (select id, (row_number() over (partition by sync order by seq desc) - 1) * interval '41 minutes' as age
              from public.sync_state) as p
        where p.id = s.id";
    sync.database.batch_execute(sql).await.context("the runs cannot be moved")
}

/// Has the browser look at it.
fn look(runs: &Value) -> Result<()> {
    let dashboard = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/status/dashboard");
    let status = Command::new("node")
        .current_dir(dashboard)
        .args(["node_modules/vitest/vitest.mjs", "run", "--config", "e2e/vitest.config.ts"])
        .envs([("DOCS", runs.to_string()), ("SYNCS", "{}".to_owned())])
        .status()
        .context("node cannot be started")?;
    ensure!(status.success(), "the browser could not see everything");
    Ok(())
}
