//! Where the harness touches the product: the definition it writes, the calls it takes, the messages it carries. All that
//! knows an interface of the product is here, so that a change of one is a change of this file.
//!
//! What runs is the product: [`scheduler::run::Run`] and [`worker::Worker`], and the functions in Postgres, called as PostgREST
//! calls them. What is played: the sheet, the queue, DynamoDB, and everything that gets lost on the way.

use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use base64::Engine as _;
use jiff::Timestamp;
use scheduler::run::{Outbox, Record, RunError};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sheetsync::area::Area;
use sheetsync::batch::{Incoming, Outgoing};
use sheetsync::breaker::{Item, SharedItem, StoreError, Update};
use sheetsync::carry::Books;
use sheetsync::classify;
use sheetsync::clock::Chance;
use sheetsync::definition::{Definition, Sync};
use sheetsync::hash::{ContentHash, KeyHash, RangeIndex};
use sheetsync::mapping::{Cell, KeyForm, Limits, Rejection};
use sheetsync::plan::{Drift, RangeDigests, StoredRow};
use sheetsync::queue::{Inbox, QueueError};
use sheetsync::run::{Applied, Begun, Carry, Failed, Failure, PlanRecord, RunStatus, RunType};
use sheetsync::sheets::{Block, Grid, SheetsError, Tab, TabName, Tabs, Window};
use sheetsync::supabase::{CarriedRow, CarryPage, Destination, SupabaseError};
use sheetsync::survey::Stored;
use tokio::time::Instant;
use uuid::Uuid;
use worker::Worker;
use worker::settings::{Settings, Timeouts};

use crate::calls::{header, sync_name};
use crate::postgres::{Refused, Role, quoted};
use crate::stage::{Lost, Message, Stage};
use crate::table::{self, Row};
use crate::world::{Adopt, Authority, Blank, Deletes, Mode, RunKind, Schema, SyncSpec};

/// How many cells the first chunk of a read has, and how many bytes those after it.
const CHUNK_CELLS: u32 = 40_000;
const CHUNK_BYTES: u64 = 2_000_000;

/// After which Lambda ends a worker, and SQS gives its messages to another.
const FUNCTION: Duration = Duration::from_secs(60);
const VISIBILITY: Duration = Duration::from_secs(360);

