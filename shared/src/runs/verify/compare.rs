//! Compares a sheet that was read with its table.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::Value;

use super::findings::Findings;
use super::judge::{Judged, Reason, judge_remembered, judge_row};
use super::verification::{Sample, Verdict, Verification, VerifyError};
use crate::clients::sheets::Sheets;
use crate::clients::supabase::{Supabase, SupabaseError};
use crate::definition::{DeletePolicy, Sync};
use crate::diff::hash::KeyHash;
use crate::diff::plan::Plan;
use crate::diff::snapshot::State;
use crate::mapping::Rejection;
use crate::runs::preview::PreviewError;
use crate::runs::survey::{self, Measure, TabRead};

/// How many rows a page of the database holds.
const PAGE: usize = 5_000;

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
