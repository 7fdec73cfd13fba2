//! A migration that landed is never edited: databases that have it would never get the edit. `migrations/checksums` lists what landed.
//! Needs no server.

#![allow(clippy::unwrap_used, reason = "in a test, a panic with its line is the report")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use sheetsync_migrations::{MIGRATIONS, RELEASES};

/// What is wrong with the folder, in words that say what to do; and the lines that the list lacks.
fn compare(list: &str, files: &BTreeMap<String, String>) -> (Vec<String>, String) {
    let mut problems = Vec::new();
    let mut landed = BTreeMap::new();
    for line in list.lines() {
        // The format of sha256sum: 64 digits, two spaces, a name.
        match line.split_once("  ") {
            Some((sum, name)) if sum.len() == 64 => {
                if landed.insert(name, sum).is_some() {
                    problems.push(format!("{name} is twice in migrations/checksums: take back what was changed there"));
                }
            }
            _ => problems.push(format!("migrations/checksums has a line that is no checksum: {line:?}")),
        }
    }
    for (name, sum) in &landed {
        match files.get(*name) {
            Some(now) if now == sum => {}
            Some(_) => problems.push(format!(
                "{name} has landed: put the change into a new migration, docs/CONTRIBUTING.md (\"A migration\")"
            )),
            None => problems
                .push(format!("{name} has landed and is gone: restore it; what it made goes by a new migration")),
        }
    }
    let mut missing = String::new();
    for (name, sum) in files.iter().filter(|(name, _)| !landed.contains_key(name.as_str())) {
        let _ = writeln!(missing, "{sum}  {name}");
    }
    (problems, missing)
}

/// The gaps in the numbers of these files: each number from the first on has one `.sql` and one `.down.sql` of the same name.
fn gaps<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut subjects: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    let mut problems = Vec::new();
    for name in names {
        match name.get(..3).and_then(|number| number.parse().ok()) {
            Some(number) if name[3..].starts_with("_sync_") => subjects.entry(number).or_default().push(name),
            _ => problems.push(format!("{name} is no name of a migration: NNN_sync_subject.sql")),
        }
    }
    for (number, expected) in subjects.keys().zip(82..) {
        if *number != expected {
            problems
                .push(format!("{number:03} comes where {expected:03} should: migrations are numbered without a gap"));
            break;
        }
    }
    for (number, names) in &subjects {
        let down = names[0].replace(".down.sql", ".sql");
        let both = [down.replace(".sql", ".down.sql"), down];
        if *names != both {
            problems.push(format!("{number:03} should be one .sql and its .down.sql, and is {}", names.join(", ")));
        }
    }
    problems
}

fn folder() -> BTreeMap<String, String> {
    let files = std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, hex(&Sha256::digest(std::fs::read(&path).unwrap())))
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[test]
fn migrations_that_landed_are_as_they_were() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/checksums");
    let list = std::fs::read_to_string(path).unwrap();
    let files = folder();
    let (mut problems, missing) = compare(&list, &files);
    problems.extend(gaps(files.keys()));
    if problems.is_empty() && std::env::var_os("UPDATE_CHECKSUMS").is_some() {
        std::fs::write(path, list + &missing).unwrap();
    } else if !missing.is_empty() {
        problems.push(format!("not in migrations/checksums; `make landed` adds them:\n{missing}"));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn releases_are_prefixes_of_the_list_in_order() {
    let places: Vec<usize> = RELEASES
        .iter()
        .map(|release| MIGRATIONS.iter().position(|migration| migration.name == release.last).expect(release.version))
        .collect();
    assert!(places.is_sorted(), "{RELEASES:?}");
    let newest = RELEASES.last().map(|release| release.version);
    assert_eq!(
        newest,
        Some(env!("CARGO_PKG_VERSION")),
        "a new version needs its entry in RELEASES, migrations/src/lib.rs"
    );
}

#[test]
fn an_edit_a_loss_and_an_addition_are_found() {
    let sum = |text: &str| hex(&Sha256::digest(text));
    let files = |list: &[(&str, &str)]| -> BTreeMap<String, String> {
        list.iter().map(|(name, text)| ((*name).to_owned(), sum(text))).collect()
    };
    let landed = files(&[("082_sync_a.sql", "a"), ("082_sync_a.down.sql", "b")]);
    let list = compare("", &landed).1;
    assert_eq!(compare(&list, &landed), (Vec::new(), String::new()));

    let edited = files(&[("082_sync_a.sql", "a "), ("082_sync_a.down.sql", "b"), ("083_sync_c.sql", "c")]);
    let (problems, missing) = compare(&list, &edited);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("082_sync_a.sql has landed: put the change into a new migration"), "{problems:?}");
    assert_eq!(missing, format!("{}  083_sync_c.sql\n", sum("c")));

    let (problems, _) = compare(&list, &files(&[("082_sync_a.sql", "a")]));
    assert!(problems[0].starts_with("082_sync_a.down.sql has landed and is gone"), "{problems:?}");
    assert!(compare(&format!("{list}{list}"), &landed).0[0].contains("twice"));
    assert!(compare("x\n", &landed).0[0].contains("no checksum"));
}

#[test]
fn a_gap_in_the_numbers_is_found() {
    let check =
        |names: &[&str]| gaps(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>().iter()).join("; ");
    let first = ["082_sync_a.down.sql", "082_sync_a.sql"];
    assert_eq!(check(&first), "");
    assert_eq!(check(&[first[0], first[1], "083_sync_b.down.sql", "083_sync_b.sql"]), "");
    assert!(
        check(&[first[0], first[1], "084_sync_b.down.sql", "084_sync_b.sql"]).contains("084 comes where 083 should")
    );
    assert!(check(&[first[1]]).contains("082 should be one .sql and its .down.sql"));
    assert!(check(&[first[0], first[1], "082_sync_b.down.sql", "082_sync_b.sql"]).contains("082 should be one"));
    assert!(check(&[first[0], first[1], "83_sync_b.sql"]).contains("no name of a migration"));
}
