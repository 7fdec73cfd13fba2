//! Faults of the destination: PostgREST is down, hangs, or something in front of it answers in its place. Whatever it is,
//! the run completes afterwards by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use sheetsync::breaker::{Mode, SharedItem as _, State};
use sheetsync_local::{Action, Fault, ServerAction, ServerName};
use sheetsync_tests::{Trial, breaker, eventually, eventually_within, printed};

/// A fault on the calls that apply batches.
fn applying(action: Action, times: Option<u64>) -> Fault {
    Fault { path: "sync_apply".to_owned(), body: String::new(), after: 0, times, action }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Action {
    let headers: BTreeMap<_, _> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Action::Answer { status, headers, body: body.to_owned() }
}

/// Waits until the breaker is open.
async fn opens() -> Result<()> {
    let store = breaker().await?;
    eventually_within(Duration::from_secs(60), "the breaker opens", async || {
        (store.read().await.ok()?.state() != State::Closed).then_some(())
    })
    .await;
    Ok(())
}

/// Switches a fault on for so many calls, and runs.
async fn met_by(fault: &'static str, made: &'static str, action: Action, times: u64) -> Result<()> {
    let mut trial = Trial::prepare(fault, made, 400, 20).await?;
    let id = trial.sync.control.add_fault(&applying(action, Some(times))).await?;
    trial.begin().await?;
    eventually_within(Duration::from_secs(120), "the fault has met its calls", async || {
        let faults = trial.sync.control.faults().await.ok()?;
        faults.iter().find(|active| active.id == id).filter(|active| active.hits == times).map(drop)
    })
    .await;
    trial.sync.control.remove_fault(id).await?;
    assert_eq!(trial.comes_through().await?.status, "completed");
    Ok(())
}

#[tokio::test]
async fn unreachable_destination_is_left_alone_and_the_run_completes_later() -> Result<()> {
    let mut trial = Trial::prepare("PostgREST stopped", "SIGTERM, started 20 s later", 1_000, 10).await?;
    trial.begin().await?;
    trial.is_under_way().await;
    trial.sync.control.act(ServerName::Postgrest, ServerAction::Stop).await?;
    opens().await?;
    let before = trial.sync.control.requests("/rest/", "").await?.len();
    tokio::time::sleep(Duration::from_secs(20)).await;
    let calls = trial.sync.control.requests("/rest/", "").await?.len() - before;
    println!("calls to the dead destination while the breaker is open: {} a minute", calls * 3);
    assert!(calls <= 8, "{calls} calls within 20 s");
    trial.sync.control.act(ServerName::Postgrest, ServerAction::Start).await?;
    assert_eq!(trial.comes_through().await?.status, "completed");
    assert_eq!(breaker().await?.read().await?.state(), State::Closed);
    Ok(())
}

#[tokio::test]
async fn a_destination_that_is_restarted() -> Result<()> {
    let mut trial = Trial::prepare("PostgREST restarted", "SIGKILL, started at once, mid-run", 1_000, 10).await?;
    trial.begin().await?;
    trial.is_under_way().await;
    trial.sync.control.act(ServerName::Postgrest, ServerAction::Kill).await?;
    trial.sync.control.act(ServerName::Postgrest, ServerAction::Start).await?;
    assert_eq!(trial.comes_through().await?.status, "completed");
    Ok(())
}

#[tokio::test]
async fn a_destination_that_hangs() -> Result<()> {
    let mut trial = Trial::prepare("PostgREST hung", "SIGSTOP for 12 s, mid-run", 1_000, 10).await?;
    trial.begin().await?;
    trial.is_under_way().await;
    trial.sync.control.act(ServerName::Postgrest, ServerAction::Pause).await?;
    tokio::time::sleep(Duration::from_secs(12)).await;
    trial.sync.control.act(ServerName::Postgrest, ServerAction::Resume).await?;
    assert_eq!(trial.comes_through().await?.status, "completed");
    Ok(())
}

#[tokio::test]
async fn a_gateway_that_asks_for_patience() -> Result<()> {
    let action = answer(429, &[("retry-after", "2")], r#"{"message":"too many requests"}"#);
    met_by("429 with Retry-After", "12 answers in PostgREST's place", action, 12).await
}

#[tokio::test]
async fn a_gateway_that_answers_in_html() -> Result<()> {
    let action = answer(503, &[("content-type", "text/html")], "<html><body>Service Unavailable</body></html>");
    met_by("503 HTML", "15 answers in PostgREST's place", action, 15).await
}

#[tokio::test]
async fn a_project_that_is_paused() -> Result<()> {
    let reported = || printed("worker").map_or(0, |lines| lines.iter().filter(|it| it["AccessRefused"] == 1.0).count());
    let before = reported();
    met_by("540 project paused", "3 answers in PostgREST's place", answer(540, &[], ""), 3).await?;
    eventually("each refusal is a metric", async || (reported() >= before + 3).then_some(())).await;
    Ok(())
}

#[tokio::test]
async fn a_gateway_that_takes_only_small_requests() -> Result<()> {
    met_by("413 too large", "3 answers in PostgREST's place; the batches are halved", answer(413, &[], ""), 3).await
}

#[tokio::test]
async fn a_pool_without_a_free_connection() -> Result<()> {
    let body = r#"{"code":"PGRST003","message":"Timed out acquiring connection from connection pool."}"#;
    met_by("no pool connection (PGRST003)", "3 answers in PostgREST's place", answer(504, &[], body), 3).await
}

#[tokio::test]
async fn answers_that_take_half_a_minute() -> Result<()> {
    met_by("30 s latency", "4 requests held back", Action::Delay { milliseconds: 30_000 }, 4).await
}

#[tokio::test]
async fn a_connection_reset_after_the_commit() -> Result<()> {
    met_by("connection reset after the commit", "20 answers thrown away", Action::LoseAnswer, 20).await
}

/// With the breaker forced closed, or it would rightly stop calling long before.
#[tokio::test]
async fn a_thousand_lost_answers() -> Result<()> {
    let mut trial =
        Trial::prepare("1,000 answers lost", "connection cut after the commit; breaker forced closed", 600, 1).await?;
    breaker().await?.force(Mode::ForceClosed, "test", "a thousand lost answers").await?;
    let id = trial.sync.control.add_fault(&applying(Action::LoseAnswer, Some(1_000))).await?;
    trial.begin().await?;
    eventually_within(Duration::from_secs(150), "a thousand answers are lost", async || {
        let faults = trial.sync.control.faults().await.ok()?;
        faults.iter().find(|active| active.id == id).filter(|active| active.hits == 1_000).map(drop)
    })
    .await;
    trial.sync.control.remove_fault(id).await?;
    let run = trial.comes_through().await?;
    assert_eq!((run.status.as_str(), run.inserted), ("completed", 600));
    breaker().await?.force(Mode::Auto, "test", "done").await?;
    Ok(())
}
