//! What tests do to a running stack: make faults, count requests, stop and start servers. Both ends: the server, which
//! the stack runs, and [`Control`], the client.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use crate::gateway::Gateway;
use crate::gateway::aws::AwsFront;
use crate::gateway::faults::{Active, Fault, Faults};
use crate::gateway::record::{Record, Seen};
use crate::ministack::Ministack;
use crate::postgres::Postgres;
use crate::postgrest::Postgrest;
use crate::servers::Server;

/// The servers of a stack.
#[derive(Debug)]
pub struct Servers {
    /// The database.
    pub postgres: Postgres,
    /// Supabase's REST API.
    pub postgrest: Postgrest,
    /// AWS, unless the stack was started without.
    pub ministack: Option<Ministack>,
}

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerName {
    /// The database.
    Postgres,
    /// Supabase's REST API.
    Postgrest,
    /// AWS.
    Ministack,
}

/// What to do to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerAction {
    /// Ask it to stop, and wait until it has.
    Stop,
    /// Start it, after stopping it if need be, and wait until it is ready. It keeps its port and its data (ministack
    /// keeps nothing: what was deployed is gone).
    Start,
    /// SIGKILL.
    Kill,
    /// SIGSTOP: it is there and does not answer.
    Pause,
    /// SIGCONT.
    Resume,
}

impl Servers {
    fn named(&mut self, name: ServerName) -> Option<&mut Server> {
        match name {
            ServerName::Postgres => Some(&mut self.postgres.server),
            ServerName::Postgrest => Some(&mut self.postgrest.server),
            ServerName::Ministack => self.ministack.as_mut().map(|it| &mut it.server),
        }
    }

    async fn ready(&mut self, name: ServerName) -> Result<()> {
        match (name, &mut self.ministack) {
            (ServerName::Postgres, _) => self.postgres.ready().await,
            (ServerName::Postgrest, _) => self.postgrest.ready().await,
            (ServerName::Ministack, Some(ministack)) => ministack.ready().await,
            (ServerName::Ministack, None) => Ok(()),
        }
    }

    async fn act(&mut self, name: ServerName, action: ServerAction) -> Result<()> {
        let server = self.named(name).context("this stack was started without it")?;
        match action {
            ServerAction::Stop => server.stop(PATIENCE).await,
            ServerAction::Kill => server.kill().await,
            ServerAction::Pause => server.signal(Signal::STOP),
            ServerAction::Resume => server.signal(Signal::CONT),
            ServerAction::Start => self.start(name).await,
        }
    }

    /// Starts a server, and again while what a killed one left behind is in its way: Postgres's backends lead process groups
    /// of their own, and hold its shared memory until they notice that it is gone.
    async fn start(&mut self, name: ServerName) -> Result<()> {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            self.named(name).context("this stack was started without it")?.start_again().await?;
            match self.ready(name).await {
                Err(_) if std::time::Instant::now() < deadline => tokio::time::sleep(POLL).await,
                started => return started,
            }
        }
    }

    /// Stops all of them, those first that use the others.
    pub async fn stop(&mut self) -> Result<()> {
        let aws = async {
            match &mut self.ministack {
                Some(ministack) => ministack.server.stop(PATIENCE).await,
                None => Ok(()),
            }
        };
        let database = async {
            self.postgrest.server.stop(PATIENCE).await?;
            self.postgres.server.stop(PATIENCE).await
        };
        tokio::try_join!(aws, database).map(drop)
    }
}

/// How soon a server is started again.
const POLL: std::time::Duration = std::time::Duration::from_millis(100);

/// How long a server gets to stop by itself.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// A gateway's faults, and what passed it.
#[derive(Clone)]
struct Controlled {
    faults: Arc<Faults>,
    record: Arc<Record>,
}

/// Serves on a free port of 127.0.0.1 until the program ends; gives the address.
///
/// `POST /faults` ([`Fault`] → [`Active`]) · `GET /faults` · `DELETE /faults` · `DELETE /faults/{id}` ·
/// `GET /requests?path=&body=` ([`Seen`]), and the same under `/aws` for what the functions ask of AWS ·
/// `POST /servers/{name}/{action}` ([`ServerName`], [`ServerAction`])
pub async fn serve(gateway: Arc<Gateway>, aws: Option<AwsFront>, servers: Arc<Mutex<Servers>>) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let supabase = Controlled { faults: Arc::clone(&gateway.faults), record: Arc::clone(&gateway.record) };
    let mut router = axum::Router::new()
        .route("/servers/{name}/{action}", post(act))
        .with_state(servers)
        .merge(routes().with_state(supabase));
    if let Some(AwsFront { faults, record, .. }) = aws {
        router = router.nest("/aws", routes().with_state(Controlled { faults, record }));
    }
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

