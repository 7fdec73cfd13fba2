//! The real functions under the same operations: writes each as SQL, reads answers and tables as JSON.

use serde_json::{Map, Value, json};
use sheetsync::hash::{ContentHash, DigestBuilder, KeyHash};
use sheetsync_models::ledger::{
    Answer, Authority, Batch, Begin, Begun, CHILD, Counts, Definition, DeletePolicy, EntryOutcome, Kind, Ledger,
    Outcome, Payload, Presence, RunId, RunType, Status, UNREADABLE,
};
use sheetsync_test_database::Database;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::Operation;

/// Ranges of the digests that are compared.
const BITS: u32 = 3;

pub struct Product {
    _database: Database,
    service: Client,
}

impl Product {
    pub async fn new() -> Self {
        let database = Database::new().await;
        database
            .sql(&format!(
                "create table parents (id integer primary key);
                 create table things (id text primary key, amount integer check (amount >= 0), deleted_at timestamptz);
                 create function refuse_orphans() returns trigger language plpgsql as $$
                 begin
                     if new.amount = {CHILD} and not exists (select from public.parents) then
                         raise foreign_key_violation using message = 'there is no parent';
                     end if;
                     return new;
                 end $$;
                 create trigger refuse_orphans before insert or update of amount on things
                 for each row execute function refuse_orphans();"
            ))
            .await;
        let service = database.service().await;
        Self { _database: database, service }
    }

    /// All answers, and then the tables; nothing of it stays.
    pub async fn perform(&self, operations: &[Operation]) -> (Vec<Value>, Vec<(&'static str, Value)>) {
        let mut script = "begin; insert into parents values (1); insert into things values ('K0001', 1, null), ('K0002', 70, null);\n".to_owned();
        for operation in operations {
            script.push_str(&sql(operation));
            script.push('\n');
        }
        for (_, query) in TABLES {
            script.push_str(&format!("select coalesce(jsonb_agg(to_jsonb(q)), '[]') from ({query}) as q;\n"));
        }
        script.push_str(&format!("select public.sync_range_digests('models', {BITS}) -> 'ranges'; rollback;"));
        let messages = self.service.simple_query(&script).await.unwrap_or_else(|error| panic!("{error:?}\n{script}"));
        let mut rows: Vec<Value> = messages
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(serde_json::from_str(row.get(0).unwrap()).unwrap()),
                _ => None,
            })
            .collect();
        let tables = rows.split_off(operations.len());
        let names = TABLES.iter().map(|(name, _)| *name).chain(["digests"]);
        (
            rows.iter().zip(operations).map(|(row, operation)| described(row, operation)).collect(),
            names.zip(tables).collect(),
        )
    }
}

/// The tables in the words of [`tables`]. Runs are named by the last digits of their id.
const TABLES: &[(&str, &str)] = &[
    ("table", "select id, amount, deleted_at is not null as deleted from things order by id"),
    (
        "remembered",
        // The values of the hashes; -99 would be a hash of no value that a sequence knows.
        "with known as (select v, hashint8extended(v, 0) as hash from generate_series(-1, 99) as v)
         select row_key, key_hash, content_hash, state, missing_count, missing_seq, last_seq,
                round(extract(epoch from clock_timestamp() - missing_since) / 3600)::int as missing_hours,
                coalesce((select v from known where hash = said[2]), -99) as said,
                case when stored[2] is not null then coalesce((select v from known where hash = stored[2]), -99) end as stored
         from sync_rows order by row_key",
    ),
    (
        "entries",
        "select right(run::text, 3)::int as run, kind, lo, hi, outcome, rows, inserted, updated, unchanged, skipped, deleted,
                conflicts, rejected, adopted, unconfirmed, attempts
         from sync_batches order by 1, kind desc, lo, hi",
    ),
    (
        "runs",
        "select right(id::text, 3)::int as run, seq, status, stopped, planned_at is not null as planned, total_rows, inserted,
                updated, unchanged, rejected, skipped, failed, adopted, conflict, deleted, rows_sent, rows_done, keys_vanished,
                keys_done, keys_refused, deletes_withheld is not null as withheld, batches_total, batches_done, present_rows,
                unconfirmed, read_complete, strays
         from sync_state order by 1",
    ),
    ("retries", "select right(run::text, 3)::int as run, row_key, settled from sync_retries order by 1, 2"),
];

fn uuid(run: RunId) -> String {
    format!("00000000-0000-4000-8000-{run:012}")
}

