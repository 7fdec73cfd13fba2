//! What people see in a cell, from what they type in the sheet to the value in Postgres: where Sheets takes `3-5` for a date, or
//! shows 12 as `0012`, the number alone would be silently wrong. And how many requests that takes.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sheetsync_tests::{Sync, TAB, row};

/// A cell as it is typed.
async fn type_in(sync: &Sync, range: &str, values: Value) -> Result<()> {
    let set = json!({"range": format!("'{TAB}'!{range}"), "values": values, "valueInputOption": "USER_ENTERED"});
    sync.sheet.edit(json!([{"set": set}]), 0).await
}

#[tokio::test]
async fn typed_values_arrive_as_displayed_or_are_rejected() -> Result<()> {
    let sync = Sync::named("displayed").rows(0).create().await?;
    type_in(
        &sync,
        "A2:D12",
        json!([
            ["R1", "3-5", "1,000", "2024/3/1"],
            ["R2", "1-2-3", "45,352", "2024/3/1"],
            ["R3", "12", "", ""],
            ["R4", "1,234,567", "", ""],
            ["R5", "¥5,000", "", ""],
            ["R6", "12%", "", ""],
            ["R7", "1.2E+10", "", ""],
            ["R8", "室", "3-5", ""],
            ["R9", "室", "", "2005"],
            ["r1", "室", "", ""],
            ["4-6", "9:30:00", "", ""]
        ]),
    )
    .await?;
    sync.sheet.edit(json!([{"format": {"range": format!("'{TAB}'!B4"), "pattern": "0000"}}]), 0).await?;

    let plan = sync.plan(json!({"dryRun": true})).await?;
    let warnings = plan["warnings"].as_array().context("warnings")?;
    let alike = warnings.iter().find(|warning| warning["code"] == "keys_look_alike").context("a warning")?;
    assert!(alike["message"].as_str().unwrap_or_default().contains("A2 and A11"), "{alike}");

    let run = sync.run().await?;
    run.assert_adds_up();
    assert_eq!((run.total_rows, run.inserted, run.rejected), (11, 9, 2));
    let sql =
        format!("select listing_no, address, price_yen from public.{} order by listing_no collate \"C\"", sync.table);
    let stored: Vec<(String, String, Option<i64>)> =
        sync.database.query(&sql, &[]).await?.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    let expected = [
        ("4-6", "9:30:00", None),
        ("R1", "3-5", Some(1000)),
        ("R2", "1-2-3", Some(45_352)),
        ("R3", "0012", None),
        ("R4", "1234567", None),
        ("R5", "5000", None),
        ("R6", "12%", None),
        ("R7", "12000000000", None),
        ("r1", "室", None),
    ];
    assert_eq!(stored, expected.map(|(key, text, number)| (key.to_owned(), text.to_owned(), number)));

    let sql = "select cell, code, raw from public.sync_errors where sync = $1 and resolved_at is null order by id";
    let reported: Vec<(String, String, String)> =
        sync.database.query(sql, &[&sync.name]).await?.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    let expected = [("C9", "not_a_number", "3-5"), ("D10", "not_a_date", "2005")];
    assert_eq!(reported, expected.map(|(cell, code, raw)| (cell.to_owned(), code.to_owned(), raw.to_owned())));
    let sql = "select metadata -> 'warnings' ->> 0 from public.sync_state where id = $1";
    let warned: String = sync.database.query_one(sql, &[&run.id]).await?.get(0);
    assert!(warned.contains("A2 and A11"), "{warned}");

    let verified = sync.verification().await?;
    assert!(verified.warnings.iter().any(|warning| warning.contains("A2 and A11")), "{:?}", verified.warnings);
    let again = sync.run().await?;
    assert_eq!((again.unchanged, again.rows_sent), (9, 0), "what is shown is no change");
    Ok(())
}

#[tokio::test]
async fn sheet_without_numbers_in_text_columns_needs_no_extra_requests() -> Result<()> {
    let sync = Sync::named("displayed-reads").rows(20).create().await?;
    let reads_of_run = async || -> Result<u64> {
        let before = sync.sheet.reads().await?;
        sync.run().await?;
        Ok(sync.sheet.reads().await? - before)
    };
    assert_eq!(reads_of_run().await?, 1);
    sync.sheet.set("B5", 12).await?;
    assert_eq!(reads_of_run().await?, 2, "a number in a column of text");
    let options = sync.definition_text("").replace("column = \"address\"", "column = \"address\"\nnumber = \"digits\"");
    sync.define(&options)?;
    assert_eq!(reads_of_run().await?, 1);
    sync.sheet.set("C5", 46_086).await?;
    assert_eq!(reads_of_run().await?, 2, "a number that may be a date in a column of numbers");
    assert_eq!(sync.table().await?[row(4)[0].as_str().unwrap_or_default()][2], json!(46_086));
    Ok(())
}
