//! A secret that changes, on tokio's paused clock.

use std::sync::Mutex as StdMutex;

use super::*;

/// What Secrets Manager says, and how often it was asked.
#[derive(Default)]
struct Vault {
    text: Option<&'static str>,
    asked: u32,
}

type Shared = Arc<StdMutex<Vault>>;

fn vault(text: &'static str) -> (Shared, FromSecret<String>) {
    let vault = Arc::new(StdMutex::new(Vault { text: Some(text), asked: 0 }));
    let shared = Arc::clone(&vault);
    let read = move || {
        let mut vault = shared.lock().unwrap();
        vault.asked += 1;
        let answer = vault.text.map(SecretString::from);
        let unavailable = SecretError::Unavailable { id: "key".to_owned(), reason: "away".to_owned() };
        std::future::ready(answer.ok_or(unavailable)).boxed()
    };
    let make = |secret: &SecretString| match secret.expose_secret() {
        "malformed" => Err(SecretError::Malformed { id: "key".to_owned(), expected: "a word" }),
        text => Ok(text.to_owned()),
    };
    (vault, FromSecret::reading(Box::new(read), Box::new(make), Clock::starting_at(Millis(1_800_000_000_000))))
}

fn say(vault: &Shared, text: Option<&'static str>) {
    vault.lock().unwrap().text = text;
}

fn asked(vault: &Shared) -> u32 {
    vault.lock().unwrap().asked
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn secret_is_read_again_after_five_minutes() {
    let (vault, secret) = vault("old");
    assert_eq!(*secret.get().await.unwrap(), "old");
    say(&vault, Some("new"));
    pass(299).await;
    assert_eq!((secret.get().await.unwrap().as_str(), asked(&vault)), ("old", 1));
    pass(1).await;
    assert_eq!((secret.get().await.unwrap().as_str(), asked(&vault)), ("new", 2));
}

#[tokio::test(start_paused = true)]
async fn parsed_secret_is_kept_while_its_text_is_unchanged() {
    let (vault, secret) = vault("same");
    let first = secret.get().await.unwrap();
    pass(300).await;
    let second = secret.get().await.unwrap();
    assert_eq!(asked(&vault), 2);
    assert!(Arc::ptr_eq(&first, &second), "an access token that it has got is kept");
}

#[tokio::test(start_paused = true)]
async fn a_refused_secret_is_read_again_at_once() {
    let (vault, secret) = vault("old");
    let old = secret.get().await.unwrap();
    say(&vault, Some("new"));
    assert_eq!(secret.renewed(&old).await.as_deref().map(String::as_str), Some("new"));
    assert_eq!(
        secret.renewed(&old).await.as_deref().map(String::as_str),
        Some("new"),
        "another call had the old one too"
    );
    assert_eq!((secret.get().await.unwrap().as_str(), asked(&vault)), ("new", 2));
}

#[tokio::test(start_paused = true)]
async fn unexplained_refusals_read_the_secret_once_in_ten_seconds() {
    let (vault, secret) = vault("same");
    let known = secret.get().await.unwrap();
    for _ in 0..100 {
        assert!(secret.renewed(&known).await.is_none());
    }
    assert_eq!(asked(&vault), 2);
    pass(10).await;
    assert!(secret.renewed(&known).await.is_none());
    assert_eq!(asked(&vault), 3);
}

#[tokio::test(start_paused = true)]
async fn a_known_secret_counts_while_secrets_manager_is_away() {
    let (vault, secret) = vault("old");
    let old = secret.get().await.unwrap();
    say(&vault, None);
    assert!(secret.renewed(&old).await.is_none());
    pass(300).await;
    assert_eq!((secret.get().await.unwrap().as_str(), asked(&vault)), ("old", 3));
    pass(59).await;
    assert_eq!((secret.get().await.unwrap().as_str(), asked(&vault)), ("old", 3), "not with every request");
    say(&vault, Some("new"));
    pass(1).await;
    assert_eq!(secret.get().await.unwrap().as_str(), "new");
}

#[tokio::test(start_paused = true)]
async fn malformed_secret_is_an_error_until_corrected() {
    let (vault, secret) = vault("old");
    let old = secret.get().await.unwrap();
    say(&vault, Some("malformed"));
    assert!(secret.renewed(&old).await.is_none());
    pass(300).await;
    assert!(matches!(secret.get().await, Err(SecretError::Malformed { .. })));
    let reads = asked(&vault);
    say(&vault, Some("new"));
    pass(9).await;
    assert!(secret.get().await.is_err());
    assert_eq!(asked(&vault), reads, "not read again with every request");
    pass(1).await;
    assert_eq!(secret.get().await.unwrap().as_str(), "new");
}

#[tokio::test(start_paused = true)]
async fn unreadable_secret_is_retried_after_ten_seconds() {
    let (vault, secret) = vault("old");
    say(&vault, None);
    assert!(matches!(secret.get().await, Err(SecretError::Unavailable { .. })));
    say(&vault, Some("old"));
    pass(10).await;
    assert_eq!(secret.get().await.unwrap().as_str(), "old");
}

#[tokio::test(start_paused = true)]
async fn what_was_given_once_and_for_all_is_never_read() {
    let given: FromSecret<String> = "key".to_owned().into();
    let known = given.get().await.unwrap();
    pass(1_000_000).await;
    assert_eq!(given.get().await.unwrap().as_str(), "key");
    assert!(given.renewed(&known).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_remembered_for_ten_seconds() {
    let (vault, secret) = vault("malformed");
    for (text, is_expected) in [
        (Some("malformed"), (|error| matches!(error, SecretError::Malformed { .. })) as fn(&SecretError) -> bool),
        (None, |error| matches!(error, SecretError::Unavailable { .. })),
    ] {
        say(&vault, text);
        let before = asked(&vault);
        for _ in 0..100 {
            assert!(is_expected(&secret.get().await.unwrap_err()));
        }
        assert_eq!(asked(&vault), before + 1, "{text:?}");
        say(&vault, Some("new"));
        pass(9).await;
        assert!(secret.get().await.is_err());
        pass(1).await;
    }
    assert_eq!(secret.get().await.unwrap().as_str(), "new");
}
