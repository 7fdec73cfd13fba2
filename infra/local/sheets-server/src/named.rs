//! Named ranges: cells that people gave a name to. They move with the rows and columns that are put in or taken out before
//! them. They are made by the control endpoint only; `spreadsheets.batchUpdate` knows none of their requests.

use std::ops::Range;

use serde_json::{Value, json};

use crate::a1::Reference;
use crate::grid::Dimension;

/// The first and the last index, where there is one: an open end is where the grid ends.
type Bounds = (Option<usize>, Option<usize>);

/// A named range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedRange {
    pub name: String,
    pub sheet_id: i64,
    pub rows: Bounds,
    pub columns: Bounds,
}

impl NamedRange {
    /// The range as a reference to cells of the tab `title`.
    pub(crate) fn reference(&self, title: &str) -> Reference {
        Reference { tab: Some(title.to_owned()), rows: self.rows, columns: self.columns, is_single_cell: false }
    }

    /// `NamedRange` of the API. As in Google's answers, the id of the first tab and open ends are left out.
    pub(crate) fn json(&self) -> Value {
        let mut range = json!({});
        if self.sheet_id != 0 {
            range["sheetId"] = self.sheet_id.into();
        }
        for (what, (first, last)) in [("Row", self.rows), ("Column", self.columns)] {
            if let Some(first) = first {
                range[format!("start{what}Index")] = first.into();
            }
            if let Some(last) = last {
                range[format!("end{what}Index")] = (last + 1).into();
            }
        }
        json!({"namedRangeId": format!("named-{}", self.name), "name": self.name, "range": range})
    }
}

/// Moves and widens the named ranges of a tab in which `count` rows or columns were put in before `before`.
pub(crate) fn widen(ranges: &mut [NamedRange], sheet_id: i64, dimension: Dimension, before: usize, count: usize) {
    for bounds in bounds_mut(ranges, sheet_id, dimension) {
        bounds.0 = bounds.0.map(|first| if before <= first { first + count } else { first });
        bounds.1 = bounds.1.map(|last| if before <= last { last + count } else { last });
    }
}

/// Moves and narrows the named ranges of a tab out of which a span of rows or columns was taken.
pub(crate) fn narrow(ranges: &mut [NamedRange], sheet_id: i64, dimension: Dimension, span: &Range<usize>) {
    let gone_before = |index: usize| index.min(span.end).saturating_sub(span.start);
    for bounds in bounds_mut(ranges, sheet_id, dimension) {
        let end = bounds.1.map(|last| last + 1 - gone_before(last + 1));
        bounds.0 = bounds.0.map(|first| first - gone_before(first));
        bounds.1 = end.map(|end| end.max(bounds.0.unwrap_or(0) + 1) - 1);
    }
}

fn bounds_mut(ranges: &mut [NamedRange], sheet_id: i64, dimension: Dimension) -> impl Iterator<Item = &mut Bounds> {
    let of_tab = ranges.iter_mut().filter(move |range| range.sheet_id == sheet_id);
    of_tab.map(move |range| match dimension {
        Dimension::Rows => &mut range.rows,
        Dimension::Columns => &mut range.columns,
    })
}
