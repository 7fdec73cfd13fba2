//! A small HTTP reverse proxy that can also hang up: what the gateway and the API's front are made of.

use std::time::Duration;

use anyhow::Result;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// The largest body that passes; Supabase's own limit is lower.
const BODY_BYTES: usize = 64 << 20;

/// After this the hosted gateway gives up on what is behind it.
const UPSTREAM_PATIENCE: Duration = Duration::from_secs(60);

/// Headers that are about one connection and not about the message (RFC 9110, 7.6.1), and those the client sets itself.
const NOT_FORWARDED: [HeaderName; 7] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    header::HOST,
];

/// A whole answer, or the connection closed without one.
pub type Answer = Result<Response<Full<Bytes>>, HungUp>;

/// The connection is closed and no answer is sent.
#[derive(Debug)]
pub struct HungUp;

impl std::fmt::Display for HungUp {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("hung up on purpose")
    }
}

impl std::error::Error for HungUp {}

/// Serves on a free port of 127.0.0.1 until the program ends; gives the address.
pub async fn serve<F>(handle: impl Fn(Request<Bytes>) -> F + Clone + Send + 'static) -> Result<String>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        loop {
            // An accept that fails is that one client's misfortune.
            let Ok((stream, _)) = listener.accept().await else { continue };
            let handle = handle.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let handle = handle.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    match Limited::new(body, BODY_BYTES).collect().await {
                        Ok(body) => handle(Request::from_parts(parts, body.to_bytes())).await,
                        Err(_) => Ok(text(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large, or was cut off")),
                    }
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok(url)
}

/// Sends requests on to a server.
#[derive(Clone, Debug)]
pub struct Upstream {
    client: reqwest::Client,
}

impl Upstream {
    /// An upstream without any connection yet.
    pub fn new() -> Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(UPSTREAM_PATIENCE)
            .build()?;
        Ok(Self { client })
    }

    /// The answer of `url` to this request; what a hosted gateway says when there is none.
    pub async fn forward(&self, request: Request<Bytes>, url: &str) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let sent = self.client.request(parts.method, url).headers(end_to_end(parts.headers)).body(body).send().await;
        let whole = match sent {
            Ok(answer) => {
                let (status, headers) = (answer.status(), end_to_end(answer.headers().clone()));
                answer.bytes().await.map(|body| (status, headers, body))
            }
            Err(error) => Err(error),
        };
        match whole {
            Ok((status, headers, body)) => {
                let mut response = Response::new(Full::new(body));
                *response.status_mut() = status;
                *response.headers_mut() = headers;
                response
            }
            Err(error) if error.is_timeout() => page(StatusCode::GATEWAY_TIMEOUT),
            Err(error) if error.is_connect() => page(StatusCode::SERVICE_UNAVAILABLE),
            Err(_) => page(StatusCode::BAD_GATEWAY),
        }
    }
}

fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in NOT_FORWARDED {
        headers.remove(name);
    }
    headers
}

/// An error page as gateways and CDNs serve them: HTML, where a client hoped for JSON.
fn page(status: StatusCode) -> Response<Full<Bytes>> {
    let html = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
    let mut response = text(status, &html);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/html"));
    response
}

/// An answer in plain text.
pub fn text(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    *response.status_mut() = status;
    response
}

/// An answer in JSON.
pub fn json(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = text(status, &body.to_string());
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// The path and query of a request.
pub fn target(request: &Request<Bytes>) -> &str {
    request.uri().path_and_query().map_or("/", |it| it.as_str())
}

/// Serves `base` + path for every path: a front for a server whose addresses are unwieldy.
pub async fn front(base: String) -> Result<String> {
    let upstream = Upstream::new()?;
    serve(move |request| {
        let (upstream, url) = (upstream.clone(), format!("{base}{}", target(&request)));
        async move { Ok::<_, HungUp>(upstream.forward(request, &url).await) }
    })
    .await
}
