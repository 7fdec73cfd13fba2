//! Five hundred seeds of the simulation, and that it finds what is wrong when a clause is taken out.
//! `SIMULATION_SEEDS` asks for more; `simulate --seed N` prints the events of one.

use sheetsync_models::clauses::LedgerClauses;
use sheetsync_models::simulation::{Numbers, simulate};

fn seeds() -> u64 {
    std::env::var("SIMULATION_SEEDS").ok().and_then(|number| number.parse().ok()).unwrap_or(500)
}

/// Whether one of the seeds finds the clauses wanting, and says so with these words.
fn finds(clauses: LedgerClauses, words: &str) {
    let found = (0..seeds()).find_map(|seed| {
        let report = simulate(seed, clauses, false);
        report.wrong.iter().find(|wrong| wrong.contains(words)).map(|wrong| (seed, wrong.clone()))
    });
    let (seed, wrong) = found.expect("none of the seeds notices that the clause is missing");
    println!("seed {seed}: {wrong}");
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
    let total = |count: fn(&Numbers) -> u64| numbers.iter().map(count).sum::<u64>();
    let (runs, crashes) = (total(|numbers| numbers.runs), total(|numbers| numbers.crashes));
    let (dead_calls, dead_letters) = (total(|numbers| numbers.dead_calls), total(|numbers| numbers.dead_letters));
    let most = numbers.iter().map(|numbers| numbers.most_in_a_second).max().unwrap_or_default();
    let (moved, taken_over) = (total(|numbers| numbers.moved_reads), total(|numbers| numbers.taken_over));
    let (refused, settled) = (total(|numbers| numbers.refused), total(|numbers| numbers.settled));
    let (withheld, unconfirmed) = (total(|numbers| numbers.withheld), total(|numbers| numbers.unconfirmed));
    println!(
        "{runs} runs, {moved} of an edited sheet, {taken_over} taken over, {refused} with refused rows, {withheld} that \
         withheld deletions, {unconfirmed} that left them to a second read; {settled} refused rows written after all, \
         {crashes} crashes, {dead_calls} dead calls, {dead_letters} dead letters, {most} calls a second"
    );
    let seeds = numbers.len() as u64;
    assert!(runs > 5 * seeds && crashes > seeds && dead_letters > seeds / 10 && most > 2);
    // Batches are in flight at the beginning of every second outage, and what comes of them is from one call to hundreds.
    let called_while_away = numbers.iter().filter(|numbers| numbers.dead_calls > 0).count() as u64;
    println!("{called_while_away} of {seeds} seeds call a destination that is away");
    assert!(called_while_away > seeds / 4, "{called_while_away}");
    assert!(moved > seeds / 10 && taken_over > 0);
    assert!(refused > seeds && settled > 0 && withheld > seeds / 10 && unconfirmed > seeds / 2);
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
    finds(LedgerClauses { superseding_check: false, ..LedgerClauses::default() }, "was the current one");
}

#[test]
fn it_finds_that_a_repeated_batch_counts_twice() {
    finds(LedgerClauses { ledger_check: false, ..LedgerClauses::default() }, "do not add up");
}

#[test]
fn it_finds_that_deletes_no_longer_wait() {
    finds(LedgerClauses { waiting_deletes: false, ..LedgerClauses::default() }, "deleted a row");
}

#[test]
fn it_finds_that_the_guard_is_off() {
    finds(LedgerClauses { delete_guard: false, ..LedgerClauses::default() }, "the guard allows");
}

#[test]
fn it_finds_that_one_read_is_enough_to_delete() {
    finds(LedgerClauses { confirmed_deletes: false, ..LedgerClauses::default() }, "within a minute after");
}

#[test]
fn it_finds_that_the_breaker_always_admits() {
    finds(LedgerClauses { breaker_opens: false, ..LedgerClauses::default() }, "calls to a destination that was away");
}

#[test]
fn it_finds_that_rows_and_hashes_are_written_apart() {
    finds(
        LedgerClauses { hashes_in_same_transaction: false, ..LedgerClauses::default() },
        "the table is not the sheet",
    );
}
