//! The actions of operators, and their entries in the audit log.

use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::{Value, json};
use sheetsync_tests::{Api, Sync, eventually};
use uuid::Uuid;

/// The audit's entries of a sync, newest first.
async fn audit(sync: &str) -> Result<Vec<Value>> {
    let page = Api::reader()?.read("/api/audit?limit=200").await?;
    let entries = page["entries"].as_array().cloned().unwrap_or_default();
    Ok(entries.into_iter().filter(|entry| entry["sync"] == sync).collect())
}

#[tokio::test]
async fn started_run_is_accepted_and_followed_to_its_end() -> Result<()> {
    let sync = Sync::named("started").rows(20).create().await?;
    let answer =
        Api::operator()?.post(&format!("/api/syncs/{}/runs", sync.name), &json!({"why": "the owner called"})).await?;
    assert_eq!((answer.status, &answer.json["status"]), (202, &json!("accepted")), "{}", answer.text);
    let location = answer.json["location"].as_str().context("a location")?.to_owned();
    assert_eq!(answer.header("location"), location);

    let reader = Api::reader()?;
    let run = eventually("the run is closed", async || {
        let answer = reader.get(&location).await.ok()?;
        (answer.status == 200 && answer.json["completedAt"].is_string()).then_some(answer.json)
    })
    .await;
    assert_eq!((&run["status"], &run["inserted"], &run["type"]), (&json!("completed"), &json!(20), &json!("manual")));
    assert_eq!(run["triggeredBy"], "operator@example.com");

    let entries = audit(&sync.name).await?;
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!(
        (&entry["who"], &entry["action"], &entry["why"]),
        (&json!("operator@example.com"), &json!("start_run"), &json!("the owner called"))
    );
    assert_eq!(entry["details"]["run"], answer.json["run"]);
    Ok(())
}

