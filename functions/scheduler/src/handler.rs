//! Handles one invocation: parses the event, selects the syncs, and builds the answer. One sync's run is [`crate::run`].

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};
use sheetsync::breaker::{Breaker, Rule, Store};
use sheetsync::clock::{Chance, Clock};
use sheetsync::connections::Connections;
use sheetsync::definition::{Definition, DefinitionError, Sync};
use sheetsync::overdue::DEFAULT_STALL_AFTER;
use sheetsync::queue::Queue;
use sheetsync::run::{Begin, Begun, RunType};
use sheetsync::secrets::FromSecret;
use sheetsync::settings::{self, BadSetting, MissingSetting};
use sheetsync::sheets::{self, ServiceAccount, Sheets, SheetsError};
use sheetsync::supabase::{Supabase, SupabaseError};
use sheetsync::verify::Verification;
use sheetsync::{metrics, redrive};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::dry_run::{DryRun, Planned};
use crate::gate::Gate;
use crate::run::{Executed, Run, RunError, Summary};
use crate::watch::Watch;

/// What must be left of the invocation when the work ends, to record how it ended.
const RESERVE: Duration = Duration::from_secs(5);

/// How long before the end of the invocation a comparison in full is cancelled, so that the rest is done in time.
const VERIFY_RESERVE: Duration = Duration::from_secs(20);

/// How often a sync's old runs are forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(24 * 3600);

/// How long runs are kept, unless the settings say otherwise.
const RETENTION_DAYS: u32 = 90;

/// How many dead letters are looked at in a tick.
const DEAD_LETTERS_A_TICK: usize = 500;

/// When an invocation that Lambda ends at `deadline` must stop by itself, so that its run can still say why.
#[must_use]
pub fn time_to_stop(deadline: SystemTime) -> Instant {
    Instant::now() + deadline.duration_since(SystemTime::now()).unwrap_or_default().saturating_sub(RESERVE)
}

/// The event: a tick of EventBridge Scheduler, or a request for one sync (docs/PROTOCOL.md, "Scheduler event").
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Request {
    /// The sync; without it, every sync of the definition.
    sync: Option<String>,
    #[serde(rename = "type", default)]
    run_type: RunType,
    /// The row keys of a selective run.
    keys: Option<Vec<String>>,
    /// The run's id, so that asking twice is asking once.
    run: Option<Uuid>,
    triggered_by: Option<String>,
    /// Only say what the run would do: the answer is stored as a plan with the id `run`.
    #[serde(default)]
    dry_run: bool,
}

impl Request {
    /// The caller, as recorded in the run.
    fn triggered_by(&self) -> &str {
        self.triggered_by.as_deref().unwrap_or("schedule")
    }
}

/// What became of each sync.
#[derive(Debug, Serialize)]
pub struct Report {
    runs: Vec<SyncReport>,
}

#[derive(Debug, Serialize)]
struct SyncReport {
    sync: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<Uuid>,
    status: Status,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

#[derive(Debug, Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// The plan is made and sent; the workers do the rest.
    Planned,
    /// The plan of a dry run is made and stored.
    Previewed,
    Busy,
    NotDue,
    Duplicate,
    /// The destination is down: nothing is planned before the breaker lets calls pass again.
    CircuitOpen,
    Failed,
}

#[derive(Debug, Serialize)]
struct Problem {
    code: String,
    message: String,
}

/// Why an invocation as a whole fails, so that Lambda counts it as an error and its alarm rings: what went wrong could not
/// be recorded in the database.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// The event makes no sense.
    #[error("the event is no request for a run: {0}; see docs/PROTOCOL.md, \"Scheduler event\"")]
    Request(String),
    /// The definition cannot be used, and no sync was named under which that could be recorded.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// Runs failed, which could not be recorded in the database. All other syncs of the invocation had their turn.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unrecorded(Vec<Unrecorded>),
}

/// The failure of one sync that could not be recorded with a run.
#[derive(Debug, thiserror::Error)]
#[error("{sync}: {message}")]
pub struct Unrecorded {
    sync: String,
    message: String,
}

