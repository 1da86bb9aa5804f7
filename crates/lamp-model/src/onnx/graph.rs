//! How a signature's inputs and outputs meet a graph's tensors.

use std::borrow::Cow;

use lamp_core::package::{Datatype, Field, Signature};
use lamp_core::prediction::FallbackReason;
use lamp_core::table::Values;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Outlet, Tensor, TensorElementType, ValueType};

use crate::model::PredictError;
use crate::outputs::{OutputColumn, Outputs};
use crate::signature::{Batch, Rejection};

/// One input of the graph.
#[derive(Debug)]
struct Input {
    name: String,
    element: TensorElementType,
    /// Dimensions behind the rows; none for a graph that takes `[rows]`.
    row_dims: Vec<usize>,
}

/// Which tensors a session takes and gives.
#[derive(Debug)]
pub(super) struct Plan {
    inputs: Vec<Input>,
    outputs: Vec<Field>,
}

impl Plan {
    /// Holds a graph against a signature, or says where they do not fit.
    pub(super) fn of(session: &Session, signature: &Signature) -> Result<Self, String> {
        let inputs =
            session.inputs().iter().map(|outlet| plan_input(outlet, signature)).collect::<Result<Vec<_>, _>>()?;
        if let Some(field) = signature.inputs.iter().find(|field| !inputs.iter().any(|i| i.name == field.name)) {
            return Err(format!("the graph has no input `{}`", field.name));
        }
        for field in &signature.outputs {
            let tensor = tensor_name(field);
            let outlet = session.outputs().iter().find(|outlet| outlet.name() == tensor);
            match outlet.map(Outlet::dtype) {
                Some(ValueType::Tensor { .. }) => {}
                Some(_) => return Err(format!("output `{tensor}` of the graph is not a tensor")),
                None => {
                    let has = session.outputs().iter().map(Outlet::name).collect::<Vec<_>>().join(", ");
                    return Err(format!("the graph has no output `{tensor}`; it has {has}"));
                }
            }
        }
        Ok(Self { inputs, outputs: signature.outputs.clone() })
    }

    /// Runs a batch through the graph.
    pub(super) fn run(&self, session: &mut Session, batch: &Batch) -> Result<Outputs, PredictError> {
        let failed = |error: ort::Error| PredictError::Failed { message: error.to_string() };
        let inputs = self
            .inputs
            .iter()
            .map(|input| {
                let values = batch.find(&input.name).ok_or_else(|| PredictError::Failed {
                    message: format!("the request has no input `{}`", input.name),
                })?;
                Ok((Cow::Borrowed(input.name.as_str()), tensor(input, batch.rows(), values)?))
            })
            .collect::<Result<Vec<(Cow<'_, str>, SessionInputValue<'_>)>, PredictError>>()?;
        let outputs = session.run(inputs).map_err(failed)?;
        let columns = self
            .outputs
            .iter()
            .map(|field| {
                let value = outputs.get(tensor_name(field)).ok_or_else(|| {
                    Rejection::new(FallbackReason::Shape, format!("output `{}` is missing", field.name))
                })?;
                column(field, value, batch.rows())
            })
            .collect::<Result<_, Rejection>>()?;
        Ok(Outputs { columns })
    }
}

fn tensor_name(field: &Field) -> &str {
    field.source.as_ref().map_or(field.name.as_str(), |source| source.tensor.as_str())
}

fn plan_input(outlet: &Outlet, signature: &Signature) -> Result<Input, String> {
    let name = outlet.name();
    let field = signature
        .inputs
        .iter()
        .find(|field| field.name == name)
        .ok_or_else(|| format!("the graph takes `{name}`, which the signature does not have"))?;
    let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else {
        return Err(format!("input `{name}` of the graph is not a tensor"));
    };
    let fits = match field.datatype {
        Datatype::Bool => *ty == TensorElementType::Bool,
        Datatype::Int8 | Datatype::Int16 | Datatype::Int32 | Datatype::Int64 => {
            matches!(ty, TensorElementType::Int32 | TensorElementType::Int64)
                || matches!(ty, TensorElementType::Float32 | TensorElementType::Float64)
        }
        Datatype::Fp32 | Datatype::Fp64 => matches!(ty, TensorElementType::Float32 | TensorElementType::Float64),
        Datatype::Bytes => *ty == TensorElementType::String,
    };
    if !fits {
        return Err(format!("input `{name}` is {} in the signature and {ty} in the graph", field.datatype.as_str()));
    }
    let row_dims = if field.shape.is_empty() && shape.len() == 2 { vec![1] } else { field.shape.clone() };
    if shape.len() != row_dims.len() + 1 {
        return Err(format!("input `{name}` has {} dimensions in the graph", shape.len()));
    }
    Ok(Input { name: name.to_owned(), element: *ty, row_dims })
}

