//! What the HTTP clients of Google and Supabase have in common: how they connect, introduce themselves, and tell why no
//! answer came.

use std::error::Error as _;
use std::time::Duration;

/// How we introduce ourselves: to gateways that turn away clients without a name, and to whoever reads their logs.
const USER_AGENT: &str = concat!("sheetsync/", env!("CARGO_PKG_VERSION"));

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client that keeps its connections; each request sets its own timeout.
///
/// # Errors
/// When TLS cannot be set up.
pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder().user_agent(USER_AGENT).connect_timeout(CONNECT_TIMEOUT).build()
}

/// The innermost cause of a transport error; the outer levels repeat the URL.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "timed out".to_owned() } else { "no connection".to_owned() };
    let mut source = error.source();
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    text
}
