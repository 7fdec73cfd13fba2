//! Judges the way: every commit of the product, by the table before and after it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::calls;
use crate::fault::Invariant;
use crate::oracle::{Base, Decision, Fate, Reading};
use crate::product;
use crate::stage::Stage;
use crate::table::{self, Expected, Row};
use crate::world::{Authority, Content, Deletes, Mode, RunKind, SyncSpec};

/// What became of a row of a batch.
enum End {
    /// It is in the table as it should be.
    Applied(Reading),
    /// Nothing of it was written.
    Unwritten,
    /// It waits for a person.
    Waits,
    /// Something else was written.
    Wrong(String, bool),
}

impl Stage {
    /// The definition of a sync, with what a person decided for a row.
    #[must_use]
    pub fn spec(&self, sync: usize, key: Option<&str>) -> SyncSpec {
        let mut spec = self.world.syncs[sync].clone();
        let memory = &self.memories[sync];
        if let Some(adopt) = key.filter(|key| !memory.lapsed.contains(*key)).and_then(|key| memory.approved.get(key)) {
            spec.adopt = *adopt;
        }
        spec
    }

    /// The same, and with a decision that may be forgotten.
    #[must_use]
    pub fn specs(&self, sync: usize, key: &str) -> Vec<SyncSpec> {
        let spec = self.spec(sync, Some(key));
        let memory = &self.memories[sync];
        let lapsed = memory.approved.get(key).filter(|_| memory.lapsed.contains(key));
        let decided = lapsed.map(|adopt| SyncSpec { adopt: *adopt, ..spec.clone() });
        [Some(spec), decided].into_iter().flatten().collect()
    }

    /// What a sync may remember of a row: its own, or what the sync remembers that fed the row so far.
    #[must_use]
    pub fn bases(&self, sync: usize, key: &str) -> Vec<Option<Base>> {
        let own = self.memories[sync].base.get(key);
        let mut bases = own.map_or_else(|| vec![None], Base::ways);
        let others = self.memories.iter().enumerate().filter(|(other, _)| *other != sync);
        let taken: Vec<Option<Base>> = others
            .filter_map(|(other, memory)| Some((other, memory.base.get(key)?)))
            .flat_map(|(other, base)| base.ways().into_iter().flatten().map(move |base| self.handed(other, base)))
            .flat_map(|base| [Some(base.over(own)), own.map(|own| own.over(Some(&base)))])
            .collect();
        bases.extend(taken);
        bases
    }

    /// What a sync hands over of what it remembers: nothing of columns that it never writes.
    fn handed(&self, sync: usize, mut base: Base) -> Base {
        let schema = &self.world.schema;
        for index in 0..schema.columns.len() {
            if self.world.syncs[sync].fed(schema, index).authority == Authority::Database {
                base.columns.remove(&format!("c{}", index + 1));
            }
        }
        base
    }

    /// Judges what a call changed. `run` is whose call it is, `answer` what it answered, `before` the table before it.
    pub fn judge_commit(
        &mut self,
        function: &str,
        run: Option<usize>,
        arguments: &Value,
        answer: Option<&Value>,
        before: &[Row],
    ) {
        let changed: BTreeSet<String> = changed(before, &self.rows);
        let applied = function == "sync_apply" && answer.is_some_and(|answer| answer["outcome"] == "applied");
        if let Some(outcome) = answer.and_then(|answer| answer["outcome"].as_str()) {
            self.count(&format!("{function} {outcome}"));
        }
        let Some(run) = run else {
            if !changed.is_empty() {
                self.blame(Invariant::RowTouched, format!("{function} changed rows of the table: {changed:?}"));
            }
            return;
        };
        let sync = self.runs[run].sync;
        if function == "sync_planned" && answer.is_some() && !self.runs[run].is_planned {
            self.remember_plan(run);
        }
        if !changed.is_empty() && self.current(sync) != Some(run) {
            self.blame(
                Invariant::OldRunWrote,
                format!("{function} of run {run} changed {changed:?}, and run {:?} is newer", self.current(sync)),
            );
        }
        let after = self.rows.clone();
        let marked = self.marked.clone();
        self.judge_deletions(run, before, &after);
        let mut keys: BTreeSet<String> = changed;
        if applied && let Some(sent) = calls::message_keys(arguments) {
            keys.extend(sent.iter().map(|key| product::identity(&self.world.schema, key)));
        }
        if !keys.is_empty() {
            self.judge_rows(run, &keys, before, &after, &marked);
        }
    }

