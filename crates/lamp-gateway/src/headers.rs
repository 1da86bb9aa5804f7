//! Headers that every answer has, over REST and gRPC alike.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use lamp_core::ids::RequestId;

use crate::answer::Answered;
use crate::gateway::Gateway;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PREDICTION_ID: HeaderName = HeaderName::from_static("x-prediction-id");
const MODEL_VERSION: HeaderName = HeaderName::from_static("x-model-version");
const SERVED_BY: HeaderName = HeaderName::from_static("x-served-by");
const FALLBACK_REASON: HeaderName = HeaderName::from_static("x-fallback-reason");
const ROUTE_EPOCH: HeaderName = HeaderName::from_static("x-route-epoch");

/// The client's own id, if it is a UUID; else a new one.
pub(crate) fn request_id(gateway: &Gateway, given: Option<&[u8]>) -> RequestId {
    let given = given.and_then(|bytes| std::str::from_utf8(bytes).ok()).and_then(RequestId::parse);
    given.unwrap_or_else(|| RequestId::new(gateway.0.clock.now(), &*gateway.0.ids))
}

pub(crate) fn put(headers: &mut HeaderMap, name: &HeaderName, value: &str) {
    // Ids, names and numbers are visible ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Says who answered, and why not the primary. A prediction id only where there is one row.
pub(crate) fn say_who(headers: &mut HeaderMap, answered: &Answered) {
    put(headers, &MODEL_VERSION, &answered.model.to_string());
    put(headers, &SERVED_BY, answered.served_by.as_str());
    put(headers, &ROUTE_EPOCH, &answered.epoch.to_string());
    if let Some(reason) = answered.reason {
        put(headers, &FALLBACK_REASON, reason.as_str());
    }
    if let [only] = answered.ids.as_slice() {
        put(headers, &PREDICTION_ID, &only.to_string());
    }
}
