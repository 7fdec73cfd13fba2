//! `sync_begin`, `sync_planned` and the failure of a run, its heartbeats.

use super::{Begin, Begun, Counts, Failed, Ledger, PlanRecord, Presence, Run, RunId, RunType, Seconds, Status, Target};

/// A scheduled run may come so much early: half a tick.
const SLACK: Seconds = 30;

impl Ledger {
    /// Opens a run, unless an earlier one still makes progress. The invocation whose answer was lost gets it again.
    pub fn begin(&mut self, begin: Begin) -> Begun {
        let Begin { run, nonce, definition, run_type, every, stall } = begin;
        if let Some(known) = self.runs.get(&run) {
            return if known.nonce == nonce && !known.planned && known.status == Status::Queued {
                Begun::Begun { seq: known.seq, superseded: None, present_rows: known.present_rows }
            } else {
                Begun::Duplicate { status: known.status }
            };
        }
        let pause = every.map(|every| (every - SLACK).max(every / 2));
        let is_recent = |known: &Run| {
            known.run_type == RunType::Scheduled && pause.is_some_and(|pause| known.started > self.now - pause)
        };
        if run_type == RunType::Scheduled && self.runs.values().any(is_recent) {
            return Begun::NotDue;
        }
        let current = self.target.and_then(|target| Some((target.run, self.runs.get(&target.run)?)));
        if let Some((id, state)) = current
            && state.status.is_open()
            && state.heartbeat > self.now - stall
        {
            return Begun::Busy { run: id };
        }

        let current = self.target.map(|target| target.run);
        let mut stalled: Vec<(bool, Seconds, RunId)> = Vec::new();
        for (id, state) in &mut self.runs {
            if state.status.is_open() && (Some(*id) == current || state.heartbeat <= self.now - stall) {
                state.status = Status::Superseded;
                stalled.push((Some(*id) == current, state.started, *id));
            }
        }
        let superseded = stalled.into_iter().max().map(|(.., id)| id);
        self.retries.clear();

        let seq = self.target.map_or(1, |target| target.seq + 1);
        self.target = Some(Target { definition, run, seq });
        let present_rows = self.remembered.values().filter(|row| row.presence == Presence::Present).count() as i64;
        self.runs.insert(
            run,
            Run {
                seq,
                nonce,
                run_type,
                status: Status::Queued,
                stopped: false,
                started: self.now,
                heartbeat: self.now,
                planned: false,
                total: 0,
                counts: Counts::default(),
                failed: 0,
                rows_sent: 0,
                rows_done: 0,
                keys_vanished: 0,
                keys_done: 0,
                keys_refused: 0,
                withheld: false,
                read_complete: false,
                strays: 0,
                batches_total: 0,
                batches_done: 0,
                present_rows,
                adds_up: true,
            },
        );
        Begun::Begun { seq, superseded, present_rows }
    }

    /// Records what was read and sent; the second time it changes nothing.
    pub fn planned(&mut self, run: RunId, plan: PlanRecord) -> Option<Status> {
        let now = self.now;
        let state = self.runs.get_mut(&run)?;
        if !state.status.is_open() || state.planned {
            return Some(state.status);
        }
        state.status = Status::InProgress;
        state.planned = true;
        state.heartbeat = now;
        state.total = plan.read;
        state.counts.rejected += plan.rejected;
        state.counts.skipped += plan.skipped;
        state.counts.unchanged += plan.unchanged;
        state.rows_sent = plan.sent;
        state.keys_vanished = plan.vanished;
        state.batches_total = plan.upsert_batches + plan.delete_batches;
        state.withheld = plan.withheld;
        state.read_complete = plan.read_complete;
        self.close(run)
    }

    /// `sync_heartbeat`: a heartbeat, the first of which makes the run `in_progress`.
    pub fn heartbeat(&mut self, run: RunId) -> Option<Status> {
        let now = self.now;
        let state = self.runs.get_mut(&run)?;
        if state.status.is_open() {
            state.status = Status::InProgress;
            state.heartbeat = now;
        }
        Some(state.status)
    }

    /// Fails a run at once.
    pub fn fail_run(&mut self, run: RunId) -> Failed {
        if !self.runs.contains_key(&run) {
            return Failed { attempts: 0, is_final: true, status: None };
        }
        Failed { attempts: 1, is_final: true, status: self.stop(run) }
    }

    pub(super) fn stop(&mut self, run: RunId) -> Option<Status> {
        let now = self.now;
        self.retries.retain(|(of, _), _| *of != run);
        let state = self.runs.get_mut(&run)?;
        if state.status.is_open() || state.status == Status::Failed {
            state.status = Status::Failed;
            state.stopped = true;
            state.heartbeat = now;
        }
        Some(state.status)
    }
}
