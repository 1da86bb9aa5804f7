//! The Open Inference Protocol, version 2, over REST. The protocol's model is a service of ours;
//! its versions are the models mounted there (`delay@3`).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lamp_core::package::Field;
use lamp_core::route::Role;
use lamp_model::{Batch, OutputColumn, Tensor};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::reply::{Incoming, Refusal, answered, error, find_service, handle};
use crate::answer::Answered;
use crate::gateway::Gateway;
use crate::service::Service;

#[derive(Deserialize)]
pub(super) struct ModelPath {
    service: String,
    #[serde(default)]
    version: Option<String>,
}

#[derive(Deserialize)]
struct InferRequest {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    parameters: Map<String, Value>,
    inputs: Vec<Tensor>,
    #[serde(default)]
    outputs: Vec<RequestedOutput>,
}

#[derive(Deserialize)]
struct RequestedOutput {
    name: String,
}

pub(super) async fn server() -> Json<Value> {
    Json(json!({"name": "lamplighter", "version": env!("CARGO_PKG_VERSION"), "extensions": []}))
}

pub(super) async fn live() -> Json<Value> {
    Json(json!({"live": true}))
}

/// Ready when every service has a model that can answer. Clients look for either key.
pub(super) async fn ready(State(gateway): State<Gateway>) -> Response {
    let is_ready = gateway.0.services().values().all(|service| service.is_ready());
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ready": is_ready, "live": true}))).into_response()
}

pub(super) async fn model(State(gateway): State<Gateway>, Path(path): Path<ModelPath>) -> Response {
    match find(&gateway, &path) {
        Ok(service) => Json(metadata(&service)).into_response(),
        Err(refusal) => error(StatusCode::NOT_FOUND, &refusal.to_string()),
    }
}

pub(super) async fn model_ready(State(gateway): State<Gateway>, Path(path): Path<ModelPath>) -> Response {
    match find(&gateway, &path) {
        Ok(service) => {
            let is_ready = service.is_ready();
            let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            (status, Json(json!({"name": service.name, "ready": is_ready}))).into_response()
        }
        Err(refusal) => error(StatusCode::NOT_FOUND, &refusal.to_string()),
    }
}

/// A version in the path must be mounted; who answers is for the route to say, as always.
fn find(gateway: &Gateway, path: &ModelPath) -> Result<Arc<Service>, Refusal> {
    let service = find_service(gateway, &path.service)?;
    let Some(version) = &path.version else { return Ok(service) };
    let versions = versions(&service);
    if versions.contains(version) {
        return Ok(service);
    }
    let known = versions.join(", ");
    Err(Refusal::NotFound(format!("service `{}` has no such version (there is: {known})", service.name)))
}

fn versions(service: &Service) -> Vec<String> {
    [Role::Primary, Role::Shadow]
        .into_iter()
        .filter_map(|role| service.lane(role))
        .map(|lane| lane.model_ref.to_string())
        .collect()
}

fn metadata(service: &Service) -> Value {
    let outputs = service.active_lane().map(|lane| Arc::clone(lane.model.signature()));
    let tensors = |fields: &[Field]| fields.iter().map(tensor_metadata).collect::<Vec<_>>();
    json!({
        "name": service.name,
        "versions": versions(service),
        "platform": "lamplighter",
        "inputs": tensors(&service.signature.inputs),
        "outputs": outputs.map(|signature| tensors(&signature.outputs)),
    })
}

fn tensor_metadata(field: &Field) -> Value {
    let row = field.shape.iter().map(|d| json!(d));
    let shape: Vec<Value> = std::iter::once(json!(-1)).chain(row).collect();
    json!({"name": field.name, "datatype": field.datatype.as_str(), "shape": shape})
}

pub(super) async fn infer(State(gateway): State<Gateway>, Path(path): Path<ModelPath>, request: Request) -> Response {
    let service = path.service.clone();
    handle(gateway, &service, request, |incoming| answer(incoming, path)).await
}

async fn answer(incoming: Incoming, path: ModelPath) -> Result<Response, Refusal> {
    find(&incoming.gateway, &path)?;
    let request: InferRequest =
        serde_json::from_slice(&incoming.body).map_err(|e| Refusal::Invalid(format!("body: {e}")))?;
    let batch = Batch::from_tensors(&incoming.service.signature, &request.inputs)?;
    check_outputs(&incoming.service, &request.outputs)?;
    let rows = batch.rows();
    let answer = incoming.ask(batch, deadline_ms(&request.parameters)?).await?;
    let is_wanted = |name: &str| request.outputs.is_empty() || request.outputs.iter().any(|output| output.name == name);
    let outputs: Vec<Value> = answer
        .outputs()
        .iter()
        .flat_map(|outputs| &outputs.columns)
        .filter(|column| is_wanted(&column.name))
        .map(|column| tensor(&incoming.service, &answer, column, rows))
        .collect();
    let mut body = json!({
        "model_name": incoming.service.name,
        "model_version": answer.model.to_string(),
        "parameters": parameters(&incoming, &answer),
        "outputs": outputs,
    });
    if let (Some(id), Some(body)) = (request.id, body.as_object_mut()) {
        body.insert("id".to_owned(), Value::String(id));
    }
    Ok(answered(&answer, &body))
}

/// Outputs are asked for by name before it is known which model answers: either may have them.
fn check_outputs(service: &Service, outputs: &[RequestedOutput]) -> Result<(), Refusal> {
    let has = |name: &str| {
        [Role::Primary, Role::Shadow]
            .into_iter()
            .filter_map(|role| service.lane(role))
            .any(|lane| lane.model.signature().outputs.iter().any(|field| field.name == name))
    };
    match outputs.iter().enumerate().find(|(_, output)| !has(&output.name)) {
        None => Ok(()),
        Some((at, output)) => {
            Err(Refusal::Invalid(format!("outputs[{at}].name: the model has no output `{}`", output.name)))
        }
    }
}

fn deadline_ms(parameters: &Map<String, Value>) -> Result<Option<u64>, Refusal> {
    let wrong = || Refusal::Invalid("parameters.deadline_ms: expected a whole number of milliseconds".to_owned());
    parameters.get("deadline_ms").map(|value| value.as_u64().ok_or_else(wrong)).transpose()
}

fn tensor(service: &Service, answer: &Answered, column: &OutputColumn, rows: usize) -> Value {
    let signature = service.lane(answer.served_by).map(|lane| lane.model.signature());
    let field = signature.and_then(|signature| signature.outputs.iter().find(|field| field.name == column.name));
    let datatype = field.map(|field| field.datatype.as_str());
    let shape: Vec<usize> = std::iter::once(rows).chain(column.shape.iter().copied()).collect();
    let data: Vec<Value> = (0..column.values.len()).map(|at| column.values.json(at)).collect();
    json!({"name": column.name, "datatype": datatype, "shape": shape, "data": data})
}

/// Parameters are scalars in the protocol: the ids of several rows are joined with commas.
fn parameters(incoming: &Incoming, answer: &Answered) -> Value {
    let ids = answer.ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut parameters = json!({
        "request_id": incoming.id,
        "prediction_ids": ids,
        "served_by": answer.served_by,
        "route_epoch": answer.epoch,
    });
    if let (Some(reason), Some(parameters)) = (answer.reason, parameters.as_object_mut()) {
        parameters.insert("fallback_reason".to_owned(), json!(reason));
    }
    parameters
}
