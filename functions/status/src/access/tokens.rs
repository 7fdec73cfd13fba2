//! Service tokens, with which monitors and scripts authenticate. Only their SHA-256 is stored.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::principal::{Kind, Principal, Role};
use crate::error::ApiError;

/// The SHA-256 hashes of the service tokens, in lower-case hex.
#[derive(Debug, Deserialize)]
pub struct Tokens {
    readers: Vec<String>,
    operators: Vec<String>,
}

impl Tokens {
    /// Reads the secret `TOKENS_SECRET_ID`.
    pub fn from_json(secret: &SecretString) -> Result<Self, ApiError> {
        serde_json::from_str(secret.expose_secret()).map_err(|_| ApiError::BadTokensSecret)
    }

    /// Whose token this is. Takes as long for a wrong token as for a right one.
    pub fn holder(&self, token: &str) -> Option<Principal> {
        let hash = sha256(token);
        let is_among = |known: &[String]| {
            known.iter().fold(false, |found, known| found | bool::from(known.as_bytes().ct_eq(hash.as_bytes())))
        };
        let (reads, acts) = (is_among(&self.readers), is_among(&self.operators));
        (reads | acts).then(|| Principal {
            // Enough to distinguish tokens in the audit log, too little to authenticate with.
            name: format!("service token {}", &hash[..8]),
            role: if acts { Role::Operator } else { Role::Reader },
            kind: Kind::Service,
        })
    }
}

/// The hash of a token, in lower-case hex.
fn sha256(token: &str) -> String {
    Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_holders_of_a_known_token_pass_with_their_role() {
        let secret = format!(r#"{{"readers":["{}"],"operators":["{}"]}}"#, sha256("reader"), sha256("operator"));
        let tokens = Tokens::from_json(&SecretString::from(secret)).unwrap();
        assert_eq!(tokens.holder("reader").unwrap().role, Role::Reader);
        assert_eq!(tokens.holder("operator").unwrap().role, Role::Operator);
        for wrong in ["readers", "", &sha256("reader")] {
            assert!(tokens.holder(wrong).is_none());
        }
    }

    #[test]
    fn a_secret_of_another_form_is_refused() {
        assert!(Tokens::from_json(&SecretString::from("reader")).is_err());
    }
}
