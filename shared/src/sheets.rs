//! The client of Google Sheets and Drive: finds a tab, reads it in chunks of a bounded size, and tells whether the
//! spreadsheet moved meanwhile. Cells come out as [`Cell`]s; what they mean is the mapping's business.

mod auth;
mod quota;
mod reader;

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

pub use self::auth::ServiceAccount;
use self::quota::Quota;
pub use self::quota::READS_PER_MINUTE;
pub use self::reader::{Chunk, Reader};
use crate::area::Area;
use crate::http;
use crate::mapping::{Cell, column_letters};
use crate::secrets::{FromSecret, SecretError};

/// Google's hosts, unless the settings name others.
pub const SHEETS_BASE_URL: &str = "https://sheets.googleapis.com";
/// The host of the Drive API.
pub const DRIVE_BASE_URL: &str = "https://www.googleapis.com";

const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A request that has less time than this is not begun.
const SHORTEST_REQUEST: Duration = Duration::from_secs(1);

/// Why the sheet could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SheetsError {
    /// The service account's key cannot be had.
    #[error(transparent)]
    NoKey(#[from] SecretError),
    /// The service account's key is no such thing.
    #[error("the secret GOOGLE_SECRET_ID is not the JSON key of a service account: {0}")]
    BadKey(String),
    /// Google gives no token for it.
    #[error(
        "Google refuses the service account {account} ({reason}): the key was revoked, or this machine's clock is wrong"
    )]
    Unauthenticated {
        /// The account's address.
        account: String,
        /// Google's error code.
        reason: String,
    },
    /// The account may not read the spreadsheet.
    #[error(
        "{account} may not read the spreadsheet {spreadsheet}: share it with that address (Viewer is enough) ({detail})"
    )]
    Denied {
        /// The account's address.
        account: String,
        /// The spreadsheet's id.
        spreadsheet: String,
        /// Google's words.
        detail: String,
    },
    /// There is no such spreadsheet.
    #[error(
        "there is no spreadsheet {spreadsheet}: check `spreadsheet` in sheetsync.toml, it is the part of the address between /d/ and /edit"
    )]
    NoSuchSpreadsheet {
        /// The id.
        spreadsheet: String,
    },
    /// The file is an Excel file that Sheets only displays.
    #[error(
        "{spreadsheet} is an uploaded Excel file, not a Google Sheet: open it and choose File > Save as Google Sheets"
    )]
    NotASpreadsheet {
        /// The id.
        spreadsheet: String,
    },
    /// There is no such tab.
    #[error("the spreadsheet {spreadsheet} has no tab {wanted}; it has {}: correct `tab` in sheetsync.toml", known.join(", "))]
    NoSuchTab {
        /// The spreadsheet's id.
        spreadsheet: String,
        /// The tab that was asked for.
        wanted: String,
        /// The tabs that there are.
        known: Vec<String>,
    },
    /// There is no such named range.
    #[error("the spreadsheet {spreadsheet} has no named range {wanted:?}; it has {}: correct `range` in sheetsync.toml, or make it under Data > Named ranges", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    NoSuchRange {
        /// The spreadsheet's id.
        spreadsheet: String,
        /// The name that was asked for.
        wanted: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The range begins past the end of the tab.
    #[error(
        "`range` in sheetsync.toml begins past the end of the tab {tab:?}, which has {rows} rows and {columns} columns"
    )]
    RangeOffGrid {
        /// The tab's title.
        tab: String,
        /// How many rows it has.
        rows: u32,
        /// How many columns it has.
        columns: u32,
    },
    /// The rows that were asked for are no longer in the tab, or not all of them.
    #[error("the tab became smaller while it was read ({0}); the next run reads it afresh")]
    PastGrid(String),
    /// The quota is used up, and stayed so.
    #[error("Google's read quota is used up and stayed so: {0}")]
    Quota(String),
    /// Google is down, and stayed so.
    #[error("Google Sheets gave no usable answer ({0})")]
    Down(String),
    /// Google refused the request itself.
    #[error("Google Sheets refused the request: {0}")]
    Refused(String),
    /// The invocation ends before the sheet is read.
    #[error("the function's time ended before the sheet was read ({0}): give fewer syncs to it, or a longer `every`")]
    OutOfTime(String),
}

