//! Validates a parsed definition: names, places, and options that depend on each other. What a
//! column may say is checked by [`crate::mapping`].

use std::time::Duration;

use super::area::RangeName;
use super::sync::{Definition, DeletePolicy, Sync};
use crate::mapping;

/// The longest Postgres identifier, in bytes.
const MAX_IDENTIFIER_BYTES: usize = 63;

/// The most columns. Postgres takes 1,664 results of a statement, and the merge has two for each (sync_merge).
const MAX_COLUMNS: usize = 800;

/// The most complete reads in which a key must be missing before it is deleted.
const MAX_CONFIRM_DELETES: u32 = 10;

/// The longest time that a change of the table may stay unnoticed.
const MAX_RECONCILE_EVERY: Duration = Duration::from_hours(7 * 24);

/// How often sheet and table may be compared in full.
const MIN_VERIFY_EVERY: Duration = Duration::from_hours(1);
const MAX_VERIFY_EVERY: Duration = Duration::from_hours(1000);

/// Everything that is wrong with a definition, each problem with the name of its sync.
pub(super) fn problems(definition: &Definition) -> Vec<String> {
    let mut problems: Vec<String> = definition.syncs.iter().flat_map(Sync::problems).collect();
    for (index, sync) in definition.syncs.iter().enumerate() {
        let earlier = &definition.syncs[..index];
        if earlier.iter().any(|earlier| earlier.name == sync.name) {
            problems.push(format!("the sync {:?} is defined twice", sync.name));
        }
        let Some(former) = sync.renamed_from.as_ref().filter(|former| **former != sync.name) else { continue };
        if definition.syncs.iter().any(|other| other.name == *former) {
            problems.push(format!(
                "the sync {:?} is renamed from {former:?}, which is still defined: remove that sync, or `renamed_from` \
                 once the sync has run under its new name",
                sync.name
            ));
        }
        if let Some(other) = earlier.iter().find(|earlier| earlier.renamed_from.as_ref() == Some(former)) {
            problems.push(format!("both {:?} and {:?} are renamed from {former:?}", other.name, sync.name));
        }
    }
    problems
}

