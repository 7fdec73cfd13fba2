//! Every case that was ever found, then random worlds: sixty that are always the same and sixty of the commit.
//! `HOSTILE_SEED` (and `HOSTILE_CASE`) asks for others, `HOSTILE_SECONDS` for as many as there is time for.

#![allow(clippy::unwrap_used, reason = "in a test, a panic with its line is the report")]
#![allow(missing_docs, reason = "nobody reads a test's documentation")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use sheetsync_hostile::play::play;
use sheetsync_hostile::postgres::Postgres;
use sheetsync_hostile::search::{Origin, Outcome, search};
use sheetsync_hostile::{cases, table};

/// Worlds of a part in `make test`.
const WORLDS: u64 = 60;

/// The seed whose worlds are always played.
const FIXED: u64 = 1;

fn postgres() -> Arc<Postgres> {
    let postgres = Arc::new(Postgres::start(&[]));
    table::prepare(&postgres);
    postgres
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// The seed of the day: what was asked for, or the commit's.
fn seed() -> u64 {
    number("HOSTILE_SEED").unwrap_or_else(|| {
        let head = std::process::Command::new("git").args(["rev-parse", "--short=8", "HEAD"]).output();
        let head = head.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        head.ok().and_then(|head| u64::from_str_radix(&head, 16).ok()).unwrap_or_default()
    })
}

fn judge(outcome: &Outcome) {
    println!("{} worlds: {:#?}", outcome.worlds, outcome.seen);
    let broken: Vec<String> = outcome
        .found
        .values()
        .map(|found| {
            let (seed, world) = found.origin;
            format!("{} (HOSTILE_SEED={seed} HOSTILE_CASE={world}, made small: {})", found.fault, found.file.display())
        })
        .collect();
    assert!(broken.is_empty(), "of {} worlds some break what must hold:\n{}", outcome.worlds, broken.join("\n"));
}

/// Where cases that are found are written to.
fn play_all(worlds: impl Iterator<Item = Origin>, until: Option<Instant>) -> Outcome {
    search(&postgres(), worlds, until, &cases::folder())
}

#[test]
fn every_case_that_was_found_stays_mended() {
    let postgres = postgres();
    let broken: Vec<String> = cases::all()
        .into_iter()
        .filter_map(|(name, case)| Some(format!("{name}: {}", play(&postgres, &case.world).fault?)))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_same_sixty_worlds_keep_every_promise() {
    let outcome = play_all((0..WORLDS).map(|world| (FIXED, world)), None);
    judge(&outcome);
}

#[test]
fn sixty_worlds_of_this_commit_keep_every_promise() {
    let seed = seed();
    println!("HOSTILE_SEED={seed}");
    let outcome = match (number("HOSTILE_CASE"), number("HOSTILE_SECONDS")) {
        (Some(world), _) => play_all(std::iter::once((seed, world)), None),
        (None, Some(seconds)) => {
            play_all((0..).map(|world| (seed, world)), Some(Instant::now() + Duration::from_secs(seconds)))
        }
        (None, None) => play_all((0..WORLDS).map(|world| (seed, world)), None),
    };
    judge(&outcome);
}

#[test]
fn a_world_is_always_the_same_play() {
    let postgres = postgres();
    for number in [3, 5, 8] {
        let world = sheetsync_hostile::draw::draw(FIXED, number);
        assert_eq!(world, sheetsync_hostile::draw::draw(FIXED, number), "drawn twice");
        let (first, second) = (play(&postgres, &world), play(&postgres, &world));
        assert_eq!(first.seen, second.seen, "played twice");
    }
}
