//! While Supabase, SQS or DynamoDB is down, the API answers with what it knows, in time. These tests stop a server, so each runs alone
//! (.config/nextest.toml).

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;
use sheetsync_local::{Action, Control, Fault, ServerAction, ServerName, Settings};
use sheetsync_tests::{Api, Sync, eventually};

/// What the design promises.
const IN_TIME: Duration = Duration::from_secs(2);

/// Does something to PostgREST, and the opposite in the end, whatever happens in between.
async fn while_postgrest(
    action: ServerAction,
    undo: ServerAction,
    test: impl AsyncFnOnce() -> Result<()>,
) -> Result<()> {
    let control = Control::new(Settings::from_env()?.control_url)?;
    control.act(ServerName::Postgrest, action).await?;
    let result = test().await;
    control.act(ServerName::Postgrest, undo).await?;
    result
}

#[tokio::test]
async fn api_answers_within_two_seconds_while_supabase_is_down() -> Result<()> {
    let sync = Sync::named("degraded").rows(4).create().await?;
    let run = sync.run().await?;
    let path = format!("/api/syncs/{}", sync.name);
    let reader = Api::reader()?;
    reader.read_when(&path, "/sync/lastRun/id", &json!(run.id)).await;

    // Gone, and worse: there, and silent.
    for (action, undo) in [(ServerAction::Stop, ServerAction::Start), (ServerAction::Pause, ServerAction::Resume)] {
        while_postgrest(action, undo, async || {
            // What was read within the last second is still reported as current.
            let reported = eventually("Supabase is reported as unreachable", async || {
                let started = Instant::now();
                let reported = reader.read(&path).await.ok()?;
                let took = started.elapsed();
                assert!(took < IN_TIME, "{action:?}: {took:?}");
                (reported["unreachable"][0]["what"] == "supabase").then_some(reported)
            })
            .await;
            assert_eq!(
                (&reported["sync"]["status"], &reported["sync"]["reasons"][0]["code"]),
                (&json!("unknown"), &json!("supabase_unreachable"))
            );
            assert_eq!(reported["sync"]["lastRun"]["id"], run.id.to_string(), "what was known last");
            assert!(
                reported["delivery"]["queue"]["waiting"].is_u64() && reported["delivery"]["circuit"].is_object(),
                "{reported}"
            );

            let started = Instant::now();
            let answer = reader.get(&format!("/api/runs/{}", run.id)).await?;
            assert_eq!((answer.status, answer.code()), (503, "supabase_unavailable"));
            assert!(started.elapsed() < IN_TIME, "{action:?}: {:?}", started.elapsed());

            assert_eq!(Api::with(None)?.get("/health").await?.status, 200);
            assert!(reader.get("/metrics").await?.text.contains("sheetsync_up{part=\"supabase\"} 0"));
            Ok(())
        })
        .await?;
        eventually("Supabase is back", async || {
            let reported = reader.read(&path).await.ok()?;
            (reported["unreachable"] == json!([])).then_some(())
        })
        .await;
    }
    Ok(())
}

#[tokio::test]
async fn an_action_that_cannot_be_recorded_is_not_done() -> Result<()> {
    let sync = Sync::named("unrecorded").rows(2).create().await?;
    let path = format!("/api/syncs/{}/runs", sync.name);
    while_postgrest(ServerAction::Stop, ServerAction::Start, async || {
        let answer = Api::operator()?.post(&path, &json!({})).await?;
        assert_eq!((answer.status, answer.code()), (503, "supabase_unavailable"));
        Ok(())
    })
    .await?;
    assert_eq!(sync.number(&format!("select count(*) from sync_state where sync = '{}'", sync.name)).await?, 0);
    Ok(())
}

