//! Errors in the columns of a definition.

use std::fmt;

use super::column::Column;

/// Something that the columns of a definition say and that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionProblem {
    /// The column of the table, where it is one column's fault.
    pub column: Option<String>,
    /// The option at fault.
    pub option: Option<&'static str>,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for DefinitionProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        if let Some(column) = &self.column {
            write!(formatter, "column {column:?}: ")?;
        }
        if let Some(option) = self.option {
            write!(formatter, "`{option}` ")?;
        }
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for DefinitionProblem {}

impl DefinitionProblem {
    pub(super) fn of(column: &Column, option: &'static str, message: impl Into<String>) -> Self {
        Self { column: Some(column.column.clone()), option: Some(option), message: message.into() }
    }
}
