//! `/api/v1/datasets` and `/api/v1/histograms`

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query};
use axum::routing::get;
use lamp_app::data::overview::DatasetCard;
use lamp_app::data::view::DatasetView;
use lamp_app::histograms::HistogramView;
use lamp_app::paging::PageNumber;
use lamp_core::names::DatasetName;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::looking::Asked as AskedLook;
use crate::pages::query;
use crate::site::{Routes, Site};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .route("/api/v1/datasets", get(list))
        .route("/api/v1/datasets/{*name}", get(show))
        .route("/api/v1/histograms/{*name}", get(histograms))
}

/// Every dataset.
#[derive(Serialize)]
struct DatasetList {
    datasets: Vec<DatasetCard>,
}

/// Which version, and which page of the versions.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    version: Option<u32>,
    page: Option<u32>,
}

async fn list(site: Site) -> Result<Json<DatasetList>, Failure> {
    Ok(Json(DatasetList { datasets: site.app().datasets_overview().await? }))
}

async fn show(
    site: Site,
    Path(name): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<DatasetView>, Failure> {
    let (dataset, asked) = (DatasetName::parse(&name)?, query(asked)?);
    let page = PageNumber::new(asked.page.unwrap_or(1));
    Ok(Json(site.app().show_dataset(&dataset, asked.version, page).await?))
}

async fn histograms(
    site: Site,
    Path(name): Path<String>,
    asked: Result<Query<AskedLook>, QueryRejection>,
) -> Result<Json<HistogramView>, Failure> {
    let (dataset, asked) = (DatasetName::parse(&name)?, query(asked)?);
    Ok(Json(site.app().histograms(&asked.look(&dataset)?).await?))
}
