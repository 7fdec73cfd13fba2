//! The real `sam build` and `sam deploy`, aimed at ministack.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Result;
use tokio::process::Command;

use crate::ministack::{Calls, credentials};
use crate::servers::{Register, inherited, run};
use crate::tools::Tools;

/// The CloudFormation stack.
pub const STACK: &str = "sheetsync";

const BUCKET: &str = "sheetsync-packages";

/// The architecture of this machine, as Lambda calls it: what runs here must be built for here.
const ARCHITECTURE: &str = "x86_64";

/// Builds the functions and packs them into `packages`, apart from a build for the cloud.
/// What has not changed is not compiled again: cargo sees to that. One stack builds at a time: cargo-lambda writes the binaries
/// again each time, and a second build would pack a half-written one.
pub async fn build(tools: &Tools, profile: &str, packages: &Path, logs: &Path, register: &Register) -> Result<()> {
    let target: PathBuf = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| tools.root().join("target"), Into::into);
    let path = target.join("functions.lock");
    let _one_at_a_time = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&target)?;
        let file = File::options().write(true).create(true).truncate(false).open(&path)?;
        file.lock()?;
        anyhow::Ok(file)
    })
    .await??;
    let overrides = format!("Architecture={ARCHITECTURE}");
    let mut command = sam(tools)?;
    command
        .env("ARCHITECTURE", ARCHITECTURE)
        .env("PROFILE", profile)
        .args(["build", "--parameter-overrides", &overrides, "--build-dir"])
        .arg(packages);
    run(command, "sam build", &logs.join("sam-build.log"), register).await
}

/// Deploys what was built, with these parameters.
pub async fn deploy(
    tools: &Tools,
    packages: &Path,
    logs: &Path,
    register: &Register,
    calls: &Calls,
    endpoint: &str,
    parameters: &[(&str, String)],
) -> Result<()> {
    calls.create_bucket(BUCKET).await?;
    let mut command = sam(tools)?;
    command.env("AWS_ENDPOINT_URL", endpoint).envs(credentials()).env("SAM_CLI_POLL_DELAY", "0.2");
    command.args(["deploy", "--stack-name", STACK, "--no-resolve-s3", "--s3-bucket", BUCKET, "--no-confirm-changeset"]);
    command.arg("--template-file").arg(packages.join("template.yaml"));
    command.args(["--no-progressbar", "--parameter-overrides"]).arg(format!("Architecture={ARCHITECTURE}"));
    command.args(parameters.iter().map(|(name, value)| format!("{name}=\"{value}\"")));
    run(command, "sam deploy", &logs.join("sam-deploy.log"), register).await
}

fn sam(tools: &Tools) -> Result<Command> {
    let bin = tools.sam()?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(bin.join("sam"));
    // Cargo finds its own things through these; nothing else of our environment is passed on.
    let cargo = ["CARGO_HOME", "RUSTUP_HOME", "CARGO_TARGET_DIR"].into_iter();
    command.env_clear().envs(inherited()).envs(cargo.filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.env("PATH", format!("{}:{path}", bin.display())).env("SAM_CLI_TELEMETRY", "0");
    command.current_dir(tools.root());
    Ok(command)
}
