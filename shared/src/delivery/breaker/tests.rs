//! The breaker's rules as sentences, and its conditional writes as laws.

mod container;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::platform::clock::Millis;

const EPOCH: Permit = Permit { epoch: 0, probe: None };

fn rule() -> Rule {
    Rule::default()
}

fn me() -> Owner {
    Owner("me".to_owned())
}

fn at(seconds: u64) -> Millis {
    Millis(1_000_000_000_000 + seconds * 1000)
}

fn failing() -> Failing {
    Failing { why: "no_answer".to_owned(), weight: 1, retry_after: None, is_certain: false }
}

/// Records a worker's call, as the breaker does: the write, and the transition that must follow.
fn recorded(item: &Item, permit: &Permit, evidence: &Evidence, successes: u64, now: Millis) -> Item {
    let Some(update) = item.weigh(permit, evidence, successes, now, &rule(), 1.0) else { return item.clone() };
    let Ok(item) = item.apply(&update) else { return item.clone() };
    match item.transition(permit, evidence, now, &rule(), 1.0) {
        Some(update) => item.apply(&update).unwrap(),
        None => item,
    }
}

fn failed(item: &Item, permit: &Permit, now: Millis) -> Item {
    recorded(item, permit, &Evidence::Failure(failing()), 0, now)
}

fn opened_at(now: Millis) -> Item {
    let item = (0..5).fold(Item::default(), |item, _| failed(&item, &EPOCH, now));
    assert_eq!(item.state(), State::Open);
    item
}

fn claimed(item: &Item, now: Millis) -> (Item, Permit) {
    let Admission::Claim(update) = item.admit(now, &me(), &rule()) else { panic!("{item:?}") };
    let item = item.apply(&update).unwrap();
    let permit = Permit::probe(&item, me());
    (item, permit)
}

#[test]
fn five_failures_within_two_windows_open_it() {
    let four = (0..4).fold(Item::default(), |item, second| failed(&item, &EPOCH, at(second)));
    assert_eq!(four.state(), State::Closed);
    assert_eq!(failed(&four, &EPOCH, at(19)).state(), State::Open, "the next window still counts the one before");
    assert_eq!(failed(&four, &EPOCH, at(20)).state(), State::Closed, "a later one does not");
}

#[test]
fn failures_that_are_fewer_than_the_successes_leave_it_closed() {
    let busy = recorded(&Item::default(), &EPOCH, &Evidence::Success, 6, at(0));
    let item = (0..5).fold(busy, |item, _| failed(&item, &EPOCH, at(1)));
    assert_eq!(item.state(), State::Closed);
    assert_eq!(failed(&item, &EPOCH, at(1)).state(), State::Open, "six of twelve are half");
}

#[test]
fn an_answer_that_cannot_be_chance_opens_it_at_once() {
    let certain = Failing { is_certain: true, ..failing() };
    let asked = Failing { retry_after: Some(Duration::from_secs(60)), ..failing() };
    let patient = Failing { retry_after: Some(Duration::from_secs(10)), ..failing() };
    let state = |failing| recorded(&Item::default(), &EPOCH, &Evidence::Failure(failing), 0, at(0));
    assert_eq!(state(certain).until(), Some(at(15)));
    assert_eq!(state(asked).until(), Some(at(60)), "Retry-After is kept");
    assert_eq!(state(patient).state(), State::Closed);
}

#[test]
fn an_absurd_retry_after_is_not_believed() {
    let forever = Failing { retry_after: Some(Duration::MAX), ..failing() };
    let item = recorded(&Item::default(), &EPOCH, &Evidence::Failure(forever), 0, at(0));
    assert_eq!(item.until(), Some(at(3600)));
}

#[test]
fn a_call_that_hung_through_several_windows_counts_for_each() {
    let hung = Evidence::Failure(Failing { weight: 3, ..failing() });
    let once = recorded(&Item::default(), &EPOCH, &hung, 0, at(35));
    assert_eq!((once.state(), once.failures(at(35), &rule())), (State::Closed, 3));
    assert_eq!(recorded(&once, &EPOCH, &hung, 0, at(36)).state(), State::Open);
}

#[test]
fn open_circuit_refuses_calls_and_then_admits_one_probe() {
    let open = opened_at(at(0));
    assert_eq!(open.admit(at(14), &me(), &rule()), Admission::Refused { until: at(15) });
    let (half_open, _) = claimed(&open, at(15));
    let other = Owner("other".to_owned());
    assert_eq!(half_open.admit(at(16), &other, &rule()), Admission::Refused { until: at(16 + 5) });
    assert_eq!(half_open.admit(at(54), &other, &rule()), Admission::Refused { until: at(15 + 40) });
    let Admission::Claim(late) = open.admit(at(16), &other, &rule()) else { panic!("it read the item before") };
    assert_eq!(half_open.apply(&late), Err(Refused(Clause::Epoch(open.epoch))));
}

#[test]
fn three_successful_calls_of_the_probe_close_it() {
    let (mut item, permit) = claimed(&opened_at(at(0)), at(15));
    for call in 1..=3 {
        assert_eq!(item.state(), State::HalfOpen, "before call {call}");
        item = recorded(&item, &permit, &Evidence::Success, 0, at(15 + call));
    }
    assert_eq!((item.state(), item.closed_at, item.why()), (State::Closed, Some(at(18)), None));
}

#[test]
fn failed_probe_doubles_the_wait_up_to_five_minutes() {
    let mut item = opened_at(at(0));
    let mut waits = Vec::new();
    for _ in 0..7 {
        let now = item.until().unwrap();
        let (half_open, permit) = claimed(&item, now);
        item = failed(&half_open, &permit, now);
        waits.push(item.until().unwrap().since(now).as_secs());
    }
    assert_eq!(waits, [30, 60, 120, 240, 300, 300, 300]);
    assert_eq!(item.since(), Some(at(0)), "the outage began when it was first seen");
}

