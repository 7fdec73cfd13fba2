//! Silence: each fault rings its alarm, and the alarm goes back to OK when the fault is over. A second sync succeeds all the
//! while, because it must not hide the first. Five minutes of the alarms' clock are a tick here; see `alarms.rs`.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use sheetsync::breaker::{Mode, SharedItem as _, State};
use sheetsync::redrive::Scan;
use sheetsync_local::{Action, Fault, ServerAction, ServerName};
use sheetsync_tests::{AlarmState, Alarms, Sync, breaker, eventually, eventually_within, row};

/// Rings and is well again within so many steps of five minutes.
const SOON: usize = 4;

/// A sync that should run every five minutes, its rows in the table.
async fn loaded(name: &str, options: &str) -> Result<Sync> {
    let sync = Sync::named(name).rows(50).options(&format!("every = \"5m\"\n{options}")).create().await?;
    assert_eq!(sync.run().await?.status, "completed");
    Ok(sync)
}

/// A loaded sync, another one, and the alarms while all is well.
async fn well(name: &str, options: &str) -> Result<(Sync, Sync, Alarms)> {
    let (sync, other) = (loaded(name, options).await?, loaded("well", "").await?);
    closes().await?;
    let mut alarms = Alarms::deployed().await?;
    for _ in 0..3 {
        alarms.step(&[&sync, &other]).await?;
    }
    Ok((sync, other, alarms))
}

/// Waits until the breaker is closed, whatever the test before did to it.
async fn closes() -> Result<()> {
    let store = breaker().await?;
    store.force(Mode::Auto, "test", "a new test").await?;
    let sync = Sync::named("closes").create().await?;
    eventually("the breaker is closed", async || {
        sync.ask("scheduled").await.ok();
        (store.read().await.ok()?.state() == State::Closed).then_some(())
    })
    .await;
    Ok(())
}

fn all(action: Action, path: &str, body: &str) -> Fault {
    Fault { path: path.to_owned(), body: body.to_owned(), after: 0, times: None, action }
}

#[tokio::test]
async fn a_sync_whose_runs_fail_rings_although_another_succeeds() -> Result<()> {
    let (sync, other, mut alarms) = well("rings-failed", "").await?;
    let (both, good) = ([&sync, &other], sync.definition_text("every = \"5m\"\n"));
    assert_eq!(alarms.state("RunsFailAlarm"), AlarmState::Ok);
    sync.define(&sync.definition_text("every = \"5m\"\ntab = \"昔の物件\""))?;
    alarms.becomes("RunsFailAlarm", AlarmState::Alarm, &both, SOON).await?;
    sync.define(&good)?;
    alarms.becomes("RunsFailAlarm", AlarmState::Ok, &both, SOON).await
}

#[tokio::test]
async fn a_definition_that_the_database_refuses_rings() -> Result<()> {
    let (sync, other, mut alarms) = well("rings-refused", "").await?;
    let rename = |from: &str, to: &str| format!("alter table public.{} rename column {from} to {to}", sync.table);
    sync.database.batch_execute(&rename("price_yen", "price")).await?;
    alarms.becomes("RunsFailAlarm", AlarmState::Alarm, &[&sync, &other], SOON).await?;
    sync.database.batch_execute(&rename("price", "price_yen")).await?;
    alarms.becomes("RunsFailAlarm", AlarmState::Ok, &[&sync, &other], SOON).await
}

#[tokio::test]
async fn sheet_without_a_usable_row_rings_as_a_failure() -> Result<()> {
    let (sync, other, mut alarms) = well("rings-rejected", "").await?;
    let prices = |value: Value| json!([{"set": {"range": "'物件'!C2:C51", "values": vec![vec![value]; 50]}}]);
    sync.sheet.edit(prices(json!("応相談")), 0).await?;
    alarms.becomes("RunsFailAlarm", AlarmState::Alarm, &[&sync, &other], SOON).await?;
    sync.sheet.edit(prices(json!(5_000_000)), 0).await?;
    alarms.becomes("RunsFailAlarm", AlarmState::Ok, &[&sync, &other], SOON).await
}

