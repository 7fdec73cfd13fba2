//! The state of a world while it is played: the sheet, the queue, the breaker's item, the runs as they look from outside,
//! and what goes wrong at which call. What must hold of it is judged in [`crate::judge`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_json::Value;
use sheetsync::breaker::{Circuit, Item};
use sheetsync::clock::Clock;
use sheetsync::mapping::Cell;
use sheetsync::sheets::Block;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use crate::calls;
use crate::fault::{Fault, Invariant};
use crate::oracle::{Fate, Memory, Reading};
use crate::postgres::{Postgres, Refused, Role, quoted};
use crate::sheet::{Birth, ColumnId, Sheet};
use crate::table::{self, Row};
use crate::world::{AppEdit, Content, Edit, Mishap, RunKind, What, World};

/// A block of rows as it is given out, and what its rows below the headers said.
pub type Looked = (Block, Vec<Reading>);

/// A message on the queue.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id.
    pub id: u64,
    /// What it says.
    pub body: String,
    /// From when it can be received.
    pub visible: Instant,
}

/// What became of a call that brought no answer.
#[derive(Debug)]
pub enum Lost {
    /// Its function has ended.
    Killed,
    /// It is unknown whether it took effect.
    Unanswered,
    /// Postgres refused it.
    Refused(Refused),
}

/// A run as it looks from outside.
#[derive(Debug)]
pub struct RunRecord {
    /// Its id.
    pub id: Uuid,
    /// Of which sync.
    pub sync: usize,
    /// Its kind.
    pub kind: RunKind,
    /// Whether a person approved what it deletes.
    pub is_approved: bool,
    /// Whether its tab is being read.
    pub is_reading: bool,
    /// The rows that its tab held from the beginning on.
    pub held: BTreeSet<Birth>,
    /// The rows that it was given.
    pub readings: Vec<Reading>,
    /// The spreadsheet's versions that it was given.
    pub versions: Vec<u64>,
    /// The spreadsheet's version when it began.
    pub version: u64,
    /// Whether the spreadsheet changed while it read.
    pub moved: bool,
    /// Whether its plan is recorded.
    pub is_planned: bool,
    /// How many edits of any kind there had been when it had read.
    pub edits: u64,
    /// How many there had been when it held the books against the table; `None`: it did not.
    pub checked: Option<u64>,
    /// Rows that it deleted.
    pub deleted: u64,
    /// Messages that it sent.
    pub messages: usize,
    /// Whether anything went wrong with it on purpose.
    pub had_mishaps: bool,
    /// How it ended; `None` until it was judged as a whole.
    pub status: Option<String>,
}

/// What the application did that the judgement must know.
#[derive(Debug, Default)]
pub struct App {
    /// Keys whose row it took away.
    pub removed: BTreeSet<String>,
    /// Values that it wrote, by row and column.
    pub edited: BTreeSet<(i64, String)>,
    /// Rows that it made, or whose mark of a deletion by the product it took away.
    pub born: BTreeSet<i64>,
}

/// Everything at one moment.
pub struct Stage {
    /// The database.
    pub postgres: Arc<Postgres>,
    /// The case.
    pub world: World,
    /// The spreadsheet.
    pub sheet: Sheet,
    /// Per sync what is known of it.
    pub memories: Vec<Memory>,
    /// What the application did.
    pub app: App,
    /// Which sync feeds a row, by its key.
    pub feeders: BTreeMap<String, usize>,
    /// Keys that a sync may have taken over without writing anything: its own values are refused.
    pub takers: BTreeSet<(String, usize)>,
    /// Rows that the product marked as deleted.
    pub marked: BTreeSet<i64>,
    /// The table after the last commit.
    pub rows: Vec<Row>,
    /// All runs, in the order of their begin.
    pub runs: Vec<RunRecord>,
    /// The queue.
    pub queue: Vec<Message>,
    /// All messages that were ever sent.
    pub archive: Vec<String>,
    /// The breaker's item.
    pub item: Item,
    /// The time of everybody but Postgres.
    pub clock: Clock,
    /// How much time has passed for Postgres.
    pub minute: u64,
    /// What goes wrong in the call that is being made, or in one after it.
    pub mishaps: Vec<Mishap>,
    /// The number of the next call, since mishaps were set.
    pub calls: u32,
    /// Says that the function was killed.
    pub died: Arc<Notify>,
    /// Invocations of a worker.
    pub invocations: u64,
    /// Whether calls got lost: then the breaker may open.
    pub has_lost_calls: bool,
    /// Edits of any kind.
    pub edits: u64,
    /// How Postgres stores a value of a column, by the column and the value as JSON.
    pub stored: HashMap<(String, String), Value>,
    /// What must not be.
    pub fault: Option<Fault>,
    /// What happened.
    pub log: Vec<String>,
    /// How often what occurred.
    pub seen: BTreeMap<String, u64>,
    next_message: u64,
}

