//! The message on the queue: how changed rows and vanished keys are packed into batches under the row and byte limits, and
//! how a worker reads one. The format is docs/PROTOCOL.md, "Message".

mod split;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::definition::MappingVersion;
use crate::diff::hash::KeyHash;
use crate::diff::plan::Plan;
use crate::diff::snapshot::{Entry, Snapshot};

pub use crate::diff::row_size::{MAX_MESSAGE_BYTES, MAX_ROW_BYTES, max_row_bytes};
pub use split::halve;

/// The version of the format.
pub const FORMAT: u32 = 1;

/// How many bytes a batch of several rows may have: larger ones would load Postgres unevenly. A row that is larger travels alone.
pub const MAX_BATCH_BYTES: usize = 250_000;

/// The most vanished keys of a batch: some 20 bytes each.
const MAX_KEYS: usize = 10_000;

/// What a batch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Inserts and updates rows.
    Upsert,
    /// Deletes the rows of vanished keys.
    Delete,
}

/// A half-open interval of key hashes: with the run and the kind it is a batch's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first key hash.
    pub lo: i64,
    /// The last key hash plus one.
    pub hi: i64,
}

impl std::fmt::Display for Stretch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "[{},{})", self.lo, self.hi)
    }
}

/// What all batches of a run have in common.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The sync's name.
    pub sync: String,
    /// The run's id.
    pub run: Uuid,
    /// The run's sequence number.
    pub seq: i64,
    /// The mapping under which the rows were made.
    pub mapping: MappingVersion,
    /// The table's columns, in the order of the values.
    pub columns: Vec<String>,
    /// The letters of the sheet's column that feeds each of them, where that is known: with the row's number they are the
    /// cell that a refusal by Postgres points to.
    pub letters: Vec<Option<String>>,
    /// When the run was sent: the age of the work stays visible however often a message is moved.
    pub sent_at: Timestamp,
}

/// A batch that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The message body.
    pub body: String,
    /// What it does.
    pub kind: Kind,
    /// What it covers.
    pub stretch: Stretch,
    /// How many rows or keys it carries.
    pub rows: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    v: u32,
    sync: &'a str,
    run: Uuid,
    seq: i64,
    kind: Kind,
    lo: i64,
    hi: i64,
    mapping: MappingVersion,
    sent_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    letters: Option<&'a [Option<String>]>,
}

impl Envelope {
    /// Packs the rows of a plan, in key-hash order, one batch at a time.
    pub fn upserts<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        plan: &'a Plan,
        batch_rows: usize,
    ) -> impl Iterator<Item = Outgoing> + 'a {
        let mut rest = plan.send.as_slice();
        std::iter::from_fn(move || {
            let (first, _) = rest.split_first()?;
            let head = self.head(Kind::Upsert, first.key.get(), first.key.next()).len() + 64;
            let mut bytes = head;
            let fitting = rest
                .iter()
                .take(batch_rows.max(1))
                .take_while(|entry| {
                    bytes += snapshot.wire(entry).len() + 1;
                    bytes <= MAX_BATCH_BYTES
                })
                .count();
            // A single row always fits into a message: the snapshot rejects larger ones.
            let (batch, later) = rest.split_at(fitting.max(1));
            rest = later;
            Some(self.upsert(snapshot, batch))
        })
    }

    fn upsert(&self, snapshot: &Snapshot, entries: &[Entry]) -> Outgoing {
        let stretch = stretch(entries.iter().map(|entry| entry.key));
        let mut body = self.head(Kind::Upsert, stretch.lo, stretch.hi);
        body.push_str(r#","rows":["#);
        for (index, entry) in entries.iter().enumerate() {
            if index > 0 {
                body.push(',');
            }
            // The wire form is JSON that serde wrote, and so UTF-8.
            body.push_str(&String::from_utf8_lossy(snapshot.wire(entry)));
        }
        body.push_str("]}");
        Outgoing { body, kind: Kind::Upsert, stretch, rows: entries.len() }
    }

    /// Packs the vanished keys of a plan.
    pub fn deletes<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = Outgoing> + 'a {
        plan.vanished.chunks(MAX_KEYS).map(|keys| {
            let stretch = stretch(keys.iter().copied());
            let mut body = self.head(Kind::Delete, stretch.lo, stretch.hi);
            let list: Vec<String> = keys.iter().map(KeyHash::to_string).collect();
            body.push_str(&format!(r#","keys":[{}]}}"#, list.join(",")));
            Outgoing { body, kind: Kind::Delete, stretch, rows: keys.len() }
        })
    }

    /// The message up to, and without, its rows or keys.
    fn head(&self, kind: Kind, lo: i64, hi: i64) -> String {
        let head = Head {
            v: FORMAT,
            sync: &self.sync,
            run: self.run,
            seq: self.seq,
            kind,
            lo,
            hi,
            mapping: self.mapping,
            sent_at: self.sent_at,
            columns: (kind == Kind::Upsert).then_some(&self.columns),
            letters: (kind == Kind::Upsert && self.letters.iter().any(Option::is_some)).then_some(&self.letters),
        };
        let mut text = serde_json::to_string(&head).unwrap_or_default();
        text.pop(); // the closing brace: the caller goes on
        text
    }
}

fn stretch(keys: impl Iterator<Item = KeyHash>) -> Stretch {
    let (mut lo, mut hi) = (i64::MAX, i64::MIN);
    for key in keys {
        lo = lo.min(key.get());
        hi = hi.max(key.next());
    }
    Stretch { lo, hi }
}

/// What a worker must know of a message; the rows themselves go to Postgres unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The sync's name.
    pub sync: String,
    /// The run's id.
    pub run: Uuid,
    /// The run's sequence number.
    pub seq: i64,
    /// What the batch does.
    pub kind: Kind,
    /// What it covers.
    pub stretch: Stretch,
    /// How many rows or keys it carries.
    pub rows: usize,
    /// When its run was sent.
    pub sent_at: Timestamp,
}