/// The definition of a sync.
///
/// # Panics
/// When the product refuses it.
#[must_use]
pub fn definition(schema: &Schema, sync: usize, spec: &SyncSpec) -> Sync {
    let names = schema.names();
    let keys: Vec<String> = names[..schema.keys.len()].iter().map(|name| format!("{name:?}")).collect();
    let mode = match spec.mode {
        Mode::Upsert => "upsert",
        Mode::InsertOnly => "insert_only",
        Mode::UpdateOnly => "update_only",
    };
    let adopt = match spec.adopt {
        Adopt::Ask => "ask",
        Adopt::Sheet => "sheet",
        Adopt::Database => "database",
    };
    let deletes = match spec.deletes {
        Deletes::Ignore => "policy = \"ignore\"",
        Deletes::Soft => "policy = \"soft\", column = \"deleted_at\"",
        Deletes::Hard => "policy = \"hard\"",
    };
    let mut text = format!(
        "[[sync]]\nname = {:?}\nspreadsheet = \"book\"\ntab = \"tab{sync}\"\ntable = \"things\"\nkey = [{}]\nmode = {mode:?}\n\
         adopt = {adopt:?}\nprecedence = {}\nconfirm_deletes = {}\nrename_by = [{}]\non_conflict = {:?}\n\
         reconcile_every = \"0s\"\nbatch_rows = {}\non_delete = {{ {deletes}, guard_rows = {}, guard_percent = 0 }}\n",
        sync_name(sync),
        keys.join(", "),
        spec.precedence,
        spec.confirm_deletes.max(1),
        spec.renames(schema).map(|index| format!("\"c{}\"", index + 1)).unwrap_or_default(),
        if spec.database_wins { "database" } else { "sheet" },
        spec.batch_rows.max(1),
        spec.guard,
    );
    for (index, (name, kind)) in names.iter().zip(schema.kinds()).enumerate() {
        let mut lines = kind.definition();
        if let Some(index) = index.checked_sub(schema.keys.len()) {
            let fed = spec.fed(schema, index);
            let authority = match fed.authority {
                Authority::Unmapped => continue,
                Authority::Merge => "merge",
                Authority::Sheet => "sheet",
                Authority::Database => "database",
            };
            let _ = writeln!(lines, "authority = {authority:?}");
            match fed.blank {
                Blank::Null => {}
                Blank::Keep => lines.push_str("blank = \"keep\"\n"),
                Blank::Reject => lines.push_str("blank = \"reject\"\n"),
                Blank::Default => {
                    let _ = writeln!(lines, "blank = \"default\"\ndefault = {}", kind.value(1));
                }
            }
        } else if spec.key_as_text {
            lines = "type = \"text\"\n".to_owned();
        }
        let _ = write!(text, "[[sync.columns]]\nheader = {:?}\ncolumn = {name:?}\n{lines}", header(name));
    }
    let parsed = Definition::parse(Path::new("world"), &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    parsed.syncs.into_iter().next().expect("it has one sync")
}

/// The product's end of the stage. Clones are the same end.
#[derive(Clone)]
pub struct Client(pub Arc<Mutex<Stage>>);

impl Client {
    /// The stage.
    pub fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One call of a function in Postgres. What is lost on the way is lost here, and what was committed is judged here.
    async fn call<T: DeserializeOwned>(&self, function: &str, arguments: Value) -> Result<T, SupabaseError> {
        let answer = self.stage().call(function, &arguments);
        match answer {
            Err(Lost::Killed) => std::future::pending().await,
            Err(Lost::Unanswered) => {
                Err(SupabaseError::NoAnswer { url: "played".to_owned(), reason: "lost".to_owned() })
            }
            Err(Lost::Refused(refused)) => Err(refusal(function, refused)),
            Ok(value) => serde_json::from_value(value.clone()).map_err(|error| SupabaseError::Unexpected {
                function: function.to_owned(),
                reason: format!("{error} in {value}"),
            }),
        }
    }

    /// The same again while it may help, as the client of the product does for all but batches.
    async fn call_with_retries<T: DeserializeOwned>(
        &self,
        function: &str,
        arguments: Value,
    ) -> Result<T, SupabaseError> {
        let mut attempt = 0;
        loop {
            let answer = self.call(function, arguments.clone()).await;
            attempt += 1;
            match answer {
                Err(error) if error.fault().passes() && attempt < 5 => {}
                answer => return answer,
            }
        }
    }

    /// Opens a run of a sync.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn begin(
        &self,
        definition: &Sync,
        run: Uuid,
        kind: &RunKind,
        keys: Option<&[String]>,
    ) -> Result<Begun, SupabaseError> {
        let arguments = json!({
            "p_sync": definition.name, "p_run": run, "p_definition": definition.registration(),
            "p_type": run_type(kind), "p_triggered_by": "a world", "p_keys": keys,
            "p_every_seconds": null, "p_stall_seconds": definition.stall_after.as_secs(), "p_nonce": run,
        });
        self.call_with_retries("sync_begin", arguments).await
    }

    /// Reads, plans and sends, as a scheduler does once its run has begun; `None` when it is killed.
    pub async fn execute(
        &self,
        definition: &Sync,
        kind: &RunKind,
        keys: Option<&[String]>,
        run: Uuid,
        begun: BegunRun,
    ) -> Option<Result<(), RunError>> {
        let died = Arc::clone(&self.stage().died);
        let run = scheduler::run::Run {
            id: run,
            seq: begun.seq,
            present_rows: begun.present_rows,
            strays_before: begun.strays_before,
            key_forms: begun.key_forms,
            limits: begun.limits,
            carry: begun.carry,
            approved_deletes: begun.approved_deletes,
            run_type: run_type(kind),
            keys,
            definition,
            sheets: self,
            supabase: self,
            queue: self,
            now: Timestamp::from(self.stage().clock.now()),
            verifies: false,
        };
        let id = run.id;
        let outcome = tokio::select! {
            biased;
            outcome = run.execute() => outcome,
            () = died.notified() => return None,
        };
        match outcome {
            Ok(_) => Some(Ok(())),
            Err(error) => {
                let failure = json!({"p_run": id, "p_batch": null, "p_error": error.failure()});
                let reported = async { self.call_with_retries::<Failed>("sync_fail", failure).await };
                tokio::select! {
                    biased;
                    _ = reported => {}
                    () = died.notified() => return None,
                }
                Some(Err(error))
            }
        }
    }

    /// Hands messages to a worker; says which are to be kept, or `None` when it is killed.
    pub async fn handle(&self, worker: &PlayedWorker, messages: &[Message]) -> Option<Vec<u64>> {
        let died = Arc::clone(&self.stage().died);
        let mut event = SqsEvent::default();
        for message in messages {
            let mut record = SqsMessage::default();
            record.message_id = Some(message.id.to_string());
            record.receipt_handle = Some(message.id.to_string());
            record.body = Some(message.body.clone());
            event.records.push(record);
        }
        let (deadline, request) = {
            let mut stage = self.stage();
            stage.invocations += 1;
            (stage.clock.now().plus(FUNCTION), format!("request-{}", stage.invocations))
        };
        let answer = tokio::select! {
            biased;
            answer = worker.handle(event, &request, deadline) => answer.ok()?,
            () = died.notified() => return None,
        };
        let kept = answer.batch_item_failures.into_iter().filter_map(|failure| failure.item_identifier.parse().ok());
        Some(kept.collect())
    }

    /// A worker that has just started.
    ///
    /// # Panics
    /// Never: its settings are sound.
    #[must_use]
    pub fn worker(&self) -> PlayedWorker {
        let settings = Settings {
            requests_per_second: 1000.0,
            concurrency: 1,
            timeouts: Timeouts {
                statement: Duration::from_secs(30),
                request: Duration::from_secs(35),
                function: FUNCTION,
                visibility: VISIBILITY,
            },
            first_open: Duration::from_secs(15),
        };
        let clock = self.stage().clock;
        let queues = (self.clone(), self.clone());
        Worker::new(self.clone(), queues, self.clone(), settings, clock, Chance::from_seed(1))
            .expect("the rate can be kept")
    }
}

