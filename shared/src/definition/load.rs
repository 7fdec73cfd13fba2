//! Reads definition files and checks what they say. What they may say is [`super::sync`].

use std::path::{Path, PathBuf};

use super::sync::{Definition, Sync};
use super::{check, read};

/// Why a definition cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// The file cannot be read.
    #[error("cannot read the definition {}: {source}; set SHEETSYNC_DEFINITION to the path of sheetsync.toml", path.display())]
    Unreadable {
        /// The file of the definition.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// It is not the TOML that was expected.
    #[error("{}: {}", path.display(), problems.join("; "))]
    Malformed {
        /// The file of the definition.
        path: PathBuf,
        /// Everything that is wrong, each with line and column.
        problems: Vec<String>,
    },
    /// It says things that cannot be.
    #[error("{}: {}", path.display(), problems.join("; "))]
    Invalid {
        /// The file of the definition.
        path: PathBuf,
        /// Everything that is wrong, each naming the sync.
        problems: Vec<String>,
    },
    /// There is no such sync.
    #[error("there is no sync {name:?} in {}; it defines {}", path.display(), known.join(", "))]
    UnknownSync {
        /// What was asked for.
        name: String,
        /// The file of the definition.
        path: PathBuf,
        /// What there is.
        known: Vec<String>,
    },
}

impl DefinitionError {
    /// Its lines: the file and everything that is wrong with it, one a line.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Malformed { path, problems } | Self::Invalid { path, problems } => {
                problems.iter().map(|problem| format!("{}: {problem}", path.display())).collect()
            }
            other => vec![other.to_string()],
        }
    }
}

impl Definition {
    /// Reads and checks the definition at `path`. When `path` is a directory, only the file `NAME.toml` for the `sync` that
    /// is asked for is read (or every file, when none is asked for), so that one broken file stops one sync.
    ///
    /// # Errors
    /// When a file cannot be read, parsed or used, or does not define the sync that is asked for.
    pub fn load(path: &Path, sync: Option<&str>) -> Result<Self, DefinitionError> {
        let definition = match (path.is_dir(), sync) {
            (false, _) => Self::read(path)?,
            (true, Some(name)) if check::is_name(name) => Self::read(&path.join(format!("{name}.toml")))?,
            (true, _) => Self::read_directory(path)?,
        };
        if let Some(name) = sync {
            definition.position(path, name)?;
        }
        Ok(definition)
    }

