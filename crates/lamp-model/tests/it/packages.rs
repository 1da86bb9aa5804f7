//! `model.json`, read and refused.

use expect_test::{Expect, expect};
use lamp_model::{LoadSpec, load, read_package};
use serde_json::{Value, json};

fn description() -> Value {
    json!({
        "format": 1, "flavour": "onnx", "file": "model.onnx", "task": "binary",
        "signature": {"inputs": [{"name": "x", "datatype": "FP64"}], "outputs": [{"name": "p", "datatype": "FP64"}]},
        "golden": {"rows": [{"x": 1.0}], "answers": [{"p": 0.5}]},
    })
}

fn check(change: impl FnOnce(&mut Value), expected: &Expect) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut description = description();
    change(&mut description);
    std::fs::write(folder.path().join("model.json"), description.to_string()).expect("a writable folder");
    let said = match read_package(folder.path()) {
        Ok(package) => format!("{} {}", package.flavour.as_str(), package.task),
        Err(error) => error.to_string().replace(&folder.path().display().to_string(), "PACKAGE"),
    };
    expected.assert_eq(&said);
}

#[test]
fn a_package_is_read_or_refused_with_the_reason() {
    check(|_| {}, &expect!["onnx binary"]);
    check(
        |d| d["format"] = json!(2),
        &expect!["PACKAGE/model.json is not a package description: format 2 is not known; this version reads 1"],
    );
    check(|d| d["signature"]["inputs"] = json!([]), &expect!["the signature is wrong: it has no input"]);
    check(|d| d["signature"]["outputs"][0]["min"] = json!(1), &expect!["onnx binary"]);
    check(
        |d| {
            d["signature"]["outputs"][0]["min"] = json!(1);
            d["signature"]["outputs"][0]["max"] = json!(0);
        },
        &expect!["the signature is wrong: output `p` allows nothing: min 1 is above max 0"],
    );
    check(
        |d| d["signature"]["inputs"] = json!([{"name": "x", "datatype": "FP64"}, {"name": "x", "datatype": "INT64"}]),
        &expect!["the signature is wrong: input `x` is empty or there twice"],
    );
}

#[tokio::test]
async fn a_graph_outside_the_package_is_not_opened() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    for file in ["../model.onnx", "/etc/passwd", "a/../../b", ""] {
        let mut description = description();
        description["file"] = json!(file);
        let package = serde_json::from_value(description).expect("a package");
        let mut spec = LoadSpec::new(folder.path(), package);
        spec.onnxruntime = Some(lamp_testkit::onnxruntime_library());
        let error = load(spec).await.err().expect("a refusal");
        assert!(error.to_string().contains("is not a path inside the package"), "{file}: {error}");
    }
}
