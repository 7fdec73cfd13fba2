//! The control endpoint under `/_control`: loads documents, edits them, orders faults and reads counters.
//! It needs no credential and is no part of Google's API. The README lists it with examples.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router, extract::DefaultBodyLimit};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::document::{Document, Role};
use crate::edit::{self, Edit};
use crate::error::ApiError;
use crate::faults::{Fault, Quota};
use crate::load::LoadError;
use crate::oauth::KeyError;
use crate::spec::{DocumentSpec, Sharing};
use crate::spreadsheets::tab_properties;
use crate::world::{PlannedEdit, Shared, World};

/// Why the control endpoint refused a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    #[error("there is no document {0:?}: load it first with PUT /_control/documents/{0}")]
    NoDocument(String),
    #[error("there is no service account {0:?}")]
    NoAccount(String),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the edit is not possible: {}", .0.sheets_body()["error"]["message"])]
    Edit(ApiError),
    #[error("loading was interrupted")]
    Interrupted,
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NoDocument(_) | Self::NoAccount(_) => StatusCode::NOT_FOUND,
            Self::Load(_) | Self::Edit(_) => StatusCode::BAD_REQUEST,
            Self::Key(_) | Self::Interrupted => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(json!({"error": self.to_string()}))).into_response()
    }
}

type Answer = Result<Json<Value>, ControlError>;

pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/health", get(async || Json(json!({"status": "ok"}))))
        .route("/documents", get(list_documents))
        .route("/documents/{id}", put(load_document).get(show_document).delete(delete_document))
        .route("/documents/{id}/edits", post(edit_document))
        .route("/documents/{id}/share", post(share_document))
        .route("/documents/{id}/drive", post(change_drive))
        .route("/accounts", get(first_key).post(create_account))
        .route("/accounts/{email}", post(change_account))
        .route("/tokens/revoke", post(revoke_tokens))
        .route("/quota", post(set_quota))
        .route("/faults", post(add_fault).delete(clear_faults))
        .route("/counters", get(read_counters).delete(clear_counters))
        .layer(DefaultBodyLimit::disable())
}

fn describe(id: &str, document: &Document) -> Value {
    let tabs = document.content.tabs.iter().enumerate().map(|(index, tab)| tab_properties(tab, index));
    json!({
        "id": id,
        "title": document.content.title,
        "version": document.version().to_string(),
        "trashed": document.trashed,
        "shared": document.shared,
        "tabs": tabs.collect::<Vec<_>>(),
    })
}

async fn list_documents(State(shared): State<Shared>) -> Json<Value> {
    let world = shared.world();
    Json(world.documents.iter().map(|(id, document)| describe(id, document)).collect())
}

async fn show_document(State(shared): State<Shared>, Path(id): Path<String>) -> Answer {
    with_document(&shared, &id, |_| Ok(()))
}

async fn load_document(State(shared): State<Shared>, Path(id): Path<String>, Json(spec): Json<DocumentSpec>) -> Answer {
    let (name, sharing) = (id.clone(), spec.shared);
    // Large files take seconds: other requests go on meanwhile.
    let loaded = tokio::task::spawn_blocking(move || spec.load(&name));
    let document = loaded.await.map_err(|_| ControlError::Interrupted)??;
    Ok(Json(shared.world().put_document(id, document, sharing)))
}

impl World {
    /// Puts a document in, or in the place of one with the same id, and shares it with the first account.
    pub(crate) fn put_document(&mut self, id: String, document: Document, sharing: Sharing) -> Value {
        let mut document = match self.documents.get(&id) {
            Some(before) => document.replacing(before),
            None => document,
        };
        if let Some(role) = sharing.role() {
            document.shared.insert(self.first_account.clone(), role);
        }
        let described = describe(&id, &document);
        self.documents.insert(id, document);
        described
    }
}

async fn delete_document(State(shared): State<Shared>, Path(id): Path<String>) -> Answer {
    match shared.world().documents.remove(&id) {
        Some(document) => Ok(Json(describe(&id, &document))),
        None => Err(ControlError::NoDocument(id)),
    }
}

