//! The protocol over gRPC: the same services, limits and answers as over REST.

mod health;
mod inference;
mod tensors;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use tonic::codegen::Service;
use tonic::{Code, Status};
use tonic_health::pb::health_server::{HealthServer, SERVICE_NAME as HEALTH};
use tonic_reflection::server::Builder;

use crate::answer::NoAnswer;
use crate::gateway::Gateway;
use crate::http::body;
use crate::proto::DESCRIPTORS;
use crate::proto::grpc_inference_service_server::{GrpcInferenceServiceServer, SERVICE_NAME as INFERENCE};
use crate::refusal::{BODY_BYTES_MAX, Refusal};
use health::Watched;
use inference::Inference;

/// What the two versions of reflection are called.
const REFLECTION: &str = "grpc.reflection.v1.ServerReflection";
const REFLECTION_ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";

/// Adds the calls of inference, health and reflection.
pub(crate) fn with_calls(router: Router<Gateway>, gateway: &Gateway) -> Router<Gateway> {
    let inference = GrpcInferenceServiceServer::new(Inference(gateway.clone()))
        .max_decoding_message_size(BODY_BYTES_MAX)
        .max_encoding_message_size(usize::MAX);
    let router = router
        .route(&address(INFERENCE), calls(inference).layer(middleware::from_fn(whole)))
        .route(&address(HEALTH), calls(HealthServer::new(Watched(gateway.clone()))));
    let described = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    match (described().build_v1(), described().build_v1alpha()) {
        (Ok(v1), Ok(alpha)) => {
            router.route(&address(REFLECTION), calls(v1)).route(&address(REFLECTION_ALPHA), calls(alpha))
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "gRPC has no reflection: its own description cannot be read");
            router
        }
    }
}

fn address(service: &str) -> String {
    format!("/{service}/{{call}}")
}

fn calls<S>(service: S) -> MethodRouter<Gateway>
where
    S: Service<Request, Error = std::convert::Infallible> + Clone + Send + Sync + 'static,
    S::Response: IntoResponse + 'static,
    S::Future: Send + 'static,
{
    axum::routing::post_service(service)
}

/// Reads a call's message whole, within the bounds of any body, before it is looked at.
async fn whole(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match body::read(&parts.headers, body).await {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(refusal) => status(&refusal).into_http(),
    }
}

/// Whether a request is a gRPC call, which wants its errors as such.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.starts_with("application/grpc"))
}

/// A call that is not for this gateway to answer.
pub(crate) fn refused_at_the_door(message: String) -> Response {
    Status::permission_denied(message).into_http()
}

fn status(refusal: &Refusal) -> Status {
    let code = match refusal {
        Refusal::NotFound(_) => Code::NotFound,
        Refusal::Invalid(_) => Code::InvalidArgument,
        Refusal::TooLarge | Refusal::NoAnswer(NoAnswer::Overload(_)) => Code::ResourceExhausted,
        Refusal::TooSlow => Code::DeadlineExceeded,
        Refusal::Encoded(_) => Code::Unimplemented,
        Refusal::NotKept(_) | Refusal::NoAnswer(NoAnswer::Failed { .. } | NoAnswer::Log(_)) => Code::Unavailable,
    };
    Status::new(code, refusal.to_string())
}
