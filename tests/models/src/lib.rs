//! Models of Sheetsync, checked exhaustively, and a simulation of the whole (docs/MODELS.md).
//!
//! - [`ledger`]: the run protocol of the migrations, transcribed; held to the real functions by `tests/conformance.rs`.

pub mod clauses;
pub mod ledger;
