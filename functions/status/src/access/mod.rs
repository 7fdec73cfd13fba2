//! Authentication and authorization. People sign in with Supabase Auth ([`people`]), programs bring a service token
//! ([`tokens`]). Every authenticated caller reads; an operator also acts.

pub mod claim;
pub mod people;
pub mod principal;
pub mod tokens;

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use axum::{Extension, Json};

use crate::error::{ApiError, ErrorBody};
use crate::state::Api;
pub use principal::{Principal, Role};

/// Admits authenticated requests, and adds the caller's [`Principal`] to them.
pub async fn authenticate(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Result<Response, ApiError> {
    let token = bearer(&request).ok_or(ApiError::Unauthenticated("there is no token"))?;
    // A JWT has two dots; a service token is one word of hex, and so is never sent through the JWT's machinery.
    let principal = if token.split('.').count() == 3 {
        api.people().await?.principal(token).await?
    } else {
        api.token_holder(token).await?.ok_or(ApiError::Unauthenticated("this service token is unknown"))?
    };
    request.extensions_mut().insert(principal);
    Ok(next.run(request).await)
}

fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// In a handler's arguments: only operators get that far.
#[derive(Debug, Clone)]
pub struct Operator(pub Principal);

impl<S: Sync> FromRequestParts<S> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match parts.extensions.get::<Principal>() {
            Some(principal) if principal.role == Role::Operator => Ok(Self(principal.clone())),
            Some(_) => Err(ApiError::Forbidden),
            None => Err(ApiError::Unauthenticated("there is no token")),
        }
    }
}

/// Who the caller is.
#[utoipa::path(get, path = "/api/me", tag = "access", operation_id = "me", security(("bearer" = [])),
    responses((status = 200, body = Principal), (status = 401, body = ErrorBody)))]
pub async fn me(Extension(principal): Extension<Principal>) -> Json<Principal> {
    Json(principal)
}
