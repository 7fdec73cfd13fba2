//! The client of Google Sheets and Drive: finds a tab, reads it in chunks of a bounded size, and reports whether the
//! spreadsheet was changed meanwhile. Cells come out as [`Cell`]s; what they mean is the mapping's business.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use backon::Retryable as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::auth::{REQUEST_TIMEOUT, ServiceAccount};
use super::error::SheetsError;
use super::quota::{Quota, READS_PER_MINUTE};
use super::tab::{Block, Grid, Tab, TabName, Tabs, Window};
use crate::definition::area::Area;
use crate::mapping::column_letters;
use crate::platform::http;
use crate::platform::retry;
use crate::platform::secrets::FromSecret;

/// Google's hosts, unless the settings name others.
pub const SHEETS_BASE_URL: &str = "https://sheets.googleapis.com";
/// The host of the Drive API.
pub const DRIVE_BASE_URL: &str = "https://www.googleapis.com";

/// A request that has less time than this is not begun.
const SHORTEST_REQUEST: Duration = Duration::from_secs(1);

/// A connection to Google under one service account. Clones share its token and its quota.
#[derive(Clone)]
pub struct Sheets {
    shared: Arc<Shared>,
    deadline: Option<Instant>,
}

struct Shared {
    http: reqwest::Client,
    sheets_url: String,
    drive_url: String,
    account: FromSecret<ServiceAccount, SheetsError>,
    quota: Quota,
}

impl Tabs for Sheets {
    async fn tab(&self, spreadsheet: &str, name: TabName<'_>, area: Option<Area>) -> Result<Tab, SheetsError> {
        Sheets::tab(self, spreadsheet, name, area).await
    }

    async fn version(&self, spreadsheet: &str) -> Result<String, SheetsError> {
        Sheets::version(self, spreadsheet).await
    }

    async fn blocks(&self, tab: &Tab, blocks: &[RangeInclusive<u32>]) -> Result<(Vec<Block>, u64), SheetsError> {
        Sheets::blocks(self, tab, blocks).await
    }

    async fn shown(
        &self,
        tab: &Tab,
        rows: RangeInclusive<u32>,
        columns: &[u32],
    ) -> Result<Vec<Vec<String>>, SheetsError> {
        Sheets::shown(self, tab, rows, columns).await
    }
}

/// What a range of cells holds, by rows or by columns.
#[derive(Deserialize)]
struct ValueRange<T> {
    #[serde(default = "Vec::new")]
    values: Vec<Vec<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spreadsheet {
    properties: SpreadsheetProperties,
    #[serde(default)]
    sheets: Vec<Sheet>,
    #[serde(default)]
    named_ranges: Vec<NamedRange>,
}

#[derive(Deserialize)]
struct NamedRange {
    name: String,
    range: GridRange,
}

/// Half-open, counted from 0; what is not there is 0, or where the grid ends.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct GridRange {
    sheet_id: i64,
    start_row_index: u32,
    end_row_index: Option<u32>,
    start_column_index: u32,
    end_column_index: Option<u32>,
}