/// The worker with all that is played around it.
pub type PlayedWorker = Worker<Client, Client, Client>;

/// The answer of `sync_begin`.
#[derive(Debug)]
pub struct BegunRun {
    seq: i64,
    present_rows: u64,
    approved_deletes: Option<sheetsync::hash::KeySet>,
    strays_before: Option<sheetsync::plan::Strays>,
    key_forms: Vec<KeyForm>,
    limits: Limits,
    carry: Option<Carry>,
}

impl BegunRun {
    /// Of the answer to a begin, if the run is open; whether a deletion is approved goes with it.
    #[must_use]
    pub fn of(begun: Begun) -> Option<(Self, bool)> {
        match begun {
            Begun::Begun { seq, present_rows, approved_deletes, key_forms, limits, strays, carry, .. } => {
                let is_approved = approved_deletes.is_some();
                let strays_before = strays;
                Some((
                    Self { seq, present_rows, approved_deletes, strays_before, key_forms, limits, carry },
                    is_approved,
                ))
            }
            _ => None,
        }
    }
}

fn run_type(kind: &RunKind) -> RunType {
    match kind {
        RunKind::Changes => RunType::Manual,
        RunKind::Full => RunType::Full,
        RunKind::Selective(_) => RunType::Selective,
    }
}

/// What the product hears when Postgres refuses a call: PostgREST's status, and the class that the product gives it.
fn refusal(function: &str, refused: Refused) -> SupabaseError {
    let status = status(&refused.code);
    SupabaseError::Refused {
        fault: classify::classify(status, Some(&refused.code)),
        status,
        message: refused.message,
        code: Some(refused.code),
        function: function.to_owned(),
        retry_after: None,
    }
}

