//! Dead letters: the messages that are not tried any more. They are listed and inspected without loss, sent to the queue
//! again once their cause is fixed (redrive), or removed permanently.
//!
//! It may be interrupted at any moment. A message is sent before it is removed, so a crash in between doubles it at
//! most, and the ledger makes a double harmless (docs/PROMISES.md, promise 2). A received message reappears after [`IN_HAND`].

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clients::queue::{Inbox as _, Queue, QueueError, Received};
use crate::clients::supabase::{Supabase, SupabaseError};
use crate::protocol::batch::{Incoming, Kind, Malformed, Stretch};
use crate::protocol::run::{LostBatch, RunStatus};

/// How long a message that is looked at stays hidden from others.
pub const IN_HAND: Duration = Duration::from_secs(120);

/// A queue that was asked so often in a row and showed nothing new has been seen whole.
const EMPTY_ANSWERS: u32 = 2;

/// Which dead letters; what is not said is not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those of a sync.
    pub sync: Option<String>,
    /// Those of a run.
    pub run: Option<Uuid>,
    /// Those whose run was sent longer ago than this.
    pub older_than: Option<Duration>,
}

/// Which dead letters to redrive, and how many.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Which dead letters.
    pub filter: Filter,
    /// How many at most.
    pub limit: Option<u64>,
    /// No message is begun after this time.
    pub within: Option<Duration>,
    /// Only counts, and leaves everything where it is.
    pub dry_run: bool,
}

/// What a redrive did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Messages that the filter matches.
    pub matched: u64,
    /// Of these, sent to the queue again.
    pub redriven: u64,
    /// Of these, dropped: their run is no longer the sync's current one or was stopped, so they would change nothing.
    pub superseded: u64,
    /// Messages that are no batch, or of a sync that never began a run. No redrive helps them; they stay.
    pub malformed: u64,
    /// About how many messages are in the dead-letter queue afterwards.
    pub left: u64,
}

/// A message of the dead-letter queue.
pub struct DeadLetter {
    /// The message as SQS has it.
    pub message: Received,
    /// What it carries.
    pub batch: Result<Incoming, Malformed>,
}

impl DeadLetter {
    /// Reads what a message carries.
    #[must_use]
    pub fn of(message: Received) -> Self {
        Self { batch: Incoming::parse(&message.body), message }
    }

    /// Why it is here, without any of its content.
    #[must_use]
    pub fn reason(&self) -> String {
        match (&self.message.reason, &self.batch) {
            (Some(reason), _) => reason.clone(),
            (None, Err(malformed)) => malformed.to_string(),
            (None, Ok(_)) => "moved by SQS: received too often without an answer".to_owned(),
        }
    }

    /// How long ago its run was sent. The body says so however often the message was moved; what has none was sent when
    /// SQS says.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        let sent_at = self.batch.as_ref().map(|batch| batch.sent_at).ok().or(self.message.sent_at);
        sent_at.map_or(Duration::ZERO, |sent| now.duration_since(sent).try_into().unwrap_or_default())
    }

    /// The batch that it carries, whichever message carries it.
    fn identity(&self) -> Option<(Uuid, bool, i64, i64)> {
        let batch = self.batch.as_ref().ok()?;
        Some((batch.run, batch.kind == Kind::Delete, batch.stretch.lo, batch.stretch.hi))
    }

    /// Whether the filter asks for it. What is no batch belongs to no sync and no run.
    #[must_use]
    pub fn matches(&self, filter: &Filter, now: Timestamp) -> bool {
        let batch = self.batch.as_ref().ok();
        filter.sync.as_ref().is_none_or(|sync| batch.is_some_and(|batch| batch.sync == *sync))
            && filter.run.is_none_or(|run| batch.is_some_and(|batch| batch.run == run))
            && filter.older_than.is_none_or(|age| self.age(now) > age)
    }
}

/// A walk through a dead-letter queue that shows each message once. What is neither [removed](Scan::remove) nor
/// [left](Scan::leave) reappears for other readers after [`IN_HAND`].
pub struct Scan<'a> {
    queue: &'a Queue,
    in_hand: VecDeque<Received>,
    seen: HashSet<String>,
    left: Vec<String>,
    empty_answers: u32,
}

impl<'a> Scan<'a> {
    /// A walk through `queue`.
    #[must_use]
    pub fn of(queue: &'a Queue) -> Self {
        Self { queue, in_hand: VecDeque::new(), seen: HashSet::new(), left: Vec::new(), empty_answers: 0 }
    }

