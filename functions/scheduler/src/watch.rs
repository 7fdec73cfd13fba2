//! What a tick reports to CloudWatch: the runs that have closed, where every sync stands, and whether Supabase can be reached.
//! What a metric means is in the library (`metrics`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use sheetsync::breaker::Store;
use sheetsync::definition::Definition;
use sheetsync::metrics;
use sheetsync::overdue::{DEFAULT_STALL_AFTER, Rhythm};
use sheetsync::standing::{Reported, Standing};
use sheetsync::supabase::{Supabase, SupabaseError};
use tokio::time::{Instant, timeout_at};

use crate::gate::Gate;

/// The longest that a call may take: the metrics of a tick must not cost the next one its time.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is reported, and from what.
#[derive(Debug)]
pub(crate) struct Watch {
    definition: PathBuf,
    /// Where the syncs stood when Supabase last said so. While it is away, they are overdue all the same.
    known: Mutex<BTreeMap<String, Standing>>,
}

impl Watch {
    /// Reports of the syncs that are defined at this path.
    pub(crate) fn new(definition: PathBuf) -> Self {
        Self { definition, known: Mutex::default() }
    }

    /// Reports after an invocation; of a tick also where these syncs stand.
    pub(crate) async fn report(
        &self,
        supabase: &Supabase,
        gate: &Gate<Store>,
        syncs: &[String],
        is_tick: bool,
        invocation: &str,
        stop: Instant,
    ) {
        if Instant::now() < stop
            && let Ok(permit) = gate.admit(supabase, invocation, stop).await
        {
            if let Ok(Err(error)) = timeout_at(stop, self.ask(supabase, is_tick)).await {
                tracing::warn!(code = error.code(), error = %error, "metrics incomplete: Supabase did not answer");
            }
            gate.learn(supabase, &permit, stop).await;
        }
        if is_tick {
            self.report_standings(syncs);
        }
        let outlook = gate.outlook().await;
        metrics::destination(outlook.circuit_is_open, outlook.is_unreachable);
    }

    async fn ask(&self, supabase: &Supabase, is_tick: bool) -> Result<(), SupabaseError> {
        let supabase = supabase.within(TIMEOUT);
        report_closed(&supabase).await?;
        if is_tick {
            let standings = supabase.standings().await?;
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) =
                standings.into_iter().map(|standing| (standing.sync.clone(), standing)).collect();
        }
        Ok(())
    }

    fn report_standings(&self, syncs: &[String]) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
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
