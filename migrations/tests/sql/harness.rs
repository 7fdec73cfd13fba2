//! A database per test, and builders for definitions, runs and messages in which a test states only what matters to it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio_postgres::{Client, Config, NoTls};
use uuid::Uuid;

/// A database with the migrations applied and the privileges that Supabase gives by default. Dropped with the test.
pub struct Database {
    /// Connected as the owner of the schema.
    pub owner: Client,
    server: Config,
    name: String,
}

impl Database {
    pub async fn new() -> Self {
        let database = Self::empty().await;
        sheetsync_migrations::apply(&database.owner).await.unwrap();
        database
    }

    /// A database without the migrations.
    pub async fn empty() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let url = std::env::var("DATABASE_URL")
            .expect("these tests need a Postgres: run `make test`, or `make up` and `source .local/env`");
        let server: Config = url.parse().expect("DATABASE_URL is not a Postgres URL");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let name = format!("sheetsync_sql_{}_{now}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));

        let admin = connect(&server).await;
        // Roles belong to the whole cluster and may be missing; other tests make them at the same moment.
        admin.batch_execute("select pg_advisory_lock(7215)").await.unwrap();
        admin.batch_execute(ROLES).await.unwrap();
        admin.batch_execute(&format!("create database {name}")).await.unwrap();
        admin.batch_execute("select pg_advisory_unlock(7215)").await.unwrap();

        let owner = connect(server.clone().dbname(&name)).await;
        owner.batch_execute(DEFAULT_PRIVILEGES).await.unwrap();
        Self { owner, server, name }
    }

    /// A new connection as the role that the functions' key has.
    pub async fn service(&self) -> Client {
        self.role("service_role").await
    }

    /// A new connection as any role.
    pub async fn role(&self, role: &str) -> Client {
        let client = connect(self.server.clone().dbname(&self.name)).await;
        client.batch_execute(&format!("set role {role}")).await.unwrap();
        client
    }

    /// Runs SQL as the owner.
    pub async fn sql(&self, sql: &str) {
        if let Err(error) = self.owner.batch_execute(sql).await {
            panic!("{sql}\n{error:?}");
        }
    }

    /// The one JSON value that a query answers.
    pub async fn json(&self, query: &str) -> Value {
        self.owner
            .query_one(&format!("select to_jsonb(({query}))"), &[])
            .await
            .unwrap()
            .get::<_, Option<Value>>(0)
            .unwrap_or(Value::Null)
    }

    /// All rows that a query answers, as a JSON array of arrays.
    pub async fn rows(&self, query: &str) -> Value {
        let query = format!(
            "select coalesce(jsonb_agg((select jsonb_agg(v.value) from json_each(row_to_json(q)) as v)), '[]') from ({query}) as q"
        );
        self.owner.query_one(&query, &[]).await.unwrap().get(0)
    }

    /// Columns of a run's row in `sync_state`.
    pub async fn state(&self, run: Uuid, columns: &str) -> Value {
        self.rows(&format!("select {columns} from sync_state where id = '{run}'")).await[0].clone()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // Drop cannot wait for the test's own runtime.
        let _ = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let admin = connect(&server).await;
                admin.batch_execute(&format!("drop database if exists {name} with (force)")).await.ok();
            });
        })
        .join();
    }
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("Postgres at DATABASE_URL does not answer");
    tokio::spawn(connection);
    // A test that waits for a lock for ever says so instead.
    client.batch_execute("set lock_timeout = '60s'").await.unwrap();
    client
}

const ROLES: &str = "
do $$
declare
    role text;
begin
    foreach role in array array['anon', 'authenticated', 'service_role'] loop
        if not exists (select from pg_roles where rolname = role) then
            execute format('create role %I nologin %s', role, case role when 'service_role' then 'bypassrls' end);
            execute format('grant %I to current_user', role);
        end if;
    end loop;
end
$$";

// What a hosted project has: everything new in public is open, so the migrations must close it.
const DEFAULT_PRIVILEGES: &str = "
grant usage on schema public to anon, authenticated, service_role;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role";

/// Calls one of the functions and answers its JSON.
pub async fn call(client: &Client, function: &str, arguments: &[Value]) -> Value {
    try_call(client, function, arguments).await.unwrap_or_else(|error| panic!("{function}: {error:?}"))
}

/// Calls one of the functions; arguments are named as PostgREST names them: an object per call.
pub async fn try_call(client: &Client, function: &str, arguments: &[Value]) -> Result<Value, tokio_postgres::Error> {
    let list: Vec<String> = arguments
        .iter()
        .map(|argument| match argument {
            Value::Null => "null".to_owned(),
            Value::String(text) => format!("'{}'", text.replace('\'', "''")),
            Value::Number(number) => number.to_string(),
            Value::Array(_) | Value::Object(_) | Value::Bool(_) => {
                format!("'{}'::jsonb", argument.to_string().replace('\'', "''"))
            }
        })
        .collect();
    let row = client.query_one(&format!("select to_jsonb(public.{function}({}))", list.join(", ")), &[]).await?;
    Ok(row.get::<_, Option<Value>>(0).unwrap_or(Value::Null))
}

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
    /// A message with these rows, each an array of values in the order of the definition; the first is the key.
    pub fn upsert(&self, rows: &[Value]) -> Value {
        let mut items: Vec<Value> = rows
            .iter()
            .enumerate()
            .map(|(index, values)| {
                let key = key_of(values);
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
            "keysVanished": 0, "upsertBatches": 0, "deleteBatches": 0, "deletesWithheld": null, "metadata": {}});
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
    let rows = message["rows"].as_array().unwrap();
    let (left, right) = rows.split_at(rows.len() / 2);
    let (mut first, mut second) = (message.clone(), message.clone());
    first["hi"] = right[0]["h"].clone();
    second["lo"] = right[0]["h"].clone();
    first["rows"] = left.to_vec().into();
    second["rows"] = right.to_vec().into();
    (first, second)
}

fn key_of(values: &Value) -> String {
    values[0].as_str().map_or_else(|| values[0].to_string(), str::to_owned)
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
