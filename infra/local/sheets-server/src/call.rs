//! Recognises which method of Google's APIs a request calls, from its HTTP method and address. What the
//! method then does is in `values.rs`, `spreadsheets.rs` and `drive.rs`.

use axum::http::{Method as Verb, Uri};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// The methods this server has. The name is Google's, used by counters and faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Token,
    FilesGet,
    SpreadsheetsGet,
    SpreadsheetsBatchUpdate,
    ValuesGet,
    ValuesBatchGet,
    ValuesUpdate,
    ValuesAppend,
    ValuesClear,
    ValuesBatchUpdate,
    ValuesBatchClear,
}

/// Which quota a method draws on, and which scope it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    /// Drive's metadata: another API with its own quota.
    Metadata,
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::FilesGet => "files.get",
            Self::SpreadsheetsGet => "spreadsheets.get",
            Self::SpreadsheetsBatchUpdate => "spreadsheets.batchUpdate",
            Self::ValuesGet => "values.get",
            Self::ValuesBatchGet => "values.batchGet",
            Self::ValuesUpdate => "values.update",
            Self::ValuesAppend => "values.append",
            Self::ValuesClear => "values.clear",
            Self::ValuesBatchUpdate => "values.batchUpdate",
            Self::ValuesBatchClear => "values.batchClear",
        }
    }

    pub(crate) fn access(self) -> Access {
        match self {
            Self::Token | Self::FilesGet => Access::Metadata,
            Self::SpreadsheetsGet | Self::ValuesGet | Self::ValuesBatchGet => Access::Read,
            _ => Access::Write,
        }
    }

    /// Whether cells are read: what an edit between two chunks waits for.
    pub(crate) fn reads_values(self) -> bool {
        matches!(self, Self::ValuesGet | Self::ValuesBatchGet)
    }

    /// Query parameters that the method takes beside those that all take. Google refuses others.
    fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::SpreadsheetsGet => &["ranges", "includeGridData", "excludeTablesInBandedRanges", "commentsViewMode"],
            Self::ValuesGet => &["majorDimension", "valueRenderOption", "dateTimeRenderOption"],
            Self::ValuesBatchGet => &["ranges", "majorDimension", "valueRenderOption", "dateTimeRenderOption"],
            Self::ValuesUpdate => &[
                "valueInputOption",
                "includeValuesInResponse",
                "responseValueRenderOption",
                "responseDateTimeRenderOption",
            ],
            Self::ValuesAppend => &[
                "valueInputOption",
                "insertDataOption",
                "includeValuesInResponse",
                "responseValueRenderOption",
                "responseDateTimeRenderOption",
            ],
            _ => &[],
        }
    }
}

/// One request, recognised.
#[derive(Debug)]
pub(crate) struct Call {
    pub method: Method,
    /// The spreadsheet's id; empty for the token endpoint.
    pub document: String,
    /// The range of the address, where the method has one.
    pub range: String,
    pub query: Query,
}

