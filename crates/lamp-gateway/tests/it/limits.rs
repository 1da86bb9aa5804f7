//! What is refused, and how.

use std::time::Duration;

use expect_test::{Expect, expect};
use lamp_testkit::http::Request;
use serde_json::{Value, json};

use super::kit::{Behaviour, Fake, Running, eventually, plan, row, told};

async fn check(running: &Running, path: &str, body: &Value, expected: &Expect) {
    let response = running.post(path, body).await;
    expected.assert_eq(&format!("{} {}", response.status, response.json()["error"].as_str().unwrap_or("no error")));
    assert!(response.header("x-request-id").is_some(), "every answer has the request's id");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_get_one_clear_sentence() {
    let (running, primary, _) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    let p = "/predict/delay";
    check(
        &running,
        "/predict/other",
        &json!({"rows": [row()]}),
        &expect!["404 no service of this name is served here (there is: delay)"],
    )
    .await;
    check(
        &running,
        "/predict/..%2Fetc",
        &json!({"rows": [row()]}),
        &expect!["404 no service of this name is served here (there is: delay)"],
    )
    .await;
    check(&running, p, &json!({"rows": []}), &expect!["400 rows: there is no row"]).await;
    check(&running, p, &json!({}), &expect!["400 body: missing field `rows` at line 1 column 2"]).await;
    check(
        &running,
        p,
        &json!({"rows": [row()], "deadline": 3}),
        &expect!["400 deadline: unknown field `deadline`, expected `rows` or `deadline_ms` at line 1 column 11"],
    )
    .await;
    check(
        &running,
        p,
        &json!({"rows": [row()], "deadline_ms": 0}),
        &expect!["400 deadline_ms: it must be between 1 and 60000"],
    )
    .await;
    check(
        &running,
        p,
        &json!({"rows": [row(), {"carrier": "UA", "temp": "x"}]}),
        &expect![[r#"400 rows[1].temp: expected a number, got "x""#]],
    )
    .await;
    check(
        &running,
        p,
        &json!({"rows": [{"carrier": "UA", "temp": 131}]}),
        &expect!["400 rows[0].temp: 131 is above 130, the largest value allowed"],
    )
    .await;
    check(
        &running,
        p,
        &json!({"rows": vec![row(); 10_001]}),
        &expect!["400 rows: 10001 rows, more than the 10000 that are allowed"],
    )
    .await;
    assert_eq!(primary.asked(), 0, "no model sees a wrong request");
    assert_eq!(running.state().invalid, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_addresses_and_methods_are_answered_in_json_too() {
    let (running, ..) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    let response = running.get("/nothing").await;
    assert_eq!(response.status, 404);
    assert!(response.json()["error"].is_string());
    let response = running.get("/predict/delay").await;
    assert_eq!((response.status, response.json()), (405, json!({"error": "this address takes another method"})));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_or_no_json_is_refused() {
    let (running, ..) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    let url = format!("{}/predict/delay", running.url);
    let response = Request::post(&url).body(vec![b' '; 8 * 1024 * 1024 + 1]).send().await;
    assert_eq!((response.status, response.json()), (413, json!({"error": "the body is longer than 8388608 bytes"})));
    let response = Request::post(&url).body("{\"rows\": [").send().await;
    assert_eq!(response.status, 400);
    assert_eq!(running.predict().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_known_hosts_and_pages_of_this_machine_are_answered() {
    let (running, ..) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    let ask = async |name: &str, value: &str| {
        let url = format!("{}/predict/delay", running.url);
        Request::post(&url).header(name, value).json(&json!({"rows": [row()]})).send().await.status
    };
    assert_eq!(ask("host", "evil.example:8421").await, 421);
    assert_eq!(ask("host", "localhost:8421").await, 200);
    assert_eq!(ask("host", "models.example.com").await, 200);
    assert_eq!(ask("origin", "https://evil.example").await, 403);
    assert_eq!(ask("origin", "null").await, 403);
    assert_eq!(ask("origin", "http://127.0.0.1:8420").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_its_bounds_a_service_refuses_early_with_429() {
    let running = Running::new().await;
    let primary = Fake::new(Behaviour::Held(0.3));
    let mut plan = plan(Some(&primary), None);
    plan.deadline = Duration::from_secs(30);
    running.gateway.install(plan).expect("a plan");
    let clients = futures::future::join_all((0..1_060).map(|_| async {
        let response = running.predict().await;
        assert_eq!(response.header("retry-after").is_some(), response.status == 429);
        response.status
    }));
    let release = async {
        eventually("1,024 are under way and the rest is refused", || running.state().overloaded == 36).await;
        primary.let_go();
    };
    let (statuses, ()) = tokio::join!(clients, release);
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1_024);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 36);
}

#[tokio::test(flavor = "multi_thread")]
async fn under_pressure_the_shadows_copy_is_left_out_first() {
    let running = Running::new().await;
    let (primary, shadow) = (Fake::new(Behaviour::Held(0.3)), Fake::new(Behaviour::Answer(0.2)));
    let mut plan = plan(Some(&primary), Some(&shadow));
    plan.deadline = Duration::from_secs(30);
    running.gateway.install(plan).expect("a plan");
    let clients = futures::future::join_all((0..200).map(|_| async { told(&running.predict().await) }));
    let release = async {
        eventually("all are under way", || primary.asked() == 200).await;
        primary.let_go();
    };
    let (answers, ()) = tokio::join!(clients, release);
    assert!(answers.iter().all(|answer| answer == "primary - 0.3"), "nobody is refused");
    assert_eq!((shadow.asked(), running.state().shed), (128, 72));
    let logged = running.logged().await;
    assert_eq!(logged.iter().filter(|row| row.shadow.is_none()).count(), 72, "the log says who was not asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn under_pressure_too_the_shadow_stands_in_for_a_primary_that_hangs() {
    let (running, ..) = Running::with(Behaviour::Hang, Behaviour::Answer(0.2)).await;
    let answers = futures::future::join_all((0..200).map(|_| async { told(&running.predict().await) })).await;
    assert!(answers.iter().all(|answer| answer.starts_with("shadow ")), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn full_queues_before_both_models_are_429_too() {
    let (running, ..) = Running::with(Behaviour::Overload, Behaviour::Overload).await;
    assert_eq!(running.predict().await.status, 429);
    let state = running.state();
    assert_eq!((state.overloaded, state.failures), (1, 0));
}
