//! Postgres, one statement at a time, from a thread of its own: the world's clock stands still meanwhile, and what is
//! simulated on it happens in one order only.

use std::sync::mpsc;

use sheetsync_test_database::Database;
use tokio_postgres::{Client, SimpleQueryMessage};

/// As whom a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The application, to which everything belongs.
    Owner,
    /// Sheetsync.
    Service,
}

/// What Postgres refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The SQLSTATE; empty when the connection broke.
    pub code: String,
    /// Its primary message.
    pub message: String,
}

/// A text in a migration that is replaced by another when it is applied: a fault put back on purpose.
#[derive(Debug, Clone, Copy)]
pub struct Replacement {
    /// The text, which must be there exactly once.
    pub from: &'static str,
    /// The other.
    pub to: &'static str,
}

type Answer = Result<Vec<String>, Refused>;

struct Job {
    role: Role,
    sql: String,
    /// Asked right after it, in a transaction of its own, without waiting in between.
    then: Option<&'static str>,
    answer: mpsc::Sender<(Answer, Option<Answer>)>,
}

/// A database with the migrations, dropped with this.
pub struct Postgres {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Postgres {
    /// A new database on the server at `DATABASE_URL`.
    ///
    /// # Panics
    /// When there is no such server, a migration is refused, or a text to replace is not there.
    #[must_use]
    pub fn start(replacements: &'static [Replacement]) -> Self {
        let (jobs, receiver) = mpsc::channel::<Job>();
        let (ready, started) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
            let (database, owner, service) = runtime.block_on(connect(replacements));
            ready.send(()).ok();
            while let Ok(job) = receiver.recv() {
                let client = match job.role {
                    Role::Owner => &owner,
                    Role::Service => &service,
                };
                let answers = runtime.block_on(async {
                    match job.then {
                        None => (query(client, &job.sql).await, None),
                        Some(then) => {
                            let (first, second) = tokio::join!(query(client, &job.sql), query(client, then));
                            (first, Some(second))
                        }
                    }
                });
                job.answer.send(answers).ok();
            }
            drop((owner, service));
            drop(database);
        });
        if started.recv().is_err() {
            // Its panic says why.
            let reason = thread.join().err().and_then(|panic| panic.downcast::<String>().ok());
            panic!("the database does not start: {reason:?}");
        }
        Self { jobs: Some(jobs), thread: Some(thread) }
    }

    /// Runs statements as one transaction; the first column of all rows, null as an empty text.
    ///
    /// # Errors
    /// When Postgres refuses one of them.
    pub fn query(&self, role: Role, sql: &str) -> Result<Vec<String>, Refused> {
        self.ask(role, sql, None).0
    }

    /// The same, and what another query finds after it has been committed.
    ///
    /// # Panics
    /// When Postgres refuses the other.
    pub fn query_and_look(
        &self,
        role: Role,
        sql: &str,
        then: &'static str,
    ) -> (Result<Vec<String>, Refused>, Vec<String>) {
        let (answer, found) = self.ask(role, sql, Some(then));
        match found {
            Some(Ok(found)) => (answer, found),
            other => panic!("{other:?}\n{then}"),
        }
    }

    fn ask(&self, role: Role, sql: &str, then: Option<&'static str>) -> (Answer, Option<Answer>) {
        let (answer, answered) = mpsc::channel();
        let job = Job { role, sql: sql.to_owned(), then, answer };
        let answers = self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).and_then(|()| answered.recv().ok());
        answers.unwrap_or_else(|| {
            (Err(Refused { code: String::new(), message: "the connection's thread has ended".to_owned() }), None)
        })
    }

    /// The same as the owner, of what cannot be refused.
    ///
    /// # Panics
    /// When Postgres refuses it.
    pub fn must(&self, sql: &str) -> Vec<String> {
        self.query(Role::Owner, sql).unwrap_or_else(|refused| panic!("{refused:?}\n{sql}"))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

async fn connect(replacements: &[Replacement]) -> (Database, Client, Client) {
    let database = Database::empty().await;
    let mut found = vec![0; replacements.len()];
    for migration in sheetsync_migrations::MIGRATIONS {
        let mut sql = migration.up.to_owned();
        for (replacement, found) in replacements.iter().zip(&mut found) {
            *found += sql.matches(replacement.from).count();
            sql = sql.replace(replacement.from, replacement.to);
        }
        database.owner.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{}: {error:?}", migration.name));
    }
    for (replacement, found) in replacements.iter().zip(found) {
        assert_eq!(found, 1, "the migrations should have this text once: {:?}", replacement.from);
    }
    let owner = database.role("none").await;
    let service = database.service().await;
    for client in [&owner, &service] {
        // Nothing here has to survive a crash.
        client
            .batch_execute("set synchronous_commit = off; set client_min_messages = error")
            .await
            .expect("it is known");
    }
    (database, owner, service)
}

async fn query(client: &Client, sql: &str) -> Result<Vec<String>, Refused> {
    let messages = client.simple_query(sql).await.map_err(|error| match error.as_db_error() {
        Some(refused) => Refused { code: refused.code().code().to_owned(), message: refused.message().to_owned() },
        None => Refused { code: String::new(), message: error.to_string() },
    })?;
    Ok(messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        })
        .collect())
}

/// A text as a literal of SQL.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
