//! Graphs converted from real scikit-learn models, run in process.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use lamp_core::table::{Table, Values};
use lamp_model::{Batch, LoadSpec, Model, check_answer, golden_difference, load, predict_table, read_package};
use serde_json::{Value, json};

/// Trains a pipeline (text, missing numbers, integers) and a regressor, converts both, and writes
/// packages with golden rows from scikit-learn's own predictions.
const TRAIN: &str = r#"
import json, pathlib, sys
import numpy as np, pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

out = pathlib.Path(sys.argv[1])
rng = np.random.default_rng(7)
n = 400
frame = pd.DataFrame({
    "carrier": rng.choice(["UA", "AA", "B6"], n),
    "temp": np.where(rng.random(n) < 0.1, np.nan, rng.normal(50, 20, n)).astype(np.float32),
    "hour": rng.integers(0, 24, n),
})
late = (rng.random(n) < 0.2 + 0.3 * (frame["carrier"] == "B6")).astype(int)
steps = ColumnTransformer([
    ("text", OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
    ("number", make_pipeline(SimpleImputer(), StandardScaler()), ["temp", "hour"]),
])
model = make_pipeline(steps, LogisticRegression()).fit(frame, late)
types = [("carrier", StringTensorType([None, 1])), ("temp", FloatTensorType([None, 1])), ("hour", Int64TensorType([None, 1]))]
graph = convert_sklearn(model, initial_types=types, options={"zipmap": False}, target_opset=15)
package = out / "classifier"
package.mkdir(parents=True)
(package / "model.onnx").write_bytes(graph.SerializeToString())
rows = frame.head(20)
golden = {
    "rows": [{"carrier": r.carrier, "temp": None if np.isnan(r.temp) else float(r.temp), "hour": int(r.hour)} for r in rows.itertuples()],
    "answers": [{"probability": float(p[1]), "by_class": [float(p[0]), float(p[1])], "label": int(p[1] > 0.5)} for p in model.predict_proba(rows)],
    "tolerance": 1e-5,
}
inputs = [{"name": "carrier", "datatype": "BYTES"}, {"name": "temp", "datatype": "FP32", "nullable": True}, {"name": "hour", "datatype": "INT64"}]
outputs = [
    {"name": "probability", "datatype": "FP32", "min": 0, "max": 1, "source": {"tensor": "probabilities", "column": 1}},
    {"name": "by_class", "datatype": "FP32", "shape": [2], "source": {"tensor": "probabilities"}},
    {"name": "label", "datatype": "INT64", "classes": [0, 1]},
]
(package / "model.json").write_text(json.dumps({
    "format": 1, "flavour": "onnx", "file": "model.onnx", "task": "binary",
    "signature": {"inputs": inputs, "outputs": outputs}, "golden": golden,
}))

x = rng.normal(size=(300, 1)).astype(np.float32)
regressor = GradientBoostingRegressor(n_estimators=20, random_state=0).fit(x, 3 * x[:, 0])
graph = convert_sklearn(regressor, initial_types=[("x", FloatTensorType([None, 1]))], target_opset=15)
package = out / "regressor"
package.mkdir(parents=True)
(package / "model.onnx").write_bytes(graph.SerializeToString())
(package / "model.json").write_text(json.dumps({
    "format": 1, "flavour": "onnx", "file": "model.onnx", "task": "regression",
    "signature": {"inputs": [{"name": "x", "datatype": "FP64"}],
                  "outputs": [{"name": "minutes", "datatype": "FP64", "source": {"tensor": "variable"}}]},
    "golden": {"rows": [{"x": float(v)} for v in x[:10, 0]], "answers": [{"minutes": float(v)} for v in regressor.predict(x[:10])]},
}))
"#;

/// The folder with both packages; made once for all tests.
fn packages() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("packages");
        let output = Command::new(lamp_testkit::python()).args(["-c", TRAIN]).arg(&path).output().expect("Python runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (folder, path)
    });
    path
}

fn spec(name: &str, threads: usize) -> LoadSpec {
    let folder = packages().join(name);
    let package = read_package(&folder).expect("a package");
    let mut spec = LoadSpec::new(folder, package);
    spec.onnxruntime = Some(lamp_testkit::onnxruntime_library());
    spec.onnx_threads = threads;
    spec
}

