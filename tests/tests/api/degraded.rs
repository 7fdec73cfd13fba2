//! With Supabase gone, people are told what is known, in time. These tests stop a server, so each runs alone
//! (.config/nextest.toml).

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;
use sheetsync_local::{Control, Deed, ServerName, Settings};
use sheetsync_tests::{Api, Sync, eventually};

/// What the design promises.
const IN_TIME: Duration = Duration::from_secs(2);

/// Does something to PostgREST, and the opposite in the end, whatever happens in between.
async fn while_postgrest(deed: Deed, undo: Deed, test: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    let control = Control::new(Settings::from_env()?.control_url)?;
    control.act(ServerName::Postgrest, deed).await?;
    let result = test().await;
    control.act(ServerName::Postgrest, undo).await?;
    result
}

#[tokio::test]
async fn with_supabase_gone_what_is_known_is_told_within_two_seconds() -> Result<()> {
    let sync = Sync::named("degraded").rows(4).create().await?;
    let run = sync.run().await?;
    let path = format!("/api/syncs/{}", sync.name);
    let reader = Api::reader()?;
    assert_eq!(reader.read(&path).await?["sync"]["lastRun"]["id"], run.id.to_string());

    // Gone, and worse: there, and silent.
    for (deed, undo) in [(Deed::Stop, Deed::Start), (Deed::Pause, Deed::Resume)] {
        while_postgrest(deed, undo, async || {
            let started = Instant::now();
            let told = reader.read(&path).await?;
            let took = started.elapsed();
            assert!(took < IN_TIME, "{deed:?}: {took:?}");
            assert_eq!(told["unreachable"][0]["what"], "supabase", "{told}");
            assert_eq!(
                (&told["sync"]["status"], &told["sync"]["reasons"][0]["code"]),
                (&json!("unknown"), &json!("supabase_unreachable"))
            );
            assert_eq!(told["sync"]["lastRun"]["id"], run.id.to_string(), "what was known last");
            assert!(told["delivery"]["queue"]["waiting"].is_u64() && told["delivery"]["circuit"].is_object(), "{told}");

            let started = Instant::now();
            let answer = reader.get(&format!("/api/runs/{}", run.id)).await?;
            assert_eq!((answer.status, answer.code()), (503, "supabase_unavailable"));
            assert!(started.elapsed() < IN_TIME, "{deed:?}: {:?}", started.elapsed());

            assert_eq!(Api::with(None)?.get("/health").await?.status, 200);
            assert!(reader.get("/metrics").await?.text.contains("sheetsync_up{part=\"supabase\"} 0"));
            Ok(())
        })
        .await?;
        eventually("Supabase is back", async || {
            let told = reader.read(&path).await.ok()?;
            (told["unreachable"] == json!([])).then_some(())
        })
        .await;
    }
    Ok(())
}

#[tokio::test]
async fn an_action_that_cannot_be_recorded_is_not_done() -> Result<()> {
    let sync = Sync::named("unrecorded").rows(2).create().await?;
    let path = format!("/api/syncs/{}/runs", sync.name);
    while_postgrest(Deed::Stop, Deed::Start, async || {
        let answer = Api::operator()?.post(&path, &json!({})).await?;
        assert_eq!((answer.status, answer.code()), (503, "supabase_unavailable"));
        Ok(())
    })
    .await?;
    assert_eq!(sync.number(&format!("select count(*) from sync_state where sync = '{}'", sync.name)).await?, 0);
    Ok(())
}

#[tokio::test]
async fn the_breaker_can_be_set_whatever_is_down_and_everybody_sees_why() -> Result<()> {
    let operator = Api::operator()?;
    let set = async |mode: &str| operator.post("/api/circuit", &json!({"mode": mode, "why": "maintenance"})).await;
    let circuit = set("force_open").await?.json;
    assert_eq!(
        (&circuit["mode"], &circuit["why"]),
        (&json!("force_open"), &json!("maintenance (operator@example.com)"))
    );
    let told = Api::reader()?.read("/api/syncs").await?;
    assert_eq!(told["delivery"]["circuit"]["mode"], "force_open");
    let result = while_postgrest(Deed::Stop, Deed::Start, async || {
        let answer = set("auto").await?;
        assert_eq!((answer.status, &answer.json["mode"]), (200, &json!("auto")), "{}", answer.text);
        Ok(())
    })
    .await;
    // Whatever happened: the other tests need it.
    set("auto").await?;
    result?;
    let entry = &Api::reader()?.read("/api/audit?limit=1").await?["entries"][0];
    assert_eq!((&entry["action"], &entry["details"]["mode"]), (&json!("set_circuit"), &json!("auto")));
    Ok(())
}