fn sql(operation: &Operation) -> String {
    let quoted = |value: Value| format!("'{value}'");
    match operation {
        Operation::Begin(Begin { run, nonce, definition, run_type, every, stall }) => format!(
            "select sync_begin('models', '{}', {}, '{}', 'a test', null, {}, {stall}, '{nonce}');",
            uuid(*run),
            quoted(definition_json(definition)),
            match run_type {
                RunType::Scheduled => "scheduled",
                RunType::Manual => "manual",
            },
            every.map_or("null".to_owned(), |every| every.to_string()),
        ),
        Operation::Planned { run, plan } => {
            let plan = json!({
                "rowsRead": plan.read, "rowsRejected": plan.rejected, "rowsSkipped": plan.skipped,
                "rowsUnchanged": plan.unchanged, "rowsSent": plan.sent, "keysVanished": plan.vanished,
                "upsertBatches": plan.upsert_batches, "deleteBatches": plan.delete_batches,
                "deletesWithheld": plan.withheld.then_some("a reason"), "readComplete": plan.read_complete, "metadata": {},
            });
            format!("select sync_planned('{}', {});", uuid(*run), quoted(plan))
        }
        Operation::Apply(batch) => format!("select sync_apply({});", quoted(message(batch))),
        Operation::Fail { batch, is_final } => {
            let kind = kind(batch.kind());
            let stretch = json!({"kind": kind, "lo": batch.lo, "hi": batch.hi, "rows": batch.len()});
            format!("select sync_fail('{}', {}, {});", uuid(batch.run), quoted(stretch), quoted(error(*is_final)))
        }
        Operation::FailRun(run) => format!("select sync_fail('{}', null, {});", uuid(*run), quoted(error(true))),
        Operation::Heartbeat(run) => format!("select sync_heartbeat('{}');", uuid(*run)),
        Operation::Edit { number, row: None } => {
            format!("with gone as (delete from things where id = 'K{number:04}') select '{{}}';")
        }
        Operation::Edit { number, row: Some(row) } => format!(
            "with edited as (insert into things values ('K{number:04}', {}, {deleted}) on conflict (id) do update
             set amount = excluded.amount, deleted_at = excluded.deleted_at) select '{{}}';",
            row.value,
            deleted = if row.deleted { "now()" } else { "null" },
        ),
        Operation::Parent(true) => {
            "with come as (insert into parents values (1) on conflict do nothing) select '{}';".to_owned()
        }
        Operation::Parent(false) => "with gone as (delete from parents) select '{}';".to_owned(),
        Operation::SevenHours => "with runs as (update sync_state set started_at = started_at - interval '7 hours',
                heartbeat_at = heartbeat_at - interval '7 hours'),
             batches as (update sync_batches set finished_at = finished_at - interval '7 hours'),
             books as (update sync_rows set missing_since = missing_since - interval '7 hours') select '{}';"
            .to_owned(),
    }
}

fn error(is_final: bool) -> Value {
    json!({"type": "database", "code": "broken", "message": "it broke", "final": is_final})
}

fn definition_json(definition: &Definition) -> Value {
    let (authority, on_conflict) = match definition.authority {
        Authority::Merge { sheet_wins } => ("merge", if sheet_wins { "sheet" } else { "database" }),
        Authority::Sheet => ("sheet", "sheet"),
        Authority::Database => ("database", "sheet"),
    };
    let policy = match definition.deletes {
        DeletePolicy::Ignore => "ignore",
        DeletePolicy::Soft => "soft",
        DeletePolicy::Hard => "hard",
    };
    json!({
        "table": "things", "keyColumns": ["id"], "mappingVersion": "0123456789abcdef", "mode": "upsert",
        "onConflict": on_conflict, "adopt": "sheet", "confirmDeletes": definition.confirm_deletes,
        "columns": [{"name": "id", "type": "text", "authority": "merge"},
                    {"name": "amount", "type": "integer", "authority": authority}],
        "deletes": {"policy": policy, "column": "deleted_at", "guardRows": definition.guard_rows,
                    "guardPercent": definition.guard_percent},
    })
}

fn message(batch: &Batch) -> Value {
    let mut message = json!({
        "v": 1, "sync": "models", "run": uuid(batch.run), "seq": 1, "kind": kind(batch.kind()), "lo": batch.lo, "hi": batch.hi,
        "mapping": "0123456789abcdef", "sentAt": "2026-11-23T01:02:03Z",
    });
    match &batch.payload {
        Payload::Upsert(rows) => {
            message["columns"] = json!(["id", "amount"]);
            message["rows"] = rows
                .iter()
                .map(|row| {
                    let text = text(row.key.number);
                    let value = if row.value == UNREADABLE { json!("unreadable") } else { json!(row.value) };
                    json!({"k": text, "h": row.key.hash, "c": row.content, "n": row.key.number, "v": [text, value]})
                })
                .collect();
        }
        Payload::Delete(keys) => message["keys"] = json!(keys),
    }
    message
}

