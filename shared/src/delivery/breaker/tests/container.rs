//! What one container's breaker does with the shared item: how often it reads and writes, and how it goes on without.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::*;
use crate::platform::clock::{Chance, Clock, Millis};

/// The item in memory, in DynamoDB's place.
#[derive(Debug, Default)]
struct Shelf {
    item: Mutex<Item>,
    is_away: AtomicBool,
    reads: AtomicUsize,
    writes: AtomicUsize,
}

impl Shelf {
    fn asked(&self, count: &AtomicUsize) -> Result<(), StoreError> {
        count.fetch_add(1, Ordering::Relaxed);
        if self.is_away.load(Ordering::Relaxed) {
            return Err(StoreError::Busy("away".to_owned()));
        }
        Ok(())
    }
}

impl SharedItem for Arc<Shelf> {
    async fn read(&self) -> Result<Item, StoreError> {
        self.asked(&self.reads)?;
        Ok(self.item.lock().unwrap().clone())
    }

    async fn write(&self, update: &Update) -> Result<Option<Item>, StoreError> {
        self.asked(&self.writes)?;
        let mut item = self.item.lock().unwrap();
        let Ok(changed) = item.apply(update) else { return Ok(None) };
        *item = changed;
        Ok(Some(item.clone()))
    }
}

const NOON: Millis = Millis(1_000_000_000_000);

fn container(shelf: &Arc<Shelf>) -> Breaker<Arc<Shelf>> {
    container_at(shelf, NOON)
}

fn container_at(shelf: &Arc<Shelf>, time: Millis) -> Breaker<Arc<Shelf>> {
    let clock = Clock::starting_at(time);
    Breaker::new(Arc::clone(shelf), Rule::default(), clock, Arc::new(Chance::from_seed(1)))
}

async fn permit(breaker: &Breaker<Arc<Shelf>>) -> Permit {
    let Decision::Call(permit) = breaker.admit("request").await else { panic!("calls may be made") };
    permit
}

async fn fails(breaker: &Breaker<Arc<Shelf>>, times: usize) {
    let failing = Failing { why: "no_answer".to_owned(), weight: 1, retry_after: None, is_certain: false };
    for _ in 0..times {
        let permit = permit(breaker).await;
        breaker.record(&permit, &Evidence::Failure(failing.clone())).await;
    }
}

async fn succeeds(breaker: &Breaker<Arc<Shelf>>, times: usize) {
    for _ in 0..times {
        let permit = permit(breaker).await;
        breaker.record(&permit, &Evidence::Success).await;
    }
}

#[tokio::test(start_paused = true)]
async fn successful_calls_write_nothing_and_read_once_a_second() {
    let shelf = Arc::new(Shelf::default());
    let breaker = container(&shelf);
    for _ in 0..100 {
        succeeds(&breaker, 1).await;
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    assert_eq!(shelf.writes.load(Ordering::Relaxed), 0);
    assert!((10..=11).contains(&shelf.reads.load(Ordering::Relaxed)), "{shelf:?}");
}

#[tokio::test(start_paused = true)]
async fn successes_of_the_hour_before_do_not_outvote_an_outage() {
    let shelf = Arc::new(Shelf::default());
    let breaker = container(&shelf);
    succeeds(&breaker, 1000).await;
    tokio::time::advance(Duration::from_secs(15)).await;
    fails(&breaker, 5).await;
    assert_eq!(shelf.item.lock().unwrap().state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn successes_are_shared_while_another_container_fails() {
    let shelf = Arc::new(Shelf::default());
    let (well, ill) = (container(&shelf), container(&shelf));
    fails(&ill, 1).await;
    succeeds(&well, 20).await;
    tokio::time::advance(Duration::from_secs(2)).await;
    succeeds(&well, 1).await;
    fails(&ill, 6).await;
    assert_eq!(shelf.item.lock().unwrap().state(), State::Closed, "one of two containers has a bad line");
    assert!(shelf.writes.load(Ordering::Relaxed) <= 10, "not one write for each success: {shelf:?}");
}

#[tokio::test(start_paused = true)]
async fn breaker_works_without_its_store_and_recovers() {
    let shelf = Arc::new(Shelf::default());
    shelf.is_away.store(true, Ordering::Relaxed);
    let breaker = container(&shelf);
    fails(&breaker, 5).await;
    assert_eq!(
        shelf.reads.load(Ordering::Relaxed) + shelf.writes.load(Ordering::Relaxed),
        1,
        "it asks once, not each time"
    );
    assert!(matches!(breaker.admit("request").await, Decision::Wait { .. }), "its own breaker is open");
    assert_eq!(*shelf.item.lock().unwrap(), Item::default());

    shelf.is_away.store(false, Ordering::Relaxed);
    tokio::time::advance(Duration::from_secs(11)).await;
    assert!(matches!(breaker.admit("request").await, Decision::Call(_)), "the shared item counts again");
}

#[tokio::test(start_paused = true)]
async fn waits_are_jittered_and_grow_with_the_outage() {
    let shelf = Arc::new(Shelf::default());
    let breaker = container(&shelf);
    fails(&breaker, 5).await;
    let waits = async |breaker: &Breaker<Arc<Shelf>>| {
        let mut waits = Vec::new();
        for _ in 0..50 {
            let Decision::Wait { until } = breaker.admit("request").await else { panic!("it is open") };
            waits.push(until);
        }
        waits.sort();
        waits[49].since(waits[0])
    };
    let soon = waits(&breaker).await;
    assert!(soon > Duration::from_secs(3) && soon < Duration::from_secs(5), "{soon:?}");
    tokio::time::advance(Duration::from_secs(3600)).await;
    let command = Command { by: String::new(), why: String::new(), at: Millis(0) };
    let forced = shelf.item.lock().unwrap().force(Mode::ForceOpen, command);
    let item = shelf.item.lock().unwrap().apply(&forced).unwrap();
    *shelf.item.lock().unwrap() = item;
    let late = waits(&breaker).await;
    assert!(late > Duration::from_secs(240), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn clock_an_hour_ahead_does_not_lengthen_other_waits() {
    let shelf = Arc::new(Shelf::default());
    fails(&container_at(&shelf, NOON.plus(Duration::from_secs(3600))), 5).await;
    let Decision::Wait { until } = container(&shelf).admit("request").await else { panic!("it is open") };
    let wait = until.since(NOON);
    assert!(wait >= Rule::default().first_open && wait <= Duration::from_secs(20), "{wait:?}");
}
