//! Texts and keys: only invisible characters at the ends are removed, and a key has no invisible character.

use super::super::{Column, Limits, Locale, Mapped, Settings};
use super::{Cell, Mapping, Trial, quoted};

const UNSEEN: [&str; 10] = [
    "\u{200b}", "\u{ad}", "\u{feff}", "\u{2060}", "\u{200e}", "\u{200f}", "\u{180e}", "\u{2066}", "\u{3164}", "\u{7f}",
];
const SPACES: [&str; 5] = [" ", "\u{3000}", "\u{a0}", "\n", "\t"];
/// Wholes that people see: letters, words, emoji with what joins them, a name with the form of its first ideograph.
const SEEN: [&str; 16] = [
    "a",
    "B",
    "7",
    "-",
    "青山",
    "ハイツ",
    "ﾊｲﾂ",
    "é",
    "👨\u{200d}👩\u{200d}👧",
    "✔\u{fe0f}",
    "1\u{fe0f}\u{20e3}",
    "葛\u{e0100}",
    "می\u{200c}خواهم",
    "क\u{94d}\u{200d}ष",
    "①",
    "!",
];

fn some(trial: &mut Trial, of: &[&str], most: usize) -> String {
    let count = trial.below(most + 1);
    (0..count).map(|_| trial.pick(of)).collect()
}

/// Something to see, perhaps with white space between its parts.
fn visible(trial: &mut Trial) -> String {
    let mut text = trial.pick(&SEEN).to_owned();
    for _ in 0..trial.below(5) {
        if trial.chance(4) {
            text.push_str(trial.pick(&SPACES));
        }
        text.push_str(trial.pick(&SEEN));
    }
    text
}

#[test]
fn texts_keep_all_that_can_be_seen() {
    let mut trial = Trial::named("texts");
    let around = [UNSEEN.as_slice(), &SPACES].concat();
    while trial.goes_on() {
        let (before, after) = (some(&mut trial, &around, 3), some(&mut trial, &around, 3));
        let text = visible(&mut trial);
        trial.text("type = 'text'", &format!("{before}{text}{after}"), Some(&quoted(&text)));
        let between = trial.pick(&UNSEEN);
        let inside = format!("{text}{between}{text}");
        trial.text("type = 'text'", &inside, Some(&quoted(&inside)));
        trial.text("type = 'text'", &format!("{before}{after}"), Some("null"));
    }
    trial.finish();
}

#[test]
fn keys_are_whole_or_refused() {
    let mut trial = Trial::named("keys");
    let key = Column { header: Some("K".to_owned()), column: "k".to_owned(), ..Column::default() };
    let settings = Settings {
        columns: &[key],
        key: &["k".to_owned()],
        key_forms: &[],
        limits: &Limits::new(),
        header_row: 1,
        first_column: 0,
        time_zone: "UTC",
        locale: Locale::default(),
    };
    let mapping = Mapping::bind(settings, &[Cell::from("K")]).unwrap();
    let around = [UNSEEN.as_slice(), &SPACES].concat();
    while trial.goes_on() {
        trial.tried += 2;
        let (before, after) = (some(&mut trial, &around, 3), some(&mut trial, &around, 3));
        let text = visible(&mut trial);
        let cell = Cell::from(format!("{before}{text}{after}"));
        match mapping.row(2, &[cell]) {
            Mapped::Row(row) if row.key == text => {}
            other => trial.wrong.push(format!("{before:?} {text:?} {after:?} is {other:?}")),
        }
        let between = trial.pick(&UNSEEN);
        let inside = format!("{text}{between}{text}");
        match mapping.row(2, &[Cell::from(inside.as_str())]) {
            Mapped::Rejected { key: None, rejections } => {
                let position = text.chars().count() + 1;
                let code = u32::from(between.chars().next().unwrap());
                let named = format!("U+{code:04X}");
                let message = &rejections[0].message;
                if !message.contains(&named) || !message.contains(&format!("at position {position};")) {
                    trial.wrong.push(format!("{inside:?} is reported as {message:?}"));
                }
            }
            other => trial.wrong.push(format!("{inside:?} is {other:?}")),
        }
    }
    trial.finish();
}
