//! Nothing that was answered is forgotten unseen.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use expect_test::expect;
use lamp_core::route::Role;
use lamp_gateway::{DiskGauge, DiskState, Gateway, GatewaySettings, KeptInputs, LogMode, segment, waiting_labels};
use lamp_testkit::http::Request;
use serde_json::json;

use super::kit::{Behaviour, DEADLINE, Fake, Running, SLOW, eventually, plan, read_log, route, service, settings};

#[tokio::test(flavor = "multi_thread")]
async fn a_row_holds_both_answers_and_what_came_in() {
    let (running, ..) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    let response = running.predict().await;
    let mut logged = running.logged().await;
    assert_eq!(logged.len(), 1);
    let row = &mut logged[0];
    assert_eq!(Some(row.id.to_string().as_str()), response.header("x-prediction-id"));
    assert_eq!(Some(row.request.to_string().as_str()), response.header("x-request-id"));
    for answer in [&mut row.primary, &mut row.shadow].into_iter().flatten() {
        answer.latency_us = 0;
    }
    expect![[r#"
        {
          "id": "013dc3c0-6a00-7000-8000-000000000002",
          "request": "013dc3c0-6a00-7000-8000-000000000001",
          "row": 0,
          "served_at": "2013-04-01T04:00:00Z",
          "service": "delay",
          "epoch": 1,
          "served_by": "primary",
          "primary": {
            "model": "delay@3",
            "status": "ok",
            "outputs": {
              "probability": 0.3
            },
            "latency_us": 0
          },
          "shadow": {
            "model": "delay-simple@1",
            "status": "ok",
            "outputs": {
              "probability": 0.2
            },
            "latency_us": 0
          },
          "inputs": {
            "carrier": "UA",
            "temp": 39.0
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&row).expect("JSON"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_kept_and_one_that_never_came_is_marked() {
    let late = Behaviour::After(SLOW, 0.3);
    let (running, primary, _) = Running::with(late, Behaviour::Answer(0.2)).await;
    running.predict().await;
    primary.behave(Behaviour::Hang);
    running.predict().await;
    primary.behave(Behaviour::NotANumber);
    running.predict().await;
    let said: Vec<String> = running
        .logged()
        .await
        .iter()
        .map(|row| {
            let primary = row.primary.as_ref().expect("it was asked");
            let reason = row.reason.map_or("-", |reason| reason.as_str());
            format!("{} {reason} {} {}", row.served_by, primary.status, json!(primary.outputs))
        })
        .collect();
    let mut sorted = said.clone();
    sorted.sort();
    assert_eq!(
        sorted,
        ["shadow nonfinite nonfinite null", "shadow timeout late {\"probability\":0.3}", "shadow timeout timeout null",]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_clients_saw_are_the_rows_of_the_log() {
    let (running, primary, _) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    let mut seen = BTreeSet::new();
    for round in 0..40 {
        primary.behave(if round % 3 == 0 { Behaviour::Fail } else { Behaviour::Answer(0.3) });
        if round == 20 {
            running.gateway.set_route(route(Role::Shadow, 2));
        }
        let responses = futures::future::join_all((0..5).map(|rows| running.predict_rows(rows + 1))).await;
        for response in responses {
            for prediction in response.json()["predictions"].as_array().expect("predictions") {
                assert!(seen.insert(prediction["prediction_id"].as_str().expect("an id").to_owned()));
            }
        }
    }
    let logged: Vec<String> = running.logged().await.iter().map(|row| row.id.to_string()).collect();
    assert_eq!(seen.len(), 40 * 15);
    assert_eq!(logged.len(), seen.len(), "each row once");
    assert_eq!(logged.into_iter().collect::<BTreeSet<_>>(), seen);
    let state = running.state();
    assert_eq!((state.log_kept, state.log_dropped), (600, 0));
    assert_eq!(state.answered_by_primary + state.answered_by_shadow, 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_open_is_sealed_without_its_torn_tail() {
    let (running, ..) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    running.predict_rows(3).await;
    let whole = running.logged().await;
    let closed = segment::list_closed(&running.log_dir(), &service()).expect("a folder").remove(0);
    let bytes = std::fs::read(&closed).expect("a segment");
    // Every cut between two bytes is a crash that could have been.
    for cut in 0..=bytes.len() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let open = folder.path().join("delay").join("0140-crashed.open");
        std::fs::create_dir_all(open.parent().expect("a parent")).expect("a folder");
        std::fs::write(&open, &bytes[..cut]).expect("a file");
        let before = segment::read(&open).expect("a torn segment is readable");
        let gateway = Gateway::new(settings(folder.path().to_owned())).expect("a gateway");
        let rows = read_log(folder.path());
        assert_eq!(rows, before.predictions);
        assert_eq!(rows[..], whole[..rows.len()]);
        assert!(!open.exists(), "nothing stays open");
        let is_all = cut == bytes.len();
        assert_eq!(rows.len() == 3, is_all, "{cut} of {}", bytes.len());
        drop(gateway);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_byte_ends_the_reading_and_is_not_believed() {
    let (running, ..) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    running.predict_rows(3).await;
    let whole = running.logged().await;
    let closed = segment::list_closed(&running.log_dir(), &service()).expect("a folder").remove(0);
    let mut bytes = std::fs::read(&closed).expect("a segment");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&closed, &bytes).expect("a file");
    let read = segment::read(&closed).expect("a segment");
    assert!(read.torn_tail);
    assert_eq!(read.predictions[..], whole[..1]);
    bytes[0] = b'X';
    std::fs::write(&closed, &bytes).expect("a file");
    let error = segment::read(&closed).expect_err("no segment");
    assert!(error.to_string().ends_with("is not a prediction log segment of version 1"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbours_open_segment_is_left_alone() {
    let (running, ..) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    running.predict().await;
    eventually("it is written", || running.state().log_kept == 1).await;
    let neighbour = Gateway::new(settings(running.log_dir())).expect("a second gateway on the same folder");
    assert!(read_log(&running.log_dir()).is_empty(), "it is still being written");
    running.predict().await;
    assert_eq!(running.logged().await.len(), 2);
    drop(neighbour);
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_are_closed_by_age_without_being_asked() {
    let (running, ..) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    running.predict().await;
    eventually("it is closed", || !read_log(&running.log_dir()).is_empty()).await;
}

/// A file stands where the service's folder should be: nothing can be written.
fn break_log(running: &Running) {
    let mut file = std::fs::File::create(running.log_dir().join("delay")).expect("a file");
    file.write_all(b"in the way").expect("a file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_written_is_counted_and_does_not_stop_the_answers() {
    let (running, ..) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    break_log(&running);
    for _ in 0..10 {
        assert_eq!(running.predict_rows(2).await.status, 200);
    }
    running.gateway.rotate().await;
    let state = running.state();
    assert_eq!((state.log_kept, state.log_dropped), (0, 20));
    std::fs::remove_file(running.log_dir().join("delay")).expect("the file");
    running.predict().await;
    assert_eq!(running.logged().await.len(), 1, "it goes on when the disk does");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_demands_its_log_answers_only_what_is_on_disk() {
    let running = Running::new().await;
    let (primary, shadow) = (Fake::new(Behaviour::Answer(0.3)), Fake::new(Behaviour::Answer(0.2)));
    let mut plan = plan(Some(&primary), Some(&shadow));
    plan.log = LogMode::Required;
    running.gateway.install(plan).expect("a plan");
    let response = running.predict().await;
    assert_eq!(response.status, 200);
    let open = std::fs::read_dir(running.log_dir().join("delay")).expect("a folder").next();
    let read = segment::read(&open.expect("a segment").expect("an entry").path()).expect("a segment");
    assert_eq!(Some(read.predictions[0].id.to_string().as_str()), response.header("x-prediction-id"));
    assert!(read.predictions[0].shadow.as_ref().is_some_and(|shadow| shadow.status == "ok"));
    shadow.behave(Behaviour::After(DEADLINE / 4, 0.2));
    running.predict().await;
    let slow = running.logged().await.pop().and_then(|row| row.shadow).expect("it was asked");
    assert_eq!((slow.status.as_str(), slow.outputs), ("late", None), "the answer does not wait for it");
    assert_eq!(running.state().shadow.map(|shadow| shadow.failed), Some(0), "nor is it blamed");
    std::fs::remove_dir_all(running.log_dir().join("delay")).expect("the folder");
    break_log(&running);
    let response = running.predict().await;
    assert_eq!(response.status, 503);
    let expected = "service `delay` answers only what it can log, and its log cannot take more now";
    assert_eq!(response.json(), json!({"error": expected}));
    let state = running.state();
    assert_eq!((state.failures, state.log_kept, state.answered_by_primary), (1, 2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_says_what_its_log_keeps_of_a_row() {
    let running = Running::new().await;
    let (primary, shadow) = (Fake::new(Behaviour::Answer(0.3)), Fake::new(Behaviour::Answer(0.2)));
    let kept = async |hash_only: bool, redact: &[&str]| {
        let mut plan = plan(Some(&primary), Some(&shadow));
        plan.kept = KeptInputs { hash_only, redact: redact.iter().map(|&name| name.to_owned()).collect() };
        running.gateway.install(plan).expect("a plan");
        running.predict().await;
        running.logged().await.pop().expect("a row")
    };
    let whole = kept(false, &[]).await;
    assert_eq!((json!(whole.inputs), &whole.inputs_hash), (json!({"carrier": "UA", "temp": 39.0}), &None));
    let redacted = kept(false, &["carrier"]).await;
    assert_eq!(json!(redacted.inputs), json!({"temp": 39.0}));
    let hashed = kept(true, &[]).await;
    assert!(hashed.inputs.is_empty() && hashed.primary.is_some(), "answers are kept all the same");
    assert_eq!(hashed.inputs_hash, redacted.inputs_hash, "it is the hash of the whole row");
    assert_eq!(hashed.inputs_hash.map(|hash| hash.len()), Some(64));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_almost_full_disk_costs_the_inputs_first() {
    let used = Arc::new(AtomicU32::new(50));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let gauge = Arc::clone(&used);
    let settings = GatewaySettings {
        disk: DiskGauge::new(move |_| Some(f64::from(gauge.load(Ordering::SeqCst)) / 100.0)),
        ..settings(folder.path().join("log"))
    };
    let gateway = Gateway::new(settings).expect("a gateway");
    let (primary, shadow) = (Fake::new(Behaviour::Answer(0.3)), Fake::new(Behaviour::Answer(0.2)));
    gateway.install(plan(Some(&primary), Some(&shadow))).expect("a plan");
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}/predict/delay", listener.local_addr().expect("an address"));
    let serving = gateway.clone();
    tokio::spawn(async move { serving.serve(listener, std::future::pending()).await });
    let predict = async || {
        let response = Request::post(&url).json(&json!({"rows": [super::kit::row()]})).send().await;
        assert_eq!(response.status, 200);
    };
    predict().await;
    for (share, state) in [(85, DiskState::Filling), (97, DiskState::Tight), (50, DiskState::Roomy)] {
        used.store(share, Ordering::SeqCst);
        // The writer looks when it has something to do, once a second at most.
        let start = std::time::Instant::now();
        while gateway.state().disk != state {
            assert!(start.elapsed() < Duration::from_secs(10), "never {state:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
            predict().await;
        }
    }
    gateway.rotate().await;
    let rows = read_log(&folder.path().join("log"));
    let (thin, whole): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.inputs.is_empty());
    assert!(!thin.is_empty() && !whole.is_empty());
    assert!(thin.iter().all(|row| row.inputs_hash.is_some() && row.primary.is_some()));
    let state = gateway.state().find(&service()).expect("the service").clone();
    assert_eq!((state.log_thinned, state.log_dropped), (thin.len() as u64, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_kept_beside_the_log_until_they_are_taken_in() {
    let (running, ..) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    let response = running.predict().await;
    let id = response.header("x-prediction-id").expect("an id");
    let path = "/v2/models/delay/labels";
    let label = json!({"labels": [{"prediction_id": id, "value": true, "event_at": "2013-04-02T00:00:00Z"}]});
    let taken = running.post(path, &label).await;
    assert_eq!((taken.status, taken.json()), (202, json!({"accepted": 1})));
    let waiting = waiting_labels(&running.log_dir().join("delay")).expect("a folder");
    assert_eq!(waiting.len(), 1);
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&waiting[0]).expect("a file")).expect("JSON");
    assert_eq!(kept, label);
    assert_eq!(running.logged().await.len(), 1, "a label is no row");

    for (labels, why) in [
        (json!([]), "labels: there is no label"),
        (json!([{"prediction_id": "x", "value": 1}]), "labels[0].prediction_id: expected a UUID"),
        (json!([{"prediction_id": id, "value": [1]}]), "labels[0].value: expected a text, a number or a truth"),
        (
            json!([{"prediction_id": id, "value": 1, "event_at": "yesterday"}]),
            "labels[0].event_at: expected an instant, 2013-04-01T10:00:00Z",
        ),
    ] {
        let refused = running.post(path, &json!({"labels": labels})).await;
        assert_eq!((refused.status, refused.json()), (400, json!({"error": why})));
    }
    assert_eq!(running.post("/v2/models/other/labels", &label).await.status, 404);
}
