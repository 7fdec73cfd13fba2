//! Who can be known: a person or a program, who reads or also acts.

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
    /// May read.
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
