//! The breaker's item in DynamoDB: one item a destination, read strongly consistent, changed only by the conditional writes
//! of `update`. The attributes are those of docs/PROMISES.md, "Circuit breaker", so that a person can read and set them.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;

use super::{Change, Circuit, Clause, Command, Counts, Item, Mode, Outage, Owner, State, Tally, Update};
use crate::platform::clock::Millis;

/// The timeout of one operation, with its repetitions; shorter than that of the call it guards.
const TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(900);

/// How often a command is written again after a concurrent change of the item.
const FORCE_ATTEMPTS: u32 = 5;

/// The item that all workers share. DynamoDB's is [`Store`]; a simulation has its own.
pub trait SharedItem {
    /// Reads the item, strongly consistent; the default item if the table has none.
    fn read(&self) -> impl Future<Output = Result<Item, StoreError>> + Send;

    /// Makes a conditional write: the item after it, or `None` when its condition did not hold.
    fn write(&self, update: &Update) -> impl Future<Output = Result<Option<Item>, StoreError>> + Send;
}

/// Why the item could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB did not answer, or refused.
    #[error("DynamoDB's table {table} (CONTROL_TABLE) could not be used for the breaker of {destination}: {reason}")]
    Call {
        /// The name of the DynamoDB table.
        table: String,
        /// The destination whose breaker it is.
        destination: String,
        /// DynamoDB's words.
        reason: String,
    },
    /// The item is not one of ours.
    #[error(
        "the item {key} of DynamoDB's table {table} has no usable {attribute}; delete the item, and the breaker starts closed"
    )]
    Unreadable {
        /// The name of the DynamoDB table.
        table: String,
        /// The item's key.
        key: String,
        /// What is missing or of another kind.
        attribute: &'static str,
    },
    /// The item was changed concurrently at each attempt to write a command.
    #[error("the breaker of {0} keeps changing; repeat the command")]
    Busy(String),
}

/// The item of one destination.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    table: String,
    destination: String,
}

