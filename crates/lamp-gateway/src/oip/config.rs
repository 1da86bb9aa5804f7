//! The model configuration extension: how load generators learn what to send.

use lamp_core::package::{Datatype, Field};
use serde::Serialize;

use super::{NAME, outputs, tensor_metadata};
use crate::service::Service;

/// One tensor, with rows as its first dimension.
#[derive(Debug, Serialize)]
pub(crate) struct TensorConfig {
    pub(crate) name: String,
    pub(crate) data_type: &'static str,
    pub(crate) dims: Vec<i64>,
    /// Whether a request may leave it out (inputs only).
    pub(crate) optional: bool,
}

/// A service's configuration, as far as clients can make use of it.
#[derive(Debug, Serialize)]
pub(crate) struct ModelConfig {
    pub(crate) name: String,
    pub(crate) platform: &'static str,
    pub(crate) backend: &'static str,
    /// Always 0, which means: rows are a dimension like any other, and stand in `dims`. Anything
    /// else means that clients leave them out of the shapes, and then one value a row has no shape
    /// that `perf_analyzer` could send.
    pub(crate) max_batch_size: i32,
    pub(crate) input: Vec<TensorConfig>,
    pub(crate) output: Vec<TensorConfig>,
}

pub(crate) fn config(service: &Service) -> ModelConfig {
    ModelConfig {
        name: service.name.to_string(),
        platform: NAME,
        backend: NAME,
        max_batch_size: 0,
        input: service.signature.inputs.iter().map(tensor).collect(),
        output: outputs(service).iter().map(tensor).collect(),
    }
}

fn tensor(field: &Field) -> TensorConfig {
    TensorConfig {
        name: field.name.clone(),
        data_type: data_type(field.datatype),
        dims: tensor_metadata(field).shape,
        optional: field.nullable,
    }
}

/// The extension's own words for element types.
const fn data_type(datatype: Datatype) -> &'static str {
    match datatype {
        Datatype::Bool => "TYPE_BOOL",
        Datatype::Int8 => "TYPE_INT8",
        Datatype::Int16 => "TYPE_INT16",
        Datatype::Int32 => "TYPE_INT32",
        Datatype::Int64 => "TYPE_INT64",
        Datatype::Fp32 => "TYPE_FP32",
        Datatype::Fp64 => "TYPE_FP64",
        Datatype::Bytes => "TYPE_STRING",
    }
}
