//! `sheetsync circuit`: shows the breaker between the workers and Supabase, and sets it. It goes to DynamoDB directly, so it
//! works while Supabase and the API are down, which is when it is needed.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use sheetsync::breaker::store::destination;
use sheetsync::breaker::{Item, Mode, Rule, SharedItem as _, State, Store};
use sheetsync::clock::Millis;

use crate::confirm::{confirmed, who};
use crate::error::CommandError;
use crate::terminal::list;
use crate::terminal::printable;

/// Which breaker, and what to do with it.
#[derive(Args)]
pub struct Request {
    /// The table that holds it (output ControlTable of the stack)
    #[arg(long, env = "CONTROL_TABLE")]
    control_table: String,
    /// The destination's URL
    #[arg(long, env = "SUPABASE_URL")]
    supabase_url: String,
    #[command(subcommand)]
    command: Option<CircuitCommand>,
}

#[derive(Subcommand)]
enum CircuitCommand {
    /// Shows it (the default)
    Show,
    /// Opens it: no batch is posted and no run begins until it is closed or set to automatic; nothing is lost
    Open(Reason),
    /// Closes it: every batch is posted, whatever comes of it
    Close(Reason),
    /// Lets it decide by itself again
    Auto(Reason),
}

#[derive(Args)]
struct Reason {
    /// The reason; shown beside the circuit's state
    #[arg(long)]
    why: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Shows or sets the breaker; exits with 1 when calls are refused.
pub async fn run(request: &Request) -> Result<ExitCode, CommandError> {
    let aws = aws_config::load_from_env().await;
    let name = destination(&request.supabase_url);
    let store = Store::new(&aws_sdk_dynamodb::Client::new(&aws), request.control_table.clone(), name.clone());
    let (mode, reason, question) = match &request.command {
        None | Some(CircuitCommand::Show) => return Ok(show(&name, &store.read().await?)),
        Some(CircuitCommand::Open(reason)) => (Mode::ForceOpen, reason, "post nothing until further notice?"),
        Some(CircuitCommand::Close(reason)) => (Mode::ForceClosed, reason, "post everything, even if all of it fails?"),
        Some(CircuitCommand::Auto(reason)) => (Mode::Auto, reason, "let the breaker decide by itself?"),
    };
    if !confirmed(question, reason.yes)? {
        println!("nothing is changed");
        return Ok(ExitCode::FAILURE);
    }
    let item = store.force(mode, &who(), &reason.why).await?;
    show(&name, &item);
    Ok(ExitCode::SUCCESS)
}

fn show(destination: &str, item: &Item) -> ExitCode {
    let now = Millis::from(Timestamp::now());
    let refuses = item.refuses_until(now, &Rule::default());
    let state = match item.state() {
        State::Closed => "closed: batches are posted",
        State::Open => "open: batches wait",
        State::HalfOpen => "half-open: one worker tries whether the destination is back",
    };
    let mode = match item.mode() {
        Mode::Auto => "auto",
        Mode::ForceOpen => "forced open: batches wait, and no run begins",
        Mode::ForceClosed => "forced closed: every batch is posted",
    };
    let time = |at: Option<Millis>| at.map(|at| format!("{:.0}", Timestamp::from(at)));
    let command = item
        .command
        .as_ref()
        .map(|command| printable(&format!("{} ({}, {:.0})", command.why, command.by, Timestamp::from(command.at))));
    let lines = [
        ("destination", Some(destination.to_owned())),
        ("state", Some(state.to_owned())),
        ("mode", Some(mode.to_owned())),
        ("since", time(item.since())),
        ("tried again at", time(item.until())),
        ("recent failures", Some(item.failures(now, &Rule::default()).to_string())),
        ("opened by", item.why().map(printable)),
        ("ordered", command),
    ];
    let mut table = list();
    for (name, value) in lines {
        table.add_row([name, value.as_deref().unwrap_or("-")]);
    }
    println!("{table}");
    if refuses.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
