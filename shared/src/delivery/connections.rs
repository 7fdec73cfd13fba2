//! What every function connects to, from the same environment variables (docs/PROTOCOL.md, "Environment of the functions"):
//! Supabase, the two queues, the breaker's item, and the secrets. Nothing is called before it is needed, so a wrong secret
//! fails a call, with its reason, and not the start of a function.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;

use crate::clients::queue::Queue;
use crate::clients::supabase::{Supabase, SupabaseError};
use crate::delivery::breaker::{self, Store};
use crate::platform::secrets;
use crate::platform::settings::{self, MissingSetting};

/// Where everything is.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The project's URL, without a slash at its end.
    pub supabase_url: String,
    /// The id of the secret that has the project's secret key.
    pub supabase_secret: String,
    /// The queue of batches.
    pub queue_url: String,
    /// The queue of dead letters.
    pub dead_letter_url: String,
    /// DynamoDB's table of the breaker, and of what the status function knew last.
    pub control_table: String,
}

impl Addresses {
    /// Those of the environment.
    ///
    /// # Errors
    /// When a variable is not set; the error names it.
    pub fn from_env() -> Result<Self, MissingSetting> {
        Ok(Self {
            supabase_url: settings::required("SUPABASE_URL")?.trim_end_matches('/').to_owned(),
            supabase_secret: settings::required("SUPABASE_SECRET_ID")?,
            queue_url: settings::required("QUEUE_URL")?,
            dead_letter_url: settings::required("DLQ_URL")?,
            control_table: settings::required("CONTROL_TABLE")?,
        })
    }
}

/// What a function connects to.
#[derive(Debug, Clone)]
pub struct Connections {
    /// Where everything is.
    pub addresses: Addresses,
    /// For clients that only one function has.
    pub aws: SdkConfig,
    /// Secrets Manager.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// The control table's client.
    pub dynamodb: aws_sdk_dynamodb::Client,
}

impl Connections {
    /// Those of the environment.
    ///
    /// # Errors
    /// When a variable is not set; the error names it.
    pub async fn from_env() -> Result<Self, MissingSetting> {
        let addresses = Addresses::from_env()?;
        Ok(Self::new(addresses, aws_config::load_from_env().await))
    }

    /// With these addresses.
    #[must_use]
    pub fn new(addresses: Addresses, aws: SdkConfig) -> Self {
        let (secrets, dynamodb) = (aws_sdk_secretsmanager::Client::new(&aws), aws_sdk_dynamodb::Client::new(&aws));
        Self { addresses, aws, secrets, dynamodb }
    }

    /// A client of the project. It reads its key when it is first needed, and again after five minutes or a refusal.
    ///
    /// # Errors
    /// When the URL is plain HTTP and not on this machine, or TLS cannot be set up.
    pub fn supabase(&self) -> Result<Supabase, SupabaseError> {
        let key = secrets::supabase_key(&self.secrets, self.addresses.supabase_secret.clone());
        Supabase::new(&self.addresses.supabase_url, key)
    }

    /// The queue of batches and that of dead letters.
    #[must_use]
    pub fn queues(&self) -> (Queue, Queue) {
        self.queues_of(aws_sdk_sqs::Client::new(&self.aws))
    }

    /// The same queues, whose calls end after `timeout`.
    #[must_use]
    pub fn queues_within(&self, timeout: Duration) -> (Queue, Queue) {
        let timeouts = TimeoutConfig::builder().operation_timeout(timeout).build();
        let config = aws_sdk_sqs::config::Builder::from(&self.aws).timeout_config(timeouts).build();
        self.queues_of(aws_sdk_sqs::Client::from_conf(config))
    }

    fn queues_of(&self, sqs: aws_sdk_sqs::Client) -> (Queue, Queue) {
        let Addresses { queue_url, dead_letter_url, .. } = &self.addresses;
        (Queue::new(sqs.clone(), queue_url.clone()), Queue::new(sqs, dead_letter_url.clone()))
    }

    /// The breaker's item.
    #[must_use]
    pub fn breaker(&self) -> Store {
        Store::new(&self.dynamodb, self.addresses.control_table.clone(), self.destination())
    }

    /// What the breaker protects.
    #[must_use]
    pub fn destination(&self) -> String {
        breaker::destination(&self.addresses.supabase_url)
    }
}
