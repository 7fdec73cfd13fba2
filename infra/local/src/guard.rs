//! The process that cleans up after a stack that was killed and so could not do it itself.
//!
//! The stack starts a guard and holds the only writing end of the guard's input. However the stack ends, the kernel
//! closes that end, and the guard stops every server that is still in the register. After an orderly stop the
//! register is empty and there is nothing to do.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::servers::Register;

/// How long the servers of a killed stack get to stop by themselves.
const PATIENCE: Duration = Duration::from_secs(3);

/// The stack's hold on its guard; the guard acts when this is dropped, by us or by the kernel.
#[derive(Debug)]
pub struct Guard {
    child: Child,
}

impl Guard {
    /// Starts the guard of the stack in `dir`: this program again, with the argument `guard`.
    pub fn start(dir: &Path) -> Result<Self> {
        use std::os::unix::process::CommandExt;
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let child = Command::new(program)
            .arg("guard")
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start the guard")?;
        Ok(Self { child })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// What the guard process does: wait for the stack's end, then sweep.
pub fn watch(dir: &Path) {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    Register::of(dir).sweep(PATIENCE);
}
