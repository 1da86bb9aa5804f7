//! Bodies, headers and errors that both protocols share.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::Request as HttpRequest;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lamp_core::ids::RequestId;
use serde_json::json;
use tokio::time::Instant;

use super::body;
use crate::answer::NoAnswer;
use crate::gateway::Gateway;
use crate::headers::{REQUEST_ID, put, request_id};
use crate::refusal::{Refusal, find_service};
use crate::service::Service;

fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::NotFound(_) => StatusCode::NOT_FOUND,
        Refusal::Invalid(_) => StatusCode::BAD_REQUEST,
        Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Refusal::Encoded(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Refusal::NoAnswer(NoAnswer::Overload(_)) => StatusCode::TOO_MANY_REQUESTS,
        Refusal::NotKept(_) | Refusal::NoAnswer(NoAnswer::Failed { .. } | NoAnswer::Log(_)) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

pub(super) fn refused(refusal: &Refusal) -> Response {
    error(status(refusal), &refusal.to_string())
}

/// An error in the protocol's shape.
pub(super) fn error(status: StatusCode, message: &str) -> Response {
    let mut response = (status, Json(json!({"error": message}))).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

pub(super) async fn no_such_page() -> Response {
    error(StatusCode::NOT_FOUND, "there is nothing here; see GET /openapi.json")
}

pub(super) async fn wrong_method() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "this address takes another method")
}

/// A request as it came in, before its body is understood.
pub(super) struct Incoming {
    pub(super) gateway: Gateway,
    pub(super) service: Arc<Service>,
    pub(super) id: RequestId,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) started: Instant,
}

/// Reads a request, has it answered by `act`, and dresses the outcome: errors get the protocol's
/// shape, and every response the request's id.
pub(super) async fn handle<F, A>(gateway: Gateway, service: &str, request: HttpRequest, act: A) -> Response
where
    A: FnOnce(Incoming) -> F,
    F: Future<Output = Result<Response, Refusal>>,
{
    let (Parts { headers, .. }, body) = request.into_parts();
    let id = request_id(&gateway, headers.get(&REQUEST_ID).map(HeaderValue::as_bytes));
    let outcome = match find_service(&gateway, service) {
        Err(refusal) => Err(refusal),
        Ok(service) => {
            let counted = Arc::clone(&service);
            let outcome = match body::read(&headers, body).await {
                // A client's slow line is no reason to cut the models' time.
                Ok(body) => act(Incoming { gateway, service, id, headers, body, started: Instant::now() }).await,
                Err(refusal) => Err(refusal),
            };
            outcome.inspect_err(|refusal| refusal.count(&counted))
        }
    };
    let mut response = outcome.unwrap_or_else(|refusal| refused(&refusal));
    put(response.headers_mut(), &REQUEST_ID, &id.to_string());
    response
}
