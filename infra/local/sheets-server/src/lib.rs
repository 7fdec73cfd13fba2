//! A local server that speaks Google Sheets API v4, Drive's `files.get` and Google's OAuth token endpoint,
//! over documents loaded from CSV and XLSX files. Google's own clients work against it. It is for tests and
//! for running Sheetsync on one machine; it calculates no formulas and knows no formatting.
//!
//! How a request passes through it:
//!
//! ```text
//! server.rs   count → fault → body → credential (oauth.rs) → quota (faults.rs) → permission → method
//! world.rs      what it acts on
//! call.rs       which method an address means
//! values.rs · spreadsheets.rs · structure.rs · drive.rs        the methods
//! document.rs · a1.rs      a spreadsheet, and which cells a range means
//! grid.rs · cell.rs        packed rows: ten million cells in some hundred megabytes
//! entry.rs · render.rs     text → cell, cell → JSON; serial.rs: days and times as numbers
//! load.rs · spec.rs        CSV, XLSX and inline rows
//! control.rs · edit.rs     what tests order: documents, edits, faults, counters (see README.md)
//! ```

mod a1;
mod call;
mod cell;
mod control;
mod document;
mod drive;
mod edit;
mod entry;
mod error;
mod faults;
mod fields;
mod grid;
mod load;
mod named;
mod oauth;
mod pattern;
mod render;
mod serial;
mod server;
mod spec;
mod spreadsheets;
mod structure;
mod values;
mod world;

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use load::LoadError;
pub use oauth::KeyError;
pub use spec::{DocumentSpec, NamedRangeSpec, Sharing, TabSpec};

use oauth::Accounts;
use world::{Shared, World};

/// What to serve, and where.
#[derive(Debug, Default)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The documents to begin with, by id. More can be loaded through the control endpoint.
    pub documents: Vec<(String, DocumentSpec)>,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken or not allowed.
    #[error("port {port} of 127.0.0.1 cannot be used: {cause}; choose another, or 0 for a free one")]
    Port {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A document cannot be loaded.
    #[error("the document {id:?} cannot be loaded: {cause}")]
    Document {
        /// Its id.
        id: String,
        /// What is wrong with it.
        cause: LoadError,
    },
    /// No key pair.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The server; [`SheetsServer::start`] is all it does.
#[derive(Debug)]
pub struct SheetsServer;

impl SheetsServer {
    /// Loads the documents and serves them on 127.0.0.1, in the current tokio runtime, until the handle is
    /// stopped or dropped.
    pub async fn start(options: Options) -> Result<Handle, StartError> {
        let failed = |cause| StartError::Port { port: options.port, cause };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let base_url = format!("http://{address}");
        let mut accounts = Accounts::new(&base_url);
        let first_account = accounts.create("sheetsync")?;
        let key_file = accounts.by_email[&first_account].key_file.to_string();
        let mut world = World {
            documents: HashMap::new(),
            accounts,
            first_account: first_account.clone(),
            faults: faults::Faults::default(),
            quotas: faults::Quotas::default(),
            planned_edits: Vec::new(),
            counts: BTreeMap::new(),
        };
        for (id, spec) in options.documents {
            let sharing = spec.shared;
            let document = spec.load(&id).map_err(|cause| StartError::Document { id: id.clone(), cause })?;
            world.put_document(id, document, sharing);
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = axum::serve(listener, server::router(Shared::new(world))).with_graceful_shutdown(async {
            // An error means that the handle is gone, which ends the server as well.
            let _ = stopped.await;
        });
        let task = tokio::spawn(async move {
            if let Err(error) = serving.await {
                eprintln!("the Sheets server ended: {error}");
            }
        });
        Ok(Handle { address, base_url, service_account_email: first_account, key_file, stop: Some(stop), task })
    }
}

/// A running server. It ends when this is dropped.
#[derive(Debug)]
pub struct Handle {
    address: SocketAddr,
    base_url: String,
    service_account_email: String,
    key_file: String,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Handle {
    /// `http://127.0.0.1:PORT`: the base of Sheets, Drive, the token endpoint and `/_control`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address that documents are shared with by default.
    pub fn service_account_email(&self) -> &str {
        &self.service_account_email
    }

    /// The content of the service account's key file, as downloaded from Google Cloud's console.
    pub fn service_account_key(&self) -> &str {
        &self.key_file
    }

    /// Finishes the requests at work and ends.
    pub async fn stop(mut self) {
        self.stop.take();
        // It can only fail by having been aborted, which is an end as well.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}
