//! What is wrong in the sheet and on the way: the problems of a run or of a sync, searched, paged, and as CSV.

mod csv;
mod entry;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::error::{ApiError, ErrorBody};
use crate::request::{self, Asked, Place};
use crate::state::Api;
use crate::syncs::cell_url;
use entry::{Entry, ErrorType};

/// The largest page, which is also what one call of `sync_errors_page` gives.
const MOST: u32 = 1000;

/// The most lines of one CSV file, unless they are too long for one answer. The header `Link` leads on.
const MOST_LINES: usize = 10_000;

/// How long one call for a file may take: no person waits for it, and Postgres ends it after two seconds.
const EXPORT_CALL: Duration = Duration::from_secs(3);

/// After this time a file ends with what it has; the function has 15 s.
const EXPORT_TIME: Duration = Duration::from_secs(8);

/// The longest text that is searched for.
const MAX_SEARCH: usize = 200;

/// A page of problems, in the order of the sheet.
#[derive(Debug, Serialize, ToSchema)]
pub struct Errors {
    errors: Vec<Entry>,
    /// For the next page; null on the last.
    next: Option<String>,
}

/// Whether problems that were resolved are wanted too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Openness {
    #[default]
    Open,
    All,
}

/// The form of the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Csv,
}

/// Which problems of a run.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only problems of this type.
    r#type: Option<ErrorType>,
    /// Only problems in whose texts this occurs, in upper or lower case.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Only problems of this row key.
    row_key: Option<String>,
    /// Only problems of this cell.
    cell: Option<String>,
    /// The size of a page; of a CSV file, 10000 if it is not given.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// `csv`: UTF-8 with a byte order mark; what a spreadsheet would take for a formula begins with `'`.
    #[param(inline)]
    format: Option<Format>,
}

/// Which problems of a sync. (A flattened struct cannot refuse unknown members, so the members are repeated.)
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct SyncFilter {
    /// `open` (the default): only those that are not resolved.
    #[param(inline)]
    state: Option<Openness>,
    /// Only problems of this type.
    r#type: Option<ErrorType>,
    /// Only problems in whose texts this occurs, in upper or lower case.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Only problems of this row key.
    row_key: Option<String>,
    /// Only problems of this cell.
    cell: Option<String>,
    /// The size of a page; of a CSV file, 10000 if it is not given.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// `csv`: UTF-8 with a byte order mark; what a spreadsheet would take for a formula begins with `'`.
    #[param(inline)]
    format: Option<Format>,
}

/// The problems that a run saw last. Those that a later run saw again are that run's.
#[utoipa::path(get, path = "/api/runs/{id}/errors", tag = "errors", operation_id = "listRunErrors", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The run's id"), Filter),
    responses((status = 200, content((Errors = "application/json"), (String = "text/csv"))),
              (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
              (status = 503, body = ErrorBody)))]
pub async fn of_run(
    State(api): State<Arc<Api>>,
    Place(id): Place<Uuid>,
    Asked(filter): Asked<Filter>,
) -> Result<Response, ApiError> {
    let run = api.run(id).await?;
    let path = format!("/api/runs/{id}/errors");
    answer(&api, (&path, None), json!({"p_run": id}), &run.sync, &filter).await
}

/// The problems of a sync.
#[utoipa::path(get, path = "/api/syncs/{sync}/errors", tag = "errors", operation_id = "listSyncErrors",
    security(("bearer" = [])), params(("sync" = String, Path, description = "The sync's name"), SyncFilter),
    responses((status = 200, content((Errors = "application/json"), (String = "text/csv"))),
              (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
              (status = 503, body = ErrorBody)))]
