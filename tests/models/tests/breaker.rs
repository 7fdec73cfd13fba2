//! The breaker's model holds, and each clause is there for a reason: without it the checker finds a counterexample.

mod checker;

use std::time::Duration;

use checker::{breaks, holds};
use sheetsync_models::breaker::{BreakerModel, COMMANDS, FRESH, ONE_PROBE, OWN_PROBE, PROGRESS, Without};

fn two() -> BreakerModel {
    BreakerModel { workers: 2, ..BreakerModel::default() }
}

#[test]
fn three_workers_with_skewed_clocks_are_safe_and_recover() {
    holds(BreakerModel::default());
}

#[test]
fn crashed_workers_do_not_block_the_others() {
    holds(BreakerModel { crashes: 2, ..two() });
}

#[test]
fn commands_are_respected_at_any_time() {
    holds(BreakerModel { commands: 2, calls: 3, ..two() });
}

#[test]
fn old_probe_does_not_touch_a_deleted_item() {
    holds(BreakerModel { resets: 1, last_tick: 5, ..two() });
}

#[test]
fn without_epoch_of_counts_old_failures_count_against_healthy_destination() {
    breaks(BreakerModel { without: Some(Without::EpochOfCounts), ..BreakerModel::default() }, FRESH);
}

#[test]
fn without_epoch_of_trip_old_failures_open_a_closed_circuit() {
    breaks(BreakerModel { without: Some(Without::EpochOfTrip), ..BreakerModel::default() }, FRESH);
}

#[test]
fn without_epoch_of_claim_a_probe_ignores_the_operator() {
    breaks(BreakerModel { without: Some(Without::EpochOfClaim), commands: 1, ..two() }, COMMANDS);
}

#[test]
fn without_owner_an_old_probe_ends_another_after_deletion() {
    breaks(
        BreakerModel { without: Some(Without::OwnerOfProbe), resets: 1, last_tick: 6, calls: 6, ..two() },
        OWN_PROBE,
    );
}

#[test]
fn without_epoch_and_owner_a_late_probe_ends_another() {
    breaks(BreakerModel { without: Some(Without::EpochAndOwnerOfProbe), calls: 5, ..two() }, OWN_PROBE);
}

#[test]
fn epoch_or_owner_suffices_while_the_item_exists() {
    holds(BreakerModel { without: Some(Without::EpochOfProbe), ..two() });
    holds(BreakerModel { without: Some(Without::OwnerOfProbe), ..two() });
}

#[test]
fn without_lease_end_in_the_claim_two_workers_probe() {
    breaks(BreakerModel { without: Some(Without::LeaseOver), ..two() }, ONE_PROBE);
}

#[test]
fn without_leases_a_crashed_prober_keeps_the_circuit_open() {
    let mut model = BreakerModel { crashes: 1, ..two() };
    model.rule.lease = Duration::from_secs(3600);
    breaks(model, PROGRESS);
}
