//! Columns into predictions.

use std::collections::{BTreeMap, HashSet};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{TimestampMicrosecondType, UInt32Type, UInt64Type};
use jiff::Timestamp;
use lamp_core::ids::{PredictionId, RequestId};
use lamp_core::names::ServiceName;
use lamp_core::prediction::{Answer, Prediction};
use lamp_core::route::Role;
use lamp_core::table::Values;
use serde_json::Value;

use super::columns;
use crate::error::EngineError;
use crate::files::DataFile;
use crate::values;

pub(super) fn not_a_log(file: &DataFile, reason: impl Into<String>) -> EngineError {
    EngineError::NotPredictions { file: file.name.clone(), reason: reason.into() }
}

/// A column that came from JSON.
struct JsonColumn {
    prefix: &'static str,
    key: String,
    full_name: String,
    values: Values,
    is_json_text: bool,
}

struct Reader<'a> {
    file: &'a DataFile,
    batch: &'a RecordBatch,
}

impl Reader<'_> {
    fn column(&self, name: &str) -> Result<&ArrayRef, EngineError> {
        self.batch.column_by_name(name).ok_or_else(|| not_a_log(self.file, format!("it has no column `{name}`")))
    }

    fn text(&self, name: &str, row: usize) -> Result<Option<&str>, EngineError> {
        let array = self.column(name)?.as_string_opt::<i32>();
        let array = array.ok_or_else(|| not_a_log(self.file, format!("`{name}` is not text")))?;
        Ok(array.is_valid(row).then(|| array.value(row)))
    }

    fn parsed<T>(&self, name: &str, row: usize, parse: impl Fn(&str) -> Option<T>) -> Result<T, EngineError> {
        let text = self.text(name, row)?.unwrap_or_default();
        parse(text).ok_or_else(|| not_a_log(self.file, format!("`{text}` is no {name}, in row {row}")))
    }

    fn number(&self, name: &str, row: usize) -> Result<Option<u64>, EngineError> {
        let array = self.column(name)?;
        let array = array
            .as_primitive_opt::<UInt64Type>()
            .ok_or_else(|| not_a_log(self.file, format!("`{name}` is not a count")))?;
        Ok(array.is_valid(row).then(|| array.value(row)))
    }

    fn place(&self, row: usize) -> Result<u32, EngineError> {
        let array = self.column(columns::ROW)?.as_primitive_opt::<UInt32Type>();
        array.map(|array| array.value(row)).ok_or_else(|| not_a_log(self.file, "`row` is not a count"))
    }

    fn served_at(&self, row: usize) -> Result<Timestamp, EngineError> {
        let array = self.column(columns::SERVED_AT)?.as_primitive_opt::<TimestampMicrosecondType>();
        array
            .and_then(|array| Timestamp::from_microsecond(array.value(row)).ok())
            .ok_or_else(|| not_a_log(self.file, "`served_at` is not an instant"))
    }

    fn json_columns(&self) -> Result<Vec<JsonColumn>, EngineError> {
        let mut found = Vec::new();
        for (field, array) in self.batch.schema_ref().fields().iter().zip(self.batch.columns()) {
            let split = field.name().split_once('.');
            let prefixes = [columns::INPUT, columns::PRIMARY, columns::SHADOW];
            let Some((prefix, key)) = split.and_then(|(prefix, key)| {
                prefixes.into_iter().find(|known| *known == prefix).map(|known| (known, key))
            }) else {
                continue;
            };
            found.push(JsonColumn {
                prefix,
                key: key.to_owned(),
                full_name: field.name().clone(),
                values: values::of(array).map_err(|reason| not_a_log(self.file, reason))?,
                is_json_text: field.metadata().get(columns::JSON_METADATA).is_some_and(|value| value == "true"),
            });
        }
        Ok(found)
    }

    fn answer(
        &self,
        role: Role,
        row: usize,
        outputs: Option<BTreeMap<String, Value>>,
    ) -> Result<Option<Answer>, EngineError> {
        let name = |what: &str| format!("{role}_{what}");
        let Some(model) = self.text(&name(columns::MODEL), row)? else { return Ok(None) };
        Ok(Some(Answer {
            model: model.to_owned(),
            status: self.text(&name(columns::STATUS), row)?.unwrap_or_default().to_owned(),
            outputs,
            latency_us: self.number(&name(columns::LATENCY_US), row)?.unwrap_or_default(),
        }))
    }
}

pub(super) fn predictions(file: &DataFile, batch: &RecordBatch) -> Result<Vec<Prediction>, EngineError> {
    let reader = Reader { file, batch };
    let json_columns = reader.json_columns()?;
    (0..batch.num_rows()).map(|row| prediction(&reader, &json_columns, row)).collect()
}

fn prediction(reader: &Reader<'_>, json_columns: &[JsonColumn], row: usize) -> Result<Prediction, EngineError> {
    let absent: HashSet<String> = match reader.text(columns::ABSENT, row)? {
        None => HashSet::new(),
        Some(text) => serde_json::from_str(text)
            .map_err(|e| not_a_log(reader.file, format!("`absent` is no list of names, in row {row}: {e}")))?,
    };
    let group = |prefix: &str| -> Result<Option<BTreeMap<String, Value>>, EngineError> {
        if absent.contains(prefix) {
            return Ok(None);
        }
        let mut object = BTreeMap::new();
        for column in json_columns.iter().filter(|column| column.prefix == prefix) {
            if !absent.contains(&column.full_name) {
                object.insert(column.key.clone(), json_value(reader.file, column, row)?);
            }
        }
        Ok(Some(object))
    };
    let service = |text: &str| ServiceName::parse(text).ok();
    let reason = |text: &str| serde_json::from_value(Value::from(text)).ok();
    Ok(Prediction {
        id: reader.parsed(columns::PREDICTION_ID, row, PredictionId::parse)?,
        request: reader.parsed(columns::REQUEST_ID, row, RequestId::parse)?,
        row: reader.place(row)?,
        served_at: reader.served_at(row)?,
        service: reader.parsed(columns::SERVICE, row, service)?,
        epoch: reader.number(columns::ROUTE_EPOCH, row)?.unwrap_or_default(),
        served_by: reader.parsed(columns::SERVED_BY, row, Role::parse)?,
        reason: match reader.text(columns::REASON, row)? {
            None => None,
            Some(_) => Some(reader.parsed(columns::REASON, row, reason)?),
        },
        primary: reader.answer(Role::Primary, row, group(columns::PRIMARY)?)?,
        shadow: reader.answer(Role::Shadow, row, group(columns::SHADOW)?)?,
        inputs: group(columns::INPUT)?.unwrap_or_default(),
        inputs_hash: match reader.batch.column_by_name(columns::INPUTS_HASH) {
            None => None,
            Some(_) => reader.text(columns::INPUTS_HASH, row)?.map(str::to_owned),
        },
    })
}

fn json_value(file: &DataFile, column: &JsonColumn, row: usize) -> Result<Value, EngineError> {
    let value = column.values.json(row);
    match value.as_str() {
        Some(text) if column.is_json_text => {
            serde_json::from_str(text).map_err(|e| not_a_log(file, format!("`{}`, row {row}: {e}", column.full_name)))
        }
        _ => Ok(value),
    }
}