    /// The next message; `None` when all were shown.
    ///
    /// # Errors
    /// When SQS refuses.
    pub async fn next(&mut self) -> Result<Option<DeadLetter>, QueueError> {
        loop {
            if let Some(message) = self.in_hand.pop_front() {
                return Ok(Some(DeadLetter::of(message)));
            }
            if self.empty_answers >= EMPTY_ANSWERS {
                return Ok(None);
            }
            let mut news = self.queue.receive(IN_HAND).await?;
            // In a long walk those that were left may show again.
            news.retain(|message| self.seen.insert(message.id.clone()));
            self.empty_answers = if news.is_empty() { self.empty_answers + 1 } else { 0 };
            self.in_hand = news.into();
        }
    }

    /// Deletes a message from the queue.
    ///
    /// # Errors
    /// When SQS refuses.
    pub async fn remove(&mut self, letter: &DeadLetter) -> Result<(), QueueError> {
        self.queue.remove(&letter.message.receipt).await
    }

    /// Leaves a message where it is.
    pub fn leave(&mut self, letter: DeadLetter) {
        self.left.push(letter.message.receipt);
    }

    /// How many messages were shown.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen.len() as u64
    }

    /// Ends the walk: what was left shows to others at once.
    pub async fn finish(self) {
        let in_hand = self.in_hand.iter().map(|message| &message.receipt);
        for receipt in self.left.iter().chain(in_hand) {
            if let Err(error) = self.queue.hide(receipt, Duration::ZERO).await {
                tracing::debug!(error = %error, "could not release a dead letter; it reappears after {IN_HAND:?}");
            }
        }
    }
}

/// Sends dead letters to the queue again.
#[derive(Debug, Clone, Copy)]
pub struct Redrive<'a> {
    /// Where they are.
    pub dead_letters: &'a Queue,
    /// Where they go.
    pub queue: &'a Queue,
    /// Who knows which runs are current. Without an answer every batch is redriven: those of older runs change nothing.
    pub supabase: Option<&'a Supabase>,
}

/// What becomes of a batch that is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Current,
    Superseded,
    /// No run of this sync has begun in this database.
    Unknown,
}

impl Redrive<'_> {
    /// Redrives the selection.
    ///
    /// # Errors
    /// When SQS refuses. What was redriven by then stays redriven; the call can be repeated.
    pub async fn run(&self, selection: &Selection) -> Result<Report, QueueError> {
        let (started, now) = (Instant::now(), Timestamp::now());
        let before = self.dead_letters.depth().await?.total();
        let mut standings = Standings { supabase: self.supabase, known: HashMap::new() };
        let mut scan = Scan::of(self.dead_letters);
        let mut report = Report::default();
        let mut taken = HashSet::new();
        let mut removed = 0;
        while selection.within.is_none_or(|within| started.elapsed() < within)
            && selection.limit.is_none_or(|limit| report.redriven + report.superseded < limit)
            && let Some(letter) = scan.next().await?
        {
            // A batch that was sent again may have failed again by now: each is sent once per redrive.
            if !letter.matches(&selection.filter, now) || letter.identity().is_some_and(|batch| !taken.insert(batch)) {
                scan.leave(letter);
                continue;
            }
            report.matched += 1;
            let standing = match &letter.batch {
                Ok(batch) => standings.of(batch).await,
                Err(_) => Standing::Unknown,
            };
            match standing {
                Standing::Unknown => report.malformed += 1,
                Standing::Superseded => report.superseded += 1,
                Standing::Current => report.redriven += 1,
            }
            if selection.dry_run || standing == Standing::Unknown {
                scan.leave(letter);
                continue;
            }
            if standing == Standing::Current {
                self.queue.send_again(&letter.message.body).await?;
            }
            scan.remove(&letter).await?;
            removed += 1;
        }
        report.left = before.max(scan.seen()).saturating_sub(removed);
        scan.finish().await;
        tracing::info!(
            matched = report.matched,
            redriven = report.redriven,
            superseded = report.superseded,
            malformed = report.malformed,
            left = report.left,
            dry_run = selection.dry_run,
            "dead letters redriven"
        );
        Ok(report)
    }
}

