//! Tensors of gRPC: as bytes, or typed in the field of their datatype. An answer has the form of
//! its request.

use axum::body::Bytes;
use lamp_core::package::Datatype;
use lamp_core::table::Values;
use lamp_model::{Tensor, TensorData, raw};

use crate::oip::{Inferred, check_parameters};
use crate::proto::model_infer_request::InferInputTensor;
use crate::proto::model_infer_response::InferOutputTensor;
use crate::proto::{InferTensorContents, ModelInferResponse};
use crate::refusal::Refusal;

/// Reads the inputs, with `raw` where the bytes stand apart.
pub(super) fn read(inputs: Vec<InferInputTensor>, raw: Vec<Bytes>) -> Result<Vec<Tensor>, Refusal> {
    if !raw.is_empty() && raw.len() != inputs.len() {
        let problem = format!("raw_input_contents: {} of them for {} inputs", raw.len(), inputs.len());
        return Err(Refusal::Invalid(problem));
    }
    let mut raw = raw.into_iter();
    inputs.into_iter().enumerate().map(|(at, input)| tensor(input, at, raw.next())).collect()
}

fn tensor(input: InferInputTensor, at: usize, raw: Option<Bytes>) -> Result<Tensor, Refusal> {
    let path = || format!("inputs[{at}]");
    let InferInputTensor { name, datatype, shape, parameters, contents } = input;
    check_parameters(path, |name| parameters.contains_key(name))?;
    let wrong = |problem: String| Refusal::Invalid(format!("{}.contents: {problem}", path()));
    let data = match (contents, raw) {
        (None, Some(bytes)) => TensorData::Raw(bytes),
        (Some(contents), None) => TensorData::Typed(typed(&datatype, contents).map_err(wrong)?),
        (None, None) => return Err(wrong("is missing".to_owned())),
        (Some(_), Some(_)) => return Err(wrong("there are bytes for it too (raw_input_contents)".to_owned())),
    };
    Ok(Tensor { name, shape, datatype, data })
}

fn typed(datatype: &str, contents: InferTensorContents) -> Result<Values, String> {
    fn ints<T: Into<i64>>(ints: Vec<T>) -> Values {
        Values::Int(ints.into_iter().map(|int| Some(int.into())).collect())
    }
    match datatype {
        "BOOL" => Ok(Values::Bool(contents.bool_contents.into_iter().map(Some).collect())),
        "INT8" | "INT16" | "INT32" => Ok(ints(contents.int_contents)),
        "INT64" => Ok(ints(contents.int64_contents)),
        "UINT8" | "UINT16" | "UINT32" => Ok(ints(contents.uint_contents)),
        "UINT64" => raw::unsigned(contents.uint64_contents.into_iter().map(Some)),
        "FP32" => Ok(Values::Float(contents.fp32_contents.into_iter().map(|float| Some(f64::from(float))).collect())),
        "FP64" => Ok(Values::Float(contents.fp64_contents.into_iter().map(Some).collect())),
        "FP16" | "BF16" => Err(format!("{datatype} has no typed contents; send it raw")),
        "BYTES" => {
            let text = |(at, bytes): (usize, Bytes)| match std::str::from_utf8(&bytes) {
                Ok(text) => Ok(Some(text.to_owned())),
                Err(_) => Err(format!("text {at} is not UTF-8")),
            };
            Ok(Values::Text(contents.bytes_contents.into_iter().enumerate().map(text).collect::<Result<_, _>>()?))
        }
        other => Err(format!("`{other}` is not a datatype of the protocol")),
    }
}

/// Puts the wanted outputs into `response`.
pub(super) fn write(inferred: &Inferred, is_raw: bool, response: &mut ModelInferResponse) {
    for output in inferred.outputs() {
        let (datatype, values) = (output.datatype, &output.column.values);
        let contents = if is_raw {
            response.raw_output_contents.push(raw::encode(datatype, values).into());
            None
        } else {
            Some(contents(datatype, values))
        };
        response.outputs.push(InferOutputTensor {
            name: output.column.name.clone(),
            datatype: datatype.as_str().to_owned(),
            shape: output.shape,
            parameters: std::collections::BTreeMap::new(),
            contents,
        });
    }
}

/// Values of an answer that was checked: none is missing, and all fit their datatype.
fn contents(datatype: Datatype, values: &Values) -> InferTensorContents {
    let mut contents = InferTensorContents::default();
    match values {
        Values::Bool(column) => contents.bool_contents = column.iter().copied().flatten().collect(),
        Values::Int(column) | Values::Instant(column) if datatype == Datatype::Int64 => {
            contents.int64_contents = column.iter().copied().flatten().collect();
        }
        Values::Int(column) | Values::Instant(column) => {
            contents.int_contents =
                column.iter().flatten().map(|int| i32::try_from(*int).unwrap_or_default()).collect();
        }
        Values::Float(column) if datatype == Datatype::Fp32 => {
            contents.fp32_contents = column.iter().flatten().map(|float| raw::as_fp32(*float)).collect();
        }
        Values::Float(column) => contents.fp64_contents = column.iter().copied().flatten().collect(),
        Values::Text(column) => {
            let texts = column.iter().flatten();
            contents.bytes_contents = texts.map(|text| Bytes::copy_from_slice(text.as_bytes())).collect();
        }
    }
    contents
}
