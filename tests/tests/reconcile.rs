//! Rows that the application deletes or changes in the table are restored by the next run, or is found within its interval, through
//! the deployed functions. The rules one by one are proved on Postgres alone, in `migrations/tests` and `tests/hostile`.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sheetsync_tests::{Api, Run, Sync, eventually, row};

/// Every column belongs to the sheet, and is compared in every run.
const OWNED: &str = "reconcile_every = \"0s\"\nverify_every = \"1h\"";

async fn owned(name: &str, options: &str) -> Result<Sync> {
    let sync = Sync::named(name).rows(20).create().await?;
    let text = sync
        .definition_text(options)
        .replace("column = \"price_yen\"", "column = \"price_yen\"\nauthority = \"sheet\"");
    anyhow::ensure!(text.contains("authority = \"sheet\""), "the definition maps price_yen");
    sync.define(&text)?;
    Ok(sync)
}

/// A column of a run that the tests' [`Run`] does not have.
async fn of_run(sync: &Sync, run: &Run, column: &str) -> Result<Value> {
    let sql = format!("select to_jsonb(s) -> '{column}' from public.sync_state as s where id = $1");
    Ok(sync.database.query_one(&sql, &[&run.id]).await?.get(0))
}

async fn all_rows(sync: &Sync) -> Result<()> {
    sync.assert_table(&(1..=20).map(row).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn deleted_rows_are_restored_and_sheet_owned_columns_corrected() -> Result<()> {
    let sync = owned("drift", OWNED).await?;
    assert_eq!(sync.run().await?.inserted, 20);
    let drift = format!(
        "delete from public.{0} where listing_no = 'AA00003'; update public.{0} set price_yen = 1 where listing_no = 'AA00007'",
        sync.table
    );
    sync.database.batch_execute(&drift).await?;

    let run = sync.run().await?;
    assert_eq!((run.status.as_str(), run.inserted, run.updated, run.unchanged), ("completed", 1, 1, 18), "{run:?}");
    assert_eq!((of_run(&sync, &run, "restored").await?, of_run(&sync, &run, "corrected").await?), (json!(1), json!(1)));
    assert_ne!(of_run(&sync, &run, "proved_at").await?, Value::Null);
    all_rows(&sync).await?;

    let api = Api::reader()?;
    let answer = api.read(&format!("/api/runs/{}", run.id)).await?;
    assert_eq!(
        (&answer["restored"], &answer["corrected"], &answer["checkedValues"]),
        (&json!(1), &json!(1), &json!(true))
    );
    // The overview may be a second old.
    eventually("equality is proved", async || {
        let answer = api.read(&format!("/api/syncs/{}", sync.name)).await.ok()?;
        Some(()).filter(|()| !answer["sync"]["provedAt"].is_null())
    })
    .await;
    assert_eq!(sync.run().await?.unchanged, 20, "once");
    Ok(())
}

#[tokio::test]
async fn a_deletion_that_is_respected_stands_and_is_listed() -> Result<()> {
    let sync = owned("respected", "on_missing = \"respect\"").await?;
    sync.run().await?;
    sync.database.batch_execute(&format!("delete from public.{} where listing_no = 'AA00003'", sync.table)).await?;
    for _ in 0..2 {
        let run = sync.run().await?;
        assert_eq!((run.status.as_str(), run.inserted, run.skipped), ("completed", 0, 1), "{run:?}");
        let errors = Api::reader()?.read(&format!("/api/syncs/{}/errors", sync.name)).await?;
        let codes: Vec<&Value> = errors["errors"].as_array().context("errors")?.iter().map(|it| &it["code"]).collect();
        assert_eq!(codes, ["deleted_in_database"], "{errors}");
    }
    assert_eq!(sync.table().await?.len(), 19);
    Ok(())
}

#[tokio::test]
async fn scheduled_run_verifies_once_per_period_and_shows_the_result() -> Result<()> {
    let sync = owned("verified", "reconcile_every = \"100h\"\nverify_every = \"1h\"\nevery = \"1m\"").await?;
    sync.run_type("scheduled").await?;
    let verification = async |sync: &Sync| {
        let answer = Api::reader().ok()?.read(&format!("/api/syncs/{}", sync.name)).await.ok()?;
        Some(answer["sync"]["verification"].clone()).filter(|found| !found.is_null())
    };
    let first = eventually("the first run is verified", async || verification(&sync).await).await;
    assert_eq!((&first["verdict"], &first["differences"]), (&json!("equal"), &json!(0)), "{first}");

    // What no comparison by keys sees, and the columns are not due for days.
    sync.database
        .batch_execute(&format!("update public.{} set price_yen = 1 where listing_no = 'AA00007'", sync.table))
        .await?;
    sync.database
        .execute(
            "update public.sync_state set started_at = started_at - interval '2 hours' where sync = $1",
            &[&sync.name],
        )
        .await?;
    sync.run_type("scheduled").await?;
    let second = eventually("the second run is verified", async || {
        verification(&sync).await.filter(|found| found["run"] != first["run"])
    })
    .await;
    assert_eq!((&second["verdict"], &second["differences"]), (&json!("different"), &json!(1)), "{second}");
    // What the overview says may be a second old.
    eventually("the sync is degraded by it", async || {
        let answer = Api::reader().ok()?.read(&format!("/api/syncs/{}", sync.name)).await.ok()?;
        answer["sync"]["reasons"].as_array()?.iter().any(|it| it["code"] == "verification_differs").then_some(())
    })
    .await;
    let run = second["run"].as_str().context("its run")?;
    let run = Api::reader()?.read(&format!("/api/runs/{run}")).await?;
    let finding = &run["verification"]["findings"][0];
    assert_eq!(
        (&finding["allowed"], &finding["column"], &finding["count"]),
        (&json!(false), &json!("price_yen"), &json!(1)),
        "{run}"
    );
    assert_eq!(finding["samples"][0]["cell"], "C8", "{run}");
    Ok(())
}
