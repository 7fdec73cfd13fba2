//! Schemathesis makes requests out of the API's own description, right ones and wrong ones, and finds nothing. It needs
//! infra/tools/schemathesis.txt installed, named by SCHEMATHESIS: `make test` sees to both. It acts as an operator, on the
//! breaker too, so it runs alone (.config/nextest.toml).

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use sheetsync_local::Settings;
use sheetsync_tests::{Api, Sync};
use tokio::process::Command;

/// A description says what form a text has, not which texts exist: a cursor is only right if it was given, and what one
/// member of a body may be can depend on another. So refusing is right there, but only in the ways listed.
fn settings(sync: &str, run: &str) -> String {
    format!(
        r#"
[parameters]
"path.sync" = {sync:?}
"path.id" = {run:?}

[[operations]]
include-path-regex = "/(runs|audit|errors)|^/api/runs/"
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 404, 409, 422]

[[operations]]
include-method = "POST"
checks.positive_data_acceptance.expected-statuses = ["2xx", 404, 409, 422]
"#
    )
}

#[tokio::test]
async fn schemathesis_finds_nothing() -> Result<()> {
    let program = std::env::var_os("SCHEMATHESIS").context(
        "SCHEMATHESIS is not set: use `make test`, or `infra/tools/install schemathesis` and name .tools/schemathesis/bin/schemathesis",
    )?;
    let sync = Sync::named("fuzzed").rows(5).create().await?;
    sync.sheet.set("C3", "#REF!").await?;
    let run = sync.run().await?;
    let stack = Settings::from_env()?;
    let aws = stack.aws.context("AWS runs")?;
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("schemathesis.toml");
    std::fs::write(&config, settings(&sync.name, &run.id.to_string()))?;
    let output = Command::new(program)
        .current_dir(folder.path())
        .arg("--config-file")
        .arg(&config)
        .args(["run", &format!("{}/openapi.json", aws.api_url)])
        .args(["--header", &format!("Authorization: Bearer {}", stack.people.operator_jwt)])
        .args(["--phases", "examples,coverage,fuzzing", "--max-time", "40", "--no-color"])
        .output()
        .await;
    // Whatever it did to the breaker.
    Api::operator()?.post("/api/circuit", &json!({"mode": "auto", "why": "the test is over"})).await?;
    let output = output?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}