/// The batch's column as a tensor of the graph's own type. A missing number becomes NaN, a missing
/// text the empty text; integers and booleans have no value for it.
fn tensor(input: &Input, rows: usize, values: &Values) -> Result<SessionInputValue<'static>, PredictError> {
    let failed = |error: ort::Error| PredictError::Failed { message: error.to_string() };
    let absent = || PredictError::Failed { message: format!("input `{}` is missing in a row", input.name) };
    let shape: Vec<usize> = std::iter::once(rows).chain(input.row_dims.iter().copied()).collect();
    let value: SessionInputValue<'static> = match (values, input.element) {
        (Values::Float(v), TensorElementType::Float64) => {
            let data: Vec<f64> = v.iter().map(|x| x.unwrap_or(f64::NAN)).collect();
            Tensor::from_array((shape, data)).map_err(failed)?.into()
        }
        (Values::Float(v), _) => {
            let data: Vec<f32> = v.iter().map(|x| narrow(x.unwrap_or(f64::NAN))).collect();
            Tensor::from_array((shape, data)).map_err(failed)?.into()
        }
        (Values::Int(v) | Values::Instant(v), TensorElementType::Float32) => {
            let as_float = |x: &Option<i64>| narrow(x.map_or(f64::NAN, crate::outputs::int_as_float));
            Tensor::from_array((shape, v.iter().map(as_float).collect::<Vec<f32>>())).map_err(failed)?.into()
        }
        (Values::Int(v) | Values::Instant(v), TensorElementType::Float64) => {
            let as_float = |x: &Option<i64>| x.map_or(f64::NAN, crate::outputs::int_as_float);
            Tensor::from_array((shape, v.iter().map(as_float).collect::<Vec<f64>>())).map_err(failed)?.into()
        }
        (Values::Int(v) | Values::Instant(v), TensorElementType::Int32) => {
            let fit = |x: &Option<i64>| x.and_then(|x| i32::try_from(x).ok()).ok_or_else(absent);
            let data = v.iter().map(fit).collect::<Result<Vec<i32>, _>>()?;
            Tensor::from_array((shape, data)).map_err(failed)?.into()
        }
        (Values::Int(v) | Values::Instant(v), _) => {
            let data = v.iter().map(|x| x.ok_or_else(absent)).collect::<Result<Vec<i64>, _>>()?;
            Tensor::from_array((shape, data)).map_err(failed)?.into()
        }
        (Values::Bool(v), _) => {
            let data = v.iter().map(|x| x.ok_or_else(absent)).collect::<Result<Vec<bool>, _>>()?;
            Tensor::from_array((shape, data)).map_err(failed)?.into()
        }
        (Values::Text(v), _) => {
            let data: Vec<String> = v.iter().map(|x| x.clone().unwrap_or_default()).collect();
            Tensor::from_string_array((shape, data.as_slice())).map_err(failed)?.into()
        }
    };
    Ok(value)
}

/// The nearest 32-bit float, which is what the graph was trained to take.
#[allow(clippy::cast_possible_truncation)]
fn narrow(number: f64) -> f32 {
    number as f32
}

/// A graph's tensor as an output column, or one column of it.
fn column(field: &Field, value: &DynValue, rows: usize) -> Result<OutputColumn, Rejection> {
    let unreadable = |error: ort::Error| Rejection::new(FallbackReason::Dtype, error.to_string());
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else {
        return Err(Rejection::new(FallbackReason::Dtype, format!("output `{}` is not a tensor", field.name)));
    };
    let mut dims = shape.iter().map(|d| usize::try_from(*d).unwrap_or(0));
    if dims.next() != Some(rows) {
        let detail = format!("output `{}` has shape {shape:?} for {rows} rows", field.name);
        return Err(Rejection::new(FallbackReason::Shape, detail));
    }
    let pick = Pick { column: field.source.as_ref().and_then(|source| source.column), stride: dims.product() };
    pick.check(field)?;
    let values = match ty {
        TensorElementType::Float32 => {
            let (_, data) = value.try_extract_tensor::<f32>().map_err(unreadable)?;
            Values::Float(pick.of(data).map(|x| Some(f64::from(*x))).collect())
        }
        TensorElementType::Float64 => {
            let (_, data) = value.try_extract_tensor::<f64>().map_err(unreadable)?;
            Values::Float(pick.of(data).map(|x| Some(*x)).collect())
        }
        TensorElementType::Int64 => {
            let (_, data) = value.try_extract_tensor::<i64>().map_err(unreadable)?;
            Values::Int(pick.of(data).map(|x| Some(*x)).collect())
        }
        TensorElementType::Int32 => {
            let (_, data) = value.try_extract_tensor::<i32>().map_err(unreadable)?;
            Values::Int(pick.of(data).map(|x| Some(i64::from(*x))).collect())
        }
        TensorElementType::Bool => {
            let (_, data) = value.try_extract_tensor::<bool>().map_err(unreadable)?;
            Values::Bool(pick.of(data).map(|x| Some(*x)).collect())
        }
        TensorElementType::String => {
            let (_, data) = value.try_extract_strings().map_err(unreadable)?;
            Values::Text(pick.of(&data).map(|x| Some(x.clone())).collect())
        }
        other => {
            let detail = format!("output `{}` is of type {other}, which is not supported", field.name);
            return Err(Rejection::new(FallbackReason::Dtype, detail));
        }
    };
    Ok(OutputColumn { name: field.name.clone(), shape: field.shape.clone(), values })
}

/// Which values of each row are wanted: all, or one column.
#[derive(Clone, Copy)]
struct Pick {
    column: Option<usize>,
    stride: usize,
}

impl Pick {
    fn check(self, field: &Field) -> Result<(), Rejection> {
        let wanted: usize = field.shape.iter().product();
        let fits = match self.column {
            Some(column) => column < self.stride && wanted == 1,
            None => self.stride == wanted,
        };
        if fits {
            return Ok(());
        }
        let detail = format!("output `{}` has {} values a row in the graph", field.name, self.stride);
        Err(Rejection::new(FallbackReason::Shape, detail))
    }

    fn of<T>(self, data: &[T]) -> impl Iterator<Item = &T> {
        let (skip, step) = match self.column {
            Some(column) => (column, self.stride),
            None => (0, 1),
        };
        data.iter().skip(skip).step_by(step.max(1))
    }
}
