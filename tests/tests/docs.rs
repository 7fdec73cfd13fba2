//! The lists in the documentation are those of the code, in both directions: metrics, alarms, error codes, environment
//! variables, parameters, routes. Needs no stack.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

type Names = BTreeSet<String>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The sources below a folder, without their tests.
fn sources(folders: &[&str]) -> String {
    let mut text = String::new();
    let mut waiting: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(path) = waiting.pop() {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && name != "tests" {
            waiting.extend(path.read_dir().expect("a folder").flatten().map(|entry| entry.path()));
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let file = std::fs::read_to_string(&path).expect("a source");
            text.push_str(file.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default());
        }
    }
    text
}

/// The text below a heading of a page, up to the next of its kind.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let start = page.find(&format!("{heading}\n")).unwrap_or_else(|| panic!("there is no {heading}")) + heading.len();
    page[start..].split("\n## ").next().unwrap_or_default()
}

/// What stands in backticks in column `index` of the tables of a text.
fn column(text: &str, index: usize) -> Names {
    let cells = text.lines().filter(|line| line.starts_with('|')).filter_map(|line| line.split('|').nth(index + 1));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// The texts that follow any of these openings, up to their closing quote.
fn quoted(text: &str, openings: &[&str]) -> Names {
    let after = openings.iter().flat_map(|opening| text.split(opening).skip(1));
    after.filter_map(first_quoted).collect()
}

/// The text in quotes that this begins with.
fn first_quoted(text: &str) -> Option<String> {
    text.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned)
}

