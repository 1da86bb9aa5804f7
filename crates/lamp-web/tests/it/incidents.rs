//! Incidents: seen, taken up, closed with a note.

use axum::http::StatusCode;
use expect_test::expect;
use serde_json::json;

use crate::kit::TestSite;
use crate::pages::words;
use crate::readings;

async fn site() -> TestSite {
    let site = TestSite::empty().await;
    readings::all(&site).await;
    site
}

async fn only_id(site: &TestSite) -> String {
    let open = site.app.incidents(false).await.expect("incidents");
    assert_eq!(open.len(), 1, "{open:?}");
    open[0].incident.id.to_string()
}

#[tokio::test]
async fn an_open_incident_leads_to_what_broke() {
    let site = site().await;
    let page = site.get("/incidents").await;
    assert_eq!(page.status, StatusCode::OK);
    expect![[r#"
        Incidents
        OpenAll
        readings[2013-04-03]: lux is null in 12 of 48 rows (25.00 %)
        ▲ open contract broken open for less than a minute, since 2013-04-05 12:00
        I look at it"#]]
    .assert_eq(&words(&page.text));
    let id = only_id(&site).await;
    let page = site.get(&format!("/incidents/{id}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("href=\"/histograms/readings?at=2013-04-03\""), "{}", page.text);
    assert_eq!(site.get("/histograms/readings?at=2013-04-03").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_incident_is_taken_up_and_closed_with_a_note() {
    let site = site().await;
    let id = only_id(&site).await;
    let path = format!("/incidents/{id}");
    let token = site.token_of(&path).await;
    let ack = format!("{path}/ack");
    let answer = site.post_form(&ack, &[("token", &token), ("back", "list")]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/incidents"));
    assert!(words(&site.get("/incidents").await.text).contains("first@example.com looks at it"));
    let again = site.post_form(&ack, &[("token", &token)]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(words(&again.text).contains("was acknowledged by first@example.com already"));

    let resolve = format!("{path}/resolve");
    let empty = site.post_form(&resolve, &[("token", &token), ("note", " ")]).await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST);
    assert!(words(&empty.text).contains("write down what it was, and what was done"), "{}", words(&empty.text));
    let foreign = site.post_form(&resolve, &[("token", "x"), ("note", "typed")]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert!(foreign.text.contains(">typed</textarea>"), "what was typed is not lost");
    let note = "the canal's lamp is <new>";
    let answer = site.post_form(&resolve, &[("token", &token), ("note", note)]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, path.as_str()));
    let page = site.get(&path).await.text;
    assert!(page.contains("the canal&#39;s lamp is &#60;new&#62;") && !page.contains("<form method"), "{page}");
    assert!(words(&site.get("/incidents").await.text).contains("Nothing waits for anybody."));
    let all = words(&site.get("/incidents?show=all").await.text);
    assert!(all.contains("✓ resolved") && all.contains("resolved by first@example.com"), "{all}");
    assert!(site.app.verify_audit().await.is_ok());
}

#[tokio::test]
async fn the_api_does_the_same() {
    let site = site().await;
    let list = site.get("/api/v1/incidents").await.json();
    let id = list["incidents"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(list["incidents"][0]["state"], "open");
    let acked = site.post_json(&format!("/api/v1/incidents/{id}/ack"), &json!({})).await;
    assert_eq!(acked.json()["incident"]["state"], "acknowledged", "{}", acked.text);
    let path = format!("/api/v1/incidents/{id}/resolve");
    let without = site.post_json(&path, &json!({})).await;
    assert_eq!((without.status, &without.json()["error"]["kind"]), (StatusCode::BAD_REQUEST, &json!("invalid")));
    let resolved = site.post_json(&path, &json!({"note": "a new lamp"})).await;
    assert_eq!(resolved.json()["incident"]["resolved"]["note"], "a new lamp");
    assert_eq!(site.get("/api/v1/incidents").await.json()["incidents"], json!([]));
    assert_eq!(site.get("/api/v1/incidents?all=true").await.json()["incidents"][0]["state"], "resolved");
    assert_eq!(site.get("/api/v1/incidents/zzz").await.status, StatusCode::NOT_FOUND);
    assert_eq!(site.get("/incidents/zzz").await.status, StatusCode::NOT_FOUND);
}
