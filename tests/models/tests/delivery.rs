//! The delivery's model holds, and each clause is there for a reason: without it the checker finds a counterexample.

mod checker;

use checker::{breaks, holds};
use sheetsync_models::clauses::LedgerClauses;
use sheetsync_models::delivery::{
    ADDS_UP, Budget, COMPLETE, DeliveryModel, ENDS, GUARDED, NOT_EARLY, NOT_PRESENT, NOT_STALE, ONCE, Sheet,
};
use sheetsync_models::locks::{LockModel, NO_DEADLOCK};
use stateright::{Checker as _, Model as _};

fn with(budget: Budget) -> DeliveryModel {
    DeliveryModel { budget: Budget { runs: 2, ..budget }, ..DeliveryModel::default() }
}

fn without(take_out: impl Fn(&mut LedgerClauses), budget: Budget) -> DeliveryModel {
    let mut clauses = LedgerClauses::default();
    take_out(&mut clauses);
    DeliveryModel { clauses, ..with(budget) }
}

fn nothing() -> Budget {
    Budget::default()
}

/// Two days' worth of rows go one by one, each fewer than the guard.
fn shrinking() -> DeliveryModel {
    let versions = [Sheet::from([(1, 1), (2, 2), (3, 3)]), Sheet::from([(1, 1), (2, 2)]), Sheet::from([(1, 1)])];
    DeliveryModel { versions: versions.to_vec(), guard_rows: 1, ..with(nothing()) }
}

#[test]
fn workers_and_schedulers_may_die_at_any_step() {
    holds(with(Budget { crashes: 2, duplicates: 1, ..nothing() }));
}

#[test]
fn dead_letters_may_be_redriven_or_forgotten_at_any_time() {
    holds(with(Budget { failures: 2, redrives: 2, expiries: 1, crashes: 1, ..nothing() }));
}

#[test]
fn batches_may_be_halved_repeated_and_fail() {
    holds(with(Budget { halves: 1, duplicates: 1, failures: 1, ..nothing() }));
}

#[test]
fn what_sqs_does_not_take_is_sent_again() {
    holds(with(Budget { refused_sends: 1, crashes: 1, ..nothing() }));
}

#[test]
fn batches_of_one_row_may_come_in_any_order() {
    holds(DeliveryModel { batch_rows: 1, ..with(Budget { failures: 1, ..nothing() }) });
}

#[test]
fn the_guard_counts_what_earlier_runs_deleted() {
    let checker = shrinking().checker().threads(2).spawn_bfs().join();
    checker.assert_no_discovery(GUARDED);
    checker.assert_no_discovery(COMPLETE);
}

/// No edits; one read misses a row.
fn misread() -> DeliveryModel {
    let versions = vec![Sheet::from([(1, 10), (2, 20)])];
    DeliveryModel {
        versions,
        confirm_deletes: 2,
        ..with(Budget { misreads: 1, crashes: 1, duplicates: 1, ..nothing() })
    }
}

#[test]
fn deletes_that_wait_for_a_second_read_are_made() {
    holds(DeliveryModel { confirm_deletes: 2, ..with(Budget { crashes: 1, failures: 1, ..nothing() }) });
}

#[test]
fn a_row_that_one_read_missed_is_not_deleted() {
    misread().checker().threads(2).spawn_bfs().join().assert_no_discovery(NOT_PRESENT);
}

#[test]
fn without_the_second_read_a_missed_row_is_deleted() {
    let clauses = LedgerClauses { confirmed_deletes: false, ..LedgerClauses::default() };
    breaks(DeliveryModel { clauses, ..misread() }, NOT_PRESENT);
}

#[test]
fn without_superseding_check_a_dead_letter_overwrites_a_newer_run() {
    let budget = Budget { failures: 1, redrives: 1, ..nothing() };
    breaks(without(|clauses| clauses.superseding_check = false, budget), NOT_STALE);
}

#[test]
fn without_sync_lock_a_run_begins_during_an_older_write() {
    breaks(without(|clauses| clauses.target_lock = false, nothing()), NOT_STALE);
}

#[test]
fn without_the_ledger_a_repeated_message_counts_twice() {
    breaks(without(|clauses| clauses.ledger_check = false, Budget { duplicates: 1, ..nothing() }), ADDS_UP);
}

#[test]
fn without_the_advisory_lock_two_workers_do_the_same_work() {
    breaks(without(|clauses| clauses.advisory_lock = false, Budget { duplicates: 1, ..nothing() }), ONCE);
}

#[test]
fn without_the_second_ledger_check_a_half_counts_twice() {
    breaks(without(|clauses| clauses.recheck = false, Budget { halves: 1, ..nothing() }), ADDS_UP);
}

#[test]
fn without_hashes_in_the_transaction_the_table_differs_unnoticed() {
    let budget = Budget { crashes: 1, ..nothing() };
    breaks(without(|clauses| clauses.hashes_in_same_transaction = false, budget), COMPLETE);
}

#[test]
fn without_waiting_a_renamed_row_is_deleted_too_early() {
    breaks(without(|clauses| clauses.waiting_deletes = false, nothing()), NOT_EARLY);
}

#[test]
fn without_withholding_a_renamed_row_is_lost() {
    let budget = Budget { failures: 1, ..nothing() };
    breaks(without(|clauses| clauses.failed_upserts_withhold = false, budget), NOT_EARLY);
}

#[test]
fn without_the_guard_rows_go_one_run_at_a_time() {
    let clauses = LedgerClauses { delete_guard: false, ..LedgerClauses::default() };
    breaks(DeliveryModel { clauses, ..shrinking() }, GUARDED);
}

#[test]
fn without_reading_what_sqs_refused_a_run_never_ends() {
    let budget = Budget { refused_sends: 1, ..nothing() };
    breaks(without(|clauses| clauses.failed_entries_check = false, budget), ENDS);
}

#[test]
fn in_key_order_overlapping_batches_never_deadlock() {
    let model = LockModel { messages: [vec![1, 2, 3], vec![3, 1, 4]], key_order: true };
    model.checker().spawn_bfs().join().assert_properties();
}

#[test]
fn without_the_key_order_two_batches_wait_for_each_other() {
    let model = LockModel { messages: [vec![1, 2, 3], vec![3, 1, 4]], key_order: false };
    model.checker().spawn_bfs().join().assert_any_discovery(NO_DEADLOCK);
}
