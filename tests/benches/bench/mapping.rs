//! The domain alone, on one thread, beside `serde_json` parsing the same answers of the Sheets API.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, ensure};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sheetsync::batch::Envelope;
use sheetsync::definition::{Definition, Sync};
use sheetsync::hash::{self, DigestBuilder, RangeIndex};
use sheetsync::mapping::{self, Column, Form, Limit, Limits, Locale, Mapping, Settings, Type};
use sheetsync::plan::{self, Plan, RangeDigests};
use sheetsync::snapshot::{Snapshot, SnapshotBuilder, State};
use sheetsync_demo::{Cell, FIRST_ROW, Fate, Options, Sheet, TIME_ZONE, serial_of_date, serial_of_moment};
use uuid::Uuid;

use crate::Line;

pub const ROWS: u32 = 100_000;
const COLUMNS: usize = 25;
/// As many rows as an answer of about 2 MB has.
const CHUNK_ROWS: usize = 5_000;
const TRIES: usize = 7;

/// A block of rows in an answer of `values:batchGet`.
#[derive(Deserialize)]
struct Values<T> {
    values: Vec<Vec<T>>,
}

pub fn measure() -> Result<Vec<Line>> {
    let sheet = Sheet::new(Options { rows: ROWS, columns: COLUMNS, seed: 1 });
    let answers = answers(&sheet)?;
    let text = format!("{}{}", include_str!("../../../sheetsync.toml"), sheet.further_definition());
    let sync = Definition::parse(Path::new("sheetsync.toml"), &text)?.syncs.remove(0);
    let headers: Vec<_> = sheet.columns().iter().map(|column| mapping::Cell::from(column.header.as_str())).collect();
    let none = Limits::new();
    let settings = Settings {
        columns: &sync.columns,
        key: &sync.key,
        key_forms: &[],
        limits: &none,
        header_row: 1,
        first_column: 0,
        time_zone: TIME_ZONE,
        locale: Locale::named("ja_JP"),
    };
    let bind = |settings| Mapping::bind(settings, &headers).map_err(|problems| anyhow!("{problems:?}"));
    let mapping = bind(settings)?;
    let limited = bind(Settings { limits: &limits(&sync), ..settings })?;

    // What the generator says must come of it.
    let kept = sheet.rows().filter(|row| row.fate == Fate::Kept).count();
    let snapshot = read(&answers, &mapping, &sync)?;
    let bits = hash::range_bits(u64::from(ROWS));
    let stored = digests(&snapshot, bits);

    let values = best(|| answers.iter().try_for_each(|answer| parse::<Value>(answer).map(drop)))?;
    let cells = best(|| answers.iter().try_for_each(|answer| parse::<mapping::Cell>(answer).map(drop)))?;
    let mut wire = 0;
    let first = best(|| {
        let snapshot = read(&answers, &mapping, &sync)?;
        let plan = plan::compare(&snapshot, 0, &[0], &[]);
        let (rows, bytes) = pack(&sync, &snapshot, &plan);
        wire = bytes;
        ensure!(rows == kept, "{rows} rows are sent, not {kept}");
        Ok(())
    })?;
    let unchanged = best(|| {
        let snapshot = read(&answers, &mapping, &sync)?;
        let ranges = plan::differing_ranges(&snapshot, bits, &stored);
        ensure!(ranges.is_empty(), "{} ranges differ", ranges.len());
        let plan = plan::compare(&snapshot, bits, &ranges, &[]);
        ensure!(plan.unchanged == kept as u64 && plan.send.is_empty(), "{} rows are unchanged", plan.unchanged);
        Ok(())
    })?;

    let with_limits = best(|| {
        let snapshot = read(&answers, &limited, &sync)?;
        let ranges = plan::differing_ranges(&snapshot, bits, &stored);
        ensure!(ranges.is_empty(), "{} ranges differ: a limit rejects what the table holds", ranges.len());
        Ok(())
    })?;

    let sheet_bytes = answers.iter().map(String::len).sum::<usize>() / ROWS as usize;
    let wire_bytes = wire / kept;
    Ok(vec![
        Line::new("`serde_json` alone, into `Value`s", values, format!("{sheet_bytes} bytes/row of the Sheets API")),
        Line::new("parsed into our cells", cells, ""),
        Line::new("first load: parsed, mapped, hashed, packed", first, format!("{wire_bytes} bytes/row in messages")),
        Line::new("unchanged: parsed, mapped, hashed, digests compared", unchanged, "no message"),
        Line::new("the same, with a limit on every column", with_limits, "what the table's columns can hold"),
    ])
}

