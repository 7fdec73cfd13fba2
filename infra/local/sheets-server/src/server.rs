//! The HTTP side: one path that every Google call takes (count, fault, credential, quota, permission,
//! method) on the world of `world.rs`.

use axum::Router;
use axum::body::{self, Body};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::call::{Access, Call, Method};
use crate::document::{Document, Kind, Role};
use crate::edit;
use crate::error::{ApiError, json_response};
use crate::faults::Effect;
use crate::fields::Mask;
use crate::world::{Count, Shared, World};
use crate::{control, drive, spreadsheets, structure, values};

/// The largest request that is read.
const MAX_BODY_BYTES: usize = 64 << 20;

pub(crate) fn router(shared: Shared) -> Router {
    Router::new().nest("/_control", control::router()).fallback(serve).with_state(shared)
}

async fn serve(State(shared): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Some(call) = Call::recognise(&head.method, &head.uri) else {
        return unknown_address(head.uri.path());
    };
    let Effect { delay, answer } = shared.world().arrive(&call, head.uri.path());
    // Read also when a fault answers: a client that is still sending would see a broken pipe instead.
    let Ok(body) = body::to_bytes(body, MAX_BODY_BYTES).await else {
        return json_response(
            400,
            ApiError::invalid("Request payload size exceeds the limit.").sheets_body().to_string(),
        );
    };
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if let Some(answer) = answer {
        return answer;
    }
    let credential = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    shared.world().answer(&call, credential, &body)
}

/// Google answers an unknown address with a page, not with JSON.
fn unknown_address(path: &str) -> Response {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=en>\n  <title>Error 404 (Not Found)!!1</title>\n  \
         <p><b>404.</b> <ins>That's an error.</ins>\n  \
         <p>The requested URL <code>{}</code> was not found on this server.\n",
        path.replace('&', "&amp;").replace('<', "&lt;")
    );
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/html; charset=UTF-8")], html).into_response()
}

impl World {
    fn arrive(&mut self, call: &Call, path: &str) -> Effect {
        self.count(call).total += 1;
        self.faults.strike(call, path)
    }

    fn count(&mut self, call: &Call) -> &mut Count {
        self.counts.entry(call.document.clone()).or_default().entry(call.method.name()).or_default()
    }

    fn answer(&mut self, call: &Call, credential: Option<&str>, body: &[u8]) -> Response {
        if call.method == Method::Token {
            return match self.accounts.token(body) {
                Ok(token) => {
                    self.count(call).ok += 1;
                    json_response(200, token.to_string())
                }
                Err(refused) => json_response(refused.code, refused.body().to_string()),
            };
        }
        match self.perform(call, credential, body) {
            Ok(answer) => {
                self.count(call).ok += 1;
                if call.method.reads_values() {
                    self.edit_between_reads(&call.document);
                }
                json_response(200, Body::from(answer))
            }
            Err(error) if call.method == Method::FilesGet => {
                json_response(error.code(), error.drive_body().to_string())
            }
            Err(error) => json_response(error.code(), error.sheets_body().to_string()),
        }
    }

    fn perform(&mut self, call: &Call, credential: Option<&str>, body: &[u8]) -> Result<Vec<u8>, ApiError> {
        let access = call.method.access();
        let account = self.accounts.authenticate(credential, access)?;
        self.quotas.spend(call, &account)?;
        call.check_parameters()?;
        let is_drive = call.method == Method::FilesGet;
        let missing = || if is_drive { ApiError::file_not_found(&call.document) } else { ApiError::not_found() };
        let document = self.documents.get_mut(&call.document).ok_or_else(missing)?;
        let needed = if access == Access::Write { Role::Writer } else { Role::Reader };
        if document.shared.get(&account).is_none_or(|role| *role < needed) {
            // Drive does not reveal to a stranger that a file exists.
            return Err(if is_drive { missing() } else { ApiError::no_permission() });
        }
        if document.kind == Kind::UploadedXlsx && !is_drive {
            return Err(ApiError::not_a_google_sheet());
        }
        dispatch(call, body, document)
    }

    fn edit_between_reads(&mut self, id: &str) {
        let Some(document) = self.documents.get_mut(id) else { return };
        for planned in self.planned_edits.iter_mut().filter(|planned| planned.document == id) {
            planned.reads_left = planned.reads_left.saturating_sub(1);
            if planned.reads_left == 0
                && let Err(error) = edit::apply(&planned.edits, document)
            {
                // The test that planned it looks at the document and finds it unchanged; say why.
                eprintln!("a planned edit of {id} failed: {}", error.sheets_body());
            }
        }
        self.planned_edits.retain(|planned| planned.reads_left > 0);
    }
}

fn dispatch(call: &Call, body: &[u8], document: &mut Document) -> Result<Vec<u8>, ApiError> {
    let mask = wanted_fields(call)?;
    let mut answer = match call.method {
        Method::ValuesGet => return values::get(call, &mask, document),
        Method::ValuesBatchGet => return values::batch_get(call, &mask, document),
        Method::SpreadsheetsGet => spreadsheets::get(call, &mask, document)?,
        // Drive reads the mask itself: without one it leaves most members out.
        Method::FilesGet => return drive::get(call, document).map(|file| file.to_string().into_bytes()),
        Method::ValuesUpdate => values::update(call, &json_body(body)?, document)?,
        Method::ValuesAppend => values::append(call, &json_body(body)?, document)?,
        Method::ValuesClear => values::clear(call, document)?,
        Method::ValuesBatchUpdate => values::batch_update(call, &json_body(body)?, document)?,
        Method::ValuesBatchClear => values::batch_clear(call, &json_body(body)?, document)?,
        Method::SpreadsheetsBatchUpdate => structure::batch_update(call, &json_body(body)?, document)?,
        Method::Token => Value::Null,
    };
    mask.apply(&mut answer);
    Ok(answer.to_string().into_bytes())
}

fn wanted_fields(call: &Call) -> Result<Mask, ApiError> {
    let Some(text) = call.query.one("fields") else { return Ok(Mask::All) };
    let known = match call.method {
        Method::SpreadsheetsGet => spreadsheets::FIELDS,
        Method::ValuesGet => "range,majorDimension,values",
        Method::ValuesBatchGet => "spreadsheetId,valueRanges(range,majorDimension,values)",
        _ => "*",
    };
    let mask = Mask::parse(text).map_err(|bad| ApiError::unknown_field(&bad.0))?;
    let known = Mask::parse(known).map_err(|bad| ApiError::unknown_field(&bad.0))?;
    match mask.unknown_in(&known) {
        Some(path) if known.member("*").is_none() => Err(ApiError::unknown_field(&path)),
        _ => Ok(mask),
    }
}

fn json_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| ApiError::invalid(format!("Invalid JSON payload received. {error}")))
}
