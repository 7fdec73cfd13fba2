//! The standing trial through the real stack: cells drawn at random whose meaning is known before they are written, from the bytes
//! of the sheet's answer by scheduler, queue, worker and PostgREST to the value in Postgres, which is read by SQL of the trial's
//! own. What a cell means comes from the drawn value, and for random strings from the readings of a careful person; the mapping
//! has no part in it (`shared/src/mapping/trial` tries the mapping alone, with other spellings).
//!
//! In `make test`: a world that is always the same, and one of the hash of the files that are committed, so that other cells are
//! tried with every change, and a commit that is red stays so until its files change. `make trial` plays as many worlds as there is
//! time for (`TRIAL_SECONDS`), of a seed that is new each time. `TRIAL_SEED=` repeats the worlds of a seed, with `TRIAL_ROUND=` one.

#![allow(missing_docs, reason = "tests have no published documentation")]

#[path = "../../../shared/src/mapping/trial/alphabet.rs"]
mod alphabet;
mod bytes;
#[path = "../../../shared/src/mapping/trial/calendar.rs"]
mod calendar;
mod cell;
mod columns;
mod draw;
mod moments;
mod numbers;
#[path = "../../../shared/src/mapping/trial/reader.rs"]
#[allow(clippy::unwrap_used, dead_code, reason = "shared with the mapping's own trial, which needs all of it")]
mod reader;
mod texts;
mod world;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use draw::LOCALES;
use world::{Outcome, World};

/// The seed whose worlds are always played.
const FIXED: u64 = 1;

/// How many wrong cells are shown.
const SHOWN: usize = 60;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// The seed that was asked for, or that of the files: equal files are tried with equal cells.
fn seed() -> u64 {
    number("TRIAL_SEED").unwrap_or_else(|| {
        let tree = std::process::Command::new("git").args(["rev-parse", "HEAD^{tree}"]).output();
        let tree = tree.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        tree.get(..8).and_then(|start| u64::from_str_radix(start, 16).ok()).unwrap_or_default()
    })
}

/// A random seed.
fn new_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs())
}

/// Plays worlds of a seed, those of the rounds that begin before `until`, and judges what they found.
async fn play(seed: u64, rounds: impl Iterator<Item = u64>, until: Option<Instant>) -> Result<()> {
    println!("TRIAL_SEED={seed}");
    let mut sum = Outcome { cells: 0, refused: 0, wrong: Vec::new() };
    let mut worlds = 0;
    for round in rounds {
        if until.is_some_and(|until| Instant::now() >= until) || sum.wrong.len() >= SHOWN {
            break;
        }
        let outcome = World::draw(seed, round).play().await?;
        worlds += 1;
        sum.cells += outcome.cells;
        sum.refused += outcome.refused;
        sum.wrong.extend(outcome.wrong);
    }
    let Outcome { cells, refused, wrong } = sum;
    println!("{worlds} worlds, {cells} cells, {refused} of them to be refused, {} wrong", wrong.len());
    let shown = wrong.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {cells} cells are wrong:\n{shown}", wrong.len());
    Ok(())
}

#[tokio::test]
async fn fixed_cells_arrive_as_they_were_meant() -> Result<()> {
    play(FIXED, std::iter::once(0), None).await
}

#[tokio::test]
async fn random_cells_arrive_as_they_were_meant() -> Result<()> {
    match (number("TRIAL_ROUND"), number("TRIAL_SECONDS")) {
        (Some(round), _) => play(seed(), std::iter::once(round), None).await,
        (None, Some(seconds)) => {
            let seed = number("TRIAL_SEED").unwrap_or_else(new_seed);
            play(seed, 0.., Some(Instant::now() + Duration::from_secs(seconds))).await
        }
        // The round says which locale it is.
        (None, None) => play(seed(), std::iter::once(seed() % LOCALES.len() as u64), None).await,
    }
}
