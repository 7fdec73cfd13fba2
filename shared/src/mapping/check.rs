//! Validates the columns of a definition before anything is read: options that belong to another type, defaults
//! that do not fit, keys that no column feeds.

use jiff::tz::TimeZone;

use super::affix::any_begins_with;
use super::column::{Blank, Column, Errors, NumberAs, Type, Values};
use super::header::normalize_header;
use super::invisible::trim;
use super::locale::Locale;
use super::problem::DefinitionProblem;
use super::rule::Rule;

/// An option, whether a column gives it, and the types that know it.
type TypeOption = (&'static str, fn(&Column) -> bool, &'static [Type]);

const ORDERED: &[Type] = &[Type::Integer, Type::Decimal, Type::Date, Type::Time, Type::Timestamp, Type::Duration];
const NUMBERS: &[Type] = &[Type::Integer, Type::Decimal];
const DAYS: &[Type] = &[Type::Date, Type::Timestamp];
const TEXTS: &[Type] = &[Type::Text, Type::TextArray];

/// Which option belongs to which types; docs/MAPPING.md has the same table for people.
pub(super) const OPTIONS: [TypeOption; 31] = [
    ("min", |column| column.min.is_some(), ORDERED),
    ("max", |column| column.max.is_some(), ORDERED),
    ("pattern", |column| column.pattern.is_some(), TEXTS),
    ("max_length", |column| column.max_length.is_some(), TEXTS),
    ("trim", |column| column.trim.is_some(), &[Type::Text]),
    ("normalize", |column| column.normalize != Default::default(), TEXTS),
    ("zero_pad", |column| column.zero_pad.is_some(), &[Type::Text]),
    ("separator", |column| column.separator.is_some(), &[Type::TextArray]),
    ("number", |column| column.number.is_some(), &[Type::Text, Type::TextArray, Type::Integer, Type::Decimal]),
    (
        "floats",
        |column| column.floats != Default::default(),
        &[Type::Integer, Type::Decimal, Type::Text, Type::TextArray, Type::Json],
    ),
    ("yen", |column| column.yen, NUMBERS),
    ("number_words", |column| column.number_words, NUMBERS),
    ("approximate", |column| column.approximate, NUMBERS),
    ("accounting", |column| column.accounting, NUMBERS),
    ("percent", |column| column.percent, &[Type::Decimal]),
    ("tsubo", |column| column.tsubo, &[Type::Decimal]),
    ("scale", |column| column.scale.is_some(), &[Type::Decimal]),
    ("multiply_by", |column| column.multiply_by.is_some(), NUMBERS),
    ("prefixes", |column| !column.prefixes.is_empty(), &[Type::Integer, Type::Decimal, Type::Date]),
    ("suffixes", |column| !column.suffixes.is_empty(), &[Type::Integer, Type::Decimal, Type::Date]),
    ("japanese", |column| column.japanese, &[Type::Boolean]),
    ("true_values", |column| !column.true_values.is_empty(), &[Type::Boolean]),
    ("false_values", |column| !column.false_values.is_empty(), &[Type::Boolean]),
    ("era", |column| column.era, DAYS),
    ("order", |column| column.order != Default::default(), DAYS),
    ("partial", |column| column.partial != Default::default(), &[Type::Date]),
    ("compact", |column| column.compact, DAYS),
    ("time_of_day", |column| column.time_of_day != Default::default(), &[Type::Date]),
    ("time_zone", |column| column.time_zone.is_some(), &[Type::Timestamp]),
    ("clock_change", |column| column.clock_change != Default::default(), &[Type::Timestamp]),
    ("values", |column| column.values != Values::default(), &[Type::Enum]),
];

/// The types whose equal values may be written in many ways, so that they have no one text to be a key.
const NO_KEY_TYPES: [Type; 2] = [Type::Json, Type::TextArray];

/// Everything that is wrong with `columns` and their `key`.
pub(super) fn problems(columns: &[Column], key: &[String]) -> Vec<DefinitionProblem> {
    let mut problems = key_problems(columns, key);
    for (index, column) in columns.iter().enumerate() {
        if columns[..index].iter().any(|earlier| earlier.column == column.column) {
            problems.push(DefinitionProblem::of(column, "column", "is given twice"));
        }
        let before = problems.len();
        header_problems(column, &mut problems);
        option_problems(column, &mut problems);
        if problems.len() == before
            && let Err(found) = Rule::new(column, &TimeZone::UTC, Locale::default(), key.contains(&column.column))
        {
            problems.extend(found);
        }
    }
    problems
}

