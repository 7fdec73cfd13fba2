//! What the functions of the migrations promise, each promise tried on a real Postgres (`DATABASE_URL`), in a database of
//! its own. Nothing here speaks HTTP: how PostgREST presents these functions is the end-to-end tests' matter.

#![allow(clippy::unwrap_used, reason = "in a test, a panic with its line is the report")]

mod adoption;
mod api;
mod approvals;
mod certainty;
mod concurrency;
mod deletes;
mod dependent;
mod digests;
mod harness;
mod laws;
mod ledger;
mod limits;
mod merge;
mod operations;
mod pairs;
mod permissions;
mod plans;
mod reconcile;
mod refusals;
mod runs;
mod scale;
mod schema;
mod targets;
mod triggers;
mod types;
mod upgrade;
mod watch;
