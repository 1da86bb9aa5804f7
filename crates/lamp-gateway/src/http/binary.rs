//! The binary tensor extension: tensors as bytes behind the JSON of a body. The header
//! `Inference-Header-Content-Length` says where the JSON ends.

use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use lamp_core::package::Datatype;
use lamp_core::table::Values;
use lamp_model::raw;
use serde_json::Value;

use crate::refusal::Refusal;

/// Length of the JSON at the start of a body, in bytes.
pub(super) const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// The parameter of a tensor that says how many of the bytes are its own.
pub(super) const SIZE: &str = "binary_data_size";

/// What stands behind a body's JSON, taken tensor by tensor.
#[derive(Debug)]
pub(super) struct Tail(Bytes);

/// Cuts a body into its JSON and what stands behind it.
pub(super) fn split(headers: &HeaderMap, body: &Bytes) -> Result<(Bytes, Tail), Refusal> {
    let Some(length) = headers.get(JSON_LENGTH) else { return Ok((body.clone(), Tail(Bytes::new()))) };
    let length = length.to_str().ok().and_then(|text| text.parse::<usize>().ok());
    let length = length.filter(|length| *length <= body.len()).ok_or_else(|| {
        let problem = format!("{JSON_LENGTH}: it must be a number of bytes, at most the body's {}", body.len());
        Refusal::Invalid(problem)
    })?;
    Ok((body.slice(..length), Tail(body.slice(length..))))
}

impl Tail {
    /// Takes the next bytes, as many as the parameter `size` of the tensor at `path` says.
    pub(super) fn take(&mut self, size: &Value, path: &str) -> Result<Bytes, Refusal> {
        let wrong = |problem: String| Refusal::Invalid(format!("{path}.parameters.{SIZE}: {problem}"));
        let size = size.as_u64().and_then(|size| usize::try_from(size).ok());
        let size = size.ok_or_else(|| wrong("expected a whole number of bytes".to_owned()))?;
        if size > self.0.len() {
            return Err(wrong(format!("{size} bytes are wanted, and the body has {} left", self.0.len())));
        }
        Ok(self.0.split_to(size))
    }

    /// Bytes that belong to no tensor are a mistake.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        match self.0.len() {
            0 => Ok(()),
            left => Err(Refusal::Invalid(format!("body: {left} bytes behind the JSON belong to no input"))),
        }
    }
}

/// Tensors of an answer on their way behind its JSON.
#[derive(Debug, Default)]
pub(super) struct Tensors {
    bytes: Vec<u8>,
    has_any: bool,
}

impl Tensors {
    /// Adds a tensor and returns how many bytes it takes.
    pub(super) fn push(&mut self, datatype: Datatype, values: &Values) -> usize {
        let tensor = raw::encode(datatype, values);
        self.has_any = true;
        self.bytes.extend(&tensor);
        tensor.len()
    }

    /// The body: JSON alone, or with the tensors behind it.
    pub(super) fn respond(self, body: &Value) -> Response {
        if !self.has_any {
            return Json(body).into_response();
        }
        let mut bytes = body.to_string().into_bytes();
        let length = HeaderValue::from(bytes.len());
        bytes.extend(self.bytes);
        let mut response = bytes.into_response();
        let headers = response.headers_mut();
        headers.insert(JSON_LENGTH, length);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        response
    }
}
