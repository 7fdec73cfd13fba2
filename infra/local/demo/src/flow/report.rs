//! What the demo prints. Every number in it was counted by Postgres or by the generator.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::time::Duration;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::environment::Environment;
use super::table::{Difference, Rejection, RunRow};
use crate::checksum::Checksum;

/// How wide tables may become; a terminal has room for it.
const WIDTH: u16 = 110;

/// How many rejections are shown.
const SAMPLE: usize = 8;

pub(super) fn heading(text: &str) {
    if std::io::stdout().is_terminal() {
        println!("\n\u{1b}[1m{text}\u{1b}[0m");
    } else {
        println!("\n{text}");
    }
}

pub(super) fn run(run: &RunRow) {
    let mut counts = table(&[
        "read",
        "inserted",
        "updated",
        "unchanged",
        "rejected",
        "skipped",
        "failed",
        "deleted",
        "batches",
        "run",
        "in all",
    ]);
    counts.add_row([
        run.total.to_string(),
        run.inserted.to_string(),
        run.updated.to_string(),
        run.unchanged.to_string(),
        run.rejected.to_string(),
        run.skipped.to_string(),
        run.failed.to_string(),
        run.deleted.to_string(),
        run.batches.to_string(),
        seconds(run.took),
        seconds(run.waited),
    ]);
    for column in counts.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{}\nrun {}: {}", counts.trim_fmt(), run.id, run.status);
    if let Some(reason) = &run.withheld {
        println!("deletes withheld: {reason}");
    }
}

pub(super) fn proof(found: &Checksum) {
    println!("the table, counted and summed by Postgres: {found}\n  = what the generator put into the sheet ✓");
}

/// The first rejection of each code, then others until there are enough to get the idea.
pub(super) fn rejections(all: &[Rejection]) {
    let mut codes = BTreeSet::new();
    let (mut sample, others): (Vec<_>, Vec<_>) = all.iter().partition(|rejection| codes.insert(&rejection.code));
    sample.extend(others);
    sample.truncate(SAMPLE);

    let mut shown = table(&["cell", "header", "what stands there", "code", "what to do"]);
    for rejection in &sample {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
        shown.add_row([
            or_dash(&rejection.cell),
            or_dash(&rejection.header),
            or_dash(&rejection.raw),
            rejection.code.clone(),
            rejection.message.clone(),
        ]);
    }
    println!("{}\n{} of the {} entries in sync_errors", shown.trim_fmt(), sample.len(), all.len());
}

pub(super) fn all_accounted_for(cells: usize) {
    println!("what was rejected or skipped are exactly the {cells} cells that the generator spoiled ✓");
}

pub(super) fn edits(lines: &[String]) {
    for line in lines {
        println!("  {line}");
    }
}

pub(super) fn moved(moved: &[(String, Difference)]) {
    if moved.is_empty() {
        println!("rows that Postgres wrote (by xmin): none ✓");
        return;
    }
    println!("rows that Postgres wrote (by xmin):");
    for (key, difference) in moved {
        let what = match difference {
            Difference::Inserted => "inserted",
            Difference::Updated => "updated",
            Difference::SoftDeleted => "deleted_at set",
            Difference::Restored => "restored",
            Difference::Gone => "deleted",
        };
        println!("  {key} {what}");
    }
}

/// What becomes of a row whose deletion waits.
pub(super) fn waiting(key: &str) {
    println!(
        "{key} stays in the table until a second complete read, a minute or more after this one, does not have it either.\n\
         The schedule reads again within five minutes."
    );
}

pub(super) fn addresses(environment: &Environment) {
    heading("To look around");
    let env = format!(". {}/env", environment.stack_dir.display());
    let api = format!("{}/health", environment.api_url);
    let listed = [
        ("variables", env.as_str()),
        ("dashboard", &environment.api_url),
        ("  its token", &environment.operator_token),
        ("API", api.as_str()),
        ("", "curl -H \"Authorization: Bearer $READER_TOKEN\" \"$API_URL/api/syncs\""),
        ("Postgres", "psql \"$DATABASE_URL\""),
        ("Supabase REST", &environment.supabase_url),
        ("Sheets API", &environment.sheets_base_url),
        ("AWS", &environment.aws_endpoint_url),
    ];
    let mut addresses = Table::new();
    addresses.load_style(comfy_table::presets::NOTHING);
    addresses.add_rows(listed.map(|(what, where_it_is)| [what, where_it_is]));
    println!("{}", addresses.trim_fmt());
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(header);
    table
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
