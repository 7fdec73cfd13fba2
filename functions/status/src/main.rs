//! The function: the router of the library, behind API Gateway.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    sheetsync::telemetry::init();
    lambda_http::run(status::router(status::Api::from_env().await?)).await
}
