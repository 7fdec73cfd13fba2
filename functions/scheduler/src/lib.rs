//! The scheduler's logic, apart from Lambda: which syncs an invocation concerns ([`handler`]) and what a run does
//! ([`run`]). A library, so that a simulation can drive runs against a sheet, a database and a queue of its own.

mod dry_run;
mod gate;
pub mod handler;
pub mod run;
mod watch;
