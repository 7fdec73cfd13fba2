//! The whole stack: what is started in which order, and how it ends.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Signal, kill_process_group};
use serde_json::json;
use sheets_server::{DocumentSpec, SheetsServer};
use tokio::process::Command;
use tokio::sync::Mutex;

use crate::control::{self, Servers};
use crate::deploy;
use crate::function_logs;
use crate::gateway::{Gateway, auth, proxy};
use crate::guard::Guard;
use crate::keys::{Keys, fingerprint};
use crate::ministack::{Ministack, REGION, credentials};
use crate::postgres::{self, Postgres};
use crate::postgrest::Postgrest;
use crate::servers::{Register, private_file};
use crate::settings::{AwsSettings, People, Settings, SheetSettings};
use crate::tools::Tools;

/// What a stack keeps in its folder; removed before it starts, since a stack always starts empty.
const KEPT: [&str; 9] =
    ["env", "log", "postgres", "ministack", PACKAGES, "build.toml", "definitions", "google-key.json", "listings.xlsx"];

/// The functions' packages, as `sam build` makes them.
const PACKAGES: &str = "packages";

const SUPABASE_SECRET: &str = "sheetsync/supabase";
const GOOGLE_SECRET: &str = "sheetsync/google";
const TOKENS_SECRET: &str = "sheetsync/tokens";

/// What a stack is to be like.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The folder that it lives in.
    pub dir: PathBuf,
    /// The sheet of listings that it serves.
    pub sheet: sheetsync_demo::Options,
    /// What is deployed; `None` leaves ministack out.
    pub deployment: Option<Deployment>,
}

/// How the template is deployed.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The profile of Cargo.toml that the functions are built with.
    pub profile: &'static str,
    /// Whether the schedule ticks.
    pub scheduled: bool,
    /// Whether the functions look for definitions in the stack's folder rather than in their package.
    pub own_definitions: bool,
    /// The worker's timeout.
    pub worker_timeout: Duration,
    /// After which an unacknowledged batch is delivered again.
    pub visibility_timeout: Duration,
    /// How many workers run at once.
    pub concurrency: u32,
    /// How many reads of Google a minute the scheduler allows itself.
    pub sheets_reads_per_minute: u32,
    /// The most requests to Supabase in any second.
    pub requests_per_second: u32,
    /// After which Postgres gives up a batch.
    pub statement_timeout: Duration,
    /// After which a worker gives up a call.
    pub request_timeout: Duration,
    /// How long the breaker stays open the first time.
    pub breaker_open: Duration,
}

impl Deployment {
    /// As in the cloud: what `make up` and `make demo` show.
    pub fn for_people() -> Self {
        Self {
            profile: "local",
            scheduled: true,
            own_definitions: false,
            worker_timeout: Duration::from_secs(60),
            visibility_timeout: Duration::from_secs(360),
            concurrency: 2,
            sheets_reads_per_minute: 50,
            requests_per_second: 10,
            statement_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(35),
            breaker_open: Duration::from_secs(15),
        }
    }

    /// For tests: nothing happens but what a test asks for, each brings its own definition, and waits are short: for
    /// a message whose worker died (six times the worker's timeout, as in the cloud, would be more than a minute), for a
    /// call that hangs, or for the breaker.
    pub fn for_tests() -> Self {
        Self {
            profile: "local",
            scheduled: false,
            own_definitions: true,
            worker_timeout: Duration::from_secs(14),
            visibility_timeout: Duration::from_secs(15),
            concurrency: 2,
            // All tests at once, each with its syncs.
            sheets_reads_per_minute: 6_000,
            requests_per_second: 50,
            statement_timeout: Duration::from_secs(4),
            request_timeout: Duration::from_secs(5),
            breaker_open: Duration::from_secs(2),
        }
    }

    /// For measurements: the binaries of the cloud, and no limit on reads and requests that they would be waiting for.
    pub fn for_benchmarks() -> Self {
        Self {
            profile: "release",
            scheduled: false,
            own_definitions: true,
            sheets_reads_per_minute: 60_000,
            requests_per_second: 1_000,
            ..Self::for_people()
        }
    }
}

/// A stack that runs.
pub struct Stack {
    /// Where everything is.
    pub settings: Settings,
    servers: Arc<Mutex<Servers>>,
    sheets: sheets_server::Handle,
    dir: PathBuf,
    register: Register,
    guard: Guard,
    _lock: Lock,
}

