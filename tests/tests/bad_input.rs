//! Everything that can be wrong with what a run is given: each ends the run as failed with a message that names the thing
//! and the fix, and nothing is deleted or half-written.

use anyhow::Result;
use serde_json::json;
use sheetsync_local::{Action, Fault};
use sheetsync_tests::{Sync, TAB, eventually, printed, row};

/// A sync of fifty rows that has run once, with deletes switched on.
async fn loaded(name: &str) -> Result<Sync> {
    let sync = Sync::named(name).rows(50).options(r#"on_delete = { policy = "hard" }"#).create().await?;
    assert_eq!(sync.run().await?.status, "completed");
    Ok(sync)
}

/// The scheduler has emitted `AccessRefused`, which rings `AccessRefusedAlarm`.
async fn assert_rings(sync: &Sync) {
    eventually("the refusal is a metric", async || {
        let reported = printed("scheduler").ok()?;
        reported.iter().any(|line| line["Sync"] == sync.name && line["AccessRefused"] == 1.0).then_some(())
    })
    .await;
}

/// The run ends as failed with `code`, the message has all `parts`, the run records it, and the table is as it was.
async fn assert_fails(sync: &Sync, code: &str, parts: &[&str]) -> Result<()> {
    let before = sync.versions().await?;
    let report = sync.ask("manual").await?;
    assert_eq!(report.status, "failed", "{report:?}");
    let error = report.error.expect("a failed run says why");
    assert_eq!(error.code, code, "{}", error.message);
    for part in parts {
        assert!(error.message.contains(part), "{part:?} is not in {:?}", error.message);
    }
    let run = sync.state(report.run.expect("a failed run has an id")).await?;
    assert_eq!(run.status, "failed");
    assert!(run.error_details.is_some_and(|details| details.to_string().contains(code)));
    assert_eq!(sync.versions().await?, before);
    Ok(())
}

#[tokio::test]
async fn a_header_that_disappeared() -> Result<()> {
    let sync = loaded("no-header").await?;
    sync.sheet.set("C1", "売買価格(税込)").await?;
    assert_fails(&sync, "headers_do_not_fit", &["\"売買価格\"", "\"売買価格(税込)\"", "price_yen"]).await
}

#[tokio::test]
async fn a_header_that_is_there_twice() -> Result<()> {
    let sync = loaded("two-headers").await?;
    sync.sheet.set("E1", "売買価格").await?;
    assert_fails(&sync, "headers_do_not_fit", &["売買価格", "C1", "E1"]).await
}

#[tokio::test]
async fn an_empty_tab() -> Result<()> {
    let sync = loaded("empty-tab").await?;
    sync.sheet.clear("A1:Z1000").await?;
    assert_fails(&sync, "no_headers", &[TAB, "row 1"]).await
}

#[tokio::test]
async fn a_tab_without_rows_deletes_nothing_and_says_so() -> Result<()> {
    let sync = loaded("no-rows").await?;
    sync.sheet.clear("A2:Z1000").await?;
    let run = sync.run().await?;
    assert_eq!((run.status.as_str(), run.deleted, run.batches_total), ("partial", 0, 0));
    assert!(run.deletes_withheld.is_some_and(|reason| reason.contains("50")));
    sync.assert_table(&(1..=50).map(row).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn more_rows_gone_than_the_guard_allows() -> Result<()> {
    let sync = loaded("guard").await?;
    sync.sheet.delete_rows(2, 20).await?;
    let run = sync.run().await?;
    assert_eq!((run.status.as_str(), run.deleted), ("partial", 0));
    assert!(run.deletes_withheld.is_some_and(|reason| reason.contains("20 of 50")));
    sync.assert_table(&(1..=50).map(row).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn a_withheld_deletion_that_is_approved_is_done_once() -> Result<()> {
    let sync = loaded("approved").await?;
    sync.sheet.delete_rows(2, 20).await?;
    let withheld = sync.run().await?;
    let approve = "select public.sync_approve_deletes($1, 'Hanako', 'sold') ->> 'outcome'";
    let outcome: String = sync.database.query_one(approve, &[&withheld.id]).await?.get(0);
    assert_eq!(outcome, "approved");

    // A row more is another set, which is not approved.
    sync.sheet.delete_rows(2, 1).await?;
    let other = sync.run().await?;
    assert_eq!((other.status.as_str(), other.deleted), ("partial", 0));
    sync.sheet.append(vec![row(21)]).await?;
    let run = sync.run().await?;
    assert_eq!((run.status.as_str(), run.deleted, run.deletes_withheld.as_deref()), ("completed", 20, None));
    run.assert_adds_up();
    sync.assert_table(&(21..=50).map(row).collect::<Vec<_>>()).await?;

    sync.sheet.append((1..=20).map(row).collect()).await?;
    assert_eq!(sync.run().await?.inserted, 20);
    sync.sheet.delete_rows(32, 20).await?;
    assert_eq!(sync.run().await?.deleted, 0, "it was approved once");
    Ok(())
}

#[tokio::test]
async fn sheet_edited_during_the_read_deletes_nothing_yet() -> Result<()> {
    let sync = loaded("moved").await?;
    sync.sheet.delete_rows(2, 1).await?;
    let edit = json!([{"set": {"range": format!("'{TAB}'!C10"), "values": [[1]]}}]);
    sync.sheet.edit(edit, 1).await?;
    let run = sync.run().await?;
    assert_eq!((run.status.as_str(), run.deleted), ("partial", 0));
    let next = sync.run().await?;
    assert_eq!((next.status.as_str(), next.deleted, next.updated), ("completed", 1, 1));
    Ok(())
}

#[tokio::test]
async fn an_unknown_tab() -> Result<()> {
    let sync = loaded("no-tab").await?;
    sync.define(&sync.definition_text(r#"tab = "昔の物件""#))?;
    assert_fails(&sync, "no_such_tab", &["昔の物件", TAB, "sheetsync.toml"]).await
}

#[tokio::test]
async fn a_spreadsheet_that_is_not_shared() -> Result<()> {
    let sync = loaded("not-shared").await?;
    sync.sheet.unshare().await?;
    assert_fails(&sync, "sheet_not_shared", &["share it with that address", "gserviceaccount.com", &sync.name]).await?;
    assert_rings(&sync).await;
    Ok(())
}

#[tokio::test]
async fn a_definition_that_is_no_toml() -> Result<()> {
    let sync = loaded("bad-toml").await?;
    sync.define("[[sync]\nname = 1")?;
    assert_fails(&sync, "bad_definition", &[&sync.name, "line 1"]).await
}

#[tokio::test]
async fn a_definition_with_an_unknown_key() -> Result<()> {
    let sync = loaded("bad-key").await?;
    sync.define(&sync.definition_text("tabel = \"x\"\n"))?;
    assert_fails(&sync, "bad_definition", &["tabel"]).await
}

#[tokio::test]
async fn a_definition_whose_table_lacks_a_column() -> Result<()> {
    let sync = loaded("drift").await?;
    sync.database.batch_execute(&format!("alter table public.{} drop column price_yen", sync.table)).await?;
    assert_fails(&sync, "no_such_column", &["price_yen", &sync.table]).await
}

#[tokio::test]
async fn a_definition_whose_table_does_not_exist() -> Result<()> {
    let sync = loaded("no-table").await?;
    let text = sync.definition_text("").replace(&format!("table = {:?}", sync.table), "table = \"nowhere\"");
    sync.define(&text)?;
    assert_fails(&sync, "no_such_table", &["nowhere"]).await
}

/// Where Supabase itself is the trouble, the run cannot be recorded there: the invocation fails, with the reason.
async fn assert_unrecorded(sync: &Sync, action: Action, parts: &[&str]) -> Result<()> {
    let before = sync.versions().await?;
    let fault = Fault { path: String::new(), body: sync.name.clone(), after: 0, times: None, action };
    let fault = sync.control.add_fault(&fault).await?;
    let error = sync.ask("manual").await.expect_err("nothing could be recorded").to_string();
    sync.control.remove_fault(fault).await?;
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
    assert_eq!(sync.versions().await?, before);
    // What the scheduler met may have opened the breaker: a later tick probes and closes it.
    let run = eventually("the breaker lets a run begin", async || sync.run().await.ok()).await;
    assert_eq!(run.status, "completed", "with Supabase back, the next run is as any other");
    Ok(())
}

#[tokio::test]
async fn supabase_out_of_reach() -> Result<()> {
    let sync = loaded("unreachable").await?;
    assert_unrecorded(&sync, Action::DropRequest, &["gave no answer", "SupabaseUrl"]).await
}

#[tokio::test]
async fn a_wrong_key() -> Result<()> {
    let sync = loaded("wrong-key").await?;
    // What hosted Supabase's gateway answers to a key that it does not know.
    let action = Action::Answer {
        status: 401,
        headers: Default::default(),
        body: r#"{"message":"Invalid API key","hint":"Double check your Supabase `anon` or `service_role` API key."}"#
            .to_owned(),
    };
    assert_unrecorded(&sync, action, &["refuses the key", "SUPABASE_SECRET_ID"]).await?;
    assert_rings(&sync).await;
    Ok(())
}

#[tokio::test]
async fn a_missing_migration() -> Result<()> {
    let sync = loaded("no-migration").await?;
    // What PostgREST answers where the function is not there (see supabase_client.rs for the real one).
    let action = Action::Answer {
        status: 404,
        headers: Default::default(),
        body: r#"{"code":"PGRST202","message":"Could not find the function public.sync_begin in the schema cache","details":null,"hint":null}"#.to_owned(),
    };
    assert_unrecorded(&sync, action, &["sync_begin", "migrations/"]).await
}

#[tokio::test]
async fn an_event_that_makes_no_sense() -> Result<()> {
    let sync = loaded("bad-event").await?;
    for event in [json!({"type": "sometimes"}), json!({"type": "selective"}), json!({"speed": 1})] {
        let error = sync.ask_with(event).await.expect_err("it is refused").to_string();
        assert!(error.contains("no request for a run"), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn row_below_one_megabyte_arrives_and_a_larger_is_rejected() -> Result<()> {
    let sync = Sync::named("large-row").rows(3).create().await?;
    let names: Vec<String> = (1..=7).map(|number| format!("long_{number}")).collect();
    let columns: String = names
        .iter()
        .map(|name| format!("\n[[sync.columns]]\nheader = \"{name}\"\ncolumn = \"{name}\"\ntype = \"text\"\n"))
        .collect();
    for (name, letter) in names.iter().zip('E'..) {
        sync.database.execute(&format!("alter table public.{} add column {name} text", sync.table), &[]).await?;
        sync.sheet.set(&format!("{letter}1"), name.as_str()).await?;
    }
    sync.define(&format!("{}{columns}", sync.definition_text("")))?;
    let long = "値".repeat(49_000);
    for letter in 'E'..='J' {
        sync.sheet.set(&format!("{letter}2"), long.as_str()).await?;
    }
    for letter in 'E'..='K' {
        sync.sheet.set(&format!("{letter}3"), long.as_str()).await?;
    }
    let run = sync.run().await?;
    assert_eq!((run.status.as_str(), run.inserted, run.rejected), ("partial", 2, 1), "{run:?}");
    let sql =
        format!("select octet_length(concat(long_1, long_2, long_3, long_4, long_5, long_6)) from {}", sync.table);
    let stored = sync.database.query_one(&format!("{sql} where listing_no = 'AA00001'"), &[]).await?;
    assert_eq!(stored.get::<_, i32>(0), 6 * 147_000);
    let entry = sync.database.query_one("select cell, code from sync_errors where sync = $1", &[&sync.name]).await?;
    assert_eq!((entry.get::<_, Option<&str>>(0), entry.get::<_, &str>(1)), (Some("A3"), "row_too_large"));
    Ok(())
}
