//! Faults of the platform around the functions: AWS refuses or repeats, functions die, Google is busy, the sheet and the schema
//! move meanwhile. After each, the table is compared with the sheet by SQL, and the run's counts add up (promises 1, 2, 4).

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sheetsync::queue::Inbox as _;
use sheetsync_local::{Action, Control, Fault};
use sheetsync_tests::{Sync, TAB, eventually, key_hash, row};
use uuid::Uuid;

fn rows(count: usize) -> Vec<Vec<Value>> {
    (1..=count).map(row).collect()
}

/// Calls of SQS that carry batches of this sync.
fn sends(sync: &Sync, action: Action) -> Fault {
    Fault { path: "SendMessageBatch".to_owned(), body: sync.name.clone(), after: 0, times: None, action }
}

async fn hits(control: &Control, fault: u64) -> Option<u64> {
    control.faults().await.ok()?.iter().find(|active| active.id == fault).map(|active| active.hits)
}

#[tokio::test]
async fn only_entries_that_sqs_refused_are_sent_again() -> Result<()> {
    let sync = Sync::named("in-part").rows(300).options("batch_rows = 30").create().await?;
    let refusal = sends(&sync, Action::RefuseEntries { entries: 4 });
    sync.control.aws().add_fault(&Fault { times: Some(2), ..refusal }).await?;
    let run = sync.run().await?;
    assert_eq!((run.status.as_str(), run.inserted, run.batches_total), ("completed", 300, 10));
    run.assert_adds_up();
    assert_eq!(sync.deliveries(run.id).await?, 10, "no batch was sent twice");
    sync.assert_table(&rows(300)).await
}

#[tokio::test]
async fn run_refused_by_sqs_fails_and_the_next_completes() -> Result<()> {
    let sync = Sync::named("refusing").rows(300).options("batch_rows = 30").create().await?;
    let fault = sync.control.aws().add_fault(&sends(&sync, Action::RefuseEntries { entries: 3 })).await?;
    let report = sync.ask("manual").await?;
    assert_eq!(report.status, "failed");
    assert_eq!(report.error.context("a failed run has a reason")?.code, "queue_refused");
    let failed = sync.closed(report.run.context("it has begun")?).await?;
    assert_eq!(failed.status, "failed");
    sync.control.aws().remove_fault(fault).await?;
    let run = sync.run().await?;
    assert_eq!(run.status, "completed");
    run.assert_adds_up();
    sync.assert_table(&rows(300)).await
}

#[tokio::test]
async fn every_message_delivered_three_times_is_applied_once() -> Result<()> {
    let sync = Sync::named("three-times").rows(300).options("batch_rows = 30").create().await?;
    // SQS takes all ten and its answer is lost, twice: the client cannot know and sends them again.
    let lost = sends(&sync, Action::LoseAnswer);
    sync.control.aws().add_fault(&Fault { times: Some(2), ..lost }).await?;
    let run = sync.run().await?;
    eventually("all thirty are answered", async || (sync.deliveries(run.id).await.ok()? >= 30).then_some(())).await;
    let run = sync.state(run.id).await?;
    assert_eq!((run.status.as_str(), run.inserted, run.unchanged), ("completed", 300, 0));
    run.assert_adds_up();
    sync.assert_table(&rows(300)).await
}

#[tokio::test]
async fn batches_that_arrive_in_reverse_make_the_same_table() -> Result<()> {
    let sync = Sync::named("reversed").rows(200).options("batch_rows = 20").create().await?;
    // SQS says that it took them, and loses them all; they come by hand, the last first, and before the plan is known.
    let taken: Vec<Value> =
        (0..10).map(|id| json!({"Id": id.to_string(), "MessageId": "m", "MD5OfMessageBody": ""})).collect();
    let body = json!({"Successful": taken, "Failed": []}).to_string();
    let headers = [("content-type".to_owned(), "application/x-amz-json-1.0".to_owned())].into();
    sync.control.aws().add_fault(&sends(&sync, Action::Answer { status: 200, headers, body })).await?;
    let plan = Fault {
        path: "sync_planned".to_owned(),
        body: String::new(),
        after: 0,
        times: None,
        action: Action::HoldRequest,
    };
    let id = Uuid::new_v4();
    let held = sync.control.add_fault(&Fault { body: id.to_string(), ..plan }).await?;
    let asked = async { sync.ask_with(json!({"type": "manual", "run": id})).await };
    let delivered = async {
        eventually("the scheduler has sent", async || (hits(&sync.control, held).await? > 0).then_some(())).await;
        let mut all = rows(200);
        all.sort_by_key(|row| std::cmp::Reverse(key_hash(row)));
        for (index, some) in all.chunks(20).enumerate() {
            sync.send(&sync.message_of(id, some).await?).await?;
            eventually("it is answered", async || (sync.deliveries(id).await.ok()? > index).then_some(())).await;
        }
        sync.control.remove_fault(held).await
    };
    let (report, delivered) = tokio::join!(asked, delivered);
    delivered?;
    assert_eq!(report?.status, "planned");
    let run = sync.closed(id).await?;
    assert_eq!((run.status.as_str(), run.inserted), ("completed", 200));
    run.assert_adds_up();
    sync.assert_table(&rows(200)).await
}