    /// What a run's plan says of what is gone.
    fn remember_plan(&mut self, run: usize) {
        self.runs[run].is_planned = true;
        self.runs[run].edits = self.edits;
        let record = &self.runs[run];
        let is_selective = matches!(record.kind, RunKind::Selective(_));
        let is_at_rest = record.versions.first() == record.versions.last();
        let is_complete =
            is_at_rest && !is_selective && !record.readings.iter().any(|reading| reading.fate == Fate::Unreadable);
        let keys: BTreeSet<String> = record.readings.iter().filter_map(|reading| reading.key.clone()).collect();
        let births = record.readings.iter().map(|reading| reading.birth).collect();
        let minute = self.minute;
        let mode = self.world.syncs[record.sync].mode;
        let memory = &mut self.memories[record.sync];
        if is_selective {
            return;
        }
        memory.births = births;
        // Who decided about a row has not seen the one that comes back with its key.
        memory.lapsed.extend(memory.approved.keys().filter(|key| !keys.contains(*key)).cloned());
        if is_complete && memory.base.keys().all(|key| keys.contains(key)) {
            memory.strays = memory.strays(mode, &self.runs[run].readings);
        }
        for (key, base) in &mut memory.base {
            if keys.contains(key) {
                memory.missing.remove(key);
            } else {
                // It may be forgotten by the time it comes back.
                base.is_certain = false;
                if is_complete {
                    memory.missing.entry(key.clone()).or_default().push(minute);
                }
            }
        }
        memory.keys = keys;
        self.remember_takers();
    }

    /// A key that its feeder no longer has is handed to a sync that has it, whatever becomes of that sync's own values.
    fn remember_takers(&mut self) {
        for (key, feeder) in &self.feeders {
            if self.memories[*feeder].keys.contains(key) {
                continue;
            }
            let others =
                self.memories.iter().enumerate().filter(|(other, memory)| other != feeder && memory.keys.contains(key));
            self.takers.extend(others.map(|(other, _)| (key.clone(), other)));
        }
    }

    /// Rows that are gone or marked.
    fn judge_deletions(&mut self, run: usize, before: &[Row], after: &[Row]) {
        let sync = self.runs[run].sync;
        let spec = self.spec(sync, None);
        for row in before {
            let now = after.iter().find(|later| later.id == row.id);
            let is_gone = now.is_none();
            let is_marked = now.is_some_and(|now| now.is_marked() && !row.is_marked());
            if now.is_some_and(|now| !now.is_marked() && row.is_marked()) {
                if self.marked.remove(&row.id) {
                    self.count("row restored");
                } else {
                    self.blame(Invariant::DeletedRestored, format!("{} was deleted by people and is back", row.key));
                }
            }
            if !is_gone && !is_marked {
                continue;
            }
            self.count(if is_gone { "row deleted" } else { "row marked" });
            if after.iter().any(|later| later.key == row.key && later.id != row.id) {
                self.blame(
                    Invariant::RowReplaced,
                    format!(
                        "the row of {} was deleted and inserted again: the application's values in it are lost",
                        row.key
                    ),
                );
                continue;
            }
            if is_marked {
                self.marked.insert(row.id);
            }
            let fits = matches!((spec.deletes, is_gone), (Deletes::Hard, true) | (Deletes::Soft, false));
            if !fits {
                self.blame(
                    Invariant::RowTouched,
                    format!("{} was deleted, and the policy is {:?}", row.key, spec.deletes),
                );
            }
            self.judge_deletion(run, row, before, after);
        }
    }

