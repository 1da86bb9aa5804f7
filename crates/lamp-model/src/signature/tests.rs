use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::outputs::{OutputColumn, Outputs};
use crate::raw;

fn signature() -> Arc<Signature> {
    let signature = json!({
        "inputs": [
            {"name": "carrier", "datatype": "BYTES", "classes": ["UA", "AA"]},
            {"name": "temp", "datatype": "FP64", "nullable": true, "min": -60, "max": 130},
            {"name": "seats", "datatype": "INT16"},
            {"name": "is_night", "datatype": "BOOL", "nullable": true},
        ],
        "outputs": [
            {"name": "probability", "datatype": "FP64", "min": 0, "max": 1},
            {"name": "label", "datatype": "BYTES", "classes": ["late", "fine"]},
            {"name": "by_class", "datatype": "FP32", "shape": [2], "classes": ["late", "fine"]},
        ],
    });
    Arc::new(serde_json::from_value(signature).expect("a signature"))
}

fn row() -> Value {
    json!({"carrier": "UA", "temp": 39.5, "seats": 180, "is_night": true})
}

fn with(name: &str, value: Value) -> Value {
    let mut row = row();
    row[name] = value;
    row
}

fn check_rows(rows: &[Value], expected: &Expect) {
    let said = match Batch::from_rows(&signature(), rows) {
        Ok(batch) => (0..batch.rows()).map(|at| json!(batch.row(at)).to_string()).collect::<Vec<_>>().join("\n"),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&said);
}

