//! Tensors of the Open Inference Protocol.

use std::sync::Arc;

use bytes::Bytes;
use lamp_core::package::{Datatype, Field, Signature};
use lamp_core::table::Values;
use serde_json::Value;

use super::cell::ColumnReader;
use super::rows::{check_count, width};
use super::{Batch, InputError};
use crate::outputs::flatten;
use crate::raw;

/// A named tensor of the protocol, in whatever form it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Name of the input or output.
    pub name: String,
    /// Full shape; rows are the first dimension.
    pub shape: Vec<i64>,
    /// Element type.
    pub datatype: String,
    /// Values in row order.
    pub data: TensorData,
}

/// The values of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorData {
    /// JSON, flat or nested.
    Json(Value),
    /// Bytes, as [`raw`] reads them.
    Raw(Bytes),
    /// Values that the wire had typed.
    Typed(Values),
}

impl From<Value> for TensorData {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

pub(super) fn read(signature: &Arc<Signature>, tensors: &[Tensor]) -> Result<Batch, InputError> {
    for (at, tensor) in tensors.iter().enumerate() {
        if !signature.inputs.iter().any(|field| field.name == tensor.name) {
            let problem = format!("the model has no input `{}`", tensor.name);
            return Err(InputError::new(format!("inputs[{at}].name"), problem));
        }
        if tensors.iter().take(at).any(|earlier| earlier.name == tensor.name) {
            return Err(InputError::new(format!("inputs[{at}].name"), format!("`{}` is given twice", tensor.name)));
        }
    }
    let rows = rows_of(tensors)?;
    let columns = signature
        .inputs
        .iter()
        .map(|field| {
            let mut column = ColumnReader::new(field, rows * width(field));
            match tensors.iter().enumerate().find(|(_, tensor)| tensor.name == field.name) {
                Some((at, tensor)) => push_tensor(&mut column, field, tensor, at, rows)?,
                None => {
                    for _ in 0..rows * width(field) {
                        column.push_missing(|| format!("inputs.{}", field.name))?;
                    }
                }
            }
            Ok(column.finish())
        })
        .collect::<Result<_, InputError>>()?;
    Ok(Batch::assemble(signature, rows, columns))
}

fn rows_of(tensors: &[Tensor]) -> Result<usize, InputError> {
    let first = tensors.first().ok_or_else(|| InputError::new("inputs", "there is no tensor"))?;
    let leading = first.shape.first().copied().unwrap_or(0);
    let rows = usize::try_from(leading).map_err(|_| InputError::new("inputs[0].shape", "a dimension is negative"))?;
    check_count("inputs[0].shape", rows)?;
    Ok(rows)
}

fn push_tensor(
    column: &mut ColumnReader<'_>,
    field: &Field,
    tensor: &Tensor,
    at: usize,
    rows: usize,
) -> Result<(), InputError> {
    if !is_taken_for(&tensor.datatype, field.datatype) {
        let problem = format!("expected {}, got {}", field.datatype.as_str(), tensor.datatype);
        return Err(InputError::new(format!("inputs[{at}].datatype"), problem));
    }
    if !shape_fits(&tensor.shape, rows, &field.shape) {
        let expected =
            std::iter::once(rows).chain(field.shape.iter().copied()).map(|d| d.to_string()).collect::<Vec<_>>();
        let problem = format!("expected [{}], got {:?}", expected.join(", "), tensor.shape);
        return Err(InputError::new(format!("inputs[{at}].shape"), problem));
    }
    let here = |place: usize| format!("inputs[{at}].data[{place}]");
    let wrong = |problem: String| InputError::new(format!("inputs[{at}].data"), problem);
    let expected = rows * width(field);
    let check_count = |count: usize| {
        let is_right = count == expected;
        if is_right { Ok(()) } else { Err(wrong(format!("expected {expected} values, got {count}"))) }
    };
    let push_typed = |column: &mut ColumnReader<'_>, values: &Values| {
        check_count(values.len())?;
        (0..expected).try_for_each(|place| column.push_from(values, place, || here(place)))
    };
    match &tensor.data {
        TensorData::Json(data) => {
            let cells = data.as_array().ok_or_else(|| wrong("expected an array".to_owned()))?;
            let mut flat = Vec::with_capacity(expected);
            flatten(cells, &mut flat);
            check_count(flat.len())?;
            flat.into_iter().enumerate().try_for_each(|(place, cell)| column.push(cell, || here(place)))
        }
        TensorData::Raw(bytes) => push_typed(column, &raw::decode(&tensor.datatype, bytes).map_err(wrong)?),
        TensorData::Typed(values) => push_typed(column, values),
    }
}

/// `[rows]` and `[rows, 1]` mean the same for one value a row.
fn shape_fits(shape: &[i64], rows: usize, row_shape: &[usize]) -> bool {
    let dims: Vec<usize> = shape.iter().map(|d| usize::try_from(*d).unwrap_or(usize::MAX)).collect();
    let Some((first, rest)) = dims.split_first() else { return false };
    *first == rows && (rest == row_shape || row_shape.is_empty() && rest == [1])
}

/// Widening is allowed, guessing is not: any integer type for an integer, any number for a float.
fn is_taken_for(given: &str, wanted: Datatype) -> bool {
    let is_int = matches!(given, "INT8" | "INT16" | "INT32" | "INT64" | "UINT8" | "UINT16" | "UINT32" | "UINT64");
    match wanted {
        Datatype::Bool => given == "BOOL",
        Datatype::Int8 | Datatype::Int16 | Datatype::Int32 | Datatype::Int64 => is_int,
        Datatype::Fp32 | Datatype::Fp64 => is_int || matches!(given, "FP16" | "BF16" | "FP32" | "FP64"),
        Datatype::Bytes => given == "BYTES",
    }
}
