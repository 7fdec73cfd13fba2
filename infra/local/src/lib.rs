//! Starts every real component of Sheetsync on one machine: Postgres, PostgREST behind a gateway like hosted
//! Supabase's, a Google Sheets server, and ministack with the template deployed to it by the real `sam`.
//!
//! Three kinds of users:
//! - people: `make up`, `make demo` (the binary `local`; see `main.rs`);
//! - `make test`: `local run -- cargo nextest run …` starts a stack of its own, runs the tests, stops it;
//! - a test: [`Settings::from_env`] has the addresses, [`Control`] makes faults, counts requests, kills servers.
//!
//! ```text
//! stack.rs          what is started in which order, and how it ends
//! servers.rs        a server process; guard.rs: nothing outlives a stack, however that ends
//! postgres.rs  postgrest.rs  gateway/      Supabase: supabase.sql (roles), gateway/mod.rs (keys, faults, record), gateway/auth.rs (signing in)
//! ministack.rs  deploy.rs  function_logs.rs      AWS: sam build, sam deploy, what the functions print
//! control.rs        what tests do to a running stack
//! settings.rs       .local/env
//! ```

pub mod control;
mod deploy;
mod function_logs;
pub mod gateway;
pub mod guard;
mod keys;
mod ministack;
mod ports;
mod postgres;
mod postgrest;
mod servers;
mod settings;
pub mod stack;
mod tools;

pub use control::{Control, ServerAction, ServerName};
pub use gateway::faults::{Action, Active, Fault};
pub use gateway::record::{Seen, busiest_second};
pub use settings::{AwsSettings, People, Settings, SheetSettings};
pub use stack::{Deployment, Plan, Stack};
