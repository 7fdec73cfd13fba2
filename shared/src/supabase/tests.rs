//! What the client makes of answers, by examples of the protocol (docs/PROTOCOL.md, "Functions").

use super::*;

fn refused(status: u16, code: &str) -> SupabaseError {
    let body = classify::Body { code: Some(code.to_owned()), message: "value of Mr Tanaka".to_owned() };
    SupabaseError::refused("sync_apply", status, body, None)
}

#[test]
fn a_message_is_repeated_only_when_the_schema_has_drifted() {
    for (status, code) in
        [(400, "22P02"), (409, "23505"), (500, "P0002"), (500, "XX000"), (403, "42501"), (503, "53300")]
    {
        let error = refused(status, code);
        assert!(!format!("{error} {error:?}").contains("Tanaka"), "{error:?}");
        assert_eq!(error.code(), code);
    }
    assert!(refused(404, "42P01").to_string().contains("Tanaka"), "what is missing is named");
}
