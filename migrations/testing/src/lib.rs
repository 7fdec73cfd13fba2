//! A database per test: on the Postgres at `DATABASE_URL`, with the migrations applied and the privileges that Supabase
//! gives by default, dropped with the test.

#![allow(clippy::unwrap_used, reason = "in a test, a panic with its line is the report")]

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
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
    /// A database with the migrations: a copy of one that is made once for each state of them.
    pub async fn new() -> Self {
        Self::create(true).await
    }

    /// A database without the migrations.
    pub async fn empty() -> Self {
        Self::create(false).await
    }

    async fn create(is_migrated: bool) -> Self {
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
        let template = if is_migrated { template(&admin, &server).await } else { "template1".to_owned() };
        admin.batch_execute(&format!("create database {name} template {template}")).await.unwrap();
        admin.batch_execute("select pg_advisory_unlock(7215)").await.unwrap();

        let owner = connect(server.clone().dbname(&name)).await;
        if !is_migrated {
            owner.batch_execute(DEFAULT_PRIVILEGES).await.unwrap();
        }
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

    /// Applies the migrations again, as an upgrade of an older version does.
    pub async fn migrate(&self) {
        sheetsync_migrations::apply(&self.owner).await.unwrap();
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

/// The name of a database with the migrations and nothing else, which is made when it is not there. It is named by their text,
/// so that it is never one of yesterday. The caller holds the lock.
async fn template(admin: &Client, server: &Config) -> String {
    let mut hasher = DefaultHasher::new();
    for migration in sheetsync_migrations::MIGRATIONS {
        migration.up.hash(&mut hasher);
    }
    let name = format!("sheetsync_template_{:016x}", hasher.finish());
    let query = "select from pg_database where datname = $1";
    if admin.query_opt(query, &[&name]).await.unwrap().is_none() {
        // Under another name until it is complete: whoever is killed in between leaves nothing that looks complete.
        let draft = format!("{name}_{}", std::process::id());
        admin.batch_execute(&format!("create database {draft}")).await.unwrap();
        let owner = connect(server.clone().dbname(&draft)).await;
        owner.batch_execute(DEFAULT_PRIVILEGES).await.unwrap();
        sheetsync_migrations::apply(&owner).await.unwrap();
        drop(owner);
        let gone = format!("select from pg_stat_activity where datname = '{draft}'");
        while admin.query_opt(&gone, &[]).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        admin.batch_execute(&format!("alter database {draft} rename to {name}")).await.unwrap();
    }
    name
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
