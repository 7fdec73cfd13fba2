//! Five hundred seeds of the simulation, and that it finds what is wrong when a clause is taken out.
//! `SIMULATION_SEEDS` asks for more; `simulate --seed N` tells what happens in one.

use sheetsync_models::clauses::LedgerClauses;
use sheetsync_models::simulation::simulate;

fn seeds() -> u64 {
    std::env::var("SIMULATION_SEEDS").ok().and_then(|number| number.parse().ok()).unwrap_or(500)
}

/// The first seed that finds the clauses wanting, and what it says.
fn finds(clauses: LedgerClauses) -> (u64, String) {
    let found = (0..seeds()).find_map(|seed| {
        let report = simulate(seed, clauses, false);
        report.wrong.first().map(|wrong| (seed, wrong.clone()))
    });
    let (seed, wrong) = found.expect("none of the seeds notices that the clause is missing");
    println!("seed {seed}: {wrong}");
    (seed, wrong)
}

#[test]
fn whatever_happens_the_table_ends_as_the_sheet() {
    let mut numbers = Vec::new();
    for seed in 0..seeds() {
        let report = simulate(seed, LedgerClauses::default(), false);
        assert!(report.wrong.is_empty(), "simulate --seed {seed} fails: {:#?}", report.wrong);
        numbers.push(report.numbers);
    }
    // That the seeds go where it matters.
    assert!(numbers.iter().map(|numbers| numbers.crashes).sum::<u64>() > 1000);
    assert!(numbers.iter().any(|numbers| numbers.dead_letters > 0));
    assert!(numbers.iter().filter(|numbers| numbers.dead_calls > 0).count() > numbers.len() / 2);
    let most = numbers.iter().map(|numbers| numbers.most_in_a_second).max();
    println!("the most calls in a second: {most:?}");
}

#[test]
fn a_seed_always_makes_the_same_run() {
    for seed in [1, 2, 3] {
        let clauses = LedgerClauses::default();
        assert_eq!(simulate(seed, clauses, true), simulate(seed, clauses, true), "seed {seed}");
    }
}

#[test]
fn it_finds_that_an_old_batch_is_no_longer_refused() {
    let (_, wrong) = finds(LedgerClauses { superseding_check: false, ..LedgerClauses::default() });
    assert!(wrong.contains("was the current one"), "{wrong}");
}

#[test]
fn it_finds_that_a_repeated_batch_counts_twice() {
    let (_, wrong) = finds(LedgerClauses { ledger_check: false, ..LedgerClauses::default() });
    assert!(wrong.contains("add up") || wrong.contains("deleted a row"), "{wrong}");
}

#[test]
fn it_finds_that_deletes_no_longer_wait() {
    let (_, wrong) = finds(LedgerClauses { waiting_deletes: false, ..LedgerClauses::default() });
    assert!(wrong.contains("deleted a row"), "{wrong}");
}

#[test]
fn it_finds_that_rows_and_hashes_are_written_apart() {
    finds(LedgerClauses { hashes_in_same_transaction: false, ..LedgerClauses::default() });
}

#[test]
fn it_finds_that_a_run_may_begin_in_the_middle_of_a_batch() {
    let (_, wrong) = finds(LedgerClauses { target_lock: false, ..LedgerClauses::default() });
    assert!(wrong.contains("was the current one"), "{wrong}");
}
