//! The calls that carry books over to a new key (docs/PROTOCOL.md, "Carrying books over"). Each may be repeated.

use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{Supabase, SupabaseError};

/// A row under its new key: its former row key, its new one, and that one's hash.
pub type CarriedRow = (String, String, i64);

/// The answer to [`Supabase::carry_page`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CarryPage {
    /// The former row key of each row, and the texts of its new key columns; `None` when the table no longer has the row.
    pub rows: Vec<(String, Option<Vec<Option<String>>>)>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

impl Supabase {
    /// A page of the rows that are still kept by the former key.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn carry_page(
        &self,
        sync: &str,
        run: Uuid,
        after: Option<&str>,
        limit: usize,
    ) -> Result<CarryPage, SupabaseError> {
        let arguments = json!({"p_sync": sync, "p_run": run, "p_after": after, "p_limit": limit});
        self.call_with_retries("sync_carry_page", &arguments).await
    }

    /// Keeps these rows by their new keys; answers how many.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn carry(&self, sync: &str, run: Uuid, rows: &[CarriedRow]) -> Result<u64, SupabaseError> {
        #[derive(Deserialize)]
        struct Answer {
            carried: u64,
        }
        let answer: Answer =
            self.call_with_retries("sync_carry", &json!({"p_sync": sync, "p_run": run, "p_rows": rows})).await?;
        Ok(answer.carried)
    }

    /// Forgets the rows that have no new key, and the former key with them; answers how many.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn carry_end(&self, sync: &str, run: Uuid) -> Result<u64, SupabaseError> {
        #[derive(Deserialize)]
        struct Answer {
            dropped: u64,
        }
        let answer: Answer = self.call_with_retries("sync_carry_end", &json!({"p_sync": sync, "p_run": run})).await?;
        Ok(answer.dropped)
    }
}
