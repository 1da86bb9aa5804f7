//! New plans and the end of old ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use expect_test::expect;
use lamp_core::names::ServiceName;
use lamp_core::route::Role;
use lamp_gateway::Gateway;
use lamp_testkit::http::Request;
use serde_json::json;

use super::kit::{
    Behaviour, Fake, Running, eventually, mounted, plan, read_log, route, row, service, settings, signature, told,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deploying_and_switching_under_load_drops_nothing() {
    let running = Arc::new(Running::new().await);
    let slow = |p| Fake::new(Behaviour::After(Duration::from_millis(3), p));
    running.gateway.install(plan(Some(&slow(0.3)), Some(&slow(0.2)))).expect("a plan");
    let is_done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (running, is_done) = (Arc::clone(&running), Arc::clone(&is_done));
            tokio::spawn(async move {
                let mut answered = 0_u64;
                while !is_done.load(Ordering::SeqCst) {
                    let response = running.predict().await;
                    assert_eq!(response.status, 200, "{}", response.body);
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    for epoch in 2..60 {
        let mut next = plan(Some(&slow(0.3)), Some(&slow(0.2)));
        next.route = route(if epoch % 2 == 0 { Role::Shadow } else { Role::Primary }, epoch);
        running.gateway.install(next).expect("a plan");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    is_done.store(true, Ordering::SeqCst);
    let mut answered = 0;
    for client in clients {
        answered += client.await.expect("no request failed");
    }
    let logged = running.logged().await;
    assert_eq!(u64::try_from(logged.len()).expect("a count"), answered);
    let state = running.state();
    assert_eq!((state.failures, state.epoch), (0, 59), "counts outlive a plan");
    assert_eq!(state.answered_by_primary + state.answered_by_shadow, answered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_let_go_when_its_last_request_is_answered() {
    let running = Running::new().await;
    let (old, new) = (Fake::new(Behaviour::After(Duration::from_millis(60), 0.3)), Fake::new(Behaviour::Answer(0.4)));
    running.gateway.install(plan(Some(&old), None)).expect("a plan");
    let under_way = running.predict();
    let change = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        running.gateway.install(plan(Some(&new), None)).expect("a plan");
        told(&running.predict().await)
    };
    let (first, second) = tokio::join!(under_way, change);
    assert_eq!((told(&first), second), ("primary - 0.3".to_owned(), "primary - 0.4".to_owned()));
    running.gateway.rotate().await;
    assert_eq!(Arc::strong_count(&old), 1, "the gateway has let go of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_with_an_older_route_does_not_turn_the_route_back() {
    let (running, primary, shadow) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    running.gateway.set_route(route(Role::Shadow, 7));
    running.gateway.install(plan(Some(&primary), Some(&shadow))).expect("a plan");
    assert_eq!(told(&running.predict().await), "shadow switched 0.2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_contradicts_itself_changes_nothing() {
    let (running, primary, _) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    let refused = |plan| running.gateway.install(plan).expect_err("a refusal").to_string();
    expect!["service `delay` cannot be served: it has no model"].assert_eq(&refused(plan(None, None)));
    let mut endless = plan(Some(&primary), None);
    endless.deadline = Duration::from_secs(61);
    expect!["service `delay` cannot be served: a deadline of 61000 ms is out of bounds"].assert_eq(&refused(endless));
    let mut other_inputs = signature();
    other_inputs["inputs"][1]["datatype"] = json!("INT64");
    let other = Fake::with_signature(Behaviour::Answer(0.1), &other_inputs);
    let mut mixed = plan(Some(&primary), None);
    mixed.shadow = Some(mounted("delay-simple", 2, &other));
    expect!["service `delay` cannot be served: delay@3 and delay-simple@2 do not take the same inputs"]
        .assert_eq(&refused(mixed));
    assert_eq!(told(&running.predict().await), "primary - 0.3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_finishes_what_is_under_way_and_closes_the_log() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let gateway = Gateway::new(settings(folder.path().to_owned())).expect("a gateway");
    let slow = Fake::new(Behaviour::After(Duration::from_millis(60), 0.3));
    gateway.install(plan(Some(&slow), None)).expect("a plan");
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}/predict/delay", listener.local_addr().expect("an address"));
    let stop = Arc::new(tokio::sync::Notify::new());
    let (serving, stopped) = (gateway.clone(), Arc::clone(&stop));
    let server = tokio::spawn(async move { serving.serve(listener, async move { stopped.notified().await }).await });
    let client = tokio::spawn(Request::post(&url).json(&json!({"rows": [row()]})).send());
    eventually("the request is under way", || slow.asked() == 1).await;
    stop.notify_one();
    assert_eq!(told(&client.await.expect("no panic")), "primary - 0.3");
    server.await.expect("no panic").expect("a clean end");
    gateway.close().await;
    assert_eq!(read_log(folder.path()).len(), 1);
    assert!(Request::get(&url).try_send().await.is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_service_is_gone() {
    let (running, ..) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    assert!(running.gateway.remove(&service()));
    assert!(!running.gateway.remove(&service()));
    assert_eq!(running.predict().await.status, 404);
    assert!(!running.gateway.set_route(route(Role::Shadow, 9)));
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_waits_for_the_shadow_once() {
    let running = Running::new().await;
    let ready = async || {
        let response = running.get("/v2/health/ready").await;
        (response.status, response.json()["waits_for"][0].as_str().map(str::to_owned))
    };
    let not_yet = |what: &str| (503, Some(what.to_owned()));
    running.gateway.expect(None);
    assert_eq!(ready().await, not_yet("it is not known yet what is to be served"));
    running.gateway.expect(Some([service()].into()));
    assert_eq!(ready().await, not_yet("delay: its models are not loaded"));

    let (primary, shadow) = (Fake::new(Behaviour::Answer(0.3)), Fake::new(Behaviour::Fail));
    let with = |shadow: Option<&Arc<Fake>>| {
        let mut plan = plan(Some(&primary), shadow);
        plan.needs_shadow = true;
        running.gateway.install(plan).expect("a plan");
    };
    with(None);
    assert_eq!(ready().await, not_yet("delay: it has no shadow"));
    with(Some(&shadow));
    assert_eq!(ready().await, not_yet("delay: its shadow is not warm"));
    assert_eq!(told(&running.predict().await), "primary - 0.3", "whoever asks all the same is answered");
    shadow.behave(Behaviour::Answer(0.2));
    assert_eq!(ready().await, (200, None));

    // What is lost later makes it degraded, and what is to come makes nothing unready.
    shadow.behave(Behaviour::Fail);
    assert_eq!(ready().await, (200, None));
    with(None);
    running.gateway.expect(Some([service(), ServiceName::parse("other").expect("a name")].into()));
    assert_eq!(ready().await, (200, None));
    primary.behave(Behaviour::Fail);
    assert_eq!(ready().await.0, 503, "no model can answer");
}
