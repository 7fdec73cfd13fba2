//! `sheets-server`: serves CSV and XLSX files as Google Sheets on 127.0.0.1 until it is interrupted.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use sheets_server::{DocumentSpec, Options, SheetsServer};

/// A local Google Sheets API v4 over CSV and XLSX files
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A spreadsheet: ID=FILE.csv, ID=FILE.csv:TAB TITLE or ID=FILE.xlsx; may be repeated
    #[arg(long = "document", value_name = "ID=FILE", value_parser = document)]
    documents: Vec<(String, DocumentSpec)>,
    /// Take CSV text as if a person had typed it: dates, booleans and 1,234 become values
    #[arg(long)]
    typed: bool,
    /// Write the service account's key file here
    #[arg(long, value_name = "FILE")]
    service_account_out: Option<PathBuf>,
}

fn document(argument: &str) -> Result<(String, DocumentSpec), String> {
    let (id, file) = argument.split_once('=').ok_or("expected ID=FILE.csv[:TAB TITLE] or ID=FILE.xlsx")?;
    if let Some((path, title)) = file.rsplit_once(".csv:") {
        return Ok((id.to_owned(), DocumentSpec::csv(format!("{path}.csv"), Some(title.to_owned()))));
    }
    let spec = match file.rsplit_once('.').map(|(_, extension)| extension) {
        Some("csv") => DocumentSpec::csv(file, None),
        Some("xlsx") => DocumentSpec::xlsx(file),
        _ => return Err(format!("{file}: expected a file named .csv or .xlsx")),
    };
    Ok((id.to_owned(), spec))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = Arguments::parse();
    let tabs = arguments.documents.iter_mut().flat_map(|(_, spec)| &mut spec.tabs);
    tabs.for_each(|tab| tab.typed = arguments.typed);
    let server = SheetsServer::start(Options { port: arguments.port, documents: arguments.documents }).await?;
    if let Some(path) = &arguments.service_account_out {
        write_secret(path, server.service_account_key())
            .with_context(|| format!("cannot write the key file {}", path.display()))?;
    }
    // One line for the parent process: the server is ready.
    println!(
        "{}",
        serde_json::json!({
            "baseUrl": server.base_url(),
            "port": server.address().port(),
            "serviceAccount": server.service_account_email(),
            "serviceAccountFile": arguments.service_account_out,
        })
    );
    interrupted().await?;
    server.stop().await;
    Ok(())
}

/// Only the owner may read a key.
fn write_secret(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

async fn interrupted() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}
