//! `approve-deletes`.

use anyhow::Result;
use sheetsync_tests::{Sync, row};

use crate::Sheetsync;

#[tokio::test]
async fn approving_a_withheld_deletion_deletes_exactly_the_rows_shown() -> Result<()> {
    let sync = Sync::named("cli-deletes")
        .rows(30)
        .options("on_delete = { policy = \"hard\", guard_rows = 5, guard_percent = 10 }")
        .create()
        .await?;
    sync.run().await?;
    let sheetsync = Sheetsync(&sync);
    insta::assert_snapshot!("nothing_withheld", sheetsync.run("approve-deletes SYNC --why sold"));

    sync.sheet.delete_rows(26, 6).await?;
    insta::assert_snapshot!("withheld", sheetsync.run("sync SYNC --wait"));
    insta::assert_snapshot!("nobody_to_ask", sheetsync.run("approve-deletes SYNC --why sold"));
    insta::assert_snapshot!("refused", sheetsync.run_answering("approve-deletes SYNC --why sold", "n"));
    assert_eq!(sync.run().await?.deleted, 0, "nothing is approved yet");
    insta::assert_snapshot!("approved", sheetsync.run_answering("approve-deletes SYNC --why sold", "y"));

    // One more is gone: that is another set.
    sync.sheet.delete_rows(25, 1).await?;
    let other = sync.run().await?;
    assert_eq!((other.deleted, other.keys_vanished), (0, 0), "{other:?}");
    assert!(other.deletes_withheld.is_some());
    sync.sheet.append(vec![row(24)]).await?;
    let approved = sync.run().await?;
    assert_eq!((approved.status.as_str(), approved.deleted), ("completed", 6), "{approved:?}");
    sync.assert_table(&(1..=24).map(row).collect::<Vec<_>>()).await?;
    Ok(())
}