fn routes() -> axum::Router<Controlled> {
    axum::Router::new()
        .route("/faults", post(add_fault).get(list_faults).delete(remove_faults))
        .route("/faults/{id}", delete(remove_fault))
        .route("/requests", get(requests))
}

async fn add_fault(State(it): State<Controlled>, Json(fault): Json<Fault>) -> Json<Active> {
    let id = it.faults.add(fault.clone());
    Json(Active { id, hits: 0, fault })
}

async fn list_faults(State(it): State<Controlled>) -> Json<Vec<Active>> {
    Json(it.faults.list())
}

async fn remove_faults(State(it): State<Controlled>) {
    it.faults.remove(None);
}

async fn remove_fault(State(it): State<Controlled>, Path(id): Path<u64>) {
    it.faults.remove(Some(id));
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Which {
    path: String,
    body: String,
}

async fn requests(State(it): State<Controlled>, Query(which): Query<Which>) -> Json<Vec<Seen>> {
    Json(it.record.matching(&which.path, &which.body))
}

async fn act(
    State(servers): State<Arc<Mutex<Servers>>>,
    Path((name, action)): Path<(ServerName, ServerAction)>,
) -> Result<(), (StatusCode, String)> {
    let done = servers.lock().await.act(name, action).await;
    done.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")))
}

/// A running stack, to those who want to do something to it.
#[derive(Clone, Debug)]
pub struct Control {
    url: String,
    /// Which gateway's faults and record: none for Supabase's.
    gateway: &'static str,
    client: reqwest::Client,
}

impl Control {
    /// The control of the stack with this `CONTROL_URL`.
    pub fn new(url: impl Into<String>) -> Result<Self> {
        Ok(Self { url: url.into(), gateway: "", client: reqwest::Client::builder().no_proxy().build()? })
    }

    /// The same for what the functions ask of AWS: its faults meet paths such as `/ DynamoDB_20120810.GetItem`.
    #[must_use]
    pub fn aws(&self) -> Self {
        Self { gateway: "/aws", ..self.clone() }
    }

    /// Switches a fault on; gives its number.
    pub async fn add_fault(&self, fault: &Fault) -> Result<u64> {
        let active: Active = self
            .send(self.client.post(format!("{}{}/faults", self.url, self.gateway)).json(fault))
            .await?
            .json()
            .await?;
        Ok(active.id)
    }

    /// The faults that are on, with how many requests each has met.
    pub async fn faults(&self) -> Result<Vec<Active>> {
        Ok(self.send(self.client.get(format!("{}{}/faults", self.url, self.gateway))).await?.json().await?)
    }

    /// Switches a fault off and lets go what it held.
    pub async fn remove_fault(&self, id: u64) -> Result<()> {
        self.send(self.client.delete(format!("{}{}/faults/{id}", self.url, self.gateway))).await.map(drop)
    }

    /// Switches all faults off, also those of tests that run at the same time.
    pub async fn remove_all_faults(&self) -> Result<()> {
        self.send(self.client.delete(format!("{}{}/faults", self.url, self.gateway))).await.map(drop)
    }

    /// The requests whose path and whose body's start contain these.
    pub async fn requests(&self, path: &str, body: &str) -> Result<Vec<Seen>> {
        let which = Which { path: path.to_owned(), body: body.to_owned() };
        Ok(self
            .send(self.client.get(format!("{}{}/requests", self.url, self.gateway)).query(&which))
            .await?
            .json()
            .await?)
    }

    /// Does something to a server; returns when it is done.
    pub async fn act(&self, name: ServerName, action: ServerAction) -> Result<()> {
        let (name, action) = (serde_json::to_value(name)?, serde_json::to_value(action)?);
        let path = format!("servers/{}/{}", name.as_str().unwrap_or_default(), action.as_str().unwrap_or_default());
        self.send(self.client.post(format!("{}/{path}", self.url))).await.map(drop)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response> {
        let answer = request.send().await.context("the local stack does not answer: is it still running?")?;
        match answer.status() {
            status if status.is_success() => Ok(answer),
            status => bail!("the local stack refuses: {status} {}", answer.text().await?),
        }
    }
}
