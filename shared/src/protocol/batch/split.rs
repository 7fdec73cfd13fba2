//! Cutting a batch in two, when the destination cannot take it as a whole. The halves are batches of the same run that
//! cover the stretch of the whole: the ledger knows the whole by its halves, and each half by the whole.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Kind;

/// A message whose rows stay as they were written: a decimal read and written again would not be the same.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    v: u32,
    #[serde(borrow)]
    sync: &'a RawValue,
    #[serde(borrow)]
    run: &'a RawValue,
    seq: i64,
    kind: Kind,
    lo: i64,
    hi: i64,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    mapping: Option<&'a RawValue>,
    #[serde(borrow)]
    sent_at: &'a RawValue,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    columns: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    letters: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    rows: Vec<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keys: Vec<i64>,
}

/// The two halves of a message, or `None` when it has but one row or key, or cannot be read.
#[must_use]
pub fn halve(body: &str) -> Option<[String; 2]> {
    #[derive(Deserialize)]
    struct Row {
        h: i64,
    }
    let mut first: Message<'_> = serde_json::from_str(body).ok()?;
    let mut second: Message<'_> = serde_json::from_str(body).ok()?;
    let middle = match first.kind {
        Kind::Upsert => {
            let mut rows = Vec::with_capacity(first.rows.len());
            for row in &first.rows {
                rows.push((serde_json::from_str::<Row>(row.get()).ok()?.h, *row));
            }
            rows.sort_by_key(|(hash, _)| *hash);
            let (middle, _) = *rows.get(rows.len() / 2)?;
            let (low, high): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(hash, _)| *hash < middle);
            first.rows = low.into_iter().map(|(_, row)| row).collect();
            second.rows = high.into_iter().map(|(_, row)| row).collect();
            middle
        }
        Kind::Delete => {
            first.keys.sort_unstable();
            let middle = *first.keys.get(first.keys.len() / 2)?;
            (first.keys, second.keys) = first.keys.into_iter().partition(|key| *key < middle);
            middle
        }
    };
    if first.rows.is_empty() && first.keys.is_empty() {
        return None;
    }
    (first.hi, second.lo) = (middle, middle);
    Some([serde_json::to_string(&first).ok()?, serde_json::to_string(&second).ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::batch::{Incoming, Stretch};

    fn message(rows: &str) -> String {
        format!(
            r#"{{"v":1,"sync":"a","run":"00000000-0000-0000-0000-000000000000","seq":1,"kind":"upsert","lo":-9,"hi":100,"mapping":"0f","sentAt":"2026-01-01T00:00:00Z","columns":["k","p"],"letters":["A",null],"rows":[{rows}]}}"#
        )
    }

    #[test]
    fn halves_cover_the_batch_and_keep_every_row_verbatim() {
        let rows: Vec<String> = [(3, "0.10"), (-9, "12345678901234567890.5"), (99, "1e3"), (41, "null"), (7, "1")]
            .iter()
            .map(|(hash, value)| format!(r#"{{"k":"K{hash}","h":{hash},"c":1,"n":2,"v":["K{hash}",{value}]}}"#))
            .collect();
        let [first, second] = halve(&message(&rows.join(","))).unwrap();
        let (low, high) = (Incoming::parse(&first).unwrap(), Incoming::parse(&second).unwrap());
        assert_eq!((low.stretch, high.stretch), (Stretch { lo: -9, hi: 7 }, Stretch { lo: 7, hi: 100 }));
        assert_eq!((low.rows, high.rows), (2, 3));
        for row in &rows {
            assert!(first.contains(row.as_str()) != second.contains(row.as_str()), "{row}");
        }
        for half in [&first, &second] {
            assert!(half.contains(r#""columns":["k","p"],"letters":["A",null]"#), "{half}");
            assert!(half.contains(r#""mapping":"0f""#), "{half}");
        }
    }

    #[test]
    fn batch_splits_down_to_single_rows() {
        let rows: Vec<String> = (0..100).map(|hash| format!(r#"{{"k":"K","h":{hash},"c":1,"v":[]}}"#)).collect();
        let mut pieces = vec![message(&rows.join(","))];
        let mut single = Vec::new();
        while let Some(piece) = pieces.pop() {
            match halve(&piece) {
                Some(halves) => pieces.extend(halves),
                None => single.push(Incoming::parse(&piece).unwrap()),
            }
        }
        assert!(single.iter().all(|piece| piece.rows == 1));
        assert_eq!(single.len(), 100);
        assert_eq!(single.iter().map(|piece| piece.stretch.lo).min(), Some(-9));
        assert_eq!(single.iter().map(|piece| piece.stretch.hi).max(), Some(100));
    }

    #[test]
    fn keys_to_delete_are_halved_like_rows() {
        let whole = r#"{"v":1,"sync":"a","run":"00000000-0000-0000-0000-000000000000","seq":1,"kind":"delete","lo":-9,"hi":42,"sentAt":"2026-01-01T00:00:00Z","keys":[-9,41,5]}"#;
        let [first, second] = halve(whole).unwrap();
        assert!(first.contains(r#""keys":[-9]"#) && first.contains(r#""hi":5"#), "{first}");
        assert!(second.contains(r#""keys":[5,41]"#) && second.contains(r#""lo":5"#), "{second}");
    }
}