/// The texts in quotes in the body of each method with this head.
fn literals_of(text: &str, head: &str) -> Names {
    let bodies = text.split(head).skip(1).filter_map(|rest| rest.split("\n    }\n").next());
    bodies.flat_map(|body| body.split('"').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// The names of the entries of a top-level part of the template, with the lines of each.
fn entries(template: &str, part: &str) -> Vec<(String, String)> {
    let start = template.find(&format!("\n{part}:\n")).expect("the template has it") + part.len() + 3;
    let mut found: Vec<(String, String)> = Vec::new();
    for line in template[start..].lines() {
        if line.starts_with(|first: char| first.is_ascii_alphabetic()) {
            break;
        }
        let name = line.strip_prefix("  ").filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()));
        match (name.and_then(|name| name.strip_suffix(':')), found.last_mut()) {
            (Some(name), _) => found.push((name.to_owned(), String::new())),
            (None, Some((_, lines))) => *lines += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    found
}

fn assert_equal(what: &str, documented: &Names, real: &Names) {
    assert!(real.len() > 2, "{what}: the code has only {real:?}; the test looks at the wrong place");
    let missing: Vec<_> = real.difference(documented).collect();
    let stale: Vec<_> = documented.difference(real).collect();
    assert!(missing.is_empty() && stale.is_empty(), "{what}: not documented: {missing:?}; no longer there: {stale:?}");
}

#[test]
fn every_metric_is_documented_and_every_documented_one_is_sent() {
    let code = sources(&["shared/src", "functions"]);
    // Whatever the unit: `Metric::count("Name", …`.
    let made = code.split("Metric::").skip(1).filter_map(|rest| rest.split_once('('));
    let made = made.filter(|(unit, _)| unit.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
    let sent: Names = made.filter_map(|(_, rest)| first_quoted(rest)).collect();
    let manual = read("docs/OPERATIONS_MANUAL.md");
    assert_equal("metrics", &column(section(&manual, "## Metrics"), 0), &sent);
    for (alarm, lines) in entries(&read("template.yaml"), "Resources") {
        let ours = lines.contains("Type: AWS::CloudWatch::Alarm") && lines.contains("Namespace: Sheetsync\n");
        let name = lines.split("MetricName: ").nth(1).and_then(|rest| rest.lines().next()).unwrap_or_default();
        assert!(!ours || sent.contains(name), "{alarm} listens to {name}, which nothing sends");
    }
}

#[test]
fn every_alarm_is_documented_and_every_documented_one_exists() {
    let template = read("template.yaml");
    let alarms = entries(&template, "Resources")
        .into_iter()
        .filter_map(|(name, lines)| lines.contains("Type: AWS::CloudWatch::Alarm").then_some(name))
        .collect();
    assert_equal("alarms", &column(section(&read("docs/OPERATIONS_MANUAL.md"), "## Alarms"), 0), &alarms);
}

#[test]
fn every_parameter_is_documented_and_every_documented_one_exists() {
    let parameters: Names = entries(&read("template.yaml"), "Parameters").into_iter().map(|(name, _)| name).collect();
    let guide = read("docs/DEPLOYMENT_GUIDE.md");
    let mut documented = Names::new();
    for name in column(section(&guide, "## 5. Build and deploy"), 0) {
        match name.strip_prefix('…') {
            Some(ending) => documented.extend(parameters.iter().filter(|it| it.ends_with(ending)).cloned()),
            None => drop(documented.insert(name)),
        }
    }
    assert_equal("parameters", &documented, &parameters);
}

#[test]
fn every_environment_variable_is_documented_and_set_and_read() {
    let code = sources(&["shared/src", "functions"]);
    let openings = ["required(", "optional(", "parsed(", "number(", "seconds(", "try_from_env("];
    let is_variable = |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let mut read_by_code: Names = quoted(&code, &openings).into_iter().filter(|name| is_variable(name)).collect();
    // Lambda sets it, for each invocation.
    read_by_code.remove("_X_AMZN_TRACE_ID");
    let mut documented = column(section(&read("docs/PROTOCOL.md"), "## Environment of the functions"), 0);
    // The AWS SDK reads it.
    documented.remove("AWS_ENDPOINT_URL");
    assert_equal("environment variables", &documented, &read_by_code);
    let template = read("template.yaml");
    let set: Names = template
        .split(" Variables:\n")
        .skip(1)
        .flat_map(|rest| rest.lines().take_while(|line| line.starts_with("        ")))
        .filter_map(|line| line.trim().split(": ").next())
        .filter(|name| is_variable(name))
        .map(str::to_owned)
        .collect();
    let by_hand: Names = ["LOG_LEVEL".to_owned()].into();
    assert_equal("variables of the template", &set, &read_by_code.difference(&by_hand).cloned().collect());
}

#[test]
fn every_route_is_documented_and_every_documented_one_exists() {
    let description: serde_json::Value = serde_json::from_str(&read("docs/openapi.json")).expect("JSON");
    let routes: Names = description["paths"].as_object().into_iter().flatten().map(|(path, _)| path.clone()).collect();
    let readme = read("README.md");
    let cells = section(&readme, "## The status API");
    let documented: Names = [column(cells, 0), column(cells, 1)]
        .into_iter()
        .flatten()
        .filter_map(|cell| {
            let path = cell.trim_start_matches("GET ").trim_start_matches("POST ");
            path.starts_with('/').then(|| path.split('?').next().unwrap_or_default().to_owned())
        })
        .collect();
    assert_equal("routes", &documented, &routes);
}

#[test]
fn api_codes_equal_the_documented_ones() {
    let code = literals_of(&read("functions/status/src/error.rs"), "fn code(&self)");
    let guide = read("docs/TROUBLESHOOTING_GUIDE.md");
    assert_equal("codes of the API", &column(section(&guide, "## The status API"), 0), &code);
}

#[test]
fn every_code_of_a_failed_run_is_documented() {
    let guide = read("docs/TROUBLESHOOTING_GUIDE.md");
    let documented = column(&guide, 0);
    for path in [
        "functions/scheduler/src/run.rs",
        "shared/src/runs/survey/error.rs",
        "shared/src/clients/sheets/error.rs",
        "shared/src/clients/supabase/error.rs",
    ] {
        let codes = literals_of(&read(path), "pub fn code(&self)");
        // The status of an answer without a code of its own.
        let missing: Vec<_> = codes.iter().filter(|code| !code.contains('{') && !documented.contains(*code)).collect();
        assert!(!codes.is_empty() && missing.is_empty(), "{path}: not in the troubleshooting guide: {missing:?}");
    }
    let code = sources(&["functions", "shared/src", "cli/src"]) + &sql();
    let of_runs = column(section(&guide, "## A run is `failed`"), 0);
    let is_name =
        |code: &&String| code.contains('_') && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let stale: Vec<_> = of_runs
        .iter()
        .filter(is_name)
        .filter(|name| !code.contains(&format!("\"{name}\"")) && !code.contains(&format!("'{name}'")))
        .collect();
    assert!(of_runs.len() > 20 && stale.is_empty(), "no longer there: {stale:?}");
}

fn sql() -> String {
    let files = root().join("migrations").read_dir().expect("the migrations");
    let paths = files.flatten().map(|file| file.path()).filter(|path| path.extension().is_some_and(|it| it == "sql"));
    paths.map(|path| std::fs::read_to_string(path).expect("a migration")).collect()
}

#[test]
fn the_template_refuses_a_sign_in_without_readers() {
    let template = read("template.yaml");
    let rules = entries(&template, "Rules");
    let (_, rule) = rules.iter().find(|(name, _)| name == "ReadersAreNamed").expect("the rule");
    let lines: Vec<&str> = rule.lines().map(str::trim).collect();
    assert!(lines.contains(&r#"RuleCondition: !Not [!Equals [!Ref SupabasePublishableKey, ""]]"#), "{rule}");
    assert!(lines.contains(&r#"- Assert: !Not [!Equals [!Ref ReaderClaim, ""]]"#), "{rule}");
    let parameters = entries(&template, "Parameters");
    let (_, claim) = parameters.iter().find(|(name, _)| name == "ReaderClaim").expect("the parameter");
    assert!(claim.contains("Default: \"\""), "only the people named: {claim}");
}

/// The files and folders of the tree, without what is built or installed.
fn tree() -> Vec<PathBuf> {
    let folders = ["cli", "docs", "functions", "infra", "migrations", "shared", "tests"];
    let mut found: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut at = 0;
    while let Some(path) = found.get(at).cloned() {
        if path.is_dir() && !path.ends_with("node_modules") {
            found.extend(path.read_dir().expect("a folder").flatten().map(|entry| entry.path()));
        }
        at += 1;
    }
    found
}

#[test]
fn tables_name_only_files_and_tests_that_exist() {
    let tree = tree();
    let sources = tree.iter().filter(|path| path.extension().is_some_and(|it| it == "rs"));
    let code: String = sources.map(|path| std::fs::read_to_string(path).expect("a source")).collect();
    let mut missing = Vec::new();
    for page in ["docs/REQUIREMENTS.md", "docs/ARCHITECTURE.md"] {
        let text = read(page);
        for name in (0..4).flat_map(|index| column(&text, index)) {
            let is_test =
                name.matches('_').count() > 2 && name.chars().all(|it| it == '_' || it.is_ascii_alphanumeric());
            let is_path =
                name.contains('/') && name.chars().all(|it| "_-./".contains(it) || it.is_ascii_alphanumeric());
            let exists = match (is_test, is_path) {
                (true, _) => code.contains(&format!("fn {name}(")),
                (_, true) => tree.iter().any(|path| path.ends_with(name.trim_end_matches('/'))),
                _ => true,
            };
            if !exists {
                missing.push(format!("{page}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// A test's name says subject and behaviour in at most so many words (docs/CONTRIBUTING.md).
const MOST_WORDS_OF_A_TEST: usize = 10;

/// Words that no test's name has: there is a plainer one.
const ODD_WORDS: [&str; 13] = [
    "told", "tell", "tells", "somebody", "nobody", "whoever", "anew", "mend", "mends", "mended", "bury", "buries",
    "buried",
];

/// Folders whose tests have older names, with the most that may remain. The number only falls; at zero the line goes.
const OLDER_NAMES: [(&str, usize); 1] = [("migrations/tests", 95)];

/// The names of the tests in a source: functions below `#[test]` or `#[tokio::test…]`.
fn test_names(source: &str) -> Vec<&str> {
    let mut is_test = false;
    let mut names = Vec::new();
    for line in source.lines().map(str::trim_start) {
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let declared = line.split_once("fn ").filter(|(before, _)| ["", "async ", "pub "].contains(before));
        if let Some((_, rest)) = declared.filter(|_| is_test) {
            names.extend(rest.split(['(', '<']).next());
            is_test = false;
        }
    }
    names
}

#[test]
fn test_names_are_short_and_plain() {
    let is_odd = |name: &str| {
        let words: Vec<&str> = name.split('_').collect();
        words.len() > MOST_WORDS_OF_A_TEST || words.iter().any(|word| ODD_WORDS.contains(word))
    };
    let mut older = OLDER_NAMES.map(|(folder, most)| (root().join(folder), most));
    let mut wrong = Vec::new();
    let mut count = 0;
    for path in tree().iter().filter(|path| path.extension().is_some_and(|it| it == "rs")) {
        let source = std::fs::read_to_string(path).expect("a source");
        let names = test_names(&source);
        count += names.len();
        for name in names.into_iter().filter(|name| is_odd(name)) {
            match older.iter_mut().find(|(folder, _)| path.starts_with(folder)) {
                Some((_, left)) if *left > 0 => *left -= 1,
                _ => wrong.push(format!("{}: {name}", path.display())),
            }
        }
    }
    assert!(count > 500, "only {count} tests were found: is the parser broken?");
    assert!(wrong.is_empty(), "at most {MOST_WORDS_OF_A_TEST} words, none of {ODD_WORDS:?}: {wrong:#?}");
}

/// What a parameter's `AllowedPattern` takes, as CloudFormation does it: the whole of the value.
fn allowed(parameter: &str) -> impl Fn(&str) -> bool {
    let parameters = entries(&read("template.yaml"), "Parameters");
    let (_, lines) = parameters.iter().find(|(name, _)| name == parameter).expect("the parameter");
    let pattern = lines.lines().find_map(|line| line.trim().strip_prefix("AllowedPattern: ")).expect("its pattern");
    let whole = regex_lite::Regex::new(&format!("^(?:{})$", pattern.trim_matches('"'))).expect("a pattern");
    move |value| whole.is_match(value)
}

#[test]
fn secret_key_is_sent_over_plain_http_to_localhost_only() {
    let is_allowed = allowed("SupabaseUrl");
    let good = [
        "https://abcdefgh.supabase.co",
        "https://db.example.jp:8443/base",
        "http://127.0.0.1:54321",
        "http://localhost:54321",
        "http://localhost/base",
        "http://127.0.0.1:44455/base",
    ];
    let bad = [
        "",
        "https://",
        "abcdefgh.supabase.co",
        "http://abcdefgh.supabase.co",
        "HTTP://abcdefgh.supabase.co",
        "http://localhost.example.jp",
        "http://127.0.0.1.example.jp",
        "http://127.0.0.10:54321",
        "http://localhost:key@example.jp",
        "http://localhost/@example.jp",
        "https://user:password@abcdefgh.supabase.co",
        "https://abcdefgh.supabase.co/",
        "http://127.0.0.1:54321/",
        "ftp://abcdefgh.supabase.co",
        " https://abcdefgh.supabase.co",
    ];
    for value in good {
        assert!(is_allowed(value), "{value} is refused");
    }
    for value in bad {
        assert!(!is_allowed(value), "{value} is taken");
    }
}

#[test]
fn secrets_are_named_and_not_given() {
    let patterns = read("template.yaml").matches("AllowedPattern: ").count();
    let names = ["SupabaseSecretId", "GoogleSecretId", "TokensSecretId", "JwtSecretId"];
    assert_eq!(patterns, names.len() + 1, "every pattern has a test");
    for name in names {
        let is_allowed = allowed(name);
        for value in ["sheetsync/supabase", "team_a/sheetsync.key@prod", "a"] {
            assert!(is_allowed(value), "{name}: {value} is refused");
        }
        let arn = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:sheetsync/supabase-AbCdEf";
        for value in [arn, "{\"key\":\"sb_secret_x\"}", "two words", "*", "鍵"] {
            assert!(!is_allowed(value), "{name}: {value} is taken");
        }
        assert_eq!(is_allowed(""), name == "JwtSecretId", "{name}: only this one may be left out");
    }
}
