//! `spreadsheets.get`, `values.get` and `values:batchGet`: what a range answers, and what it refuses.

use serde_json::{Value, json};

use crate::world::World;

/// The example of a listings tab: ragged, typed, with blanks inside and at the end.
fn listings() -> Value {
    json!([["物件番号", "売買価格", "成約"], ["AA1", 128_000_000, true], [], ["AA2", "", false, ""], ["", null, "x"]])
}

#[tokio::test]
async fn values_come_typed_and_ragged() {
    let world = World::with_rows(listings()).await;
    let (status, answer) = world.get("/v4/spreadsheets/d/values/T?valueRenderOption=UNFORMATTED_VALUE").await;
    assert_eq!(status, 200);
    assert_eq!(
        answer,
        json!({"range": "T!A1:Z1000", "majorDimension": "ROWS", "values": [
            ["物件番号", "売買価格", "成約"], ["AA1", 128_000_000, true], [], ["AA2", "", false], ["", "", "x"],
        ]})
    );
}

#[tokio::test]
async fn columns_can_be_the_major_dimension() {
    let world = World::with_rows(listings()).await;
    let (_, answer) =
        world.get("/v4/spreadsheets/d/values/T!A1:C4?valueRenderOption=UNFORMATTED_VALUE&majorDimension=COLUMNS").await;
    assert_eq!(
        answer["values"],
        json!([["物件番号", "AA1", "", "AA2"], ["売買価格", 128_000_000], ["成約", true, "", false]])
    );
}

#[tokio::test]
async fn a_blank_range_has_no_values_member() {
    let world = World::with_rows(listings()).await;
    let (_, answer) = world.get("/v4/spreadsheets/d/values/T!D1:F9").await;
    assert_eq!(answer, json!({"range": "T!D1:F9", "majorDimension": "ROWS"}));
}

#[tokio::test]
async fn each_render_option_shows_its_side_of_a_cell() {
    let world = World::start().await;
    let rows = json!([["1,234", "2024/3/1", "18:00", "TRUE", "=1/0", "=A1*2", "12%"]]);
    world.load("d", json!({"tabs": [{"title": "T", "rows": rows, "typed": true}]})).await;
    for (options, shown) in [
        ("", json!(["1,234", "2024/03/01", "18:00:00", "TRUE", "#DIV/0!", "#ERROR!", "12%"])),
        ("?valueRenderOption=UNFORMATTED_VALUE", json!([1234, 45352, 0.75, true, "#DIV/0!", "#ERROR!", 0.12])),
        (
            "?valueRenderOption=UNFORMATTED_VALUE&dateTimeRenderOption=FORMATTED_STRING",
            json!([1234, "2024/03/01", "18:00:00", true, "#DIV/0!", "#ERROR!", 0.12]),
        ),
        ("?valueRenderOption=FORMULA", json!([1234, 45352, 0.75, true, "=1/0", "=A1*2", 0.12])),
    ] {
        let (_, answer) = world.get(&format!("/v4/spreadsheets/d/values/T{options}")).await;
        assert_eq!(answer["values"][0], shown, "{options}");
    }
}

#[tokio::test]
async fn range_may_end_past_the_grid_but_not_begin_there() {
    let world = World::start().await;
    let tab = json!({"title": "My 'T'", "rows": [["a", "b"]], "rowCount": 10, "columnCount": 3});
    world.load("d", json!({"tabs": [tab]})).await;
    for (range, answered) in [
        ("'My ''T'''!A1:Z99", "'My ''T'''!A1:C10"),
        ("A9:Z", "'My ''T'''!A9:C10"),
        ("B:B", "'My ''T'''!B1:B10"),
        ("2:5", "'My ''T'''!A2:C5"),
        ("B2", "'My ''T'''!B2"),
    ] {
        let (_, answer) = world.get(&format!("/v4/spreadsheets/d/values/{range}")).await;
        assert_eq!(answer["range"], answered, "{range}");
    }
    for (range, message) in [
        ("A11", "Range ('My ''T'''!A11) exceeds grid limits. Max rows: 10, max columns: 3"),
        ("D1:E2", "Range ('My ''T'''!D1:E2) exceeds grid limits. Max rows: 10, max columns: 3"),
        ("Nope!A1", "Unable to parse range: Nope!A1"),
        ("Nope", "Unable to parse range: Nope"),
    ] {
        let (status, answer) = world.get(&format!("/v4/spreadsheets/d/values/{range}")).await;
        let error = json!({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}});
        assert_eq!((status, answer), (400, error), "{range}");
    }
}