/// PostgREST's table of SQLSTATEs and statuses (its documentation, "Errors").
fn status(code: &str) -> u16 {
    if let Some(status) = code.strip_prefix("PT").and_then(|status| status.parse().ok()) {
        return status;
    }
    match (code.get(..2).unwrap_or_default(), code) {
        (_, "42883" | "42P01") => 404,
        (_, "23503" | "23505") => 409,
        (_, "25006") => 405,
        (_, "42P17") => 500,
        ("0L" | "0P" | "28", _) | (_, "42501") => 403,
        ("08" | "53", _) => 503,
        (_, "P0001") => 400,
        ("09" | "25" | "2D" | "38" | "39" | "3B" | "40" | "54" | "55" | "57" | "58" | "F0" | "HV" | "P0" | "XX", _) => {
            500
        }
        _ => 400,
    }
}

/// A call of a function as PostgREST writes it: arguments by name, each cast to the function's type.
#[must_use]
pub fn call_sql(function: &str, arguments: &Value) -> String {
    let texts = |items: &[Value]| {
        let texts: Vec<String> = items
            .iter()
            .map(|item| quoted(item.as_str().map_or_else(|| item.to_string(), str::to_owned).as_str()))
            .collect();
        texts.join(", ")
    };
    let list: Vec<String> = arguments
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let text = match (name.as_str(), value) {
                (_, Value::Null) => "null".to_owned(),
                ("p_keys", Value::Array(items)) => format!("array[{}]::text[]", texts(items)),
                ("p_ranges", Value::Array(items)) => format!("array[{}]::integer[]", texts(items)),
                (_, Value::String(text)) => quoted(text),
                (_, Value::Array(_) | Value::Object(_)) => format!("{}::jsonb", quoted(&value.to_string())),
                (_, Value::Bool(_) | Value::Number(_)) => value.to_string(),
            };
            format!("{name} => {text}")
        })
        .collect();
    format!("select to_jsonb(public.{function}({}))::text", list.join(", "))
}

/// What a row key that the product made is equal to.
#[must_use]
pub fn identity(schema: &Schema, row_key: &str) -> String {
    let texts: Vec<Value> = match schema.keys.len() {
        1 => vec![json!(row_key)],
        _ => serde_json::from_str(row_key).unwrap_or_default(),
    };
    schema.key(&texts)
}

/// A row key as the product makes it of the texts of the key's columns; for runs of chosen rows.
#[must_use]
pub fn row_key(texts: &[String]) -> String {
    match texts {
        [text] => text.clone(),
        texts => json!(texts).to_string(),
    }
}

impl Stored for Client {
    async fn range_digests(&self, sync: &str, bits: u32) -> Result<RangeDigests, SupabaseError> {
        self.call_with_retries("sync_range_digests", json!({"p_sync": sync, "p_bits": bits})).await
    }

    async fn row_hashes(&self, sync: &str, bits: u32, ranges: &[RangeIndex]) -> Result<Vec<StoredRow>, SupabaseError> {
        let packed: Option<String> = self
            .call_with_retries("sync_row_hashes", json!({"p_sync": sync, "p_bits": bits, "p_ranges": ranges}))
            .await?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(packed.unwrap_or_default()).unwrap_or_default();
        let (pairs, _) = bytes.as_chunks::<16>();
        let pair = |pair: &[u8; 16]| {
            let both = u128::from_be_bytes(*pair);
            (KeyHash::from_stored((both >> 64) as i64), ContentHash::from_stored(both as i64))
        };
        Ok(pairs.iter().map(pair).collect())
    }

    async fn drift(&self, sync: &str, values: Option<bool>) -> Result<Drift, SupabaseError> {
        let answer: Value = self.call_with_retries("sync_drift", json!({"p_sync": sync, "p_values": values})).await?;
        self.stage().checked(sync);
        let keys = |field: &str| -> Vec<KeyHash> {
            let bytes = base64::engine::general_purpose::STANDARD.decode(answer[field].as_str().unwrap_or_default());
            let bytes = bytes.unwrap_or_default();
            bytes.as_chunks::<8>().0.iter().map(|hash| KeyHash::from_stored(i64::from_be_bytes(*hash))).collect()
        };
        let check = serde_json::from_value(answer.clone()).map_err(|error| SupabaseError::Unexpected {
            function: "sync_drift".to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Drift { missing: keys("missing"), differing: keys("differing"), check })
    }
}

impl Books for Client {
    async fn carry_page(
        &self,
        sync: &str,
        run: Uuid,
        after: Option<&str>,
        limit: usize,
    ) -> Result<CarryPage, SupabaseError> {
        let arguments = json!({"p_sync": sync, "p_run": run, "p_after": after, "p_limit": limit});
        self.call_with_retries("sync_carry_page", arguments).await
    }

