//! The command as a person uses it: what it prints, and what it exits with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

fn sheetsync(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sheetsync"))
        .args(arguments)
        .env_remove("SUPABASE_SECRET_KEY")
        .env_remove("SHEETSYNC_DEFINITION")
        .output()
        .expect("the command runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_definition_of_the_demo_is_sound() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sheetsync.toml");
    let output = sheetsync(&["check", &file.to_string_lossy()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "listings: 22 columns to public.property_listings, key listing_no\n");
}

#[test]
fn check_prints_every_definition_error_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("sheetsync.toml");
    let sound = include_str!("../../sheetsync.toml");
    let broken = sound.replace("every = \"5m\"", "evry = \"5m\"").replace("type = \"integer\"", "type = \"interger\"");
    std::fs::write(&file, broken).expect("it is written");
    let output = sheetsync(&["check", &file.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(1));
    let printed = text(&output.stderr);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 1 + sound.matches("type = \"integer\"").count(), "{printed}");
    assert!(lines[0].ends_with("unknown key `evry`; did you mean `every`?"), "{printed}");
    assert!(lines[1].ends_with("column 8: unknown value \"interger\"; did you mean \"integer\"?"), "{printed}");
}

#[test]
fn the_schema_in_the_repository_is_that_of_this_version() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sheetsync.schema.json");
    let schema = text(&sheetsync(&["schema"]).stdout);
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    assert!(kept == schema, "it is stale: cargo run -p sheetsync-cli -- schema > sheetsync.schema.json");
}

#[test]
fn error_is_one_line_and_exit_code_one() {
    let output = sheetsync(&["check", "nowhere.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.starts_with("sheetsync: cannot read the definition nowhere.toml"), "{error}");
    assert_eq!(error.lines().count(), 1);
    let verbose = text(&sheetsync(&["--verbose", "check", "nowhere.toml"]).stderr);
    assert!(verbose.contains("because:"), "{verbose}");
}

#[test]
fn without_a_key_it_says_which_variable_to_set() {
    let output = sheetsync(&["status", "--supabase-url", "http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("SUPABASE_SECRET_KEY"));
}

#[test]
fn no_secret_is_sent_over_plain_http() {
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_sheetsync"))
            .args(arguments)
            .env("SUPABASE_SECRET_KEY", "sb_secret_key")
            .env("SHEETSYNC_TOKEN", "token")
            .output()
            .expect("the command runs")
    };
    for (arguments, name) in [
        (["status", "--supabase-url", "http://project.supabase.co"].as_slice(), "SupabaseUrl"),
        (&["watch", "listings", "--api-url", "http://api.example.com"], "API_URL"),
    ] {
        let output = run(arguments);
        let printed = text(&output.stderr);
        assert!(output.status.code() == Some(1) && printed.contains(name) && printed.contains("https://"), "{printed}");
    }
}

#[test]
fn a_wrong_command_line_exits_with_two() {
    assert_eq!(sheetsync(&["sink"]).status.code(), Some(2));
}

/// Every command with its own options, as `--help` prints them.
fn commands(path: &[&str], found: &mut BTreeMap<String, BTreeSet<String>>) {
    let help = text(&sheetsync(&[path, &["--help"]].concat()).stdout);
    let listed = help.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
    let below: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .collect();
    let options: BTreeSet<String> = help
        .lines()
        .filter_map(|line| {
            line.trim_start().split_once("--").filter(|(before, _)| before.is_empty() || before.starts_with('-'))
        })
        .map(|(_, rest)| rest.split(|it: char| !it.is_ascii_lowercase() && it != '-').next().unwrap_or_default())
        .filter(|name| !["help", "verbose", "version"].contains(name))
        .map(|name| format!("--{name}"))
        .collect();
    if !path.is_empty() && (below.is_empty() || !options.is_empty()) {
        found.insert(path.join(" "), options);
    }
    for name in below {
        commands(&[path, &[name]].concat(), found);
    }
}

#[test]
fn commands_and_options_equal_the_manual() {
    let mut real = BTreeMap::new();
    commands(&[], &mut real);
    let manual = include_str!("../../docs/OPERATIONS_MANUAL.md");
    let table = manual.split("## The command's options\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let in_backticks = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let documented: BTreeMap<String, BTreeSet<String>> = table
        .unwrap_or_default()
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').collect();
            let command = in_backticks(cells.get(1)?).pop()?;
            Some((command, in_backticks(cells.get(3)?).into_iter().collect()))
        })
        .collect();
    assert!(real.len() > 10, "{real:?}");
    assert_eq!(documented, real);
}