#[tokio::test]
async fn several_ranges_are_read_in_one_call() {
    let world = World::with_rows(listings()).await;
    let path = "/v4/spreadsheets/d/values:batchGet?ranges=T!A1:B1&ranges=T!A4:A&valueRenderOption=UNFORMATTED_VALUE";
    let (_, answer) = world.get(path).await;
    assert_eq!(
        answer,
        json!({"spreadsheetId": "d", "valueRanges": [
            {"range": "T!A1:B1", "majorDimension": "ROWS", "values": [["物件番号", "売買価格"]]},
            {"range": "T!A4:A1000", "majorDimension": "ROWS", "values": [["AA2"]]},
        ]})
    );
    let (_, answer) = world.get(&format!("{path}&fields=valueRanges(values)")).await;
    assert_eq!(answer["valueRanges"][1], json!({"values": [["AA2"]]}));
}

#[tokio::test]
async fn metadata_answers_the_mask_that_the_scheduler_sends() {
    let world = World::start().await;
    let tabs = json!([
        {"title": "物件一覧", "rows": [["a"]], "frozenRows": 1},
        {"title": "Chart", "chart": true, "sheetId": 7},
    ]);
    world.load("d", json!({"tabs": tabs})).await;
    let mask = "properties(locale,timeZone),sheets.properties(sheetId,title,sheetType,\
                gridProperties(rowCount,columnCount,frozenRowCount))";
    let (_, answer) = world.get(&format!("/v4/spreadsheets/d?fields={mask}")).await;
    let grid = json!({"rowCount": 1000, "columnCount": 26, "frozenRowCount": 1});
    assert_eq!(
        answer,
        json!({"properties": {"locale": "ja_JP", "timeZone": "Asia/Tokyo"}, "sheets": [
            {"properties": {"sheetId": 0, "title": "物件一覧", "sheetType": "GRID", "gridProperties": grid}},
            {"properties": {"sheetId": 7, "title": "Chart", "sheetType": "OBJECT"}},
        ]})
    );
}

#[tokio::test]
async fn cells_come_with_the_metadata_when_they_are_asked_for() {
    let world = World::with_rows(json!([["a", 2]])).await;
    let data = "sheets.data.rowData.values(effectiveValue,formattedValue)";
    let (_, answer) = world.get(&format!("/v4/spreadsheets/d?ranges=T!B1&fields={data}")).await;
    let cell = json!({"effectiveValue": {"numberValue": 2.0}, "formattedValue": "2"});
    assert_eq!(answer, json!({"sheets": [{"data": [{"rowData": [{"values": [cell]}]}]}]}));
    let (_, answer) = world.get("/v4/spreadsheets/d").await;
    assert!(answer["sheets"][0].get("data").is_none(), "no cells unless asked for");
}

#[tokio::test]
async fn a_misspelt_option_or_mask_is_refused() {
    let world = World::with_rows(listings()).await;
    for (path, part) in [
        ("/v4/spreadsheets/d?fields=sheets.propertys", "Error expanding 'fields' parameter"),
        ("/v4/spreadsheets/d/values/T?valueRender=FORMULA", "Unknown name \\\"valueRender\\\""),
        (
            "/v4/spreadsheets/d/values/T?valueRenderOption=RAW",
            "Invalid value at 'value_render_option' (type.googleapis.com/google.apps.sheets.v4.ValueRenderOption), \\\"RAW\\\"",
        ),
    ] {
        let (status, answer) = world.get(path).await;
        assert_eq!(status, 400);
        assert!(answer.to_string().contains(part), "{answer}");
    }
}

