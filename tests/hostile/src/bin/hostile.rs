//! Plays worlds: `hostile --seed S --case N` one of them, with all that happens in it; `hostile --file F` a case of a file;
//! `hostile --seed S --seconds T` as many as there is time for, and makes small what breaks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sheetsync_hostile::cases::{self, Case};
use sheetsync_hostile::draw::draw;
use sheetsync_hostile::play::play;
use sheetsync_hostile::postgres::Postgres;
use sheetsync_hostile::shrink::{Budget, shrink};
use sheetsync_hostile::{table, world::World};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1).cloned()
    };
    let number = |name: &str| value(name).and_then(|text| text.parse::<u64>().ok());
    let postgres = Arc::new(Postgres::start(&[]));
    table::prepare(&postgres);
    let seed = number("--seed").unwrap_or(0);
    if let Some(file) = value("--file") {
        let text = std::fs::read_to_string(&file).expect("the file can be read");
        let case: Case = serde_json::from_str(&text).expect("the file is a case");
        tell(&postgres, &case.world);
    } else if let Some(case) = number("--case") {
        let world = draw(seed, case);
        eprintln!("{}", serde_json::to_string_pretty(&world).expect("a world is JSON"));
        tell(&postgres, &world);
    } else {
        let time = Duration::from_secs(number("--seconds").unwrap_or(60));
        let folder = value("--out").map_or_else(cases::folder, PathBuf::from);
        search(&postgres, seed, time, number("--cases").unwrap_or(u64::MAX), &folder);
    }
}

fn tell(postgres: &Arc<Postgres>, world: &World) {
    let report = play(postgres, world);
    for line in &report.log {
        eprintln!("{line}");
    }
    eprintln!("{:#?}", report.seen);
    match report.fault {
        Some(fault) => eprintln!("BROKEN {fault}"),
        None => eprintln!("all is well"),
    }
}

fn search(postgres: &Arc<Postgres>, seed: u64, time: Duration, most: u64, folder: &std::path::Path) {
    let start = Instant::now();
    let mut broken: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut played = 0;
    let mut playing = Duration::ZERO;
    while start.elapsed() < time && played < most {
        let world = draw(seed, played);
        let begun = Instant::now();
        let report = play(postgres, &world);
        playing += begun.elapsed();
        for (what, count) in report.seen {
            *seen.entry(what).or_default() += count;
        }
        if let Some(fault) = report.fault {
            let known = broken.entry(fault.invariant.name()).or_default();
            known.push(played);
            if known.len() <= 2 {
                let budget = Budget { plays: 300, time: Duration::from_secs(30) };
                let (small, fault) = shrink(&world, &fault, budget, &mut |world| play(postgres, world).fault);
                let path = cases::write(folder, &small, &fault, Some((seed, played))).expect("the folder can be written");
                eprintln!("world {played}: {fault}\n    {}", path.display());
            }
        }
        played += 1;
    }
    eprintln!("{seen:#?}");
    for (invariant, worlds) in &broken {
        eprintln!("{invariant}: {} worlds, first {:?}", worlds.len(), &worlds[..worlds.len().min(8)]);
    }
    eprintln!("{played} worlds in {:.1} s", playing.as_secs_f64());
}
