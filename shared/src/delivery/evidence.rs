//! The evidence that a call gives to the breaker about the destination.

use std::time::Duration;

use crate::clients::supabase::SupabaseError;
use crate::clients::supabase::classify::Fault;
use crate::delivery::breaker::{Evidence, Failing, Rule};

/// What a call that took `duration` says about the destination. A refused row, a timed-out statement or a missing column
/// speaks for it: the way there and back is open.
#[must_use]
pub fn evidence(error: Option<&SupabaseError>, duration: Duration, rule: &Rule) -> Evidence {
    let Some(error) = error else { return Evidence::Success };
    let is_certain = error.fault().needs_a_person();
    if !is_certain && error.fault() != Fault::Down {
        return Evidence::Success;
    }
    Evidence::Failure(Failing {
        why: error.code(),
        weight: (duration.as_secs_f64() / rule.window.as_secs_f64()).round().max(1.0) as u64,
        retry_after: error.retry_after(),
        is_certain,
    })
}
