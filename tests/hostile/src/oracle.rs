//! What must come of a row of the sheet, said without the product: what a row's cells say, and DESIGN's table of whose value
//! wins over (base, sheet, database). It remembers per sync what was applied, as the table held it afterwards.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::sheet::Birth;
use crate::table::Row;
use crate::world::{Adopt, Authority, Blank, ColumnSpec, Content, Fed, Kind, Mode, Schema, SyncSpec};

/// What a sync was given of a row when it read the tab.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Which row it was.
    pub birth: Birth,
    /// Where it stood.
    pub number: u32,
    /// What its key is equal to, when it can be read.
    pub key: Option<String>,
    /// Per column of the schema what was in it.
    pub cells: Vec<Content>,
    /// What can become of it.
    pub fate: Fate,
}

/// What can become of a row of the sheet, by its cells alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// There is nothing in it.
    Nothing,
    /// It has content, but no key.
    NoKey,
    /// Its key cannot be read.
    Unreadable,
    /// Another cell cannot be used.
    Bad,
    /// It can be written.
    Ready,
}

/// What a sync applied of a row.
#[derive(Debug, Clone)]
pub struct Base {
    /// Which row of the sheet it was.
    pub birth: Birth,
    /// Per column what the sheet said, and what the table held afterwards.
    pub columns: BTreeMap<String, (Value, Value)>,
    /// The same where it can be taken in two ways.
    pub others: Option<BTreeMap<String, (Value, Value)>>,
    /// Whether the sync may have forgotten it: its key vanished and came back.
    pub is_certain: bool,
}

impl Base {
    /// This base, and what another sync remembers of the row where this one does not.
    #[must_use]
    pub fn over(&self, lower: Option<&Self>) -> Self {
        let mut columns = lower.map(|base| base.columns.clone()).unwrap_or_default();
        columns.extend(self.columns.clone());
        Self { columns, ..self.clone() }
    }
}

/// What is known of a sync.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// What it applied, by key.
    pub base: BTreeMap<String, Base>,
    /// The minutes of the complete reads in a row in which a key was missing.
    pub missing: BTreeMap<String, Vec<u64>>,
    /// The keys of its last complete read.
    pub keys: BTreeSet<String>,
    /// The rows of its last read.
    pub births: BTreeSet<Birth>,
    /// What it deleted, and when.
    pub deleted: Vec<(u64, u64)>,
    /// Rows whose adoption waits for a person.
    pub waiting: BTreeSet<String>,
    /// What a person decided for rows that waited.
    pub approved: BTreeMap<String, Adopt>,
    /// Those of them whose keys a read missed since: the decision may be forgotten.
    pub lapsed: BTreeSet<String>,
    /// How many rows had no key, and how many had a key that it does not know and could not be used, in the last complete
    /// read in which nothing was gone, or whose deletions were carried out.
    pub strays: Strays,
}

/// Rows that may be any row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strays {
    /// Without a key.
    pub keyless: usize,
    /// With a key that is not known, and a cell that cannot be used, or of which the mode makes no row.
    pub unknown: usize,
}

impl Memory {
    /// The rows of a read that may be any row.
    #[must_use]
    pub fn strays(&self, mode: Mode, readings: &[Reading]) -> Strays {
        let is_unknown = |reading: &&Reading| {
            (reading.fate == Fate::Bad || mode == Mode::UpdateOnly && reading.fate == Fate::Ready)
                && reading.key.as_ref().is_some_and(|key| !self.base.contains_key(key))
        };
        // A key that an earlier row has may have been typed over another.
        let is_shared = |reading: &&Reading| {
            let earlier = |other: &&Reading| other.number < reading.number && other.key == reading.key;
            reading.key.is_some() && reading.fate != Fate::NoKey && readings.iter().any(|other| earlier(&other))
        };
        Strays {
            keyless: readings.iter().filter(|reading| reading.fate == Fate::NoKey).count(),
            unknown: readings.iter().filter(is_unknown).count() + readings.iter().filter(is_shared).count(),
        }
    }
}

impl Base {
    /// The ways in which it can be taken.
    #[must_use]
    pub fn ways(&self) -> Vec<Option<Self>> {
        let mut ways = vec![Some(self.clone())];
        if let Some(columns) = self.others.clone() {
            ways.push(Some(Self { columns, ..self.clone() }));
        }
        if !self.is_certain {
            ways.push(None);
        }
        ways
    }
}

/// What should be done with a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// It is new.
    Insert(Map<String, Value>),
    /// These columns are written.
    Update(Map<String, Value>),
    /// Nothing: the mode says so.
    Skip,
    /// Nothing but this, until a person says whose values stay.
    Wait(Map<String, Value>),
}

