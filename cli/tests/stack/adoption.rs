//! `approve-adoption`.

use anyhow::Result;
use sheetsync_tests::{Sync, row};

use crate::Sheetsync;

#[tokio::test]
async fn a_withheld_adoption_is_shown_asked_about_and_decided() -> Result<()> {
    let sync = Sync::named("cli-adoption").rows(3).create().await?;
    let before = format!("insert into public.{} (listing_no, address) values ('AA00002', E'\\e[31mold')", sync.table);
    sync.database.batch_execute(&before).await?;
    let sheetsync = Sheetsync(&sync);
    let nothing = sheetsync.run("approve-adoption SYNC --keep sheet --why import");
    assert!(nothing.ends_with("SYNC: no adoption was withheld\nexit 1\n"), "{nothing}");

    assert_eq!(sync.run().await?.status, "partial");
    let shown = sheetsync.run("approve-adoption SYNC --keep sheet --why import");
    assert!(shown.contains("1 rows of the table differ") && shown.contains("address"), "{shown}");
    assert!(shown.contains("there is no terminal to ask on") && !shown.contains('\u{1b}'), "{shown}");
    let refused = sheetsync.run_answering("approve-adoption SYNC --keep sheet --why import", "n");
    assert!(refused.contains("nothing is approved"), "{refused}");
    assert_eq!(sync.run().await?.status, "partial", "nothing is decided yet");

    let decided = sheetsync.run("approve-adoption SYNC --keep sheet --why import --yes");
    assert!(decided.ends_with("in these 1 rows\nexit 0\n"), "{decided}");
    assert_eq!(sync.run().await?.status, "completed");
    sync.assert_table(&(1..=3).map(row).collect::<Vec<_>>()).await?;
    Ok(())
}