async fn loaded(name: &str, threads: usize) -> Arc<dyn Model> {
    load(spec(name, threads)).await.expect("a model")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_converted_model_says_what_scikit_learn_said() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    for name in ["classifier", "regressor"] {
        let model = loaded(name, 1).await;
        let difference = golden_difference(&*model, &spec(name, 1).package).await.expect("comparable answers");
        assert!(difference < 1e-5, "{name}: {difference}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_no_row_has_an_answer_of_no_row() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    for name in ["classifier", "regressor"] {
        let model = loaded(name, 1).await;
        let outputs = model.predict(Arc::new(Batch::empty(model.signature()))).await.expect("an answer");
        assert_eq!(check_answer(model.signature(), 0, &outputs), Ok(()), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_golden_answer_shows_as_a_difference() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let model = loaded("regressor", 1).await;
    let mut package = spec("regressor", 1).package;
    let answer = package.golden.answers[3].get_mut("minutes").expect("an output");
    *answer = json!(answer.as_f64().expect("a number") + 0.5);
    let difference = golden_difference(&*model, &package).await.expect("comparable answers");
    assert!((difference - 0.5).abs() < 1e-5, "{difference}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_on_several_threads_answer_many_requests() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let model = loaded("classifier", 2).await;
    let expected = spec("classifier", 2).package.golden;
    let tasks: Vec<_> = (0..100)
        .map(|at| {
            let model = Arc::clone(&model);
            let (row, answer) = (expected.rows[at % 20].clone(), expected.answers[at % 20].clone());
            tokio::spawn(async move {
                let row = Value::Object(row.into_iter().collect());
                let batch = Batch::from_rows(model.signature(), &[row]).expect("a row");
                let outputs = model.predict(Arc::new(batch)).await.expect("an answer");
                check_answer(model.signature(), 1, &outputs).expect("a valid answer");
                let got = outputs.columns[0].numbers(0)[0];
                let wanted = answer["probability"].as_f64().expect("a number");
                assert!((got - wanted).abs() < 1e-5);
                assert_eq!(json!(outputs.row(0)["label"]), answer["label"]);
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_predicted_in_chunks_as_in_one() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let model = loaded("classifier", 1).await;
    let rows = 23;
    let mut table = Table::default();
    table.push("arr_delay", Values::Float(vec![None; rows]));
    table.push("hour", Values::Int((0..rows).map(|at| i64::try_from(at).ok()).collect()));
    table.push("temp", Values::Float((0u8..23).map(|at| (at % 5 != 0).then(|| f64::from(at))).collect()));
    table.push("carrier", Values::Text((0..rows).map(|at| Some(["UA", "B6"][at % 2].to_owned())).collect()));
    let whole = predict_table(&*model, &table, 10_000).await.expect("predictions");
    let chunked = predict_table(&*model, &table, 5).await.expect("predictions");
    assert_eq!(whole.columns[0].values.len(), rows);
    assert_eq!(whole.columns[1].values.len(), 2 * rows);
    assert_eq!(whole, chunked);
    let mut odd = table.clone();
    odd.columns[1].values = Values::Text(vec![Some("noon".to_owned()); rows]);
    let error = predict_table(&*model, &odd, 5).await.expect_err("text is no hour");
    assert_eq!(error.to_string(), "rows[0].hour: expected an integer, got \"noon\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_that_does_not_fit_the_signature_is_refused_when_loading() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let check = async |change: fn(&mut Value), expected: &str| {
        let mut spec = spec("regressor", 1);
        let mut package = serde_json::to_value(&spec.package).expect("JSON");
        change(&mut package);
        spec.package = serde_json::from_value(package).expect("a package");
        let error = load(spec).await.err().expect("a refusal");
        assert_eq!(error.to_string(), format!("the ONNX graph cannot be used: {expected}"));
    };
    check(
        |p| p["signature"]["inputs"][0]["name"] = json!("y"),
        "the graph takes `x`, which the signature does not have",
    )
    .await;
    check(
        |p| p["signature"]["inputs"][0]["datatype"] = json!("BYTES"),
        "input `x` is BYTES in the signature and f32 in the graph",
    )
    .await;
    check(
        |p| p["signature"]["outputs"][0]["source"]["tensor"] = json!("z"),
        "the graph has no output `z`; it has variable",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_graph_is_an_error_and_not_a_crash() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("model.onnx"), b"not a graph").expect("a writable folder");
    let mut spec = spec("regressor", 1);
    spec.package_dir = folder.path().to_owned();
    let error = load(spec).await.err().expect("a refusal");
    assert!(error.to_string().starts_with("the ONNX graph cannot be used:"), "{error}");
}
