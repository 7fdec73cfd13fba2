//! Reads a sheet, finds what changed, and sends it to the queue in batches. One invocation = one tick of the clock, or one
//! run that somebody asked for.

mod dry_run;
mod handler;
mod run;

use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    sheetsync::telemetry::init();
    let scheduler = handler::Scheduler::from_env().await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<serde_json::Value>| scheduler.handle(event.payload))).await
}
