//! One run of one sync, from the first read of the tab to the recorded plan. It decides nothing itself: the survey, the
//! plan and the batches are the library's.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use sheetsync::batch;
use sheetsync::batch::{Envelope, Outgoing};
use sheetsync::carry::{self, Books};
use sheetsync::definition::{DefinitionError, Sync};
use sheetsync::faults::{self, Fault};
use sheetsync::hash::KeySet;
use sheetsync::mapping::{KeyForm, Limits, Rejection};
use sheetsync::metrics::{self, PlanMetrics};
use sheetsync::plan::{self, Plan, Reading};
use sheetsync::preview::PreviewError;
use sheetsync::queue::{Queue, QueueError};
use sheetsync::run::{Carry, Failure, PlanRecord, Problem, RunStatus, RunType};
use sheetsync::sheets::{SheetsError, Tabs};
use sheetsync::snapshot::Tally;
use sheetsync::supabase::{Supabase, SupabaseError};
use sheetsync::survey::{self, Measure, ReadError, Source, Stored, TabRead};
use sheetsync::verify::Verifier;
use tokio::time::Instant;
use uuid::Uuid;

/// How often a run sends a heartbeat while its sheet is read.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(20);

/// Where a run is recorded: Supabase, or what a simulation plays.
#[expect(async_fn_in_trait, reason = "an invocation runs on one thread")]
pub trait Record: Stored + Books {
    /// Sends a heartbeat; the returned status says whether another run has taken over.
    async fn heartbeat(&self, run: Uuid) -> Result<RunStatus, SupabaseError>;
    /// Stores the rejections of a run in `sync_errors`.
    async fn reject(&self, run: Uuid, rejections: &[Rejection]) -> Result<(), SupabaseError>;
    /// Records what was read and sent.
    async fn planned(&self, run: Uuid, plan: &PlanRecord) -> Result<RunStatus, SupabaseError>;
}

impl Record for Supabase {
    async fn heartbeat(&self, run: Uuid) -> Result<RunStatus, SupabaseError> {
        Supabase::heartbeat(self, run).await
    }

    async fn reject(&self, run: Uuid, rejections: &[Rejection]) -> Result<(), SupabaseError> {
        Supabase::reject(self, run, rejections).await
    }

    async fn planned(&self, run: Uuid, plan: &PlanRecord) -> Result<RunStatus, SupabaseError> {
        Supabase::planned(self, run, plan).await
    }
}

/// Where batches are sent to: SQS, or what a simulation plays.
#[expect(async_fn_in_trait, reason = "an invocation runs on one thread")]
pub trait Outbox {
    /// Sends batches; all are on the queue when it returns `Ok`.
    async fn send(&self, batches: impl Iterator<Item = Outgoing>) -> Result<(), QueueError>;
}

impl Outbox for Queue {
    async fn send(&self, batches: impl Iterator<Item = Outgoing>) -> Result<(), QueueError> {
        Queue::send(self, batches).await
    }
}

/// Why a run failed. Each message names the thing and the fix.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// `sheetsync.toml` cannot be used.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The sheet cannot be had.
    #[error(transparent)]
    Sheets(#[from] SheetsError),
    /// The sheet cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Supabase did not answer as it should.
    #[error(transparent)]
    Supabase(#[from] SupabaseError),
    /// The queue did not take the batches.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The definition does not fit the database.
    #[error("{}", .0.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Problem>),
    /// The invocation ends before the run could begin.
    #[error(
        "the function's time ended before the run could begin: earlier syncs, or Supabase, took all of it; give fewer syncs \
         to one function, or a longer `every`"
    )]
    OutOfTime,
    /// Another run has taken over while this one was reading or sending, or a person has stopped it.
    #[error("the run was {0} while it read and sent its sheet: it seemed to have stalled, and a newer run replaces it")]
    TakenOver(RunStatus),
}

impl From<PreviewError> for RunError {
    fn from(error: PreviewError) -> Self {
        match error {
            PreviewError::Read(error) => Self::Read(error),
            PreviewError::Supabase(error) => Self::Supabase(error),
        }
    }
}

impl RunError {
    /// A short name for logs, answers and the run.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::Definition(DefinitionError::UnknownSync { .. }) => "unknown_sync".to_owned(),
            Self::Definition(_) => "bad_definition".to_owned(),
            Self::Sheets(error) => error.code().to_owned(),
            Self::Read(error) => error.code().to_owned(),
            Self::Supabase(error) => error.code(),
            Self::Queue(_) => "queue_refused".to_owned(),
            Self::OutOfTime => "out_of_time".to_owned(),
            Self::TakenOver(_) => "taken_over".to_owned(),
            Self::Refused(problems) => {
                problems.first().map_or_else(|| "refused".to_owned(), |problem| problem.code.clone())
            }
        }
    }

    /// Whether Supabase or Google refuses us until a person acts.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        match self {
            Self::Supabase(error) => error.fault().needs_a_person(),
            Self::Sheets(error) | Self::Read(ReadError::Sheets(error)) => error.needs_a_person(),
            _ => false,
        }
    }

    /// The argument of `sync_fail`.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let error_type = match self {
            Self::Definition(_) => "validation",
            Self::Sheets(error) => error.error_type(),
            Self::Read(error) => error.error_type(),
            Self::Supabase(error) => error.fault().error_type(),
            Self::Queue(_) => "network",
            Self::Refused(_) => "database",
            Self::OutOfTime => "rate_limit",
            Self::TakenOver(_) => "conflict",
        };
        Failure { error_type, code: self.code(), message: self.to_string(), is_final: true }
    }
}

