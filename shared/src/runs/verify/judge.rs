//! Why a difference exists, whether it is allowed, and which run fixes it. Pure: one table per question.

use serde::{Deserialize, Serialize};

use crate::protocol::difference::{Act, ColumnDifference, ColumnOutcome, Kept, RowDifference};

/// Why sheet and table differ.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = VerificationReason))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The sheet was changed and no run has brought it over yet.
    Pending,
    /// It was brought over, and then changed in the database, in a column that the sheet owns.
    Drift,
    /// The row was brought over, and then deleted in the database.
    Lost,
    /// The row is gone from the sheet, but not from the table.
    Vanished,
    /// The cell or row cannot be used.
    Rejected,
    /// Postgres refuses the row.
    Refused,
    /// The row has no key, or another with the same key is used.
    Skipped,
    /// The column belongs to the database.
    DatabaseOwned,
    /// An edit in the database, which the merge keeps.
    EditedInDatabase,
    /// Both were changed, and the database wins.
    Conflict,
    /// The cell is blank, which leaves the table's value.
    BlankKeeps,
    /// The sync's mode leaves the row alone.
    LeftAlone,
    /// The row was deleted in the application.
    DeletedInDatabase,
    /// The row is gone from the sheet, and the sync has marked it as deleted.
    SoftDeleted,
    /// The row is missing from the sheet; its deletion was undone in the application.
    RestoredInDatabase,
    /// The row is gone from the sheet, which `on_delete` ignores.
    DeletesIgnored,
    /// Another sync feeds the row.
    OtherSync,
    /// The row was in the table before this sync, and whose values stay is not decided yet.
    AdoptionWithheld,
    /// The row is not of this sync.
    NotOfThisSync,
}

/// The run that fixes a difference.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Repair {
    /// Any run: `sheetsync sync`.
    Sync,
    /// A full run: to all others the row looks unchanged.
    Full,
}

impl Reason {
    /// The run that fixes it; `None` when it is allowed.
    #[must_use]
    pub fn repair(self) -> Option<Repair> {
        match self {
            Self::Pending | Self::Vanished => Some(Repair::Sync),
            Self::Drift | Self::Lost => Some(Repair::Full),
            _ => None,
        }
    }

    /// Whether the difference is as it should be.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        self.repair().is_none()
    }

    /// For a person.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Pending => "changed in the sheet, and no run has brought it over yet: run `sheetsync sync`",
            Self::Drift => "changed in the database, though the sheet owns the column: run `sheetsync sync --full`",
            Self::Lost => "deleted in the database, though the sheet has it: run `sheetsync sync --full`",
            Self::Vanished => {
                "gone from the sheet, but not deleted: run `sheetsync sync`; if it says that deletes are withheld, approve them"
            }
            Self::Rejected => "the cell cannot be used: correct it in the sheet (`sheetsync errors`)",
            Self::Refused => "Postgres refuses the row: correct it in the sheet (`sheetsync errors`)",
            Self::Skipped => "left out: no key, or another row has the same key",
            Self::DatabaseOwned => "the column belongs to the database (authority = \"database\")",
            Self::EditedInDatabase => {
                "edited in the database, and unchanged in the sheet since: the merge keeps the edit"
            }
            Self::Conflict => "changed on both sides; the database wins (on_conflict = \"database\")",
            Self::BlankKeeps => "the cell is blank, which leaves what the table has",
            Self::LeftAlone => "the sync's mode leaves the row alone",
            Self::DeletedInDatabase => "marked as deleted in the database, not by this sync",
            Self::SoftDeleted => "gone from the sheet, and marked as deleted by this sync",
            Self::RestoredInDatabase => "gone from the sheet; its deletion was taken back in the database",
            Self::DeletesIgnored => "gone from the sheet, and on_delete says to leave it",
            Self::OtherSync => "fed by another sync, which has the same key",
            Self::AdoptionWithheld => {
                "in the table before this sync wrote it: waits for a decision (`sheetsync approve-adoption`)"
            }
            Self::NotOfThisSync => "not written by this sync",
        }
    }
}

/// A reason, and the column that it is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Judged<'a> {
    pub(super) reason: Reason,
    pub(super) difference: Option<&'a ColumnDifference>,
}

/// Why a row of the sheet differs from the table's: a reason a column, or one for the whole row.
pub(super) fn judge_row(row: &RowDifference) -> Vec<Judged<'_>> {
    let whole = |reason| vec![Judged { reason, difference: None }];
    if row.refusal.is_some() && !row.applied {
        return whole(Reason::Refused);
    }
    let not_there = row.act == Act::Insert || (row.act == Act::Skip && row.columns.is_empty());
    match row.act {
        Act::Insert => return whole(if row.applied { Reason::Lost } else { Reason::Pending }),
        Act::Skip if not_there => return whole(Reason::LeftAlone),
        // Nothing but the mark of a deletion that the sync made, and that the sheet has taken back.
        Act::Update if row.columns.iter().all(|it| it.why.is_some()) => return whole(Reason::Pending),
        Act::Leave if row.deleted => return whole(Reason::DeletedInDatabase),
        Act::Claim => return whole(Reason::OtherSync),
        Act::Update | Act::Leave | Act::Skip => {}
    }
    row.columns
        .iter()
        .map(|difference| {
            let reason = match (difference.why, difference.outcome) {
                (Some(Kept::DatabaseOwned), _) => Reason::DatabaseOwned,
                (Some(Kept::EditedInDatabase), _) => Reason::EditedInDatabase,
                (Some(Kept::Conflict), _) => Reason::Conflict,
                (Some(Kept::BlankKeeps), _) => Reason::BlankKeeps,
                (Some(Kept::RowLeftAlone), _) => Reason::LeftAlone,
                (Some(Kept::OtherSync), _) => Reason::OtherSync,
                (Some(Kept::AdoptionWithheld), _) => Reason::AdoptionWithheld,
                (None, ColumnOutcome::Write | ColumnOutcome::Conflict | ColumnOutcome::Keep) if row.applied => {
                    Reason::Drift
                }
                (None, _) => Reason::Pending,
            };
            Judged { reason, difference: Some(difference) }
        })
        .collect()
}

