//! The binary tensor extension, byte by byte.

use expect_test::{Expect, expect};
use lamp_core::package::Datatype;
use lamp_core::table::Values;
use lamp_model::raw;
use lamp_testkit::http::{Request, Response};
use serde_json::{Value, json};

use super::kit::{Behaviour, Running};

async fn running() -> Running {
    Running::with(Behaviour::Answer(0.25), Behaviour::Answer(0.5)).await.0
}

/// Two rows: text and single-precision numbers, the second of them missing.
fn tensors() -> (Vec<u8>, Vec<u8>) {
    let carriers = Values::Text(vec![Some("UA".to_owned()), Some("AA".to_owned())]);
    let temps = Values::Float(vec![Some(39.5), Some(f64::NAN)]);
    (raw::encode(Datatype::Bytes, &carriers), raw::encode(Datatype::Fp32, &temps))
}

fn request() -> Value {
    let (carriers, temps) = tensors();
    json!({
        "id": "mine",
        "parameters": {"binary_data_output": true},
        "inputs": [
            {"name": "carrier", "shape": [2, 1], "datatype": "BYTES", "parameters": {"binary_data_size": carriers.len()}},
            {"name": "temp", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": temps.len()}},
        ],
    })
}

async fn send(running: &Running, request: &Value) -> Response {
    let (carriers, temps) = tensors();
    send_bytes(running, &request.to_string(), &[carriers, temps].concat()).await
}

async fn send_bytes(running: &Running, json: &str, tail: &[u8]) -> Response {
    let url = format!("{}/v2/models/delay/infer", running.url);
    let body = [json.as_bytes(), tail].concat();
    let length = json.len().to_string();
    Request::post(&url).header("inference-header-content-length", &length).body(body).send().await
}

/// JSON and tail of a response.
fn cut(response: &Response) -> (Value, Vec<u8>) {
    let length = response.header("inference-header-content-length").expect("a length").parse().expect("a number");
    let (json, tail) = response.bytes.split_at(length);
    (serde_json::from_slice(json).expect("JSON"), tail.to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_in_and_bytes_out() {
    let running = running().await;
    let response = send(&running, &request()).await;
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/octet-stream")));
    let (json, tail) = cut(&response);
    let expected = json!([
        {"name": "probability", "datatype": "FP64", "shape": [2], "parameters": {"binary_data_size": 16}},
    ]);
    assert_eq!((&json["outputs"], &json["id"]), (&expected, &json!("mine")));
    assert_eq!(raw::decode("FP64", &tail), Ok(Values::Float(vec![Some(0.25), Some(0.25)])));
    let logged = running.logged().await;
    let inputs: Vec<Value> = logged.iter().map(|row| json!(row.inputs)).collect();
    assert_eq!(inputs, [json!({"carrier": "UA", "temp": 39.5}), json!({"carrier": "AA", "temp": null})]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_output_may_be_wanted_in_its_own_form() {
    let running = running().await;
    let mut wants_json = request();
    wants_json["outputs"] = json!([{"name": "probability", "parameters": {"binary_data": false}}]);
    let response = send(&running, &wants_json).await;
    assert_eq!(response.header("inference-header-content-length"), None, "nothing stands behind the JSON");
    assert_eq!(response.json()["outputs"][0]["data"], json!([0.25, 0.25]));
    let mut wants_bytes = request();
    wants_bytes["parameters"] = json!({});
    wants_bytes["outputs"] = json!([{"name": "probability", "parameters": {"binary_data": true}}]);
    assert_eq!(cut(&send(&running, &wants_bytes).await).1.len(), 16);
}

async fn check_error(running: &Running, change: impl FnOnce(&mut Value), expected: &Expect) {
    let mut request = request();
    change(&mut request);
    let response = send(running, &request).await;
    expected.assert_eq(&format!("{} {}", response.status, response.json()["error"].as_str().unwrap_or("no error")));
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_that_do_not_add_up_are_refused() {
    let running = running().await;
    check_error(
        &running,
        |r| r["inputs"][0]["parameters"]["binary_data_size"] = json!("all"),
        &expect!["400 inputs[0].parameters.binary_data_size: expected a whole number of bytes"],
    )
    .await;
    check_error(
        &running,
        |r| r["inputs"][1]["parameters"]["binary_data_size"] = json!(9),
        &expect!["400 inputs[1].parameters.binary_data_size: 9 bytes are wanted, and the body has 8 left"],
    )
    .await;
    check_error(
        &running,
        |r| r["inputs"][1]["parameters"]["binary_data_size"] = json!(4),
        &expect!["400 body: 4 bytes behind the JSON belong to no input"],
    )
    .await;
    check_error(
        &running,
        |r| r["inputs"][1]["shape"] = json!([3]),
        &expect!["400 inputs[1].shape: expected [2], got [3]"],
    )
    .await;
    check_error(
        &running,
        |r| r["inputs"][1]["data"] = json!([1, 2]),
        &expect!["400 inputs[1].data: there are bytes for it too (binary_data_size)"],
    )
    .await;
    check_error(&running, |r| r["inputs"][1]["parameters"] = json!({}), &expect!["400 inputs[1].data: is missing"])
        .await;
    check_error(
        &running,
        |r| r["inputs"][1]["parameters"] = json!({"shared_memory_region": "a"}),
        &expect!["400 inputs[1].parameters.shared_memory_region: tensors in shared memory are not read or written"],
    )
    .await;
    check_error(
        &running,
        |r| r["parameters"]["binary_data_output"] = json!(1),
        &expect!["400 parameters.binary_data_output: expected true or false"],
    )
    .await;
    let wants = |parameters: Value| json!([{"name": "probability", "parameters": parameters}]);
    check_error(
        &running,
        |r| r["outputs"] = wants(json!({"binary_data": "yes"})),
        &expect!["400 outputs[0].parameters.binary_data: expected true or false"],
    )
    .await;
    check_error(
        &running,
        |r| r["outputs"] = wants(json!({"classification": 2})),
        &expect!["400 outputs[0].parameters.classification: outputs are given as they are"],
    )
    .await;
    let url = format!("{}/v2/models/delay/infer", running.url);
    for length in ["-1", "many", "3"] {
        let response = Request::post(&url).header("inference-header-content-length", length).body("{}").send().await;
        let expected = "inference-header-content-length: it must be a number of bytes, at most the body's 2";
        assert_eq!((response.status, response.json()), (400, json!({"error": expected})), "{length}");
    }
    assert_eq!(running.state().invalid, 13);
}
