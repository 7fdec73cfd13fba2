//! Readings of a tab that is edited between any two of their requests. What must hold: no row that is there all the time is
//! deleted, no value arrives under another row's key or in another column, and edits of rows end no reading.

mod google;
mod grid;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use self::grid::{Edit, Google, Spreadsheet, USUAL};
use super::*;
use crate::clients::sheets::SheetsError;
use crate::clients::supabase::MAX_REJECTIONS;
use crate::definition::{Definition, DeletePolicy, OnDelete, Sync};
use crate::diff::hash::{ContentHash, KeyHash};
use crate::diff::plan::{self, Reading, StoredRow};
use crate::diff::snapshot::State;
use crate::mapping::{Limits, Rejection};

/// Rows of the sheet: more than two chunks of four.
const ROWS: usize = 10;

/// The headers, those in capitals without a column.
const HEADERS: [&str; 5] = ["NOTE", "id", "name", "MEMO", "amount"];

/// A row that is inserted or appended.
const NEW: [&str; 5] = ["", "K99", "name of K99", "", "amount of K99"];

fn definition(options: &str) -> Sync {
    let column = |name| format!("[[sync.columns]]\nheader = \"{name}\"\ncolumn = \"{name}\"\n");
    let columns = ["id", "name", "amount"].map(column).concat();
    let tab = if options.contains("range = \"A") { "tab_id = 7" } else { "tab = \"tab\"" };
    let text = format!(
        "[[sync]]\nname = \"s\"\nspreadsheet = \"x\"\n{tab}\ntable = \"t\"\nkey = [\"id\"]\n{options}\n{columns}"
    );
    Definition::parse(Path::new("test"), &text).expect("the definition is right").syncs.remove(0)
}

fn key(row: usize) -> String {
    format!("K{row:02}")
}

fn rows() -> Vec<Vec<String>> {
    let row = |row| {
        let key = key(row);
        vec![format!("note {row}"), key.clone(), format!("name of {key}"), String::new(), format!("amount of {key}")]
    };
    std::iter::once(HEADERS.map(str::to_owned).to_vec()).chain((1..=ROWS).map(row)).collect()
}

async fn read_as(sheet: &Spreadsheet, sync: &Sync, keys: Option<&[String]>) -> Result<TabRead, ReadError> {
    super::read(sheet, sync, &[], &Limits::new(), keys, Measure::Nothing, async |_| Ok(())).await
}

async fn read(sheet: &Spreadsheet) -> Result<TabRead, ReadError> {
    read_as(sheet, &definition(""), None).await
}

/// The values of the rows that would be sent, by key.
fn values(read: &TabRead) -> BTreeMap<String, Vec<String>> {
    #[derive(Deserialize)]
    struct Wire {
        k: String,
        v: Vec<String>,
    }
    let ready = read.snapshot.entries().iter().filter(|entry| matches!(entry.state, State::Ready { .. }));
    let wires = ready.map(|entry| serde_json::from_slice::<Wire>(read.snapshot.wire(entry)).expect("a row"));
    wires.map(|wire| (wire.k, wire.v)).collect()
}

/// The rows of a table that equals the sheet before the edit and are deleted by a run that read this.
fn deleted(read: &TabRead) -> Vec<KeyHash> {
    let known: Vec<StoredRow> =
        (1..=ROWS).map(|row| (KeyHash::of(&key(row)), ContentHash::from_stored(row as i64))).collect();
    let plan = plan::compare(&read.snapshot, 0, &[0], &known);
    let reading = Reading {
        snapshot: &read.snapshot,
        moved: read.moved,
        present_before: ROWS as u64,
        unmatched: plan.unmatched,
        strays_before: None,
        approved: false,
    };
    let rules = OnDelete { policy: DeletePolicy::Hard, ..OnDelete::default() };
    match plan::withhold(&rules, reading, plan.vanished.len() as u64) {
        None => plan.vanished,
        Some(_) => Vec::new(),
    }
}

/// All that Google may do, and tabs with and without blank rows below.
fn worlds() -> impl Iterator<Item = (Google, u32)> {
    let google = |version_lags, cuts_blocks| Google { version_lags, cuts_blocks };
    let all = [google(false, true), google(false, false), google(true, true), google(true, false)];
    all.into_iter().flat_map(|google| [(google, 0), (google, 3)])
}

