//! Drains the batch queue into Supabase. One invocation = up to ten messages.

mod handler;

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    sheetsync::telemetry::init();
    let worker = handler::Worker::from_env().await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| {
        let deadline = event.context.deadline();
        worker.handle(event.payload, deadline)
    }))
    .await
}
