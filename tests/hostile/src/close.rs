//! Judges a run when it has ended: its counts, that `completed` means equal, that everything else is named, and that no row
//! waits for another.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::calls;
use crate::fault::Invariant;
use crate::oracle::{Decision, Fate, Reading};
use crate::postgres::quoted;
use crate::product;
use crate::stage::Stage;
use crate::table::{self, Expected, Row};
use crate::world::{Authority, Deletes, RunKind, Unique};

/// A run as `sync_state` has it.
struct Ended {
    status: String,
    total: u64,
    ends: u64,
    is_withheld: bool,
}

/// An open entry of `sync_errors`.
struct Named {
    key: Option<String>,
    number: Option<u32>,
    column: Option<String>,
    cell: Option<String>,
    code: String,
}

impl Stage {
    /// Judges all runs that have ended since it was asked last.
    pub fn judge_runs(&mut self) {
        for run in 0..self.runs.len() {
            if self.runs[run].status.is_some() || self.runs[run].is_reading {
                continue;
            }
            let Some(ended) = self.ended(run) else { continue };
            if matches!(ended.status.as_str(), "queued" | "in_progress") {
                continue;
            }
            self.runs[run].status = Some(ended.status.clone());
            self.count(&format!("run {}", ended.status));
            if ended.is_withheld {
                self.count("deletes withheld");
            }
            self.judge_run(run, &ended);
        }
    }

