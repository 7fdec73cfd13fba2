//! Plans and verifications against the deployed functions: a plan writes nothing and says what the run after it then does; a
//! verification finds changes that the sync did not make.

use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::{Value, json};
use sheetsync::verify::{Reason, Verdict};
use sheetsync_tests::{Api, Sync, eventually, row};

const SOFT: &str = r#"on_delete = { policy = "soft", column = "deleted_at" }"#;

/// How many rows the tables have for this sync in which a run is recorded.
async fn recorded(sync: &Sync) -> Result<Vec<i64>> {
    let mut counts = Vec::new();
    for table in ["sync_targets", "sync_state", "sync_rows", "sync_errors"] {
        let sql = format!("select count(*) from public.{table} where sync = $1");
        counts.push(sync.database.query_one(&sql, &[&sync.name]).await?.get(0));
    }
    Ok(counts)
}

#[tokio::test]
async fn plan_writes_nothing_and_the_run_does_as_planned() -> Result<()> {
    let sync = Sync::named("planned").rows(60).options(SOFT).create().await?;
    sync.run().await?;
    sync.sheet.set("C3", 77).await?;
    sync.sheet.set("C4", "要確認").await?;
    sync.sheet.delete_rows(11, 2).await?;
    sync.sheet.append(vec![row(61), row(62), row(63)]).await?;
    let (versions, records) = (sync.versions().await?, recorded(&sync).await?);

    let plan = sync.plan(json!({"dryRun": true})).await?;

    assert_eq!(sync.versions().await?, versions, "no row of the table was written");
    assert_eq!(recorded(&sync).await?, records, "no run, no row and no error was recorded");
    let sample = plan["columns"][2]["samples"][0].clone();
    assert_eq!(
        (&sample["cell"], &sample["old"], &sample["new"]),
        (&json!("C3"), &json!(1_000_002), &json!(77)),
        "{plan}"
    );
    assert_eq!(plan["rejections"][0]["cell"], "C4");
    let run = sync.run().await?;
    let did = json!([run.total_rows, run.inserted, run.updated, run.unchanged, run.deleted, run.rejected]);
    let said: Value = ["rowsRead", "insert", "update", "unchanged", "delete", "reject"]
        .iter()
        .map(|name| plan[name].clone())
        .collect();
    assert_eq!(said, did);
    assert_eq!(did, json!([61, 3, 1, 56, 2, 1]));
    Ok(())
}

#[tokio::test]
async fn first_plan_reports_rows_that_it_would_adopt() -> Result<()> {
    let sync = Sync::named("plan-first").rows(5).options("adopt = \"sheet\"").create().await?;
    let there = format!("insert into public.{} (listing_no, price_yen) values ('AA00002', 1)", sync.table);
    sync.database.batch_execute(&there).await?;
    let plan = sync.plan(json!({"type": "selective", "keys": ["AA00001", "AA00002"], "dryRun": true})).await?;
    assert_eq!(
        [&plan["rowsRead"], &plan["insert"], &plan["update"], &plan["adopt"]],
        [2, 1, 1, 1].map(Value::from).each_ref()
    );
    assert_eq!(sync.number(&format!("select count(*) from public.{}", sync.table)).await?, 1);
    Ok(())
}

#[tokio::test]
async fn dry_run_requested_and_delivered_twice_is_one_plan() -> Result<()> {
    let sync = Sync::named("planned-twice").rows(5).create().await?;
    let operator = Api::operator()?;
    let path = format!("/api/syncs/{}/runs", sync.name);
    let ask = async || {
        let body = Some(json!({"dryRun": true}).to_string());
        operator.send(Method::POST, &path, &[("idempotency-key", "the same")], body).await
    };
    let (first, second) = (ask().await?, ask().await?);
    assert_eq!((first.status, second.status), (202, 202), "{} {}", first.text, second.text);
    let plan = first.json["run"].clone();
    assert_eq!(second.json["run"], plan);
    let reader = Api::reader()?;
    let location = first.json["location"].as_str().context("a location")?;
    let made = eventually("the plan is made", async || {
        let answer = reader.get(location).await.ok()?;
        (answer.status == 200 && answer.json["status"] != "running").then_some(answer.json)
    })
    .await;
    assert_eq!((&made["status"], &made["plan"]["insert"]), (&json!("done"), &json!(5)), "{made}");
    // Lambda delivers what it was given at least once.
    let again = sync.ask_with(json!({"type": "manual", "dryRun": true, "run": plan})).await?;
    assert_eq!(again.status, "duplicate");
    assert_eq!(reader.get(location).await?.json, made);
    assert_eq!(sync.number(&format!("select count(*) from public.sync_plans where sync = '{}'", sync.name)).await?, 1);
    Ok(())
}

#[tokio::test]
async fn verification_after_a_run_is_equal_and_allows_kept_edits() -> Result<()> {
    let sync = Sync::named("verified").rows(40).create().await?;
    sync.run().await?;
    let equal = sync.verification().await?;
    assert_eq!((equal.verdict, equal.rows_equal, equal.rows_in_table), (Verdict::Equal, 40, 40));

    let edit = format!("update public.{} set price_yen = 5 where listing_no = 'AA00007'", sync.table);
    sync.database.batch_execute(&edit).await?;
    let edited = sync.verification().await?;
    assert_eq!((edited.verdict, edited.rows_equal), (Verdict::Allowed, 39));
    assert_eq!(edited.findings[0].column.as_deref(), Some("price_yen"));
    Ok(())
}

#[tokio::test]
async fn drift_in_a_sheet_owned_column_names_its_cell() -> Result<()> {
    let sync = Sync::named("drifted").rows(40).create().await?;
    let owned =
        sync.definition_text("").replace("column = \"price_yen\"", "column = \"price_yen\"\nauthority = \"sheet\"");
    sync.define(&owned)?;
    sync.run().await?;
    let edit = format!("update public.{} set price_yen = 5 where listing_no = 'AA00007'", sync.table);
    sync.database.batch_execute(&edit).await?;
    let found = sync.verification().await?;
    assert_eq!(found.verdict, Verdict::Different);
    let finding = found.findings.first().context("a finding")?;
    assert_eq!((finding.reason, finding.allowed, finding.column.as_deref()), (Reason::Drift, false, Some("price_yen")));
    assert_eq!(finding.samples[0].cell.as_deref(), Some("C8"));
    assert!(found.repair.is_some(), "it says which run fixes it");
    sync.run_type("full").await?;
    assert_eq!(sync.verification().await?.verdict, Verdict::Equal);
    Ok(())
}
