//! Who gets in: assertions, access tokens, scopes and sharing, with Google's refusals.

use serde_json::{Value, json};

use crate::world::{READ_SCOPES, World, assertion};

const VALUES: &str = "/v4/spreadsheets/d/values/T";

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test]
async fn valid_assertion_gets_a_token_and_others_a_reason() {
    let world = World::start().await;
    let key = world.key();
    let (status, answer) = world.ask_token(&assertion(&key, json!({}))).await;
    assert_eq!((status.as_u16(), &answer["token_type"], &answer["expires_in"]), (200, &json!("Bearer"), &json!(3599)));
    let other = world.control("/accounts", json!({"name": "other"})).await;
    let mut forged = other.clone();
    forged["client_email"] = key["client_email"].clone();
    forged["private_key_id"] = key["private_key_id"].clone();
    for (text, error, part) in [
        (assertion(&key, json!({"aud": "https://example.com"})), "invalid_grant", "Failed audience check"),
        (assertion(&key, json!({"exp": now() + 7200})), "invalid_grant", "short-lived token"),
        (assertion(&key, json!({"iat": now() - 9000, "exp": now() - 5400})), "invalid_grant", "reasonable timeframe"),
        (assertion(&key, json!({"iss": "nobody@x"})), "invalid_grant", "account not found"),
        (assertion(&key, json!({"scope": ""})), "invalid_scope", "Invalid OAuth scope"),
        (assertion(&forged, json!({})), "invalid_grant", "Invalid JWT Signature."),
        ("nonsense".to_owned(), "invalid_grant", "Invalid JWT"),
    ] {
        let (status, answer) = world.ask_token(&text).await;
        assert_eq!((status.as_u16(), answer["error"].as_str()), (400, Some(error)), "{answer}");
        assert!(answer["error_description"].as_str().unwrap().contains(part), "{answer}");
    }
}

#[tokio::test]
async fn a_skewed_clock_and_a_disabled_account_are_invalid_grants() {
    let world = World::start().await;
    let account = format!("/accounts/{}", world.handle.service_account_email());
    for change in [json!({"clockSkewSeconds": 7200}), json!({"clockSkewSeconds": 0, "disabled": true})] {
        world.control(&account, change).await;
        let (status, answer) = world.ask_token(&assertion(&world.key(), json!({}))).await;
        assert_eq!((status.as_u16(), answer["error"].as_str()), (400, Some("invalid_grant")));
    }
}

#[tokio::test]
async fn no_wrong_expired_or_revoked_token_opens_a_document() {
    let mut world = World::with_rows(json!([["a"]])).await;
    assert_eq!(world.get(VALUES).await.0, 200);
    world.control("/tokens/revoke", json!({"email": world.handle.service_account_email()})).await;
    let (status, answer) = world.get(VALUES).await;
    assert_eq!((status, answer["error"]["status"].as_str()), (401, Some("UNAUTHENTICATED")));
    let account = format!("/accounts/{}", world.handle.service_account_email());
    world.control(&account, json!({"tokenLifetimeSeconds": 0})).await;
    world.token = world.fresh_token(READ_SCOPES).await;
    let (status, answer) = world.get(VALUES).await;
    assert_eq!((status, &answer["error"]["details"][0]["reason"]), (401, &json!("ACCESS_TOKEN_EXPIRED")));
    let bare = world.http.get(format!("{}{VALUES}", world.handle.base_url())).send().await.unwrap();
    assert_eq!(bare.status(), 401);
}

#[tokio::test]
async fn a_scope_allows_what_it_says() {
    let mut world = World::with_rows(json!([["a"]])).await;
    world.token = world.fresh_token("https://www.googleapis.com/auth/spreadsheets.readonly").await;
    assert_eq!(world.get(VALUES).await.0, 200);
    let (status, answer) = world.put(&format!("{VALUES}!A1?valueInputOption=RAW"), json!({"values": []})).await;
    assert_eq!((status, &answer["error"]["details"][0]["reason"]), (403, &json!("ACCESS_TOKEN_SCOPE_INSUFFICIENT")));
    assert_eq!(world.get("/drive/v3/files/d").await.0, 403);
}

#[tokio::test]
async fn a_document_opens_only_to_those_it_is_shared_with() {
    let world = World::with_rows(json!([["a"]])).await;
    let denied = |message: &str| json!({"error": {"code": 403, "message": message, "status": "PERMISSION_DENIED"}});
    let denied = denied("The caller does not have permission");
    world.control("/documents/d/share", json!({"role": "reader"})).await;
    assert_eq!(world.get(VALUES).await.0, 200);
    assert_eq!(world.post(&format!("{VALUES}:clear"), json!({})).await, (403, denied.clone()));
    world.control("/documents/d/share", json!({"role": null})).await;
    assert_eq!(world.get(VALUES).await, (403, denied));
    let (status, answer) = world.get("/drive/v3/files/d").await;
    assert_eq!((status, &answer["error"]["errors"][0]["reason"]), (404, &json!("notFound")));
    let (status, answer) = world.get("/v4/spreadsheets/unknown").await;
    let missing = json!({"error": {"code": 404, "message": "Requested entity was not found.", "status": "NOT_FOUND"}});
    assert_eq!((status, answer), (404, missing));
}

#[tokio::test]
async fn an_uploaded_workbook_is_not_a_google_sheet() {
    let world = World::start().await;
    world.load("d", json!({"uploadedXlsx": true, "tabs": [{"title": "T"}]})).await;
    let (status, answer) = world.get(VALUES).await;
    let error = json!({"code": 400, "message": "This operation is not supported for this document", "status": "FAILED_PRECONDITION"});
    assert_eq!((status, answer), (400, json!({ "error": error })));
    let (_, file): (u16, Value) = world.get("/drive/v3/files/d").await;
    assert_eq!(file["mimeType"], "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
}
