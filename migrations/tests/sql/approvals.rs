//! A deletion that was withheld can be approved for exactly that set of keys, once (docs/PROMISES.md, "Deletes").

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::harness::{Database, Run, Sync, call, hash, numbered, soft, things};

/// What the scheduler says of a set of vanished keys; any text will do for the digest of another set.
fn vanished(keys: &[&str]) -> Value {
    let sample: Vec<i64> = keys.iter().map(|key| hash(key)).collect();
    json!({"count": keys.len(), "digest": format!("digest of {}", keys.join(" ")), "sample": sample})
}

const GONE: [&str; 12] = ["K0", "K1", "K2", "K3", "K4", "K5", "K6", "K7", "K8", "K9", "K10", "K11"];

/// Forty rows, of which twelve are gone: two more than the guard allows.
async fn withheld() -> (Database, Client, Sync, Run) {
    let (database, service, sync) = things().await;
    let sync = sync.with("deletes", soft());
    sync.run(&service, &numbered(40)).await;
    let run = sync.begin(&service).await;
    run.plan(&service, json!({"deletesWithheld": "too many", "vanished": vanished(&GONE)})).await;
    (database, service, sync, run)
}

async fn approve(client: &Client, run: &Run) -> Value {
    call(client, "sync_approve_deletes", &[json!(run.id.to_string()), json!("Hanako"), json!("the old stock is sold")])
        .await
}

/// A run that finds these keys to be gone and sends their deletion.
async fn deletion(client: &Client, sync: &Sync, keys: &[&str]) -> Value {
    let run = sync.begin(client).await;
    let plan = json!({"keysVanished": keys.len(), "deleteBatches": 1, "vanished": vanished(keys)});
    run.plan(client, plan).await;
    run.apply(client, &run.delete(keys)).await
}

#[tokio::test]
async fn a_withheld_run_remembers_what_was_gone() {
    let (database, _service, _sync, run) = withheld().await;
    let remembered = &database.state(run.id, "vanished").await[0];
    assert_eq!((&remembered["count"], &remembered["digest"]), (&json!(12), &vanished(&GONE)["digest"]));
    assert_eq!(remembered["sample"].as_array().unwrap().len(), 12);
    assert_eq!(remembered["sample"][1], "K1", "as row keys, for a person to look at");
}

#[tokio::test]
async fn an_approved_deletion_is_done_by_the_next_run() {
    let (database, service, sync, run) = withheld().await;
    let answer = approve(&service, &run).await;
    assert_eq!(
        (&answer["outcome"], &answer["approved"], &answer["sync"]),
        (&json!("approved"), &json!(12), &json!("listings"))
    );

    let next = sync.begin(&service).await;
    let told = sync.try_begin(&service, uuid::Uuid::new_v4(), "manual").await;
    assert_eq!(told["outcome"], "busy");
    next.plan(&service, json!({"keysVanished": 12, "deleteBatches": 2, "vanished": vanished(&GONE)})).await;
    let mut in_order = GONE;
    in_order.sort_by_key(|key| hash(key));
    let (first, second) = in_order.split_at(5);
    let first = next.apply(&service, &next.delete(first)).await;
    assert_eq!((&first["outcome"], &first["deleted"]), (&json!("applied"), &json!(5)));
    assert_eq!(next.apply(&service, &next.delete(second)).await["runStatus"], "completed");
    assert_eq!(database.json("select count(*) from things where deleted_at is not null").await, json!(12));
    assert_eq!(
        database.rows("select who, why, used_by, used_at is not null, run from sync_approvals").await,
        json!([["Hanako", "the old stock is sold", next.id, true, run.id]])
    );
}

#[tokio::test]
async fn the_scheduler_is_told_of_the_approval_until_it_is_used() {
    let (_database, service, sync, run) = withheld().await;
    let begin = async || sync.try_begin(&service, uuid::Uuid::new_v4(), "manual").await;
    approve(&service, &run).await;
    let told = begin().await;
    assert_eq!(told["approvedDeletes"], json!({"count": 12, "digest": vanished(&GONE)["digest"]}));
    let run = Run { id: told["run"].as_str().unwrap().parse().unwrap(), sync: sync.clone() };
    run.plan(&service, json!({"keysVanished": 12, "deleteBatches": 1, "vanished": vanished(&GONE)})).await;
    assert_eq!(run.apply(&service, &run.delete(&GONE)).await["runStatus"], "completed");
    assert_eq!(begin().await["approvedDeletes"], Value::Null);
}

