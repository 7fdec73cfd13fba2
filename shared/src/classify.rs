//! What an answer of Supabase REST that is no success means, and so who must act. The code in the body decides, never the
//! HTTP status alone: PostgREST answers a statement timeout with 500 and a missing column with 400 (docs: FACTS, "PostgREST").

use std::time::Duration;

use serde::Deserialize;

/// Who is at fault, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The destination is down or overloaded: wait, and it counts for the breaker.
    Down,
    /// The project is restricted or paused: a person must act; keep the messages.
    Restricted,
    /// The key is refused: a person must act; keep the messages.
    Denied,
    /// The statement took too long: halve the batch.
    StatementTimeout,
    /// Another transaction was in the way: the same again.
    Contended,
    /// A value is at fault that `sync_apply` should have isolated.
    Row,
    /// Table, column or function is missing: the schema has drifted, or a migration was not applied.
    Drift,
    /// The body is larger than something on the way accepts: split the batch.
    TooLarge,
    /// The request itself is wrong; repeating it changes nothing.
    Request,
}

impl Fault {
    /// Whether the same request may succeed later with nobody's help.
    #[must_use]
    pub fn passes(self) -> bool {
        matches!(self, Self::Down | Self::Contended | Self::StatementTimeout)
    }

    /// Whether every call is refused until a person acts: the key is no good, or the project is restricted or paused.
    #[must_use]
    pub fn needs_a_person(self) -> bool {
        matches!(self, Self::Restricted | Self::Denied)
    }

    /// Its name in logs and in `sync_errors.error_type` (DESIGN.md, `sync_errors`).
    #[must_use]
    pub fn error_type(self) -> &'static str {
        match self {
            Self::Down | Self::StatementTimeout | Self::TooLarge => "network",
            Self::Restricted | Self::Denied => "permission",
            Self::Contended | Self::Drift | Self::Row => "database",
            Self::Request => "unknown",
        }
    }
}

/// The body of a PostgREST error. Its `details` and `hint` are not read: they may repeat the row (Promises 9).
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
pub struct Body {
    /// A SQLSTATE or a PGRST code.
    pub code: Option<String>,
    /// What happened; may quote a value when a row is at fault.
    #[serde(default)]
    pub message: String,
}

/// Classifies an answer by its code, then by its status.
#[must_use]
pub fn classify(status: u16, code: Option<&str>) -> Fault {
    match (status, code.unwrap_or_default()) {
        (402 | 540, _) => Fault::Restricted,
        (413, _) => Fault::TooLarge,
        (_, "PGRST000" | "PGRST001" | "PGRST002" | "PGRST003" | "25006") => Fault::Down,
        (_, "PGRST202" | "PGRST204" | "PGRST205" | "42P01" | "42703" | "42883") => Fault::Drift,
        (_, "PGRST301" | "PGRST302" | "PGRST303" | "42501") => Fault::Denied,
        (_, "57014") => Fault::StatementTimeout,
        (_, "40001" | "40P01" | "55P03") => Fault::Contended,
        (_, "21000") => Fault::Request,
        (_, "P0001") => Fault::Row,
        (_, code) if sqlstate_class(code) == Some("28") => Fault::Denied,
        (_, code) if matches!(sqlstate_class(code), Some("08" | "53" | "57" | "58")) => Fault::Down,
        (_, code) if matches!(sqlstate_class(code), Some("22" | "23")) => Fault::Row,
        (401 | 403, _) => Fault::Denied,
        (408 | 429 | 500.., _) => Fault::Down,
        _ => Fault::Request,
    }
}

/// The class of a SQLSTATE, which has five characters; PGRST codes have more.
fn sqlstate_class(code: &str) -> Option<&str> {
    (code.len() == 5).then(|| code.get(..2)).flatten()
}

/// The wait that a `Retry-After` header asks for in seconds. The form with a date is not read: no gateway in front of
/// Supabase sends it, and a wrong clock would turn it into anything.
#[must_use]
pub fn retry_after(header: Option<&str>) -> Option<Duration> {
    header?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_decides_and_not_the_status() {
        let cases = [
            (503, Some("PGRST000"), Fault::Down),
            (503, Some("PGRST002"), Fault::Down),
            (504, Some("PGRST003"), Fault::Down),
            (503, Some("57P03"), Fault::Down),
            (503, Some("53300"), Fault::Down),
            (503, Some("08006"), Fault::Down),
            (500, Some("57014"), Fault::StatementTimeout),
            (500, Some("40001"), Fault::Contended),
            (500, Some("40P01"), Fault::Contended),
            (500, Some("21000"), Fault::Request),
            (400, Some("21000"), Fault::Request),
            (400, Some("22P02"), Fault::Row),
            (409, Some("23505"), Fault::Row),
            (400, Some("P0001"), Fault::Row),
            (400, Some("PGRST204"), Fault::Drift),
            (404, Some("PGRST202"), Fault::Drift),
            (404, Some("42883"), Fault::Drift),
            (404, Some("42P01"), Fault::Drift),
            (401, Some("PGRST301"), Fault::Denied),
            (403, Some("42501"), Fault::Denied),
            (403, Some("28000"), Fault::Denied),
            (405, Some("25006"), Fault::Down),
            (402, None, Fault::Restricted),
            (540, None, Fault::Restricted),
            (401, None, Fault::Denied),
            (413, None, Fault::TooLarge),
            (429, None, Fault::Down),
            (502, None, Fault::Down),
            (522, None, Fault::Down),
            (544, None, Fault::Down),
            (400, None, Fault::Request),
            (404, None, Fault::Request),
        ];
        for (status, code, fault) in cases {
            assert_eq!(classify(status, code), fault, "{status} {code:?}");
        }
    }

    #[test]
    fn retry_after_is_read_in_seconds() {
        assert_eq!(retry_after(Some(" 7 ")), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(Some("Wed, 21 Oct 2026 07:28:00 GMT")), None);
        assert_eq!(retry_after(None), None);
    }
}
