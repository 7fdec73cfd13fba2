//! A function's settings, which come from its environment (docs/PROTOCOL.md, "Environment of the functions").

/// A setting that is missing.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {name} is not set; template.yaml sets it, or source .local/env")]
pub struct MissingSetting {
    name: &'static str,
}

/// A setting that is no number.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {name} must be a number above 0, and is {value:?}")]
pub struct BadSetting {
    name: &'static str,
    value: String,
}

/// A number above 0, or what it is when it is not set.
///
/// # Errors
/// When it is something else.
pub fn number(name: &'static str, default: f64) -> Result<f64, BadSetting> {
    let Some(value) = optional(name) else { return Ok(default) };
    match value.parse() {
        Ok(number) if f64::is_finite(number) && number > 0.0 => Ok(number),
        _ => Err(BadSetting { name, value }),
    }
}

/// The value of a variable that must be set.
///
/// # Errors
/// When it is not set, or empty.
pub fn required(name: &'static str) -> Result<String, MissingSetting> {
    optional(name).ok_or(MissingSetting { name })
}

/// The value of a variable, unless it is not set or empty.
#[must_use]
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The variable as a number; `None` if it is not set, or invalid, which is logged.
#[must_use]
pub fn parsed<N: std::str::FromStr>(name: &str) -> Option<N> {
    let text = optional(name)?;
    let number = text.parse().ok();
    if number.is_none() {
        tracing::warn!(name, "the environment variable is not a valid number; using the default");
    }
    number
}
