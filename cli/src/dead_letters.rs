//! `sheetsync dead-letters`: lists dead letters with their reasons, and discards those that a redrive cannot help.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sheetsync::queue::Queue;
use sheetsync::redrive::{DeadLetter, Filter, IN_HAND, Scan};

use crate::confirm::confirmed;
use crate::error::CommandError;
use crate::queues::{Batches, DeadLetterQueue};
use crate::terminal::printable;
use crate::terminal::table;

/// Where they are, and what to do.
#[derive(clap::Args)]
pub struct Request {
    #[command(flatten)]
    queue: DeadLetterQueue,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Lists them
    List(Selection),
    /// Shows one of them
    Inspect {
        /// Its message id, as `list` shows it
        message: String,
        /// Also what it carries: rows of your sheet
        #[arg(long)]
        body: bool,
    },
    /// Writes them to a file that only you can read, one JSON object a line
    Export {
        /// The file; it must not exist
        file: PathBuf,
        #[command(flatten)]
        selection: Selection,
    },
    /// Removes them from the queue permanently
    Discard {
        #[command(flatten)]
        selection: Selection,
        /// All of them
        #[arg(long)]
        all: bool,
        /// First writes them to this file, as `export` does
        #[arg(long)]
        export: Option<PathBuf>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Which dead letters; all, if nothing is said.
#[derive(clap::Args, Default)]
struct Selection {
    #[command(flatten)]
    batches: Batches,
    /// Only those that are no batch
    #[arg(long)]
    malformed: bool,
    /// Only those with these message ids
    #[arg(long)]
    message: Vec<String>,
}

impl Selection {
    fn takes(&self, letter: &DeadLetter, now: Timestamp) -> bool {
        letter.matches(&self.batches.filter(), now)
            && (!self.malformed || letter.batch.is_err())
            && (self.message.is_empty() || self.message.contains(&letter.message.id))
    }

    fn is_everything(&self) -> bool {
        self.batches.filter() == Filter::default() && !self.malformed && self.message.is_empty()
    }
}

/// Lists, inspects, exports or discards dead letters.
pub async fn run(request: &Request) -> Result<ExitCode, CommandError> {
    let queue = request.queue.connect().await;
    match &request.action {
        Action::List(selection) => list(&queue, selection).await,
        Action::Inspect { message, body } => inspect(&queue, message, *body).await,
        Action::Export { file, selection } => {
            let letters = find(&queue, selection).await?;
            export(file, &letters)?;
            println!("{} dead letters are in {}; they are still in the queue", letters.len(), file.display());
            Ok(ExitCode::SUCCESS)
        }
        Action::Discard { selection, all, export: file, yes } => {
            if selection.is_everything() && !all {
                return Err(CommandError::NothingSelected);
            }
            discard(&queue, selection, file.as_deref(), *yes).await
        }
    }
}

async fn list(queue: &Queue, selection: &Selection) -> Result<ExitCode, CommandError> {
    let letters = find(queue, selection).await?;
    if letters.is_empty() {
        println!("no dead letters");
        return Ok(ExitCode::SUCCESS);
    }
    let now = Timestamp::now();
    let mut table = table(["MESSAGE", "SYNC", "RUN", "KIND", "ROWS", "AGE", "REASON"]);
    for letter in &letters {
        let batch = letter.batch.as_ref().ok();
        let of_batch = |text: fn(&sheetsync::batch::Incoming) -> String| batch.map_or_else(|| "-".to_owned(), text);
        table.add_row([
            letter.message.id.clone(),
            of_batch(|batch| printable(&batch.sync)),
            of_batch(|batch| batch.run.to_string()),
            of_batch(|batch| format!("{:?}", batch.kind).to_lowercase()),
            of_batch(|batch| batch.rows.to_string()),
            age(letter, now),
            printable(&letter.reason()),
        ]);
    }
    println!("{table}");
    println!("{} dead letters", letters.len());
    Ok(ExitCode::SUCCESS)
}

async fn inspect(queue: &Queue, message: &str, body: bool) -> Result<ExitCode, CommandError> {
    let selection = Selection { message: vec![message.to_owned()], ..Selection::default() };
    let letters = find(queue, &selection).await?;
    let Some(letter) = letters.first() else { return Err(CommandError::NoSuchMessage(message.to_owned())) };
    println!("message   {}", letter.message.id);
    println!("reason    {}", printable(&letter.reason()));
    println!("age       {}", age(letter, Timestamp::now()));
    println!("receives  {}", letter.message.receives);
    println!("bytes     {}", letter.message.body.len());
    if let Ok(batch) = &letter.batch {
        println!("sync      {}", printable(&batch.sync));
        println!("run       {} (number {} of the sync)", batch.run, batch.seq);
        println!(
            "batch     {:?} {} with {} rows or keys, sent {}",
            batch.kind, batch.stretch, batch.rows, batch.sent_at
        );
    }
    if body {
        println!("{}", printable(&letter.message.body));
    }
    Ok(ExitCode::SUCCESS)
}

/// Looks at all of them, so that what is shown is what is acted on, and lets them go again.
async fn find(queue: &Queue, selection: &Selection) -> Result<Vec<DeadLetter>, CommandError> {
    let now = Timestamp::now();
    let mut scan = Scan::of(queue);
    let mut found = Vec::new();
    while let Some(letter) = scan.next().await? {
        if selection.takes(&letter, now) {
            found.push(DeadLetter::of(letter.message.clone()));
        }
        scan.leave(letter);
    }
    scan.finish().await;
    Ok(found)
}

async fn discard(
    queue: &Queue,
    selection: &Selection,
    file: Option<&Path>,
    yes: bool,
) -> Result<ExitCode, CommandError> {
    let found = find(queue, selection).await?.len();
    if found == 0 {
        println!("no dead letters");
        return Ok(ExitCode::SUCCESS);
    }
    if !confirmed(&format!("discard {found} dead letters for good?"), yes)? {
        println!("nothing is discarded");
        return Ok(ExitCode::FAILURE);
    }
    let now = Timestamp::now();
    let mut scan = Scan::of(queue);
    let mut chosen = Vec::new();
    while let Some(letter) = scan.next().await? {
        if selection.takes(&letter, now) {
            chosen.push(letter);
        } else {
            scan.leave(letter);
        }
    }
    // Everything is on the disk before anything is gone.
    if let Some(file) = file {
        export(file, &chosen)?;
    }
    for letter in &chosen {
        scan.remove(letter).await?;
    }
    scan.finish().await;
    println!("{} dead letters discarded", chosen.len());
    if chosen.len() != found {
        println!(
            "{found} were found before; another command or the scheduler has received the others, for up to {IN_HAND:?}"
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn export(file: &Path, letters: &[DeadLetter]) -> Result<(), CommandError> {
    let failed = |error| CommandError::Export(file.to_owned(), error);
    // They hold rows of the sheet.
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(failed)?;
    let mut out = BufWriter::new(opened);
    for letter in letters {
        let message = &letter.message;
        let line = json!({
            "message": message.id, "reason": letter.reason(), "sentAt": message.sent_at,
            "receives": message.receives, "body": message.body,
        });
        writeln!(out, "{line}").map_err(failed)?;
    }
    out.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)
}

fn age(letter: &DeadLetter, now: Timestamp) -> String {
    let seconds = SignedDuration::from_secs(letter.age(now).as_secs().try_into().unwrap_or(i64::MAX));
    format!("{seconds:#}")
}
