//! The worlds find each fault that is put back. Takes long, so only when asked for:
//! `HOSTILE_MUTANTS=1 make hostile`, or of some by name `HOSTILE_MUTANTS=H1,M3`.

#![allow(clippy::unwrap_used, reason = "in a test, a panic with its line is the report")]
#![allow(missing_docs, reason = "tests have no published documentation")]

use std::time::Duration;

use sheetsync_hostile::mutants::{MUTANTS, hunt, is_playable};
use sheetsync_migrations::MIGRATIONS;

/// So many seconds a mutant may go unnoticed.
const SECONDS: u64 = 600;

/// The seed whose worlds are played.
const SEED: u64 = 2;

#[test]
fn texts_that_mutants_replace_occur_once_in_the_migrations() {
    let mut wrong = Vec::new();
    for mutant in MUTANTS {
        // Each replacement after those before it, as they are made.
        let mut sql: Vec<String> = MIGRATIONS.iter().map(|migration| migration.up.to_owned()).collect();
        for replacement in mutant.replacements {
            let found: usize = sql.iter().map(|sql| sql.matches(replacement.from).count()).sum();
            if found != 1 {
                wrong.push(format!("{}: {found} times {:?}", mutant.name, replacement.from));
            }
            for sql in &mut sql {
                *sql = sql.replace(replacement.from, replacement.to);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "takes up to ten minutes for each of twenty mutants"]
fn every_fault_that_is_put_back_is_found() {
    let wanted = std::env::var("HOSTILE_MUTANTS").unwrap_or_default();
    let is_wanted = |name: &str| matches!(wanted.as_str(), "" | "1") || wanted.split(',').any(|wanted| wanted == name);
    let seconds = std::env::var("HOSTILE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let mut unnoticed = Vec::new();
    for mutant in MUTANTS.iter().filter(|mutant| is_wanted(mutant.name)) {
        assert!(is_playable(mutant), "{}: build with --features faults", mutant.name);
        let found = hunt(mutant, SEED, Duration::from_secs(seconds));
        let (worlds, time) = (found.worlds, found.time.as_secs_f64());
        match found.fault {
            Some(fault) => {
                let name = fault.invariant.name();
                eprintln!("| {} | {} | {worlds} | {time:.0} s | `{name}` |", mutant.name, mutant.what);
                eprintln!("    {fault}");
            }
            None => {
                eprintln!("| {} | {} | not in {worlds} | {time:.0} s | |", mutant.name, mutant.what);
                unnoticed.push(mutant.name);
            }
        }
    }
    assert!(unnoticed.is_empty(), "nothing notices {unnoticed:?}");
}
