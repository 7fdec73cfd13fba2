//! What the server acts on: documents, accounts, faults, quotas, counters.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::document::Document;
use crate::edit::Edit;
use crate::faults::{Faults, Quotas};
use crate::oauth::Accounts;

/// How often a method was called.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Count {
    /// Calls that arrived, also those that a fault answered.
    pub total: u64,
    /// Calls that were answered with success.
    pub ok: u64,
}

/// An edit that waits for reads of its document.
#[derive(Debug)]
pub(crate) struct PlannedEdit {
    pub document: String,
    pub reads_left: u32,
    pub edits: Vec<Edit>,
}

/// All state of the server, behind one lock that is never held across an await.
#[derive(Debug)]
pub(crate) struct World {
    pub documents: HashMap<String, Document>,
    pub accounts: Accounts,
    /// The account whose key the server hands out, and that documents are shared with by default.
    pub first_account: String,
    pub faults: Faults,
    pub quotas: Quotas,
    pub planned_edits: Vec<PlannedEdit>,
    /// Document → method → count; the token endpoint counts under the empty id.
    pub counts: BTreeMap<String, BTreeMap<&'static str, Count>>,
}

/// The world, shared by all requests.
#[derive(Debug, Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    /// A panic in one request must not end all others, so a poisoned lock is taken as it is.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
