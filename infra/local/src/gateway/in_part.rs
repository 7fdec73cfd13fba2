//! A call of SQS that fails in part: some entries of a batch of messages are refused, the others sent.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response};
use serde_json::{Value, json};

use super::proxy;

/// Sends a batch of messages on without its first `refused` entries, and has the answer say that these failed.
pub(super) async fn in_part<P>(
    request: Request<Bytes>,
    refused: usize,
    pass: impl FnOnce(Request<Bytes>) -> P,
) -> Response<Full<Bytes>>
where
    P: Future<Output = Response<Full<Bytes>>>,
{
    let (parts, body) = request.into_parts();
    let mut call: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(entries) = call["Entries"].as_array_mut() else { return pass(Request::from_parts(parts, body)).await };
    let failed: Vec<Value> = entries
        .drain(..refused.min(entries.len()))
        .map(|entry| json!({"Id": entry["Id"], "SenderFault": false, "Code": "InternalError", "Message": "refused on purpose"}))
        .collect();
    if entries.is_empty() {
        return answer(&json!({"Successful": [], "Failed": failed}));
    }
    let answered = pass(Request::from_parts(parts, Bytes::from(call.to_string()))).await;
    if !answered.status().is_success() {
        return answered;
    }
    let Ok(body) = answered.into_body().collect().await;
    let mut answered: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
    answered["Failed"] = failed.into();
    answer(&answered)
}

fn answer(body: &Value) -> Response<Full<Bytes>> {
    let mut response = proxy::text(hyper::StatusCode::OK, &body.to_string());
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn partly_failed_batch_sends_the_rest_and_names_the_failures() {
        let body = json!({"QueueUrl": "q", "Entries": [{"Id": "0"}, {"Id": "1"}, {"Id": "2"}]}).to_string();
        let answered = in_part(Request::new(Bytes::from(body)), 2, async |request| {
            let sent: Value = serde_json::from_slice(request.body()).unwrap();
            assert_eq!(sent["Entries"], json!([{"Id": "2"}]));
            answer(&json!({"Successful": [{"Id": "2"}]}))
        });
        let body = answered.await.into_body().collect().await.unwrap().to_bytes();
        let answered: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answered["Successful"], json!([{"Id": "2"}]));
        assert_eq!(
            (answered["Failed"][0]["Id"].as_str(), answered["Failed"][1]["Id"].as_str()),
            (Some("0"), Some("1"))
        );
    }
}
