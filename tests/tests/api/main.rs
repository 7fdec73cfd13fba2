//! The status API behind the deployed HTTP API: access, reads, actions.

mod access;
mod actions;
mod degraded;
mod fuzz;
mod http;
mod reads;