fn text(number: u16) -> String {
    format!("K{number:04}")
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Upsert => "upsert",
        Kind::Delete => "delete",
    }
}

/// What Postgres answered, in the words of [`answer`].
fn described(row: &Value, operation: &Operation) -> Value {
    let short = |id: &Value| id.as_str().and_then(|id| id[id.len() - 3..].parse::<RunId>().ok());
    match operation {
        Operation::Begin(_) => match row["outcome"].as_str().unwrap() {
            "begun" => json!({"outcome": "begun", "seq": row["seq"], "superseded": short(&row["superseded"]),
                              "presentRows": row["presentRows"]}),
            "busy" => json!({"outcome": "busy", "run": short(&row["run"])}),
            "duplicate" => json!({"outcome": "duplicate", "status": row["status"]}),
            other => json!({"outcome": other}),
        },
        Operation::Planned { .. } | Operation::Heartbeat(_) => json!({"status": row["status"]}),
        Operation::Apply(_) => {
            let mut described = json!({"outcome": row["outcome"], "status": row["runStatus"]});
            for name in COUNTS {
                described[*name] = row[*name].as_i64().unwrap_or(0).into();
            }
            described
        }
        Operation::Fail { .. } | Operation::FailRun(_) => {
            json!({"attempts": row["attempts"], "final": row["final"], "status": row["runStatus"]})
        }
        Operation::Edit { .. } | Operation::Parent(_) | Operation::SevenHours => json!({}),
    }
}

const COUNTS: &[&str] =
    &["inserted", "updated", "unchanged", "skipped", "deleted", "conflicts", "rejected", "adopted", "unconfirmed"];

fn counts(counts: &Counts) -> Map<String, Value> {
    let numbers = [
        counts.inserted,
        counts.updated,
        counts.unchanged,
        counts.skipped,
        counts.deleted,
        counts.conflicts,
        counts.rejected,
        counts.adopted,
        counts.unconfirmed,
    ];
    COUNTS.iter().map(|name| (*name).to_owned()).zip(numbers.map(Value::from)).collect()
}

/// Does the same to the transcription.
pub fn answer(ledger: &mut Ledger, operation: &Operation) -> Value {
    match operation {
        Operation::Begin(begin) => match ledger.begin(*begin) {
            Begun::Begun { seq, superseded, present_rows } => {
                json!({"outcome": "begun", "seq": seq, "superseded": superseded, "presentRows": present_rows})
            }
            Begun::Busy { run } => json!({"outcome": "busy", "run": run}),
            Begun::Duplicate { status: known } => json!({"outcome": "duplicate", "status": status(known)}),
            Begun::NotDue => json!({"outcome": "not_due"}),
        },
        Operation::Heartbeat(run) => json!({"status": ledger.heartbeat(*run).map(status)}),
        Operation::Planned { run, plan } => json!({"status": ledger.planned(*run, *plan).map(status)}),
        Operation::Apply(batch) => {
            let Answer { outcome, counts: done, status: run } = ledger.apply(batch);
            let mut described = json!({"outcome": word(outcome), "status": run.map(status)});
            described.as_object_mut().unwrap().extend(counts(&done));
            described
        }
        Operation::Fail { batch, is_final } => {
            let failed = ledger.fail(batch, *is_final);
            json!({"attempts": failed.attempts, "final": failed.is_final, "status": failed.status.map(status)})
        }
        Operation::FailRun(run) => {
            let failed = ledger.fail_run(*run);
            json!({"attempts": failed.attempts, "final": failed.is_final, "status": failed.status.map(status)})
        }
        Operation::Edit { number, row } => {
            match row {
                Some(row) => ledger.table.insert(*number, *row),
                None => ledger.table.remove(number),
            };
            json!({})
        }
        Operation::Parent(is_there) => {
            ledger.has_parent = *is_there;
            json!({})
        }
        Operation::SevenHours => {
            ledger.now += 7 * 3600;
            json!({})
        }
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Queued => "queued",
        Status::InProgress => "in_progress",
        Status::Completed => "completed",
        Status::Partial => "partial",
        Status::Failed => "failed",
        Status::Superseded => "superseded",
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::Duplicate => "duplicate",
        Outcome::Superseded => "superseded",
        Outcome::Waiting => "waiting",
        Outcome::Withheld => "withheld",
        Outcome::Failed => "failed",
        Outcome::Malformed => "malformed",
    }
}

