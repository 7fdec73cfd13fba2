//! Compares a sheet with its table in full, row by row and column by column, and says of every difference whether it is
//! allowed (an edit that the merge keeps, a column that the database owns, …) or drift, and which run fixes it. It reads by
//! the run's own code ([`crate::runs::survey`]), decides by the merge's own rules (`sync_verify`), and writes nothing.

mod judge;

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::judge::{Judged, judge_remembered, judge_row};
pub use self::judge::{Reason, Repair};
use crate::clients::sheets::Sheets;
use crate::clients::supabase::{Supabase, SupabaseError};
use crate::definition::{DeletePolicy, Sync};
use crate::diff::hash::KeyHash;
use crate::diff::plan::Plan;
use crate::diff::snapshot::State;
use crate::mapping::{Code, Rejection};
use crate::protocol::run::Problem;
use crate::runs::preview::PreviewError;
use crate::runs::survey::{self, Measure, Source, TabRead};

/// How many samples a finding shows.
const SAMPLES: usize = 5;
/// How many rows a page of the database holds.
const PAGE: usize = 5_000;

/// What a verification has found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// The name of the sync.
    pub sync: String,
    /// When the sheet was read.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub read_at: Timestamp,
    /// The result.
    pub verdict: Verdict,
    /// The run that fixes what is not allowed.
    pub repair: Option<Repair>,
    /// Rows with content in the sheet.
    pub rows_in_sheet: u64,
    /// Rows of the sheet that could be compared.
    pub rows_compared: u64,
    /// Those that equal the table in every column.
    pub rows_equal: u64,
    /// Rows of the table.
    pub rows_in_table: u64,
    /// Whether the spreadsheet changed while it was read, which may show as differences.
    pub moved: bool,
    /// What differs, by reason and column; what is not allowed first.
    pub findings: Vec<Finding>,
    /// Warnings, such as keys that look alike.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A verification as it is kept with its run: lists of runs show how many differences there are without reading the findings.
#[derive(Debug, Serialize)]
pub struct Kept<'a> {
    #[serde(flatten)]
    verification: &'a Verification,
    differences: u64,
}

impl Verification {
    /// As it is kept with its run.
    #[must_use]
    pub fn kept(&self) -> Kept<'_> {
        Kept { verification: self, differences: self.differences() }
    }

    /// How many differences there are that should not be.
    #[must_use]
    pub fn differences(&self) -> u64 {
        self.findings.iter().filter(|finding| !finding.allowed).map(|finding| finding.count).sum()
    }
}

/// The result of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Sheet and table are equal.
    Equal,
    /// They differ, and each difference is allowed.
    Allowed,
    /// They differ where they should not.
    Different,
}

/// Differences of one reason, in one column or of whole rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Why they differ.
    pub reason: Reason,
    /// Whether the difference is allowed.
    pub allowed: bool,
    /// The same for a person.
    pub explanation: String,
    /// The column; null for a whole row.
    pub column: Option<String>,
    /// The header that feeds it.
    pub header: Option<String>,
    /// Number of differences of this kind.
    pub count: u64,
    /// The first of them.
    pub samples: Vec<Sample>,
}

/// A difference, as an example.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// The row key, where it is known.
    pub row_key: String,
    /// The row in the sheet, when it is there.
    pub row_number: Option<u32>,
    /// The address of the cell, such as `C5`; null where the sheet has none.
    pub cell: Option<String>,
    /// The table's value.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub table: Value,
    /// The sheet's value.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub sheet: Value,
}

/// Why a verification cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Sheet or database cannot be read.
    #[error(transparent)]
    Preview(#[from] PreviewError),
    /// The definition does not fit the database.
    #[error("{}", .0.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Problem>),
}

impl From<SupabaseError> for VerifyError {
    fn from(error: SupabaseError) -> Self {
        Self::Preview(error.into())
    }
}

/// Compares the sheet of a sync with its table, which it reads for that.
///
/// # Errors
/// When sheet or database cannot be read.
pub async fn verify(sheets: &Sheets, supabase: &Supabase, definition: &Sync) -> Result<Verification, VerifyError> {
    let inspection = supabase.inspect(definition).await?;
    if !inspection.problems.is_empty() {
        return Err(VerifyError::Refused(inspection.problems));
    }
    let mut verifier = Verifier::new();
    let collect = async |rejections: Vec<Rejection>| {
        verifier.reject(&rejections);
        Ok::<_, PreviewError>(())
    };
    let read =
        survey::read(sheets, definition, &inspection.key_forms, &inspection.limits, None, Measure::Nothing, collect)
            .await?;
    Ok(verifier.compare(supabase, definition, &read, &Plan::default()).await?)
}

