//! `make bench`: how fast cells become messages, what a sync costs beside the plainest ways to load the same rows, and what the
//! largest spreadsheet that Google allows takes of the scheduler. Every result is checked, and stands beside something that
//! does less on the same machine in the same minute, so that the ratios mean something elsewhere. Prints the tables of
//! docs/BENCHMARKS.md. `make bench PARTS="mapping largest"` measures only these.

#![allow(missing_docs, reason = "not a library")]

mod delivery;
mod largest;
mod mapping;
mod unchanged;

use anyhow::Result;

/// One line of a table; the first of a table is what the others are held against.
struct Line {
    what: &'static str,
    seconds: f64,
    note: String,
}

impl Line {
    fn new(what: &'static str, seconds: f64, note: impl Into<String>) -> Self {
        Self { what, seconds, note: note.into() }
    }
}

fn print(title: &str, rows: u32, lines: &[Line]) {
    println!("\n### {title}\n\n| | seconds | rows/s | ratio | |\n| --- | --: | --: | --: | --- |");
    for Line { what, seconds, note } in lines {
        let (rate, ratio) = (f64::from(rows) / seconds, seconds / lines[0].seconds);
        println!("| {what} | {seconds:.2} | {rate:.0} | {ratio:.2} | {note} |");
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    // Cargo adds `--bench`.
    let parts: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    if wanted("mapping") {
        print("From cells to messages: 100,000 rows of 25 columns", mapping::ROWS, &mapping::measure()?);
    }
    if wanted("delivery") {
        let (empty, again) = delivery::measure().await?;
        print("Into an empty table: 20,000 rows of 25 columns", delivery::ROWS, &empty);
        print("The same rows once more", delivery::ROWS, &again);
    }
    if wanted("unchanged") {
        print("An unchanged sheet: 100,000 rows of 10 columns", unchanged::ROWS, &unchanged::measure().await?);
    }
    if wanted("largest") {
        print("The largest spreadsheet: 99,999 rows of 100 columns", largest::ROWS, &largest::measure().await?);
    }
    Ok(())
}