/// At most `most` batches of the dead-letter queue, to be recorded in their runs. Nothing is removed.
///
/// # Errors
/// When SQS refuses.
pub async fn lost_batches(dead_letters: &Queue, most: usize) -> Result<Vec<LostBatch>, QueueError> {
    let mut lost = Vec::new();
    if dead_letters.depth().await?.total() == 0 {
        return Ok(lost);
    }
    let mut scan = Scan::of(dead_letters);
    while lost.len() < most
        && let Some(letter) = scan.next().await?
    {
        if let Ok(batch) = &letter.batch {
            let Stretch { lo, hi } = batch.stretch;
            lost.push(LostBatch {
                run: batch.run,
                kind: batch.kind,
                lo,
                hi,
                rows: batch.rows,
                reason: letter.reason(),
            });
        }
        scan.leave(letter);
    }
    scan.finish().await;
    Ok(lost)
}

/// What has been asked about runs so far.
struct Standings<'a> {
    supabase: Option<&'a Supabase>,
    known: HashMap<(String, Uuid), Standing>,
}

impl Standings<'_> {
    async fn of(&mut self, batch: &Incoming) -> Standing {
        let key = (batch.sync.clone(), batch.run);
        if let Some(standing) = self.known.get(&key) {
            return *standing;
        }
        let Some(supabase) = self.supabase else { return Standing::Current };
        match ask(supabase, batch).await {
            Ok(standing) => {
                self.known.insert(key, standing);
                standing
            }
            Err(error) => {
                tracing::warn!(error = %error, "could not read the current runs; redriving every batch");
                self.supabase = None;
                Standing::Current
            }
        }
    }
}

async fn ask(supabase: &Supabase, batch: &Incoming) -> Result<Standing, SupabaseError> {
    #[derive(Deserialize)]
    struct Target {
        run: Uuid,
    }
    #[derive(Deserialize)]
    struct State {
        status: RunStatus,
        stopped: bool,
    }
    let (sync, run) = (format!("eq.{}", batch.sync), format!("eq.{}", batch.run));
    let targets: Vec<Target> = supabase.select("sync_targets", &[("select", "run"), ("sync", &sync)]).await?;
    let Some(target) = targets.first() else { return Ok(Standing::Unknown) };
    if target.run != batch.run {
        return Ok(Standing::Superseded);
    }
    let states: Vec<State> = supabase.select("sync_state", &[("select", "status,stopped"), ("id", &run)]).await?;
    let over = states.first().is_none_or(|state| state.stopped || state.status == RunStatus::Superseded);
    Ok(if over { Standing::Superseded } else { Standing::Current })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Uuid = Uuid::from_u128(7);

    fn letter(body: &str, reason: Option<&str>) -> DeadLetter {
        DeadLetter::of(Received {
            id: "m".to_owned(),
            receipt: "r".to_owned(),
            body: body.to_owned(),
            reason: reason.map(str::to_owned),
            sent_at: Some(Timestamp::from_second(5000).unwrap()),
            receives: 1,
        })
    }

    fn batch(sync: &str) -> String {
        format!(
            r#"{{"v":1,"sync":"{sync}","run":"{RUN}","seq":1,"kind":"delete","lo":1,"hi":2,"sentAt":"1970-01-01T01:00:00Z","keys":[1]}}"#
        )
    }

    #[test]
    fn a_filter_asks_only_what_it_says() {
        let now = Timestamp::from_second(7200).unwrap();
        let (known, poison) = (letter(&batch("listings"), None), letter("poison", None));
        let filter = |sync: Option<&str>, run, older_than| Filter { sync: sync.map(str::to_owned), run, older_than };
        let hour = Some(Duration::from_secs(3600));
        for (filter, of_batch, of_poison) in [
            (Filter::default(), true, true),
            (filter(Some("listings"), None, None), true, false),
            (filter(Some("other"), None, None), false, false),
            (filter(None, Some(RUN), None), true, false),
            (filter(None, Some(Uuid::nil()), None), false, false),
            // Sent at 3600 as its body says, though SQS says 5000; not older than an hour, but than a bit less.
            (filter(None, None, hour), false, false),
            (filter(None, None, Some(Duration::from_secs(3599))), true, false),
            (filter(None, None, Some(Duration::from_secs(2000))), true, true),
        ] {
            assert_eq!(
                (known.matches(&filter, now), poison.matches(&filter, now)),
                (of_batch, of_poison),
                "{filter:?}"
            );
        }
    }

    #[test]
    fn dead_letter_names_its_reason_but_no_values() {
        assert_eq!(letter(&batch("a"), Some("57014: too slow")).reason(), "57014: too slow");
        assert!(letter(&batch("a"), None).reason().starts_with("moved by SQS"));
        let poison = letter("secret", None).reason();
        assert!(poison.contains("not a batch") && !poison.contains("secret"), "{poison}");
    }
}