impl Sync {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |sound: bool, problem: &str| {
            if !sound {
                problems.push(format!("sync {:?}: {problem}", self.name));
            }
        };
        check(
            is_name(&self.name),
            "`name` must be lower-case letters, digits, `_` or `-`, start with a letter, and have at most 63 characters",
        );
        check(
            !self.spreadsheet.trim().is_empty(),
            "`spreadsheet` is empty; it is the part of the address between /d/ and /edit",
        );
        let tabs = [self.tab.is_some(), self.tab_id.is_some()].into_iter().filter(|given| *given).count();
        match self.range.as_deref().map(RangeName::parse) {
            Some(Err(problem)) => check(false, &format!("`range` {problem}")),
            Some(Ok(RangeName::Named(_))) => {
                check(tabs == 0, "a named range knows its tab: leave out `tab` and `tab_id`");
            }
            Some(Ok(RangeName::Cells(_))) | None => check(
                tabs == 1,
                "give the tab by `tab` (its title) or by `tab_id` (`gid` in the address): one of them, not both",
            ),
        }
        check(self.header_row != Some(0), "`header_row` counts from 1");
        if let (Some(row), Some(Ok(RangeName::Cells(area)))) =
            (self.header_row, self.range.as_deref().map(RangeName::parse))
        {
            check(
                area.first_row <= row && area.last_row.is_none_or(|last| row <= last),
                "`header_row` is not in `range`; it counts the rows of the tab, not those of the range",
            );
        }
        check(
            is_identifier(&self.table),
            "`table` must be the name of a table in the schema public, without the schema",
        );
        check(!self.key.is_empty(), "`key` must name the column or columns that identify a row");
        check(!self.columns.is_empty(), "there are no [[sync.columns]]");
        check(
            self.columns.len() <= MAX_COLUMNS,
            "there are more than 800 columns, which one statement of Postgres cannot merge: feed two tables by two syncs",
        );
        check((1..=10_000).contains(&self.batch_rows), "`batch_rows` must be between 1 and 10000");
        check(self.every.is_none_or(|every| every >= Duration::from_secs(60)), "`every` must be a minute or more");
        check(self.stall_after >= Duration::from_secs(1), "`stall_after` must be a second or more");
        check(
            self.reconcile_every <= MAX_RECONCILE_EVERY,
            "`reconcile_every` must be a week or less: nothing else finds what was changed in the table",
        );
        check(
            self.verify_every.is_zero() || (MIN_VERIFY_EVERY..=MAX_VERIFY_EVERY).contains(&self.verify_every),
            "`verify_every` must be between \"1h\" and \"1000h\", or \"0s\" for never",
        );
        check(self.on_delete.guard_percent <= 100, "`on_delete.guard_percent` must be 0 to 100");
        let soft = self.on_delete.policy == DeletePolicy::Soft;
        check(
            !soft || self.on_delete.column.is_some(),
            "`on_delete` with policy \"soft\" needs `column`, the timestamp column that marks a deleted row",
        );
        check(soft || self.on_delete.column.is_none(), "`on_delete.column` is only for policy \"soft\"");
        if let Some(column) = &self.on_delete.column {
            check(is_identifier(column), "`on_delete.column` must be the name of a column");
            check(
                !self.columns.iter().any(|mapped| mapped.column == *column),
                "`on_delete.column` cannot be fed by the sheet as well",
            );
        }
        check(
            (1..=MAX_CONFIRM_DELETES).contains(&self.confirm_deletes),
            "`confirm_deletes` must be between 1 and 10: in so many complete reads a key is missing before it is deleted",
        );
        for (index, column) in self.rename_by.iter().enumerate() {
            check(
                self.columns.iter().any(|mapped| mapped.column == *column),
                &format!("`rename_by` names {column:?}, which no [[sync.columns]] feeds"),
            );
            check(
                !self.key.contains(column),
                &format!(
                    "`rename_by` names {column:?}, which is in `key`; a renamed row is found by its other columns"
                ),
            );
            check(!self.rename_by[..index].contains(column), &format!("`rename_by` names {column:?} twice"));
        }
        if let Some(former) = &self.renamed_from {
            check(is_name(former), "`renamed_from` must be the former name of this sync; names are lower-case");
            check(*former != self.name, "`renamed_from` is the sync's own name; it must be the former one");
        }
        for column in &self.columns {
            check(is_identifier(&column.column), &format!("{:?} cannot be the name of a column", column.column));
        }
        if let Err(found) = mapping::Mapping::check(&self.columns, &self.key) {
            problems.extend(found.iter().map(|problem| format!("sync {:?}: {problem}", self.name)));
        }
        problems
    }
}

