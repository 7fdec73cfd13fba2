//! `sheetsync approve-adoption`: shows where the table differs from the sheet in rows that the sync found there, and decides
//! whose values stay when that is confirmed.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde::Deserialize;
use sheetsync::adoption::{Adoption, AdoptionApproval, Keep};
use uuid::Uuid;

use crate::confirm::{confirmed, who};
use crate::error::CommandError;
use crate::project::Project;
use crate::terminal::{printable, shown, table, trimmed};

/// What the command reads of `sync_state`.
#[derive(Deserialize)]
struct Withheld {
    id: Uuid,
    started_at: String,
    adoption: Adoption,
}

/// Whose values stay.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Side {
    /// The sheet's values are written
    Sheet,
    /// The database's values stay; later edits of the sheet are written
    Database,
}

/// Which adoption, and why it is right.
#[derive(clap::Args)]
pub struct Request {
    /// The sync
    sync: String,
    /// Whose values stay where sheet and table differ
    #[arg(long)]
    keep: Side,
    /// Why; recorded with your name
    #[arg(long)]
    why: String,
    /// The run that withheld the adoption; the last one if not given
    #[arg(long)]
    run: Option<Uuid>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Decides the adoption that the sync's last withholding run, or the given one, found.
pub async fn run(project: &Project, request: &Request) -> Result<ExitCode, CommandError> {
    let supabase = project.connect()?;
    let (sync, id) = (format!("eq.{}", request.sync), request.run.map(|run| format!("eq.{run}")));
    let mut query = vec![
        ("select", "id,started_at,adoption"),
        ("sync", sync.as_str()),
        ("adoption", "not.is.null"),
        ("order", "started_at.desc"),
        ("limit", "1"),
    ];
    query.extend(id.as_deref().map(|id| ("id", id)));
    let found: Vec<Withheld> = supabase.select("sync_state", &query).await?;
    let Some(withheld) = found.first() else {
        println!("{}: no adoption was withheld", request.sync);
        return Ok(ExitCode::FAILURE);
    };
    print!("{}", render(withheld));
    let (keep, question) = match request.keep {
        Side::Sheet => (Keep::Sheet, "write the sheet's values with the next run?"),
        Side::Database => (Keep::Database, "keep the table's values?"),
    };
    if !confirmed(question, request.yes)? {
        println!("nothing is approved");
        return Ok(ExitCode::FAILURE);
    }
    match supabase.approve_adoption(withheld.id, &who(), &request.why, keep).await? {
        AdoptionApproval::Approved { approved, .. } => {
            let what = match keep {
                Keep::Sheet => "the next run writes the sheet's values",
                Keep::Database => "the table's values stay",
            };
            println!("approved: {what} in these {approved} rows");
            Ok(ExitCode::SUCCESS)
        }
        AdoptionApproval::Refused { message, .. } => {
            eprintln!("sheetsync: not approved: {message}");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What waits, for a person: how many rows, how many in each column, and the first values.
fn render(withheld: &Withheld) -> String {
    let Withheld { id, started_at, adoption } = withheld;
    let mut out = String::new();
    let mut say = |line: &str| {
        // Writing to a String does not fail.
        let _ = writeln!(out, "{line}");
    };
    say(&format!(
        "run {id} of {started_at}: {} rows of the table differ from the sheet in values that this sync has not written",
        adoption.rows
    ));
    let mut columns = table(["COLUMN", "ROWS THAT DIFFER"]);
    for (column, rows) in &adoption.columns {
        columns.add_row([printable(column), rows.to_string()]);
    }
    say(&format!("\n{}", trimmed(&columns.to_string())));
    if !adoption.sample.is_empty() {
        let mut samples = table(["ROW", "ROW KEY", "COLUMN", "IN THE TABLE", "IN THE SHEET"]);
        for sample in &adoption.sample {
            samples.add_row([
                sample.row_number.map_or_else(|| "-".to_owned(), |row| row.to_string()),
                printable(&sample.row_key),
                printable(&sample.column),
                shown(&sample.old),
                shown(&sample.new),
            ]);
        }
        say(&format!("\nThe first of them:\n{}", trimmed(&samples.to_string())));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"id":"00000000-0000-0000-0000-000000000007","started_at":"2026-11-25T01:02:03+00:00",
        "adoption":{"rows":3,"digest":"00","columns":{"price_yen":3,"notes":1},"sample":[
            {"rowKey":"AA1","rowNumber":2,"column":"price_yen","old":118000000,"new":"128000000"},
            {"rowKey":"AA\u001b[31m2","rowNumber":null,"column":"notes","old":"called\u0007\u202e back","new":null}]}}"#;

    #[test]
    fn what_waits_reads_well_and_commands_no_terminal() {
        let withheld: Withheld = serde_json::from_str(ANSWER).expect("a run");
        insta::assert_snapshot!(render(&withheld));
    }

    #[test]
    fn an_adoption_without_samples_shows_its_counts() {
        let mut withheld: Withheld = serde_json::from_str(ANSWER).expect("a run");
        withheld.adoption.sample.clear();
        let text = render(&withheld);
        assert!(text.contains("price_yen  3") && !text.contains("The first of them"), "{text}");
    }
}
