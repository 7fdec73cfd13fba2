//! How long the status API takes to answer on the local stack: p50 and p99 of each GET, and of `/health` and `/api/syncs`
//! while PostgREST is stopped. `make up`, then
//! `. .local/env && cargo run --release -p sheetsync-tests --example api_latency -- listings 200`
//! (a sync that has run, and requests per route). Prints a table in Markdown.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sheetsync_local::{Control, ServerAction, ServerName, Settings};
use sheetsync_tests::Api;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let sync = arguments.next().unwrap_or_else(|| "listings".to_owned());
    let requests: usize = arguments.next().map_or(Ok(200), |number| number.parse())?;
    let api = Api::reader()?;
    let runs = api.read(&format!("/api/syncs/{sync}/runs?limit=1")).await?;
    let run = runs["runs"][0]["id"].as_str().context("the sync has not run yet: start a run first")?;
    let routes = [
        "/health".to_owned(),
        "/".to_owned(),
        "/config.json".to_owned(),
        "/openapi.json".to_owned(),
        "/api/me".to_owned(),
        "/api/syncs".to_owned(),
        format!("/api/syncs/{sync}"),
        format!("/api/syncs/{sync}/runs"),
        format!("/api/runs/{run}"),
        format!("/api/runs/{run}/errors"),
        format!("/api/syncs/{sync}/errors"),
        format!("/api/syncs/{sync}/errors?format=csv"),
        format!("/api/syncs/{sync}/statistics?range=24h"),
        format!("/api/syncs/{sync}/statistics?range=30d"),
        "/api/audit".to_owned(),
        "/metrics".to_owned(),
    ];
    println!("| GET | p50 ms | p99 ms |\n| --- | --- | --- |");
    for path in &routes {
        let name = path.replace(run, "{id}").replace(&format!("/{sync}"), "/{sync}");
        report(&name, &measure(&api, path, requests).await?);
    }
    let control = Control::new(Settings::from_env()?.control_url)?;
    control.act(ServerName::Postgrest, ServerAction::Stop).await?;
    let stopped = async {
        for path in ["/health", "/api/syncs"] {
            report(&format!("{path}, Supabase stopped"), &measure(&api, path, requests).await?);
        }
        Ok::<_, anyhow::Error>(())
    }
    .await;
    control.act(ServerName::Postgrest, ServerAction::Start).await?;
    stopped
}

/// The sorted times of so many requests, one after the other.
async fn measure(api: &Api, path: &str, requests: usize) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(requests);
    // The first makes connections that a container makes once.
    for number in 0..=requests {
        let started = Instant::now();
        let answer = api.get(path).await?;
        ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.text);
        if number > 0 {
            times.push(started.elapsed());
        }
    }
    times.sort_unstable();
    Ok(times)
}

fn report(name: &str, times: &[Duration]) {
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    println!("| `{name}` | {:.1} | {:.1} |", at(50), at(99));
}
