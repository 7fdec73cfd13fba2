//! Plays many worlds and makes small what breaks; counts what occurred in them, so that it shows when they no longer go
//! where it matters.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::cases;
use crate::draw::draw;
use crate::fault::{Fault, Invariant};
use crate::play::play;
use crate::postgres::Postgres;
use crate::shrink::{Budget, shrink};

/// Where a world comes from: the seed, and its number.
pub type Origin = (u64, u64);

/// A broken invariant.
#[derive(Debug)]
pub struct Found {
    /// The world that broke it first.
    pub origin: Origin,
    /// How the smallest world breaks it.
    pub fault: Fault,
    /// The smallest world, in a file.
    pub file: PathBuf,
    /// How many worlds broke it.
    pub worlds: u64,
}

/// What a search came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many worlds were played.
    pub worlds: u64,
    /// What was broken.
    pub found: BTreeMap<Invariant, Found>,
    /// How often what occurred.
    pub seen: BTreeMap<String, u64>,
}

/// Plays worlds until there are none, or the time is over. What breaks is made small and written to `folder`.
///
/// # Panics
/// When the folder cannot be written.
pub fn search(
    postgres: &Arc<Postgres>,
    worlds: impl Iterator<Item = Origin>,
    until: Option<Instant>,
    folder: &std::path::Path,
) -> Outcome {
    let mut outcome = Outcome::default();
    for origin in worlds {
        if until.is_some_and(|until| Instant::now() >= until) {
            break;
        }
        let world = draw(origin.0, origin.1);
        let report = play(postgres, &world);
        outcome.worlds += 1;
        for (what, count) in report.seen {
            *outcome.seen.entry(what).or_default() += count;
        }
        let Some(fault) = report.fault else { continue };
        if let Some(known) = outcome.found.get_mut(&fault.invariant) {
            known.worlds += 1;
            continue;
        }
        let (small, fault) = shrink(&world, &fault, Budget::default(), &mut |world| play(postgres, world).fault);
        let file = cases::write(folder, &small, &fault, Some(origin)).expect("the folder of the cases can be written");
        eprintln!("world {} of seed {} breaks {fault}\n    {}", origin.1, origin.0, file.display());
        outcome.found.insert(fault.invariant, Found { origin, fault, file, worlds: 1 });
    }
    outcome
}