#[tokio::test]
async fn scheduler_killed_while_sending_is_taken_over() -> Result<()> {
    let options = "batch_rows = 5\nstall_after = \"3s\"";
    let sync = Sync::named("killed-sending").rows(300).options(options).create().await?;
    // Sixty batches are six calls; the first passes, the others wait on the wire while the scheduler dies.
    let waiting = Fault { after: 1, ..sends(&sync, Action::HoldRequest) };
    let held = sync.control.aws().add_fault(&waiting).await?;
    let id = Uuid::new_v4();
    let asked = async { sync.ask_with(json!({"type": "manual", "run": id})).await };
    let killed = async {
        eventually("some batches are sent and some wait", async || {
            let waits = hits(&sync.control.aws(), held).await? > 0;
            (waits && sync.deliveries(id).await.ok()? > 0).then_some(())
        })
        .await;
        sync.kill_schedulers()
    };
    let (answer, killed) = tokio::join!(asked, killed);
    assert!(killed? > 0, "a scheduler was sending");
    assert!(answer.is_err(), "its invocation failed: {answer:?}");
    // What was on the wire arrives after all, late.
    sync.control.aws().remove_fault(held).await?;
    let dead = sync.state(id).await?;
    assert_eq!(dead.status, "in_progress", "not recorded in the run yet");
    let run = eventually("the next run takes over", async || {
        let report = sync.ask("manual").await.ok()?;
        (report.status == "planned").then_some(report.run?)
    })
    .await;
    let run = sync.closed(run).await?;
    assert_eq!(run.status, "completed");
    run.assert_adds_up();
    let dead = sync.state(id).await?;
    assert_eq!(dead.status, "superseded");
    assert_eq!(dead.error_details.unwrap_or_default()["code"], "stalled", "and it says why it never ended");
    sync.assert_table(&rows(300)).await
}

#[tokio::test]
async fn exhausted_batch_is_reported_at_once_and_applied_by_redrive() -> Result<()> {
    let sync = Sync::named("poison").rows(40).options("batch_rows = 20").create().await?;
    // 21000 says that a statement is wrong: no fault of a row, no outage, and the same again whenever it is repeated.
    let body = r#"{"code":"21000","message":"a test"}"#.to_owned();
    let refusal = Fault {
        path: "sync_apply".to_owned(),
        body: sync.name.clone(),
        after: 1,
        times: None,
        action: Action::Answer { status: 500, headers: std::collections::BTreeMap::new(), body },
    };
    let refused = sync.control.add_fault(&refusal).await?;
    let id = sync.ask("manual").await?.run.context("it has begun")?;
    let run = sync.closed(id).await?;
    assert_eq!((run.status.as_str(), run.inserted, run.failed), ("partial", 20, 20), "the good batch stays");
    run.assert_adds_up();
    eventually("it is among the dead letters", async || (sync.dead_letters().await.ok()? == 1).then_some(())).await;

    sync.control.remove_fault(refused).await?;
    let (dead_letters, queue) = (sync.dead_letter_queue().await, sync.queue().await);
    let redrive = sheetsync::redrive::Redrive { dead_letters: &dead_letters, queue: &queue, supabase: None };
    let filter = sheetsync::redrive::Filter { sync: Some(sync.name.clone()), ..Default::default() };
    let selection = sheetsync::redrive::Selection { filter, ..Default::default() };
    let report = redrive.run(&selection).await?;
    assert_eq!((report.matched, report.redriven, report.malformed), (1, 1, 0), "{report:?}");
    eventually("the run closes again", async || (sync.state(id).await.ok()?.status == "completed").then_some(())).await;
    let run = sync.state(id).await?;
    assert_eq!((run.inserted, run.failed), (40, 0));
    run.assert_adds_up();
    assert_eq!(sync.dead_letters().await?, 0);
    sync.assert_table(&rows(40)).await
}

