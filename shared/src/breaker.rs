//! The breaker between the workers and one destination: it stops calls while the destination is down, and lets one worker
//! find out when it is back.
//!
//! Pure: the shared [`Item`] ([`state`]), the rules over it ([`rule`]), the conditional writes that may change it
//! ([`update`]). A model checker can take single clauses out of those.

pub mod rule;
pub mod state;
#[cfg(test)]
mod tests;
pub mod update;

pub use rule::{Admission, Evidence, Failing, Permit, Rule};
pub use state::{Circuit, Counts, Item, Millis, Mode, Order, Outage, Owner, State};
pub use update::{Change, Clause, Refused, Tally, Update};
