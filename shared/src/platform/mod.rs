//! What every part stands on: the environment, secrets, time and chance, HTTP, logs. Nothing here knows what a sync is.
//!
//! - [`clock`]: wall time, chance and tokio's clock, which a simulation can hold;
//! - [`settings`]: a function's environment variables; [`secrets`]: what AWS Secrets Manager keeps, read again when it is refused;
//! - [`http`]: one client for all calls; [`retry`]: how often each is repeated; [`telemetry`]: logs, the trace header, the form of metrics;
//! - [`faults`]: faults that tests put back on purpose.
//!
//! Uses nothing of this crate.

pub mod clock;
pub mod faults;
pub mod http;
pub mod retry;
pub mod secrets;
pub mod settings;
pub mod telemetry;