/// A verification while its sheet is being read: by [`verify`], or by a run.
#[derive(Debug)]
pub struct Verifier {
    read_at: Timestamp,
    findings: Findings,
}

impl Verifier {
    /// Begins one, before the sheet is read.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it notes the time")]
    pub fn new() -> Self {
        Self { read_at: Timestamp::now(), findings: Findings::default() }
    }

    /// Takes note of rows that could not be used.
    pub fn reject(&mut self, rejections: &[Rejection]) {
        for rejection in rejections {
            self.findings.add_rejection(rejection);
        }
    }

    /// Compares what was read with the table, but for the rows that a plan is about: those are in flight.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn compare(
        self,
        supabase: &Supabase,
        definition: &Sync,
        read: &TabRead,
        under_way: &Plan,
    ) -> Result<Verification, SupabaseError> {
        let Self { read_at, mut findings } = self;
        let mut seen = HashSet::new();
        let (rows_compared, rows_equal) =
            compare_rows(supabase, definition, read, under_way, &mut seen, &mut findings).await?;
        compare_remembered(supabase, definition, read, under_way, &mut seen, &mut findings).await?;
        let rows_in_table = find_others(supabase, definition, under_way, &seen, &mut findings).await?;
        Ok(conclude(
            definition,
            read,
            read_at,
            findings,
            Rows { compared: rows_compared, equal: rows_equal, in_table: rows_in_table },
        ))
    }
}

/// How many rows a verification saw.
struct Rows {
    compared: u64,
    equal: u64,
    in_table: u64,
}

fn conclude(definition: &Sync, read: &TabRead, read_at: Timestamp, findings: Findings, rows: Rows) -> Verification {
    let findings = findings.finish();
    let repair = findings.iter().filter(|finding| !finding.allowed).filter_map(|finding| finding.reason.repair()).max();
    Verification {
        sync: definition.name.clone(),
        read_at,
        verdict: if findings.is_empty() {
            Verdict::Equal
        } else if findings.iter().all(|finding| finding.allowed) {
            Verdict::Allowed
        } else {
            Verdict::Different
        },
        repair,
        rows_in_sheet: read.snapshot.tally().rows_read,
        rows_compared: rows.compared,
        rows_equal: rows.equal,
        rows_in_table: rows.in_table,
        moved: read.moved,
        findings,
        warnings: read.snapshot.look_alikes().warning().into_iter().collect(),
    }
}

/// Compares every usable row of the sheet; answers how many that were, and how many are equal.
async fn compare_rows(
    supabase: &Supabase,
    definition: &Sync,
    read: &TabRead,
    under_way: &Plan,
    seen: &mut HashSet<KeyHash>,
    findings: &mut Findings,
) -> Result<(u64, u64), SupabaseError> {
    let registration = definition.registration();
    let is_sent = |key: &KeyHash| under_way.send.binary_search_by_key(key, |entry| entry.key).is_ok();
    let usable: Vec<_> = read
        .snapshot
        .entries()
        .iter()
        .filter(|entry| matches!(entry.state, State::Ready { .. }) && !is_sent(&entry.key))
        .copied()
        .collect();
    let mut differing = 0;
    survey::in_batches(definition, &read.snapshot, &usable, async |batch| {
        let answer = supabase.verify(&registration, batch).await?;
        seen.extend(answer.keys.iter().map(|key| KeyHash::of(key)));
        for refusal in answer.refused {
            differing += 1;
            let source = position(definition, refusal.column.as_deref()).and_then(|index| read.sources.get(index));
            let sample = Sample {
                row_key: refusal.row_key,
                row_number: refusal.row_number,
                cell: source.zip(refusal.row_number).map(|(source, row)| source.cell(row)),
                ..Sample::default()
            };
            findings.add(Reason::Refused, None, sample);
        }
        for row in &answer.rows {
            differing += 1;
            for Judged { reason, difference } in judge_row(row) {
                let index = position(definition, difference.map(|it| it.column.as_str()));
                let source = index.and_then(|index| read.sources.get(index));
                let sample = Sample {
                    row_key: row.k.clone(),
                    row_number: Some(row.n),
                    cell: source.map(|source| source.cell(row.n)),
                    table: difference.map(|it| it.old.clone()).unwrap_or_default(),
                    sheet: difference.map(|it| it.new.clone()).unwrap_or_default(),
                };
                findings.add(reason, difference.map(|it| (it.column.as_str(), source)), sample);
            }
        }
        Ok(())
    })
    .await?;
    Ok((usable.len() as u64, usable.len() as u64 - differing))
}

