//! The preview as data, serialised as docs/PROTOCOL.md, "A plan", and how the answers about batches are
//! gathered into it. Counts are complete; samples and rejections are the first few.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::table;
use crate::definition::{Adopt, OnConflict, Sync};
use crate::mapping::Rejection;
use crate::protocol::difference::{Act, BatchPreview, ColumnOutcome, Inspection, Kept, Refusal};
use crate::protocol::run::RunType;
use crate::runs::survey::{Source, TabRead};

/// How many samples a column shows.
const SAMPLES: usize = 5;
/// How many rejections a plan lists.
const REJECTIONS: usize = 100;

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// The name of the sync.
    pub sync: String,
    /// The type of the run.
    #[serde(rename = "type")]
    pub run_type: RunType,
    /// When the sheet was read.
    pub read_at: Timestamp,
    /// Rows with content. Each is counted once more below: insert + update + unchanged + reject + skip + failed.
    pub rows_read: u64,
    /// Rows that would be new.
    pub insert: u64,
    /// Rows of which something would be written.
    pub update: u64,
    /// Rows that are as they should be.
    pub unchanged: u64,
    /// Rows of the table that would be deleted.
    pub delete: u64,
    /// Rows that cannot be used, for a cell or because Postgres refuses them.
    pub reject: u64,
    /// Rows that are left out for another reason: a blank key, the sync's mode, another sync, an adoption that waits.
    pub skip: u64,
    /// Rows that would not be applied because their batch, or the run, would fail.
    pub failed: u64,
    /// Cells that sheet and database have both changed.
    pub conflict: u64,
    /// Whose value stays in a conflict.
    pub on_conflict: OnConflict,
    /// Rows that the table has, but no run of this sync has written.
    pub adopt: u64,
    /// What happens to those of them that differ.
    #[serde(rename = "adoptMode", default)]
    pub adopt_mode: Adopt,
    /// Rows that were deleted in the database and would be inserted again; they count among the inserted, too.
    #[serde(default)]
    pub restore: u64,
    /// Rows in which a column that the sheet owns was changed in the database and would be set right; they count among the
    /// updated, too.
    #[serde(default)]
    pub correct: u64,
    /// Rows whose adoption would wait for approval; they count among the skipped, too.
    #[serde(default)]
    pub withheld: u64,
    /// Vanished keys whose deletion would wait for another complete read.
    #[serde(default)]
    pub unconfirmed: u64,
    /// Why rows that vanished from the sheet would not be deleted.
    pub deletes_withheld: Option<String>,
    /// Why the run would fail.
    pub fails: Option<Stop>,
    /// Every column of the definition.
    pub columns: Vec<ColumnPreview>,
    /// The first rejections.
    pub rejections: Vec<PreviewRejection>,
    /// What a person should know before the run.
    pub warnings: Vec<Warning>,
}

/// Why a run would fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// A short name.
    pub code: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// What a preview reports about one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnPreview {
    /// The column of the table.
    pub column: String,
    /// The header that feeds it.
    pub header: String,
    /// Its type in the definition.
    #[serde(rename = "type")]
    pub mapping_type: String,
    /// Its type in the table.
    pub table_type: Option<String>,
    /// Blank cells, where that is allowed.
    pub blank: u64,
    /// Cells with a value that fits.
    pub fits: u64,
    /// Cells that the mapping or the table cannot use.
    pub rejected: u64,
    /// Cells of known rows that would be written.
    pub changes: u64,
    /// Cells in conflict.
    pub conflicts: u64,
    /// Cells that differ from the table and stay so.
    pub kept: u64,
    /// The first differences.
    pub samples: Vec<ColumnSample>,
}

/// One difference between sheet and table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnSample {
    /// The row key.
    pub row_key: String,
    /// The row in the sheet.
    pub row_number: u32,
    /// The address of the cell, such as `C5`.
    pub cell: String,
    /// The table's value.
    pub old: Value,
    /// The sheet's value.
    pub new: Value,
    /// What the run would do.
    pub outcome: ColumnOutcome,
    /// Why the table's value would stay.
    #[serde(default)]
    pub why: Option<Kept>,
}

/// A row, or a cell of it, that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "as in sync_errors")]
pub struct PreviewRejection {
    pub row_key: Option<String>,
    pub row_number: Option<u32>,
    pub column: Option<String>,
    pub header: Option<String>,
    pub cell: Option<String>,
    pub code: String,
    pub message: String,
    pub raw: Option<String>,
}

/// Something that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// A stable code, as in docs/PROTOCOL.md, "A plan".
    pub code: String,
    /// The column, when it is about one.
    pub column: Option<String>,
    /// What it is and what to do.
    pub message: String,
}