/// Why a message is not a batch. The message itself is at fault and no redelivery helps.
#[derive(Debug, thiserror::Error)]
#[error("the message is not a batch of format {FORMAT}: {reason}")]
pub struct Malformed {
    /// What is wrong; never any of its content.
    pub reason: String,
}

impl Incoming {
    /// Reads the head of a message and counts its rows.
    ///
    /// # Errors
    /// When the message is not a batch of this format.
    pub fn parse(body: &str) -> Result<Self, Malformed> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Message {
            v: u32,
            sync: String,
            run: Uuid,
            seq: i64,
            kind: Kind,
            lo: i64,
            hi: i64,
            sent_at: Timestamp,
            #[serde(default)]
            rows: Vec<serde::de::IgnoredAny>,
            #[serde(default)]
            keys: Vec<serde::de::IgnoredAny>,
        }
        // serde_json's message may quote a cell: only the position and the category are reported.
        let message: Message = serde_json::from_str(body).map_err(|error| Malformed {
            reason: format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column()),
        })?;
        let rows = match message.kind {
            Kind::Upsert => message.rows.len(),
            Kind::Delete => message.keys.len(),
        };
        if message.v != FORMAT {
            return Err(Malformed { reason: format!("it has format {}", message.v) });
        }
        if rows == 0 || message.lo >= message.hi {
            return Err(Malformed { reason: "it carries nothing".to_owned() });
        }
        Ok(Self {
            sync: message.sync,
            run: message.run,
            seq: message.seq,
            kind: message.kind,
            stretch: Stretch { lo: message.lo, hi: message.hi },
            rows,
            sent_at: message.sent_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Duplicates;
    use crate::diff::plan;
    use crate::diff::snapshot::SnapshotBuilder;
    use crate::diff::testing::{cells, mapping};

    fn envelope() -> Envelope {
        Envelope {
            sync: "listings".to_owned(),
            run: Uuid::nil(),
            seq: 7,
            mapping: MappingVersion::of(b"test"),
            columns: vec!["key".to_owned(), "value".to_owned()],
            letters: vec![Some("A".to_owned()), None],
            sent_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn snapshot(rows: impl IntoIterator<Item = (String, String)>) -> Snapshot {
        let mapping = mapping();
        let mut builder = SnapshotBuilder::new(&mapping, MappingVersion::of(b"test"), Duplicates::Reject);
        for (number, (key, value)) in rows.into_iter().enumerate() {
            builder.add(number as u32 + 2, &cells(&key, &value));
        }
        builder.finish(false).0
    }

    #[test]
    fn batches_cover_every_row_once_in_order_within_both_limits() {
        let rows = (0..2000).map(|number| (format!("K{number}"), "あ".repeat(number % 700 + 1)));
        let snapshot = snapshot(rows);
        let plan = plan::chosen(&snapshot);
        let envelope = envelope();
        let batches: Vec<Outgoing> = envelope.upserts(&snapshot, &plan, 300).collect();
        assert_eq!(batches.iter().map(|batch| batch.rows).sum::<usize>(), 2000);
        let mut end = i64::MIN;
        for batch in &batches {
            assert!(batch.rows <= 300);
            assert!(batch.body.len() <= MAX_BATCH_BYTES, "{}", batch.body.len());
            assert!(batch.stretch.lo >= end, "stretches do not overlap");
            end = batch.stretch.hi;
            let incoming = Incoming::parse(&batch.body).unwrap();
            assert_eq!((incoming.stretch, incoming.rows), (batch.stretch, batch.rows));
        }
    }

    #[test]
    fn largest_row_travels_alone_and_other_batches_stay() {
        let large = "x".repeat(MAX_ROW_BYTES - 200);
        let rows = (0..200)
            .map(|number| (format!("K{number}"), if number == 100 { large.clone() } else { "x".repeat(5_000) }));
        let snapshot = snapshot(rows);
        let plan = plan::chosen(&snapshot);
        let envelope = envelope();
        let batches: Vec<Outgoing> = envelope.upserts(&snapshot, &plan, 300).collect();
        assert_eq!(batches.iter().map(|batch| batch.rows).sum::<usize>(), 200);
        let alone: Vec<&Outgoing> = batches.iter().filter(|batch| batch.body.len() > MAX_BATCH_BYTES).collect();
        assert_eq!(alone.iter().map(|batch| batch.rows).collect::<Vec<_>>(), [1]);
        assert!((MAX_ROW_BYTES - 200..=MAX_MESSAGE_BYTES).contains(&alone[0].body.len()), "{}", alone[0].body.len());
        assert!(batches.len() <= 8, "{}", batches.len());
    }

    #[test]
    fn row_of_many_long_columns_fits_into_a_message() {
        let columns: Vec<String> = (0..1600).map(|number| format!("{number:063}")).collect();
        let most = max_row_bytes(columns.iter().map(String::as_str));
        assert!((800_000..MAX_ROW_BYTES).contains(&most), "{most}");
        let letters = vec![Some("XFD".to_owned()); columns.len()];
        let envelope = Envelope { sync: "s".repeat(63), seq: i64::MAX, columns, letters, ..envelope() };
        let head = envelope.head(Kind::Upsert, i64::MIN, i64::MAX).len();
        assert!(head + r#","rows":[]}"#.len() + most <= MAX_MESSAGE_BYTES, "{head}");
        assert_eq!(max_row_bytes(["key", "value"].into_iter()), MAX_ROW_BYTES);
    }

    #[test]
    fn a_message_looks_as_the_protocol_says() {
        let snapshot = snapshot([("AA1".to_owned(), "a \" b".to_owned())]);
        let plan = plan::chosen(&snapshot);
        let envelope = envelope();
        let batches: Vec<Outgoing> = envelope.upserts(&snapshot, &plan, 300).collect();
        insta::assert_snapshot!(batches[0].body);
        let deletes = Plan { vanished: vec![KeyHash::from_stored(-9), KeyHash::from_stored(41)], ..plan };
        let batches: Vec<Outgoing> = envelope.deletes(&deletes).collect();
        insta::assert_snapshot!(batches[0].body);
    }

    #[test]
    fn column_letters_are_omitted_when_unknown() {
        let snapshot = snapshot([("AA1".to_owned(), "a".to_owned())]);
        let plan = plan::chosen(&snapshot);
        for letters in [vec![], vec![None, None]] {
            let envelope = Envelope { letters, ..envelope() };
            let batches: Vec<Outgoing> = envelope.upserts(&snapshot, &plan, 300).collect();
            assert!(!batches[0].body.contains("letters"), "{}", batches[0].body);
        }
    }

    #[test]
    fn message_that_is_no_batch_is_refused_without_its_contents() {
        let batch = r#"{"v":1,"sync":"a","run":"00000000-0000-0000-0000-000000000000","seq":1,"kind":"delete","lo":1,"hi":2,"sentAt":"2026-01-01T00:00:00Z","keys":[1]}"#;
        assert!(Incoming::parse(batch).is_ok());
        for (broken, part) in [
            ("secret".to_owned(), "error"),
            (batch.replace(r#""v":1"#, r#""v":2"#), "format 2"),
            (batch.replace("[1]", "[]"), "nothing"),
            (batch.replace(r#""hi":2"#, r#""hi":1"#), "nothing"),
            (batch.replace("delete", "secret"), "error"),
        ] {
            let error = Incoming::parse(&broken).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("secret"), "{error}");
        }
    }
}
