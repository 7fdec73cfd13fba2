//! A pseudo-terminal, because the command asks only at a terminal.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use anyhow::Result;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Runs a command with a terminal as its input, into which `answer` has been typed.
pub fn run(mut command: Command, answer: &str) -> Result<Output> {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&person)?;
    unlockpt(&person)?;
    let name = ptsname(&person, Vec::new())?;
    let terminal = OpenOptions::new().read(true).write(true).open(name.to_str()?)?;
    let mut person = File::from(person);
    writeln!(person, "{answer}")?;
    // The person stays until the command has ended.
    let output = command.stdin(Stdio::from(terminal)).output()?;
    drop(person);
    Ok(output)
}
