//! Practice 8: a simpler model behind the main one, over real HTTP, with real workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lamp_testkit::command::Running;
use lamp_testkit::http::{self, Request};
use serde_json::json;

use super::process::{self, SOON, predict, predict_until, primary_worker};
use super::shop::Shop;

/// `lamp serve` on a free port, ready, and its base address.
pub async fn serve(shop: &Shop) -> (Running, String) {
    let serving = shop.context.lamp(["serve", "--listen", "127.0.0.1:0"]).start();
    let line = serving.wait_for("predictions on http://");
    let base = line.split_whitespace().last().expect("an address").to_owned();
    http::wait_until_ready(&format!("{base}/v2/health/ready"), SOON).await;
    (serving, base)
}

/// Probability that a model of all streets gives: 12 of 24 orders were late.
const SIMPLE: f64 = 0.5;

#[tokio::test(flavor = "multi_thread")]
async fn both_protocols_answer_and_say_who_did() {
    let shop = Shop::with_orders();
    shop.open_for_business();
    let (serving, base) = serve(&shop).await;

    let rows = json!({"rows": [{"street": "elm", "parcels": 1}, {"street": " OAK ", "parcels": 2}]});
    let response = Request::post(&format!("{base}/predict/late")).json(&rows).send().await;
    assert_eq!(response.status, 200, "{}", response.body);
    let body = response.json();
    assert_eq!((&body["model"], &body["served_by"]), (&json!("late@1"), &json!("primary")), "{body}");
    assert_eq!(
        (&body["predictions"][0]["probability"], &body["predictions"][1]["probability"]),
        (&json!(0.75), &json!(0.25))
    );
    let headers =
        ["x-served-by", "x-model-version", "x-fallback-reason", "x-route-epoch"].map(|name| response.header(name));
    assert_eq!(headers, [Some("primary"), Some("late@1"), None, Some("2")]);
    assert_eq!(response.header("x-request-id"), body["request_id"].as_str());

    let tensors = json!({"id": "7", "inputs": [
        {"name": "street", "datatype": "BYTES", "shape": [2, 1], "data": ["elm", "oak"]},
        {"name": "parcels", "datatype": "INT64", "shape": [2, 1], "data": [1, 1]},
    ]});
    let response = Request::post(&format!("{base}/v2/models/late/infer")).json(&tensors).send().await;
    assert_eq!(response.status, 200, "{}", response.body);
    let body = response.json();
    assert_eq!((&body["id"], &body["model_version"]), (&json!("7"), &json!("late@1")), "{body}");
    assert_eq!(body["outputs"][0]["data"], json!([0.75, 0.25]), "{body}");
    let model = Request::get(&format!("{base}/v2/models/late")).send().await.json();
    assert_eq!(model["inputs"][0]["name"], "street", "{model}");

    // The same row, asked again of the same models at their own commits.
    let ids = body["parameters"]["prediction_ids"].as_str().expect("ids");
    let id = ids.split(',').next().expect("an id");
    let replayed = shop.lamp(&format!("replay {id}")).succeeds();
    replayed.line_with(&["primary", "late@1", "probability=0.75", "the same"]);
    shop.lamp("replay 0190a5c2-0000-7000-8000-000000000000").exits(2).says("no prediction");
    shop.lamp("replay late@1").exits(2).says("a prediction's id is a UUID");

    // What is wrong with a request is said, and counted as the client's fault.
    let wrong = json!({"rows": [{"street": 7, "parcels": 1}]});
    let refused = Request::post(&format!("{base}/predict/late")).json(&wrong).send().await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("street"), "{}", refused.body);
    assert_eq!(Request::post(&format!("{base}/predict/bread")).json(&rows).send().await.status, 404);
    // A page of another site cannot ask, by whatever name it calls this machine.
    let rebound =
        Request::post(&format!("{base}/predict/late")).header("host", "evil.example").json(&rows).send().await;
    assert_eq!(rebound.status, 421, "{}", rebound.body);
    let foreign = Request::post(&format!("{base}/predict/late")).header("origin", "https://evil.example").json(&rows);
    assert_eq!(foreign.send().await.status, 403);

    // One workspace has one gateway a machine.
    let second = shop.lamp("serve --listen 127.0.0.1:0").exits(2);
    second.says("another gateway serves this workspace");
    assert_eq!(serving.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn not_one_request_fails_when_the_primary_dies() {
    let shop = Shop::with_orders();
    // Slow enough that the kill finds requests under way.
    shop.train("late -p pause=0.02");
    shop.train("late-simple");
    for (model, place) in [("late", "primary"), ("late-simple", "shadow")] {
        shop.lamp(&format!("approve {model}@1 --note 'looked at it'")).succeeds();
        shop.lamp(&format!("deploy late {model}@1 --as {place}")).succeeds();
    }
    let (serving, base) = serve(&shop).await;
    assert_eq!(predict(&base, "elm").await.served_by, "primary");

    let enough = Arc::new(AtomicBool::new(false));
    let customers: Vec<_> = (0..6)
        .map(|_| {
            let (base, enough) = (base.clone(), Arc::clone(&enough));
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while !enough.load(Ordering::Relaxed) {
                    answers.push(predict(&base, "elm").await);
                }
                answers
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let worker = primary_worker(&shop.context.repo.path()).expect("a worker");
    process::kill(worker);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    enough.store(true, Ordering::Relaxed);
    let mut answers = Vec::new();
    for customer in customers {
        answers.extend(customer.await.expect("a customer"));
    }

    let failed: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(failed.is_empty(), "{} of {} failed: {:?}", failed.len(), answers.len(), failed.first());
    let rescued: Vec<_> = answers.iter().filter(|answer| answer.served_by == "shadow").collect();
    assert!(!rescued.is_empty(), "the shadow answered while the primary was away");
    for answer in &rescued {
        let reason = answer.reason.as_deref();
        assert!(matches!(reason, Some("error" | "timeout" | "breaker" | "overload")), "{answer:?}");
        assert_eq!((answer.model.as_str(), answer.probability), ("late-simple@1", SIMPLE), "{answer:?}");
    }
    assert!(answers.iter().any(|answer| answer.served_by == "primary" && (answer.probability - 0.75).abs() < 1e-9));
    let back = predict_until(&base, "the primary comes back by itself", |answer| answer.served_by == "primary").await;
    assert_eq!((back.status, back.reason), (200, None));
    assert_ne!(primary_worker(&shop.context.repo.path()), Some(worker), "another process");
    // The rescued answer tells its story.
    let rescue = rescued[0];
    shop.lamp(&format!("why {}", rescue.prediction))
        .succeeds()
        .says("answered by    shadow")
        .says(&format!("not by the primary because {}", rescue.reason.clone().unwrap_or_default()));
    assert_eq!(serving.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_very_next_answer_obeys_the_switch() {
    let shop = Shop::with_orders();
    shop.open_for_business();
    let (serving, base) = serve(&shop).await;
    assert_eq!(predict(&base, "elm").await.served_by, "primary");

    shop.lamp("switch late shadow").exits(2);
    let price = shop.lamp("switch late shadow --dry-run").succeeds();
    price.says("late-simple@1 answers on 1 of 1 replica(s)").says("too few labels").says("that both");
    assert_eq!(predict(&base, "elm").await.served_by, "primary", "a price changes nothing");
    shop.lamp("switch late shadow --why ' '").exits(2).says("needs a reason").hints("--why");
    let switched = shop.lamp("switch late shadow --why 'says 0.75 for everything on Elm Street'").succeeds();
    switched.says("late: the shadow (late-simple@1) answers from epoch 3").says("1 replica(s) obey");
    let answer = predict(&base, "elm").await;
    assert_eq!((answer.served_by.as_str(), answer.reason.as_deref(), answer.epoch), ("shadow", Some("switched"), 3));
    shop.lamp("switch late primary --why 'it is true, they are always late'").succeeds();
    let answer = predict(&base, "elm").await;
    assert_eq!((answer.served_by.as_str(), answer.reason.as_deref(), answer.epoch), ("primary", None, 4));

    // A newer model takes the place, and the older one comes back.
    shop.train("late -p note=second");
    shop.lamp("approve late@2 --note 'the same, on purpose'").succeeds();
    shop.lamp("deploy late late@2 --as primary").succeeds().says("primary late@2").says("1 replica(s) obey");
    assert_eq!(predict(&base, "oak").await.model, "late@2");
    shop.lamp("rollback late --why 'the customers liked the old one'").succeeds().says("primary late@1");
    let answer = predict(&base, "oak").await;
    assert_eq!((answer.model.as_str(), answer.epoch), ("late@1", 6));
    shop.lamp("why late")
        .succeeds()
        .says("says 0.75 for everything on Elm Street")
        .says("the customers liked the old one")
        .says("epoch 6");
    assert_eq!(serving.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_that_does_not_come_to_life_leaves_the_switch_working() {
    let shop = Shop::with_orders();
    shop.open_for_business();
    let (serving, base) = serve(&shop).await;
    shop.lamp("deploy late late@1 --as shadow").exits(2).says("no safety net");

    // A model whose worker dies at its start, but only after it was trained.
    let cold = shop.context.repo.temporary().join("the oven is cold");
    let code = shop.context.repo.read("projects/bakery/bakery/serve.py");
    let dies = format!("import os\n\nif os.path.exists({:?}):\n    os._exit(7)\n", cold.to_str().expect("UTF-8"));
    shop.context.repo.write("projects/bakery/bakery/serve.py", format!("{code}\n\n{dies}"));
    shop.context.repo.commit("An oven that may be cold");
    shop.train("late -p note=second");
    shop.lamp("approve late@2 --note 'it was warm then'").succeeds();
    std::fs::write(&cold, "").expect("a file");
    let refused = shop.lamp("deploy late late@2 --as primary").exits(2);
    refused.says("does not take epoch 3 up").hints("lamp rollback late --why");
    let answer = predict(&base, "elm").await;
    assert_eq!((answer.status, answer.model.as_str(), answer.epoch), (200, "late@1", 2), "the old one goes on");

    shop.lamp("switch late shadow --why 'nobody waits for a cold oven'").succeeds().says("1 replica(s) obey");
    let answer = predict(&base, "elm").await;
    assert_eq!((answer.served_by.as_str(), answer.model.as_str(), answer.epoch), ("shadow", "late-simple@1", 4));
    shop.lamp("rollback late --why 'the warm one'").succeeds().says("1 replica(s) obey");
    shop.lamp("switch late primary --why 'it is warm'").succeeds();
    assert_eq!(predict(&base, "elm").await.model, "late@1");
    assert_eq!(serving.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_finished_before_the_end() {
    let shop = Shop::with_orders();
    shop.train("late -p pause=0.5");
    shop.train("late-simple");
    for (model, place) in [("late", "primary"), ("late-simple", "shadow")] {
        shop.lamp(&format!("approve {model}@1 --note 'looked at it'")).succeeds();
        shop.lamp(&format!("deploy late {model}@1 --as {place}")).succeeds();
    }
    let (serving, base) = serve(&shop).await;
    let asked = tokio::spawn({
        let base = base.clone();
        async move { predict(&base, "elm").await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    serving.signal("TERM");
    let answer = asked.await.expect("an answer");
    assert_eq!((answer.status, answer.model.as_str()), (200, "late@1"), "{answer:?}");
    assert_eq!(serving.stop(), Some(0));
    // The answer was logged before the process ended.
    shop.lamp(&format!("why {}", answer.prediction)).succeeds().says("late@1 said probability = 0.75");
}

#[test]
fn nobody_else_can_reach_it() {
    let shop = Shop::new();
    for line in [
        "serve --listen 0.0.0.0:0",
        "up --listen 0.0.0.0:0 --predictions 127.0.0.1:0",
        "up --listen 127.0.0.1:0 --predictions [::]:0",
    ] {
        let refused = shop.lamp(line).exits(2);
        assert!(refused.0.stderr.contains("hint:"), "{}", refused.0.text());
        refused.says("can be reached from other machines");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_may_lie_deep_below_folders_with_long_names() {
    let shop = Shop::with_orders();
    shop.open_for_business();
    // Sockets have names of at most 107 bytes.
    let folder = shop.context.repo.temporary().join("models of the bakery ".repeat(7));
    let copied = std::process::Command::new("cp").arg("-r").arg(shop.context.repo.path()).arg(&folder).status();
    assert!(copied.expect("cp runs").success());
    let lamp = |words: &[&str]| shop.context.lamp([&["-C", folder.to_str().expect("UTF-8")], words].concat());

    let serving = lamp(&["serve", "--listen", "127.0.0.1:0"]).start();
    let line = serving.wait_for("predictions on http://");
    let base = line.split_whitespace().last().expect("an address");
    http::wait_until_ready(&format!("{base}/v2/health/ready"), SOON).await;
    assert_eq!(predict(base, "elm").await.served_by, "primary");
    let switched = lamp(&["switch", "late", "shadow", "--why", "to see whether it hears"]).succeed();
    assert!(switched.stdout.contains("1 replica(s) obey"), "{}", switched.text());
    assert_eq!(predict(base, "elm").await.served_by, "shadow");
    assert_eq!(lamp(&["serve", "--listen", "127.0.0.1:0"]).run().code, Some(2), "one gateway a workspace");
    assert_eq!(serving.stop(), Some(0));
}
