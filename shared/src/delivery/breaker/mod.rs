//! The circuit breaker between the workers and one destination: it stops calls while the destination is down, and lets one
//! worker probe whether it is available again.
//!
//! Pure: the shared [`Item`] (`state`), the rules over it (`decide`, with the numbers of `rule`), the conditional writes that may change it
//! (`update`). A model checker can take single clauses out of those. [`store`] keeps the item in DynamoDB. [`Breaker`] (`container`) is
//! what a handler uses: it remembers the item for a moment, writes nothing while calls succeed, and when DynamoDB is away
//! goes on with an item of its own under the same rules.

mod container;
mod decide;
mod rule;
mod state;
pub mod store;
#[cfg(test)]
mod tests;
mod update;

pub use container::{Breaker, Decision};
pub use decide::{Admission, Evidence, Failing, Permit};
pub use rule::Rule;
pub use state::{Circuit, Command, Counts, Item, Mode, Outage, Owner, State};
pub use store::{SharedItem, Store, StoreError, destination};
pub use update::{Change, Clause, Refused, Tally, Update};
