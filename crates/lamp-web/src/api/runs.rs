//! `/api/v1/runs`

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query};
use axum::routing::get;
use lamp_app::paging::{Page, PageNumber};
use lamp_core::registry::ModelVersion;
use lamp_core::run::Run;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::pages::query;
use crate::site::{Routes, Site};

pub(crate) fn routes() -> Routes {
    Routes::new().route("/api/v1/runs", get(list)).route("/api/v1/runs/{id}", get(show))
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    page: Option<u32>,
}

/// A run and the version that it made.
#[derive(Serialize)]
struct RunBody {
    run: Run,
    model: Option<ModelVersion>,
}

async fn list(site: Site, asked: Result<Query<Asked>, QueryRejection>) -> Result<Json<Page<Run>>, Failure> {
    Ok(Json(site.app().runs_page(PageNumber::new(query(asked)?.page.unwrap_or(1))).await?))
}

async fn show(site: Site, Path(id): Path<String>) -> Result<Json<RunBody>, Failure> {
    let view = site.app().show_run(&id).await?;
    Ok(Json(RunBody { run: view.run, model: view.model }))
}
