//! What the client makes of answers, by examples of the protocol (docs/PROTOCOL.md, "Functions").

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::classify::Fault;
use super::client::sensitive;
use super::*;
use crate::mapping::KeyForm;
use crate::platform::secrets::SecretError;
use crate::protocol::adoption::{Adoption, AdoptionApproval};
use crate::protocol::difference::{Act, Inspection, Kept, RowDifference};
use crate::protocol::run::{Applied, Begun, Carry};

fn refused(status: u16, code: &str) -> SupabaseError {
    let body = classify::Body { code: Some(code.to_owned()), message: "value of Mr Tanaka".to_owned() };
    SupabaseError::refused("sync_apply", status, body, None)
}

#[test]
fn a_message_is_repeated_only_when_the_schema_has_drifted() {
    for (status, code) in
        [(400, "22P02"), (409, "23505"), (500, "P0002"), (500, "XX000"), (403, "42501"), (503, "53300")]
    {
        let error = refused(status, code);
        assert!(!format!("{error} {error:?}").contains("Tanaka"), "{error:?}");
        assert_eq!(error.code(), code);
    }
    assert!(refused(404, "42P01").to_string().contains("Tanaka"), "what is missing is named");
}

fn answer<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

#[test]
fn begun_run_has_key_forms_and_rows_to_carry_over() {
    let begun = r#"{"outcome":"begun","run":"00000000-0000-0000-0000-000000000001","seq":7,"superseded":null,"presentRows":12,
        "approvedDeletes":null,"keyForms":["uuid","char"],"strays":{"keylessRows":3,"unmatchedRows":1},"carry":{"from":["old_key"],"rows":12}}"#;
    let Begun::Begun { key_forms, strays, carry, .. } = answer(begun) else { panic!("it has begun") };
    assert_eq!(
        (key_forms.as_slice(), strays.map(|strays| (strays.keyless_rows, strays.unmatched_rows))),
        ([KeyForm::Uuid, KeyForm::Char].as_slice(), Some((3, 1)))
    );
    assert_eq!(carry, Some(Carry { from: vec!["old_key".to_owned()], rows: 12 }));

    let first = begun
        .replace("{\"keylessRows\":3,\"unmatchedRows\":1}", "null")
        .replace("{\"from\":[\"old_key\"],\"rows\":12}", "null");
    let Begun::Begun { strays, carry, .. } = answer(&first) else { panic!("it has begun") };
    assert_eq!((strays, carry), (None, None));
}

#[test]
fn a_batch_says_what_waits() {
    let applied: Applied = answer(
        r#"{"outcome":"applied","inserted":0,"updated":1,"unchanged":0,"skipped":2,"deleted":0,"conflicts":0,"rejected":0,
            "adopted":3,"unconfirmed":4,"withheld":2,"runStatus":"partial","runSeconds":1.5}"#,
    );
    assert_eq!((applied.counts.unconfirmed, applied.counts.withheld), (4, 2));
    let older: Applied = answer(r#"{"outcome":"applied","inserted":1,"runStatus":"completed"}"#);
    assert_eq!((older.counts.unconfirmed, older.counts.withheld), (0, 0));
}

