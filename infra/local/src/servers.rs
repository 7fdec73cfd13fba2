//! The server processes of the stack: starting, stopping, and making sure that none outlives it.
//!
//! Every server runs in a process group of its own, so that what it starts (the functions' bootstraps, say) goes with
//! it, and a Ctrl-C in the terminal reaches the stack alone, which then stops the servers in order. Each is entered in
//! the [`Register`], a file from which the [`guard`](crate::guard) and the next start find what a killed stack left.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

const POLL: Duration = Duration::from_millis(50);

/// How to start one server, again and again.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Its name in messages, in the register and of its log file.
    pub name: &'static str,
    /// The program, as an absolute path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment but for PATH, HOME and the like: what the caller's shell holds stays out.
    pub env: BTreeMap<String, String>,
    /// The user and group to run as, if not our own.
    pub user: Option<(u32, u32)>,
    /// The signal that asks it to stop.
    pub stop: Signal,
}

impl Recipe {
    /// A server that runs as ourselves, without arguments, and stops on SIGTERM.
    pub fn new(name: &'static str, program: impl Into<PathBuf>) -> Self {
        Self { name, program: program.into(), args: Vec::new(), env: BTreeMap::new(), user: None, stop: Signal::TERM }
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds variables to the environment.
    pub fn env<V: ToString>(mut self, variables: impl IntoIterator<Item = (&'static str, V)>) -> Self {
        self.env.extend(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_string())));
        self
    }

    /// The command, with its output appended to `log`.
    pub fn command(&self, log: &Path) -> Result<Command> {
        let out = OpenOptions::new().create(true).append(true).open(log).with_context(|| at("open", log))?;
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear().envs(inherited()).envs(&self.env).stdin(Stdio::null());
        command.stdout(out.try_clone()?).stderr(out);
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        Ok(command)
    }
}

/// The variables that every program gets from our environment; the others are not passed on.
pub fn inherited() -> impl Iterator<Item = (OsString, OsString)> {
    ["PATH", "HOME", "TMPDIR", "LANG", "TZ", "SSL_CERT_FILE"]
        .into_iter()
        .filter_map(|name| Some((name.into(), std::env::var_os(name)?)))
}

/// A server that was started.
#[derive(Debug)]
pub struct Server {
    recipe: Recipe,
    log: PathBuf,
    register: Register,
    child: Child,
    group: Pid,
}

impl Server {
    /// Starts a server; it is not yet ready when this returns.
    pub fn start(recipe: Recipe, logs: &Path, register: &Register) -> Result<Self> {
        let log = logs.join(format!("{}.log", recipe.name));
        let (child, group) = spawn(&recipe, &log, register)?;
        Ok(Self { recipe, log, register: register.clone(), child, group })
    }

    /// Starts it again after it was stopped or killed.
    pub async fn start_again(&mut self) -> Result<()> {
        self.stop(Duration::from_secs(10)).await?;
        (self.child, self.group) = spawn(&self.recipe, &self.log, &self.register)?;
        Ok(())
    }

    /// Sends a signal to the server and all that it started.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        match kill_process_group(self.group, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("signal {}", self.recipe.name)),
        }
    }

    /// Asks the server to stop, insists after `patience`, and returns when it is gone.
    pub async fn stop(&mut self, patience: Duration) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            // A server that a test has paused could not hear.
            self.signal(Signal::CONT)?;
            self.signal(self.recipe.stop)?;
            if tokio::time::timeout(patience, self.child.wait()).await.is_err() {
                self.signal(Signal::KILL)?;
                self.child.wait().await?;
            }
        }
        // The leader is gone; whatever it left in its group goes too.
        self.signal(Signal::KILL)
    }

    /// Kills the server and all that it started, and returns when it is gone.
    pub async fn kill(&mut self) -> Result<()> {
        self.signal(Signal::KILL)?;
        self.child.wait().await?;
        Ok(())
    }

    /// Waits until `ready` says so; fails with the end of the log when the server dies or takes longer than `patience`.
    pub async fn ready<F: Future<Output = bool>>(&mut self, patience: Duration, ready: impl Fn() -> F) -> Result<()> {
        let deadline = Instant::now() + patience;
        while !ready().await {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} stopped at once ({status}); {}", self.recipe.name, last_lines(&self.log));
            }
            if Instant::now() > deadline {
                bail!("{} is not ready after {patience:?}; {}", self.recipe.name, last_lines(&self.log));
            }
            sleep(POLL).await;
        }
        Ok(())
    }
}

fn spawn(recipe: &Recipe, log: &Path, register: &Register) -> Result<(Child, Pid)> {
    register.spawn(recipe.name, &mut recipe.command(log)?, recipe.stop)
}

