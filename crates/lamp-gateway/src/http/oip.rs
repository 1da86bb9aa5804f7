//! The Open Inference Protocol, version 2, over REST.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lamp_model::{Tensor, TensorData};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::address::Address;
use super::binary::{self, Tail, Tensors};
use super::body;
use super::reply::{Incoming, handle, refused};
use crate::gateway::Gateway;
use crate::headers::say_who;
use crate::oip::{self, InferRequest, Inferred, OutputTensor, check_parameters, config, find, statistics};
use crate::refusal::{Refusal, deadline};

/// Parameters may hold anything: those that nobody here knows are left alone.
type Parameters = Map<String, Value>;

#[derive(Deserialize)]
struct InferBody {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    parameters: Parameters,
    inputs: Vec<InputTensor>,
    #[serde(default)]
    outputs: Vec<RequestedOutput>,
}

#[derive(Deserialize)]
struct InputTensor {
    name: String,
    shape: Vec<i64>,
    datatype: String,
    #[serde(default)]
    parameters: Parameters,
    #[serde(default)]
    data: Option<Value>,
}

#[derive(Deserialize)]
struct RequestedOutput {
    name: String,
    #[serde(default)]
    parameters: Parameters,
}

pub(super) async fn server() -> Json<Value> {
    Json(json!({"name": oip::NAME, "version": oip::VERSION, "extensions": oip::EXTENSIONS}))
}

pub(super) async fn live() -> Json<Value> {
    Json(json!({"live": true}))
}

