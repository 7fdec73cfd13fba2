//! Requests without authentication get 401, those without permission 403.

use std::time::{Duration, Instant};

use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};
use sheetsync_local::Settings;
use sheetsync_tests::{Api, Sync};
use uuid::Uuid;

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

/// A token signed with another key.
fn forged(header: &Value, claims: &Value) -> String {
    let text = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}.", text(header), text(claims))
}

#[tokio::test]
async fn every_route_refuses_a_request_without_a_valid_token() -> Result<()> {
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
async fn me_names_the_caller_and_the_role() -> Result<()> {
    let me = Api::operator()?.read("/api/me").await?;
    assert_eq!(me, json!({"name": "operator@example.com", "role": "operator", "kind": "user"}));
    let token = Settings::from_env()?.aws.expect("AWS runs").operator_token;
    let me = Api::with(Some(&token))?.read("/api/me").await?;
    assert_eq!((&me["role"], &me["kind"]), (&json!("operator"), &json!("service")));
    assert!(!me["name"].as_str().unwrap_or_default().contains(&token), "{me}");
    Ok(())
}

#[tokio::test]
async fn sign_in_works_with_the_settings_of_config_json() -> Result<()> {
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

/// A session of a new user without claims.
async fn stranger(body: Value) -> Result<Api> {
    let settings = Settings::from_env()?;
    let session: Value = reqwest::Client::new()
        .post(format!("{}/auth/v1/signup", settings.supabase_url))
        .header("apikey", &settings.supabase_publishable_key)
        .json(&body)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    Api::with(session["access_token"].as_str())
}

#[tokio::test]
async fn who_only_signed_up_reads_nothing() -> Result<()> {
    let person = stranger(json!({"email": "stranger@example.com", "password": "stranger-and-long"})).await?;
    let anonymous = stranger(json!({})).await?;
    for (method, path) in operations().await?.into_iter().filter(|(_, path)| !OPEN.contains(&path.as_str())) {
        for session in [&person, &anonymous] {
            let answer = session.send(method.clone(), &path, &[], Some("{}".to_owned())).await?;
            assert_eq!((answer.status, answer.code()), (403, "forbidden"), "{method} {path}");
        }
    }
    Ok(())
}

/// A token that the project's PostgREST takes.
fn database_token(claims: &Value) -> Result<String> {
    let key = EncodingKey::from_secret(Settings::from_env()?.supabase_jwt_secret.as_bytes());
    Ok(jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key)?)
}

#[tokio::test]
async fn postgrest_exposes_sheetsync_to_the_service_role_only() -> Result<()> {
    let settings = Settings::from_env()?;
    let sync = Sync::named("postgrest").rows(3).create().await?;
    sync.run().await?;
    let tables: Vec<String> = sync
        .database
        .query(
            "select c.relname::text from pg_class as c where c.relnamespace = 'public'::regnamespace
             and c.relkind in ('r', 'v') and (c.relname like 'sync\\_%' or c.relname = 'property_listings') order by 1",
            &[],
        )
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert!(tables.len() > 10 && tables.contains(&"sync_errors".to_owned()), "{tables:?}");
    let signed_in = |claims: Value| {
        let mut all =
            json!({"role": "authenticated", "aud": "authenticated", "sub": Uuid::new_v4(), "exp": 4_102_444_800_u64});
        all.as_object_mut().into_iter().for_each(|all| all.extend(claims.as_object().cloned().unwrap_or_default()));
        database_token(&all)
    };
    let strangers = [
        ("nobody", None),
        ("an anonymous sign-in", Some(signed_in(json!({"is_anonymous": true}))?)),
        ("a stranger", Some(signed_in(json!({"app_metadata": {}}))?)),
        ("a reader of the API", Some(signed_in(json!({"app_metadata": {"role": "reader"}}))?)),
    ];
    let read = async |path: &str, key: &str, token: Option<&str>| -> Result<(u16, String)> {
        let mut request =
            reqwest::Client::new().get(format!("{}/rest/v1/{path}", settings.supabase_url)).header("apikey", key);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    };
    for table in &tables {
        let path = format!("{table}?limit=1");
        for (who, token) in &strangers {
            let (status, text) = read(&path, &settings.supabase_publishable_key, token.as_deref()).await?;
            let code = serde_json::from_str::<Value>(&text).unwrap_or_default()["code"].clone();
            assert!([401, 403].contains(&status) && code == "42501", "{who} reads {table}: {status} {text}");
        }
        let (status, text) = read(&path, &settings.supabase_secret_key, None).await?;
        assert_eq!(status, 200, "{table}: {text}");
    }
    for (who, token) in &strangers {
        let path = "rpc/sync_overview";
        let (status, text) = read(path, &settings.supabase_publishable_key, token.as_deref()).await?;
        assert!([401, 403, 404].contains(&status), "{who} calls sync_overview: {status} {text}");
    }
    Ok(())
}

#[tokio::test]
async fn slow_read_is_cancelled_in_the_database() -> Result<()> {
    let settings = Settings::from_env()?;
    let started = Instant::now();
    let answer = reqwest::Client::new()
        .post(format!("{}/rest/v1/rpc/sync_statistics", settings.supabase_url))
        .header("apikey", &settings.supabase_secret_key)
        // A step for every second of three thousand years.
        .json(&json!({"p_sync": "none", "p_from": "0001-01-01", "p_to": "3001-01-01", "p_bucket_seconds": 1}))
        .send()
        .await?;
    let (took, error): (_, Value) = (started.elapsed(), answer.json().await?);
    assert_eq!(error["code"], "57014", "{error}");
    assert!(took < Duration::from_secs(6), "{took:?}: before service_role's own limit of eight seconds");
    Ok(())
}