    /// Whether the row may go.
    fn judge_deletion(&mut self, run: usize, row: &Row, before: &[Row], after: &[Row]) {
        let record = &self.runs[run];
        let sync = record.sync;
        let key = &row.key;
        let spec = self.spec(sync, None);
        let base = self.memories[sync].base.get(key).cloned();
        let is_read = record.readings.iter().any(|reading| reading.key.as_ref() == Some(key));
        if is_read || matches!(record.kind, RunKind::Selective(_)) {
            self.blame(
                Invariant::KeyDeleted,
                format!("run {run} of sync {sync} read {key} in the sheet and deleted it"),
            );
        }
        if base.is_none() && self.takers.contains(&(key.clone(), sync)) {
            // It has the row from the sync that fed it, and nothing of it ever was in its own tab.
            self.judge_others(run, key);
            return;
        }
        let Some(base) = base else {
            self.blame(Invariant::NotOurs, format!("{key} was deleted by sync {sync}, which never wrote it"));
            return;
        };
        self.judge_others(run, key);
        self.judge_renamed_away(run, row, before, after);
        if self.runs[run].held.contains(&base.birth)
            && let Some(invariant) = self.left(run, &base, after)
        {
            let detail = self.whereabouts(sync, &base);
            self.blame(
                invariant,
                format!("{key} was deleted, and its row was in tab {sync} during the whole read, where it is {detail}"),
            );
        }
        let memory = &self.memories[sync];
        let missing = memory.missing.get(key).cloned().unwrap_or_default();
        let spread = missing.last().zip(missing.first()).map_or(0, |(last, first)| last - first);
        let confirmed = match spec.confirm_deletes {
            0 | 1 => !missing.is_empty(),
            needed => missing.len() >= usize::from(needed) && spread >= 1,
        };
        if !confirmed && !self.runs[run].is_approved {
            self.blame(
                Invariant::Unconfirmed,
                format!("{key} was missing in the complete reads of the minutes {missing:?} and was deleted, confirm_deletes is {}", spec.confirm_deletes),
            );
        }
        self.judge_guard(run, &spec);
        let memory = &mut self.memories[sync];
        memory.strays = memory.strays(spec.mode, &self.runs[run].readings);
        if spec.deletes == Deletes::Hard {
            memory.base.remove(key);
        }
        memory.missing.remove(key);
    }

    /// A row that the definition knows as renamed is not deleted and inserted again: the application's values in it would be lost.
    fn judge_renamed_away(&mut self, run: usize, row: &Row, before: &[Row], after: &[Row]) {
        let spec = &self.world.syncs[self.runs[run].sync];
        let Some(by) = spec.renames(&self.world.schema) else { return };
        let name = format!("c{}", by + 1);
        let value = row.value(&name);
        let is_new = |other: &&Row| !before.iter().any(|known| known.id == other.id);
        let is_same = |other: &&Row| self.world.schema.same(&name, other.value(&name), value);
        let new = after.iter().filter(is_new).find(is_same).filter(|_| !value.is_null()).map(|new| new.key.clone());
        // Where a trigger makes another value of the sheet's, or several rows have it, nothing says before the write which row it is:
        // the deletion is withheld, and a person may approve it.
        let column = self.world.schema.keys.len() + by;
        let is_said = |reading: &&Reading| match reading.cells[column] {
            Content::Value(said, _) => {
                let said = self.stored(&name, &self.world.schema.columns[by].kind.value(said));
                self.world.schema.same(&name, &said, value)
            }
            _ => false,
        };
        let record = &self.runs[run];
        if record.is_approved && record.readings.iter().filter(is_said).count() != 1 {
            return;
        }
        if let Some(new) = new {
            self.blame(
                Invariant::RowReplaced,
                format!(
                    "{} was deleted and {new} inserted in its place, although rename_by says that it is the same row",
                    row.key
                ),
            );
        }
    }

    /// No other sync has the key.
    fn judge_others(&mut self, run: usize, key: &str) {
        let sync = self.runs[run].sync;
        for other in (0..self.world.syncs.len()).filter(|other| *other != sync) {
            // Until its batch arrives, Postgres cannot know that the other has it; more than one read gives it the time.
            let own = format!("\"sync\":\"{}\"", calls::sync_name(other));
            let is_under_way = self.queue.iter().any(|message| message.body.contains(&own));
            if is_under_way && self.world.syncs[sync].confirm_deletes <= 1 {
                continue;
            }
            let has_it = self.memories[other].keys.contains(key)
                && self.sheet.tabs[other].rows.iter().any(|row| {
                    let reading = self.world.syncs[other].read(&self.world.schema, row.birth, 0, row.cells.clone());
                    reading.key.as_deref() == Some(key)
                });
            if has_it {
                self.blame(
                    Invariant::OthersKeyDeleted,
                    format!("{key} was deleted by sync {sync}, and sync {other} has read it in its tab, where it is"),
                );
            }
        }
    }

