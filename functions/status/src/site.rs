//! The dashboard's files, which are part of this program, and what it must know before anybody has signed in.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::state::Api;

/// A file of the dashboard.
struct Asset {
    /// Its place below `dashboard/dist`, with `/`.
    path: &'static str,
    content_type: &'static str,
    body: &'static [u8],
}

// ASSETS: &[Asset], made by build.rs.
include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Vite puts a hash of the content into the names of these.
const HASHED: &str = "assets/";

/// The dashboard's page, `index.html`.
pub async fn page() -> Result<Response, ApiError> {
    file("index.html")
}

/// A file that the page loads.
pub async fn asset(Path(path): Path<String>) -> Result<Response, ApiError> {
    file(&format!("{HASHED}{path}"))
}

/// A file beside the page, such as its icon.
pub async fn beside(Path(path): Path<String>) -> Result<Response, ApiError> {
    file(&path)
}

fn file(path: &str) -> Result<Response, ApiError> {
    let asset = ASSETS.iter().find(|asset| asset.path == path).ok_or(ApiError::NoSuchRoute)?;
    let cache = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    Ok(([(CONTENT_TYPE, asset.content_type), (CACHE_CONTROL, cache)], asset.body).into_response())
}

/// The settings of the sign-in form. All of them are public.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// Where to sign in: Supabase Auth is below it.
    supabase_url: String,
    /// The project's publishable key; null: signing in is not set up here.
    publishable_key: Option<String>,
    version: &'static str,
}

/// The settings of the sign-in form.
#[utoipa::path(get, path = "/config.json", tag = "monitoring", operation_id = "config", responses((status = 200, body = Config)))]
pub async fn config(State(api): State<Arc<Api>>) -> Json<Config> {
    Json(Config {
        supabase_url: api.connections.addresses.supabase_url.clone(),
        publishable_key: api.settings.publishable_key.clone(),
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// That the function runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    #[schema(example = "ok")]
    status: &'static str,
}

/// Says that the function runs. It calls no other service.
#[utoipa::path(get, path = "/health", tag = "monitoring", operation_id = "health", responses((status = 200, body = Health)))]
pub async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}
