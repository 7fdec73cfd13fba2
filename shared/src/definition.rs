//! What is synced, and how: `sheetsync.toml`, parsed and checked before anything is read. The rules of one column are
//! [`crate::mapping::Column`]; this file is about everything around them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::hash::MappingVersion;
use crate::mapping::Column;
use crate::overdue::DEFAULT_STALL_AFTER;

mod check;
mod duration_text;
mod read;
#[cfg(feature = "schema")]
mod schema;

#[cfg(feature = "schema")]
pub use schema::json_schema;

/// Raised when the meaning of a mapping rule changes, so that every row is mapped and sent anew.
const MAPPING_RULES: u32 = 2;

/// A definition file.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The syncs of the file.
    #[serde(rename = "sync")]
    pub syncs: Vec<Sync>,
}

/// One tab of one spreadsheet that must stay equal to one table.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// Its name, in logs, URLs and tables.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[a-z][a-z0-9_-]{0,62}$")))]
    pub name: String,
    /// The spreadsheet's id: what stands between `/d/` and `/edit` in its address.
    pub spreadsheet: String,
    /// The tab by its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tab: Option<String>,
    /// The tab by its id (`gid` in the address); survives a rename.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tab_id: Option<i64>,
    /// The cells that are read, such as `A3:CV`, or the name of a named range; without it, the whole tab. A named range
    /// knows its tab, so `tab` is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// The row of the tab that holds the headers, counted from 1; if not given, the first that is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub header_row: Option<u32>,
    /// The table, in the schema `public`.
    pub table: String,
    /// The columns of the table that identify a row.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub key: Vec<String>,
    /// What becomes of rows that share a key.
    #[serde(default)]
    pub duplicates: Duplicates,
    /// How often a scheduled run starts; without it, runs start only when asked for.
    #[serde(default, with = "duration_text::optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub every: Option<Duration>,
    /// Which rows may be written.
    #[serde(default)]
    pub mode: Mode,
    /// Whose value stays when sheet and database changed the same value to different ones.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// The most rows of a batch.
    #[serde(default = "default_batch_rows")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10_000)))]
    pub batch_rows: usize,
    /// A run that made no progress for so long is superseded by the next.
    #[serde(default = "default_stall_after", with = "duration_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub stall_after: Duration,
    /// What becomes of a row that is gone from the sheet.
    #[serde(default)]
    pub on_delete: OnDelete,
    /// In how many complete reads in a row a key must be missing before its row is deleted, the first of them at least a
    /// minute before the last; 1 deletes at once.
    #[serde(default = "default_confirm_deletes")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10)))]
    pub confirm_deletes: u32,
    /// What happens to rows that the table has already, that differ from the sheet and that this sync never wrote.
    #[serde(default)]
    pub adopt: Adopt,
    /// Of two syncs that feed the same key of one table, the one with the higher precedence feeds it, and the other skips
    /// the row. With equal precedence the row of the later one is rejected.
    #[serde(default)]
    pub precedence: i32,
    /// Columns of the table, unique there: a new key whose row has the same values in them as a row whose key is gone is
    /// that row, renamed; it keeps the columns that the database owns.
    #[serde(default)]
    pub rename_by: Vec<String>,
    /// What happens to a row that this sync wrote and that the table no longer has, while the sheet has it.
    #[serde(default)]
    pub on_missing: OnMissing,
    /// How often the columns that the sheet owns are compared with the table, value by value. Keys are compared by every run.
    #[serde(default = "default_reconcile_every", with = "duration_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub reconcile_every: Duration,
    /// How often a scheduled run compares sheet and table in full, as `sheetsync verify` does; `"0s"` switches it off.
    #[serde(default = "default_verify_every", with = "duration_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub verify_every: Duration,
    /// The former name of this sync: what the database remembers under it is carried over by the first run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[a-z][a-z0-9_-]{0,62}$")))]
    pub renamed_from: Option<String>,
    /// The columns that are synced.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub columns: Vec<Column>,
}

/// What becomes of rows that share a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// All of them are rejected, each with the others' row numbers.
    #[default]
    Reject,
    /// The first is used, the others are skipped.
    First,
    /// The last is used, the others are skipped.
    Last,
}

/// Which rows may be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// New rows are inserted, known rows updated.
    #[default]
    Upsert,
    /// Rows that the table has are left alone.
    InsertOnly,
    /// Rows that the table lacks are left out.
    UpdateOnly,
}

/// Whose value stays in a conflict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// The sheet's value is written.
    #[default]
    Sheet,
    /// The database's value stays.
    Database,
}

/// What happens to rows that the table has already and that differ from the sheet, when this sync writes them for the
/// first time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Adopt {
    /// They are left as they are until a person has decided.
    #[default]
    Ask,
    /// The sheet's values are written.
    Sheet,
    /// The table's values stay; later edits of the sheet are written.
    Database,
}