#[tokio::test]
async fn one_bad_row_in_fifty_rings_for_a_day() -> Result<()> {
    let (sync, other, mut alarms) = well("rings-share", "").await?;
    assert_eq!(alarms.state("SuccessRateAlarm"), AlarmState::Ok);
    sync.sheet.set("C7", "応相談").await?;
    alarms.becomes("SuccessRateAlarm", AlarmState::Alarm, &[&sync, &other], SOON).await?;
    // All runs of the day with it: those before were well.
    alarms.becomes("DaySuccessRateAlarm", AlarmState::Alarm, &[&sync, &other], 12).await?;
    sync.sheet.set("C7", 5_000_000).await?;
    alarms.becomes("SuccessRateAlarm", AlarmState::Ok, &[&sync, &other], SOON).await?;
    assert_eq!(alarms.state("DaySuccessRateAlarm"), AlarmState::Alarm, "the last run is well, the day was not");
    sync.age(24 * 3600).await?;
    alarms.becomes("DaySuccessRateAlarm", AlarmState::Ok, &[&sync, &other], SOON).await
}

#[tokio::test]
async fn deletes_that_are_withheld_for_an_hour_ring() -> Result<()> {
    let (sync, other, mut alarms) = well("rings-withheld", "on_delete = { policy = \"hard\" }\n").await?;
    sync.sheet.delete_rows(2, 20).await?;
    for _ in 0..11 {
        alarms.step(&[&sync, &other]).await?;
        assert_ne!(alarms.state("DeletesWithheldAlarm"), AlarmState::Alarm, "not before an hour");
    }
    alarms.becomes("DeletesWithheldAlarm", AlarmState::Alarm, &[&sync, &other], 3).await?;
    sync.sheet.append((1..=20).map(row).collect()).await?;
    alarms.becomes("DeletesWithheldAlarm", AlarmState::Ok, &[&sync, &other], SOON).await
}

#[tokio::test]
async fn a_sync_that_is_overdue_rings_although_another_is_not() -> Result<()> {
    let (sync, other, mut alarms) = well("rings-overdue", "").await?;
    let both = [&sync, &other];
    sync.define(&sync.definition_text("every = \"5m\"\ntab = \"昔の物件\""))?;
    // Three intervals, and the fifteen minutes that a run may take.
    alarms.becomes("OverdueAlarm", AlarmState::Alarm, &both, 9).await?;
    sync.define(&sync.definition_text("every = \"5m\"\n"))?;
    alarms.becomes("OverdueAlarm", AlarmState::Ok, &both, SOON).await
}

#[tokio::test]
async fn a_daily_sync_is_not_overdue_after_an_hour() -> Result<()> {
    let (sync, other, mut alarms) = well("rings-daily", "").await?;
    sync.define(&sync.definition_text("every = \"24h\"\n"))?;
    for _ in 0..14 {
        alarms.step(&[&sync, &other]).await?;
        assert_eq!(alarms.state("OverdueAlarm"), AlarmState::Ok);
    }
    Ok(())
}

#[tokio::test]
async fn batches_that_wait_for_an_hour_ring() -> Result<()> {
    let (sync, other, mut alarms) = well("rings-waiting", "stall_after = \"10h\"\n").await?;
    let held = sync.control.add_fault(&all(Action::HoldRequest, "sync_apply", &sync.name)).await?;
    sync.sheet.set("C7", 1).await?;
    sync.age(300).await?;
    let report = alarms.tick(&[&sync]).await?.remove(0).expect("it is planned");
    assert_eq!(report.status, "planned", "{report:?}");
    for _ in 0..3 {
        alarms.step(&[&sync, &other]).await?;
        assert_eq!(alarms.state("OldestMessageAlarm"), AlarmState::Ok);
    }
    sync.age(3600).await?;
    alarms.becomes("OldestMessageAlarm", AlarmState::Alarm, &[&sync, &other], SOON).await?;
    sync.control.remove_fault(held).await?;
    sync.closed(report.run.expect("a planned run has an id")).await?;
    alarms.becomes("OldestMessageAlarm", AlarmState::Ok, &[&sync, &other], SOON).await
}

