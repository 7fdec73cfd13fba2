//! Makes a plan: reads, compares, and asks the database about each batch.

use jiff::Timestamp;

use super::report::{Preview, Stop};
use crate::clients::sheets::Sheets;
use crate::clients::supabase::{Supabase, SupabaseError};
use crate::definition::{Mode, Sync};
use crate::diff::plan::{self, Plan, Reading};
use crate::diff::snapshot::State;
use crate::mapping::Rejection;
use crate::protocol::difference::Inspection;
use crate::protocol::run::RunType;
use crate::runs::survey::{self, Measure, ReadError, TabRead};

/// Why a plan cannot be made. What would make the run fail, such as a missing header, is no such reason: the plan says it.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The sheet cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Supabase does not answer as it should.
    #[error(transparent)]
    Supabase(#[from] SupabaseError),
}

impl PreviewError {
    /// A short name for logs and answers.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::Read(error) => error.code().to_owned(),
            Self::Supabase(error) => error.code(),
        }
    }
}

/// Makes the plan of a run of this type; `keys` are those of a selective run.
///
/// # Errors
/// When sheet or database cannot be read.
pub async fn preview(
    sheets: &Sheets,
    supabase: &Supabase,
    definition: &Sync,
    run_type: RunType,
    keys: Option<&[String]>,
) -> Result<Preview, PreviewError> {
    let mut preview = Preview::new(definition, run_type, Timestamp::now());
    let inspection = supabase.inspect(definition).await?;
    let types = supabase.column_types(&definition.table).await?;
    preview.hold_against_table(definition, &inspection, types.as_ref());

    let collect = async |rejections: Vec<Rejection>| {
        preview.reject(rejections);
        Ok::<_, PreviewError>(())
    };
    let (key_forms, limits) = (&inspection.key_forms, &inspection.limits);
    let read = match survey::read(sheets, definition, key_forms, limits, keys, Measure::Fits, collect).await {
        Ok(read) => read,
        Err(PreviewError::Read(error @ (ReadError::Headers { .. } | ReadError::NoHeaders { .. }))) => {
            if let ReadError::Headers { problems, .. } = &error {
                preview.warn_all("header", problems.iter().map(ToString::to_string));
            }
            preview.fails = Some(Stop { code: error.code().to_owned(), message: error.to_string() });
            return Ok(preview);
        }
        Err(error) => return Err(error),
    };
    preview.count_read(&read);
    warn_of_reading(&mut preview, definition, &inspection, &read);
    if preview.fails.is_some() {
        preview.failed = ready(&read);
        return Ok(preview);
    }

    let plan = find_changes(supabase, definition, run_type, &inspection, &read).await?;
    preview.unchanged = plan.unchanged;
    preview_rows(&mut preview, supabase, definition, &read, &plan).await?;
    preview_deletes(&mut preview, supabase, definition, &read, &inspection, plan).await?;
    preview.conclude();
    Ok(preview)
}

/// What a run would send. Of a sync that the database does not know nothing is remembered, so everything is new.
async fn find_changes(
    supabase: &Supabase,
    definition: &Sync,
    run_type: RunType,
    inspection: &Inspection,
    read: &TabRead,
) -> Result<Plan, SupabaseError> {
    if inspection.known {
        survey::compare(supabase, &definition.name, run_type, inspection.present_rows, &read.snapshot).await
    } else {
        Ok(plan::chosen(&read.snapshot))
    }
}

async fn preview_rows(
    preview: &mut Preview,
    supabase: &Supabase,
    definition: &Sync,
    read: &TabRead,
    plan: &Plan,
) -> Result<(), SupabaseError> {
    let registration = definition.registration();
    survey::in_batches(definition, &read.snapshot, &plan.send, async |batch| {
        let answer = supabase.preview(&registration, batch, 0, false, false).await?;
        preview.add(answer, batch.rows as u64, &read.sources);
        Ok(())
    })
    .await
}

async fn preview_deletes(
    preview: &mut Preview,
    supabase: &Supabase,
    definition: &Sync,
    read: &TabRead,
    inspection: &Inspection,
    mut plan: Plan,
) -> Result<(), SupabaseError> {
    let vanished = plan.vanished.len() as u64;
    let gone = plan.vanished().filter(|_| !read.moved);
    let approved = gone.is_some_and(|gone| inspection.approved_deletes.as_ref() == Some(&gone.keys));
    let reading = Reading {
        snapshot: &read.snapshot,
        moved: read.moved,
        present_before: inspection.present_rows,
        unmatched: plan.unmatched,
        strays_before: inspection.strays,
        approved,
    };
    preview.deletes_withheld = plan::withhold(&definition.on_delete, reading, vanished);
    if preview.deletes_withheld.is_some() {
        plan.vanished.clear();
    }
    let registration = definition.registration();
    for batch in survey::envelope(definition).deletes(&plan) {
        let answer = supabase.preview(&registration, &batch, vanished, preview.failed > 0, approved).await?;
        preview.add_deletes(answer);
    }
    Ok(())
}

fn warn_of_reading(preview: &mut Preview, definition: &Sync, inspection: &Inspection, read: &TabRead) {
    let unmapped = survey::some_of(&read.unmapped_headers);
    if !unmapped.is_empty() {
        preview.warn("unmapped_headers", None, format!("no column is fed by {}", unmapped.join(", ")));
    }
    // Otherwise it is a problem of the definition already.
    if definition.mode != Mode::UpdateOnly && inspection.problems.is_empty() {
        for column in &inspection.needs_value {
            if !definition.columns.iter().any(|mapped| mapped.column == *column) {
                let message = format!(
                    "the column {column} is NOT NULL without a default, and no header feeds it: new rows are refused where \
                     no trigger of the table fills it; map it, or give it a default"
                );
                preview.warn("required_column_unfed", Some(column), message);
            }
        }
    }
    if let Some(run) = inspection.running {
        preview.warn(
            "run_in_progress",
            None,
            format!("the run {run} is in progress; what it changes is not in this plan"),
        );
    }
    if read.moved {
        let message = "the spreadsheet changed while it was read: make the plan again";
        preview.warn("sheet_moved", None, message.to_owned());
    }
    if let Some(warning) = read.below_range() {
        preview.warn("rows_below_range", None, warning);
    }
    if let Some(warning) = read.snapshot.look_alikes().warning() {
        preview.warn("keys_look_alike", None, warning);
    }
    let missing = survey::some_of(read.snapshot.missing());
    if !missing.is_empty() {
        preview.warn("missing_keys", None, format!("the sheet has no row with the key {}", missing.join(", ")));
    }
}

/// Rows that could be sent.
fn ready(read: &TabRead) -> u64 {
    read.snapshot.entries().iter().filter(|entry| matches!(entry.state, State::Ready { .. })).count() as u64
}