fn position(definition: &Sync, column: Option<&str>) -> Option<usize> {
    column.and_then(|name| definition.columns.iter().position(|column| column.column == name))
}

/// Looks at the rows that the database remembers of the sync and that the sheet does not have.
async fn compare_remembered(
    supabase: &Supabase,
    definition: &Sync,
    read: &TabRead,
    under_way: &Plan,
    seen: &mut HashSet<KeyHash>,
    findings: &mut Findings,
) -> Result<(), SupabaseError> {
    let ignores = definition.on_delete.policy == DeletePolicy::Ignore;
    let mut after: Option<String> = None;
    loop {
        let (rows, next) = supabase.remembered_rows(definition, after.as_deref(), PAGE).await?;
        for (key_hash, state, key, is_marked) in rows {
            let Some(key) = key else { continue };
            seen.insert(KeyHash::of(&key));
            let hash = KeyHash::from_stored(key_hash);
            if !read.snapshot.has(hash) && under_way.vanished.binary_search(&hash).is_err() {
                let sample = Sample { row_key: plain_key(&key), ..Sample::default() };
                findings.add(judge_remembered(&state, is_marked, ignores), None, sample);
            }
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// Goes through the table for rows that the sync knows nothing of; answers how many rows the table has. While new rows are under
/// way, it cannot be known which those are.
async fn find_others(
    supabase: &Supabase,
    definition: &Sync,
    under_way: &Plan,
    seen: &HashSet<KeyHash>,
    findings: &mut Findings,
) -> Result<u64, SupabaseError> {
    let mut rows = 0;
    let mut after: Option<Value> = None;
    loop {
        let (keys, next) = supabase.table_keys(definition, after.as_ref(), PAGE).await?;
        rows += keys.len() as u64;
        for key in keys.iter().filter(|key| under_way.send.is_empty() && !seen.contains(&KeyHash::of(key))) {
            findings.add(Reason::NotOfThisSync, None, Sample { row_key: plain_key(key), ..Sample::default() });
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(rows),
        }
    }
}

/// The key values of a row as a person reads them: of a single key column without the brackets.
fn plain_key(key: &str) -> String {
    match serde_json::from_str::<Vec<Value>>(key).as_deref() {
        Ok([Value::String(text)]) => text.clone(),
        Ok([value]) => value.to_string(),
        _ => key.to_owned(),
    }
}

/// Differences by reason and column.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add_rejection(&mut self, rejection: &Rejection) {
        let is_skipped = matches!(rejection.code, Code::BlankKey | Code::DuplicateSkipped);
        let sample = Sample {
            row_key: rejection.row_key.clone().unwrap_or_default(),
            row_number: Some(rejection.row_number),
            cell: rejection.cell.clone(),
            table: Value::Null,
            sheet: rejection.raw.clone().map_or(Value::Null, Value::String),
        };
        self.add(if is_skipped { Reason::Skipped } else { Reason::Rejected }, None, sample);
    }

    fn add(&mut self, reason: Reason, column: Option<(&str, Option<&Source>)>, sample: Sample) {
        let name = column.map(|(name, _)| name);
        let place = self.0.iter().position(|finding| finding.reason == reason && finding.column.as_deref() == name);
        let finding = match place {
            Some(place) => &mut self.0[place],
            None => {
                self.0.push(Finding {
                    reason,
                    allowed: reason.is_allowed(),
                    explanation: reason.explanation().to_owned(),
                    column: name.map(str::to_owned),
                    header: column.and_then(|(_, source)| source).map(|source| source.header.clone()),
                    count: 0,
                    samples: Vec::new(),
                });
                let last = self.0.len() - 1;
                &mut self.0[last]
            }
        };
        finding.count += 1;
        if finding.samples.len() < SAMPLES {
            finding.samples.push(sample);
        }
    }

    /// What is not allowed first; else in the order in which it was found.
    fn finish(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|finding| (finding.allowed, finding.reason));
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_as_people_write_it() {
        assert_eq!(plain_key(r#"["AA1"]"#), "AA1");
        assert_eq!(plain_key("[12]"), "12");
        assert_eq!(plain_key(r#"["A", 1]"#), r#"["A", 1]"#);
    }
}