#[tokio::test]
async fn unreachable_supabase_rings_and_opens_the_breaker_for_quiet_sheets() -> Result<()> {
    let (sync, other, mut alarms) = well("rings-gone", "").await?;
    let both = [&sync, &other];
    sync.control.act(ServerName::Postgrest, ServerAction::Stop).await?;
    for alarm in ["SupabaseUnreachableAlarm", "CircuitOpenAlarm"] {
        alarms.becomes(alarm, AlarmState::Alarm, &both, SOON).await?;
    }
    // The breaker holds all but the probe back.
    let before = sync.control.requests("/rest/", "").await?.len();
    alarms.tick(&both).await?;
    let calls = sync.control.requests("/rest/", "").await?.len() - before;
    assert!(calls <= 2, "{calls} calls of a tick to a destination that is gone");
    sync.control.act(ServerName::Postgrest, ServerAction::Start).await?;
    closes().await?;
    for alarm in ["SupabaseUnreachableAlarm", "CircuitOpenAlarm"] {
        alarms.becomes(alarm, AlarmState::Ok, &both, SOON).await?;
    }
    Ok(())
}

#[tokio::test]
async fn hanging_supabase_costs_a_tick_one_call_and_rings() -> Result<()> {
    let (sync, other, mut alarms) = well("rings-hung", "").await?;
    let both = [&sync, &other];
    let held = sync.control.add_fault(&all(Action::HoldRequest, "/rest/", "")).await?;
    let started = std::time::Instant::now();
    alarms.tick(&both).await?;
    let first = started.elapsed();
    println!("the first tick of two syncs over a Supabase that hangs: {first:.1?}");
    assert!(first < Duration::from_secs(75), "one call of 35 s, one of 5 s, and no second sync: {first:?}");
    alarms.tick(&both).await?;
    assert_eq!(alarms.state("SupabaseUnreachableAlarm"), AlarmState::Alarm);
    assert_eq!(alarms.state("CircuitOpenAlarm"), AlarmState::Alarm);
    sync.control.remove_fault(held).await?;
    closes().await?;
    alarms.becomes("SupabaseUnreachableAlarm", AlarmState::Ok, &both, SOON).await
}

#[tokio::test]
async fn a_breaker_that_a_person_holds_open_rings() -> Result<()> {
    let (sync, other, mut alarms) = well("rings-forced", "").await?;
    assert_eq!(alarms.state("CircuitOpenAlarm"), AlarmState::Ok);
    breaker().await?.force(Mode::ForceOpen, "test", "maintenance").await?;
    for _ in 0..3 {
        alarms.tick(&[&sync, &other]).await?;
    }
    let rang = alarms.state("CircuitOpenAlarm");
    closes().await?;
    assert_eq!(rang, AlarmState::Alarm);
    alarms.becomes("CircuitOpenAlarm", AlarmState::Ok, &[&sync, &other], SOON).await
}

/// Google is asked again for two minutes before the run fails.
#[tokio::test]
async fn google_outage_rings_and_the_run_repeats_in_a_minute() -> Result<()> {
    let (sync, other, mut alarms) = well("rings-google", "").await?;
    sync.sheet.fault(json!({"error": "unavailable", "times": null})).await?;
    sync.age(300).await?;
    let report = alarms.tick(&[&sync]).await?.remove(0).expect("the failure is recorded");
    assert_eq!(report.error.map(|error| error.code).as_deref(), Some("google_down"));
    let again = alarms.tick(&[&sync, &other]).await?.remove(0).expect("it answers");
    assert_eq!(again.status, "not_due", "not at once");
    for _ in 0..2 {
        alarms.tick(&[&sync, &other]).await?;
    }
    assert_eq!(alarms.state("GoogleUnreachableAlarm"), AlarmState::Alarm);
    sync.sheet.no_faults().await?;
    // A minute later, not after the five of its `every`.
    sync.age(61).await?;
    let again = alarms.tick(&[&sync]).await?.remove(0).expect("it answers");
    assert_eq!(again.status, "planned", "{again:?}");
    alarms.becomes("GoogleUnreachableAlarm", AlarmState::Ok, &[&sync, &other], SOON).await
}

#[tokio::test]
async fn a_sheet_that_is_no_longer_shared_rings() -> Result<()> {
    let (sync, other, mut alarms) = well("rings-unshared", "").await?;
    assert_eq!(alarms.state("AccessRefusedAlarm"), AlarmState::Ok);
    sync.sheet.unshare().await?;
    alarms.becomes("AccessRefusedAlarm", AlarmState::Alarm, &[&sync, &other], SOON).await?;
    sync.sheet.share().await?;
    alarms.becomes("AccessRefusedAlarm", AlarmState::Ok, &[&sync, &other], SOON).await
}

