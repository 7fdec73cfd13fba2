//! Answers what every sync is doing, as an HTTP API behind API Gateway. It reads; it decides nothing.

mod access;
mod api;
mod error;
mod runs;
mod syncs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    sheetsync::telemetry::init();
    lambda_http::run(api::router(api::Api::from_env().await?)).await
}
