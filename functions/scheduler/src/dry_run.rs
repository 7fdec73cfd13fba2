//! A plan requested with `dryRun`: made by the library, stored in `sync_plans` under the id of the request.

use sheetsync::definition::Sync;
use sheetsync::difference::PlanEntry;
use sheetsync::preview::{self, Preview};
use sheetsync::run::{Problem, RunType};
use sheetsync::sheets::Sheets;
use sheetsync::supabase::{Supabase, SupabaseError};
use uuid::Uuid;

use crate::run::RunError;

/// What is asked for.
pub struct DryRun<'a> {
    pub id: Uuid,
    pub sync: &'a str,
    pub requested_by: &'a str,
    pub run_type: RunType,
    pub keys: Option<&'a [String]>,
}

/// What became of it.
pub enum Planned {
    /// The plan is stored.
    Done,
    /// This id was asked for before.
    Duplicate,
    /// It could not be made, which is stored too.
    Failed(RunError),
}

impl DryRun<'_> {
    /// Makes and stores the plan.
    ///
    /// # Errors
    /// When what came of it could not be stored.
    pub async fn execute(
        self,
        definition: Result<Sync, RunError>,
        sheets: &Sheets,
        supabase: &Supabase,
    ) -> Result<Planned, SupabaseError> {
        if supabase.enter_plan(self.id, self.sync, self.requested_by).await? == PlanEntry::Duplicate {
            return Ok(Planned::Duplicate);
        }
        let outcome = match definition {
            Err(error) => Err(error),
            Ok(definition) => {
                // A plan has no schedule to keep: it says what a run would do now.
                let run_type = if self.run_type == RunType::Scheduled { RunType::Manual } else { self.run_type };
                preview::preview(sheets, supabase, &definition, run_type, self.keys).await.map_err(RunError::from)
            }
        };
        match outcome {
            Ok(preview) => {
                supabase.end_plan(self.id, Ok(&preview)).await?;
                tracing::info!(
                    plan = %self.id,
                    sync = self.sync,
                    insert = preview.insert,
                    update = preview.update,
                    delete = preview.delete,
                    reject = preview.reject,
                    "plan made"
                );
                Ok(Planned::Done)
            }
            Err(error) => {
                let problem = Problem { code: error.code(), column: None, message: error.to_string() };
                supabase.end_plan(self.id, Err::<&Preview, _>(&problem)).await?;
                tracing::error!(plan = %self.id, sync = self.sync, code = problem.code, error = %error, "plan failed");
                Ok(Planned::Failed(error))
            }
        }
    }
}