/// Reads with each of `edits` before each request and after the last, and holds what comes of it against the rules.
async fn try_everywhere(edits: &[Vec<Edit>], must_be_read: bool) {
    for (google, blank_rows) in worlds() {
        let at_rest = Spreadsheet::new(&rows(), blank_rows, google, &[]);
        assert!(!read(&at_rest).await.expect("it is read").moved);
        let requests = at_rest.requests.borrow().len();
        for edits in edits {
            for moments in moments(requests, edits.len()) {
                let timed: Vec<_> = moments.iter().copied().zip(edits.iter().cloned()).collect();
                let sheet = Spreadsheet::new(&rows(), blank_rows, google, &timed);
                let what = format!("{timed:?} with {google:?} and {blank_rows} blank rows");
                match read(&sheet).await {
                    Ok(read) => judge(&read, edits, &what),
                    Err(error) => assert!(!must_be_read && is_of_columns(&error), "{what}: {error}"),
                }
            }
        }
    }
}

/// Before which requests so many edits can come, in this order.
fn moments(requests: usize, edits: usize) -> Vec<Vec<usize>> {
    match edits {
        1 => (0..=requests).map(|at| vec![at]).collect(),
        _ => (0..=requests).flat_map(|one| (one + 1..=requests).map(move |other| vec![one, other])).collect(),
    }
}

fn is_of_columns(error: &ReadError) -> bool {
    // Before the first chunk the headers are only missing; of a smaller grid not even they can be read.
    matches!(
        error,
        ReadError::ColumnsMoved { .. } | ReadError::Headers { .. } | ReadError::Sheets(SheetsError::PastGrid(_))
    )
}

fn judge(read: &TabRead, edits: &[Edit], what: &str) {
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for key in (1..=ROWS).map(key).chain(["K99".to_owned()]) {
        expected.insert(key.clone(), vec![key.clone(), format!("name of {key}"), format!("amount of {key}")]);
    }
    for (key, values) in values(read) {
        assert_eq!(expected.get(&key), Some(&values), "{what}: {key} gets other values");
    }
    let gone = edits.iter().filter_map(|edit| match edit {
        Edit::DeleteRow(row) => Some(KeyHash::of(&key(row - 1))),
        _ => None,
    });
    let gone: Vec<KeyHash> = gone.collect();
    let lost: Vec<KeyHash> = deleted(read).into_iter().filter(|key| !gone.contains(key)).collect();
    assert_eq!(lost, [], "{what}: rows are deleted that were there all the time");
}

#[tokio::test]
async fn inserted_row_makes_no_other_row_vanish() {
    let edits: Vec<_> = (2..=ROWS + 2).map(|row| vec![Edit::InsertRow(row, NEW.to_vec())]).collect();
    try_everywhere(&edits, true).await;
}

#[tokio::test]
async fn deleted_row_makes_no_other_row_vanish() {
    // Where a block that ends past the grid is refused, a tab that shrinks before its first chunk cannot be read this time.
    let edits: Vec<_> = (2..=ROWS + 1).map(|row| vec![Edit::DeleteRow(row)]).collect();
    try_everywhere(&edits, false).await;
}

#[tokio::test]
async fn displayed_text_never_comes_from_another_row_or_column() {
    let padded = |number: usize| -> &'static str { format!("={number} {number:05}").leak() };
    let mut rows = rows();
    for (number, row) in rows.iter_mut().enumerate().skip(1) {
        row[2] = padded(number).to_owned();
        row[4] = padded(number + 100).to_owned();
    }
    let new = vec!["", "K99", padded(99), "", padded(199)];
    let edits = (2..=ROWS + 1).flat_map(|row| [Edit::InsertRow(row, new.clone()), Edit::DeleteRow(row)]);
    let edits =
        edits.chain([Edit::MoveColumn(2, 4), Edit::InsertColumn(0, "OTHER"), Edit::InsertRow(1, vec!["title"])]);
    let edits: Vec<Edit> = edits.collect();
    for (google, blank_rows) in worlds() {
        let at_rest = Spreadsheet::new(&rows, blank_rows, google, &[]);
        assert_eq!(values(&read(&at_rest).await.expect("it is read")).len(), ROWS);
        let requests = at_rest.requests.borrow().len();
        assert!(at_rest.requests.borrow().contains(&"shown"));
        for edit in &edits {
            for moment in 0..=requests {
                let sheet = Spreadsheet::new(&rows, blank_rows, google, &[(moment, edit.clone())]);
                let what = format!("{edit:?} before request {moment} with {google:?} and {blank_rows} blank rows");
                let read = match read(&sheet).await {
                    Ok(read) => read,
                    Err(error) => {
                        assert!(is_of_columns(&error), "{what}: {error}");
                        continue;
                    }
                };
                for (key, values) in values(&read) {
                    let number: usize = key[1..].parse().expect("a number");
                    let right = [key.clone(), format!("{number:05}"), format!("{:05}", number + 100)];
                    assert_eq!(values, right, "{what}");
                }
                assert_eq!(read.snapshot.tally().rows_rejected, 0, "{what}: one edit is made good by reading again");
            }
        }
    }
}

