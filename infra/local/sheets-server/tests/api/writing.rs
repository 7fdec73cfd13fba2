//! `values.update`, `append`, `clear`, their batches, and `spreadsheets.batchUpdate`.

use serde_json::json;

use crate::world::World;

const UPDATE: &str = "?valueInputOption=RAW";

#[tokio::test]
async fn an_update_writes_what_is_given_and_leaves_null_alone() {
    let world = World::with_rows(json!([["a", "b"], ["c", "d"]])).await;
    let path = format!("/v4/spreadsheets/d/values/T!A1{UPDATE}&includeValuesInResponse=true");
    let (status, answer) = world.put(&path, json!({"values": [["1", null], ["", true, 3]]})).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer,
        json!({"spreadsheetId": "d", "updatedRange": "T!A1:C2", "updatedRows": 2, "updatedColumns": 3, "updatedCells": 4,
            "updatedData": {"range": "T!A1:C2", "majorDimension": "ROWS", "values": [["1", "b"], ["", "TRUE", "3"]]}})
    );
    assert_eq!(world.values("T").await, json!([["1", "b"], ["", true, 3]]));
}

#[tokio::test]
async fn typed_text_is_understood_and_raw_text_is_not() {
    let world = World::with_rows(json!([])).await;
    let body = || json!({"values": [["1,000", "TRUE", "2024/3/1", "'7", "=NA()"]]});
    world.put("/v4/spreadsheets/d/values/T!A1?valueInputOption=RAW", body()).await;
    world.put("/v4/spreadsheets/d/values/T!A2?valueInputOption=USER_ENTERED", body()).await;
    assert_eq!(
        world.values("T").await,
        json!([["1,000", "TRUE", "2024/3/1", "'7", "=NA()"], [1000, true, 45352, "7", "#N/A"]])
    );
}

#[tokio::test]
async fn write_past_its_range_or_the_grid_changes_nothing() {
    let world = World::start().await;
    world.load("d", json!({"tabs": [{"title": "T", "rows": [["a"]], "rowCount": 3, "columnCount": 2}]})).await;
    let version = world.version().await;
    for (range, values, message) in [
        ("T!A1:A2", json!([["1", "2"]]), "Requested writing within range [T!A1:A2], but tried writing to column [B]"),
        (
            "T!A1:A2",
            json!([["1"], ["2"], ["3"]]),
            "Requested writing within range [T!A1:A2], but tried writing to row [3]",
        ),
        ("T!A3", json!([["1"], ["2"]]), "Range (T!A3:A4) exceeds grid limits. Max rows: 3, max columns: 2"),
        ("T!A4", json!([["1"]]), "Range (T!A4) exceeds grid limits. Max rows: 3, max columns: 2"),
    ] {
        let (status, answer) =
            world.put(&format!("/v4/spreadsheets/d/values/{range}{UPDATE}"), json!({"values": values})).await;
        assert_eq!((status, answer["error"]["message"].as_str()), (400, Some(message)));
    }
    let (_, answer) = world.put("/v4/spreadsheets/d/values/T!A1", json!({"values": [["1"]]})).await;
    assert_eq!(answer["error"]["message"], "'valueInputOption' is required but not specified");
    let good_and_bad = json!({"valueInputOption": "RAW", "data": [
        {"range": "T!A1", "values": [["changed"]]}, {"range": "T!A9", "values": [["x"]]},
    ]});
    assert_eq!(world.post("/v4/spreadsheets/d/values:batchUpdate", good_and_bad).await.0, 400);
    assert_eq!(world.values("T").await, json!([["a"]]));
    assert_eq!(world.version().await, version);
}

/// The sheet of Google's guide "Append values": tables at A1:C2 and B4:D6.
#[tokio::test]
async fn append_finds_the_table_as_googles_guide_says() {
    let rows = json!([["x", "y", "z"], ["x", "y", "z"], [], ["", "x", "y"], ["", "", "y", "z"], ["", "x", "y", "z"]]);
    for (range, table, written) in [
        ("T", Some("T!B4:D6"), "T!B7"),
        ("C5:D5", Some("T!B4:D6"), "T!B7"),
        ("B2:D4", Some("T!B4:D6"), "T!B7"),
        ("A3:G10", Some("T!B4:D6"), "T!B7"),
        ("A1", Some("T!A1:C2"), "T!A3"),
        ("E4", None, "T!E4"),
    ] {
        let world = World::with_rows(rows.clone()).await;
        let path = format!("/v4/spreadsheets/d/values/{range}:append?valueInputOption=RAW");
        let (_, answer) = world.post(&path, json!({"values": [["new"]]})).await;
        assert_eq!(answer["tableRange"].as_str(), table, "{range}");
        assert_eq!(answer["updates"]["updatedRange"], written, "{range}");
    }
}

