//! `/api/v1/models`

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::routing::{get, post};
use lamp_app::paging::{Page, PageNumber};
use lamp_app::registry::list::ModelLine;
use lamp_app::registry::view::ModelView;
use lamp_core::digest::Digest;
use lamp_core::error::Kind;
use lamp_core::names::ModelName;
use lamp_core::registry::Approval;
use serde::{Deserialize, Serialize};

use crate::deciding::{self, Asked as AskedDecision};
use crate::failure::Failure;
use crate::pages::query;
use crate::site::{Routes, Site};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .route("/api/v1/models", get(list))
        .route("/api/v1/models/{reference}", get(show))
        .route("/api/v1/models/{reference}/decide", post(decide))
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    model: String,
    page: Option<u32>,
}

/// A version, the digest of its report, and what stands in the way of the caller's approval.
#[derive(Serialize)]
struct ModelBody {
    #[serde(flatten)]
    view: ModelView,
    report: Digest,
    obstacle: Option<String>,
}

/// What was signed.
#[derive(Serialize)]
struct Signed {
    approval: Approval,
}

async fn list(site: Site, asked: Result<Query<Asked>, QueryRejection>) -> Result<Json<Page<ModelLine>>, Failure> {
    let asked = query(asked)?;
    let series = match asked.model.trim() {
        "" => None,
        name => Some(ModelName::parse(name)?),
    };
    Ok(Json(site.app().models_page(series.as_ref(), PageNumber::new(asked.page.unwrap_or(1))).await?))
}

async fn show(site: Site, Path(reference): Path<String>) -> Result<Json<ModelBody>, Failure> {
    let report = site.app().model_report(&reference).await?;
    let obstacle = report.obstacle.map(|obstacle| obstacle.to_string());
    Ok(Json(ModelBody { report: report.view.model.evidence.digest(), view: report.view, obstacle }))
}

async fn decide(
    site: Site,
    Path(reference): Path<String>,
    body: Result<Json<AskedDecision>, JsonRejection>,
) -> Result<Json<Signed>, Failure> {
    let Json(asked) = body.map_err(|rejection| Failure::new(Kind::Invalid, rejection.body_text()))?;
    Ok(Json(Signed { approval: deciding::decide(&site, &reference, asked).await? }))
}
