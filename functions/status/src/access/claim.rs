//! Which claim in a person's token gives a role: `app_metadata.role=operator`, from the function's settings.

use serde_json::Value;

/// A place in the claims, and what must stand there: the value itself, or a list that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    path: Vec<String>,
    value: String,
}

/// Why a setting names no claim.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// It has another form.
    #[error("{0:?} is no claim; write it as app_metadata.role=operator")]
    Malformed(String),
    /// Everybody can give it to themselves.
    #[error("{0:?} is no claim to trust: users write their own user_metadata; use app_metadata")]
    WrittenByUsers(String),
    /// It is not said who may read.
    #[error("READER_CLAIM is empty; write app_metadata.role=reader, or * for everybody who can sign in")]
    NoReaders,
}

impl Claim {
    /// Reads `path.to.claim=value`.
    ///
    /// # Errors
    /// When it has another form, or lies in `user_metadata`, which users can change themselves.
    pub fn parse(text: &str) -> Result<Self, ClaimError> {
        let malformed = || ClaimError::Malformed(text.to_owned());
        let (path, value) = text.split_once('=').ok_or_else(malformed)?;
        let path: Vec<String> = path.split('.').map(|part| part.trim().to_owned()).collect();
        let value = value.trim().to_owned();
        if value.is_empty() || path.iter().any(String::is_empty) {
            return Err(malformed());
        }
        if path[0] == "user_metadata" {
            return Err(ClaimError::WrittenByUsers(text.to_owned()));
        }
        Ok(Self { path, value })
    }

    /// Whether the claims have it.
    #[must_use]
    pub fn is_in(&self, claims: &Value) -> bool {
        let found = self.path.iter().try_fold(claims, |claims, part| claims.get(part));
        match found {
            Some(Value::Array(values)) => values.iter().any(|value| self.is(value)),
            Some(value) => self.is(value),
            None => false,
        }
    }

    fn is(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => *text == self.value,
            Value::Bool(flag) => flag.to_string() == self.value,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claim_matches_text_flag_and_list_only() {
        let operator = Claim::parse("app_metadata.role=operator").unwrap();
        let cases = [
            (json!({"app_metadata": {"role": "operator"}}), true),
            (json!({"app_metadata": {"role": ["reader", "operator"]}}), true),
            (json!({"app_metadata": {"role": "Operator"}}), false),
            (json!({"app_metadata": {"role": "operators"}}), false),
            (json!({"app_metadata": {"role": {"operator": true}}}), false),
            (json!({"app_metadata": "role"}), false),
            (json!({"app_metadata.role": "operator"}), false),
            (json!({"user_metadata": {"role": "operator"}}), false),
            (json!({"role": "operator"}), false),
            (json!({}), false),
        ];
        for (claims, expected) in cases {
            assert_eq!(operator.is_in(&claims), expected, "{claims}");
        }
        assert!(Claim::parse("app_metadata.staff=true").unwrap().is_in(&json!({"app_metadata": {"staff": true}})));
    }

    #[test]
    fn malformed_and_untrusted_claims_are_refused() {
        for text in ["operator", "=operator", "app_metadata.role=", "app_metadata..role=x"] {
            assert!(matches!(Claim::parse(text), Err(ClaimError::Malformed(_))), "{text}");
        }
        let theirs = Claim::parse("user_metadata.role=operator");
        assert!(matches!(theirs, Err(ClaimError::WrittenByUsers(_))));
    }
}
