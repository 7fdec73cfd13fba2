//! `simulate`: runs seeds of the simulation; one seed (`--seed N`) with everything that happens in it.

use std::process::ExitCode;
use std::time::Instant;

use sheetsync_models::clauses::LedgerClauses;
use sheetsync_models::simulation::simulate;

const USAGE: &str = "simulate --seed N        runs one seed and prints its events
simulate [--seeds N]     runs the seeds 0 to N-1 (default 500) and prints which fail";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: &String| text.parse::<u64>().ok();
    match arguments.as_slice() {
        [] => many(500),
        [flag, seeds] if flag == "--seeds" && number(seeds).is_some() => many(number(seeds).unwrap_or_default()),
        [flag, seed] if flag == "--seed" && number(seed).is_some() => one(number(seed).unwrap_or_default()),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn one(seed: u64) -> ExitCode {
    let report = simulate(seed, LedgerClauses::default(), true);
    for line in &report.trace {
        eprintln!("{line}");
    }
    eprintln!("seed {seed}: {:?} passed, {:?}", report.passed, report.numbers);
    if report.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn many(seeds: u64) -> ExitCode {
    let started = Instant::now();
    let (mut failed, mut hours) = (0, 0.0);
    for seed in 0..seeds {
        let report = simulate(seed, LedgerClauses::default(), false);
        hours += report.passed.as_secs_f64() / 3600.0;
        if let Some(first) = report.wrong.first() {
            failed += 1;
            eprintln!("seed {seed} fails: {first}\n  replay: simulate --seed {seed}");
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    eprintln!(
        "{seeds} seeds, {failed} failed; {hours:.0} hours in {seconds:.1} s: {:.0} seeds and {:.0} hours a second",
        seeds as f64 / seconds,
        hours / seconds
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
