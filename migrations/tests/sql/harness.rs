//! Builders for definitions, runs and messages in which a test states only what matters to it.

use serde_json::{Value, json};
pub use sheetsync_test_database::{Database, call, try_call};
use tokio_postgres::Client;
use uuid::Uuid;

/// A sync's definition.
#[derive(Clone)]
pub struct Sync {
    pub name: &'static str,
    pub definition: Value,
}

impl Sync {
    /// A sync of all the given columns, keyed by the first, in which people may edit everything.
    pub fn new(table: &str, columns: &[&str]) -> Self {
        let list: Vec<Value> = columns.iter().map(|name| json!({"name": name, "authority": "merge"})).collect();
        Self {
            name: "listings",
            definition: json!({
                "table": table, "keyColumns": [columns[0]], "mappingVersion": "0123456789abcdef",
                "mode": "upsert", "onConflict": "sheet", "columns": list, "deletes": {"policy": "ignore"},
                // What waits for a second read or for a person has tests of its own.
                "confirmDeletes": 1, "adopt": "sheet",
            }),
        }
    }

    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.definition[field] = value.into();
        self
    }

    /// Gives every column but the key this authority.
    pub fn authority(mut self, authority: &str) -> Self {
        for column in self.definition["columns"].as_array_mut().unwrap().iter_mut().skip(1) {
            column["authority"] = authority.into();
        }
        self
    }

    /// Gives a column the type that the mapping has for it.
    pub fn typed(mut self, column: &str, mapping_type: &str) -> Self {
        for entry in self.definition["columns"].as_array_mut().unwrap() {
            if entry["name"] == column {
                entry["type"] = mapping_type.into();
            }
        }
        self
    }

    /// The row key of a row's values (docs/PROTOCOL.md, "Row keys").
    fn key_of(&self, values: &Value) -> String {
        let text = |column: &Value| {
            let place = self.columns().iter().position(|name| name == column).unwrap();
            values[place].as_str().map_or_else(|| values[place].to_string(), str::to_owned)
        };
        match self.definition["keyColumns"].as_array().unwrap().as_slice() {
            [column] => text(column),
            columns => json!(columns.iter().map(text).collect::<Vec<_>>()).to_string(),
        }
    }

    pub fn columns(&self) -> Vec<Value> {
        self.definition["columns"].as_array().unwrap().iter().map(|column| column["name"].clone()).collect()
    }

    /// Asks for a run; the answer may be anything.
    pub async fn try_begin(&self, client: &Client, run: Uuid, kind: &str) -> Value {
        let arguments =
            [json!(self.name), json!(run.to_string()), self.definition.clone(), json!(kind), json!("a test")];
        call(client, "sync_begin", &arguments).await
    }

    /// Begins a manual run.
    pub async fn begin(&self, client: &Client) -> Run {
        self.begin_as(client, "manual").await
    }

    pub async fn begin_as(&self, client: &Client, kind: &str) -> Run {
        let id = Uuid::new_v4();
        let answer = self.try_begin(client, id, kind).await;
        assert_eq!(answer["outcome"], "begun", "{answer}");
        Run { id, sync: self.clone() }
    }

    /// A whole run of one upsert batch, as the scheduler and the worker would make it.
    pub async fn run(&self, client: &Client, rows: &[Value]) -> (Run, Value) {
        let run = self.begin(client).await;
        let applied = run.apply(client, &run.upsert(rows)).await;
        run.plan(client, json!({"rowsRead": rows.len(), "rowsSent": rows.len(), "upsertBatches": 1})).await;
        (run, applied)
    }
}

/// A run that has begun.
#[derive(Clone)]
pub struct Run {
    pub id: Uuid,
    pub sync: Sync,
}

impl Run {
    /// A message with these rows, each an array of values in the order of the definition.
    pub fn upsert(&self, rows: &[Value]) -> Value {
        let mut items: Vec<Value> = rows
            .iter()
            .enumerate()
            .map(|(index, values)| {
                let key = self.sync.key_of(values);
                json!({"k": key, "h": hash(&key), "c": hash(&values.to_string()), "n": index + 2, "v": values})
            })
            .collect();
        items.sort_by_key(|item| item["h"].as_i64());
        let (lo, hi) = (items[0]["h"].as_i64().unwrap(), items[items.len() - 1]["h"].as_i64().unwrap() + 1);
        let mut message = self.head("upsert", lo, hi);
        message["columns"] = self.sync.columns().into();
        message["rows"] = items.into();
        message
    }

