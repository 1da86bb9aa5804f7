//! `/api/v1/metrics`

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::routing::get;
use lamp_app::metrics::glance::ModelGlance;
use lamp_app::metrics::view::MetricsView;
use serde::Serialize;

use crate::failure::Failure;
use crate::pages::metrics::Asked;
use crate::pages::query;
use crate::site::{Routes, Site};

pub(crate) fn routes() -> Routes {
    Routes::new().route("/api/v1/metrics", get(show)).route("/api/v1/glance", get(glance))
}

#[derive(Serialize)]
struct Metrics {
    services: Vec<MetricsView>,
}

/// Every serving model in a line.
#[derive(Serialize)]
struct Glance {
    models: Vec<ModelGlance>,
}

async fn show(site: Site, asked: Result<Query<Asked>, QueryRejection>) -> Result<Json<Metrics>, Failure> {
    Ok(Json(Metrics { services: site.app().metrics(&query(asked)?.request()?).await? }))
}

async fn glance(site: Site) -> Result<Json<Glance>, Failure> {
    Ok(Json(Glance { models: site.app().models_at_a_glance().await? }))
}