    async fn carry(&self, sync: &str, run: Uuid, rows: &[CarriedRow]) -> Result<u64, SupabaseError> {
        let answer: Value =
            self.call_with_retries("sync_carry", json!({"p_sync": sync, "p_run": run, "p_rows": rows})).await?;
        Ok(answer["carried"].as_u64().unwrap_or_default())
    }

    async fn carry_end(&self, sync: &str, run: Uuid) -> Result<u64, SupabaseError> {
        let answer: Value = self.call_with_retries("sync_carry_end", json!({"p_sync": sync, "p_run": run})).await?;
        Ok(answer["dropped"].as_u64().unwrap_or_default())
    }
}

#[derive(Deserialize)]
struct Standing {
    status: RunStatus,
}

impl Record for Client {
    async fn heartbeat(&self, run: Uuid) -> Result<RunStatus, SupabaseError> {
        Ok(self.call_with_retries::<Standing>("sync_heartbeat", json!({"p_run": run})).await?.status)
    }

    async fn reject(&self, run: Uuid, rejections: &[Rejection]) -> Result<(), SupabaseError> {
        let _: Value = self.call_with_retries("sync_reject", json!({"p_run": run, "p_rejections": rejections})).await?;
        Ok(())
    }

    async fn planned(&self, run: Uuid, plan: &PlanRecord) -> Result<RunStatus, SupabaseError> {
        Ok(self.call_with_retries::<Standing>("sync_planned", json!({"p_run": run, "p_plan": plan})).await?.status)
    }
}

impl Outbox for Client {
    async fn send(&self, batches: impl Iterator<Item = Outgoing>) -> Result<(), QueueError> {
        let bodies: Vec<String> = batches.map(|batch| batch.body).collect();
        let outcome = self.stage().send(bodies);
        match outcome {
            Err(Lost::Killed) => std::future::pending().await,
            Err(_) => Err(QueueError::Partial { refused: 1, reason: "lost".to_owned() }),
            Ok(()) => Ok(()),
        }
    }
}

impl Tabs for Client {
    async fn tab(&self, spreadsheet: &str, name: TabName<'_>, _: Option<Area>) -> Result<Tab, SheetsError> {
        let TabName::Title(title) = name else { return Err(SheetsError::Refused("played".to_owned())) };
        let index: usize = title.trim_start_matches("tab").parse().unwrap_or_default();
        let found = self.stage().look_up(index);
        let (rows, chunk_rows) = answered(found).await?;
        Ok(Tab {
            spreadsheet: spreadsheet.to_owned(),
            id: index as i64,
            title: title.to_owned(),
            // So wide that a chunk has only a few rows, and exactly as long as the sheet is.
            grid: Grid { rows, columns: CHUNK_CELLS / chunk_rows },
            window: Window { first_row: 1, last_row: rows, first_column: 0, last_column: CHUNK_CELLS / chunk_rows - 1 },
            time_zone: "Asia/Tokyo".to_owned(),
            locale: "ja_JP".to_owned(),
        })
    }

    async fn version(&self, _: &str) -> Result<String, SheetsError> {
        let version = self.stage().version();
        Ok(answered(version).await?.to_string())
    }

    async fn blocks(&self, tab: &Tab, blocks: &[RangeInclusive<u32>]) -> Result<(Vec<Block>, u64), SheetsError> {
        let given = self.stage().give_blocks(tab.id as usize, blocks);
        // Google gives out what there is of rows that end below the grid, and refuses those that begin there.
        let Some(given) = answered(given).await? else {
            return Err(SheetsError::PastGrid("the rows begin below the last one".to_owned()));
        };
        let asked: u32 = blocks.iter().skip(1).map(|rows| rows.end() - rows.start() + 1).sum();
        let chunk_rows = u64::from(CHUNK_CELLS / (tab.window.last_column + 1));
        Ok((given, u64::from(asked) * CHUNK_BYTES / chunk_rows))
    }

