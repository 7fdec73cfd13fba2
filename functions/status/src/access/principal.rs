//! An authenticated caller: a person or a program, and its role.

use serde::Serialize;
use utoipa::ToSchema;

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Principal {
    /// The e-mail address of a person, or the fingerprint of a service token.
    pub name: String,
    pub role: Role,
    pub kind: Kind,
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads everything, changes nothing.
    Reader,
    /// May also act.
    Operator,
}

/// How a caller authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A person, signed in with Supabase Auth.
    User,
    /// A program with a service token.
    Service,
}