    fn judge_guard(&mut self, run: usize, spec: &SyncSpec) {
        if self.runs[run].is_approved {
            return;
        }
        let minute = self.minute;
        let memory = &mut self.memories[self.runs[run].sync];
        memory.deleted.push((minute, 1));
        let within: u64 = memory.deleted.iter().filter(|(at, _)| at + 24 * 60 > minute).map(|(_, count)| count).sum();
        if within > u64::from(spec.guard) {
            self.blame(
                Invariant::GuardExceeded,
                format!("{within} rows were deleted within a day, the guard allows {}", spec.guard),
            );
        }
    }

    /// What is broken when a row of the sheet leaves the table: nothing if it is there under the key that it has now, or if
    /// it is spoilt so that its row cannot be identified.
    fn left(&self, run: usize, base: &Base, after: &[Row]) -> Option<Invariant> {
        let sync = self.runs[run].sync;
        let row = self.sheet.tabs[sync].rows.iter().find(|row| row.birth == base.birth)?;
        // A row that people marked is where they want it.
        let is_in = |key: &String| after.iter().any(|row| row.key == *key && !self.marked.contains(&row.id));
        let Some(reading) = self.runs[run].readings.iter().find(|reading| reading.birth == base.birth) else {
            let now = self.world.syncs[sync].read(&self.world.schema, row.birth, 0, row.cells.clone());
            return (!now.key.as_ref().is_some_and(is_in)).then_some(Invariant::UnseenLeft);
        };
        if reading.key.as_ref().is_some_and(is_in) {
            return None;
        }
        let shares = self.runs[run].readings.iter().filter(|other| other.key == reading.key).count() > 1;
        let memory = &self.memories[sync];
        let mode = self.world.syncs[sync].mode;
        let now = memory.strays(mode, &self.runs[run].readings);
        let is_approved = self.runs[run].is_approved;
        match reading.fate {
            // A key that another sync feeds is in that sync's hands, whatever the application did to its row.
            Fate::Ready if reading.key.as_ref().is_some_and(|key| self.feeder(sync, key).is_some()) => None,
            // What the mode leaves out may be any row when there are more of them than before.
            Fate::Ready if mode == Mode::UpdateOnly || shares => {
                (!is_approved && now.unknown > memory.strays.unknown).then_some(Invariant::RenamedLeft)
            }
            // What a person approved, knowing that a row with a new key was refused, is deleted.
            Fate::Ready => (!is_approved).then_some(Invariant::RenamedLeft),
            Fate::Unreadable => Some(Invariant::UnreadableLeft),
            // Rows without a key, or with a new one and a bad cell, may be any row when there are more of them than before.
            Fate::Bad => (!is_approved && now.unknown > memory.strays.unknown).then_some(Invariant::RenamedLeft),
            Fate::NoKey => (!is_approved && now.keyless > memory.strays.keyless).then_some(Invariant::UnreadableLeft),
            Fate::Nothing => None,
        }
    }

    fn whereabouts(&self, sync: usize, base: &Base) -> String {
        let place = self.sheet.tabs[sync].rows.iter().position(|row| row.birth == base.birth);
        place.map_or_else(
            || "no longer".to_owned(),
            |place| format!("row {}: {}", place + 2, json!(self.sheet.tabs[sync].rows[place].cells)),
        )
    }