pub async fn of_sync(
    State(api): State<Arc<Api>>,
    Place(sync): Place<String>,
    Asked(asked): Asked<SyncFilter>,
) -> Result<Response, ApiError> {
    api.must_exist(&sync).await?;
    let state = asked.state;
    let is_open = (asked.state.unwrap_or_default() == Openness::Open).then_some(true);
    let SyncFilter { state: _, r#type, q, row_key, cell, limit, cursor, format } = asked;
    let filter = Filter { r#type, q, row_key, cell, limit, cursor, format };
    let path = format!("/api/syncs/{sync}/errors");
    answer(&api, (&path, state), json!({"p_sync": sync, "p_open": is_open}), &sync, &filter).await
}

/// Where the next page begins.
type Key = (i64, i64);

async fn answer(
    api: &Api,
    (path, state): (&str, Option<Openness>),
    of: serde_json::Value,
    sync: &str,
    filter: &Filter,
) -> Result<Response, ApiError> {
    let after: Option<Key> = request::after(filter.cursor.as_deref())?;
    for (name, value) in [("q", &filter.q), ("rowKey", &filter.row_key), ("cell", &filter.cell)] {
        request::text(name, value.as_deref().unwrap_or_default(), MAX_SEARCH)
            .map_err(|error| ApiError::BadRequest(error.to_string()))?;
    }
    let lines = match filter.format.unwrap_or_default() {
        Format::Json => request::limit(filter.limit, 100, MOST)? as usize,
        Format::Csv if filter.limit.is_none() => MOST_LINES,
        Format::Csv => request::limit(filter.limit, MOST, MOST)? as usize,
    };
    let (rows, next) = page(api, of, filter, after, lines).await?;
    let entries = with_addresses(api, sync, rows);
    if filter.format.unwrap_or_default() == Format::Json {
        return Ok(Json(Errors { errors: entries, next: next.as_ref().and_then(request::cursor) }).into_response());
    }
    let (file, written) = csv::write(&entries, csv::MAX_BYTES);
    let next =
        if written < entries.len() { written.checked_sub(1).and_then(|last| entries.get(last)).map(key) } else { next };
    let link = next.as_ref().and_then(request::cursor).map(|cursor| filter.next_page(path, state, &cursor));
    Ok(csv::answer(file, link.as_deref()))
}

fn key(entry: &Entry) -> Key {
    (entry.place, entry.id)
}

impl Filter {
    /// The address of the CSV file that goes on at `cursor`, with the same filters.
    fn next_page(&self, path: &str, state: Option<Openness>, cursor: &str) -> String {
        #[derive(Serialize)]
        struct Query<'a> {
            format: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            state: Option<Openness>,
            #[serde(skip_serializing_if = "Option::is_none")]
            r#type: Option<ErrorType>,
            #[serde(skip_serializing_if = "Option::is_none")]
            q: Option<&'a str>,
            #[serde(rename = "rowKey", skip_serializing_if = "Option::is_none")]
            row_key: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            cell: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            limit: Option<u32>,
            cursor: &'a str,
        }
        let Self { r#type, q, row_key, cell, limit, cursor: _, format: _ } = self;
        let query = Query {
            format: "csv",
            state,
            r#type: *r#type,
            q: q.as_deref(),
            row_key: row_key.as_deref(),
            cell: cell.as_deref(),
            limit: *limit,
            cursor,
        };
        // Names, numbers and texts: nothing that a query could not carry.
        format!("{path}?{}", serde_urlencoded::to_string(query).unwrap_or_default())
    }
}

/// Up to `lines` problems, and where those after them begin, if there are any.
async fn page(
    api: &Api,
    of: serde_json::Value,
    filter: &Filter,
    mut after: Option<Key>,
    lines: usize,
) -> Result<(Vec<Entry>, Option<Key>), ApiError> {
    let started = Instant::now();
    let mut supabase = api.supabase().await?.clone();
    if filter.format == Some(Format::Csv) {
        supabase = supabase.with_timeout(EXPORT_CALL);
    }
    let mut rows: Vec<Entry> = Vec::new();
    loop {
        // One more than is shown, to know whether there is a next page.
        let limit = (lines + 1 - rows.len()).min(MOST as usize);
        let mut arguments = of.clone();
        let given = json!({
            "p_type": filter.r#type, "p_search": filter.q, "p_row_key": filter.row_key, "p_cell": filter.cell,
            "p_after_place": after.map(|key| key.0), "p_after_id": after.map(|key| key.1), "p_limit": limit,
        });
        if let (Some(all), serde_json::Value::Object(given)) = (arguments.as_object_mut(), given) {
            all.extend(given);
        }
        let some: Vec<Entry> = supabase.ask("sync_errors_page", &arguments).await?;
        let is_last = some.len() < limit;
        rows.extend(some);
        if rows.len() > lines {
            rows.truncate(lines);
            let next = rows.last().map(key);
            return Ok((rows, next));
        }
        if is_last {
            return Ok((rows, None));
        }
        after = rows.last().map(key);
        if started.elapsed() > EXPORT_TIME {
            return Ok((rows, after));
        }
    }
}

/// The same, each with the address of its cell.
fn with_addresses(api: &Api, sync: &str, mut entries: Vec<Entry>) -> Vec<Entry> {
    let mut defined = HashMap::from([(sync.to_owned(), api.defined(sync))]);
    for entry in &mut entries {
        let defined = defined.entry(entry.sync.clone()).or_insert_with_key(|sync| api.defined(sync)).as_ref();
        let cell = defined.zip(entry.cell.as_deref());
        entry.cell_url = cell.and_then(|(sync, cell)| cell_url(sync, entry.tab_id, cell));
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_of_a_file_keeps_every_filter() {
        let asked = "state=all&type=validation&q=%23REF%21+%26%E5%80%A4&rowKey=a%26b&cell=C3&limit=5&format=csv";
        let filter: SyncFilter = serde_urlencoded::from_str(asked).unwrap();
        let SyncFilter { state, r#type, q, row_key, cell, limit, cursor, format } = filter;
        let filter = Filter { r#type, q, row_key, cell, limit, cursor, format };
        let next = filter.next_page("/api/syncs/a/errors", state, "abc");
        let query = next.strip_prefix("/api/syncs/a/errors?").unwrap();
        let mut pairs: Vec<&str> = query.split('&').collect();
        let mut expected: Vec<&str> = asked.split('&').chain(["cursor=abc"]).collect();
        pairs.sort_unstable();
        expected.sort_unstable();
        assert_eq!(pairs, expected);
    }
}