/// What happens to a row that the sync wrote, that the sheet has and that the table no longer has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum OnMissing {
    /// It is inserted again.
    #[default]
    Restore,
    /// The deletion stands, and the row is listed as long as the sheet has it.
    Respect,
}

/// What becomes of a row that is gone from the sheet.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OnDelete {
    /// Ignore, soft or hard.
    #[serde(default)]
    pub policy: DeletePolicy,
    /// The timestamp column that a soft delete sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// So many rows may always go.
    #[serde(default = "default_guard_rows")]
    pub guard_rows: u32,
    /// And so many percent of the rows; the larger of the two counts.
    #[serde(default = "default_guard_percent")]
    #[cfg_attr(feature = "schema", schemars(range(max = 100)))]
    pub guard_percent: u8,
}

impl Default for OnDelete {
    fn default() -> Self {
        Self {
            policy: DeletePolicy::Ignore,
            column: None,
            guard_rows: default_guard_rows(),
            guard_percent: default_guard_percent(),
        }
    }
}

impl OnDelete {
    /// How many of `present` rows may vanish before it looks like an accident.
    #[must_use]
    pub fn guard(&self, present: u64) -> u64 {
        u64::from(self.guard_rows).max(present * u64::from(self.guard_percent) / 100)
    }
}

/// What is done to the row of a vanished key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum DeletePolicy {
    /// Nothing.
    #[default]
    Ignore,
    /// A timestamp column is set.
    Soft,
    /// The row is deleted.
    Hard,
}

fn default_batch_rows() -> usize {
    500
}

fn default_stall_after() -> Duration {
    DEFAULT_STALL_AFTER
}

fn default_reconcile_every() -> Duration {
    Duration::from_secs(60 * 60)
}

fn default_verify_every() -> Duration {
    Duration::from_secs(24 * 60 * 60)
}

fn default_confirm_deletes() -> u32 {
    2
}

fn default_guard_rows() -> u32 {
    10
}

fn default_guard_percent() -> u8 {
    15
}

/// Why a definition cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// The file cannot be read.
    #[error("cannot read the definition {}: {source}; set SHEETSYNC_DEFINITION to the path of sheetsync.toml", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not the TOML that was expected.
    #[error("{}: {}", path.display(), problems.join("; "))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong, each with line and column.
        problems: Vec<String>,
    },
    /// It says things that cannot be.
    #[error("{}: {}", path.display(), problems.join("; "))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong, each naming the sync.
        problems: Vec<String>,
    },
    /// There is no such sync.
    #[error("there is no sync {name:?} in {}; it defines {}", path.display(), known.join(", "))]
    UnknownSync {
        /// What was asked for.
        name: String,
        /// The file.
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

impl Sync {
    /// Names this state of the mapping; see [`MappingVersion`].
    ///
    /// # Panics
    /// Never: the columns of a definition serialise.
    #[must_use]
    pub fn mapping_version(&self) -> MappingVersion {
        let text = serde_json::to_vec(&(MAPPING_RULES, &self.key, &self.columns))
            .expect("a definition that was parsed from TOML serialises");
        MappingVersion::of(&text)
    }

    /// What `sync_begin` is told of this sync (docs/PROTOCOL.md, `p_definition`).
    #[must_use]
    pub fn registration(&self) -> serde_json::Value {
        serde_json::json!({
            "table": self.table,
            "keyColumns": self.key,
            "mappingVersion": self.mapping_version(),
            "mode": self.mode,
            "onConflict": self.on_conflict,
            "columns": self.columns.iter().map(Self::registered_column).collect::<Vec<_>>(),
            "confirmDeletes": self.confirm_deletes,
            "adopt": self.adopt,
            "precedence": self.precedence,
            "renameBy": self.rename_by,
            "renamedFrom": self.renamed_from,
            "onMissing": self.on_missing,
            "reconcileSeconds": self.reconcile_every.as_secs(),
            "verifySeconds": self.verify_every.as_secs(),
            "deletes": {
                "policy": self.on_delete.policy,
                "column": self.on_delete.column,
                "guardRows": self.on_delete.guard_rows,
                "guardPercent": self.on_delete.guard_percent,
            },
        })
    }

    fn registered_column(column: &Column) -> serde_json::Value {
        let mut registered =
            serde_json::json!({"name": column.column, "authority": column.authority, "type": column.kind});
        // What a refusal by Postgres names its cell by.
        registered["header"] = column.header.as_ref().or_else(|| column.headers.first()).cloned().into();
        // Such times fit another type of Postgres than the others.
        if column.time_zone.as_deref() == Some("none") {
            registered["timeZone"] = "none".into();
        }
        registered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const SOUND: &str = r#"
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

    pub(super) fn parse(text: &str) -> Result<Definition, DefinitionError> {
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
    fn the_mapping_version_changes_with_the_columns_and_with_nothing_else() {
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
    fn in_a_folder_a_broken_file_stops_its_own_sync_only() {
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
    fn a_sync_that_is_not_defined_is_told_with_those_that_are() {
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
