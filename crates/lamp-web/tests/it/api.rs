//! The JSON API's reading half.

use axum::http::StatusCode;
use serde_json::json;

use crate::kit::TestSite;

#[tokio::test]
async fn services_are_told_with_their_replicas() {
    let site = TestSite::seeded().await;
    let body = site.get("/api/v1/services").await.json();
    let names: Vec<_> = body["services"].as_array().expect("a list").iter().map(|one| &one["service"]).collect();
    assert_eq!(names, [&json!("delay"), &json!("idle")]);
    let one = site.get("/api/v1/services/delay").await.json();
    assert_eq!(one["route"]["epoch"], 2);
    assert_eq!(one["replicas"][0]["state"]["answered_by_primary"], 12_345);
    assert_eq!(one["shown"]["values"]["by-primary"], "12,345");
    assert_eq!(one["history"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn the_page_and_the_api_write_the_same_numbers() {
    let site = TestSite::seeded().await;
    let page = site.get("/services/delay").await.text;
    let shown = &site.get("/api/v1/services/delay").await.json()["shown"];
    assert!(page.contains(&format!("data-shape=\"{}\"", shown["shape"].as_str().expect("a shape"))));
    let places: Vec<(&str, &str)> = page
        .split("data-live=\"")
        .skip(1)
        .map(|rest| {
            let (key, rest) = rest.split_once("\">").expect("a key");
            (key, rest.split_once("</span>").expect("a value").0)
        })
        .collect();
    assert!(places.len() > 20, "{places:?}");
    for (key, text) in places {
        assert_eq!(shown["values"][key], text, "{key}");
    }
}

#[tokio::test]
async fn the_shape_changes_with_more_than_numbers() {
    let site = TestSite::seeded().await;
    let shape = async || site.get("/api/v1/services/delay").await.json()["shown"]["shape"].clone();
    let before = shape().await;
    let mut state = crate::seed::state(2);
    state["answered_by_primary"] = json!(99_999);
    crate::seed::ack(&site, 1, 2, 4, &state).await;
    assert_eq!(shape().await, before, "numbers alone do not draw the page anew");
    state["primary"]["health"] = json!({"state": "down", "detail": "worker 4711 died"});
    crate::seed::ack(&site, 1, 2, 3, &state).await;
    assert_ne!(shape().await, before);
}

#[tokio::test]
async fn lineage_is_a_tree() {
    let site = TestSite::seeded().await;
    let tree = site.get("/api/v1/lineage?ref=delay@1").await.json();
    assert_eq!((&tree["kind"], &tree["title"]), (&json!("model"), &json!("delay@1")));
    assert!(tree["from"].as_array().is_some_and(|from| from.len() == 2), "an approval and a run: {tree}");
}

#[tokio::test]
async fn what_goes_wrong_has_a_kind_and_a_status() {
    let site = TestSite::seeded().await;
    for (path, status, kind) in [
        ("/api/v1/services/nothing", StatusCode::NOT_FOUND, "not_found"),
        ("/api/v1/services/No%20Name", StatusCode::BAD_REQUEST, "invalid"),
        ("/api/v1/lineage?ref=nothing@9", StatusCode::NOT_FOUND, "not_found"),
        ("/api/v1/lineage?ref=delay@9", StatusCode::NOT_FOUND, "not_found"),
        ("/api/v1/lineage", StatusCode::BAD_REQUEST, "invalid"),
        ("/api/v1/nowhere", StatusCode::NOT_FOUND, "not_found"),
        ("/api/v1/services/delay/switch", StatusCode::METHOD_NOT_ALLOWED, "invalid"),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        assert_eq!(answer.json()["error"]["kind"], kind, "{path}");
    }
}
