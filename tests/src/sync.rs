//! A sync of a test's own: document, table, definition, and what can be done with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use sheetsync::queue::Queue;
use sheetsync_local::{AwsSettings, Control, Settings};
use uuid::Uuid;

use crate::aws::{self, Answer, Report};
use crate::eventually;
use crate::sheet::{Sheet, TAB};

/// The headers of a test's tab, and the columns that they feed.
const HEADERS: [&str; 4] = ["物件番号", "所在地", "売買価格", "掲載日"];

const COLUMNS: &str = r#"
[[sync.columns]]
header = "物件番号"
column = "listing_no"
type = "text"

[[sync.columns]]
header = "所在地"
column = "address"
type = "text"

[[sync.columns]]
header = "売買価格"
column = "price_yen"
type = "integer"

[[sync.columns]]
header = "掲載日"
column = "listed_on"
type = "date"
"#;

/// Most tests are not about how a deletion is confirmed, and would wait a minute for it. Those that are give their own.
const CONFIRM_DELETES: &str = "confirm_deletes = 1\n";

/// How a test's sync differs from the usual one.
#[derive(Debug, Clone)]
pub struct SyncBuilder {
    name: String,
    rows: Vec<Vec<Value>>,
    options: String,
}

/// A sync on the running stack.
pub struct Sync {
    /// Its name, which is also that of its document.
    pub name: String,
    /// Its table.
    pub table: String,
    /// Its spreadsheet.
    pub sheet: Sheet,
    /// Faults, records, servers.
    pub control: Control,
    /// The database, as its owner.
    pub database: tokio_postgres::Client,
    /// What is deployed.
    pub aws: AwsSettings,
    definition: PathBuf,
}

/// A run as `sync_state` has it.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the columns of sync_state")]
pub struct Run {
    pub id: Uuid,
    pub status: String,
    pub sync_type: String,
    pub seq: Option<i64>,
    pub total_rows: i64,
    pub inserted: i64,
    pub updated: i64,
    pub unchanged: i64,
    pub rejected: i64,
    pub skipped: i64,
    pub failed: i64,
    pub deleted: i64,
    pub conflict: i64,
    pub rows_sent: i64,
    pub keys_vanished: i64,
    pub batches_total: i64,
    pub deletes_withheld: Option<String>,
    pub unconfirmed: i64,
    pub withheld: i64,
    pub adoption: Option<Value>,
    pub error_details: Option<Value>,
}

impl Run {
    /// Promise 1: every row read ends as exactly one of these.
    ///
    /// # Panics
    /// When the counts do not add up.
    pub fn assert_adds_up(&self) {
        let sum = self.inserted + self.updated + self.unchanged + self.rejected + self.skipped + self.failed;
        assert_eq!(self.total_rows, sum, "{self:?}");
    }
}

/// A row of a test's tab.
#[must_use]
pub fn row(number: usize) -> Vec<Value> {
    vec![
        json!(format!("AA{number:05}")),
        json!(format!("東京都千代田区{number}丁目")),
        json!(1_000_000 + number),
        json!(45_000 + number % 365),
    ]
}

/// The key hash of a row of a test's tab (docs/PROTOCOL.md, "Hashes").
#[must_use]
pub fn key_hash(row: &[Value]) -> i64 {
    let key = row[0].as_str().unwrap_or_default();
    (xxhash_rust::xxh3::xxh3_64(key.as_bytes()) as i64).min(i64::MAX - 1)
}

impl SyncBuilder {
    /// Other lines for the definition's head, such as `on_delete = { policy = "hard" }`.
    #[must_use]
    pub fn options(mut self, options: &str) -> Self {
        options.clone_into(&mut self.options);
        self
    }

    /// So many rows with keys from `AA00001` on.
    #[must_use]
    pub fn rows(mut self, count: usize) -> Self {
        self.rows = (1..=count).map(row).collect();
        self
    }

    /// These rows.
    #[must_use]
    pub fn exactly(mut self, rows: Vec<Vec<Value>>) -> Self {
        self.rows = rows;
        self
    }

