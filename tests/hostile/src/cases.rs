//! Known failing cases: kept as JSON with their origin, and replayed first in every test run.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::world::World;

/// A case in a file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Case {
    /// Which invariant it broke, and how.
    pub broke: String,
    /// The seed and the number of the world that it was made small from.
    pub from: Option<(u64, u64)>,
    /// The world.
    pub world: World,
}

/// The folder of the cases.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// All cases, by the names of their files.
///
/// # Panics
/// When a file cannot be read.
#[must_use]
pub fn all() -> Vec<(String, Case)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), case)
        })
        .collect()
}

/// Writes a case into `folder`; the name of its file.
///
/// # Errors
/// When it cannot be written.
pub fn write(folder: &Path, world: &World, fault: &Fault, from: Option<(u64, u64)>) -> std::io::Result<PathBuf> {
    let case = Case { broke: fault.to_string(), from, world: world.clone() };
    let text = serde_json::to_string_pretty(&case)?;
    let content = serde_json::to_string(world)?;
    let path = folder.join(format!("{}-{:08x}.json", fault.invariant.name(), hash(&content)));
    std::fs::create_dir_all(folder)?;
    std::fs::write(&path, text + "\n")?;
    Ok(path)
}

/// A short hash for file names (FNV-1a).
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
