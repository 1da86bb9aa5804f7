//! What a model said, in columns.

use std::collections::BTreeMap;

use lamp_core::package::{Datatype, Field, Signature};
use lamp_core::prediction::FallbackReason;
use lamp_core::table::Values;
use serde_json::Value;

use crate::signature::Rejection;

/// One output of every row.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputColumn {
    /// The signature's name of it.
    pub name: String,
    /// Shape of one row; `[]` is one value.
    pub shape: Vec<usize>,
    /// Values, row after row: as many as rows times the product of `shape`. A float that the
    /// model could not express is NaN.
    pub values: Values,
}

impl OutputColumn {
    /// Values in one row.
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// Row `row` as JSON: a value, or a flat array when the row has a shape.
    pub fn json(&self, row: usize) -> Value {
        if self.shape.is_empty() {
            return self.values.json(row);
        }
        let width = self.width();
        Value::Array((row * width..(row + 1) * width).map(|at| self.values.json(at)).collect())
    }

    /// The numbers of row `row`; booleans count as 0 and 1, text and null as NaN.
    pub fn numbers(&self, row: usize) -> Vec<f64> {
        let width = self.width();
        (row * width..(row + 1) * width).map(|at| number_at(&self.values, at)).collect()
    }
}

/// The outputs of a batch, in the order of the signature.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outputs {
    /// The columns.
    pub columns: Vec<OutputColumn>,
}

impl Outputs {
    /// Finds a column by name.
    pub fn find(&self, name: &str) -> Option<&OutputColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Row `row` by output name.
    pub fn row(&self, row: usize) -> BTreeMap<String, Value> {
        self.columns.iter().map(|column| (column.name.clone(), column.json(row))).collect()
    }

    /// Reads JSON columns (`{"probability": [0.17, 0.4]}`) as the signature's outputs. Rows with a
    /// shape are arrays. A null in a float column becomes NaN, which the check then refuses.
    pub fn from_json(
        signature: &Signature,
        rows: usize,
        columns: &serde_json::Map<String, Value>,
    ) -> Result<Self, Rejection> {
        let columns = signature
            .outputs
            .iter()
            .map(|field| {
                let column = columns.get(&field.name).and_then(Value::as_array).ok_or_else(|| {
                    Rejection::new(FallbackReason::Shape, format!("output `{}` is missing or not an array", field.name))
                })?;
                read_column(field, rows, column)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { columns })
    }

    /// Puts the rows of `other` under these.
    pub fn append(&mut self, other: Self) {
        if self.columns.is_empty() {
            *self = other;
            return;
        }
        for (mine, theirs) in self.columns.iter_mut().zip(other.columns) {
            extend(&mut mine.values, theirs.values);
        }
    }
}

fn number_at(values: &Values, at: usize) -> f64 {
    match values {
        Values::Bool(v) => v.get(at).copied().flatten().map_or(f64::NAN, |b| if b { 1.0 } else { 0.0 }),
        Values::Int(v) | Values::Instant(v) => v.get(at).copied().flatten().map_or(f64::NAN, int_as_float),
        Values::Float(v) => v.get(at).copied().flatten().unwrap_or(f64::NAN),
        Values::Text(_) => f64::NAN,
    }
}

/// The nearest float; integers beyond 2^53 lose their last digits, as in any JSON reader.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn int_as_float(int: i64) -> f64 {
    int as f64
}

fn extend(mine: &mut Values, theirs: Values) {
    match (mine, theirs) {
        (Values::Bool(a), Values::Bool(b)) => a.extend(b),
        (Values::Int(a), Values::Int(b)) | (Values::Instant(a), Values::Instant(b)) => a.extend(b),
        (Values::Float(a), Values::Float(b)) => a.extend(b),
        (Values::Text(a), Values::Text(b)) => a.extend(b),
        (Values::Bool(_) | Values::Int(_) | Values::Instant(_) | Values::Float(_) | Values::Text(_), _) => {
            debug_assert!(false, "chunks of one model have the same types");
        }
    }
}

/// Reads one JSON column; nested rows are flattened, and the counts must come out right.
pub(crate) fn read_column(field: &Field, rows: usize, column: &[Value]) -> Result<OutputColumn, Rejection> {
    let width: usize = field.shape.iter().product();
    let mut flat = Vec::with_capacity(rows * width);
    flatten(column, &mut flat);
    let expected = rows * width;
    let right_rows = field.shape.is_empty() && column.len() == rows || !field.shape.is_empty();
    if flat.len() != expected || !right_rows {
        let detail = format!("output `{}` has {} values for {rows} rows of {width}", field.name, flat.len());
        return Err(Rejection::new(FallbackReason::Shape, detail));
    }
    let wrong = |value: &Value| {
        let detail = format!("output `{}` should be {}, got {value}", field.name, field.datatype.as_str());
        Rejection::new(FallbackReason::Dtype, detail)
    };
    let values = match field.datatype {
        Datatype::Bool => {
            Values::Bool(flat.iter().map(|v| v.as_bool().map(Some).ok_or_else(|| wrong(v))).collect::<Result<_, _>>()?)
        }
        Datatype::Int8 | Datatype::Int16 | Datatype::Int32 | Datatype::Int64 => {
            Values::Int(flat.iter().map(|v| v.as_i64().map(Some).ok_or_else(|| wrong(v))).collect::<Result<_, _>>()?)
        }
        Datatype::Fp32 | Datatype::Fp64 => Values::Float(
            flat.iter()
                .map(|v| if v.is_null() { Ok(Some(f64::NAN)) } else { v.as_f64().map(Some).ok_or_else(|| wrong(v)) })
                .collect::<Result<_, _>>()?,
        ),
        Datatype::Bytes => Values::Text(
            flat.iter()
                .map(|v| v.as_str().map(|s| Some(s.to_owned())).ok_or_else(|| wrong(v)))
                .collect::<Result<_, _>>()?,
        ),
    };
    Ok(OutputColumn { name: field.name.clone(), shape: field.shape.clone(), values })
}

/// Flattens nested arrays, however deep, in row order.
pub(crate) fn flatten<'a>(values: &'a [Value], into: &mut Vec<&'a Value>) {
    for value in values {
        match value {
            Value::Array(inner) => flatten(inner, into),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => into.push(value),
        }
    }
}
