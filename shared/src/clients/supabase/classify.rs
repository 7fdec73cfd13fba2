//! Classifies the error answers of Supabase REST: what failed, and who must act. The code in the body decides, and the HTTP
//! status only where there is none: PostgREST answers a statement timeout with 500 and a missing column with 400.

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
    /// A row is at fault that `sync_apply` should have isolated.
    Row,
    /// Table, column or function is missing: the schema has drifted, or a migration was not applied.
    Drift,
    /// The body is larger than something on the way accepts: split the batch.
    TooLarge,
    /// The request itself is wrong; repeating it changes nothing.
    Request,
}

impl Fault {
    /// Whether the fault is transient: the same request may succeed later.
    #[must_use]
    pub fn passes(self) -> bool {
        matches!(self, Self::Down | Self::Contended | Self::StatementTimeout)
    }

    /// Whether every call is refused until a person acts: the key is no good, or the project is restricted or paused.
    #[must_use]
    pub fn needs_a_person(self) -> bool {
        matches!(self, Self::Restricted | Self::Denied)
    }

    /// Its name in logs and in `sync_errors.error_type` (docs/PROTOCOL.md).
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

/// Classifies an answer: by its code when it has one that is known, by its HTTP status only when it has none.
///
/// A SQLSTATE is never judged by the status that PostgREST gives it. A trigger of the target may raise any SQLSTATE, and
/// PostgREST turns `P0002`, `38000` or `XX000` into 500 and `PT402` into 402: taken for an outage, one row would open the
/// breaker for every sync (docs/PROMISES.md, promise 4).
#[must_use]
pub fn classify(status: u16, code: Option<&str>) -> Fault {
    match code {
        Some(code) if is_sqlstate(code) => by_sqlstate(code),
        Some("PGRST000" | "PGRST001" | "PGRST002" | "PGRST003") => Fault::Down,
        Some(code) if code.starts_with("PGRST20") => Fault::Drift,
        Some(code) if code.starts_with("PGRST30") => Fault::Denied,
        _ => by_status(status),
    }
}

/// Postgres' own codes (its manual, appendix A). Whole classes where all of a class mean the same; what is not listed is
/// the fault of the request that caused it.
fn by_sqlstate(code: &str) -> Fault {
    match (code, &code[..2]) {
        ("57014", _) => Fault::StatementTimeout,
        ("55P03", _) | (_, "40") => Fault::Contended,
        (_, "08" | "25" | "53" | "57" | "58") => Fault::Down,
        ("42501", _) | (_, "28") => Fault::Denied,
        ("42P01" | "42703" | "42883", _) => Fault::Drift,
        (_, "22" | "23" | "P0") => Fault::Row,
        _ => Fault::Request,
    }
}

/// What a gateway in front of Postgres means, or PostgREST where it has no code of its own for it.
fn by_status(status: u16) -> Fault {
    match status {
        402 | 540 => Fault::Restricted,
        401 | 403 => Fault::Denied,
        413 => Fault::TooLarge,
        408 | 429 | 500.. => Fault::Down,
        _ => Fault::Request,
    }
}

/// Five digits or capital letters; PostgREST's own codes are longer.
fn is_sqlstate(code: &str) -> bool {
    code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
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
            (500, Some("PGRST300"), Fault::Denied),
            (300, Some("PGRST203"), Fault::Drift),
            (400, Some("PGRST102"), Fault::Request),
            (500, Some("PGRSTX00"), Fault::Down),
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

    /// One SQLSTATE of every class of appendix A of Postgres' manual, those of FACTS and of earlier faults besides, and some
    /// that only `raise` can make.
    const SQLSTATES: [(&str, Fault); 63] = [
        ("01000", Fault::Request),
        ("02000", Fault::Request),
        ("03000", Fault::Request),
        ("08006", Fault::Down),
        ("09000", Fault::Request),
        ("0A000", Fault::Request),
        ("0B000", Fault::Request),
        ("0F001", Fault::Request),
        ("0L000", Fault::Request),
        ("0P000", Fault::Request),
        ("0Z002", Fault::Request),
        ("10608", Fault::Request),
        ("20000", Fault::Request),
        ("21000", Fault::Request),
        ("22P02", Fault::Row),
        ("23505", Fault::Row),
        ("24000", Fault::Request),
        ("25006", Fault::Down),
        ("25P02", Fault::Down),
        ("26000", Fault::Request),
        ("27000", Fault::Request),
        ("28P01", Fault::Denied),
        ("2B000", Fault::Request),
        ("2D000", Fault::Request),
        ("2F005", Fault::Request),
        ("34000", Fault::Request),
        ("38000", Fault::Request),
        ("39000", Fault::Request),
        ("3B001", Fault::Request),
        ("3D000", Fault::Request),
        ("3F000", Fault::Request),
        ("40001", Fault::Contended),
        ("40P01", Fault::Contended),
        ("42501", Fault::Denied),
        ("42601", Fault::Request),
        ("42703", Fault::Drift),
        ("42804", Fault::Request),
        ("42883", Fault::Drift),
        ("42P01", Fault::Drift),
        ("44000", Fault::Request),
        ("53300", Fault::Down),
        ("54011", Fault::Request),
        ("55000", Fault::Request),
        ("55P03", Fault::Contended),
        ("57014", Fault::StatementTimeout),
        ("57P01", Fault::Down),
        ("58030", Fault::Down),
        ("72000", Fault::Request),
        ("F0000", Fault::Request),
        ("HV000", Fault::Request),
        ("P0001", Fault::Row),
        ("P0002", Fault::Row),
        ("P0003", Fault::Row),
        ("P0004", Fault::Row),
        ("XX000", Fault::Request),
        ("XX001", Fault::Request),
        ("PT402", Fault::Request),
        ("PT403", Fault::Request),
        ("PT413", Fault::Request),
        ("PT503", Fault::Request),
        ("SY001", Fault::Request),
        ("ABCDE", Fault::Request),
        ("99999", Fault::Request),
    ];

    #[test]
    fn a_sqlstate_means_the_same_under_every_status() {
        for (code, fault) in SQLSTATES {
            for status in [400, 401, 402, 403, 404, 409, 413, 429, 500, 503, 540] {
                assert_eq!(classify(status, Some(code)), fault, "{status} {code}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn an_unknown_sqlstate_is_never_the_destinations_fault(code in "[0-9A-Z]{5}", status in 300..600_u16) {
            let is_known = ["08", "25", "28", "40", "53", "57", "58"].contains(&&code[..2]) || code == "42501";
            let fault = classify(status, Some(&code));
            proptest::prop_assert_eq!(fault == Fault::Down || fault.needs_a_person() || fault.passes(), is_known || code == "55P03");
        }
    }

    #[test]
    fn what_is_no_sqlstate_is_judged_by_the_status() {
        for code in ["error", "E1", "TOOLONG", "ＡＢＣＤＥ", ""] {
            assert_eq!(classify(503, Some(code)), Fault::Down, "{code}");
            assert_eq!(classify(402, Some(code)), Fault::Restricted, "{code}");
            assert_eq!(classify(404, Some(code)), Fault::Request, "{code}");
        }
    }

    #[test]
    fn retry_after_is_read_in_seconds() {
        assert_eq!(retry_after(Some(" 7 ")), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(Some("Wed, 21 Oct 2026 07:28:00 GMT")), None);
        assert_eq!(retry_after(None), None);
    }
}
