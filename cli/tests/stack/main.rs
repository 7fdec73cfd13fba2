//! The command against the deployed functions, as a person at a terminal uses it: what it prints, what it asks, what it exits
//! with, and what has then become of the sync.

mod adoption;
mod alone;
mod deletes;
mod plans;
mod runs;
mod terminal;

use std::process::{Command, Output, Stdio};

use regex_lite::Regex;
use sheetsync_tests::Sync;

/// The command, for a sync of a test's own.
struct Sheetsync<'a>(&'a Sync);

impl Sheetsync<'_> {
    /// The command with these arguments; `SYNC` stands for the sync's name. It has no terminal.
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sheetsync"));
        // The rest of what it needs is in the environment of `make test`, as `. .local/env` would put it there.
        command
            .args(line.split(' ').map(|word| if word == "SYNC" { &self.0.name } else { word }))
            .env("SHEETSYNC_DEFINITION", self.0.definition())
            .env("SHEETSYNC_TOKEN", &self.0.aws.operator_token)
            .env("USER", "tester")
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    fn run(&self, line: &str) -> String {
        let output = self.command(line).output().expect("the command runs");
        self.shown(line, &output)
    }

    /// Runs it at a terminal and answers its question.
    fn run_answering(&self, line: &str, answer: &str) -> String {
        let output = terminal::run(self.command(line), answer).expect("the command runs at a terminal");
        self.shown(line, &output)
    }

    /// What was to be seen, without what is different each time.
    fn shown(&self, line: &str, output: &Output) -> String {
        let code = output.status.code().map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let seen = format!("$ sheetsync {line}\n{out}{err}exit {code}\n").replace(&self.0.name, "SYNC");
        let seen = seen.replace(&self.0.table, "TABLE");
        let changing = [
            (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"),
            (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:\d\d)?)", "TIME"),
            (r"\[-?\d+,-?\d+\)", "STRETCH"),
            (r"127\.0\.0\.1:\d+", "HOST"),
            // Either of two letters may come first, and a time may end in zeros, which are left out.
            (r"number \d+ of", "number N of"),
            (r"bytes +\d+", "bytes  N"),
            // Other tests have dead letters too.
            (r"\d+ are in the dead-letter queue", "N are in the dead-letter queue"),
            (r" \d+m?s( |\n)", " AGE$1"),
            // The breaker remembers what other tests did to it.
            (r"(since|tried again at|recent failures|opened by) .*", "$1  …"),
            // Columns are as wide as what changes in them.
            (r"(\S) {2,}", "$1  "),
            (r" +\n", "\n"),
        ];
        changing.iter().fold(seen, |seen, (pattern, name)| {
            Regex::new(pattern).expect("a pattern").replace_all(&seen, *name).into_owned()
        })
    }
}
