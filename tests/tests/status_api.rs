//! The status API behind the deployed HTTP API.

use anyhow::Result;
use sheetsync_tests::Sync;

#[tokio::test]
async fn health_needs_no_token_and_tells_no_data() -> Result<()> {
    let sync = Sync::named("health").create().await?;
    let (status, body) = sync.status("/health", None).await?;
    assert_eq!((status, body), (200, serde_json::json!({"status": "ok"})));
    Ok(())
}

#[tokio::test]
async fn nothing_else_is_told_without_a_token() -> Result<()> {
    let sync = Sync::named("no-token").create().await?;
    for path in ["/api/syncs", "/api/syncs/listings", "/api/runs/00000000-0000-0000-0000-000000000000"] {
        for token in [None, Some("wrong")] {
            let (status, body) = sync.status(path, token).await?;
            assert_eq!((status, body["error"]["code"].as_str()), (401, Some("unauthenticated")), "{path}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_sync_and_its_run_are_told() -> Result<()> {
    let sync = Sync::named("told").rows(40).create().await?;
    sync.sheet.set("C3", "#REF!").await?;
    let run = sync.run().await?;
    let token = Some(sync.aws.reader_token.as_str());
    let (_, all) = sync.status("/api/syncs", token).await?;
    let names: Vec<&str> =
        all["syncs"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
    assert!(names.contains(&sync.name.as_str()), "{names:?}");

    let (status, mut one) = sync.status(&format!("/api/syncs/{}", sync.name), token).await?;
    assert_eq!(status, 200);
    assert_eq!(one["lastRun"]["id"], run.id.to_string());
    for volatile in ["/name", "/lastRun/id", "/lastRun/startedAt", "/lastRun/completedAt"] {
        *one.pointer_mut(volatile).expect(volatile) = "…".into();
    }
    insta::assert_json_snapshot!("sync", one);

    let (status, mut detail) = sync.status(&format!("/api/runs/{}", run.id), token).await?;
    assert_eq!(status, 200);
    for volatile in [
        "/id",
        "/sync",
        "/startedAt",
        "/plannedAt",
        "/heartbeatAt",
        "/completedAt",
        "/metadata/readMs",
        "/batches/0/finishedAt",
        "/rejections/0/firstSeen",
        "/rejections/0/lastSeen",
    ] {
        *detail.pointer_mut(volatile).expect(volatile) = "…".into();
    }
    insta::assert_json_snapshot!("run", detail);
    Ok(())
}

#[tokio::test]
async fn what_does_not_exist_is_told_as_such() -> Result<()> {
    let sync = Sync::named("not-found").create().await?;
    let token = Some(sync.aws.operator_token.as_str());
    for (path, status, code) in [
        ("/api/syncs/nowhere", 404, "not_found"),
        ("/api/runs/00000000-0000-0000-0000-000000000000", 404, "not_found"),
        ("/api/runs/latest", 400, "not_a_run_id"),
        ("/api/nothing", 404, "no_such_route"),
    ] {
        let (found, body) = sync.status(path, token).await?;
        assert_eq!((found, body["error"]["code"].as_str()), (status, Some(code)), "{path}");
    }
    Ok(())
}