fn key_problems(columns: &[Column], key: &[String]) -> Vec<DefinitionProblem> {
    let mut problems = Vec::new();
    for (index, name) in key.iter().enumerate() {
        let mut problem = |message: String| {
            problems.push(DefinitionProblem { column: Some(name.clone()), option: None, message });
        };
        if key[..index].contains(name) {
            problem("is twice in `key`".to_owned());
        }
        let Some(column) = columns.iter().find(|column| column.column == *name) else {
            problem("is in `key`, but no [[sync.columns]] feeds it".to_owned());
            continue;
        };
        if NO_KEY_TYPES.contains(&column.kind) {
            problem(format!("has the type {}, of which no key can be made", column.kind.name()));
        }
        if column.blank == Blank::Keep || column.errors != Errors::Reject {
            problem("is in `key` and so needs its own value: `blank = \"keep\"` and `errors` do not apply".to_owned());
        }
    }
    problems
}

fn header_problems(column: &Column, problems: &mut Vec<DefinitionProblem>) {
    let mut problem = |option, message: &str| problems.push(DefinitionProblem::of(column, option, message));
    match (&column.header, column.headers.is_empty()) {
        (None, true) => problem("header", "is missing: name the header that feeds this column"),
        (Some(_), false) => problem("headers", "and `header` exclude each other"),
        _ => {}
    }
    if !column.aliases.is_empty() && column.header.is_none() {
        problem("aliases", "are other names of `header`, which is missing");
    }
    let names: Vec<String> =
        column.header.iter().chain(&column.headers).chain(&column.aliases).map(|name| normalize_header(name)).collect();
    if names.iter().any(String::is_empty) {
        problem("header", "is blank");
    }
    if (1..names.len()).any(|index| names[..index].contains(&names[index])) {
        problem("header", "names the same header twice");
    }
}

fn option_problems(column: &Column, problems: &mut Vec<DefinitionProblem>) {
    for (option, is_given, types) in OPTIONS {
        if is_given(column) && !types.contains(&column.kind) {
            let types: Vec<&str> = types.iter().map(|kind| kind.name()).collect();
            let message = format!("does not apply to the type {}, only to {}", column.kind.name(), types.join(", "));
            problems.push(DefinitionProblem::of(column, option, message));
        }
    }
    let has_default = column.default.is_some();
    let begins_with_currency =
        any_begins_with(&column.suffixes, &['円']) || any_begins_with(&column.prefixes, &['¥', '\\']);
    let contradictions = [
        (column.column.is_empty(), "column", "is missing: name the column of the table"),
        (has_default && column.blank != Blank::Default, "default", "is only used with `blank = \"default\"`"),
        (!has_default && column.blank == Blank::Default, "blank", "is \"default\", but there is no `default`"),
        (column.required && column.blank == Blank::Keep, "blank", "is \"keep\", which `required` rules out"),
        (
            column.required && column.errors != Errors::Reject,
            "errors",
            "must be \"reject\" where a value is `required`",
        ),
        (column.kind == Type::Enum && column.values.pairs().next().is_none(), "values", "is missing"),
        (
            NUMBERS.contains(&column.kind) && matches!(column.number, Some(NumberAs::Displayed | NumberAs::Reject)),
            "number",
            "must be \"digits\" in a column of numbers, or left out",
        ),
        (
            column.number == Some(NumberAs::Displayed) && column.zero_pad.is_some(),
            "zero_pad",
            "and `number = \"displayed\"` exclude each other: what the cell shows has its zeros already",
        ),
        (column.scale.is_some_and(|scale| scale > 28), "scale", "must be 28 or less"),
        (column.multiply_by.is_some_and(|factor| factor < 2), "multiply_by", "must be 2 or more"),
        (
            column.multiply_by.is_some() && column.number_words,
            "multiply_by",
            "and `number_words` exclude each other: it is not clear whether `3800万` is to be multiplied",
        ),
        (
            column.multiply_by.is_some() && (column.yen || column.tsubo || begins_with_currency),
            "multiply_by",
            "excludes `yen`, `tsubo` and currencies in `prefixes` and `suffixes`: `38,000,000円` is not to be multiplied; \
             name the whole unit, as in suffixes = [\"万円\"]",
        ),
        (
            any_begins_with(&column.suffixes, &['%']),
            "suffixes",
            "contains \"%\", but a percentage typed into a cell arrives as hundredths: use type = \"decimal\" and `percent`",
        ),
        (column.zero_pad.is_some_and(|digits| !(1..=64).contains(&digits)), "zero_pad", "must be 1 to 64"),
        (column.max_length == Some(0), "max_length", "must be 1 or more"),
        (column.separator.as_deref() == Some(""), "separator", "is empty"),
        (has_blank(&column.prefixes), "prefixes", "contains a blank text"),
        (has_blank(&column.suffixes), "suffixes", "contains a blank text"),
        (has_blank(&column.blank_words), "blank_words", "contains a blank text; blank cells are blank anyway"),
    ];
    for (wrong, option, message) in contradictions {
        if wrong {
            problems.push(DefinitionProblem::of(column, option, message));
        }
    }
}

fn has_blank(texts: &[String]) -> bool {
    texts.iter().any(|text| trim(text).is_empty())
}