impl SheetsError {
    /// A short name for logs and `sync_errors`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoKey(_) => "no_secret",
            Self::BadKey(_) => "google_key_malformed",
            Self::Unauthenticated { .. } => "google_unauthenticated",
            Self::Denied { .. } => "sheet_not_shared",
            Self::NoSuchSpreadsheet { .. } => "no_such_spreadsheet",
            Self::NotASpreadsheet { .. } => "not_a_spreadsheet",
            Self::NoSuchTab { .. } => "no_such_tab",
            Self::NoSuchRange { .. } => "no_such_range",
            Self::RangeOffGrid { .. } => "range_off_grid",
            Self::PastGrid(_) => "tab_shrank",
            Self::Quota(_) => "google_quota",
            Self::Down(_) => "google_down",
            Self::Refused(_) => "google_refused",
            Self::OutOfTime(_) => "out_of_time",
        }
    }

    /// Its error type in `sync_errors`.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::NoKey(_) | Self::BadKey(_) | Self::Unauthenticated { .. } | Self::Denied { .. } => "permission",
            Self::PastGrid(_) => "conflict",
            Self::Quota(_) | Self::OutOfTime(_) => "rate_limit",
            Self::Down(_) => "network",
            Self::NoSuchSpreadsheet { .. }
            | Self::NotASpreadsheet { .. }
            | Self::NoSuchTab { .. }
            | Self::NoSuchRange { .. }
            | Self::RangeOffGrid { .. } => "validation",
            Self::Refused(_) => "unknown",
        }
    }

    /// Whether Google refuses the key or its account, until a person acts.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        matches!(self, Self::BadKey(_) | Self::Unauthenticated { .. } | Self::Denied { .. })
    }

    fn passes(&self) -> bool {
        matches!(self, Self::Quota(_) | Self::Down(_))
    }
}

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

/// A tab, as it was when it was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// The spreadsheet's id.
    pub spreadsheet: String,
    /// The tab's id.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// How many rows and columns its grid has.
    pub grid: Grid,
    /// The cells that are read.
    pub window: Window,
    /// The spreadsheet's time zone, an IANA name.
    pub time_zone: String,
    /// The spreadsheet's locale, such as `ja_JP`; it says how numbers in texts are written.
    pub locale: String,
}

/// The size of a tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Rows.
    pub rows: u32,
    /// Columns.
    pub columns: u32,
}

/// Where tabs are read from: Google, or what a simulation plays.
#[expect(async_fn_in_trait, reason = "whoever needs the futures to be Send names the type, and then they are")]
pub trait Tabs {
    /// Looks up a tab, and which of its cells are to be read: `area`, or those of the named range, or all.
    async fn tab(&self, spreadsheet: &str, name: TabName<'_>, area: Option<Area>) -> Result<Tab, SheetsError>;
    /// The version of the spreadsheet, which grows with every change.
    async fn version(&self, spreadsheet: &str) -> Result<String, SheetsError>;
    /// Blocks of whole rows, counted from 1, all as they were at one moment, and how many bytes they took. Blank rows at the
    /// end of a block and blank cells at the end of a row are left out.
    async fn blocks(&self, tab: &Tab, blocks: &[RangeInclusive<u32>]) -> Result<(Vec<Block>, u64), SheetsError>;
    /// What the cells of some columns show in consecutive rows, counted from 1, all at one moment: per column its cells from
    /// the first row on, of which blank ones at the end are left out. Columns are those of the tab, counted from 0, in
    /// ascending order.
    async fn shown(
        &self,
        tab: &Tab,
        rows: RangeInclusive<u32>,
        columns: &[u32],
    ) -> Result<Vec<Vec<String>>, SheetsError>;
}

/// Consecutive rows of a tab, from its window's first column on.
pub type Block = Vec<Vec<Cell>>;

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

/// Cells of a tab, all of which there are. Both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Counted from 1.
    pub first_row: u32,
    /// Counted from 1.
    pub last_row: u32,
    /// Counted from 0.
    pub first_column: u32,
    /// Counted from 0.
    pub last_column: u32,
}

impl Window {
    /// What of `area` lies in a grid; `None` when it begins past its end.
    #[must_use]
    pub fn of(area: Option<Area>, grid: Grid) -> Option<Self> {
        let Grid { rows, columns } = grid;
        let whole = Area { first_row: 1, last_row: None, first_column: 0, last_column: None };
        let Area { first_row, last_row, first_column, last_column } = area.unwrap_or(whole);
        let window = Self {
            first_row,
            last_row: last_row.map_or(rows, |last| last.min(rows)),
            first_column,
            last_column: last_column.map_or(columns, |last| (last + 1).min(columns)).checked_sub(1)?,
        };
        (first_row <= window.last_row && first_column <= window.last_column).then_some(window)
    }

    fn columns(self) -> u32 {
        self.last_column - self.first_column + 1
    }
}

/// How a sync names its tab.
#[derive(Debug, Clone, Copy)]
pub enum TabName<'a> {
    /// By its title.
    Title(&'a str),
    /// By its id.
    Id(i64),
    /// By a named range that lies in it.
    OfRange(&'a str),
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
        let waits = ExponentialBuilder::default()
            .with_min_delay(Duration::from_secs(1))
            .with_max_delay(Duration::from_secs(32))
            .with_max_times(8)
            .with_jitter();
        (|| self.get_once(spreadsheet, url, query))
            .retry(waits)
            .when(SheetsError::passes)
            .adjust(|_, wait| wait.filter(|wait| self.time_left() > *wait + SHORTEST_REQUEST))
            .notify(|error, wait| {
                tracing::warn!(code = error.code(), wait_ms = wait.as_millis() as u64, "reading from Google again");
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

#[cfg(test)]
mod tests;
