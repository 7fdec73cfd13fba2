//! Whole runs over a sheet, books and a queue that are played: what is sent, and what is recorded.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::path::Path;

use sheetsync::area::Area;
use sheetsync::definition::Definition;
use sheetsync::hash::{ContentHash, KeyHash, RangeIndex};
use sheetsync::mapping::Cell;
use sheetsync::plan::{Check, Drift, RangeDigests, StoredRow, Strays};
use sheetsync::sheets::{Block, Grid, Tab, TabName, Window};
use sheetsync::supabase::{CarriedRow, CarryPage};

use super::*;

const DEFINITION: &str = r#"
[[sync]]
name = "things"
spreadsheet = "x"
tab = "tab"
table = "things"
key = ["id"]
on_delete = { policy = "hard" }

[[sync.columns]]
header = "id"
column = "id"

[[sync.columns]]
header = "name"
column = "name"
"#;

/// A grid of so many columns is read in chunks of four rows.
const COLUMNS: u32 = 10_000;

/// Everything around a run.
struct World {
    definition: Sync,
    rows: Vec<Vec<String>>,
    /// The header row as it is from the second chunk on.
    later_headers: Vec<&'static str>,
    strays_before: Option<Strays>,
    status: RunStatus,
    blocks: RefCell<usize>,
    sent: RefCell<Vec<Outgoing>>,
    rejected: RefCell<usize>,
    planned: RefCell<Option<PlanRecord>>,
}

impl World {
    /// A sheet with rows of these keys. The books have forty rows, `K01` to `K40`.
    fn with(keys: impl IntoIterator<Item = String>) -> Self {
        let row = |key: String| vec![key, "a name".to_owned()];
        let headers = vec!["id".to_owned(), "name".to_owned()];
        Self {
            definition: Definition::parse(Path::new("test"), DEFINITION).unwrap().syncs.remove(0),
            rows: std::iter::once(headers).chain(keys.into_iter().map(row)).collect(),
            later_headers: vec!["id", "name"],
            strays_before: None,
            status: RunStatus::InProgress,
            blocks: RefCell::default(),
            sent: RefCell::default(),
            rejected: RefCell::default(),
            planned: RefCell::default(),
        }
    }

    async fn run(&self) -> Result<Summary, RunError> {
        let run = Run {
            id: Uuid::nil(),
            seq: 1,
            present_rows: 40,
            strays_before: self.strays_before,
            approved_deletes: None,
            key_forms: Vec::new(),
            limits: Limits::new(),
            carry: None,
            run_type: RunType::Manual,
            keys: None,
            definition: &self.definition,
            sheets: self,
            supabase: self,
            queue: self,
            now: Timestamp::UNIX_EPOCH,
            verifies: false,
        };
        run.execute().await.map(|executed| executed.summary)
    }

    /// What a run records, and the kinds of its batches.
    async fn record(&self) -> (PlanRecord, Vec<batch::Kind>) {
        self.run().await.expect("the run is planned");
        let kinds = self.sent.borrow().iter().map(|batch| batch.kind).collect();
        (self.planned.borrow().clone().expect("it is recorded"), kinds)
    }
}

fn key(row: usize) -> String {
    format!("K{row:02}")
}

impl Tabs for World {
    async fn tab(&self, spreadsheet: &str, _: TabName<'_>, area: Option<Area>) -> Result<Tab, SheetsError> {
        let grid = Grid { rows: self.rows.len() as u32, columns: COLUMNS };
        Ok(Tab {
            spreadsheet: spreadsheet.to_owned(),
            id: 0,
            title: "tab".to_owned(),
            grid,
            window: Window::of(area, grid).expect("the range is in the grid"),
            time_zone: "Asia/Tokyo".to_owned(),
            locale: "ja_JP".to_owned(),
        })
    }

    async fn version(&self, _: &str) -> Result<String, SheetsError> {
        Ok("1".to_owned())
    }

    async fn blocks(&self, _: &Tab, blocks: &[RangeInclusive<u32>]) -> Result<(Vec<Block>, u64), SheetsError> {
        let chunk = self.blocks.replace_with(|chunk| *chunk + 1);
        let cells = |row: &Vec<String>| row.iter().map(|cell| Cell::from(cell.as_str())).collect();
        let read = |rows: &RangeInclusive<u32>| -> Block {
            self.rows[*rows.start() as usize - 1..*rows.end() as usize].iter().map(cells).collect()
        };
        let mut answer: Vec<Block> = blocks.iter().map(read).collect();
        if chunk > 0 {
            answer[0] = vec![self.later_headers.iter().copied().map(Cell::from).collect()];
        }
        Ok((answer, 2_000_000))
    }

    async fn shown(&self, _: &Tab, _: RangeInclusive<u32>, _: &[u32]) -> Result<Vec<Vec<String>>, SheetsError> {
        unreachable!("this sheet holds no numbers")
    }
}

impl Stored for World {
    async fn range_digests(&self, _: &str, _: u32) -> Result<RangeDigests, SupabaseError> {
        Ok(RangeDigests { rows: 40, ranges: vec![(0, 40, "differs".to_owned())] })
    }

    async fn row_hashes(&self, _: &str, _: u32, _: &[RangeIndex]) -> Result<Vec<StoredRow>, SupabaseError> {
        Ok((1..=40).map(|row| (KeyHash::of(&key(row)), ContentHash::from_stored(1))).collect())
    }