#[tokio::test]
async fn an_approval_holds_for_no_other_set() {
    let (database, service, sync, run) = withheld().await;
    approve(&service, &run).await;
    let mut other = GONE.to_vec();
    other[11] = "K12";
    assert_eq!(deletion(&service, &sync, &other).await["outcome"], "withheld");
    other.push("K11");
    assert_eq!(deletion(&service, &sync, &other).await["outcome"], "withheld");
    // More keys than the digest's set has, under its digest.
    let liar = sync.begin(&service).await;
    liar.plan(&service, json!({"keysVanished": 13, "deleteBatches": 1, "vanished": vanished(&GONE)})).await;
    assert_eq!(liar.apply(&service, &liar.delete(&other)).await["outcome"], "withheld");
    assert_eq!(database.json("select count(*) from things where deleted_at is not null").await, json!(0));
    assert_eq!(deletion(&service, &sync, &GONE).await["outcome"], "applied", "it is still there for its own set");
}

#[tokio::test]
async fn an_approval_holds_once_and_for_a_day() {
    let (_database, service, sync, run) = withheld().await;
    approve(&service, &run).await;
    assert_eq!(deletion(&service, &sync, &GONE).await["deleted"], 12);
    // The same rows come back and go again.
    let rows = numbered(12);
    sync.run(&service, &rows).await;
    let again = deletion(&service, &sync, &GONE).await;
    assert_eq!(again["outcome"], "withheld", "{again}");

    let (other, service, sync, run) = withheld().await;
    approve(&service, &run).await;
    other.sql("update sync_approvals set expires_at = now()").await;
    assert_eq!(deletion(&service, &sync, &GONE).await["outcome"], "withheld");
}

#[tokio::test]
async fn what_was_approved_does_not_use_up_the_guard_of_the_day() {
    let (_database, service, sync, run) = withheld().await;
    approve(&service, &run).await;
    assert_eq!(deletion(&service, &sync, &GONE).await["deleted"], 12);
    let small = deletion(&service, &sync, &["K20", "K21"]).await;
    assert_eq!((&small["outcome"], &small["deleted"]), (&json!("applied"), &json!(2)));
}

#[tokio::test]
async fn an_approval_does_not_overrule_a_failed_upsert() {
    let (database, service, sync, run) = withheld().await;
    approve(&service, &run).await;
    let next = sync.begin(&service).await;
    let plan = json!({"rowsRead": 1, "rowsSent": 1, "keysVanished": 12, "vanished": vanished(&GONE)});
    next.plan(&service, plan).await;
    next.fail(&service, Some(&next.upsert(&[json!(["N", 1])])), true).await;
    assert_eq!(next.apply(&service, &next.delete(&GONE)).await["outcome"], "withheld");
    assert_eq!(database.json("select count(*) from sync_approvals where used_by is null").await, json!(1));
}

#[tokio::test]
async fn what_cannot_be_approved_is_refused_with_the_reason() {
    let (database, service, sync, run) = withheld().await;
    let id = |run: &Run| json!(run.id.to_string());
    let refused = async |run: Value, why: &str| {
        let answer = call(&service, "sync_approve_deletes", &[run, json!("Hanako"), json!(why)]).await;
        assert_eq!(answer["outcome"], "refused");
        answer["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(refused(id(&run), " ").await, "no_reason");
    assert_eq!(refused(json!(uuid::Uuid::new_v4().to_string()), "so").await, "no_such_run");
    let first = database.json("select id from sync_state order by seq limit 1").await;
    assert_eq!(refused(first, "so").await, "nothing_withheld");

    let moved = sync.begin(&service).await;
    moved.plan(&service, json!({"deletesWithheld": "the sheet moved"})).await;
    assert_eq!(refused(id(&moved), "so").await, "not_approvable");
    assert_eq!(refused(id(&run), "so").await, "superseded", "a later run knows better");

    let same = sync.begin(&service).await;
    same.plan(&service, json!({"deletesWithheld": "too many", "vanished": vanished(&GONE)})).await;
    assert_eq!(approve(&service, &run).await["outcome"], "approved", "a later run found the same");
    assert_eq!(approve(&service, &same).await["outcome"], "approved");
    let open = "select count(*) from sync_approvals where used_by is null and expires_at > now()";
    assert_eq!(database.json(open).await, json!(1), "one at a time");
}