    /// Creates document, table and definition.
    ///
    /// # Errors
    /// When there is no stack, or it refuses.
    pub async fn create(self) -> Result<Sync> {
        let settings = Settings::from_env()?;
        crate::calm::calm(&settings).await?;
        let aws = settings.aws.context("this stack runs without AWS")?;
        let sheets = settings.sheet.context("this stack runs without the Sheets server")?;
        let directory = aws.definitions_dir.clone().context("this stack uses the definition in its package")?;
        let (database, connection) = tokio_postgres::connect(&settings.database_url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        let table = self.name.replace('-', "_");
        database
            .batch_execute(&format!(
                "create table public.{table} (
                    listing_no text primary key, address text, price_yen bigint, listed_on date,
                    remarks text, deleted_at timestamptz
                );
                grant select, insert, update, delete on public.{table} to service_role;"
            ))
            .await?;
        let sync = Sync {
            sheet: Sheet::create(&sheets.sheets_base_url, &self.name, &HEADERS, &self.rows).await?,
            control: Control::new(&settings.control_url)?,
            definition: PathBuf::from(directory).join(format!("{}.toml", self.name)),
            name: self.name,
            table,
            database,
            aws,
        };
        sync.define(&sync.definition_text(&self.options))?;
        Ok(sync)
    }
}

impl Sync {
    /// Starts to describe a sync; its name gets a suffix of its own.
    #[must_use]
    pub fn named(name: &str) -> SyncBuilder {
        let suffix = Uuid::new_v4().simple().to_string();
        SyncBuilder { name: format!("{name}-{}", &suffix[..8]), rows: Vec::new(), options: String::new() }
    }

    /// The same without a suffix, on a stack where no other test uses the name.
    #[must_use]
    pub fn called(name: &str) -> SyncBuilder {
        SyncBuilder { name: name.to_owned(), rows: Vec::new(), options: String::new() }
    }

    /// Connects to the database again, after it was killed.
    ///
    /// # Errors
    /// When it does not come back.
    pub async fn reconnect(&mut self) -> Result<()> {
        let url = Settings::from_env()?.database_url;
        let (database, connection) = eventually("the database takes connections", async || {
            tokio_postgres::connect(&url, tokio_postgres::NoTls).await.ok()
        })
        .await;
        tokio::spawn(connection);
        self.database = database;
        Ok(())
    }

    /// The usual definition with other lines in its head.
    #[must_use]
    pub fn definition_text(&self, options: &str) -> String {
        let Self { name, table, sheet, .. } = self;
        let mut head = format!(
            "[[sync]]\nname = {name:?}\nspreadsheet = {:?}\ntable = {table:?}\nkey = [\"listing_no\"]\n",
            sheet.id
        );
        if !options.contains("tab") {
            head += &format!("tab = {TAB:?}\n");
        }
        if !options.contains("confirm_deletes") {
            head += CONFIRM_DELETES;
        }
        format!("{head}{options}\n{COLUMNS}")
    }

