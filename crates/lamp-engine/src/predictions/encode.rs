//! Predictions into columns.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array,
    UInt64Array,
};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;
use lamp_core::prediction::{Answer, FallbackReason, Prediction};
use lamp_core::route::Role;
use serde_json::Value;

use super::columns;
use crate::error::EngineError;

/// Rows of a row group, so that one row can be found without reading a day.
pub(super) const GROUP_ROWS: usize = 64 * 1_024;

pub(super) fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_created_by("lamplighter".to_owned())
        .build()
}

/// Columns in the making.
#[derive(Default)]
struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    fn push(&mut self, name: &str, array: ArrayRef) {
        self.fields.push(Field::new(name, array.data_type().clone(), true));
        self.arrays.push(array);
    }

    fn text<'a>(&mut self, name: &str, values: impl Iterator<Item = Option<&'a str>>) {
        self.push(name, Arc::new(values.collect::<StringArray>()));
    }

    fn json(&mut self, name: &str, values: &[Option<&Value>]) {
        let (array, is_json_text) = typed(values);
        self.push(name, array);
        if let (true, Some(field)) = (is_json_text, self.fields.last_mut()) {
            field.set_metadata(HashMap::from([(columns::JSON_METADATA.to_owned(), "true".to_owned())]));
        }
    }
}

/// One part of a prediction that is a JSON object.
struct Group<'a> {
    prefix: &'static str,
    rows: Vec<Option<&'a BTreeMap<String, Value>>>,
}

pub(super) fn batch(predictions: &[Prediction]) -> Result<RecordBatch, EngineError> {
    let mut columns = Columns::default();
    let owned = |text: fn(&Prediction) -> String| predictions.iter().map(text).collect::<Vec<_>>();
    let ids = owned(|p| p.id.to_string());
    columns.text(columns::PREDICTION_ID, ids.iter().map(|id| Some(id.as_str())));
    let requests = owned(|p| p.request.to_string());
    columns.text(columns::REQUEST_ID, requests.iter().map(|id| Some(id.as_str())));
    columns.push(columns::ROW, Arc::new(predictions.iter().map(|p| Some(p.row)).collect::<UInt32Array>()));
    let served_at = predictions.iter().map(|p| p.served_at.as_microsecond());
    let served_at = TimestampMicrosecondArray::from_iter_values(served_at).with_timezone("UTC");
    columns.push(columns::SERVED_AT, Arc::new(served_at));
    columns.text(columns::SERVICE, predictions.iter().map(|p| Some(p.service.as_str())));
    columns.push(columns::ROUTE_EPOCH, Arc::new(predictions.iter().map(|p| Some(p.epoch)).collect::<UInt64Array>()));
    columns.text(columns::SERVED_BY, predictions.iter().map(|p| Some(p.served_by.as_str())));
    columns.text(columns::REASON, predictions.iter().map(|p| p.reason.map(FallbackReason::as_str)));
    let primary: Vec<_> = predictions.iter().map(|p| p.primary.as_ref()).collect();
    let shadow: Vec<_> = predictions.iter().map(|p| p.shadow.as_ref()).collect();
    answer_columns(&mut columns, Role::Primary, &primary);
    answer_columns(&mut columns, Role::Shadow, &shadow);
    let groups = [
        Group { prefix: columns::PRIMARY, rows: outputs(&primary) },
        Group { prefix: columns::SHADOW, rows: outputs(&shadow) },
        Group { prefix: columns::INPUT, rows: predictions.iter().map(|p| Some(&p.inputs)).collect() },
    ];
    let mut absent = vec![Vec::new(); predictions.len()];
    for group in &groups {
        group_columns(&mut columns, group, &mut absent);
    }
    let absent: Vec<Option<String>> = absent
        .into_iter()
        .map(|names: Vec<String>| (!names.is_empty()).then(|| Value::from(names).to_string()))
        .collect();
    if predictions.iter().any(|p| p.inputs_hash.is_some()) {
        columns.text(columns::INPUTS_HASH, predictions.iter().map(|p| p.inputs_hash.as_deref()));
    }
    columns.text(columns::ABSENT, absent.iter().map(Option::as_deref));
    RecordBatch::try_new(Arc::new(Schema::new(columns.fields)), columns.arrays)
        .map_err(|e| EngineError::Internal(e.to_string()))
}

fn answer_columns(columns: &mut Columns, role: Role, answers: &[Option<&Answer>]) {
    let name = |what: &str| format!("{role}_{what}");
    columns.text(&name(columns::MODEL), answers.iter().map(|a| a.map(|a| a.model.as_str())));
    columns.text(&name(columns::STATUS), answers.iter().map(|a| a.map(|a| a.status.as_str())));
    let latency: UInt64Array = answers.iter().map(|a| a.map(|a| a.latency_us)).collect();
    columns.push(&name(columns::LATENCY_US), Arc::new(latency));
}

fn outputs<'a>(answers: &[Option<&'a Answer>]) -> Vec<Option<&'a BTreeMap<String, Value>>> {
    answers.iter().map(|answer| answer.and_then(|answer| answer.outputs.as_ref())).collect()
}

/// One column for each key that any row has. A row without the object itself says so by the bare
/// prefix among its absent columns, unless there is no answer at all to say it of.
fn group_columns(columns: &mut Columns, group: &Group<'_>, absent: &mut [Vec<String>]) {
    let keys: BTreeSet<&String> = group.rows.iter().flatten().flat_map(|row| row.keys()).collect();
    for (row, absent) in group.rows.iter().zip(absent.iter_mut()) {
        match row {
            None => absent.push(group.prefix.to_owned()),
            Some(row) => absent.extend(
                keys.iter().filter(|key| !row.contains_key(**key)).map(|key| format!("{}.{key}", group.prefix)),
            ),
        }
    }
    for key in keys {
        let values: Vec<Option<&Value>> = group.rows.iter().map(|row| row.and_then(|row| row.get(key))).collect();
        columns.json(&format!("{}.{key}", group.prefix), &values);
    }
}

/// The narrowest type that gives back every value as it was; JSON text when there is none.
fn typed(values: &[Option<&Value>]) -> (ArrayRef, bool) {
    let present: Vec<&Value> = values.iter().flatten().copied().filter(|value| !value.is_null()).collect();
    let all = |holds: fn(&Value) -> bool| present.iter().all(|value| holds(value));
    if all(Value::is_string) {
        let texts = values.iter().map(|value| value.and_then(Value::as_str));
        return (Arc::new(texts.collect::<StringArray>()), false);
    }
    if all(Value::is_boolean) {
        let booleans = values.iter().map(|value| value.and_then(Value::as_bool));
        return (Arc::new(booleans.collect::<BooleanArray>()), false);
    }
    if all(Value::is_i64) {
        let integers = values.iter().map(|value| value.and_then(Value::as_i64));
        return (Arc::new(integers.collect::<Int64Array>()), false);
    }
    if all(fits_float) {
        let floats = values.iter().map(|value| value.and_then(Value::as_f64));
        return (Arc::new(floats.collect::<Float64Array>()), false);
    }
    let texts: Vec<Option<String>> =
        values.iter().map(|value| value.filter(|value| !value.is_null()).map(ToString::to_string)).collect();
    (Arc::new(texts.into_iter().collect::<StringArray>()), true)
}

/// Numbers that a float holds exactly. A whole number among floats comes back as a float of the
/// same value (`5` as `5.0`).
fn fits_float(value: &Value) -> bool {
    const EXACT: i64 = 1 << 53;
    match value.as_i64() {
        Some(integer) => (-EXACT..=EXACT).contains(&integer),
        None => value.is_f64(),
    }
}