impl Stack {
    /// Starts everything and returns when everything is ready.
    pub async fn start(plan: &Plan) -> Result<Self> {
        let tools = Tools::find()?;
        fs::create_dir_all(&plan.dir).with_context(|| format!("cannot create {}", plan.dir.display()))?;
        let dir = plan.dir.canonicalize()?;
        let lock = Lock::take(&dir)?;
        let register = Register::of(&dir);
        register.sweep(Duration::from_secs(5));
        forget(&dir);
        let logs = dir.join("log");
        fs::create_dir_all(&logs)?;
        let guard = Guard::start(&dir)?;
        let started = start_servers(plan, &dir, &tools, &logs, &register).await;
        match started {
            Ok((settings, servers, sheets)) => {
                settings.write(&dir.join("env"))?;
                Ok(Self { settings, servers, sheets, dir, register, guard, _lock: lock })
            }
            Err(error) => {
                // What had started by then would otherwise be left to the guard, and outlive our message.
                let patience = Duration::from_secs(5);
                tokio::task::spawn_blocking(move || register.sweep(patience)).await?;
                Err(error)
            }
        }
    }

    /// Runs a command in the stack's environment, until it ends or `stop` does; its status, if it ended by itself or
    /// soon after it was interrupted. It ends with the stack, however that ends.
    pub async fn run(&self, command: &[String], stop: impl Future<Output = ()>) -> Result<Option<ExitStatus>> {
        let (name, arguments) = command.split_first().context("no command")?;
        let mut command = Command::new(name);
        command.args(arguments).envs(self.settings.variables()?).stdin(Stdio::null());
        let (mut child, group) = self.register.spawn(name, &mut command, Signal::INT)?;
        let status = tokio::select! {
            status = child.wait() => Some(status?),
            () = stop => {
                // It has a process group of its own, so a Ctrl-C reached only us.
                kill_process_group(group, Signal::INT)?;
                tokio::time::timeout(Duration::from_secs(10), child.wait()).await.ok().transpose()?
            }
        };
        // Whatever it left behind.
        let _ = kill_process_group(group, Signal::KILL);
        Ok(status)
    }

    /// Stops everything.
    pub async fn stop(self) -> Result<()> {
        let _ = fs::remove_file(self.dir.join("env"));
        let stopped = self.servers.lock().await.stop().await;
        self.sheets.stop().await;
        let register = self.register;
        tokio::task::spawn_blocking(move || register.sweep(Duration::from_secs(1))).await?;
        postgres::forget(&self.dir);
        drop(self.guard);
        stopped
    }
}

async fn start_servers(
    plan: &Plan,
    dir: &Path,
    tools: &Tools,
    logs: &Path,
    register: &Register,
) -> Result<(Settings, Arc<Mutex<Servers>>, sheets_server::Handle)> {
    let keys = Keys::generate();
    let database = async {
        let postgres = Postgres::start(dir, tools, &keys, logs, register).await?;
        let owner = postgres::connect(&postgres.url("postgres")).await?;
        sheetsync_migrations::apply(&owner).await?;
        owner.batch_execute(sheetsync_demo::CREATE_TABLE).await.context("cannot create the table of the demo")?;
        if let Some(deployment) = &plan.deployment {
            let seconds = deployment.statement_timeout.as_secs();
            let limit = format!("alter function public.sync_apply(jsonb) set statement_timeout = '{seconds}s'");
            owner.batch_execute(&limit).await?;
        }
        say("Postgres is ready, with the migrations and the table of the demo");
        let postgrest = Postgrest::start(&postgres, tools, &keys, logs, register).await?;
        Ok((postgres, postgrest))
    };
    let aws = async {
        let Some(_) = &plan.deployment else { return Ok(None) };
        let ministack = Ministack::start(dir, tools, logs, register).await?;
        say("ministack is ready");
        Ok(Some(ministack))
    };
    let build = async {
        let Some(deployment) = &plan.deployment else { return Ok(()) };
        deploy::build(tools, deployment.profile, &dir.join(PACKAGES), logs, register).await?;
        say("the functions are built");
        Ok(())
    };
    let sheets = start_sheets(dir, plan.sheet);
    let ((postgres, postgrest), ministack, (), (sheets, sheet)) = tokio::try_join!(database, aws, build, sheets)?;
    let gateway = Arc::new(Gateway::start(postgrest.port, &keys).await?);
    let aws = match (&plan.deployment, &ministack) {
        (Some(deployment), Some(ministack)) => {
            Some(deploy_to(ministack, deployment, dir, tools, logs, register, &keys, &gateway.url, &sheets).await?)
        }
        _ => None,
    };
    let database_url = postgres.url("postgres");
    let front = ministack.as_ref().map(|ministack| ministack.front.clone());
    let servers = Arc::new(Mutex::new(Servers { postgres, postgrest, ministack }));
    let settings = Settings {
        stack_dir: dir.to_string_lossy().into_owned(),
        database_url,
        supabase_url: gateway.url.clone(),
        supabase_secret_key: keys.secret_key.clone(),
        supabase_publishable_key: keys.publishable_key.clone(),
        supabase_jwt_secret: keys.jwt_secret.clone(),
        people: People {
            reader_email: auth::READER.to_owned(),
            reader_password: keys.reader_password.clone(),
            reader_jwt: gateway.tokens.0.clone(),
            operator_email: auth::OPERATOR.to_owned(),
            operator_password: keys.operator_password.clone(),
            operator_jwt: gateway.tokens.1.clone(),
        },
        control_url: control::serve(gateway, front, Arc::clone(&servers)).await?,
        sheet: Some(sheet),
        aws,
    };
    Ok((settings, servers, sheets))
}

