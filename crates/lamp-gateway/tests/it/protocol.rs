//! The Open Inference Protocol, as its clients see it.

use expect_test::{Expect, expect};
use lamp_testkit::http::Response;
use serde_json::{Value, json};

use super::kit::{Behaviour, Fake, Running, plan};

fn check(response: &Response, expected: &Expect) {
    let body = serde_json::to_string_pretty(&response.json()).expect("JSON");
    expected.assert_eq(&format!("{} {body}", response.status));
}

fn request() -> Value {
    json!({
        "id": "mine",
        "inputs": [
            {"name": "carrier", "shape": [2], "datatype": "BYTES", "data": ["UA", "AA"]},
            {"name": "temp", "shape": [2, 1], "datatype": "FP32", "data": [[39.0], [null]]},
        ],
    })
}

async fn running() -> Running {
    Running::with(Behaviour::Answer(0.25), Behaviour::Answer(0.5)).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn server_and_health() {
    let running = Running::new().await;
    check(
        &running.get("/v2").await,
        &expect![[r#"
            200 {
              "extensions": [
                "binary_tensor_data",
                "model_configuration",
                "statistics"
              ],
              "name": "lamplighter",
              "version": "0.1.0"
            }"#]],
    );
    assert_eq!(running.get("/v2/health/live").await.json(), json!({"live": true}));
    let ready = running.get("/v2/health/ready").await;
    assert_eq!((ready.status, ready.json()), (200, json!({"ready": true, "live": true})));
    let dead = Fake::new(Behaviour::Fail);
    running.gateway.install(plan(Some(&dead), None)).expect("a plan");
    let unready = running.get("/v2/health/ready").await;
    let waits = json!({"ready": false, "live": true, "waits_for": ["delay: no model can answer"]});
    assert_eq!((unready.status, unready.json()), (503, waits));
    let shadow = Fake::new(Behaviour::Answer(0.5));
    running.gateway.install(plan(Some(&dead), Some(&shadow))).expect("a plan");
    assert_eq!(running.get("/v2/health/ready").await.status, 200, "one model is enough");
    let ready = running.get("/v2/models/delay/ready").await;
    assert_eq!((ready.status, ready.json()), (200, json!({"name": "delay", "ready": true})));
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_a_service() {
    let running = running().await;
    let expected = expect![[r#"
        200 {
          "inputs": [
            {
              "datatype": "BYTES",
              "name": "carrier",
              "shape": [
                -1
              ]
            },
            {
              "datatype": "FP64",
              "name": "temp",
              "shape": [
                -1
              ]
            }
          ],
          "name": "delay",
          "outputs": [
            {
              "datatype": "FP64",
              "name": "probability",
              "shape": [
                -1
              ]
            }
          ],
          "platform": "lamplighter",
          "versions": [
            "delay@3",
            "delay-simple@1"
          ]
        }"#]];
    check(&running.get("/v2/models/delay").await, &expected);
    check(&running.get("/v2/models/delay/versions/delay@3").await, &expected);
    check(
        &running.get("/v2/models/delay/versions/9").await,
        &expect![[r#"
            404 {
              "error": "service `delay` has no such version (there is: delay@3, delay-simple@1)"
            }"#]],
    );
    assert_eq!(running.get("/v2/models/other").await.status, 404);
    assert_eq!(running.get("/v2/models/other/ready").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_for_load_generators() {
    let running = running().await;
    let expected = expect![[r#"
        200 {
          "backend": "lamplighter",
          "input": [
            {
              "data_type": "TYPE_STRING",
              "dims": [
                -1
              ],
              "name": "carrier",
              "optional": false
            },
            {
              "data_type": "TYPE_FP64",
              "dims": [
                -1
              ],
              "name": "temp",
              "optional": true
            }
          ],
          "max_batch_size": 0,
          "name": "delay",
          "output": [
            {
              "data_type": "TYPE_FP64",
              "dims": [
                -1
              ],
              "name": "probability",
              "optional": false
            }
          ],
          "platform": "lamplighter"
        }"#]];
    check(&running.get("/v2/models/delay/config").await, &expected);
    check(&running.get("/v2/models/delay/versions/delay-simple@1/config").await, &expected);
    assert_eq!(running.get("/v2/models/delay/versions/9/config").await.status, 404);
    assert_eq!(running.get("/v2/models/other/config").await.status, 404);
}

/// Version, rows, requests and failures of each model.
fn counts(response: &Response) -> Vec<Value> {
    let body = response.json();
    let models = body["model_stats"].as_array().expect("a list").iter();
    let fails = |model: &Value| model["inference_stats"]["fail"]["count"].clone();
    models.map(|m| json!([m["name"], m["version"], m["inference_count"], m["execution_count"], fails(m)])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_of_a_service_and_both_models() {
    let (running, ..) = Running::with(Behaviour::Answer(0.25), Behaviour::Fail).await;
    for _ in 0..3 {
        running.post("/v2/models/delay/infer", &request()).await;
    }
    running.gateway.rotate().await;
    let all = [
        json!(["delay", "1", 6, 3, 0]),
        json!(["delay", "delay@3", 6, 3, 0]),
        json!(["delay", "delay-simple@1", 0, 0, 3]),
    ];
    let stats = running.get("/v2/models/delay/stats").await;
    assert_eq!(counts(&stats), all, "the service as a whole at its epoch, and both models");
    assert_eq!(counts(&running.get("/v2/models/stats").await), all, "of all services");
    assert_eq!(counts(&running.get("/v2/models/delay/versions/delay@3/stats").await), all[1..2]);
    assert_eq!(running.get("/v2/models/delay/versions/9/stats").await.status, 404);
    assert_eq!(running.get("/v2/models/other/stats").await.status, 404);
    let primary = &stats.json()["model_stats"][1];
    assert_eq!(primary["inference_stats"]["success"], primary["inference_stats"]["compute_infer"]);
    assert!(primary["inference_stats"]["success"]["ns"].as_u64().is_some_and(|ns| ns > 0));
    assert_eq!(primary["last_inference"], json!(super::kit::start().as_millisecond()));
}

#[tokio::test(flavor = "multi_thread")]
async fn inference() {
    let running = running().await;
    let response = running.post("/v2/models/delay/infer", &request()).await;
    check(
        &response,
        &expect![[r#"
            200 {
              "id": "mine",
              "model_name": "delay",
              "model_version": "delay@3",
              "outputs": [
                {
                  "data": [
                    0.25,
                    0.25
                  ],
                  "datatype": "FP64",
                  "name": "probability",
                  "shape": [
                    2
                  ]
                }
              ],
              "parameters": {
                "prediction_ids": "013dc3c0-6a00-7000-8000-000000000002,013dc3c0-6a00-7000-8000-000000000003",
                "request_id": "013dc3c0-6a00-7000-8000-000000000001",
                "route_epoch": 1,
                "served_by": "primary"
              }
            }"#]],
    );
    assert_eq!(response.header("x-served-by"), Some("primary"));
    assert_eq!(response.header("x-prediction-id"), None, "two rows have two");
    let mut wants = request();
    wants["outputs"] = json!([{"name": "probability", "parameters": {"binary_data": false}}]);
    let response = running.post("/v2/models/delay/versions/delay@3/infer", &wants).await;
    assert_eq!(response.json()["outputs"][0]["name"], json!("probability"));
}

#[tokio::test(flavor = "multi_thread")]
async fn inference_by_the_shadow_says_so() {
    let (running, ..) = Running::with(Behaviour::Fail, Behaviour::Answer(0.5)).await;
    let body = running.post("/v2/models/delay/infer", &request()).await.json();
    assert_eq!(body["model_version"], json!("delay-simple@1"));
    assert_eq!(body["parameters"]["fallback_reason"], json!("error"));
    assert_eq!(body["parameters"]["served_by"], json!("shadow"));
}

async fn check_error(running: &Running, change: impl FnOnce(&mut Value), expected: &Expect) {
    let mut request = request();
    change(&mut request);
    let response = running.post("/v2/models/delay/infer", &request).await;
    expected.assert_eq(&format!("{} {}", response.status, response.json()["error"].as_str().unwrap_or("no error")));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_tensors_are_refused_with_their_path() {
    let running = running().await;
    check_error(&running, |r| r["inputs"] = json!([]), &expect!["400 inputs: there is no tensor"]).await;
    check_error(
        &running,
        |r| r["inputs"][1]["data"] = json!([1.0, "x"]),
        &expect![[r#"400 inputs[1].data[1]: expected a number, got "x""#]],
    )
    .await;
    check_error(
        &running,
        |r| r["outputs"] = json!([{"name": "other"}]),
        &expect!["400 outputs[0].name: the model has no output `other`"],
    )
    .await;
    check_error(
        &running,
        |r| r["parameters"] = json!({"deadline_ms": "soon"}),
        &expect!["400 parameters.deadline_ms: expected a whole number of milliseconds"],
    )
    .await;
    check_error(
        &running,
        |r| r["inputs"][1]["shape"] = json!([2, "x"]),
        &expect![[r#"400 inputs[1].shape[1]: invalid type: string "x", expected i64 at line 1 column 162"#]],
    )
    .await;
    check_error(
        &running,
        |r| r["inputs"][0]["name"] = json!(7),
        &expect!["400 inputs[0].name: invalid type: integer `7`, expected a string at line 1 column 70"],
    )
    .await;
    check_error(
        &running,
        |r| r["inputs"] = json!({}),
        &expect!["400 inputs: invalid type: map, expected a sequence at line 1 column 22"],
    )
    .await;
    check_error(&running, |r| r["inputs"][1]["data"] = Value::Null, &expect!["400 inputs[1].data: is missing"]).await;
    let response = running.post("/v2/models/delay/versions/7/infer", &request()).await;
    assert_eq!(response.status, 404);
    let response = running.get("/v2/models/%ff/ready").await;
    assert_eq!((response.status, response.json()), (404, json!({"error": "the address is not UTF-8"})));
    let url = format!("{}/v2/models/delay/infer", running.url);
    let response = lamp_testkit::http::Request::post(&url).header("content-encoding", "gzip").send().await;
    let expected = "bodies with content-encoding `gzip` are not read; send it as it is";
    assert_eq!((response.status, response.json()), (415, json!({"error": expected})));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_names_what_is_served_and_only_what_is_there() {
    let running = running().await;
    let description = running.get("/openapi.json").await.json();
    let parameters = &description["components"]["parameters"];
    assert_eq!(parameters["service"]["schema"]["enum"], json!(["delay"]));
    assert_eq!(parameters["version"]["schema"]["enum"], json!(["delay-simple@1", "delay@3"]));
    let paths = description["paths"].as_object().expect("paths");
    assert_eq!(paths.len(), 17);
    for (path, calls) in paths {
        let address = path.replace("{service}", "delay").replace("{version}", "delay@3");
        let expected = if calls.get("get").is_some() { 200 } else { 405 };
        assert_eq!(running.get(&address).await.status, expected, "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_for_people() {
    let running = running().await;
    let url = format!("{}/predict/delay", running.url);
    let id = "0198c0de-0000-7000-8000-000000000001";
    let body = json!({"rows": [{"carrier": "UA", "temp": 39}, {"carrier": "AA"}]});
    let response = lamp_testkit::http::Request::post(&url).header("x-request-id", id).json(&body).send().await;
    assert_eq!(response.header("x-request-id"), Some(id), "the client's own");
    check(
        &response,
        &expect![[r#"
            200 {
              "fallback_reason": null,
              "model": "delay@3",
              "predictions": [
                {
                  "prediction_id": "013dc3c0-6a00-7000-8000-000000000001",
                  "probability": 0.25
                },
                {
                  "prediction_id": "013dc3c0-6a00-7000-8000-000000000002",
                  "probability": 0.25
                }
              ],
              "request_id": "0198c0de-0000-7000-8000-000000000001",
              "served_by": "primary",
              "service": "delay"
            }"#]],
    );
    let response = lamp_testkit::http::Request::post(&url).header("x-request-id", "mine").json(&body).send().await;
    assert_ne!(response.header("x-request-id"), Some("mine"), "no UUID");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted_can_be_scraped() {
    let running = running().await;
    assert_eq!(running.predict().await.status, 200);
    super::kit::eventually("it is logged", || running.state().log_kept == 1).await;
    let response = running.get("/metrics").await;
    assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "# TYPE lamp_answered_rows_total counter",
        "lamp_ready 1",
        "lamp_answered_rows_total{service=\"delay\",served_by=\"primary\"} 1",
        "lamp_model_requests_total{service=\"delay\",place=\"shadow\",model=\"delay-simple@1\"} 1",
        "lamp_log_rows_total{service=\"delay\",outcome=\"kept\"} 1",
        "lamp_route_epoch{service=\"delay\"} 1",
    ] {
        assert!(response.body.lines().any(|found| found == line), "{line} is not in\n{}", response.body);
    }
    let is_sample = |line: &&str| !line.starts_with('#');
    for line in response.body.lines().filter(is_sample) {
        let (_, value) = line.rsplit_once(' ').expect("a name and a value");
        value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
    }
}
