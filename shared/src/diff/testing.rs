//! A mapping of two columns and its cells, for the tests of snapshots, plans and batches.

use crate::mapping::{Cell, Column, Limits, Locale, Mapping, Settings};

/// A mapping of the column A (`key`) and the column B (`value`), both texts; without a value the row is rejected.
pub(crate) fn mapping() -> Mapping {
    let column = |name: &str, required| Column {
        header: Some(name.to_owned()),
        column: name.to_owned(),
        required,
        ..Column::default()
    };
    let columns = [column("key", false), column("value", true)];
    let key = ["key".to_owned()];
    let settings = Settings {
        columns: &columns,
        key: &key,
        key_forms: &[],
        limits: &Limits::new(),
        header_row: 1,
        first_column: 0,
        time_zone: "Asia/Tokyo",
        locale: Locale::default(),
    };
    Mapping::bind(settings, &cells("key", "value")).expect("the headers fit")
}

pub(crate) fn cells(key: &str, value: &str) -> [Cell; 2] {
    [key, value].map(Cell::from)
}
