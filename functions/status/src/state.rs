//! What the handlers share: settings, connections and what is remembered between requests.

use std::path::PathBuf;
use std::time::Duration;

use sheetsync::breaker::Store;
use sheetsync::connections::Connections;
use sheetsync::queue::Queue;
use sheetsync::secrets::FromSecret;
use sheetsync::settings::{self, MissingSetting};
use sheetsync::supabase::Supabase;
use tokio::sync::{Mutex, OnceCell};

use crate::access::claim::Claim;
use crate::access::people::{self, People, Readers, Rules};
use crate::access::principal::Principal;
use crate::access::tokens::Tokens;
use crate::error::ApiError;
use crate::known::LastKnown;
use crate::latency::Latency;
use crate::memory::Memory;

/// A redrive whose call takes longer says that SQS does not answer, while there is still time to say so.
const SQS_TIMEOUT: Duration = Duration::from_secs(5);

/// What the environment says besides its connections (docs/PROTOCOL.md, "Environment of the functions").
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub definition: PathBuf,
    pub publishable_key: Option<String>,
    pub tokens_secret: String,
    /// The secret that signs access tokens in projects of before the signing keys.
    pub jwt_secret: Option<String>,
    pub reader_claim: Option<String>,
    pub operator_claim: Option<String>,
    pub scheduler_function: String,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// When one is missing.
    fn from_env() -> Result<Self, MissingSetting> {
        Ok(Self {
            definition: PathBuf::from(settings::required("SHEETSYNC_DEFINITION")?),
            publishable_key: settings::optional("SUPABASE_PUBLISHABLE_KEY"),
            tokens_secret: settings::required("TOKENS_SECRET_ID")?,
            jwt_secret: settings::optional("JWT_SECRET_ID"),
            reader_claim: settings::optional("READER_CLAIM"),
            operator_claim: settings::optional("OPERATOR_CLAIM"),
            scheduler_function: settings::required("SCHEDULER_FUNCTION")?,
        })
    }
}

/// The function's settings and connections, kept between requests.
pub struct Api {
    pub(crate) settings: Settings,
    pub(crate) connections: Connections,
    pub(crate) queue: Queue,
    pub(crate) dead_letters: Queue,
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) memory: Memory,
    pub(crate) breaker: Store,
    pub(crate) last_known: Mutex<LastKnown>,
    pub(crate) latency: Latency,
    supabase: OnceCell<Supabase>,
    tokens: FromSecret<Tokens, ApiError>,
    people: OnceCell<People>,
}

impl Api {
    /// Reads the settings. Connections are made when they are first needed.
    ///
    /// # Errors
    /// When a setting is missing.
    pub async fn from_env() -> Result<Self, MissingSetting> {
        let settings = Settings::from_env()?;
        Ok(Self::new(settings, Connections::from_env().await?))
    }

    /// With these settings.
    pub(crate) fn new(settings: Settings, connections: Connections) -> Self {
        let (queue, dead_letters) = connections.queues_within(SQS_TIMEOUT);
        let tokens = FromSecret::new(&connections.secrets, settings.tokens_secret.clone(), Tokens::from_json);
        Self {
            settings,
            queue,
            dead_letters,
            lambda: aws_sdk_lambda::Client::new(&connections.aws),
            memory: Memory::new(connections.dynamodb.clone(), connections.addresses.control_table.clone()),
            breaker: connections.breaker(),
            connections,
            last_known: Mutex::default(),
            latency: Latency::default(),
            supabase: OnceCell::new(),
            tokens,
            people: OnceCell::new(),
        }
    }

    /// The same by another clock, which decides when the service tokens are read again.
    #[cfg(test)]
    pub(crate) fn on(self, clock: sheetsync::clock::Clock) -> Self {
        let tokens = FromSecret::new(&self.connections.secrets, self.settings.tokens_secret.clone(), Tokens::from_json);
        Self { tokens: tokens.on(clock), ..self }
    }

    /// The connection to Supabase.
    pub(crate) async fn supabase(&self) -> Result<&Supabase, ApiError> {
        self.supabase
            // A reader waits in front of a screen: what does not come soon is reported as missing.
            .get_or_try_init(async || Ok(self.connections.supabase()?.with_short_timeout()))
            .await
    }

    /// Whose service token this is. One that is not known may be newer than what was read of the secret.
    pub(crate) async fn token_holder(&self, token: &str) -> Result<Option<Principal>, ApiError> {
        let tokens = self.tokens.get().await?;
        if let Some(holder) = tokens.holder(token) {
            return Ok(Some(holder));
        }
        Ok(self.tokens.renewed(&tokens).await.and_then(|tokens| tokens.holder(token)))
    }

    /// The people who can sign in.
    pub(crate) async fn people(&self) -> Result<&People, ApiError> {
        self.people
            .get_or_try_init(async || {
                let Settings { reader_claim, operator_claim, .. } = &self.settings;
                let rules = Rules {
                    readers: Readers::parse(reader_claim.as_deref().unwrap_or_default())?,
                    operator: operator_claim.as_deref().map(Claim::parse).transpose()?,
                };
                let jwt_secret = self.settings.jwt_secret.clone();
                let shared_secret = jwt_secret.map(|id| people::shared_secret(&self.connections.secrets, id));
                People::new(&self.connections.addresses.supabase_url, shared_secret, rules, Some(self.memory.clone()))
                    .map_err(ApiError::NoTls)
            })
            .await
    }
}
