//! A model's answer held against its signature.

use lamp_core::package::{Datatype, Field, Signature};
use lamp_core::prediction::FallbackReason;
use lamp_core::table::Values;
use serde_json::Value;

use super::Rejection;
use super::cell::{int_range, same};
use crate::outputs::{OutputColumn, Outputs};

/// Says whether `outputs` are an answer to `rows` rows: every declared output is there with the
/// right shape and element type, every number is finite and in its range, every value is of the
/// declared classes. The first fault found is returned.
///
/// `classes` of an output with a shape are the names of its columns, not allowed values.
pub fn check_answer(signature: &Signature, rows: usize, outputs: &Outputs) -> Result<(), Rejection> {
    for field in &signature.outputs {
        let column = outputs
            .find(&field.name)
            .ok_or_else(|| Rejection::new(FallbackReason::Shape, format!("output `{}` is missing", field.name)))?;
        check_shape(field, rows, column)?;
        check_values(field, &column.values)?;
    }
    Ok(())
}

fn check_shape(field: &Field, rows: usize, column: &OutputColumn) -> Result<(), Rejection> {
    let expected = rows * field.shape.iter().product::<usize>();
    if column.shape == field.shape && column.values.len() == expected {
        return Ok(());
    }
    let detail = format!(
        "output `{}` should have shape {:?} in each of {rows} rows, has shape {:?} and {} values",
        field.name,
        field.shape,
        column.shape,
        column.values.len()
    );
    Err(Rejection::new(FallbackReason::Shape, detail))
}

fn check_values(field: &Field, values: &Values) -> Result<(), Rejection> {
    let missing =
        |at: usize| Rejection::new(FallbackReason::Nonfinite, format!("output `{}` has no value at {at}", field.name));
    match (field.datatype, values) {
        (Datatype::Fp32 | Datatype::Fp64, Values::Float(column)) => {
            for (at, value) in column.iter().enumerate() {
                let value = value.ok_or_else(|| missing(at))?;
                if !value.is_finite() {
                    let detail = format!("output `{}` is not a finite number at {at}", field.name);
                    return Err(Rejection::new(FallbackReason::Nonfinite, detail));
                }
                check_range(field, value)?;
                check_class(field, &Value::from(value))?;
            }
        }
        (Datatype::Int8 | Datatype::Int16 | Datatype::Int32 | Datatype::Int64, Values::Int(column)) => {
            let (low, high) = int_range(field.datatype);
            for (at, value) in column.iter().enumerate() {
                let value = value.ok_or_else(|| missing(at))?;
                if value < low || value > high {
                    let detail = format!("output `{}`: {value} does not fit {}", field.name, field.datatype.as_str());
                    return Err(Rejection::new(FallbackReason::Dtype, detail));
                }
                check_range(field, crate::outputs::int_as_float(value))?;
                check_class(field, &Value::from(value))?;
            }
        }
        (Datatype::Bool, Values::Bool(column)) => {
            for (at, value) in column.iter().enumerate() {
                check_class(field, &Value::Bool(value.ok_or_else(|| missing(at))?))?;
            }
        }
        (Datatype::Bytes, Values::Text(column)) => {
            for (at, value) in column.iter().enumerate() {
                let text = value.as_deref().ok_or_else(|| missing(at))?;
                if field.classes.is_some() {
                    check_class(field, &Value::from(text))?;
                }
            }
        }
        (datatype, Values::Bool(_) | Values::Int(_) | Values::Float(_) | Values::Text(_) | Values::Instant(_)) => {
            let detail = format!("output `{}` should be {}", field.name, datatype.as_str());
            return Err(Rejection::new(FallbackReason::Dtype, detail));
        }
    }
    Ok(())
}

fn check_range(field: &Field, number: f64) -> Result<(), Rejection> {
    let is_below = field.min.is_some_and(|min| number < min);
    let is_above = field.max.is_some_and(|max| number > max);
    if is_below || is_above {
        let detail = format!("output `{}`: {number} is outside its declared range", field.name);
        return Err(Rejection::new(FallbackReason::Range, detail));
    }
    Ok(())
}

fn check_class(field: &Field, value: &Value) -> Result<(), Rejection> {
    let is_column_names = !field.shape.is_empty();
    let Some(classes) = field.classes.as_ref().filter(|_| !is_column_names) else { return Ok(()) };
    if classes.iter().any(|class| same(class, value)) {
        return Ok(());
    }
    Err(Rejection::new(FallbackReason::Range, format!("output `{}`: {value} is not a declared class", field.name)))
}
