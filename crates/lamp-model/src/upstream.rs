//! Models on another server that speaks the Open Inference Protocol, version 2, over plain HTTP.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, Uri, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lamp_core::package::{Field, Signature};
use lamp_core::prediction::FallbackReason;
use lamp_core::table::Values;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::load::LoadError;
use crate::model::{Health, HealthState, Model, PredictError, Predicting};
use crate::outputs::{OutputColumn, Outputs, flatten, read_column};
use crate::signature::{Batch, Rejection};

/// Requests under way at once; more are refused as overload.
pub const UPSTREAM_REQUESTS_MAX: usize = 256;

/// Longest answer that is read, in bytes.
pub const UPSTREAM_BODY_MAX: usize = 64 * 1024 * 1024;

/// A server that takes longer is given up.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
const IDLE_FOR: Duration = Duration::from_secs(30);

/// A model behind somebody else's server.
#[derive(Debug)]
pub struct UpstreamModel {
    signature: Arc<Signature>,
    client: Client<HttpConnector, Full<Bytes>>,
    infer: Uri,
    slots: Semaphore,
    last_failure: Mutex<Option<String>>,
}

/// What is read of the server's answer.
#[derive(Deserialize)]
struct InferResponse {
    outputs: Vec<OutputTensor>,
}

#[derive(Deserialize)]
struct OutputTensor {
    name: String,
    shape: Vec<i64>,
    datatype: String,
    data: Value,
}

impl UpstreamModel {
    /// Makes a client for `model` at the base address `url` and asks whether the model is ready.
    pub async fn connect(url: &str, model: &str, signature: Arc<Signature>) -> Result<Self, LoadError> {
        let base = url.trim_end_matches('/');
        if !base.starts_with("http://") {
            return Err(LoadError::Upstream(format!("`{url}` is not an http:// address")));
        }
        let is_plain = !model.is_empty()
            && model != "."
            && model != ".."
            && model.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if !is_plain {
            return Err(LoadError::Upstream(format!("`{model}` is not a model name")));
        }
        let uri = |path: &str| {
            let text = format!("{base}/v2/models/{model}/{path}");
            text.parse::<Uri>().map_err(|error| LoadError::Upstream(format!("`{text}`: {error}")))
        };
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_WITHIN));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_FOR)
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(UPSTREAM_REQUESTS_MAX)
            .build(connector);
        let model = Self {
            signature,
            client,
            infer: uri("infer")?,
            slots: Semaphore::new(UPSTREAM_REQUESTS_MAX),
            last_failure: Mutex::new(None),
        };
        let (status, body) = model.send(Method::GET, uri("ready")?, Bytes::new()).await.map_err(LoadError::Upstream)?;
        if status != StatusCode::OK {
            return Err(LoadError::Upstream(format!("it is not ready: {status} {}", excerpt(&body))));
        }
        Ok(model)
    }

    async fn send(&self, method: Method, uri: Uri, body: Bytes) -> Result<(StatusCode, Bytes), String> {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| chain(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), UPSTREAM_BODY_MAX)
                .collect()
                .await
                .map_err(|error| error.to_string())?
                .to_bytes();
            Ok((status, body))
        };
        timeout(ANSWER_WITHIN, exchange)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", ANSWER_WITHIN.as_secs())))
    }

    async fn ask(&self, batch: Arc<Batch>) -> Result<Outputs, PredictError> {
        let _slot = self.slots.try_acquire().map_err(|_| PredictError::Overload { queued: UPSTREAM_REQUESTS_MAX })?;
        let answer = self.infer(&batch).await;
        let mut last_failure = self.last_failure.lock().unwrap_or_else(PoisonError::into_inner);
        *last_failure = answer.as_ref().err().map(ToString::to_string);
        drop(last_failure);
        answer
    }

    async fn infer(&self, batch: &Batch) -> Result<Outputs, PredictError> {
        let body = request_body(batch, &self.signature)
            .map_err(|error| PredictError::Failed { message: format!("it cannot be asked: {error}") })?;
        let (status, body) =
            self.send(Method::POST, self.infer.clone(), body).await.map_err(|why| PredictError::Gone { why })?;
        if status != StatusCode::OK {
            return Err(PredictError::Failed { message: format!("{status}: {}", excerpt(&body)) });
        }
        let response: InferResponse = serde_json::from_slice(&body)
            .map_err(|error| PredictError::Failed { message: format!("its answer cannot be read: {error}") })?;
        let columns = self
            .signature
            .outputs
            .iter()
            .map(|field| output(field, batch.rows(), &response.outputs))
            .collect::<Result<_, _>>()?;
        Ok(Outputs { columns })
    }
}