#[tokio::test]
async fn old_message_and_dead_letter_each_ring() -> Result<()> {
    let (sync, other, mut alarms) = well("rings-late", "").await?;
    let run = sync.run().await?;
    let mut message: Value = serde_json::from_str(&sync.message_of(run.id, &[row(1)]).await?)?;
    message["sentAt"] = json!(jiff::Timestamp::now() - jiff::SignedDuration::from_hours(2));
    sync.send(&message.to_string()).await?;
    alarms.becomes("MessageAgeAlarm", AlarmState::Alarm, &[&sync, &other], SOON).await?;
    alarms.becomes("MessageAgeAlarm", AlarmState::Ok, &[&sync, &other], SOON).await?;

    sync.send(&format!("no batch of {}", sync.name)).await?;
    let queue = sync.dead_letter_queue().await;
    let depth = async || queue.depth().await.ok().map(|depth| depth.visible);
    let waiting =
        eventually("the message is in the dead-letter queue", async || depth().await.filter(|waiting| *waiting > 0))
            .await;
    alarms.pass().await?;
    alarms.observe("DeadLettersAlarm", waiting as f64);
    assert_eq!(alarms.state("DeadLettersAlarm"), AlarmState::Alarm);
    let mut scan = Scan::of(&queue);
    while let Some(letter) = scan.next().await? {
        scan.remove(&letter).await?;
    }
    scan.finish().await;
    let waiting = eventually("it is gone", async || depth().await.filter(|waiting| *waiting == 0)).await;
    alarms.pass().await?;
    alarms.observe("DeadLettersAlarm", waiting as f64);
    assert_eq!(alarms.state("DeadLettersAlarm"), AlarmState::Ok);
    Ok(())
}

#[tokio::test]
async fn a_scheduler_that_fails_rings() -> Result<()> {
    let (sync, other, mut alarms) = well("rings-dead", "").await?;
    // An unreadable definition is an error of the invocation: there is no sync to record it with.
    let event = || json!({"type": "sometimes"});
    for _ in 0..2 {
        sync.ask_with(event()).await.expect_err("the event makes no sense");
        alarms.pass().await?;
    }
    assert_eq!(alarms.state("SchedulerErrorsAlarm"), AlarmState::Alarm);
    alarms.becomes("SchedulerErrorsAlarm", AlarmState::Ok, &[&sync, &other], SOON).await?;
    Ok(())
}

/// A killed worker is an error of its invocation as well, but the local AWS counts none of those that SQS makes (docs/FAULTS.md).
#[tokio::test]
async fn a_worker_that_fails_rings() -> Result<()> {
    let (sync, other, mut alarms) = well("rings-worker", "").await?;
    assert_eq!(alarms.state("WorkerErrorsAlarm"), AlarmState::Ok);
    for _ in 0..2 {
        sync.ask_worker(&json!({"Records": "none"})).await.expect_err("the event is not from SQS");
        alarms.pass().await?;
    }
    assert_eq!(alarms.state("WorkerErrorsAlarm"), AlarmState::Alarm);
    alarms.becomes("WorkerErrorsAlarm", AlarmState::Ok, &[&sync, &other], SOON).await
}

#[tokio::test]
async fn a_table_that_is_no_longer_compared_rings() -> Result<()> {
    let every_run = "reconcile_every = \"0s\"\n";
    let (sync, other, mut alarms) = well("rings-unchecked", every_run).await?;
    let both = [&sync, &other];
    assert_eq!(alarms.state("CheckOverdueAlarm"), AlarmState::Ok);
    sync.define(&sync.definition_text("every = \"5m\"\nreconcile_every = \"0s\"\ntab = \"昔の物件\""))?;
    alarms.becomes("CheckOverdueAlarm", AlarmState::Alarm, &both, 9).await?;
    sync.define(&sync.definition_text(&format!("every = \"5m\"\n{every_run}")))?;
    alarms.becomes("CheckOverdueAlarm", AlarmState::Ok, &both, SOON).await
}