/// Runs a command to its end, with its output in `log`. Interrupted, it ends with all that it started.
pub async fn run(mut command: Command, name: &str, log: &Path, register: &Register) -> Result<()> {
    let out = File::create(log).with_context(|| at("write", log))?;
    command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
    let (mut child, _) = register.spawn(name, &mut command, Signal::TERM)?;
    let status = child.wait().await?;
    ensure!(status.success(), "{name} failed ({status}); {}", last_lines(log));
    Ok(())
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(15).collect();
    format!("the end of {}:\n{}", log.display(), lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
}

fn at(what: &str, path: &Path) -> String {
    format!("cannot {what} {}", path.display())
}

/// The file that lists every process group of a stack.
#[derive(Clone, Debug)]
pub struct Register {
    file: PathBuf,
}

/// One line of the register. The start time distinguishes a process from a later one with the same id.
#[derive(Debug, PartialEq)]
struct Entry {
    pid: i32,
    started: u64,
    stop: i32,
}

impl Register {
    /// The register of the stack that lives in `dir`.
    pub fn of(dir: &Path) -> Self {
        Self { file: dir.join("processes") }
    }

    /// Starts a command in a process group of its own, and enters that.
    pub fn spawn(&self, name: &str, command: &mut Command, stop: Signal) -> Result<(Child, Pid)> {
        let child = command.process_group(0).spawn().with_context(|| format!("cannot start {name}"))?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).context("a new process has an id")?;
        // A process that is gone already needs no entry.
        if let Some(started) = started_at(pid) {
            let mut file = OpenOptions::new().create(true).append(true).open(&self.file)?;
            writeln!(file, "{} {started} {} {name}", pid.as_raw_nonzero(), stop.as_raw())?;
        }
        Ok((child, pid))
    }

    fn entries(&self) -> Vec<Entry> {
        let parse = |line: &str| {
            let mut fields = line.split(' ');
            let mut next = || fields.next();
            Some(Entry { pid: next()?.parse().ok()?, started: next()?.parse().ok()?, stop: next()?.parse().ok()? })
        };
        fs::read_to_string(&self.file).unwrap_or_default().lines().filter_map(parse).collect()
    }

    /// Stops whatever of the register still runs, politely and then not, and empties the register.
    pub fn sweep(&self, patience: Duration) {
        let alive = |entry: &Entry| {
            let pid = Pid::from_raw(entry.pid)?;
            (started_at(pid)? == entry.started).then_some(pid)
        };
        let entries = self.entries();
        for entry in &entries {
            if let (Some(pid), Some(signal)) = (alive(entry), Signal::from_named_raw(entry.stop)) {
                let _ = kill_process_group(pid, Signal::CONT);
                let _ = kill_process_group(pid, signal);
            }
        }
        let deadline = std::time::Instant::now() + patience;
        while std::time::Instant::now() < deadline && entries.iter().any(|entry| alive(entry).is_some()) {
            std::thread::sleep(POLL);
        }
        for pid in entries.iter().filter_map(alive) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = fs::remove_file(&self.file);
    }
}

/// When a process was started, in clock ticks since the machine's start; `None` if there is no such process, or only
/// a zombie.
pub fn started_at(pid: Pid) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The second field is the program's name in parentheses, which may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Opens a file that only we may read, for keys and passwords.
pub fn private_file(path: &Path) -> Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let _ = fs::remove_file(path);
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).with_context(|| at("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("sheetsync-servers-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[tokio::test]
    async fn sweep_kills_a_stubborn_server_and_its_children() {
        let dir = directory("sweep");
        let register = Register::of(&dir);
        let script = "trap '' TERM; sleep 600 & echo $! > child; wait; wait";
        let recipe = Recipe::new("stubborn", "/bin/sh").args(["-c", &format!("cd {}; {script}", dir.display())]);
        let mut server = Server::start(recipe, &dir, &register).unwrap();
        let child = dir.join("child");
        server.ready(Duration::from_secs(10), async || child.metadata().is_ok_and(|it| it.len() > 1)).await.unwrap();
        let grandchild = fs::read_to_string(&child).unwrap().trim().parse().ok().and_then(Pid::from_raw).unwrap();

        tokio::task::spawn_blocking(move || register.sweep(Duration::from_millis(200))).await.unwrap();

        server.child.wait().await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while started_at(grandchild).is_some() {
            assert!(Instant::now() < deadline, "the grandchild still runs");
            sleep(POLL).await;
        }
        assert!(!dir.join("processes").exists());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn sweep_spares_another_process_with_the_same_id() {
        let dir = directory("reused");
        let register = Register::of(&dir);
        let own = Pid::from_raw(std::process::id().cast_signed()).unwrap();
        fs::write(&register.file, format!("{} 1 15 other\n", own.as_raw_nonzero())).unwrap();
        register.sweep(Duration::ZERO);
        fs::remove_dir_all(dir).unwrap();
    }

    #[tokio::test]
    async fn server_that_dies_while_starting_reports_its_last_log_lines() {
        let dir = directory("dies");
        let recipe = Recipe::new("shortlived", "/bin/sh").args(["-c", "echo no such file; exit 3"]);
        let mut server = Server::start(recipe, &dir, &Register::of(&dir)).unwrap();
        let error = server.ready(Duration::from_secs(10), async || false).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("no such file"), "{error}");
        fs::remove_dir_all(dir).unwrap();
    }
}