#[tokio::test]
async fn dead_letter_sent_back_by_hand_is_applied_or_superseded() -> Result<()> {
    // As the console's redrive does it: the same body, a new message.
    let sync = Sync::named("by-hand").rows(20).create().await?;
    let old = sync.run().await?;
    let message = sync.message_of(old.id, &[row(21)]).await?;
    // As if the batch of this stretch had never arrived: the ledger would call it done.
    sync.database.execute("delete from public.sync_batches where run = $1", &[&old.id]).await?;
    sync.send(&message).await?;
    eventually("of the current run it is applied", async || (sync.table().await.ok()?.len() == 21).then_some(())).await;
    let new = sync.run_type("full").await?;
    assert_eq!(new.status, "completed");
    let versions = sync.versions().await?;
    let delivered = sync.deliveries(old.id).await?;
    sync.send(&sync.message_of(old.id, &[row(22)]).await?).await?;
    eventually("of an older run it is answered", async || {
        (sync.deliveries(old.id).await.ok()? > delivered).then_some(())
    })
    .await;
    assert_eq!(sync.versions().await?, versions, "and changes nothing");
    Ok(())
}

#[tokio::test]
async fn redrive_drops_superseded_batches_and_leaves_malformed_ones() -> Result<()> {
    let sync = Sync::named("stale").rows(10).create().await?;
    let old = sync.run().await?;
    let stale = sync.message_of(old.id, &[row(11)]).await?;
    let new = sync.run().await?;
    let current = sync.message_of(new.id, &[row(12)]).await?;
    let unknown = current.replace(&sync.name, "never-begun");
    let (dead_letters, queue) = (sync.dead_letter_queue().await, sync.queue().await);
    for body in [&stale, &current, &unknown] {
        dead_letters.send_dead_letter(body, "a test").await?;
    }
    let settings = sheetsync_local::Settings::from_env()?;
    let key = secrecy::SecretString::from(settings.supabase_secret_key);
    let supabase = sheetsync::supabase::Supabase::new(&settings.supabase_url, key)?;
    let redrive = sheetsync::redrive::Redrive { dead_letters: &dead_letters, queue: &queue, supabase: Some(&supabase) };
    let selection = |sync: &str, dry_run| sheetsync::redrive::Selection {
        filter: sheetsync::redrive::Filter { sync: Some(sync.to_owned()), ..Default::default() },
        dry_run,
        ..Default::default()
    };
    let reported = redrive.run(&selection(&sync.name, true)).await?;
    assert_eq!((reported.matched, reported.redriven, reported.superseded), (2, 1, 1));
    assert_eq!(sync.dead_letters().await?, 2, "a dry run leaves everything where it is");
    let done = redrive.run(&selection(&sync.name, false)).await?;
    assert_eq!((done.matched, done.redriven, done.superseded), (2, 1, 1));
    eventually("the current one is applied", async || sync.table().await.ok()?.contains_key("AA00012").then_some(()))
        .await;
    assert!(!sync.table().await?.contains_key("AA00011"), "the other is gone");
    assert_eq!(sync.dead_letters().await?, 0);
    let reported = redrive.run(&selection("never-begun", false)).await?;
    assert!(reported.malformed >= 1 && reported.redriven == 0, "{reported:?}");
    Ok(())
}

