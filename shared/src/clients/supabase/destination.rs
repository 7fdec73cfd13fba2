//! What the worker asks of a destination: single calls, each made once. When to call, how often and how fast is the
//! worker's business, which is why nothing here repeats anything.

use std::future::Future;
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::{Supabase, SupabaseError};
use crate::protocol::batch::Incoming;
use crate::protocol::run::{Applied, Failed, Failure};

/// Where batches go. Supabase is [`Supabase`]; a simulation has its own.
pub trait Destination {
    /// Applies a batch; the message body is passed on as it is. When no answer comes in `time`, it may have been applied
    /// all the same; the ledger knows.
    fn apply(&self, message: &str, time: Duration) -> impl Future<Output = Result<Applied, SupabaseError>> + Send;

    /// Counts a failed attempt at a batch, or ends it, or a whole run, as failed.
    fn fail(
        &self,
        run: Uuid,
        batch: Option<&Incoming>,
        failure: &Failure,
        time: Duration,
    ) -> impl Future<Output = Result<Failed, SupabaseError>> + Send;

    /// Asks whether it could apply something: the cheapest call that goes all the way and may write.
    fn ping(&self, time: Duration) -> impl Future<Output = Result<(), SupabaseError>> + Send;

    /// Has it look at the database's schema again.
    fn reload_schema(&self, time: Duration) -> impl Future<Output = Result<(), SupabaseError>> + Send;
}

impl Destination for Supabase {
    async fn apply(&self, message: &str, time: Duration) -> Result<Applied, SupabaseError> {
        self.within(time).call("sync_apply", format!(r#"{{"p_batch":{message}}}"#)).await
    }

    async fn fail(
        &self,
        run: Uuid,
        batch: Option<&Incoming>,
        failure: &Failure,
        time: Duration,
    ) -> Result<Failed, SupabaseError> {
        self.within(time).call("sync_fail", Self::failure(run, batch, failure).to_string()).await
    }

    async fn ping(&self, time: Duration) -> Result<(), SupabaseError> {
        let _: serde_json::Value = self.within(time).call("sync_ping", json!({}).to_string()).await?;
        Ok(())
    }

    async fn reload_schema(&self, time: Duration) -> Result<(), SupabaseError> {
        let _: serde_json::Value = self.within(time).call("sync_reload_schema", json!({}).to_string()).await?;
        Ok(())
    }
}