/// The spreadsheet's id, as in the project's `sheetsync.toml`.
const SPREADSHEET: &str = "demo-listings";

async fn start_sheets(dir: &Path, options: sheetsync_demo::Options) -> Result<(sheets_server::Handle, SheetSettings)> {
    let workbook = dir.join("listings.xlsx");
    let written = workbook.clone();
    tokio::task::spawn_blocking(move || sheetsync_demo::write_xlsx(&sheetsync_demo::Sheet::new(options), &written))
        .await?
        .context("cannot write the sheet of listings")?;
    let documents = vec![(SPREADSHEET.to_owned(), DocumentSpec::xlsx(workbook))];
    let sheets = SheetsServer::start(sheets_server::Options { port: 0, documents }).await?;
    let key_file = dir.join("google-key.json");
    private_file(&key_file)?.write_all(sheets.service_account_key().as_bytes())?;
    say("the Sheets server is ready");
    let settings = SheetSettings {
        sheets_base_url: sheets.base_url().to_owned(),
        drive_base_url: sheets.base_url().to_owned(),
        spreadsheet_id: SPREADSHEET.to_owned(),
        google_application_credentials: key_file.to_string_lossy().into_owned(),
    };
    Ok((sheets, settings))
}

#[expect(clippy::too_many_arguments, reason = "the one place where everything meets")]
async fn deploy_to(
    ministack: &Ministack,
    deployment: &Deployment,
    dir: &Path,
    tools: &Tools,
    logs: &Path,
    register: &Register,
    keys: &Keys,
    supabase_url: &str,
    sheets: &sheets_server::Handle,
) -> Result<AwsSettings> {
    let calls = ministack.calls()?;
    let tokens = json!({
        "readers": [fingerprint(&keys.reader_token)],
        "operators": [fingerprint(&keys.operator_token)],
    });
    calls.create_secret(SUPABASE_SECRET, &json!({"key": keys.secret_key}).to_string()).await?;
    calls.create_secret(GOOGLE_SECRET, sheets.service_account_key()).await?;
    calls.create_secret(TOKENS_SECRET, &tokens.to_string()).await?;
    let definitions = deployment.own_definitions.then(|| dir.join("definitions"));
    let mut parameters = vec![
        ("SupabaseUrl", supabase_url.to_owned()),
        ("SupabaseSecretId", SUPABASE_SECRET.to_owned()),
        ("GoogleSecretId", GOOGLE_SECRET.to_owned()),
        ("TokensSecretId", TOKENS_SECRET.to_owned()),
        ("SupabasePublishableKey", keys.publishable_key.clone()),
        ("ReaderClaim", "app_metadata.role=reader".to_owned()),
        ("SheetsBaseUrl", sheets.base_url().to_owned()),
        ("DriveBaseUrl", sheets.base_url().to_owned()),
        // Enabled in either case, so that the alarms are those of the cloud; where only tests start runs, for another century.
        (
            "ScheduleExpression",
            if deployment.scheduled { "rate(1 minute)" } else { "at(2126-01-01T00:00:00)" }.to_owned(),
        ),
        ("WorkerTimeoutSeconds", deployment.worker_timeout.as_secs().to_string()),
        ("VisibilityTimeoutSeconds", deployment.visibility_timeout.as_secs().to_string()),
        ("MaximumConcurrency", deployment.concurrency.to_string()),
        ("SheetsReadsPerMinute", deployment.sheets_reads_per_minute.to_string()),
        ("RequestsPerSecond", deployment.requests_per_second.to_string()),
        ("StatementTimeoutSeconds", deployment.statement_timeout.as_secs().to_string()),
        ("RequestTimeoutSeconds", deployment.request_timeout.as_secs().to_string()),
        ("BreakerOpenSeconds", deployment.breaker_open.as_secs().to_string()),
    ];
    if let Some(folder) = &definitions {
        fs::create_dir_all(folder)?;
        parameters.push(("DefinitionPath", folder.to_string_lossy().into_owned()));
    }
    deploy::deploy(tools, &dir.join(PACKAGES), logs, register, &calls, &ministack.url, &parameters).await?;
    let outputs = calls.outputs(deploy::STACK).await?;
    let output = |name: &str| outputs.get(name).cloned().with_context(|| format!("the template has no output {name}"));
    calls.set_concurrency(&output("WorkerFunction")?, deployment.concurrency).await?;
    function_logs::follow(calls, logs.join("functions.log"));
    say("the template is deployed");
    // Not the address of the output, which only the cloud's name servers know, nor ministack's own names for it, under
    // which /health would be ministack's.
    let api = format!("{}/_aws/execute-api/{}/$default", ministack.url, output("ApiId")?);
    let [_, _, (_, access_key), (_, secret_key)] = credentials();
    Ok(AwsSettings {
        aws_endpoint_url: ministack.url.clone(),
        aws_region: REGION.to_owned(),
        aws_default_region: REGION.to_owned(),
        aws_access_key_id: access_key.to_owned(),
        aws_secret_access_key: secret_key.to_owned(),
        stack_name: deploy::STACK.to_owned(),
        api_url: proxy::front(api).await?,
        scheduler_function: output("SchedulerFunction")?,
        worker_function: output("WorkerFunction")?,
        status_function: output("StatusFunction")?,
        schedule_name: output("ScheduleName")?,
        queue_url: output("QueueUrl")?,
        dlq_url: output("DlqUrl")?,
        control_table: output("ControlTable")?,
        supabase_secret_id: SUPABASE_SECRET.to_owned(),
        google_secret_id: GOOGLE_SECRET.to_owned(),
        tokens_secret_id: TOKENS_SECRET.to_owned(),
        reader_token: keys.reader_token.clone(),
        operator_token: keys.operator_token.clone(),
        definitions_dir: definitions.map(|folder| folder.to_string_lossy().into_owned()),
    })
}

/// Prints progress to standard error.
pub fn say(what: &str) {
    eprintln!("local: {what}");
}

fn forget(dir: &Path) {
    for name in KEPT {
        let path = dir.join(name);
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
    postgres::forget(dir);
}

/// Held by the one process that runs the stack in a folder, for as long as it lives, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    fn take(dir: &Path) -> Result<Self> {
        let mut file = Self::file(dir)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("a stack runs already in {}", dir.display()),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        file.set_len(0)?;
        write!(file, "{}", std::process::id())?;
        Ok(Self { _file: file })
    }

    /// The process that runs the stack in `dir`, if one does.
    pub fn holder(dir: &Path) -> Result<Option<i32>> {
        if !dir.join("lock").exists() {
            return Ok(None);
        }
        let mut file = Self::file(dir)?;
        match file.try_lock() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                // Between taking the lock and writing its id, a process has none to give.
                Ok(Some(text.parse().unwrap_or(0)))
            }
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    fn file(dir: &Path) -> Result<File> {
        let path = dir.join("lock");
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        options.open(&path).with_context(|| format!("cannot open {}", path.display()))
    }
}
