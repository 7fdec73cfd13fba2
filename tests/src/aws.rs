//! The deployed functions and queues, as a test uses them.

use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use sheetsync_local::{AwsSettings, Settings};
use uuid::Uuid;

/// What the scheduler answers.
#[derive(Debug, Deserialize)]
pub struct Answer {
    /// One report a sync.
    pub runs: Vec<Report>,
}

/// What became of one sync.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The run, when there is one.
    pub run: Option<Uuid>,
    /// `planned`, `busy`, `not_due`, `duplicate` or `failed`.
    pub status: String,
    /// Why it failed.
    pub error: Option<Problem>,
}

/// Why a run failed.
#[derive(Debug, Clone, Deserialize)]
pub struct Problem {
    /// A short name.
    pub code: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// The header of a call of this service. The local AWS checks no signature; it reads the region from the credential's scope.
fn authorization(aws: &AwsSettings, service: &str) -> String {
    let region = &aws.aws_region;
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20240101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=unchecked"
    )
}

/// Invokes a function and waits for its answer; an error of the function is an error here.
pub(crate) async fn invoke(aws: &AwsSettings, function: &str, event: &Value) -> Result<Value> {
    let answer = reqwest::Client::new()
        .post(format!("{}/2015-03-31/functions/{function}/invocations", aws.aws_endpoint_url))
        .header("authorization", authorization(aws, "lambda"))
        .json(event)
        .send()
        .await?;
    let failed = answer.headers().contains_key("x-amz-function-error") || !answer.status().is_success();
    let body: Value = answer.json().await.context("the function answered with something else than JSON")?;
    if failed {
        bail!("{}", body["errorMessage"].as_str().map_or_else(|| body.to_string(), str::to_owned));
    }
    Ok(body)
}

/// Gives the stack's schedule another expression; answers the one that it had.
///
/// # Errors
/// When there is no stack, or its AWS refuses it.
pub async fn schedule(expression: &str) -> Result<String> {
    let aws = Settings::from_env()?.aws.context("the stack has no AWS")?;
    let authorization = authorization(&aws, "scheduler");
    let (http, url) = (reqwest::Client::new(), format!("{}/schedules/{}", aws.aws_endpoint_url, aws.schedule_name));
    let answer = http.get(&url).header("authorization", &authorization).send().await?.error_for_status()?;
    let mut schedule: Value = answer.json().await?;
    let before = std::mem::replace(&mut schedule["ScheduleExpression"], expression.into());
    http.put(&url).header("authorization", &authorization).json(&schedule).send().await?.error_for_status()?;
    Ok(before.as_str().context("a schedule has an expression")?.to_owned())
}

/// Calls a service of AWS that speaks JSON.
pub(crate) async fn call(aws: &AwsSettings, service: &str, target: &str, body: &Value) -> Result<Value> {
    let request = reqwest::Client::new()
        .post(&aws.aws_endpoint_url)
        .header("authorization", authorization(aws, service))
        .header("x-amz-target", target)
        .header("content-type", "application/x-amz-json-1.0")
        .body(body.to_string());
    let answer = request.send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    if !status.is_success() {
        bail!("{target}: {status} {text}");
    }
    Ok(serde_json::from_str(&text)?)
}

/// What a function (`scheduler`, `worker`, `status`) has printed so far and CloudWatch Logs has: log lines and metrics.
///
/// # Errors
/// When there is no stack.
pub fn printed(function: &str) -> Result<Vec<Value>> {
    let log = Path::new(&Settings::from_env()?.stack_dir).join("log/functions.log");
    let text = std::fs::read_to_string(&log).with_context(|| format!("cannot read {}", log.display()))?;
    let lines = text.lines().filter_map(|line| line.strip_prefix(function)?.strip_prefix(' '));
    Ok(lines.filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// The log lines and metrics of the functions from a moment on, each read and parsed once.
pub(crate) struct Lines {
    file: PathBuf,
    read: u64,
}

impl Lines {
    /// What is printed from now on.
    ///
    /// # Errors
    /// When there is no stack.
    pub(crate) fn from_now() -> Result<Self> {
        let file = Path::new(&Settings::from_env()?.stack_dir).join("log/functions.log");
        let read = std::fs::metadata(&file).map_or(0, |it| it.len());
        Ok(Self { file, read })
    }

    /// What came since the last time, with the function that printed it.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) fn next(&mut self) -> Result<Vec<(String, Value)>> {
        let mut file =
            std::fs::File::open(&self.file).with_context(|| format!("cannot read {}", self.file.display()))?;
        file.seek(std::io::SeekFrom::Start(self.read))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        // The last line may be half written.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        self.read += whole as u64;
        let lines = text[..whole].lines().filter_map(|line| line.split_once(' '));
        Ok(lines.filter_map(|(of, line)| Some((of.to_owned(), serde_json::from_str(line).ok()?))).collect())
    }
}

/// A client of the local SQS.
pub(crate) async fn sqs() -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(&aws_config::load_from_env().await)
}

/// Kills the processes that run a function with SIGKILL, as a crash of their machine would; says how many there were.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn kill_function(function: &str) -> Result<usize> {
    let mut killed = 0;
    for process in processes(function)? {
        let pid = process.file_name().and_then(|name| name.to_str()).context("a process has a number")?;
        killed += usize::from(std::process::Command::new("kill").args(["-KILL", pid]).status()?.success());
    }
    Ok(killed)
}

/// The most memory in bytes that any process of a function has had, of those that run now.
///
/// # Errors
/// When `/proc` cannot be read.
pub(crate) fn peak_memory(function: &str) -> Result<Option<u64>> {
    let peak = |process: &PathBuf| {
        let status = std::fs::read_to_string(process.join("status")).ok()?;
        let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?;
        Some(kibibytes.parse::<u64>().ok()? * 1024)
    };
    Ok(processes(function)?.iter().filter_map(peak).max())
}

/// The processes that run a function, as folders of `/proc`.
fn processes(function: &str) -> Result<Vec<PathBuf>> {
    let wanted = format!("AWS_LAMBDA_FUNCTION_NAME={function}");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let path = entry?.path();
        // Processes come and go while we look, and others' are closed to us.
        let Ok(environment) = std::fs::read(path.join("environ")) else { continue };
        let Ok(executable) = std::fs::read_link(path.join("exe")) else { continue };
        let runs_it = environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes());
        if runs_it && executable.file_name().is_some_and(|name| name == "bootstrap") {
            found.push(path);
        }
    }
    Ok(found)
}