impl GridRange {
    fn area(&self) -> Area {
        Area {
            first_row: self.start_row_index + 1,
            last_row: self.end_row_index,
            first_column: self.start_column_index,
            last_column: self.end_column_index.map(|end| end.saturating_sub(1)),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpreadsheetProperties {
    time_zone: String,
    #[serde(default)]
    locale: String,
}

#[derive(Deserialize)]
struct Sheet {
    properties: SheetProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SheetProperties {
    #[serde(default)]
    sheet_id: i64,
    title: String,
    sheet_type: String,
    grid_properties: Option<GridProperties>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GridProperties {
    row_count: u32,
    column_count: u32,
}

impl Spreadsheet {
    fn range(&self, spreadsheet: &str, wanted: &str) -> Result<&GridRange, SheetsError> {
        let found = self.named_ranges.iter().find(|named| named.name == wanted);
        found.map(|named| &named.range).ok_or_else(|| SheetsError::NoSuchRange {
            spreadsheet: spreadsheet.to_owned(),
            wanted: wanted.to_owned(),
            known: self.named_ranges.iter().map(|named| named.name.clone()).collect(),
        })
    }
}

impl Sheets {
    /// A client under `account`; the base URLs are Google's, or a local server's. An account whose key comes from a secret is
    /// made when it is first needed, and again when Google refuses it: a read is then made once more under the new one.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(
        account: impl Into<FromSecret<ServiceAccount, SheetsError>>,
        sheets_url: &str,
        drive_url: &str,
    ) -> Result<Self, SheetsError> {
        Self::with_quota(account, sheets_url, drive_url, READS_PER_MINUTE)
    }

    /// The same with another quota of reads a minute.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn with_quota(
        account: impl Into<FromSecret<ServiceAccount, SheetsError>>,
        sheets_url: &str,
        drive_url: &str,
        reads_per_minute: NonZeroU32,
    ) -> Result<Self, SheetsError> {
        let http = http::client(sheets_url).map_err(|error| SheetsError::Down(http::cause(&error)))?;
        let shared = Shared {
            http,
            sheets_url: sheets_url.trim_end_matches('/').to_owned(),
            drive_url: drive_url.trim_end_matches('/').to_owned(),
            account: account.into(),
            quota: Quota::per_minute(reads_per_minute),
        };
        Ok(Self { shared: Arc::new(shared), deadline: None })
    }

    /// The same client for a caller whose time ends then: it waits for the quota and repeats what failed as long as that
    /// makes sense, and says so when it no longer does.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self.clone() }
    }

    /// Looks up a tab, and which of its cells are to be read: `area`, or those of the named range, or all.
    ///
    /// # Errors
    /// When the spreadsheet cannot be read, or has no such tab or range.
    pub async fn tab(&self, spreadsheet: &str, name: TabName<'_>, area: Option<Area>) -> Result<Tab, SheetsError> {
        const FIELDS: &str = "properties(timeZone,locale),sheets.properties(sheetId,title,sheetType,gridProperties(rowCount,columnCount)),\
             namedRanges(name,range)";
        let url = format!("{}/v4/spreadsheets/{}", self.shared.sheets_url, path_segment(spreadsheet));
        let (found, _): (Spreadsheet, u64) = self.get(spreadsheet, &url, &[("fields", FIELDS)]).await?;
        let (name, area) = match name {
            TabName::OfRange(wanted) => {
                let range = found.range(spreadsheet, wanted)?;
                (TabName::Id(range.sheet_id), Some(range.area()))
            }
            name => (name, area),
        };
        let grids = found.sheets.into_iter().filter(|sheet| sheet.properties.sheet_type == "GRID");
        let mut known = Vec::new();
        for Sheet { properties } in grids {
            let wanted = match name {
                TabName::Title(title) => properties.title == title,
                TabName::Id(id) => properties.sheet_id == id,
                TabName::OfRange(_) => false,
            };
            match properties.grid_properties {
                Some(GridProperties { row_count: rows, column_count: columns }) if wanted => {
                    let title = properties.title;
                    let grid = Grid { rows, columns };
                    let Some(window) = Window::of(area, grid) else {
                        return Err(SheetsError::RangeOffGrid { tab: title, rows, columns });
                    };
                    let SpreadsheetProperties { time_zone, locale } = found.properties;
                    let spreadsheet = spreadsheet.to_owned();
                    return Ok(Tab { spreadsheet, id: properties.sheet_id, title, grid, window, time_zone, locale });
                }
                _ => known.push(format!("{:?} (tab_id {})", properties.title, properties.sheet_id)),
            }
        }
        let wanted = match name {
            TabName::Title(title) | TabName::OfRange(title) => format!("{title:?}"),
            TabName::Id(id) => format!("with the id {id}"),
        };
        Err(SheetsError::NoSuchTab { spreadsheet: spreadsheet.to_owned(), wanted, known })
    }

    /// The version of the spreadsheet, which grows with every change. Equal before and after a read, nothing moved.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn version(&self, spreadsheet: &str) -> Result<String, SheetsError> {
        #[derive(Deserialize)]
        struct File {
            version: String,
        }
        let url = format!("{}/drive/v3/files/{}", self.shared.drive_url, path_segment(spreadsheet));
        let query = [("fields", "version,modifiedTime,trashed,mimeType"), ("supportsAllDrives", "true")];
        let (file, _): (File, u64) = self.get(spreadsheet, &url, &query).await?;
        Ok(file.version)
    }

    /// Reads blocks of rows of a tab, as [`Tabs::blocks`] says. One `values:batchGet`, which counts once against the quota.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn blocks(&self, tab: &Tab, blocks: &[RangeInclusive<u32>]) -> Result<(Vec<Block>, u64), SheetsError> {
        let title = tab.title.replace('\'', "''");
        let first_column = column_letters(tab.window.first_column);
        let last_column = column_letters(tab.window.last_column);
        let ranges: Vec<String> = blocks
            .iter()
            .map(|rows| format!("'{title}'!{first_column}{}:{last_column}{}", rows.start(), rows.end()))
            .collect();
        let options = [
            ("valueRenderOption", "UNFORMATTED_VALUE"),
            ("dateTimeRenderOption", "SERIAL_NUMBER"),
            ("majorDimension", "ROWS"),
        ];
        self.batch_get(tab, &options, &ranges).await
    }

