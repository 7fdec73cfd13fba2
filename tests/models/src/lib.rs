//! Models of Sheetsync, checked exhaustively, and a simulation of the whole (docs/MODELS.md).
//!
//! - [`breaker`]: several workers over the product's own breaker rules.
//! - [`delivery`] and [`locks`]: scheduler, queue, workers and dead letters over the ledger.
//! - [`simulation`]: the product's own handlers, one seed at a time, through days of faults.
//! - [`ledger`]: the run protocol of the migrations, transcribed; held to the real functions by `tests/conformance.rs`.

pub mod breaker;
pub mod clauses;
pub mod delivery;
pub mod ledger;
pub mod locks;
pub mod simulation;
