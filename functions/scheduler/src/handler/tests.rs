//! Invocations against a server that plays Secrets Manager, DynamoDB and Supabase REST on one port, over real HTTP.

use std::sync::MutexGuard;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::config::Credentials;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use sheetsync::connections::Addresses;

use super::*;

/// What the server does, and what it was asked.
#[derive(Default)]
struct World {
    /// The key that Supabase takes, and the one in the secret.
    valid_key: &'static str,
    secret_key: &'static str,
    /// Syncs whose begin Postgres refuses.
    broken: Vec<&'static str>,
    /// Whether a gateway answers in Supabase's place that it is down.
    is_gone: bool,
    /// How many answers to `sync_begin` are lost after it took effect.
    lost: u32,
    /// The arguments of each call that a valid key made, with its function.
    calls: Vec<(String, Value)>,
    secrets_read: u32,
    /// Calls of Supabase, answered or not.
    requests: u32,
}

#[derive(Clone)]
struct Server(Arc<Mutex<World>>);

impl Server {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// The arguments of the calls of a function.
    fn calls(&self, function: &str) -> Vec<Value> {
        self.world().calls.iter().filter(|(name, _)| name == function).map(|(_, body)| body.clone()).collect()
    }
}

type Answer = (StatusCode, Json<Value>);

async fn aws(State(server): State<Server>, headers: HeaderMap, body: String) -> Answer {
    let target = headers["x-amz-target"].to_str().unwrap();
    match target.split_once('.').unwrap().1 {
        "GetSecretValue" if body.contains("supabase") => {
            let mut world = server.world();
            world.secrets_read += 1;
            let text = json!({"key": world.secret_key}).to_string();
            (StatusCode::OK, Json(json!({"ARN": "arn", "Name": "supabase", "SecretString": text})))
        }
        "GetSecretValue" => (StatusCode::BAD_REQUEST, Json(json!({"__type": "ResourceNotFoundException"}))),
        "GetItem" => (StatusCode::OK, Json(json!({}))),
        // The breaker then goes on with an item of its own.
        "UpdateItem" | "PutItem" => (StatusCode::BAD_REQUEST, Json(json!({"__type": "ResourceNotFoundException"}))),
        target => panic!("{target} is not played"),
    }
}

async fn rpc(
    State(server): State<Server>,
    Path(function): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Answer {
    let mut world = server.world();
    world.requests += 1;
    if headers["apikey"] != world.valid_key {
        return (StatusCode::UNAUTHORIZED, Json(json!({"code": "PGRST301", "message": "JWT invalid"})));
    }
    if world.is_gone {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({})));
    }
    let first = world.calls.iter().find(|(name, call)| *name == function && call["p_run"] == body["p_run"]).cloned();
    world.calls.push((function.clone(), body.clone()));
    match function.as_str() {
        "sync_begin" => {
            if world.broken.iter().any(|sync| body["p_sync"] == *sync) {
                return (StatusCode::BAD_REQUEST, Json(json!({"code": "22023", "message": "no"})));
            }
            if world.lost > 0 {
                world.lost -= 1;
                return (StatusCode::BAD_GATEWAY, Json(json!({})));
            }
            // As sync_begin does: the same run is begun again for the same invocation only.
            let is_other = first.is_some_and(|(_, first)| first["p_nonce"] != body["p_nonce"]);
            if is_other {
                return (StatusCode::OK, Json(json!({"outcome": "duplicate", "status": "queued"})));
            }
            let answer = match body["p_type"].as_str() {
                Some("scheduled") => json!({"outcome": "not_due"}),
                _ => json!({"outcome": "begun", "run": body["p_run"], "seq": 1, "superseded": null}),
            };
            (StatusCode::OK, Json(answer))
        }
        "sync_fail" => (StatusCode::OK, Json(json!({"attempts": 1, "final": true, "runStatus": "failed"}))),
        "sync_closed_runs" | "sync_overview" => (StatusCode::OK, Json(json!([]))),
        "sync_ping" => (StatusCode::OK, Json(json!({"outcome": "ready"}))),
        function => panic!("{function} is not played"),
    }
}

/// A scheduler of three syncs, whose secret has the key that Supabase takes.
async fn scheduler() -> (Server, Scheduler, tempfile::TempDir) {
    let world = World { valid_key: "sb_secret_a", secret_key: "sb_secret_a", ..World::default() };
    let server = Server(Arc::new(Mutex::new(world)));
    let router = axum::Router::new()
        .route("/", post(aws))
        .route("/rest/v1/rpc/{function}", post(rpc))
        .with_state(server.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });

    let folder = tempfile::tempdir().unwrap();
    let sync = |name: &str| {
        format!(
            "[[sync]]\nname = \"{name}\"\nspreadsheet = \"x\"\ntab = \"t\"\ntable = \"t\"\nkey = [\"id\"]\n\
             [[sync.columns]]\nheader = \"id\"\ncolumn = \"id\"\n"
        )
    };
    std::fs::write(folder.path().join("syncs.toml"), ["one", "two", "three"].map(sync).concat()).unwrap();
    let settings = Settings {
        definition: folder.path().join("syncs.toml"),
        google_secret: "google".to_owned(),
        sheets_url: url.clone(),
        drive_url: url.clone(),
        reads_per_minute: sheets::READS_PER_MINUTE,
        retention_days: RETENTION_DAYS,
        first_open: Duration::from_secs(15),
    };
    let addresses = Addresses {
        supabase_url: url.clone(),
        supabase_secret: "supabase".to_owned(),
        queue_url: url.clone(),
        dead_letter_url: url.clone(),
        control_table: "control".to_owned(),
    };
    let aws = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .load()
        .await;
    (server, Scheduler::new(settings, &Connections::new(addresses, aws)).unwrap(), folder)
}

