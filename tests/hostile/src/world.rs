//! A case as one value: the schema, the definitions, the tabs and what happens. All chance is in it: playing it draws
//! nothing, so the same world is always the same case, and a part of it is a case as well.

use serde::{Deserialize, Serialize};

/// A whole case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct World {
    /// The target table.
    pub schema: Schema,
    /// The syncs, each of the tab of the same index.
    pub syncs: Vec<SyncSpec>,
    /// The tabs' first rows: the contents of the key columns, then of the others.
    pub tabs: Vec<Vec<Vec<Content>>>,
    /// Rows that the application had in the table before any run.
    pub table: Vec<Vec<Content>>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// The target table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// The kinds of its key columns, `k1` and perhaps `k2`.
    pub keys: Vec<Kind>,
    /// Its other columns, `c1`, `c2`, …
    pub columns: Vec<ColumnSpec>,
    /// Its triggers, in the order in which they fire.
    pub triggers: Vec<Trigger>,
    /// Whether it is in two partitions.
    #[serde(default, skip_serializing_if = "is_false")]
    pub partitioned: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `text`.
    Text,
    /// `varchar(4)`, too short for one of its values.
    Varchar,
    /// `char(6)`.
    Char,
    /// `citext`.
    Citext,
    /// `text` under a collation that makes no difference between cases.
    Folded,
    /// `bigint`.
    Integer,
    /// `numeric(6, 2)`, too coarse for some of its values and too small for one.
    Numeric,
    /// `boolean`.
    Boolean,
    /// `date`.
    Date,
    /// `timestamptz`.
    Moment,
    /// `uuid`.
    Uuid,
    /// `jsonb`.
    Json,
    /// `text[]`.
    Texts,
    /// An enum of the schema.
    Enum,
    /// A domain of integers, none of them negative.
    Domain,
    /// `text` that names the key of a row of the same table.
    Parent,
}

/// A column that is no key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnSpec {
    /// What it holds.
    pub kind: Kind,
    /// Whether it takes no null.
    #[serde(default, skip_serializing_if = "is_false")]
    pub not_null: bool,
    /// Whether two rows may have the same value, and when that is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique: Option<Unique>,
    /// Whether a check refuses one value.
    #[serde(default, skip_serializing_if = "is_false")]
    pub checked: bool,
    /// Whether it has a default.
    #[serde(default, skip_serializing_if = "is_false")]
    pub has_default: bool,
}

/// A unique constraint on one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unique {
    /// Looked at row by row.
    Plain,
    /// Can wait for the commit.
    Deferrable,
}

/// A trigger before a row is written. Columns are counted from 0 among those that are no key, modulo their number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Makes a text lower case.
    Normalise(usize),
    /// Writes one column in upper case into another.
    Compute(usize, usize),
    /// Answers null for one value: nothing is written, without an error.
    Swallow(usize, u8),
    /// Writes the row with one value into another table instead.
    Redirect(usize, u8),
    /// An update leaves the column as it was.
    KeepOld(usize),
    /// Sets `updated_at`.
    Touch,
    /// Raises an error for one value.
    Raise(usize, u8, String),
    /// Writes the row with one value into a table for which the role has no grant.
    Audit(usize, u8),
}

/// A sync of a tab into the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyncSpec {
    /// Per column of the schema that is no key, how it is fed.
    pub columns: Vec<Fed>,
    /// Which rows may be written.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mode: Mode,
    /// Whether the database wins a conflict.
    #[serde(default, skip_serializing_if = "is_false")]
    pub database_wins: bool,
    /// What becomes of vanished rows.
    pub deletes: Deletes,
    /// So many rows may vanish at once.
    pub guard: u8,
    /// The most rows of a batch.
    pub batch_rows: u8,
    /// Rows of a chunk in which the tab is read.
    pub chunk_rows: u8,
    /// Whether the key columns are mapped as texts, whatever they are.
    #[serde(default, skip_serializing_if = "is_false")]
    pub key_as_text: bool,
    /// What is known of rows that the table had before.
    #[serde(default, skip_serializing_if = "is_default")]
    pub adopt: Adopt,
    /// Which of two syncs of one key feeds it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub precedence: u8,
    /// In how many reads in a row a key must be missing.
    #[serde(default = "two", skip_serializing_if = "is_two")]
    pub confirm_deletes: u8,
    /// The unique column by which a renamed key is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rename_by: Option<usize>,
}

fn two() -> u8 {
    2
}

fn is_two(value: &u8) -> bool {
    *value == 2
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How one column is fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fed {
    /// Whose value wins.
    pub authority: Authority,
    /// What a blank cell means.
    pub blank: Blank,
}

/// Whose value wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// The side that changed it.
    Merge,
    /// The sheet.
    Sheet,
    /// The database, once the row is there.
    Database,
    /// No sync feeds it.
    Unmapped,
}

/// What a blank cell means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blank {
    /// Null.
    Null,
    /// What the table has stays.
    Keep,
    /// The value 1 of the column.
    Default,
    /// The row is rejected.
    Reject,
}

/// Which rows may be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All.
    #[default]
    Upsert,
    /// New ones.
    InsertOnly,
    /// Those that are there.
    UpdateOnly,
}