/// Whose a row that the sync never wrote becomes.
fn holds_nothing(schema: &Schema, name: &str, live: &Value, sheet: &Value) -> bool {
    let number = name.strip_prefix('c').and_then(|number| number.parse::<usize>().ok());
    let Some(column) = number.and_then(|number| schema.columns.get(number - 1)) else { return false };
    let default = match column.kind {
        // As Postgres shows it.
        Kind::Moment => Value::from(format!("2023-12-31T{:02}:00:00+00:00", crate::table::DEFAULT + 15)),
        kind => kind.value(crate::table::DEFAULT),
    };
    live.is_null()
        || column.has_default
            && column.kind != Kind::Json
            // A blank cell empties nothing without asking.
            && !sheet.is_null()
            && schema.same(name, live, &default)
}

impl SyncSpec {
    /// The column by which a renamed row is known, where the definition can have one.
    #[must_use]
    pub fn renames(&self, schema: &Schema) -> Option<usize> {
        self.rename_by.filter(|index| {
            let column = schema.columns.get(*index);
            column.is_some_and(|column| column.unique.is_some())
                && !schema.partitioned
                && self.fed(schema, *index).authority != Authority::Unmapped
        })
    }

    /// How a column that is no key is fed, given what can be said of its kind.
    #[must_use]
    pub fn fed(&self, schema: &Schema, index: usize) -> Fed {
        let fed = self.columns.get(index).copied();
        let Fed { mut authority, mut blank } = fed.unwrap_or(Fed { authority: Authority::Merge, blank: Blank::Null });
        let ColumnSpec { kind, not_null, has_default, .. } = schema.columns[index];
        // Without it no row could be inserted, and the definition is refused.
        if authority == Authority::Unmapped && not_null && !has_default && self.mode != Mode::UpdateOnly {
            authority = Authority::Merge;
        }
        if blank == Blank::Default && !matches!(kind, Kind::Text | Kind::Varchar | Kind::Integer | Kind::Domain) {
            blank = Blank::Null;
        }
        Fed { authority, blank }
    }

    /// What a row's cells make of it.
    #[must_use]
    pub fn read(&self, schema: &Schema, birth: Birth, number: u32, cells: Vec<Content>) -> Reading {
        let keys = schema.keys.len();
        let is_mapped = |index: usize| index < keys || self.fed(schema, index - keys).authority != Authority::Unmapped;
        // A checkbox that is not ticked is nothing.
        let is_nothing = |(index, content): (usize, &Content)| {
            *content == Content::Blank
                || schema.kinds()[index].cell(*content) == sheetsync::mapping::Cell::Bool(false)
                || !is_mapped(index)
        };
        let is_empty = cells.iter().enumerate().all(is_nothing);
        let key_cells = &cells[..keys];
        let has_blank = key_cells.contains(&Content::Blank);
        let values: Option<Vec<Value>> = key_cells
            .iter()
            .zip(&schema.keys)
            .map(|(content, kind)| match content {
                // Full-width digits are no number where nothing reads them as one.
                Content::Value(_, spelling) if self.key_as_text && spelling % 3 == 1 => None,
                Content::Value(value, _) => Some(kind.value(*value)),
                _ => None,
            })
            .collect();
        // Where it may not be written, or a trigger may change it, the table decides.
        let writes = self.mode == Mode::Upsert && self.adopt != Adopt::Database;
        let is_bad = |index: usize| {
            let (fed, column) = (self.fed(schema, index), &schema.columns[index]);
            let is_written = writes && fed.authority != Authority::Database;
            match cells[keys + index] {
                Content::Bad | Content::Error => true,
                Content::Blank if fed.blank == Blank::Null => {
                    column.not_null && is_written && !schema.has_row_trigger()
                }
                Content::Blank => fed.blank == Blank::Reject,
                Content::Value(value, _) => column.kind.is_beyond(value, is_written),
            }
        };
        let is_bad_key = key_cells.iter().zip(&schema.keys).any(|(content, kind)| match content {
            Content::Value(value, _) => kind.is_beyond(*value, writes),
            _ => false,
        });
        let fate = if has_blank && is_empty {
            Fate::Nothing
        } else if has_blank {
            Fate::NoKey
        } else if values.is_none() {
            Fate::Unreadable
        } else if is_bad_key || (0..schema.columns.len()).any(|index| is_mapped(keys + index) && is_bad(index)) {
            Fate::Bad
        } else {
            Fate::Ready
        };
        let key = values.filter(|_| !has_blank).map(|values| schema.key(&values));
        Reading { birth, number, key, cells, fate }
    }