pub(super) fn is_name(text: &str) -> bool {
    text.len() <= MAX_IDENTIFIER_BYTES
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_IDENTIFIER_BYTES && !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::super::DefinitionError;
    use super::super::load::tests::{SOUND, parse};

    #[test]
    fn more_columns_than_a_statement_can_merge_are_refused() {
        let column = |number| format!("\n[[sync.columns]]\nheader = \"h{number}\"\ncolumn = \"c{number}\"\n");
        let wide = |count| parse(&format!("{SOUND}{}", (0..count).map(column).collect::<String>()));
        let known = parse(SOUND).unwrap().syncs[0].columns.len();
        assert!(wide(super::MAX_COLUMNS - known).is_ok());
        let refused = wide(super::MAX_COLUMNS - known + 1).unwrap_err().to_string();
        assert!(refused.contains("800 columns"), "{refused}");
    }

    #[test]
    fn invalid_options_are_refused_with_sync_and_option() {
        let edits = [
            ("name = \"listings\"", "name = \"Listings\"", "`name`"),
            ("spreadsheet = \"1AbC\"", "spreadsheet = \" \"", "`spreadsheet`"),
            ("tab = \"物件一覧\"", "", "`tab_id`"),
            ("tab = \"物件一覧\"", "tab = \"a\"\ntab_id = 0", "not both"),
            ("tab = \"物件一覧\"", "range = \"A1:C\"", "`tab_id`"),
            ("tab = \"物件一覧\"", "tab_id = 0\nrange = \"物件\"", "knows its tab"),
            ("tab = \"物件一覧\"", "tab_id = 0\nrange = \"C1:A1\"", "`range` is no range"),
            ("tab = \"物件一覧\"", "tab_id = 0\nrange = \"A3:C\"\nheader_row = 2", "`header_row` is not in"),
            ("table = \"property_listings\"", "table = \"\"", "`table`"),
            ("key = [\"listing_no\"]", "key = []", "`key`"),
            ("key = [\"listing_no\"]", "key = [\"price\"]", "price"),
            ("every = \"5m\"", "every = \"5s\"", "`every`"),
            ("every = \"5m\"", "every = \"soon\"", "not a duration"),
            ("every = \"5m\"", "batch_rows = 0", "`batch_rows`"),
            ("every = \"5m\"", "on_delete = { policy = \"soft\" }", "needs `column`"),
            ("every = \"5m\"", "on_delete = { policy = \"hard\", column = \"gone_at\" }", "only for policy"),
            ("every = \"5m\"", "on_delete = { policy = \"soft\", column = \"listing_no\" }", "as well"),
            ("every = \"5m\"", "evry = \"5m\"", "evry"),
            ("every = \"5m\"", "confirm_deletes = 0", "between 1 and 10"),
            ("every = \"5m\"", "confirm_deletes = 11", "between 1 and 10"),
            ("every = \"5m\"", "on_missing = \"restor\"", "did you mean \"restore\"?"),
            ("every = \"5m\"", "reconcile_every = \"200h\"", "a week or less"),
            ("every = \"5m\"", "verify_every = \"1m\"", "`verify_every`"),
            ("every = \"5m\"", "adopt = \"shet\"", "did you mean \"sheet\"?"),
            ("every = \"5m\"", "precedence = 1.5", "line 8, column 14"),
            ("every = \"5m\"", "rename_by = [\"slug\"]", "`rename_by` names \"slug\", which no"),
            ("every = \"5m\"", "rename_by = [\"listing_no\"]", "which is in `key`"),
            ("every = \"5m\"", "renamed_from = \"Lists\"", "`renamed_from`"),
            ("every = \"5m\"", "renamed_from = \"listings\"", "own name"),
        ];
        for (from, to, part) in edits {
            let text = SOUND.replacen(from, to, 1);
            assert_ne!(text, SOUND);
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("sheetsync.toml"), "{to}: {error}");
        }
    }

    #[test]
    fn all_definition_problems_are_reported_at_once() {
        let text = SOUND.replace("1AbC", "").replace("every = \"5m\"", "header_row = 0");
        let DefinitionError::Invalid { problems, .. } = parse(&text).unwrap_err() else { panic!("it parses") };
        assert_eq!(problems.len(), 2, "{problems:?}");
    }

    #[test]
    fn two_syncs_cannot_have_one_name() {
        let error = parse(&format!("{SOUND}{SOUND}")).unwrap_err().to_string();
        assert!(error.contains("defined twice"), "{error}");
    }

    #[test]
    fn former_name_belongs_to_one_sync_and_is_unused() {
        let renamed = |name: &str, from: &str| {
            SOUND
                .replace("\"listings\"", &format!("{name:?}"))
                .replace("every = \"5m\"", &format!("renamed_from = {from:?}"))
        };
        assert!(parse(&renamed("flats", "listings")).is_ok());
        let error = parse(&format!("{}{SOUND}", renamed("flats", "listings"))).unwrap_err().to_string();
        assert!(error.contains("which is still defined"), "{error}");
        let error = parse(&(renamed("flats", "lists") + &renamed("houses", "lists"))).unwrap_err().to_string();
        assert!(error.contains("both \"flats\" and \"houses\" are renamed from \"lists\""), "{error}");
    }

    #[test]
    fn rename_by_names_a_column_once() {
        let slug = "\n[[sync.columns]]\nheader = \"slug\"\ncolumn = \"slug\"\n";
        let with = |names: &str| format!("{}{slug}", SOUND.replace("every = \"5m\"", &format!("rename_by = {names}")));
        assert!(parse(&with(r#"["slug"]"#)).is_ok());
        let error = parse(&with(r#"["slug", "slug"]"#)).unwrap_err().to_string();
        assert!(error.contains("names \"slug\" twice"), "{error}");
    }
}
