//! Headers that every answer has, over REST and gRPC alike.

use axum::http::HeaderName;
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

/// Who answered, and why not the primary. A prediction id only where there is one row.
pub(crate) fn about(answered: &Answered) -> impl Iterator<Item = (HeaderName, String)> {
    let only_id = match answered.ids.as_slice() {
        [only] => Some((PREDICTION_ID, only.to_string())),
        _ => None,
    };
    let reason = answered.reason.map(|reason| (FALLBACK_REASON, reason.as_str().to_owned()));
    let always = [
        (MODEL_VERSION, answered.model.to_string()),
        (SERVED_BY, answered.served_by.as_str().to_owned()),
        (ROUTE_EPOCH, answered.epoch.to_string()),
    ];
    always.into_iter().chain(reason).chain(only_id)
}