fn in_a_minute() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

async fn tick(scheduler: &Scheduler) -> Result<Report, InvocationError> {
    scheduler.handle(json!({}), "request-1", in_a_minute()).await
}

#[tokio::test]
async fn begin_that_cannot_be_recorded_does_not_end_the_tick() {
    let (server, scheduler, _folder) = scheduler().await;
    server.world().broken = vec!["one", "three"];
    let error = tick(&scheduler).await.expect_err("the invocation fails");
    let InvocationError::Unrecorded(failures) = &error else { panic!("{error}") };
    assert_eq!(failures.len(), 2);
    let text = error.to_string();
    assert!(text.contains("one: ") && text.contains("; three: ") && !text.contains("two"), "{text}");
    let begun: Vec<Value> = server.calls("sync_begin").iter().map(|call| call["p_sync"].clone()).collect();
    assert_eq!(begun, ["one", "two", "three"]);
}

#[tokio::test]
async fn tick_out_of_time_begins_nothing_and_names_the_syncs() {
    let (server, scheduler, _folder) = scheduler().await;
    let error = scheduler.handle(json!({}), "request-1", Instant::now()).await.expect_err("the invocation fails");
    assert!(["one", "two", "three"].iter().all(|sync| error.to_string().contains(sync)), "{error}");
    assert!(server.calls("sync_begin").is_empty());
}

#[tokio::test]
async fn begin_with_a_lost_answer_succeeds_when_repeated() {
    let (server, scheduler, _folder) = scheduler().await;
    server.world().lost = 2;
    let event = json!({"sync": "two", "type": "manual", "run": Uuid::from_u128(7)});
    let report = scheduler.handle(event.clone(), "request-1", in_a_minute()).await.expect("its run is recorded");
    // It got as far as the sheet, whose secret is missing.
    let code = report.runs[0].error.as_ref().map(|error| error.code.as_str());
    assert_eq!((report.runs[0].status, code), (Status::Failed, Some("no_secret")));
    let nonces: Vec<Value> = server.calls("sync_begin").iter().map(|call| call["p_nonce"].clone()).collect();
    assert_eq!(nonces, ["request-1/two"; 3]);

    let again = scheduler.handle(event, "request-2", in_a_minute()).await.expect("it is no failure");
    assert_eq!(again.runs[0].status, Status::Duplicate, "to another invocation");
}

#[test]
fn invocation_without_an_id_gets_its_own() {
    assert_ne!(nonce("", "one"), nonce("", "one"));
    assert_eq!(nonce("request", "one"), "request/one");
}

#[tokio::test]
async fn rotated_key_is_read_again_and_a_wrong_one_fails() {
    let (server, scheduler, _folder) = scheduler().await;
    tick(&scheduler).await.expect("the key is right");
    assert_eq!(server.world().secrets_read, 1);

    (server.world().valid_key, server.world().secret_key) = ("sb_secret_b", "sb_secret_b");
    tick(&scheduler).await.expect("the new key is used at once");
    assert_eq!(server.world().secrets_read, 2);

    server.world().valid_key = "sb_secret_c";
    let error = tick(&scheduler).await.expect_err("no key is right").to_string();
    assert!(error.contains("refuses the key"), "{error}");
    assert_eq!(server.world().secrets_read, 3, "once, not for each sync");
}

#[tokio::test]
async fn unreachable_supabase_is_called_for_the_first_sync_only() {
    let (server, scheduler, _folder) = scheduler().await;
    server.world().is_gone = true;
    let error = tick(&scheduler).await.expect_err("nothing could be recorded").to_string();
    assert!(error.contains("one: ") && !error.contains("two: "), "the others wait for the breaker: {error}");
    let asked = server.world().requests;
    assert_eq!(asked, 5, "the begin of one sync, with its repetitions");
    assert!(scheduler.gate.outlook().await.circuit_is_open);

    let report = tick(&scheduler).await.expect("nothing was tried");
    assert!(report.runs.iter().all(|run| run.status == Status::CircuitOpen));
    assert_eq!(server.world().requests, asked, "a tick makes no call while the breaker is open");
    assert!(scheduler.gate.outlook().await.is_unreachable);
}
