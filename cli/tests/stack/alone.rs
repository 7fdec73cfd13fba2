//! `dead-letters`, `redrive` and `circuit` act on what all syncs share, so each of these tests runs alone
//! (.config/nextest.toml).

use anyhow::Result;
use sheetsync::queue::Inbox as _;
use sheetsync_tests::{Sync, eventually, row};

use crate::Sheetsync;

#[tokio::test]
async fn dead_letters_are_listed_inspected_and_redriven_or_dropped() -> Result<()> {
    let sync = Sync::named("cli-letters").rows(10).create().await?;
    let old = sync.run().await?;
    let stale = sync.message_of(old.id, &[row(11)]).await?;
    let new = sync.run().await?;
    let current = sync.message_of(new.id, &[row(12)]).await?;
    let dead_letters = sync.dead_letter_queue().await;
    for body in [&stale, &current] {
        dead_letters.send_dead_letter(body, "57014: too slow").await?;
    }
    let sheetsync = Sheetsync(&sync);
    let listed = sheetsync.command("dead-letters list --sync SYNC").output()?;
    insta::assert_snapshot!("list", sheetsync.shown("dead-letters list --sync SYNC", &listed));
    let listed = String::from_utf8(listed.stdout)?;
    let message = listed.lines().nth(1).and_then(|line| line.split_whitespace().next()).expect("one is listed");
    insta::assert_snapshot!("inspect", sheetsync.run(&format!("dead-letters inspect {message}")));

    insta::assert_snapshot!("dry_run", sheetsync.run("redrive --sync SYNC --dry-run"));
    insta::assert_snapshot!("nobody_to_ask", sheetsync.run("redrive --sync SYNC"));
    insta::assert_snapshot!("redriven", sheetsync.run_answering("redrive --sync SYNC", "y"));
    eventually("the current one is applied", async || sync.table().await.ok()?.contains_key("AA00012").then_some(()))
        .await;
    assert!(!sync.table().await?.contains_key("AA00011"), "the other was dropped");
    insta::assert_snapshot!("none", sheetsync.run("dead-letters list --sync SYNC"));
    Ok(())
}

#[tokio::test]
async fn dead_letters_are_exported_before_they_are_discarded() -> Result<()> {
    let sync = Sync::named("cli-discard").rows(2).create().await?;
    let run = sync.run().await?;
    let body = sync.message_of(run.id, &[row(3)]).await?;
    sync.dead_letter_queue().await.send_dead_letter(&body, "a test").await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("letters.jsonl");
    let sheetsync = Sheetsync(&sync);
    insta::assert_snapshot!("unselected", sheetsync.run("dead-letters discard --yes"));
    let discard = format!("dead-letters discard --sync SYNC --export {} --yes", file.display());
    let discarded = sheetsync.run(&discard);
    assert!(discarded.ends_with("1 dead letters discarded\nexit 0\n"), "{discarded}");
    assert_eq!(sync.dead_letters().await?, 0);
    let exported = std::fs::read_to_string(&file)?;
    let exported: serde_json::Value = serde_json::from_str(&exported)?;
    assert_eq!((&exported["reason"], &exported["body"]), (&"a test".into(), &body.into()));
    Ok(())
}

/// Puts the breaker back, also when a test fails: every other test needs it.
struct PutBack<'a>(&'a Sheetsync<'a>);

impl Drop for PutBack<'_> {
    fn drop(&mut self) {
        self.0.run("circuit auto --why over --yes");
    }
}

#[tokio::test]
async fn the_breaker_is_opened_shown_and_left_to_itself_again() -> Result<()> {
    let sync = Sync::named("cli-circuit").rows(2).create().await?;
    let sheetsync = Sheetsync(&sync);
    let put_back = PutBack(&sheetsync);
    insta::assert_snapshot!("nobody_to_ask_about_it", sheetsync.run("circuit open --why maintenance"));
    insta::assert_snapshot!("opened", sheetsync.run_answering("circuit open --why maintenance", "y"));
    insta::assert_snapshot!("open", sheetsync.run("circuit"));
    let report = sync.ask("manual").await?;
    assert_eq!(report.status, "circuit_open", "{report:?}");
    insta::assert_snapshot!("auto", sheetsync.run("circuit auto --why over --yes"));
    let shown = sheetsync.run("circuit show");
    assert!(shown.ends_with("exit 0\n"), "{shown}");
    drop(put_back);
    // The functions believe what they read for a second.
    let run = eventually("a run begins again", async || sync.ask("manual").await.ok()?.run).await;
    assert_eq!(sync.closed(run).await?.status, "completed");
    Ok(())
}
