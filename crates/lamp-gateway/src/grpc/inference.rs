//! The calls of `inference.GRPCInferenceService`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use lamp_core::ids::RequestId;
use tokio::time::Instant;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Extensions, Request, Response, Status};

use super::{status, tensors};
use crate::answer::Answered;
use crate::gateway::Gateway;
use crate::headers::{REQUEST_ID, put, request_id, say_who};
use crate::oip::config::{self, TensorConfig};
use crate::oip::statistics::{self, Spent};
use crate::oip::{self, InferRequest, Inferred, Parameter, TensorMetadata, check_parameters, find};
use crate::proto::grpc_inference_service_server::GrpcInferenceService;
use crate::proto::infer_parameter::ParameterChoice;
use crate::proto::{
    DataType, InferParameter, InferStatistics, ModelConfig, ModelConfigRequest, ModelConfigResponse, ModelInferRequest,
    ModelInferResponse, ModelInput, ModelMetadataRequest, ModelMetadataResponse, ModelOutput, ModelReadyRequest,
    ModelReadyResponse, ModelStatistics, ModelStatisticsRequest, ModelStatisticsResponse, ServerLiveRequest,
    ServerLiveResponse, ServerMetadataRequest, ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse,
    StatisticDuration, model_metadata_response,
};
use crate::refusal::{Refusal, deadline};
use crate::service::Service;

/// How long the client waits, by its own word.
const TIMEOUT: &str = "grpc-timeout";

pub(super) struct Inference(pub(super) Gateway);

/// Time of a client's patience that is kept back for the way.
const TRAVEL_MAX: Duration = Duration::from_millis(50);

impl Inference {
    fn find(&self, name: &str, version: &str) -> Result<Arc<Service>, Refusal> {
        find(&self.0, name, Some(version).filter(|version| !version.is_empty()))
    }

    async fn infer(
        &self,
        id: RequestId,
        started: Instant,
        timeout: Option<Duration>,
        message: ModelInferRequest,
    ) -> Result<(Answered, ModelInferResponse), Refusal> {
        let service = self.find(&message.model_name, &message.model_version)?;
        let asked = ask(id, started, timeout, Arc::clone(&service), message);
        let (request, own_id, is_raw) = asked.inspect_err(|refusal| refusal.count(&service))?;
        let inferred = oip::infer(&self.0, request).await.inspect_err(|refusal| refusal.count(&service))?;
        let mut response = ModelInferResponse {
            model_name: service.name.to_string(),
            model_version: inferred.answer.model.to_string(),
            id: own_id,
            parameters: parameters(&inferred),
            ..ModelInferResponse::default()
        };
        tensors::write(&inferred, is_raw, &mut response);
        Ok((inferred.answer, response))
    }
}

/// The request, the client's own id of it, and whether its tensors came as bytes.
fn ask(
    id: RequestId,
    started: Instant,
    timeout: Option<Duration>,
    service: Arc<Service>,
    message: ModelInferRequest,
) -> Result<(InferRequest, String, bool), Refusal> {
    let deadline = match deadline_ms(&message.parameters)? {
        Some(asked) => deadline(&service, Some(asked))?,
        // A client's patience may cut the time to answer, but is no wish for a longer one.
        None => timeout.map_or(service.deadline, |timeout| within(timeout).min(service.deadline)),
    };
    let is_raw = !message.raw_input_contents.is_empty();
    let inputs = tensors::read(message.inputs, message.raw_input_contents)?;
    for (at, output) in message.outputs.iter().enumerate() {
        check_parameters(|| format!("outputs[{at}]"), |name| output.parameters.contains_key(name))?;
    }
    let outputs = message.outputs.into_iter().map(|output| output.name).collect();
    Ok((InferRequest { service, id, started, deadline, inputs, outputs }, message.id, is_raw))
}

/// Time to answer a client that waits for `timeout`: its clock runs while the call comes and goes.
fn within(timeout: Duration) -> Duration {
    timeout.saturating_sub(TRAVEL_MAX.min(timeout / 10))
}

fn deadline_ms(parameters: &BTreeMap<String, InferParameter>) -> Result<Option<u64>, Refusal> {
    let Some(parameter) = parameters.get(oip::DEADLINE_MS) else { return Ok(None) };
    let asked = match parameter.parameter_choice {
        Some(ParameterChoice::Int64Param(ms)) => u64::try_from(ms).ok(),
        Some(ParameterChoice::Uint64Param(ms)) => Some(ms),
        Some(ParameterChoice::BoolParam(_) | ParameterChoice::StringParam(_) | ParameterChoice::DoubleParam(_))
        | None => None,
    };
    let wrong =
        || Refusal::Invalid(format!("parameters.{}: expected a whole number of milliseconds", oip::DEADLINE_MS));
    asked.map(Some).ok_or_else(wrong)
}

fn parameters(inferred: &Inferred) -> BTreeMap<String, InferParameter> {
    let choice = |parameter| match parameter {
        Parameter::Text(text) => ParameterChoice::StringParam(text),
        Parameter::Number(number) => ParameterChoice::Int64Param(i64::try_from(number).unwrap_or(i64::MAX)),
    };
    let named = inferred.parameters().into_iter();
    named.map(|(name, value)| (name.to_owned(), InferParameter { parameter_choice: Some(choice(value)) })).collect()
}

