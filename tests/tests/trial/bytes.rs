//! The trial from the bytes on: an answer of the Sheets API written by hand, with numbers and texts in every way in which JSON
//! can have them. A double has many spellings, and a parser that is off by its last digit is silently wrong.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::json;
use sheetsync_tests::{Sync, TAB};

use crate::calendar::ZONES;
use crate::draw::{Draw, LOCALES};

/// Each column, the type in the table, and the options.
const COLUMNS: [(&str, &str, &str); 7] = [
    ("a_decimal", "numeric", "type = 'decimal'\nnumber = 'digits'"),
    ("exact", "numeric", "type = 'decimal'\nnumber = 'digits'\nfloats = 'exact'"),
    ("an_integer", "bigint", "type = 'integer'\nnumber = 'digits'"),
    ("a_double", "double precision", "type = 'decimal'\nnumber = 'digits'"),
    ("a_text", "text", "type = 'text'\nnumber = 'digits'"),
    ("a_date", "date", "type = 'date'"),
    ("a_json", "jsonb", "type = 'json'"),
];

/// The column, the bytes of the cell, and the value's text in Postgres; none where the cell must be rejected.
const CELLS: [(&str, &str, Option<&str>); 75] = [
    ("a_decimal", "0.1", Some("0.1")),
    ("a_decimal", "0.10000000000000001", Some("0.1")),
    ("a_decimal", "1E-1", Some("0.1")),
    ("a_decimal", "1.0000000000000001e-01", Some("0.1")),
    ("a_decimal", "0.30000000000000004", Some("0.3")),
    ("a_decimal", "47.721000000000004", Some("47.721")),
    ("a_decimal", "7889045.0430000005", Some("7889045.043")),
    ("a_decimal", "0.0009750995631442353", Some("0.000975099563144235")),
    ("a_decimal", "2166637217357289.0", Some("2166637217357289")),
    ("a_decimal", "9007199254740991", Some("9007199254740991")),
    ("a_decimal", "9007199254740991.0", Some("9007199254740991")),
    ("a_decimal", "9007199254740992", None),
    ("a_decimal", "9007199254740993", None),
    ("a_decimal", "-9007199254740993", None),
    ("a_decimal", "12345678901234567890", None),
    ("a_decimal", "1e21", None),
    ("a_decimal", "1E+21", None),
    ("a_decimal", "1.7976931348623157e308", None),
    ("a_decimal", "5e-324", None),
    ("a_decimal", "-0", Some("0")),
    ("a_decimal", "-0.0", Some("0")),
    ("a_decimal", "0e0", Some("0")),
    ("a_decimal", "0.0", Some("0")),
    ("a_decimal", "1E3", Some("1000")),
    ("a_decimal", "1.5e+3", Some("1500")),
    ("a_decimal", "1e-7", Some("0.0000001")),
    ("a_decimal", "-1.25E-3", Some("-0.00125")),
    ("a_decimal", "true", None),
    ("exact", "0.10000000000000001", Some("0.1")),
    ("exact", "0.30000000000000004", Some("0.30000000000000004")),
    ("exact", "47.721000000000004", Some("47.721000000000004")),
    ("exact", "7889045.0430000005", Some("7889045.0430000005")),
    ("exact", "0.0009750995631442353", Some("0.0009750995631442353")),
    ("exact", "2166637217357289.0", Some("2166637217357289")),
    ("exact", "1e21", None),
    ("exact", "-0.0", Some("0")),
    ("an_integer", "12", Some("12")),
    ("an_integer", "12.0", Some("12")),
    ("an_integer", "1.2e1", Some("12")),
    ("an_integer", "1.2E+01", Some("12")),
    ("an_integer", "-0", Some("0")),
    ("an_integer", "-0.0", Some("0")),
    ("an_integer", "3278.0000000000005", Some("3278")),
    ("an_integer", "434.99999999999994", Some("435")),
    ("an_integer", "9007199254740991.0", Some("9007199254740991")),
    ("an_integer", "-9007199254740991", Some("-9007199254740991")),
    ("an_integer", "9007199254740993", None),
    ("an_integer", "9223372036854775807", None),
    ("an_integer", "18446744073709551616", None),
    ("an_integer", "1e21", None),
    ("an_integer", "0.5", None),
    ("an_integer", "1e-300", None),
    ("a_double", "0.30000000000000004", Some("0.3")),
    ("a_double", "1234567.8900000001", Some("1234567.89")),
    ("a_double", "-0", Some("0")),
    ("a_double", "9007199254740993", None),
    ("a_text", "0.1", Some("0.1")),
    ("a_text", "123456789.10000001", Some("123456789.1")),
    ("a_text", "8740470439503900.0", Some("8740470439503900")),
    ("a_text", "1E3", Some("1000")),
    ("a_text", "1e-7", Some("0.0000001")),
    ("a_text", "-0", Some("0")),
    ("a_text", "9007199254740993", None),
    ("a_text", "1e21", None),
    ("a_text", r#""A\u00e9\/\ud83d\udc4d\t\"""#, Some("Aé/👍\t\"")),
    ("a_text", r#""\u2060\u3000A\ufeff""#, Some("A")),
    ("a_text", r#""a\u0000b""#, None),
    ("a_text", r#""a\u001fb""#, None),
    ("a_text", "false", Some("FALSE")),
    ("a_date", "45352.0", Some("2024-03-01")),
    ("a_date", "4.5352E+4", Some("2024-03-01")),
    ("a_date", "45352.00000000001", Some("2024-03-01")),
    ("a_date", "-0", None),
    ("a_json", "0.30000000000000004", Some("0.3")),
    ("a_json", r#""{\"a\":9007199254740993}""#, Some(r#"{"a": 9007199254740993}"#)),
];

/// Cells with drawn numbers.
const DRAWN: usize = 400;

/// A double of at most 15 digits in one of its spellings, and the digits.
fn drawn(draw: &mut Draw) -> (&'static str, String, Option<String>) {
    let digits = draw.between(1, 15) as u32;
    let places = draw.below(9) as u32;
    let units = draw.between(1, 10_i64.pow(digits) - 1);
    let size = 10_i64.pow(places);
    let fraction = format!("{:0width$}", units % size, width = places as usize);
    let fraction = if places == 0 { "" } else { fraction.trim_end_matches('0') };
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = draw.pick(&["", "", "-"]);
    let plain = format!("{sign}{}{point}{fraction}", units / size);
    let number: f64 = plain.parse().unwrap_or_default();
    let bytes = match draw.below(7) {
        0 => plain.clone(),
        // As many digits as distinguish one double from the next, and one more.
        1 => format!("{number:.16e}"),
        2 => format!("{number:.16E}").replace('E', "E+").replace("E+-", "E-"),
        3 => format!("{number:e}"),
        4 => format!("{number:?}"),
        5 => format!("{number:.17e}"),
        // All its digits.
        _ => format!("{number:.60}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    };
    let column = draw.pick(&["a_decimal", "exact", "a_double", "a_text", "an_integer"]);
    // Postgres shows a small or a large double with an exponent.
    let column = if column == "a_double" && (number.abs() < 1e-3 || number.abs() >= 1e14) { "exact" } else { column };
    let is_stored = column != "an_integer" || fraction.is_empty();
    (column, bytes, is_stored.then_some(plain))
}

/// The answer of `values:batchGet` for the header row and the rows below it, in the white space in which Google sends it.
fn answer(sync: &Sync, cells: &[(&str, String, Option<String>)]) -> String {
    let names: Vec<String> = COLUMNS.iter().map(|(name, ..)| format!("\"{name}\"")).collect();
    let headers = format!("        [\n          \"key\",\n          {}\n        ]", names.join(",\n          "));
    let rows: Vec<String> = cells
        .iter()
        .enumerate()
        .map(|(index, (column, bytes, _))| {
            let place = COLUMNS.iter().position(|(name, ..)| name == column).unwrap_or_default();
            let blanks = "          \"\",\n".repeat(place);
            format!("        [\n          \"K{index}\",\n{blanks}          {bytes}\n        ]")
        })
        .collect();
    let range = |cells: &str, rows: &str| {
        format!(
            "    {{\n      \"range\": \"'{TAB}'!{cells}\",\n      \"majorDimension\": \"ROWS\",\n      \"values\": [\n{rows}\n      ]\n    }}"
        )
    };
    format!(
        "{{\n  \"spreadsheetId\": \"{}\",\n  \"valueRanges\": [\n{},\n{}\n  ]\n}}\n",
        sync.sheet.id,
        range("A1:Z1", &headers),
        range("A2:Z1000", &rows.join(",\n"))
    )
}

#[tokio::test]
async fn numbers_and_texts_are_what_their_bytes_say() -> Result<()> {
    let seed = crate::seed();
    println!("TRIAL_SEED={seed}");
    let mut draw = Draw::new(seed, 0);
    (draw.locale, draw.zone) = (LOCALES[0], &ZONES[4]);
    let mut cells: Vec<(&str, String, Option<String>)> =
        CELLS.iter().map(|(column, bytes, stored)| (*column, (*bytes).to_owned(), stored.map(str::to_owned))).collect();
    cells.extend((0..DRAWN).map(|_| drawn(&mut draw)));

    let sync = Sync::named("trial-bytes").create().await?;
    let table = format!("{}_cells", sync.table);
    let declared: Vec<String> = COLUMNS.iter().map(|(name, table_type, _)| format!("{name} {table_type}")).collect();
    sync.database
        .batch_execute(&format!(
            "create table public.{table} (key text primary key, {});
             grant select, insert, update, delete on public.{table} to service_role;",
            declared.join(", ")
        ))
        .await?;
    let headers: Vec<&str> = std::iter::once("key").chain(COLUMNS.iter().map(|(name, ..)| *name)).collect();
    sync.sheet.load(json!({"tabs": [{"title": TAB, "rows": [headers]}]})).await?;
    sync.sheet
        .fault(json!({"method": "values.batchGet", "times": null, "status": 200, "body": answer(&sync, &cells)}))
        .await?;
    let mut definition = format!(
        "[[sync]]\nname = {:?}\nspreadsheet = {:?}\ntable = {table:?}\ntab = {TAB:?}\nkey = [\"key\"]\n
         [[sync.columns]]\nheader = \"key\"\ncolumn = \"key\"\n",
        sync.name, sync.sheet.id,
    );
    for (name, _, options) in COLUMNS {
        definition += &format!("[[sync.columns]]\nheader = {name:?}\ncolumn = {name:?}\n{options}\n");
    }
    sync.define(&definition)?;

    let run = sync.run().await?;
    run.assert_adds_up();
    let values: Vec<String> = COLUMNS.iter().map(|(name, ..)| format!("{name}::text")).collect();
    let sql = format!("select key, array[{}] from public.{table}", values.join(", "));
    let stored: BTreeMap<String, Vec<Option<String>>> =
        sync.database.query(&sql, &[]).await?.iter().map(|row| (row.get(0), row.get(1))).collect();
    let sql = "select cell, code from public.sync_errors where sync = $1 and resolved_at is null";
    let reported: BTreeMap<String, String> =
        sync.database.query(sql, &[&sync.name]).await?.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut wrong = Vec::new();
    for (index, (column, bytes, expected)) in cells.iter().enumerate() {
        let place = COLUMNS.iter().position(|(name, ..)| name == column).unwrap_or_default();
        let address = format!("{}{}", char::from(b'B' + place as u8), index + 2);
        let row = stored.get(&format!("K{index}"));
        let found = row.and_then(|row| row[place].clone());
        let is_alone = row.is_none_or(|row| row.iter().flatten().count() == 1);
        let rejection = reported.get(&address);
        if found != *expected || expected.is_none() != rejection.is_some() || !is_alone {
            wrong.push(format!(
                "{address} {column}: {bytes} must be {expected:?}, found {found:?}, rejection {rejection:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "TRIAL_SEED={seed}: {} of {} are wrong:\n{}", wrong.len(), cells.len(), wrong.join("\n"));
    let refused = cells.iter().filter(|(.., expected)| expected.is_none()).count() as i64;
    assert_eq!((run.rejected, reported.len() as i64), (refused, refused));

    for run_type in ["manual", "full"] {
        let again = sync.run_type(run_type).await?;
        assert_eq!((again.unchanged, again.updated, again.inserted), (run.inserted, 0, 0), "{run_type}: {again:?}");
    }
    sync.sheet.no_faults().await
}
