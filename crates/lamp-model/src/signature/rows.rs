//! Rows of JSON objects, and tables.

use std::ops::Range;
use std::sync::Arc;

use lamp_core::package::{Datatype, Field, Signature};
use lamp_core::table::{Table, Values};
use serde_json::Value;

use super::cell::ColumnReader;
use super::{BATCH_ROWS_MAX, Batch, InputError};
use crate::outputs::flatten;

pub(super) fn read(signature: &Arc<Signature>, rows: &[Value]) -> Result<Batch, InputError> {
    check_count("rows", rows.len())?;
    let objects = rows
        .iter()
        .enumerate()
        .map(|(at, row)| row.as_object().ok_or_else(|| InputError::new(format!("rows[{at}]"), "expected an object")))
        .collect::<Result<Vec<_>, _>>()?;
    for (at, object) in objects.iter().enumerate() {
        if let Some(name) = object.keys().find(|name| !signature.inputs.iter().any(|field| &field.name == *name)) {
            return Err(InputError::new(format!("rows[{at}].{name}"), "the model has no such input"));
        }
    }
    let columns = signature
        .inputs
        .iter()
        .map(|field| {
            let mut column = ColumnReader::new(field, rows.len() * width(field));
            for (at, object) in objects.iter().enumerate() {
                push_field(&mut column, field, object.get(&field.name), at)?;
            }
            Ok(column.finish())
        })
        .collect::<Result<_, InputError>>()?;
    Ok(Batch::assemble(signature, rows.len(), columns))
}

fn push_field(
    column: &mut ColumnReader<'_>,
    field: &Field,
    value: Option<&Value>,
    at: usize,
) -> Result<(), InputError> {
    let path = || format!("rows[{at}].{}", field.name);
    if field.shape.is_empty() {
        return match value {
            Some(value) => column.push(value, path),
            None => column.push_missing(path),
        };
    }
    let width = width(field);
    let cells = value
        .and_then(Value::as_array)
        .ok_or_else(|| InputError::new(path(), format!("expected an array of {width} values")))?;
    let mut flat = Vec::with_capacity(width);
    flatten(cells, &mut flat);
    if flat.len() != width {
        return Err(InputError::new(path(), format!("expected {width} values, got {}", flat.len())));
    }
    for (place, cell) in flat.into_iter().enumerate() {
        column.push(cell, || format!("rows[{at}].{}[{place}]", field.name))?;
    }
    Ok(())
}

/// Values of one row.
pub(super) fn width(field: &Field) -> usize {
    field.shape.iter().product()
}

pub(super) fn check_count(path: &str, rows: usize) -> Result<(), InputError> {
    if rows == 0 {
        return Err(InputError::new(path, "there is no row"));
    }
    if rows > BATCH_ROWS_MAX {
        return Err(InputError::new(path, format!("{rows} rows, more than the {BATCH_ROWS_MAX} that are allowed")));
    }
    Ok(())
}

pub(super) fn read_table(signature: &Arc<Signature>, table: &Table, range: Range<usize>) -> Result<Batch, InputError> {
    check_count("rows", range.len())?;
    let columns = signature
        .inputs
        .iter()
        .map(|field| {
            if !field.shape.is_empty() {
                return Err(InputError::new(&field.name, "inputs with a shape cannot be read from a table"));
            }
            let mut column = ColumnReader::new(field, range.len());
            let Some(values) = table.find(&field.name) else {
                for _ in range.clone() {
                    column.push_missing(|| field.name.clone())?;
                }
                return Ok(column.finish());
            };
            for at in range.clone() {
                let path = || format!("rows[{at}].{}", field.name);
                column.push(&table_cell(field.datatype, values, at), path)?;
            }
            Ok(column.finish())
        })
        .collect::<Result<_, InputError>>()?;
    Ok(Batch::assemble(signature, range.len(), columns))
}

/// A table's value as the JSON that a client would have sent; 0 and 1 stand for booleans too.
fn table_cell(datatype: Datatype, values: &Values, at: usize) -> Value {
    let value = values.json(at);
    match (datatype, &value) {
        (Datatype::Bool, Value::Number(number)) if number.as_f64() == Some(0.0) => Value::Bool(false),
        (Datatype::Bool, Value::Number(number)) if number.as_f64() == Some(1.0) => Value::Bool(true),
        (
            Datatype::Int8 | Datatype::Int16 | Datatype::Int32 | Datatype::Int64 | Datatype::Fp32 | Datatype::Fp64,
            Value::Bool(flag),
        ) => Value::from(i64::from(*flag)),
        (
            Datatype::Bool
            | Datatype::Int8
            | Datatype::Int16
            | Datatype::Int32
            | Datatype::Int64
            | Datatype::Fp32
            | Datatype::Fp64
            | Datatype::Bytes,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_),
        ) => value,
    }
}
