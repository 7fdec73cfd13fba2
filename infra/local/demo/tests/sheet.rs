//! What the generator promises: the same sheet everywhere, a known amount of mess, and a truth that goes with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sha2::{Digest, Sha256};
use sheetsync_demo::{Cell, Fate, MessKind, Options, Sheet, Value, write_csv, write_manifest, write_xlsx};

fn csv_of(options: Options) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_csv(&Sheet::new(options), &mut bytes).expect("memory takes every byte");
    bytes
}

/// When this fails, either the generator was changed (then every recorded expectation about the demo changes with it: take
/// the new sum), or a library draws other numbers than it did.
#[test]
fn the_same_seed_makes_the_same_sheet_on_every_machine() {
    let sum: String = Sha256::digest(csv_of(Options::default())).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sum, "7b05b32b197acd338a8408c592e040fe0d86f1269a588c783b76ede62c518f0b");
}

#[test]
fn another_seed_makes_another_sheet() {
    assert_ne!(csv_of(Options { seed: 1, ..Options::default() }), csv_of(Options { seed: 2, ..Options::default() }));
}

#[test]
fn a_longer_sheet_starts_with_the_shorter_one() {
    let short: Vec<_> = Sheet::new(Options { rows: 1_000, ..Options::default() }).rows().collect();
    let long: Vec<_> = Sheet::new(Options { rows: 1_700, ..Options::default() }).rows().take(1_000).collect();
    assert_eq!(short, long);
}

#[test]
fn every_kind_of_mess_occurs_in_its_share() {
    let mut rows: HashMap<Fate, u32> = HashMap::new();
    let mut kinds: BTreeMap<MessKind, u32> = BTreeMap::new();
    for row in Sheet::new(Options::default()).rows() {
        *rows.entry(row.fate).or_default() += 1;
        row.mess.iter().for_each(|mess| *kinds.entry(mess.kind).or_default() += 1);
    }
    let shares = [(Fate::Kept, 974), (Fate::Rejected, 20), (Fate::Skipped, 2), (Fate::Ignored, 4)];
    assert_eq!(rows, HashMap::from(shares));
    assert_eq!(
        kinds,
        BTreeMap::from([
            (MessKind::ErrorCell, 4),
            (MessKind::LoadingCell, 2),
            (MessKind::ToBeConfirmed, 4),
            (MessKind::Immediately, 2),
            (MessKind::ImpossibleDate, 2),
            (MessKind::WrongType, 2),
            (MessKind::BlankKey, 2),
            (MessKind::DuplicateKey, 4),
            (MessKind::BlankRow, 4),
            (MessKind::HostileMarkup, 4),
            (MessKind::HostileFormula, 4),
        ])
    );
}

#[test]
fn the_manifest_names_the_cell_that_holds_the_mess() {
    let sheet = Sheet::new(Options::default());
    let rows: Vec<_> = sheet.rows().collect();
    for mess in sheet.manifest() {
        let row = &rows[mess.row as usize - 2];
        let position = sheet.columns().iter().position(|column| column.header == mess.header).unwrap();
        assert_eq!(row.cells[position].to_csv(), mess.raw);
        assert_eq!(mess.cell, sheetsync_demo::cell_name(position, mess.row));
        assert_eq!(row.fate, mess.fate);
    }
}

#[test]
fn keys_differ_except_in_the_duplicate_pairs() {
    let mut keys: HashMap<String, Vec<Fate>> = HashMap::new();
    for row in Sheet::new(Options { rows: 20_000, ..Options::default() }).rows() {
        if let Cell::Text(key) = &row.cells[0] {
            keys.entry(key.clone()).or_default().push(row.fate);
        }
    }
    let pairs: Vec<_> = keys.values().filter(|fates| fates.len() > 1).collect();
    assert_eq!(pairs.len(), 40);
    assert!(pairs.iter().all(|fates| **fates == [Fate::Rejected, Fate::Rejected]));
}

#[test]
fn duplicate_without_its_twin_is_an_ordinary_row() {
    for rows in (1..500).step_by(7) {
        let sheet = Sheet::new(Options { rows, ..Options::default() });
        let duplicates = sheet.manifest().filter(|mess| mess.kind == MessKind::DuplicateKey).count();
        assert!(duplicates == 0 || duplicates == 2, "{rows} rows have {duplicates}");
    }
}

#[test]
fn a_wide_sheet_has_mess_in_its_further_columns_too() {
    let sheet = Sheet::new(Options { columns: 120, ..Options::default() });
    assert_eq!(sheet.columns().len(), 120);
    let names: BTreeSet<_> = sheet.columns().iter().map(|column| &column.name).collect();
    let headers: BTreeSet<_> = sheet.columns().iter().map(|column| &column.header).collect();
    assert_eq!((names.len(), headers.len()), (120, 120));
    let spoiled = sheet.manifest().filter(|mess| mess.fate == Fate::Rejected).count();
    assert_eq!(spoiled, 20 + 2 * 14);
}

#[test]
fn a_wide_sheet_has_the_columns_of_the_usual_one() {
    let usual = Sheet::new(Options::default());
    let wide = Sheet::new(Options { columns: 40, ..Options::default() });
    for (usual, wide) in usual.rows().zip(wide.rows()) {
        assert_eq!(usual.cells[..], wide.cells[..usual.cells.len()]);
    }
}

#[test]
fn what_is_expected_changes_with_a_row_and_back() {
    let sheet = Sheet::new(Options { rows: 50, ..Options::default() });
    let mut expected = sheet.expected();
    let before = expected.checksum();
    let values = sheet.row_below().values;
    expected.insert(&values);
    let added = expected.checksum();
    assert_eq!(added.rows, before.rows + 1);
    let mut edited = values.clone();
    edited[1] = Value::text("別の名前");
    expected.insert(&edited);
    assert_ne!(expected.checksum(), added);
    expected.insert(&values);
    assert_eq!(expected.checksum(), added);
}

#[test]
fn workbook_and_manifest_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let sheet = Sheet::new(Options { rows: 500, columns: 120, ..Options::default() });
    let (one, two) = (folder.path().join("one.xlsx"), folder.path().join("two.xlsx"));
    write_xlsx(&sheet, &one).unwrap();
    write_xlsx(&sheet, &two).unwrap();
    assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
    let mut lines = Vec::new();
    write_manifest(&sheet, &mut lines).unwrap();
    assert_eq!(String::from_utf8(lines).unwrap().lines().count(), sheet.manifest().count());
}
