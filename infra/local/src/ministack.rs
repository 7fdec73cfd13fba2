//! ministack: AWS on this machine, running the functions' real binaries.
//!
//! The few calls that the stack makes for itself are plain JSON posts: ministack looks at the signature only for the
//! region, and four SDKs would take longer to compile than everything else here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::gateway::aws::AwsFront;
use crate::ports::free_port;
use crate::servers::{Recipe, Register, Server};
use crate::tools::Tools;

/// The region that the stack plays.
pub const REGION: &str = "ap-northeast-1";

/// The account that it plays.
const ACCOUNT: &str = "000000000000";

/// A running ministack.
#[derive(Debug)]
pub struct Ministack {
    /// Its process; the functions' processes are in its group.
    pub server: Server,
    /// Where it listens.
    pub url: String,
    /// What the functions see of it.
    pub front: AwsFront,
}

impl Ministack {
    /// Starts ministack, empty, on a free port.
    pub async fn start(dir: &Path, tools: &Tools, logs: &Path, register: &Register) -> Result<Self> {
        let port = free_port()?;
        let url = format!("http://127.0.0.1:{port}");
        let front = AwsFront::start(url.clone()).await?;
        // It keeps the functions' unpacked code here; what an earlier start left is of no use.
        let scratch = dir.join("ministack");
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir_all(&scratch)?;
        let scratch = scratch.to_string_lossy().into_owned();
        // The functions inherit this environment: it is how they get AWS_ENDPOINT_URL.
        let recipe = Recipe::new("ministack", tools.ministack()?).env([
            ("BIND_HOST", "127.0.0.1"),
            ("MINISTACK_HOST", "127.0.0.1"),
            ("GATEWAY_PORT", &port.to_string()),
            ("AWS_ENDPOINT_URL", &front.url),
            ("MINISTACK_REGION", REGION),
            ("LAMBDA_EXECUTOR", "local"),
            ("SFTP_ENABLED", "0"),
            ("IOT_MTLS_ENABLED", "0"),
            ("TMPDIR", &scratch),
            ("S3_DATA_DIR", &format!("{scratch}/s3")),
            ("STATE_DIR", &format!("{scratch}/state")),
        ]);
        let recipe = recipe.env(credentials());
        let server = Server::start(recipe, logs, register)?;
        let mut ministack = Self { server, url, front };
        ministack.ready().await?;
        Ok(ministack)
    }

    /// Waits until it answers.
    pub async fn ready(&mut self) -> Result<()> {
        let url = format!("{}/_ministack/health", self.url);
        self.server
            .ready(Duration::from_secs(60), || async {
                reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success())
            })
            .await
    }

    /// For calls to it.
    pub fn calls(&self) -> Result<Calls> {
        Ok(Calls { url: self.url.clone(), client: reqwest::Client::builder().no_proxy().build()? })
    }
}

/// The variables with which AWS tools talk to ministack, but for the endpoint.
pub fn credentials() -> [(&'static str, &'static str); 4] {
    [
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", ACCOUNT),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ]
}

/// Calls to ministack.
#[derive(Clone, Debug)]
pub struct Calls {
    url: String,
    client: reqwest::Client,
}

impl Calls {
    /// Creates a secret.
    pub async fn create_secret(&self, name: &str, value: &str) -> Result<()> {
        let secret = json!({"Name": name, "SecretString": value, "ClientRequestToken": uuid::Uuid::new_v4()});
        self.json("secretsmanager", "secretsmanager.CreateSecret", &secret).await.map(drop)
    }

    /// Creates a bucket.
    pub async fn create_bucket(&self, name: &str) -> Result<()> {
        // S3 wants the region spelled out everywhere but in us-east-1.
        let body = format!(
            "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        self.send(self.client.put(format!("{}/{name}", self.url)).body(body), "s3").await.map(drop)
    }

    /// The outputs of a CloudFormation stack.
    pub async fn outputs(&self, stack: &str) -> Result<BTreeMap<String, String>> {
        let form = [("Action", "DescribeStacks"), ("Version", "2010-05-15"), ("StackName", stack)];
        let xml = self.send(self.client.post(&self.url).form(&form), "cloudformation").await?;
        // The whole of XML is more than this one answer needs: <member><OutputKey>…</OutputKey><OutputValue>…
        let field = |part: &str, tag: &str| -> Option<String> {
            let (_, rest) = part.split_once(&format!("<{tag}>"))?;
            Some(rest.split_once(&format!("</{tag}>"))?.0.replace("&amp;", "&"))
        };
        let outputs = xml
            .split("</OutputValue>")
            .filter_map(|part| {
                Some((field(part, "OutputKey")?, field(&format!("{part}</OutputValue>"), "OutputValue")?))
            })
            .collect();
        Ok(outputs)
    }

    /// Sets how many batches of a function are worked on at once. (A number that comes from a template's parameter
    /// reaches the mapping as text, over which ministack 1.5.33 stumbles: no message would be delivered.)
    pub async fn set_concurrency(&self, function: &str, concurrency: u32) -> Result<()> {
        let mappings = format!("{}/2015-03-31/event-source-mappings/", self.url);
        let listing = self.client.get(&mappings).query(&[("FunctionName", function)]);
        let listed: Value = serde_json::from_str(&self.send(listing, "lambda").await?)?;
        let id = listed["EventSourceMappings"][0]["UUID"].as_str().context("the worker has no event source")?;
        let change = json!({"ScalingConfig": {"MaximumConcurrency": concurrency}});
        self.send(self.client.put(format!("{mappings}{id}")).json(&change), "lambda").await.map(drop)
    }

    /// Log events of a group from `since` on (milliseconds since 1970), oldest first.
    pub async fn log_events(&self, group: &str, since: u64) -> Result<Vec<LogEvent>> {
        let query = json!({"logGroupName": group, "startTime": since});
        let answer = self.json("logs", "Logs_20140328.FilterLogEvents", &query).await?;
        Ok(serde_json::from_value(answer["events"].clone())?)
    }

    /// The names of the log groups.
    pub async fn log_groups(&self) -> Result<Vec<String>> {
        let answer = self.json("logs", "Logs_20140328.DescribeLogGroups", &json!({})).await?;
        let groups = answer["logGroups"].as_array().cloned().unwrap_or_default();
        Ok(groups.iter().filter_map(|group| Some(group["logGroupName"].as_str()?.to_owned())).collect())
    }

    async fn json(&self, service: &str, target: &str, body: &Value) -> Result<Value> {
        let request = self.client.post(&self.url).header("x-amz-target", target).json(body);
        let request = request.header("content-type", "application/x-amz-json-1.1");
        Ok(serde_json::from_str(&self.send(request, service).await?)?)
    }

    async fn send(&self, request: reqwest::RequestBuilder, service: &str) -> Result<String> {
        let scope = format!("AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/{REGION}/{service}/aws4_request");
        let request = request.header("authorization", format!("{scope}, SignedHeaders=host, Signature=local"));
        let answer = request.send().await.with_context(|| format!("ministack does not answer for {service}"))?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "ministack refuses a call to {service}: {status} {text}");
        Ok(text)
    }
}

/// One line that a function wrote.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEvent {
    /// Which invocation's.
    pub log_stream_name: String,
    /// When, in milliseconds since 1970.
    pub timestamp: u64,
    /// The line.
    pub message: String,
}
