//! What is synced, and how: `sheetsync.toml`, parsed and checked before anything is read. The rules of one column are
//! [`crate::mapping::Column`]; this file is about everything around them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::area::RangeName;
use crate::hash::MappingVersion;
use crate::mapping::{self, Column};

mod duration_text;
mod read;
#[cfg(feature = "schema")]
mod schema;

#[cfg(feature = "schema")]
pub use schema::json_schema;

/// Raised when the meaning of a mapping rule changes, so that every row is mapped and sent anew.
const MAPPING_RULES: u32 = 2;

/// The longest Postgres identifier, in bytes.
const MAX_IDENTIFIER_BYTES: usize = 63;

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
    Duration::from_secs(15 * 60)
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
            (true, Some(name)) if is_name(name) => Self::read(&path.join(format!("{name}.toml")))?,
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
        let mut problems: Vec<String> = definition.syncs.iter().flat_map(Sync::problems).collect();
        for (index, sync) in definition.syncs.iter().enumerate() {
            if definition.syncs[..index].iter().any(|earlier| earlier.name == sync.name) {
                problems.push(format!("the sync {:?} is defined twice", sync.name));
            }
        }
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
            "columns": self.columns.iter()
                .map(|column| serde_json::json!({"name": column.column, "authority": column.authority}))
                .collect::<Vec<_>>(),
            "deletes": {
                "policy": self.on_delete.policy,
                "column": self.on_delete.column,
                "guardRows": self.on_delete.guard_rows,
                "guardPercent": self.on_delete.guard_percent,
            },
        })
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |sound: bool, problem: &str| {
            if !sound {
                problems.push(format!("sync {:?}: {problem}", self.name));
            }
        };
        check(
            is_name(&self.name),
            "`name` must be lower-case letters, digits, `_` or `-`, start with a letter, and have at most 63 characters",
        );
        check(
            !self.spreadsheet.trim().is_empty(),
            "`spreadsheet` is empty; it is the part of the address between /d/ and /edit",
        );
        let tabs = [self.tab.is_some(), self.tab_id.is_some()].into_iter().filter(|given| *given).count();
        match self.range.as_deref().map(RangeName::parse) {
            Some(Err(problem)) => check(false, &format!("`range` {problem}")),
            Some(Ok(RangeName::Named(_))) => {
                check(tabs == 0, "a named range knows its tab: leave out `tab` and `tab_id`");
            }
            Some(Ok(RangeName::Cells(_))) | None => check(
                tabs == 1,
                "give the tab by `tab` (its title) or by `tab_id` (`gid` in the address): one of them, not both",
            ),
        }
        check(self.header_row != Some(0), "`header_row` counts from 1");
        if let (Some(row), Some(Ok(RangeName::Cells(area)))) =
            (self.header_row, self.range.as_deref().map(RangeName::parse))
        {
            check(
                area.first_row <= row && area.last_row.is_none_or(|last| row <= last),
                "`header_row` is not in `range`; it counts the rows of the tab, not those of the range",
            );
        }
        check(
            is_identifier(&self.table),
            "`table` must be the name of a table in the schema public, without the schema",
        );
        check(!self.key.is_empty(), "`key` must name the column or columns that identify a row");
        check(!self.columns.is_empty(), "there are no [[sync.columns]]");
        check((1..=10_000).contains(&self.batch_rows), "`batch_rows` must be between 1 and 10000");
        check(self.every.is_none_or(|every| every >= Duration::from_secs(60)), "`every` must be a minute or more");
        check(self.stall_after >= Duration::from_secs(1), "`stall_after` must be a second or more");
        check(self.on_delete.guard_percent <= 100, "`on_delete.guard_percent` must be 0 to 100");
        let soft = self.on_delete.policy == DeletePolicy::Soft;
        check(
            !soft || self.on_delete.column.is_some(),
            "`on_delete` with policy \"soft\" needs `column`, the timestamp column that marks a deleted row",
        );
        check(soft || self.on_delete.column.is_none(), "`on_delete.column` is only for policy \"soft\"");
        if let Some(column) = &self.on_delete.column {
            check(is_identifier(column), "`on_delete.column` must be the name of a column");
            check(
                !self.columns.iter().any(|mapped| mapped.column == *column),
                "`on_delete.column` cannot be fed by the sheet as well",
            );
        }
        for column in &self.columns {
            check(is_identifier(&column.column), &format!("{:?} cannot be the name of a column", column.column));
        }
        if let Err(found) = mapping::Mapping::check(&self.columns, &self.key) {
            problems.extend(found.iter().map(|problem| format!("sync {:?}: {problem}", self.name)));
        }
        problems
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= MAX_IDENTIFIER_BYTES
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_IDENTIFIER_BYTES && !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"
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

    fn parse(text: &str) -> Result<Definition, DefinitionError> {
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
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_sync_and_the_option() {
        let edits = [
            ("name = \"listings\"", "name = \"Listings\"", "`name`"),
            ("spreadsheet = \"1AbC\"", "spreadsheet = \" \"", "`spreadsheet`"),
            ("tab = \"物件一覧\"", "", "`tab_id`"),
            ("tab = \"物件一覧\"", "tab = \"a\"\ntab_id = 0", "not both"),
            ("tab = \"物件一覧\"", "range = \"A1:C\"", "`tab_id`"),
            ("tab = \"物件一覧\"", "tab_id = 0\nrange = \"物件\"", "knows its tab"),
            ("tab = \"物件一覧\"", "tab_id = 0\nrange = \"C1:A1\"", "`range` is no range"),
            ("tab = \"物件一覧\"", "tab_id = 0\nrange = \"A3:C\"\nheader_row = 2", "`header_row` is not in"),
            ("table = \"property_listings\"", "table = \"\"", "`table`"),
            ("key = [\"listing_no\"]", "key = []", "`key`"),
            ("key = [\"listing_no\"]", "key = [\"price\"]", "price"),
            ("every = \"5m\"", "every = \"5s\"", "`every`"),
            ("every = \"5m\"", "every = \"soon\"", "not a duration"),
            ("every = \"5m\"", "batch_rows = 0", "`batch_rows`"),
            ("every = \"5m\"", "on_delete = { policy = \"soft\" }", "needs `column`"),
            ("every = \"5m\"", "on_delete = { policy = \"hard\", column = \"gone_at\" }", "only for policy"),
            ("every = \"5m\"", "on_delete = { policy = \"soft\", column = \"listing_no\" }", "as well"),
            ("every = \"5m\"", "evry = \"5m\"", "evry"),
        ];
        for (from, to, part) in edits {
            let text = SOUND.replacen(from, to, 1);
            assert_ne!(text, SOUND);
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("sheetsync.toml"), "{to}: {error}");
        }
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let text = SOUND.replace("1AbC", "").replace("every = \"5m\"", "header_row = 0");
        let DefinitionError::Invalid { problems, .. } = parse(&text).unwrap_err() else { panic!("it parses") };
        assert_eq!(problems.len(), 2, "{problems:?}");
    }

    #[test]
    fn two_syncs_cannot_have_one_name() {
        let error = parse(&format!("{SOUND}{SOUND}")).unwrap_err().to_string();
        assert!(error.contains("defined twice"), "{error}");
    }

    #[test]
    fn the_mapping_version_changes_with_the_columns_and_with_nothing_else() {
        let version = |text: &str| parse(text).unwrap().syncs[0].mapping_version();
        assert_eq!(version(SOUND), version(&SOUND.replace("5m", "1h").replace("1AbC", "2DeF")));
        assert_ne!(version(SOUND), version(&SOUND.replace("物件番号", "番号")));
        assert_ne!(version(SOUND), version(&format!("{SOUND}max_length = 20\n")));
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
