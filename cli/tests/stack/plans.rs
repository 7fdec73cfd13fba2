//! `plan` and `verify`.

use anyhow::Result;
use sheetsync_tests::{Sync, eventually, row};

use crate::Sheetsync;

#[tokio::test]
async fn plan_exits_with_one_unless_the_run_would_complete() -> Result<()> {
    let sync = Sync::named("cli-plan")
        .rows(12)
        .options(r#"on_delete = { policy = "soft", column = "deleted_at" }"#)
        .create()
        .await?;
    let sheetsync = Sheetsync(&sync);
    // Until PostgREST knows the new table, a plan says that it does not know its types.
    sync.database.batch_execute("notify pgrst, 'reload schema'").await?;
    let first = eventually("PostgREST knows the table", async || {
        let first = sheetsync.run("plan SYNC");
        (!first.contains("types_unknown")).then_some(first)
    })
    .await;
    assert!(first.contains("SYNC: the run would be complete\n  12 rows read: 12 to insert"), "{first}");
    assert!(first.ends_with("exit 0\n"), "{first}");
    sync.run().await?;

    sync.sheet.set("C3", 77).await?;
    sync.sheet.set("C4", "要確認").await?;
    sync.sheet.delete_rows(13, 1).await?;
    sync.sheet.append(vec![row(13)]).await?;
    insta::assert_snapshot!(sheetsync.run("plan SYNC"));

    let runs = format!("select count(*) from public.sync_state where sync = '{}'", sync.name);
    assert_eq!(sync.number(&runs).await?, 1, "a plan is no run");
    let run = sync.run().await?;
    assert_eq!((run.inserted, run.updated, run.unchanged, run.rejected, run.deleted), (1, 1, 9, 1, 1));
    Ok(())
}

#[tokio::test]
async fn verify_exits_with_one_only_for_forbidden_differences() -> Result<()> {
    let sync = Sync::named("cli-verify").rows(12).create().await?;
    let owned =
        sync.definition_text("").replace("column = \"price_yen\"", "column = \"price_yen\"\nauthority = \"sheet\"");
    sync.define(&owned)?;
    sync.run().await?;
    let sheetsync = Sheetsync(&sync);
    insta::assert_snapshot!("equal", sheetsync.run("verify SYNC"));

    let edit = |column: &str| format!("update public.{} set {column} where listing_no = 'AA00007'", sync.table);
    sync.database.batch_execute(&edit("address = 'edited in the application'")).await?;
    insta::assert_snapshot!("allowed", sheetsync.run("verify SYNC"));

    sync.database.batch_execute(&edit("price_yen = 5")).await?;
    insta::assert_snapshot!("different", sheetsync.run("verify SYNC"));

    // What it says to do helps.
    insta::assert_snapshot!("mended", sheetsync.run("sync SYNC --full --wait"));
    let after = sheetsync.run("verify SYNC");
    assert!(after.contains("differ only where they may") && after.ends_with("exit 0\n"), "{after}");
    Ok(())
}
