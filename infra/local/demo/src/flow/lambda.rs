//! Invokes the deployed scheduler function. One request by hand, because the SDK for it would be the largest dependency of
//! the workspace; the local AWS checks no signatures, only the region in the credential's scope is read.

use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::environment::Environment;
use super::error::DemoError;

/// What came of asking for a run.
pub(super) enum Begun {
    /// It has begun, and this is its id.
    Run(String),
    /// The run with this id still makes progress.
    Busy(String),
}

#[derive(Deserialize)]
struct Answer {
    runs: Vec<Report>,
}

#[derive(Deserialize)]
struct Report {
    run: Option<String>,
    status: String,
    error: Option<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
    message: String,
}

/// Asks the scheduler for a run of `sync`; answers when the run is planned and its batches are sent.
pub(super) async fn begin_run(environment: &Environment, sync: &str) -> Result<Begun, DemoError> {
    let Environment { aws_endpoint_url, aws_region, scheduler_function, .. } = environment;
    let request = Client::new()
        .post(format!("{aws_endpoint_url}/2015-03-31/functions/{scheduler_function}/invocations"))
        .header(
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential=local/20240101/{aws_region}/lambda/aws4_request, \
                 SignedHeaders=host, Signature=unchecked"
            ),
        )
        .json(&json!({ "sync": sync, "type": "manual", "triggeredBy": "demo" }));
    let answer: serde_json::Value = answer("the scheduler function", request).await?;
    let unclear = || DemoError::NotBegun(answer.to_string());
    let Answer { runs } = serde_json::from_value(answer.clone()).map_err(|_| unclear())?;
    let report = runs.into_iter().next().ok_or_else(unclear)?;
    match (report.status.as_str(), report.run, report.error) {
        ("busy", Some(run), _) => Ok(Begun::Busy(run)),
        ("planned" | "completed", Some(run), _) => Ok(Begun::Run(run)),
        (_, _, Some(problem)) => Err(DemoError::NotBegun(format!("{} ({})", problem.message, problem.code))),
        _ => Err(unclear()),
    }
}

/// Sends a request and reads the JSON that answers it.
pub(super) async fn answer<T: DeserializeOwned>(what: &'static str, request: RequestBuilder) -> Result<T, DemoError> {
    let unreachable = |source| DemoError::Unreachable { what, source };
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let body = response.text().await.map_err(unreachable)?;
    let refused = |body: String| DemoError::Refused { what, status: status.as_u16(), body };
    if !status.is_success() {
        return Err(refused(body));
    }
    serde_json::from_str(&body).map_err(|_| refused(body))
}
