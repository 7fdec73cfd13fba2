//! Laws of the merge, tried on random sheets, random edits in the database between the runs, and random deliveries. What is
//! right comes from a model of docs/PROMISES.md ("Merge", "Deletes") in a few lines of Rust that share nothing with the SQL.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::harness::{Database, Run, Sync, hash};

const COLUMNS: usize = 2;
type Values = [Option<i64>; COLUMNS];

/// What stands in a cell of the sheet.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cell {
    Says(Option<i64>),
    /// Blank, with `blank = "keep"`.
    Keep,
}

type Sheet = BTreeMap<String, [Cell; COLUMNS]>;

/// What people do in the application between two runs.
#[derive(Debug, Clone)]
enum Edit {
    Put(String, Values),
    Set(String, usize, Option<i64>),
    Remove(String),
    MarkDeleted(String),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Authority {
    Merge,
    Sheet,
    Database,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    Upsert,
    InsertOnly,
    UpdateOnly,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Policy {
    Ignore,
    Soft,
    Hard,
}

#[derive(Debug, Clone)]
struct Rules {
    authorities: [Authority; COLUMNS],
    database_wins: bool,
    mode: Mode,
    policy: Policy,
}

/// One run: what people did before it, what the sheet says, and how its messages arrive.
#[derive(Debug, Clone)]
struct Step {
    edits: Vec<Edit>,
    sheet: Sheet,
    batch_rows: usize,
    /// Each message is delivered one to three times; the deliveries are sorted by these.
    deliveries: Vec<(u8, u16)>,
}

#[derive(Debug, Clone, PartialEq)]
struct TableRow {
    values: Values,
    is_deleted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Present,
    Deleted,
    Absent,
}

/// What the sync remembers of a cell: what the sheet last said, and what the table then held.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Base {
    said: Option<i64>,
    stored: Option<i64>,
}

/// What the sync remembers of a row; no base: the row was left alone.
#[derive(Debug, Clone)]
struct Memory {
    base: Option<[Base; COLUMNS]>,
    state: State,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Counts {
    inserted: i64,
    updated: i64,
    unchanged: i64,
    skipped: i64,
    deleted: i64,
    conflicts: i64,
    adopted: i64,
}

/// The model.
#[derive(Debug, Default)]
struct World {
    table: BTreeMap<String, TableRow>,
    memory: BTreeMap<String, Memory>,
}

impl World {
    fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::Put(key, values) => {
                self.table.entry(key.clone()).or_insert(TableRow { values: *values, is_deleted: false });
            }
            Edit::Set(key, column, value) => {
                if let Some(row) = self.table.get_mut(key) {
                    row.values[*column] = *value;
                }
            }
            Edit::Remove(key) => drop(self.table.remove(key)),
            Edit::MarkDeleted(key) => {
                if let Some(row) = self.table.get_mut(key) {
                    row.is_deleted = true;
                }
            }
        }
    }

    fn vanished(&self, sheet: &Sheet) -> Vec<String> {
        let present = self.memory.iter().filter(|(_, memory)| memory.state == State::Present);
        present.map(|(key, _)| key.clone()).filter(|key| !sheet.contains_key(key)).collect()
    }

    fn run(&mut self, rules: &Rules, sheet: &Sheet) -> Counts {
        let mut counts = Counts::default();
        let vanished = self.vanished(sheet);
        for (key, cells) in sheet {
            self.merge(rules, key, cells, &mut counts);
        }
        for key in vanished {
            self.delete(rules.policy, &key, &mut counts);
        }
        counts
    }