/// A limit for every column, of the form that the table of the demo has, and wide enough for it.
fn limits(sync: &Sync) -> Limits {
    let form = |column: &Column| match column.kind {
        Type::Integer => Form::Integer { bits: 64 },
        Type::Decimal => Form::Numeric { precision: 10, scale: 2 },
        Type::Text | Type::Enum | Type::TextArray => Form::Characters { length: 200 },
        _ => Form::Any,
    };
    let limit = |column: &Column| Limit { type_name: String::new(), required: false, form: form(column) };
    sync.columns.iter().map(|column| (column.column.clone(), limit(column))).collect()
}

fn parse<T: DeserializeOwned>(answer: &str) -> Result<Values<T>> {
    Ok(serde_json::from_str(answer)?)
}

/// The fastest of some tries, in seconds: what else the machine does only ever makes it slower.
fn best(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut fastest = f64::INFINITY;
    for _ in 0..TRIES {
        let started = Instant::now();
        work()?;
        fastest = fastest.min(started.elapsed().as_secs_f64());
    }
    Ok(fastest)
}

fn read(answers: &[String], mapping: &Mapping, sync: &Sync) -> Result<Snapshot> {
    let mut builder = SnapshotBuilder::new(mapping, sync.mapping_version(), sync.duplicates);
    let mut number = FIRST_ROW;
    for answer in answers {
        for cells in parse::<mapping::Cell>(answer)?.values {
            builder.add(number, &cells);
            number += 1;
        }
        builder.take_rejections();
    }
    Ok(builder.finish(false).0)
}

/// Packs the messages of a plan; answers how many rows they carry, in how many bytes.
fn pack(sync: &Sync, snapshot: &Snapshot, plan: &Plan) -> (usize, usize) {
    let envelope = Envelope {
        sync: sync.name.clone(),
        run: Uuid::nil(),
        seq: 1,
        mapping: sync.mapping_version(),
        columns: sync.columns.iter().map(|column| column.column.clone()).collect(),
        letters: Vec::new(),
        sent_at: Timestamp::UNIX_EPOCH,
    };
    let batches = envelope.upserts(snapshot, plan, sync.batch_rows);
    batches.fold((0, 0), |(rows, bytes), batch| (rows + batch.rows, bytes + batch.body.len()))
}

/// What `sync_range_digests` answers once the snapshot has been applied.
fn digests(snapshot: &Snapshot, bits: u32) -> RangeDigests {
    let mut ranges: BTreeMap<RangeIndex, (u64, DigestBuilder)> = BTreeMap::new();
    for entry in snapshot.entries() {
        if let State::Ready { content, .. } = entry.state {
            let (rows, digest) = ranges.entry(entry.key.range(bits)).or_default();
            *rows += 1;
            digest.add(entry.key, content);
        }
    }
    let rows = ranges.values().map(|(rows, _)| rows).sum();
    let ranges = ranges.into_iter().map(|(index, (rows, digest))| (index, rows, digest.finish())).collect();
    RangeDigests { rows, ranges }
}

/// The sheet as the Sheets API answers it, some 2 MB at a time.
fn answers(sheet: &Sheet) -> Result<Vec<String>> {
    let value = |cell: &Cell| match cell {
        Cell::Blank => json!(""),
        Cell::Text(text) => json!(text),
        Cell::Number(number) => json!(number),
        Cell::Date(day) => json!(serial_of_date(*day)),
        Cell::DateTime(moment) => json!(serial_of_moment(*moment)),
    };
    let rows: Vec<Vec<Value>> = sheet.rows().map(|row| row.cells.iter().map(value).collect()).collect();
    rows.chunks(CHUNK_ROWS).map(|rows| serde_json::to_string(&json!({"values": rows})).context("an answer")).collect()
}
