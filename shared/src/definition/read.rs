//! Parses the TOML of a definition and reports all errors at once, each with line and column and,
//! for a misspelt word, the word that was probably meant. The values are validated in `check`.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The most problems that are reported at once.
const MOST_PROBLEMS: usize = 50;

/// How alike two words must be for one to be suggested for the other (Jaro-Winkler, 0 to 1).
const LIKELY: f64 = 0.75;

/// Reads `text`, or says everything that is wrong with its shape.
///
/// serde stops at the first error. So what caused it is taken out of the parsed document, and the rest is read again.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Vec<String>> {
    let (mut document, errors) = DeTable::parse_recoverable(text);
    let report = |span: Option<Range<usize>>, message: &str| {
        let (line, column) = position(text, span.map_or(0, |span| span.start));
        format!("line {line}, column {column}: {message}")
    };
    if !errors.is_empty() {
        // A syntax error causes further errors in later lines: the first is the one to fix.
        return Err(errors.iter().take(1).map(|error| report(error.span(), &one_line(error.message()))).collect());
    }
    let mut problems = Vec::new();
    let mut suggested: Vec<String> = Vec::new();
    while problems.len() < MOST_PROBLEMS {
        let error = match T::deserialize(toml::Deserializer::from(document.clone())) {
            Ok(value) if problems.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(error) => error,
        };
        let explained = Explained::of(error.message());
        // Said already: its name is there, misspelt.
        if !explained.missing.as_ref().is_some_and(|field| suggested.contains(field)) {
            problems.push((error.span().map_or(0, |span| span.start), report(error.span(), &explained.message)));
        }
        suggested.extend(explained.suggestion);
        let taken = error.span().is_some_and(|span| take_out(document.get_mut(), &span));
        if !taken {
            break;
        }
    }
    problems.sort();
    Err(problems.into_iter().map(|(_, problem)| problem).collect())
}

/// The line and column of a byte, both counted from 1; the column in characters.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// An error of serde in our words.
struct Explained {
    message: String,
    /// What was probably meant.
    suggestion: Option<String>,
    /// The key that is missing.
    missing: Option<String>,
}

impl Explained {
    /// serde names the word and those that it knows in back quotes; that is all there is to go by.
    fn of(message: &str) -> Self {
        let message = one_line(message);
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let kind = message.split_once(" `").map_or("", |(kind, _)| kind);
        let (what, word, known, quote): (_, _, _, fn(&str) -> String) = match (kind, quoted.as_slice()) {
            ("unknown field", [word, known @ ..]) => ("key", word, known, |word| format!("`{word}`")),
            ("unknown variant", [word, known @ ..]) => ("value", word, known, |word| format!("{word:?}")),
            ("missing field", [field, ..]) => {
                let message = format!("the key `{field}` is missing");
                return Self { message, suggestion: None, missing: Some((*field).to_owned()) };
            }
            _ => return Self { message, suggestion: None, missing: None },
        };
        let suggestion = nearest(word, known);
        let hint = match suggestion {
            Some(suggestion) => format!("did you mean {}?", quote(suggestion)),
            None => format!("there is {}", known.iter().map(|word| quote(word)).collect::<Vec<_>>().join(", ")),
        };
        let message = format!("unknown {what} {}; {hint}", quote(word));
        Self { message, suggestion: suggestion.map(str::to_owned), missing: None }
    }
}

fn one_line(message: &str) -> String {
    message.trim().replace('\n', ", ")
}

fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |candidate: &str| strsim::jaro_winkler(&word.to_lowercase(), candidate);
    known
        .iter()
        .map(|candidate| (likeness(candidate), *candidate))
        .filter(|(likeness, _)| *likeness >= LIKELY)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

/// Takes the smallest part that covers `span` out of the document; says whether there was one.
fn take_out(document: &mut DeTable<'_>, span: &Range<usize>) -> bool {
    let Some(size) = smallest_in_table(document, span) else { return false };
    take_from_table(document, span, size)
}

fn covers(outer: &Range<usize>, span: &Range<usize>) -> bool {
    outer.start <= span.start && span.end <= outer.end
}

fn size_if_covering(outer: Range<usize>, span: &Range<usize>) -> Option<usize> {
    covers(&outer, span).then(|| outer.len())
}

/// The size of the smallest key or value that covers `span`. All are looked at, because the span of a table that has a
/// header of its own is that header, not what stands below it.
fn smallest_in_table(table: &DeTable<'_>, span: &Range<usize>) -> Option<usize> {
    let of_entries =
        table.iter().flat_map(|(key, value)| [size_if_covering(key.span(), span), smallest_in(value, span)]);
    of_entries.flatten().min()
}