impl Stage {
    /// The beginning of a world, whose table is made already.
    #[must_use]
    pub fn new(postgres: Arc<Postgres>, world: &World) -> Self {
        let sheet = Sheet::new(world.schema.width(), &world.tabs);
        let mut stage = Self {
            postgres,
            world: world.clone(),
            sheet,
            memories: vec![Memory::default(); world.syncs.len()],
            app: App::default(),
            feeders: BTreeMap::new(),
            takers: BTreeSet::new(),
            marked: BTreeSet::new(),
            rows: Vec::new(),
            runs: Vec::new(),
            queue: Vec::new(),
            archive: Vec::new(),
            item: Item::default(),
            clock: calls::clock(),
            minute: 0,
            mishaps: Vec::new(),
            calls: 0,
            died: Arc::new(Notify::new()),
            invocations: 0,
            has_lost_calls: false,
            edits: 0,
            stored: HashMap::new(),
            fault: None,
            log: Vec::new(),
            seen: BTreeMap::new(),
            next_message: 0,
        };
        stage.ask_stored();
        for row in &world.table {
            stage.app_edit(&AppEdit::Insert(row.clone()));
        }
        stage
    }

    /// Counts something that occurred.
    pub fn count(&mut self, what: &str) {
        *self.seen.entry(what.to_owned()).or_default() += 1;
    }

    /// Notes what happened.
    pub fn note(&mut self, what: String) {
        self.log.push(what);
    }

    /// Notes what must not be; the first is what counts.
    pub fn blame(&mut self, invariant: Invariant, detail: String) {
        self.note(format!("WRONG {}: {detail}", invariant.name()));
        if self.fault.is_none() {
            self.fault = Some(Fault { invariant, detail });
        }
    }

    /// How the table's columns hold the values that cells can have, before any trigger sees them.
    fn ask_stored(&mut self) {
        let schema = &self.world.schema;
        let values: Vec<(String, Value)> = schema
            .names()
            .into_iter()
            .zip(schema.kinds())
            .flat_map(|(name, kind)| (0..crate::palette::VALUES).map(move |value| (name.clone(), kind.value(value))))
            .collect();
        let list: Vec<String> = values
            .iter()
            .map(|(name, value)| {
                format!("({}, {}::jsonb)", quoted(name), quoted(&serde_json::json!({name: value}).to_string()))
            })
            .collect();
        let sql = format!(
            "select coalesce(world.stored(v.name, v.row), 'null')::text from (values {}) as v (name, row)",
            list.join(", ")
        );
        let answers = self.postgres.must(&sql);
        for ((name, value), answer) in values.into_iter().zip(answers) {
            let stored = serde_json::from_str(&answer).unwrap_or_default();
            self.stored.insert((name, value.to_string()), stored);
        }
    }

    /// How the table holds a value.
    #[must_use]
    pub fn stored(&self, name: &str, value: &Value) -> Value {
        self.stored.get(&(name.to_owned(), value.to_string())).cloned().unwrap_or_else(|| value.clone())
    }

    /// The index of the run.
    #[must_use]
    pub fn run(&self, id: Uuid) -> Option<usize> {
        self.runs.iter().position(|run| run.id == id)
    }

    /// The other sync that feeds a row, when this one must leave it alone: its tab has the row, and this one does not take
    /// precedence.
    #[must_use]
    pub fn feeder(&self, sync: usize, key: &str) -> Option<usize> {
        let feeder = *self.feeders.get(key)?;
        let outranks = self.world.syncs[sync].precedence > self.world.syncs[feeder].precedence;
        (feeder != sync && !outranks && self.memories[feeder].keys.contains(key)).then_some(feeder)
    }

    /// Whether another sync feeds the key, or may have taken it over and has it in its tab.
    #[must_use]
    pub fn is_of_another(&self, sync: usize, key: &str) -> bool {
        let is_taken =
            self.takers.iter().any(|(taken, by)| taken == key && *by != sync && self.memories[*by].keys.contains(key));
        is_taken || self.feeder(sync, key).is_some()
    }

    /// The newest run of a sync.
    #[must_use]
    pub fn current(&self, sync: usize) -> Option<usize> {
        self.runs.iter().rposition(|run| run.sync == sync)
    }

