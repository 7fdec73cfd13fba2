//! `sheetsync plan`: what a run would do.

use std::fmt::Write as _;
use std::process::ExitCode;

use sheetsync::definition::OnConflict;
use sheetsync::difference::{ColumnOutcome, Kept};
use sheetsync::preview::{self, ColumnSample, Preview};
use sheetsync::run::RunType;

use crate::error::CommandError;
use crate::google::Source;
use crate::project::Project;
use crate::terminal::{printable, shown, table, trimmed};

/// How many rejections are printed; `--json` has more.
const LISTED: usize = 20;

/// Prints the plan; exits with 1 if the run would not be complete.
pub async fn run(
    project: &Project,
    source: &Source,
    keys: Option<&[String]>,
    full: bool,
    json: bool,
) -> Result<ExitCode, CommandError> {
    let run_type = match (keys, full) {
        (Some(_), _) => RunType::Selective,
        (None, true) => RunType::Full,
        (None, false) => RunType::Manual,
    };
    let definition = source.definition()?;
    let (sheets, supabase) = (source.connect()?, project.connect()?);
    let plan = preview::preview(&sheets, &supabase, &definition, run_type, keys).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&plan)?);
    } else {
        print!("{}", render(&plan));
    }
    Ok(if plan.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The plan for a person.
fn render(plan: &Preview) -> String {
    let mut out = String::new();
    let mut say = |line: &str| {
        // Writing to a String does not fail.
        let _ = writeln!(out, "{line}");
    };
    say(&headline(plan));
    say(&format!(
        "  {} rows read: {} to insert, {} to update, {} unchanged, {} rejected, {} skipped{}",
        plan.rows_read,
        plan.insert,
        plan.update,
        plan.unchanged,
        plan.reject,
        plan.skip,
        if plan.failed > 0 { format!(", {} not applied", plan.failed) } else { String::new() },
    ));
    match &plan.deletes_withheld {
        Some(reason) => say(&format!("  deletes withheld: {}", printable(reason))),
        None => say(&format!("  {} to delete", plan.delete)),
    }
    if plan.unconfirmed > 0 {
        say(&format!("  {} to delete once further complete reads confirm it", plan.unconfirmed));
    }
    if plan.withheld > 0 {
        say(&format!("  {} of the skipped wait for the approval of their adoption", plan.withheld));
    }
    if plan.conflict > 0 {
        let winner = if plan.on_conflict == OnConflict::Sheet { "sheet" } else { "database" };
        say(&format!("  {} cells changed on both sides: the {winner} wins", plan.conflict));
    }

    let mut columns =
        table(["COLUMN", "HEADER", "TYPE", "IN THE TABLE", "FITS", "BLANK", "REJECTED", "CHANGES", "KEPT"]);
    for column in &plan.columns {
        columns.add_row([
            column.column.clone(),
            printable(&column.header),
            column.mapping_type.clone(),
            column.table_type.clone().unwrap_or_else(|| "-".to_owned()),
            column.fits.to_string(),
            column.blank.to_string(),
            column.rejected.to_string(),
            column.changes.to_string(),
            column.kept.to_string(),
        ]);
    }
    say(&format!("\n{}", trimmed(&columns.to_string())));

    if plan.columns.iter().any(|column| !column.samples.is_empty()) {
        let mut samples = table(["CELL", "ROW KEY", "COLUMN", "IN THE TABLE", "IN THE SHEET", "WHAT HAPPENS"]);
        for column in &plan.columns {
            for sample in &column.samples {
                samples.add_row([
                    sample.cell.clone(),
                    printable(&sample.row_key),
                    column.column.clone(),
                    shown(&sample.old),
                    shown(&sample.new),
                    what_happens(sample).to_owned(),
                ]);
            }
        }
        say(&format!("\nDifferences (the first of each column):\n{}", trimmed(&samples.to_string())));
    }

    if !plan.rejections.is_empty() {
        let mut rejections = table(["CELL", "ROW KEY", "HEADER", "CODE", "FOUND", "MESSAGE"]);
        for rejection in plan.rejections.iter().take(LISTED) {
            let texts = [
                &rejection.cell,
                &rejection.row_key,
                &rejection.header,
                &Some(rejection.code.clone()),
                &rejection.raw,
                &Some(rejection.message.clone()),
            ];
            rejections.add_row(texts.map(|text| text.as_deref().map_or_else(|| "-".to_owned(), printable)));
        }
        say(&format!("\nRejected or skipped:\n{}", trimmed(&rejections.to_string())));
        if plan.rejections.len() > LISTED || plan.has_more_rejections() {
            say(&format!("only the first {LISTED} are listed; --json has the first {}", plan.rejections.len()));
        }
    }

    if !plan.warnings.is_empty() {
        say("\nTo know before the run:");
        for warning in &plan.warnings {
            say(&format!("  {}: {}", warning.code, printable(&warning.message)));
        }
    }
    out
}

fn headline(plan: &Preview) -> String {
    match &plan.fails {
        Some(stop) => format!("{}: the run would fail ({}): {}", plan.sync, stop.code, printable(&stop.message)),
        None if plan.is_nothing_to_do() => format!("{}: nothing to do", plan.sync),
        None if plan.is_clean() => format!("{}: the run would be complete", plan.sync),
        None => format!("{}: the run would be partial", plan.sync),
    }
}

fn what_happens(sample: &ColumnSample) -> &'static str {
    match (sample.outcome, sample.why) {
        (ColumnOutcome::Write, _) => "written",
        (ColumnOutcome::Conflict, None) => "conflict, written",
        (ColumnOutcome::Conflict, Some(_)) => "conflict, kept",
        (ColumnOutcome::Keep, Some(Kept::DatabaseOwned)) => "kept: the database owns the column",
        (ColumnOutcome::Keep, Some(Kept::BlankKeeps)) => "kept: the cell is blank",
        (ColumnOutcome::Keep, Some(Kept::RowLeftAlone)) => "kept: the mode leaves the row alone",
        (ColumnOutcome::Keep, Some(Kept::OtherSync)) => "kept: another sync feeds the row",
        (ColumnOutcome::Keep, Some(Kept::AdoptionWithheld)) => "kept: waits for the approval of its adoption",
        (ColumnOutcome::Keep, _) => "kept: edited in the database",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Preview {
        serde_json::from_str(text).expect("a plan")
    }

    const MESSY: &str = include_str!("../tests/plan.json");

    #[test]
    fn a_plan_reads_well() {
        insta::assert_snapshot!(render(&plan(MESSY)));
    }

    #[test]
    fn a_plan_of_nothing_is_short() {
        let mut plan = plan(MESSY);
        (plan.insert, plan.update, plan.delete, plan.reject, plan.conflict) = (0, 0, 0, 0, 0);
        plan.unchanged = plan.rows_read - plan.skip;
        plan.deletes_withheld = None;
        plan.rejections.clear();
        plan.warnings.clear();
        plan.columns.truncate(1);
        insta::assert_snapshot!(render(&plan));
    }

    #[test]
    fn plan_with_unconfirmed_or_withheld_rows_is_partial() {
        let clean = || {
            let mut plan = plan(MESSY);
            (plan.reject, plan.deletes_withheld) = (0, None);
            plan
        };
        assert!(clean().is_clean());
        let (unconfirmed, withheld) = (Preview { unconfirmed: 2, ..clean() }, Preview { withheld: 3, ..clean() });
        assert!(!unconfirmed.is_clean() && !withheld.is_clean());
        assert!(render(&unconfirmed).contains("  2 to delete once further complete reads confirm it\n"));
        assert!(render(&withheld).contains("  3 of the skipped wait for the approval of their adoption\n"));
    }

    #[test]
    fn a_run_that_would_fail_says_so_first() {
        let mut plan = plan(MESSY);
        plan.fails = Some(preview::Stop { code: "headers_do_not_fit".to_owned(), message: "no header".to_owned() });
        let text = render(&plan);
        assert_eq!(text.lines().next(), Some("listings: the run would fail (headers_do_not_fit): no header"));
        assert!(!plan.is_clean());
    }

    #[test]
    fn the_json_is_the_protocols() {
        insta::assert_json_snapshot!(plan(MESSY));
    }
}