#[tokio::test]
async fn the_same_idempotency_key_is_the_same_run() -> Result<()> {
    let sync = Sync::named("idempotent").rows(3).create().await?;
    let operator = Api::operator()?;
    let path = format!("/api/syncs/{}/runs", sync.name);
    let ask =
        async |key: &str| operator.send(Method::POST, &path, &[("idempotency-key", key)], Some("{}".to_owned())).await;
    let first = ask("order-1").await?;
    assert_eq!(first.status, 202, "{}", first.text);
    let id: Uuid = first.json["run"].as_str().context("an id")?.parse()?;
    sync.closed_when_begun(id).await?;
    let again = ask("order-1").await?;
    assert_eq!((again.status, &again.json["run"]), (202, &first.json["run"]));
    let other = ask("order-2").await?;
    assert_ne!(other.json["run"], first.json["run"]);
    sync.closed_when_begun(other.json["run"].as_str().context("an id")?.parse()?).await?;
    assert_eq!(sync.number(&format!("select count(*) from sync_state where sync = '{}'", sync.name)).await?, 2);
    assert_eq!(audit(&sync.name).await?.len(), 2, "asking again does nothing, and so is not recorded");
    for key in ["", &"x".repeat(201)] {
        assert_eq!(ask(key).await?.status, 400, "{key:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_selective_run_takes_only_its_rows() -> Result<()> {
    let sync = Sync::named("selected").rows(10).create().await?;
    let body = json!({"type": "selective", "keys": ["AA00002", "AA00005"]});
    let answer = Api::operator()?.post(&format!("/api/syncs/{}/runs", sync.name), &body).await?;
    let run = sync.closed_when_begun(answer.json["run"].as_str().context("an id")?.parse()?).await?;
    assert_eq!((run.sync_type.as_str(), run.inserted), ("selective", 2));
    Ok(())
}

#[tokio::test]
async fn while_a_run_makes_progress_another_is_refused_and_named() -> Result<()> {
    let sync = Sync::named("busy").rows(3).create().await?;
    let open = Uuid::new_v4();
    sync.run().await?;
    sync.database
        .execute(
            "insert into sync_state (id, sync, sync_type, status) values ($1, $2, 'manual', 'in_progress')",
            &[&open, &sync.name],
        )
        .await?;
    let answer = Api::operator()?.post(&format!("/api/syncs/{}/runs", sync.name), &json!({})).await?;
    assert_eq!((answer.status, answer.code()), (409, "busy"), "{}", answer.text);
    assert_eq!(answer.json["error"]["details"]["run"], open.to_string());
    Api::reader()?.read_when(&format!("/api/syncs/{}", sync.name), "/sync/runningRun/id", &json!(open)).await;
    Ok(())
}

#[tokio::test]
async fn a_withheld_deletion_is_approved_once_for_exactly_its_rows() -> Result<()> {
    let sync = Sync::named("approved")
        .rows(40)
        .options("on_delete = { policy = \"soft\", column = \"deleted_at\", guard_rows = 5, guard_percent = 10 }")
        .create()
        .await?;
    sync.run().await?;
    sync.sheet.delete_rows(2, 20).await?;
    let withheld = sync.run().await?;
    let operator = Api::operator()?;
    let reported = operator.read(&format!("/api/runs/{}", withheld.id)).await?;
    assert_eq!(reported["withheldRows"], 20);
    let path = format!("/api/runs/{}/approve-deletes", withheld.id);
    assert_eq!(operator.post(&path, &json!({"why": " "})).await?.status, 422);
    let answer = operator.post(&path, &json!({"why": "sold"})).await?;
    assert_eq!((answer.status, &answer.json["approved"]), (200, &json!(20)), "{}", answer.text);
    let run = sync.closed_when_begun(answer.json["run"].as_str().context("a run was started")?.parse()?).await?;
    assert_eq!((run.status.as_str(), run.deleted), ("completed", 20));
    let again = operator.post(&path, &json!({"why": "sold"})).await?;
    assert_eq!((again.status, again.code()), (409, "not_approved"), "{}", again.text);
    assert_eq!(audit(&sync.name).await?.len(), 2, "what was refused was tried, and so is recorded");
    Ok(())
}

#[tokio::test]
async fn withheld_adoption_is_decided_once_for_the_rows_found() -> Result<()> {
    let sync = Sync::named("adopted").rows(3).create().await?;
    let before = format!("insert into public.{} (listing_no, price_yen) values ('AA00002', 5)", sync.table);
    sync.database.batch_execute(&before).await?;
    let withheld = sync.run().await?;
    assert_eq!((withheld.status.as_str(), withheld.inserted, withheld.skipped), ("partial", 2, 1));
    let operator = Api::operator()?;
    let shown = operator.read(&format!("/api/runs/{}", withheld.id)).await?;
    assert_eq!((&shown["withheld"], &shown["adoption"]["columns"]["price_yen"]), (&json!(1), &json!(1)));
    let sample = shown["adoption"]["sample"].as_array().context("a sample")?;
    assert!(sample.iter().any(|it| it["rowKey"] == "AA00002" && it["column"] == "price_yen" && it["old"] == 5));
    let listed = operator.read(&format!("/api/syncs/{}/runs", sync.name)).await?;
    assert_eq!(
        (&listed["runs"][0]["adoption"]["rows"], &listed["runs"][0]["adoption"]["sample"]),
        (&json!(1), &json!([]))
    );
    let reported =
        operator.read_when(&format!("/api/syncs/{}", sync.name), "/sync/lastRun/id", &json!(withheld.id)).await;
    let reasons = reported["sync"]["reasons"].clone();
    assert!(reasons.as_array().is_some_and(|all| all.iter().any(|it| it["code"] == "adoption_withheld")), "{reasons}");

    let path = format!("/api/runs/{}/approve-adoption", withheld.id);
    for unusable in
        [json!({"adopt": "sheet", "why": " "}), json!({"adopt": "neither", "why": "x"}), json!({"why": "x"})]
    {
        assert_eq!(operator.post(&path, &unusable).await?.status, 422, "{unusable}");
    }
    let answer = operator.post(&path, &json!({"adopt": "sheet", "why": "first import"})).await?;
    assert_eq!((answer.status, &answer.json["approved"]), (200, &json!(1)), "{}", answer.text);
    let run = sync.closed_when_begun(answer.json["run"].as_str().context("a run was started")?.parse()?).await?;
    assert_eq!(run.status, "completed", "{run:?}");
    sync.assert_table(&(1..=3).map(sheetsync_tests::row).collect::<Vec<_>>()).await?;
    let again = operator.post(&path, &json!({"adopt": "sheet", "why": "once more"})).await?;
    assert_eq!((again.status, again.code()), (409, "not_approved"), "{}", again.text);
    let entries = audit(&sync.name).await?;
    assert_eq!((entries.len(), &entries[1]["action"]), (2, &json!("approve_adoption")));
    assert_eq!(entries[1]["details"]["adopt"], "sheet");
    Ok(())
}