    fn merge(&mut self, rules: &Rules, key: &str, cells: &[Cell; COLUMNS], counts: &mut Counts) {
        let known = self.memory.get(key).cloned();
        let base = known.as_ref().and_then(|known| known.base);
        let was_deleted = known.is_some_and(|known| known.state == State::Deleted);
        let is_left_alone = match rules.mode {
            Mode::Upsert => false,
            Mode::InsertOnly => self.table.contains_key(key) && !was_deleted,
            Mode::UpdateOnly => !self.table.contains_key(key),
        };
        if is_left_alone {
            counts.skipped += 1;
            self.memory.insert(key.to_owned(), Memory { base, state: State::Present });
            return;
        }
        let Some(row) = self.table.get_mut(key) else {
            counts.inserted += 1;
            let values = cells.map(|cell| match cell {
                Cell::Says(value) => value,
                Cell::Keep => None,
            });
            let base = values.map(|value| Base { said: value, stored: value });
            self.memory.insert(key.to_owned(), Memory { base: Some(base), state: State::Present });
            self.table.insert(key.to_owned(), TableRow { values, is_deleted: false });
            return;
        };
        counts.adopted += i64::from(base.is_none());
        let before = row.clone();
        let mut remembered = [Base { said: None, stored: None }; COLUMNS];
        for (column, cell) in cells.iter().enumerate() {
            let database = row.values[column];
            let known = base.map(|base| base[column]);
            let Cell::Says(sheet) = *cell else {
                remembered[column] = known.unwrap_or(Base { said: None, stored: database });
                continue;
            };
            let (sheet_wins, stored) = match (rules.authorities[column], known) {
                (Authority::Sheet, _) => (true, sheet),
                (Authority::Database, _) => (false, sheet),
                (Authority::Merge, None) => (true, sheet),
                (Authority::Merge, Some(base)) if sheet == base.said => (false, base.stored),
                (Authority::Merge, Some(base)) if database == base.stored || database == sheet => (true, sheet),
                (Authority::Merge, Some(base)) => {
                    counts.conflicts += 1;
                    (!rules.database_wins, if rules.database_wins { base.stored } else { sheet })
                }
            };
            remembered[column] = Base { said: sheet, stored };
            if sheet_wins {
                row.values[column] = sheet;
            }
        }
        self.memory.insert(key.to_owned(), Memory { base: Some(remembered), state: State::Present });
        if was_deleted && rules.policy == Policy::Soft {
            row.is_deleted = false;
        }
        if *row == before {
            counts.unchanged += 1;
        } else {
            counts.updated += 1;
        }
    }

    fn delete(&mut self, policy: Policy, key: &str, counts: &mut Counts) {
        let is_ours = self.memory.get(key).is_some_and(|memory| memory.base.is_some());
        let mut is_marked = false;
        match policy {
            Policy::Ignore => {}
            Policy::Soft if is_ours => {
                if let Some(row) = self.table.get_mut(key).filter(|row| !row.is_deleted) {
                    row.is_deleted = true;
                    is_marked = true;
                    counts.deleted += 1;
                }
            }
            Policy::Hard if is_ours => counts.deleted += i64::from(self.table.remove(key).is_some()),
            Policy::Soft | Policy::Hard => {}
        }
        if policy == Policy::Hard || !is_ours {
            self.memory.remove(key);
        } else if let Some(memory) = self.memory.get_mut(key) {
            // A mark that people made is theirs.
            memory.state = if is_marked { State::Deleted } else { State::Absent };
        }
    }
}

fn key() -> impl Strategy<Value = String> {
    (0..7u8).prop_map(|number| format!("K{number}"))
}

fn value() -> impl Strategy<Value = Option<i64>> {
    prop::option::weighted(0.8, 0..3i64)
}

fn sheet() -> impl Strategy<Value = Sheet> {
    let cell = prop_oneof![6 => value().prop_map(Cell::Says), 1 => Just(Cell::Keep)];
    prop::collection::btree_map(key(), prop::array::uniform2(cell), 0..7)
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        2 => (key(), prop::array::uniform2(value())).prop_map(|(key, values)| Edit::Put(key, values)),
        4 => (key(), 0..COLUMNS, value()).prop_map(|(key, column, value)| Edit::Set(key, column, value)),
        1 => key().prop_map(Edit::Remove),
        1 => key().prop_map(Edit::MarkDeleted),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let deliveries = prop::collection::vec((1..=3u8, any::<u16>()), 40);
    (prop::collection::vec(edit(), 0..5), sheet(), 1..4usize, deliveries)
        .prop_map(|(edits, sheet, batch_rows, deliveries)| Step { edits, sheet, batch_rows, deliveries })
}

fn rules() -> impl Strategy<Value = Rules> {
    let authority =
        prop_oneof![3 => Just(Authority::Merge), 1 => Just(Authority::Sheet), 1 => Just(Authority::Database)];
    let mode = prop_oneof![4 => Just(Mode::Upsert), 1 => Just(Mode::InsertOnly), 1 => Just(Mode::UpdateOnly)];
    let policy = prop_oneof![Just(Policy::Ignore), Just(Policy::Soft), Just(Policy::Hard)];
    (prop::array::uniform2(authority), any::<bool>(), mode, policy)
        .prop_map(|(authorities, database_wins, mode, policy)| Rules { authorities, database_wins, mode, policy })
}

/// The real thing: a database, and runs in it as scheduler and workers would make them.
struct Real {
    database: Database,
    service: Client,
}