    /// Rows that were in a batch, or that changed.
    fn judge_rows(
        &mut self,
        run: usize,
        keys: &BTreeSet<String>,
        before: &[Row],
        after: &[Row],
        marked: &BTreeSet<i64>,
    ) {
        let sync = self.runs[run].sync;
        let mut questions: Vec<Question> = Vec::new();
        for key in keys {
            let was = before.iter().find(|row| row.key == *key);
            let is = after.iter().find(|row| row.key == *key);
            if is.is_none() && was.is_some() {
                continue; // judged as a deletion, or as the row of its new key
            }
            let options = self.options(run, key);
            let former = is.filter(|_| was.is_none()).and_then(|is| before.iter().find(|row| row.id == is.id));
            if let Some(former) = former {
                self.judge_rename(run, former, key, &options);
            }
            let (was, known) = former.map_or((was, key), |former| (Some(former), &former.key));
            let is_changed = former.is_some() || !same_row(self, was, is);
            if options.is_empty() {
                if is_changed && was.is_none() {
                    let moved = self.runs[run].moved;
                    self.blame(
                        if moved { Invariant::MovedRead } else { Invariant::RowInvented },
                        format!("{key} came into the table by run {run}, which read no such row: {}", shown(is)),
                    );
                } else if is_changed && !only_mark(was, is) {
                    self.blame(
                        Invariant::RowTouched,
                        format!(
                            "{key} was changed by run {run}, which read no such row: {} became {}",
                            shown(was),
                            shown(is)
                        ),
                    );
                }
                continue;
            }
            if let Some(feeder) = self.feeder(sync, key) {
                if is_changed {
                    self.blame(
                        Invariant::OthersRowWritten,
                        format!("{key} was written by sync {sync}, and sync {feeder} feeds it"),
                    );
                }
                self.count("row claimed");
                // Its run may die before its plan is known: the claim counts all the same.
                self.takers.insert((key.clone(), sync));
                continue;
            }
            let stored = |name: &str, value: &Value| self.stored(name, value);
            let specs = self.specs(sync, key);
            for reading in &options {
                let bases = self.bases(sync, known);
                for (spec, base) in specs.iter().flat_map(|spec| bases.iter().map(move |base| (spec, base))) {
                    let decision = spec.decide(&self.world.schema, base.as_ref(), reading, was, &stored);
                    questions.push(Question {
                        key: key.clone(),
                        reading: reading.clone(),
                        decision,
                        was: was.cloned(),
                        is: is.cloned(),
                    });
                }
            }
        }
        let ends = self.answer(questions, marked);
        for (key, end) in ends {
            match end {
                End::Applied(reading) => {
                    self.count("row applied");
                    let Some(row) = after.iter().find(|row| row.key == key) else { continue };
                    let was = before.iter().find(|was| was.id == row.id);
                    let known = was.map_or(&key, |was| &was.key);
                    let spec = self.spec(sync, Some(&key));
                    let bases = self.bases(sync, known);
                    let base = bases.iter().flatten().next();
                    let stored = |name: &str, value: &Value| self.stored(name, value);
                    let base = spec.remember(&self.world.schema, base, &reading, (was, row), &stored);
                    let memory = &mut self.memories[sync];
                    if *known != key {
                        memory.base.remove(known);
                        memory.missing.remove(known);
                    }
                    memory.base.insert(key.clone(), base);
                    memory.missing.remove(&key);
                    memory.waiting.remove(&key);
                    self.feeders.insert(key.clone(), sync);
                    self.takers.retain(|(taken, _)| *taken != key);
                    self.app.removed.remove(&key);
                    let id = row.id;
                    self.app.edited.retain(|(edited, _)| *edited != id);
                }
                End::Waits => {
                    self.count("row waits for approval");
                    self.memories[sync].waiting.insert(key);
                }
                End::Unwritten => self.count("row unwritten"),
                End::Wrong(detail, _) if self.runs[run].moved => {
                    self.blame(Invariant::MovedRead, format!("{key}: {detail}"));
                }
                End::Wrong(detail, true) => self.blame(Invariant::EditOverwritten, format!("{key}: {detail}")),
                End::Wrong(detail, false) => self.blame(Invariant::WrongValue, format!("{key}: {detail}")),
            }
        }
    }

