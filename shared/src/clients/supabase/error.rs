//! Why a call of Supabase failed. Messages say what to do.

use std::time::Duration;

use crate::clients::supabase::classify::{self, Fault};
use crate::platform::secrets::SecretError;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum SupabaseError {
    /// No answer. The call may have taken effect all the same.
    #[error("Supabase at {url} gave no answer ({reason}); check SupabaseUrl and that the project is running")]
    NoAnswer {
        /// The project's address.
        url: String,
        /// What happened instead.
        reason: String,
    },
    /// An answer that is no success.
    #[error("Supabase {}", explain(*fault, *status, code, message, function))]
    Refused {
        /// Whose fault it is.
        fault: Fault,
        /// The HTTP status.
        status: u16,
        /// The SQLSTATE or PGRST code, when there is one.
        code: Option<String>,
        /// The message; empty unless something is missing in the schema, because any other may quote a row.
        message: String,
        /// Which function or table was asked.
        function: String,
        /// How long the gateway asks to wait.
        retry_after: Option<Duration>,
    },
    /// The key could not be had, so no call was made.
    #[error(transparent)]
    NoKey(SecretError),
    /// The address is plain HTTP, so no call was made.
    #[error(
        "SupabaseUrl is {url}, over which the secret key would be sent unencrypted; give the project's https:// address \
         (plain http only for this machine)"
    )]
    NotPrivate {
        /// The address.
        url: String,
    },
    /// The address sends its callers elsewhere. The key is not sent there.
    #[error(
        "Supabase at {url} answered {function} with a redirect (HTTP {status}), and the secret key is never sent on; give \
         the project's own address as SupabaseUrl"
    )]
    Redirected {
        /// The project's address.
        url: String,
        /// Which function or table was asked.
        function: String,
        /// The HTTP status.
        status: u16,
    },
    /// A success that does not say what the protocol promises.
    #[error("Supabase's {function} returned an unexpected answer ({reason}); apply the migrations of this version")]
    Unexpected {
        /// Which function or table was asked.
        function: String,
        /// What is wrong with the answer.
        reason: String,
    },
}

fn explain(fault: Fault, status: u16, code: &Option<String>, message: &str, function: &str) -> String {
    let code = code.as_deref().map_or_else(|| format!("HTTP {status}"), |code| format!("{code}, HTTP {status}"));
    match fault {
        Fault::Denied => format!(
            "refuses the key ({code}): check that the secret SUPABASE_SECRET_ID holds the project's secret key \
             (sb_secret_… or the service_role JWT)"
        ),
        Fault::Restricted => format!("has restricted or paused the project ({code}): see its dashboard"),
        Fault::Drift => {
            format!("does not know what {function} needs ({code}: {message}): apply the files of migrations/ in order")
        }
        Fault::Down => format!("is down or overloaded ({code}) and could not serve {function}"),
        Fault::StatementTimeout => format!("cancelled {function} because it took too long ({code})"),
        Fault::Contended => format!("gave up {function} in favour of another transaction ({code})"),
        Fault::TooLarge => format!("does not accept a request of this size for {function} ({code})"),
        Fault::Row | Fault::Request => format!("refused {function} ({code}) {message}").trim_end().to_owned(),
    }
}

impl SupabaseError {
    pub(super) fn refused(function: &str, status: u16, body: classify::Body, retry_after: Option<Duration>) -> Self {
        let fault = classify::classify(status, body.code.as_deref());
        // Only the names of a missing table, column or function are safe to repeat. Any other message may quote a row:
        // Postgres does, and a trigger may raise any SQLSTATE with any text (Promises 9).
        let message = if fault == Fault::Drift { body.message } else { String::new() };
        Self::Refused { fault, status, code: body.code, message, function: function.to_owned(), retry_after }
    }

    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoAnswer { .. } | Self::NoKey(_) => Fault::Down,
            Self::Refused { fault, .. } => *fault,
            // As with a refused key: messages wait until a person has set it right.
            Self::NotPrivate { .. } | Self::Redirected { .. } => Fault::Denied,
            Self::Unexpected { .. } => Fault::Drift,
        }
    }

    /// A short name for logs and `sync_errors`.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::NoAnswer { .. } => "no_answer".to_owned(),
            Self::NoKey(_) => "no_key".to_owned(),
            Self::NotPrivate { .. } => "plain_http".to_owned(),
            Self::Redirected { .. } => "redirected".to_owned(),
            Self::Refused { code: Some(code), .. } => code.clone(),
            Self::Refused { status, .. } => format!("http_{status}"),
            Self::Unexpected { .. } => "unexpected_answer".to_owned(),
        }
    }

    /// How long the destination asks to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
