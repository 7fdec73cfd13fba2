//! Delivers one message: asks the breaker and the limiter, makes the call, repeats it while that may help, cuts the batch in
//! two when it is too much at once, and counts against it what is its own fault.
//!
//! What is repeated here and what is left to the queue: a call that failed at once (a refused connection, a 503, a
//! deadlock) is made again a few times within the invocation, as far as its deadline, the breaker and the budget of
//! repetitions allow. Everything that takes longer is left to the queue, where waiting costs nothing: outages, calls that
//! ran into their timeout, failures of the batch itself.

use std::time::Duration;

use sheetsync::batch::{Incoming, halve};
use sheetsync::breaker::{Decision, Evidence, Permit, SharedItem};
use sheetsync::evidence::evidence;
use sheetsync::metrics::{self, BatchMetrics};
use sheetsync::queue::Inbox;
use sheetsync::retry::{self, Waits};
use sheetsync::run::{Applied, Failure};
use sheetsync::supabase::{Destination, SupabaseError};
use tokio::time::Instant;

use crate::settings::RESERVE;
use crate::verdict::{Verdict, judge, malformed};
use crate::worker::{Invocation, Worker};

/// How long a batch waits that another worker is applying, that waits for others of its run, or whose turn did not come.
const SHORT_WAIT: Duration = Duration::from_secs(2);

/// The longest that it waits for others at a time.
const LONGEST_TURN: Duration = Duration::from_secs(300);

/// A call that has less time than this is not begun.
const SHORTEST_CALL: Duration = Duration::from_secs(3);

/// The longest that a call of the probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long PostgREST gets to read the schema again.
const RELOAD: Duration = Duration::from_secs(1);

/// What happens to a message.
#[derive(Debug)]
pub enum Delivery {
    /// It is done with.
    Done,
    /// It comes back after so long.
    Wait(Duration),
}

/// A call that was not made: for how long to wait.
#[derive(Debug, Clone, Copy)]
struct Held(Duration);

impl<D: Destination, Q: Inbox, S: SharedItem> Worker<D, Q, S> {
    /// Delivers a message, in pieces if need be. A piece that must wait does not hold back the others: the ledger knows
    /// which are done when the message comes again.
    pub(crate) async fn deliver(&self, body: &str, invocation: Invocation<'_>) -> Delivery {
        let mut pieces = vec![body.to_owned()];
        let mut kept: Option<Duration> = None;
        let mut has_reloaded = false;
        while let Some(piece) = pieces.pop() {
            let batch = match Incoming::parse(&piece) {
                Ok(batch) => batch,
                Err(error) => return self.give_up(&piece, None, &malformed(error.to_string())).await,
            };
            let delivery = match self.apply(&piece, &batch, invocation).await {
                Err(Held(wait)) => return Delivery::Wait(wait),
                Ok(Verdict::Done) => Delivery::Done,
                Ok(Verdict::Later) => Delivery::Wait(self.later(&batch)),
                Ok(Verdict::Again | Verdict::Down) => {
                    return Delivery::Wait(self.until_it_may_be_back().await);
                }
                Ok(Verdict::Halve(failure)) => match halve(&piece) {
                    Some([first, second]) => {
                        tracing::info!(run = %batch.run, sync = batch.sync, batch = %batch.stretch, "batch halved");
                        pieces.extend([second, first]);
                        continue;
                    }
                    None => self.fail(&piece, &batch, &failure, invocation).await,
                },
                Ok(Verdict::Drift(_)) if !has_reloaded => {
                    has_reloaded = true;
                    match self.reload_schema(invocation).await {
                        Err(Held(wait)) => return Delivery::Wait(wait),
                        Ok(()) => pieces.push(piece),
                    }
                    continue;
                }
                Ok(Verdict::Drift(failure)) => return self.stop(&batch, &failure, invocation).await,
                Ok(Verdict::Failed(failure) | Verdict::Hopeless(failure)) => {
                    self.fail(&piece, &batch, &failure, invocation).await
                }
            };
            if let Delivery::Wait(wait) = delivery {
                kept = Some(kept.map_or(wait, |other| other.max(wait)));
            }
        }
        kept.map_or(Delivery::Done, Delivery::Wait)
    }