/// The transcription's tables, as [`TABLES`] reads those of Postgres.
pub fn tables(ledger: &Ledger) -> Value {
    let table: Vec<Value> = ledger
        .table
        .iter()
        .map(|(number, row)| json!({"id": text(*number), "amount": row.value, "deleted": row.deleted}))
        .collect();
    let remembered: Vec<Value> = ledger
        .remembered
        .iter()
        .map(|(number, row)| {
            let state = match row.presence {
                Presence::Present => "present",
                Presence::Deleted => "deleted",
                Presence::Absent => "absent",
            };
            let missing = row.missing;
            json!({"row_key": text(*number), "key_hash": row.hash, "content_hash": row.content, "said": row.said,
                   "stored": row.stored, "state": state, "last_seq": row.last_seq,
                   "missing_count": missing.map(|missing| missing.count), "missing_seq": missing.map(|missing| missing.seq),
                   "missing_hours": missing.map(|missing| (ledger.now - missing.since) / 3600)})
        })
        .collect();
    let entries: Vec<Value> = ledger
        .entries
        .iter()
        .map(|(key, entry)| {
            let outcome = match entry.outcome {
                EntryOutcome::Pending => "pending",
                EntryOutcome::Applied => "applied",
                EntryOutcome::Withheld => "withheld",
                EntryOutcome::Failed => "failed",
            };
            let mut described = json!({"run": key.run, "kind": kind(key.kind), "lo": key.lo, "hi": key.hi, "outcome": outcome,
                                  "rows": entry.rows, "attempts": entry.attempts});
            described.as_object_mut().unwrap().extend(counts(&entry.counts));
            described
        })
        .collect();
    let runs: Vec<Value> = ledger
        .runs
        .iter()
        .map(|(id, run)| {
            json!({
                "run": id, "seq": run.seq, "status": status(run.status), "stopped": run.stopped, "planned": run.planned,
                "total_rows": run.total, "inserted": run.counts.inserted, "updated": run.counts.updated,
                "unchanged": run.counts.unchanged, "rejected": run.counts.rejected, "skipped": run.counts.skipped,
                "failed": run.failed, "adopted": run.counts.adopted, "conflict": run.counts.conflicts,
                "deleted": run.counts.deleted, "rows_sent": run.rows_sent, "rows_done": run.rows_done,
                "keys_vanished": run.keys_vanished, "keys_done": run.keys_done, "keys_refused": run.keys_refused,
                "withheld": run.withheld, "batches_total": run.batches_total, "batches_done": run.batches_done,
                "present_rows": run.present_rows, "unconfirmed": run.counts.unconfirmed, "read_complete": run.read_complete,
                "strays": run.strays,
            })
        })
        .collect();
    let retries: Vec<Value> = ledger
        .retries
        .iter()
        .map(|((run, number), retry)| json!({"run": run, "row_key": text(*number), "settled": retry.settled}))
        .collect();
    json!({"table": table, "remembered": remembered, "entries": entries, "runs": runs, "retries": retries,
           "digests": digests(ledger)})
}

/// The digests by the product's own rule. A row without a content hash has 0 there, which no content hash is.
fn digests(ledger: &Ledger) -> Value {
    let mut ranges: std::collections::BTreeMap<u32, (u64, Vec<(i64, i64)>)> = std::collections::BTreeMap::new();
    for (hash, content) in ledger.row_hashes() {
        let (rows, pairs) = ranges.entry(KeyHash::from_stored(hash).range(BITS)).or_default();
        *rows += 1;
        pairs.push((hash, content));
    }
    ranges
        .into_iter()
        .map(|(range, (rows, pairs))| {
            let complete: Option<Vec<_>> = pairs
                .iter()
                .map(|(hash, content)| Some((KeyHash::from_stored(*hash), ContentHash::from_stored(*content)?)))
                .collect();
            let digest = match complete {
                Some(pairs) => {
                    let mut builder = DigestBuilder::default();
                    pairs.into_iter().for_each(|(key, content)| builder.add(key, content));
                    builder.finish()
                }
                None => raw_digest(&pairs),
            };
            json!([range, rows, digest])
        })
        .collect()
}

fn raw_digest(pairs: &[(i64, i64)]) -> String {
    use sha2::Digest as _;
    let mut hasher = sha2::Sha256::new();
    for (hash, content) in pairs {
        hasher.update(hash.to_be_bytes());
        hasher.update(content.to_be_bytes());
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