    fn ended(&self, run: usize) -> Option<Ended> {
        let answer = self.postgres.must(&format!(
            "select json_build_array(s.status, s.total_rows,
                 s.inserted + s.updated + s.unchanged + s.rejected + s.skipped + s.failed, s.deletes_withheld is not null)::text
             from public.sync_state as s where s.id = {}",
            quoted(&self.runs[run].id.to_string())
        ));
        let (status, total, ends, is_withheld) = serde_json::from_str(answer.first()?).ok()?;
        Some(Ended { status, total, ends, is_withheld })
    }

    fn judge_run(&mut self, run: usize, ended: &Ended) {
        let record = &self.runs[run];
        let (id, sync, moved) = (record.id, record.sync, record.moved);
        let is_selective = matches!(record.kind, RunKind::Selective(_));
        let had_mishaps = record.had_mishaps || self.has_lost_calls;
        if ended.status == "failed" && !had_mishaps && self.sheet.tabs[sync].has_headers(self.world.schema.width()) {
            let why = self.postgres.must(&format!(
                "select error_details::text from public.sync_state where id = {}",
                quoted(&id.to_string())
            ));
            self.blame(Invariant::RunFailed, format!("run {run} of sync {sync} failed: {}", why.join(" ")));
        }
        if !matches!(ended.status.as_str(), "completed" | "partial") {
            return;
        }
        let edits = self.runs[run].edits;
        let record = &self.runs[run];
        let read = record.readings.iter().filter(|reading| reading.fate != Fate::Nothing).count() as u64;
        if ended.total != ended.ends || !moved && !is_selective && ended.total != read {
            self.blame(
                Invariant::CountsDiffer,
                format!("run {run} says {} rows read and {} ends, and was given {read} rows", ended.total, ended.ends),
            );
        }
        // Only while nothing has happened since it read can it be held against the sheet.
        if is_selective || moved || edits != self.edits || self.current(sync) != Some(run) {
            return;
        }
        self.judge_rest(run, ended);
    }

    /// Every row that was read is in the table as it should be, or named.
    fn judge_rest(&mut self, run: usize, ended: &Ended) {
        let sync = self.runs[run].sync;
        let is_completed = ended.status == "completed";
        let readings: Vec<Reading> =
            self.runs[run].readings.iter().filter(|reading| reading.fate != Fate::Nothing).cloned().collect();
        let named = self.named(sync);
        let (good, rest): (Vec<Reading>, Vec<Reading>) = readings.into_iter().partition(|reading| {
            reading.fate == Fate::Ready && reading.key.as_deref().is_some_and(|key| self.options(run, key).len() == 1)
        });
        for reading in &rest {
            if is_completed && reading.fate != Fate::NoKey {
                self.blame(
                    Invariant::CompletedButDifferent,
                    format!(
                        "run {run} completed, and row {} could not be used: {}",
                        reading.number,
                        json!(reading.cells)
                    ),
                );
            }
            self.judge_named(sync, reading, &named);
        }
        let waiting = self.unapplied(run, &good);
        for (reading, why) in &waiting {
            if is_completed {
                self.blame(
                    Invariant::CompletedButDifferent,
                    format!(
                        "run {run} completed, and row {} is not in the table as it should be: {why}",
                        reading.number
                    ),
                );
            }
            self.judge_named(sync, reading, &named);
        }
        self.judge_waiting(sync, &waiting, &named);
        if is_completed {
            self.judge_gone(run);
        }
    }

    /// Rows that could be used and that are not in the table as they should be.
    fn unapplied(&mut self, run: usize, good: &[Reading]) -> Vec<(Reading, String)> {
        let sync = self.runs[run].sync;
        // Whether the run could see all that the application did to the table.
        let has_checked = self.runs[run].checked == Some(self.edits);
        let spec = self.spec(sync, None);
        let mut asked: Vec<(Reading, Option<Row>, Map<String, Value>)> = Vec::new();
        let mut waiting = Vec::new();
        for reading in good {
            let Some(key) = reading.key.clone() else { continue };
            if let Some(feeder) = self.feeder(sync, &key) {
                if self.world.syncs[feeder].precedence == spec.precedence {
                    waiting.push((reading.clone(), format!("sync {feeder} feeds {key}")));
                }
                continue;
            }
            let is_ours = self.feeders.get(&key) == Some(&sync) && !self.is_outranked(sync, &key);
            if !is_ours && self.is_disputed(sync, &key) || !has_checked && self.app.removed.contains(&key) {
                continue;
            }
            let row = self.rows.iter().find(|row| row.key == key).cloned();
            let ways = self.bases(sync, &key);
            let specs = self.specs(sync, &key);
            let stored = |name: &str, value: &Value| self.stored(name, value);
            let decisions: Vec<Decision> = specs
                .iter()
                .flat_map(|spec| ways.iter().map(move |base| (spec, base)))
                .map(|(spec, base)| spec.decide(&self.world.schema, base.as_ref(), reading, row.as_ref(), &stored))
                .collect();
            let is_settled = |decision: &Decision| match decision {
                Decision::Skip | Decision::Wait(_) => true,
                Decision::Insert(_) => false,
                Decision::Update(writes) if has_checked => writes.is_empty(),
                Decision::Update(writes) => row
                    .as_ref()
                    .is_some_and(|row| writes.keys().all(|name| self.app.edited.contains(&(row.id, name.clone())))),
            };
            if decisions.iter().any(is_settled) {
                continue;
            }
            if let Some(Decision::Insert(values) | Decision::Update(values)) = decisions.into_iter().next() {
                asked.push((reading.clone(), row, values))
            }
        }
        let writes: Vec<(Option<&Row>, Value)> =
            asked.iter().map(|(_, row, values)| (row.as_ref(), json!(values))).collect();
        let answers = table::ask(&self.postgres, "expect", &writes);
        for ((reading, row, values), answer) in asked.into_iter().zip(answers) {
            let is_as = |expected: &Map<String, Value>| row.as_ref().is_some_and(|row| self.is_as(Some(row), expected));
            match answer {
                // A trigger keeps it as it is.
                Expected::Row(expected) if is_as(&expected) => {}
                Expected::Row(_) => waiting.push((reading, format!("it should have {}", json!(values)))),
                Expected::Refused(code) => waiting.push((reading, format!("Postgres refuses it ({code})"))),
                Expected::Swallowed => waiting.push((reading, "a trigger swallows it".to_owned())),
            }
        }
        waiting
    }

    /// Whether another sync's tab has the key too.
    fn is_disputed(&self, sync: usize, key: &str) -> bool {
        let mut others = (0..self.memories.len()).filter(|other| *other != sync);
        others.any(|other| self.memories[other].keys.contains(key) || self.memories[other].base.contains_key(key))
    }

    /// Whether a sync of higher precedence has the key too.
    fn is_outranked(&self, sync: usize, key: &str) -> bool {
        let precedence = self.world.syncs[sync].precedence;
        let mut others = self.world.syncs.iter().zip(&self.memories);
        others.any(|(other, memory)| other.precedence > precedence && memory.keys.contains(key))
    }

    fn judge_named(&mut self, sync: usize, reading: &Reading, named: &[Named]) {
        let found = named
            .iter()
            .find(|named| named.number == Some(reading.number) || named.key.is_some() && named.key == reading.key);
        match found {
            None => self.blame(
                Invariant::NotNamed,
                format!(
                    "row {} is not in the table, and no open entry says so: {}",
                    reading.number,
                    json!(reading.cells)
                ),
            ),
            Some(named) if named.cell.is_none() && self.names_cells(sync, named) => self.blame(
                Invariant::NotNamed,
                format!("row {} is not in the table, and its entry ({}) names no cell", reading.number, named.code),
            ),
            Some(_) => {}
        }
    }

    /// Whether an entry must name a cell: when it names a column that the sheet feeds, and when the mapping made it.
    fn names_cells(&self, sync: usize, named: &Named) -> bool {
        let schema = &self.world.schema;
        let is_sqlstate = named.code.len() == 5 && !named.code.contains(|character: char| character.is_lowercase());
        match &named.column {
            Some(column) => !schema.columns.iter().enumerate().any(|(index, _)| {
                *column == format!("c{}", index + 1)
                    && self.world.syncs[sync].fed(schema, index).authority == Authority::Unmapped
            }),
            None => !is_sqlstate && !matches!(named.code.as_str(), "dead_letter" | "kept_for_rename"),
        }
    }

    fn named(&self, sync: usize) -> Vec<Named> {
        let answers = self.postgres.must(&format!(
            "select json_build_array(e.row_key, e.row_number, e.column_name, e.cell, e.code)::text
             from public.sync_errors as e where e.sync = {} and e.resolved_at is null and e.error_type <> 'conflict'",
            quoted(&calls::sync_name(sync))
        ));
        answers
            .iter()
            .filter_map(|answer| {
                let (key, number, column, cell, code): (Option<String>, _, _, _, _) =
                    serde_json::from_str(answer).ok()?;
                let key = key.map(|key| product::identity(&self.world.schema, &key));
                Some(Named { key, number, column, cell, code })
            })
            .collect()
    }

    /// Rows that are not in the table although Postgres takes them, now and as the table is.
    fn judge_waiting(&mut self, sync: usize, waiting: &[(Reading, String)], named: &[Named]) {
        let code = |reading: &Reading| {
            named.iter().find(|named| named.key == reading.key).map_or("no entry", |named| named.code.as_str())
        };
        let mut asked: Vec<(Reading, Option<Row>, Value)> = Vec::new();
        for (reading, _) in waiting {
            let Some(key) = &reading.key else { continue };
            if self.is_of_another(sync, key) {
                continue;
            }
            let row = self.rows.iter().find(|row| row.key == *key).cloned();
            let base = self.bases(sync, key).into_iter().next().flatten();
            let spec = self.spec(sync, Some(key));
            let stored = |name: &str, value: &Value| self.stored(name, value);
            match spec.decide(&self.world.schema, base.as_ref(), reading, row.as_ref(), &stored) {
                Decision::Insert(values) | Decision::Update(values) => {
                    asked.push((reading.clone(), row, json!(values)))
                }
                Decision::Skip | Decision::Wait(_) => {}
            }
        }
        let writes: Vec<(Option<&Row>, Value)> =
            asked.iter().map(|(_, row, write)| (row.as_ref(), write.clone())).collect();
        let answers = table::ask(&self.postgres, "attempt", &writes);
        for ((reading, _, write), answer) in asked.iter().zip(answers) {
            match answer {
                Expected::Row(_) => self.blame(
                    Invariant::GoodRowWaits,
                    format!(
                        "row {} is not in the table ({}) although Postgres takes it: {write}",
                        reading.number,
                        code(reading)
                    ),
                ),
                Expected::Refused(code) => {
                    self.count(&format!("row waits {}", code.get(..5).unwrap_or(&code)));
                    self.note(format!("row {} waits: {code}", reading.number));
                }
                Expected::Swallowed => self.count("row waits swallowed"),
            }
        }
    }

    /// Rows that the sheet no longer has are gone when the run says so.
    fn judge_gone(&mut self, run: usize) {
        let sync = self.runs[run].sync;
        let spec = self.spec(sync, None);
        if spec.deletes == Deletes::Ignore {
            return;
        }
        let keys: BTreeSet<&String> =
            self.runs[run].readings.iter().filter_map(|reading| reading.key.as_ref()).collect();
        let left: Vec<String> = self
            .rows
            .iter()
            .filter(|row| !keys.contains(&row.key) && !row.is_marked() && !self.app.born.contains(&row.id))
            .filter(|row| self.memories[sync].base.contains_key(&row.key) && !self.is_disputed(sync, &row.key))
            // What another sync may have taken over is that sync's to delete.
            .filter(|row| !self.takers.iter().any(|(key, by)| *key == row.key && *by != sync))
            .map(|row| row.key.clone())
            .collect();
        if !left.is_empty() {
            self.blame(
                Invariant::CompletedButDifferent,
                format!("run {run} completed, and the table has rows that the sheet no longer has: {left:?}"),
            );
        }
    }

    /// After quiet runs: what is not in the table as it should be could not all be in it.
    pub fn judge_convergence(&mut self, sync: usize) {
        let Some(run) = self.current(sync) else { return };
        if self.runs[run].moved || !self.runs[run].is_planned {
            return;
        }
        let good: Vec<Reading> = self.runs[run]
            .readings
            .iter()
            .filter(|reading| reading.fate == Fate::Ready)
            .filter(|reading| reading.key.as_deref().is_some_and(|key| self.options(run, key).len() == 1))
            .cloned()
            .collect();
        let good: Vec<Reading> = good
            .into_iter()
            .filter(|reading| reading.key.as_deref().is_some_and(|key| !self.is_of_another(sync, key)))
            .collect();
        let waiting: BTreeSet<u32> =
            self.unapplied(run, &good).into_iter().map(|(reading, _)| reading.number).collect();
        if waiting.is_empty() {
            return;
        }
        // The whole table as it should be: what waits as Postgres would make it alone, the others as they are.
        let mut asked: Vec<(u32, Option<Row>, Value)> = Vec::new();
        for reading in good.iter().filter(|reading| waiting.contains(&reading.number)) {
            let row = self.rows.iter().find(|row| Some(&row.key) == reading.key.as_ref()).cloned();
            let base = reading.key.as_ref().and_then(|key| self.bases(sync, key).into_iter().next().flatten());
            let spec = self.spec(sync, reading.key.as_deref());
            let stored = |name: &str, value: &Value| self.stored(name, value);
            match spec.decide(&self.world.schema, base.as_ref(), reading, row.as_ref(), &stored) {
                Decision::Insert(values) | Decision::Update(values) => asked.push((reading.number, row, json!(values))),
                Decision::Skip | Decision::Wait(_) => {}
            }
        }
        let writes: Vec<(Option<&Row>, Value)> =
            asked.iter().map(|(_, row, write)| (row.as_ref(), write.clone())).collect();
        let answers = table::ask(&self.postgres, "expect", &writes);
        let mut whole: Vec<Map<String, Value>> = self.rows.iter().map(|row| row.values.clone()).collect();
        let mut fitting = Vec::new();
        for ((number, row, _), answer) in asked.iter().zip(answers) {
            let Expected::Row(mut values) = answer else { continue };
            if let Some(row) = row {
                values.insert("hid".to_owned(), json!(row.id));
                whole.retain(|known| known["hid"] != values["hid"]);
            } else {
                values.insert("hid".to_owned(), json!(1_000_000 + number));
            }
            fitting.push(*number);
            whole.push(values);
        }
        if fitting.is_empty() {
            return;
        }
        // Values that must not be null are exchanged in no circle: the way out of one is a null.
        let is_stuck = fitting.len() > 1
            && self.world.schema.columns.iter().any(|column| column.not_null && column.unique == Some(Unique::Plain));
        match table::together(&self.postgres, &whole) {
            None if is_stuck => self.note(format!("rows {fitting:?} may exchange values that cannot be null")),
            None => self.blame(
                Invariant::NeverConverges,
                format!("rows {fitting:?} of tab {sync} are refused in every run, and the table could hold them all"),
            ),
            Some(why) => self.note(format!("rows {fitting:?} cannot all be in the table: {why}")),
        }
    }
}
