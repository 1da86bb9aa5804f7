//! Bodies, headers and errors that both protocols share.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::Request as HttpRequest;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use lamp_core::ids::RequestId;
use lamp_core::names::ServiceName;
use lamp_model::{Batch, InputError};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::BODY_BYTES_MAX;
use crate::answer::{Answered, NoAnswer, Request, answer};
use crate::gateway::{DEADLINE_MAX, Gateway};
use crate::service::Service;

/// A body that takes longer to arrive is given up.
const BODY_WITHIN: Duration = Duration::from_secs(30);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PREDICTION_ID: HeaderName = HeaderName::from_static("x-prediction-id");
const MODEL_VERSION: HeaderName = HeaderName::from_static("x-model-version");
const SERVED_BY: HeaderName = HeaderName::from_static("x-served-by");
const FALLBACK_REASON: HeaderName = HeaderName::from_static("x-fallback-reason");
const ROUTE_EPOCH: HeaderName = HeaderName::from_static("x-route-epoch");

/// Why a request is refused or has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Invalid(String),
    #[error("the body is longer than {BODY_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the body did not arrive within {} s", BODY_WITHIN.as_secs())]
    TooSlow,
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
}

impl From<InputError> for Refusal {
    fn from(error: InputError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::NoAnswer(NoAnswer::Overload(_)) => StatusCode::TOO_MANY_REQUESTS,
            Self::NoAnswer(NoAnswer::Failed { .. } | NoAnswer::Log(_)) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
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
    error(StatusCode::NOT_FOUND, "there is nothing here; see GET /v2 and POST /predict/SERVICE")
}

pub(super) async fn wrong_method() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "this address takes another method")
}

/// A request as it came in, before its body is understood.
pub(super) struct Incoming {
    pub(super) gateway: Gateway,
    pub(super) service: Arc<Service>,
    pub(super) id: RequestId,
    pub(super) body: Bytes,
    started: Instant,
}

impl Incoming {
    /// Asks the service; `deadline_ms` is the client's own, if it has one.
    pub(super) async fn ask(&self, batch: Batch, deadline_ms: Option<u64>) -> Result<Answered, Refusal> {
        let deadline = deadline_ms.map_or(self.service.deadline, Duration::from_millis);
        if deadline.is_zero() || deadline > DEADLINE_MAX {
            let max = DEADLINE_MAX.as_millis();
            return Err(Refusal::Invalid(format!("deadline_ms: it must be between 1 and {max}")));
        }
        let request = Request { id: self.id, batch: Arc::new(batch), started: self.started, deadline };
        Ok(answer(&self.gateway.0, &self.service, request).await?)
    }
}

/// Finds the service named in a path.
pub(super) fn find_service(gateway: &Gateway, name: &str) -> Result<Arc<Service>, Refusal> {
    let service = ServiceName::parse(name).ok().and_then(|name| gateway.0.find(&name));
    service.ok_or_else(|| {
        let known = gateway.0.services().keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "none".to_owned() } else { known };
        Refusal::NotFound(format!("no service of this name is served here (there is: {known})"))
    })
}

/// Reads a request, has it answered by `act`, and dresses the outcome: errors get the protocol's
/// shape, and every response the request's id.
pub(super) async fn handle<F, A>(gateway: Gateway, service: &str, request: HttpRequest, act: A) -> Response
where
    A: FnOnce(Incoming) -> F,
    F: Future<Output = Result<Response, Refusal>>,
{
    let id = request_id(&gateway, request.headers());
    let outcome = match find_service(&gateway, service) {
        Err(refusal) => Err(refusal),
        Ok(service) => {
            let counters = Arc::clone(&service.counters);
            let outcome = match read_body(request.into_body()).await {
                // A client's slow line is no reason to cut the models' time.
                Ok(body) => act(Incoming { gateway, service, id, body, started: Instant::now() }).await,
                Err(refusal) => Err(refusal),
            };
            if matches!(outcome, Err(Refusal::Invalid(_) | Refusal::TooLarge | Refusal::TooSlow)) {
                counters.invalid.fetch_add(1, Ordering::Relaxed);
            }
            outcome
        }
    };
    let mut response = outcome.unwrap_or_else(|refusal| error(refusal.status(), &refusal.to_string()));
    put(response.headers_mut(), REQUEST_ID, &id.to_string());
    response
}

async fn read_body(body: Body) -> Result<Bytes, Refusal> {
    let Ok(read) = timeout(BODY_WITHIN, Limited::new(body, BODY_BYTES_MAX).collect()).await else {
        return Err(Refusal::TooSlow);
    };
    match read {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(Refusal::TooLarge),
        Err(error) => Err(Refusal::Invalid(format!("the body broke off: {error}"))),
    }
}

/// The client's own id, if it is a UUID; else a new one.
fn request_id(gateway: &Gateway, headers: &HeaderMap) -> RequestId {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).and_then(RequestId::parse);
    given.unwrap_or_else(|| RequestId::new(gateway.0.clock.now(), &*gateway.0.ids))
}

/// A body with the headers that say who answered.
pub(super) fn answered(answered: &Answered, body: &Value) -> Response {
    let mut response = Json(body).into_response();
    let headers = response.headers_mut();
    put(headers, MODEL_VERSION, &answered.model.to_string());
    put(headers, SERVED_BY, answered.served_by.as_str());
    put(headers, ROUTE_EPOCH, &answered.epoch.to_string());
    if let Some(reason) = answered.reason {
        put(headers, FALLBACK_REASON, reason.as_str());
    }
    if let [only] = answered.ids.as_slice() {
        put(headers, PREDICTION_ID, &only.to_string());
    }
    response
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Ids, names and numbers are visible ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
