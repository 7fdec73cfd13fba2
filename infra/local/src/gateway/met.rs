//! A request on its way through one of our gateways: it meets a fault, or none, and is recorded.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};

use super::faults::{Action, Faults};
use super::in_part::in_part;
use super::proxy::{self, Answer, HungUp};
use super::record::{self, Record, Seen};

/// Takes a request to `pass` unless a fault meets it on the way; `path` is what it is matched and recorded by.
pub(super) async fn meet<P>(
    faults: &Faults,
    record: &Record,
    path: String,
    request: Request<Bytes>,
    pass: impl FnOnce(Request<Bytes>) -> P,
) -> Answer
where
    P: Future<Output = Response<Full<Bytes>>>,
{
    let (at, start) = (SystemTime::now(), Instant::now());
    let hit = faults.meet(&path, request.body());
    let mut seen = Seen {
        at: at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0,
        method: request.method().to_string(),
        path,
        body: record::head(request.body()),
        status: None,
        milliseconds: 0.0,
        fault: hit.is_some(),
    };
    let answer = match &hit {
        None => Ok(pass(request).await),
        Some(hit) => {
            hit.before().await;
            match hit.action() {
                Action::Answer { status, headers, body } => Ok(made_up(*status, headers, body)),
                Action::DropRequest => Err(HungUp),
                Action::LoseAnswer => {
                    pass(request).await;
                    Err(HungUp)
                }
                Action::HoldAnswer => {
                    let answer = pass(request).await;
                    hit.removed().await;
                    Ok(answer)
                }
                Action::RefuseEntries { entries } => Ok(in_part(request, *entries, pass).await),
                Action::Delay { .. } | Action::HoldRequest => Ok(pass(request).await),
            }
        }
    };
    seen.status = answer.as_ref().ok().map(|it| it.status().as_u16());
    seen.milliseconds = start.elapsed().as_secs_f64() * 1000.0;
    record.enter(seen);
    answer
}

fn made_up(status: u16, headers: &BTreeMap<String, String>, body: &str) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = proxy::text(status, body);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
