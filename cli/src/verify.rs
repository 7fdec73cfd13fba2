//! `sheetsync verify`: whether sheet and table are equal.

use std::fmt::Write as _;
use std::process::ExitCode;

use sheetsync::verify::{self, Finding, Repair, Verdict, Verification};

use crate::error::CommandError;
use crate::google::Source;
use crate::project::Project;
use crate::terminal::{printable, shown, table, trimmed};

/// Prints what differs; exits with 1 if something of it is not allowed.
pub async fn run(project: &Project, source: &Source, json: bool) -> Result<ExitCode, CommandError> {
    let definition = source.definition()?;
    let (sheets, supabase) = (source.connect()?, project.connect()?);
    let found = verify::verify(&sheets, &supabase, &definition).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&found)?);
    } else {
        print!("{}", render(&found));
    }
    Ok(if found.verdict == Verdict::Different { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What was found, for a person.
fn render(found: &Verification) -> String {
    let mut out = String::new();
    let mut say = |line: &str| {
        // Writing to a String does not fail.
        let _ = writeln!(out, "{line}");
    };
    say(&match found.verdict {
        Verdict::Equal => format!("{}: sheet and table are equal", found.sync),
        Verdict::Allowed => format!("{}: sheet and table differ only where they may", found.sync),
        Verdict::Different => match found.repair {
            Some(Repair::Full) => {
                format!("{}: sheet and table differ; run `sheetsync sync {} --full`", found.sync, found.sync)
            }
            _ => format!("{}: sheet and table differ; run `sheetsync sync {}`", found.sync, found.sync),
        },
    });
    say(&format!(
        "  {} rows in the sheet, {} compared, {} equal; {} rows in the table",
        found.rows_in_sheet, found.rows_compared, found.rows_equal, found.rows_in_table
    ));
    if found.moved {
        say("  the spreadsheet changed while it was read: what follows may be no difference; verify again");
    }
    for warning in &found.warnings {
        say(&format!("  {warning}"));
    }
    for (title, allowed) in [("Not as it should be", false), ("Allowed", true)] {
        let some: Vec<&Finding> = found.findings.iter().filter(|finding| finding.allowed == allowed).collect();
        if some.is_empty() {
            continue;
        }
        say(&format!("\n{title}:"));
        for finding in some {
            let place =
                finding.column.as_ref().map_or_else(|| "rows".to_owned(), |column| format!("cells of {column}"));
            say(&format!("  {} {place}: {}", finding.count, finding.explanation));
            let mut samples = table(["   ", "CELL", "ROW KEY", "IN THE TABLE", "IN THE SHEET"]);
            for sample in &finding.samples {
                let row = || sample.row_number.map_or_else(|| "-".to_owned(), |row| format!("row {row}"));
                let values = match finding.column {
                    Some(_) => [shown(&sample.table), shown(&sample.sheet)],
                    None => [String::new(), if sample.sheet.is_null() { String::new() } else { shown(&sample.sheet) }],
                };
                let [old, new] = values;
                samples.add_row([
                    String::new(),
                    sample.cell.clone().unwrap_or_else(row),
                    printable(&sample.row_key),
                    old,
                    new,
                ]);
            }
            say(&trimmed(&samples.to_string()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFFERENT: &str = include_str!("../tests/verification.json");

    fn verification() -> Verification {
        serde_json::from_str(DIFFERENT).expect("a verification")
    }

    #[test]
    fn a_verification_reads_well() {
        insta::assert_snapshot!(render(&verification()));
    }

    #[test]
    fn an_equal_pair_is_two_lines() {
        let equal = Verification { verdict: Verdict::Equal, repair: None, findings: Vec::new(), ..verification() };
        assert_eq!(
            render(&equal),
            "listings: sheet and table are equal\n  5 rows in the sheet, 4 compared, 2 equal; 6 rows in the table\n"
        );
    }

    #[test]
    fn the_json_is_the_protocols() {
        insta::assert_json_snapshot!(verification());
    }
}
