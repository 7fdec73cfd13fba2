//! A sync that reads a part of its tab: fixed cells, or a named range. Addresses in rejections are those of the tab.

use anyhow::Result;
use serde_json::{Value, json};
use sheetsync_tests::{Sync, TAB, row};

/// Two rows and one column of notes around the table, which begins in B3.
async fn framed(name: &str, options: &str) -> Result<Sync> {
    let sync = Sync::named(name).options(options).create().await?;
    let mut rows: Vec<Vec<Value>> = vec![vec![json!("物件一覧 2024")], vec![]];
    rows.push(["メモ", "物件番号", "所在地", "売買価格", "掲載日", "右の欄外"].map(Value::from).to_vec());
    rows.extend((1..=20).map(|number| [vec![json!("note")], row(number), vec![json!("x")]].concat()));
    let ranges = json!([{"name": "物件の表", "range": format!("'{TAB}'!B3:E")}]);
    sync.sheet.load(json!({"tabs": [{"title": TAB, "rows": rows}], "namedRanges": ranges})).await?;
    Ok(sync)
}

async fn rejected_cells(sync: &Sync) -> Result<Vec<String>> {
    let sql = "select cell from public.sync_errors where sync = $1 and resolved_at is null order by id";
    Ok(sync.database.query(sql, &[&sync.name]).await?.iter().map(|row| row.get(0)).collect())
}

#[tokio::test]
async fn a_fixed_range_is_read_and_nothing_around_it() -> Result<()> {
    let sync = framed("range", "range = \"B3:E\"").await?;
    let run = sync.run().await?;
    assert_eq!((run.status.as_str(), run.total_rows, run.inserted), ("completed", 20, 20));
    sync.assert_table(&(1..=20).map(row).collect::<Vec<_>>()).await?;
    sync.sheet.set("D7", "要確認").await?;
    assert_eq!(sync.run().await?.rejected, 1);
    assert_eq!(rejected_cells(&sync).await?, ["D7"], "as the tab counts, not as the range does");
    Ok(())
}

#[tokio::test]
async fn a_range_that_ends_leaves_out_what_is_below() -> Result<()> {
    let sync = framed("range-end", "range = \"B3:E13\"\nheader_row = 3").await?;
    assert_eq!(sync.run().await?.inserted, 10);
    sync.assert_table(&(1..=10).map(row).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn a_named_range_is_found_wherever_it_has_moved() -> Result<()> {
    let sync = framed("range-name", "").await?;
    let tab = format!("tab = {TAB:?}\n");
    sync.define(&sync.definition_text("").replace(&tab, "range = \"物件の表\"\n"))?;
    assert_eq!(sync.run().await?.inserted, 20);
    sync.sheet.edit(json!([{"insertRows": {"tab": TAB, "row": 1, "values": [["new"], ["new"]]}}]), 0).await?;
    sync.sheet.set("D9", "要確認").await?;
    let run = sync.run().await?;
    assert_eq!((run.rejected, run.unchanged, run.rows_sent), (1, 19, 0));
    assert_eq!(rejected_cells(&sync).await?, ["D9"]);

    sync.define(&sync.definition_text("").replace(&tab, "range = \"別の表\"\n"))?;
    let report = sync.ask("manual").await?;
    let error = report.error.expect("it fails");
    assert_eq!(error.code, "no_such_range");
    assert!(error.message.contains("物件の表"), "it names those that there are: {}", error.message);
    Ok(())
}

#[tokio::test]
async fn range_past_the_grid_is_reported() -> Result<()> {
    let sync = framed("range-off", "range = \"B5000:E\"").await?;
    let error = sync.ask("manual").await?.error.expect("it fails");
    assert_eq!(error.code, "range_off_grid", "{}", error.message);
    Ok(())
}