fn smallest_in(value: &Spanned<DeValue<'_>>, span: &Range<usize>) -> Option<usize> {
    let inside = match value.get_ref() {
        DeValue::Table(table) => smallest_in_table(table, span),
        DeValue::Array(items) => items.iter().filter_map(|item| smallest_in(item, span)).min(),
        _ => None,
    };
    inside.into_iter().chain(size_if_covering(value.span(), span)).min()
}

/// What stands inside comes first: a list of one table has that table's span, and is not to go with it.
fn take_from_table(table: &mut DeTable<'_>, span: &Range<usize>, size: usize) -> bool {
    if table.iter_mut().any(|(_, value)| take_from(value, span, size)) {
        return true;
    }
    let is_it = |outer: Range<usize>| size_if_covering(outer, span) == Some(size);
    let entry = table.iter().find(|(key, value)| is_it(key.span()) || is_it(value.span()));
    let key = entry.map(|(key, _)| key.clone());
    key.is_some_and(|key| table.remove(&key).is_some())
}

fn take_from(value: &mut Spanned<DeValue<'_>>, span: &Range<usize>, size: usize) -> bool {
    match value.get_mut() {
        DeValue::Table(table) => take_from_table(table, span, size),
        DeValue::Array(items) => {
            if items.iter_mut().any(|item| take_from(item, span, size)) {
                return true;
            }
            let before = items.len();
            let is_it = |item: &&Spanned<DeValue<'_>>| size_if_covering(item.span(), span) == Some(size);
            *items = items.iter().filter(|item| !is_it(item)).cloned().collect();
            items.len() < before
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Definition;

    fn problems(text: &str) -> Vec<String> {
        super::read::<Definition>(text).expect_err("it is malformed")
    }

    const HEAD: &str = "[[sync]]\nname = \"a\"\nspreadsheet = \"b\"\ntab = \"c\"\ntable = \"d\"\nkey = [\"e\"]\n";

    #[test]
    fn misspelt_keys_are_all_reported_with_place_and_suggestion() {
        let text = format!(
            "{HEAD}evry = \"5m\"\nmode = \"insert-only\"\non_delete = {{ polcy = \"soft\" }}\n\n\
             [[sync.columns]]\nheader = \"H\"\ncolumn = \"e\"\ntype = \"interger\"\nautority = \"sheet\"\n\n\
             [[sync.columns]]\n  heder = \"I\"\ncolumn = \"f\"\nauthority = \"Sheet\"\n"
        );
        assert_eq!(
            problems(&text),
            [
                "line 7, column 1: unknown key `evry`; did you mean `every`?",
                "line 8, column 8: unknown value \"insert-only\"; did you mean \"insert_only\"?",
                "line 9, column 15: unknown key `polcy`; did you mean `policy`?",
                "line 14, column 8: unknown value \"interger\"; did you mean \"integer\"?",
                "line 15, column 1: unknown key `autority`; did you mean `authority`?",
                "line 18, column 3: unknown key `heder`; did you mean `header`?",
                "line 20, column 13: unknown value \"Sheet\"; did you mean \"sheet\"?",
            ]
        );
    }

    #[test]
    fn unknown_key_is_reported_with_the_known_ones() {
        let reported = problems(&HEAD.replace("tab =", "xyz = 1\ntab ="));
        assert_eq!(reported.len(), 2, "{reported:?}");
        assert!(reported[0].starts_with("line 1, column 1: the key `columns` is missing"), "{reported:?}");
        assert!(
            reported[1].starts_with("line 4, column 1: unknown key `xyz`; there is `name`, `spreadsheet`, "),
            "{reported:?}"
        );
        let reported = problems(&format!("{HEAD}columns = []\nduplicates = \"??\"\n"));
        assert_eq!(reported, ["line 8, column 14: unknown value \"??\"; there is \"reject\", \"first\", \"last\""]);
    }

    #[test]
    fn a_key_that_is_misspelt_is_not_missing_as_well() {
        let reported = problems(&format!("{}columns = []\n", HEAD.replace("table =", "tabel =")));
        assert_eq!(reported, ["line 5, column 1: unknown key `tabel`; did you mean `table`?"]);
    }

    #[test]
    fn value_of_the_wrong_type_is_reported_with_its_place() {
        let reported =
            problems(&format!("{HEAD}columns = []\nheader_row = \"one\"\nbatch_rows = -1\nevery = \"soon\"\n"));
        assert_eq!(reported.len(), 3, "{reported:?}");
        assert!(reported[0].starts_with("line 8, column 14: invalid type"), "{reported:?}");
        assert!(reported[1].starts_with("line 9, column 14: "), "{reported:?}");
        assert!(reported[2].starts_with("line 10, column 9: \"soon\" is not a duration"), "{reported:?}");
    }

    #[test]
    fn invalid_toml_is_reported_with_its_place() {
        let reported = problems(&format!("{HEAD}mode = upsert\n"));
        assert_eq!(reported.len(), 1);
        assert!(reported[0].starts_with("line 7, column 8: "), "{reported:?}");
    }
}
