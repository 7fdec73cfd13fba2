//! Names from a sheet, as runs, plans and errors repeat them: the first few, shortened.

/// How many entries of a list a run or a plan repeats, and how many characters of each.
const NAMED: usize = 20;
const NAMED_CHARACTERS: usize = 100;

/// The first entries of a list, each shortened, and how many more there are: headers and keys may be long, and thousands.
#[must_use]
pub fn some_of(all: &[String]) -> Vec<String> {
    let mut some: Vec<String> = all.iter().take(NAMED).map(|text| shortened(text)).collect();
    if all.len() > NAMED {
        some.push(format!("and {} more", all.len() - NAMED));
    }
    some
}

pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(NAMED_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
