//! `/api/v1/shift`, `/api/v1/duties` and `/api/v1/rota`

use axum::Json;
use axum::extract::Path;
use axum::routing::get;
use lamp_app::duties::list::{DutyHistory, DutyView, MyShift};
use lamp_app::rota::RotaView;
use serde::Serialize;

use crate::failure::Failure;
use crate::site::{Routes, Site};

/// Duties in the list.
const LISTED_MAX: u32 = 100;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .route("/api/v1/shift", get(shift))
        .route("/api/v1/duties", get(list))
        .route("/api/v1/duties/{id}", get(show))
        .route("/api/v1/rota", get(rota))
}

#[derive(Serialize)]
struct Duties {
    duties: Vec<DutyView>,
}

#[derive(Serialize)]
struct Rotas {
    rotas: Vec<RotaView>,
}

async fn shift(site: Site) -> Result<Json<MyShift>, Failure> {
    Ok(Json(site.app().my_shift().await?))
}

async fn list(site: Site) -> Result<Json<Duties>, Failure> {
    Ok(Json(Duties { duties: site.app().list_duties(LISTED_MAX).await? }))
}

async fn show(site: Site, Path(id): Path<String>) -> Result<Json<DutyHistory>, Failure> {
    Ok(Json(site.app().show_duty(&id).await?))
}

async fn rota(site: Site) -> Result<Json<Rotas>, Failure> {
    Ok(Json(Rotas { rotas: site.app().rotas().await? }))
}
