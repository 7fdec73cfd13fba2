//! Carries the books of a sync over to its new key. When `key` changes in the definition, the database still keeps what it
//! knows of each row under the former key; forgotten, every row would be adopted again and every edit in the database be
//! lost. The texts of a new key are made canonical by the rules of the mapping, so it is done here, page by page; the
//! database says when (`carry` in the answer to `sync_begin`). It may be repeated at any point.

use uuid::Uuid;

use crate::clients::supabase::{CarriedRow, CarryPage, Supabase, SupabaseError};
use crate::diff::hash::KeyHash;
use crate::mapping::{KeyForm, row_key};

/// How many rows a page holds.
const PAGE: usize = 5_000;

/// Where the books are: Supabase, or what a simulation plays.
#[expect(async_fn_in_trait, reason = "an invocation runs on one thread")]
pub trait Books {
    /// A page of the rows that are still kept by the former key.
    async fn carry_page(
        &self,
        sync: &str,
        run: Uuid,
        after: Option<&str>,
        limit: usize,
    ) -> Result<CarryPage, SupabaseError>;
    /// Keeps these rows by their new keys; answers how many.
    async fn carry(&self, sync: &str, run: Uuid, rows: &[CarriedRow]) -> Result<u64, SupabaseError>;
    /// Forgets the rows that have no new key, and the former key with them; answers how many.
    async fn carry_end(&self, sync: &str, run: Uuid) -> Result<u64, SupabaseError>;
}

impl Books for Supabase {
    async fn carry_page(
        &self,
        sync: &str,
        run: Uuid,
        after: Option<&str>,
        limit: usize,
    ) -> Result<CarryPage, SupabaseError> {
        Supabase::carry_page(self, sync, run, after, limit).await
    }

    async fn carry(&self, sync: &str, run: Uuid, rows: &[CarriedRow]) -> Result<u64, SupabaseError> {
        Supabase::carry(self, sync, run, rows).await
    }

    async fn carry_end(&self, sync: &str, run: Uuid) -> Result<u64, SupabaseError> {
        Supabase::carry_end(self, sync, run).await
    }
}

/// What became of the books.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// Rows that are now kept by their new key.
    pub rows: u64,
    /// Rows that are forgotten: the table no longer has them, or no usable new key for them.
    pub dropped: u64,
}

