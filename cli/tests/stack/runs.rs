//! `sync` and `watch`.

use anyhow::Result;
use sheetsync_local::{Action, Fault};
use sheetsync_tests::{Api, Sync, eventually};
use uuid::Uuid;

use crate::Sheetsync;

#[tokio::test]
async fn sync_wait_exits_with_zero_only_for_a_completed_run() -> Result<()> {
    let sync = Sync::named("cli-sync").rows(5).create().await?;
    let sheetsync = Sheetsync(&sync);
    insta::assert_snapshot!("never_ran", sheetsync.run("watch SYNC"));
    insta::assert_snapshot!("complete", sheetsync.run("sync SYNC --wait"));
    sync.sheet.set("C4", "要確認").await?;
    insta::assert_snapshot!("partial", sheetsync.run("sync SYNC --wait"));
    insta::assert_snapshot!("one_row", sheetsync.run("sync SYNC --keys AA00001 --wait"));
    let unknown = sheetsync.run("sync nosuchsync");
    assert!(unknown.contains("404") && unknown.ends_with("exit 1\n"), "{unknown}");
    Ok(())
}

#[tokio::test]
async fn watch_follows_the_run_that_is_under_way() -> Result<()> {
    let sync = Sync::named("cli-watch").rows(5).create().await?;
    let sheetsync = Sheetsync(&sync);
    let held = Fault {
        path: "sync_apply".to_owned(),
        body: sync.name.clone(),
        after: 0,
        times: None,
        action: Action::HoldRequest,
    };
    let held = sync.control.add_fault(&held).await?;
    insta::assert_snapshot!("accepted", sheetsync.run("sync SYNC"));
    let under_way = "select id from public.sync_state where sync = $1 and status = 'in_progress' and rows_sent = 5";
    let run: Uuid = eventually("the run is in progress", async || {
        Some(sync.database.query_opt(under_way, &[&sync.name]).await.ok()??.get(0))
    })
    .await;

    // What the API says of all syncs may be a second old, and then there is no run to watch.
    let of_sync = format!("/api/syncs/{}", sync.name);
    Api::reader()?.read_when(&of_sync, "/sync/runningRun/id", &serde_json::json!(run)).await;
    // Through the API, which asks Supabase for the run each time.
    let asked = async || Ok::<_, anyhow::Error>(sync.control.requests(&run.to_string(), "").await?.len());
    let before = asked().await?;
    let mut watch = sheetsync.command("watch SYNC");
    let watching = std::thread::spawn(move || watch.output());
    eventually("it watches the run", async || {
        // What it printed is compared below.
        (watching.is_finished() || asked().await.ok()? > before).then_some(())
    })
    .await;
    sync.control.remove_fault(held).await?;
    let output = tokio::task::spawn_blocking(|| watching.join()).await?.expect("it does not panic")?;
    insta::assert_snapshot!("watched", sheetsync.shown("watch SYNC", &output));
    Ok(())
}
