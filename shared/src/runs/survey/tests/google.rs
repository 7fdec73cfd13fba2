//! The client of Google against the local Sheets server: what a reading costs, and what it does when the tab, the columns or the
//! service account change meanwhile.

use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use secrecy::SecretString;
use serde_json::{Value, json};
use sheets_server::{Handle, Options, SheetsServer};

use crate::clients::sheets::{ServiceAccount, Sheets, SheetsError, TabName};
use crate::definition::{Definition, Sync};
use crate::mapping::{Cell, Limits};
use crate::platform::clock::Clock;
use crate::platform::secrets::FromSecret;
use crate::runs::survey::{self, Measure, ReadError, TabRead};

const TAB: &str = "物件";

/// A server with one spreadsheet, `x`, whose tab is so wide that it is read in chunks of four rows.
struct World {
    server: Handle,
    http: reqwest::Client,
}

impl World {
    async fn start() -> Self {
        let server = SheetsServer::start(Options::default()).await.unwrap();
        let world = Self { server, http: reqwest::Client::new() };
        let row = |row: u32| json!([format!("K{row:02}"), format!("name {row}")]);
        let rows: Vec<Value> = std::iter::once(json!(["id", "name"])).chain((1..=10).map(row)).collect();
        let tab = json!({"title": TAB, "sheetId": 7, "rows": rows, "rowCount": 11, "columnCount": 10_000});
        world.control("PUT", "documents/x", json!({"tabs": [tab]})).await;
        world
    }

    async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let url = format!("{}/_control/{path}", self.server.base_url());
        let request = self.http.request(method.parse().unwrap(), url).json(&body);
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    /// Edits the spreadsheet after so many more reads of values.
    async fn edit(&self, edits: Value, after_reads: u32) {
        self.control("POST", "documents/x/edits", json!({"edits": edits, "afterReads": after_reads})).await;
    }

    /// How often the methods of the spreadsheet were called.
    async fn calls(&self) -> Value {
        self.control("GET", "counters?document=x", json!({})).await
    }

    fn sheets(&self, account: impl Into<FromSecret<ServiceAccount, SheetsError>>) -> Sheets {
        Sheets::new(account, self.server.base_url(), self.server.base_url()).unwrap()
    }

    fn account(&self) -> ServiceAccount {
        ServiceAccount::from_json(&SecretString::from(self.server.service_account_key())).unwrap()
    }

    async fn read(&self) -> Result<TabRead, ReadError> {
        let sheets = self.sheets(self.account());
        survey::read(&sheets, &definition(), &[], &Limits::new(), None, Measure::Nothing, async |_| Ok(())).await
    }
}

fn definition() -> Sync {
    let text = format!(
        "[[sync]]\nname = \"s\"\nspreadsheet = \"x\"\ntab = {TAB:?}\ntable = \"t\"\nkey = [\"id\"]\n\
         [[sync.columns]]\nheader = \"id\"\ncolumn = \"id\"\n[[sync.columns]]\nheader = \"name\"\ncolumn = \"name\"\n"
    );
    Definition::parse(Path::new("test"), &text).unwrap().syncs.remove(0)
}

#[tokio::test]
async fn each_chunk_is_one_request_that_also_brings_the_headers() {
    let world = World::start().await;
    let read = world.read().await.unwrap();
    assert_eq!((read.snapshot.entries().len(), read.requests, read.moved), (10, 2, false));
    // The first chunk has four rows; they were so light that the second has all others.
    let calls = world.calls().await;
    let total = |method: &str| calls[method]["total"].as_u64().unwrap_or_default();
    assert_eq!((total("values.batchGet"), total("values.get")), (2, 0));
    assert_eq!((total("spreadsheets.get"), total("files.get")), (2, 2));
}

#[tokio::test]
async fn a_column_inserted_between_two_chunks_ends_the_read() {
    let world = World::start().await;
    let dimension = json!({"sheetId": 7, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2});
    world.edit(json!([{"request": {"insertDimension": {"range": dimension}}}]), 1).await;
    let error = world.read().await.err().expect("it ends");
    assert_eq!(error.code(), "columns_moved");
    assert!(error.to_string().contains("\"name\" was in B1 and is now in C1"), "{error}");
    assert_eq!(world.read().await.unwrap().snapshot.entries().len(), 10, "the next one is right");
}

