//! A run without a request: EventBridge Scheduler starts the deployed scheduler by itself.

use std::time::Duration;

use anyhow::Result;
use sheetsync_tests::{Sync, eventually_within, row, schedule};

#[tokio::test]
async fn the_schedule_starts_a_run_by_itself() -> Result<()> {
    let sync = Sync::named("by-schedule").rows(20).create().await?;
    let before = schedule("rate(1 minute)").await?;
    let run = eventually_within(Duration::from_secs(120), "the schedule starts a run", async || {
        let found = sync
            .database
            .query("select id from public.sync_state where sync = $1 and sync_type = 'scheduled'", &[&sync.name])
            .await;
        found.ok()?.first()?.try_get::<_, uuid::Uuid>(0).ok()
    })
    .await;
    schedule(&before).await?;
    let run = sync.closed(run).await?;
    assert_eq!((run.status.as_str(), run.inserted), ("completed", 20));
    sync.assert_table(&(1..=20).map(row).collect::<Vec<_>>()).await
}
