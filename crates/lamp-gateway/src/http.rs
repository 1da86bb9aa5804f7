//! Predictions over HTTP. gRPC is HTTP too, and comes in at the same port.

mod address;
mod binary;
pub(crate) mod body;
pub(crate) mod host;
pub(crate) mod labels;
mod metrics;
mod oip;
mod openapi;
mod predict;
mod reply;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};

use crate::gateway::Gateway;
use crate::grpc;
use host::HostPolicy;

pub(crate) fn router(gateway: Gateway, hosts: HostPolicy) -> Router {
    let router = Router::new()
        .route("/v2", get(oip::server))
        .route("/v2/", get(oip::server))
        .route("/v2/health/live", get(oip::live))
        .route("/v2/health/ready", get(oip::ready))
        .route("/openapi.json", get(openapi::describe))
        .route("/metrics", get(metrics::metrics))
        .route("/predict/{service}", post(predict::predict))
        .route("/v2/models/{service}/labels", post(labels::take));
    let router = with_model(router, "/v2/models/{service}");
    let router = with_model(router, "/v2/models/{service}/versions/{version}");
    grpc::with_calls(router, &gateway)
        .fallback(reply::no_such_page)
        .method_not_allowed_fallback(reply::wrong_method)
        // The handlers read the body themselves, within bounds of their own.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(hosts, host::guard))
        .with_state(gateway)
}

/// What can be asked of a model at `address`.
fn with_model(router: Router<Gateway>, address: &str) -> Router<Gateway> {
    router
        .route(address, get(oip::model))
        .route(&format!("{address}/ready"), get(oip::model_ready))
        .route(&format!("{address}/config"), get(oip::model_config))
        .route(&format!("{address}/stats"), get(oip::model_stats))
        .route(&format!("{address}/infer"), post(oip::infer))
}
