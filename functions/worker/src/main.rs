//! Drains the batch queue into Supabase. One invocation = up to ten messages.

// The trace around each message makes the type of its future deeper than the compiler looks by default.
#![recursion_limit = "256"]

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, service_fn};
use sheetsync::clock::invocation_end;
use worker::Worker;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    sheetsync::telemetry::init();
    let worker = &Worker::from_env().await?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        worker.handle(event.payload, &event.context.request_id, invocation_end(event.context.deadline()).into()).await
    }))
    .await
}
