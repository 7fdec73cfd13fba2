//! The breaker's model holds, and each clause is there for a reason: without it the checker finds a counterexample.

mod checker;

use std::time::Duration;

use checker::{breaks, holds};
use sheetsync_models::breaker::{BreakerModel, FRESH, ONE_PROBE, ORDERS, OWN_PROBE, PROGRESS, Without};

fn two() -> BreakerModel {
    BreakerModel { workers: 2, ..BreakerModel::default() }
}

#[test]
fn three_workers_with_clocks_that_disagree_are_safe_and_find_the_way_back() {
    holds(BreakerModel::default());
}

#[test]
fn workers_that_die_hold_nobody_up() {
    holds(BreakerModel { crashes: 2, ..two() });
}

#[test]
fn orders_are_respected_whatever_is_under_way() {
    holds(BreakerModel { orders: 2, calls: 3, ..two() });
}

#[test]
fn an_item_that_a_person_deleted_is_not_touched_by_an_old_probe() {
    holds(BreakerModel { resets: 1, last_tick: 5, ..two() });
}

#[test]
fn without_the_epoch_of_counts_old_failures_count_against_a_healthy_destination() {
    breaks(BreakerModel { without: Some(Without::EpochOfCounts), ..BreakerModel::default() }, FRESH);
}

#[test]
fn without_the_epoch_of_the_trip_old_failures_open_a_circuit_that_has_closed_since() {
    breaks(BreakerModel { without: Some(Without::EpochOfTrip), ..BreakerModel::default() }, FRESH);
}

#[test]
fn without_the_epoch_of_the_claim_a_probe_is_made_against_orders() {
    breaks(BreakerModel { without: Some(Without::EpochOfClaim), orders: 1, ..two() }, ORDERS);
}

#[test]
fn without_the_owner_an_old_probe_ends_another_after_the_item_was_deleted() {
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
fn epoch_and_owner_stand_in_for_each_other_while_nobody_deletes_the_item() {
    holds(BreakerModel { without: Some(Without::EpochOfProbe), ..two() });
    holds(BreakerModel { without: Some(Without::OwnerOfProbe), ..two() });
}

#[test]
fn without_the_end_of_the_lease_in_the_claim_two_workers_probe_at_once() {
    breaks(BreakerModel { without: Some(Without::LeaseOver), ..two() }, ONE_PROBE);
}

#[test]
fn without_leases_a_prober_that_dies_keeps_the_circuit_open_for_ever() {
    let mut model = BreakerModel { crashes: 1, ..two() };
    model.rule.lease = Duration::from_secs(3600);
    breaks(model, PROGRESS);
}