impl Preview {
    /// A plan of nothing yet.
    pub(super) fn new(definition: &Sync, run_type: RunType, read_at: Timestamp) -> Self {
        let columns = definition
            .columns
            .iter()
            .map(|column| ColumnPreview {
                column: column.column.clone(),
                header: column.header.clone().or_else(|| column.headers.first().cloned()).unwrap_or_default(),
                mapping_type: column.kind.name().to_owned(),
                table_type: None,
                blank: 0,
                fits: 0,
                rejected: 0,
                changes: 0,
                conflicts: 0,
                kept: 0,
                samples: Vec::new(),
            })
            .collect();
        Self {
            sync: definition.name.clone(),
            run_type,
            read_at,
            rows_read: 0,
            insert: 0,
            update: 0,
            unchanged: 0,
            delete: 0,
            reject: 0,
            skip: 0,
            failed: 0,
            conflict: 0,
            on_conflict: definition.on_conflict,
            adopt: 0,
            restore: 0,
            correct: 0,
            adopt_mode: definition.adopt,
            withheld: 0,
            unconfirmed: 0,
            deletes_withheld: None,
            fails: None,
            columns,
            rejections: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Whether the run would have nothing to do.
    #[must_use]
    pub fn is_nothing_to_do(&self) -> bool {
        self.insert + self.update + self.delete == 0 && self.is_clean()
    }

    /// Whether the run would end as completed: everything that was read is in the table, or left out for a stated reason.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.reject + self.failed + self.withheld + self.unconfirmed == 0
            && self.fails.is_none()
            && self.deletes_withheld.is_none()
            && !self.warnings.iter().any(|warning| warning.code == "delete_refused")
    }

    pub(super) fn warn(&mut self, code: &str, column: Option<&str>, message: String) {
        self.warnings.push(Warning { code: code.to_owned(), column: column.map(str::to_owned), message });
    }

    pub(super) fn warn_all(&mut self, code: &str, messages: impl Iterator<Item = String>) {
        for message in messages {
            self.warn(code, None, message);
        }
    }

    /// What can be said before the sheet is read: types, and problems that would make the run fail.
    pub(super) fn hold_against_table(
        &mut self,
        definition: &Sync,
        inspection: &Inspection,
        types: Option<&BTreeMap<String, String>>,
    ) {
        for problem in &inspection.problems {
            self.warn(&problem.code, problem.column.as_deref(), problem.message.clone());
        }
        if let Some(first) = inspection.problems.first() {
            let messages: Vec<&str> = inspection.problems.iter().map(|problem| problem.message.as_str()).collect();
            self.fails = Some(Stop { code: first.code.clone(), message: messages.join("; ") });
        }
        let Some(types) = types else {
            if inspection.problems.is_empty() {
                let message = format!(
                    "PostgREST does not list the table {} (its OpenAPI root is off, or its schema cache is old), so the types \
                     were not compared; notify pgrst, 'reload schema' helps the latter",
                    definition.table
                );
                self.warn("types_unknown", None, message);
            }
            return;
        };
        for (index, column) in definition.columns.iter().enumerate() {
            let Some(table_type) = types.get(&column.column) else { continue };
            self.columns[index].table_type = Some(table_type.clone());
            let is_refused =
                inspection.problems.iter().any(|problem| problem.column.as_deref() == Some(column.column.as_str()));
            if let Some(message) = table::mismatch(column, table_type).filter(|_| !is_refused) {
                self.warn("type_mismatch", Some(&column.column), message);
            }
        }
    }

    /// Takes the rejections of the mapping.
    pub(super) fn reject(&mut self, rejections: Vec<Rejection>) {
        let room = REJECTIONS.saturating_sub(self.rejections.len());
        self.rejections.extend(rejections.into_iter().take(room).map(|rejection| PreviewRejection {
            row_key: rejection.row_key,
            row_number: Some(rejection.row_number),
            column: rejection.column,
            header: rejection.header,
            cell: rejection.cell,
            code: rejection.code.to_string(),
            message: rejection.message,
            raw: rejection.raw,
        }));
    }

    /// Takes what was read.
    pub(super) fn count_read(&mut self, read: &TabRead) {
        let tally = read.snapshot.tally();
        (self.rows_read, self.reject, self.skip) = (tally.rows_read, tally.rows_rejected, tally.rows_skipped);
        for ((column, fit), source) in self.columns.iter_mut().zip(read.snapshot.fits()).zip(&read.sources) {
            column.header.clone_from(&source.header);
            (column.blank, column.fits, column.rejected) = (fit.blank, fit.fits, fit.rejected);
        }
    }

    /// Takes what would become of a batch of so many rows.
    pub(super) fn add(&mut self, batch: BatchPreview, rows: u64, sources: &[Source]) {
        for refusal in batch.refused {
            self.refuse(refusal, sources);
        }
        if let Some(reason) = batch.stopped {
            self.failed += rows;
            self.fails.get_or_insert(Stop { code: "batch_refused".to_owned(), message: reason });
            return;
        }
        let counts = batch.counts;
        self.insert += counts.inserted;
        self.update += counts.updated;
        self.unchanged += counts.unchanged;
        self.skip += counts.skipped;
        self.reject += counts.rejected;
        self.conflict += counts.conflicts;
        self.adopt += counts.adopted;
        self.restore += counts.restored;
        self.correct += counts.corrected;
        self.withheld += counts.withheld;
        for row in batch.rows {
            if row.act == Act::Insert {
                continue;
            }
            for difference in row.columns {
                let Some(index) = self.columns.iter().position(|column| column.column == difference.column) else {
                    continue;
                };
                let column = &mut self.columns[index];
                column.conflicts += u64::from(difference.outcome == ColumnOutcome::Conflict);
                column.changes += u64::from(difference.why.is_none());
                column.kept += u64::from(difference.outcome == ColumnOutcome::Keep);
                let sample = ColumnSample {
                    row_key: row.k.clone(),
                    row_number: row.n,
                    cell: sources.get(index).map(|source| source.cell(row.n)).unwrap_or_default(),
                    old: difference.old,
                    new: difference.new,
                    outcome: difference.outcome,
                    why: difference.why,
                };
                column.take(sample);
            }
        }
    }

    /// Takes what would become of vanished keys.
    pub(super) fn add_deletes(&mut self, batch: BatchPreview) {
        self.delete += batch.counts.deleted;
        self.unconfirmed += batch.counts.unconfirmed;
        if let Some(reason) = batch.stopped {
            self.deletes_withheld.get_or_insert(reason);
        }
        for refusal in batch.refused {
            let message = format!(
                "the row {} would not be deleted ({}): {}; delete what refers to it, or choose on_delete.policy = \"soft\"",
                refusal.row_key, refusal.code, refusal.message
            );
            if self.warnings.iter().filter(|warning| warning.code == "delete_refused").count() < REJECTIONS {
                self.warn("delete_refused", None, message);
            }
        }
    }

    /// A row that Postgres refuses: its cell does not fit after all.
    fn refuse(&mut self, refusal: Refusal, sources: &[Source]) {
        let index =
            refusal.column.as_ref().and_then(|name| self.columns.iter().position(|column| column.column == *name));
        if let Some(column) = index.map(|index| &mut self.columns[index]) {
            let was = if refusal.raw.is_none() { &mut column.blank } else { &mut column.fits };
            *was = was.saturating_sub(1);
            column.rejected += 1;
        }
        if self.rejections.len() < REJECTIONS {
            let source = index.and_then(|index| sources.get(index));
            self.rejections.push(PreviewRejection {
                row_key: Some(refusal.row_key),
                row_number: refusal.row_number,
                column: refusal.column,
                header: source.map(|source| source.header.clone()),
                cell: source.zip(refusal.row_number).map(|(source, row)| source.cell(row)),
                code: refusal.code,
                message: refusal.message,
                raw: refusal.raw,
            });
        }
    }

    /// Says what follows from the counts.
    pub(super) fn conclude(&mut self) {
        if self.restore > 0 {
            let message = format!(
                "{} rows were deleted in the database and are still in the sheet: they are inserted again; to let such deletions \
                 stand, say on_missing = \"respect\"",
                self.restore
            );
            self.warn("restores", None, message);
        }
        if self.correct > 0 {
            let message = format!(
                "{} rows were changed in the database in columns that belong to the sheet: the sheet's values are written again",
                self.correct
            );
            self.warn("corrects", None, message);
        }
        if self.adopt > 0 {
            let then = match self.adopt_mode {
                Adopt::Ask => "those that differ are left as they are until a person has decided",
                Adopt::Sheet => {
                    "where sheet and table differ the sheet wins, except in columns with authority = \"database\""
                }
                Adopt::Database => "where sheet and table differ the table's values stay",
            };
            let message = format!(
                "{} rows are in the table already, though this sync has not written them: they are adopted, and {then}",
                self.adopt
            );
            self.warn("adopts", None, message);
        }
        if self.withheld > 0 {
            let message = format!(
                "{} rows differ in values that this sync has not written: they wait until `sheetsync approve-adoption` says \
                 whose stay, or `adopt` in sheetsync.toml",
                self.withheld
            );
            self.warn("adoption_withheld", None, message);
        }
        if self.unconfirmed > 0 {
            let message = format!(
                "{} rows are gone from the sheet and are deleted once further complete reads confirm it (`confirm_deletes`)",
                self.unconfirmed
            );
            self.warn("deletes_unconfirmed", None, message);
        }
    }

    /// How many rejections are not listed, at least.
    #[must_use]
    pub fn has_more_rejections(&self) -> bool {
        self.rejections.len() >= REJECTIONS
    }
}

impl ColumnPreview {
    /// Keeps the first samples; what would be written is shown before what stays.
    fn take(&mut self, sample: ColumnSample) {
        let stays = |sample: &ColumnSample| sample.outcome == ColumnOutcome::Keep;
        if self.samples.len() < SAMPLES {
            self.samples.push(sample);
        } else if !stays(&sample)
            && let Some(last) = self.samples.iter().rposition(stays)
        {
            self.samples.remove(last);
            self.samples.push(sample);
        }
    }
}
