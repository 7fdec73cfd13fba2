//! The status API behind the deployed HTTP API: who gets in, what is told, what can be done.

mod access;
mod actions;
mod degraded;
mod fuzz;
mod http;
mod reads;