    /// Applies a batch, and again while it failed in passing.
    async fn apply(&self, piece: &str, batch: &Incoming, invocation: Invocation<'_>) -> Result<Verdict, Held> {
        let mut waits = Waits::new(retry::BATCH);
        self.budget.earn();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let started = Instant::now();
            let outcome = self.call(invocation, |time| self.destination.apply(piece, time)).await?;
            self.record_attempt(batch, &outcome, attempt, started.elapsed());
            let asked = outcome.as_ref().err().and_then(SupabaseError::retry_after);
            let has_hung = started.elapsed() >= SHORTEST_CALL;
            let verdict = judge(outcome);
            if !matches!(verdict, Verdict::Again) || has_hung {
                return Ok(verdict);
            }
            match waits.next(asked, &self.chance) {
                Some(wait) if wait + SHORTEST_CALL <= self.left(invocation) && self.budget.pay() => {
                    tokio::time::sleep(wait).await;
                }
                _ => return Ok(verdict),
            }
        }
    }

    /// Makes one call, if breaker, limiter and deadline allow it. Every call of the worker to the destination goes through
    /// here, so the rate holds for all of them and the breaker learns from all of them.
    async fn call<T, F>(
        &self,
        invocation: Invocation<'_>,
        call: impl FnOnce(Duration) -> F,
    ) -> Result<Result<T, SupabaseError>, Held>
    where
        F: Future<Output = Result<T, SupabaseError>>,
    {
        // A probe that closed the breaker is followed by an ordinary call; one that did not, by a refusal.
        let permit = loop {
            match self.breaker.admit(invocation.request).await {
                Decision::Call(permit) => break permit,
                Decision::Wait { until } => return Err(Held(until.since(self.clock.now()))),
                Decision::Probe(permit) => self.probe(&permit, invocation).await?,
            }
        };
        let time = self.turn(invocation).await?;
        let started = Instant::now();
        let outcome = call(time.min(self.settings.timeouts.request)).await;
        if outcome.as_ref().is_err_and(|error| error.code() == "PGRST003") {
            // It ran out of connections to the database: fewer at once.
            self.limiter.slow_down();
        }
        self.learn(&permit, &outcome, started.elapsed()).await;
        Ok(outcome)
    }

    /// Tries a few small calls; the first that fails ends it.
    async fn probe(&self, permit: &Permit, invocation: Invocation<'_>) -> Result<(), Held> {
        for _ in 0..self.breaker.rule().probe_calls {
            let time = self.turn(invocation).await?;
            let started = Instant::now();
            let outcome = self.destination.ping(time.min(PROBE_TIMEOUT)).await;
            let evidence = self.learn(permit, &outcome, started.elapsed()).await;
            if let (Evidence::Failure(_), Err(error)) = (&evidence, &outcome) {
                tracing::warn!(code = error.code(), error = %error, "the probe failed");
                break;
            }
        }
        Ok(())
    }

    /// Records a call's outcome in the breaker, and emits `AccessRefused` when only a person can fix it.
    async fn learn<T>(&self, permit: &Permit, outcome: &Result<T, SupabaseError>, duration: Duration) -> Evidence {
        if outcome.as_ref().is_err_and(|error| error.fault().needs_a_person()) {
            metrics::access_refused(None);
        }
        let evidence = evidence(outcome.as_ref().err(), duration, self.breaker.rule());
        self.breaker.record(permit, &evidence).await;
        evidence
    }

    /// Waits for this container's turn; the time that a call then has.
    async fn turn(&self, invocation: Invocation<'_>) -> Result<Duration, Held> {
        let spare = self.left(invocation).saturating_sub(SHORTEST_CALL);
        if spare.is_zero() || !self.limiter.ready(spare).await {
            tracing::info!("not enough time left in the invocation");
            return Err(Held(self.soon()));
        }
        Ok(self.left(invocation))
    }

    /// The time that calls have before the invocation ends.
    fn left(&self, invocation: Invocation<'_>) -> Duration {
        invocation.deadline.since(self.clock.now()).saturating_sub(RESERVE)
    }

    fn soon(&self) -> Duration {
        SHORT_WAIT + self.chance.part_of(SHORT_WAIT)
    }

    /// How long a batch waits for others: the longer the older it is, because each time costs one of the thousand receives
    /// that a message has, and the others may never come (their scheduler died before the plan was recorded).
    fn later(&self, batch: &Incoming) -> Duration {
        let age = self.clock.now().since(batch.sent_at.into());
        self.soon().max((age / 10).min(LONGEST_TURN))
    }

    /// How long a batch waits after a call that failed: until the breaker lets it pass, or a moment if it would.
    async fn until_it_may_be_back(&self) -> Duration {
        match self.breaker.refuses_until().await {
            Some(until) => until.since(self.clock.now()),
            None => {
                let half = self.settings.first_open / 2;
                half + self.chance.part_of(half)
            }
        }
    }

    /// Counts a failed attempt of a batch; moves it to the dead-letter queue when it was the last. It stays on the queue while its run does not know.
    async fn fail(&self, piece: &str, batch: &Incoming, failure: &Failure, invocation: Invocation<'_>) -> Delivery {
        let recorded = self.call(invocation, |time| self.destination.fail(batch.run, Some(batch), failure, time)).await;
        match recorded {
            Err(Held(wait)) => Delivery::Wait(wait),
            Ok(Ok(failed)) if failed.is_final => self.give_up(piece, Some(&batch.sync), failure).await,
            Ok(Ok(_)) => Delivery::Wait(self.soon()),
            Ok(Err(error)) => {
                tracing::warn!(run = %batch.run, error = %error, "could not record the failed attempt");
                Delivery::Wait(self.until_it_may_be_back().await)
            }
        }
    }

    /// Stops the run of a batch: nothing of it can be applied. Its other batches are superseded by that.
    async fn stop(&self, batch: &Incoming, failure: &Failure, invocation: Invocation<'_>) -> Delivery {
        tracing::error!(run = %batch.run, sync = batch.sync, code = failure.code, error = failure.message, "run stopped");
        match self.call(invocation, |time| self.destination.fail(batch.run, None, failure, time)).await {
            Err(Held(wait)) => Delivery::Wait(wait),
            Ok(Ok(_)) => Delivery::Done,
            Ok(Err(error)) => {
                tracing::warn!(run = %batch.run, error = %error, "could not stop the run");
                Delivery::Wait(self.until_it_may_be_back().await)
            }
        }
    }

    /// Moves a batch to the dead-letter queue.
    async fn give_up(&self, piece: &str, sync: Option<&str>, failure: &Failure) -> Delivery {
        tracing::error!(sync, code = failure.code, error = failure.message, "batch moves to the dead-letter queue");
        match self.dead_letters.send_dead_letter(piece, &format!("{}: {}", failure.code, failure.message)).await {
            Ok(()) => {
                metrics::batch_given_up(sync);
                Delivery::Done
            }
            Err(error) => {
                tracing::error!(error = %error, "the dead-letter queue refused the batch; it stays on the queue");
                Delivery::Wait(self.soon())
            }
        }
    }

    async fn reload_schema(&self, invocation: Invocation<'_>) -> Result<(), Held> {
        if let Err(error) = self.call(invocation, |time| self.destination.reload_schema(time)).await? {
            tracing::warn!(error = %error, "could not ask PostgREST to reload the schema");
        }
        tokio::time::sleep(RELOAD.min(self.left(invocation))).await;
        Ok(())
    }

    /// Logs the result of a call, with its metrics.
    fn record_attempt(
        &self,
        batch: &Incoming,
        outcome: &Result<Applied, SupabaseError>,
        attempt: u32,
        duration: Duration,
    ) {
        let duration_ms = duration.as_millis() as u64;
        let age_ms = self.clock.now().since(batch.sent_at.into()).as_millis() as u64;
        match outcome {
            Ok(applied) => tracing::info!(
                run = %batch.run,
                sync = batch.sync,
                kind = ?batch.kind,
                batch = %batch.stretch,
                rows = batch.rows,
                attempt,
                outcome = ?applied.outcome,
                inserted = applied.counts.inserted,
                updated = applied.counts.updated,
                unchanged = applied.counts.unchanged,
                deleted = applied.counts.deleted,
                conflicts = applied.counts.conflicts,
                rejected = applied.counts.rejected,
                skipped = applied.counts.skipped,
                unconfirmed = applied.counts.unconfirmed,
                withheld = applied.counts.withheld,
                duration_ms,
                age_ms,
                "batch answered"
            ),
            Err(error) => tracing::warn!(
                run = %batch.run,
                sync = batch.sync,
                kind = ?batch.kind,
                batch = %batch.stretch,
                rows = batch.rows,
                attempt,
                code = error.code(),
                fault = ?error.fault(),
                error = %error,
                duration_ms,
                age_ms,
                "batch not applied"
            ),
        }
        metrics::batch(&BatchMetrics {
            sync: &batch.sync,
            outcome: outcome.as_ref().ok().map(|applied| applied.outcome),
            counts: outcome.as_ref().map(|applied| applied.counts).unwrap_or_default(),
            latency: duration,
            is_repeated: attempt > 1,
            age: Duration::from_millis(age_ms),
        });
    }
}