/// What a run found and sent, for the answer of the invocation and the log.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    #[serde(flatten)]
    plan: PlanRecord,
    milliseconds: u64,
}

/// A run that has begun.
pub struct Run<'a, T, D, Q> {
    /// The id of the run.
    pub id: Uuid,
    /// Its sequence number.
    pub seq: i64,
    /// How many rows the sync had in the table before.
    pub present_rows: u64,
    /// The strays of the last complete read.
    pub strays_before: Option<plan::Strays>,
    /// The vanished keys whose deletion a person has approved.
    pub approved_deletes: Option<KeySet>,
    /// How the database compares the texts of each key column.
    pub key_forms: Vec<KeyForm>,
    /// What the columns of the table can hold.
    pub limits: Limits,
    /// Books that are still kept by a former key.
    pub carry: Option<Carry>,
    /// Which rows it writes: changed, all or selected.
    pub run_type: RunType,
    /// The row keys of a selective run.
    pub keys: Option<&'a [String]>,
    /// The definition of the sync that runs.
    pub definition: &'a Sync,
    /// Where the sheet is.
    pub sheets: &'a T,
    /// Where the run is recorded.
    pub supabase: &'a D,
    /// Where its batches go.
    pub queue: &'a Q,
    /// What its messages say when they were sent.
    pub now: Timestamp,
    /// Whether sheet and table will be compared in full afterwards.
    pub verifies: bool,
}

/// A run that is planned, with what a comparison of sheet and table in full needs.
pub struct Executed {
    /// What it found and sent.
    pub summary: Summary,
    /// What it read.
    pub read: TabRead,
    /// What is in progress.
    pub plan: Plan,
    /// The comparison, if there is to be one.
    pub verifier: Option<Verifier>,
}

