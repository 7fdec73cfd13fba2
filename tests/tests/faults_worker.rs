//! Faults of the workers: killed at any moment; and the rate limit.

use std::time::Duration;

use anyhow::Result;
use sheetsync_tests::Trial;

/// The rate of the tests' stack (`Deployment::for_tests`).
const REQUESTS_PER_SECOND: usize = 50;

#[tokio::test]
async fn workers_killed_a_hundred_times_in_a_run() -> Result<()> {
    let mut trial = Trial::prepare("worker killed 100 times", "SIGKILL at random moments of a run", 2_000, 10).await?;
    trial.begin().await?;
    let mut killed = 0;
    let mut looked = 0_u64;
    while killed < 100 && ["queued", "in_progress"].contains(&trial.sync.state(trial.run).await?.status.as_str()) {
        // From 0 to 300 ms, spread by a multiplicative hash.
        looked += 1;
        tokio::time::sleep(Duration::from_millis(looked.wrapping_mul(0x9E37_79B9) % 300)).await;
        killed += trial.sync.kill_workers()?;
    }
    let run = trial.comes_through().await?;
    println!("workers killed: {killed}");
    assert_eq!(run.status, "completed");
    assert!(killed >= 100, "the run was over after {killed} kills");
    Ok(())
}

#[tokio::test]
async fn the_configured_rate_is_never_exceeded_over_any_second() -> Result<()> {
    let mut trial = Trial::prepare("none", "300 batches at 50 requests a second", 300, 1).await?;
    trial.begin().await?;
    assert_eq!(trial.comes_through().await?.status, "completed");
    let seen = trial.sync.control.requests("sync_apply", &trial.run.to_string()).await?;
    let mut moments: Vec<f64> = seen.iter().map(|request| request.at).collect();
    moments.sort_by(f64::total_cmp);
    let within = |first: f64| moments.iter().filter(|at| (first..first + 1000.0).contains(*at)).count();
    let highest = moments.iter().map(|first| within(*first)).max().unwrap_or_default();
    println!("highest requests in any one second: {highest} of {REQUESTS_PER_SECOND}");
    assert!(highest <= REQUESTS_PER_SECOND, "{highest} requests within one second");
    assert!(highest >= REQUESTS_PER_SECOND / 3, "the rate was reached: {highest}");
    Ok(())
}
