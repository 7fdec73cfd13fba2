//! A project whose key is read when it is first needed, and again after it was refused: whoever puts a new key into the
//! secret need not restart anything.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use super::{Applied, Destination, Failed, Failure, Supabase, SupabaseError};
use crate::batch::Incoming;
use crate::classify::Fault;
use crate::secrets;

/// A project and where its key is.
#[derive(Debug)]
pub struct Connection {
    url: String,
    secret: String,
    secrets: aws_sdk_secretsmanager::Client,
    supabase: Mutex<Option<Supabase>>,
}

impl Connection {
    /// The project at `url`, with the key in the secret of this id.
    #[must_use]
    pub fn new(url: String, secret: String, secrets: aws_sdk_secretsmanager::Client) -> Self {
        Self { url, secret, secrets, supabase: Mutex::default() }
    }

    async fn supabase(&self) -> Result<Supabase, SupabaseError> {
        if let Some(supabase) = self.kept().clone() {
            return Ok(supabase);
        }
        let key = secrets::supabase_key(&self.secrets, &self.secret).await.map_err(SupabaseError::NoKey)?;
        let supabase = Supabase::new(&self.url, key)?;
        *self.kept() = Some(supabase.clone());
        Ok(supabase)
    }

    fn judged<T>(&self, outcome: Result<T, SupabaseError>) -> Result<T, SupabaseError> {
        if outcome.as_ref().is_err_and(|error| error.fault() == Fault::Denied) {
            *self.kept() = None;
        }
        outcome
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Supabase>> {
        self.supabase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Destination for Connection {
    async fn apply(&self, message: &str, time: Duration) -> Result<Applied, SupabaseError> {
        let supabase = self.supabase().await?;
        self.judged(Destination::apply(&supabase, message, time).await)
    }

    async fn fail(
        &self,
        run: Uuid,
        batch: Option<&Incoming>,
        failure: &Failure,
        time: Duration,
    ) -> Result<Failed, SupabaseError> {
        let supabase = self.supabase().await?;
        self.judged(Destination::fail(&supabase, run, batch, failure, time).await)
    }

    async fn ping(&self, time: Duration) -> Result<(), SupabaseError> {
        let supabase = self.supabase().await?;
        self.judged(supabase.ping(time).await)
    }

    async fn reload_schema(&self, time: Duration) -> Result<(), SupabaseError> {
        let supabase = self.supabase().await?;
        self.judged(supabase.reload_schema(time).await)
    }
}