    async fn drift(&self, _: &str, _: Option<bool>) -> Result<Drift, SupabaseError> {
        let check = Check { at: Timestamp::UNIX_EPOCH, values: true, whole: true };
        Ok(Drift { missing: Vec::new(), differing: Vec::new(), check })
    }
}

impl Books for World {
    async fn carry_page(&self, _: &str, _: Uuid, _: Option<&str>, _: usize) -> Result<CarryPage, SupabaseError> {
        Ok(CarryPage { rows: Vec::new(), next: None })
    }

    async fn carry(&self, _: &str, _: Uuid, rows: &[CarriedRow]) -> Result<u64, SupabaseError> {
        Ok(rows.len() as u64)
    }

    async fn carry_end(&self, _: &str, _: Uuid) -> Result<u64, SupabaseError> {
        Ok(0)
    }
}

impl Record for World {
    async fn heartbeat(&self, _: Uuid) -> Result<RunStatus, SupabaseError> {
        Ok(RunStatus::InProgress)
    }

    async fn reject(&self, _: Uuid, rejections: &[Rejection]) -> Result<(), SupabaseError> {
        *self.rejected.borrow_mut() += rejections.len();
        Ok(())
    }

    async fn planned(&self, _: Uuid, plan: &PlanRecord) -> Result<RunStatus, SupabaseError> {
        *self.planned.borrow_mut() = Some(plan.clone());
        Ok(self.status)
    }
}

impl Outbox for World {
    async fn send(&self, batches: impl Iterator<Item = Outgoing>) -> Result<(), QueueError> {
        self.sent.borrow_mut().extend(batches);
        Ok(())
    }
}

#[tokio::test]
async fn missing_rows_are_deleted_after_a_complete_read() {
    let (record, kinds) = World::with((1..=32).map(key)).record().await;
    assert_eq!((record.keys_vanished, record.deletes_withheld, record.read_complete), (8, None, true));
    assert_eq!(kinds, [batch::Kind::Upsert, batch::Kind::Delete]);
}

#[tokio::test]
async fn keys_that_are_not_ready_delete_nothing() {
    let keys = (1..=40).map(|row| if row % 5 == 0 { "Loading...".to_owned() } else { key(row) });
    let world = World::with(keys);
    let (record, kinds) = world.record().await;
    assert_eq!((record.tally.keys_unreadable, record.keys_vanished, record.read_complete), (8, 0, false));
    let reason = record.deletes_withheld.expect("they are withheld");
    assert!(reason.starts_with("the key in A6 cannot be read: Loading..."), "{reason}");
    assert_eq!((kinds, *world.rejected.borrow()), (vec![batch::Kind::Upsert], 8), "the other rows arrive");
    let plan = serde_json::to_value(&*world.planned.borrow()).unwrap();
    assert_eq!(
        (&plan["keysUnreadable"], &plan["keylessRows"], &plan["readComplete"]),
        (&json!(8), &json!(0), &json!(false))
    );
}

#[tokio::test]
async fn more_rows_without_a_key_than_before_delete_nothing() {
    let keys = || (1..=39).map(key).chain([String::new(), String::new()]);
    for (keyless_before, deleted) in [(None, 0), (Some(1), 0), (Some(2), 1)] {
        let strays_before = keyless_before.map(|keyless_rows| Strays { keyless_rows, unmatched_rows: 0 });
        let (record, _) = World { strays_before, ..World::with(keys()) }.record().await;
        assert_eq!((record.tally.keyless_rows, record.keys_vanished), (2, deleted), "{keyless_before:?}");
        assert_eq!(record.deletes_withheld.is_some(), deleted == 0);
        assert!(record.read_complete, "notes do not make a reading incomplete");
    }
}

#[tokio::test]
async fn an_empty_tab_deletes_nothing_without_approval() {
    let (record, kinds) = World::with([]).record().await;
    assert_eq!((record.keys_vanished, kinds), (0, vec![]));
    assert!(record.deletes_withheld.is_some_and(|reason| reason.contains("the tab has no rows")));
    assert!(record.read_complete, "it was read as a whole: an approved deletion goes through");
}

#[tokio::test]
async fn columns_moved_between_chunks_fail_the_run_before_sending() {
    let later_headers = vec!["new", "id", "name"];
    let world = World { later_headers, ..World::with((1..=40).map(key)) };
    let error = world.run().await.expect_err("it fails");
    assert_eq!((error.code().as_str(), error.failure().error_type), ("columns_moved", "conflict"));
    assert!(error.to_string().contains("\"id\" was in A1 and is now in B1"), "{error}");
    assert!(world.sent.borrow().is_empty() && world.planned.borrow().is_none());
}

#[tokio::test]
async fn run_superseded_while_sending_is_taken_over() {
    let world = World { status: RunStatus::Superseded, ..World::with((1..=40).map(key)) };
    assert!(matches!(world.run().await, Err(RunError::TakenOver(RunStatus::Superseded))));
}

#[tokio::test]
async fn run_records_the_first_headers_without_a_column() {
    let mut world = World::with((1..=3).map(key));
    world.rows[0].extend((0..500).map(|number| format!("{number} {}", "長".repeat(200))));
    let (record, _) = world.record().await;
    let headers = record.metadata["unmappedHeaders"].as_array().unwrap();
    assert_eq!((headers.len(), &headers[20]), (21, &json!("and 480 more")));
    assert!(record.metadata.to_string().len() < 10_000);
}