#[test]
fn half_of_an_open_time_is_chance() {
    let update = |jitter| {
        Item::default().weigh(
            &EPOCH,
            &Evidence::Failure(Failing { is_certain: true, ..failing() }),
            0,
            at(0),
            &rule(),
            jitter,
        )
    };
    let until = |jitter| Item::default().apply(&update(jitter).unwrap()).unwrap().until();
    assert_eq!((until(0.0), until(1.0)), (Some(Millis(at(0).0 + 7500)), Some(at(15))));
}

#[test]
fn opens_in_a_row_are_forgotten_after_five_quiet_minutes() {
    let (item, permit) = claimed(&opened_at(at(0)), at(15));
    let closed = (0..3).fold(item, |item, _| recorded(&item, &permit, &Evidence::Success, 0, at(16)));
    let again = |now| {
        let permit = Permit { epoch: closed.epoch, probe: None };
        (0..5).fold(closed.clone(), |item, _| failed(&item, &permit, now)).opens_in_a_row
    };
    assert_eq!((again(at(16 + 299)), again(at(16 + 300))), (2, 1));
}

#[test]
fn abandoned_probe_can_be_claimed_again() {
    let (item, dead) = claimed(&opened_at(at(0)), at(15));
    let (item, _) = claimed(&item, at(15 + 40));
    assert_eq!(recorded(&item, &dead, &Evidence::Success, 0, at(56)), item, "the first owner's success comes too late");
}

#[test]
fn a_person_can_force_it_either_way_and_back() {
    let command = |now| Command { by: "ann".to_owned(), why: "maintenance".to_owned(), at: now };
    let forced = |item: &Item, mode, now| item.apply(&item.force(mode, command(now))).unwrap();
    let forced_open = forced(&Item::default(), Mode::ForceOpen, at(0));
    assert_eq!(forced_open.admit(at(1), &me(), &rule()), Admission::Refused { until: at(301) });
    let forced_closed = forced(&opened_at(at(0)), Mode::ForceClosed, at(1));
    assert!(matches!(forced_closed.admit(at(1), &me(), &rule()), Admission::Granted(_)));
    let auto = forced(&forced_closed, Mode::Auto, at(2));
    assert!(
        matches!(auto.admit(at(2), &me(), &rule()), Admission::Claim(_)),
        "an operator who resets it gets a probe at once"
    );
}

#[test]
fn forced_closed_circuit_counts_failures_but_does_not_open() {
    let item = Item { mode: Mode::ForceClosed, ..Item::default() };
    let item = (0..9).fold(item, |item, _| failed(&item, &EPOCH, at(0)));
    assert_eq!((item.state(), item.failures(at(0), &rule())), (State::Closed, 9));
}

#[test]
fn worker_with_a_slow_clock_counts_in_the_current_window() {
    let ahead = (0..4).fold(Item::default(), |item, _| failed(&item, &EPOCH, at(300)));
    assert_eq!(failed(&ahead, &EPOCH, at(0)).state(), State::Open);
}

/// One thing that a worker may do with what it read a while ago.
#[derive(Debug, Clone)]
enum Step {
    Read,
    Call { succeeds: bool },
    SetMode(Mode),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Read),
        6 => any::<bool>().prop_map(|succeeds| Step::Call { succeeds }),
        1 => prop_oneof![Just(Mode::Auto), Just(Mode::ForceOpen), Just(Mode::ForceClosed)].prop_map(Step::SetMode),
    ]
}

proptest! {
    /// Whatever three workers do with whatever they read however long ago: the epoch never falls, it grows with every
    /// transition, and what was seen in an older epoch changes nothing.
    #[test]
    fn evidence_of_an_older_epoch_changes_nothing(
        steps in prop::collection::vec((0..3_usize, step(), 0..30_u64), 1..200),
    ) {
        let mut shared = Item::default();
        let mut read = [Item::default(), Item::default(), Item::default()];
        let mut permits: [Option<Permit>; 3] = [None, None, None];
        let mut now = at(0);
        for (worker, step, seconds) in steps {
            now = now.plus(Duration::from_secs(seconds));
            let before = shared.clone();
            let me = Owner(worker.to_string());
            match step {
                Step::Read => {
                    read[worker] = shared.clone();
                    permits[worker] = match read[worker].admit(now, &me, &rule()) {
                        Admission::Granted(permit) => Some(permit),
                        Admission::Refused { .. } => None,
                        Admission::Claim(update) => {
                            shared = shared.apply(&update).unwrap();
                            Some(Permit::probe(&shared, me))
                        }
                    };
                }
                Step::Call { succeeds } => {
                    let Some(permit) = permits[worker].clone() else { continue };
                    let evidence = if succeeds { Evidence::Success } else { Evidence::Failure(failing()) };
                    shared = recorded(&shared, &permit, &evidence, 1, now);
                    prop_assert!(permit.epoch == before.epoch || shared == before);
                }
                Step::SetMode(mode) => {
                    let command = Command { by: String::new(), why: String::new(), at: now };
                    if let Ok(item) = shared.apply(&read[worker].force(mode, command)) {
                        prop_assert_eq!(read[worker].epoch, before.epoch);
                        shared = item;
                    }
                }
            }
            let has_moved = shared.state() != before.state() || shared.mode != before.mode;
            prop_assert!(shared.epoch > before.epoch || (shared.epoch == before.epoch && !has_moved));
        }
    }
}