#[tokio::test]
async fn displayed_text_is_read_only_for_numbers_in_text_columns() {
    let requests = async |cell: &str, options: &str| {
        let mut rows = rows();
        cell.clone_into(&mut rows[6][4]);
        let sheet = Spreadsheet::new(&rows, 0, USUAL, &[]);
        let mut sync = definition("");
        sync.columns[2] = toml::from_str(&format!("header = \"amount\"\ncolumn = \"amount\"\n{options}")).unwrap();
        read_as(&sheet, &sync, None).await.expect("it is read");
        let requests = sheet.requests.borrow();
        requests.iter().filter(|request| **request == "shown").count()
    };
    for (cell, options, expected) in [
        ("text", "", 0),
        // Only for the chunk that it is in.
        ("=12 12", "", 1),
        ("=12 12", "number = \"displayed\"", 1),
        ("=12 12", "number = \"digits\"", 0),
        ("=12 12", "number = \"reject\"", 0),
        ("=12 12", "type = \"integer\"", 0),
        ("=46086 3-5", "type = \"integer\"", 1),
        ("=46086 3-5", "type = \"integer\"\nnumber = \"digits\"", 0),
        ("=46086 3-5", "type = \"date\"", 0),
        // It never becomes clear, and is tried twice.
        ("=12 twelve", "", 2),
    ] {
        assert_eq!(requests(cell, options).await, expected, "{cell} {options}");
    }
}

#[tokio::test]
async fn appended_row_makes_no_other_row_vanish() {
    try_everywhere(&[vec![Edit::AppendRow(NEW.to_vec())]], true).await;
}

#[tokio::test]
async fn a_row_inserted_above_the_headers_slips_no_value() {
    try_everywhere(&[vec![Edit::InsertRow(1, vec!["title"])]], false).await;
}

#[tokio::test]
async fn a_column_inserted_at_any_moment_slips_no_value() {
    let headers = ["", "OTHER", "id", "amount"];
    let edits = (0..=HEADERS.len()).flat_map(|at| headers.map(|header| vec![Edit::InsertColumn(at, header)]));
    try_everywhere(&edits.collect::<Vec<_>>(), false).await;
}

#[tokio::test]
async fn a_column_deleted_at_any_moment_slips_no_value() {
    let edits: Vec<_> = (0..HEADERS.len()).map(|at| vec![Edit::DeleteColumn(at)]).collect();
    try_everywhere(&edits, false).await;
}

#[tokio::test]
async fn a_column_moved_at_any_moment_slips_no_value() {
    let all = (0..HEADERS.len()).flat_map(|from| (0..HEADERS.len()).map(move |to| vec![Edit::MoveColumn(from, to)]));
    try_everywhere(&all.collect::<Vec<_>>(), false).await;
}

#[tokio::test]
async fn column_inserted_and_deleted_during_the_read_shifts_no_value() {
    let edits = (0..=HEADERS.len()).map(|at| vec![Edit::InsertColumn(at, "OTHER"), Edit::DeleteColumn(at)]);
    try_everywhere(&edits.collect::<Vec<_>>(), false).await;
}

#[tokio::test]
async fn row_inserted_and_deleted_makes_no_other_row_vanish() {
    // Behind a version that lags, such a pair of edits leaves no trace; what then protects is that a key must be missing twice.
    for at in 2..=ROWS + 1 {
        for moments in moments(7, 2) {
            let edits = [Edit::InsertRow(at, NEW.to_vec()), Edit::DeleteRow(at)];
            let timed: Vec<_> = moments.iter().copied().zip(edits).collect();
            let read = read(&Spreadsheet::new(&rows(), 0, USUAL, &timed)).await.expect("it is read");
            judge(&read, &[], &format!("{timed:?}"));
        }
    }
}

