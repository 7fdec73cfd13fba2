//! Asks for confirmation before an action that cannot be undone.

use std::io::{IsTerminal as _, Write as _};

use crate::error::CommandError;

/// Whether the person confirms, at the terminal or by an option. Without a terminal the answer is no.
/// no consent.
pub fn confirmed(question: &str, yes: bool) -> Result<bool, CommandError> {
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err(CommandError::NobodyToAsk);
    }
    print!("{question} [y/N] ");
    std::io::stdout().flush().map_err(CommandError::Terminal)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(CommandError::Terminal)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Who is at the terminal, for what records who did it.
pub fn who() -> String {
    let user = std::env::var("USER").unwrap_or_else(|_| "somebody".to_owned());
    format!("{user} (sheetsync)")
}
