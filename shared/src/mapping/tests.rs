//! What a mapping does with whole rows and headers; what it does with single cells is in [`super::examples`].

use super::*;

fn columns(text: &str) -> Vec<Column> {
    #[derive(serde::Deserialize)]
    struct Definition {
        columns: Vec<Column>,
    }
    toml::from_str::<Definition>(text).unwrap().columns
}

const LISTINGS: &str = r#"
[[columns]]
header = "物件番号"
column = "listing_no"
type = "text"

[[columns]]
header = "売買価格"
column = "price"
type = "integer"
yen = true
number_words = true

[[columns]]
headers = ["会社名（連絡先も）", "会社名2"]
column = "company"
type = "text"
blank = "keep"

[[columns]]
header = "駐車場"
column = "parking"
type = "boolean"
"#;

fn cells(json: &str) -> Vec<Cell> {
    serde_json::from_str(json).unwrap()
}

fn bind(definition: &str, key: &[&str], headers: &str) -> Result<Mapping, Vec<HeaderProblem>> {
    let key: Vec<String> = key.iter().map(|name| (*name).to_owned()).collect();
    let settings = Settings {
        columns: &columns(definition),
        key: &key,
        key_forms: &[],
        limits: &Limits::new(),
        header_row: 1,
        first_column: 0,
        time_zone: "Asia/Tokyo",
        locale: Locale::default(),
    };
    Mapping::bind(settings, &cells(headers))
}

