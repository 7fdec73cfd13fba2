//! The dashboard in a real browser (functions/status/dashboard/e2e), on the deployed stack: this prepares the syncs, lets the
//! browser's tests act, and then looks in the database at what came of it. They set the breaker, so they run alone
//! (.config/nextest.toml). Needs Chromium (CHROMIUM names it, if it is not /usr/bin/chromium) and `make dashboard`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use sheetsync_local::{Action, Fault};
use sheetsync_tests::{Sync, eventually, row};
use tokio::process::Command;

/// A run of twenty batches, for the watch page.
async fn live() -> Result<Sync> {
    Sync::named("live").rows(400).options("batch_rows = 20").create().await
}

/// Cells that attack the page, or the program that opens the CSV: script and formula injection.
async fn hostile() -> Result<Sync> {
    let sync = Sync::named("hostile")
        .exactly(vec![
            vec![
                json!("<script>alert('key')</script>"),
                json!("<img src=x onerror=alert('cell')>"),
                json!(r#"=HYPERLINK("https://evil.example","100")"#),
                json!(45_000),
            ],
            vec![json!("=cmd|' /C calc'!A0"), json!("javascript:alert(1)"), json!("<img src=x onerror=alert('cell')>")],
            vec![json!("\"><svg onload=alert(1)>"), json!("<b>bold</b>"), json!(3), json!(45_000)],
            row(1),
        ])
        .create()
        .await?;
    let run = sync.run().await?;
    ensure!((run.inserted, run.rejected) == (2, 2), "{run:?}");
    Ok(sync)
}

/// One of two batches lies among the dead letters; what it died of is over.
async fn redriven() -> Result<Sync> {
    let sync = Sync::named("redriven").rows(40).options("batch_rows = 20").create().await?;
    let refusal = Fault {
        path: "sync_apply".to_owned(),
        body: sync.name.clone(),
        after: 1,
        times: None,
        action: Action::Answer {
            status: 500,
            headers: BTreeMap::new(),
            body: r#"{"code":"21000","message":"a test"}"#.to_owned(),
        },
    };
    let fault = sync.control.add_fault(&refusal).await?;
    let run = sync.run().await?;
    ensure!((run.inserted, run.failed) == (20, 20), "{run:?}");
    eventually("it is among the dead letters", async || (sync.dead_letters().await.ok()? == 1).then_some(())).await;
    sync.control.remove_fault(fault).await?;
    Ok(sync)
}

/// Half of its rows are gone from the sheet and, since that is too many, still in the table.
async fn withheld() -> Result<Sync> {
    let options = "on_delete = { policy = \"soft\", column = \"deleted_at\", guard_rows = 5, guard_percent = 10 }";
    let sync = Sync::named("withheld").rows(40).options(options).create().await?;
    sync.run().await?;
    sync.sheet.delete_rows(2, 20).await?;
    let run = sync.run().await?;
    ensure!(run.deletes_withheld.is_some(), "{run:?}");
    Ok(sync)
}

/// A row was in the table before its first run, with other values than the sheet's; one of them is hostile.
async fn adopted() -> Result<Sync> {
    let sync = Sync::named("adopted").rows(3).create().await?;
    let before = format!(
        "insert into public.{} (listing_no, address, price_yen)
         values ('AA00002', '<img src=x onerror=alert(1)>', 5)",
        sync.table
    );
    sync.database.batch_execute(&before).await?;
    let run = sync.run().await?;
    ensure!((run.inserted, run.withheld) == (2, 1), "{run:?}");
    Ok(sync)
}

/// Lets the browser's tests act on these; their report is the error's text.
async fn act(syncs: &Value) -> Result<()> {
    let dashboard = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/status/dashboard");
    let output = Command::new("node")
        .current_dir(&dashboard)
        .args(["node_modules/vitest/vitest.mjs", "run", "--config", "e2e/vitest.config.ts"])
        .env("SYNCS", syncs.to_string())
        .env("NO_COLOR", "1")
        .kill_on_drop(true)
        .output()
        .await
        .context("node cannot be started")?;
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{printed}");
    println!("{printed}");
    Ok(())
}

#[tokio::test]
async fn the_dashboard_does_in_a_browser_what_it_is_for() -> Result<()> {
    let chosen = Sync::named("chosen").rows(10).create().await?;
    let (live, hostile, redriven, withheld, adopted) =
        tokio::try_join!(live(), hostile(), redriven(), withheld(), adopted())?;
    let syncs = json!({
        "live": live.name, "chosen": chosen.name, "hostile": hostile.name, "redriven": redriven.name,
        "withheld": withheld.name, "adopted": adopted.name,
    });
    act(&syncs).await?;

    let rows = |numbers: std::ops::RangeInclusive<usize>| numbers.map(row).collect::<Vec<_>>();
    live.assert_table(&rows(1..=400)).await?;
    chosen.assert_table(&[row(2), row(5)]).await?;
    redriven.assert_table(&rows(1..=40)).await?;
    ensure!(redriven.dead_letters().await? == 0, "the dead letter was redriven");
    withheld.assert_table(&rows(21..=40)).await?;
    adopted.assert_table(&rows(1..=3)).await?;
    let runs = |sync: &Sync| format!("select count(*) from sync_state where sync = '{}'", sync.name);
    ensure!(hostile.number(&runs(&hostile)).await? == 1, "a preview is no run");
    ensure!(live.number(&runs(&live)).await? == 1, "one click is one run");
    Ok(())
}
