//! The client of Supabase REST (PostgREST): the functions of the run protocol as methods, and reads of its tables. It
//! classifies every failure and repeats what may pass; what a failure means for a batch or a run is the caller's business.

mod adoption;
mod carry;
pub mod classify;
mod client;
mod destination;
mod error;
mod plans;
mod runs;
mod standing;
#[cfg(test)]
mod tests;

pub use self::carry::{CarriedRow, CarryPage};
pub use self::client::{Observer, Supabase};
pub use self::destination::Destination;
pub use self::error::SupabaseError;
pub use self::runs::MAX_REJECTIONS;
