//! 401, 403, and nothing else for those who may not.

use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};
use sheetsync_local::Settings;
use sheetsync_tests::Api;

const OPEN: [&str; 3] = ["/health", "/config.json", "/openapi.json"];

/// Every operation that the API describes, with its variables filled in.
async fn operations() -> Result<Vec<(Method, String)>> {
    let description = Api::with(None)?.read("/openapi.json").await?;
    let mut found = Vec::new();
    for (path, methods) in description["paths"].as_object().into_iter().flatten() {
        let path = path.replace("{sync}", "listings").replace("{id}", "00000000-0000-0000-0000-000000000000");
        for method in methods.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase()) {
            found.push((Method::from_bytes(method.as_bytes())?, path.clone()));
        }
    }
    assert!(found.len() > 10, "{found:?}");
    Ok(found)
}

/// A token that somebody made who does not have the key.
fn forged(header: &Value, claims: &Value) -> String {
    let text = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}.", text(header), text(claims))
}

#[tokio::test]
async fn nothing_is_told_or_done_without_a_valid_token_on_any_route() -> Result<()> {
    let settings = Settings::from_env()?;
    let claims = json!({"iss": format!("{}/auth/v1", settings.supabase_url), "aud": "authenticated", "sub": "x",
                        "exp": 4_102_444_800_u64, "app_metadata": {"role": "operator"}});
    let jwks: Value =
        reqwest::get(format!("{}/auth/v1/.well-known/jwks.json", settings.supabase_url)).await?.json().await?;
    let key_id = &jwks["keys"][0]["kid"];
    let confused = jsonwebtoken::encode(
        &Header { kid: key_id.as_str().map(str::to_owned), ..Header::new(Algorithm::HS256) },
        &claims,
        &EncodingKey::from_secret(jwks["keys"][0].to_string().as_bytes()),
    )?;
    let mut cut = settings.people.operator_jwt.clone();
    cut.truncate(cut.rfind('.').unwrap_or_default() + 1);
    let tokens = [
        None,
        Some("wrong".to_owned()),
        Some(forged(&json!({"alg": "none", "kid": key_id}), &claims)),
        Some(confused),
        Some(cut),
        // The project's own keys are for its database, not for this API.
        Some(settings.supabase_secret_key.clone()),
    ];
    for (method, path) in operations().await? {
        if OPEN.contains(&path.as_str()) {
            assert_eq!(Api::with(None)?.get(&path).await?.status, 200, "{path}");
            continue;
        }
        for token in &tokens {
            let answer = Api::with(token.as_deref())?.send(method.clone(), &path, &[], Some("{}".to_owned())).await?;
            assert_eq!((answer.status, answer.code()), (401, "unauthenticated"), "{method} {path} {token:?}");
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{method} {path}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_reader_may_read_everything_and_do_nothing() -> Result<()> {
    let settings = Settings::from_env()?;
    let token = settings.aws.expect("AWS runs").reader_token;
    for reader in [Api::reader()?, Api::with(Some(&token))?] {
        for (method, path) in operations().await? {
            let answer = reader.send(method.clone(), &path, &[], Some("{}".to_owned())).await?;
            if method == Method::GET {
                assert!([200, 404].contains(&answer.status), "{method} {path}: {}", answer.text);
            } else {
                assert_eq!((answer.status, answer.code()), (403, "forbidden"), "{method} {path}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn everybody_is_told_who_they_are() -> Result<()> {
    let me = Api::operator()?.read("/api/me").await?;
    assert_eq!(me, json!({"name": "operator@example.com", "role": "operator", "kind": "user"}));
    let token = Settings::from_env()?.aws.expect("AWS runs").operator_token;
    let me = Api::with(Some(&token))?.read("/api/me").await?;
    assert_eq!((&me["role"], &me["kind"]), (&json!("operator"), &json!("service")));
    assert!(!me["name"].as_str().unwrap_or_default().contains(&token), "{me}");
    Ok(())
}

#[tokio::test]
async fn a_person_signs_in_with_what_config_json_says_and_gets_in() -> Result<()> {
    let people = Settings::from_env()?.people;
    let config = Api::with(None)?.read("/config.json").await?;
    let (url, key) =
        (config["supabaseUrl"].as_str().unwrap_or_default(), config["publishableKey"].as_str().unwrap_or_default());
    let session: Value = reqwest::Client::new()
        .post(format!("{url}/auth/v1/token?grant_type=password"))
        .header("apikey", key)
        .json(&json!({"email": people.reader_email, "password": people.reader_password}))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    let me = Api::with(session["access_token"].as_str())?.read("/api/me").await?;
    assert_eq!(me, json!({"name": "reader@example.com", "role": "reader", "kind": "user"}));
    Ok(())
}
