//! Drains the batch queue into Supabase. One invocation = up to ten messages.

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, service_fn};
use worker::Worker;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    sheetsync::telemetry::init();
    let worker = &Worker::from_env().await?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        worker.handle(event.payload, &event.context.request_id, event.context.deadline().into()).await
    }))
    .await
}
