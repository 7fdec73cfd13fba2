//! Every case that was ever found, then random worlds: sixty that are always the same and sixty of these files.
//! `HOSTILE_SEED` (and `HOSTILE_CASE`) asks for others, `HOSTILE_SECONDS` for as many as there is time for.

#![allow(clippy::unwrap_used, reason = "in a test, a panic with its line is the report")]
#![allow(missing_docs, reason = "tests have no published documentation")]

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

/// The seed that was asked for, or that of the files: equal files are tried with equal worlds.
fn seed() -> u64 {
    number("HOSTILE_SEED").unwrap_or_else(|| {
        let tree = std::process::Command::new("git").args(["rev-parse", "HEAD^{tree}"]).output();
        let tree = tree.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        tree.get(..8).and_then(|start| u64::from_str_radix(start, 16).ok()).unwrap_or_default()
    })
}

/// How often what must occur at least in the sixty worlds that are always the same, or they look at too little. A name that ends
/// in a space stands for all that begin with it.
const OCCURS: [(&str, u64); 43] = [
    ("step app", 30),
    ("step approve", 5),
    ("step deliver", 10),
    ("step minutes", 5),
    ("step redeliver", 5),
    ("step run", 80),
    ("step settle", 2),
    ("step sheet", 80),
    ("edit copy", 3),
    ("edit delete", 3),
    ("edit fill_down", 3),
    ("edit insert", 3),
    ("edit insert_column", 3),
    ("edit load", 3),
    ("edit move", 3),
    ("edit move_column", 3),
    ("edit paste", 3),
    ("edit renumber", 3),
    ("edit set", 15),
    ("edit sort", 3),
    ("edit swap", 3),
    ("edit undo", 3),
    ("app delete", 2),
    ("app insert", 10),
    ("app mark", 1),
    ("app rename", 1),
    ("app update", 10),
    ("mishap ", 8),
    ("read moved", 10),
    ("key unreadable", 10),
    ("row claimed", 3),
    ("row deleted", 8),
    ("row marked", 5),
    ("row renamed", 1),
    ("row waits for approval", 4),
    ("adoption approved", 1),
    ("approval approved", 3),
    ("deletes withheld", 10),
    ("run completed", 50),
    ("run partial", 50),
    ("sync_apply duplicate", 2),
    ("sync_apply superseded", 4),
    ("sync_apply waiting", 2),
];

/// The classes of SQLSTATEs with which rows must have been refused, and how often.
const CLASSES: [(&str, u64); 4] =
    [("row refused 22", 5), ("row refused 23", 10), ("row refused 42", 2), ("row waits 23", 10)];

fn judge_occurrences(outcome: &Outcome) {
    let count = |name: &str, is_prefix: bool| -> u64 {
        let is_meant = |seen: &str| if is_prefix { seen.starts_with(name) } else { seen == name };
        outcome.seen.iter().filter(|(seen, _)| is_meant(seen)).map(|(_, count)| count).sum()
    };
    let whole = OCCURS.iter().map(|(name, least)| (name, least, count(name, name.ends_with(' '))));
    let classes = CLASSES.iter().map(|(name, least)| (name, least, count(name, true)));
    let rare: Vec<String> = whole
        .chain(classes)
        .filter(|(_, least, count)| count < *least)
        .map(|(name, least, count)| format!("{name}: {count} times, at least {least} are needed"))
        .collect();
    assert!(rare.is_empty(), "the worlds no longer go where it matters:\n{}", rare.join("\n"));
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
fn every_known_case_stays_fixed() {
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
    judge_occurrences(&outcome);
}

#[test]
fn sixty_worlds_of_these_files_keep_every_promise() {
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
