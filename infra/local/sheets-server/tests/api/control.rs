//! What tests order through `/_control`: faults, quotas, edits between reads, counters.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::world::World;

const VALUES: &str = "/v4/spreadsheets/d/values/T";

#[tokio::test]
async fn a_fault_hits_the_calls_it_names_and_no_others() {
    let world = World::with_rows(json!([["a"]])).await;
    world
        .control(
            "/faults",
            json!({"document": "d", "method": "values.get", "skip": 1, "times": 2, "error": "rate_limited"}),
        )
        .await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(world.get(VALUES).await.0);
        assert_eq!(world.get("/v4/spreadsheets/d").await.0, 200);
    }
    assert_eq!(statuses, [200, 429, 429, 200]);
}

#[tokio::test]
async fn known_errors_have_googles_bodies_and_free_ones_their_own() {
    let world = World::with_rows(json!([["a"]])).await;
    world.control("/faults", json!({"error": "rate_limited"})).await;
    let (_, answer) = world.get(VALUES).await;
    let error = &answer["error"];
    assert_eq!((&error["code"], &error["status"]), (&json!(429), &json!("RESOURCE_EXHAUSTED")));
    assert_eq!(error["details"][0]["reason"], "RATE_LIMIT_EXCEEDED");
    assert_eq!(error["details"][0]["metadata"]["quota_limit_value"], "60");
    world.control("/faults", json!({"error": "unavailable_html", "headers": {"Retry-After": "7"}})).await;
    let answer = world.send(Method::GET, VALUES, None).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "7"));
    assert!(answer.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    world.control("/faults", json!({"status": 418, "body": {"tea": true}})).await;
    assert_eq!(world.get(VALUES).await, (418, json!({"tea": true})));
}

#[tokio::test]
async fn answers_can_be_late_or_never_come() {
    let world = World::with_rows(json!([["a"]])).await;
    world.control("/faults", json!({"delayMillis": 60})).await;
    let start = Instant::now();
    assert_eq!(world.get(VALUES).await.0, 200);
    assert!(start.elapsed() >= Duration::from_millis(60));
    world.control("/faults", json!({"disconnect": true})).await;
    let url = format!("{}{VALUES}", world.handle.base_url());
    assert!(world.http.get(url).bearer_auth(&world.token).send().await.is_err(), "no answer at all");
    world.control("/faults", json!({"times": null, "error": "internal"})).await;
    assert_eq!(world.get(VALUES).await.0, 500);
    world.send(Method::DELETE, "/_control/faults", None).await;
    assert_eq!(world.get(VALUES).await.0, 200);
}

#[tokio::test]
async fn quota_counts_reads_and_writes_separately_and_a_batch_once() {
    let world = World::with_rows(json!([["a"]])).await;
    world.control("/quota", json!({"document": "d", "readsPerMinute": 2})).await;
    assert_eq!(world.get("/v4/spreadsheets/d/values:batchGet?ranges=A1&ranges=A2&ranges=A3").await.0, 200);
    assert_eq!(world.get(VALUES).await.0, 200);
    let (status, answer) = world.get(VALUES).await;
    assert_eq!((status, &answer["error"]["details"][0]["metadata"]["quota_limit_value"]), (429, &json!("2")));
    assert_eq!(world.post(&format!("{VALUES}:clear"), json!({})).await.0, 200, "writes have their own");
    world.control("/quota", json!({"document": "d", "readsPerMinute": 1, "windowSeconds": 0})).await;
    assert_eq!((world.get(VALUES).await.0, world.get(VALUES).await.0), (200, 200), "each window starts from zero");
    world.control("/quota", json!({"document": "d"})).await;
    assert_eq!(world.get(VALUES).await.0, 200);
}

#[tokio::test]
async fn an_edit_can_fall_between_two_chunks() {
    let world = World::with_rows(json!([["h"], ["a"], ["b"], ["c"]])).await;
    let version = world.version().await;
    let edits = json!([{"deleteRows": {"tab": "T", "row": 2}}, {"set": {"range": "T!A2", "values": [["B"]]}}]);
    world.control("/documents/d/edits", json!({"afterReads": 2, "edits": edits})).await;
    assert_eq!(world.values("T!A1:A2").await, json!([["h"], ["a"]]));
    assert_eq!(world.values("T!A1:A2").await, json!([["h"], ["a"]]), "the edit comes after this read");
    assert_eq!(world.values("T").await, json!([["h"], ["B"], ["c"]]));
    assert!(world.version().await > version);
}

#[tokio::test]
async fn edits_do_what_a_person_does() {
    let world = World::with_rows(json!([["h"], ["a"]])).await;
    let edits = json!([
        {"insertRows": {"tab": "T", "row": 2, "values": [["new", 1], ["new", 2]]}},
        {"appendRows": {"tab": "T", "values": [["last"]]}},
        {"clear": "T!B3"},
        {"renameTab": {"from": "T", "to": "U"}},
        {"request": {"addSheet": {"properties": {"title": "V"}}}},
    ]);
    let answer = world.control("/documents/d/edits", json!({"edits": edits})).await;
    assert_eq!(answer["tabs"][1]["title"], "V");
    assert_eq!(world.values("U").await, json!([["h"], ["new", 1], ["new"], ["a"], ["last"]]));
    let bad = json!({"edits": [{"clear": "U!A1"}, {"deleteRows": {"tab": "Gone", "row": 1}}]});
    let (status, answer) = world.post("/_control/documents/d/edits", bad).await;
    assert_eq!(status, 400);
    assert!(answer["error"].as_str().unwrap().contains("Gone"), "{answer}");
    assert_eq!(world.values("U!A1").await, json!([["h"]]), "all or nothing");
}

#[tokio::test]
async fn counters_count_the_reads_of_a_document() {
    let world = World::with_rows(json!([["a"]])).await;
    world.get(VALUES).await;
    world.get(&format!("{VALUES}!ZZ1")).await;
    world.get("/v4/spreadsheets/d").await;
    let (_, counters) = world.get("/_control/counters?document=d").await;
    assert_eq!(counters, json!({"spreadsheets.get": {"total": 1, "ok": 1}, "values.get": {"total": 2, "ok": 1}}));
    let (_, all) = world.get("/_control/counters").await;
    assert_eq!(all[""]["token"], json!({"total": 1, "ok": 1}));
    world.send(Method::DELETE, "/_control/counters?document=d", None).await;
    assert_eq!(world.get("/_control/counters?document=d").await.1, json!({}));
}

#[tokio::test]
async fn reloaded_document_has_a_newer_version() {
    let world = World::with_rows(json!([["a"]])).await;
    let before = world.version().await;
    world.load("d", json!({"tabs": [{"title": "T", "csvText": "b\n"}]})).await;
    assert!(world.version().await > before);
    assert_eq!(world.values("T").await, json!([["b"]]));
    let twice = json!({"tabs": [{"title": "T"}, {"title": "T"}]});
    let (status, answer) = world.put("/_control/documents/d", twice).await;
    assert_eq!(
        (status, answer["error"].as_str()),
        (400, Some("two tabs are titled \"T\": titles are unique within a spreadsheet"))
    );
    let missing = json!({"tabs": [{"csv": "/nowhere.csv"}]});
    assert!(world.put("/_control/documents/d", missing).await.1["error"].as_str().unwrap().contains("/nowhere.csv"));
}
