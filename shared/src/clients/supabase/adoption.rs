//! The call by which a person decides an adoption (docs/PROTOCOL.md, `sync_approve_adoption`).

use serde_json::json;
use uuid::Uuid;

use super::{Supabase, SupabaseError};
use crate::protocol::adoption::{AdoptionApproval, Keep};

impl Supabase {
    /// Decides the adoption that a run withheld, in the name of `who`; the sync's next run does it.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn approve_adoption(
        &self,
        run: Uuid,
        who: &str,
        why: &str,
        keep: Keep,
    ) -> Result<AdoptionApproval, SupabaseError> {
        let arguments = json!({"p_run": run, "p_who": who, "p_why": why, "p_adopt": keep});
        self.call_with_retries("sync_approve_adoption", &arguments).await
    }
}
