//! `GET /api/syncs/{sync}/statistics`: series for charts, in equal steps of time.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, ErrorBody};
use crate::request::{Asked, Place};
use crate::state::Api;
use crate::time::Time;

/// The time range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = StatisticsRange)]
pub enum Range {
    #[serde(rename = "1h")]
    Hour,
    #[default]
    #[serde(rename = "24h")]
    Day,
    #[serde(rename = "7d")]
    Week,
    #[serde(rename = "30d")]
    Month,
}

impl Range {
    /// Its length and that of a step, in seconds. A chart has room for some sixty to ninety steps.
    fn seconds(self) -> (i64, i64) {
        match self {
            Self::Hour => (3600, 60),
            Self::Day => (86_400, 1200),
            Self::Week => (7 * 86_400, 7200),
            Self::Month => (30 * 86_400, 8 * 3600),
        }
    }

    /// From when to when: whole steps, the last being the one that `now` is in.
    fn bounds(self, now: Timestamp) -> (Timestamp, Timestamp) {
        let (length, step) = self.seconds();
        let to = (now.as_second().div_euclid(step) + 1) * step;
        let at = |second| Timestamp::from_second(second).unwrap_or(now);
        (at(to - length), at(to))
    }
}

/// What a chart is to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    #[param(inline)]
    range: Option<Range>,
}

/// What `sync_statistics` answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    points: Vec<Point>,
    errors: Vec<ErrorPoint>,
    error_totals: BTreeMap<String, u64>,
}

/// The series. Every step is there, also those in which nothing happened.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    range: Range,
    bucket_seconds: i64,
    from: Time,
    to: Time,
    points: Vec<Point>,
    errors: Vec<ErrorPoint>,
    error_totals: BTreeMap<String, u64>,
}

/// The runs that began in one step.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Point {
    at: Time,
    runs: u64,
    completed: u64,
    partial: u64,
    failed: u64,
    /// Of runs that completed.
    average_seconds: Option<f64>,
    p95_seconds: Option<f64>,
    /// Rows that were sent and are done.
    rows: u64,
    rows_per_second: Option<f64>,
    inserted: u64,
    updated: u64,
    deleted: u64,
    rejected: u64,
}

/// The problems that were first seen in one step.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ErrorPoint {
    at: Time,
    by_type: BTreeMap<String, u64>,
}

/// Runs and problems over time.
#[utoipa::path(get, path = "/api/syncs/{sync}/statistics", tag = "syncs", operation_id = "getStatistics",
    security(("bearer" = [])), params(("sync" = String, Path, description = "The sync's name"), Which),
    responses((status = 200, body = Statistics), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
              (status = 404, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn get(
    State(api): State<Arc<Api>>,
    Place(sync): Place<String>,
    Asked(which): Asked<Which>,
) -> Result<Json<Statistics>, ApiError> {
    api.must_exist(&sync).await?;
    let range = which.range.unwrap_or_default();
    let (_, bucket_seconds) = range.seconds();
    let (from, to) = range.bounds(Timestamp::now());
    let arguments = json!({"p_sync": sync, "p_from": from, "p_to": to, "p_bucket_seconds": bucket_seconds});
    let series: Series = api.supabase().await?.ask("sync_statistics", &arguments).await?;
    let Series { points, errors, error_totals } = series;
    Ok(Json(Statistics { range, bucket_seconds, from: Time(from), to: Time(to), points, errors, error_totals }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_has_whole_steps_and_ends_with_the_current_one() {
        let now: Timestamp = "2026-11-25T12:34:56Z".parse().unwrap();
        for range in [Range::Hour, Range::Day, Range::Week, Range::Month] {
            let ((length, step), (from, to)) = (range.seconds(), range.bounds(now));
            assert_eq!(length % step, 0, "{range:?}");
            assert_eq!(to.as_second() - from.as_second(), length, "{range:?}");
            assert!(to > now && to.as_second() - now.as_second() <= step, "{range:?}");
        }
        let (from, to) = Range::Hour.bounds(now);
        assert_eq!((from.to_string(), to.to_string()), ("2026-11-25T11:35:00Z".into(), "2026-11-25T12:35:00Z".into()));
    }
}