    /// What a reading says of each mapped column that is no key; `None`: the table's value stays.
    fn says<'a>(
        &'a self,
        schema: &'a Schema,
        reading: &'a Reading,
    ) -> impl Iterator<Item = (String, Fed, Option<Value>)> {
        let keys = schema.keys.len();
        schema.columns.iter().enumerate().filter_map(move |(index, column)| {
            let fed = self.fed(schema, index);
            let value = match (reading.cells[keys + index], fed.blank) {
                (Content::Value(value, _), _) => Some(column.kind.value(value)),
                (_, Blank::Keep) => None,
                (_, Blank::Default) => Some(column.kind.value(1)),
                _ => Some(Value::Null),
            };
            (fed.authority != Authority::Unmapped).then(|| (format!("c{}", index + 1), fed, value))
        })
    }

    /// The values of a reading's key, as they are written.
    fn key_values(schema: &Schema, reading: &Reading) -> Map<String, Value> {
        let keys = reading.cells.iter().zip(&schema.keys).enumerate();
        keys.filter_map(|(index, (content, kind))| match content {
            Content::Value(value, _) => Some((format!("k{}", index + 1), kind.value(*value))),
            _ => None,
        })
        .collect()
    }

    /// docs/PROMISES.md, "Merge": whose value wins, per column. `stored` says how the table would hold a value.
    #[must_use]
    pub fn decide(
        &self,
        schema: &Schema,
        base: Option<&Base>,
        reading: &Reading,
        row: Option<&Row>,
        stored: &dyn Fn(&str, &Value) -> Value,
    ) -> Decision {
        let Some(row) = row else {
            let mut values = Self::key_values(schema, reading);
            values.extend(self.says(schema, reading).filter_map(|(name, _, value)| Some((name, value?))));
            return if self.mode == Mode::UpdateOnly { Decision::Skip } else { Decision::Insert(values) };
        };
        if self.mode == Mode::InsertOnly {
            return Decision::Skip;
        }
        let is_known = base.is_some();
        let same = |name: &str, left: &Value, right: &Value| schema.same(name, left, right);
        // Columns of which the sync knows nothing: `adopt` says whose value they get.
        let (mut adopted, mut waits) = (Map::new(), false);
        let mut writes = Map::new();
        for (name, fed, value) in self.says(schema, reading) {
            let (Some(sheet), live) = (value, row.value(&name)) else { continue };
            let is_owned = matches!(fed.authority, Authority::Database | Authority::Unmapped);
            if is_owned || same(&name, live, &stored(&name, &sheet)) {
                continue;
            }
            let (said, held) = match base.and_then(|base| base.columns.get(&name)) {
                Some(known) => known,
                None => {
                    match self.adopt {
                        Adopt::Sheet => drop(adopted.insert(name, sheet)),
                        Adopt::Database => {}
                        Adopt::Ask if holds_nothing(schema, &name, live, &sheet) => drop(adopted.insert(name, sheet)),
                        Adopt::Ask => waits = true,
                    }
                    continue;
                }
            };
            let is_edited = !same(&name, live, held);
            let writes_it = match fed.authority {
                Authority::Sheet => *said != sheet || is_edited,
                _ => *said != sheet && (!is_edited || !self.database_wins),
            };
            if writes_it {
                writes.insert(name, sheet);
            }
        }
        if is_known || !waits {
            writes.extend(adopted);
        }
        if waits { Decision::Wait(writes) } else { Decision::Update(writes) }
    }

    /// What is remembered of a row once it was applied, by the row before (none: it is new) and after. What the table holds
    /// counts where this write put it there, not where it was edited meanwhile.
    #[must_use]
    pub fn remember(
        &self,
        schema: &Schema,
        base: Option<&Base>,
        reading: &Reading,
        (before, after): (Option<&Row>, &Row),
        stored: &dyn Fn(&str, &Value) -> Value,
    ) -> Base {
        let mut columns = base.map(|base| base.columns.clone()).unwrap_or_default();
        let mut others = BTreeMap::new();
        for (name, _, value) in self.says(schema, reading) {
            let is = after.value(&name);
            let waits = value.as_ref().is_some_and(|sheet| {
                self.adopt == Adopt::Ask
                    && !columns.contains_key(&name)
                    && !schema.same(&name, is, &stored(&name, sheet))
            });
            if waits && before.is_some() {
                continue;
            }
            let is_written = before.is_none_or(|before| before.value(&name) != is);
            let known = columns.get(&name).cloned();
            let (said, held) = match (value, known) {
                (None, None) => (Value::Null, is.clone()),
                (None, Some((said, held))) => (said, if is_written { is.clone() } else { held }),
                (Some(sheet), Some((said, held))) if said == sheet && !is_written => (sheet, held),
                (Some(sheet), _) => {
                    // The database won: it is not defined whether the next edit must differ from its value.
                    let as_said = stored(&name, &sheet);
                    if !is_written && !schema.same(&name, is, &as_said) {
                        others.insert(name.clone(), (sheet.clone(), as_said));
                    }
                    (sheet, is.clone())
                }
            };
            columns.insert(name, (said, held));
        }
        let others = (!others.is_empty()).then(|| {
            let mut all = columns.clone();
            all.extend(others);
            all
        });
        Base { birth: reading.birth, columns, others, is_certain: true }
    }
}

impl Schema {
    /// Whether two values of a column are the same to the table.
    #[must_use]
    pub fn same(&self, name: &str, left: &Value, right: &Value) -> bool {
        let kind = self.names().iter().position(|known| known == name).map(|index| self.kinds()[index]);
        match (kind, left, right) {
            (Some(Kind::Citext | Kind::Folded), Value::String(left), Value::String(right)) => {
                left.to_lowercase() == right.to_lowercase()
            }
            (_, Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
            _ => left == right,
        }
    }
}
