//! The settings of a running stack: the variables of `.local/env`, and the same as a type.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::servers::private_file;

/// The addresses, names and keys of a running stack. Each field is the variable of the same name in capitals.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Settings {
    /// The folder that the stack lives in.
    pub stack_dir: String,
    /// Postgres, as the role `postgres`.
    pub database_url: String,
    /// The gateway: the project's URL, without `/rest/v1`.
    pub supabase_url: String,
    /// The key of the role `service_role`.
    pub supabase_secret_key: String,
    /// The key of the role `anon`.
    pub supabase_publishable_key: String,
    /// Signs JWTs (HS256) that the project trusts.
    pub supabase_jwt_secret: String,
    /// The two users who can sign in.
    #[serde(flatten)]
    pub people: People,
    /// Faults, the record of requests, and stopping and starting of servers: see [`control`](crate::control).
    pub control_url: String,
    /// The Sheets server, and what only exists with it.
    #[serde(flatten)]
    pub sheet: Option<SheetSettings>,
    /// ministack, and what is deployed to it; none in a stack that was started without.
    #[serde(flatten)]
    pub aws: Option<AwsSettings>,
}

/// Who can sign in to the project. Each has a ready-made access token, for those who do not want to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct People {
    /// May read the API.
    pub reader_email: String,
    /// Made up when the stack started.
    pub reader_password: String,
    /// An access token.
    pub reader_jwt: String,
    /// May also act.
    pub operator_email: String,
    /// Made up when the stack started.
    pub operator_password: String,
    /// An access token.
    pub operator_jwt: String,
}

/// The Sheets server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct SheetSettings {
    /// In place of `https://sheets.googleapis.com`.
    pub sheets_base_url: String,
    /// In place of `https://www.googleapis.com`.
    pub drive_base_url: String,
    /// The spreadsheet that it serves from the start.
    pub spreadsheet_id: String,
    /// The service account's JSON key.
    pub google_application_credentials: String,
}

/// ministack and the deployed template.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct AwsSettings {
    /// ministack.
    pub aws_endpoint_url: String,
    /// The region that it plays.
    pub aws_region: String,
    /// The same, for tools that look here.
    pub aws_default_region: String,
    /// Any account number will do.
    pub aws_access_key_id: String,
    /// Anything will do.
    pub aws_secret_access_key: String,
    /// The CloudFormation stack.
    pub stack_name: String,
    /// The HTTP API.
    pub api_url: String,
    /// Name of the function.
    pub scheduler_function: String,
    /// Name of the function.
    pub worker_function: String,
    /// Name of the function.
    pub status_function: String,
    /// Name of the schedule.
    pub schedule_name: String,
    /// The batches.
    pub queue_url: String,
    /// The dead letters.
    pub dlq_url: String,
    /// The breaker's table.
    pub control_table: String,
    /// Name of the secret.
    pub supabase_secret_id: String,
    /// Name of the secret.
    pub google_secret_id: String,
    /// Name of the secret.
    pub tokens_secret_id: String,
    /// May read the API.
    pub reader_token: String,
    /// May also act.
    pub operator_token: String,
    /// The folder where the deployed functions look for `NAME.toml`; none if they use the one in their package.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub definitions_dir: Option<String>,
}

impl Settings {
    /// Those of the stack that this process was started under (`local run -- …`, or a shell that read `.local/env`).
    pub fn from_env() -> Result<Self> {
        let variables: serde_json::Map<_, _> =
            std::env::vars().map(|(name, value)| (name, serde_json::Value::String(value))).collect();
        serde_json::from_value(variables.into())
            .context("no local stack: use `make test`, or `make up` and then `. .local/env`")
    }

    /// As variables for a process.
    pub fn variables(&self) -> Result<BTreeMap<String, String>> {
        Ok(serde_json::from_value(serde_json::to_value(self)?)?)
    }

    /// Writes the file that a shell can source, readable by its owner only, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<()> {
        let new = path.with_extension("new");
        let mut file = private_file(&new)?;
        writeln!(file, "# The local stack; written when it starts, removed when it stops.")?;
        for (name, value) in self.variables()? {
            writeln!(file, "export {name}={}", quoted(&value))?;
        }
        fs::rename(&new, path).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A value as one word of a POSIX shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_aws() -> Settings {
        Settings {
            stack_dir: "/a b/it's".into(),
            database_url: "postgres://".into(),
            supabase_url: "http://127.0.0.1:1".into(),
            supabase_secret_key: "sb_secret_$HOME".into(),
            supabase_publishable_key: String::new(),
            supabase_jwt_secret: String::new(),
            people: People {
                reader_email: String::new(),
                reader_password: String::new(),
                reader_jwt: String::new(),
                operator_email: String::new(),
                operator_password: String::new(),
                operator_jwt: String::new(),
            },
            control_url: String::new(),
            sheet: None,
            aws: None,
        }
    }

    #[test]
    fn a_shell_reads_back_exactly_what_was_written() {
        let path = std::env::temp_dir().join(format!("sheetsync-env-{}", std::process::id()));
        without_aws().write(&path).unwrap();
        let script = format!(". {}; printf '%s|%s' \"$STACK_DIR\" \"$SUPABASE_SECRET_KEY\"", path.display());
        let shell = std::process::Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(shell.stdout).unwrap(), "/a b/it's|sb_secret_$HOME");
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_a_stack_does_not_have_is_not_there() {
        let variables = without_aws().variables().unwrap();
        assert!(!variables.contains_key("QUEUE_URL") && !variables.contains_key("SPREADSHEET_ID"));
        let back: Settings = serde_json::from_value(serde_json::to_value(variables).unwrap()).unwrap();
        assert!(back.aws.is_none() && back.sheet.is_none());
    }
}
