//! Predictions over HTTP.

pub(crate) mod host;
mod oip;
mod predict;
mod reply;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};

use crate::gateway::Gateway;
use host::HostPolicy;

/// Longest request body, in bytes.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

pub(crate) fn router(gateway: Gateway, hosts: HostPolicy) -> Router {
    Router::new()
        .route("/v2", get(oip::server))
        .route("/v2/", get(oip::server))
        .route("/v2/health/live", get(oip::live))
        .route("/v2/health/ready", get(oip::ready))
        .route("/v2/models/{service}", get(oip::model))
        .route("/v2/models/{service}/ready", get(oip::model_ready))
        .route("/v2/models/{service}/infer", post(oip::infer))
        .route("/v2/models/{service}/versions/{version}", get(oip::model))
        .route("/v2/models/{service}/versions/{version}/ready", get(oip::model_ready))
        .route("/v2/models/{service}/versions/{version}/infer", post(oip::infer))
        .route("/predict/{service}", post(predict::predict))
        .fallback(reply::no_such_page)
        .method_not_allowed_fallback(reply::wrong_method)
        // The handlers read the body themselves, up to `BODY_BYTES_MAX`.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(hosts, host::guard))
        .with_state(gateway)
}
