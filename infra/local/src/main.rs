//! `local`: the local stack for people and for `make`. See `make help` for the short way to say these things.

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Parser, Subcommand};
use rustix::process::{Pid, Signal, kill_process};
use sheetsync_local::stack::{Lock, say};
use sheetsync_local::{Deployment, Plan, Stack, guard};
use tokio::signal::unix::{SignalKind, signal};

/// Every real component of Sheetsync on this machine
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts the stack and stays in front until Ctrl-C
    Up {
        #[command(flatten)]
        options: Options,
        /// Leave it running in the background
        #[arg(long)]
        detach: bool,
        /// Without ministack: the database, its REST API and the Sheets server only
        #[arg(long)]
        without_aws: bool,
    },
    /// Stops the stack
    Down(Place),
    /// Says whether the stack runs
    Status(Place),
    /// Starts the stack afresh, shows what Sheetsync does, and leaves the stack running
    Demo(Options),
    /// Starts a stack for tests or measurements, runs a command in its environment, stops it
    Run {
        #[command(flatten)]
        options: Options,
        /// The functions as the cloud gets them, without limits on reads and requests
        #[arg(long)]
        benchmarks: bool,
        /// The command and its arguments
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Waits for the end of the process that started it, then stops its servers
    #[command(hide = true)]
    Guard { dir: PathBuf },
}

#[derive(Args, Clone)]
struct Place {
    /// The folder that the stack lives in
    #[arg(long, default_value = ".local")]
    dir: PathBuf,
}

#[derive(Args, Clone)]
struct Options {
    #[command(flatten)]
    place: Place,
    /// Rows of the sheet of listings
    #[arg(long, default_value_t = 1_000)]
    rows: u32,
    /// Columns of the sheet of listings
    #[arg(long, default_value_t = 22)]
    columns: usize,
    /// Equal seeds make equal sheets
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Options {
    fn sheet(&self) -> sheetsync_demo::Options {
        sheetsync_demo::Options { seed: self.seed, rows: self.rows, columns: self.columns }
    }

    fn plan(&self, deployment: Option<Deployment>) -> Plan {
        Plan { dir: self.place.dir.clone(), sheet: self.sheet(), deployment }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match act(Arguments::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("local: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn act(command: Command) -> Result<ExitCode> {
    match command {
        Command::Up { options, detach: true, .. } if Lock::holder(&options.place.dir)?.is_some() => {
            say("the stack runs already");
            print_addresses(&options.place.dir);
        }
        Command::Up { options, detach: true, without_aws } => detach(&options, without_aws)?,
        Command::Up { options, detach: false, without_aws } => {
            up(&options.plan((!without_aws).then(Deployment::for_people))).await?;
        }
        Command::Down(place) => down(&place.dir)?,
        Command::Status(place) => match Lock::holder(&place.dir)? {
            Some(_) => print_addresses(&place.dir),
            None => say("no stack runs"),
        },
        Command::Demo(options) => demo(&options).await?,
        Command::Run { options, benchmarks, command } => {
            let deployment = if benchmarks { Deployment::for_benchmarks() } else { Deployment::for_tests() };
            return run(&options.plan(Some(deployment)), &command).await;
        }
        Command::Guard { dir } => tokio::task::spawn_blocking(move || guard::watch(&dir)).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts the stack and keeps it until it is asked to stop.
async fn up(plan: &Plan) -> Result<()> {
    let mut stop = StopSignals::listen()?;
    let stack = tokio::select! {
        stack = Stack::start(plan) => stack?,
        () = stop.asked() => bail!("interrupted while starting"),
    };
    print_addresses(&plan.dir);
    stop.asked().await;
    say("stopping");
    stack.stop().await
}

/// Runs a command with a stack around it; its exit code is ours.
async fn run(plan: &Plan, command: &[String]) -> Result<ExitCode> {
    let mut stop = StopSignals::listen()?;
    let stack = tokio::select! {
        stack = Stack::start(plan) => stack?,
        () = stop.asked() => bail!("interrupted while starting"),
    };
    let status = stack.run(command, stop.asked()).await;
    stack.stop().await?;
    let code = status?.and_then(|status| u8::try_from(status.code()?).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

async fn demo(options: &Options) -> Result<()> {
    down(&options.place.dir)?;
    detach(options, false)?;
    let variables = variables(&options.place.dir.join("env"))?;
    sheetsync_demo::run(&variables, options.sheet()).await?;
    say("the stack goes on running; `make down` stops it");
    Ok(())
}

/// Starts `local up` in the background and waits until it is ready.
fn detach(options: &Options, without_aws: bool) -> Result<()> {
    use std::os::unix::process::CommandExt;
    let dir = &options.place.dir;
    std::fs::create_dir_all(dir)?;
    // A stack that was killed left its own; the file is the sign that this one is ready.
    let _ = std::fs::remove_file(dir.join("env"));
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.args(["up", "--dir"]).arg(dir);
    command.args(["--rows", &options.rows.to_string(), "--columns", &options.columns.to_string()]);
    command.args(["--seed", &options.seed.to_string()]);
    if without_aws {
        command.arg("--without-aws");
    }
    let log = dir.join("stack.log");
    let out = std::fs::File::create(&log)?;
    // A group of its own: a Ctrl-C or the end of this terminal is not meant for it.
    let mut child = command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).process_group(0).spawn()?;
    let mut shown = 0;
    loop {
        let text = std::fs::read_to_string(&log)?;
        eprint!("{}", &text[shown..]);
        shown = text.len();
        if dir.join("env").exists() {
            return Ok(());
        }
        if let Some(status) = child.try_wait()? {
            eprint!("{}", &std::fs::read_to_string(&log)?[shown..]);
            bail!("the stack did not start ({status})");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn down(dir: &Path) -> Result<()> {
    let Some(pid) = Lock::holder(dir)? else { return Ok(()) };
    let pid = Pid::from_raw(pid).context("the stack is only just starting: try again")?;
    kill_process(pid, Signal::TERM)?;
    let deadline = Instant::now() + Duration::from_secs(60);
    while Lock::holder(dir)?.is_some() {
        ensure!(Instant::now() < deadline, "process {pid:?} does not stop");
        std::thread::sleep(Duration::from_millis(50));
    }
    say("the stack is stopped");
    Ok(())
}

fn print_addresses(dir: &Path) {
    let path = dir.join("env");
    if let Ok(variables) = variables(&path) {
        for name in ["DATABASE_URL", "SUPABASE_URL", "SHEETS_BASE_URL", "AWS_ENDPOINT_URL", "API_URL"] {
            if let Some(value) = variables.get(name) {
                println!("{name:<18}{value}");
            }
        }
        println!("All of it: . {}   logs: {}", path.display(), dir.join("log").display());
    }
}

/// The variables in a file that [`sheetsync_local::Settings::write`] wrote.
fn variables(path: &Path) -> Result<std::collections::BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let line = |line: &str| {
        let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
        let value = value.strip_prefix('\'')?.strip_suffix('\'')?.replace(r"'\''", "'");
        Some((name.to_owned(), value))
    };
    Ok(text.lines().filter_map(line).collect())
}

/// The signals that ask us to stop.
struct StopSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl StopSignals {
    fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
