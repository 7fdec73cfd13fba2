//! What a tick reports to CloudWatch: the runs that have closed, where every sync stands, and whether Supabase can be reached.
//! What a metric means is in the library (`metrics`).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use sheetsync::definition::Definition;
use sheetsync::metrics;
use sheetsync::overdue::{DEFAULT_STALL_AFTER, Rhythm};
use sheetsync::standing::{Reported, Standing};
use sheetsync::supabase::{Supabase, SupabaseError};
use tokio::time::{Instant, timeout_at};

use crate::handler::Scheduler;

/// The longest that a call may take: the metrics of a tick must not cost the next one its time.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where the syncs stood when Supabase last said so. While it is away, they are overdue all the same.
#[derive(Debug, Default)]
pub(crate) struct LastKnown(Mutex<BTreeMap<String, Standing>>);

impl Scheduler {
    /// Reports after an invocation; of a tick also where these syncs stand.
    pub(crate) async fn watch(&self, syncs: &[String], is_tick: bool, invocation: &str, stop: Instant) {
        if Instant::now() < stop
            && let Ok(permit) = self.gate.admit(&self.supabase, invocation, stop).await
        {
            if let Ok(Err(error)) = timeout_at(stop, self.ask(is_tick)).await {
                tracing::warn!(code = error.code(), error = %error, "metrics incomplete: Supabase did not answer");
            }
            self.gate.learn(&self.supabase, &permit, stop).await;
        }
        if is_tick {
            self.report_standings(syncs);
        }
        let outlook = self.gate.outlook().await;
        metrics::destination(outlook.circuit_is_open, outlook.is_unreachable);
    }

    async fn ask(&self, is_tick: bool) -> Result<(), SupabaseError> {
        let supabase = self.supabase.within(TIMEOUT);
        report_closed(&supabase).await?;
        if is_tick {
            let standings = supabase.standings().await?;
            *self.known.0.lock().unwrap_or_else(PoisonError::into_inner) =
                standings.into_iter().map(|standing| (standing.sync.clone(), standing)).collect();
        }
        Ok(())
    }

    fn report_standings(&self, syncs: &[String]) {
        let known = self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Timestamp::now();
        for standing in syncs.iter().filter_map(|sync| known.get(sync)) {
            metrics::standing(standing, self.rhythm(standing), now);
        }
    }

    /// How often a sync runs: by its definition, or while that cannot be read as it did last.
    fn rhythm(&self, standing: &Standing) -> Option<Rhythm> {
        match Definition::load_sync(&self.definition, &standing.sync) {
            Ok(sync) => sync.every.map(|every| Rhythm { every, stall_after: sync.stall_after }),
            Err(_) => standing.every_seconds.map(|every| Rhythm {
                every: Duration::from_secs(every),
                stall_after: standing.stall_seconds.map_or(DEFAULT_STALL_AFTER, Duration::from_secs),
            }),
        }
    }
}

/// Reports every run that has closed and is not reported yet.
async fn report_closed(supabase: &Supabase) -> Result<(), SupabaseError> {
    let mut reported: Vec<Reported> = Vec::new();
    loop {
        let runs = supabase.closed_runs(&reported).await?;
        if runs.is_empty() {
            return Ok(());
        }
        for run in &runs {
            metrics::run_closed(run);
        }
        reported = runs.iter().map(Reported::from).collect();
    }
}