/// Carries all books of a sync over to the key whose columns are compared as `key_forms` says. `progress` is called after
/// every page, so that a long carry-over can show that the run lives.
///
/// # Errors
/// When a call or `progress` fails; what was carried over by then stays.
pub async fn carry_over<E: From<SupabaseError>>(
    books: &impl Books,
    sync: &str,
    run: Uuid,
    key_forms: &[KeyForm],
    mut progress: impl AsyncFnMut() -> Result<(), E>,
) -> Result<Carried, E> {
    let mut carried = Carried::default();
    let mut after = None;
    loop {
        let page = books.carry_page(sync, run, after.as_deref(), PAGE).await?;
        let rows: Vec<CarriedRow> = page.rows.into_iter().filter_map(|row| rekeyed(row, key_forms)).collect();
        if !rows.is_empty() {
            carried.rows += books.carry(sync, run, &rows).await?;
        }
        progress().await?;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    carried.dropped = books.carry_end(sync, run).await?;
    Ok(carried)
}

/// A row under its new key; `None` when it has none: the table lost it, or has no value in a key column that a cell of the
/// sheet could ever give.
fn rekeyed((old, texts): (String, Option<Vec<Option<String>>>), key_forms: &[KeyForm]) -> Option<CarriedRow> {
    let form = |index| key_forms.get(index).copied().unwrap_or_default();
    let texts = texts?.into_iter().enumerate().map(|(index, text)| form(index).canonical(&text?));
    let new = row_key(texts.collect::<Option<Vec<String>>>()?);
    let hash = KeyHash::of(&new);
    Some((old, new, hash.get()))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use super::*;

    /// Books in memory: pages of two rows, by former key in order; some calls fail first.
    struct Ledger {
        former: BTreeMap<String, Option<Vec<Option<String>>>>,
        kept: RefCell<BTreeMap<String, (String, i64)>>,
        calls: RefCell<Vec<&'static str>>,
        fails_at: Option<usize>,
    }

    impl Ledger {
        fn new(rows: &[(&str, Option<&[&str]>)]) -> Self {
            let texts = |texts: &[&str]| texts.iter().map(|text| Some((*text).to_owned())).collect();
            Self {
                former: rows.iter().map(|(old, new)| ((*old).to_owned(), new.map(texts))).collect(),
                kept: RefCell::default(),
                calls: RefCell::default(),
                fails_at: None,
            }
        }

        fn call(&self, name: &'static str) -> Result<(), SupabaseError> {
            self.calls.borrow_mut().push(name);
            if self.fails_at == Some(self.calls.borrow().len()) {
                return Err(SupabaseError::NoAnswer { url: String::new(), reason: "reset".to_owned() });
            }
            Ok(())
        }

        fn run(&self, key_forms: &[KeyForm]) -> Result<Carried, SupabaseError> {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(carry_over(self, "listings", Uuid::nil(), key_forms, async || self.call("progress")))
        }

        fn keys(&self) -> Vec<(String, String)> {
            self.kept.borrow().iter().map(|(old, (new, _))| (old.clone(), new.clone())).collect()
        }
    }

    impl Books for Ledger {
        async fn carry_page(
            &self,
            _: &str,
            _: Uuid,
            after: Option<&str>,
            _: usize,
        ) -> Result<CarryPage, SupabaseError> {
            self.call("page")?;
            let rest = self.former.iter().filter(|(old, _)| after.is_none_or(|after| old.as_str() > after));
            let rows: Vec<_> = rest.map(|(old, new)| (old.clone(), new.clone())).take(2).collect();
            let next = rows.last().filter(|_| rows.len() == 2).map(|(old, _)| old.clone());
            Ok(CarryPage { rows, next })
        }

        async fn carry(&self, _: &str, _: Uuid, rows: &[CarriedRow]) -> Result<u64, SupabaseError> {
            self.call("carry")?;
            let rows = rows.iter().cloned().map(|(old, new, hash)| (old, (new, hash)));
            self.kept.borrow_mut().extend(rows.clone());
            Ok(rows.count() as u64)
        }

        async fn carry_end(&self, _: &str, _: Uuid) -> Result<u64, SupabaseError> {
            self.call("end")?;
            Ok(self.former.len() as u64 - self.kept.borrow().len() as u64)
        }
    }

    #[test]
    fn rows_in_the_table_are_carried_to_their_new_key() {
        let ledger = Ledger::new(&[("A", Some(&["7"])), ("B", Some(&["8"])), ("C", None), ("D", Some(&["9"]))]);
        let carried = ledger.run(&[KeyForm::Integer]).unwrap();
        assert_eq!(carried, Carried { rows: 3, dropped: 1 });
        let kept = ledger.kept.borrow();
        assert_eq!(kept.values().map(|(new, _)| new.as_str()).collect::<Vec<_>>(), ["7", "8", "9"]);
        assert!(kept.values().all(|(new, hash)| *hash == KeyHash::of(new).get()));
    }

    #[test]
    fn pages_follow_each_other_until_there_is_no_next() {
        let ledger = Ledger::new(&[("A", Some(&["1"])), ("B", None), ("C", None), ("D", None), ("E", Some(&["2"]))]);
        ledger.run(&[]).unwrap();
        let calls = ["page", "carry", "progress", "page", "progress", "page", "carry", "progress", "end"];
        assert_eq!(*ledger.calls.borrow(), calls);
    }

    #[test]
    fn a_new_key_is_spelt_as_the_mapping_spells_it() {
        let ledger = Ledger::new(&[("A", Some(&["x \"y\"", "2024-03-01 00:30:00+00"]))]);
        ledger.run(&[KeyForm::Text, KeyForm::Timestamp]).unwrap();
        assert_eq!(ledger.keys(), [("A".to_owned(), r#"["x \"y\"","2024-03-01T00:30:00Z"]"#.to_owned())]);
        let ledger = Ledger::new(&[("A", Some(&["AA1  "]))]);
        ledger.run(&[KeyForm::Char]).unwrap();
        assert_eq!(ledger.keys(), [("A".to_owned(), "AA1".to_owned())]);
    }

    #[test]
    fn a_row_without_a_usable_new_key_is_left_out() {
        let mut ledger = Ledger::new(&[("A", Some(&["infinity"])), ("B", Some(&["2024-03-01"]))]);
        ledger.former.insert("C".to_owned(), Some(vec![None]));
        let carried = ledger.run(&[KeyForm::Date]).unwrap();
        assert_eq!(carried, Carried { rows: 1, dropped: 2 });
    }

    #[test]
    fn wherever_it_is_broken_off_a_repetition_ends_the_same() {
        let rows: &[(&str, Option<&[&str]>)] = &[("A", Some(&["1"])), ("B", Some(&["2"])), ("C", None)];
        let whole = Ledger::new(rows);
        whole.run(&[]).unwrap();
        for call in 1..=whole.calls.borrow().len() {
            let mut ledger = Ledger { fails_at: Some(call), ..Ledger::new(rows) };
            ledger.run(&[]).unwrap_err();
            ledger.fails_at = None;
            assert_eq!(ledger.run(&[]).unwrap(), Carried { rows: 2, dropped: 1 }, "call {call}");
            assert_eq!(ledger.keys(), whole.keys(), "call {call}");
        }
    }
}
