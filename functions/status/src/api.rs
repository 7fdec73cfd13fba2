//! The routes. Each resource has a file of its own, what the handlers share is [`crate::state`].

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::get;
use axum::{Json, Router};
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::ApiError;
use crate::request::MAX_BODY_BYTES;
use crate::state::Api;
use crate::{
    access, approve, audit, circuit, headers, metrics, plans, problems, redrive, runs, site, start, statistics, syncs,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Sheetsync status API", description = "The state of every sync, and the operator's actions."),
    modifiers(&Bearer),
    tags((name = "syncs", description = "The state of every sync"), (name = "runs", description = "Runs and plans"),
         (name = "errors", description = "What is wrong in the sheet"), (name = "actions", description = "The actions of operators"),
         (name = "access", description = "The caller"), (name = "monitoring", description = "For programs"))
)]
struct Description;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An access token of Supabase Auth, or a service token"))
            .build();
        openapi.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The routes that need authentication.
fn closed() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(access::me))
        .routes(routes!(syncs::list))
        .routes(routes!(syncs::one))
        .routes(routes!(statistics::get))
        .routes(routes!(runs::list, start::start))
        .routes(routes!(runs::one))
        .routes(routes!(problems::of_run))
        .routes(routes!(problems::of_sync))
        .routes(routes!(plans::one))
        .routes(routes!(approve::approve))
        .routes(routes!(approve::approve_adoption))
        .routes(routes!(redrive::redrive))
        .routes(routes!(circuit::set))
        .routes(routes!(audit::list))
        .routes(routes!(metrics::get))
}

/// The routes that are described and open to everybody.
fn open() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(site::health)).routes(routes!(site::config)).routes(routes!(document))
}

/// The description of all routes, OpenAPI 3.1.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    OpenApiRouter::with_openapi(Description::openapi()).merge(closed()).merge(open()).into_openapi()
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "monitoring", operation_id = "openapi",
    responses((status = 200, body = Object)))]
async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(openapi())
}

/// All routes.
pub fn router(api: Api) -> Router {
    let api = Arc::new(api);
    let closed: Router<Arc<Api>> = closed().into();
    let open: Router<Arc<Api>> = open().into();
    closed
        .route_layer(middleware::from_fn_with_state(api.clone(), access::authenticate))
        .merge(open)
        .route("/", get(site::page))
        .route("/assets/{*path}", get(site::asset))
        .route("/{path}", get(site::beside))
        .fallback(async || ApiError::NoSuchRoute)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn(headers::tag))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(api.clone(), headers::protect))
        .layer(middleware::from_fn_with_state(api.clone(), metrics::time))
        .with_state(api)
}

#[cfg(test)]
mod tests;