#[tokio::test]
async fn difference_found_by_verification_rings_until_it_is_gone() -> Result<()> {
    // What no comparison by keys sees, and the columns are not due for days.
    let options = "every = \"5m\"\nreconcile_every = \"100h\"\nverify_every = \"1h\"\n";
    let (sync, other, mut alarms) = well("rings-differs", options.trim_start_matches("every = \"5m\"\n")).await?;
    let both = [&sync, &other];
    let owned = sync
        .definition_text(options)
        .replace("column = \"price_yen\"", "column = \"price_yen\"\nauthority = \"sheet\"");
    sync.define(&owned)?;
    for _ in 0..2 {
        alarms.step(&both).await?;
    }
    assert_eq!(alarms.state("VerifyDifferencesAlarm"), AlarmState::Ok);
    let price = async |sql: &str| {
        sync.database
            .query_one(
                &format!(
                    "update public.{} set price_yen = {sql} where listing_no = 'AA00007' \
            returning (select o.price_yen::bigint from public.{0} as o where o.listing_no = 'AA00007')",
                    sync.table
                ),
                &[],
            )
            .await
    };
    let before: i64 = price("1").await?.get(0);
    alarms.becomes("VerifyDifferencesAlarm", AlarmState::Alarm, &both, 15).await?;
    price(&before.to_string()).await?;
    alarms.becomes("VerifyDifferencesAlarm", AlarmState::Ok, &both, 15).await
}

#[tokio::test]
async fn a_schedule_that_does_not_start_the_scheduler_rings() -> Result<()> {
    let (sync, _, mut alarms) = well("rings-no-tick", "").await?;
    assert_eq!(alarms.state("NoTickAlarm"), AlarmState::Ok);
    for _ in 0..6 {
        alarms.pass().await?;
    }
    assert_eq!(alarms.state("NoTickAlarm"), AlarmState::Alarm);
    alarms.becomes("NoTickAlarm", AlarmState::Ok, &[&sync], SOON).await
}

/// What rings must also say when it is over, and every alarm of the template is deployed.
#[tokio::test]
async fn every_alarm_is_deployed_and_says_when_it_is_over() -> Result<()> {
    let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml"))?;
    let blocks: Vec<&str> =
        template.split("\n\n").filter(|block| block.contains("Type: AWS::CloudWatch::Alarm")).collect();
    let names: BTreeSet<&str> = blocks
        .iter()
        .filter_map(|block| block.lines().find_map(|line| line.strip_prefix("  ")?.strip_suffix("Alarm:")))
        .collect();
    assert_eq!(names.len(), blocks.len());
    for block in &blocks {
        assert!(block.contains("AlarmActions:") && block.contains("OKActions:"), "{block}");
    }
    let alarms = Alarms::deployed().await?;
    let deployed: BTreeSet<&str> = alarms.names().map(|name| name.trim_end_matches("Alarm")).collect();
    assert_eq!(deployed, names);
    Ok(())
}

/// The whole of a run's set is logged once for each way in which it ends.
#[tokio::test]
async fn a_run_is_reported_once_whatever_way_it_ends() -> Result<()> {
    let sync = loaded("reported", "").await?;
    let reported = || {
        let lines = sheetsync_tests::printed("scheduler").unwrap_or_default();
        let own =
            lines.into_iter().filter(|line| line["Sync"] == sync.name.as_str() && line.get("RunsFailed").is_some());
        let sum = |lines: &[Value], name: &str| lines.iter().filter_map(|line| line[name].as_f64()).sum::<f64>();
        let own: Vec<Value> = own.collect();
        (sum(&own, "RunsApplied"), sum(&own, "RunsFailed"))
    };
    let tick = async || sync.ask("scheduled").await;
    sync.sheet.set("C1", "売買").await?;
    assert_eq!(sync.ask("manual").await?.status, "failed", "before any batch");
    sync.sheet.set("C1", "売買価格").await?;
    let text = sync.definition_text("every = \"5m\"\n");
    sync.define(&text.replace("table = ", "precedence = 1\ntable = ").replace(&sync.table, "nowhere"))?;
    assert_eq!(sync.ask("manual").await?.status, "failed", "refused at the begin");
    sync.define(&text)?;
    let run = sync.run().await?;
    assert_eq!(run.status, "completed");
    // The first tick makes a run of its own, which the next one reports.
    eventually_within(Duration::from_secs(60), "three runs applied and two failed", async || {
        tick().await.ok()?;
        (reported() == (3.0, 2.0)).then_some(())
    })
    .await;
    tick().await?;
    assert_eq!(reported(), (3.0, 2.0), "once");
    Ok(())
}