    /// A row has got another key.
    fn judge_rename(&mut self, run: usize, former: &Row, key: &str, options: &[Reading]) {
        let sync = self.runs[run].sync;
        let schema = &self.world.schema;
        let by = self.world.syncs[sync].renames(schema);
        let is_gone = !self.runs[run].readings.iter().any(|reading| reading.key.as_ref() == Some(&former.key));
        // What the table would hold of the row, had it come alone: a trigger may compute it.
        let fits = by.is_some_and(|by| {
            let name = format!("c{}", by + 1);
            let spec = self.spec(sync, Some(key));
            let stored = |name: &str, value: &Value| self.stored(name, value);
            let writes: Vec<(Option<&Row>, Value)> = options
                .iter()
                .filter_map(|reading| match spec.decide(schema, None, reading, None, &stored) {
                    Decision::Insert(values) => Some((None, json!(values))),
                    _ => None,
                })
                .collect();
            let is_same = |made: &Map<String, Value>| schema.same(&name, former.value(&name), &made[&name]);
            let answers = table::ask(&self.postgres, "expect", &writes);
            answers.iter().any(|answer| matches!(answer, Expected::Row(made) if is_same(made)))
        });
        let is_ours = self.memories[sync].base.contains_key(&former.key);
        if !(fits && is_gone && is_ours) {
            self.blame(
                Invariant::RowRekeyed,
                format!("the row of {} got the key {key}, and nothing says that it is the same row", former.key),
            );
        }
        self.count("row renamed");
    }

    /// The different rows that a run read with a key; none when several rows share it.
    #[must_use]
    pub fn options(&self, run: usize, key: &str) -> Vec<Reading> {
        let record = &self.runs[run];
        let mut options: Vec<Reading> = Vec::new();
        for reading in record.readings.iter().filter(|reading| reading.key.as_deref() == Some(key)) {
            if !options.iter().any(|known| known.birth == reading.birth && known.cells == reading.cells) {
                options.push(reading.clone());
            }
        }
        let births: BTreeSet<u32> = options.iter().map(|reading| reading.birth).collect();
        if births.len() > 1 && !record.moved {
            return Vec::new();
        }
        options.retain(|reading| reading.fate == Fate::Ready);
        options
    }

    /// Asks Postgres what becomes of each write, and says for each key whether that is what the table shows.
    fn answer(&mut self, questions: Vec<Question>, marked: &BTreeSet<i64>) -> BTreeMap<String, End> {
        let writes: Vec<(Option<&Row>, Value)> = questions
            .iter()
            .filter_map(|question| match &question.decision {
                Decision::Insert(values) => Some((None, json!(values))),
                Decision::Update(values) | Decision::Wait(values) => {
                    Some((question.was.as_ref(), json!(restored(question.was.as_ref(), values, marked))))
                }
                Decision::Skip => None,
            })
            .collect();
        let mut answers = table::ask(&self.postgres, "expect", &writes).into_iter();
        let mut ends: BTreeMap<String, End> = BTreeMap::new();
        for question in questions {
            let expected = (question.decision != Decision::Skip).then(|| answers.next()).flatten();
            let is_unchanged = same_row(self, question.was.as_ref(), question.is.as_ref());
            let end = match &expected {
                Some(Expected::Row(row))
                    if matches!(question.decision, Decision::Wait(_)) && self.is_as(question.is.as_ref(), row) =>
                {
                    End::Waits
                }
                Some(Expected::Row(row)) if self.is_as(question.is.as_ref(), row) => {
                    End::Applied(question.reading.clone())
                }
                // It had nothing to write, so nothing could refuse it.
                _ if is_unchanged
                    && matches!(&question.decision, Decision::Update(values) if restored(question.was.as_ref(), values, marked).is_empty()) =>
                {
                    End::Applied(question.reading.clone())
                }
                _ if is_unchanged => End::Unwritten,
                Some(Expected::Row(row)) => {
                    let (detail, is_edit) = self.difference(&question, row);
                    End::Wrong(detail, is_edit)
                }
                Some(Expected::Refused(code)) => End::Wrong(
                    format!("plain SQL is refused ({code}), and the table has {}", shown(question.is.as_ref())),
                    false,
                ),
                Some(Expected::Swallowed) | None => End::Wrong(
                    format!("nothing should be written, and the table has {}", shown(question.is.as_ref())),
                    false,
                ),
            };
            if let Some(Expected::Refused(code)) = &expected {
                self.count(&format!("row refused {}", code.get(..5).unwrap_or(code)));
            }
            match (ends.get(&question.key), &end) {
                (Some(End::Applied(_)), _) => {}
                (Some(End::Waits), End::Unwritten | End::Wrong(..)) => {}
                (Some(End::Unwritten), End::Wrong(..)) => {}
                _ => drop(ends.insert(question.key.clone(), end)),
            }
        }
        ends
    }