    /// Every cell shows its number as it is.
    async fn shown(
        &self,
        tab: &Tab,
        rows: RangeInclusive<u32>,
        columns: &[u32],
    ) -> Result<Vec<Vec<String>>, SheetsError> {
        let given = self.stage().look_at_blocks(tab.id as usize, &[rows]);
        let Some(blocks) = answered(given).await? else {
            return Err(SheetsError::PastGrid("the rows begin below the last one".to_owned()));
        };
        let text = |cell: Option<&Cell>| match cell {
            Some(Cell::Number(number)) => number.to_string(),
            Some(Cell::Text(text)) => text.clone(),
            Some(Cell::Bool(ticked)) => ticked.to_string().to_uppercase(),
            _ => String::new(),
        };
        let column = |column: &u32| blocks[0].0.iter().map(|row| text(row.get(*column as usize))).collect();
        Ok(columns.iter().map(column).collect())
    }
}

async fn answered<T>(answer: Result<T, Lost>) -> Result<T, SheetsError> {
    match answer {
        Ok(value) => Ok(value),
        Err(Lost::Killed) => std::future::pending().await,
        Err(_) => Err(SheetsError::Down("lost".to_owned())),
    }
}

impl Destination for Client {
    async fn apply(&self, message: &str, _: Duration) -> Result<Applied, SupabaseError> {
        let batch: Value = serde_json::from_str(message).unwrap_or_default();
        self.call("sync_apply", json!({"p_batch": batch})).await
    }

    async fn fail(
        &self,
        run: Uuid,
        batch: Option<&Incoming>,
        failure: &Failure,
        _: Duration,
    ) -> Result<Failed, SupabaseError> {
        let batch = batch.map(
            |batch| json!({"kind": batch.kind, "lo": batch.stretch.lo, "hi": batch.stretch.hi, "rows": batch.rows}),
        );
        self.call("sync_fail", json!({"p_run": run, "p_batch": batch, "p_error": failure})).await
    }

    async fn ping(&self, _: Duration) -> Result<(), SupabaseError> {
        let _: Value = self.call("sync_ping", json!({})).await?;
        Ok(())
    }

    async fn reload_schema(&self, _: Duration) -> Result<(), SupabaseError> {
        Ok(())
    }
}

impl Inbox for Client {
    async fn hide(&self, receipt: &str, wait: Duration) -> Result<(), QueueError> {
        let visible = Instant::now() + wait;
        let id: u64 = receipt.parse().unwrap_or_default();
        let mut stage = self.stage();
        stage.queue.iter_mut().filter(|message| message.id == id).for_each(|message| message.visible = visible);
        Ok(())
    }

    async fn send_dead_letter(&self, body: &str, reason: &str) -> Result<(), QueueError> {
        self.stage().dead_letter(body, reason);
        Ok(())
    }
}

impl SharedItem for Client {
    async fn read(&self) -> Result<Item, StoreError> {
        Ok(self.stage().item.clone())
    }

    async fn write(&self, update: &Update) -> Result<Option<Item>, StoreError> {
        let mut stage = self.stage();
        let Ok(item) = stage.item.apply(update) else { return Ok(None) };
        stage.item = item.clone();
        stage.look_at_breaker();
        Ok(Some(item))
    }
}

impl Stage {
    /// Runs a function of Postgres as the role of the functions' key, and if it `writes` looks at the table after its commit.
    pub(crate) fn run_function(
        &self,
        function: &str,
        arguments: &Value,
        writes: bool,
    ) -> (Result<Value, Refused>, Option<Vec<Row>>) {
        let sql = call_sql(function, arguments);
        let (answer, rows) = if writes {
            let (answer, rows) = self.postgres.query_and_look(Role::Service, &sql, table::ROWS);
            (answer, Some(table::rows(&self.world.schema, &rows)))
        } else {
            (self.postgres.query(Role::Service, &sql), None)
        };
        let value = answer.map(|answer| {
            let text = answer.first().map_or("null", String::as_str);
            serde_json::from_str(if text.is_empty() { "null" } else { text }).unwrap_or_default()
        });
        (value, rows)
    }
}