fn with_document(shared: &Shared, id: &str, change: impl FnOnce(&mut Document) -> Result<(), ApiError>) -> Answer {
    let mut world = shared.world();
    let document = world.documents.get_mut(id).ok_or_else(|| ControlError::NoDocument(id.to_owned()))?;
    change(document).map_err(ControlError::Edit)?;
    Ok(Json(describe(id, document)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Edits {
    edits: Vec<Edit>,
    /// 0: now. Otherwise right after so many more successful reads of values of this document.
    #[serde(default)]
    after_reads: u32,
}

async fn edit_document(State(shared): State<Shared>, Path(id): Path<String>, Json(body): Json<Edits>) -> Answer {
    if body.after_reads == 0 {
        return with_document(&shared, &id, |document| edit::apply(&body.edits, document));
    }
    let described = with_document(&shared, &id, |_| Ok(()))?;
    let planned = PlannedEdit { document: id, reads_left: body.after_reads, edits: body.edits };
    shared.world().planned_edits.push(planned);
    Ok(described)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Share {
    /// Absent: the first account.
    email: Option<String>,
    /// `null` takes the access away.
    role: Option<Role>,
}

async fn share_document(State(shared): State<Shared>, Path(id): Path<String>, Json(share): Json<Share>) -> Answer {
    let first = shared.world().first_account.clone();
    let email = share.email.unwrap_or(first);
    with_document(&shared, &id, |document| {
        match share.role {
            Some(role) => document.shared.insert(email, role),
            None => document.shared.remove(&email),
        };
        document.touch();
        Ok(())
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DriveChange {
    trashed: Option<bool>,
}

async fn change_drive(State(shared): State<Shared>, Path(id): Path<String>, Json(change): Json<DriveChange>) -> Answer {
    with_document(&shared, &id, |document| {
        document.trashed = change.trashed.unwrap_or(document.trashed);
        document.touch();
        Ok(())
    })
}

async fn first_key(State(shared): State<Shared>) -> Json<Value> {
    let world = shared.world();
    let account = world.accounts.by_email.get(&world.first_account);
    Json(account.map_or(Value::Null, |account| account.key_file.clone()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    name: String,
}

async fn create_account(State(shared): State<Shared>, Json(account): Json<NewAccount>) -> Answer {
    let mut world = shared.world();
    let email = world.accounts.create(&account.name)?;
    Ok(Json(world.accounts.by_email[&email].key_file.clone()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AccountChange {
    token_lifetime_seconds: Option<i64>,
    clock_skew_seconds: Option<i64>,
    disabled: Option<bool>,
}

async fn change_account(
    State(shared): State<Shared>,
    Path(email): Path<String>,
    Json(change): Json<AccountChange>,
) -> Answer {
    let mut world = shared.world();
    let account = world.accounts.by_email.get_mut(&email).ok_or(ControlError::NoAccount(email))?;
    if let Some(seconds) = change.token_lifetime_seconds {
        account.token_lifetime = SignedDuration::from_secs(seconds);
    }
    if let Some(seconds) = change.clock_skew_seconds {
        account.clock_skew = SignedDuration::from_secs(seconds);
    }
    account.is_disabled = change.disabled.unwrap_or(account.is_disabled);
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revocation {
    email: Option<String>,
}

async fn revoke_tokens(State(shared): State<Shared>, Json(revocation): Json<Revocation>) -> Json<Value> {
    shared.world().accounts.revoke(revocation.email.as_deref());
    Json(json!({}))
}

async fn set_quota(State(shared): State<Shared>, Json(quota): Json<Quota>) -> Json<Value> {
    shared.world().quotas.set(quota);
    Json(json!({}))
}

async fn add_fault(State(shared): State<Shared>, Json(fault): Json<Fault>) -> Json<Value> {
    shared.world().faults.add(fault);
    Json(json!({}))
}

#[derive(Deserialize)]
struct OfDocument {
    document: Option<String>,
}

async fn clear_faults(State(shared): State<Shared>, Query(of): Query<OfDocument>) -> Json<Value> {
    shared.world().faults.clear(of.document.as_deref());
    Json(json!({}))
}

/// With `?document=ID`: `{"values.get":{"total":1,"ok":1}}`; without: the same for every document.
async fn read_counters(State(shared): State<Shared>, Query(of): Query<OfDocument>) -> Json<Value> {
    let world = shared.world();
    Json(match of.document {
        Some(id) => json!(world.counts.get(&id).cloned().unwrap_or_default()),
        None => json!(world.counts),
    })
}

async fn clear_counters(State(shared): State<Shared>, Query(of): Query<OfDocument>) -> Json<Value> {
    let mut world = shared.world();
    match of.document {
        Some(id) => drop(world.counts.remove(&id)),
        None => world.counts.clear(),
    }
    Json(json!({}))
}
