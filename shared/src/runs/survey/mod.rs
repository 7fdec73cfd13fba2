//! The reads of a run before it writes: the tab, read once into a `Snapshot`, and what the database has of it.
//! One piece of code for runs, plans and verifications, so that a plan cannot see what a run would not. It writes nothing:
//! what becomes of rejections and of the `Plan` is the caller's business.

mod compare;
mod error;
mod names;
mod read;
#[cfg(test)]
mod tests;

pub(crate) use self::compare::envelope;
pub use self::compare::{Stored, compare, in_batches};
pub use self::error::ReadError;
pub use self::names::some_of;
pub use self::read::{Measure, Source, TabRead, read};
