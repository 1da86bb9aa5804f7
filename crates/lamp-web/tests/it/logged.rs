//! A prediction log on disk: what a gateway would have written of two days.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lamp_app::labels::ask::LabelTask;
use lamp_app::labels::draw::DrawLabels;
use lamp_core::dataset::Manifest;
use lamp_core::digest::Digest;
use lamp_core::ids::{PredictionId, RequestId, uuid_v7};
use lamp_core::prediction::{Answer, Prediction};
use lamp_core::route::Role;
use lamp_store::{NoProgress, SourceFile};
use serde_json::json;

use crate::kit::TestSite;
use crate::seed;

/// CRC-32 (IEEE), bit by bit: a frame's second word.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    };
    !bytes.iter().fold(u32::MAX, step)
}

fn prediction(number: u8, at: Timestamp) -> Prediction {
    let answer = |model: &str, probability: f64| Answer {
        model: model.to_owned(),
        status: "ok".to_owned(),
        outputs: Some(BTreeMap::from([("probability".to_owned(), json!(probability))])),
        latency_us: 4_000,
    };
    let inputs = [("carrier", json!("UA")), ("distance", json!(1_400 + u32::from(number))), ("origin", json!("EWR"))];
    Prediction {
        id: PredictionId(uuid_v7(at, [number; 10])),
        request: RequestId(uuid_v7(at, [number; 10])),
        row: 0,
        served_at: at,
        service: seed::service(),
        epoch: 2,
        served_by: Role::Primary,
        reason: None,
        primary: Some(answer("delay@1", f64::from(number) / 100.0)),
        shadow: Some(answer("delay-simple@1", 0.5)),
        inputs: inputs.map(|(name, value)| (name.to_owned(), value)).into_iter().collect(),
        inputs_hash: None,
    }
}

/// Forty predictions of yesterday in a closed segment, of which so many are drawn for labels.
pub async fn drawn(site: &TestSite, count: u32) {
    let start = seed::now() - SignedDuration::from_hours(30);
    let mut bytes = b"LAMPLOG\n\x01\0\0\0".to_vec();
    for number in 1..=40 {
        let at = start + SignedDuration::from_mins(i64::from(number));
        let body = serde_json::to_vec(&prediction(number, at)).expect("JSON");
        bytes.extend(u32::try_from(body.len()).expect("short").to_le_bytes());
        bytes.extend(crc32(&body).to_le_bytes());
        bytes.extend(body);
    }
    let folder = site.app.layout().service_log(&seed::service());
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("first.seg"), bytes).expect("a segment");
    let request = DrawLabels { service: seed::service(), day: None, count: Some(count) };
    let drawn = site.app.draw_labels(request).await.expect("drawn");
    assert_eq!((drawn.draw.population, drawn.draw.drawn), (40, count));
}

/// The next prediction in the queue.
pub async fn next(site: &TestSite) -> LabelTask {
    site.app.next_label(None).await.expect("the queue").expect("one waits")
}

/// A package in the store: enough of one for labels to be held against what it said.
pub async fn package(site: &TestSite, name: &str, flavour: &str) -> Digest {
    let how = match flavour {
        "onnx" => json!({"flavour": "onnx", "file": "model.onnx"}),
        _ => json!({"flavour": "python", "entry": "delay.serve:Predictor"}),
    };
    let field = |name: &str, datatype: &str| json!({"name": name, "datatype": datatype});
    let mut model = json!({
        "format": 1, "task": "binary", "golden": {"rows": [], "answers": []},
        "signature": {
            "inputs": [field("carrier", "BYTES"), field("distance", "FP64"), field("origin", "BYTES")],
            "outputs": [{"name": "probability", "datatype": "FP64", "min": 0.0, "max": 1.0}],
        },
    });
    let fields = model.as_object_mut().expect("an object");
    fields.extend(how.as_object().expect("an object").clone());
    let path = format!(".lamp/{name}-model.json");
    site.repo.write(&path, model.to_string());
    let file = SourceFile { path: site.app.root().join(&path), name: "model.json".to_owned() };
    let entries = site.store.add_files(vec![file], Arc::new(NoProgress)).await.expect("stored");
    site.store.put_manifest(&Manifest::new(entries, None, Vec::new())).await.expect("a manifest")
}