    /// The sync `name` of the definition at `path`, which is read as [`Self::load`] reads it.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_sync(path: &Path, name: &str) -> Result<Sync, DefinitionError> {
        let mut definition = Self::load(path, Some(name))?;
        let position = definition.position(path, name)?;
        Ok(definition.syncs.swap_remove(position))
    }

    fn position(&self, path: &Path, name: &str) -> Result<usize, DefinitionError> {
        self.syncs.iter().position(|sync| sync.name == name).ok_or_else(|| DefinitionError::UnknownSync {
            name: name.to_owned(),
            path: path.to_owned(),
            known: self.syncs.iter().map(|sync| sync.name.clone()).collect(),
        })
    }

    fn read_directory(path: &Path) -> Result<Self, DefinitionError> {
        let unreadable = |source| DefinitionError::Unreadable { path: path.to_owned(), source };
        let mut files = std::fs::read_dir(path)
            .map_err(unreadable)?
            .map(|entry| entry.map(|entry| entry.path()).map_err(unreadable))
            .collect::<Result<Vec<_>, _>>()?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
        let mut syncs = Vec::new();
        for file in files {
            syncs.extend(Self::read(&file)?.syncs);
        }
        Ok(Self { syncs })
    }

    fn read(path: &Path) -> Result<Self, DefinitionError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| DefinitionError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// Parses and checks the text of a definition; `path` is only for its errors.
    ///
    /// # Errors
    /// When the text is not TOML of the expected shape, or says things that cannot be.
    pub fn parse(path: &Path, text: &str) -> Result<Self, DefinitionError> {
        let definition: Self =
            read::read(text).map_err(|problems| DefinitionError::Malformed { path: path.to_owned(), problems })?;
        let problems = check::problems(&definition);
        if problems.is_empty() {
            Ok(definition)
        } else {
            Err(DefinitionError::Invalid { path: path.to_owned(), problems })
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::definition::{Adopt, DeletePolicy, Duplicates, Mode, OnConflict, OnDelete};

    pub(in crate::definition) const SOUND: &str = r#"
[[sync]]
name = "listings"
spreadsheet = "1AbC"
tab = "物件一覧"
table = "property_listings"
key = ["listing_no"]
every = "5m"

[[sync.columns]]
header = "物件番号"
column = "listing_no"
"#;

    pub(in crate::definition) fn parse(text: &str) -> Result<Definition, DefinitionError> {
        Definition::parse(Path::new("sheetsync.toml"), text)
    }

    #[test]
    fn what_is_not_said_has_the_documented_default() {
        let definition = parse(SOUND).unwrap();
        let sync = &definition.syncs[0];
        assert_eq!((sync.header_row, sync.batch_rows), (None, 500));
        assert_eq!((sync.every, sync.stall_after), (Some(Duration::from_secs(300)), Duration::from_secs(900)));
        assert_eq!(
            (sync.duplicates, sync.mode, sync.on_conflict),
            (Duplicates::Reject, Mode::Upsert, OnConflict::Sheet)
        );
        assert_eq!(sync.on_delete, OnDelete::default());
        assert_eq!(sync.on_delete.policy, DeletePolicy::Ignore);
        assert_eq!((sync.confirm_deletes, sync.adopt, sync.precedence), (2, Adopt::Ask, 0));
        assert_eq!((sync.rename_by.as_slice(), sync.renamed_from.as_deref()), (&[] as &[String], None));
    }

    #[test]
    fn mapping_version_changes_with_the_columns_only() {
        let version = |text: &str| parse(text).unwrap().syncs[0].mapping_version();
        assert_eq!(version(SOUND), version(&SOUND.replace("5m", "1h").replace("1AbC", "2DeF")));
        let others = "every = \"5m\"\non_missing = \"respect\"\nconfirm_deletes = 3\nadopt = \"sheet\"\nprecedence = -1\nrenamed_from = \"lists\"";
        assert_eq!(version(SOUND), version(&SOUND.replace("every = \"5m\"", others)));
        assert_ne!(version(SOUND), version(&SOUND.replace("物件番号", "番号")));
        assert_ne!(version(SOUND), version(&format!("{SOUND}max_length = 20\n")));
    }

    #[test]
    fn a_registration_looks_as_the_protocol_says() {
        let more = "on_missing = \"respect\"\nreconcile_every = \"5m\"\nverify_every = \"0s\"\nconfirm_deletes = 3\nadopt = \"database\"\nprecedence = 1\nrename_by = [\"slug\"]\nrenamed_from = \"lists\"";
        let slug = "\n[[sync.columns]]\nheader = \"slug\"\ncolumn = \"slug\"\nauthority = \"sheet\"\n";
        let text = format!("{}{slug}", SOUND.replace("every = \"5m\"", more));
        let mut registration = parse(&text).unwrap().syncs[0].registration();
        registration["mappingVersion"] = "0".into();
        assert_eq!(
            registration,
            serde_json::json!({
                "table": "property_listings", "keyColumns": ["listing_no"], "mappingVersion": "0", "mode": "upsert",
                "onConflict": "sheet",
                "columns": [
                    {"name": "listing_no", "authority": "merge", "type": "text", "header": "物件番号"},
                    {"name": "slug", "authority": "sheet", "type": "text", "header": "slug"},
                ],
                "confirmDeletes": 3, "adopt": "database", "precedence": 1, "renameBy": ["slug"], "renamedFrom": "lists", "onMissing": "respect",
                "reconcileSeconds": 300, "verifySeconds": 0,
                "deletes": {"policy": "ignore", "column": null, "guardRows": 10, "guardPercent": 15},
            })
        );
        let local =
            "\n[[sync.columns]]\nheader = \"seen\"\ncolumn = \"seen\"\ntype = \"timestamp\"\ntime_zone = \"none\"\n";
        let local = parse(&format!("{SOUND}{local}")).unwrap().syncs[0].registration();
        assert_eq!(
            local["columns"][1],
            serde_json::json!({"name": "seen", "authority": "merge", "type": "timestamp", "header": "seen", "timeZone": "none"})
        );
        let plain = parse(SOUND).unwrap().syncs[0].registration();
        assert_eq!((&plain["renameBy"], &plain["renamedFrom"]), (&serde_json::json!([]), &serde_json::Value::Null));
    }

    #[test]
    fn broken_file_in_a_folder_stops_its_own_sync_only() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("listings.toml"), SOUND).unwrap();
        std::fs::write(folder.path().join("broken.toml"), "[[sync]").unwrap();
        assert!(Definition::load(folder.path(), Some("listings")).is_ok());
        let malformed = Definition::load(folder.path(), Some("broken")).unwrap_err();
        assert!(matches!(malformed, DefinitionError::Malformed { .. }), "{malformed}");
        let unreadable = Definition::load(folder.path(), Some("nowhere")).unwrap_err();
        assert!(matches!(unreadable, DefinitionError::Unreadable { .. }), "{unreadable}");
    }

    #[test]
    fn unknown_sync_is_reported_with_the_defined_ones() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sheetsync.toml");
        std::fs::write(&file, SOUND).unwrap();
        let error = Definition::load(&file, Some("lists")).unwrap_err().to_string();
        assert!(error.contains("\"lists\"") && error.contains("listings"), "{error}");
    }

    #[test]
    fn the_guard_is_the_larger_of_rows_and_percent() {
        let rules = OnDelete::default();
        assert_eq!([0, 20, 67, 1000].map(|present| rules.guard(present)), [10, 10, 10, 150]);
    }
}
