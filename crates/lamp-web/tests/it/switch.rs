//! The switch, by form and by API.

use axum::http::StatusCode;
use serde_json::json;

use crate::kit::TestSite;

const FORM: &str = "/services/delay/switch";
const API: &str = "/api/v1/services/delay/switch";

#[tokio::test]
async fn the_button_switches_and_leads_back_to_the_page() {
    let site = TestSite::seeded().await;
    let page = site.get("/services/delay").await.text;
    assert!(page.contains("Switch to shadow <span class=\"as\">as first@example.com</span>"), "{page}");
    let token = site.token().await;
    let answer = site.post_form(FORM, &[("token", &token), ("to", "shadow"), ("why", "odd answers")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    assert_eq!(answer.header("location"), "/services/delay?done=3");
    assert_eq!(site.route().await, (3, "shadow".to_owned()));
    assert_eq!(site.told(), 1, "the local gateway obeys at once");

    let page = site.get("/services/delay?done=3").await.text;
    assert!(page.contains("Done: epoch 3 is in the ledger"));
    assert!(page.contains("Switch to primary <span class=\"as\">as first@example.com</span>"));
    assert!(page.contains("<td data-label=\"What\">switched to the shadow</td>"));
    assert!(page.contains("<td data-label=\"Why\" class=\"why\">odd answers</td>"));
    assert!(!site.get("/services/delay?done=77").await.text.contains("Done: epoch"), "only what is in the ledger");
    assert!(site.app.verify_audit().await.is_ok());
}

#[tokio::test]
async fn a_switch_without_a_reason_is_no_switch() {
    let site = TestSite::seeded().await;
    let token = site.token().await;
    let answer = site.post_form(FORM, &[("token", &token), ("to", "shadow"), ("why", "  ")]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text.contains("a change of who answers needs a reason"));
    assert!(answer.text.contains("write down what you saw"));
    assert_eq!(site.route().await, (2, "primary".to_owned()));
    assert_eq!(site.told(), 0);
}

#[tokio::test]
async fn what_cannot_be_switched_is_said_in_the_page() {
    let site = TestSite::seeded().await;
    let token = site.token().await;
    let again = site.post_form(FORM, &[("token", &token), ("to", "primary"), ("why", "again")]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text.contains("answers already"), "{}", again.text);
    assert!(again.text.contains(">again</textarea>"), "what was typed is not lost");
    let nowhere = site.post_form(FORM, &[("token", &token), ("to", "both"), ("why", "x")]).await;
    assert_eq!(nowhere.status, StatusCode::BAD_REQUEST);
    let long = "é".repeat(2_001);
    let long = site.post_form(FORM, &[("token", &token), ("to", "shadow"), ("why", &long)]).await;
    assert_eq!(long.status, StatusCode::BAD_REQUEST);
    let idle = site.post_form("/services/idle/switch", &[("token", &token), ("to", "shadow"), ("why", "x")]).await;
    assert_eq!(idle.status, StatusCode::NOT_FOUND);
    assert!(idle.text.contains("lamp deploy idle MODEL@V --as primary"));
    let unknown =
        site.post_form("/services/nothing/switch", &[("token", &token), ("to", "shadow"), ("why", "x")]).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(site.route().await, (2, "primary".to_owned()));
}

#[tokio::test]
async fn the_api_switches_and_says_the_route() {
    let site = TestSite::seeded().await;
    let answer = site.post_json(API, &json!({"to": "shadow", "why": "odd answers"})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let route = &answer.json()["route"];
    assert_eq!((&route["active"], &route["epoch"]), (&json!("shadow"), &json!(3)));
    assert_eq!(route["changed_by"]["name"], "first@example.com");
    assert_eq!(site.told(), 1);
    let again = site.post_json(API, &json!({"to": "shadow", "why": "odd answers"})).await;
    assert_eq!((again.status, &again.json()["error"]["kind"]), (StatusCode::CONFLICT, &json!("conflict")));
    let without_why = site.post_json(API, &json!({"to": "primary"})).await;
    assert_eq!(without_why.status, StatusCode::BAD_REQUEST);
    assert_eq!(without_why.json()["error"]["hint"], "add --why \"what you saw\"");
    let not_json = site.post_json(API, &json!("nonsense")).await;
    assert_eq!(not_json.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_reason_is_text_and_never_markup() {
    let site = TestSite::seeded().await;
    let why = "<script>alert(1)</script> \"><img src=x onerror=alert(1)>";
    let answer = site.post_json(API, &json!({"to": "shadow", "why": why})).await;
    assert_eq!(answer.status, StatusCode::OK);
    for path in ["/services/delay", "/services", "/lineage?ref=delay", "/lineage?ref=%3Cscript%3Ealert(1)%3C/script%3E"]
    {
        let page = site.get(path).await.text;
        assert!(!page.contains("<script>") && !page.contains("<img"), "{path}: {page}");
    }
    assert!(site.get("/services/delay").await.text.contains("&#60;script&#62;alert(1)&#60;/script&#62;"));
}
