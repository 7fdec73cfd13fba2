//! Headers, ETags, encodings and errors of every answer.

use anyhow::Result;
use reqwest::Method;
use sheetsync_tests::Api;

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() -> Result<()> {
    let reader = Api::reader()?;
    for path in ["/openapi.json", "/api/me", "/"] {
        let first = reader.get(path).await?;
        let tag = first.header("etag").to_owned();
        assert!(!tag.is_empty(), "{path}");
        let again = reader.send(Method::GET, path, &[("if-none-match", &tag)], None).await?;
        assert_eq!((again.status, again.text.as_str(), again.header("etag")), (304, "", tag.as_str()), "{path}");
        let policy = "content-security-policy";
        assert_eq!(again.header(policy), first.header(policy), "{path}: a browser shows what it has by this policy");
        let other = reader.send(Method::GET, path, &[("if-none-match", "W/\"other\"")], None).await?;
        assert_eq!((other.status, other.text), (200, first.text), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_is_compressed_for_those_who_can_read_it() -> Result<()> {
    let reader = Api::reader()?;
    let plain = reader.get("/openapi.json").await?;
    assert_eq!(plain.header("content-encoding"), "");
    for encoding in ["gzip", "br"] {
        let packed = reader.send(Method::GET, "/openapi.json", &[("accept-encoding", encoding)], None).await?;
        let length: usize = packed.header("content-length").parse()?;
        assert_eq!((packed.status, packed.header("content-encoding")), (200, encoding));
        assert!(length * 3 < plain.text.len(), "{encoding}: {length} of {}", plain.text.len());
    }
    Ok(())
}

#[tokio::test]
async fn every_answer_is_closed_to_other_pages_and_caches() -> Result<()> {
    for (api, path) in
        [(Api::reader()?, "/api/syncs"), (Api::with(None)?, "/api/syncs"), (Api::with(None)?, "/nowhere")]
    {
        let answer = api.send(Method::GET, path, &[("origin", "https://evil.example")], None).await?;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
    let page = Api::with(None)?.get("/").await?;
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    Ok(())
}

#[tokio::test]
async fn page_files_are_cached_and_the_page_is_not() -> Result<()> {
    let nobody = Api::with(None)?;
    let page = nobody.get("/").await?;
    assert_eq!((page.status, page.header("cache-control")), (200, "no-cache"));
    let start = page.text.find("/assets/").expect("the page loads files");
    let path: String = page.text[start..].chars().take_while(|it| !"\"'> ".contains(*it)).collect();
    let asset = nobody.get(&path).await?;
    assert_eq!((asset.status, asset.header("cache-control")), (200, "public, max-age=31536000, immutable"), "{path}");
    for path in ["/assets/%2e%2e%2fCargo.toml", "/assets/none.js", "/etc/passwd"] {
        assert!([400, 404].contains(&nobody.get(path).await?.status), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_served_says_why_in_one_form() -> Result<()> {
    let operator = Api::operator()?;
    let nil = "00000000-0000-0000-0000-000000000000";
    let cases = [
        (Method::GET, "/api/nothing".to_owned(), None, 404, "no_such_route"),
        (Method::GET, "/api/syncs/nowhere".to_owned(), None, 404, "not_found"),
        (Method::GET, "/api/syncs/nowhere/runs".to_owned(), None, 404, "not_found"),
        (Method::GET, "/api/syncs/nowhere/errors".to_owned(), None, 404, "not_found"),
        (Method::GET, format!("/api/runs/{nil}"), None, 404, "not_found"),
        (Method::GET, "/api/runs/latest".to_owned(), None, 400, "bad_request"),
        (Method::GET, "/api/audit?limit=0".to_owned(), None, 400, "bad_request"),
        (Method::GET, "/api/audit?cursor=made-up".to_owned(), None, 400, "bad_request"),
        (Method::GET, "/api/audit?limt=1".to_owned(), None, 400, "bad_request"),
        (Method::DELETE, "/api/syncs".to_owned(), None, 405, "method_not_allowed"),
        (Method::POST, "/api/syncs/nowhere/runs".to_owned(), Some("{}"), 404, "not_found"),
        (Method::POST, "/api/syncs/nowhere/runs".to_owned(), Some("{"), 400, "bad_request"),
        (Method::POST, "/api/syncs/nowhere/runs".to_owned(), Some(r#"{"type":"all"}"#), 422, "unprocessable"),
        (Method::POST, "/api/syncs/nowhere/runs".to_owned(), Some(r#"{"type":"selective"}"#), 422, "unprocessable"),
        (Method::POST, "/api/syncs/nowhere/runs".to_owned(), None, 415, "not_json"),
    ];
    for (method, path, body, status, code) in cases {
        let answer = operator.send(method.clone(), &path, &[], body.map(str::to_owned)).await?;
        assert_eq!((answer.status, answer.code()), (status, code), "{method} {path} {body:?}: {}", answer.text);
        assert!(answer.json["error"]["message"].is_string() && answer.json["error"]["details"].is_object());
    }
    let large = format!(r#"{{"why":"{}"}}"#, "x".repeat(300_000));
    let answer = operator.send(Method::POST, "/api/syncs/nowhere/runs", &[], Some(large)).await?;
    assert_eq!((answer.status, answer.code()), (413, "too_large"));
    Ok(())
}