/// What becomes of vanished rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deletes {
    /// Nothing.
    Ignore,
    /// They are marked.
    Soft,
    /// They are deleted.
    Hard,
}

/// What becomes of rows that the table had before, and that differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adopt {
    /// They wait until a person says.
    Ask,
    /// They become as the sheet.
    #[default]
    Sheet,
    /// They stay as they are.
    Database,
}

/// What is in a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Nothing.
    #[default]
    Blank,
    /// The value of the column's palette with the first number, spelt in the way of the second.
    Value(u8, u8),
    /// Something that the column's type cannot be.
    Bad,
    /// The error of a formula.
    Error,
}

/// What happens. Numbers of tabs, rows and columns are meant modulo what there is; what does not apply does nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A person edits the sheet.
    Sheet(usize, Edit),
    /// The application writes the table.
    App(AppEdit),
    /// A run of a sync.
    Run(Run),
    /// The event source takes some messages, from the given one on, and hands them to a worker.
    Deliver {
        /// The first.
        from: u8,
        /// How many.
        count: u8,
        /// Whether SQS keeps them all the same.
        #[serde(default, skip_serializing_if = "is_false")]
        twice: bool,
        /// What goes wrong.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mishaps: Vec<Mishap>,
    },
    /// All messages are handled, until none is left or nothing gets on.
    Settle,
    /// A message that was sent long ago comes back.
    Redeliver {
        /// Which, of all that were ever sent.
        message: u8,
        /// Only one half of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        half: Option<u8>,
    },
    /// Time passes.
    Minutes(u16),
    /// A person approves what the last run of a sync withheld.
    Approve(usize),
}

/// A run of a sync.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Of which sync.
    pub sync: usize,
    /// Its kind.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kind: RunKind,
    /// What goes wrong while it reads and plans.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mishaps: Vec<Mishap>,
    /// Whether its messages are handled at once.
    pub settles: bool,
}

/// The kind of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// What changed.
    #[default]
    Changes,
    /// Every row.
    Full,
    /// The rows with the keys of these rows of the tab.
    Selective(Vec<usize>),
}

/// Something at the n-th call of a run or of a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mishap {
    /// The number of the call, from 0.
    pub call: u8,
    /// What.
    pub what: What,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The call never arrives.
    LoseRequest,
    /// It takes effect, but its answer is lost.
    LoseAnswer,
    /// The function ends before it.
    Kill,
    /// A person edits the sheet just before it.
    Edit(usize, Edit),
    /// The application writes the table just before it.
    App(AppEdit),
}

/// An edit of a tab. Columns are those of the schema, the key's first; rows are those that there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// Something is typed into a cell; into the key's, that renames it.
    Set {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// What is typed.
        content: Content,
    },
    /// The content of a cell is copied into those below it.
    FillDown {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// How many below.
        count: usize,
    },
    /// Two rows exchange what is in a column.
    Swap {
        /// A row.
        row: usize,
        /// Another.
        other: usize,
        /// The column.
        column: usize,
    },
    /// A column is numbered from the row on, beginning with its own number.
    Renumber {
        /// The column.
        column: usize,
        /// What the first row gets.
        first: u8,
    },
    /// A new row.
    Insert {
        /// Before this one.
        at: usize,
        /// What is in it.
        cells: Vec<Content>,
    },
    /// A row is copied, with all that is in it.
    Copy {
        /// The row.
        row: usize,
        /// Before this one.
        at: usize,
    },
    /// A row goes to another place.
    Move {
        /// The row.
        row: usize,
        /// Before this one.
        to: usize,
    },
    /// The rows are sorted by a column.
    Sort {
        /// The column.
        column: usize,
        /// The other way round.
        descending: bool,
    },
    /// Rows are deleted.
    Delete {
        /// The first.
        row: usize,
        /// How many.
        count: usize,
    },
    /// A row is cut and pasted into another tab.
    Paste {
        /// The row.
        row: usize,
        /// The other tab.
        tab: usize,
        /// Before this one.
        at: usize,
    },
    /// A column that feeds nothing comes in.
    InsertColumn {
        /// Before this one.
        at: usize,
    },
    /// A column goes to another place.
    MoveColumn {
        /// The column.
        from: usize,
        /// Before this one.
        to: usize,
    },
    /// The header of a column is changed, or changed back.
    RenameColumn(usize),
    /// The column loses its cells and header.
    DeleteColumn(usize),
    /// Cells are computed by a formula that is not ready for some reads.
    Load {
        /// The first row.
        row: usize,
        /// How many rows.
        count: usize,
        /// The column.
        column: usize,
        /// For so many reads.
        reads: u8,
    },
    /// The last edit is taken back.
    Undo,
}

/// A write of the application. Rows are those of the table, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppEdit {
    /// A value is written.
    Update {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// The value.
        content: Content,
    },
    /// A row is made.
    Insert(Vec<Content>),
    /// A row is deleted.
    Delete(usize),
    /// A row is marked as deleted, or no longer.
    Mark(usize),
    /// The key of a row changes.
    Rename {
        /// The row.
        row: usize,
        /// The value of the first key column.
        key: u8,
    },
}
