//! The Open Inference Protocol, version 2, as REST and gRPC have it in common. The protocol's
//! model is a service of ours; its versions are the models mounted there (`delay@3`).

pub(crate) mod config;
pub(crate) mod statistics;

use std::sync::Arc;
use std::time::Duration;

use lamp_core::ids::RequestId;
use lamp_core::package::{Datatype, Field};
use lamp_model::{Batch, OutputColumn, Tensor};
use serde::Serialize;
use tokio::time::Instant;

use crate::answer::{Answered, Request, answer};
use crate::gateway::Gateway;
use crate::refusal::{Refusal, find_service};
use crate::service::Service;

/// What the server is called in the protocol; also the platform of every model.
pub(crate) const NAME: &str = "lamplighter";

/// Our version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is spoken beyond the protocol's core, by the names that clients look for.
pub(crate) const EXTENSIONS: [&str; 3] = ["binary_tensor_data", "model_configuration", "statistics"];

/// The parameter with a request's own deadline, in milliseconds.
pub(crate) const DEADLINE_MS: &str = "deadline_ms";

/// Whether the gateway should get requests.
pub(crate) fn is_ready(gateway: &Gateway) -> bool {
    gateway.0.is_ready()
}

/// Finds a service by the protocol's model name. A version must be mounted; who answers is for
/// the route to say, as always.
pub(crate) fn find(gateway: &Gateway, name: &str, version: Option<&str>) -> Result<Arc<Service>, Refusal> {
    let service = find_service(gateway, name)?;
    let Some(version) = version else { return Ok(service) };
    let versions = versions(&service);
    if versions.iter().any(|known| known == version) {
        return Ok(service);
    }
    let known = versions.join(", ");
    Err(Refusal::NotFound(format!("service `{}` has no such version (there is: {known})", service.name)))
}

pub(crate) fn versions(service: &Service) -> Vec<String> {
    service.lanes().map(|lane| lane.model_ref.to_string()).collect()
}

/// A tensor as clients are told of it.
#[derive(Debug, Serialize)]
pub(crate) struct TensorMetadata {
    pub(crate) name: String,
    pub(crate) datatype: &'static str,
    pub(crate) shape: Vec<i64>,
}

/// A service as clients are told of it.
#[derive(Debug, Serialize)]
pub(crate) struct ModelMetadata {
    pub(crate) name: String,
    pub(crate) versions: Vec<String>,
    pub(crate) platform: &'static str,
    pub(crate) inputs: Vec<TensorMetadata>,
    pub(crate) outputs: Vec<TensorMetadata>,
}

pub(crate) fn metadata(service: &Service) -> ModelMetadata {
    ModelMetadata {
        name: service.name.to_string(),
        versions: versions(service),
        platform: NAME,
        inputs: service.signature.inputs.iter().map(tensor_metadata).collect(),
        outputs: outputs(service).iter().map(tensor_metadata).collect(),
    }
}

/// The outputs of the model that answers by the route.
fn outputs(service: &Service) -> Vec<Field> {
    service.active_lane().map(|lane| lane.model.signature().outputs.clone()).unwrap_or_default()
}

/// Rows are the first dimension, and there may be any number of them.
fn tensor_metadata(field: &Field) -> TensorMetadata {
    let shape = std::iter::once(-1).chain(field.shape.iter().map(|d| dimension(*d))).collect();
    TensorMetadata { name: field.name.clone(), datatype: field.datatype.as_str(), shape }
}

fn dimension(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// Refuses what a tensor may ask of other servers and would not get here. `path` is only built when
/// it is refused.
pub(crate) fn check_parameters(path: impl Fn() -> String, has: impl Fn(&str) -> bool) -> Result<(), Refusal> {
    const FOREIGN: [(&str, &str); 2] = [
        ("shared_memory_region", "tensors in shared memory are not read or written"),
        ("classification", "outputs are given as they are"),
    ];
    match FOREIGN.iter().find(|(name, _)| has(name)) {
        None => Ok(()),
        Some((name, why)) => Err(Refusal::Invalid(format!("{}.parameters.{name}: {why}", path()))),
    }
}

/// A request for an inference, whichever way it came.
pub(crate) struct InferRequest {
    pub(crate) service: Arc<Service>,
    pub(crate) id: RequestId,
    pub(crate) started: Instant,
    pub(crate) deadline: Duration,
    pub(crate) inputs: Vec<Tensor>,
    /// Names of the outputs that are wanted; none means all.
    pub(crate) outputs: Vec<String>,
}

/// An inference with what was wanted of it.
pub(crate) struct Inferred {
    pub(crate) service: Arc<Service>,
    pub(crate) id: RequestId,
    pub(crate) answer: Answered,
    rows: usize,
    wanted: Vec<String>,
}

/// One output tensor of an answer.
pub(crate) struct OutputTensor<'a> {
    pub(crate) datatype: Datatype,
    pub(crate) shape: Vec<i64>,
    pub(crate) column: &'a OutputColumn,
}

/// Validates the tensors and asks the service.
pub(crate) async fn infer(gateway: &Gateway, request: InferRequest) -> Result<Inferred, Refusal> {
    let InferRequest { service, id, started, deadline, inputs, outputs } = request;
    let batch = Batch::from_tensors(&service.signature, &inputs)?;
    check_outputs(&service, &outputs)?;
    let rows = batch.rows();
    let request = Request { id, batch: Arc::new(batch), started, deadline };
    let answer = answer(&gateway.0, &service, request).await?;
    Ok(Inferred { service, id, answer, rows, wanted: outputs })
}

/// Outputs are asked for by name before it is known which model answers: either may have them.
fn check_outputs(service: &Service, outputs: &[String]) -> Result<(), Refusal> {
    let has =
        |name: &str| service.lanes().any(|lane| lane.model.signature().outputs.iter().any(|field| field.name == name));
    match outputs.iter().enumerate().find(|(_, output)| !has(output)) {
        None => Ok(()),
        Some((at, output)) => Err(Refusal::Invalid(format!("outputs[{at}].name: the model has no output `{output}`"))),
    }
}

impl Inferred {
    /// The outputs that are wanted, in the order of the signature of the model that answered.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = OutputTensor<'_>> {
        let signature = self.service.lane(self.answer.served_by).map(|lane| lane.model.signature());
        let fields = signature.into_iter().flat_map(|signature| &signature.outputs);
        let is_wanted = |field: &&Field| self.wanted.is_empty() || self.wanted.contains(&field.name);
        fields.filter(is_wanted).filter_map(|field| {
            let column = self.answer.outputs()?.find(&field.name)?;
            let row_shape = column.shape.iter().map(|d| dimension(*d));
            let shape = std::iter::once(dimension(self.rows)).chain(row_shape).collect();
            Some(OutputTensor { datatype: field.datatype, shape, column })
        })
    }

    /// What else the answer says, by name. Parameters are scalars in the protocol: the ids of
    /// several rows are joined with commas.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, Parameter)> {
        let answer = &self.answer;
        let ids = answer.ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let mut parameters = vec![
            ("request_id", Parameter::Text(self.id.to_string())),
            ("prediction_ids", Parameter::Text(ids)),
            ("served_by", Parameter::Text(answer.served_by.as_str().to_owned())),
            ("route_epoch", Parameter::Number(answer.epoch)),
        ];
        if let Some(reason) = answer.reason {
            parameters.push(("fallback_reason", Parameter::Text(reason.as_str().to_owned())));
        }
        parameters
    }
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Parameter {
    Text(String),
    Number(u64),
}