fn listings() -> Mapping {
    bind(LISTINGS, &["listing_no"], r#"["メモ", "物件番号", "売買価格", "会社名\n（連絡先も）", "会社名２", "駐車場"]"#)
        .unwrap()
}

#[test]
fn row_becomes_key_and_values_in_definition_order() {
    let mapped = listings().row(2, &cells(r#"["x", 12345, "１億２，８００万円", "", "青山不動産", true]"#));
    let Mapped::Row(row) = mapped else { panic!("{mapped:?}") };
    assert_eq!(row.key, "12345");
    let mut json = Vec::new();
    row.write_json(&mut json);
    assert_eq!(String::from_utf8(json).unwrap(), r#"["12345",128000000,"青山不動産",true]"#);
    assert!(row.keep.is_empty());
}

#[test]
fn a_short_row_ends_in_blank_cells() {
    let Mapped::Row(row) = listings().row(2, &cells(r#"["", "A1"]"#)) else { panic!() };
    assert_eq!(row.values, [Value::Text("A1".to_owned()), Value::Null, Value::Null, Value::Null]);
    assert_eq!(row.keep, [2]);
}

#[test]
fn every_bad_cell_is_reported_with_its_address() {
    let mapped = listings().row(128, &cells(r#"["", "A1", "応相談", "", "", "たぶん"]"#));
    let Mapped::Rejected { key, rejections } = mapped else { panic!("{mapped:?}") };
    assert_eq!(key.as_deref(), Some("A1"));
    let json = serde_json::to_value(&rejections).unwrap();
    assert_eq!(
        json[0],
        serde_json::json!({
            "rowKey": "A1", "rowNumber": 128, "column": "price", "header": "売買価格", "cell": "C128",
            "code": "not_a_number", "message": "expected a whole number such as 12,800, 12,800円, 1億2,800万",
            "raw": "応相談"
        })
    );
    assert_eq!((json[1]["cell"].as_str(), json[1]["code"].as_str()), (Some("F128"), Some("not_a_boolean")));
}

#[test]
fn row_with_an_unreadable_key_has_no_key() {
    let Mapped::Rejected { key, rejections } = listings().row(3, &cells(r#"["", "A\u0000", "x"]"#)) else { panic!() };
    assert_eq!(key, None);
    assert_eq!(rejections[0].code, Code::BadCharacter);
    assert_eq!(rejections[0].raw.as_deref(), Some("A␀"));
    assert_eq!(rejections[1].row_key, None);
}

#[test]
fn keyless_row_is_skipped_and_a_blank_row_ignored() {
    let mapping = listings();
    let Mapped::Skipped(rejection) = mapping.row(9, &cells(r#"["", "  ", 5]"#)) else { panic!() };
    assert_eq!((rejection.code, rejection.cell.as_deref()), (Code::BlankKey, Some("B9")));
    for blank in ["[]", r#"["a note", "", " \n "]"#, r#"["", "", "", "", "", false]"#] {
        assert_eq!(mapping.row(9, &cells(blank)), Mapped::Blank, "{blank}");
    }
}

#[test]
fn key_with_an_invisible_character_is_rejected_naming_it() {
    let key = |json: &str| listings().row(5, &cells(json));
    let Mapped::Rejected { key: None, rejections } = key(r#"["", "A\u200b1", "1"]"#) else { panic!() };
    let [rejection] = rejections.as_slice() else { panic!("{rejections:?}") };
    assert_eq!((rejection.code, rejection.cell.as_deref()), (Code::BadCharacter, Some("B5")));
    assert_eq!(
        rejection.message,
        "the key contains U+200B (zero-width space), which cannot be seen, at position 2; delete it, or type the key again"
    );
    for (json, expected) in [
        (r#"["", "A1\ufeff"]"#, "A1"),
        (r#"["", "\u2060 A1\u200b "]"#, "A1"),
        (r#"["", "葛\udb40\udd00"]"#, "葛\u{e0100}"),
        (r#"["", "👨\u200d👩\u200d👧"]"#, "👨\u{200d}👩\u{200d}👧"),
    ] {
        let Mapped::Row(row) = key(json) else { panic!("{json}") };
        assert_eq!(row.key, expected);
    }
    // Only a key must be seen whole.
    let Mapped::Row(row) = key(r#"["", "A1", "", "青\u200b山"]"#) else { panic!() };
    assert_eq!(row.values[2], Value::Text("青\u{200b}山".to_owned()));
    assert!(matches!(key(r#"["", "\u200b", "1"]"#), Mapped::Skipped(_)), "a key that cannot be seen is blank");
    assert_eq!(key(r#"["\u200b", "\u00ad", "\ufeff"]"#), Mapped::Blank);
}

#[test]
fn keys_of_several_columns_are_a_json_array() {
    let mapping = bind(
        LISTINGS,
        &["price", "listing_no"],
        r#"["物件番号", "売買価格", "会社名(連絡先も)", "会社名2", "駐車場"]"#,
    );
    let Mapped::Row(row) = mapping.unwrap().row(2, &cells(r#"["A\"1 ", "2万"]"#)) else { panic!() };
    assert_eq!(row.key, r#"["20000","A\"1"]"#);
}

#[test]
fn a_blank_part_of_a_key_may_have_a_default() {
    let definition = "[[columns]]\nheader='branch'\ncolumn='branch'\nblank='default'\ndefault='main'\n\
                      [[columns]]\nheader='no'\ncolumn='no'";
    let mapping = bind(definition, &["branch", "no"], r#"["branch", "no"]"#).unwrap();
    let Mapped::Row(row) = mapping.row(2, &cells(r#"["", 7]"#)) else { panic!() };
    assert_eq!(row.key, r#"["main","7"]"#);
    assert!(matches!(mapping.row(3, &cells(r#"["east", ""]"#)), Mapped::Skipped(_)));
}

#[test]
fn row_rejected_as_a_whole_points_to_its_key_cell() {
    let rejection = listings().reject_row(Code::DuplicateKey, "A1", 7, "twice".to_owned());
    assert_eq!(rejection.cell.as_deref(), Some("B7"));
    assert_eq!(rejection.row_key.as_deref(), Some("A1"));
    assert_eq!(rejection.raw.as_deref(), Some("A1"));
}

#[test]
fn headers_that_feed_nothing_are_reported() {
    assert_eq!(listings().unmapped_headers(), [("メモ".to_owned(), CellRef { column: 0, row: 1 })]);
}

fn header_problems(headers: &str) -> Vec<String> {
    let problems = bind(LISTINGS, &["listing_no"], headers).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn missing_header_is_reported_with_the_most_similar_one() {
    assert_eq!(
        header_problems(r#"["物件番号", "売買価格(税込)", "会社名(連絡先も)", "会社名2"]"#),
        [
            "the header \"売買価格\" (column price) is not in row 1; \"売買価格(税込)\" in B1 looks like it: rename it, or add it to `aliases` in sheetsync.toml",
            "the header \"駐車場\" (column parking) is not in row 1; put it back, or change sheetsync.toml",
        ]
    );
}

#[test]
fn headers_that_collide_are_refused_with_both_addresses() {
    assert_eq!(
        header_problems(r#"["物件番号", "売買価格", "会社名(連絡先も)", "会社名2", "駐車場", "物件 番号"]"#),
        [
            "the header \"物件番号\" (column listing_no) is there twice: \"物件番号\" in A1 and \"物件 番号\" in F1; rename or remove one"
        ]
    );
}

#[test]
fn an_alias_is_the_same_header_under_another_name() {
    let definition = "[[columns]]\nheader = '物件番号'\naliases = ['物件No']\ncolumn = 'listing_no'";
    let mapping = bind(definition, &["listing_no"], r#"["備考", "物件Ｎｏ"]"#).unwrap();
    let Mapped::Row(row) = mapping.row(2, &cells(r#"["", "A1"]"#)) else { panic!() };
    assert_eq!(row.key, "A1");
    let Err(problems) = bind(definition, &["listing_no"], r#"["物件No", "物件番号"]"#) else { panic!() };
    assert!(matches!(problems[..], [HeaderProblem::Collision { .. }]), "{problems:?}");
}

#[test]
fn an_empty_header_row_says_so() {
    assert_eq!(
        header_problems(r#"["", " "]"#),
        ["row 1 is blank, but should hold the headers; set `header_row` to the row that does"]
    );
}

#[test]
fn headers_are_compared_by_what_people_see() {
    for (one, other) in [
        ("会社名\n（連絡先も）", "会社名(連絡先も)"),
        ("　専有面積（㎡） ", "専有面積(m2)"),
        ("Sale\r\n price", "Sale price"),
        ("ﾏﾝｼｮﾝ名", "マンション名"),
        ("\u{feff}id", "id"),
        ("i\u{ad}d\u{200e}", "\u{2060}id"),
    ] {
        assert_eq!(normalize_header(one), normalize_header(other));
    }
    assert_ne!(normalize_header("sale price"), normalize_header("saleprice"));
}

fn definition_problems(definition: &str, key: &[&str]) -> Vec<String> {
    let key: Vec<String> = key.iter().map(|name| (*name).to_owned()).collect();
    let problems = Mapping::check(&columns(definition), &key).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn contradictory_definitions_are_refused_before_reading() {
    for (column, problem) in [
        ("yen = true", "column \"c\": `yen` does not apply to the type text, only to integer, decimal"),
        ("default = 'x'", "column \"c\": `default` is only used with `blank = \"default\"`"),
        ("blank = 'default'", "column \"c\": `blank` is \"default\", but there is no `default`"),
        ("required = true\nblank = 'keep'", "column \"c\": `blank` is \"keep\", which `required` rules out"),
        ("headers = ['a']", "column \"c\": `headers` and `header` exclude each other"),
        (
            "type = 'integer'\nmultiply_by = 10000\nyen = true",
            "column \"c\": `multiply_by` excludes `yen`, `tsubo` and currencies in `prefixes` and `suffixes`: \
             `38,000,000円` is not to be multiplied; name the whole unit, as in suffixes = [\"万円\"]",
        ),
        (
            "type = 'decimal'\nsuffixes = ['％']",
            "column \"c\": `suffixes` contains \"%\", but a percentage typed into a cell arrives as hundredths: use type = \
             \"decimal\" and `percent`",
        ),
        (
            "floats = 'exact'\ntype = 'date'",
            "column \"c\": `floats` does not apply to the type date, only to integer, decimal, text, text_array, json",
        ),
        ("aliases = ['Ｈ']", "column \"c\": `header` names the same header twice"),
    ] {
        let definition =
            format!("[[columns]]\nheader = 'H'\ncolumn = 'c'\n{column}\n[[columns]]\nheader='k'\ncolumn='k'");
        assert_eq!(definition_problems(&definition, &["k"]).first().map(String::as_str), Some(problem));
    }
}

#[test]
fn values_that_a_definition_gives_must_fit_its_own_rules() {
    for (column, problem) in [
        ("type = 'integer'\nmin = 5\nmax = 4", "`min` is greater than `max`"),
        (
            "type = 'integer'\nblank = 'default'\ndefault = '1万'",
            "`default` does not fit: expected a whole number such as 12,800",
        ),
        ("type = 'integer'\nblank = 'default'\ndefault = 3\nmin = 4", "`default` does not fit: expected 4 or more"),
        ("type = 'date'\nmin = '2024-02-30'", "`min` does not fit: there is no such day in the calendar"),
        ("type = 'duration'\nmin = '90分'\nmax = '1:00'", "`min` is greater than `max`"),
        ("type = 'integer'\nmultiply_by = 10000\nsuffixes = ['円']", "`multiply_by` excludes"),
        ("type = 'decimal'\nmultiply_by = 1000\nprefixes = ['¥']", "`multiply_by` excludes"),
        ("type = 'decimal'\nmultiply_by = 10\ntsubo = true", "`multiply_by` excludes"),
        ("type = 'text'\npattern = '(a'", "`pattern` is not a regular expression"),
        ("type = 'enum'", "`values` is missing"),
        ("type = 'enum'\nvalues = ['A', 'ａ']", "`values` gives \"ａ\" two meanings"),
        ("type = 'timestamp'\ntime_zone = 'Tokyo'", "`time_zone` \"Tokyo\" is not a time zone"),
        ("type = 'boolean'\ntrue_values = ['有']\nfalse_values = ['有']", "`true_values` gives \"有\" two meanings"),
    ] {
        let definition =
            format!("[[columns]]\nheader = 'H'\ncolumn = 'c'\n{column}\n[[columns]]\nheader='k'\ncolumn='k'");
        let problems = definition_problems(&definition, &["k"]);
        assert!(problems.first().is_some_and(|first| first.contains(problem)), "{column}: {problems:?}");
    }
}

#[test]
fn default_is_padded_like_a_typed_number() {
    let definition = "[[columns]]\nheader='k'\ncolumn='k'\n[[columns]]\nheader='zip'\ncolumn='zip'\nzero_pad=7\n\
                      blank='default'\ndefault=600001";
    let mapping = bind(definition, &["k"], r#"["k", "zip"]"#).unwrap();
    let Mapped::Row(row) = mapping.row(2, &cells(r#"["A"]"#)) else { panic!() };
    assert_eq!(row.values[1], Value::Text("0600001".to_owned()));
}

#[test]
fn a_key_must_be_fed_and_have_one_text() {
    let definition = format!("{LISTINGS}[[columns]]\nheader = 'タグ'\ncolumn = 'tags'\ntype = 'text_array'\n");
    assert_eq!(
        definition_problems(&definition, &["id", "tags", "company", "listing_no", "listing_no"]),
        [
            "column \"id\": is in `key`, but no [[sync.columns]] feeds it",
            "column \"tags\": has the type text_array, of which no key can be made",
            "column \"company\": is in `key` and so needs its own value: `blank = \"keep\"` and `errors` do not apply",
            "column \"listing_no\": is twice in `key`",
        ]
    );
}

#[test]
fn unknown_options_are_refused_by_name() {
    let error = toml::from_str::<Column>("header = 'a'\ncolumn = 'c'\ntype = 'text'\nrequierd = true").unwrap_err();
    assert!(error.to_string().contains("unknown field `requierd`"), "{error}");
}

#[test]
fn a_column_serialises_to_what_it_says_and_no_more() {
    let [column] =
        <[Column; 1]>::try_from(columns("[[columns]]\nheader='a'\ncolumn='b'\ntype='integer'\nyen=true")).unwrap();
    assert_eq!(serde_json::to_string(&column).unwrap(), r#"{"header":"a","column":"b","type":"integer","yen":true}"#);
}

#[test]
fn the_spreadsheet_gives_the_zone_of_its_times() {
    let definition = "[[columns]]\nheader='k'\ncolumn='k'\n[[columns]]\nheader='t'\ncolumn='t'\ntype='timestamp'";
    let columns = columns(definition);
    let key = ["k".to_owned()];
    let bind = |time_zone| {
        let settings = Settings {
            columns: &columns,
            key: &key,
            key_forms: &[],
            limits: &Limits::new(),
            header_row: 1,
            first_column: 0,
            time_zone,
            locale: Locale::default(),
        };
        Mapping::bind(settings, &cells(r#"["k", "t"]"#))
    };
    for (time_zone, moment) in [
        ("Asia/Tokyo", "2024-03-01T03:00:00+00:00"),
        ("America/New_York", "2024-03-01T17:00:00+00:00"),
        ("GMT-07:00", "2024-03-01T19:00:00+00:00"),
    ] {
        let Mapped::Row(row) = bind(time_zone).unwrap().row(2, &cells(r#"["A", 45352.5]"#)) else { panic!() };
        assert_eq!(row.values[1], Value::Text(moment.to_owned()));
    }
    assert_eq!(bind("Mars").err(), Some(vec![HeaderProblem::UnknownTimeZone { name: "Mars".to_owned() }]));
}

#[test]
fn the_first_cell_of_a_row_may_stand_further_right() {
    let columns = columns("[[columns]]\nheader='k'\ncolumn='k'\ntype='integer'");
    let settings = Settings {
        columns: &columns,
        key: &["k".to_owned()],
        key_forms: &[],
        limits: &Limits::new(),
        header_row: 4,
        first_column: 2,
        time_zone: "UTC",
        locale: Locale::default(),
    };
    let mapping = Mapping::bind(settings, &cells(r#"["note", "k"]"#)).unwrap();
    assert_eq!(mapping.unmapped_headers()[0].1.to_string(), "C4");
    let Mapped::Rejected { rejections, .. } = mapping.row(5, &cells(r#"["", "x"]"#)) else { panic!() };
    assert_eq!(rejections[0].cell.as_deref(), Some("D5"));
}
