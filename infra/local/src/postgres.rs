//! Postgres 17 with the roles, privileges and limits of a hosted Supabase project.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Signal, geteuid};
use tokio_postgres::{Client, NoTls};

use crate::keys::Keys;
use crate::ports::free_port;
use crate::servers::{Recipe, Register, Server, private_file, run};
use crate::tools::Tools;

/// The user `nobody` of every Linux: Postgres refuses to run as root.
const NOBODY: u32 = 65534;

/// A running database server.
#[derive(Debug)]
pub struct Postgres {
    /// Its process.
    pub server: Server,
    /// Where it listens.
    pub port: u16,
    password: String,
}

impl Postgres {
    /// Starts an empty server on a free port.
    pub async fn start(dir: &Path, tools: &Tools, keys: &Keys, logs: &Path, register: &Register) -> Result<Self> {
        let place = Place::prepare(dir, &tools.postgres()?)?;
        place.initialise(keys, logs, register).await?;
        let port = free_port()?;
        let settings = [
            format!("port={port}"),
            "listen_addresses=127.0.0.1".into(),
            // A socket's path must be short, and it is not needed.
            "unix_socket_directories=".into(),
            "timezone=UTC".into(),
            "log_line_prefix=%m [%p] %u ".into(),
        ];
        let mut recipe = Recipe::new("postgres", place.program("postgres"));
        recipe.user = place.user;
        // SIGINT is Postgres's fast shutdown; SIGTERM would wait for every client to leave.
        recipe.stop = Signal::INT;
        recipe = recipe.args(["-D".into(), place.data().into_os_string()]);
        recipe = recipe.args(settings.iter().flat_map(|setting| ["-c", setting.as_str()]));
        let server = Server::start(recipe, logs, register)?;
        let mut postgres = Self { server, port, password: keys.database_password.clone() };
        postgres.ready().await?;
        postgres.as_supabase().await?;
        Ok(postgres)
    }

    /// Waits until the server takes connections.
    pub async fn ready(&mut self) -> Result<()> {
        let url = self.url("supabase_admin");
        self.server.ready(Duration::from_secs(60), || async { connect(&url).await.is_ok() }).await
    }

    /// The address for a role.
    pub fn url(&self, role: &str) -> String {
        format!("postgres://{role}:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// What a hosted project has before its owner does anything. Safe to repeat.
    async fn as_supabase(&self) -> Result<()> {
        let sql = include_str!("supabase.sql").replace("{password}", &self.password);
        connect(&self.url("supabase_admin")).await?.batch_execute(&sql).await.context("cannot set up Supabase's roles")
    }
}

/// Connects, and keeps the connection alive for as long as the client is.
pub async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Where Postgres's programs and data lie, and who runs it.
struct Place {
    home: PathBuf,
    native: PathBuf,
    user: Option<(u32, u32)>,
}

impl Place {
    /// In the stack's own folder. As root another user must run Postgres; where that user cannot get into the project
    /// (a checkout under /root), programs and data go to the system's folder for temporary files.
    fn prepare(dir: &Path, native: &Path) -> Result<Self> {
        if !geteuid().is_root() {
            let home = dir.join("postgres");
            fs::create_dir_all(&home)?;
            return Ok(Self { home, native: native.to_owned(), user: None });
        }
        let home = if open_to_others(dir)? { dir.join("postgres") } else { elsewhere(dir) };
        fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
        chown(&home, Some(NOBODY), Some(NOBODY))?;
        let native = if open_to_others(native)? { native.to_owned() } else { copy_of(native, &home)? };
        Ok(Self { home, native, user: Some((NOBODY, NOBODY)) })
    }

    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    fn program(&self, name: &str) -> PathBuf {
        self.native.join("bin").join(name)
    }

    async fn initialise(&self, keys: &Keys, logs: &Path, register: &Register) -> Result<()> {
        let _ = fs::remove_dir_all(self.data());
        let password = self.home.join("password");
        write!(private_file(&password)?, "{}", keys.database_password)?;
        if let Some((user, group)) = self.user {
            chown(&password, Some(user), Some(group))?;
        }
        let mut recipe = Recipe::new("initdb", self.program("initdb"));
        recipe.user = self.user;
        let recipe = recipe
            .args(["--username=supabase_admin", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .args([format!("--pwfile={}", password.display()), format!("--pgdata={}", self.data().display())]);
        let log = logs.join("initdb.log");
        let initialised = run(recipe.command(&log)?, "initdb", &log, register).await;
        let _ = fs::remove_file(&password);
        initialised
    }
}

/// Whether any user can get to `path`: every folder above it, and it, may be entered by everybody.
fn open_to_others(path: &Path) -> Result<bool> {
    for folder in path.canonicalize()?.ancestors() {
        if folder.metadata()?.permissions().mode() & 0o001 == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn elsewhere(dir: &Path) -> PathBuf {
    let name = crate::keys::fingerprint(&dir.to_string_lossy());
    Path::new("/var/tmp").join(format!("sheetsync-postgres-{}", &name[..12]))
}

fn copy_of(native: &Path, home: &Path) -> Result<PathBuf> {
    let copy = home.join("native");
    if !copy.join("bin").exists() {
        let status = std::process::Command::new("cp").arg("-r").arg(native).arg(&copy).status()?;
        ensure!(status.success(), "cannot copy {} to {}", native.display(), copy.display());
    }
    Ok(copy)
}

/// Removes what the stack in `dir` keeps outside of it.
pub fn forget(dir: &Path) {
    let _ = fs::remove_dir_all(elsewhere(dir));
}