/// Ready when every service can answer. Clients look for either key.
pub(super) async fn ready(State(gateway): State<Gateway>) -> Response {
    if oip::is_ready(&gateway) {
        return Json(json!({"ready": true, "live": true})).into_response();
    }
    let body = json!({"ready": false, "live": true, "waits_for": gateway.0.waits_for()});
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

fn status(is_ready: bool) -> StatusCode {
    if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

pub(super) async fn model(State(gateway): State<Gateway>, address: Address) -> Response {
    match find(&gateway, &address.service, address.version.as_deref()) {
        Ok(service) => Json(oip::metadata(&service)).into_response(),
        // The extension puts the statistics of all models where a model's name would be.
        Err(_) if address.service == "stats" && address.version.is_none() => {
            Json(json!({"model_stats": statistics::of_all(&gateway)})).into_response()
        }
        Err(refusal) => refused(&refusal),
    }
}

pub(super) async fn model_ready(State(gateway): State<Gateway>, address: Address) -> Response {
    match find(&gateway, &address.service, address.version.as_deref()) {
        Ok(service) => {
            let is_ready = service.is_ready();
            (status(is_ready), Json(json!({"name": service.name, "ready": is_ready}))).into_response()
        }
        Err(refusal) => refused(&refusal),
    }
}

pub(super) async fn model_config(State(gateway): State<Gateway>, address: Address) -> Response {
    match find(&gateway, &address.service, address.version.as_deref()) {
        Ok(service) => Json(config::config(&service)).into_response(),
        Err(refusal) => refused(&refusal),
    }
}

pub(super) async fn model_stats(State(gateway): State<Gateway>, address: Address) -> Response {
    match find(&gateway, &address.service, address.version.as_deref()) {
        Ok(service) => {
            let stats = statistics::of_service(&service, address.version.as_deref());
            Json(json!({"model_stats": stats})).into_response()
        }
        Err(refusal) => refused(&refusal),
    }
}

pub(super) async fn infer(State(gateway): State<Gateway>, address: Address, request: Request) -> Response {
    let Address { service, version } = address;
    handle(gateway, &service, request, |incoming| respond(incoming, version)).await
}

async fn respond(incoming: Incoming, version: Option<String>) -> Result<Response, Refusal> {
    let Incoming { gateway, service, id, headers, body, started } = incoming;
    find(&gateway, service.name.as_str(), version.as_deref())?;
    let (json, mut tail) = binary::split(&headers, &body)?;
    let InferBody { id: own_id, parameters, inputs, outputs } = body::json(&json)?;
    let inputs =
        inputs.into_iter().enumerate().map(|(at, input)| tensor(input, at, &mut tail)).collect::<Result<_, _>>();
    let inputs = inputs?;
    tail.finish()?;
    let form = Form::read(&parameters, &outputs)?;
    let deadline = deadline(&service, deadline_ms(&parameters)?)?;
    let outputs = outputs.into_iter().map(|output| output.name).collect();
    let inferred = oip::infer(&gateway, InferRequest { service, id, started, deadline, inputs, outputs }).await?;
    let mut response = form.write(&inferred, own_id);
    say_who(response.headers_mut(), &inferred.answer);
    Ok(response)
}

fn tensor(input: InputTensor, at: usize, tail: &mut Tail) -> Result<Tensor, Refusal> {
    let path = || format!("inputs[{at}]");
    let InputTensor { name, shape, datatype, parameters, data } = input;
    check_parameters(path, |name| parameters.contains_key(name))?;
    let data = match (data, parameters.get(binary::SIZE)) {
        (Some(data), None) => TensorData::Json(data),
        (None, Some(size)) => TensorData::Raw(tail.take(size, &path())?),
        (None, None) => return Err(Refusal::Invalid(format!("{}.data: is missing", path()))),
        (Some(_), Some(_)) => {
            let problem = format!("{}.data: there are bytes for it too ({})", path(), binary::SIZE);
            return Err(Refusal::Invalid(problem));
        }
    };
    Ok(Tensor { name, shape, datatype, data })
}

fn deadline_ms(parameters: &Parameters) -> Result<Option<u64>, Refusal> {
    let wrong =
        || Refusal::Invalid(format!("parameters.{}: expected a whole number of milliseconds", oip::DEADLINE_MS));
    parameters.get(oip::DEADLINE_MS).map(|value| value.as_u64().ok_or_else(wrong)).transpose()
}

/// Which outputs are wanted as bytes.
struct Form {
    /// What the request says of all outputs.
    binary: bool,
    /// What it says of single ones.
    outputs: Vec<(String, bool)>,
}

impl Form {
    fn read(parameters: &Parameters, outputs: &[RequestedOutput]) -> Result<Self, Refusal> {
        let binary = flag(|| "parameters".to_owned(), parameters, "binary_data_output")?.unwrap_or(false);
        let mut named = Vec::new();
        for (at, output) in outputs.iter().enumerate() {
            let path = || format!("outputs[{at}]");
            check_parameters(path, |name| output.parameters.contains_key(name))?;
            let own = flag(|| format!("outputs[{at}].parameters"), &output.parameters, "binary_data")?;
            named.push((output.name.clone(), own.unwrap_or(binary)));
        }
        Ok(Self { binary, outputs: named })
    }

    fn is_binary(&self, name: &str) -> bool {
        self.outputs.iter().find(|(output, _)| output == name).map_or(self.binary, |(_, binary)| *binary)
    }

    fn write(&self, inferred: &Inferred, id: Option<String>) -> Response {
        let mut tensors = Tensors::default();
        let outputs: Vec<Value> = inferred.outputs().map(|output| self.output(&output, &mut tensors)).collect();
        let parameters: Map<String, Value> =
            inferred.parameters().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        let mut body = json!({
            "model_name": inferred.service.name,
            "model_version": inferred.answer.model.to_string(),
            "parameters": parameters,
            "outputs": outputs,
        });
        if let (Some(id), Some(body)) = (id, body.as_object_mut()) {
            body.insert("id".to_owned(), Value::String(id));
        }
        tensors.respond(&body)
    }

    fn output(&self, output: &OutputTensor<'_>, tensors: &mut Tensors) -> Value {
        let OutputTensor { datatype, shape, column } = output;
        let (name, values) = (&column.name, &column.values);
        if self.is_binary(name) {
            let size = tensors.push(*datatype, values);
            return json!({"name": name, "datatype": datatype, "shape": shape, "parameters": {binary::SIZE: size}});
        }
        let data: Vec<Value> = (0..values.len()).map(|at| values.json(at)).collect();
        json!({"name": name, "datatype": datatype, "shape": shape, "data": data})
    }
}

fn flag(path: impl Fn() -> String, parameters: &Parameters, name: &str) -> Result<Option<bool>, Refusal> {
    let wrong = || Refusal::Invalid(format!("{}.{name}: expected true or false", path()));
    parameters.get(name).map(|value| value.as_bool().ok_or_else(wrong)).transpose()
}
