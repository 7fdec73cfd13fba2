//! Plays worlds: `hostile --seed S --case N` one of them, with all that happens in it; `hostile --file F` that of a file;
//! `hostile --seed S --seconds T` as many as there is time for, and makes small what breaks. What it says goes to standard
//! error, because the product writes its metrics to the standard output.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sheetsync_hostile::cases::{self, Case};
use sheetsync_hostile::draw::draw;
use sheetsync_hostile::play::play;
use sheetsync_hostile::postgres::Postgres;
use sheetsync_hostile::search::search;
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
        print_story(&postgres, &case.world);
    } else if let Some(case) = number("--case") {
        let world = draw(seed, case);
        eprintln!("{}", serde_json::to_string(&world).expect("a world is JSON"));
        print_story(&postgres, &world);
    } else {
        let time = Duration::from_secs(number("--seconds").unwrap_or(60));
        let folder = value("--out").map_or_else(cases::folder, PathBuf::from);
        let start = Instant::now();
        let worlds = (0..number("--cases").unwrap_or(u64::MAX)).map(|number| (seed, number));
        let outcome = search(&postgres, worlds, Some(start + time), &folder);
        eprintln!("{:#?}", outcome.seen);
        for (invariant, found) in &outcome.found {
            eprintln!("{}: {} worlds, first {:?}", invariant.name(), found.worlds, found.origin);
        }
        eprintln!("{} worlds in {:.0} s", outcome.worlds, start.elapsed().as_secs_f64());
    }
}

fn print_story(postgres: &Arc<Postgres>, world: &World) {
    let report = play(postgres, world);
    for line in &report.log {
        eprintln!("{line}");
    }
    match report.fault {
        Some(fault) => eprintln!("BROKEN {fault}"),
        None => eprintln!("all is well"),
    }
}