impl Call {
    /// `None` for what is no address of these APIs.
    pub(crate) fn recognise(verb: &Verb, uri: &Uri) -> Option<Self> {
        let segments: Vec<&str> = uri.path().strip_prefix('/')?.split('/').collect();
        let (method, document, range) = match (verb.as_str(), segments.as_slice()) {
            ("POST", ["token"]) => (Method::Token, "", ""),
            ("GET", ["drive", "v3", "files", id]) => (Method::FilesGet, *id, ""),
            ("GET", ["v4", "spreadsheets", id]) => (Method::SpreadsheetsGet, *id, ""),
            ("POST", ["v4", "spreadsheets", id]) => {
                (Method::SpreadsheetsBatchUpdate, id.strip_suffix(":batchUpdate")?, "")
            }
            ("GET", ["v4", "spreadsheets", id, "values:batchGet"]) => (Method::ValuesBatchGet, *id, ""),
            ("POST", ["v4", "spreadsheets", id, "values:batchUpdate"]) => (Method::ValuesBatchUpdate, *id, ""),
            ("POST", ["v4", "spreadsheets", id, "values:batchClear"]) => (Method::ValuesBatchClear, *id, ""),
            ("GET", ["v4", "spreadsheets", id, "values", range]) => (Method::ValuesGet, *id, *range),
            ("PUT", ["v4", "spreadsheets", id, "values", range]) => (Method::ValuesUpdate, *id, *range),
            ("POST", ["v4", "spreadsheets", id, "values", range]) => match range.rsplit_once(':')? {
                (range, "append") => (Method::ValuesAppend, *id, range),
                (range, "clear") => (Method::ValuesClear, *id, range),
                _ => return None,
            },
            _ => return None,
        };
        let decode = |text| percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned());
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        Some(Self { method, document: decode(document)?, range: decode(range)?, query: Query(query) })
    }

    /// Refuses parameters that the method does not have, as Google does: a misspelt option would
    /// otherwise read as its default.
    pub(crate) fn check_parameters(&self) -> Result<(), ApiError> {
        const EVERYWHERE: [&str; 10] = [
            "$.xgafv",
            "access_token",
            "alt",
            "callback",
            "fields",
            "key",
            "oauth_token",
            "prettyPrint",
            "quotaUser",
            "uploadType",
        ];
        if self.method.access() == Access::Metadata {
            return Ok(());
        }
        let known = |name: &str| EVERYWHERE.contains(&name) || self.method.parameters().contains(&name);
        match self.query.0.iter().find(|(name, _)| !known(name)) {
            Some((name, _)) => Err(ApiError::invalid(format!(
                "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. \
                 Field '{name}' could not be found in request message."
            ))),
            None => Ok(()),
        }
    }
}

/// Query parameters, decoded; a name may occur more than once.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn all<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn one<'q>(&'q self, name: &'q str) -> Option<&'q str> {
        self.all(name).last()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.one(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// An option with fixed values; absent is `None`, an unknown value is refused.
    pub(crate) fn choice<T: DeserializeOwned>(&self, name: &str, api_type: &str) -> Result<Option<T>, ApiError> {
        let Some(given) = self.one(name) else { return Ok(None) };
        serde_json::from_value(given.into()).map(Some).map_err(|_| {
            let snake: String = name
                .chars()
                .flat_map(|c| c.is_uppercase().then_some('_').into_iter().chain(c.to_lowercase()))
                .collect();
            ApiError::invalid(format!(
                "Invalid value at '{snake}' (type.googleapis.com/google.apps.sheets.v4.{api_type}), \"{given}\""
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_recognised_as_clients_write_them() {
        for (verb, address, method, document, range) in [
            (Verb::POST, "/token", Method::Token, "", ""),
            (Verb::GET, "/drive/v3/files/a?fields=version", Method::FilesGet, "a", ""),
            (Verb::GET, "/v4/spreadsheets/a", Method::SpreadsheetsGet, "a", ""),
            (Verb::POST, "/v4/spreadsheets/a:batchUpdate", Method::SpreadsheetsBatchUpdate, "a", ""),
            (Verb::GET, "/v4/spreadsheets/a/values:batchGet?ranges=A1", Method::ValuesBatchGet, "a", ""),
            (Verb::GET, "/v4/spreadsheets/a/values/%27x%2Fy%27%21A1%3AB2", Method::ValuesGet, "a", "'x/y'!A1:B2"),
            (Verb::GET, "/v4/spreadsheets/a/values/Sheet1!A1:B2", Method::ValuesGet, "a", "Sheet1!A1:B2"),
            (Verb::POST, "/v4/spreadsheets/a/values/A1:B2:append", Method::ValuesAppend, "a", "A1:B2"),
            (Verb::POST, "/v4/spreadsheets/a/values/%E7%89%A9:clear", Method::ValuesClear, "a", "物"),
        ] {
            let call = Call::recognise(&verb, &address.parse().unwrap()).unwrap();
            assert_eq!((call.method, &*call.document, &*call.range), (method, document, range));
        }
        for (verb, address) in [(Verb::GET, "/"), (Verb::POST, "/v4/spreadsheets/a"), (Verb::GET, "/v4/spreadsheets")] {
            assert!(Call::recognise(&verb, &address.parse().unwrap()).is_none());
        }
    }
}