    /// Reads what cells show, as [`Tabs::shown`] says. One `values:batchGet`, which counts once against the quota.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn shown(
        &self,
        tab: &Tab,
        rows: RangeInclusive<u32>,
        columns: &[u32],
    ) -> Result<Vec<Vec<String>>, SheetsError> {
        let title = tab.title.replace('\'', "''");
        let (first_row, last_row) = rows.into_inner();
        let spans = spans(columns);
        let range = |span: &RangeInclusive<u32>| {
            let (first, last) = (column_letters(*span.start()), column_letters(*span.end()));
            format!("'{title}'!{first}{first_row}:{last}{last_row}")
        };
        let ranges: Vec<String> = spans.iter().map(range).collect();
        let options = [("valueRenderOption", "FORMATTED_VALUE"), ("majorDimension", "COLUMNS")];
        let (mut found, _) = self.batch_get::<String>(tab, &options, &ranges).await?;
        let mut take = |column: &u32| {
            let at = spans.iter().position(|span| span.contains(column))?;
            found[at].get_mut((column - spans[at].start()) as usize).map(std::mem::take)
        };
        Ok(columns.iter().map(|column| take(column).unwrap_or_default()).collect())
    }

    async fn batch_get<T: DeserializeOwned>(
        &self,
        tab: &Tab,
        options: &[(&str, &str)],
        ranges: &[String],
    ) -> Result<(Vec<Vec<Vec<T>>>, u64), SheetsError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", bound = "T: DeserializeOwned")]
        struct Answer<T> {
            #[serde(default = "Vec::new")]
            value_ranges: Vec<ValueRange<T>>,
        }
        let url =
            format!("{}/v4/spreadsheets/{}/values:batchGet", self.shared.sheets_url, path_segment(&tab.spreadsheet));
        let mut query = options.to_vec();
        query.extend(ranges.iter().map(|range| ("ranges", range.as_str())));
        let (answer, bytes): (Answer<T>, u64) = self.get(&tab.spreadsheet, &url, &query).await?;
        if answer.value_ranges.len() != ranges.len() {
            let (asked, came) = (ranges.len(), answer.value_ranges.len());
            return Err(SheetsError::Down(format!("{came} ranges came, {asked} were asked for")));
        }
        Ok((answer.value_ranges.into_iter().map(|range| range.values).collect(), bytes))
    }

    /// Gets JSON and its size, with a token, and again while the failure is one that passes: Google asks for exponential
    /// waits, and its quota is counted by the minute. Never past the deadline.
    async fn get<T: DeserializeOwned>(
        &self,
        spreadsheet: &str,
        url: &str,
        query: &[(&str, &str)],
    ) -> Result<(T, u64), SheetsError> {
        (|| self.get_once(spreadsheet, url, query))
            .retry(retry::GOOGLE.lengths().with_jitter())
            .when(SheetsError::passes)
            .adjust(|_, wait| wait.filter(|wait| self.time_left() > *wait + SHORTEST_REQUEST))
            .notify(|error, wait| {
                tracing::warn!(code = error.code(), wait_ms = wait.as_millis() as u64, "retrying Google");
            })
            .await
    }

    fn time_left(&self) -> Duration {
        self.deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
    }

    async fn get_once<T: DeserializeOwned>(
        &self,
        spreadsheet: &str,
        url: &str,
        query: &[(&str, &str)],
    ) -> Result<(T, u64), SheetsError> {
        let account = self.shared.account.get().await?;
        match self.get_as(&account, spreadsheet, url, query).await {
            Err(error) if error.needs_a_person() => match self.shared.account.renewed(&account).await {
                Some(account) => self.get_as(&account, spreadsheet, url, query).await,
                None => Err(error),
            },
            outcome => outcome,
        }
    }

    async fn get_as<T: DeserializeOwned>(
        &self,
        account: &ServiceAccount,
        spreadsheet: &str,
        url: &str,
        query: &[(&str, &str)],
    ) -> Result<(T, u64), SheetsError> {
        let Shared { http, quota, sheets_url, .. } = self.shared.as_ref();
        let mut renewed = false;
        loop {
            // Drive counts its reads by itself, and by the thousand.
            if url.starts_with(&format!("{sheets_url}/v4/")) {
                quota.ready(self.deadline).await?;
            }
            let timeout = self.time_left().min(REQUEST_TIMEOUT);
            if timeout < SHORTEST_REQUEST {
                return Err(SheetsError::OutOfTime("no time was left for the next request".to_owned()));
            }
            let token = account.token(http).await?;
            let response = http
                .get(url)
                .query(query)
                .bearer_auth(&token)
                .timeout(timeout)
                .send()
                .await
                .map_err(|error| SheetsError::Down(http::cause(&error)))?;
            let status = response.status();
            let body = response.bytes().await.map_err(|error| SheetsError::Down(http::cause(&error)))?;
            if status.is_success() {
                return serde_json::from_slice(&body)
                    .map(|value| (value, body.len() as u64))
                    .map_err(|error| SheetsError::Down(format!("{:?} error in its JSON", error.classify())));
            }
            // A token may be revoked or expire early: one new one settles it.
            if status == reqwest::StatusCode::UNAUTHORIZED && !renewed {
                renewed = true;
                account.forget(&token).await;
                continue;
            }
            return Err(refusal(account, spreadsheet, status.as_u16(), &body));
        }
    }
}