#[tokio::test]
async fn headers_come_with_each_chunk_at_no_further_request() {
    let sheet = Spreadsheet::new(&rows(), 0, USUAL, &[]);
    let read = read(&sheet).await.unwrap();
    let requests = ["version", "tab", "blocks", "blocks", "blocks", "version", "tab"];
    assert_eq!((sheet.requests.borrow().as_slice(), read.requests), (requests.as_slice(), 3));
    assert_eq!(values(&read).len(), ROWS);
}

#[tokio::test]
async fn columns_that_moved_are_named_with_both_cells() {
    let keys = [key(1)];
    for keys in [None, Some(keys.as_slice())] {
        let sheet = Spreadsheet::new(&rows(), 0, USUAL, &[(3, Edit::MoveColumn(2, 4))]);
        let error = read_as(&sheet, &definition(""), keys).await.err().expect("it ends");
        assert_eq!((error.code(), error.error_type()), ("columns_moved", "conflict"));
        let text = error.to_string();
        assert!(
            text.contains("\"name\" was in C1 and is now in E1; the header \"amount\" was in E1 and is now in D1"),
            "{text}"
        );
        assert!(text.contains("the next run reads it afresh"), "{text}");
    }
}

#[tokio::test]
async fn a_header_of_no_column_may_change_during_the_read() {
    let sheet = Spreadsheet::new(&rows(), 0, USUAL, &[(3, Edit::SetCell(1, 3, "12:03"))]);
    let read = read(&sheet).await.expect("it goes on");
    assert_eq!((values(&read).len(), read.moved), (ROWS, true));
}

#[tokio::test]
async fn a_second_header_of_the_same_name_ends_the_read() {
    let sheet = Spreadsheet::new(&rows(), 0, USUAL, &[(3, Edit::SetCell(1, 3, "name"))]);
    let error = read(&sheet).await.err().expect("it ends").to_string();
    assert!(error.contains("\"name\" was in C1 and is now in D1"), "{error}");
}

#[tokio::test]
async fn renamed_or_exchanged_tab_ends_the_read() {
    for edit in [Edit::RenameTab("old"), Edit::ExchangeTab] {
        let sheet = Spreadsheet::new(&rows(), 0, USUAL, &[(4, edit)]);
        assert_eq!(read(&sheet).await.err().map(|error| error.code()), Some("tab_exchanged"));
    }
}

#[tokio::test]
async fn another_time_zone_counts_as_a_change() {
    let lagging = Google { version_lags: true, ..USUAL };
    let sheet = Spreadsheet::new(&rows(), 0, lagging, &[(4, Edit::SetTimeZone("Europe/Berlin"))]);
    assert!(read(&sheet).await.unwrap().moved);
}

#[tokio::test]
async fn content_below_a_range_is_noticed_without_another_request() {
    for (range, below) in [("A1:E5", Some(6)), ("A1:E11", None), ("A1:E", None)] {
        let sheet = Spreadsheet::new(&rows(), 3, USUAL, &[]);
        let read = read_as(&sheet, &definition(&format!("range = \"{range}\"")), None).await.unwrap();
        assert_eq!((read.below, sheet.requests.borrow().len()), (below, 5), "{range}");
        assert_eq!(read.below_range().is_some_and(|text| text.contains("row 6")), below.is_some());
    }
}

#[tokio::test]
async fn rejections_are_handed_over_in_parts_also_at_the_end() {
    const COPIES: usize = 3 * MAX_REJECTIONS;
    let mut all = rows();
    all.truncate(1);
    all.extend(vec![NEW.map(str::to_owned).to_vec(); COPIES]);
    let sheet = Spreadsheet::new(&all, 0, USUAL, &[]);
    let mut sizes = Vec::new();
    let collect = async |some: Vec<Rejection>| {
        sizes.push(some.len());
        Ok::<_, ReadError>(())
    };
    let read =
        super::read(&sheet, &definition(""), &[], &Limits::new(), None, Measure::Nothing, collect).await.unwrap();
    assert_eq!(read.snapshot.tally().rows_rejected, COPIES as u64);
    assert_eq!((sizes.iter().sum(), sizes.iter().max()), (COPIES, Some(&MAX_REJECTIONS)));
}

#[test]
fn a_list_is_cut_to_some_entries_of_some_characters() {
    let long = vec!["長".repeat(5_000); 3_000];
    let some = some_of(&long);
    assert_eq!((some.len(), some.last().map(String::as_str)), (21, Some("and 2980 more")));
    assert_eq!(some[0].chars().count(), 101);
    let few = ["a".to_owned(), "b".to_owned()];
    assert_eq!(some_of(&few), few);
}
