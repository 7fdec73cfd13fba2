//! Sheetsync keeps a Supabase table equal to a tab of a Google Sheet. This crate is its domain and its clients.
//!
//! The machine in one paragraph: the *scheduler* begins a run ([`supabase`]), reads the tab in chunks ([`sheets`]), turns
//! cells into typed rows ([`mapping`]), keeps them in a [`snapshot`], compares range digests with the database to find what
//! changed ([`plan`]), packs that into batches ([`batch`]) and sends them ([`queue`]). The *worker* posts each batch to one
//! Postgres function and turns its answer, or the lack of one ([`classify`]), into an answer for SQS. What is synced, and
//! how, is the [`definition`].
//!
//! Eight folders, each with a page at its top, and each using only those before it in this list; `tests/tests/imports.rs`
//! holds that. What other crates use is named here, and nothing else is public.
//!
//! | folder | what is in it |
//! | --- | --- |
//! | `platform` | environment, secrets, time, HTTP, retries, logs |
//! | `mapping` | how a cell becomes a value |
//! | `definition` | what `sheetsync.toml` says |
//! | `diff` | what differs between sheet and table |
//! | `protocol` | what the parts say to each other |
//! | `clients` | Google, Supabase, SQS |
//! | `delivery` | when Supabase is called: breaker, rate, dead letters |
//! | `runs` | reading, planning, verifying one sync |
//!
//! `mapping`, `definition`, `diff` and `protocol` are pure: no clock, no async, and no I/O but that `definition` can load its
//! files and `protocol::metrics` prints.

mod clients;
pub mod definition;
mod delivery;
mod diff;
pub mod mapping;
mod platform;
mod protocol;
mod runs;

pub use clients::supabase::classify;
pub use clients::{queue, sheets, supabase};
pub use definition::{area, overdue};
pub use delivery::{breaker, connections, evidence, limiter, redrive};
pub use diff::{hash, plan, snapshot};
pub use platform::{clock, faults, http, retry, secrets, settings, telemetry};
pub use protocol::{adoption, batch, difference, metrics, run, standing};
pub use runs::{carry, preview, survey, verify};
