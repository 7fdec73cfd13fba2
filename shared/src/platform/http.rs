//! What the HTTP clients of Google, Supabase and the status API have in common: how they connect, what they never do with a
//! secret, and why no answer came.

use std::error::Error as _;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::Url;
use reqwest::redirect::Policy;

/// The `User-Agent`: some gateways refuse clients without one.
const USER_AGENT: &str = concat!("sheetsync/", env!("CARGO_PKG_VERSION"));

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client of the server at `url` that keeps its connections; each request sets its own timeout.
///
/// It follows no redirect: reqwest removes `Authorization` for another host but not `apikey`, and repeats the body. It uses
/// HTTPS only, unless `url` is on this machine.
///
/// # Errors
/// When TLS cannot be set up.
pub fn client(url: &str) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(Policy::none())
        .https_only(!is_on_this_machine(url))
        .build()
}

/// Whether a secret may be sent to `url`: over HTTPS, or without leaving this machine.
#[must_use]
pub fn is_private(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "https") || is_on_this_machine(url)
}

fn is_on_this_machine(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    // Names below .localhost are this machine's (RFC 6761, 6.3).
    host == "localhost" || host.ends_with(".localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_over_https_or_stay_on_this_machine() {
        for url in [
            "https://p.supabase.co",
            "http://127.0.0.1:54321",
            "http://[::1]:1",
            "http://localhost",
            "http://a.localhost:1",
        ] {
            assert!(is_private(url), "{url}");
        }
        for url in [
            "http://p.supabase.co",
            "http://10.0.0.1",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://user@example.com:127",
            "ftp://127.0.0.2.nip.io",
            "p.supabase.co",
            "",
        ] {
            assert!(!is_private(url), "{url}");
        }
    }

    #[tokio::test]
    async fn a_client_of_another_machine_sends_nothing_over_plain_http() {
        let client = client("https://p.supabase.co").unwrap();
        let error = client.get("http://127.0.0.1:1/").send().await.unwrap_err();
        assert!(error.is_builder(), "{error:?}");
    }
}
