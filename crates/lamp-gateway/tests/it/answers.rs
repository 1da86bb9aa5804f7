//! Who answers, and when.

use std::time::{Duration, Instant};

use lamp_core::route::Role;
use serde_json::json;

use super::kit::{Behaviour, DEADLINE, Fake, Running, SLOW, plan, route, told};

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_answers_when_it_can() {
    let (running, primary, shadow) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    let response = running.predict().await;
    assert_eq!((response.status, told(&response)), (200, "primary - 0.3".to_owned()));
    assert_eq!(response.header("x-model-version"), Some("delay@3"));
    assert_eq!(response.header("x-route-epoch"), Some("1"));
    assert_eq!((primary.asked(), shadow.asked()), (1, 1), "both are computed for each request");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_the_primary_the_shadow_answers_and_says_why() {
    let cases = [
        (Behaviour::Fail, "error"),
        (Behaviour::Panic, "error"),
        (Behaviour::Short, "shape"),
        (Behaviour::Text, "dtype"),
        (Behaviour::NotANumber, "nonfinite"),
        (Behaviour::OutOfRange, "range"),
        (Behaviour::Overload, "overload"),
        (Behaviour::Hang, "timeout"),
        (Behaviour::After(SLOW, 0.3), "timeout"),
    ];
    for (behaviour, reason) in cases {
        let (running, ..) = Running::with(behaviour, Behaviour::Answer(0.2)).await;
        let response = running.predict().await;
        assert_eq!((response.status, told(&response)), (200, format!("shadow {reason} 0.2")), "{behaviour:?}");
        assert_eq!(response.header("x-model-version"), Some("delay-simple@1"));
        let state = running.state();
        assert_eq!((state.answered_by_shadow, state.reasons[reason]), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_shadow_answers_as_soon_as_it_can_when_the_primary_has_failed() {
    let slow = Behaviour::After(DEADLINE / 8, 0.2);
    let (running, ..) = Running::with(Behaviour::Fail, slow).await;
    let start = Instant::now();
    let response = running.predict().await;
    assert_eq!(told(&response), "shadow error 0.2");
    let took = start.elapsed();
    assert!(took < DEADLINE * 3 / 4, "it does not wait for the deadline: {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_primary_costs_the_deadline_less_a_margin() {
    let (running, ..) = Running::with(Behaviour::Hang, Behaviour::Answer(0.2)).await;
    let start = Instant::now();
    assert_eq!(told(&running.predict().await), "shadow timeout 0.2");
    let took = start.elapsed();
    assert!(took + Duration::from_millis(6) >= DEADLINE && took < DEADLINE * 2, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_or_dead_shadow_does_not_delay_the_primary() {
    for shadow in [Behaviour::Hang, Behaviour::Fail, Behaviour::Panic, Behaviour::After(SLOW, 0.2)] {
        let (running, ..) = Running::with(Behaviour::Answer(0.3), shadow).await;
        let start = Instant::now();
        assert_eq!(told(&running.predict().await), "primary - 0.3");
        assert!(start.elapsed() < DEADLINE * 3 / 4, "{shadow:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_both_fail_there_is_one_clear_503() {
    let (running, ..) = Running::with(Behaviour::Fail, Behaviour::NotANumber).await;
    let response = running.predict().await;
    assert_eq!(response.status, 503);
    let expected = "service `delay` has no answer: primary delay@3: the model failed: ValueError: odd; \
                    shadow delay-simple@1: output `probability` is not a finite number at 0";
    assert_eq!(response.json(), json!({"error": expected}));
    let state = running.state();
    assert_eq!((state.failures, state.answered_by_primary + state.answered_by_shadow), (1, 0));
    assert!(running.logged().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_answer_the_deadline_is_the_end() {
    let (running, ..) = Running::with(Behaviour::Hang, Behaviour::Hang).await;
    let start = Instant::now();
    let response = running.predict().await;
    assert_eq!(response.status, 503);
    assert!(response.body.contains("no answer within 400 ms"), "{}", response.body);
    assert!(start.elapsed() < DEADLINE * 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_shadow_the_primarys_faults_are_seen() {
    let running = Running::new().await;
    let primary = Fake::new(Behaviour::Answer(0.3));
    running.gateway.install(plan(Some(&primary), None)).expect("a plan");
    assert_eq!(told(&running.predict().await), "primary - 0.3");
    primary.behave(Behaviour::Fail);
    for _ in 0..10 {
        assert_eq!(running.predict().await.status, 503);
    }
    primary.behave(Behaviour::Answer(0.4));
    assert_eq!(told(&running.predict().await), "primary - 0.4", "no breaker stands before an only model");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_very_next_answer_obeys_a_switch() {
    let (running, primary, _) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    for epoch in 2..40 {
        let role = if epoch % 2 == 0 { Role::Shadow } else { Role::Primary };
        assert!(running.gateway.set_route(route(role, epoch)));
        let expected = if role == Role::Shadow { "shadow switched 0.2" } else { "primary - 0.3" };
        let response = running.predict().await;
        assert_eq!(told(&response), expected);
        assert_eq!(response.header("x-route-epoch"), Some(epoch.to_string().as_str()));
    }
    assert_eq!(primary.asked(), 38, "the primary goes on as the shadow's shadow");
    assert!(!running.gateway.set_route(route(Role::Primary, 38)), "an older route changes nothing");
    assert!(!running.gateway.set_route(route(Role::Shadow, 39)), "nor does another one of this epoch");
    assert_eq!(running.state().epoch, 39);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switched_service_still_has_a_model_behind_it() {
    let (running, ..) = Running::with(Behaviour::Answer(0.3), Behaviour::Fail).await;
    running.gateway.set_route(route(Role::Shadow, 2));
    assert_eq!(told(&running.predict().await), "primary - 0.3");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_are_answered_whole_by_one_model() {
    let (running, ..) = Running::with(Behaviour::Short, Behaviour::Answer(0.2)).await;
    let response = running.predict_rows(50).await;
    let predictions = response.json()["predictions"].as_array().expect("predictions").clone();
    assert_eq!(predictions.len(), 50);
    assert!(predictions.iter().all(|p| p["probability"] == json!(0.2)));
    let mut ids: Vec<String> = predictions.iter().map(|p| p["prediction_id"].to_string()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 50);
    assert_eq!(running.state().answered_by_shadow, 50, "rows are counted, not requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_may_bring_its_own_deadline() {
    let slow = Behaviour::After(Duration::from_millis(100), 0.3);
    let (running, ..) = Running::with(slow, Behaviour::Answer(0.2)).await;
    let ask = async |deadline_ms: u64| {
        let body = json!({"rows": [super::kit::row()], "deadline_ms": deadline_ms});
        told(&running.post("/predict/delay", &body).await)
    };
    assert_eq!(ask(20).await, "shadow timeout 0.2");
    assert_eq!(ask(5_000).await, "primary - 0.3");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_says_how_far_the_models_are_apart_and_how_fast_they_are() {
    let (running, _, shadow) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    for p in [0.2, 0.4, 0.9] {
        shadow.behave(Behaviour::Answer(p));
        running.predict_rows(2).await;
    }
    running.gateway.rotate().await;
    let state = running.state();
    let disagreement = state.disagreement.expect("both answered");
    assert_eq!(disagreement.rows, 6);
    assert!((disagreement.mean_abs - (0.1 + 0.1 + 0.6) / 3.0).abs() < 1e-9);
    let primary = state.primary.expect("a primary");
    assert_eq!((primary.asked, primary.failed), (3, 0));
    assert!(primary.latency_p99_us >= primary.latency_p50_us && primary.latency_p50_us.is_some());
}
