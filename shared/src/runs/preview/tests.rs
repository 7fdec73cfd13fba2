//! Plans against the local Sheets server and a server that plays Supabase REST: they withhold what a run would withhold.

use std::path::Path;

use axum::extract::Path as Segment;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretString;
use serde_json::{Value, json};
use sheets_server::{DocumentSpec, Options, SheetsServer};

use super::*;
use crate::clients::sheets::{ServiceAccount, Sheets};
use crate::clients::supabase::Supabase;
use crate::definition::Definition;
use crate::diff::hash::KeyHash;
use crate::protocol::run::RunType;

const DEFINITION: &str = r#"
[[sync]]
name = "s"
spreadsheet = "x"
tab = "t"
table = "t"
key = ["id"]
on_delete = { policy = "hard" }
RANGE
[[sync.columns]]
header = "id"
column = "id"

[[sync.columns]]
header = "name"
column = "name"
"#;

fn key(row: usize) -> String {
    format!("K{row:02}")
}

/// The books: forty rows, `K01` to `K40`, and two without a key in the last complete read.
async fn rpc(Segment(function): Segment<String>, Json(arguments): Json<Value>) -> (StatusCode, Json<Value>) {
    let answer = match function.as_str() {
        "sync_inspect" => json!({"problems": [], "known": true, "presentRows": 40, "approvedDeletes": null,
                                 "strays": {"keylessRows": 2, "unmatchedRows": 0}, "running": null, "needsValue": []}),
        "sync_range_digests" => json!({"rows": 40, "ranges": [[0, 40, "differs"]]}),
        "sync_drift" => json!({"missing": "", "differing": "", "at": "2026-11-23T01:02:03Z", "values": true}),
        "sync_row_hashes" => {
            let pair = |row| [KeyHash::of(&key(row)).get().to_be_bytes(), 1i64.to_be_bytes()].concat();
            json!(BASE64_STANDARD.encode((1..=40).map(pair).collect::<Vec<_>>().concat()))
        }
        "sync_preview" => {
            let batch = &arguments["p_batch"];
            let count = |member: &str| batch[member].as_array().map_or(0, Vec::len);
            json!({"outcome": "previewed", "updated": count("rows"), "deleted": count("keys")})
        }
        _ => return (StatusCode::NOT_FOUND, Json(json!({"code": "PGRST202"}))),
    };
    (StatusCode::OK, Json(answer))
}

/// The plan for a sheet with rows of these keys.
async fn plan(keys: impl IntoIterator<Item = String>, range: &str) -> Preview {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let supabase_url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/rest/v1/rpc/{function}", post(rpc));
    tokio::spawn(async move { axum::serve(listener, router).await });

    let rows: Vec<Value> = keys.into_iter().map(|key| json!([key, "a name"])).collect();
    let rows: Vec<Value> = std::iter::once(json!(["id", "name"])).chain(rows).collect();
    let document: DocumentSpec = serde_json::from_value(json!({"tabs": [{"title": "t", "rows": rows}]})).unwrap();
    let documents = vec![("x".to_owned(), document)];
    let server = SheetsServer::start(Options { documents, ..Options::default() }).await.unwrap();
    let account = ServiceAccount::from_json(&SecretString::from(server.service_account_key())).unwrap();
    let sheets = Sheets::new(account, server.base_url(), server.base_url()).unwrap();

    let supabase = Supabase::new(&supabase_url, SecretString::from("sb_secret_key")).unwrap();
    let sync = Definition::parse(Path::new("test"), &DEFINITION.replace("RANGE", range)).unwrap().syncs.remove(0);
    preview(&sheets, &supabase, &sync, RunType::Manual, None).await.expect("the plan is made")
}

#[tokio::test]
async fn a_plan_deletes_what_is_gone() {
    let plan = plan((1..=32).map(key), "").await;
    assert_eq!((plan.update, plan.delete, plan.deletes_withheld), (32, 8, None));
}

#[tokio::test]
async fn a_plan_withholds_deletes_while_a_key_cannot_be_read() {
    let plan = plan((1..=40).map(|row| if row % 5 == 0 { "#N/A".to_owned() } else { key(row) }), "").await;
    let reason = plan.deletes_withheld.as_deref().unwrap_or_default();
    assert!(reason.starts_with("the key in A6 cannot be read: #N/A, and those of 7 more rows;"), "{reason}");
    assert_eq!((plan.update, plan.delete, plan.reject), (32, 0, 8));
    assert!(!plan.is_clean());
}

#[tokio::test]
async fn plan_withholds_deletes_only_when_keyless_rows_increase() {
    for (keyless, deleted) in [(2, 1), (3, 0)] {
        let blank = std::iter::repeat_n(String::new(), keyless);
        let plan = plan((1..=39).map(key).chain(blank), "").await;
        assert_eq!((plan.skip, plan.delete), (keyless as u64, deleted));
        assert_eq!(plan.deletes_withheld.is_some(), deleted == 0, "{:?}", plan.deletes_withheld);
    }
}

#[tokio::test]
async fn a_plan_warns_of_a_row_directly_below_the_range() {
    let plan = plan((1..=40).map(key), "range = \"A1:B31\"").await;
    let warning = plan.warnings.iter().find(|warning| warning.code == "rows_below_range").expect("it warns");
    assert!(warning.message.starts_with("row 32, directly below `range`"), "{}", warning.message);
}