#[tokio::test]
async fn append_grows_the_grid() {
    let world = World::start().await;
    world.load("d", json!({"tabs": [{"title": "T", "rows": [["a"], ["b"]], "rowCount": 2, "columnCount": 1}]})).await;
    let path = "/v4/spreadsheets/d/values/T:append?valueInputOption=RAW&insertDataOption=INSERT_ROWS";
    world.post(path, json!({"values": [["c", "d"], ["e"]]})).await;
    assert_eq!(world.values("T").await, json!([["a"], ["b"], ["c", "d"], ["e"]]));
    let (_, answer) = world.get("/v4/spreadsheets/d?fields=sheets.properties.gridProperties").await;
    assert_eq!(answer["sheets"][0]["properties"]["gridProperties"], json!({"rowCount": 4, "columnCount": 2}));
}

#[tokio::test]
async fn ranges_are_cleared_alone_and_together() {
    let world = World::with_rows(json!([["a", "b"], ["c", "d"]])).await;
    let (_, answer) = world.post("/v4/spreadsheets/d/values/T!B1:B9:clear", json!({})).await;
    assert_eq!(answer, json!({"spreadsheetId": "d", "clearedRange": "T!B1:B9"}));
    assert_eq!(world.values("T").await, json!([["a"], ["c"]]));
    let (_, answer) = world.post("/v4/spreadsheets/d/values:batchClear", json!({"ranges": ["A1", "A2"]})).await;
    assert_eq!(answer["clearedRanges"], json!(["T!A1", "T!A2"]));
    assert_eq!(world.values("T").await, json!(null));
}

#[tokio::test]
async fn tabs_and_rows_are_added_moved_and_deleted() {
    let world = World::with_rows(json!([["h"], ["a"], ["b"], ["c"]])).await;
    let rows = |from: u32, to: u32| json!({"sheetId": 0, "dimension": "ROWS", "startIndex": from, "endIndex": to});
    let (status, answer) = world
        .post(
            "/v4/spreadsheets/d:batchUpdate",
            json!({"requests": [
                {"addSheet": {"properties": {"title": "New", "gridProperties": {"rowCount": 5, "columnCount": 4}}}},
                {"deleteDimension": {"range": rows(1, 2)}},
                {"insertDimension": {"range": rows(1, 2), "inheritFromBefore": false}},
                {"moveDimension": {"source": rows(3, 4), "destinationIndex": 0}},
                {"updateSheetProperties": {"properties": {"sheetId": 0, "title": "改名"}, "fields": "title"}},
            ]}),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["replies"][0]["addSheet"]["properties"]["title"], "New");
    assert_eq!(answer["replies"][1], json!({}));
    assert_eq!(world.values("'改名'").await, json!([["c"], ["h"], [], ["b"]]));
}

#[tokio::test]
async fn a_batch_with_one_bad_request_does_nothing() {
    let world = World::with_rows(json!([["a"]])).await;
    let (status, answer) = world
        .post(
            "/v4/spreadsheets/d:batchUpdate",
            json!({"requests": [
                {"updateSheetProperties": {"properties": {"sheetId": 0, "title": "X"}, "fields": "title"}},
                {"deleteSheet": {"sheetId": 99}},
            ]}),
        )
        .await;
    assert_eq!(
        (status, answer["error"]["message"].as_str()),
        (400, Some("Invalid requests[1].deleteSheet: No sheet with id: 99"))
    );
    assert_eq!(world.values("T").await, json!([["a"]]));
    let merge = json!({"requests": [{"mergeCells": {}}]});
    assert_eq!(world.post("/v4/spreadsheets/d:batchUpdate", merge).await.0, 501, "never silently ignored");
}

#[tokio::test]
async fn the_cell_limit_holds() {
    let world = World::with_rows(json!([["a"]])).await;
    let huge = json!({"requests": [{"appendDimension": {"sheetId": 0, "dimension": "ROWS", "length": 400_000}}]});
    let (status, answer) = world.post("/v4/spreadsheets/d:batchUpdate", huge).await;
    assert_eq!(status, 400);
    assert!(answer["error"]["message"].as_str().unwrap().contains("above the limit of 10000000 cells"), "{answer}");
}