#[tokio::test]
async fn drive_reports_the_file_type_and_a_version_per_change() {
    let world = World::with_rows(listings()).await;
    let path = "/drive/v3/files/d?fields=version,modifiedTime,trashed,mimeType&supportsAllDrives=true";
    let (_, file) = world.get(path).await;
    assert_eq!(file["mimeType"], "application/vnd.google-apps.spreadsheet");
    assert_eq!(file["trashed"], false);
    let before = world.version().await;
    world.get("/v4/spreadsheets/d/values/T").await;
    assert_eq!(world.version().await, before, "reading changes nothing");
    world.put("/v4/spreadsheets/d/values/T!A1?valueInputOption=RAW", json!({"values": [["x"]]})).await;
    assert!(world.version().await > before);
}

#[tokio::test]
async fn workbooks_and_csv_files_load_with_their_types() {
    let directory = tempfile::tempdir().unwrap();
    let csv = directory.path().join("a.csv");
    std::fs::write(&csv, "\u{feff}id,price,note\n007,221900.0,\"two\nlines\"\n7129300520,-5,TRUE\n").unwrap();
    let world = World::start().await;
    world.load("d", json!({"tabs": [{"title": "T", "csv": csv}]})).await;
    assert_eq!(
        world.values("T").await,
        json!([["id", "price", "note"], ["007", 221_900, "two\nlines"], [7_129_300_520_i64, -5, "TRUE"]])
    );
    let workbook = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/types.xlsx");
    world.load("d", json!({"xlsx": workbook})).await;
    assert_eq!(
        world.values("'型の表'").await,
        json!([
            ["文字", "数", "真偽", "日付", "日時", "誤り"],
            ["あ", 1.5, true, 45352, 45352.5, "#N/A"],
            [],
            ["", 42]
        ])
    );
    assert_eq!(world.values("Second").await, json!([["only"]]));
    let (_, formatted) = world.get("/v4/spreadsheets/d/values/'型の表'!D2:E2").await;
    assert_eq!(formatted["values"], json!([["2024/03/01", "2024/03/01 12:00:00"]]));
}

#[tokio::test]
async fn named_range_is_listed_read_and_moved_with_its_rows() {
    let world = World::start().await;
    let rows = json!([["title"], ["", "a", "b"], ["", 1, 2]]);
    let tab = json!({"title": "T", "sheetId": 0, "rows": rows});
    world.load("d", json!({"tabs": [tab], "namedRanges": [{"name": "物件", "range": "T!B2:C"}]})).await;
    let fields = "/v4/spreadsheets/d?fields=namedRanges(name,range)";
    let (status, answer) = world.get(fields).await;
    let open = json!({"startRowIndex": 1, "startColumnIndex": 1, "endColumnIndex": 3});
    assert_eq!((status, &answer), (200, &json!({"namedRanges": [{"name": "物件", "range": open}]})));
    assert_eq!(world.values("物件").await, json!([["a", "b"], [1, 2]]));

    world
        .control("/documents/d/edits", json!({"edits": [{"insertRows": {"tab": "T", "row": 1, "values": [["new"]]}}]}))
        .await;
    assert_eq!(world.values("物件").await, json!([["a", "b"], [1, 2]]));
    world.control("/documents/d/edits", json!({"edits": [{"deleteRows": {"tab": "T", "row": 1, "count": 2}}]})).await;
    assert_eq!(world.get(fields).await.1["namedRanges"][0]["range"]["startRowIndex"], 0);
    assert_eq!(world.values("物件").await, json!([["a", "b"], [1, 2]]));
}