impl Real {
    async fn new() -> Self {
        let database = Database::new().await;
        database.sql("create table laws (id text primary key, a integer, b integer, deleted_at timestamptz)").await;
        let service = database.service().await;
        Self { database, service }
    }

    async fn clear(&self) {
        self.database
            .sql("truncate laws; delete from sync_targets; delete from sync_rows; delete from sync_state")
            .await;
    }

    async fn edit(&self, edit: &Edit) {
        let text = |value: Option<i64>| value.map_or_else(|| "null".to_owned(), |value| value.to_string());
        let sql = match edit {
            Edit::Put(key, [a, b]) => {
                format!("insert into laws values ('{key}', {}, {}) on conflict do nothing", text(*a), text(*b))
            }
            Edit::Set(key, column, value) => {
                format!("update laws set {} = {} where id = '{key}'", ["a", "b"][*column], text(*value))
            }
            Edit::Remove(key) => format!("delete from laws where id = '{key}'"),
            Edit::MarkDeleted(key) => {
                format!("update laws set deleted_at = coalesce(deleted_at, now()) where id = '{key}'")
            }
        };
        self.database.sql(&sql).await;
    }

    async fn table(&self) -> BTreeMap<String, TableRow> {
        let rows = self.database.owner.query("select id, a, b, deleted_at is not null from laws", &[]).await.unwrap();
        let number = |value: Option<i32>| value.map(i64::from);
        rows.iter()
            .map(|row| {
                let values = [number(row.get(1)), number(row.get(2))];
                (row.get(0), TableRow { values, is_deleted: row.get(3) })
            })
            .collect()
    }

    /// Sends everything in batches, in the order and as often as the step says; answers the run.
    async fn run(&self, rules: &Rules, step: &Step, vanished: &[String]) -> Run {
        let run = definition(rules).begin(&self.service).await;
        let messages = messages(&run, step, vanished);
        let upserts = messages.iter().filter(|message| message["kind"] == "upsert").count();
        let digest = format!("of run {}", run.id);
        let plan = json!({
            "rowsRead": step.sheet.len(), "rowsSent": step.sheet.len(), "keysVanished": vanished.len(),
            "upsertBatches": upserts, "deleteBatches": messages.len() - upserts,
            "vanished": {"count": vanished.len(), "digest": digest, "sample": []},
        });
        if rules.mode == Mode::UpdateOnly && !vanished.is_empty() {
            // A row that `update_only` leaves out may be one that is gone, under a new key: the deletion waits for a person.
            self.database
                .sql(&format!(
                    "insert into sync_approvals (sync, run, count, digest, who, why, expires_at)
                     values ('{}', '{}', {}, '{digest}', 'a test', 'they are gone', now() + interval '1 hour')",
                    run.sync.name,
                    run.id,
                    vanished.len()
                ))
                .await;
        }
        // `None` is the plan, which the scheduler records when all is sent: the first batches may be applied by then.
        let mut deliveries: Vec<(u16, Option<&Value>)> = vec![(step.deliveries[0].1, None)];
        for (message, (times, at)) in messages.iter().zip(&step.deliveries[1..]) {
            deliveries.extend((0..*times).map(|time| (at.rotate_left(u32::from(time) * 5), Some(message))));
        }
        deliveries.sort_by_key(|(at, _)| *at);
        for (_, message) in &deliveries {
            match message {
                Some(message) => drop(run.apply(&self.service, message).await),
                None => drop(run.plan(&self.service, plan.clone()).await),
            }
        }
        // What was told to wait comes again, as the queue brings it.
        for message in &messages {
            let answer = run.apply(&self.service, message).await;
            assert!(["applied", "duplicate"].contains(&answer["outcome"].as_str().unwrap()), "{answer}");
        }
        run
    }

    async fn counts(&self, run: &Run) -> Counts {
        let columns = "status, inserted, updated, unchanged, skipped, deleted, conflict, adopted";
        let state = self.database.state(run.id, columns).await;
        assert_eq!(state[0], "completed", "{state}");
        let count = |index: usize| state[index].as_i64().unwrap();
        Counts {
            inserted: count(1),
            updated: count(2),
            unchanged: count(3),
            skipped: count(4),
            deleted: count(5),
            conflicts: count(6),
            adopted: count(7),
        }
    }
}

