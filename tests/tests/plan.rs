//! Plans and verifications against the deployed functions: a plan writes nothing and says what the run after it then does; a
//! verification finds what somebody changed behind the sync's back.

use anyhow::{Context as _, Result};
use secrecy::SecretString;
use serde_json::{Value, json};
use sheetsync::definition::{self, Definition};
use sheetsync::sheets::{ServiceAccount, Sheets};
use sheetsync::supabase::Supabase;
use sheetsync::verify::{self, Reason, Verdict, Verification};
use sheetsync_local::Settings;
use sheetsync_tests::{Api, Sync, eventually, row};

const SOFT: &str = r#"on_delete = { policy = "soft", column = "deleted_at" }"#;

/// Asks for a dry run and waits for its plan.
async fn plan(sync: &Sync, request: Value) -> Result<Value> {
    let answer = Api::operator()?.post(&format!("/api/syncs/{}/runs", sync.name), &request).await?;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let location = answer.json["location"].as_str().context("a location")?.to_owned();
    let reader = Api::reader()?;
    let ended = eventually("the plan is made", async || {
        let answer = reader.get(&location).await.ok()?;
        (answer.status == 200 && answer.json["status"] != "running").then_some(answer.json)
    })
    .await;
    assert_eq!(ended["status"], "done", "{ended}");
    Ok(ended["plan"].clone())
}

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
async fn a_plan_writes_nothing_and_the_run_after_it_does_what_it_said() -> Result<()> {
    let sync = Sync::named("planned").rows(60).options(SOFT).create().await?;
    sync.run().await?;
    sync.sheet.set("C3", 77).await?;
    sync.sheet.set("C4", "要確認").await?;
    sync.sheet.delete_rows(11, 2).await?;
    sync.sheet.append(vec![row(61), row(62), row(63)]).await?;
    let (versions, records) = (sync.versions().await?, recorded(&sync).await?);

    let plan = plan(&sync, json!({"dryRun": true})).await?;

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
async fn a_plan_of_a_sync_that_never_ran_reports_what_it_would_adopt() -> Result<()> {
    let sync = Sync::named("plan-first").rows(5).create().await?;
    let there = format!("insert into public.{} (listing_no, price_yen) values ('AA00002', 1)", sync.table);
    sync.database.batch_execute(&there).await?;
    let plan = plan(&sync, json!({"type": "selective", "keys": ["AA00001", "AA00002"], "dryRun": true})).await?;
    assert_eq!(
        [&plan["rowsRead"], &plan["insert"], &plan["update"], &plan["adopt"]],
        [2, 1, 1, 1].map(Value::from).each_ref()
    );
    assert_eq!(sync.number(&format!("select count(*) from public.{}", sync.table)).await?, 1);
    Ok(())
}

/// Compares the sheet of a sync with its table.
async fn verification(sync: &Sync) -> Result<Verification> {
    let settings = Settings::from_env()?;
    let sheet = settings.sheet.context("the stack has a Sheets server")?;
    let key = std::fs::read_to_string(&sheet.google_application_credentials)?;
    let account = ServiceAccount::from_json(&SecretString::from(key))?;
    let sheets = Sheets::new(account, &sheet.sheets_base_url, &sheet.drive_base_url)?;
    let supabase = Supabase::new(&settings.supabase_url, SecretString::from(settings.supabase_secret_key))?;
    let text = std::fs::read_to_string(sync.definition())?;
    let definition: Definition = Definition::parse(sync.definition(), &text)?;
    let definition: &definition::Sync = definition.syncs.first().context("a sync")?;
    Ok(verify::verify(&sheets, &supabase, definition).await?)
}

#[tokio::test]
async fn after_a_run_sheet_and_table_are_equal_and_an_edit_that_the_merge_keeps_is_allowed() -> Result<()> {
    let sync = Sync::named("verified").rows(40).create().await?;
    sync.run().await?;
    let equal = verification(&sync).await?;
    assert_eq!((equal.verdict, equal.rows_equal, equal.rows_in_table), (Verdict::Equal, 40, 40));

    let edit = format!("update public.{} set price_yen = 5 where listing_no = 'AA00007'", sync.table);
    sync.database.batch_execute(&edit).await?;
    let edited = verification(&sync).await?;
    assert_eq!((edited.verdict, edited.rows_equal), (Verdict::Allowed, 39));
    assert_eq!(edited.findings[0].column.as_deref(), Some("price_yen"));
    Ok(())
}

#[tokio::test]
async fn a_drift_in_a_column_that_the_sheet_owns_is_found_with_its_cell() -> Result<()> {
    let sync = Sync::named("drifted").rows(40).create().await?;
    let owned =
        sync.definition_text("").replace("column = \"price_yen\"", "column = \"price_yen\"\nauthority = \"sheet\"");
    sync.define(&owned)?;
    sync.run().await?;
    let edit = format!("update public.{} set price_yen = 5 where listing_no = 'AA00007'", sync.table);
    sync.database.batch_execute(&edit).await?;
    let found = verification(&sync).await?;
    assert_eq!(found.verdict, Verdict::Different);
    let finding = found.findings.first().context("a finding")?;
    assert_eq!((finding.reason, finding.allowed, finding.column.as_deref()), (Reason::Drift, false, Some("price_yen")));
    assert_eq!(finding.samples[0].cell.as_deref(), Some("C8"));
    assert!(found.repair.is_some(), "it says which run mends it");
    sync.run_type("full").await?;
    assert_eq!(verification(&sync).await?.verdict, Verdict::Equal);
    Ok(())
}