impl Model for UpstreamModel {
    fn signature(&self) -> &Arc<Signature> {
        &self.signature
    }

    fn predict(&self, batch: Arc<Batch>) -> Predicting<'_> {
        self.ask(batch).boxed()
    }

    fn health(&self) -> Health {
        let detail = self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let state = if detail.is_none() { HealthState::Ready } else { HealthState::Degraded };
        Health { state, detail, workers: Vec::new() }
    }
}

/// An error with its causes; the outermost alone says next to nothing.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn excerpt(body: &Bytes) -> String {
    const SHOWN_MAX: usize = 200;
    String::from_utf8_lossy(body.get(..SHOWN_MAX).unwrap_or(body)).into_owned()
}

/// What is asked; inputs and outputs go under their `source` names where they have one.
#[derive(Serialize)]
struct InferRequest<'a> {
    inputs: Vec<InputTensor<'a>>,
    outputs: Vec<OutputName<'a>>,
}

#[derive(Serialize)]
struct InputTensor<'a> {
    name: &'a str,
    shape: Vec<usize>,
    datatype: &'static str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct OutputName<'a> {
    name: &'a str,
}

/// Values as one flat list, written as they stand: one request may have millions.
struct Data<'a>(&'a Values);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Values::Bool(values) => serializer.collect_seq(values),
            Values::Int(values) => serializer.collect_seq(values),
            Values::Float(values) => serializer.collect_seq(values),
            Values::Text(values) => serializer.collect_seq(values),
            Values::Instant(_) => serializer.collect_seq((0..self.0.len()).map(|at| self.0.json(at))),
        }
    }
}

/// The batch as tensors.
fn request_body(batch: &Batch, signature: &Signature) -> Result<Bytes, serde_json::Error> {
    let inputs = batch.inputs().map(|(field, values)| InputTensor {
        name: tensor_name(field),
        shape: std::iter::once(batch.rows()).chain(field.shape.iter().copied()).collect(),
        datatype: field.datatype.as_str(),
        data: Data(values),
    });
    let outputs = signature.outputs.iter().map(|field| OutputName { name: tensor_name(field) });
    serde_json::to_vec(&InferRequest { inputs: inputs.collect(), outputs: outputs.collect() }).map(Bytes::from)
}

fn tensor_name(field: &Field) -> &str {
    field.source.as_ref().map_or(field.name.as_str(), |source| source.tensor.as_str())
}

fn output(field: &Field, rows: usize, tensors: &[OutputTensor]) -> Result<OutputColumn, Rejection> {
    let name = tensor_name(field);
    let shape_error = |detail: String| Rejection::new(FallbackReason::Shape, detail);
    let tensor = tensors
        .iter()
        .find(|tensor| tensor.name == name)
        .ok_or_else(|| shape_error(format!("output `{name}` is missing")))?;
    let is_float = matches!(tensor.datatype.as_str(), "FP16" | "BF16" | "FP32" | "FP64");
    if is_float != field.datatype.is_float() {
        let detail = format!("output `{name}` should be {}, is {}", field.datatype.as_str(), tensor.datatype);
        return Err(Rejection::new(FallbackReason::Dtype, detail));
    }
    let mut dims = tensor.shape.iter().map(|d| usize::try_from(*d).unwrap_or(0));
    if dims.next() != Some(rows) {
        return Err(shape_error(format!("output `{name}` has shape {:?} for {rows} rows", tensor.shape)));
    }
    let mut flat = Vec::new();
    flatten(tensor.data.as_array().map_or(&[], Vec::as_slice), &mut flat);
    let Some(column) = field.source.as_ref().and_then(|source| source.column) else {
        let owned: Vec<Value> = flat.into_iter().cloned().collect();
        return read_column(field, rows, &owned);
    };
    let stride: usize = dims.product();
    if column >= stride || stride * rows != flat.len() {
        return Err(shape_error(format!("output `{name}` has no column {column}")));
    }
    let picked: Vec<Value> = flat.into_iter().skip(column).step_by(stride).cloned().collect();
    read_column(field, rows, &picked)
}
