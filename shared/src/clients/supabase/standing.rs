//! The calls by which the scheduler's tick learns where every sync stands.

use serde_json::json;

use super::{Supabase, SupabaseError};
use crate::protocol::standing::{ClosedRun, Reported, Standing};

impl Supabase {
    /// The runs that have closed and are not reported yet, at most 100; `reported` are those that now are.
    ///
    /// # Errors
    /// When the call fails; what it would have given is given again a minute later.
    pub async fn closed_runs(&self, reported: &[Reported]) -> Result<Vec<ClosedRun>, SupabaseError> {
        self.ask("sync_closed_runs", &json!({"p_reported": reported})).await
    }

    /// Where every sync stands that has ever run.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn standings(&self) -> Result<Vec<Standing>, SupabaseError> {
        self.ask("sync_overview", &json!({})).await
    }
}