fn definition(rules: &Rules) -> Sync {
    let name = |authority| match authority {
        Authority::Merge => "merge",
        Authority::Sheet => "sheet",
        Authority::Database => "database",
    };
    let [a, b] = rules.authorities.map(name);
    let mode = match rules.mode {
        Mode::Upsert => "upsert",
        Mode::InsertOnly => "insert_only",
        Mode::UpdateOnly => "update_only",
    };
    // The guard has tests of its own; here it must not be in the way.
    let deletes = match rules.policy {
        Policy::Ignore => json!({"policy": "ignore"}),
        Policy::Soft => json!({"policy": "soft", "column": "deleted_at", "guardRows": 1000}),
        Policy::Hard => json!({"policy": "hard", "guardRows": 1000}),
    };
    let columns = json!([
        {"name": "id", "authority": "merge"}, {"name": "a", "authority": a}, {"name": "b", "authority": b}
    ]);
    Sync::new("laws", &["id", "a", "b"])
        .with("columns", columns)
        .with("mode", mode)
        .with("onConflict", if rules.database_wins { "database" } else { "sheet" })
        .with("deletes", deletes)
}

fn messages(run: &Run, step: &Step, vanished: &[String]) -> Vec<Value> {
    let mut rows: Vec<(&String, &[Cell; COLUMNS])> = step.sheet.iter().collect();
    rows.sort_by_key(|(key, _)| hash(key));
    let mut messages = Vec::new();
    for rows in rows.chunks(step.batch_rows) {
        let said = |cell: &Cell| match cell {
            Cell::Says(value) => json!(value),
            Cell::Keep => Value::Null,
        };
        let values: Vec<Value> = rows.iter().map(|(key, [a, b])| json!([key, said(a), said(b)])).collect();
        let mut message = run.upsert(&values);
        for item in message["rows"].as_array_mut().unwrap() {
            let cells = step.sheet[item["k"].as_str().unwrap()];
            let kept: Vec<usize> =
                (0..COLUMNS).filter(|column| cells[*column] == Cell::Keep).map(|column| column + 1).collect();
            if !kept.is_empty() {
                item["keep"] = json!(kept);
            }
        }
        messages.push(message);
    }
    let mut vanished: Vec<&str> = vanished.iter().map(String::as_str).collect();
    vanished.sort_by_key(|key| hash(key));
    messages.extend(vanished.chunks(step.batch_rows).map(|keys| run.delete(keys)));
    messages
}

/// Tries a law on random cases against one database.
fn try_law<S: Strategy>(cases: u32, strategy: S, law: impl AsyncFn(&Real, S::Value) -> Result<(), TestCaseError>)
where
    S::Value: std::fmt::Debug,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let real = runtime.block_on(Real::new());
    let config =
        ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&strategy, |case| {
        runtime.block_on(async {
            real.clear().await;
            law(&real, case).await
        })
    });
    runtime.block_on(async { drop(real) });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn after_every_run_the_table_is_what_the_merge_table_says_whatever_came_between_and_however_it_was_delivered() {
    try_law(60, (rules(), prop::collection::vec(step(), 1..4)), async |real, (rules, steps)| {
        let mut world = World::default();
        for step in &steps {
            for edit in &step.edits {
                world.edit(edit);
                real.edit(edit).await;
            }
            let vanished = world.vanished(&step.sheet);
            let expected = world.run(&rules, &step.sheet);
            let run = real.run(&rules, step, &vanished).await;
            prop_assert_eq!(real.table().await, world.table.clone());
            prop_assert_eq!(real.counts(&run).await, expected);
        }
        Ok(())
    });
}

#[test]
fn a_sheet_that_owns_everything_and_deletes_is_the_table_after_any_two_runs() {
    let rules = Rules {
        authorities: [Authority::Sheet; COLUMNS],
        database_wins: false,
        mode: Mode::Upsert,
        policy: Policy::Hard,
    };
    try_law(20, (step(), step()), async |real, (first, second)| {
        let mut before = Vec::new();
        for mut step in [first, second] {
            step.edits.clear();
            for cells in step.sheet.values_mut() {
                *cells = cells.map(|cell| if cell == Cell::Keep { Cell::Says(None) } else { cell });
            }
            let vanished: Vec<String> = before.into_iter().filter(|key| !step.sheet.contains_key(key)).collect();
            real.run(&rules, &step, &vanished).await;
            let sheet = step.sheet.iter().map(|(key, cells)| {
                let values = cells.map(|cell| if let Cell::Says(value) = cell { value } else { None });
                (key.clone(), TableRow { values, is_deleted: false })
            });
            prop_assert_eq!(real.table().await, sheet.collect::<BTreeMap<_, _>>());
            before = step.sheet.into_keys().collect();
        }
        Ok(())
    });
}
