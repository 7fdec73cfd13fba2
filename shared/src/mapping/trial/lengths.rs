//! Durations in every spelling, and as the fractions of a day that Sheets makes of them.

use super::{Trial, full_width, quoted};

#[test]
fn durations_are_read_in_every_spelling() {
    let mut trial = Trial::named("durations");
    while trial.goes_on() {
        let step = trial.pick(&[1, 60, 1800, 3600]);
        let total = trial.between(0, 400 * 3600) / step * step;
        let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
        let mut wire = "PT".to_owned();
        for (part, unit) in [(hours, "H"), (minutes, "M"), (seconds, "S")] {
            if part > 0 {
                wire.push_str(&format!("{part}{unit}"));
            }
        }
        if total == 0 {
            wire.push_str("0S");
        }
        let expected = quoted(&wire);
        let gap = trial.pick(&["", " ", "\u{3000}"]);
        let whole_minutes = seconds == 0;
        let text = match trial.below(9) {
            0 if whole_minutes => format!("{hours}:{minutes:02}"),
            1 if whole_minutes => format!("{hours}{gap}時間{gap}{minutes}{gap}分"),
            2 if whole_minutes => format!("{}{gap}分", total / 60),
            3 if whole_minutes => format!("{hours}h{gap}{minutes}m"),
            4 if whole_minutes => format!("{} min", total / 60),
            5 if minutes == 30 && whole_minutes => format!("{hours}時間半"),
            6 if whole_minutes && minutes % 15 == 0 => {
                format!("{hours}.{}時間", ["0", "25", "5", "75"][(minutes / 15) as usize])
            }
            7 => wire.clone(),
            8 => format!("{hours} hours {minutes} minutes {seconds} seconds"),
            _ => format!("{hours}:{minutes:02}:{seconds:02}"),
        };
        let text = if trial.chance(4) { full_width(&text) } else { text };
        trial.text("type = 'duration'", &text, Some(&expected));
        let days = total as f64 / 86_400.0;
        // A whole number may be minutes.
        let certain = total == 0 || total % 86_400 != 0;
        trial.number("type = 'duration'", &format!("{days:?}"), Some(expected.as_str()).filter(|_| certain));
        trial.number("type = 'duration'\nmax = '400:00'", &format!("{days:?}"), Some(&expected));
    }
    trial.finish();
}
