//! `/api/v1/incidents`

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::routing::{get, post};
use lamp_app::incidents::IncidentView;
use lamp_core::error::Kind;
use lamp_core::surprise::Decision;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::pages::query;
use crate::site::{Routes, Site};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .route("/api/v1/incidents", get(list))
        .route("/api/v1/incidents/{id}", get(show))
        .route("/api/v1/incidents/{id}/ack", post(acknowledge))
        .route("/api/v1/incidents/{id}/resolve", post(resolve))
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    /// Those that are over as well.
    #[serde(default)]
    all: bool,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    #[serde(default)]
    note: String,
    #[serde(default, rename = "as")]
    decision: Option<Decision>,
}

#[derive(Serialize)]
struct IncidentList {
    incidents: Vec<IncidentView>,
}

#[derive(Serialize)]
struct IncidentBody {
    incident: IncidentView,
}

async fn list(site: Site, asked: Result<Query<Asked>, QueryRejection>) -> Result<Json<IncidentList>, Failure> {
    Ok(Json(IncidentList { incidents: site.app().incidents(query(asked)?.all).await? }))
}

async fn show(site: Site, Path(id): Path<String>) -> Result<Json<IncidentBody>, Failure> {
    Ok(Json(IncidentBody { incident: site.app().show_incident(&id).await? }))
}

async fn acknowledge(site: Site, Path(id): Path<String>) -> Result<Json<IncidentBody>, Failure> {
    Ok(Json(IncidentBody { incident: site.app().ack_incident(&id).await? }))
}

async fn resolve(
    site: Site,
    Path(id): Path<String>,
    body: Result<Json<Resolve>, JsonRejection>,
) -> Result<Json<IncidentBody>, Failure> {
    let Json(sent) = body.map_err(|rejection| Failure::new(Kind::Invalid, rejection.body_text()))?;
    Ok(Json(IncidentBody { incident: site.app().resolve_incident(&id, &sent.note, sent.decision).await? }))
}
