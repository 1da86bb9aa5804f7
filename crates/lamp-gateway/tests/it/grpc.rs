//! The protocol over gRPC, at the port of the REST addresses.

use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use lamp_core::package::Datatype;
use lamp_core::table::Values;
use lamp_gateway::proto::grpc_inference_service_client::GrpcInferenceServiceClient;
use lamp_gateway::proto::infer_parameter::ParameterChoice;
use lamp_gateway::proto::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use lamp_gateway::proto::{
    InferParameter, InferTensorContents, ModelConfigRequest, ModelInferRequest, ModelInferResponse,
    ModelMetadataRequest, ModelReadyRequest, ModelStatisticsRequest, ServerLiveRequest, ServerMetadataRequest,
    ServerReadyRequest,
};
use lamp_model::raw;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest as Asked;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse as Told;

use super::kit::{Behaviour, DEADLINE, Fake, Running, plan};

type Client = GrpcInferenceServiceClient<Channel>;

async fn channel(running: &Running) -> Channel {
    Endpoint::from_shared(running.url.clone()).expect("an address").connect().await.expect("a connection")
}

async fn started(primary: Behaviour, shadow: Behaviour) -> (Running, Client) {
    let running = Running::with(primary, shadow).await.0;
    let client = Client::new(channel(&running).await);
    (running, client)
}

fn input(name: &str, datatype: &str, contents: Option<InferTensorContents>) -> InferInputTensor {
    let (name, datatype) = (name.to_owned(), datatype.to_owned());
    InferInputTensor { name, datatype, shape: vec![2], contents, ..InferInputTensor::default() }
}

/// Two rows, typed.
fn typed() -> ModelInferRequest {
    let carriers = InferTensorContents {
        bytes_contents: vec![b"UA"[..].into(), b"AA"[..].into()],
        ..InferTensorContents::default()
    };
    let temps = InferTensorContents { fp32_contents: vec![39.5, -4.0], ..InferTensorContents::default() };
    ModelInferRequest {
        model_name: "delay".to_owned(),
        id: "mine".to_owned(),
        inputs: vec![input("carrier", "BYTES", Some(carriers)), input("temp", "FP32", Some(temps))],
        ..ModelInferRequest::default()
    }
}

/// The same rows as bytes.
fn as_bytes() -> ModelInferRequest {
    let carriers = Values::Text(vec![Some("UA".to_owned()), Some("AA".to_owned())]);
    let temps = Values::Float(vec![Some(39.5), Some(-4.0)]);
    ModelInferRequest {
        inputs: vec![input("carrier", "BYTES", None), input("temp", "FP32", None)],
        raw_input_contents: vec![
            raw::encode(Datatype::Bytes, &carriers).into(),
            raw::encode(Datatype::Fp32, &temps).into(),
        ],
        ..typed()
    }
}

fn parameter(response: &ModelInferResponse, name: &str) -> ParameterChoice {
    let parameter = response.parameters.get(name).and_then(|parameter| parameter.parameter_choice.clone());
    parameter.unwrap_or_else(|| panic!("no parameter {name}: {response:?}"))
}

