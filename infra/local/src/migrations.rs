//! Applies the SQL files of `migrations/`, in the order of their numbers. Each is safe to run again.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::postgres::connect;

/// Brings the database up to date; gives the number of files.
pub async fn apply(database_url: &str, folder: &Path) -> Result<usize> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".sql") && !name.ends_with(".down.sql")
        })
        .collect();
    files.sort();
    let client = connect(database_url).await?;
    for file in &files {
        let sql = fs::read_to_string(file)?;
        client.batch_execute(&sql).await.map_err(|error| match error.as_db_error() {
            Some(refusal) => anyhow::anyhow!("{}: {} ({:?})", file.display(), refusal, refusal.position()),
            None => anyhow::Error::new(error).context(format!("cannot apply {}", file.display())),
        })?;
    }
    Ok(files.len())
}