impl From<InvocationError> for Diagnostic {
    fn from(error: InvocationError) -> Self {
        let error_type = match &error {
            InvocationError::Request(_) => "bad_request",
            InvocationError::Definition(_) => "bad_definition",
            InvocationError::Unrecorded(_) => "unrecorded_failure",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

/// The scheduler's settings and connections, kept between invocations.
pub struct Scheduler {
    definition: PathBuf,
    retention_days: u32,
    queue: Queue,
    dead_letters: Queue,
    gate: Gate<Store>,
    watch: Watch,
    pruned: Mutex<HashMap<String, Instant>>,
    supabase: Supabase,
    sheets: Sheets,
}

/// Why the scheduler cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing.
    #[error(transparent)]
    Missing(#[from] MissingSetting),
    /// A setting is no number.
    #[error(transparent)]
    Bad(#[from] BadSetting),
    /// No client of Supabase can be made.
    #[error(transparent)]
    Supabase(#[from] SupabaseError),
    /// No client of Google can be made.
    #[error(transparent)]
    Sheets(#[from] SheetsError),
}

/// What the environment says besides its connections (docs/PROTOCOL.md, "Environment of the functions").
struct Settings {
    definition: PathBuf,
    google_secret: String,
    sheets_url: String,
    drive_url: String,
    reads_per_minute: NonZeroU32,
    retention_days: u32,
    first_open: Duration,
}

impl Settings {
    fn from_env() -> Result<Self, StartError> {
        Ok(Self {
            definition: PathBuf::from(settings::required("SHEETSYNC_DEFINITION")?),
            google_secret: settings::required("GOOGLE_SECRET_ID")?,
            sheets_url: settings::optional("SHEETS_BASE_URL").unwrap_or_else(|| sheets::SHEETS_BASE_URL.to_owned()),
            drive_url: settings::optional("DRIVE_BASE_URL").unwrap_or_else(|| sheets::DRIVE_BASE_URL.to_owned()),
            reads_per_minute: settings::parsed("SHEETS_READS_PER_MINUTE").unwrap_or(sheets::READS_PER_MINUTE),
            retention_days: settings::parsed("RETENTION_DAYS").unwrap_or(RETENTION_DAYS),
            first_open: Duration::from_secs_f64(settings::number("BREAKER_OPEN_SECONDS", 15.0)?),
        })
    }
}

impl Scheduler {
    /// Reads the settings. Secrets are read when they are first needed, so that what is wrong with one is the failure of a
    /// run, with its reason, and not of the function.
    ///
    /// # Errors
    /// When a setting is missing.
    pub async fn from_env() -> Result<Self, StartError> {
        Self::new(Settings::from_env()?, &Connections::from_env().await?)
    }

    fn new(settings: Settings, to: &Connections) -> Result<Self, StartError> {
        let account = FromSecret::new(&to.secrets, settings.google_secret, ServiceAccount::from_json);
        let rule = Rule::opening_for(settings.first_open);
        let gate = Gate::new(Breaker::new(to.breaker(), rule, Clock::System, Arc::new(Chance::new())));
        let supabase = to.supabase()?.observed_by(gate.observer());
        let (queue, dead_letters) = to.queues();
        Ok(Self {
            definition: settings.definition.clone(),
            retention_days: settings.retention_days,
            queue,
            dead_letters,
            gate,
            watch: Watch::new(settings.definition),
            pruned: Mutex::default(),
            supabase,
            sheets: Sheets::with_quota(account, &settings.sheets_url, &settings.drive_url, settings.reads_per_minute)?,
        })
    }

    /// Answers one invocation, which must end at `stop`. `invocation` is the id that Lambda gave it.
    ///
    /// # Errors
    /// When something went wrong that could not be recorded with a run.
    pub async fn handle(
        &self,
        event: serde_json::Value,
        invocation: &str,
        stop: Instant,
    ) -> Result<Report, InvocationError> {
        let request: Request =
            serde_json::from_value(event).map_err(|error| InvocationError::Request(error.to_string()))?;
        if (request.run_type == RunType::Selective) != request.keys.as_ref().is_some_and(|keys| !keys.is_empty()) {
            let reason = "`keys` belong to the type \"selective\", which needs them";
            return Err(InvocationError::Request(reason.to_owned()));
        }
        if request.dry_run && request.sync.is_none() {
            return Err(InvocationError::Request("`dryRun` needs a `sync`".to_owned()));
        }
        let syncs = match &request.sync {
            Some(sync) => vec![sync.clone()],
            None => Definition::load(&self.definition, None)?.syncs.into_iter().map(|sync| sync.name).collect(),
        };
        let mut runs = Vec::with_capacity(syncs.len());
        let mut unrecorded = Vec::new();
        for sync in &syncs {
            // Asked for each sync: the one before may have met the outage. A run would only add to what waits.
            let permit = match self.gate.admit(&self.supabase, invocation, stop).await {
                Ok(permit) => permit,
                Err(until) => {
                    runs.push(refused(sync.clone(), until.into()));
                    continue;
                }
            };
            // What cannot be recorded of one sync says nothing of the next.
            match self.sync(sync, &request, invocation, stop).await {
                Ok(report) => runs.push(report),
                Err(failure) => unrecorded.push(failure),
            }
            self.gate.learn(&self.supabase, &permit, stop).await;
        }
        if runs.iter().any(|report| report.status == Status::Busy) {
            self.record_dead_letters().await;
        }
        let is_tick = request.run_type == RunType::Scheduled && !request.dry_run;
        self.watch.report(&self.supabase, &self.gate, &syncs, is_tick, invocation, stop).await;
        if unrecorded.is_empty() { Ok(Report { runs }) } else { Err(InvocationError::Unrecorded(unrecorded)) }
    }

    async fn sync(
        &self,
        name: &str,
        request: &Request,
        invocation: &str,
        stop: Instant,
    ) -> Result<SyncReport, Unrecorded> {
        let report = |run, status| SyncReport { sync: name.to_owned(), run, status, summary: None, error: None };
        let unrecorded = |error: &RunError| {
            tracing::error!(sync = name, code = error.code(), error = %error, "run failed and could not be recorded");
            Unrecorded { sync: name.to_owned(), message: error.to_string() }
        };
        let definition = Definition::load_sync(&self.definition, name).map_err(RunError::from);
        if request.dry_run {
            return self.dry_run(name, request, definition, stop).await;
        }
        let known = definition.as_ref().ok();
        let nonce = nonce(invocation, name);
        let begin = Begin {
            sync: name,
            run: request.run.unwrap_or_else(Uuid::new_v4),
            definition: known,
            run_type: request.run_type,
            triggered_by: request.triggered_by(),
            keys: request.keys.as_deref(),
            stall_after: known.map_or(DEFAULT_STALL_AFTER, |definition| definition.stall_after),
            nonce: &nonce,
        };
        // Looked at first, because a timeout that is over still lets a call begin.
        let begun = match Instant::now() < stop {
            true => timeout_at(stop, self.supabase.begin(&begin)).await.map_err(|_| RunError::OutOfTime),
            false => Err(RunError::OutOfTime),
        };
        let begun = begun.and_then(|begun| Ok(begun?));
        let begun = begun.map_err(|error| {
            emit_refusal(name, &error);
            unrecorded(&error)
        })?;
        let Begun::Begun {
            run,
            seq,
            superseded,
            present_rows,
            approved_deletes,
            strays: strays_before,
            key_forms,
            limits,
            carry,
            verify_due,
        } = begun
        else {
            return Ok(match begun {
                Begun::Busy { run } => {
                    tracing::info!(sync = name, busy = %run, "another run is in progress");
                    report(Some(run), Status::Busy)
                }
                Begun::Refused { problems } => {
                    let error = RunError::Refused(problems);
                    tracing::error!(run = %begin.run, sync = name, code = error.code(), error = %error, "run failed");
                    failed(name, begin.run, &error)
                }
                Begun::NotDue => report(None, Status::NotDue),
                Begun::Begun { .. } | Begun::Duplicate { .. } => report(Some(begin.run), Status::Duplicate),
            });
        };
        if let Some(stalled) = superseded {
            tracing::warn!(%run, sync = name, superseded = %stalled, "run takes over from a stalled run");
        }
        let outcome = match definition {
            Err(error) => Err(error),
            Ok(definition) => Run {
                id: run,
                seq,
                present_rows,
                strays_before,
                approved_deletes,
                key_forms,
                limits,
                carry,
                run_type: request.run_type,
                keys: request.keys.as_deref(),
                definition: &definition,
                sheets: &self.sheets.until(stop),
                supabase: &self.supabase,
                queue: &self.queue,
                now: Timestamp::now(),
                verifies: verify_due && request.run_type == RunType::Scheduled,
            }
            .execute()
            .await
            .map(|executed| (executed, definition)),
        };
        match outcome {
            Ok((Executed { summary, read, plan, verifier }, definition)) => {
                if let Some(verifier) = verifier {
                    let comparison = verifier.compare(&self.supabase, &definition, &read, &plan);
                    self.verify(run, name, comparison, stop.checked_sub(VERIFY_RESERVE).unwrap_or(stop)).await;
                }
                self.prune(name).await;
                Ok(SyncReport { summary: Some(summary), ..report(Some(run), Status::Planned) })
            }
            Err(error) => {
                emit_refusal(name, &error);
                tracing::error!(%run, sync = name, code = error.code(), error = %error, "run failed");
                self.supabase.fail(run, None, &error.failure()).await.map_err(|_| unrecorded(&error))?;
                Ok(failed(name, run, &error))
            }
        }
    }

    /// Records the batches in the dead-letter queue as failed in their open runs. SQS itself moves a message that was received too
    /// often, and a worker may die between moving a batch to the dead-letter queue and recording it in its run: such a run would never end.
    async fn record_dead_letters(&self) {
        let recorded = async {
            let lost = redrive::lost_batches(&self.dead_letters, DEAD_LETTERS_A_TICK).await?;
            if lost.is_empty() { Ok(0) } else { Ok::<_, RunError>(self.supabase.dead_letters(&lost).await?) }
        };
        match recorded.await {
            Ok(0) => {}
            Ok(batches) => tracing::error!(batches, "dead-lettered batches recorded as failed in their runs"),
            Err(error) => {
                tracing::warn!(error = %error, "could not record dead letters in their runs; the next tick tries again")
            }
        }
    }

    /// Compares sheet and table in full and keeps the result with the run. Whatever comes of it, the run is planned and goes on.
    async fn verify(
        &self,
        run: Uuid,
        sync: &str,
        comparison: impl Future<Output = Result<Verification, SupabaseError>>,
        until: Instant,
    ) {
        let outcome = async {
            let found = timeout_at(until, comparison).await.map_err(|_| "there was no time left".to_owned())?;
            let found = found.map_err(|error| error.to_string())?;
            self.supabase.verified(run, &found.kept()).await.map_err(|error| error.to_string())?;
            Ok::<_, String>(found)
        };
        match outcome.await {
            Ok(found) => {
                let differences = found.differences();
                metrics::verified(sync, differences);
                tracing::info!(%run, sync, verdict = ?found.verdict, differences, rows = found.rows_compared, "verified");
            }
            Err(reason) => {
                tracing::warn!(%run, sync, reason, "verification failed; the next scheduled run tries again")
            }
        }
    }

    /// Forgets a sync's old runs, once a day as far as this container knows. That it failed is no failure of the run.
    async fn prune(&self, sync: &str) {
        let due = {
            let mut pruned = self.pruned.lock().unwrap_or_else(PoisonError::into_inner);
            let due = pruned.get(sync).is_none_or(|last| last.elapsed() >= PRUNE_EVERY);
            if due {
                pruned.insert(sync.to_owned(), Instant::now());
            }
            due
        };
        if !due {
            return;
        }
        match self.supabase.prune(sync, self.retention_days).await {
            Ok(pruned) => tracing::info!(sync, runs = pruned.runs, errors = pruned.errors, "old runs pruned"),
            Err(error) => tracing::warn!(sync, error = %error, "could not prune old runs"),
        }
    }

    /// Makes and stores the plan of a run that does not take place.
    async fn dry_run(
        &self,
        name: &str,
        request: &Request,
        definition: Result<Sync, RunError>,
        stop: Instant,
    ) -> Result<SyncReport, Unrecorded> {
        let id = request.run.unwrap_or_else(Uuid::new_v4);
        let dry_run = DryRun {
            id,
            sync: name,
            requested_by: request.triggered_by(),
            run_type: request.run_type,
            keys: request.keys.as_deref(),
        };
        let outcome = dry_run.execute(definition, &self.sheets.until(stop), &self.supabase).await;
        let status = match outcome {
            Ok(Planned::Done) => Status::Previewed,
            Ok(Planned::Duplicate) => Status::Duplicate,
            Ok(Planned::Failed(error)) => return Ok(failed(name, id, &error)),
            Err(error) => {
                tracing::error!(plan = %id, sync = name, code = error.code(), error = %error, "could not store the plan");
                return Err(Unrecorded { sync: name.to_owned(), message: error.to_string() });
            }
        };
        Ok(SyncReport { sync: name.to_owned(), run: Some(id), status, summary: None, error: None })
    }
}

/// The id under which an invocation begins the run of a sync, the same each time that it, or Lambda's repetition of it, asks.
fn nonce(invocation: &str, sync: &str) -> String {
    if invocation.is_empty() { Uuid::new_v4().to_string() } else { format!("{invocation}/{sync}") }
}

/// Emits `AccessRefused` when only a person can fix the error.
fn emit_refusal(sync: &str, error: &RunError) {
    if error.needs_a_person() {
        metrics::access_refused(Some(sync));
    }
}

/// The report of a sync that is not run while the circuit is open.
fn refused(sync: String, until: Timestamp) -> SyncReport {
    tracing::warn!(sync, %until, "circuit open; no run begins (see `sheetsync circuit`)");
    let message =
        format!("the destination is down, so nothing is planned before {until:.0}; `sheetsync circuit` says why");
    let error = Some(Problem { code: "circuit_open".to_owned(), message });
    SyncReport { sync, run: None, status: Status::CircuitOpen, summary: None, error }
}

fn failed(sync: &str, run: Uuid, error: &RunError) -> SyncReport {
    SyncReport {
        sync: sync.to_owned(),
        run: Some(run),
        status: Status::Failed,
        summary: None,
        error: Some(Problem { code: error.code(), message: error.to_string() }),
    }
}

#[cfg(test)]
mod tests;
