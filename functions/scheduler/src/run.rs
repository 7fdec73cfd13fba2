//! One run of one sync, from the first read of the tab to the recorded plan. It decides nothing itself: the survey, the
//! plan and the batches are the library's.

use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use sheetsync::batch::Envelope;
use sheetsync::definition::{DefinitionError, Sync};
use sheetsync::plan::{self, Plan, Reading};
use sheetsync::preview::PreviewError;
use sheetsync::queue::{Queue, QueueError};
use sheetsync::secrets::SecretError;
use sheetsync::sheets::{Sheets, SheetsError};
use sheetsync::snapshot::Snapshot;
use sheetsync::supabase::{Failure, PlanRecord, Problem, RunType, Supabase, SupabaseError};
use sheetsync::survey::{self, Measure, ReadError};
use sheetsync::{batch, telemetry};
use uuid::Uuid;

/// Why a run failed. Each message names the thing and the fix.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// `sheetsync.toml` cannot be used.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// A secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
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
    pub fn code(&self) -> String {
        match self {
            Self::Definition(DefinitionError::UnknownSync { .. }) => "unknown_sync".to_owned(),
            Self::Definition(_) => "bad_definition".to_owned(),
            Self::Secret(_) => "no_secret".to_owned(),
            Self::Sheets(error) => error.code().to_owned(),
            Self::Read(error) => error.code().to_owned(),
            Self::Supabase(error) => error.code(),
            Self::Queue(_) => "queue_refused".to_owned(),
            Self::Refused(problems) => {
                problems.first().map_or_else(|| "refused".to_owned(), |problem| problem.code.clone())
            }
        }
    }

    /// What `sync_fail` is told.
    pub fn failure(&self) -> Failure {
        let error_type = match self {
            Self::Definition(_) => "validation",
            Self::Secret(_) => "permission",
            Self::Sheets(error) => error.error_type(),
            Self::Read(error) => error.error_type(),
            Self::Supabase(error) => error.fault().error_type(),
            Self::Queue(_) => "network",
            Self::Refused(_) => "database",
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
pub struct Run<'a> {
    pub id: Uuid,
    pub seq: i64,
    /// How many rows the sync had in the table before.
    pub present_rows: u64,
    pub run_type: RunType,
    /// The row keys of a selective run.
    pub keys: Option<&'a [String]>,
    pub definition: &'a Sync,
    pub sheets: &'a Sheets,
    pub supabase: &'a Supabase,
    pub queue: &'a Queue,
}

impl Run<'_> {
    /// Reads, plans, sends and records the plan.
    pub async fn execute(self) -> Result<Summary, RunError> {
        let started = Instant::now();
        let record = async |rejections: Vec<_>| Ok::<_, RunError>(self.supabase.reject(self.id, &rejections).await?);
        let read = survey::read(self.sheets, self.definition, self.keys, Measure::Nothing, record).await?;
        let read_ms = started.elapsed().as_millis() as u64;
        let sync = &self.definition.name;
        let mut plan = survey::compare(self.supabase, sync, self.run_type, self.present_rows, &read.snapshot).await?;
        let tally = read.snapshot.tally();
        let reading = Reading { rows: tally.rows_read, moved: read.moved, present_before: self.present_rows };
        let deletes_withheld = plan::withhold(&self.definition.on_delete, reading, plan.vanished.len() as u64);
        if let Some(reason) = &deletes_withheld {
            tracing::warn!(run = %self.id, sync = self.definition.name, vanished = plan.vanished.len(), reason, "deletes withheld");
            plan.vanished.clear();
        }
        let (upsert_batches, delete_batches) = self.send(&read.snapshot, &plan).await?;
        let missing_keys = self.keys.map(|keys| read.snapshot.missing(keys)).unwrap_or_default();
        let record = PlanRecord {
            tally,
            rows_unchanged: plan.unchanged,
            rows_sent: plan.send.len() as u64,
            keys_vanished: plan.vanished.len() as u64,
            upsert_batches,
            delete_batches,
            deletes_withheld,
            metadata: json!({
                "tab": read.tab.title,
                "tabId": read.tab.id,
                "reads": read.requests,
                "readMs": read_ms,
                "moved": read.moved,
                "unmappedHeaders": read.unmapped_headers,
                "missingKeys": missing_keys,
            }),
        };
        let status = self.supabase.planned(self.id, &record).await?;
        if status.is_applied() {
            telemetry::count_applied_run(&self.definition.name);
        }
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
        Ok(summary)
    }

    /// Sends the batches, deletes last; says how many of each there were.
    async fn send(&self, snapshot: &Snapshot, plan: &Plan) -> Result<(u64, u64), RunError> {
        let envelope = Envelope {
            sync: self.definition.name.clone(),
            run: self.id,
            seq: self.seq,
            mapping: self.definition.mapping_version(),
            columns: self.definition.columns.iter().map(|column| column.column.clone()).collect(),
            sent_at: Timestamp::now(),
        };
        let (mut upserts, mut deletes) = (0, 0);
        let count = |batch: &batch::Outgoing| match batch.kind {
            batch::Kind::Upsert => upserts += 1,
            batch::Kind::Delete => deletes += 1,
        };
        let batches =
            envelope.upserts(snapshot, plan, self.definition.batch_rows).chain(envelope.deletes(plan)).inspect(count);
        self.queue.send(batches).await?;
        Ok((upserts, deletes))
    }
}