#[tokio::test]
async fn breaker_can_be_set_during_an_outage_and_shows_why() -> Result<()> {
    let operator = Api::operator()?;
    let set = async |mode: &str| operator.post("/api/circuit", &json!({"mode": mode, "why": "maintenance"})).await;
    let circuit = set("force_open").await?.json;
    assert_eq!(
        (&circuit["mode"], &circuit["why"]),
        (&json!("force_open"), &json!("maintenance (operator@example.com)"))
    );
    let reported = Api::reader()?.read("/api/syncs").await?;
    assert_eq!(reported["delivery"]["circuit"]["mode"], "force_open");
    let result = while_postgrest(ServerAction::Stop, ServerAction::Start, async || {
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

/// Refuses or holds every call of a service of AWS; restores it in the end, also after a failure.
async fn while_aws(operations: &str, is_silent: bool, test: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    let control = Control::new(Settings::from_env()?.control_url)?.aws();
    let refusal = Action::Answer {
        status: 500,
        headers: [("content-type".to_owned(), "application/x-amz-json-1.0".to_owned())].into(),
        body: json!({"__type": "InternalFailure"}).to_string(),
    };
    let action = if is_silent { Action::HoldRequest } else { refusal };
    let fault = Fault { path: operations.to_owned(), body: String::new(), after: 0, times: None, action };
    let id = control.add_fault(&fault).await?;
    let result = test().await;
    control.remove_fault(id).await?;
    result
}

#[tokio::test]
async fn api_answers_within_two_seconds_without_sqs_or_dynamodb() -> Result<()> {
    let sync = Sync::named("half-blind").rows(4).create().await?;
    let run = sync.run().await?;
    let one = format!("/api/syncs/{}", sync.name);
    let (reader, operator, nobody) = (Api::reader()?, Api::operator()?, Api::with(None)?);
    let in_time = async |api: &Api, path: &str| {
        let started = Instant::now();
        let answer = api.get(path).await?;
        let took = started.elapsed();
        assert!(answer.status == 200 && took < IN_TIME, "{path}: {} after {took:?}: {}", answer.status, answer.text);
        Ok::<_, anyhow::Error>(answer)
    };
    reader.read_when(&one, "/sync/lastRun/id", &json!(run.id)).await;
    for (operations, part, gone, there) in [
        ("AmazonSQS.", "queue", ["queue", "deadLetters"].as_slice(), ["circuit"].as_slice()),
        ("DynamoDB_", "circuit", &["circuit"], &["queue", "deadLetters"]),
    ] {
        for is_silent in [false, true] {
            while_aws(operations, is_silent, async || {
                for path in ["/api/syncs", &one] {
                    let reported = in_time(&reader, path).await?.json;
                    let unreachable = reported["unreachable"].as_array().map_or(&[] as &[_], Vec::as_slice);
                    assert!(unreachable.len() == 1 && unreachable[0]["what"] == part, "{path}: {reported}");
                    assert!(gone.iter().all(|name| reported["delivery"][name].is_null()), "{path}: {reported}");
                    assert!(there.iter().all(|name| reported["delivery"][name].is_object()), "{path}: {reported}");
                }
                let reported = in_time(&reader, &one).await?.json;
                assert_eq!(reported["sync"]["lastRun"]["id"], run.id.to_string(), "Supabase knows as ever");
                in_time(&nobody, "/health").await?;
                in_time(&reader, &format!("/api/runs/{}", run.id)).await?;
                let metrics = in_time(&reader, "/metrics").await?.text;
                assert!(metrics.contains(&format!("sheetsync_up{{part=\"{part}\"}} 0")), "{metrics}");
                // What needs the part that is gone says so, and nothing else.
                let (path, body) = match part {
                    "queue" => (format!("{one}/redrive"), json!({"why": "a test", "dryRun": true})),
                    _ => ("/api/circuit".to_owned(), json!({"why": "a test", "mode": "auto"})),
                };
                let answer = operator.post(&path, &body).await?;
                assert_eq!((answer.status, answer.code()), (503, "aws_unavailable"), "{path}: {}", answer.text);
                Ok(())
            })
            .await?;
            eventually(&format!("{part} is back"), async || {
                let reported = reader.read("/api/syncs").await.ok()?;
                (reported["unreachable"] == json!([])).then_some(())
            })
            .await;
        }
    }
    Ok(())
}