/// `grpc-timeout` is at most eight digits and a unit.
fn timeout(metadata: &MetadataMap) -> Option<Duration> {
    const DIGITS_MAX: usize = 8;
    let text = metadata.get(TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok().filter(|_| digits.len() <= DIGITS_MAX)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3_600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

fn metadata_tensor(tensor: TensorMetadata) -> model_metadata_response::TensorMetadata {
    let TensorMetadata { name, datatype, shape } = tensor;
    model_metadata_response::TensorMetadata { name, datatype: datatype.to_owned(), shape }
}

fn data_type(tensor: &TensorConfig) -> i32 {
    DataType::from_str_name(tensor.data_type).unwrap_or(DataType::TypeInvalid).into()
}

fn input(tensor: TensorConfig) -> ModelInput {
    ModelInput { data_type: data_type(&tensor), name: tensor.name, dims: tensor.dims, optional: tensor.optional }
}

fn output(tensor: TensorConfig) -> ModelOutput {
    ModelOutput { data_type: data_type(&tensor), name: tensor.name, dims: tensor.dims }
}

fn spent(spent: Spent) -> StatisticDuration {
    StatisticDuration { count: spent.count, ns: spent.ns }
}

fn model_statistics(stats: statistics::ModelStatistics) -> ModelStatistics {
    let infer = stats.inference_stats;
    ModelStatistics {
        name: stats.name,
        version: stats.version,
        last_inference: stats.last_inference,
        inference_count: stats.inference_count,
        execution_count: stats.execution_count,
        inference_stats: Some(InferStatistics {
            success: Some(spent(infer.success)),
            fail: Some(spent(infer.fail)),
            queue: Some(spent(infer.queue)),
            compute_input: Some(spent(infer.compute_input)),
            compute_infer: Some(spent(infer.compute_infer)),
            compute_output: Some(spent(infer.compute_output)),
            cache_hit: Some(spent(infer.cache_hit)),
            cache_miss: Some(spent(infer.cache_miss)),
        }),
    }
}

#[tonic::async_trait]
impl GrpcInferenceService for Inference {
    async fn server_live(&self, _: Request<ServerLiveRequest>) -> Result<Response<ServerLiveResponse>, Status> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, _: Request<ServerReadyRequest>) -> Result<Response<ServerReadyResponse>, Status> {
        Ok(Response::new(ServerReadyResponse { ready: oip::is_ready(&self.0) }))
    }

    async fn model_ready(&self, request: Request<ModelReadyRequest>) -> Result<Response<ModelReadyResponse>, Status> {
        let ModelReadyRequest { name, version } = request.into_inner();
        let service = self.find(&name, &version).map_err(|refusal| status(&refusal))?;
        Ok(Response::new(ModelReadyResponse { ready: service.is_ready() }))
    }

    async fn server_metadata(
        &self,
        _: Request<ServerMetadataRequest>,
    ) -> Result<Response<ServerMetadataResponse>, Status> {
        Ok(Response::new(ServerMetadataResponse {
            name: oip::NAME.to_owned(),
            version: oip::VERSION.to_owned(),
            extensions: oip::EXTENSIONS.map(str::to_owned).to_vec(),
        }))
    }

    async fn model_metadata(
        &self,
        request: Request<ModelMetadataRequest>,
    ) -> Result<Response<ModelMetadataResponse>, Status> {
        let ModelMetadataRequest { name, version } = request.into_inner();
        let service = self.find(&name, &version).map_err(|refusal| status(&refusal))?;
        let metadata = oip::metadata(&service);
        Ok(Response::new(ModelMetadataResponse {
            name: metadata.name,
            versions: metadata.versions,
            platform: metadata.platform.to_owned(),
            inputs: metadata.inputs.into_iter().map(metadata_tensor).collect(),
            outputs: metadata.outputs.into_iter().map(metadata_tensor).collect(),
        }))
    }

    async fn model_infer(&self, request: Request<ModelInferRequest>) -> Result<Response<ModelInferResponse>, Status> {
        let started = Instant::now();
        let (metadata, _, message) = request.into_parts();
        let id = request_id(&self.0, metadata.get(REQUEST_ID.as_str()).map(MetadataValue::as_bytes));
        let outcome = self.infer(id, started, timeout(&metadata), message).await;
        let mut headers = HeaderMap::new();
        put(&mut headers, &REQUEST_ID, &id.to_string());
        match outcome {
            Ok((answer, message)) => {
                say_who(&mut headers, &answer);
                Ok(Response::from_parts(MetadataMap::from_headers(headers), message, Extensions::default()))
            }
            Err(refusal) => {
                let mut status = status(&refusal);
                *status.metadata_mut() = MetadataMap::from_headers(headers);
                Err(status)
            }
        }
    }

    async fn model_config(
        &self,
        request: Request<ModelConfigRequest>,
    ) -> Result<Response<ModelConfigResponse>, Status> {
        let ModelConfigRequest { name, version } = request.into_inner();
        let service = self.find(&name, &version).map_err(|refusal| status(&refusal))?;
        let config = config::config(&service);
        let config = ModelConfig {
            name: config.name,
            platform: config.platform.to_owned(),
            max_batch_size: config.max_batch_size,
            input: config.input.into_iter().map(input).collect(),
            output: config.output.into_iter().map(output).collect(),
            backend: config.backend.to_owned(),
        };
        Ok(Response::new(ModelConfigResponse { config: Some(config) }))
    }

    async fn model_statistics(
        &self,
        request: Request<ModelStatisticsRequest>,
    ) -> Result<Response<ModelStatisticsResponse>, Status> {
        let ModelStatisticsRequest { name, version } = request.into_inner();
        let stats = if name.is_empty() {
            statistics::of_all(&self.0)
        } else {
            let service = self.find(&name, &version).map_err(|refusal| status(&refusal))?;
            statistics::of_service(&service, Some(version.as_str()).filter(|version| !version.is_empty()))
        };
        let model_stats = stats.into_iter().map(model_statistics).collect();
        Ok(Response::new(ModelStatisticsResponse { model_stats }))
    }
}