/// Google's names for a quota that is used up (Drive, "Resolve errors"; google.rpc.ErrorInfo).
const QUOTA_REASONS: [&str; 5] =
    ["userRateLimitExceeded", "rateLimitExceeded", "dailyLimitExceeded", "quotaExceeded", "RATE_LIMIT_EXCEEDED"];

fn refusal(account: &ServiceAccount, spreadsheet: &str, status: u16, body: &[u8]) -> SheetsError {
    #[derive(Deserialize, Default)]
    struct Answer {
        #[serde(default)]
        error: Detail,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Detail {
        message: String,
        status: String,
        errors: Vec<Reason>,
        details: Vec<Reason>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Reason {
        reason: String,
    }
    let Detail { message, status: name, errors, details } =
        serde_json::from_slice::<Answer>(body).unwrap_or_default().error;
    let is_quota = errors.iter().chain(&details).any(|it| QUOTA_REASONS.contains(&it.reason.as_str()));
    let spreadsheet = spreadsheet.to_owned();
    let account = account.address().to_owned();
    match (status, name.as_str()) {
        (429, _) => SheetsError::Quota(message),
        // Drive says so with 403, which elsewhere means that the file is not shared.
        (403, _) if is_quota => SheetsError::Quota(message),
        (401, _) => SheetsError::Unauthenticated { account, reason: name },
        (403, _) => SheetsError::Denied { account, spreadsheet, detail: message },
        (404, _) => SheetsError::NoSuchSpreadsheet { spreadsheet },
        (400, "FAILED_PRECONDITION") => SheetsError::NotASpreadsheet { spreadsheet },
        (400, _) if message.contains("exceeds grid limits") => SheetsError::PastGrid(message),
        (500.., _) => SheetsError::Down(format!("HTTP {status} {message}").trim_end().to_owned()),
        _ => SheetsError::Refused(format!("HTTP {status} {message}")),
    }
}

/// The most ranges of one request for what cells show: a title may be long, and an address has its limits.
const MOST_SPANS: usize = 8;

/// Ranges of neighbouring columns that hold all of `columns`, which are in ascending order; one over all of them where that
/// would be too many.
fn spans(columns: &[u32]) -> Vec<RangeInclusive<u32>> {
    let neighbours = columns.chunk_by(|left, right| left + 1 == *right);
    let spans: Vec<_> = neighbours.filter_map(|run| Some(*run.first()?..=*run.last()?)).collect();
    match spans.as_slice() {
        [first, .., last] if spans.len() > MOST_SPANS => vec![*first.start()..=*last.end()],
        _ => spans,
    }
}

/// What stays as it is in one segment of a path; a tab's title may hold anything.
const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'!').remove(b':');

fn path_segment(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, SEGMENT)
}