    /// Writes the definition.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn define(&self, text: &str) -> Result<()> {
        std::fs::write(&self.definition, text).with_context(|| format!("cannot write {}", self.definition.display()))
    }

    /// The file of the definition.
    #[must_use]
    pub fn definition(&self) -> &Path {
        &self.definition
    }

    /// Asks the scheduler for a run of a type, and answers what it says.
    ///
    /// # Errors
    /// When the function fails.
    pub async fn ask(&self, run_type: &str) -> Result<Report> {
        self.ask_with(json!({"type": run_type})).await
    }

    /// Asks the scheduler with these members in the event.
    ///
    /// # Errors
    /// When the function fails.
    pub async fn ask_with(&self, mut event: Value) -> Result<Report> {
        event["sync"] = json!(self.name);
        event["triggeredBy"] = json!("test");
        let answer = aws::invoke(&self.aws, &self.aws.scheduler_function, &event).await?;
        let answer: Answer = serde_json::from_value(answer)?;
        answer.runs.into_iter().next().context("the scheduler answers for the sync")
    }

    /// Invokes the worker with this event.
    ///
    /// # Errors
    /// When it fails.
    pub async fn ask_worker(&self, event: &Value) -> Result<Value> {
        aws::invoke(&self.aws, &self.aws.worker_function, event).await
    }

    /// Runs the sync and waits until the run is closed.
    ///
    /// # Errors
    /// When the run does not begin.
    pub async fn run(&self) -> Result<Run> {
        self.run_type("manual").await
    }

    /// Runs the sync with a type and waits until the run is closed.
    ///
    /// # Errors
    /// When the run does not begin.
    pub async fn run_type(&self, run_type: &str) -> Result<Run> {
        let report = self.ask(run_type).await?;
        ensure!(report.status == "planned", "the run was not planned: {report:?}");
        self.closed(report.run.context("a planned run has an id")?).await
    }

    /// Waits until a run is closed.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn closed(&self, id: Uuid) -> Result<Run> {
        eventually(&format!("run {id} is closed"), async || {
            let run = self.state(id).await;
            match run {
                Ok(run) if ["queued", "in_progress"].contains(&run.status.as_str()) => None,
                settled => Some(settled),
            }
        })
        .await
    }

    /// Waits until a run that was only asked for has begun and is closed.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn closed_when_begun(&self, id: Uuid) -> Result<Run> {
        eventually(&format!("run {id} has begun"), async || self.state(id).await.ok().map(drop)).await;
        self.closed(id).await
    }

    /// A run as it stands.
    ///
    /// # Errors
    /// When there is no such run.
    pub async fn state(&self, id: Uuid) -> Result<Run> {
        let row = self.database.query_one("select to_jsonb(s) from public.sync_state s where id = $1", &[&id]).await?;
        Ok(serde_json::from_value(row.get(0))?)
    }

    /// The only number that a query answers.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn number(&self, sql: &str) -> Result<i64> {
        Ok(self.database.query_one(sql, &[]).await?.get(0))
    }

    /// The table by row key: address, price, date (as a serial, as in the sheet). Soft-deleted rows are left out.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn table(&self) -> Result<BTreeMap<String, Vec<Value>>> {
        let sql = format!(
            "select listing_no, jsonb_build_array(listing_no, address, price_yen, listed_on - date '1899-12-30')
             from public.{} where deleted_at is null",
            self.table
        );
        let rows = self.database.query(&sql, &[]).await?;
        rows.iter().map(|row| Ok((row.get(0), serde_json::from_value(row.get(1))?))).collect()
    }

    /// Proves that the table holds exactly these rows of the sheet.
    ///
    /// # Panics
    /// When it does not.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn assert_table(&self, rows: &[Vec<Value>]) -> Result<()> {
        let expected: BTreeMap<String, Vec<Value>> =
            rows.iter().map(|row| (row[0].as_str().unwrap_or_default().to_owned(), row.clone())).collect();
        assert_eq!(self.table().await?, expected);
        Ok(())
    }

    /// Postgres' row versions by key: a row that was written, even with the same values, has another.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn versions(&self) -> Result<BTreeMap<String, String>> {
        let sql = format!("select listing_no, xmin::text || ':' || ctid::text from public.{}", self.table);
        let rows = self.database.query(&sql, &[]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// The messages in which a run carried these rows, put together again with the ledger: what a second delivery would bring.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn messages(&self, run: Uuid, rows: &[Vec<Value>]) -> Result<Vec<String>> {
        let sql = "select lo, hi from public.sync_batches where run = $1 and kind = 'upsert'";
        let mut messages = Vec::new();
        for batch in self.database.query(sql, &[&run]).await? {
            let stretch = batch.get::<_, i64>(0)..batch.get(1);
            let carried: Vec<_> = rows.iter().filter(|row| stretch.contains(&key_hash(row))).cloned().collect();
            messages.push(self.message_of(run, &carried).await?);
        }
        Ok(messages)
    }

    /// A message of these rows, put together by hand as the protocol says: what a scheduler would have sent for them.
    ///
    /// # Errors
    /// When there is no such run.
    pub async fn message_of(&self, run: Uuid, rows: &[Vec<Value>]) -> Result<String> {
        let sql = "select seq, mapping_version from public.sync_state where id = $1";
        let state = self.database.query_one(sql, &[&run]).await?;
        let (seq, mapping): (Option<i64>, Option<String>) = (state.get(0), state.get(1));
        let mut items: Vec<Value> = rows
            .iter()
            .map(|row| {
                let mut values = row.clone();
                let epoch = jiff::civil::date(1899, 12, 30);
                values[3] = json!(epoch.saturating_add(jiff::Span::new().days(row[3].as_i64().unwrap_or_default())));
                json!({"k": row[0], "h": key_hash(row), "c": 77, "n": 2, "v": values})
            })
            .collect();
        items.sort_by_key(|item| item["h"].as_i64());
        let hash = |item: Option<&Value>| item.and_then(|item| item["h"].as_i64()).context("a message has rows");
        let (lo, hi) = (hash(items.first())?, hash(items.last())? + 1);
        let head = json!({
            "v": 1, "sync": self.name, "run": run, "seq": seq, "kind": "upsert", "lo": lo, "hi": hi, "mapping": mapping,
            "sentAt": jiff::Timestamp::now(), "columns": ["listing_no", "address", "price_yen", "listed_on"],
        });
        // The rows last, as in a scheduler's message: the gateway's record keeps the start of each body.
        Ok(format!(r#"{},"rows":{}}}"#, head.to_string().trim_end_matches('}'), Value::from(items)))
    }

    /// The dead letters of this sync.
    ///
    /// # Errors
    /// When SQS refuses.
    pub async fn dead_letters(&self) -> Result<usize> {
        let queue = self.dead_letter_queue().await;
        let mut scan = sheetsync::redrive::Scan::of(&queue);
        let filter = sheetsync::redrive::Filter { sync: Some(self.name.clone()), ..Default::default() };
        let mut found = 0;
        while let Some(letter) = scan.next().await? {
            found += usize::from(letter.matches(&filter, jiff::Timestamp::now()));
            scan.leave(letter);
        }
        scan.finish().await;
        Ok(found)
    }

    /// The dead-letter queue.
    pub async fn dead_letter_queue(&self) -> Queue {
        Queue::new(aws::sqs().await, self.aws.dlq_url.clone())
    }

    /// The queue of batches.
    pub async fn queue(&self) -> Queue {
        Queue::new(aws::sqs().await, self.aws.queue_url.clone())
    }

    /// Kills every scheduler, also those that work for other tests.
    ///
    /// # Errors
    /// When the processes cannot be looked at.
    pub fn kill_schedulers(&self) -> Result<usize> {
        aws::kill_function(&self.aws.scheduler_function)
    }

    /// The most memory in bytes that the scheduler's process has had since it started.
    ///
    /// # Errors
    /// When none runs.
    pub fn scheduler_peak_memory(&self) -> Result<u64> {
        aws::peak_memory(&self.aws.scheduler_function)?.context("no scheduler runs")
    }

    /// Lets so many seconds pass, as far as the tables know: every date of the sync's runs is so much earlier.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn age(&self, seconds: u64) -> Result<()> {
        let earlier = |column: &str| format!("{column} = {column} - make_interval(secs => $2)");
        let dates =
            ["started_at", "planned_at", "heartbeat_at", "completed_at", "reported_at", "checked_at", "proved_at"]
                .map(earlier)
                .join(", ");
        let sql = format!("update public.sync_state set {dates} where sync = $1");
        self.database.execute(&sql, &[&self.name, &(seconds as f64)]).await?;
        Ok(())
    }

    /// Sends a message to the queue.
    ///
    /// # Errors
    /// When SQS refuses.
    pub async fn send(&self, body: &str) -> Result<()> {
        aws::sqs().await.send_message().queue_url(&self.aws.queue_url).message_body(body).send().await?;
        Ok(())
    }

    /// How often a batch of a run has been posted to Supabase and answered.
    ///
    /// # Errors
    /// When the stack does not answer.
    pub async fn deliveries(&self, run: Uuid) -> Result<usize> {
        let seen = self.control.requests("sync_apply", &run.to_string()).await?;
        Ok(seen.iter().filter(|request| request.status == Some(200)).count())
    }

    /// Kills every worker.
    ///
    /// # Errors
    /// When the processes cannot be looked at.
    pub fn kill_workers(&self) -> Result<usize> {
        aws::kill_function(&self.aws.worker_function)
    }
}
