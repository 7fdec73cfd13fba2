//! What the functions see of AWS: a proxy in front of ministack, for tests only. DynamoDB can be refused through it, a call of
//! SQS fail in part, an answer be lost. Lambda, and what polls the queue for it, is ministack itself and behind it.

use std::sync::Arc;

use anyhow::Result;
use hyper::Request;
use hyper::body::Bytes;

use super::faults::Faults;
use super::met;
use super::proxy::{self, Upstream};
use super::record::Record;

/// The proxy of one stack. It lives until the program ends.
#[derive(Debug, Clone)]
pub struct AwsFront {
    /// What the functions have as `AWS_ENDPOINT_URL`.
    pub url: String,
    /// The faults that it makes.
    pub faults: Arc<Faults>,
    /// What it has seen.
    pub record: Arc<Record>,
}

impl AwsFront {
    /// Starts the proxy of the AWS at `base`, on a free port.
    pub async fn start(base: String) -> Result<Self> {
        let (faults, record) = (Arc::new(Faults::default()), Arc::new(Record::default()));
        let upstream = Upstream::new()?;
        let (met_faults, its_record) = (Arc::clone(&faults), Arc::clone(&record));
        let url = proxy::serve(move |request| {
            let (upstream, faults, record) = (upstream.clone(), Arc::clone(&met_faults), Arc::clone(&its_record));
            let target = format!("{base}{}", proxy::target(&request));
            async move {
                let path = operation(&request);
                met::meet(&faults, &record, path, request, async |request| upstream.forward(request, &target).await)
                    .await
            }
        })
        .await?;
        Ok(Self { url, faults, record })
    }
}

/// Path and operation, such as `/ AmazonSQS.SendMessageBatch`: AWS's JSON protocols name the operation in a header.
fn operation(request: &Request<Bytes>) -> String {
    let operation = request.headers().get("x-amz-target").and_then(|it| it.to_str().ok()).unwrap_or_default();
    format!("{} {operation}", proxy::target(request)).trim_end().to_owned()
}
