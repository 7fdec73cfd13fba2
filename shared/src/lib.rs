//! Sheetsync keeps a Supabase table equal to a tab of a Google Sheet. This crate is its domain and its clients.
//!
//! The machine in one paragraph: the *scheduler* begins a run ([`supabase`]), reads the tab in chunks ([`sheets`]), turns
//! cells into typed rows ([`mapping`]), keeps them in a [`snapshot`], compares range digests with the database to find what
//! changed ([`plan`]), packs that into batches ([`batch`]) and sends them ([`queue`]). The *worker* posts each batch to one
//! Postgres function and turns its answer, or the lack of one ([`classify`]), into an answer for SQS. What is synced, and
//! how, is the [`definition`].
//!
//! The domain (`area`, `definition`, `mapping`, `hash`, `snapshot`, `plan`, `batch`, `classify`) is pure: no I/O, no clock, no
//! async. Clients (`sheets`, `supabase`, `queue`, `secrets`) know the domain but no handler; handlers live in `functions/`. What runs and
//! plans have in common, with both clients, is the [`survey`]; what happens to the books when a key changes is [`carry`].

pub mod area;
pub mod batch;
pub mod breaker;
pub mod carry;
pub mod classify;
pub mod clock;
pub mod definition;
pub mod faults;
pub mod hash;
pub mod http;
pub mod limiter;
pub mod mapping;
pub mod overdue;
pub mod plan;
pub mod preview;
pub mod queue;
pub mod redrive;
pub mod retry;
pub mod secrets;
pub mod settings;
pub mod sheets;
pub mod snapshot;
pub mod supabase;
pub mod survey;
pub mod telemetry;
pub mod verify;