fn text(text: &str) -> ParameterChoice {
    ParameterChoice::StringParam(text.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_the_form_of_its_request() {
    let (running, mut client) = started(Behaviour::Answer(0.25), Behaviour::Answer(0.5)).await;
    let id = "0198c0de-0000-7000-8000-000000000001";
    let mut request = Request::new(typed());
    request.metadata_mut().insert("x-request-id", id.parse().expect("ASCII"));
    let response = client.model_infer(request).await.expect("an answer");
    let header = |name: &str| response.metadata().get(name).map(|value| value.to_str().expect("ASCII").to_owned());
    assert_eq!(header("x-request-id").as_deref(), Some(id));
    assert_eq!(header("x-served-by").as_deref(), Some("primary"));
    assert_eq!(header("x-route-epoch").as_deref(), Some("1"));
    let message = response.into_inner();
    assert_eq!(
        (message.model_name.as_str(), message.model_version.as_str(), message.id.as_str()),
        ("delay", "delay@3", "mine")
    );
    assert_eq!(parameter(&message, "request_id"), text(id));
    assert_eq!(parameter(&message, "route_epoch"), ParameterChoice::Int64Param(1));
    let output = &message.outputs[0];
    assert_eq!((output.name.as_str(), output.datatype.as_str(), &output.shape), ("probability", "FP64", &vec![2]));
    assert_eq!(output.contents.as_ref().expect("typed contents").fp64_contents, [0.25, 0.25]);
    assert!(message.raw_output_contents.is_empty());
    let message = client.model_infer(as_bytes()).await.expect("an answer").into_inner();
    assert_eq!(message.outputs[0].contents, None);
    let tensor = raw::decode("FP64", &message.raw_output_contents[0]);
    assert_eq!(tensor, Ok(Values::Float(vec![Some(0.25), Some(0.25)])));
    let logged = running.logged().await;
    assert_eq!(logged.len(), 4);
    assert_eq!(logged[0].inputs, logged[2].inputs, "typed or raw, it is the same row");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shadow_answers_over_grpc_too_and_says_why() {
    let (_running, mut client) = started(Behaviour::NotANumber, Behaviour::Answer(0.5)).await;
    let response = client.model_infer(typed()).await.expect("an answer");
    assert_eq!(response.metadata().get("x-fallback-reason").map(MetadataValue::as_bytes), Some(&b"nonfinite"[..]));
    let message = response.into_inner();
    assert_eq!(message.model_version, "delay-simple@1");
    assert_eq!(parameter(&message, "fallback_reason"), text("nonfinite"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_patience_cuts_the_deadline_and_never_makes_it_longer() {
    let (running, mut client) = started(Behaviour::Hang, Behaviour::Answer(0.5)).await;
    let mut slow = plan(Some(&Fake::new(Behaviour::Hang)), Some(&Fake::new(Behaviour::Answer(0.5))));
    slow.deadline = DEADLINE * 10;
    running.gateway.install(slow).expect("a plan");
    let start = Instant::now();
    let mut request = Request::new(typed());
    request.set_timeout(DEADLINE * 2);
    let message = client.model_infer(request).await.expect("an answer before the client gives up").into_inner();
    assert_eq!(parameter(&message, "fallback_reason"), text("timeout"));
    assert!(start.elapsed() > DEADLINE, "it is waited for the primary");
    let mut request = typed();
    let parameter_choice = Some(ParameterChoice::Int64Param(50));
    request.parameters.insert("deadline_ms".to_owned(), InferParameter { parameter_choice });
    let start = Instant::now();
    client.model_infer(request).await.expect("an answer in time");
    assert!(start.elapsed() < DEADLINE * 2, "{:?}", start.elapsed());
    let (_running, mut client) = started(Behaviour::Hang, Behaviour::Answer(0.5)).await;
    let start = Instant::now();
    let mut request = Request::new(typed());
    request.set_timeout(Duration::from_secs(30));
    client.model_infer(request).await.expect("an answer");
    assert!(start.elapsed() < DEADLINE * 5, "{:?}", start.elapsed());
}

fn told(status: &Status) -> String {
    assert!(status.metadata().contains_key("x-request-id"), "every answer has the request's id");
    format!("{:?}: {}", status.code(), status.message())
}

async fn check_error(client: &mut Client, change: impl FnOnce(&mut ModelInferRequest), expected: &Expect) {
    let mut request = typed();
    change(&mut request);
    let status = client.model_infer(request).await.expect_err("a wrong request");
    expected.assert_eq(&told(&status));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_refused_with_their_path() {
    let (running, mut client) = started(Behaviour::Answer(0.25), Behaviour::Answer(0.5)).await;
    let client = &mut client;
    check_error(
        client,
        |r| r.model_name = "other".to_owned(),
        &expect!["NotFound: no service of this name is served here (there is: delay)"],
    )
    .await;
    check_error(
        client,
        |r| r.model_version = "9".to_owned(),
        &expect!["NotFound: service `delay` has no such version (there is: delay@3, delay-simple@1)"],
    )
    .await;
    check_error(
        client,
        |r| r.inputs[1].shape = vec![3],
        &expect!["InvalidArgument: inputs[1].shape: expected [2], got [3]"],
    )
    .await;
    check_error(
        client,
        |r| r.inputs[1].datatype = "INT64".to_owned(),
        &expect!["InvalidArgument: inputs[1].data: expected 2 values, got 0"],
    )
    .await;
    check_error(
        client,
        |r| r.inputs[1].datatype = "FP16".to_owned(),
        &expect!["InvalidArgument: inputs[1].contents: FP16 has no typed contents; send it raw"],
    )
    .await;
    check_error(
        client,
        |r| r.inputs[1].datatype = "STRING".to_owned(),
        &expect!["InvalidArgument: inputs[1].contents: `STRING` is not a datatype of the protocol"],
    )
    .await;
    check_error(client, |r| r.inputs[1].contents = None, &expect!["InvalidArgument: inputs[1].contents: is missing"])
        .await;
    check_error(
        client,
        |r| r.raw_input_contents = vec![b"x"[..].into()],
        &expect!["InvalidArgument: raw_input_contents: 1 of them for 2 inputs"],
    )
    .await;
    check_error(
        client,
        |r| r.raw_input_contents = vec![b"x"[..].into(); 2],
        &expect!["InvalidArgument: inputs[0].contents: there are bytes for it too (raw_input_contents)"],
    )
    .await;
    check_error(
        client,
        |r| *r = ModelInferRequest { inputs: Vec::new(), ..typed() },
        &expect!["InvalidArgument: inputs: there is no tensor"],
    )
    .await;
    let wanted = |name: &str| InferRequestedOutputTensor { name: name.to_owned(), ..Default::default() };
    check_error(
        client,
        |r| r.outputs = vec![wanted("probability"), wanted("other")],
        &expect!["InvalidArgument: outputs[1].name: the model has no output `other`"],
    )
    .await;
    let shared = InferParameter { parameter_choice: Some(text("a")) };
    let named = |name: &str| [(name.to_owned(), shared.clone())].into();
    check_error(
        client,
        |r| r.inputs[0].parameters = named("classification"),
        &expect!["InvalidArgument: inputs[0].parameters.classification: outputs are given as they are"],
    )
    .await;
    check_error(
        client,
        |r| r.parameters = named("deadline_ms"),
        &expect!["InvalidArgument: parameters.deadline_ms: expected a whole number of milliseconds"],
    )
    .await;
    assert_eq!(running.state().invalid, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_and_overload_have_codes_of_their_own() {
    let (_running, mut client) = started(Behaviour::Fail, Behaviour::Fail).await;
    let status = client.model_infer(typed()).await.expect_err("no answer");
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().starts_with("service `delay` has no answer: primary delay@3: "), "{status:?}");
    let (_running, mut client) = started(Behaviour::Overload, Behaviour::Overload).await;
    let status = client.model_infer(typed()).await.expect_err("too much");
    assert_eq!(told(&status), "ResourceExhausted: service `delay` has too many requests under way");
    let mut request = typed();
    request.id = "x".repeat(9 * 1024 * 1024);
    let status = client.model_infer(request).await.expect_err("too long");
    assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "the body is longer than 8388608 bytes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_says_the_same_as_over_rest() {
    let (running, mut client) = started(Behaviour::Answer(0.25), Behaviour::Answer(0.5)).await;
    assert!(client.server_live(ServerLiveRequest {}).await.expect("an answer").into_inner().live);
    assert!(client.server_ready(ServerReadyRequest {}).await.expect("an answer").into_inner().ready);
    let server = client.server_metadata(ServerMetadataRequest {}).await.expect("an answer").into_inner();
    assert_eq!((server.name.as_str(), server.extensions.len()), ("lamplighter", 3));
    let (name, version) = ("delay".to_owned(), "delay@3".to_owned());
    let ready = ModelReadyRequest { name: name.clone(), version: version.clone() };
    assert!(client.model_ready(ready).await.expect("an answer").into_inner().ready);
    let request = ModelMetadataRequest { name: name.clone(), version: version.clone() };
    let metadata = client.model_metadata(request).await.expect("an answer").into_inner();
    assert_eq!(metadata.versions, ["delay@3", "delay-simple@1"]);
    assert_eq!((metadata.inputs[1].name.as_str(), &metadata.inputs[1].shape), ("temp", &vec![-1]));
    let request = ModelConfigRequest { name: name.clone(), version: version.clone() };
    let config = client.model_config(request).await.expect("an answer").into_inner().config.expect("a configuration");
    assert_eq!((&config.input[0].dims, config.input[0].data_type().as_str_name()), (&vec![-1], "TYPE_STRING"));
    assert!(config.input[1].optional);
    client.model_infer(typed()).await.expect("an answer");
    running.gateway.rotate().await;
    for (name, version, models) in [("delay", "delay@3", 1), ("delay", "", 3), ("", "", 3)] {
        let request = ModelStatisticsRequest { name: name.to_owned(), version: version.to_owned() };
        let stats = client.model_statistics(request).await.expect("an answer").into_inner().model_stats;
        assert_eq!((stats.len(), stats[0].inference_count, stats[0].execution_count), (models, 2, 1));
    }
    let unknown = ModelReadyRequest { name: "other".to_owned(), version: String::new() };
    assert_eq!(client.model_ready(unknown).await.expect_err("unknown").code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_can_be_asked_and_watched() {
    let (running, primary, shadow) = Running::with(Behaviour::Answer(0.3), Behaviour::Fail).await;
    let mut client = HealthClient::new(channel(&running).await);
    let of = |service: &str| HealthCheckRequest { service: service.to_owned() };
    for name in ["", "inference.GRPCInferenceService", "delay"] {
        let answer = client.check(of(name)).await.expect("an answer").into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{name}");
    }
    assert_eq!(client.check(of("other")).await.expect_err("unknown").code(), Code::NotFound);
    let mut changes = client.watch(of("delay")).await.expect("an answer").into_inner();
    let mut next = async || changes.message().await.expect("no error").expect("a change").status();
    assert_eq!(next().await, ServingStatus::Serving);
    primary.behave(Behaviour::Fail);
    assert_eq!(next().await, ServingStatus::NotServing);
    shadow.behave(Behaviour::Answer(0.2));
    assert_eq!(next().await, ServingStatus::Serving);
    assert!(running.gateway.remove(&super::kit::service()));
    assert_eq!(next().await, ServingStatus::ServiceUnknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_the_services_and_their_description() {
    let running = Running::new().await;
    let mut client = ServerReflectionClient::new(channel(&running).await);
    let ask = |message_request| {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(message_request) };
        futures::stream::iter([request])
    };
    let mut answers =
        client.server_reflection_info(ask(Asked::ListServices(String::new()))).await.expect("answers").into_inner();
    let answer = answers.message().await.expect("no error").expect("an answer").message_response;
    let Some(Told::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&"inference.GRPCInferenceService".to_owned()), "{names:?}");
    assert!(names.contains(&"grpc.health.v1.Health".to_owned()), "{names:?}");
    let symbol = Asked::FileContainingSymbol("inference.GRPCInferenceService.ModelInfer".to_owned());
    let mut answers = client.server_reflection_info(ask(symbol)).await.expect("answers").into_inner();
    let answer = answers.message().await.expect("no error").expect("an answer").message_response;
    assert!(matches!(answer, Some(Told::FileDescriptorResponse(_))), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_calls_and_hosts_get_a_status() {
    let (running, _client) = started(Behaviour::Answer(0.25), Behaviour::Answer(0.5)).await;
    let channel = Endpoint::from_shared(running.url.clone()).expect("an address");
    let evil =
        channel.origin("http://evil.example".parse().expect("an address")).connect().await.expect("a connection");
    let status = Client::new(evil).server_live(ServerLiveRequest {}).await.expect_err("another name");
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().starts_with("this gateway is not called `evil.example`"), "{status:?}");
    let response = running.get("/inference.GRPCInferenceService/ServerLive").await;
    assert_eq!((response.status, response.json()["error"].is_string()), (405, true), "a GET is no call");
}