    /// A message that deletes the rows with these keys.
    pub fn delete(&self, keys: &[&str]) -> Value {
        let mut hashes: Vec<i64> = keys.iter().map(|key| hash(key)).collect();
        hashes.sort_unstable();
        let mut message = self.head("delete", hashes[0], hashes[hashes.len() - 1] + 1);
        message["keys"] = hashes.into();
        message
    }

    fn head(&self, kind: &str, lo: i64, hi: i64) -> Value {
        json!({"v": 1, "sync": self.sync.name, "run": self.id, "seq": 1, "kind": kind, "lo": lo, "hi": hi,
               "mapping": "0123456789abcdef", "sentAt": "2026-11-23T01:02:03Z"})
    }

    pub async fn apply(&self, client: &Client, message: &Value) -> Value {
        call(client, "sync_apply", std::slice::from_ref(message)).await
    }

    /// Records the plan and answers the run's status.
    pub async fn plan(&self, client: &Client, plan: Value) -> Value {
        let mut full = json!({"rowsRead": 0, "rowsRejected": 0, "rowsSkipped": 0, "rowsUnchanged": 0, "rowsSent": 0,
            "keysVanished": 0, "upsertBatches": 0, "deleteBatches": 0, "deletesWithheld": null, "readComplete": true, "metadata": {}});
        for (name, value) in plan.as_object().unwrap() {
            full[name] = value.clone();
        }
        call(client, "sync_planned", &[json!(self.id.to_string()), full]).await["status"].clone()
    }

    /// Reports that a batch, or without one the run, has failed.
    pub async fn fail(&self, client: &Client, message: Option<&Value>, is_final: bool) -> Value {
        let batch = message.map_or(Value::Null, |message| {
            let rows = message["rows"].as_array().or(message["keys"].as_array()).unwrap().len();
            json!({"kind": message["kind"], "lo": message["lo"], "hi": message["hi"], "rows": rows})
        });
        let error = json!({"type": "database", "code": "broken", "message": "it broke", "final": is_final});
        call(client, "sync_fail", &[json!(self.id.to_string()), batch, error]).await
    }
}

/// A message cut in two, as the worker does it after a statement timeout.
pub fn halves(message: &Value) -> (Value, Value) {
    let list = if message["kind"] == "delete" { "keys" } else { "rows" };
    let items = message[list].as_array().unwrap();
    let (left, right) = items.split_at(items.len() / 2);
    let middle = if list == "keys" { &right[0] } else { &right[0]["h"] };
    let (mut first, mut second) = (message.clone(), message.clone());
    first["hi"] = middle.clone();
    second["lo"] = middle.clone();
    first[list] = left.to_vec().into();
    second[list] = right.to_vec().into();
    (first, second)
}

/// The key hash of docs/PROTOCOL.md.
pub fn hash(text: &str) -> i64 {
    (xxhash_rust::xxh3::xxh3_64(text.as_bytes()) as i64).min(i64::MAX - 1)
}

/// `count` rows `["K0", 0], ["K1", 10], …`.
pub fn numbered(count: usize) -> Vec<Value> {
    (0..count).map(|number| json!([format!("K{number}"), number * 10])).collect()
}

/// The table that most tests sync: `things (id, amount, note, deleted_at)`.
pub async fn things() -> (Database, Client, Sync) {
    let database = Database::new().await;
    database
        .sql("create table things (id text primary key, amount integer check (amount >= 0), note text, deleted_at timestamptz)")
        .await;
    let service = database.service().await;
    (database, service, Sync::new("things", &["id", "amount"]))
}

/// Soft deletes with a guard that allows what a small test deletes.
pub fn soft() -> Value {
    json!({"policy": "soft", "column": "deleted_at", "guardRows": 10, "guardPercent": 15})
}