/// Why the table has a row that the sheet does not have any more.
pub(super) fn judge_remembered(state: &str, is_marked: bool, ignores_deletes: bool) -> Reason {
    match state {
        "deleted" if is_marked => Reason::SoftDeleted,
        "deleted" => Reason::RestoredInDatabase,
        "absent" => Reason::DeletesIgnored,
        "claimed" => Reason::OtherSync,
        _ if ignores_deletes => Reason::DeletesIgnored,
        _ if is_marked => Reason::DeletedInDatabase,
        _ => Reason::Vanished,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(act: Act, applied: bool, columns: &[(ColumnOutcome, Option<Kept>)]) -> RowDifference {
        let difference = |&(outcome, why): &(ColumnOutcome, Option<Kept>)| ColumnDifference {
            column: "price".to_owned(),
            old: json!(1),
            new: json!(2),
            outcome,
            why,
        };
        RowDifference {
            k: "A".to_owned(),
            n: 2,
            act,
            columns: columns.iter().map(difference).collect(),
            deleted: false,
            applied,
            refusal: None,
        }
    }

    #[test]
    fn each_difference_has_its_reason() {
        use Act::{Claim, Insert, Leave, Skip, Update};
        use ColumnOutcome::{Conflict, Keep, Write};
        for (says, row, reasons) in [
            ("new in the sheet", row(Insert, false, &[]), vec![Reason::Pending]),
            ("deleted in the database", row(Insert, true, &[]), vec![Reason::Lost]),
            ("changed in the sheet", row(Update, false, &[(Write, None)]), vec![Reason::Pending]),
            ("changed in the sheet's column", row(Update, true, &[(Write, None)]), vec![Reason::Drift]),
            ("changed on both sides", row(Update, false, &[(Conflict, None)]), vec![Reason::Pending]),
            (
                "changed on both sides, the database wins",
                row(Leave, false, &[(Conflict, Some(Kept::Conflict))]),
                vec![Reason::Conflict],
            ),
            (
                "an edit and an owned column",
                row(Leave, true, &[(Keep, Some(Kept::EditedInDatabase)), (Keep, Some(Kept::DatabaseOwned))]),
                vec![Reason::EditedInDatabase, Reason::DatabaseOwned],
            ),
            ("a blank cell", row(Leave, true, &[(Keep, Some(Kept::BlankKeeps))]), vec![Reason::BlankKeeps]),
            ("back in the sheet", row(Update, false, &[]), vec![Reason::Pending]),
            ("the mode inserts only", row(Skip, true, &[(Keep, Some(Kept::RowLeftAlone))]), vec![Reason::LeftAlone]),
            ("the mode updates only", row(Skip, false, &[]), vec![Reason::LeftAlone]),
            ("another sync has the key", row(Claim, false, &[(Keep, Some(Kept::OtherSync))]), vec![Reason::OtherSync]),
            (
                "there before the sync",
                row(Update, false, &[(Keep, Some(Kept::AdoptionWithheld)), (Write, None)]),
                vec![Reason::AdoptionWithheld, Reason::Pending],
            ),
            (
                "deleted in the application",
                RowDifference { deleted: true, ..row(Leave, true, &[]) },
                vec![Reason::DeletedInDatabase],
            ),
            (
                "refused by Postgres",
                RowDifference { refusal: Some("23514".to_owned()), ..row(Update, false, &[(Write, None)]) },
                vec![Reason::Refused],
            ),
        ] {
            let judged: Vec<Reason> = judge_row(&row).iter().map(|judged| judged.reason).collect();
            assert_eq!(judged, reasons, "{says}");
        }
    }

    #[test]
    fn a_row_that_the_sheet_lost_has_its_reason() {
        assert_eq!(judge_remembered("deleted", true, false), Reason::SoftDeleted);
        assert_eq!(judge_remembered("deleted", false, false), Reason::RestoredInDatabase);
        assert_eq!(judge_remembered("absent", false, true), Reason::DeletesIgnored);
        assert_eq!(judge_remembered("claimed", false, false), Reason::OtherSync);
        assert_eq!(judge_remembered("present", false, true), Reason::DeletesIgnored);
        assert_eq!(judge_remembered("present", true, false), Reason::DeletedInDatabase);
        assert_eq!(judge_remembered("present", false, false), Reason::Vanished);
    }

    #[test]
    fn what_is_not_allowed_has_a_repair_and_says_it() {
        for reason in [Reason::Pending, Reason::Drift, Reason::Lost, Reason::Vanished] {
            let command = match reason.repair() {
                Some(Repair::Full) => "sheetsync sync --full",
                Some(Repair::Sync) => "sheetsync sync",
                None => panic!("{reason:?} is not allowed"),
            };
            assert!(reason.explanation().contains(command), "{reason:?}");
        }
        assert!(Repair::Full > Repair::Sync, "a full run fixes what any run does");
    }
}