impl<T: Tabs, D: Record, Q: Outbox> Run<'_, T, D, Q> {
    /// Reads, plans, sends and records the plan.
    ///
    /// # Errors
    /// When one of these fails. What was sent by then is applied all the same, and is right.
    pub async fn execute(self) -> Result<Executed, RunError> {
        let started = Instant::now();
        let mut shown: Option<Instant> = None;
        let mut verifier = self.verifies.then(Verifier::new);
        let progress = async |rejections: Vec<Rejection>| {
            if let Some(verifier) = &mut verifier {
                verifier.reject(&rejections);
            }
            if !rejections.is_empty() {
                self.supabase.reject(self.id, &rejections).await?;
            } else if shown.is_none_or(|shown| shown.elapsed() >= HEARTBEAT_EVERY) {
                self.heartbeat().await?;
            } else {
                return Ok(());
            }
            shown = Some(Instant::now());
            Ok::<_, RunError>(())
        };
        let (key_forms, limits) = (&self.key_forms, &self.limits);
        let read = survey::read(self.sheets, self.definition, key_forms, limits, self.keys, Measure::Nothing, progress)
            .await?;
        let read_ms = started.elapsed().as_millis() as u64;
        let sync = &self.definition.name;
        self.carry_books_over().await?;
        let mut plan = survey::compare(self.supabase, sync, self.run_type, self.present_rows, &read.snapshot).await?;
        let resent = plan.resent;
        if resent > 0 {
            tracing::warn!(run = %self.id, sync, rows = resent, "rows missing or changed in the table are sent again");
        }
        let tally = read.snapshot.tally();
        let vanished = plan.vanished().filter(|_| !read.moved);
        let approved = vanished.as_ref().is_some_and(|vanished| self.approved_deletes.as_ref() == Some(&vanished.keys));
        let reading = Reading {
            snapshot: &read.snapshot,
            moved: read.moved,
            present_before: self.present_rows,
            unmatched: plan.unmatched,
            strays_before: self.strays_before,
            approved,
        };
        let deletes_withheld = plan::withhold(&self.definition.on_delete, reading, plan.vanished.len() as u64);
        if let Some(reason) = &deletes_withheld {
            tracing::warn!(run = %self.id, sync = self.definition.name, vanished = plan.vanished.len(), reason, "deletes withheld");
            plan.vanished.clear();
        }
        let below_range = read.below_range();
        if let Some(warning) = &below_range {
            tracing::warn!(run = %self.id, sync = self.definition.name, warning, "rows below the range");
        }
        let look_alikes = read.snapshot.look_alikes();
        if look_alikes.count > 0 {
            tracing::warn!(run = %self.id, sync = self.definition.name, keys = look_alikes.count, "keys look alike");
        }
        let warnings: Vec<String> = below_range.into_iter().chain(look_alikes.warning()).collect();
        let (upsert_batches, delete_batches) = self.send(&read, &plan).await?;
        let tally = Tally { unmatched_rows: tally.shared_rows + plan.unmatched, ..tally };
        let record = PlanRecord {
            tally,
            rows_unchanged: plan.unchanged,
            rows_sent: plan.send.len() as u64,
            keys_vanished: plan.vanished.len() as u64,
            upsert_batches,
            delete_batches,
            deletes_withheld,
            read_complete: self.run_type != RunType::Selective
                && !read.moved
                && (tally.keys_unreadable == 0 || faults::is_on(Fault::KeysUnreadable)),
            check: plan.check,
            vanished,
            metadata: json!({
                "tab": read.tab.title,
                "tabId": read.tab.id,
                "reads": read.requests,
                "readMs": read_ms,
                "moved": read.moved,
                "unmappedHeaders": survey::some_of(&read.unmapped_headers),
                "missingKeys": survey::some_of(read.snapshot.missing()),
                "deletesApproved": approved,
                "warnings": warnings,
            }),
        };
        let status = self.supabase.planned(self.id, &record).await?;
        if status == RunStatus::Superseded {
            return Err(RunError::TakenOver(status));
        }
        metrics::plan(&PlanMetrics {
            sync: &self.definition.name,
            rows_read: tally.rows_read,
            rows_rejected: tally.rows_rejected,
            rows_sent: plan.send.len() as u64,
            read: Duration::from_millis(read_ms),
            planned: started.elapsed(),
        });
        let summary = Summary { plan: record, milliseconds: started.elapsed().as_millis() as u64 };
        tracing::info!(
            run = %self.id,
            sync = self.definition.name,
            rows_read = tally.rows_read,
            rows_rejected = tally.rows_rejected,
            rows_skipped = tally.rows_skipped,
            rows_unchanged = summary.plan.rows_unchanged,
            rows_sent = summary.plan.rows_sent,
            keys_vanished = summary.plan.keys_vanished,
            batches = upsert_batches + delete_batches,
            status = %status,
            duration_ms = summary.milliseconds,
            "run planned"
        );
        Ok(Executed { summary, read, plan, verifier })
    }

    /// Sends a heartbeat; an error when the run was superseded or stopped.
    async fn heartbeat(&self) -> Result<(), RunError> {
        match self.supabase.heartbeat(self.id).await {
            Ok(RunStatus::Queued | RunStatus::InProgress) => Ok(()),
            Ok(status) => Err(RunError::TakenOver(status)),
            // The sheet can be read without the database; whether that goes on being away shows with the next call.
            Err(error) => {
                tracing::warn!(run = %self.id, sync = self.definition.name, error = %error, "heartbeat failed");
                Ok(())
            }
        }
    }

    /// Keeps what is known of the rows by the key of this definition, if that was another one before. Compared by the
    /// former keys, every row would be new and every one that is known gone.
    async fn carry_books_over(&self) -> Result<(), RunError> {
        let Some(Carry { from, rows }) = &self.carry else { return Ok(()) };
        let sync = &self.definition.name;
        tracing::info!(run = %self.id, sync, former_key = ?from, rows, "carrying books over to a new key");
        let progress = async || self.heartbeat().await;
        let carried = carry::carry_over(self.supabase, sync, self.id, &self.key_forms, progress).await?;
        tracing::info!(run = %self.id, sync, carried = carried.rows, dropped = carried.dropped, "books carried over");
        Ok(())
    }

    /// Sends the batches, deletes last; says how many of each there were.
    async fn send(&self, read: &TabRead, plan: &Plan) -> Result<(u64, u64), RunError> {
        let envelope = Envelope {
            sync: self.definition.name.clone(),
            run: self.id,
            seq: self.seq,
            mapping: self.definition.mapping_version(),
            columns: self.definition.columns.iter().map(|column| column.column.clone()).collect(),
            letters: read.sources.iter().map(Source::letters).map(Some).collect(),
            sent_at: self.now,
        };
        let (mut upserts, mut deletes) = (0, 0);
        let count = |batch: &Outgoing| match batch.kind {
            batch::Kind::Upsert => upserts += 1,
            batch::Kind::Delete => deletes += 1,
        };
        let snapshot = &read.snapshot;
        let batches =
            envelope.upserts(snapshot, plan, self.definition.batch_rows).chain(envelope.deletes(plan)).inspect(count);
        self.queue.send(batches).await?;
        Ok((upserts, deletes))
    }
}

#[cfg(test)]
mod tests;
