//! Outcomes over the API.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use jiff::civil::date;
use lamp_core::access::AccessRole;
use lamp_core::ids::{PredictionId, uuid_v7};
use lamp_core::label::{LoggedAnswer, ModelSaid};
use lamp_core::route::Role;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::kit::{HOST, TestSite};
use crate::seed;

const LABELS: &str = "/api/v1/labels";

fn prediction(number: u8) -> PredictionId {
    PredictionId(uuid_v7(seed::now(), [number; 10]))
}

/// A site that knows two predictions.
async fn site() -> TestSite {
    let site = TestSite::seeded().await;
    let answers = [1, 2].map(|number| LoggedAnswer {
        prediction: prediction(number),
        service: seed::service(),
        day: date(2013, 4, 5),
        served_at: seed::now(),
        served_by: Role::Primary,
        primary: Some(ModelSaid {
            model: "delay@1".to_owned(),
            outputs: BTreeMap::from([("probability".to_owned(), json!(0.25))]),
        }),
        shadow: None,
    });
    let mut tx = site.ledger.begin().await.expect("a transaction");
    tx.keep_logged_answers(&answers).await.expect("kept");
    tx.commit().await.expect("saved");
    site
}

fn outcomes(rows: &[(u8, Value)]) -> Value {
    let label = |(number, value): &(u8, Value)| json!({"prediction_id": prediction(*number), "value": value});
    json!({"labels": rows.iter().map(label).collect::<Vec<_>>()})
}

async fn count(site: &TestSite) -> usize {
    site.ledger.labels(None, 100).await.expect("labels").len()
}

#[tokio::test]
async fn outcomes_are_taken_once() {
    let site = site().await;
    let body = outcomes(&[(1, json!(true)), (2, json!("no")), (3, json!(1))]);
    let answer = site.post_json(LABELS, &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let said = answer.json();
    assert_eq!((&said["added"], &said["unknown"]), (&json!(2), &json!(1)));
    assert_eq!(said["unknown_ids"], json!([prediction(3)]));
    let again = site.post_json(LABELS, &body).await.json();
    assert_eq!((&again["added"], &again["unchanged"]), (&json!(0), &json!(2)));
    assert_eq!(count(&site).await, 2);
}

#[tokio::test]
async fn one_bad_outcome_has_all_refused() {
    let site = site().await;
    let answer = site.post_json(LABELS, &outcomes(&[(1, json!(true)), (2, json!("perhaps"))])).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let message = answer.json()["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("line 2: `perhaps` is neither yes nor no"), "{message}");
    assert_eq!(count(&site).await, 0, "nothing half done");
    let slip = site.post_json(LABELS, &json!({"label": []})).await;
    assert_eq!(slip.status, StatusCode::BAD_REQUEST, "{}", slip.text);
}

#[tokio::test]
async fn a_viewer_may_not_label_and_neither_may_another_site() {
    let site = site().await;
    let body = outcomes(&[(1, json!(true))]);
    let viewer = site.app.acting_as(seed::person(), AccessRole::Viewer);
    let post = |headers: &[(&str, &str)]| {
        let mut request = Request::builder().method("POST").uri(LABELS).header(header::HOST, HOST);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::from(body.to_string())).expect("a request")
    };
    let router = lamp_web::router(viewer, site.settings.clone());
    let refused = router.oneshot(post(&[("content-type", "application/json")])).await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let foreign = [("origin", "http://evil.example.com"), ("content-type", "application/json")];
    assert_eq!(site.send(post(&foreign)).await.status, StatusCode::FORBIDDEN);
    assert_eq!(count(&site).await, 0);
}