#[tokio::test]
async fn shrinking_tab_confirms_no_row_that_was_not_read() {
    let world = World::start().await;
    world.edit(json!([{"deleteRows": {"tab": TAB, "row": 3, "count": 8}}]), 1).await;
    let read = world.read().await.unwrap();
    assert!(read.moved);
    assert_eq!(read.snapshot.entries().len(), 4, "what the first chunk had");
}

#[tokio::test]
async fn blocks_come_in_the_requested_order() {
    let world = World::start().await;
    let sheets = world.sheets(world.account());
    let tab = sheets.tab("x", TabName::Title(TAB), None).await.unwrap();
    let (blocks, bytes) = sheets.blocks(&tab, &[11..=11, 1..=1, 3..=4]).await.unwrap();
    let keys: Vec<Vec<Cell>> = blocks.iter().map(|block| block.iter().map(|row| row[0].clone()).collect()).collect();
    assert_eq!(keys, [vec![Cell::from("K10")], vec![Cell::from("id")], vec![Cell::from("K02"), Cell::from("K03")]]);
    assert!(bytes > 100);
    let error = sheets.blocks(&tab, &[1..=1, 12..=13]).await.unwrap_err();
    assert!(matches!(error, SheetsError::PastGrid(_)), "{error}");
}

#[tokio::test]
async fn refused_google_account_is_rebuilt_from_its_secret() {
    let world = World::start().await;
    let other = world.control("POST", "accounts", json!({"name": "other"})).await;
    let email = other["client_email"].as_str().unwrap().to_owned();
    world.control("POST", "documents/x/share", json!({"email": email, "role": "reader"})).await;

    let text = Arc::new(Mutex::new(world.server.service_account_key().to_owned()));
    let secret = Arc::clone(&text);
    let read = move || std::future::ready(Ok(SecretString::from(secret.lock().unwrap().clone()))).boxed();
    let account = FromSecret::reading(Box::new(read), Box::new(ServiceAccount::from_json), Clock::System);
    let sheets = world.sheets(account);
    sheets.version("x").await.unwrap();

    // The key is revoked and another put into the secret.
    world
        .control("POST", &format!("accounts/{}", world.server.service_account_email()), json!({"disabled": true}))
        .await;
    world.control("POST", "tokens/revoke", json!({})).await;
    *text.lock().unwrap() = other.to_string();
    sheets.version("x").await.expect("it reads under the new account");

    // The new one may not read either, and the secret has no other.
    world.control("POST", "documents/x/share", json!({"email": email, "role": null})).await;
    let error = sheets.tab("x", TabName::Title(TAB), None).await.unwrap_err();
    assert!(matches!(&error, SheetsError::Denied { account, .. } if *account == email), "{error}");
}

#[tokio::test]
async fn unshared_spreadsheet_differs_from_a_missing_one() {
    let world = World::start().await;
    world.control("POST", "documents/x/share", json!({"role": null})).await;
    assert_eq!(world.read().await.err().map(|error| error.code()), Some("sheet_not_shared"));
    world.control("DELETE", "documents/x", json!({})).await;
    assert_eq!(world.read().await.err().map(|error| error.code()), Some("no_such_spreadsheet"));
}

#[tokio::test]
async fn quota_error_with_status_403_is_waited_out() {
    let world = World::start().await;
    // As Drive words it, and as the newer interfaces of Google do.
    let by_drive = json!({"errors": [{"domain": "usageLimits", "reason": "userRateLimitExceeded"}], "code": 403});
    let by_info = json!({"code": 403, "status": "PERMISSION_DENIED", "details": [{"reason": "RATE_LIMIT_EXCEEDED"}]});
    for error in [by_drive, by_info] {
        let fault = json!({"document": "x", "method": "files.get", "status": 403, "body": {"error": error}});
        world.control("POST", "faults", fault).await;
        let read = world.read().await.expect("it is asked again");
        assert_eq!(read.snapshot.entries().len(), 10);
    }
    let not_shared = json!({"error": {"code": 403, "errors": [{"reason": "insufficientFilePermissions"}]}});
    let fault = json!({"document": "x", "method": "files.get", "status": 403, "body": not_shared, "times": null});
    world.control("POST", "faults", fault).await;
    assert_eq!(world.read().await.err().expect("nothing helps").code(), "sheet_not_shared");
}
