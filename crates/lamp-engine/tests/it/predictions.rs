//! Prediction logs.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use lamp_core::ids::{PredictionId, RequestId, uuid_v7};
use lamp_core::names::ServiceName;
use lamp_core::prediction::{Answer, FallbackReason, Prediction};
use lamp_core::route::Role;
use lamp_engine::DataFile;
use serde_json::{Value, json};

use crate::files::{Folder, engine};

fn at(second: i64) -> Timestamp {
    Timestamp::new(1_364_800_000 + second, 123_456_000).expect("an instant")
}

fn object(value: Value) -> BTreeMap<String, Value> {
    serde_json::from_value(value).expect("an object")
}

fn answer(model: &str, status: &str, outputs: Option<Value>) -> Answer {
    Answer { model: model.to_owned(), status: status.to_owned(), outputs: outputs.map(object), latency_us: 1_234 }
}

fn prediction(n: u8, inputs: Value) -> Prediction {
    Prediction {
        id: PredictionId(uuid_v7(at(i64::from(n)), [n; 10])),
        request: RequestId(uuid_v7(at(0), [9; 10])),
        row: u32::from(n),
        served_at: at(i64::from(n)),
        service: ServiceName::parse("delay").expect("a name"),
        epoch: 7,
        served_by: Role::Primary,
        reason: None,
        primary: Some(answer("delay@12", "ok", Some(json!({"probability": 0.25})))),
        shadow: Some(answer("delay-simple@3", "late", None)),
        inputs: object(inputs),
        inputs_hash: None,
    }
}

fn odd_ones() -> Vec<Prediction> {
    let mut fallen_back = prediction(3, json!({"carrier": "AA", "temp": null, "tags": {"a": [1, null]}}));
    fallen_back.served_by = Role::Shadow;
    fallen_back.inputs_hash = Some("5e".repeat(32));
    fallen_back.reason = Some(FallbackReason::Timeout);
    fallen_back.primary = Some(answer("delay@12", "timeout", None));
    let said = json!({"probability": 0.5, "classes": ["a", "b"]});
    fallen_back.shadow = Some(answer("delay-simple@3", "ok", Some(said)));
    let mut alone = prediction(4, json!({"temp": 1.5, "mixed": "text", "big": 18_446_744_073_709_551_615_u64}));
    alone.shadow = None;
    vec![
        prediction(1, json!({"carrier": "UA", "temp": 39.5, "count": 3, "late": true, "mixed": 1})),
        prediction(2, json!({})),
        fallen_back,
        alone,
    ]
}

#[tokio::test]
async fn a_log_gives_back_what_was_written() {
    let folder = Folder::new();
    let path = folder.path("day.parquet");
    let engine = engine(1);
    let written = odd_ones();
    assert_eq!(engine.write_predictions(&written, &path).await.expect("a log"), 4);
    let files = [DataFile::at(&path)];
    assert_eq!(engine.read_predictions(&files).await.expect("the log"), written);
    for prediction in &written {
        let found = engine.find_prediction(&files, prediction.id).await.expect("the log");
        assert_eq!(found.as_ref(), Some(prediction));
    }
    let stranger = PredictionId(uuid_v7(at(5), [5; 10]));
    assert_eq!(engine.find_prediction(&files, stranger).await.expect("the log"), None);
    assert_eq!(
        std::fs::read_dir(path.parent().expect("a folder")).expect("the folder").count(),
        1,
        "nothing unfinished is left"
    );
}

#[tokio::test]
async fn a_log_is_a_table_like_any_other() {
    let folder = Folder::new();
    let path = folder.path("day.parquet");
    let engine = engine(1);
    engine.write_predictions(&odd_ones(), &path).await.expect("a log");
    let facts = engine.inspect(&DataFile::at(&path)).await.expect("facts");
    let columns: Vec<_> = facts.schema.iter().map(|c| format!("{} {}", c.name, c.data_type)).collect();
    expect_test::expect![[r#"
        prediction_id Utf8
        request_id Utf8
        row UInt32
        served_at Timestamp(us, UTC)
        service Utf8
        route_epoch UInt64
        served_by Utf8
        reason Utf8
        primary_model Utf8
        primary_status Utf8
        primary_latency_us UInt64
        shadow_model Utf8
        shadow_status Utf8
        shadow_latency_us UInt64
        primary.probability Float64
        shadow.classes Utf8
        shadow.probability Float64
        input.big Utf8
        input.carrier Utf8
        input.count Int64
        input.late Boolean
        input.mixed Utf8
        input.tags Utf8
        input.temp Float64
        inputs_hash Utf8
        absent Utf8"#]]
    .assert_eq(&columns.join("\n"));
    let profile = engine.profile(&[DataFile::at(&path)], None).await.expect("a profile");
    assert_eq!(profile.find("primary.probability").map(|c| (c.nulls, c.mean())), Some((1, Some(0.25))));
}

#[tokio::test]
async fn merging_keeps_each_prediction_once_in_order_of_time() {
    let folder = Folder::new();
    let path = folder.path("day.parquet");
    let engine = engine(1);
    let all = odd_ones();
    let mut again = all[1].clone();
    again.epoch = 99;
    assert_eq!(engine.merge_predictions(None, &all[1..3], &path).await.expect("a log"), 2);
    let existing = DataFile::at(&path);
    let new = [all[3].clone(), again, all[0].clone()];
    assert_eq!(engine.merge_predictions(Some(&existing), &new, &path).await.expect("a log"), 4);
    assert_eq!(engine.read_predictions(&[existing]).await.expect("the log"), all);
}

#[tokio::test]
async fn an_empty_log_and_a_log_that_is_none() {
    let folder = Folder::new();
    let engine = engine(1);
    let path = folder.path("empty.parquet");
    assert_eq!(engine.write_predictions(&[], &path).await.expect("a log"), 0);
    assert_eq!(engine.read_predictions(&[DataFile::at(&path)]).await.expect("the log"), []);
    let other = folder.text("other.csv", "a\n1\n");
    let error = engine.read_predictions(&[other]).await.expect_err("no log");
    assert_eq!(error.to_string(), "`other.csv` is not a prediction log: it has no column `absent`");
    let error =
        engine.write_predictions(&odd_ones(), &folder.path("no/such/folder.parquet")).await.expect_err("no folder");
    assert!(error.to_string().starts_with("cannot write `"), "{error}");
}

#[tokio::test]
async fn some_are_picked_by_their_ids() {
    let folder = Folder::new();
    let path = folder.path("day.parquet");
    let engine = engine(1);
    let all: Vec<_> = (0..200).map(|n| prediction(n, json!({"number": n}))).collect();
    engine.write_predictions(&all, &path).await.expect("a log");
    let files = [DataFile::at(&path)];
    let ids = engine.prediction_ids(&files).await.expect("the log");
    assert_eq!(ids, all.iter().map(|prediction| prediction.id).collect::<Vec<_>>());
    // A few are read row by row, many with the whole file.
    for numbers in [vec![3, 150], (0..180).collect::<Vec<u8>>(), Vec::new()] {
        let mut wanted: HashSet<_> = numbers.iter().map(|n| all[usize::from(*n)].id).collect();
        wanted.insert(PredictionId(uuid_v7(at(500), [7; 10])));
        let picked = engine.pick_predictions(&files, &wanted).await.expect("the log");
        let expected: Vec<_> = numbers.iter().map(|n| all[usize::from(*n)].clone()).collect();
        assert_eq!(picked, expected);
    }
}