    /// The current run of the sync of this name holds its books against the table.
    pub fn checked(&mut self, sync: &str) {
        let Some(run) = (0..self.runs.len()).rfind(|run| calls::sync_name(self.runs[*run].sync) == sync) else {
            return;
        };
        self.runs[run].checked = Some(self.edits);
    }

    /// Makes an edit of the sheet.
    pub fn sheet_edit(&mut self, tab: usize, edit: &Edit) {
        if !self.sheet.edit(tab, edit) {
            return;
        }
        self.edits += 1;
        self.count(&format!("edit {}", name_of(edit)));
        self.note(format!("tab {}: {}", tab % self.sheet.tabs.len(), serde_json::json!(edit)));
        for run in self.runs.iter_mut().filter(|run| run.is_reading) {
            let tab = &self.sheet.tabs[run.sync];
            run.held.retain(|birth| tab.rows.iter().any(|row| row.birth == *birth));
        }
    }

    /// The application writes the table, in a transaction of its own.
    pub fn app_edit(&mut self, edit: &AppEdit) {
        let schema = self.world.schema.clone();
        let names = schema.names();
        let count = self.rows.len();
        let id = |row: usize| Some(self.rows[row.checked_rem(count)?].id);
        let set = |id: i64, name: &str, value: &Value| {
            format!(
                "update public.things as t set {name} = r.{name}, note = 'edited' \
                 from jsonb_populate_record(null::public.things, {}::jsonb) as r where t.hid = {id}",
                quoted(&serde_json::json!({name: value}).to_string())
            )
        };
        let sql = match edit {
            AppEdit::Update { row, column, content } => {
                let column = schema.keys.len() + column % schema.columns.len().max(1);
                let Some((kind, name)) = schema.kinds().get(column).copied().zip(names.get(column)) else { return };
                let value = match content {
                    Content::Value(value, _) => kind.value(*value),
                    _ => Value::Null,
                };
                id(*row).map(|id| set(id, name, &value))
            }
            AppEdit::Rename { row, key } => id(*row).map(|id| set(id, "k1", &schema.keys[0].value(*key))),
            AppEdit::Insert(contents) => Some(format!(
                "insert into public.things ({0}, note) select {1}, 'born' from jsonb_populate_record(null::public.things, {2}::jsonb) as r",
                names.join(", "),
                names.iter().map(|name| format!("r.{name}")).collect::<Vec<_>>().join(", "),
                quoted(&schema.typed(contents).to_string())
            )),
            AppEdit::Delete(row) => id(*row).map(|id| format!("delete from public.things where hid = {id}")),
            AppEdit::Mark(row) => id(*row).map(|id| {
                format!(
                    "update public.things set deleted_at = case when deleted_at is null then now() end where hid = {id}"
                )
            }),
        };
        let Some(sql) = sql else { return };
        let (answer, rows) = self.postgres.query_and_look(Role::Owner, &sql, table::ROWS);
        if let Err(refused) = answer {
            self.count("app refused");
            self.note(format!("app: {} is refused: {}", serde_json::json!(edit), refused.code));
            return;
        }
        self.edits += 1;
        self.count(&format!("app {}", name_of(edit)));
        self.note(format!("app: {}", serde_json::json!(edit)));
        let before = std::mem::replace(&mut self.rows, table::rows(&schema, &rows));
        for row in &self.rows {
            match before.iter().find(|earlier| earlier.id == row.id) {
                None => drop(self.app.born.insert(row.id)),
                Some(earlier) => {
                    for (name, value) in &row.values {
                        if earlier.values[name] != *value {
                            self.app.edited.insert((row.id, name.clone()));
                        }
                    }
                    if earlier.key != row.key {
                        self.app.removed.insert(earlier.key.clone());
                        self.app.born.insert(row.id);
                    }
                    if earlier.is_marked() != row.is_marked() && self.marked.remove(&row.id) {
                        self.app.born.insert(row.id);
                    }
                }
            }
        }
        let gone = before.iter().filter(|earlier| !self.rows.iter().any(|row| row.id == earlier.id));
        self.app.removed.extend(gone.map(|row| row.key.clone()));
    }

    /// What goes wrong at this call; edits are made.
    fn mishap(&mut self) -> Option<What> {
        let call = self.calls;
        self.calls += 1;
        let mut wrong = None;
        for mishap in self.mishaps.clone() {
            if u32::from(mishap.call) != call {
                continue;
            }
            match mishap.what {
                What::Edit(tab, edit) => self.sheet_edit(tab, &edit),
                What::App(edit) => self.app_edit(&edit),
                what => wrong = Some(what),
            }
        }
        if let Some(what) = &wrong {
            self.count(&format!("mishap {}", name_of(what)));
            self.note(format!("call {call}: {}", serde_json::json!(what)));
            self.has_lost_calls = true;
        }
        wrong
    }