#[test]
fn carry_page_has_the_new_key_texts_or_null() {
    let page: CarryPage = answer(r#"{"rows":[["AA1",["7","x"]],["AA2",null],["AA3",[null,"y"]]],"next":"-9:AA3"}"#);
    let texts = |row: usize| page.rows[row].1.as_deref();
    assert_eq!(texts(0), Some([Some("7".to_owned()), Some("x".to_owned())].as_slice()));
    assert_eq!((texts(1), texts(2).map(<[_]>::len)), (None, Some(2)));
    assert_eq!(page.next.as_deref(), Some("-9:AA3"));
    assert_eq!(answer::<CarryPage>(r#"{"rows":[],"next":null}"#).next, None);
}

#[test]
fn an_adoption_is_approved_or_the_refusal_says_why() {
    let approved = answer::<AdoptionApproval>(r#"{"outcome":"approved","sync":"listings","approved":12}"#);
    assert_eq!(approved, AdoptionApproval::Approved { sync: "listings".to_owned(), approved: 12 });
    let refused =
        answer::<AdoptionApproval>(r#"{"outcome":"refused","code":"superseded","message":"other rows wait"}"#);
    assert!(matches!(refused, AdoptionApproval::Refused { code, .. } if code == "superseded"));
}

#[test]
fn a_withheld_adoption_has_counts_and_samples() {
    let adoption: Adoption = answer(
        r#"{"rows":2,"digest":"00","columns":{"price":2,"note":1},
            "sample":[{"rowKey":"AA1","rowNumber":7,"column":"price","old":9,"new":"8"},
                      {"rowKey":"AA2","rowNumber":null,"column":"note","old":null,"new":null}]}"#,
    );
    assert_eq!((adoption.rows, adoption.columns["price"], adoption.sample.len()), (2, 2, 2));
    let bare: Adoption = answer(r#"{"rows":2,"digest":"00","columns":null,"sample":null}"#);
    assert!(bare.columns.is_empty() && bare.sample.is_empty());
}

#[test]
fn an_inspection_says_how_keys_are_compared() {
    let inspection = r#"{"problems":[],"known":true,"presentRows":1,"approvedDeletes":null,"running":null,"needsValue":[],
        "keyForms":["integer"]}"#;
    assert_eq!(answer::<Inspection>(inspection).key_forms, [KeyForm::Integer]);
    let refused = inspection.replace("[\"integer\"]", "[\"integer\",null]");
    assert_eq!(answer::<Inspection>(&refused).key_forms, [KeyForm::Integer, KeyForm::Text]);
}

#[test]
fn preview_names_the_other_sync_and_values_awaiting_approval() {
    let row: RowDifference = answer(
        r#"{"k":"AA1","n":2,"act":"claim","adopts":false,
            "columns":[{"column":"price","old":1,"new":2,"outcome":"keep","why":"other_sync"},
                       {"column":"note","old":"a","new":"b","outcome":"keep","why":"adoption_withheld"}]}"#,
    );
    assert_eq!(row.act, Act::Claim);
    let why: Vec<Option<Kept>> = row.columns.iter().map(|column| column.why).collect();
    assert_eq!(why, [Some(Kept::OtherSync), Some(Kept::AdoptionWithheld)]);
}

/// A server that redirects every request with this status, and one that it redirects to, which counts what it gets.
async fn redirecting(status: u16) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let thief = axum::Router::new().fallback(async move || {
        count.fetch_add(1, Ordering::SeqCst);
        "{}"
    });
    let target = serve(thief).await;
    let redirect = axum::Router::new().fallback(async move |uri: axum::http::Uri| {
        let status = axum::http::StatusCode::from_u16(status).unwrap();
        (status, [(axum::http::header::LOCATION, format!("{target}{uri}"))])
    });
    (serve(redirect).await, asked)
}

async fn serve(router: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn the_secret_key_follows_no_redirect() {
    for status in [301, 302, 303, 307, 308] {
        let (url, asked) = redirecting(status).await;
        let supabase = Supabase::new(&url, SecretString::from("sb_secret_key")).unwrap();
        let read = supabase.select::<serde_json::Value>("sync_state", &[]).await.unwrap_err();
        let call = supabase.ask::<serde_json::Value>("sync_ping", &json!({})).await.unwrap_err();
        for error in [read, call] {
            assert_eq!((error.code().as_str(), error.fault()), ("redirected", Fault::Denied), "{status}: {error}");
            assert!(error.to_string().contains("SupabaseUrl"), "{error}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 0, "{status}");
    }
}

#[tokio::test]
async fn a_plain_http_address_is_refused_before_any_call() {
    for url in ["http://project.supabase.co", "http://127.0.0.1.example.com", "project.supabase.co"] {
        let error = Supabase::new(url, SecretString::from("sb_secret_key")).unwrap_err();
        assert_eq!((error.code().as_str(), error.fault()), ("plain_http", Fault::Denied), "{url}");
    }
}

#[tokio::test]
async fn secret_key_with_a_line_break_is_reported() {
    let url = serve(axum::Router::new()).await;
    let supabase = Supabase::new(&url, SecretString::from("sb_secret_key\n")).unwrap();
    let error = supabase.select::<serde_json::Value>("sync_state", &[]).await.unwrap_err();
    assert!(matches!(error, SupabaseError::NoKey(SecretError::Malformed { .. })), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("sb_secret"), "{error:?}");
    assert!(sensitive("sb_secret_key").unwrap().is_sensitive());
}
