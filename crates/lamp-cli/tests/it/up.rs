//! `lamp up`: supervises the gateway, compacts its log, and answers why.

use lamp_testkit::command::Running;
use lamp_testkit::http::{self, Request, free_port};
use serde_json::json;

use super::process::{self, SOON, predict, predict_until};
use super::shop::Shop;

/// `lamp up` on free ports, ready.
pub struct Up {
    pub running: Running,
    pub pages: String,
    pub predictions: String,
}

pub async fn up(shop: &Shop) -> Up {
    let [pages, predictions] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let running = shop.context.lamp(["up", "--listen", &pages, "--predictions", &predictions]).start();
    running.wait_for("pages on http://");
    let [pages, predictions] = [pages, predictions].map(|address| format!("http://{address}"));
    http::wait_until_ready(&format!("{predictions}/v2/health/ready"), SOON).await;
    Up { running, pages, predictions }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_dies_comes_back_and_its_log_is_kept() {
    let shop = Shop::with_orders();
    shop.open_for_business();
    let Up { running, pages, predictions } = up(&shop).await;
    let first = predict(&predictions, "elm").await;
    assert_eq!((first.status, first.served_by.as_str()), (200, "primary"), "{first:?}");
    assert_eq!(Request::get(&format!("{pages}/services")).send().await.status, 200);
    pages_do_not_obey_strangers(&pages).await;

    // Asked for right away, it is found where it waits.
    let why = shop.lamp(&format!("why {}", first.prediction)).succeeds();
    why.says("the log, not yet compacted").says("late@1");

    // What the truth turned out to be comes back where the prediction came from, and may come twice.
    let outcome = json!({"labels": [{"prediction_id": first.prediction, "value": true}]});
    for _ in 0..2 {
        let taken = Request::post(&format!("{predictions}/v2/models/late/labels")).json(&outcome).send().await;
        assert_eq!(taken.status, 202, "{}", taken.body);
    }
    process::eventually("the label is taken in", || {
        let labels = shop.lamp("label ls --json").succeeds().json();
        labels.to_string().contains(&first.prediction).then_some(())
    });
    assert_eq!(shop.lamp("label ls --json").succeeds().json().as_array().map(Vec::len), Some(1));

    let gateway = process::find_child(running.id(), "serve").expect("the gateway is a process of its own");
    process::kill(gateway);
    let after = predict_until_up(&predictions).await;
    assert_eq!(after.status, 200, "{after:?}");
    let second = process::find_child(running.id(), "serve").expect("another gateway");
    assert_ne!(gateway, second);

    // Compacted at the latest when `lamp up` ends, it is a dataset like any other, and nothing
    // answered before the kill is lost.
    assert_eq!(running.stop(), Some(0));
    assert!(!process::is_alive(second), "the gateway went with it");
    for id in [&first.prediction, &after.prediction] {
        shop.lamp(&format!("why {id}")).succeeds().says("predictions/late@1");
    }
    shop.lamp("data log predictions/late").succeeds().says("predictions/late@1");
    shop.lamp("profile predictions/late").succeeds().says("served_by");
    shop.lamp("data verify predictions/late").succeeds().says("whole");

    let head = shop.context.repo.head();
    shop.lamp(&format!("why {}", first.prediction))
        .succeeds()
        .says("late@1 said probability = 0.75")
        .says("late-simple@1 said probability = 0.5")
        .says("street=\"elm\"")
        .says(&head)
        .says("orders@1")
        .says("2013-03-27.csv")
        .says("sha256")
        .says("approved by person ada@example.com")
        .says("looked at it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_segment_gives_its_whole_rows_and_is_kept() {
    let shop = Shop::with_orders();
    shop.open_for_business();
    // A gateway alone leaves its log in segments.
    let port = format!("127.0.0.1:{}", free_port());
    let gateway = shop.context.lamp(["serve", "--listen", &port]).start();
    let predictions = format!("http://{port}");
    http::wait_until_ready(&format!("{predictions}/v2/health/ready"), SOON).await;
    let answer = predict(&predictions, "elm").await;
    assert_eq!(gateway.stop(), Some(0));
    let log = shop.context.repo.path().join(".lamp/log/late");
    let with = |extension: &str| {
        let files = std::fs::read_dir(&log).expect("the log").map(|entry| entry.expect("an entry").path());
        files.filter(|path| path.extension().is_some_and(|found| found == extension)).collect::<Vec<_>>()
    };
    let [segment] = &with("seg")[..] else { panic!("one closed segment in {}", log.display()) };
    let mut bytes = std::fs::read(segment).expect("a segment");
    bytes.extend(b"not a frame");
    std::fs::write(segment, bytes).expect("written");

    assert_eq!(up(&shop).await.running.stop(), Some(0));
    shop.lamp(&format!("why {}", answer.prediction)).succeeds().says("predictions/late@1");
    assert_eq!((with("seg").len(), with("damaged").len()), (0, 1));
}

/// Another site's page can make a browser post a form here, but not with what only our page knows.
async fn pages_do_not_obey_strangers(pages: &str) {
    let form = || Request::post(&format!("{pages}/services/late/switch")).form("to=shadow&why=mischief");
    let without_token = form().send().await;
    assert_eq!(without_token.status, 403, "{}", without_token.body);
    let foreign = form().header("origin", "https://evil.example").send().await;
    assert_eq!(foreign.status, 403, "{}", foreign.body);
    let rebound = Request::get(&format!("{pages}/services")).header("host", "evil.example").send().await;
    assert!((400..500).contains(&rebound.status), "{}", rebound.body);
    let outside = Request::get(&format!("{pages}/assets/..%2f..%2f..%2flamp.toml")).send().await;
    assert!((400..500).contains(&outside.status) && !outside.body.contains("[workspace]"), "{}", outside.body);
}

async fn predict_until_up(base: &str) -> process::Answer {
    // Between the two gateways nothing listens.
    let ready = format!("{base}/v2/health/ready");
    http::wait_until_ready(&ready, SOON).await;
    predict_until(base, "the gateway answers again", |answer| answer.status == 200).await
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_left_alone_are_collected_by_the_scheduler() {
    let shop = Shop::with_orders();
    let training = shop.context.lamp(["train", "late", "-p", "linger=2.0"]).start();
    training.wait_for("lingering with");
    process::kill(training.id());
    let [pages, predictions] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let running = shop.context.lamp(["up", "--listen", &pages, "--predictions", &predictions]).start();
    running.wait_for("succeeded step=\"collect\"");
    // The listing of models adopts nothing by itself.
    shop.lamp("models ls").succeeds().says("late@1");
    assert_eq!(running.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_binary_may_take_the_place_of_the_one_that_runs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let binary = folder.path().join("lamp");
    let install = || std::fs::copy(env!("CARGO_BIN_EXE_lamp"), &binary).expect("the binary");
    install();
    let shop = Shop::served_by(&binary);
    shop.lamp("data add orders --commit").succeeds();
    shop.open_for_business();
    let Up { running, predictions, .. } = up(&shop).await;
    assert_eq!(predict(&predictions, "elm").await.status, 200);

    std::fs::remove_file(&binary).expect("the old binary goes");
    install();
    process::kill(process::find_child(running.id(), "serve").expect("the gateway"));
    let answer = predict_until_up(&predictions).await;
    assert_eq!(answer.model, "late@1");
    assert_eq!(running.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_outlives_the_pages_and_is_found_again() {
    let shop = Shop::with_orders();
    shop.open_for_business();
    let Up { running, predictions, .. } = up(&shop).await;
    let gateway = process::find_child(running.id(), "serve").expect("the gateway");
    process::kill(running.id());
    let answer = predict(&predictions, "elm").await;
    assert_eq!((answer.status, answer.served_by.as_str()), (200, "primary"), "pages are gone, answers are not");

    let pages = format!("127.0.0.1:{}", free_port());
    let address = predictions.trim_start_matches("http://");
    let again = shop.context.lamp(["up", "--listen", &pages, "--predictions", address]).start();
    again.wait_for("leaving it in place");
    shop.lamp("switch late shadow --why 'it obeys still'").succeeds().says("1 replica(s) obey");
    assert_eq!(predict(&predictions, "elm").await.served_by, "shadow");
    process::kill(gateway);
    let answer = predict_until_up(&predictions).await;
    assert_eq!(answer.served_by, "shadow", "its successor knows the route");
    assert_eq!(again.stop(), Some(0));
}