    fn kill(&self) -> Lost {
        self.died.notify_one();
        Lost::Killed
    }

    /// A call of the product to Postgres.
    pub fn call(&mut self, function: &str, arguments: &Value) -> Result<Value, Lost> {
        let wrong = self.mishap();
        match wrong {
            Some(What::Kill) => return Err(self.kill()),
            Some(What::LoseRequest) => return Err(Lost::Unanswered),
            _ => {}
        }
        let run = calls::run_of(function, arguments).and_then(|run| self.run(run));
        if function == "sync_planned"
            && let Some(run) = run
        {
            self.end_reading(run);
        }
        let (answer, rows) = self.run_function(function, arguments, !calls::only_reads(function));
        match &answer {
            Ok(answer) => self.note(format!("{function}: {answer}")),
            Err(refused) => {
                self.count(&format!("sqlstate {}", refused.code));
                self.note(format!("{function}: {} {}", refused.code, refused.message));
            }
        }
        if let Some(rows) = rows {
            let before = std::mem::replace(&mut self.rows, rows);
            self.judge_commit(function, run, arguments, answer.as_ref().ok(), &before);
        }
        match (wrong, answer) {
            (Some(What::LoseAnswer), _) => Err(Lost::Unanswered),
            (_, Err(refused)) => Err(Lost::Refused(refused)),
            (_, Ok(answer)) => Ok(answer),
        }
    }

    /// Puts what a run sends on the queue.
    pub fn send(&mut self, bodies: Vec<String>) -> Result<(), Lost> {
        let wrong = self.mishap();
        if let Some(run) = self.runs.iter().rposition(|run| run.is_reading) {
            self.end_reading(run);
            self.runs[run].messages += bodies.len();
        }
        let count = match wrong {
            Some(What::LoseRequest) => bodies.len() / 2,
            _ => bodies.len(),
        };
        for body in bodies.into_iter().take(count) {
            self.archive.push(body.clone());
            self.put(body);
        }
        match wrong {
            Some(What::Kill) => Err(self.kill()),
            Some(What::LoseRequest | What::LoseAnswer) => Err(Lost::Unanswered),
            _ => Ok(()),
        }
    }

    /// Puts a message on the queue.
    pub fn put(&mut self, body: String) {
        self.next_message += 1;
        self.queue.push(Message { id: self.next_message, body, visible: Instant::now() });
    }

    fn ask_google(&mut self) -> Result<(), Lost> {
        match self.mishap() {
            Some(What::Kill) => Err(self.kill()),
            _ => Ok(()),
        }
    }

    /// The spreadsheet's version.
    pub fn version(&mut self) -> Result<u64, Lost> {
        self.ask_google()?;
        let version = self.sheet.version;
        if let Some(run) = self.runs.iter_mut().rfind(|run| run.is_reading) {
            run.versions.push(version);
        }
        Ok(version)
    }

    /// How many rows a tab's grid has, and how many of them a chunk has.
    pub fn look_up(&mut self, tab: usize) -> Result<(u32, u32), Lost> {
        self.ask_google()?;
        let chunk_rows = self.world.syncs[tab].chunk_rows.max(2);
        Ok((self.sheet.tabs[tab].rows.len() as u32 + 1, u32::from(chunk_rows)))
    }

    /// Gives out blocks of rows of a tab, counted from 1, all as they are at this moment, and notes what the rows below the
    /// headers said; none when a block begins below the last row.
    pub fn give_blocks(&mut self, tab: usize, blocks: &[RangeInclusive<u32>]) -> Result<Option<Vec<Block>>, Lost> {
        let Some(given) = self.look_at_blocks(tab, blocks)? else { return Ok(None) };
        let (blocks_given, readings): (Vec<Block>, Vec<Vec<Reading>>) = given.into_iter().unzip();
        if let Some(run) = self.runs.iter_mut().rfind(|run| run.is_reading) {
            // Rows that are read once more count as they are then.
            run.readings.retain(|reading| !blocks.iter().any(|rows| rows.contains(&reading.number)));
            run.readings.extend(readings.into_iter().flatten());
        }
        Ok(Some(blocks_given))
    }

    /// The same, with what the rows said, and nothing of it is noted: the run only asks what is shown.
    pub fn look_at_blocks(&mut self, tab: usize, blocks: &[RangeInclusive<u32>]) -> Result<Option<Vec<Looked>>, Lost> {
        self.ask_google()?;
        let last = self.sheet.tabs[tab].rows.len() as u32 + 1;
        if blocks.iter().any(|rows| *rows.start() > last) {
            return Ok(None);
        }
        Ok(Some(blocks.iter().map(|rows| self.rows_of(tab, rows)).collect()))
    }

