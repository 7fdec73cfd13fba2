//! Timestamps as the API writes them: RFC 3339, UTC.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A moment: RFC 3339, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = DateTime)]
pub struct Time(pub Timestamp);

impl Time {
    /// Whole seconds from here to `later`; none before it.
    #[must_use]
    pub fn seconds_until(self, later: Timestamp) -> u64 {
        later.duration_since(self.0).as_secs().max(0).unsigned_abs()
    }
}
