//! Reads a sheet, finds what changed, and sends it to the queue in batches. One invocation = one tick of the clock, or one
//! requested run.

// The trace around an invocation makes the type of its future deeper than the compiler looks by default.
#![recursion_limit = "256"]

use lambda_runtime::{LambdaEvent, service_fn};
use scheduler::handler::{Scheduler, time_to_stop};
use sheetsync::clock::invocation_end;
use sheetsync::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let scheduler = &Scheduler::from_env().await?;
    let invoke = async |event: LambdaEvent<serde_json::Value>| {
        let LambdaEvent { payload, context } = event;
        let answer = scheduler.handle(payload, &context.request_id, time_to_stop(invocation_end(context.deadline())));
        telemetry::traced(context.xray_trace_id.as_deref(), answer).await
    };
    lambda_runtime::run(service_fn(invoke)).await
}
