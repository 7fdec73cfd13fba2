//! The messy sheet through the real stack: 120 columns of every type, in which every kind of mess occurs, every column mapped:
//! the plan, the run, and the verification after it. What the table must hold and which cells must be rejected comes from
//! the generator, which knows nothing of the product.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sheetsync::verify::{Reason, Verdict};
use sheetsync_demo::{Fate, MessKind, Options};
use sheetsync_tests::{Listings, Source};

#[tokio::test]
async fn messy_sheet_arrives_and_every_bad_cell_is_reported() -> Result<()> {
    let options = Options { rows: 1_500, columns: 120, seed: 7 };
    let messy = Listings::create("messy", options, Source::Workbook).await?;
    let Listings { sync, sheet, .. } = &messy;
    assert_eq!(sheet.columns().len(), 120);
    let kinds: BTreeSet<MessKind> = sheet.manifest().map(|mess| mess.kind).collect();
    assert_eq!(kinds.len(), 11, "every kind of mess occurs: {kinds:?}");

    let plan = sync.plan(json!({"dryRun": true})).await?;
    let run = sync.run().await?;
    run.assert_adds_up();
    assert_eq!(run.status, "partial");
    let said = ["rowsRead", "insert", "update", "unchanged", "delete", "reject", "skip", "conflict"];
    let said: Value = said.iter().map(|name| plan[name].clone()).collect();
    let did = [run.total_rows, run.inserted, run.updated, run.unchanged, run.deleted, run.rejected, run.skipped];
    assert_eq!(said, json!([did.as_slice(), &[run.conflict]].concat()), "the run does what its plan said");
    assert_eq!(
        (run.inserted, run.rejected, run.skipped),
        (messy.fates(Fate::Kept), messy.fates(Fate::Rejected), messy.fates(Fate::Skipped))
    );
    assert_eq!(run.total_rows, 1_500 - messy.fates(Fate::Ignored));
    assert_eq!(messy.checksum().await?, sheet.expected().checksum());

    let reported = "select cell, header from public.sync_errors where sync = $1 and resolved_at is null";
    let reported: BTreeSet<(String, String)> = sync
        .database
        .query(reported, &[&sync.name])
        .await?
        .iter()
        .map(|row| (row.get(0), row.get::<_, String>(1)))
        .collect();
    let spoiled: BTreeSet<(String, String)> = sheet
        .manifest()
        .filter(|mess| matches!(mess.fate, Fate::Rejected | Fate::Skipped))
        .map(|mess| (mess.cell, mess.header))
        .collect();
    assert_eq!(reported, spoiled);
    let planned = plan["rejections"].as_array().context("rejections")?;
    let planned = planned.iter().filter_map(|one| Some((one["cell"].as_str()?, one["header"].as_str()?)));
    let planned: BTreeSet<(String, String)> =
        planned.map(|(cell, header)| (cell.to_owned(), header.to_owned())).collect();
    assert_eq!(planned, spoiled, "the plan reports the same cells");

    let verified = sync.verification().await?;
    let found: Vec<_> = verified.findings.iter().map(|one| (one.reason, one.allowed, one.count as i64)).collect();
    let rejected = spoiled.len() as i64 - run.skipped;
    assert_eq!(found, [(Reason::Rejected, true, rejected), (Reason::Skipped, true, run.skipped)]);
    assert_eq!((verified.verdict, verified.rows_equal as i64), (Verdict::Allowed, run.inserted));

    let again = sync.run().await?;
    assert_eq!((again.unchanged, again.rows_sent, again.batches_total), (run.inserted, 0, 0));
    Ok(())
}