/// The destination of a project's URL: its host and port.
#[must_use]
pub fn destination(supabase_url: &str) -> String {
    let rest = supabase_url.split_once("://").map_or(supabase_url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_owned()
}

impl Store {
    /// The item of `destination` (see [`destination`]) in `table`.
    #[must_use]
    pub fn new(client: &Client, table: String, destination: String) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(ATTEMPT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(TIMEOUT)
            .build();
        let config = client.config().to_builder().timeout_config(timeouts);
        let config = config.retry_config(RetryConfig::standard().with_max_attempts(2)).build();
        Self { client: Client::from_conf(config), table, destination }
    }

    /// Sets the mode, whatever the item's state is. Returns the item after it.
    ///
    /// # Errors
    /// When DynamoDB cannot be used.
    pub async fn force(&self, mode: Mode, who: &str, why: &str) -> Result<Item, StoreError> {
        for _ in 0..FORCE_ATTEMPTS {
            let command = Command { by: who.to_owned(), why: why.to_owned(), at: Timestamp::now().into() };
            let update = self.read().await?.force(mode, command);
            if let Some(item) = self.write(&update).await? {
                return Ok(item);
            }
        }
        Err(StoreError::Busy(self.destination.clone()))
    }

    fn key(&self) -> String {
        format!("BRK#{}", self.destination)
    }

    async fn get(&self) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(self.key()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| self.failed(&error))?;
        answer.item().map(|attributes| self.parse(attributes)).transpose()
    }

    /// Writes the default item, unless there is one.
    async fn create(&self) -> Result<(), StoreError> {
        let attributes = [
            ("pk", AttributeValue::S(self.key())),
            ("ep", number(0)),
            ("st", text(letter(State::Closed))),
            ("mode", text(word(Mode::Auto))),
            ("win", number(0)),
            ("oc", number(0)),
        ];
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(attributes.map(|(name, value)| (name.to_owned(), value)).into()))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match put {
            Err(error) if !error.as_service_error().is_some_and(|it| it.is_conditional_check_failed_exception()) => {
                Err(self.failed(&error))
            }
            _ => Ok(()),
        }
    }

    async fn update(&self, update: &Update) -> Result<Option<Item>, StoreError> {
        let expression = Expression::of(update);
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(self.key()))
            .update_expression(&expression.change)
            .condition_expression(&expression.condition)
            .set_expression_attribute_names(Some(expression.names))
            .set_expression_attribute_values(Some(expression.values))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match answer {
            Ok(answer) => answer.attributes().map(|attributes| self.parse(attributes)).transpose(),
            Err(error) if error.as_service_error().is_some_and(|it| it.is_conditional_check_failed_exception()) => {
                Ok(None)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn failed(&self, error: &(dyn std::error::Error + 'static)) -> StoreError {
        StoreError::Call {
            table: self.table.clone(),
            destination: self.destination.clone(),
            reason: DisplayErrorContext(error).to_string(),
        }
    }

    fn parse(&self, attributes: &HashMap<String, AttributeValue>) -> Result<Item, StoreError> {
        parse(attributes).map_err(|attribute| StoreError::Unreadable {
            table: self.table.clone(),
            key: self.key(),
            attribute,
        })
    }
}

impl SharedItem for Store {
    async fn read(&self) -> Result<Item, StoreError> {
        Ok(self.get().await?.unwrap_or_default())
    }

    async fn write(&self, update: &Update) -> Result<Option<Item>, StoreError> {
        if let Some(item) = self.update(update).await? {
            return Ok(Some(item));
        }
        // No condition holds on an item that is not there yet.
        if self.get().await?.is_some() {
            return Ok(None);
        }
        self.create().await?;
        self.update(update).await
    }
}

/// An update in DynamoDB's language.
#[derive(Debug, Default)]
struct Expression {
    condition: String,
    change: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Expression {
    fn of(update: &Update) -> Self {
        let mut expression = Self::default();
        let clauses: Vec<String> = update.condition.iter().map(|clause| expression.clause(clause)).collect();
        expression.condition = clauses.join(" AND ");
        expression.change = expression.change(&update.change);
        expression
    }

    fn clause(&mut self, clause: &Clause) -> String {
        match clause {
            Clause::Epoch(epoch) => self.compare("ep", "=", number(*epoch)),
            Clause::State(state) => self.compare("st", "=", text(letter(*state))),
            Clause::Auto => self.compare("mode", "=", text(word(Mode::Auto))),
            Clause::Window(window) => self.compare("win", "=", number(*window)),
            Clause::WindowBefore(window) => self.compare("win", "<", number(*window)),
            Clause::OpenUntil(now) => self.compare("ou", "<=", number(now.0)),
            Clause::LeaseOver(now) => self.compare("le", "<=", number(now.0)),
            Clause::Owner(owner) => self.compare("own", "=", text(&owner.0)),
        }
    }

    fn change(&mut self, change: &Change) -> String {
        match change {
            Change::Count(tally) => {
                let (failures, successes) = (self.value(number(tally.failures)), self.value(number(tally.successes)));
                let last = self.last_failure(tally);
                let set = if last.is_empty() { String::new() } else { format!(" SET {last}") };
                format!("ADD {} {failures}, {} {successes}{set}", self.name("f"), self.name("s"))
            }
            Change::NextWindow(window, tally) => {
                let (failures, successes, nought) = (self.name("f"), self.name("s"), self.value(number(0)));
                let before = format!(
                    "{} = if_not_exists({failures}, {nought}), {} = if_not_exists({successes}, {nought})",
                    self.name("pf"),
                    self.name("ps")
                );
                format!("SET {before}, {}", self.window(*window, tally))
            }
            Change::LaterWindow(window, tally) => {
                let before = [self.set("pf", number(0)), self.set("ps", number(0))].join(", ");
                format!("SET {before}, {}", self.window(*window, tally))
            }
            Change::Open { outage, opens_in_a_row } => {
                let sets = [
                    self.set("st", text(letter(State::Open))),
                    self.next_epoch(),
                    self.set("oa", number(outage.opened_at.0)),
                    self.set("ou", number(outage.until.0)),
                    self.set("oc", number((*opens_in_a_row).into())),
                    self.set("why", text(&outage.why)),
                ];
                format!("SET {} REMOVE {}", sets.join(", "), self.list(["own", "le", "ok"]))
            }
            Change::Claim { owner, lease } => {
                let sets = [
                    self.set("st", text(letter(State::HalfOpen))),
                    self.next_epoch(),
                    self.set("own", text(&owner.0)),
                    self.set("le", number(lease.0)),
                    self.set("ok", number(0)),
                ];
                format!("SET {}", sets.join(", "))
            }
            Change::ProbeSucceeded { lease } => {
                let (ok, one) = (self.name("ok"), self.value(number(1)));
                format!("SET {ok} = {ok} + {one}, {}", self.set("le", number(lease.0)))
            }
            Change::Close { at } => {
                let mut sets =
                    vec![self.set("st", text(letter(State::Closed))), self.next_epoch(), self.set("ca", number(at.0))];
                sets.extend(["win", "f", "s", "pf", "ps"].map(|counter| self.set(counter, number(0))));
                format!("SET {} REMOVE {}", sets.join(", "), self.list(["own", "le", "ok", "ou", "why"]))
            }
            Change::Force { mode, command } => {
                let mut sets = vec![
                    self.set("mode", text(word(*mode))),
                    self.next_epoch(),
                    self.set("mby", text(&command.by)),
                    self.set("mwhy", text(&command.why)),
                    self.set("mat", number(command.at.0)),
                ];
                if *mode == Mode::Auto {
                    sets.push(self.set("ou", number(command.at.0)));
                }
                format!("SET {}", sets.join(", "))
            }
        }
    }

    fn window(&mut self, window: u64, tally: &Tally) -> String {
        let mut sets = vec![
            self.set("win", number(window)),
            self.set("f", number(tally.failures)),
            self.set("s", number(tally.successes)),
        ];
        sets.extend(Some(self.last_failure(tally)).filter(|last| !last.is_empty()));
        sets.join(", ")
    }

    fn last_failure(&mut self, tally: &Tally) -> String {
        if tally.failures > 0 { self.set("lf", number(tally.at.0)) } else { String::new() }
    }

    fn next_epoch(&mut self) -> String {
        let (epoch, one) = (self.name("ep"), self.value(number(1)));
        format!("{epoch} = {epoch} + {one}")
    }

    fn set(&mut self, name: &'static str, value: AttributeValue) -> String {
        self.compare(name, "=", value)
    }

    fn compare(&mut self, name: &'static str, how: &str, value: AttributeValue) -> String {
        format!("{} {how} {}", self.name(name), self.value(value))
    }

    fn list<const N: usize>(&mut self, names: [&'static str; N]) -> String {
        names.map(|name| self.name(name)).join(", ")
    }

    /// Some of the names are reserved words of DynamoDB's.
    fn name(&mut self, name: &'static str) -> String {
        self.names.insert(format!("#{name}"), name.to_owned());
        format!("#{name}")
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let name = format!(":v{}", self.values.len());
        self.values.insert(name.clone(), value);
        name
    }
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn letter(state: State) -> &'static str {
    match state {
        State::Closed => "C",
        State::Open => "O",
        State::HalfOpen => "H",
    }
}

fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Auto => "AUTO",
        Mode::ForceOpen => "FORCE_OPEN",
        Mode::ForceClosed => "FORCE_CLOSED",
    }
}

/// Reads an item; the error is the attribute that cannot be read.
fn parse(attributes: &HashMap<String, AttributeValue>) -> Result<Item, &'static str> {
    let text = |name: &'static str| attributes.get(name).and_then(|value| value.as_s().ok()).cloned();
    let number = |name: &'static str| -> Result<Option<u64>, &'static str> {
        attributes.get(name).map(|value| value.as_n().map_err(|_| name)?.parse().map_err(|_| name)).transpose()
    };
    let needed = |name: &'static str| number(name)?.ok_or(name);
    let count = |name: &'static str| Ok::<_, &'static str>(number(name)?.unwrap_or_default());
    let outage = || {
        Ok::<_, &'static str>(Outage {
            opened_at: Millis(needed("oa")?),
            until: Millis(needed("ou")?),
            why: text("why").unwrap_or_default(),
        })
    };
    let circuit = match text("st").as_deref() {
        Some("C") => Circuit::Closed(Counts {
            window: count("win")?,
            failures: count("f")?,
            successes: count("s")?,
            failures_before: count("pf")?,
            successes_before: count("ps")?,
        }),
        Some("O") => Circuit::Open(outage()?),
        Some("H") => Circuit::HalfOpen {
            outage: outage()?,
            owner: Owner(text("own").ok_or("own")?),
            lease: Millis(needed("le")?),
            successes: u32::try_from(needed("ok")?).map_err(|_| "ok")?,
        },
        _ => return Err("st"),
    };
    Ok(Item {
        epoch: needed("ep")?,
        mode: match text("mode").as_deref() {
            None | Some("AUTO") => Mode::Auto,
            Some("FORCE_OPEN") => Mode::ForceOpen,
            Some("FORCE_CLOSED") => Mode::ForceClosed,
            Some(_) => return Err("mode"),
        },
        command: number("mat")?.map(|at| Command {
            by: text("mby").unwrap_or_default(),
            why: text("mwhy").unwrap_or_default(),
            at: Millis(at),
        }),
        circuit,
        opens_in_a_row: u32::try_from(count("oc")?).map_err(|_| "oc")?,
        closed_at: number("ca")?.map(Millis),
        last_failure: number("lf")?.map(Millis),
    })
}