#[test]
fn rows_are_taken_as_the_signature_says() {
    check_rows(&[row()], &expect![[r#"{"carrier":"UA","is_night":true,"seats":180,"temp":39.5}"#]]);
    let sparse = json!({"carrier": "AA", "temp": null, "seats": 180.0});
    check_rows(&[sparse], &expect![[r#"{"carrier":"AA","is_night":null,"seats":180,"temp":null}"#]]);
}

#[test]
fn what_is_wrong_is_named_with_its_path() {
    check_rows(&[], &expect!["rows: there is no row"]);
    check_rows(&[row(), json!([1])], &expect!["rows[1]: expected an object"]);
    check_rows(&[row(), with("temp", json!("x"))], &expect![[r#"rows[1].temp: expected a number, got "x""#]]);
    check_rows(&[with("dep_delay", json!(3))], &expect!["rows[0].dep_delay: the model has no such input"]);
    check_rows(&[json!({"carrier": "UA"})], &expect!["rows[0].seats: is missing"]);
    check_rows(&[with("seats", Value::Null)], &expect!["rows[0].seats: expected an integer, got null"]);
    check_rows(&[with("seats", json!(1.5))], &expect!["rows[0].seats: expected an integer, got 1.5"]);
    check_rows(&[with("seats", json!(40_000))], &expect!["rows[0].seats: 40000 does not fit INT16"]);
    check_rows(&[with("temp", json!(131))], &expect!["rows[0].temp: 131 is above 130, the largest value allowed"]);
    check_rows(&[with("temp", json!(-61))], &expect!["rows[0].temp: -61 is below -60, the smallest value allowed"]);
    check_rows(&[with("carrier", json!("ZZ"))], &expect![[r#"rows[0].carrier: "ZZ" is none of "UA", "AA""#]]);
    check_rows(&[with("carrier", json!(["UA"]))], &expect!["rows[0].carrier: expected text, got an array"]);
    check_rows(&[with("is_night", json!(1))], &expect!["rows[0].is_night: expected true or false, got 1"]);
    let long = vec![row(); BATCH_ROWS_MAX + 1];
    check_rows(&long, &expect!["rows: 10001 rows, more than the 10000 that are allowed"]);
}

#[test]
fn what_a_client_sent_is_quoted_in_part_only() {
    let error = Batch::from_rows(&signature(), &[with("temp", json!("y".repeat(10_000)))]).expect_err("text");
    assert!(error.to_string().chars().count() < 200);
}

fn tensor(name: &str, datatype: &str, shape: &[i64], data: Value) -> Tensor {
    Tensor { name: name.to_owned(), shape: shape.to_vec(), datatype: datatype.to_owned(), data: data.into() }
}

fn tensors() -> Vec<Tensor> {
    vec![
        tensor("carrier", "BYTES", &[2, 1], json!([["UA"], ["AA"]])),
        tensor("temp", "FP32", &[2], json!([39.5, null])),
        tensor("seats", "INT64", &[2], json!([180, 90])),
    ]
}

fn check_tensors(change: impl FnOnce(&mut Vec<Tensor>), expected: &Expect) {
    let mut tensors = tensors();
    change(&mut tensors);
    let said = match Batch::from_tensors(&signature(), &tensors) {
        Ok(batch) => (0..batch.rows()).map(|at| json!(batch.row(at)).to_string()).collect::<Vec<_>>().join("\n"),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&said);
}

#[test]
fn tensors_mean_the_same_as_rows() {
    check_tensors(
        |_| {},
        &expect![[r#"
            {"carrier":"UA","is_night":null,"seats":180,"temp":39.5}
            {"carrier":"AA","is_night":null,"seats":90,"temp":null}"#]],
    );
}

#[test]
fn raw_and_typed_tensors_mean_the_same_as_json() {
    check_tensors(
        |t| {
            t[0].data = TensorData::Raw(raw::encode(Datatype::Bytes, &texts(["UA", "AA"])).into());
            t[1].data = TensorData::Raw([39.5_f32, f32::NAN].into_iter().flat_map(f32::to_le_bytes).collect());
            t[2].data = TensorData::Typed(Values::Int(vec![Some(180), Some(90)]));
        },
        &expect![[r#"
            {"carrier":"UA","is_night":null,"seats":180,"temp":39.5}
            {"carrier":"AA","is_night":null,"seats":90,"temp":null}"#]],
    );
}

fn texts<const N: usize>(texts: [&str; N]) -> Values {
    Values::Text(texts.map(|text| Some(text.to_owned())).to_vec())
}

#[test]
fn raw_and_typed_tensors_are_held_against_the_signature_too() {
    let raw = |bytes: &[u8]| TensorData::Raw(bytes.to_vec().into());
    check_tensors(|t| t[1].data = raw(&[0; 4]), &expect!["inputs[1].data: expected 2 values, got 1"]);
    check_tensors(
        |t| t[1].data = raw(&[0; 7]),
        &expect!["inputs[1].data: 7 bytes are no whole number of values of 4 bytes"],
    );
    check_tensors(
        |t| t[1].data = TensorData::Typed(Values::Float(vec![Some(1.0), Some(f64::INFINITY)])),
        &expect!["inputs[1].data[1]: expected a finite number, got inf"],
    );
    check_tensors(
        |t| t[2].data = TensorData::Typed(Values::Int(vec![Some(1), None])),
        &expect!["inputs[2].data[1]: expected an integer, got null"],
    );
    check_tensors(
        |t| t[0].data = TensorData::Typed(texts(["UA", "ZZ"])),
        &expect![[r#"inputs[0].data[1]: "ZZ" is none of "UA", "AA""#]],
    );
    check_tensors(
        |t| t[2].data = TensorData::Typed(texts(["1", "2"])),
        &expect![[r#"inputs[2].data[0]: expected an integer, got "1""#]],
    );
}

#[test]
fn wrong_tensors_are_named_with_their_path() {
    check_tensors(Vec::clear, &expect!["inputs: there is no tensor"]);
    check_tensors(|t| t[1].name = "x".to_owned(), &expect!["inputs[1].name: the model has no input `x`"]);
    check_tensors(|t| t[1] = t[0].clone(), &expect!["inputs[1].name: `carrier` is given twice"]);
    check_tensors(|t| t[1].datatype = "BYTES".to_owned(), &expect!["inputs[1].datatype: expected FP64, got BYTES"]);
    check_tensors(|t| t[1].shape = vec![3], &expect!["inputs[1].shape: expected [2], got [3]"]);
    check_tensors(|t| t[0].shape = vec![-1], &expect!["inputs[0].shape: a dimension is negative"]);
    check_tensors(|t| t[1].data = json!([1.0]).into(), &expect!["inputs[1].data: expected 2 values, got 1"]);
    check_tensors(|t| t[1].data = json!(1.0).into(), &expect!["inputs[1].data: expected an array"]);
    check_tensors(
        |t| t[2].data = json!([180, "x"]).into(),
        &expect![[r#"inputs[2].data[1]: expected an integer, got "x""#]],
    );
    check_tensors(|t| t.truncate(2), &expect!["inputs.seats: is missing"]);
}

#[test]
fn a_table_is_read_by_column_name() {
    let mut table = Table::default();
    table.push("arr_delay", Values::Float(vec![Some(1.0), None, Some(2.0)]));
    table.push("carrier", Values::Text(vec![Some("UA".into()), Some("AA".into()), Some("UA".into())]));
    table.push("seats", Values::Float(vec![Some(180.0), Some(90.0), Some(10.5)]));
    table.push("temp", Values::Int(vec![Some(39), None, Some(1)]));
    table.push("is_night", Values::Int(vec![Some(0), Some(1), None]));
    let batch = Batch::from_table(&signature(), &table, 0..2).expect("two rows");
    assert_eq!(json!(batch.row(0)), json!({"carrier": "UA", "temp": 39.0, "seats": 180, "is_night": false}));
    assert_eq!(json!(batch.row(1)), json!({"carrier": "AA", "temp": null, "seats": 90, "is_night": true}));
    let error = Batch::from_table(&signature(), &table, 2..3).expect_err("half a seat");
    assert_eq!(error.to_string(), "rows[2].seats: expected an integer, got 10.5");
}

fn good() -> Outputs {
    let answer = json!({"probability": [0.25, 1.0], "label": ["late", "fine"], "by_class": [[0.25, 0.75], [1, 0]]});
    read(&answer).expect("columns")
}

fn read(answer: &Value) -> Result<Outputs, Rejection> {
    Outputs::from_json(&signature(), 2, answer.as_object().expect("an object"))
}

#[test]
fn a_good_answer_passes_and_reads_back() {
    assert_eq!(check_answer(&signature(), 2, &good()), Ok(()));
    let row = json!({"probability": 1.0, "label": "fine", "by_class": [1.0, 0.0]});
    assert_eq!(json!(good().row(1)), row);
}

fn check_bad(change: impl FnOnce(&mut Vec<OutputColumn>), reason: FallbackReason, expected: &Expect) {
    let mut outputs = good();
    change(&mut outputs.columns);
    let rejection = check_answer(&signature(), 2, &outputs).expect_err("a bad answer");
    assert_eq!(rejection.reason, reason);
    expected.assert_eq(&rejection.detail);
}

#[test]
fn a_bad_answer_is_classed_by_its_fault() {
    use FallbackReason::{Dtype, Nonfinite, Range, Shape};
    check_bad(|c| c.truncate(1), Shape, &expect!["output `label` is missing"]);
    check_bad(
        |c| c[0].values = Values::Float(vec![Some(0.5)]),
        Shape,
        &expect!["output `probability` should have shape [] in each of 2 rows, has shape [] and 1 values"],
    );
    check_bad(
        |c| c[0].values = Values::Text(vec![Some("a".into()), None]),
        Dtype,
        &expect!["output `probability` should be FP64"],
    );
    for wrong in [f64::NAN, f64::INFINITY] {
        check_bad(
            |c| c[0].values = Values::Float(vec![Some(0.5), Some(wrong)]),
            Nonfinite,
            &expect!["output `probability` is not a finite number at 1"],
        );
    }
    check_bad(
        |c| c[0].values = Values::Float(vec![Some(0.5), Some(1.01)]),
        Range,
        &expect!["output `probability`: 1.01 is outside its declared range"],
    );
    check_bad(
        |c| c[1].values = Values::Text(vec![Some("late".into()), Some("odd".into())]),
        Range,
        &expect![[r#"output `label`: "odd" is not a declared class"#]],
    );
}

#[test]
fn json_answers_are_held_against_the_signature_while_reading() {
    let cases = [
        (json!({"label": ["late", "fine"]}), FallbackReason::Shape),
        (json!({"probability": 0.5}), FallbackReason::Shape),
        (json!({"probability": [0.5]}), FallbackReason::Shape),
        (json!({"probability": [[0.5, 0.5]]}), FallbackReason::Shape),
        (json!({"probability": ["0.5", 0.5]}), FallbackReason::Dtype),
    ];
    for (answer, reason) in cases {
        assert_eq!(read(&answer).expect_err("a bad answer").reason, reason, "{answer}");
    }
    let with_null = json!({"probability": [null, 0.5], "label": ["late", "fine"], "by_class": [[0, 1], [1, 0]]});
    let outputs = read(&with_null).expect("null is read as not a number");
    let rejection = check_answer(&signature(), 2, &outputs).expect_err("not a number");
    assert_eq!(rejection.reason, FallbackReason::Nonfinite);
}
