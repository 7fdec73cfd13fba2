//! Edits the sheet as any program does: a service account's token, then `values:batchUpdate` of the Sheets API.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::environment::Environment;
use super::error::DemoError;
use crate::cell::Cell;
use crate::files::{TAB, serial_of_date, serial_of_moment};

/// The scope that allows to edit; the product itself has only the one to read.
const SCOPE: &str = "https://www.googleapis.com/auth/spreadsheets";

/// Cells to write, from one cell to the right.
pub(super) struct Change {
    pub(super) from: String,
    pub(super) cells: Vec<Cell>,
}

/// A spreadsheet that may be edited.
pub(super) struct GoogleSheet {
    http: Client,
    batch_update: String,
    token: String,
}

#[derive(Deserialize)]
struct Key {
    client_email: String,
    private_key: String,
    token_uri: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

impl GoogleSheet {
    /// Fetches a token for the spreadsheet of the environment.
    pub(super) async fn open(environment: &Environment) -> Result<Self, DemoError> {
        let path = &environment.google_key;
        let unusable = |reason: String| DemoError::Key { path: path.display().to_string(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
        let key: Key = serde_json::from_str(&text).map_err(|error| unusable(error.to_string()))?;

        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let claims = Claims { iss: &key.client_email, scope: SCOPE, aud: &key.token_uri, iat: now, exp: now + 3_600 };
        let assertion = EncodingKey::from_rsa_pem(key.private_key.as_bytes())
            .and_then(|key| jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key))
            .map_err(|error| unusable(error.to_string()))?;

        let http = Client::new();
        let request = http
            .post(&key.token_uri)
            .form(&[("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion.as_str())]);
        let token: Token = super::lambda::answer("the token endpoint", request).await?;
        Ok(Self {
            http,
            batch_update: format!(
                "{}/v4/spreadsheets/{}/values:batchUpdate",
                environment.sheets_base_url, environment.spreadsheet_id
            ),
            token: token.access_token,
        })
    }

    /// Writes all changes in one request.
    pub(super) async fn change(&self, changes: &[Change]) -> Result<(), DemoError> {
        let data: Vec<_> = changes
            .iter()
            .map(|change| {
                let cells: Vec<_> = change.cells.iter().map(json_of).collect();
                json!({ "range": format!("'{TAB}'!{}", change.from), "values": [cells] })
            })
            .collect();
        let request = self
            .http
            .post(&self.batch_update)
            .bearer_auth(&self.token)
            .json(&json!({ "valueInputOption": "RAW", "data": data }));
        super::lambda::answer::<serde_json::Value>("the Sheets API", request).await?;
        Ok(())
    }
}

/// The cell for `valueInputOption=RAW`, which takes text as text; a date is its serial number.
fn json_of(cell: &Cell) -> serde_json::Value {
    match cell {
        Cell::Blank => json!(""),
        Cell::Text(text) => json!(text),
        Cell::Number(number) => json!(number),
        Cell::Date(day) => json!(serial_of_date(*day)),
        Cell::DateTime(moment) => json!(serial_of_moment(*moment)),
    }
}
