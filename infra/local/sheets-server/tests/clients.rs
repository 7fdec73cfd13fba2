//! Google's official Python client and gspread work against the server, unmodified. Needs a Python with
//! infra/tools/clients.txt installed, named by SHEETS_CLIENTS_PYTHON: `make test` sees to both.

use std::process::Command;

use serde_json::json;
use sheets_server::{DocumentSpec, Options, SheetsServer, TabSpec};

#[tokio::test]
async fn google_python_client_and_gspread_read_and_edit_a_sheet() {
    let python = std::env::var_os("SHEETS_CLIENTS_PYTHON").expect(
        "SHEETS_CLIENTS_PYTHON is not set: use `make test`, or run `infra/tools/install clients` and name its bin/python",
    );
    let rows = json!([["物件番号", "売買価格", "成約"], ["AA1", 128_000_000, true], ["AA2", "", false]]);
    let tab = TabSpec {
        title: Some("物件一覧".to_owned()),
        rows: Some(serde_json::from_value(rows).unwrap()),
        ..TabSpec::default()
    };
    let document = DocumentSpec { tabs: vec![tab], ..DocumentSpec::default() };
    let documents = vec![("clients-test".to_owned(), document)];
    let server = SheetsServer::start(Options { documents, ..Options::default() }).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let key_file = directory.path().join("key.json");
    std::fs::write(&key_file, server.service_account_key()).unwrap();
    let mut script = Command::new(python);
    script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/clients.py")).args([
        server.base_url().as_ref(),
        key_file.as_os_str(),
        "clients-test".as_ref(),
    ]);
    let output = tokio::task::spawn_blocking(move || script.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    print!("{}", String::from_utf8_lossy(&output.stdout));
}
