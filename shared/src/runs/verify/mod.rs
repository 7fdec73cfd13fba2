//! Compares a sheet with its table in full, row by row and column by column, and says of every difference whether it is
//! allowed (an edit that the merge keeps, a column that the database owns, …) or drift, and which run fixes it. It reads by
//! the run's own code ([`crate::runs::survey`]), decides by the merge's own rules (`sync_verify`), and writes nothing.

mod compare;
mod findings;
mod judge;
mod verification;

pub use self::compare::{Verifier, verify};
pub use self::judge::{Reason, Repair};
pub use self::verification::{Finding, Kept, Sample, Verdict, Verification, VerifyError};
