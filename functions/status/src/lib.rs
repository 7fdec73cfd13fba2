//! The status API behind API Gateway, with the dashboard that uses it. It reads; runs and redrives
//! are done by the scheduler and the queue. Tests and `examples/serve.rs` use the router without Lambda.

#![expect(unused_qualifications, reason = "what utoipa's macros write is full of them")]

mod access;
mod api;
mod approve;
mod audit;
mod circuit;
mod delivery;
mod error;
mod headers;
mod health;
mod known;
mod latency;
mod members;
mod memory;
mod metrics;
mod overview;
mod plans;
mod problems;
mod redrive;
mod request;
mod run;
mod runs;
mod site;
mod start;
mod state;
mod statistics;
mod syncs;
mod time;

pub use api::{openapi, router};
pub use state::Api;