    fn rows_of(&self, tab: usize, rows: &RangeInclusive<u32>) -> (Block, Vec<Reading>) {
        let schema = &self.world.schema;
        let (names, kinds) = (schema.names(), schema.kinds());
        let sheet = &self.sheet.tabs[tab];
        let headers = sheet.columns.iter().map(|column| match column.id {
            ColumnId::Schema(_) if column.renamed => Cell::from("Something else"),
            ColumnId::Schema(index) => Cell::from(calls::header(&names[index])),
            ColumnId::Other(number) => Cell::from(format!("Other {number}")),
        });
        let mut given = Vec::new();
        let mut readings = Vec::new();
        for number in rows.clone() {
            if number == 1 {
                given.push(headers.clone().collect());
                continue;
            }
            let Some(row) = sheet.rows.get(number as usize - 2) else { break };
            let cells = sheet.columns.iter().map(|column| match column.id {
                ColumnId::Schema(index) => kinds[index].cell(row.shown(index)),
                ColumnId::Other(number) => Cell::from(format!("x{number}")),
            });
            given.push(cells.collect());
            let shown = (0..schema.width()).map(|index| row.shown(index)).collect();
            readings.push(self.world.syncs[tab].read(schema, row.birth, number, shown));
        }
        (given, readings)
    }

    /// A run begins to read.
    pub fn begin(&mut self, id: Uuid, sync: usize, kind: &RunKind, is_approved: bool) {
        self.runs.iter_mut().for_each(|run| run.is_reading = false);
        let held = self.sheet.tabs[sync].rows.iter().map(|row| row.birth).collect();
        self.runs.push(RunRecord {
            id,
            sync,
            kind: kind.clone(),
            is_approved,
            is_reading: true,
            held,
            readings: Vec::new(),
            versions: Vec::new(),
            version: self.sheet.version,
            moved: false,
            is_planned: false,
            edits: self.edits,
            checked: None,
            deleted: 0,
            messages: 0,
            had_mishaps: !self.mishaps.is_empty(),
            status: None,
        });
    }

    /// A run has read its tab, as far as it does.
    pub fn end_reading(&mut self, run: usize) {
        let version = self.sheet.version;
        let run = &mut self.runs[run];
        if !run.is_reading {
            return;
        }
        run.is_reading = false;
        run.moved = run.version != version;
        let sync = run.sync;
        let rows = &mut self.sheet.tabs[sync].rows;
        rows.iter_mut().flat_map(|row| &mut row.loading).for_each(|reads| *reads = reads.saturating_sub(1));
        let moved = run.moved;
        let counts = [
            ("read at rest", !moved),
            ("read moved", moved),
            ("key unreadable", run.readings.iter().any(|reading| reading.fate == Fate::Unreadable)),
            ("key missing", run.readings.iter().any(|reading| reading.fate == Fate::NoKey)),
            ("cell bad", run.readings.iter().any(|reading| reading.fate == Fate::Bad)),
        ];
        for (name, occurred) in counts {
            if occurred {
                self.count(name);
            }
        }
    }

    /// Gives a batch up.
    pub fn dead_letter(&mut self, body: &str, reason: &str) {
        self.count("dead-lettered");
        if self.has_lost_calls {
            self.note(format!("dead-lettered: {reason}"));
        } else {
            self.blame(Invariant::BatchGivenUp, format!("{reason}: {}", body.chars().take(300).collect::<String>()));
        }
    }

    /// Looks whether the breaker opened.
    pub fn look_at_breaker(&mut self) {
        if let Circuit::Open { .. } = &self.item.circuit {
            let why = self.item.why().unwrap_or_default().to_owned();
            self.count("breaker opened");
            if self.has_lost_calls {
                self.note(format!("the breaker opens: {why}"));
            } else {
                self.blame(Invariant::BreakerOpened, format!("the breaker opened for every sync because of {why}"));
            }
        }
    }

    /// Time passes for Postgres: all that it remembers becomes older.
    pub fn pass(&mut self, minutes: u64) {
        self.minute += minutes;
        self.postgres.must(&format!("select hostile.pass({minutes})"));
        self.note(format!("{minutes} minutes pass"));
    }
}

/// The name under which a step is written.
pub fn name_of(step: &impl serde::Serialize) -> String {
    match serde_json::json!(step) {
        Value::String(name) => name,
        Value::Object(object) => object.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}
