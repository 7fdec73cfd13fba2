//! The keys, passwords and tokens of one stack, made up when it starts.

use anyhow::Result;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The secrets of one stack.
#[derive(Clone)]
pub struct Keys {
    /// Password of every database role that can log in.
    pub database_password: String,
    /// Signs the JWTs that PostgREST trusts (HS256), as in an older Supabase project.
    pub jwt_secret: String,
    /// Stands for the role `service_role`.
    pub secret_key: String,
    /// Stands for the role `anon`.
    pub publishable_key: String,
    /// A service token that may read the status API.
    pub reader_token: String,
    /// A service token that may also act.
    pub operator_token: String,
    /// With which the user who may read signs in.
    pub reader_password: String,
    /// With which the user who may act signs in.
    pub operator_password: String,
}

impl Keys {
    /// New ones.
    pub fn generate() -> Self {
        let random = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        Self {
            database_password: random(),
            jwt_secret: random(),
            secret_key: format!("sb_secret_{}", random()),
            publishable_key: format!("sb_publishable_{}", random()),
            reader_token: format!("reader_{}", random()),
            operator_token: format!("operator_{}", random()),
            reader_password: Uuid::new_v4().simple().to_string(),
            operator_password: Uuid::new_v4().simple().to_string(),
        }
    }

    /// A JWT for a database role, as Supabase signs those of `anon` and `service_role`: good for ten years.
    pub fn jwt(&self, role: &str) -> Result<String> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
        let claims = serde_json::json!({"iss": "supabase", "role": role, "iat": now, "exp": now + 10 * 365 * 86_400});
        let key = EncodingKey::from_secret(self.jwt_secret.as_bytes());
        Ok(jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)?)
    }
}

/// The SHA-256 of a token in hexadecimal, which is all that the deployed functions are given of it.
pub fn fingerprint(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
