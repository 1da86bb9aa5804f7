//! A primary that keeps failing is no longer waited for.

use std::time::Instant;

use lamp_gateway::BreakerState;
use serde_json::json;

use super::kit::{Behaviour, DEADLINE, Running, row, told};

#[tokio::test(flavor = "multi_thread")]
async fn it_opens_after_five_failures_probes_and_closes() {
    let (running, primary, _) = Running::with(Behaviour::Hang, Behaviour::Answer(0.2)).await;
    for _ in 0..5 {
        assert_eq!(told(&running.predict().await), "shadow timeout 0.2");
    }
    assert_eq!(running.state().breaker, BreakerState::Open);
    let start = Instant::now();
    for _ in 0..9 {
        assert_eq!(told(&running.predict().await), "shadow breaker 0.2");
    }
    assert!(start.elapsed() < DEADLINE * 2, "nobody waits for a primary behind an open breaker");
    assert_eq!(primary.asked(), 5, "nor is it asked");
    primary.behave(Behaviour::Answer(0.3));
    let mut answers = 0;
    while running.state().breaker == BreakerState::Open {
        assert_eq!(told(&running.predict().await), "shadow breaker 0.2");
        answers += 1;
        assert!(answers < 100, "it never closes");
    }
    assert_eq!(primary.asked(), 5 + 3, "three clean probes close it");
    assert_eq!(told(&running.predict().await), "primary - 0.3");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_an_open_breaker_the_primary_is_asked_when_the_shadow_fails() {
    let (running, primary, shadow) = Running::with(Behaviour::Fail, Behaviour::Answer(0.2)).await;
    for _ in 0..5 {
        running.predict().await;
    }
    primary.behave(Behaviour::Answer(0.3));
    shadow.behave(Behaviour::Fail);
    assert_eq!(told(&running.predict().await), "primary - 0.3");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_an_open_breaker_the_primary_is_asked_when_the_shadow_is_slow() {
    let (running, primary, shadow) = Running::with(Behaviour::Fail, Behaviour::Answer(0.2)).await;
    for _ in 0..5 {
        running.predict().await;
    }
    primary.behave(Behaviour::Answer(0.3));
    shadow.behave(Behaviour::Hang);
    let start = Instant::now();
    assert_eq!(told(&running.predict().await), "primary - 0.3");
    assert!(start.elapsed() < DEADLINE * 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_in_a_hurry_do_not_open_it_for_others() {
    let (running, primary, _) = Running::with(Behaviour::After(DEADLINE / 4, 0.3), Behaviour::Answer(0.2)).await;
    let hurried = json!({"rows": [row()], "deadline_ms": 5});
    for _ in 0..10 {
        assert_eq!(told(&running.post("/predict/delay", &hurried).await), "shadow timeout 0.2");
    }
    running.gateway.rotate().await;
    let state = running.state();
    assert_eq!(state.breaker, BreakerState::Closed);
    assert_eq!(state.primary.map(|lane| (lane.asked, lane.failed)), Some((10, 0)), "it was in time by the service");
    assert_eq!(told(&running.predict().await), "primary - 0.3");
    assert_eq!(primary.asked(), 11);
}