#[tokio::test]
async fn batch_dead_lettered_by_sqs_is_recorded_by_the_tick() -> Result<()> {
    let sync = Sync::named("untold").rows(40).options("batch_rows = 20").create().await?;
    let held = sync
        .control
        .add_fault(&Fault {
            path: "sync_apply".to_owned(),
            body: sync.name.clone(),
            after: 1,
            times: None,
            action: Action::HoldRequest,
        })
        .await?;
    let id = sync.ask("manual").await?.run.context("it has begun")?;
    eventually("one batch is applied", async || (sync.state(id).await.ok()?.inserted == 20).then_some(())).await;
    // As SQS does it after a thousand receives: the message is in the dead-letter queue, but not recorded in the run.
    let missing: Vec<Vec<Value>> = {
        let table = sync.table().await?;
        rows(40).into_iter().filter(|row| !table.contains_key(row[0].as_str().unwrap_or_default())).collect()
    };
    let lost = sync.message_of(id, &missing).await?;
    aws_sdk_send(&sync, &lost).await?;
    let report = sync.ask("manual").await?;
    assert_eq!(report.status, "busy");
    let run = sync.closed(id).await?;
    assert_eq!((run.status.as_str(), run.inserted, run.failed), ("partial", 20, 20));
    run.assert_adds_up();
    assert_eq!(run.error_details.unwrap_or_default()["code"], "dead_letter");
    // The message that was held arrives after all: it is applied, and the run is complete.
    sync.control.remove_fault(held).await?;
    eventually("the run closes again", async || (sync.state(id).await.ok()?.status == "completed").then_some(())).await;
    sync.assert_table(&rows(40)).await
}

/// Puts a message among the dead letters without a reason, as SQS itself does.
async fn aws_sdk_send(sync: &Sync, body: &str) -> Result<()> {
    Ok(sync.dead_letter_queue().await.send_again(body).await?)
}

#[tokio::test]
async fn google_errors_during_a_read_are_waited_out() -> Result<()> {
    for (name, error) in [("busy-google", "rate_limited"), ("down-google", "unavailable_html")] {
        let sync = Sync::named(name).rows(25_000).create().await?;
        // The tab is read in several chunks; the second is refused twice.
        sync.sheet.fault(json!({"method": "values.batchGet", "skip": 1, "times": 2, "error": error})).await?;
        let run = sync.run().await?;
        assert_eq!((run.status.as_str(), run.inserted), ("completed", 25_000), "{error}");
        run.assert_adds_up();
        assert!(sync.sheet.reads().await? > 1, "it took more than one chunk");
        sync.assert_table(&rows(25_000)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn token_refused_during_a_read_is_renewed_once() -> Result<()> {
    let sync = Sync::named("token").rows(100).create().await?;
    sync.sheet.fault(json!({"method": "values.batchGet", "times": 1, "error": "unauthenticated"})).await?;
    let run = sync.run().await?;
    assert_eq!((run.status.as_str(), run.inserted), ("completed", 100));
    Ok(())
}

#[tokio::test]
async fn rows_that_move_between_two_chunks_lose_nothing() -> Result<()> {
    let options = r#"on_delete = { policy = "hard" }"#;
    let sync = Sync::named("moving").rows(25_000).options(options).create().await?;
    sync.run().await?;
    // After the first chunk a row above is deleted, so every later row moves up by one and one of them is not read.
    sync.sheet.edit(json!([{"deleteRows": {"tab": TAB, "row": 2, "count": 1}}]), 1).await?;
    let run = sync.run().await?;
    assert_eq!((run.status.as_str(), run.deleted), ("partial", 0), "{run:?}");
    sync.assert_table(&rows(25_000)).await?;
    let next = sync.run().await?;
    assert_eq!((next.status.as_str(), next.deleted), ("completed", 1));
    next.assert_adds_up();
    sync.assert_table(&rows(25_000)[1..]).await
}

#[tokio::test]
async fn dynamodb_refused_the_sync_goes_on() -> Result<()> {
    let sync = Sync::named("no-dynamo").rows(300).options("batch_rows = 30").create().await?;
    let refusal = Action::Answer {
        status: 500,
        headers: [("content-type".to_owned(), "application/x-amz-json-1.0".to_owned())].into(),
        body: json!({"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"}).to_string(),
    };
    let fault = Fault { path: "DynamoDB_".to_owned(), body: String::new(), after: 0, times: None, action: refusal };
    let refused = sync.control.aws().add_fault(&fault).await?;
    let run = sync.run().await?;
    assert!(hits(&sync.control.aws(), refused).await.unwrap_or_default() > 0, "DynamoDB was asked");
    sync.control.aws().remove_fault(refused).await?;
    assert_eq!((run.status.as_str(), run.inserted), ("completed", 300));
    run.assert_adds_up();
    sync.assert_table(&rows(300)).await
}
