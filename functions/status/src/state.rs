//! What the handlers share: settings, connections and what is remembered between requests.

use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_sqs::config::timeout::TimeoutConfig;
use sheetsync::breaker::store::{self, Store};
use sheetsync::queue::Queue;
use sheetsync::secrets::{self, FromSecret};
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

/// What the environment says (docs/PROTOCOL.md, "Environment of the functions").
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub definition: PathBuf,
    pub supabase_url: String,
    pub supabase_secret: String,
    pub publishable_key: Option<String>,
    pub tokens_secret: String,
    /// The secret that signs access tokens in projects of before the signing keys.
    pub jwt_secret: Option<String>,
    pub reader_claim: Option<String>,
    pub operator_claim: Option<String>,
    pub queue_url: String,
    pub dlq_url: String,
    pub control_table: String,
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
            supabase_url: settings::required("SUPABASE_URL")?.trim_end_matches('/').to_owned(),
            supabase_secret: settings::required("SUPABASE_SECRET_ID")?,
            publishable_key: settings::optional("SUPABASE_PUBLISHABLE_KEY"),
            tokens_secret: settings::required("TOKENS_SECRET_ID")?,
            jwt_secret: settings::optional("JWT_SECRET_ID"),
            reader_claim: settings::optional("READER_CLAIM"),
            operator_claim: settings::optional("OPERATOR_CLAIM"),
            queue_url: settings::required("QUEUE_URL")?,
            dlq_url: settings::required("DLQ_URL")?,
            control_table: settings::required("CONTROL_TABLE")?,
            scheduler_function: settings::required("SCHEDULER_FUNCTION")?,
        })
    }
}

/// The function's settings and connections, kept between requests.
pub struct Api {
    pub(crate) settings: Settings,
    secrets: aws_sdk_secretsmanager::Client,
    pub(crate) queue: Queue,
    pub(crate) dead_letters: Queue,
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) memory: Memory,
    pub(crate) breaker: Store,
    /// What the breaker protects.
    pub(crate) destination: String,
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
        Ok(Self::new(settings, &aws_config::load_from_env().await))
    }

    /// With these settings.
    pub(crate) fn new(settings: Settings, aws: &aws_config::SdkConfig) -> Self {
        let dynamodb = aws_sdk_dynamodb::Client::new(aws);
        let destination = store::destination(&settings.supabase_url);
        let breaker = Store::new(&dynamodb, settings.control_table.clone(), destination.clone());
        let memory = Memory::new(dynamodb, settings.control_table.clone());
        let patience = TimeoutConfig::builder().operation_timeout(SQS_TIMEOUT).build();
        let sqs =
            aws_sdk_sqs::Client::from_conf(aws_sdk_sqs::config::Builder::from(aws).timeout_config(patience).build());
        let secrets = aws_sdk_secretsmanager::Client::new(aws);
        let tokens = FromSecret::new(&secrets, settings.tokens_secret.clone(), Tokens::from_json);
        let (queue_url, dead_letter_url) = (settings.queue_url.clone(), settings.dlq_url.clone());
        Self {
            settings,
            secrets,
            queue: Queue::new(sqs.clone(), queue_url),
            dead_letters: Queue::new(sqs, dead_letter_url),
            lambda: aws_sdk_lambda::Client::new(aws),
            memory,
            breaker,
            destination,
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
        let tokens = FromSecret::new(&self.secrets, self.settings.tokens_secret.clone(), Tokens::from_json);
        Self { tokens: tokens.on(clock), ..self }
    }

    /// The connection to Supabase.
    pub(crate) async fn supabase(&self) -> Result<&Supabase, ApiError> {
        self.supabase
            .get_or_try_init(async || {
                let key = secrets::supabase_key(&self.secrets, self.settings.supabase_secret.clone());
                // A person waits for the answer: a slow Supabase is reported as unreachable.
                Ok(Supabase::new(&self.settings.supabase_url, key)?.with_short_timeout())
            })
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
                let shared_secret = jwt_secret.map(|id| people::shared_secret(&self.secrets, id));
                People::new(&self.settings.supabase_url, shared_secret, rules, Some(self.memory.clone()))
                    .map_err(ApiError::NoTls)
            })
            .await
    }
}
