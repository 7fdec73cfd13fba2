//! Strict parsing of requests: an unknown or malformed part is answered with 400 and its name.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

use crate::error::ApiError;

/// The largest body that is read. A thousand row keys fit; Lambda takes no larger event.
pub const MAX_BODY_BYTES: usize = 200_000;

/// The query, as `T`.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(asked)) => without_nul(parts.uri.query().unwrap_or_default()).map(|()| Self(asked)),
            Err(QueryRejection::FailedToDeserializeQueryString(error)) => Err(ApiError::BadRequest(error.body_text())),
            Err(other) => Err(ApiError::BadRequest(other.body_text())),
        }
    }
}

/// The variables of the path, as `T`.
#[derive(Debug)]
pub struct Place<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Place<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        without_nul(parts.uri.path())?;
        Path::<T>::from_request_parts(parts, state)
            .await
            .map(|Path(place)| Self(place))
            .map_err(|rejection: PathRejection| ApiError::BadRequest(rejection.body_text()))
    }
}

/// Postgres has no NUL in its texts, and says so only with an error of its own.
fn without_nul(encoded: &str) -> Result<(), ApiError> {
    if encoded.contains("%00") {
        return Err(ApiError::BadRequest("a NUL character cannot stand in a text".to_owned()));
    }
    Ok(())
}

/// The body, as `T`.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(JsonRejection::JsonDataError(error)) => Err(ApiError::Unprocessable(error.body_text().into())),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(ApiError::NotJson),
            Err(other) if other.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(ApiError::TooLarge(MAX_BODY_BYTES)),
            Err(other) => Err(ApiError::BadRequest(other.body_text())),
        }
    }
}

/// A text of a request that goes to Postgres: no NUL, not longer than `most` characters.
///
/// # Errors
/// When it is.
pub fn text(name: &str, text: &str, most: usize) -> Result<(), ApiError> {
    if text.contains('\0') {
        return Err(ApiError::Unprocessable(format!("{name} contains a NUL character").into()));
    }
    if text.chars().count() > most {
        return Err(ApiError::Unprocessable(format!("{name} is longer than {most} characters").into()));
    }
    Ok(())
}

/// How many entries a page has.
///
/// # Errors
/// When it is zero, or more than `most`.
pub fn limit(asked: Option<u32>, usual: u32, most: u32) -> Result<u32, ApiError> {
    match asked.unwrap_or(usual) {
        limit if (1..=most).contains(&limit) => Ok(limit),
        _ => Err(ApiError::BadRequest(format!("limit must be 1 to {most}"))),
    }
}

/// Where the next page begins: the sort key of the last entry, opaque to the client.
pub fn cursor<T: Serialize>(last: &T) -> Option<String> {
    serde_json::to_vec(last).ok().map(|key| BASE64_URL_SAFE_NO_PAD.encode(key))
}

/// The sort key in a cursor.
///
/// # Errors
/// When it was not made by [`cursor`].
pub fn after<T: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<T>, ApiError> {
    let Some(cursor) = cursor else { return Ok(None) };
    BASE64_URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|key| serde_json::from_slice(&key).ok())
        .map(Some)
        .ok_or_else(|| ApiError::BadRequest("cursor is not one that this address gave".to_owned()))
}

/// A number as text, because JavaScript's numbers do not hold 64 bits.
///
/// # Errors
/// When it cannot be written.
pub fn as_text<S: Serializer>(number: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_round_trips_and_an_invented_one_is_refused() {
        let given = cursor(&(17_i64, "AA1")).unwrap();
        assert_eq!(after::<(i64, String)>(Some(&given)).unwrap(), Some((17, "AA1".to_owned())));
        assert!(after::<(i64, String)>(None).unwrap().is_none());
        for invented in ["", "17", "e30", "%%%"] {
            assert!(after::<(i64, String)>(Some(invented)).is_err(), "{invented}");
        }
    }

    #[test]
    fn page_limit_is_between_one_and_the_maximum() {
        assert_eq!(limit(None, 50, 200).unwrap(), 50);
        assert_eq!(limit(Some(200), 50, 200).unwrap(), 200);
        assert!(limit(Some(0), 50, 200).is_err());
        assert!(limit(Some(201), 50, 200).is_err());
    }
}