    /// Whether a row is as Postgres would make it.
    pub(crate) fn is_as(&self, row: Option<&Row>, expected: &Map<String, Value>) -> bool {
        row.is_some_and(|row| self.differing(&row.values, expected).next().is_none())
    }

    /// The columns in which two rows differ, except those whose value cannot be predicted.
    fn differing<'a>(
        &'a self,
        row: &'a Map<String, Value>,
        expected: &'a Map<String, Value>,
    ) -> impl Iterator<Item = &'a String> {
        let keys = self.world.schema.keys.len();
        expected.iter().filter_map(move |(name, expected)| {
            let value = row.get(name).unwrap_or(&Value::Null);
            let is_same = match name.as_str() {
                // The key is compared as such; the row's note says whether it is new.
                "hid" | "updated_at" => true,
                "deleted_at" => value.is_null() == expected.is_null(),
                name if (1..=keys).any(|number| name == format!("k{number}")) => true,
                name => self.world.schema.same(name, value, expected),
            };
            (!is_same).then_some(name)
        })
    }

    fn difference(&self, question: &Question, expected: &Map<String, Value>) -> (String, bool) {
        let Some(is) = &question.is else {
            return (format!("it is not in the table; plain SQL makes {}", json!(expected)), false);
        };
        let mut is_edit = false;
        let mut text = Vec::new();
        for name in self.differing(&is.values, expected) {
            let was = question.was.as_ref().map(|row| row.value(name));
            is_edit |= was == Some(&expected[name]) && self.app.edited.contains(&(is.id, name.clone()));
            text.push(format!(
                "{name} should be {}, was {} and is {}",
                expected[name],
                was.unwrap_or(&Value::Null),
                is.value(name)
            ));
        }
        (format!("{} (the sheet says {})", text.join("; "), json!(question.reading.cells)), is_edit)
    }
}

/// The values that are written to a row, with its mark taken off when the product had marked it.
fn restored(row: Option<&Row>, values: &Map<String, Value>, marked: &BTreeSet<i64>) -> Map<String, Value> {
    let mut values = values.clone();
    if row.is_some_and(|row| marked.contains(&row.id)) {
        values.insert("deleted_at".to_owned(), Value::Null);
    }
    values
}

/// What should have become of a row, and what did.
struct Question {
    key: String,
    reading: Reading,
    decision: Decision,
    was: Option<Row>,
    is: Option<Row>,
}

/// The keys of all rows that are not as they were.
fn changed(before: &[Row], after: &[Row]) -> BTreeSet<String> {
    let differs =
        |row: &&Row, others: &[Row]| !others.iter().any(|other| other.id == row.id && other.values == row.values);
    let gone = before.iter().filter(|row| differs(row, after));
    let new = after.iter().filter(|row| differs(row, before));
    gone.chain(new).map(|row| row.key.clone()).collect()
}

fn same_row(stage: &Stage, was: Option<&Row>, is: Option<&Row>) -> bool {
    match (was, is) {
        (None, None) => true,
        (Some(was), Some(is)) => was.id == is.id && stage.differing(&is.values, &was.values).next().is_none(),
        _ => false,
    }
}

fn only_mark(was: Option<&Row>, is: Option<&Row>) -> bool {
    let (Some(was), Some(is)) = (was, is) else { return false };
    let others = |row: &Row| {
        let mut values = row.values.clone();
        values.remove("deleted_at");
        values.remove("updated_at");
        values
    };
    others(was) == others(is)
}

fn shown(row: Option<&Row>) -> String {
    row.map_or_else(|| "nothing".to_owned(), |row| json!(row.values).to_string())
}
